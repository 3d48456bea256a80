import { describe, expect, it } from 'vitest';

import {
  accessLine,
  appNginx,
  errorLine,
  findingsOf,
  fpm,
  fpmPool,
  logLines,
  tcpListeners,
  unixListeners,
} from '../../engine/testing/scenes.ts';
import type { About, Made } from '../../engine/testing/scenes.ts';
import { fpmSocketPathMismatch } from './cause.ts';

const old = '/srv/run/app.sock';
const current = '/srv/run/app8.sock';
const moved = fpm([fpmPool({ listen: current })]);

/** nginx uses `old`, the pool listens on `current`. */
function made(about: About = {}): Made {
  return {
    requests: [{ n: 1, status: 502, ms: 4 }],
    direct: {
      'app-1': [
        { n: 2, status: 502, ms: 2 },
        { n: 3, status: 200, ms: 1, purpose: 'bypass-balancer-static' },
      ],
    },
    hosts: {
      'app-1': {
        fpm: moved,
        'nginx-config': appNginx(`unix:${old}`),
        listeners: unixListeners(current),
        logs: logLines([accessLine(1, 502)], [errorLine('connect-no-such-file')]),
        ...about,
      },
    },
  };
}

const cases: readonly { readonly why: string; readonly made: Made; readonly is: string; readonly explains?: readonly string[] }[] = [
  { why: 'another socket file', made: made(), is: 'confirmed', explains: ['s1'] },
  {
    why: 'the pool moved to TCP',
    made: made({ fpm: fpm([fpmPool({ listen: '127.0.0.1:9001' })]), listeners: tcpListeners(9001) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'another TCP port',
    made: made({
      'nginx-config': appNginx('127.0.0.1:9000'),
      fpm: fpm([fpmPool({ listen: '9001' })]),
      listeners: tcpListeners(9001),
      logs: logLines([accessLine(1, 502)], [errorLine('connect-refused', { upstream: 'fastcgi://127.0.0.1:9000' })]),
    }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'the error log cannot be read',
    made: made({ logs: logLines([], [], ['nginx-error', 'nginx-access']) }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'our requests failed otherwise',
    made: made({ logs: logLines([accessLine(1, 502)], [errorLine('reset-reading-header')]) }),
    is: 'likely',
    explains: [],
  },
  { why: 'the same address in both', made: made({ fpm: fpm(), listeners: unixListeners(old) }), is: 'ruled-out' },
  {
    why: '/var/run is /run',
    made: made({
      'nginx-config': appNginx('unix:/var/run/app.sock'),
      fpm: fpm([fpmPool({ listen: '/run/app.sock' })]),
      listeners: unixListeners('/run/app.sock'),
    }),
    is: 'ruled-out',
  },
  {
    why: 'the pool names it, but nobody listens: a pool that is down',
    made: made({ fpm: fpm(), listeners: unixListeners(current) }),
    is: 'inconclusive',
  },
  { why: 'php-fpm does not run', made: made({ fpm: fpm([fpmPool()], false) }), is: 'not-applicable' },
];

describe('fpm-socket-path-mismatch', () => {
  it.for(cases)('$is: $why', ({ made: scene, is, explains }) => {
    const finding = findingsOf(fpmSocketPathMismatch, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('names both addresses for the fix', () => {
    expect(findingsOf(fpmSocketPathMismatch, made())['app-1']).toMatchObject({
      facts: { written: `unix:${old}`, listens: `unix:${current}` },
    });
  });
});
