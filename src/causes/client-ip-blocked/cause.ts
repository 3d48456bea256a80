// Cloud security, a black list or a left-over white list keeps one client's address out: its packets vanish (connect times out) or are reset, or its
// requests get 403 or 405, while every other client is served. From outside it looks as if an ISP filtered; what tells them apart is a second
// client of the same network, and the rules of the entrance evaluated for that very address.
import { deciderOf } from '../../facts/balancer-reach.ts';
import { answerOf, arrivalAt, clientsOf, crowdOf, entranceOf, portOf, symptomsOfClient } from '../../facts/entrance.ts';
import type { Client, Entrance, ShutOut } from '../../facts/entrance.ts';
import { parseAddress, parseSpan, spanHolds } from '../../facts/addresses.ts';
import { pointerOf } from '../../facts/fastcgi.ts';
import { connectErrorOf } from '../../facts/firewall.ts';
import { effectiveAll, placeOf, routeOf } from '../../facts/nginx-config.ts';
import { citeRequest, outcomeText } from '../../facts/scene.ts';
import type { Scene } from '../../model/cause.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixClientIpBlocked } from './fix.ts';

type Looks = Scene<'requests' | 'firewall' | 'routes' | 'logs' | 'nginx-config'>;

export const clientIpBlocked = defineCause({
  id: 'client-ip-blocked',
  title: say('The entrance blocks this client’s address', '入口拦截了该客户端的 IP'),
  layer: 'edge',
  seed: 'cause 2',
  needs: ['requests'],
  wants: ['firewall', 'routes', 'logs', 'nginx-config'],
  judge(scene) {
    const entrance = entranceOf(scene);
    if (entrance === null)
      return {
        is: 'not-applicable',
        host: null,
        reason: say('the site file names no edge and no balancer', '站点文件中没有高防/WAF，也没有负载均衡'),
      };
    const { host } = entrance;
    const clients = clientsOf(scene);
    const crowd = crowdOf(clients);
    const [open] = crowd.in;
    if (crowd.out.length === 0) {
      const answer = open === undefined ? null : answerOf(open);
      if (answer === null) return { is: 'not-applicable', host, reason: say('no client is kept out', '没有客户端被拦截') };
      return {
        is: 'ruled-out',
        host,
        because: [
          citeRequest(
            answer,
            say(
              `${answer.from} got an answer through ${host}: ${outcomeText(answer).en}`,
              `${answer.from} 通过 ${host} 得到响应：${outcomeText(answer).zh}`,
            ),
          ),
        ],
      };
    }
    return crowd.out.map((shut) => judgeOne(scene, entrance, shut, crowd.in));
  },
  fix: fixClientIpBlocked,
});

function judgeOne(scene: Looks, entrance: Entrance, shut: ShutOut, others: readonly Client[]): Finding {
  const { host } = entrance;
  const { client, first } = shut;
  const address = client.address?.address ?? null;
  const failed = citeRequest(
    first,
    say(
      `${client.name}${address === null ? '' : ` (${address})`}: ${outcomeText(first).en}`,
      `${client.name}${address === null ? '' : `（${address}）`}：${outcomeText(first).zh}`,
    ),
  );
  const good = others.flatMap((each) => {
    const answer = answerOf(each);
    return answer === null
      ? []
      : [
          citeRequest(
            answer,
            say(
              `${each.name}${each.address === null ? '' : ` (${each.address.address})`}, the same request: ${outcomeText(answer).en}`,
              `${each.name}${each.address === null ? '' : `（${each.address.address}）`} 发送同一请求：${outcomeText(answer).zh}`,
            ),
          ),
        ];
  });
  const who = address === null ? client.name : `${client.name} (${address})`;
  const facts = { address: address ?? '', client: client.name, entrance: host, port: portOf(first) };
  const explains = symptomsOfClient(scene, client.name);

  if (shut.how === 'answer') return refused(scene, entrance, shut, { failed, good, who, facts, explains, others });

  if (address !== null) {
    const arrival = arrivalAt(scene, entrance, address, portOf(first));
    if (arrival !== null) {
      const { evidence, decision } = arrival;
      const decider = deciderOf(evidence, decision);
      const wire = connectErrorOf(decision, address.includes(':') ? 6 : 4);
      if (wire !== null && decider !== null && isAboutSome(scene, entrance, portOf(first), others)) {
        const fits = first.exchange.failedPhase === 'connect' && first.exchange.error === wire;
        const does = decision.verdict === 'drop' ? say('drops', '丢弃') : say('rejects', '拒绝');
        const summary = say(
          `The firewall of ${host} ${does.en} ${who}: ${decider.where}: ${decider.text}`,
          `${host} 的防火墙${does.zh} ${who} 的数据包：${decider.where}：${decider.text}`,
        );
        const because = [
          decider.citation,
          failed,
          ...(client.address?.citation == null ? [] : [client.address.citation]),
          ...good,
        ] as const;
        if (!fits || decider.packetsDelta === 0) return { is: 'advice', host, summary, because };
        return {
          is: decision.doubts.length === 0 ? 'confirmed' : 'likely',
          host,
          summary,
          because,
          ...layerOf(entrance),
          explains,
          facts: {
            ...facts,
            rule: decider.text,
            engine: decision.engine,
            family: (decision.rule ?? decision.policy)?.family ?? '',
            table: (decision.rule ?? decision.policy)?.table ?? '',
            set: /@([\w.-]+)/.exec(decider.text)?.[1] ?? '',
          },
        };
      }
      if (decision.verdict === 'accept') {
        const path = evidence.data.nft !== null ? '/nft' : evidence.data.iptables !== null ? '/iptables' : '/ip6tables';
        return {
          is: 'ruled-out',
          host,
          because: [
            cite(
              evidence,
              path,
              say(
                `the firewall of ${host} lets ${address} in to port ${portOf(first)}`,
                `${host} 的防火墙放行 ${address} 访问 ${portOf(first)} 端口`,
              ),
            ),
            failed,
          ],
        };
      }
    }
  }
  const [best] = good;
  const neighbour = neighbourOf(client, others);
  if (best === undefined)
    return {
      is: 'inconclusive',
      host,
      reason: say('no client gets through, so nothing tells one address from another', '没有客户端能访问，无法区分是否只针对某个地址'),
    };
  if (neighbour === null) {
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `whether ${host} blocks ${who} or its ISP does cannot be told: a second client of the same network, or the rules of ${host}, would`,
        `无法区分是 ${host} 拦截了 ${who} 还是其运营商拦截：需要同一网络的另一个客户端，或 ${host} 的规则`,
      ),
      wouldTell: ['firewall'],
    };
  }
  return {
    is: 'likely',
    host,
    summary: say(
      `${host} seems to block ${who}: ${neighbour.name}, of the same network, is served.`,
      `${host} 很可能拦截了 ${who}：同一网络的 ${neighbour.name} 访问正常。`,
    ),
    because: [failed, best, ...good.slice(1)],
    ...layerOf(entrance),
    explains,
    facts: { ...facts, rule: '', engine: '', family: '', table: '', set: '' },
  };
}

interface Told {
  readonly failed: Citation;
  readonly good: readonly Citation[];
  readonly who: string;
  readonly facts: Readonly<Record<string, string | number>>;
  readonly explains: readonly string[];
  readonly others: readonly Client[];
}

/** A client that gets 403 or 405 where others are served. The answer has to be the entrance's own. */
function refused(scene: Looks, entrance: Entrance, { client, first }: ShutOut, told: Told): Finding {
  const { host } = entrance;
  const status = first.exchange.status ?? 0;
  const { failed, good, who, facts, explains } = told;
  const made = scene.symptoms.filter((each) => explains.includes(each.id));
  const elsewhere = made.some(({ answeredBy }) => answeredBy.hop !== 'unknown' && answeredBy.host !== host);
  if (elsewhere || good.length === 0) {
    const [, second] = scene.all('requests').filter((each) => each.data.exchanges.some((exchange) => exchange.purpose === 'reproduce'));
    if (!elsewhere && second !== undefined)
      return {
        is: 'ruled-out',
        host,
        because: [
          citeRequest(first, say(`every client gets ${status}, ${client.name} as well`, `所有客户端都得到 ${status}，${client.name} 也是`)),
        ],
      };
    return elsewhere
      ? {
          is: 'ruled-out',
          host,
          because: [
            citeRequest(
              first,
              say(
                `${status} does not come from ${host}, but from ${made[0]?.answeredBy.host ?? made[0]?.answeredBy.hop ?? ''}`,
                `${status} 不是 ${host} 返回的，而是来自 ${made[0]?.answeredBy.host ?? made[0]?.answeredBy.hop ?? ''}`,
              ),
            ),
          ],
        }
      : { is: 'inconclusive', host, reason: say(`every client gets ${status}`, `所有客户端都得到 ${status}`) };
  }
  const config = scene.one('nginx-config', host);
  const address = client.address?.address ?? null;
  const denial = config === undefined || address === null ? null : denialOf(config.data, first, address);
  const rest = [failed, ...(client.address?.citation == null ? [] : [client.address.citation]), ...good] as const;
  if (config !== undefined && denial !== null) {
    return {
      is: 'confirmed',
      host,
      summary: say(
        `${host} answers ${who} with ${status} by “${denial.text}” (${denial.at}).`,
        `${host} 依据 “${denial.text}”（${denial.at}）对 ${who} 返回 ${status}。`,
      ),
      because: [cite(config, denial.path, say(`${denial.text} (${denial.at})`, `${denial.text}（${denial.at}）`)), ...rest],
      ...layerOf(entrance),
      explains,
      facts: { ...facts, rule: denial.text, engine: 'nginx', family: '', table: '', set: '', file: denial.file },
    };
  }
  const neighbour = neighbourOf(client, told.others);
  const own = made.some(({ answeredBy }) => answeredBy.host === host);
  if (!own && neighbour === null)
    return {
      is: 'inconclusive',
      host,
      reason: say(`${who} alone gets ${status}; who answers is not known`, `只有 ${who} 得到 ${status}，但不知道由谁返回`),
      wouldTell: ['logs', 'nginx-config'],
    };
  return {
    is: 'likely',
    host,
    summary: say(`${host} answers ${who} with ${status}, and serves others.`, `${host} 对 ${who} 返回 ${status}，而其他客户端正常。`),
    because: rest,
    ...layerOf(entrance),
    explains,
    facts: { ...facts, rule: '', engine: '', family: '', table: '', set: '' },
  };
}

/** A site without an edge has its lists at the balancer. */
function layerOf({ role }: Entrance): { readonly layer?: 'balancer' } {
  return role === 'balancer' ? { layer: 'balancer' } : {};
}

/** A client of the same network that gets through: the network as a whole is not what is kept out. */
function neighbourOf(client: Client, others: readonly Client[]): Client | null {
  return client.network === null ? null : (others.find((each) => each.network === client.network) ?? null);
}

/** True where the rules treat addresses differently: a port that is closed to everybody is another cause. */
function isAboutSome(scene: Looks, entrance: Entrance, port: number, others: readonly Client[]): boolean {
  if (others.length > 0) return true;
  const strangers = entrance.address.includes(':') ? ['2001:4860:4860::8888', '2a09::'] : ['8.8.4.4', '77.88.8.8'];
  return strangers.some((address) => arrivalAt(scene, entrance, address, port)?.decision.verdict === 'accept');
}

/** The `deny` that an address meets in nginx's access rules, which are asked in order; null where it is let in. */
function denialOf(
  config: Parameters<typeof routeOf>[0],
  { exchange }: ShutOut['first'],
  address: string,
): { readonly text: string; readonly at: string; readonly file: string; readonly path: string } | null {
  const url = new URL(exchange.url);
  const route = routeOf(config, {
    port: portOf({ exchange } as ShutOut['first']),
    host: url.hostname,
    uri: `${url.pathname}${url.search}`,
  });
  const parsed = parseAddress(address);
  if (route === null || parsed === null) return null;
  const scope = { server: route.server, location: route.location };
  // `allow` and `deny` of one level belong together and are asked in the order in which they stand.
  const rules = [...effectiveAll(config, scope, 'allow'), ...effectiveAll(config, scope, 'deny')].toSorted(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line,
  );
  for (const rule of rules) {
    const [whom = ''] = rule.args;
    const span = parseSpan(whom);
    if (whom !== 'all' && (span === null || !spanHolds(span, parsed))) continue;
    if (rule.name === 'allow') return null;
    const path = pointerOf(config, rule);
    return path === null ? null : { text: `deny ${whom}`, at: placeOf(rule), file: rule.file, path };
  }
  return null;
}
