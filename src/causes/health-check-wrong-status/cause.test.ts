import { describe, expect, it } from 'vitest';

import { balancerLine, findingsOf, haproxyConfig, haproxyLine, haproxyServer, logLines } from '../../engine/testing/scenes.ts';
import type { About, Made, Request } from '../../engine/testing/scenes.ts';
import type { HaproxyServerStat, HaproxyStat } from '../../model/observations.ts';
import { healthCheckWrongStatus } from './cause.ts';

const config = (check: string): string => `defaults
  mode http
frontend f
  bind :80
  default_backend app
backend app
${check}
  server app-1 10.9.0.1:8000 check
  server app-2 10.9.0.2:8000 check
`;
const ask = '  option httpchk GET /alive\n  http-check send hdr Host www.example.net';
function stat(first: Partial<HaproxyServerStat>, second: Partial<HaproxyServerStat> = first): HaproxyStat {
  const down = { status: 'DOWN', checkStatus: 'L7STS', checkCode: 404 };
  return {
    from: '/run/lb.sock',
    frontends: [],
    servers: [
      haproxyServer({ ...down, server: 'app-1', ...first }),
      haproxyServer({ ...down, server: 'app-2', address: '10.9.0.2:8000', ...second }),
    ],
  };
}
const noServer = logLines([haproxyLine(1, 503, '<NOSRV>', 'SC--')]);

/** What each backend answers to the check as it is sent, to the same path as a browser asks, and to the site's page. */
function answers(sent: number, plain: number, page = 200): NonNullable<Made['direct']> {
  const all = (n: number): readonly Request[] => [
    { n, status: page, ms: 9 },
    { n: n + 1, status: sent, ms: 1, purpose: 'health-check', url: 'http://www.example.net/alive' },
    { n: n + 2, status: plain, ms: 1, purpose: 'health-check-plain', url: 'http://www.example.net/alive' },
  ];
  return { 'app-1': all(10), 'app-2': all(20) };
}
function made(options: Partial<Made> & { readonly check?: string; readonly lb?: About }): Made {
  const { check = ask, lb = { 'haproxy-stat': stat({}) }, ...rest } = options;
  return {
    requests: [{ n: 1, status: 503, ms: 1 }],
    direct: answers(404, 404),
    balancer: { kind: 'haproxy' },
    hosts: { lb: { 'haproxy-config': haproxyConfig(config(check)), logs: noServer, ...lb } },
    ...rest,
  };
}
/** A balancer that nobody can look into, and what its operator says of the check. */
function managed(options: Partial<Made>): Made {
  return made({
    balancer: {
      kind: 'alibaba-clb',
      listeners: [{ port: 80, protocol: 'http', healthCheck: { path: '/alive', host: 'www.example.net', expect: '2xx' } }],
    },
    hosts: {},
    ...options,
  });
}

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  { why: 'the page is gone', made: made({}), is: 'confirmed' },
  {
    why: 'only 200 counts, and it answers 204',
    made: made({
      check: `${ask}\n  http-check expect status 200`,
      direct: answers(204, 204),
      lb: { 'haproxy-stat': stat({ checkCode: 204 }) },
    }),
    is: 'confirmed',
  },
  {
    why: 'the page wants a login',
    made: made({ direct: answers(401, 401), lb: { 'haproxy-stat': stat({ checkCode: 401 }) } }),
    is: 'confirmed',
  },
  { why: 'HAProxy heard another code than we', made: made({ lb: { 'haproxy-stat': stat({ checkCode: 500 }) } }), is: 'likely' },
  { why: 'HAProxy’s statistics could not be read', made: made({ lb: {} }), is: 'likely' },
  { why: 'a managed balancer whose operator says what it asks', made: managed({}), is: 'likely' },
  { why: 'its answer counts', made: managed({ direct: answers(200, 200) }), is: 'ruled-out' },
  { why: 'a redirect counts for HAProxy', made: made({ direct: answers(302, 302), lb: {} }), is: 'ruled-out' },
  {
    why: 'asked as a browser would, the page is well: it is the way of asking',
    made: made({ direct: answers(405, 200), lb: { 'haproxy-stat': stat({ checkCode: 405 }) } }),
    is: 'ruled-out',
  },
  {
    why: 'the site’s page fails on the backends too',
    made: made({ direct: answers(500, 500, 500), lb: { 'haproxy-stat': stat({ checkCode: 500 }) } }),
    is: 'ruled-out',
  },
  { why: 'the site’s page is gone as well', made: made({ direct: answers(404, 404, 404) }), is: 'inconclusive' },
  {
    why: 'one server is up',
    made: made({ lb: { 'haproxy-stat': stat({}, { status: 'UP', checkStatus: 'L7OK', checkCode: 200 }) } }),
    is: 'ruled-out',
  },
  {
    why: 'the checks cannot connect',
    made: made({ lb: { 'haproxy-stat': stat({ checkStatus: 'L4CON', checkCode: null }) } }),
    is: 'ruled-out',
  },
  {
    why: 'the checks take too long',
    made: made({ lb: { 'haproxy-stat': stat({ checkStatus: 'L7TOUT', checkCode: null }) } }),
    is: 'ruled-out',
  },
  { why: 'the check could not be sent', made: made({ direct: {} }), is: 'inconclusive' },
  {
    why: 'the check looks at the body',
    made: made({ check: `${ask}\n  http-check expect string ok`, direct: answers(200, 200) }),
    is: 'inconclusive',
  },
  { why: 'checks are off', made: made({ check: '  default-server no-check', lb: {} }), is: 'not-applicable' },
  { why: 'nginx has no checks', made: made({ balancer: { kind: 'nginx' }, hosts: {} }), is: 'not-applicable' },
  {
    why: 'requests do reach a server',
    made: made({ hosts: { lb: { 'haproxy-config': haproxyConfig(config(ask)), logs: logLines([haproxyLine(1, 503, 'app-1', 'SC--')]) } } }),
    is: 'not-applicable',
  },
  {
    why: 'the failures are a backend’s own',
    made: managed({
      requests: [{ n: 1, status: 502, ms: 3 }],
      hosts: { lb: { logs: logLines([balancerLine(1, 502, 'app-1', { connectMs: 1, headerMs: 2, responseMs: 2 })]) } },
    }),
    is: 'not-applicable',
  },
  {
    why: 'some requests come through',
    made: managed({
      requests: [
        { n: 1, status: 503, ms: 1 },
        { n: 2, status: 200, ms: 9 },
      ],
    }),
    is: 'not-applicable',
  },
  { why: 'nobody says what the check asks', made: made({ hosts: {} }), is: 'inconclusive' },
];

describe('health-check-wrong-status', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(healthCheckWrongStatus, made)['lb'];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(finding).toMatchObject({ explains: ['s1'] });
  });
});
