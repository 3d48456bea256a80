// php-fpm has a fixed number of children. When all of them are busy, new requests wait in the listen queue of the pool's socket: they
// get 504 when the web server's fastcgi_read_timeout (or the balancer's read timeout) ends first, and 502 at once when the queue itself is full.
// php-fpm writes one warning when the limit is reached, and none at all with `pm = static`, so the queue is the proof and the log line only
// supports it. The queue is served in order: while it is the trouble, other users' requests fail as ours do. Our own marked requests can fill
// a small pool too, so only requests that waited before ours were sent count.
import {
  citePass,
  earlierRuns,
  failedOthers,
  lateSymptoms,
  ownErrors,
  ownFailures,
  ownSymptoms,
  passesHere,
  servedHere,
} from '../../facts/backend-view.ts';
import { fastcgiPasses, listenerAt, poolAddress, reaches } from '../../facts/fastcgi.ts';
import type { FastcgiPass, FoundListener } from '../../facts/fastcgi.ts';
import { citeAccess, citeError, freshErrors, ids } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import type { FpmPool } from '../../model/observations.ts';
import { say } from '../../model/text.ts';
import { fixFpmMaxChildren } from './fix.ts';

interface Pool {
  readonly index: number;
  readonly pool: FpmPool;
  readonly limit: number;
  readonly listener: FoundListener;
  readonly pass: FastcgiPass | null;
}

export const fpmMaxChildren = defineCause({
  id: 'fpm-max-children',
  title: say('php-fpm pool has no free child', 'php-fpm 进程数达到上限'),
  layer: 'app-runtime',
  seed: 'cause 7.1',
  perHost: ['backend'],
  needs: ['fpm', 'listeners'],
  wants: ['logs', 'nginx-config', 'requests', 'backend-requests', 'haproxy-config', 'haproxy-stat', 'firewall', 'routes'],
  consequenceOf: ['cpu-saturated', 'disk-full', 'hairpin-loop'],
  judge(scene) {
    const host = scene.host?.host ?? '';
    const fpm = scene.one('fpm');
    const listeners = scene.one('listeners');
    if (fpm === undefined || listeners === undefined || !fpm.data.running)
      return { is: 'not-applicable', host, reason: say('php-fpm does not run here', '本机未运行 php-fpm') };
    const config = scene.one('nginx-config');
    const passes = config === undefined ? [] : passesHere(scene, host, config.data);
    const full = ownErrors(scene, host, ['connect-backlog-full']);
    const pools = fpm.data.pools.flatMap((pool, index): readonly Pool[] => {
      const address = poolAddress(pool);
      const listener = address === null ? null : listenerAt(listeners.data, address);
      if (address === null || listener === null || pool.maxChildren === null) return [];
      const pass = passes.find((each) => reaches(each.address, address)) ?? null;
      // A pool that the failing page does not use is somebody else's trouble.
      if (config !== undefined && fastcgiPasses(config.data).length > 0 && pass === null) return [];
      return [{ index, pool, limit: pool.maxChildren, listener, pass }];
    });
    const worst = pools.toSorted((a, b) => waited(b) - waited(a))[0];
    if (worst === undefined)
      return {
        is: 'inconclusive',
        host,
        reason: say('no pool that serves this page was found', '未找到处理该页面的进程池'),
        wouldTell: ['fpm', 'listeners'],
      };
    const { index, pool, limit, listener, pass } = worst;
    const count = cite(
      fpm,
      `/pools/${index}/children`,
      say(
        `pool "${pool.name}" runs ${pool.children} children; its limit is ${limit} (${pool.file}:${pool.line})`,
        `进程池 “${pool.name}” 运行着 ${pool.children} 个子进程，上限为 ${limit}（${pool.file}:${pool.line}）`,
      ),
    );
    const queue = (says: ReturnType<typeof say>): Citation => cite(listeners, `${listener.path}/queue/now`, says);
    const before = listener.waitingBefore;
    if (pool.children < limit || (listener.waiting === 0 && (before ?? 0) === 0)) {
      return { is: 'ruled-out', host, because: [count, queue(say('nothing waits in its queue', '队列中没有请求等待'))] };
    }
    const symptoms = [
      ...lateSymptoms(scene, host).map((each) => each.symptom),
      ...(full.length > 0 ? ownSymptoms(scene, host, [502]) : []),
    ];
    const explains = ids(symptoms);
    if (before === null || before === 0) {
      // All that came from us or from health checks and may wait here: a page that nobody waits for any more still keeps its place.
      const sent = symptoms[0] === undefined ? 0 : Math.max(servedHere(scene, host, symptoms[0]).length, ownFailures(scene, host));
      // Every one of ours still waits, so no child took any: others hold them all. Fewer: it may be our own crowd.
      if (before === null || sent === 0 || listener.waiting < sent) {
        return {
          is: 'inconclusive',
          host,
          reason: say(
            `${listener.waiting} requests wait for a child, but they may be our own`,
            `${listener.waiting} 个请求在等待子进程，但可能正是我们自己的请求`,
          ),
          wouldTell: ['listeners'],
        };
      }
      return {
        is: 'likely',
        host,
        summary: say(
          `All ${limit} children of php-fpm pool "${pool.name}" on ${host} are busy: none of our ${sent} requests was taken.`,
          `${host} 上 php-fpm 进程池 “${pool.name}” 的 ${limit} 个子进程全部繁忙：我们的 ${sent} 个请求无一被处理。`,
        ),
        because: [queue(say(`${listener.waiting} requests wait for a child`, `${listener.waiting} 个请求在等待子进程`)), count],
        explains,
        facts: { pool: pool.name, file: pool.file, limit, waiting: listener.waiting, version: fpm.data.version ?? '' },
      };
    }
    const others = failedOthers(scene, host);
    // What came on top of ours while we waited is somebody else's, whatever a rotated log still shows.
    const own = scene.traces.filter((trace) => trace.backend === host || trace.backend === null).length;
    const grown = listener.waiting - before > own;
    const left = earlierRuns(scene, host);
    if (others.length === 0 && full.length === 0 && !grown && left.length >= before) {
      return {
        is: 'inconclusive',
        host,
        reason: say(
          `${before} requests waited for a child before ours were sent, but a run of why5xx shortly before may have left them there`,
          `在我们发出请求之前已有 ${before} 个请求等待子进程，但可能是稍早一次 why5xx 运行遗留的`,
        ),
        wouldTell: ['listeners'],
      };
    }
    const warnings = freshErrors(scene, host, ['fpm-max-children']).filter(
      ({ line }) => line.fields['pool'] === undefined || line.fields['pool'] === pool.name,
    );
    const because: [Citation, ...Citation[]] = [
      queue(
        say(
          `${before} requests waited for a child before ours were sent, ${listener.waiting} after${grown ? `, and only ${own} of them can be ours` : ''}`,
          `在我们发出请求之前已有 ${before} 个请求等待子进程，之后为 ${listener.waiting} 个${grown ? `，其中最多 ${own} 个是我们的` : ''}`,
        ),
      ),
      count,
      ...others
        .slice(0, 1)
        .map((each) =>
          citeAccess(each, say(`requests of other users fail meanwhile: ${each.line.text}`, `同时其他用户的请求也失败：${each.line.text}`)),
        ),
      ...full.slice(0, 1).map((each) => citeError(each)),
      ...warnings.slice(0, 1).map((each) => citeError(each)),
      ...(config === undefined || pass === null ? [] : [citePass(config, pass)]),
    ];
    return {
      // A run of ours shortly before could have left its requests there; other users' failures can only come from a queue that is really full.
      is: listener.waiting > 0 && (others.length > 0 || full.length > 0 || grown) ? 'confirmed' : 'likely',
      host,
      summary: say(
        `All ${limit} children of php-fpm pool "${pool.name}" on ${host} are busy, and ${before} requests waited in its queue before ours.`,
        `${host} 上 php-fpm 进程池 “${pool.name}” 的 ${limit} 个子进程全部繁忙，在我们之前已有 ${before} 个请求排队。`,
      ),
      because,
      explains,
      facts: {
        pool: pool.name,
        file: pool.file,
        limit,
        waiting: Math.max(before, listener.waiting),
        version: fpm.data.version ?? '',
        slowlog: pool.slowlog ?? '',
      },
    };
  },
  fix: fixFpmMaxChildren,
});

function waited({ listener }: Pool): number {
  return Math.max(listener.waitingBefore ?? 0, listener.waiting);
}
