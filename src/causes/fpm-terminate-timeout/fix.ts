// A higher limit only moves the wait: first find what is slow. The limit stays below the web server's, so that php-fpm is the one that gives up.
import type { Convicted } from '../../model/finding.ts';
import type { Fix, FixStep } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixFpmTerminateTimeout(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const limit = Number(finding.facts?.limitSeconds ?? 30);
  const unit = `php${fact('version')}-fpm`;
  const slowAt = Math.max(1, Math.floor(limit / 3));
  const steps: FixStep[] = [
    {
      title: say('Have php-fpm write where slow requests spend their time', '让 php-fpm 记录慢请求的耗时位置'),
      host,
      config: { file: fact('file'), text: `slowlog = /var/log/php-fpm-slow.log\nrequest_slowlog_timeout = ${slowAt}s\n` },
      risk: 'low',
    },
    {
      title: say(
        'Reload php-fpm; a running request is cut unless process_control_timeout is set',
        '重新加载 php-fpm；若未设置 process_control_timeout，正在执行的请求会被中断',
      ),
      host,
      command: ['systemctl', 'reload', unit],
      risk: 'medium',
    },
    {
      title: say(
        `If the work cannot be made shorter or moved to a queue: raise the limit, and keep it below fastcgi_read_timeout of nginx`,
        `若无法缩短或改为异步队列：调大该限制，并保持小于 nginx 的 fastcgi_read_timeout`,
      ),
      host,
      config: { file: fact('file'), text: `request_terminate_timeout = ${limit * 2}s\n` },
      risk: 'medium',
    },
  ];
  return {
    summary: say(
      `Make ${fact('script') === '' ? 'the request' : fact('script')} faster; only then raise request_terminate_timeout (now ${limit} s) in pool "${fact('pool')}".`,
      `先优化 ${fact('script') === '' ? '该请求' : fact('script')}；之后再调大进程池 “${fact('pool')}” 的 request_terminate_timeout（当前 ${limit} 秒）。`,
    ),
    steps,
    verify: say(
      'The page answers, and php-fpm’s log has no new line “execution timed out … terminating”.',
      '页面正常返回，且 php-fpm 日志不再出现 “execution timed out … terminating”。',
    ),
  };
}
