import { describe, expect, it } from 'vitest';

import { accessLine, errorLine, findingsOf, haproxyConfig, haproxyLine, haproxyServer, logLines } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import type { AccessLine, ErrorLine } from '../../model/observations.ts';
import { phpFatalError } from './cause.ts';

function fatal(message: string, options: Partial<ErrorLine> = {}): ErrorLine {
  return errorLine('php-fatal', { fields: { message }, ...options });
}
const call = 'Uncaught Error: Call to undefined function total() in /srv/shop/cart.php:12\nStack trace:\n#0 {main}';

function made(
  errors: readonly ErrorLine[],
  options: { readonly requests?: readonly Request[]; readonly direct?: Request; readonly access?: readonly AccessLine[] } = {},
): Made {
  const { requests = [{ n: 1, status: 500, ms: 12 }], direct = { n: 2, status: 500, ms: 10 }, access = [accessLine(1, 500)] } = options;
  return { requests, direct: { 'app-1': [direct] }, hosts: { 'app-1': { logs: logLines(access, errors) } } };
}

/** A balancer whose health check asks for a page of the same application, and that has taken both backends out. */
function takenOut(options: { readonly checks?: string | null; readonly status?: number; readonly page?: number } = {}): Made {
  const { checks = 'L7STS', status = 503, page = 500 } = options;
  const server = (name: string, address: string): ReturnType<typeof haproxyServer> =>
    haproxyServer({ server: name, address, status: 'DOWN', checkStatus: checks, checkCode: 500 });
  return {
    requests: [{ n: 1, status, ms: 1 }],
    direct: { 'app-1': [{ n: 2, status: page, ms: 10 }], 'app-2': [{ n: 3, status: page, ms: 10 }] },
    balancer: { kind: 'haproxy' },
    hosts: {
      'app-1': { logs: logLines([], [fatal(call)]) },
      lb:
        checks === null
          ? {}
          : {
              'haproxy-config': haproxyConfig(
                'frontend f\n  bind :80\n  default_backend app\nbackend app\n  option httpchk\n  server app-1 10.9.0.1:8000 check\n  server app-2 10.9.0.2:8000 check\n',
              ),
              'haproxy-stat': { from: null, servers: [server('app-1', '10.9.0.1:8000'), server('app-2', '10.9.0.2:8000')], frontends: [] },
              logs: logLines([haproxyLine(1, status, '<NOSRV>', 'SC--')]),
            },
    },
  };
}

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  { why: 'a fatal error about our request', made: made([fatal(call)]), is: 'confirmed' },
  {
    why: 'a file that does not parse',
    made: made([fatal('syntax error, unexpected end of file in /srv/shop/cart.php on line 40')]),
    is: 'confirmed',
  },
  { why: 'the line of PHP’s own log, which names no request', made: made([fatal(call, { source: 'php', request: null })]), is: 'likely' },
  { why: 'an old line', made: made([fatal(call, { ours: false })]), is: 'inconclusive' },
  { why: 'a line about another page', made: made([fatal(call, { request: 'GET /other HTTP/1.1' })]), is: 'inconclusive' },
  { why: 'nothing was logged', made: made([]), is: 'inconclusive' },
  { why: 'the memory limit', made: made([errorLine('php-memory-limit', { fields: { bytes: '1' } })]), is: 'ruled-out' },
  { why: 'the time limit', made: made([errorLine('php-max-execution-time', { fields: { seconds: '2' } })]), is: 'ruled-out' },
  {
    why: 'no memory left on the host',
    made: made([fatal('Out of memory (allocated 2097152) (tried to allocate 20480 bytes) in /srv/shop/cart.php on line 3')]),
    is: 'inconclusive',
  },
  { why: 'this backend answers well', made: made([fatal(call)], { direct: { n: 2, status: 200, ms: 9 }, access: [] }), is: 'ruled-out' },
  {
    why: '502 is no fatal error',
    made: made([fatal(call)], { requests: [{ n: 1, status: 502, ms: 3 }], access: [accessLine(1, 502)] }),
    is: 'not-applicable',
  },
  { why: 'the balancer’s check meets it too, and clients see 503', made: takenOut(), is: 'confirmed' },
  { why: 'the same, with a balancer that nobody can look into', made: takenOut({ checks: null }), is: 'likely' },
  { why: 'the check fails without a connection', made: takenOut({ checks: 'L4CON' }), is: 'not-applicable' },
  { why: 'the page works past the balancer', made: takenOut({ page: 200 }), is: 'not-applicable' },
];

describe('php-fatal-error', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(phpFatalError, made)['app-1'];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed') expect(finding).toMatchObject({ explains: ['s1'] });
  });

  it.for([
    [call, { file: '/srv/shop/cart.php', line: '12', message: 'Uncaught Error: Call to undefined function total()', parse: false }],
    [
      'syntax error, unexpected token "}" in /srv/my shop/a.php on line 7',
      { file: '/srv/my shop/a.php', line: '7', message: 'syntax error, unexpected token "}"', parse: true },
    ],
    [
      'Uncaught PDOException: no\\nStack trace:\\n#0 connect("root", "hunter2")',
      { file: '', line: '', message: 'Uncaught PDOException: no', parse: false },
    ],
    ['', { file: '', line: '', message: 'no message', parse: false }],
  ] as const)('reads %j', ([message, facts]) => {
    expect(findingsOf(phpFatalError, made([fatal(message)]))['app-1']).toMatchObject({ is: 'confirmed', facts });
  });

  it('explains only the page that fails so', () => {
    const two = made([fatal(call)], {
      requests: [
        { n: 1, status: 500, ms: 12 },
        { n: 3, status: 500, ms: 12, url: 'http://www.example.net/list' },
      ],
      access: [accessLine(1, 500), { ...accessLine(3, 500), path: '/list' }],
    });
    expect(findingsOf(phpFatalError, two)['app-1']).toMatchObject({ explains: ['s1'] });
  });
});
