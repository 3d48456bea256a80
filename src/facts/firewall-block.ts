// A backend's firewall that keeps the balancer out: the whole of what is common to the causes that drop and that reject.
import type { Scene } from '../model/cause.ts';
import type { Advice, Citation, Citations, Convicted, Finding } from '../model/finding.ts';
import type { HaproxyServerStat } from '../model/observations.ts';
import { say } from '../model/text.ts';
import type { Localised } from '../model/text.ts';
import { bothSides, deciderOf, passageTo, unreachedSymptoms } from './balancer-reach.ts';
import type { Decider, Passage, Unreached } from './balancer-reach.ts';
import type { Decision } from './firewall.ts';
import { firewallWasRead } from './firewall.ts';
import { balancerErrors, citeError, citeRequest, ids, outcomeText } from './scene.ts';
import { backendOf } from './traces.ts';

type Looks = Scene<'requests' | 'backend-requests' | 'logs' | 'firewall' | 'routes' | 'haproxy-config' | 'nginx-config' | 'haproxy-stat'>;

/** How a firewall keeps packets out, and what that looks like from the balancer. */
export interface BlockKind {
  readonly verdict: 'drop' | 'reject';
  /** Signatures of nginx's error log. */
  readonly signatures: readonly string[];
  /** HAProxy's word for a health check that fails in this way. */
  readonly checkStatus: string;
  /** Whether a failure of which no log names the backend may come from it, by status and time. */
  fits(symptom: Unreached['symptom'], connectTimeoutMs: number, decision: Decision): boolean;
  /** `drops`, `丢弃`. */
  readonly does: (decision: Decision) => Localised;
}

/** Judges one backend's firewall rules for the balancer's connections. */
export function judgeBlock(scene: Looks, host: string, kind: BlockKind): Finding {
  const { balancer } = scene.site;
  if (balancer === undefined)
    return { is: 'not-applicable', host, reason: say('the site file names no balancer', '站点文件中没有负载均衡') };
  const passage = passageTo(scene, host);
  if (passage === null) return unknown(scene, host);
  const blocked = passage.of(kind.verdict);
  const first = blocked.some[0];
  const decider = first === undefined ? null : deciderOf(passage.evidence, first.decision);
  if (first === undefined || decider === null) return passes(passage, host, kind);

  const { decision, source } = first;
  const failures = unreachedSymptoms(scene, host).filter((each) => explains(scene, host, kind, each, decision));
  const sides = bothSides(scene, host);
  const errors = balancerErrors(scene, host, kind.signatures);
  const tried = failures.flatMap((each) => each.tried);
  const check = checkOf(scene, host, kind);
  const doubts = blocked.some.flatMap((each) => each.decision.doubts);
  const because: Citations = [
    decider.citation,
    ...(source.citation === null ? [] : [source.citation]),
    ...tried.slice(0, 1).map((hop): Citation => ({
      evidence: hop.evidence,
      path: `/access/${hop.index}/text`,
      says: say(`${balancer.name} got no connection to ${host}: ${hop.line.text}`, `${balancer.name} 未能连上 ${host}：${hop.line.text}`),
    })),
    ...errors.slice(0, 1).map((each) => citeError(each)),
    ...(check === null ? [] : [check.citation]),
    ...sides.fromBalancer
      .slice(0, 1)
      .map((each) =>
        citeRequest(
          each,
          say(
            `the page asked straight from ${balancer.name}: ${outcomeText(each).en}`,
            `从 ${balancer.name} 直接请求该页面：${outcomeText(each).zh}`,
          ),
        ),
      ),
    ...(sides.itself === null
      ? []
      : [
          citeRequest(
            sides.itself,
            say(
              `${host} itself gets the same page from port ${passage.port}: ${outcomeText(sides.itself).en}`,
              `${host} 自己访问 ${passage.port} 端口的同一页面：${outcomeText(sides.itself).zh}`,
            ),
          ),
        ]),
  ];
  const range = rangeText(scene, passage);
  const does = kind.does(decision);
  const summary = say(
    `The firewall on ${host} ${does.en} connections from ${balancer.name} (${range}) to port ${passage.port}: ${decider.where}: ${decider.text}`,
    `${host} 上的防火墙${does.zh}来自 ${balancer.name}（${range}）到 ${passage.port} 端口的连接：${decider.where}：${decider.text}`,
  );
  const declared = balancer.backendSources.filter((each) => each.includes(':') === source.address.includes(':'));
  // A balancer that holds every backend for dead tries none for a while: then a rule that has met packets before need not meet ours.
  const shunned =
    (decider.packetsNow ?? 0) > 0 && failures.length > 0 && tried.length === 0 && sides.fromBalancer.length === 0 && everyoneBlocked(scene);
  const idle = decider.packetsDelta === 0 && !shunned;
  // Nothing met the rule while requests failed, or it holds only addresses that the balancer may not use: a trap for another day.
  if (idle || (!blocked.certain && decider.packetsDelta === null)) {
    const advice: Advice = { is: 'advice', host, summary, because };
    return advice;
  }
  const counted = (decider.packetsDelta ?? 0) > 0;
  const flipped = sides.fromBalancer.length > 0 && sides.itself !== null;
  const convicted: Convicted = {
    is: blocked.certain && doubts.length === 0 && (counted || flipped || tried.length > 0) ? 'confirmed' : 'likely',
    host,
    summary,
    because,
    explains: ids(failures.map((each) => each.symptom)),
    facts: {
      engine: decision.engine,
      family: (decision.rule ?? decision.policy)?.family ?? '',
      table: (decision.rule ?? decision.policy)?.table ?? '',
      chain: (decision.rule ?? decision.policy)?.chain ?? '',
      handle: decision.rule?.handle ?? 0,
      rule: decider.text,
      byPolicy: decision.rule === null,
      ranges: declared.length === 0 ? [source.address] : declared,
      port: passage.port,
      balancer: balancer.name,
    },
  };
  return convicted;
}

/** Whether one failure can come from this firewall: a log names the backend, or nothing speaks against it. */
function explains(scene: Looks, host: string, kind: BlockKind, { symptom, tried, noServer }: Unreached, decision: Decision): boolean {
  if (tried.length > 0) return true;
  // A balancer that knows every backend to be down answers at once, whatever made them so.
  if (everyoneBlocked(scene)) return true;
  if (noServer.length > 0) return checkOf(scene, host, kind) !== null;
  const declared = scene.site.balancer?.listeners.find((each) => each.port === symptom.listenerPort)?.connectTimeout;
  return kind.fits(symptom, declared ?? 1_000, decision);
}

/** Whether every backend's firewall keeps the balancer out, whichever of its addresses it uses. */
function everyoneBlocked(scene: Looks): boolean {
  return scene.site.backends.every((each) => {
    const passage = passageTo(scene, each.name);
    return passage !== null && (passage.of('drop').certain || passage.of('reject').certain);
  });
}

/** HAProxy's state of this backend, where its own health check fails in the way that the firewall makes it fail. */
function checkOf(scene: Looks, host: string, kind: BlockKind): { readonly citation: Citation } | null {
  const stat = scene.one('haproxy-stat', scene.site.balancer?.name);
  if (stat === undefined) return null;
  const down = (server: HaproxyServerStat): boolean =>
    server.status.startsWith('DOWN') &&
    server.checkStatus === kind.checkStatus &&
    server.address !== null &&
    backendOf(scene.site, server.address) === host;
  const index = stat.data.servers.findIndex(down);
  const server = stat.data.servers[index];
  if (server === undefined) return null;
  const says = say(
    `HAProxy's health check of ${server.backend}/${server.server}: ${server.status}, ${server.checkStatus ?? ''}`,
    `HAProxy 对 ${server.backend}/${server.server} 的健康检查：${server.status}，${server.checkStatus ?? ''}`,
  );
  return { citation: { evidence: stat.id, path: `/servers/${index}/checkStatus`, says } };
}

function unknown(scene: Looks, host: string): Finding {
  const firewall = scene.one('firewall', host);
  if (firewall === undefined || !firewallWasRead(firewall.data)) {
    const why = firewall?.data.reason ?? null;
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `the firewall rules could not be read${why === null ? '' : `: ${why}`}`,
        `无法读取防火墙规则${why === null ? '' : `：${why}`}`,
      ),
      wouldTell: ['firewall'],
    };
  }
  return {
    is: 'inconclusive',
    host,
    reason: say(
      'which addresses the balancer uses towards its backends is not known (`backendSources` in the site file)',
      '不知道负载均衡访问后端所用的地址（站点文件中的 `backendSources`）',
    ),
    wouldTell: ['routes', 'logs'],
  };
}

/** Nothing is held up in this way: it passes, or it cannot be told. */
function passes(passage: Passage, host: string, kind: BlockKind): Finding {
  const open = passage.decisions.find(
    ({ decision }) => decision.verdict === 'unknown' && decision.possible.some((each) => each.verdict === kind.verdict),
  );
  if (open !== undefined) {
    const doubts = open.decision.uncertain.join('; ');
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `whether the firewall lets ${open.source.address} in depends on what cannot be seen from outside: ${doubts}`,
        `防火墙是否放行 ${open.source.address} 取决于无法从外部得知的条件：${doubts}`,
      ),
    };
  }
  const [first] = passage.decisions;
  const decider: Decider | null = first === undefined ? null : deciderOf(passage.evidence, first.decision);
  const from = [...new Set(passage.decisions.map(({ source }) => source.address))].join(', ');
  const path = passage.evidence.data.nft !== null ? '/nft' : passage.evidence.data.iptables !== null ? '/iptables' : '/ip6tables';
  const verdict = first?.decision.verdict ?? 'accept';
  const does =
    verdict === 'accept'
      ? say(`lets ${from} in to port ${passage.port}`, `放行 ${from} 到 ${passage.port} 端口的连接`)
      : say(`does not ${kind.verdict}, but ${verdict}s ${from}`, `对 ${from} 的处理不是 ${kind.verdict}，而是 ${verdict}`);
  const general: Citation = {
    evidence: passage.evidence.id,
    path,
    says: say(`the firewall on ${host} ${does.en}`, `${host} 上的防火墙${does.zh}`),
  };
  return { is: 'ruled-out', host, because: [general, ...(decider === null ? [] : [decider.citation])] };
}

/** `100.64.0.10`, or the range where no exact address is known. */
function rangeText(scene: Looks, passage: Passage): string {
  const seen = passage.decisions.filter(({ source }) => source.by === 'seen').map(({ source }) => source.address);
  return (seen.length > 0 ? seen : (scene.site.balancer?.backendSources ?? [])).slice(0, 3).join(', ');
}
