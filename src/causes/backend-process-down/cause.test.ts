import { describe, expect, it } from 'vitest';

import {
  accessLine,
  balancerLine,
  errorLine,
  findingsOf,
  haproxyConfig,
  haproxyLine,
  logLines,
  nginxConfig,
} from '../../engine/testing/scenes.ts';
import type { About, Made, Request } from '../../engine/testing/scenes.ts';
import type { Listeners } from '../../model/observations.ts';
import { backendProcessDown } from './cause.ts';

/** A host that listens at these addresses (`address:port process`). */
function listening(...all: readonly string[]): Listeners {
  const tcp = all.map((text) => {
    const [at = '', process] = text.split(' ');
    const colon = at.lastIndexOf(':');
    return {
      address: at.slice(0, colon),
      port: Number(at.slice(colon + 1)),
      queue: { now: 0, delta: 0 },
      limit: 128,
      pid: 3,
      process: process ?? null,
    };
  });
  return { tcp, unix: [], source: 'ss' };
}
const ssh = '0.0.0.0:22 sshd';
const stopped = { ...nginxConfig('http { server { listen 8000; } }'), running: false, masterPid: null };
const refused = (n: number): Request => ({ n, status: null, ms: 1, error: 'refused', failedPhase: 'connect' });
const nowhere = { connectMs: null, headerMs: null, responseMs: 0 };

/** app-1 as given, app-2 in good health, and the balancer's log of a request that it wanted to bring to app-1. */
function made(about: About, options: Partial<Made> = {}): Made {
  return {
    requests: [
      { n: 1, status: 502, ms: 2 },
      { n: 2, status: 200, ms: 20 },
    ],
    direct: { 'app-1': [refused(3)], 'app-2': [{ n: 4, status: 200, ms: 20 }] },
    ...options,
    hosts: {
      lb: { logs: logLines([balancerLine(1, 502, 'app-1', nowhere)]) },
      'app-2': { listeners: listening(ssh, '0.0.0.0:8000 nginx'), logs: logLines([accessLine(2, 200)]) },
      ...options.hosts,
      'app-1': about,
    },
  };
}

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
  readonly explains?: readonly string[];
}
const cases: readonly Case[] = [
  { why: 'nothing listens, the balancer tried', made: made({ listeners: listening(ssh) }), is: 'confirmed', explains: ['s1'] },
  {
    why: 'its nginx is stopped',
    made: made({ listeners: listening(ssh, '0.0.0.0:9100 node'), 'nginx-config': stopped }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'nobody can read the balancer’s log',
    made: made({ listeners: listening(ssh) }, { hosts: { lb: {} } }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'the balancer’s log names no backend, but its error log does',
    made: made(
      { listeners: listening(ssh) },
      {
        hosts: {
          lb: {
            logs: logLines(
              [accessLine(1, 502), accessLine(2, 200)],
              [errorLine('connect-refused', { upstream: 'http://10.9.0.1:8000/cart' })],
            ),
          },
        },
      },
    ),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'the balancer’s log names no backend, and its error log another one',
    made: made(
      { listeners: listening(ssh) },
      {
        hosts: {
          lb: {
            logs: logLines(
              [accessLine(1, 502), accessLine(2, 200)],
              [errorLine('connect-refused', { upstream: 'http://10.9.0.2:8000/cart' })],
            ),
          },
        },
      },
    ),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'HAProxy tried it and was refused',
    made: made(
      { listeners: listening(ssh) },
      {
        requests: [
          { n: 1, status: 503, ms: 3000 },
          { n: 2, status: 200, ms: 9 },
        ],
        hosts: { lb: { logs: logLines([haproxyLine(1, 503, 'app-1', 'SC--')]) } },
        balancer: { kind: 'haproxy' },
      },
    ),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'every backend is dead, and HAProxy has none left',
    made: made(
      { listeners: listening(ssh) },
      {
        requests: [{ n: 1, status: 503, ms: 1 }],
        direct: { 'app-1': [refused(3)], 'app-2': [refused(4)] },
        hosts: { lb: { logs: logLines([haproxyLine(1, 503, '<NOSRV>', 'SC--')]) }, 'app-2': { listeners: listening(ssh) } },
        balancer: { kind: 'haproxy' },
      },
    ),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'HAProxy has no server left, but the other backend lives: it was taken out for a reason of its own',
    made: made(
      { listeners: listening(ssh) },
      {
        requests: [{ n: 1, status: 503, ms: 1 }],
        hosts: { lb: { logs: logLines([haproxyLine(1, 503, '<NOSRV>', 'SC--')]) } },
        balancer: { kind: 'haproxy' },
      },
    ),
    is: 'likely',
    explains: [],
  },
  {
    why: 'packets are only forwarded, and one of two backends refuses',
    made: made(
      { listeners: listening(ssh) },
      {
        requests: [
          { n: 1, status: null, ms: 1, error: 'refused', failedPhase: 'connect' },
          { n: 2, status: 200, ms: 9 },
        ],
        hosts: { lb: {} },
        balancer: { listeners: [{ port: 80, protocol: 'tcp' }] },
      },
    ),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'the same, but every request is refused: then it is not one backend',
    made: made(
      { listeners: listening(ssh) },
      {
        requests: [
          { n: 1, status: null, ms: 1, error: 'refused', failedPhase: 'connect' },
          { n: 2, status: null, ms: 1, error: 'refused', failedPhase: 'connect' },
        ],
        hosts: { lb: {} },
        balancer: { listeners: [{ port: 80, protocol: 'tcp' }] },
      },
    ),
    is: 'likely',
    explains: [],
  },
  { why: 'a socket is there, so a firewall refuses', made: made({ listeners: listening(ssh, '0.0.0.0:8000 nginx') }), is: 'ruled-out' },
  { why: 'a socket for both families is there', made: made({ listeners: listening('::: sshd', ':::8000 node') }), is: 'ruled-out' },
  { why: 'it listens for itself only', made: made({ listeners: listening(ssh, '127.0.0.1:8000 nginx') }), is: 'inconclusive' },
  { why: 'it listens on another port', made: made({ listeners: listening(ssh, '0.0.0.0:8080 node') }), is: 'inconclusive' },
  {
    why: 'nginx runs with another port',
    made: made({ listeners: listening(ssh, '0.0.0.0:8080 nginx'), 'nginx-config': nginxConfig('http { server { listen 8080; } }') }),
    is: 'inconclusive',
  },
  {
    why: 'connections are dropped, not refused',
    made: made(
      { listeners: listening(ssh) },
      { direct: { 'app-1': [{ n: 3, status: null, ms: 2000, error: 'timeout', failedPhase: 'connect' }] } },
    ),
    is: 'inconclusive',
  },
  {
    why: 'it answered a moment ago',
    made: made(
      { listeners: listening(ssh) },
      { direct: { 'app-1': [refused(3), { n: 5, status: 200, ms: 9, purpose: 'bypass-balancer-static' }] } },
    ),
    is: 'inconclusive',
  },
  {
    why: 'the failures came from the living backend',
    made: made(
      { listeners: listening(ssh) },
      { hosts: { lb: { logs: logLines([balancerLine(1, 502, 'app-2', { connectMs: 1, headerMs: null, responseMs: 4 })]) } } },
    ),
    is: 'likely',
    explains: [],
  },
  {
    why: 'the site is well without it',
    made: made({ listeners: listening(ssh) }, { requests: [{ n: 1, status: 200, ms: 20 }] }),
    is: 'likely',
    explains: [],
  },
];

describe('backend-process-down', () => {
  it.for(cases)('$is: $why', ({ made, is, explains }) => {
    const finding = findingsOf(backendProcessDown, made)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('is not proven by what the backend alone can see', () => {
    const alone = made({ listeners: listening(ssh) }, { direct: {} });
    expect(findingsOf(backendProcessDown, alone)['app-1']).toMatchObject({ is: 'likely' });
  });

  it('cites why nginx did not start', () => {
    const line = errorLine('bind-failed', {
      request: null,
      ours: false,
      text: 'bind() to 0.0.0.0:8000 failed (98: Address already in use)',
    });
    const finding = findingsOf(
      backendProcessDown,
      made({ listeners: listening(ssh), 'nginx-config': stopped, logs: logLines([], [line]) }),
    )['app-1'];
    expect(finding).toMatchObject({ is: 'confirmed', facts: { service: 'nginx', port: 8000 } });
    expect(finding !== undefined && 'because' in finding && finding.because.some(({ path }) => path === '/errors/0/text')).toBe(true);
  });

  it('does not mistake HAProxy’s own configuration for a listener', () => {
    const config = haproxyConfig('frontend f\n  bind :80\n  default_backend app\nbackend app\n  server app-1 10.9.0.1:8000\n');
    const scene = made(
      { listeners: listening(ssh) },
      { hosts: { lb: { 'haproxy-config': config, logs: logLines([haproxyLine(1, 502, 'app-1', 'SC--')]) } } },
    );
    expect(findingsOf(backendProcessDown, scene)['app-1']).toMatchObject({ is: 'confirmed' });
  });
});
