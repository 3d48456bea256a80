// The link by which a backend answers is full: a cap (a shaper on the host, the speed of its interface) is reached, what does not fit waits in
// the queue or is dropped. Handshakes and first bytes then come late, after somebody's connect or read timeout, while CPU and application are
// idle. Only the interface that our answers leave by counts: towards the balancer at layer 7, towards the client at layer 4.
import { bothSides } from '../../facts/balancer-reach.ts';
import { balancerSources, isProxied } from '../../facts/balancer-sources.ts';
import { cpuUse } from '../../facts/cpu.ts';
import { isFailure } from '../../facts/failure.ts';
import { linkUse } from '../../facts/link-use.ts';
import type { LinkUse } from '../../facts/link-use.ts';
import { routeFor } from '../../facts/routes.ts';
import { backendRequests, citeRequest, clientRequests, ids, outcomeText, symptomsAt } from '../../facts/scene.ts';
import type { Sent } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Scene } from '../../model/cause.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import type { Symptom } from '../../model/symptom.ts';
import { say } from '../../model/text.ts';
import { fixBandwidthSaturated } from './fix.ts';

type Sees = Scene<
  | 'interfaces'
  | 'routes'
  | 'net-counters'
  | 'processes'
  | 'host-facts'
  | 'requests'
  | 'backend-requests'
  | 'logs'
  | 'haproxy-config'
  | 'nginx-config'
>;

/** From this share of its limit on a link is full: shapers count with other overheads than interfaces. */
const fullShare = 0.8;

export const bandwidthSaturated = defineCause({
  id: 'bandwidth-saturated',
  title: say('The backend’s link is full', '后端带宽已满'),
  layer: 'host',
  seed: 'cause 5',
  perHost: ['backend'],
  needs: ['interfaces', 'routes'],
  wants: ['net-counters', 'processes', 'host-facts', 'requests', 'backend-requests', 'logs', 'haproxy-config', 'nginx-config'],
  judge(scene): Finding {
    const host = scene.host?.host ?? '';
    const ways = waysOut(scene, host);
    const uses = [...ways.keys()].flatMap((device) => linkUse(scene, host, device)).toSorted((a, b) => b.share - a.share);
    const full = uses.find((use) => use.share >= fullShare && (use.dropped > 0 || use.backlogBytes > 0));
    if (full === undefined) return notFull(scene, host, uses, ways.size > 0);

    const symptoms = [...(ways.get(full.device) ?? [])];
    const { itself } = bothSides(scene, host);
    const fine = itself !== null && !isFailure(itself.exchange) ? itself : null;
    const outside = backendRequests(scene, host, { notFrom: host }).filter(
      ({ exchange }) => isFailure(exchange) || (fine !== null && exchange.phases.totalMs > 1_000 + 5 * fine.exchange.phases.totalMs),
    );
    const [slow] = outside.toSorted((a, b) => b.exchange.phases.totalMs - a.exchange.phases.totalMs);
    const cpu = cpuUse(scene, host);
    const counters = scene.one('net-counters');
    const resent = counters?.data.counters['Tcp.RetransSegs'];
    const because: readonly [Citation, ...Citation[]] = [
      cite(
        full.evidence,
        full.sentPointer,
        say(
          `${full.device} sent ${rate(full.sentBitsPerSecond)} of the ${rate(full.limitBitsPerSecond)} that ${limiter(full).en} allows`,
          `${full.device} 发送 ${rate(full.sentBitsPerSecond)}，${limiter(full).zh}为 ${rate(full.limitBitsPerSecond)}`,
        ),
      ),
      cite(full.evidence, full.heldPointer, heldText(full)),
      ...(slow === undefined
        ? []
        : [
            citeRequest(
              slow,
              say(
                `the page asked from ${slow.from}, over this link: ${outcomeText(slow).en}`,
                `从 ${slow.from} 经此链路请求该页面：${outcomeText(slow).zh}`,
              ),
            ),
          ]),
      ...(fine === null
        ? []
        : [
            citeRequest(
              fine,
              say(`${host} itself, without the link: ${outcomeText(fine).en}`, `${host} 自己请求（不经此链路）：${outcomeText(fine).zh}`),
            ),
          ]),
      ...(counters === undefined || resent?.delta == null
        ? []
        : [
            cite(
              counters,
              '/counters/Tcp.RetransSegs/delta',
              say(`${resent.delta} TCP segments were sent again`, `重传了 ${resent.delta} 个 TCP 段`),
            ),
          ]),
      ...(cpu === null
        ? []
        : [
            cite(
              cpu.evidence,
              '/cpuSecondsAll',
              say(
                `its processes used ${Math.round(cpu.share * 100)} % of its CPUs meanwhile`,
                `其间自身进程占用 CPU ${Math.round(cpu.share * 100)} %`,
              ),
            ),
          ]),
    ];
    const summary = say(
      `The link of ${host} is full: ${full.device} sends ${rate(full.sentBitsPerSecond)}, ${limiter(full).en} allows ${rate(full.limitBitsPerSecond)}; ${heldText(full).en}.`,
      `${host} 的链路已满：${full.device} 发送 ${rate(full.sentBitsPerSecond)}，${limiter(full).zh}为 ${rate(full.limitBitsPerSecond)}；${heldText(full).zh}。`,
    );
    if (symptoms.length === 0) return { is: 'advice', host, summary, because };
    // Where clients are answered directly, nobody can ask over this link but they; how long its queue takes is as good.
    const sentOn = symptoms.every((each) => !isProxied(scene, each.listenerPort));
    const crossed =
      (slow !== undefined && crosses(scene, host, full.device, slow)) || (sentOn && (queueSeconds(full) >= 1 || full.dropped >= 10));
    return {
      // The same page is quick where it does not cross the link, and late or lost where it does.
      is: fine !== null && crossed ? 'confirmed' : 'likely',
      host,
      summary,
      because,
      explains: ids(symptoms),
      facts: { device: full.device, shaper: full.shaper ?? '', limit: rate(full.limitBitsPerSecond) },
    };
  },
  fix: fixBandwidthSaturated,
});

/** Interfaces that answers leave by, each with the failures whose answers do: towards the balancer, and towards clients of listeners that send on. */
function waysOut(scene: Sees, host: string): ReadonlyMap<string, ReadonlySet<Symptom>> {
  const routes = scene.one('routes', host)?.data;
  const found = new Map<string, Set<Symptom>>();
  if (routes === undefined) return found;
  const add = (address: string, symptoms: readonly Symptom[]): void => {
    const route = routeFor(routes, address);
    if (route?.dev == null || route.dev === 'lo') return;
    const entry = found.get(route.dev) ?? new Set();
    for (const symptom of symptoms) entry.add(symptom);
    found.set(route.dev, entry);
  };
  const late = symptomsAt(scene, host).filter(({ status, error }) =>
    status === null ? error === 'timeout' : status === 502 || status === 503 || status === 504,
  );
  const proxied = late.filter((symptom) => isProxied(scene, symptom.listenerPort));
  for (const { address } of balancerSources(scene, host)) add(address, proxied);
  for (const { from, exchange } of clientRequests(scene, { purpose: ['reproduce', 'other-listener'] })) {
    if (exchange.localAddress === null || isProxied(scene, exchange.listenerPort)) continue;
    add(
      exchange.localAddress,
      late.filter((symptom) => symptom.client === from && !proxied.includes(symptom)),
    );
  }
  return found;
}

function notFull(scene: Sees, host: string, uses: readonly LinkUse[], known: boolean): Finding {
  const [fullest] = uses;
  const counters = scene.one('net-counters');
  const resent = counters?.data.counters['Tcp.RetransSegs']?.delta ?? null;
  const sent = counters?.data.counters['Tcp.OutSegs']?.delta ?? null;
  if (!known)
    return {
      is: 'inconclusive',
      host,
      reason: say('it is not known by which interface its answers leave', '不知道其应答从哪个接口发出'),
      wouldTell: ['routes', 'requests'],
    };
  // A cap outside of the host shows only as packets that have to be sent again.
  if (resent !== null && sent !== null && resent >= 10 && resent / Math.max(1, sent) > 0.05) {
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `${resent} TCP segments were sent again beside ${sent} new ones, but no limit on the host itself is reached; a cap outside of it cannot be seen from here`,
        `${sent} 个 TCP 段中重传了 ${resent} 个，但主机自身未达到任何上限；主机之外的限速无法从此处看到`,
      ),
    };
  }
  if (fullest !== undefined) {
    const says = say(
      `${fullest.device} sent ${rate(fullest.sentBitsPerSecond)} of the ${rate(fullest.limitBitsPerSecond)} that ${limiter(fullest).en} allows`,
      `${fullest.device} 发送 ${rate(fullest.sentBitsPerSecond)}，${limiter(fullest).zh}为 ${rate(fullest.limitBitsPerSecond)}`,
    );
    return { is: 'ruled-out', host, because: [cite(fullest.evidence, fullest.sentPointer, says)] };
  }
  if (counters !== undefined && resent !== null && sent !== null) {
    return {
      is: 'ruled-out',
      host,
      because: [
        cite(
          counters,
          '/counters/Tcp.RetransSegs/delta',
          say(`${resent} TCP segments had to be sent again beside ${sent} new ones`, `新发送 ${sent} 个 TCP 段，仅重传 ${resent} 个`),
        ),
      ],
    };
  }
  return {
    is: 'inconclusive',
    host,
    reason: say('no limit of its link is known', '不知道其链路的上限'),
    wouldTell: ['interfaces', 'net-counters'],
  };
}

/** Whether the answer to a request sent straight to this host left by that interface. */
function crosses(scene: Sees, host: string, device: string, { exchange, from }: Sent): boolean {
  const routes = scene.one('routes', host)?.data;
  const addresses =
    exchange.localAddress !== null
      ? [exchange.localAddress]
      : from === scene.site.balancer?.name
        ? balancerSources(scene, host).map((each) => each.address)
        : [];
  return routes !== undefined && addresses.some((address) => routeFor(routes, address)?.dev === device);
}

/** How long what waits takes to be sent. */
function queueSeconds({ backlogBytes, limitBitsPerSecond }: Pick<LinkUse, 'backlogBytes' | 'limitBitsPerSecond'>): number {
  return (backlogBytes * 8) / limitBitsPerSecond;
}

function heldText({ dropped, backlogBytes, limitBitsPerSecond }: LinkUse): ReturnType<typeof say> {
  const seconds = queueSeconds({ backlogBytes, limitBitsPerSecond }).toFixed(1);
  const waits = say(
    `${backlogBytes} bytes wait in its queue, ${seconds} s at this rate`,
    `队列中有 ${backlogBytes} 字节等待，按此速率需 ${seconds} 秒`,
  );
  if (dropped === 0) return waits;
  const lost = say(`${dropped} packets were dropped meanwhile`, `其间丢弃 ${dropped} 个包`);
  return backlogBytes === 0 ? lost : say(`${lost.en}, and ${waits.en}`, `${lost.zh}，${waits.zh}`);
}

function limiter({ shaper, device }: LinkUse): ReturnType<typeof say> {
  return shaper === null ? say(`the interface ${device}`, `接口 ${device} 的速率`) : say(`the shaper ${shaper}`, `限速器 ${shaper} 的上限`);
}

/** `256 kbit/s`, `9.8 Mbit/s`. */
function rate(bitsPerSecond: number): string {
  if (bitsPerSecond < 1e6) return `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
  if (bitsPerSecond < 1e9) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${(bitsPerSecond / 1e9).toFixed(1)} Gbit/s`;
}
