// The connection to the backend stands and the request was sent, but no complete response header comes before somebody's read timeout ends:
// the balancer's (60 s on most), or an earlier one of the backend's own web server. Whoever gives up first answers 504; the application works on,
// and its worker stays busy until it is done. A page can also be late because requests queue, the CPU is busy or the link is full: those are
// causes of their own, and they take the verdict.
import { askedDirectly, lateSymptoms, ownErrors, passesHere, servedHere, staticAnswer } from '../../facts/backend-view.ts';
import type { LateSymptom } from '../../facts/backend-view.ts';
import { isFailure, sameRequest } from '../../facts/failure.ts';
import { listenerAt, poolAt } from '../../facts/fastcgi.ts';
import { backendReadTimeout, balancerReadTimeout } from '../../facts/read-timeouts.ts';
import { citeError, citeRequest, clientRequests, outcomeText } from '../../facts/scene.ts';
import type { Sent } from '../../facts/scene.ts';
import type { Scene } from '../../model/cause.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixUpstreamReadTimeout } from './fix.ts';

type Sees = Scene<
  'backend-requests' | 'requests' | 'logs' | 'nginx-config' | 'haproxy-config' | 'fpm' | 'listeners' | 'processes' | 'host-facts'
>;

/** A host whose own processes used more of its CPUs than this has another trouble. */
const busyShare = 0.8;

export const upstreamReadTimeout = defineCause({
  id: 'upstream-read-timeout',
  title: say('The page is slower than a read timeout allows', '页面响应时间超过读超时'),
  layer: 'app-runtime',
  seed: 'cause 7',
  perHost: ['backend'],
  needs: ['backend-requests'],
  wants: [
    'requests',
    'logs',
    'nginx-config',
    'haproxy-config',
    'fpm',
    'listeners',
    'processes',
    'host-facts',
    'haproxy-stat',
    'firewall',
    'routes',
  ],
  consequenceOf: ['bandwidth-saturated', 'cpu-saturated', 'disk-full', 'fpm-max-children', 'hairpin-loop'],
  judge(scene): Finding {
    const host = scene.host?.host ?? '';
    const late = lateSymptoms(scene, host);
    const worst = late.toSorted((a, b) => b.gaveUp.length - a.gaveUp.length || b.symptom.failed - a.symptom.failed)[0];
    if (worst === undefined) return answeredInTime(scene, host);
    const { symptom, atBackend } = worst;
    const served = servedHere(scene, host, symptom);
    const failed = served.filter(({ exchange }) => isFailure(exchange));
    // What the one that gave up first allowed, as it showed.
    const showed = Math.min(...(failed.length > 0 ? failed.map(({ exchange }) => exchange.phases.totalMs) : [symptom.p50Ms]));
    // An answer at once, for want of members, shows nothing of the time that was allowed before.
    const allowedMs = symptom.shadow ? (balancerReadTimeout(scene, symptom)?.ms ?? Number.POSITIVE_INFINITY) : showed;
    const slow = askedDirectly(scene, host).filter(
      ({ exchange }) =>
        sameRequest(exchange, symptom) && exchange.phases.connectedMs !== null && exchange.phases.totalMs >= allowedMs * 0.9,
    );
    const quick = served.filter(({ exchange }) => !isFailure(exchange) && exchange.phases.totalMs < allowedMs * 0.9);
    const done = slow
      .filter(({ exchange }) => !isFailure(exchange))
      .toSorted((a, b) => b.exchange.phases.totalMs - a.exchange.phases.totalMs)[0];
    const direct = done ?? slow[0];
    if (direct === undefined) return notSlow(scene, host, worst, quick);

    const errors = ownErrors(scene, host, ['read-timeout']);
    const abandoned = late.flatMap((each) => each.gaveUp);
    const closed = scene.traces.flatMap((trace) =>
      trace.backend === host ? trace.hops.filter((hop) => hop.host === host && hop.line.status === 499) : [],
    );
    const queue = queueAt(scene, host, served.length);
    const alone = clientRequests(scene, { purpose: 'experiment' }).filter(({ exchange }) => sameRequest(exchange, symptom));
    if (queue.ours && quick.length > 0 && !alone.some(({ exchange }) => isFailure(exchange))) {
      const reason = say(
        'requests of our own filled the pool, so it cannot be told whether the page is slow',
        '我们自己的请求占满了进程池，无法判断页面本身是否缓慢',
      );
      return {
        is: 'inconclusive',
        host,
        reason,
        wouldTell: ['listeners'],
        ...(alone.length === 0 ? { experiment: 'alone' as const } : {}),
      };
    }
    const answer = staticAnswer(scene, host);
    const fast = answer !== null && answer.exchange.phases.totalMs < allowedMs / 2 ? answer : null;
    const limit = atBackend ? backendReadTimeout(scene, host, symptom) : balancerReadTimeout(scene, symptom);
    const other = atBackend ? balancerReadTimeout(scene, symptom) : backendReadTimeout(scene, host, symptom);
    const balancer = scene.site.balancer?.name ?? say('the balancer', '负载均衡').en;
    const proofs: Citation[] = [
      ...abandoned.slice(0, 1).map((hop): Citation => ({
        evidence: hop.evidence,
        path: `/access/${hop.index}/text`,
        says: say(
          `${balancer} connected to ${host}, got no header and gave up: ${hop.line.text}`,
          `${balancer} 已连上 ${host}，未收到响应头而放弃：${hop.line.text}`,
        ),
      })),
      ...errors.slice(0, 1).map((each) => citeError(each)),
      ...(abandoned.length > 0
        ? []
        : closed.slice(0, 1).map((hop): Citation => ({
            evidence: hop.evidence,
            path: `/access/${hop.index}/text`,
            says: say(
              `${host} was still working when the hop in front of it closed the connection: ${hop.line.text}`,
              `${host} 仍在处理时，前一跳关闭了连接：${hop.line.text}`,
            ),
          }))),
    ];
    const rest: Citation[] = [
      ...(limit?.citation == null ? [] : [limit.citation]),
      citeRequest(
        direct,
        say(
          `the same request straight to ${host}, past the balancer: ${outcomeText(direct).en}`,
          `绕过负载均衡直接向 ${host} 发送同一请求：${outcomeText(direct).zh}`,
        ),
      ),
      ...(fast === null
        ? []
        : [
            citeRequest(
              fast,
              say(
                `a page without the application, straight to ${host}: ${outcomeText(fast).en}`,
                `直接向 ${host} 请求不经过应用的页面：${outcomeText(fast).zh}`,
              ),
            ),
          ]),
      ...(queue.citation === null ? [] : [queue.citation]),
      ...(other?.citation == null ? [] : [other.citation]),
    ];
    const [first, ...others] = [...proofs, ...rest];
    const proven = proofs.length > 0 && fast !== null && quick.length === 0 && !queue.crowded && !busy(scene, host);
    const allowed =
      limit === null ? `${seconds(allowedMs)} s` : `${seconds(limit.ms)} s (${limit.name}${limit.at === 'default' ? ', by default' : ''})`;
    const allowedZh =
      limit === null ? `${seconds(allowedMs)} 秒` : `${seconds(limit.ms)} 秒（${limit.name}${limit.at === 'default' ? '，默认值' : ''}）`;
    const took =
      done === undefined
        ? say(
            `had not answered after ${seconds(direct.exchange.phases.totalMs)} s`,
            `${seconds(direct.exchange.phases.totalMs)} 秒后仍未响应`,
          )
        : say(`takes ${seconds(done.exchange.phases.totalMs)} s`, `需要 ${seconds(done.exchange.phases.totalMs)} 秒`);
    const earlier = other !== null && limit !== null && other.ms > limit.ms;
    return {
      is: proven ? 'confirmed' : 'likely',
      host,
      layer: atBackend ? 'web-server' : 'app-runtime',
      summary: atBackend
        ? say(
            `The web server on ${host} gives its application ${allowed} and then answers 504${earlier ? `, although ${balancer} would wait ${seconds(other.ms)} s` : ''}; the page did not come in that time.`,
            `${host} 上的 Web 服务器只等待应用 ${allowedZh} 便返回 504${earlier ? `（而 ${balancer} 可等待 ${seconds(other.ms)} 秒）` : ''}，页面未能在此时间内完成。`,
          )
        : say(
            `${balancer} waits ${allowed} for ${host}, but the page ${took.en} when asked there directly.`,
            `${balancer} 只等待 ${host} ${allowedZh}，而直接请求时该页面${took.zh}。`,
          ),
      because: [first ?? citeRequest(direct, outcomeText(direct)), ...others],
      explains: late.map((each) => each.symptom.id),
      facts: {
        where: atBackend ? 'web-server' : 'balancer',
        setting: limit?.name ?? '',
        at: limit?.at ?? '',
        limitMs: limit?.ms ?? allowedMs,
        otherMs: other?.ms ?? 0,
        neededMs: done?.exchange.phases.totalMs ?? 0,
        balancer: scene.site.balancer?.name ?? '',
        poolFile: queue.poolFile,
        version: scene.one('fpm', host)?.data.version ?? '',
      },
    };
  },
  fix: fixUpstreamReadTimeout,
});

function answeredInTime(scene: Sees, host: string): Finding {
  const [asked] = askedDirectly(scene, host);
  if (asked === undefined)
    return {
      is: 'inconclusive',
      host,
      reason: say(`${host} could not be asked directly`, `无法直接请求 ${host}`),
      wouldTell: ['backend-requests'],
    };
  if (isFailure(asked.exchange))
    return {
      is: 'inconclusive',
      host,
      reason: say(`no failing request of a client was served by ${host}`, `没有客户端的失败请求由 ${host} 处理`),
      wouldTell: ['requests', 'logs'],
    };
  return {
    is: 'ruled-out',
    host,
    because: [
      citeRequest(
        asked,
        say(
          `asked straight, ${host}: ${outcomeText(asked).en}; nobody gave up waiting for it`,
          `直接请求 ${host}：${outcomeText(asked).zh}；没有任何一跳等待超时`,
        ),
      ),
    ],
  };
}

/** Somebody gave up, but this backend was not slow when asked directly. */
function notSlow(scene: Sees, host: string, { gaveUp }: LateSymptom, quick: readonly Sent[]): Finding {
  const good = askedDirectly(scene, host).find(({ exchange }) => !isFailure(exchange)) ?? quick[0];
  if (good === undefined || gaveUp.length > 0) {
    return {
      is: 'inconclusive',
      host,
      reason: say(`a request to ${host} was late, but asked directly the page was not`, `发往 ${host} 的请求超时，但直接请求时并不慢`),
      wouldTell: ['backend-requests', 'logs'],
    };
  }
  return {
    is: 'ruled-out',
    host,
    because: [
      citeRequest(
        good,
        say(`asked straight, ${host} answers in time: ${outcomeText(good).en}`, `直接请求 ${host}，及时响应：${outcomeText(good).zh}`),
      ),
    ],
  };
}

interface Queue {
  /** Requests waited for a worker that are not ours, or no worker took any of ours. */
  readonly crowded: boolean;
  /** Requests wait, and they may all be ours. */
  readonly ours: boolean;
  readonly citation: Citation | null;
  readonly poolFile: string;
}

/** What waits in front of the runtime; `sent` of our own requests went there. */
function queueAt(scene: Sees, host: string, sent: number): Queue {
  const config = scene.one('nginx-config', host);
  const listeners = scene.one('listeners', host);
  const fpm = scene.one('fpm', host);
  const [pass] = config === undefined ? [] : passesHere(scene, host, config.data);
  const listener = pass === undefined || listeners === undefined ? null : listenerAt(listeners.data, pass.address);
  const pool = pass === undefined || fpm === undefined ? null : poolAt(fpm.data, pass.address);
  const poolFile = pool?.pool.file ?? '';
  if (listener === null || listeners === undefined || pass === undefined) return { crowded: false, ours: false, citation: null, poolFile };
  const before = listener.waitingBefore ?? 0;
  const crowded = before > 0 || (listener.waiting > 0 && listener.waiting >= sent);
  const citation = crowded
    ? null
    : cite(
        listeners,
        `${listener.path}/queue/now`,
        say(`nothing waited for a worker at ${pass.text} before our requests`, `在我们发出请求之前，${pass.text} 处没有等待的请求`),
      );
  return { crowded, ours: !crowded && (listener.waiting > 0 || sent >= (pool?.pool.maxChildren ?? Infinity)), citation, poolFile };
}

/** Whether the host's own processes used up its CPUs while our requests ran. */
function busy(scene: Sees, host: string): boolean {
  const processes = scene.one('processes', host)?.data;
  const cpus = scene.one('host-facts', host)?.data.cpus;
  if (processes?.cpuSecondsAll == null || processes.elapsedSeconds == null || cpus === undefined || processes.elapsedSeconds < 0.5)
    return false;
  return processes.cpuSecondsAll / processes.elapsedSeconds / cpus > busyShare;
}

function seconds(ms: number): string {
  return (Math.round(ms / 100) / 10).toString();
}
