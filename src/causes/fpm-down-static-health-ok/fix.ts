// Start the runtime, learn why it stopped, and let the health check ask a page that needs it.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixFpmDown(finding: Convicted): Fix {
  const { host } = finding;
  const version = String(finding.facts?.version ?? '');
  const unit = `php${version}-fpm`;
  return {
    summary: say(
      `Start php-fpm on ${host ?? 'the backend'}, find out why it stopped, and check the health of a page that needs PHP.`,
      `启动 ${host ?? '后端'} 上的 php-fpm，查明它停止的原因，并让健康检查访问需要 PHP 的页面。`,
    ),
    steps: [
      {
        title: say('See why it is not running', '查看未运行的原因'),
        host,
        command: ['journalctl', '-u', unit, '-n', '50', '--no-pager'],
        risk: 'none',
      },
      {
        title: say('Test its configuration: a mistake keeps it from starting', '测试配置：有错误则无法启动'),
        host,
        command: [`php-fpm${version}`, '-t'],
        risk: 'none',
      },
      {
        title: say('Start it, now and at every boot', '立即启动并设为开机自启'),
        host,
        command: ['systemctl', 'enable', '--now', unit],
        undo: ['systemctl', 'disable', '--now', unit],
        risk: 'low',
      },
      {
        title: say(
          'Point the health check of the balancer at a page that PHP answers (the pool’s ping.path is the lightest), so that such a backend gets no users',
          '把负载均衡的健康检查改为由 PHP 应答的页面（进程池的 ping.path 最轻量），使这样的后端不再接收用户请求',
        ),
        host: null,
        risk: 'medium',
      },
    ],
    verify: say(
      'The failing page answers 200 when asked straight from this backend, and `why5xx` reports healthy.',
      '直接向该后端请求出错页面返回 200，且 `why5xx` 报告健康。',
    ),
  };
}
