import { describe, expect, it } from 'vitest';

import { findingsOf, haproxyConfig, haproxyLine, haproxyServer, logLines } from '../../engine/testing/scenes.ts';
import type { About, Made, Request } from '../../engine/testing/scenes.ts';
import type { HaproxyServerStat, HaproxyStat } from '../../model/observations.ts';
import { healthCheckWrongHostOrMethod } from './cause.ts';

const config = (check: string): string => `frontend f
  bind :80
  mode http
  default_backend app
backend app
  mode http
${check}
  server app-1 10.9.0.1:8000 check
  server app-2 10.9.0.2:8000 check
`;
const options = '  option httpchk OPTIONS /alive HTTP/1.1\n  http-check send hdr Host www.example.net';
function stat(first: Partial<HaproxyServerStat>, second: Partial<HaproxyServerStat> = first): HaproxyStat {
  const down = { status: 'DOWN', checkStatus: 'L7STS', checkCode: 405 };
  return {
    from: '/run/lb.sock',
    frontends: [],
    servers: [
      haproxyServer({ ...down, server: 'app-1', ...first }),
      haproxyServer({ ...down, server: 'app-2', address: '10.9.0.2:8000', ...second }),
    ],
  };
}
type Answer = Pick<Request, 'status' | 'error' | 'failedPhase'>;
const status = (code: number): Answer => ({ status: code });
const closed: Answer = { status: null, error: 'closed' };

function answers(sent: Answer, plain: Answer, page: Answer = status(200)): NonNullable<Made['direct']> {
  const all = (n: number): readonly Request[] => [
    { n, ms: 9, ...page },
    { n: n + 1, ms: 1, purpose: 'health-check', url: 'http://www.example.net/alive', ...sent },
    { n: n + 2, ms: 1, purpose: 'health-check-plain', url: 'http://www.example.net/alive', ...plain },
  ];
  return { 'app-1': all(10), 'app-2': all(20) };
}
function made(given: Partial<Made> & { readonly check?: string; readonly lb?: About }): Made {
  const { check = options, lb = { 'haproxy-stat': stat({}) }, ...rest } = given;
  const logs = logLines([haproxyLine(1, 503, '<NOSRV>', 'SC--')]);
  return {
    requests: [{ n: 1, status: 503, ms: 1 }],
    direct: answers(status(405), status(200)),
    balancer: { kind: 'haproxy' },
    hosts: { lb: { 'haproxy-config': haproxyConfig(config(check)), logs, ...lb } },
    ...rest,
  };
}
const head = { path: '/alive', method: 'HEAD', expect: '2xx' };

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  { why: 'OPTIONS is not allowed, GET is', made: made({}), is: 'confirmed' },
  {
    why: 'HAProxy’s default check, without a name',
    made: made({
      check: '  option httpchk',
      direct: answers(closed, status(200)),
      lb: { 'haproxy-stat': stat({ checkStatus: 'L7RSP', checkCode: null }) },
    }),
    is: 'confirmed',
  },
  {
    why: 'another site’s name',
    made: made({
      check: '  option httpchk GET /alive HTTP/1.1\n  http-check send hdr Host inner.example.org',
      direct: answers(status(421), status(200)),
      lb: { 'haproxy-stat': stat({ checkCode: 421 }) },
    }),
    is: 'confirmed',
  },
  { why: 'HAProxy’s statistics could not be read', made: made({ lb: {} }), is: 'likely' },
  {
    why: 'the site’s page fails on the backends as well',
    made: made({ direct: answers(status(405), status(200), status(500)) }),
    is: 'likely',
  },
  {
    why: 'a managed balancer that sends HEAD',
    made: made({ balancer: { kind: 'alibaba-clb', listeners: [{ port: 80, protocol: 'http', healthCheck: head }] }, hosts: {} }),
    is: 'likely',
  },
  {
    why: 'asked as a browser would, it fails too',
    made: made({ direct: answers(status(404), status(404)), lb: { 'haproxy-stat': stat({ checkCode: 404 }) } }),
    is: 'ruled-out',
  },
  { why: 'the check is answered when we send it', made: made({ direct: answers(status(200), status(200)) }), is: 'ruled-out' },
  {
    why: 'the checks cannot connect',
    made: made({ lb: { 'haproxy-stat': stat({ checkStatus: 'L4TOUT', checkCode: null }) } }),
    is: 'ruled-out',
  },
  {
    why: 'one server is up',
    made: made({ lb: { 'haproxy-stat': stat({}, { status: 'UP', checkStatus: 'L7OK', checkCode: 200 }) } }),
    is: 'ruled-out',
  },
  {
    why: 'the check asks as a browser does',
    made: made({ check: '  option httpchk GET /alive HTTP/1.1\n  http-check send hdr Host www.example.net' }),
    is: 'not-applicable',
  },
  {
    why: 'our own check got no connection',
    made: made({ direct: answers({ status: null, error: 'timeout', failedPhase: 'connect' }, status(200)) }),
    is: 'inconclusive',
  },
  {
    why: 'our own check took too long',
    made: made({ direct: answers({ status: null, error: 'timeout' }, status(200)) }),
    is: 'inconclusive',
  },
  { why: 'the check could not be sent', made: made({ direct: {} }), is: 'inconclusive' },
  { why: 'only a connection is checked', made: made({ check: '', lb: {} }), is: 'not-applicable' },
  { why: 'nginx has no checks', made: made({ balancer: { kind: 'nginx' }, hosts: {} }), is: 'not-applicable' },
  { why: 'requests come through', made: made({ requests: [{ n: 1, status: 200, ms: 9 }] }), is: 'not-applicable' },
];

describe('health-check-wrong-host-or-method', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(healthCheckWrongHostOrMethod, made)['lb'];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(finding).toMatchObject({ explains: ['s1'] });
  });
});
