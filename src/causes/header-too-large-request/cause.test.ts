import { describe, expect, it } from 'vitest';

import { accessLine, balancerLine, findingsOf, haproxyConfig, logLines, nginxConfig } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import type { HaproxyConfig, LogLines, NginxConfig } from '../../model/observations.ts';
import { headerTooLargeRequest } from './cause.ts';

const title = '<html><head><title>400 Request Header Or Cookie Too Large</title></head></html>';
const big = (n: number, bytes = 9000, status = 400, body = ''): Request => ({
  n,
  status,
  ms: 3,
  seen: { requestHeaderBytes: bytes, body },
});
const without = (n: number, status: number): Request => ({ n, status, ms: 9, purpose: 'experiment', seen: { requestHeaderBytes: 130 } });
const own = (n: number): LogLines =>
  logLines([{ ...accessLine(n, 400), upstream: { addresses: [], statuses: [], connectMs: [], headerMs: [], responseMs: [] } }]);
const nginx = (limit = ''): NginxConfig =>
  nginxConfig(`http { ${limit} server { listen 80; location / { proxy_pass http://10.9.0.1:8000; } } }`);
const haproxy = (tune = ''): HaproxyConfig =>
  haproxyConfig(
    `global\n  maxconn 100\n${tune}\nfrontend f\n  bind :80\n  default_backend app\nbackend app\n  server app-1 10.9.0.1:8000\n`,
  );
const page = '<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n';
const long = `http://www.example.net/cart?${'x'.repeat(9000)}`;

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
  readonly host?: string;
}
const cases: readonly Case[] = [
  {
    why: 'the balancer answered, its limit is smaller than the one header of the site file',
    made: { requests: [big(1)], headerNames: ['cookie'], hosts: { lb: { logs: own(1), 'nginx-config': nginx() } } },
    is: 'confirmed',
    host: 'lb',
  },
  {
    why: 'nginx says so itself, and its log has the request',
    made: { requests: [big(1, 9000, 400, title)], hosts: { lb: { logs: own(1) } } },
    is: 'confirmed',
    host: 'lb',
  },
  {
    why: 'the same request without its headers passes',
    made: { requests: [big(1), without(2, 200)], hosts: { lb: { logs: own(1) } } },
    is: 'confirmed',
    host: 'lb',
  },
  {
    why: 'a backend answers 400, and not without the headers: the application may dislike them',
    made: {
      requests: [big(1), without(2, 200)],
      hosts: {
        lb: { logs: logLines([balancerLine(1, 400, 'app-1', { connectMs: 1, headerMs: 4, responseMs: 4 })]) },
        'app-1': { logs: logLines([accessLine(1, 400)]) },
      },
    },
    is: 'likely',
    host: 'app-1',
  },
  {
    why: 'a short header that the site does not like',
    made: { requests: [big(1, 2000), without(2, 200)], hosts: { lb: { logs: own(1) } } },
    is: 'inconclusive',
    host: 'lb',
  },
  { why: 'nginx says so, but who answered is not known', made: { requests: [big(1, 9000, 400, title)] }, is: 'likely', host: '' },
  {
    why: 'the limit has room',
    made: {
      requests: [big(1)],
      headerNames: ['cookie'],
      hosts: { lb: { logs: own(1), 'nginx-config': nginx('large_client_header_buffers 8 64k;') } },
    },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'just below the limit of a line',
    made: { requests: [big(1, 8190)], headerNames: ['cookie'], hosts: { lb: { logs: own(1), 'nginx-config': nginx() } } },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'several headers together exceed the limit of one line',
    made: { requests: [big(1)], headerNames: ['cookie', 'authorization'], hosts: { lb: { logs: own(1), 'nginx-config': nginx() } } },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'HAProxy’s page, and more bytes than its buffer holds',
    made: {
      requests: [big(1, 15_400, 400, page)],
      headerNames: ['a', 'b'],
      hosts: { lb: { 'haproxy-config': haproxy() } },
      balancer: { kind: 'haproxy' },
    },
    is: 'confirmed',
    host: 'lb',
  },
  {
    why: 'HAProxy with a larger buffer',
    made: {
      requests: [big(1, 15_400, 400, page)],
      hosts: { lb: { 'haproxy-config': haproxy('  tune.bufsize 32768') } },
      balancer: { kind: 'haproxy' },
    },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'without its headers it fails as well',
    made: { requests: [big(1), without(2, 400)], hosts: { lb: { logs: own(1) } } },
    is: 'ruled-out',
    host: 'lb',
  },
  {
    why: 'it fails now and then, so one success proves nothing',
    made: {
      requests: [big(1), { n: 3, status: 200, ms: 4, seen: { requestHeaderBytes: 9000 } }, without(2, 200)],
      hosts: { lb: { logs: own(1) } },
    },
    is: 'inconclusive',
    host: 'lb',
  },
  { why: 'a small request gets 400', made: { requests: [big(1, 300)] }, is: 'ruled-out', host: '' },
  { why: '502', made: { requests: [big(1, 9000, 502)] }, is: 'ruled-out', host: '' },
  {
    why: 'a long URL, and nobody’s log has it, but the balancer’s limit comes first',
    made: {
      requests: [{ n: 1, status: 414, ms: 2, url: long, seen: { requestHeaderBytes: 9150 } }],
      hosts: { lb: { 'nginx-config': nginx() } },
    },
    is: 'confirmed',
    host: 'lb',
  },
];

describe('header-too-large-request', () => {
  it.for(cases)('$is: $why', ({ made, is, host = '' }) => {
    const findings = findingsOf(headerTooLargeRequest, made);
    expect(Object.keys(findings)).toEqual([host]);
    expect(findings[host]?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(findings[host]).toMatchObject({ explains: ['s1'] });
  });

  it('names the backend whose limit it was, and no other', () => {
    const backend = (limit: string): NginxConfig => nginxConfig(`http { ${limit} server { listen 8000; } }`);
    const through = {
      ...accessLine(1, 400),
      upstream: { addresses: ['10.9.0.2:8000'], statuses: [400], connectMs: [1], headerMs: [2], responseMs: [2] },
    };
    const findings = findingsOf(headerTooLargeRequest, {
      requests: [big(1, 6000), { n: 2, status: 200, ms: 9, seen: { requestHeaderBytes: 6000 } }],
      headerNames: ['cookie'],
      hosts: {
        lb: { logs: logLines([through]) },
        'app-1': { 'nginx-config': backend('') },
        'app-2': { 'nginx-config': backend('large_client_header_buffers 4 4k;'), logs: logLines([accessLine(1, 400)]) },
      },
    });
    expect(findings).toMatchObject({ 'app-2': { is: 'confirmed', layer: 'web-server', explains: ['s1'] } });
    expect(Object.keys(findings)).toEqual(['app-2']);
  });
});
