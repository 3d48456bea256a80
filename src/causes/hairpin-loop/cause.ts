// A site that calls itself: an application asks for a page by the site's own public name or balancer address, or a proxy is its own upstream. Every
// request then begets another one, until workers, connections or time run out, and each level fails because of the one below. Seen as connections
// from a backend to the site's own doors, as requests in their logs that come from a backend, and as one marked request that passes a proxy many times.
import { isFailure, sameRequest } from '../../facts/failure.ts';
import { pointerOf } from '../../facts/fastcgi.ts';
import { routeAt } from '../../facts/header-limits.ts';
import { placeOf } from '../../facts/nginx-config.ts';
import { ownAddresses } from '../../facts/routes.ts';
import { accessLines, citeAccess, citeRequest, clientRequests, failing, outcomeText, symptomsAt } from '../../facts/scene.ts';
import type { Logged } from '../../facts/scene.ts';
import type { Scene } from '../../model/cause.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import type { AccessLine } from '../../model/observations.ts';
import { splitAddress } from '../../model/site.ts';
import type { Symptom } from '../../model/symptom.ts';
import { say } from '../../model/text.ts';
import { fixHairpinLoop } from './fix.ts';

type Looks = Scene<'requests' | 'connections' | 'logs' | 'routes' | 'fpm' | 'nginx-config'>;

/** A request that is tried at a second server leaves no second line; three passes of one proxy are a circle. */
const passesOfALoop = 3;

export const hairpinLoop = defineCause({
  id: 'hairpin-loop',
  title: say('The site calls itself', '站点请求了自己（回环）'),
  layer: 'application',
  seed: 'cause 9',
  needs: ['requests'],
  wants: ['connections', 'logs', 'routes', 'fpm', 'nginx-config'],
  judge(scene) {
    const broken = scene.symptoms.filter(
      ({ status, error }) =>
        (status !== null && status >= 500) || status === 400 || error === 'timeout' || error === 'reset' || error === 'closed',
    );
    const circles = proxies(scene).flatMap((host) => circleAt(scene, host, broken));
    if (circles.length > 0) return circles;
    const backends = scene.site.backends.flatMap((backend) => callsOf(scene, backend.name, broken));
    if (backends.some(({ is }) => is === 'confirmed' || is === 'likely'))
      return backends.filter(({ is }) => is === 'confirmed' || is === 'likely');
    const [some] = failing(clientRequests(scene, { purpose: 'reproduce' }));
    const advice = backends.filter(({ is }) => is === 'advice');
    if (advice.length > 0) return advice;
    if (broken.length === 0 && some === undefined)
      return { is: 'not-applicable', host: null, reason: say('no request fails', '没有请求失败') };
    return backends.length > 0
      ? backends
      : {
          is: 'inconclusive',
          host: null,
          reason: say('the connections of the backends could not be seen', '无法查看后端的连接'),
          wouldTell: ['connections', 'logs'],
        };
  },
  fix: fixHairpinLoop,
});

function proxies({ site }: Scene<never>): readonly string[] {
  return [...site.edge.map((each) => each.name), ...(site.balancer === undefined ? [] : [site.balancer.name])];
}

/** A proxy that one of our own requests passed again and again. */
function circleAt(scene: Looks, host: string, broken: readonly Symptom[]): readonly Finding[] {
  const mine = new Set(broken.flatMap((each) => each.exchanges.map(({ nonce }) => nonce)));
  const counted = scene.traces
    .filter((trace) => mine.has(trace.nonce))
    .map((trace) => ({ trace, passes: trace.hops.filter((hop) => hop.host === host) }));
  const worst = counted.toSorted((a, b) => b.passes.length - a.passes.length)[0];
  const [first] = worst?.passes ?? [];
  if (worst === undefined || first === undefined || worst.passes.length < passesOfALoop) return [];
  const own = ownOf(scene, host);
  // Lines whose client is the proxy itself: a backend behind it that asks again would have its own address there.
  const inner = worst.passes.filter(({ line }) => line.client !== null && own.includes(line.client));
  if (inner.length < passesOfALoop - 1) return [];
  const again = inner[0] ?? first;
  const config = scene.one('nginx-config', host);
  const [symptom] = broken;
  const pass = config === undefined || symptom === undefined ? null : (routeAt(scene, host, config.data, symptom)?.pass ?? null);
  const wrong = pass?.peers.find((peer) => peer.host !== null && own.includes(peer.host));
  const path = config === undefined || wrong === undefined ? null : pointerOf(config.data, wrong.directive);
  const target = wrong?.address ?? again.line.upstream?.addresses.at(-1) ?? '';
  return [
    {
      is: 'confirmed',
      host,
      layer: host === scene.site.balancer?.name ? 'balancer' : 'edge',
      summary: say(
        `${host} sends requests to itself${target === '' ? '' : ` (${target})`}: one marked request passed it ${worst.passes.length} times.`,
        `${host} 把请求转发给了自己${target === '' ? '' : `（${target}）`}：同一个带标记的请求经过它 ${worst.passes.length} 次。`,
      ),
      because: [
        {
          evidence: again.evidence,
          path: `/access/${again.index}/text`,
          says: say(
            `${worst.passes.length} lines of one request, ${inner.length} of them from ${host} itself`,
            `同一请求有 ${worst.passes.length} 行日志，其中 ${inner.length} 行来自 ${host} 自己`,
          ),
        },
        ...(config === undefined || path === null || wrong === undefined
          ? []
          : [
              cite(
                config,
                path,
                say(
                  `its upstream is its own address: ${wrong.directive.name} ${wrong.directive.args.join(' ')} (${placeOf(wrong.directive)})`,
                  `上游指向它自己的地址：${wrong.directive.name} ${wrong.directive.args.join(' ')}（${placeOf(wrong.directive)}）`,
                ),
              ),
            ]),
      ],
      explains: broken.map((each) => each.id),
      facts: { proxy: true, target, host, path: '', file: wrong?.directive.file ?? '' },
    },
  ];
}

/** Every address of a host that is known: those of its interfaces, and the one in the site file. */
function ownOf(scene: Looks, host: string): readonly string[] {
  const { site } = scene;
  const routes = scene.one('routes', host);
  const listed = [...site.edge, ...(site.balancer === undefined ? [] : [site.balancer]), ...site.backends].find(
    (each) => each.name === host,
  );
  return [
    ...(listed === undefined ? [] : [splitAddress(listed.address).host]),
    ...(routes === undefined ? [] : ownAddresses(routes.data)),
    '127.0.0.1',
    '::1',
  ];
}

/** What one backend asks of the site's own doors. */
function callsOf(scene: Looks, host: string, broken: readonly Symptom[]): readonly Finding[] {
  const connections = scene.one('connections', host);
  const doors = new Map(proxies(scene).flatMap((name) => ownDoors(scene, name).map((address) => [address, name] as const)));
  const calls = (connections?.data.groups ?? []).flatMap((group, index) => {
    const door = doors.get(group.remote);
    return door !== undefined &&
      group.localPort === null &&
      group.remotePort !== null &&
      ports(scene).has(group.remotePort) &&
      (group.state === 'ESTAB' || group.state === 'SYN-SENT' || group.state === 'CLOSE-WAIT') &&
      group.processes.length > 0 &&
      !group.processes.every(isTool)
      ? [{ group, index, door }]
      : [];
  });
  const held = calls.reduce((sum, { group }) => sum + group.count, 0);
  const nested = nestedLines(scene, host, broken);
  const [call] = calls;
  const [line] = nested.lines;
  const symptoms = symptomsAt(scene, host).filter((each) => broken.includes(each));
  if (connections === undefined && line === undefined)
    return [
      {
        is: 'inconclusive',
        host,
        reason: say(`the connections of ${host} could not be seen`, `无法查看 ${host} 的连接`),
        wouldTell: ['connections', 'logs'],
      },
    ];
  if (call === undefined && nested.by !== 'own') {
    return connections === undefined
      ? []
      : [
          {
            is: 'ruled-out',
            host,
            because: [
              cite(
                connections,
                '/total',
                say(
                  `of its ${connections.data.total} connections none goes to an address of the site itself`,
                  `其 ${connections.data.total} 个连接中没有通往站点自身地址的`,
                ),
              ),
            ],
          },
        ];
  }
  const fpm = scene.one('fpm', host);
  const pool = fpm?.data.pools.findIndex((each) => each.maxChildren !== null && held >= each.maxChildren) ?? -1;
  const full = fpm?.data.pools[pool];
  const [process] = call?.group.processes ?? [];
  const door = call?.door ?? nested.door ?? '';
  const path = line?.line.path?.split('?')[0] ?? '';
  const because: Citation[] = [
    ...(call === undefined || connections === undefined
      ? []
      : [
          cite(
            connections,
            `/groups/${call.index}/count`,
            say(
              `${process ?? 'a process'} on ${host} holds ${held} connections to ${call.group.remote}:${call.group.remotePort}, an address of ${door}`,
              `${host} 上的 ${process ?? '某进程'} 持有 ${held} 个到 ${call.group.remote}:${call.group.remotePort} 的连接，这是 ${door} 的地址`,
            ),
          ),
        ]),
    ...(fpm === undefined || full === undefined
      ? []
      : [
          cite(
            fpm,
            `/pools/${pool}/maxChildren`,
            say(
              `pool "${full.name}" has ${full.maxChildren} children in all: every one of them waits for the site itself`,
              `进程池 “${full.name}” 总共只有 ${full.maxChildren} 个子进程：全部在等待站点自身`,
            ),
          ),
        ]),
    ...(line === undefined
      ? []
      : [
          citeAccess(
            line,
            say(
              `${nested.lines.length} failing requests for ${path} came from inside while ours ran`,
              `我们的请求期间有 ${nested.lines.length} 个对 ${path} 的失败请求来自内部`,
            ),
          ),
        ]),
  ];
  const [first, ...rest] = because;
  if (first === undefined) return [];
  if (symptoms.length === 0)
    return [
      {
        is: 'advice',
        host,
        summary: say(`${host} calls the site by its own public address (${door}).`, `${host} 通过站点自身的公网地址（${door}）发起调用。`),
        because: [first, ...rest],
      },
    ];
  const [failure] = failing(clientRequests(scene, { purpose: 'reproduce' })).filter(
    ({ exchange }) => symptoms.some((each) => sameRequest(each, exchange)) && isFailure(exchange),
  );
  return [
    {
      // The very page that fails is asked for by the backend that serves it, or the site's own answer is what all its workers wait for.
      is: line !== undefined || full !== undefined ? 'confirmed' : 'likely',
      host,
      summary: say(
        `${process ?? 'An application'} on ${host} asks the site itself, through ${door}${path === '' ? '' : `, for ${path}`}: requests wait for one another until nothing is left to answer them.`,
        `${host} 上的 ${process ?? '应用'} 通过 ${door} 请求站点自身${path === '' ? '' : `的 ${path}`}：请求互相等待，直至没有资源可以响应。`,
      ),
      because: [first, ...rest, ...(failure === undefined ? [] : [citeRequest(failure, outcomeText(failure))])],
      explains: symptoms.map((each) => each.id),
      facts: { proxy: false, target: call?.group.remote ?? '', host, path, process: process ?? '', door },
    },
  ];
}

/** Our own measuring tools, which ask the site from inside too. */
function isTool(process: string): boolean {
  return /^(?:curl|nc|openssl|python\d?[\d.]*|perl|ssh|sshd)$/.test(process);
}

/** Addresses of an edge or balancer that clients use; the balancer's own side towards the backends is left out where only routes know it. */
function ownDoors(scene: Looks, name: string): readonly string[] {
  const { site } = scene;
  const listed = [...site.edge, ...(site.balancer === undefined ? [] : [site.balancer])].find((each) => each.name === name);
  return listed === undefined ? [] : [splitAddress(listed.address).host];
}

/** Ports that the site serves. */
function ports({ site }: Scene<never>): ReadonlySet<number> {
  const url = new URL(site.url);
  const own = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const listed = [
    ...site.edge.map((each) => splitAddress(each.address).port),
    ...(site.balancer?.listeners.map((each) => each.port) ?? []),
  ];
  return new Set([80, 443, own, ...listed.filter((port) => port !== null)]);
}

interface Nested {
  readonly lines: readonly Logged<AccessLine>[];
  /** `own`: from this backend's own address. `translated`: from an address that its packets leave by. */
  readonly by: 'own' | 'translated' | null;
  readonly door: string | null;
}

/** Failing requests for the failing page that came to an edge or balancer from inside while ours ran. */
function nestedLines(scene: Looks, host: string, broken: readonly Symptom[]): Nested {
  const paths = new Set(broken.map((each) => new URL(each.url).pathname));
  const wanted = (line: AccessLine): boolean =>
    line.ours && line.nonce === null && line.path !== null && paths.has(line.path.split('?')[0] ?? '');
  const own = ownOf(scene, host).filter((address) => address !== '127.0.0.1' && address !== '::1');
  for (const door of proxies(scene)) {
    const lines = accessLines(scene, door, (line) => wanted(line) && line.client !== null && own.includes(line.client));
    if (lines.length > 0) return { lines, by: 'own', door };
  }
  // Backends reach an edge from outside through the balancer's address translation.
  const balancer = scene.site.balancer?.name;
  const gateways = balancer === undefined ? [] : ownOf(scene, balancer).filter((address) => address !== '127.0.0.1' && address !== '::1');
  for (const { name } of scene.site.edge) {
    const lines = accessLines(scene, name, (line) => wanted(line) && line.client !== null && gateways.includes(line.client));
    if (lines.length > 0) return { lines, by: 'translated', door: name };
  }
  return { lines: [], by: null, door: null };
}
