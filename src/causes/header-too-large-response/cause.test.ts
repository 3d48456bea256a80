import { describe, expect, it } from 'vitest';

import { balancerLine, errorLine, findingsOf, haproxyConfig, haproxyLine, logLines, nginxConfig } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import type { HaproxyConfig, NginxConfig } from '../../model/observations.ts';
import { headerTooLargeResponse } from './cause.ts';

const failed: Request = { n: 1, status: 502, ms: 3 };
const direct = (bytes: number, status = 200): NonNullable<Made['direct']> => ({
  'app-1': [{ n: 3, status, ms: 9, seen: { responseHeaderBytes: bytes } }],
  'app-2': [{ n: 4, status, ms: 9, seen: { responseHeaderBytes: bytes } }],
});
const fine: Request = { n: 8, status: 200, ms: 2, purpose: 'static' };
const line = balancerLine(1, 502, 'app-1', { connectMs: 1, headerMs: null, responseMs: 2 });
const tooBig = errorLine('response-header-too-big', { upstream: 'http://10.9.0.1:8000/cart' });
const nginx = (more = ''): NginxConfig =>
  nginxConfig(`http { server { listen 80; location / { ${more} proxy_pass http://10.9.0.1:8000; } } }`);
const haproxy = (tune = ''): HaproxyConfig =>
  haproxyConfig(
    `global\n  maxconn 100\n${tune}\nfrontend f\n  bind :80\n  default_backend app\nbackend app\n  server app-1 10.9.0.1:8000\n`,
  );

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
  readonly host: string;
}
const cases: readonly Case[] = [
  {
    why: 'the balancer’s nginx wrote so about our request',
    made: { requests: [failed], direct: direct(9000), hosts: { lb: { logs: logLines([line], [tooBig]), 'nginx-config': nginx() } } },
    is: 'confirmed',
    host: 'lb',
  },
  {
    why: 'a line of the past',
    made: {
      requests: [failed, fine],
      direct: direct(9000),
      hosts: { lb: { logs: logLines([line], [{ ...tooBig, ours: false }]), 'nginx-config': nginx() } },
    },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'a line about another page',
    made: {
      requests: [failed, fine],
      direct: direct(9000),
      hosts: { lb: { logs: logLines([line], [{ ...tooBig, request: 'GET /profile HTTP/1.1' }]) } },
    },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'HAProxy refused the answer, which is larger than its buffer',
    made: {
      requests: [failed],
      direct: direct(15_500),
      hosts: { lb: { logs: logLines([haproxyLine(1, 502, 'app-1', 'PH--')]), 'haproxy-config': haproxy() } },
      balancer: { kind: 'haproxy' },
    },
    is: 'confirmed',
    host: 'lb',
  },
  {
    why: 'HAProxy refused an answer that would have fitted: it is malformed',
    made: {
      requests: [failed],
      direct: direct(15_300),
      hosts: { lb: { logs: logLines([haproxyLine(1, 502, 'app-1', 'PH--')]), 'haproxy-config': haproxy() } },
      balancer: { kind: 'haproxy' },
    },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'HAProxy with a larger buffer',
    made: {
      requests: [failed],
      direct: direct(15_500),
      hosts: { lb: { logs: logLines([haproxyLine(1, 502, 'app-1', 'PH--')]), 'haproxy-config': haproxy('  tune.bufsize 32768') } },
      balancer: { kind: 'haproxy' },
    },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'nobody can read the balancer: large headers straight from the backends, 502 through it',
    made: { requests: [failed, fine], direct: direct(9000) },
    is: 'likely',
    host: 'lb',
  },
  {
    why: 'the same, but a balancer of this kind takes as much',
    made: { requests: [failed, fine], direct: direct(9000), balancer: { kind: 'haproxy' } },
    is: 'inconclusive',
    host: 'lb',
  },
  {
    why: 'the same, but a page with small headers fails too',
    made: { requests: [failed, { ...fine, status: 502 }], direct: direct(9000) },
    is: 'inconclusive',
    host: 'lb',
  },
  { why: 'the answer’s header is small', made: { requests: [failed, fine], direct: direct(400) }, is: 'ruled-out', host: 'lb' },
  {
    why: 'the backends fail as well when asked directly',
    made: { requests: [failed, fine], direct: direct(150, 502) },
    is: 'inconclusive',
    host: 'lb',
  },
  { why: 'another status', made: { requests: [{ ...failed, status: 504 }] }, is: 'ruled-out', host: '' },
];

describe('header-too-large-response', () => {
  it.for(cases)('$is: $why', ({ made, is, host }) => {
    const finding = findingsOf(headerTooLargeResponse, made)[host];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(finding).toMatchObject({ explains: ['s1'] });
  });

  it('names the backend whose own nginx ran out', () => {
    const relayed = balancerLine(1, 502, 'app-2', { connectMs: 1, headerMs: 2, responseMs: 2 });
    const findings = findingsOf(headerTooLargeResponse, {
      requests: [failed],
      hosts: {
        lb: { logs: logLines([relayed]) },
        'app-2': {
          logs: logLines([], [errorLine('response-header-too-big')]),
          'nginx-config': nginxConfig('http { server { listen 8000; location / { fastcgi_pass unix:/srv/run/app.sock; } } }'),
        },
      },
    });
    expect(findings).toMatchObject({
      'app-2': { is: 'confirmed', layer: 'web-server', explains: ['s1'], facts: { setting: 'fastcgi_buffer_size' } },
    });
    expect(Object.keys(findings)).toEqual(['app-2']);
  });
});
