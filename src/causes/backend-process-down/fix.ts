// Start the service, but first see why it went: one that cannot read its configuration or finds its port taken will only fail again.
import type { Convicted } from '../../model/finding.ts';
import type { Fix, FixStep } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixBackendProcessDown(finding: Convicted): Fix {
  const { host } = finding;
  const port = String(finding.facts?.['port'] ?? '');
  const service = String(finding.facts?.['service'] ?? '');
  const known: readonly FixStep[] = [
    {
      title: say('See why it stopped', '查看停止原因'),
      host,
      command: ['journalctl', '-u', service, '-n', '50', '--no-pager'],
      risk: 'none',
    },
    { title: say('Test its configuration', '检查其配置'), host, command: ['nginx', '-t'], risk: 'none' },
    {
      title: say(`Start ${service}`, `启动 ${service}`),
      host,
      command: ['systemctl', 'start', service],
      undo: ['systemctl', 'stop', service],
      risk: 'low',
    },
    {
      title: say('Start it at every boot', '设置开机自启'),
      host,
      command: ['systemctl', 'enable', service],
      undo: ['systemctl', 'disable', service],
      risk: 'low',
    },
  ];
  const unknown: readonly FixStep[] = [
    {
      title: say('See which services have failed', '查看哪些服务失败'),
      host,
      command: ['systemctl', 'list-units', '--failed', '--no-pager'],
      risk: 'none',
    },
    {
      title: say(
        `Start the service that belongs on port ${port}, and see its log if it does not stay`,
        `启动应当监听端口 ${port} 的服务；若无法保持运行，请查看其日志`,
      ),
      host: null,
      risk: 'low',
    },
  ];
  return {
    summary:
      service === ''
        ? say(
            `Start the web service that belongs on port ${port} of ${host ?? 'the backend'}, once its log has said why it stopped.`,
            `先从日志中查明停止原因，再启动 ${host ?? '后端'} 上应监听端口 ${port} 的 Web 服务。`,
          )
        : say(
            `Start ${service} on ${host ?? 'the backend'}, once its log has said why it stopped.`,
            `先从日志中查明停止原因，再启动 ${host ?? '后端'} 上的 ${service}。`,
          ),
    steps: [
      { title: say('See what listens now', '查看当前监听的端口'), host, command: ['ss', '-ltnp'], risk: 'none' },
      ...(service === '' ? unknown : known),
    ],
    verify: say(
      `\`ss -ltn\` on ${host ?? 'the backend'} shows port ${port}, and the page answers.`,
      `${host ?? '后端'} 上的 \`ss -ltn\` 出现端口 ${port}，且页面正常返回。`,
    ),
  };
}
