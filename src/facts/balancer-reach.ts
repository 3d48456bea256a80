// Whether the balancer's connections reach a backend: what the backend's firewall does with them, and which failures show that they never
// came through.
import type { Scene } from '../model/cause.ts';
import type { Measured } from '../model/evidence.ts';
import type { Citation } from '../model/finding.ts';
import { splitAddress } from '../model/site.ts';
import type { Symptom } from '../model/symptom.ts';
import { say } from '../model/text.ts';
import type { TraceHop } from '../model/trace.ts';
import { balancerSources, isProxied } from './balancer-sources.ts';
import type { BalancerSource } from './balancer-sources.ts';
import { isFailure } from './failure.ts';
import { evaluateArrival, firewallWasRead, synPacket } from './firewall.ts';
import type { Decision, Verdict } from './firewall.ts';
import { interfaceOf } from './routes.ts';
import { backendRequests, symptomsAt } from './scene.ts';
import { tryAt } from './traces.ts';
import { isPoolName } from './tries.ts';
import type { Sent } from './scene.ts';

type Looks = Scene<'requests' | 'backend-requests' | 'logs' | 'firewall' | 'routes' | 'haproxy-config' | 'nginx-config'>;

/** What a backend's firewall does with the balancer's connections. */
export interface Passage {
  readonly evidence: Measured<'firewall'>;
  /** The decision for every source that was tried. */
  readonly decisions: readonly { readonly source: BalancerSource; readonly decision: Decision }[];
  /** Decisions of one verdict, and whether it is that of every source and certain. */
  of(verdict: Verdict): {
    readonly some: readonly { readonly source: BalancerSource; readonly decision: Decision }[];
    readonly certain: boolean;
  };
  readonly port: number;
}

/** Null where the rules were not read or the balancer's addresses are not known. */
export function passageTo(scene: Looks, backend: string): Passage | null {
  const evidence = scene.one('firewall', backend);
  const target = scene.site.backends.find((each) => each.name === backend);
  if (evidence === undefined || target === undefined || !firewallWasRead(evidence.data)) return null;
  const { host, port } = splitAddress(target.address);
  const routes = scene.one('routes', backend)?.data;
  const iif = routes === undefined ? null : interfaceOf(routes, host);
  const dport = port ?? 80;
  const decisions = balancerSources(scene, backend).map((source) => ({
    source,
    decision: evaluateArrival(
      evidence.data,
      synPacket({ hook: 'input', saddr: source.address, daddr: host, dport, iif }),
      routes === undefined ? {} : { routes },
    ),
  }));
  if (decisions.length === 0) return null;
  return {
    evidence,
    decisions,
    port: dport,
    of(verdict) {
      const some = decisions.filter(({ decision }) => decision.verdict === verdict);
      return { some, certain: some.length === decisions.length };
    },
  };
}

/** What decided: a rule or a chain's policy, in words and as a place in the evidence. */
export interface Decider {
  readonly text: string;
  /** `inet filter/input`. */
  readonly where: string;
  readonly packetsNow: number | null;
  readonly packetsDelta: number | null;
  readonly citation: Citation;
}

/** Names the rule or policy behind a decision; null where nothing held the packet up. */
export function deciderOf(evidence: Measured<'firewall'>, { rule, policy, engine, rejectWith }: Decision): Decider | null {
  const decider = rule ?? policy;
  if (decider === null) return null;
  const where = `${engine === 'iptables' ? 'iptables' : decider.family} ${decider.table}/${decider.chain}`;
  // Figures inside the rule's own text would be told twice.
  const text = rule?.text.replace(/ counter packets \d+ bytes \d+/, ' counter') ?? `policy ${rejectWith === null ? 'drop' : 'reject'}`;
  const { packetsNow, packetsDelta } = decider;
  const counted =
    packetsNow === null
      ? say('it has no counter', '该规则没有计数器')
      : packetsDelta === null
        ? say(`it has counted ${packetsNow} packets`, `已计 ${packetsNow} 个包`)
        : say(
            `its counter rose by ${packetsDelta} to ${packetsNow} packets while our requests ran`,
            `我们的请求期间其计数器增加 ${packetsDelta}，达到 ${packetsNow} 个包`,
          );
  const says = say(`${where}: ${text} (${counted.en})`, `${where}：${text}（${counted.zh}）`);
  return { text, where, packetsNow, packetsDelta, citation: { evidence: evidence.id, path: decider.pointer, says } };
}

/** A symptom that the balancer made because it got no connection to this backend. */
export interface Unreached {
  readonly symptom: Symptom;
  /** The balancer's lines of failing requests that it tried to bring to this backend. Empty where its log could not be read or tried none. */
  readonly tried: readonly TraceHop[];
  /** Its lines of requests for which it had no backend left. */
  readonly noServer: readonly TraceHop[];
}

/**
 * Symptoms that a backend which cannot be connected to can have made. Those of which a log proves that the backend, or another one, got the
 * request are left out, and those of listeners that send the client's own packets on.
 */
export function unreachedSymptoms(scene: Looks, backend: string): readonly Unreached[] {
  const balancer = scene.site.balancer?.name;
  const arrived = new Set((scene.one('logs', backend)?.data.access ?? []).flatMap(({ nonce }) => (nonce === null ? [] : [nonce])));
  return symptomsAt(scene, backend).flatMap((symptom): readonly Unreached[] => {
    const { status, error, answeredBy } = symptom;
    const connecting = status === null ? error === 'timeout' : status === 502 || status === 503 || status === 504;
    if (!connecting || answeredBy.hop === 'backend' || !isProxied(scene, symptom.listenerPort)) return [];
    const nonces = symptom.exchanges.map((each) => each.nonce);
    const traces = scene.traces.filter((trace) => nonces.includes(trace.nonce));
    const hops = traces.flatMap((trace) =>
      trace.hops
        .filter((hop) => hop.host === balancer)
        .map((hop) => ({ hop, tried: trace.tried, at: tryAt(scene.site, hop.line, backend) })),
    );
    const noServer = hops.filter(({ hop }) => hasNoServer(hop)).map(({ hop }) => hop);
    const tried = hops.filter((each) => each.tried.includes(backend) && each.at?.connected === false).map(({ hop }) => hop);
    // Many logs name neither the backend nor the time to connect: such a line rules nothing out.
    const open = hops.filter((each) =>
      each.tried.length === 0
        ? each.hop.line.haproxy === null && each.hop.line.upstream === null
        : each.tried.includes(backend) && each.at?.connected == null,
    );
    const elsewhere = hops.length > 0 && open.length === 0 && tried.length === 0 && noServer.length === 0;
    if (elsewhere || (tried.length === 0 && nonces.every((nonce) => arrived.has(nonce)))) return [];
    return [{ symptom, tried, noServer }];
  });
}

/** Whether the balancer had no backend to try: HAProxy's `<NOSRV>`, nginx's name of the upstream block in the place of an address. */
function hasNoServer({ line }: TraceHop): boolean {
  if (line.haproxy !== null) return line.haproxy.server === '<NOSRV>';
  const last = line.upstream?.addresses.at(-1);
  return last !== undefined && isPoolName(last);
}

/** The same page asked from the balancer and from the backend itself: what came of each. */
export interface BothSides {
  /** Requests from the balancer's host that ended before they were connected. */
  readonly fromBalancer: readonly Sent[];
  /** The backend's request to itself, answered or at least connected. */
  readonly itself: Sent | null;
}

export function bothSides(scene: Scene<'backend-requests'>, backend: string): BothSides {
  const balancer = scene.site.balancer?.name;
  const fromBalancer =
    balancer === undefined
      ? []
      : backendRequests(scene, backend, { from: balancer }).filter(({ exchange }) => exchange.failedPhase === 'connect');
  const own = backendRequests(scene, backend, { from: backend }).filter(({ exchange }) => exchange.phases.connectedMs !== null);
  return { fromBalancer, itself: own.find(({ exchange }) => !isFailure(exchange)) ?? own[0] ?? null };
}
