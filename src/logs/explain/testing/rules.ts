// A few small rules for tests of the machine that applies rules; the product's own are in ../rules.
import { say } from '../../../model/text.ts';
import type { LogRule, Witness } from '../rule.ts';

export function rule(cause: string, witnesses: readonly Witness[], over: Partial<LogRule> = {}): LogRule {
  return {
    cause,
    title: say(`Title of ${cause}`, `${cause} 的标题`),
    layer: 'web-server',
    witnesses,
    consequenceOf: [],
    summary: say(`{count} requests failed by ${cause} on {host}.`, `{host} 上 ${cause} 导致 {count} 个请求失败。`),
    fix: { summary: say(`Mend ${cause}.`, `修复 ${cause}。`), steps: [say('Do it.', '执行。')], verify: say('Look again.', '再次查看。') },
    wouldTell: say(`What tells ${cause}.`, `可判定 ${cause} 的证据。`),
    ...over,
  };
}

export const line = (
  signature: string,
  weight: 'proves' | 'suggests' | 'fits',
  host: 'upstream' | 'writer' | 'none' = 'upstream',
  perRequest = true,
): Witness & { kind: 'line' } => ({
  kind: 'line',
  signatures: [signature],
  weight,
  host,
  perRequest,
});

export const testRules: readonly LogRule[] = [
  rule('backend-process-down', [line('connect-refused', 'suggests')]),
  rule('fpm-socket-path-mismatch', [line('connect-no-such-file', 'proves', 'writer')]),
  rule(
    'upstream-read-timeout',
    [
      line('read-timeout', 'proves'),
      { kind: 'request', where: (each) => each.status === 504 && each.timing === 'waited', weight: 'fits', host: 'backend' },
    ],
    {
      consequenceOf: ['fpm-max-children', 'dependency-slow'],
      layer: 'app-runtime',
    },
  ),
  rule('fpm-max-children', [line('fpm-max-children', 'suggests', 'writer', false)], {
    layer: 'app-runtime',
    summary: say('Pool {pool} on {host} was full: {count}.', '{host} 的池 {pool} 已满：{count}。'),
  }),
  rule('fpm-worker-crash', [
    {
      kind: 'together',
      all: [line('reset-reading-header', 'suggests'), line('fpm-child-signal', 'suggests', 'writer', false)],
      withinSeconds: 60,
      weight: 'proves',
      host: 'upstream',
    },
    line('reset-reading-header', 'fits'),
  ]),
  rule('keepalive-race', [line('reset-reading-header', 'fits')]),
  rule('oom-killed', [line('kernel-oom', 'suggests', 'writer', false)], { layer: 'host' }),
  rule(
    'app-returned-5xx',
    [{ kind: 'request', where: (each) => each.status === 500 && each.answeredBy === 'upstream', weight: 'suggests', host: 'backend' }],
    { layer: 'application' },
  ),
];
