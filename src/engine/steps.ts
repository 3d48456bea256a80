// The nine steps of the source document, each with what this run found. They go into every report and make up the ticket.
import type { Measured } from '../model/evidence.ts';
import type { Exchange } from '../model/exchange.ts';
import type { ProbeId } from '../model/observations.ts';
import { nineSteps } from '../model/steps.ts';
import type { StepId } from '../model/steps.ts';
import { say } from '../model/text.ts';
import type { Localised } from '../model/text.ts';
import type { Judgement } from './judge.ts';

export interface Step {
  readonly step: string;
  readonly seed: string;
  readonly title: Localised;
  readonly result: Localised;
}

const notTested = (en: string, zh: string): Localised => say(`not tested: ${en}`, `未测试：${zh}`);

export function stepsOf(judgement: Judgement): readonly Step[] {
  const results: Readonly<Record<StepId, (judgement: Judgement) => Localised>> = {
    'error-page': errorPage,
    'edge-forwarding': edgeForwarding,
    clients,
    'balancer-state': balancerState,
    'bypass-balancer': bypass,
    'layer-4': otherLayer,
    resources,
    'logs-and-services': logsAndServices,
    'kernel-parameters': kernelParameters,
  };
  return nineSteps.map((each) => ({ ...each, result: results[each.step](judgement) }));
}

function measured<Id extends ProbeId>({ sceneFor }: Judgement, probe: Id): readonly Measured<Id>[] {
  return sceneFor(null).all(probe);
}

/** `200`, `502`, `timeout while connecting`. */
export function outcomeOf(exchange: Exchange): string {
  if (exchange.status !== null)
    return exchange.error === null ? String(exchange.status) : `${exchange.status}, ${exchange.error} in ${exchange.failedPhase ?? 'body'}`;
  return `${exchange.error ?? 'no answer'}${exchange.failedPhase === null ? '' : ` (${exchange.failedPhase})`}`;
}

function tally(exchanges: readonly Exchange[]): string {
  const counts = new Map<string, number>();
  for (const each of exchanges) counts.set(outcomeOf(each), (counts.get(outcomeOf(each)) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => (exchanges.length === 1 ? outcome : `${count} × ${outcome}`)).join(', ');
}

function purposes(
  judgement: Judgement,
  probe: 'requests' | 'backend-requests',
  ...wanted: readonly Exchange['purpose'][]
): readonly Exchange[] {
  return measured(judgement, probe).flatMap((each) => each.data.exchanges.filter((exchange) => wanted.includes(exchange.purpose)));
}

function join(parts: readonly Localised[]): Localised {
  return say(parts.map((each) => each.en).join('; '), parts.map((each) => each.zh).join('；'));
}
function both(text: string): Localised {
  return say(text, text);
}

function errorPage({ symptoms }: Judgement): Localised {
  if (symptoms.length === 0) return say('no failing request was seen', '未出现失败请求');
  return join(
    symptoms.map((each) => {
      const what = each.status ?? each.error ?? '';
      const { hop, host, product } = each.answeredBy;
      const who = `${host ?? hop}${product === null ? '' : ` (${product})`}`;
      return say(
        `${what} answered by ${who}, ${each.failed} of ${each.of} from ${each.client}`,
        `${what} 由 ${who} 返回，客户端 ${each.client} 的 ${each.of} 次请求中有 ${each.failed} 次`,
      );
    }),
  );
}

function edgeForwarding(judgement: Judgement): Localised {
  const { site } = judgement.bundle;
  if (site.edge.length === 0) return say('the site file names no edge', '站点文件中没有高防/WAF');
  const past = purposes(judgement, 'requests', 'bypass-edge');
  if (past.length === 0) return notTested('no request past the edge was possible', '无法绕过高防发送请求');
  const through = purposes(judgement, 'requests', 'reproduce');
  return say(
    `through the edge: ${tally(through)}; past it, straight to the balancer: ${tally(past)}`,
    `经过高防：${tally(through)}；绕过高防直达负载均衡：${tally(past)}`,
  );
}

function clients(judgement: Judgement): Localised {
  const all = measured(judgement, 'requests');
  if (all.length === 0) return notTested('no request could be sent', '未能发送请求');
  return both(
    all
      .map((each) => {
        const sent = each.data.exchanges.filter((exchange) => exchange.purpose === 'reproduce');
        return sent.length === 0 ? '' : `${each.data.from}: ${tally(sent)}`;
      })
      .filter((text) => text !== '')
      .join('; '),
  );
}

function balancerState(judgement: Judgement): Localised {
  const parts: Localised[] = [];
  for (const stat of measured(judgement, 'haproxy-stat')) {
    parts.push(
      both(
        stat.data.servers
          .map(
            (each) =>
              `${each.backend}/${each.server} ${each.status}${each.checkStatus === null ? '' : ` (${each.checkStatus}${each.checkCode === null ? '' : ` ${each.checkCode}`})`}`,
          )
          .join(', '),
      ),
    );
  }
  const checks = purposes(judgement, 'backend-requests', 'health-check');
  if (checks.length > 0) {
    const list = checks.map((each) => `${each.target ?? ''}: ${outcomeOf(each)}`).join(', ');
    parts.push(say(`health check replayed: ${list}`, `重放健康检查：${list}`));
  }
  return parts.length > 0
    ? join(parts)
    : notTested('no access to the balancer, and no health check in the site file', '无法进入负载均衡，站点文件也未写健康检查');
}

function bypass(judgement: Judgement): Localised {
  const parts = measured(judgement, 'backend-requests').flatMap((each) => {
    const dynamic = each.data.exchanges.filter((exchange) => exchange.purpose === 'bypass-balancer');
    const fixed = each.data.exchanges.filter((exchange) => exchange.purpose === 'bypass-balancer-static');
    if (dynamic.length === 0) return [];
    const from = each.data.from === each.host ? say('from itself', '本机') : say(`from ${each.data.from}`, `从 ${each.data.from}`);
    const page = fixed.length === 0 ? both('') : say(`, static page ${tally(fixed)}`, `，静态页 ${tally(fixed)}`);
    return [say(`${each.host} ${from.en}: ${tally(dynamic)}${page.en}`, `${each.host}（${from.zh}）：${tally(dynamic)}${page.zh}`)];
  });
  return parts.length > 0 ? join(parts) : notTested('no backend could be reached directly', '无法直接访问后端');
}

function otherLayer(judgement: Judgement): Localised {
  const other = purposes(judgement, 'requests', 'other-listener');
  if (other.length === 0) return notTested('the site file names no other listener', '站点文件中没有其他监听');
  const listeners = judgement.bundle.site.balancer?.listeners ?? [];
  return both(
    other
      .map((each) => {
        const protocol = listeners.find((listener) => listener.port === each.listenerPort)?.protocol ?? 'listener';
        return `${protocol} ${each.listenerPort ?? ''}: ${outcomeOf(each)}`;
      })
      .join('; '),
  );
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function resources(judgement: Judgement): Localised {
  const parts: Localised[] = [];
  for (const { host, data } of measured(judgement, 'pressure')) {
    const words = [
      data.busy === null ? null : `CPU ${percent(data.busy)}`,
      data.memoryAvailableBytes === null ? null : `${Math.round(data.memoryAvailableBytes / 1024 / 1024)} MiB free`,
      data.oomKills?.delta != null && data.oomKills.delta > 0 ? `${data.oomKills.delta} OOM kills` : null,
    ];
    parts.push(both(`${host}: ${words.filter((each) => each !== null).join(', ')}`));
  }
  for (const { host, data } of measured(judgement, 'disks')) {
    for (const disk of data.filesystems) {
      const used = disk.sizeBytes === 0 ? 0 : 1 - disk.availableBytes / disk.sizeBytes;
      if (used >= 0.95) parts.push(say(`${host}: ${disk.mount} ${percent(used)} full`, `${host}：${disk.mount} 已用 ${percent(used)}`));
    }
  }
  for (const { host, data } of measured(judgement, 'interfaces')) {
    const dropped = data.interfaces.flatMap((each) => each.qdiscs.map((qdisc) => qdisc.dropped.delta ?? 0)).reduce((a, b) => a + b, 0);
    if (dropped > 0) parts.push(say(`${host}: ${dropped} packets dropped by a shaper`, `${host}：限速队列丢弃 ${dropped} 个包`));
  }
  return parts.length > 0 ? join(parts) : notTested('no access to the hosts', '无法进入主机');
}

function logsAndServices(judgement: Judgement): Localised {
  const parts: Localised[] = [];
  for (const { host, data } of measured(judgement, 'logs')) {
    const fresh = data.errors.filter((each) => each.ours);
    const kinds = [...new Set(fresh.map((each) => each.signature ?? 'unknown line'))].slice(0, 4);
    parts.push(
      fresh.length === 0
        ? say(`${host}: no new error line`, `${host}：无新增错误日志`)
        : say(
            `${host}: ${fresh.length} new error lines (${kinds.join(', ')})`,
            `${host}：新增 ${fresh.length} 行错误日志（${kinds.join('、')}）`,
          ),
    );
  }
  for (const { host, data } of measured(judgement, 'nginx-config')) {
    if (!data.running && data.configFile !== null) parts.push(say(`${host}: nginx is not running`, `${host}：nginx 未运行`));
  }
  for (const { host, data } of measured(judgement, 'fpm')) {
    if (!data.running && data.pools.length > 0) parts.push(say(`${host}: php-fpm is not running`, `${host}：php-fpm 未运行`));
  }
  return parts.length > 0 ? join(parts) : notTested('no access to the hosts', '无法进入主机');
}

function kernelParameters(judgement: Judgement): Localised {
  const shown = ['net.ipv4.conf.all.rp_filter', 'net.core.somaxconn', 'net.ipv4.tcp_tw_recycle'];
  const parts = measured(judgement, 'sysctls').map(({ host, data }) => {
    const values = shown.flatMap((name) =>
      data.values[name] === undefined ? [] : [`${name.replace('net.ipv4.', '').replace('net.core.', '')}=${data.values[name]}`],
    );
    const strict = Object.entries(data.values)
      .filter(([name, value]) => /conf\.[^.]+\.rp_filter$/.test(name) && value === '1')
      .map(([name]) => name.split('.').at(-2));
    return both(`${host}: ${values.join(', ')}${strict.length === 0 ? '' : `, strict rp_filter on ${strict.join(', ')}`}`);
  });
  return parts.length > 0 ? join(parts) : notTested('no access to the hosts', '无法进入主机');
}
