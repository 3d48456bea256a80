import { describe, expect, it } from 'vitest';

import {
  accessLine,
  appNginx,
  errorLine,
  findingsOf,
  fpm,
  fpmPool,
  haproxyServer,
  logLines,
  tcpListeners,
  unixListeners,
} from '../../engine/testing/scenes.ts';
import type { About, Made } from '../../engine/testing/scenes.ts';
import { fpmDownStaticHealthOk } from './cause.ts';

const socket = '/srv/run/app.sock';
const nobody = unixListeners('/srv/run/something-else.sock');
const stopped = fpm([fpmPool({ children: 0 })], false);

/** php-fpm of app-1 is gone; `about` replaces what is known of that host. */
function made(about: About = {}, status = 502): Made {
  return {
    requests: [{ n: 1, status, ms: 4 }],
    direct: {
      'app-1': [
        { n: 2, status, ms: 2 },
        { n: 3, status: 200, ms: 1, purpose: 'bypass-balancer-static' },
      ],
    },
    hosts: {
      lb: { 'haproxy-stat': { from: '/run/lb.sock', servers: [haproxyServer({})], frontends: [] } },
      'app-1': {
        fpm: stopped,
        'nginx-config': appNginx(),
        listeners: nobody,
        logs: logLines([accessLine(1, status)], [errorLine('connect-no-such-file')]),
        ...about,
      },
    },
  };
}

const cases: readonly { readonly why: string; readonly made: Made; readonly is: string; readonly explains?: readonly string[] }[] = [
  { why: 'no socket file', made: made(), is: 'confirmed', explains: ['s1'] },
  {
    why: 'a stale socket file',
    made: made({ logs: logLines([accessLine(1, 502)], [errorLine('connect-refused')]) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'a TCP port that nobody listens on',
    made: made({
      'nginx-config': appNginx('127.0.0.1:9001'),
      logs: logLines([accessLine(1, 502)], [errorLine('connect-refused', { upstream: 'fastcgi://127.0.0.1:9001' })]),
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
    why: 'stopped, but our requests failed for another reason',
    made: made({ logs: logLines([accessLine(1, 502)], [errorLine('reset-reading-header', { upstream: 'http://10.9.0.1:3000/cart' })]) }),
    is: 'likely',
    explains: [],
  },
  {
    why: 'an error line from before our requests',
    made: made({ logs: logLines([accessLine(1, 502)], [errorLine('connect-no-such-file', { ours: false })]) }),
    is: 'likely',
    explains: [],
  },
  {
    why: 'another user’s request to another page',
    made: made({ logs: logLines([accessLine(1, 502)], [errorLine('connect-no-such-file', { request: 'GET /old.php HTTP/1.1' })]) }),
    is: 'likely',
    explains: [],
  },
  { why: 'a slow page is something else', made: made({}, 504), is: 'confirmed', explains: [] },
  {
    why: 'children that outlived their master still serve',
    made: made({ listeners: unixListeners(socket), logs: logLines([accessLine(1, 502)]) }),
    is: 'ruled-out',
  },
  { why: 'php-fpm runs', made: made({ fpm: fpm() }), is: 'ruled-out' },
  {
    why: 'php-fpm is on another machine',
    made: made({ 'nginx-config': appNginx('10.9.0.77:9000'), listeners: tcpListeners(80) }),
    is: 'not-applicable',
  },
];

describe('fpm-down-static-health-ok', () => {
  it.for(cases)('$is: $why', ({ made: scene, is, explains }) => {
    const finding = findingsOf(fpmDownStaticHealthOk, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('shows that the balancer still holds the backend for healthy', () => {
    const finding = findingsOf(fpmDownStaticHealthOk, made())['app-1'];
    expect(finding?.is === 'confirmed' && finding.because.some((each) => each.path === '/servers/0/status')).toBe(true);
  });
});
