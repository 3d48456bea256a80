// Cut the circle where it closes: the address that an application or a proxy was told to ask.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixHairpinLoop(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  if (finding.facts?.proxy === true) {
    return {
      summary: say(
        `Point the upstream of ${host ?? 'the proxy'} at the backends instead of ${fact('target')}, its own address.`,
        `将 ${host ?? '该代理'} 的上游从其自身地址 ${fact('target')} 改为后端地址。`,
      ),
      steps: [
        {
          title: say(
            `Correct the upstream (${fact('file') === '' ? 'proxy_pass or server' : fact('file')}): the addresses of the backends, not a name that leads back here`,
            `修正上游（${fact('file') === '' ? 'proxy_pass 或 server' : fact('file')}）：应写后端地址，而不是会指回本机的域名`,
          ),
          host,
          risk: 'medium',
        },
        {
          title: say('Stop any later circle at its second pass', '在第二次经过时阻断今后的回环'),
          host,
          config: {
            file: fact('file') === '' ? 'nginx.conf' : fact('file'),
            text: 'proxy_set_header X-Loop-Guard 1;\nif ($http_x_loop_guard) { return 508; }\n',
          },
          risk: 'low',
        },
      ],
      verify: say('One request leaves one line in the access log.', '每个请求在访问日志中只有一行。'),
    };
  }
  return {
    summary: say(
      `Let the application on ${host ?? 'the backend'} ask the service that it means, by its own address, and not the site through ${fact('door')}.`,
      `让 ${host ?? '后端'} 上的应用直接请求真正的服务地址，而不要通过 ${fact('door')} 请求站点自身。`,
    ),
    steps: [
      {
        title: say(`See who calls ${fact('target')}`, `查看谁在访问 ${fact('target')}`),
        host,
        command: ['ss', '-tnp', 'dst', fact('target')],
        risk: 'none',
      },
      {
        title: say(
          'Correct the address in the application’s configuration or in /etc/hosts: the other service, or 127.0.0.1 for something on this very host',
          '修正应用配置或 /etc/hosts 中的地址：指向真正的服务，若在本机则用 127.0.0.1',
        ),
        host,
        risk: 'medium',
      },
      {
        title: say(
          'Give such calls a short timeout and a pool of workers of their own, so that waiting for others cannot use up all workers',
          '为此类调用设置较短的超时和独立的进程池，避免等待耗尽所有工作进程',
        ),
        host,
        risk: 'medium',
      },
      {
        title: say(
          'Restart the runtime: requests that still wait for one another would keep the circle alive',
          '重启运行时：仍在互相等待的请求会让回环持续',
        ),
        host,
        risk: 'medium',
      },
    ],
    verify: say(
      `\`ss -tn dst ${fact('target')}\` shows no connection of the runtime, and the page is answered.`,
      `\`ss -tn dst ${fact('target')}\` 不再显示运行时的连接，且页面正常返回。`,
    ),
  };
}
