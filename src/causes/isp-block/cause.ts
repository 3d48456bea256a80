// Something between some clients and the site filters: packets to the site's address vanish, or a reset comes back that the site never sent, while
// clients of other networks are served. Told by who is hit (every client of one network, none of another), by the hop limit of the reset, and by the
// entrance, whose firewall would let these clients in and whose log has never heard of them.
import { deciderOf } from '../../facts/balancer-reach.ts';
import { answerOf, arrivalAt, clientsOf, crowdOf, entranceOf, logHas, portOf, symptomsOfClient } from '../../facts/entrance.ts';
import type { Client, Entrance, ShutOut } from '../../facts/entrance.ts';
import { interfaceOf, reversePath, routeFor } from '../../facts/routes.ts';
import { citeRequest, clientRequests, outcomeText } from '../../facts/scene.ts';
import type { Sent } from '../../facts/scene.ts';
import type { Scene } from '../../model/cause.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixIspBlock } from './fix.ts';

type Looks = Scene<'requests' | 'firewall' | 'routes' | 'logs'>;

export const ispBlock = defineCause({
  id: 'isp-block',
  title: say('The clients’ ISP filters traffic to the site', '客户端所在运营商拦截了到站点的流量'),
  layer: 'client-network',
  seed: 'cause 2',
  needs: ['requests'],
  wants: ['firewall', 'routes', 'logs'],
  judge(scene) {
    const entrance = entranceOf(scene);
    const crowd = crowdOf(clientsOf(scene));
    const out = crowd.out.filter(({ how }) => how === 'packets');
    const [free] = crowd.in;
    const answer = free === undefined ? null : answerOf(free);
    if (out.length === 0) {
      if (answer === null) return { is: 'not-applicable', host: null, reason: say('no client was kept out', '没有客户端被拦截') };
      return {
        is: 'ruled-out',
        host: null,
        because: [
          citeRequest(
            answer,
            say(
              `no client is kept out: ${answer.from} got ${outcomeText(answer).en}`,
              `没有客户端被拦截：${answer.from} 得到 ${outcomeText(answer).zh}`,
            ),
          ),
        ],
      };
    }
    if (answer === null)
      return {
        is: 'inconclusive',
        host: null,
        reason: say(
          'no client of any network gets through; one elsewhere would tell',
          '没有任何网络的客户端能访问；需要其他网络的客户端才能判断',
        ),
      };
    const networks = [...new Set(out.map(({ client }) => client.network))];
    return networks.map((network) =>
      judgeNetwork(
        scene,
        entrance,
        network,
        out.filter(({ client }) => client.network === network),
        crowd.in,
        answer,
      ),
    );
  },
  fix: fixIspBlock,
});

function judgeNetwork(
  scene: Looks,
  entrance: Entrance | null,
  network: string | null,
  out: readonly ShutOut[],
  others: readonly Client[],
  answer: Sent,
): Finding {
  const host = null;
  const [shut, second] = out;
  if (shut === undefined) return { is: 'not-applicable', host, reason: say('no client was kept out', '没有客户端被拦截') };
  const names = out.map(({ client }) => client.name).join(', ');
  const neighbour = network === null ? undefined : others.find((each) => each.network === network);
  const served = neighbour === undefined ? null : answerOf(neighbour);
  if (served !== null) {
    return {
      is: 'ruled-out',
      host,
      because: [
        citeRequest(
          served,
          say(
            `${served.from} is in the same network ${network ?? ''} as ${names} and is served: ${outcomeText(served).en}`,
            `${served.from} 与 ${names} 同属网络 ${network ?? ''}，访问正常：${outcomeText(served).zh}`,
          ),
        ),
      ],
    };
  }
  const failures = out
    .slice(0, 2)
    .map(({ client, first }) =>
      citeRequest(
        first,
        say(
          `${client.name}${client.address === null ? '' : ` (${client.address.address})`}: ${outcomeText(first).en}`,
          `${client.name}${client.address === null ? '' : `（${client.address.address}）`}：${outcomeText(first).zh}`,
        ),
      ),
    );
  const far = others.find((each) => each.network !== null && each.network !== network);
  const good = citeRequest(
    answer,
    say(
      `${answer.from}${far === undefined ? '' : `, of ${far.network ?? ''}`}, the same request: ${outcomeText(answer).en}`,
      `${answer.from}${far === undefined ? '' : `（${far.network ?? ''}）`} 发送同一请求：${outcomeText(answer).zh}`,
    ),
  );
  const ttl = ttlOf(scene, out);
  if (ttl?.same === true) return { is: 'ruled-out', host, because: [ttl.citation] };

  const site = entrance === null ? [] : innocence(scene, entrance, out);
  const guilty = site.find(({ guilty: blocks }) => blocks !== null);
  if (guilty?.guilty != null) return { is: 'ruled-out', host, because: [guilty.guilty] };
  const cleared = site.length > 0 && site.every(({ cleared: fully }) => fully);
  const several = second !== undefined && network !== null;
  const who = several ? say(`every client of ${network} (${names})`, `${network} 的所有客户端（${names}）`) : say(names, names);
  // One client may have a filter of its own; two of one network, or a reset of a stranger's, point to the way.
  if (!several && ttl === null) {
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `${names} alone is kept out: another client of the same ISP, or a packet capture at ${entrance?.host ?? 'the site'}, would tell whose doing it is`,
        `只有 ${names} 无法访问：需要同一运营商的另一个客户端，或在 ${entrance?.host ?? '站点'} 抓包，才能判断由谁造成`,
      ),
      wouldTell: ['firewall'],
    };
  }
  const because: [Citation, ...Citation[]] = [
    failures[0] ?? good,
    ...failures.slice(1),
    good,
    ...(ttl === null ? [] : [ttl.citation]),
    ...site.flatMap(({ because: each }) => each),
  ];
  const what =
    shut.first.exchange.error === 'timeout'
      ? say('gets no answer', '得不到任何应答')
      : shut.first.exchange.failedPhase === 'connect'
        ? say('is refused', '连接被拒绝')
        : say('is cut off by a reset', '连接被重置');
  return {
    is: cleared ? 'confirmed' : 'likely',
    host,
    summary: say(
      `On the way from their ISP ${who.en} ${what.en}, while ${answer.from} is served${cleared ? `; ${entrance?.host ?? 'the site'} would let them in and never saw these requests` : ''}.`,
      `${who.zh}在运营商线路上${what.zh}，而 ${answer.from} 访问正常${cleared ? `；${entrance?.host ?? '站点'} 的规则会放行，但从未收到这些请求` : ''}。`,
    ),
    because,
    explains: out.flatMap(({ client }) => symptomsOfClient(scene, client.name)),
    facts: {
      clients: names,
      network: network ?? '',
      site: entrance?.address ?? shut.first.exchange.remoteAddress ?? '',
      port: portOf(shut.first),
      entrance: entrance?.host ?? '',
    },
  };
}

interface Innocence {
  /** The entrance would let the client in, can answer it, and has not logged it. */
  readonly cleared: boolean;
  readonly because: readonly Citation[];
  /** The entrance itself keeps the client out, or has served it. */
  readonly guilty: Citation | null;
}

/** What the entrance has to do with it, client by client. */
function innocence(scene: Looks, entrance: Entrance, out: readonly ShutOut[]): readonly Innocence[] {
  const logs = scene.one('logs', entrance.host);
  const routes = scene.one('routes', entrance.host);
  return out.map(({ client, first }): Innocence => {
    const logged = logHas(scene, entrance.host, client.sent);
    const index = logs?.data.access.findIndex((line) => client.sent.some(({ exchange }) => exchange.nonce === line.nonce)) ?? -1;
    if (logged === true && logs !== undefined)
      return {
        cleared: false,
        because: [],
        guilty: cite(
          logs,
          `/access/${index}/text`,
          say(`${entrance.host} got the request of ${client.name}`, `${entrance.host} 收到了 ${client.name} 的请求`),
        ),
      };
    const address = client.address?.address ?? null;
    const arrival = address === null ? null : arrivalAt(scene, entrance, address, portOf(first));
    if (arrival === null || address === null) return { cleared: false, because: [], guilty: null };
    const { evidence, decision } = arrival;
    const decider = deciderOf(evidence, decision);
    if (decision.verdict === 'drop' || decision.verdict === 'reject')
      return {
        cleared: false,
        because: [],
        guilty: decider?.citation ?? cite(evidence, '', say(`${entrance.host} keeps ${address} out`, `${entrance.host} 拦截 ${address}`)),
      };
    const path = evidence.data.nft !== null ? '/nft' : evidence.data.iptables !== null ? '/iptables' : '/ip6tables';
    const lets = cite(
      evidence,
      path,
      say(
        `the firewall of ${entrance.host} lets ${address} in to port ${portOf(first)}`,
        `${entrance.host} 的防火墙放行 ${address} 访问 ${portOf(first)} 端口`,
      ),
    );
    const silent =
      logs === undefined || logged !== false
        ? []
        : [
            cite(
              logs,
              '/access',
              say(
                `the log of ${entrance.host} has none of the ${client.sent.length} requests of ${client.name}`,
                `${entrance.host} 的日志中没有 ${client.name} 的 ${client.sent.length} 个请求`,
              ),
            ),
          ];
    return {
      cleared: decision.verdict === 'accept' && silent.length > 0 && routes !== undefined && canAnswer(routes.data, entrance, address),
      because: [lets, ...silent],
      guilty: null,
    };
  });
}

/** Whether the entrance has a way back to the client, by the interface that its packets come in on. */
function canAnswer(routes: Parameters<typeof routeFor>[0], entrance: Entrance, address: string): boolean {
  const iif = interfaceOf(routes, entrance.address);
  return iif === null
    ? routeFor(routes, address)?.type === 'unicast'
    : reversePath(routes, address, iif, entrance.address)?.symmetric === true;
}

/** The hop limit of a reset against that of the site's own packets; null where either was not seen. */
function ttlOf(scene: Looks, out: readonly ShutOut[]): { readonly same: boolean; readonly citation: Citation } | null {
  for (const { client } of out) {
    const reset = client.sent.find(({ exchange }) => exchange.resetTtl !== null);
    if (reset === undefined) continue;
    const from = reset.exchange.remoteAddress;
    const own =
      reset.exchange.synAckTtl ??
      clientRequests(scene, { from: client.name }).find(({ exchange }) => exchange.remoteAddress === from && exchange.synAckTtl !== null)
        ?.exchange.synAckTtl ??
      null;
    const ttl = reset.exchange.resetTtl;
    if (own === null || ttl === null) continue;
    const same = own === ttl;
    const says = same
      ? say(`the reset has the hop limit of the site’s own packets, ${ttl}`, `重置包的 TTL 与站点自身的包相同，均为 ${ttl}`)
      : say(
          `the reset arrived with hop limit ${ttl}, the site’s own packets with ${own}: somebody else sent it`,
          `重置包的 TTL 为 ${ttl}，而站点自身的包为 ${own}：它是别人发的`,
        );
    return { same, citation: { evidence: reset.evidence.id, path: `/exchanges/${reset.index}/resetTtl`, says } };
  }
  return null;
}
