import { describe, expect, it } from 'vitest';

import { accessLine, appNginx, errorLine, findingsOf, fpm, logLines, unixListeners } from '../../engine/testing/scenes.ts';
import type { About, Made } from '../../engine/testing/scenes.ts';
import type { SocketFiles } from '../../model/observations.ts';
import { fpmSocketPermission } from './cause.ts';

const socket = '/srv/run/app.sock';

function files(options: Partial<SocketFiles['sockets'][number]> = {}): SocketFiles {
  const shut = {
    path: socket,
    namedBy: ['nginx', 'php-fpm'],
    exists: true,
    isSocket: true,
    mode: '0660',
    owner: 'root',
    group: 'root',
    closedDirectories: [],
    writableByWebServer: false,
  } as const;
  return { sockets: [{ ...shut, ...options }], webServerUser: 'web' };
}
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
        'socket-files': files(),
        'nginx-config': appNginx(),
        fpm: fpm(),
        listeners: unixListeners(socket),
        logs: logLines([accessLine(1, 502)], [errorLine('connect-permission')]),
        ...about,
      },
    },
  };
}

const cases: readonly { readonly why: string; readonly made: Made; readonly is: string; readonly explains?: readonly string[] }[] = [
  { why: 'the socket belongs to root', made: made(), is: 'confirmed', explains: ['s1'] },
  {
    why: 'a directory above it is closed',
    made: made({ 'socket-files': files({ mode: '0666', closedDirectories: ['/srv/run'] }) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'rights that could not be worked out, but the kernel said no',
    made: made({ 'socket-files': files({ writableByWebServer: null }) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'the error log cannot be read',
    made: made({ logs: logLines([], [], ['nginx-error', 'nginx-access']) }),
    is: 'likely',
    explains: ['s1'],
  },
  { why: 'closed, but our requests did not meet it', made: made({ logs: logLines([accessLine(1, 502)]) }), is: 'likely', explains: [] },
  {
    why: 'the line is older than our requests',
    made: made({
      'socket-files': files({ writableByWebServer: true }),
      logs: logLines([accessLine(1, 502)], [errorLine('connect-permission', { ours: false })]),
    }),
    is: 'ruled-out',
  },
  {
    why: 'nginx may write to it',
    made: made({ 'socket-files': files({ owner: 'web', writableByWebServer: true }), logs: logLines([accessLine(1, 502)]) }),
    is: 'ruled-out',
  },
  {
    why: 'no socket file at all',
    made: made({
      'socket-files': files({ exists: false, writableByWebServer: null }),
      logs: logLines([accessLine(1, 502)], [errorLine('connect-no-such-file')]),
    }),
    is: 'inconclusive',
  },
  { why: 'a TCP port has no permissions', made: made({ 'nginx-config': appNginx('127.0.0.1:9001') }), is: 'not-applicable' },
];

describe('fpm-socket-permission', () => {
  it.for(cases)('$is: $why', ({ made: scene, is, explains }) => {
    const finding = findingsOf(fpmSocketPermission, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });
});
