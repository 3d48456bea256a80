// More children only help when memory allows and when the requests are not slow for another reason: say so, then give the setting.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixFpmMaxChildren(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const limit = Number(finding.facts?.limit ?? 5);
  const program = `php-fpm${fact('version')}`;
  return {
    summary: say(
      'Find out what keeps the children busy; raise pm.max_children as far as memory allows (RAM for PHP divided by the average size of a child).',
      '先查明子进程为何繁忙；在内存允许的范围内调大 pm.max_children（可用内存 ÷ 单个子进程平均内存）。',
    ),
    steps: [
      {
        title: say('See how large the children are', '查看子进程占用的内存'),
        host,
        command: ['ps', '-C', program, '-o', 'pid,etimes,rss,stat,args'],
        risk: 'none',
      },
      { title: say('See how much memory is left', '查看剩余内存'), host, command: ['free', '-m'], risk: 'none' },
      {
        title: say(
          'Write to the slow log where requests spend their time, and allow more children if memory lasts',
          '用慢日志记录请求耗时位置；若内存允许则增加子进程数',
        ),
        host,
        config: {
          file: fact('file') === '' ? 'www.conf' : fact('file'),
          text: `pm.max_children = ${limit * 2}\nslowlog = /var/log/php-fpm-slow.log\nrequest_slowlog_timeout = 5s\n`,
        },
        risk: 'medium',
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
    ],
    verify: say(
      '`ss -ltnx` shows Recv-Q 0 for the pool’s socket under the same load.',
      '相同负载下 `ss -ltnx` 显示该套接字的 Recv-Q 为 0。',
    ),
  };
}
