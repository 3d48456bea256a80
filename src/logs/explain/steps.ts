// The nine steps of a diagnosis, as far as logs answer them. What logs cannot tell is said to be untested, with what it needs.
import { plain } from '../../model/neutral.ts';
import { nineSteps } from '../../model/steps.ts';
import type { StepId } from '../../model/steps.ts';
import { say } from '../../model/text.ts';
import type { Localised } from '../../model/text.ts';
import type { SiteNames } from './addresses.ts';
import { hostNameOf } from './addresses.ts';
import { whatFailed } from './phrases.ts';
import type { Facts } from './timeline.ts';

export interface LogStep {
  readonly step: string;
  readonly seed: string;
  readonly title: Localised;
  readonly result: Localised;
}

const notTested = (en: string, zh: string): Localised => say(`not tested: needs ${en}`, `未测试：需要${zh}`);
const joined = (parts: readonly Localised[]): Localised =>
  say(parts.map((each) => each.en).join('; '), parts.map((each) => each.zh).join('；'));
const percent = (share: number): string => `${share > 0 && share < 0.001 ? '< 0.1' : String(Number((share * 100).toFixed(1)))} %`;

/** In the order of the steps. */
export function stepsOfLogs(facts: Facts, site: SiteNames | null): readonly LogStep[] {
  const results: Readonly<{ [Step in StepId]: Localised }> = {
    'error-page': errorPage(facts),
    'edge-forwarding': notTested('a request past the edge', '绕过高防发送请求'),
    clients: clients(facts),
    'balancer-state': balancerState(facts),
    'bypass-balancer': byServer(facts, site),
    'layer-4': notTested('a request to the layer-4 listener', '向四层监听发送请求'),
    resources: saidBy(facts, /^(?:kernel|systemd|journal|syslog|k8s)/, 'the kernel log or a look into the hosts', '内核日志或进入主机查看'),
    'logs-and-services': services(facts),
    'kernel-parameters': notTested('a look into the hosts', '进入主机查看'),
  };
  return nineSteps.map((each) => ({ ...each, result: results[each.step] }));
}

function errorPage({ tally }: Facts): Localised {
  const groups = tally.failures.filter((each) => each.count > 0).toSorted((a, b) => b.count - a.count);
  if (groups.length === 0) return say('no failing request was seen', '未出现失败请求');
  const parts = groups.slice(0, 3).map((each) => {
    const what = whatFailed(each);
    return say(`${each.count} × ${what.en}`, `${each.count} × ${what.zh}`);
  });
  return joined(groups.length > 3 ? [...parts, say(`${groups.length - 3} more kinds`, `另有 ${groups.length - 3} 类`)] : parts);
}

function clients({ tally }: Facts): Localised {
  const { rows, dropped } = tally.byClientNetwork;
  const total = rows.reduce((sum, each) => sum + each.count, 0) + dropped;
  const [first] = rows;
  if (first === undefined || total === 0) return notTested('an access log with client addresses', '含客户端地址的访问日志');
  const networks = dropped > 0 ? `${rows.length}+` : String(rows.length);
  const share = percent(first.count / total);
  return say(
    `failing requests from ${networks} client ${rows.length === 1 ? 'network' : 'networks'}; most from ${plain(first.key)} (${share})`,
    `失败请求来自 ${networks} 个客户端网段，最多的是 ${plain(first.key)}（${share}）`,
  );
}

function balancerState({ tally }: Facts): Localised {
  const lines = tally.events.filter(
    (each) => each.signature !== null && /haproxy-server|no-live-upstreams|health|no-server|backend-down/.test(each.signature),
  );
  if (lines.length === 0) return notTested('a log of its health checks', '健康检查日志');
  return joined(
    lines
      .toSorted((a, b) => b.count - a.count)
      .slice(0, 3)
      .map((each) => say(`${each.count} × ${plain(each.template)}`, `${each.count} × ${plain(each.template)}`)),
  );
}

function byServer({ tally }: Facts, site: SiteNames | null): Localised {
  const servers = new Map<string, { requests: number; failed: number }>();
  for (const cell of tally.cells) {
    if (cell.backend === '' || cell.backend === '…') continue;
    const name = hostNameOf(cell.backend, site);
    const known = servers.get(name) ?? { requests: 0, failed: 0 };
    servers.set(name, { requests: known.requests + cell.requests, failed: known.failed + cell.failed });
  }
  if (servers.size === 0) return notTested('an access log that names servers', '记录后端的访问日志');
  const parts = [...servers]
    .toSorted(([, a], [, b]) => b.failed - a.failed)
    .slice(0, 5)
    .map(([name, each]) => `${name}: ${each.failed} / ${each.requests}`);
  return say(`through the balancer, failed of all: ${parts.join(', ')}`, `经负载均衡的失败数与总数：${parts.join('，')}`);
}

function saidBy({ tally }: Facts, pattern: RegExp, en: string, zh: string): Localised {
  const lines = tally.events.filter((each) => each.signature !== null && pattern.test(each.signature));
  if (lines.length > 0)
    return joined(
      lines
        .toSorted((a, b) => b.count - a.count)
        .slice(0, 3)
        .map((each) => say(`${each.count} × ${plain(each.template)}`, `${each.count} × ${plain(each.template)}`)),
    );
  const given = tally.inputs.some((each) => each.product === 'kernel' && each.parsed > 0);
  return given ? say('the kernel log reports no shortage', '内核日志未报告资源不足') : notTested(en, zh);
}

function services({ tally }: Facts): Localised {
  if (!tally.inputs.some((each) => each.kind === 'error')) return notTested('the error logs', '错误日志');
  const known = tally.events.filter((each) => each.signature !== null).toSorted((a, b) => b.count - a.count);
  const unknown = tally.events.filter((each) => each.signature === null).reduce((sum, each) => sum + each.count, 0);
  const parts = known.slice(0, 3).map((each) => say(`${each.count} × ${plain(each.template)}`, `${each.count} × ${plain(each.template)}`));
  if (unknown > 0) parts.push(say(`${unknown} lines that no signature knows`, `${unknown} 行未知日志`));
  return parts.length === 0 ? say('the error logs are empty', '错误日志为空') : joined(parts);
}
