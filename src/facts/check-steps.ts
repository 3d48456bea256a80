// Steps that every mended health check needs: ask as the balancer asks, change what it asks, put it in force.
import type { Convicted } from '../model/finding.ts';
import type { FixStep } from '../model/fix.ts';
import { say } from '../model/text.ts';

/** A fact that `checkFacts` put into the finding; empty where it is not known. */
export function checkFact({ facts }: Convicted, name: string): string {
  const value = facts?.[name];
  return typeof value === 'string' ? value : '';
}

/** Sends the check by hand from the balancer, or from wherever reaches the backend. */
export function replayStep(finding: Convicted): FixStep {
  const fact = (name: string): string => checkFact(finding, name);
  return {
    title: say('Ask a backend exactly as the balancer does', '按负载均衡的方式请求一台后端'),
    host: fact('by') === 'configuration' ? finding.host : null,
    command: [
      'curl',
      '-sS',
      '-i',
      '--max-time',
      '5',
      ...(fact('version') === '1.0' ? ['--http1.0'] : []),
      ...methodWords(fact('method')),
      '-H',
      fact('host') === '' ? 'Host:' : `Host: ${fact('host')}`,
      `http://${fact('address')}${fact('path')}`,
    ],
    risk: 'none',
  };
}

function methodWords(method: string): readonly string[] {
  if (method === 'GET') return [];
  return method === 'HEAD' ? ['--head'] : ['-X', method];
}

/** Writes `text` into HAProxy's configuration and reloads it; of a balancer that nobody can look into, by hand in its console. */
export function checkChange(finding: Convicted, title: FixStep['title'], text: string): readonly FixStep[] {
  const { host } = finding;
  if (checkFact(finding, 'by') !== 'configuration') return [{ title, host: null, risk: 'low' }];
  const file = checkFact(finding, 'file');
  return [
    { title, host, config: { file, text }, risk: 'low' },
    { title: say('Test the configuration', '检查配置'), host, command: ['haproxy', '-c', '-f', file], risk: 'none' },
    { title: say('Put it in force', '使配置生效'), host, command: ['systemctl', 'reload', 'haproxy'], risk: 'low' },
  ];
}

/** How the reader sees that the check passes. */
export function checkVerify(finding: Convicted): ReturnType<typeof say> {
  return checkFact(finding, 'by') === 'configuration'
    ? say(
        '`show stat` on HAProxy’s socket shows every server UP (L7OK), and the page answers.',
        'HAProxy 套接字上的 `show stat` 显示所有服务器 UP（L7OK），且页面正常返回。',
      )
    : say('The balancer’s console shows every backend healthy, and the page answers.', '负载均衡控制台显示所有后端健康，且页面正常返回。');
}
