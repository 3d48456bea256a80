// Loose mode for `all` overrides a strict interface and keeps the protection against sources without any route.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixRpFilterStrictL4(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const setting = 'net.ipv4.conf.all.rp_filter';
  return {
    summary: say(
      `Set ${setting} to 2 (loose) on ${host ?? 'the backend'}: the larger of all and ${fact('device')} counts.`,
      `把 ${host ?? '后端'} 的 ${setting} 设为 2（宽松）：生效值取 all 与 ${fact('device')} 中较大者。`,
    ),
    steps: [
      {
        title: say('Loose mode now', '立即改为宽松模式'),
        host,
        command: ['sysctl', '-w', `${setting}=2`],
        undo: ['sysctl', '-w', `${setting}=${fact('all')}`],
        risk: 'low',
      },
      {
        title: say('And after a restart; the file has to sort behind the one that sets 1', '重启后仍生效；文件名须排在设置为 1 的文件之后'),
        host,
        config: { file: '/etc/sysctl.d/99-rp-filter.conf', text: `${setting} = 2\n` },
        risk: 'low',
      },
      {
        title: say(
          `Or make the way back symmetric: let answers to ${fact('source')} leave by ${fact('device')} instead of ${fact('back')} (a route or a policy rule)`,
          `或使回程对称：让到 ${fact('source')} 的应答走 ${fact('device')} 而不是 ${fact('back')}（路由或策略路由）`,
        ),
        host,
        risk: 'medium',
      },
    ],
    verify: say(
      'TcpExt IPReversePathFilter in `nstat -az` stands still, and the listener connects.',
      '`nstat -az` 中的 TcpExtIPReversePathFilter 不再增长，且该监听可以连接。',
    ),
  };
}
