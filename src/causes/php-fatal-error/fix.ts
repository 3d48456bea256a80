// A fatal error is mended in the code, by whoever deployed it; the quickest way back is the release before.
import type { Convicted } from '../../model/finding.ts';
import type { Fix, FixStep } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixPhpFatalError(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const file = fact('file');
  const line = Number(fact('line'));
  const at = file === '' ? '' : ` ${file}${line > 0 ? `:${line}` : ''}`;
  const looks: readonly FixStep[] =
    file === ''
      ? []
      : [
          ...(line > 0
            ? [
                {
                  title: say(`Look at line ${line}`, `查看第 ${line} 行`),
                  host,
                  command: ['sed', '-n', `${Math.max(1, line - 5)},${line + 5}p`, '--', file],
                  risk: 'none' as const,
                },
              ]
            : []),
          { title: say('See whether the file parses', '检查文件语法'), host, command: ['php', '-l', file], risk: 'none' },
          { title: say('See when it was changed', '查看修改时间'), host, command: ['stat', '--', file], risk: 'none' },
        ];
  return {
    summary: say(
      `Correct${at === '' ? ' the script' : at} (${fact('message')}), or go back to the release before it; compare the file with that of a backend that works.`,
      `修复${at === '' ? '该脚本' : at}（${fact('message')}），或回滚到上一版本；可与正常后端上的同一文件对比。`,
    ),
    steps: [
      ...looks,
      {
        title: say('Deploy the corrected or the former release to this backend', '向该后端发布修复后的版本或回滚'),
        host: null,
        risk: 'medium',
      },
      {
        title: say(
          'Clear the opcode cache where opcache.validate_timestamps is off: reload php-fpm',
          '若关闭了 opcache.validate_timestamps，需重新加载 php-fpm 以清除缓存',
        ),
        host: null,
        risk: 'low',
      },
    ],
    verify: say(
      'The page answers 200 and the error log has no new `PHP Fatal error`.',
      '页面返回 200，错误日志中不再出现新的 `PHP Fatal error`。',
    ),
  };
}
