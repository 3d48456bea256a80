// Faster first; then the timeouts, from the inside outwards: raising only one hop's moves the 504 to the next.
import type { Convicted } from '../../model/finding.ts';
import type { Fix, FixStep } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixUpstreamReadTimeout(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const number = (name: string): number => Number(finding.facts?.[name] ?? 0);
  const limitSeconds = Math.max(1, Math.round(number('limitMs') / 1000));
  const atBackend = fact('where') === 'web-server';
  const enough = Math.max(number('neededMs') * 1.5, number('limitMs') * 2);
  // The balancer has to outlast the web server behind it.
  const wanted = Math.ceil(
    (atBackend && number('otherMs') > number('limitMs') ? Math.max(number('otherMs') * 0.9, number('limitMs')) : enough) / 1000,
  );
  const holder = atBackend ? host : fact('balancer') === '' ? null : fact('balancer');
  const file = /^(\/.+):\d+$/.exec(fact('at'))?.[1];
  const setting = fact('setting');
  const text = setting === 'timeout server' ? `timeout server ${wanted}s` : `${setting} ${wanted}s;`;
  const steps: FixStep[] = [];
  if (fact('poolFile') !== '') {
    steps.push(
      {
        title: say('Have php-fpm write where the page spends its time', '让 php-fpm 记录该页面的耗时位置'),
        host,
        config: {
          file: fact('poolFile'),
          text: `slowlog = /var/log/php-fpm-slow.log\nrequest_slowlog_timeout = ${Math.max(1, Math.floor(limitSeconds / 2))}s\n`,
        },
        risk: 'low',
      },
      {
        title: say(
          'Reload php-fpm; a running request is cut unless process_control_timeout is set',
          '重新加载 php-fpm；若未设置 process_control_timeout，正在执行的请求会被中断',
        ),
        host,
        command: ['systemctl', 'reload', `php${fact('version')}-fpm`],
        risk: 'medium',
      },
    );
  }
  steps.push({
    title: say(
      'Make the page faster (query, remote call), or hand the work to a queue and answer at once',
      '优化该页面（查询、远程调用），或改为异步队列并立即返回',
    ),
    host,
    risk: 'medium',
  });
  steps.push({
    title: say(
      `If it has to take this long: allow ${wanted} s ${atBackend ? `on ${host ?? 'the backend'}` : 'at the balancer'}; every hop in front of it has to wait longer than the one behind`,
      `若确需这么久：把${atBackend ? ` ${host ?? '后端'} 上` : '负载均衡'}的等待时间改为 ${wanted} 秒；每一跳都应比其后一跳等待更久`,
    ),
    host: holder,
    ...(file === undefined || setting === '' ? {} : { config: { file, text: `${text}\n` } }),
    risk: 'medium',
  });
  return {
    summary: say(
      `Make the page faster than ${limitSeconds} s; only then raise ${setting === '' || setting === 'readTimeout' ? 'the read timeout' : setting}, from the inside outwards.`,
      `先让页面在 ${limitSeconds} 秒内完成；之后再由内向外逐跳调大${setting === '' || setting === 'readTimeout' ? '读超时' : ` ${setting}`}。`,
    ),
    steps,
    verify: say(
      'The page answers 200 through the balancer, and no hop logs 504 or 499 for it.',
      '经负载均衡访问页面返回 200，且各跳日志中不再出现 504 或 499。',
    ),
  };
}
