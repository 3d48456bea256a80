// A layer-4 balancer sends the client's own packets on, so the backend sees the client's address. With reverse path filtering in strict mode
// (1) the kernel drops a packet when the way back to its source leaves by another interface than the one it came in on, as on machines with a
// second interface for their default route. The client's SYN gets no answer: a connect timeout, no HTTP code. What counts is the larger of
// `conf.all` and that interface's own value. A layer-7 listener works: its packets come from the balancer, which is reached symmetrically.
import { bothSides, unreachedSymptoms } from '../../facts/balancer-reach.ts';
import { balancerSources, isProxied } from '../../facts/balancer-sources.ts';
import { interfaceOf, reversePath, rpFilterEffective } from '../../facts/routes.ts';
import type { ReversePath } from '../../facts/routes.ts';
import { citeRequest, clientRequests, ids, outcomeText, succeeding, symptomsAt } from '../../facts/scene.ts';
import type { Scene } from '../../model/cause.ts';
import { cite, defineCause, segment } from '../../model/cause.ts';
import type { Measured } from '../../model/evidence.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import { splitAddress } from '../../model/site.ts';
import type { Symptom } from '../../model/symptom.ts';
import { say } from '../../model/text.ts';
import { fixRpFilterStrictL4 } from './fix.ts';

type Sees = Scene<
  'sysctls' | 'routes' | 'requests' | 'backend-requests' | 'net-counters' | 'logs' | 'firewall' | 'haproxy-config' | 'nginx-config'
>;

const counterName = 'TcpExt.IPReversePathFilter';

/** A source that packets for this backend have, and the symptoms of those who send from it. */
interface Origin {
  readonly address: string;
  readonly back: ReversePath;
  readonly symptoms: readonly Symptom[];
}

export const rpFilterStrictL4 = defineCause({
  id: 'rp-filter-strict-l4',
  title: say('Strict reverse path filtering drops layer-4 packets', '严格反向路径过滤丢弃四层转发的数据包'),
  layer: 'host',
  seed: 'cause 4',
  perHost: ['backend'],
  needs: ['sysctls', 'routes'],
  wants: ['net-counters', 'requests', 'backend-requests', 'logs', 'firewall', 'haproxy-config', 'nginx-config'],
  judge(scene): Finding {
    const host = scene.host?.host ?? '';
    const sysctls = scene.one('sysctls');
    const routes = scene.one('routes');
    const backend = scene.site.backends.find((each) => each.name === host);
    if (sysctls === undefined || routes === undefined || backend === undefined)
      return {
        is: 'inconclusive',
        host,
        reason: say('the kernel settings were not read', '未能读取内核参数'),
        wouldTell: ['sysctls', 'routes'],
      };
    const own = splitAddress(backend.address).host;
    const device = interfaceOf(routes.data, own);
    if (own.includes(':'))
      return {
        is: 'not-applicable',
        host,
        reason: say('reverse path filtering by sysctl is for IPv4 only', 'rp_filter 参数仅适用于 IPv4'),
      };
    const effective = device === null ? null : rpFilterEffective(sysctls.data, device);
    if (device === null || effective === null)
      return {
        is: 'inconclusive',
        host,
        reason: say(`it could not be seen which interface has ${own}, or its rp_filter`, `无法确定 ${own} 所在的接口或其 rp_filter`),
        wouldTell: ['sysctls', 'routes'],
      };
    const setting = settingOf(sysctls, device, effective);
    if (effective !== 1) return { is: 'ruled-out', host, because: [setting.citation] };

    const origins = originsAt(scene, host, device, own);
    const dropped = origins.filter(({ back }) => back.strictDrops && back.route.type === 'unicast');
    const worst = dropped.toSorted((a, b) => b.symptoms.length - a.symptoms.length)[0];
    if (worst === undefined) {
      const [first] = origins;
      if (first === undefined)
        return {
          is: 'inconclusive',
          host,
          reason: say('which addresses send to this backend is not known', '不知道哪些地址向该后端发送数据包'),
          wouldTell: ['requests', 'logs'],
        };
      return { is: 'ruled-out', host, because: [citeRoute(routes, first, device), setting.citation] };
    }
    const counters = scene.one('net-counters');
    const counter = counters?.data.counters[counterName];
    const moved = counter?.delta ?? null;
    const counted =
      counters === undefined || counter === undefined
        ? []
        : [
            cite(
              counters,
              `/counters/${segment(counterName)}`,
              moved === null
                ? say(`${counterName} is ${counter.now}`, `${counterName} 为 ${counter.now}`)
                : say(
                    `${counterName} rose by ${moved} to ${counter.now} while our requests ran`,
                    `我们的请求期间 ${counterName} 增加 ${moved}，达到 ${counter.now}`,
                  ),
            ),
          ];
    const symptoms = [...new Set(dropped.flatMap((each) => each.symptoms))];
    const otherWay = succeeding(clientRequests(scene, { purpose: 'other-listener' }))[0];
    const { itself } = bothSides(scene, host);
    const because: readonly [Citation, ...Citation[]] = [
      ...(moved === null || moved > 0 ? counted : []),
      setting.citation,
      citeRoute(routes, worst, device),
      ...(moved === 0 ? counted : []),
      ...(otherWay === undefined
        ? []
        : [
            citeRequest(
              otherWay,
              say(
                `the same request through the listener on port ${otherWay.exchange.listenerPort ?? 0}: ${outcomeText(otherWay).en}`,
                `经 ${otherWay.exchange.listenerPort ?? 0} 端口监听的同一请求：${outcomeText(otherWay).zh}`,
              ),
            ),
          ]),
      ...(itself === null
        ? []
        : [
            citeRequest(
              itself,
              say(`${host} itself gets the page: ${outcomeText(itself).en}`, `${host} 自己请求该页面：${outcomeText(itself).zh}`),
            ),
          ]),
    ] as unknown as readonly [Citation, ...Citation[]];
    const summary = say(
      `${host} drops packets from ${worst.address}: they come in on ${device}, the way back is ${worst.back.route.dev ?? 'nowhere'}, and rp_filter is strict (${setting.name} = 1).`,
      `${host} 丢弃来自 ${worst.address} 的数据包：它们从 ${device} 进入，回程却走 ${worst.back.route.dev ?? '无路由'}，而 rp_filter 为严格模式（${setting.name} = 1）。`,
    );
    // The counter of the kernel itself says that nothing was dropped meanwhile.
    if (moved === 0 || symptoms.length === 0) return { is: 'advice', host, summary, because };
    return {
      is: moved !== null ? 'confirmed' : 'likely',
      host,
      summary,
      because,
      explains: ids(symptoms),
      facts: {
        device,
        all: sysctls.data.values['net.ipv4.conf.all.rp_filter'] ?? '0',
        own: sysctls.data.values[`net.ipv4.conf.${device}.rp_filter`] ?? '0',
        source: worst.address,
        back: worst.back.route.dev ?? '',
      },
    };
  },
  fix: fixRpFilterStrictL4,
});

/** The setting that decides: the larger of `all` and the interface's own. */
function settingOf(
  sysctls: Measured<'sysctls'>,
  device: string,
  effective: 0 | 1 | 2,
): { readonly name: string; readonly citation: Citation } {
  const names = ['all', device, 'default'].map((each) => `net.ipv4.conf.${each}.rp_filter`);
  const name = names.find((each) => sysctls.data.values[each] === String(effective)) ?? names[0] ?? '';
  const mode = ['off', 'strict', 'loose'][effective] ?? '';
  const modeZh = ['关闭', '严格', '宽松'][effective] ?? '';
  const says = say(
    `rp_filter that counts for ${device} (the larger of all and ${device}) is ${effective}, ${mode}: ${name}`,
    `对 ${device} 生效的 rp_filter（取 all 与 ${device} 中较大者）为 ${effective}（${modeZh}）：${name}`,
  );
  return { name, citation: cite(sysctls, `/values/${segment(name)}`, says) };
}

function citeRoute(routes: Measured<'routes'>, { address, back }: Origin, device: string): Citation {
  const says = back.symmetric
    ? say(`answers to ${address} leave by ${device}, where its packets come in`, `到 ${address} 的回程走 ${device}，与其数据包的入口相同`)
    : say(
        `packets from ${address} come in on ${device}, but the way back to it is ${back.route.dev ?? 'nowhere'}`,
        `来自 ${address} 的数据包从 ${device} 进入，但回程走 ${back.route.dev ?? '无路由'}`,
      );
  return cite(routes, back.route.index === null ? '/routes' : `/routes/${back.route.index}`, says);
}

/** Everybody whose packets come to this backend: the balancer for its own connections, and the clients of listeners that merely send on. */
function originsAt(scene: Sees, host: string, device: string, own: string): readonly Origin[] {
  const routes = scene.one('routes', host)?.data;
  if (routes === undefined) return [];
  const found = new Map<string, Set<Symptom>>();
  const add = (address: string | null, symptoms: readonly Symptom[]): void => {
    if (address === null || address.includes(':')) return;
    const entry = found.get(address) ?? new Set();
    for (const symptom of symptoms) entry.add(symptom);
    found.set(address, entry);
  };
  for (const { address } of balancerSources(scene, host))
    add(
      address,
      unreachedSymptoms(scene, host).map((each) => each.symptom),
    );
  const logged = new Map(
    scene
      .all('logs')
      .flatMap((logs) =>
        scene.site.backends.some((each) => each.name === logs.host)
          ? logs.data.access.flatMap((line) => (line.nonce === null || line.client === null ? [] : [[line.nonce, line.client] as const]))
          : [],
      ),
  );
  const sentOn = clientRequests(scene, { purpose: ['reproduce', 'other-listener'] }).filter(
    ({ exchange }) => !isProxied(scene, exchange.listenerPort),
  );
  for (const place of new Set(sentOn.map((each) => `${each.from} ${each.exchange.listenerPort ?? ''}`))) {
    const requests = sentOn.filter((each) => `${each.from} ${each.exchange.listenerPort ?? ''}` === place);
    const client = requests[0]?.from ?? '';
    const lost = new Set(
      requests
        .filter(({ exchange }) => exchange.error === 'timeout' && exchange.failedPhase === 'connect')
        .map(({ exchange }) => exchange.nonce),
    );
    const symptoms = symptomsAt(scene, host).filter(
      (symptom) => symptom.client === client && symptom.status === null && symptom.exchanges.some(({ nonce }) => lost.has(nonce)),
    );
    // What another backend's log shows of this listener is what arrives here too; a client behind NAT does not know it itself.
    const seen = requests.flatMap(({ exchange }) => logged.get(exchange.nonce) ?? []);
    // A connection that never stood has no address of ours, but others of the same client have.
    const own = clientRequests(scene, { from: client }).flatMap(({ exchange }) => exchange.localAddress ?? []);
    const told = new Set(seen.length > 0 ? seen : own);
    for (const address of told) add(address, symptoms);
    const [plain = ''] = scene.site.clients.find((each) => each.name === client)?.address?.split('/') ?? [];
    if (told.size === 0 && plain !== '') add(plain, symptoms);
  }
  return [...found].flatMap(([address, symptoms]): readonly Origin[] => {
    const back = reversePath(routes, address, device, own);
    return back === null ? [] : [{ address, back, symptoms: [...symptoms] }];
  });
}
