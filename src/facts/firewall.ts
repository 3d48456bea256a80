// Asks a rule set what it does with one packet, as the kernel would, and names the deciding rule. nft and iptables together: a
// packet has to pass every base chain of its hook, whoever made it. Pure; the evidence comes from the `firewall` probe.
import type { WireError } from '../model/exchange.ts';
import type { Firewall } from '../model/observations.ts';
import { iptablesBaseChains } from './firewall-iptables.ts';
import { nftBaseChains, type BaseChain } from './firewall-nft.ts';
import { walkChain, type DecidingRule, type Ending, type Host, type Packet, type State, type Verdict } from './firewall-walk.ts';
import { addressType } from './routes.ts';

export { iptablesCounterKey, iptablesPolicyKey } from './firewall-iptables.ts';
export { nftCounterKey, nftNamedCounterKey, nftRulePackets } from './firewall-nft.ts';
export type { DecidingRule, Host, Packet, Verdict } from './firewall-walk.ts';

/** A chain's policy, where it decided instead of a rule. */
export interface DecidingPolicy {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** iptables counts what its policies decide; nft does not. */
  readonly packetsNow: number | null;
  readonly packetsDelta: number | null;
  readonly pointer: string;
}

/** One possible outcome. */
export interface Outcome {
  readonly verdict: Verdict;
  /** `tcp-reset`, `icmp-port-unreachable`, `icmp-admin-prohibited`, `icmp-host-prohibited`, `icmp-host-unreachable` …; null unless rejected. */
  readonly rejectWith: string | null;
  readonly engine: 'nft' | 'iptables';
  /** Null where a policy decided, or where nothing held the packet up. */
  readonly rule: DecidingRule | null;
  readonly policy: DecidingPolicy | null;
  /** Why it may also not come to this: `rate limit …`, `connection limit …`, a match that cannot be known from outside. */
  readonly doubts: readonly string[];
}

/** What the rule set does. `unknown` only where the possible outcomes differ, or a program decides. */
export interface Decision extends Outcome {
  /** Every outcome that cannot be excluded, in the order met. One, unless something was uncertain. */
  readonly possible: readonly Outcome[];
  /** Chains walked, `inet filter/input`. */
  readonly path: readonly string[];
  /** Everything on the way that could not be decided. */
  readonly uncertain: readonly string[];
  /** Where destination NAT sent it; null where it was not translated. Parts are null where they cannot be told. */
  readonly translated: { readonly daddr: string | null; readonly dport: number | null } | null;
}

/** Whether the rule set was read at all; without it every decision would say `accept` for nothing. */
export function firewallWasRead(firewall: Firewall): boolean {
  return firewall.nft !== null || firewall.iptables !== null || firewall.ip6tables !== null;
}

/** A packet that opens a connection, as most judges ask: a SYN of 60 bytes. */
export function synPacket(packet: Pick<Packet, 'hook' | 'saddr' | 'daddr' | 'dport'> & Partial<Packet>): Packet {
  const family = packet.daddr.includes(':') ? 6 : 4;
  return {
    family,
    protocol: 'tcp',
    sport: null,
    iif: null,
    oif: null,
    state: 'new',
    flags: 'syn',
    length: family === 4 ? 60 : 80,
    ...packet,
  };
}

/** What the chains of one hook do with a packet. */
export function evaluatePacket(firewall: Firewall, packet: Packet, host: Host = {}): Decision {
  return walkHooks(firewall, [packet.hook], newState(packet, host));
}

/**
 * What happens to a packet that arrives: ingress and prerouting, then input, or forward and postrouting where it is not for this host
 * (after translation). `packet.hook` is ignored. Without `host.routes` an untranslated destination counts as the host's own.
 */
export function evaluateArrival(firewall: Firewall, packet: Packet, host: Host = {}): Decision {
  const state = newState({ ...packet, hook: 'ingress' }, host);
  const first = walkHooks(firewall, ['ingress', 'prerouting'], state);
  if (!first.possible.some((outcome) => outcome.verdict === 'accept')) return first;
  const own = host.routes && state.daddr !== null ? addressType(host.routes, state.daddr) !== 'unicast' : state.translation === 'none';
  return walkHooks(firewall, own ? ['input'] : ['forward', 'postrouting'], state, first);
}

/** What a client's connect() sees when its SYN meets the outcome; null where it gets through or nobody can tell. */
export function connectErrorOf(outcome: Pick<Outcome, 'verdict' | 'rejectWith'>, family: 4 | 6): WireError | null {
  if (outcome.verdict === 'drop') return 'timeout';
  if (outcome.verdict !== 'reject') return null;
  if (outcome.rejectWith === 'tcp-reset' || outcome.rejectWith === 'icmp-port-unreachable') return 'refused';
  // ICMPv6 "prohibited" and "policy" codes become EACCES (RFC 4443 code 1, 5, 6); their IPv4 cousins become EHOSTUNREACH.
  if (family === 6 && /prohibited|policy|reject-route/.test(outcome.rejectWith ?? '')) return 'prohibited';
  return outcome.rejectWith === 'icmp-prot-unreachable' || outcome.rejectWith === 'icmp-proto-unreachable' ? 'other' : 'unreachable';
}

function newState(packet: Packet, host: Host): State {
  return {
    packet,
    saddr: packet.saddr,
    daddr: packet.daddr,
    sport: packet.sport,
    dport: packet.dport,
    mark: BigInt(packet.mark ?? 0),
    ctMark: packet.state === 'new' ? 0n : null,
    ctState: packet.state,
    translation: packet.translated === true ? 'done' : 'none',
    host,
    path: [],
    uncertain: new Set(),
  };
}

function walkHooks(firewall: Firewall, hooks: readonly Packet['hook'][], start: State, earlier?: Decision): Decision {
  const possible: Outcome[] = earlier ? earlier.possible.filter((outcome) => outcome.verdict !== 'accept') : [];
  let passed: Outcome = earlier?.possible.find((outcome) => outcome.verdict === 'accept') ?? { ...nothing };
  const addresses = { daddr: start.daddr, dport: start.dport };
  let stopped = false;
  for (const hook of hooks) {
    const state: State = Object.assign(start, { packet: { ...start.packet, hook } });
    for (const chain of hookChains(firewall, state.packet)) {
      // Only the first packet of a connection meets nat chains, and only where it is tracked.
      if (chain.type === 'nat' && state.ctState !== 'new') continue;
      // The second nat chain of a hook has nothing left to translate.
      const outcomes = walkBase(firewall, chain, state);
      possible.push(...outcomes.filter((outcome) => outcome.verdict !== 'accept'));
      const accepting = outcomes.filter((outcome) => outcome.verdict === 'accept');
      if (accepting.length === 0) {
        stopped = true;
        break;
      }
      const explicit = accepting.find((outcome) => outcome.rule !== null);
      if (explicit && chain.type !== 'nat') passed = explicit;
    }
    if (stopped) break;
  }
  if (!stopped) possible.push(passed);
  const { verdict, ...deciding } = choose(possible);
  const moved =
    start.daddr !== start.packet.daddr ||
    start.dport !== start.packet.dport ||
    addresses.daddr !== start.daddr ||
    addresses.dport !== start.dport;
  return {
    verdict,
    ...deciding,
    possible,
    path: [...start.path],
    uncertain: [...start.uncertain],
    translated:
      moved || (start.translation === 'unknown' && start.packet.translated !== true) ? { daddr: start.daddr, dport: start.dport } : null,
  };
}

const nothing: Outcome = { verdict: 'accept', rejectWith: null, engine: 'nft', rule: null, policy: null, doubts: [] };

function choose(possible: readonly Outcome[]): Outcome {
  const certain = possible.find((outcome) => outcome.doubts.length === 0) ?? possible[0] ?? nothing;
  const kinds = new Set(possible.map((outcome) => outcome.verdict));
  if (kinds.size === 1) return certain;
  // What may hold the packet up is the interesting part of an open question.
  const holding = possible.find((outcome) => outcome.verdict !== 'accept') ?? certain;
  return { ...holding, verdict: 'unknown' };
}

function hookChains(firewall: Firewall, packet: Packet): BaseChain[] {
  const families = packet.hook === 'ingress' ? ['netdev', 'inet'] : ['inet', packet.family === 4 ? 'ip' : 'ip6'];
  return [...nftBaseChains(firewall), ...iptablesBaseChains(firewall, packet.family)]
    .filter((chain) => chain.hook === packet.hook && families.includes(chain.family))
    .filter((chain) => chain.devices === null || packet.iif === null || chain.devices.includes(packet.iif))
    .sort((a, b) => a.priority - b.priority || b.age - a.age);
}

function walkBase(firewall: Firewall, chain: BaseChain, state: State): Outcome[] {
  const unknownDevice =
    chain.devices !== null && state.packet.iif === null ? [`${chain.tableName}/${chain.name} is bound to ${chain.devices.join(', ')}`] : [];
  for (const doubt of unknownDevice) state.uncertain.add(doubt);
  const walked = walkChain(chain.table, chain.name, state, unknownDevice);
  const outcomes = walked.endings.map((ending: Ending): Outcome => ({ ...ending, engine: chain.engine, policy: null }));
  if (walked.through) outcomes.push(policyOutcome(firewall, chain, unknownDevice));
  if (unknownDevice.length > 0) outcomes.push({ ...nothing, doubts: unknownDevice });
  return outcomes;
}

function policyOutcome(firewall: Firewall, chain: BaseChain, doubts: readonly string[]): Outcome {
  const packetsNow = policyPackets(firewall, chain);
  const before = chain.policyKey === null ? undefined : firewall.before?.[chain.policyKey];
  return {
    verdict: chain.policy,
    rejectWith: null,
    engine: chain.engine,
    rule: null,
    policy: {
      family: chain.family,
      table: chain.tableName,
      chain: chain.name,
      packetsNow,
      packetsDelta: packetsNow === null || before === undefined ? null : packetsNow - before,
      pointer: chain.pointer,
    },
    doubts,
  };
}

function policyPackets(firewall: Firewall, chain: BaseChain): number | null {
  if (chain.engine !== 'iptables') return null;
  const [, command, , table, , index] = chain.pointer.split('/');
  const rules = command === 'iptables' || command === 'ip6tables' ? firewall[command] : null;
  return rules?.tables[Number(table)]?.chains[Number(index)]?.packets ?? null;
}
