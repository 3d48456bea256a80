// Change nginx, not php-fpm: other software may use the pool's address already, and nginx is reloaded without cutting a request.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixFpmSocketPathMismatch(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  return {
    summary: say(
      `Let nginx on ${host ?? 'the backend'} use ${fact('listens')}, the address that php-fpm listens on.`,
      `让 ${host ?? '后端'} 上的 nginx 使用 php-fpm 实际监听的地址 ${fact('listens')}。`,
    ),
    steps: [
      {
        title: say('See every place that names the old address', '查找所有使用旧地址的位置'),
        host,
        command: ['grep', '-rnF', '--', fact('written'), '/etc/nginx'],
        risk: 'none',
      },
      {
        title: say(
          `Replace ${fact('written')} at ${fact('file')}:${fact('line')}`,
          `修改 ${fact('file')}:${fact('line')} 处的 ${fact('written')}`,
        ),
        host,
        config: { file: fact('file'), text: `fastcgi_pass ${fact('listens')};\n` },
        risk: 'low',
      },
      { title: say('Test the configuration', '测试配置'), host, command: ['nginx', '-t'], risk: 'none' },
      { title: say('Reload nginx', '重新加载 nginx'), host, command: ['nginx', '-s', 'reload'], risk: 'low' },
    ],
    verify: say(
      'The page answers when asked straight from this backend, and no new line with errno 2 or 111 appears in nginx’s error log.',
      '直接向该后端请求页面正常，且 nginx 错误日志不再出现 errno 2 或 111。',
    ),
  };
}
