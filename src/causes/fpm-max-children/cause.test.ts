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
import { fpmMaxChildren } from './cause.ts';

const socket = '/srv/run/app.sock';
const full = fpmPool({ children: 4, maxChildren: 4 });
/** The backend logged request 1 as given up by whoever sent it. */
const ours = accessLine(1, 499);

function made(about: About, requests: Made['requests'] = [{ n: 1, status: 504, ms: 10_000 }]): Made {
  return {
    requests,
    direct: { 'app-1': [{ n: 2, status: 504, ms: 15_000 }] },
    hosts: { 'app-1': { 'nginx-config': appNginx(), ...about } },
  };
}

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  {
    why: 'requests waited before ours, and others fail too',
    made: made({ fpm: fpm([full]), listeners: unixListeners(socket, 3, 6), logs: logLines([ours, accessLine(null, 499)]) }),
    is: 'confirmed',
  },
  {
    why: 'the same with pm = static, of which php-fpm logs nothing',
    made: made({
      fpm: fpm([{ ...full, manager: 'static' }]),
      listeners: unixListeners(socket, 3, 6),
      logs: logLines([ours, accessLine(null, 504)]),
    }),
    is: 'confirmed',
  },
  {
    why: 'the same over TCP',
    made: made({
      'nginx-config': appNginx('127.0.0.1:9001'),
      fpm: fpm([{ ...full, listen: '9001' }]),
      listeners: tcpListeners(9001, 3, 6),
      logs: logLines([ours, accessLine(null, 499)]),
    }),
    is: 'confirmed',
  },
  {
    why: 'the queue itself is full, so nginx is refused at once',
    made: made(
      {
        fpm: fpm([full]),
        listeners: unixListeners(socket, 512, 512),
        logs: logLines([accessLine(1, 502)], [errorLine('connect-backlog-full')]),
      },
      [{ n: 1, status: 502, ms: 3 }],
    ),
    is: 'confirmed',
  },
  {
    why: 'requests waited before ours, but nobody else is seen to fail: an earlier run of ours may have left them',
    made: made({
      fpm: fpm([full]),
      listeners: unixListeners(socket, 3, 5),
      logs: logLines([ours, accessLine(null, 499, { agent: 'why5xx/0.1.0 (+ba9876543210-3)' })]),
    }),
    is: 'likely',
  },
  {
    why: 'no log of others, but more came to wait than we sent',
    made: made({ fpm: fpm([full]), listeners: unixListeners(socket, 3, 9), logs: logLines([ours]) }),
    is: 'confirmed',
  },
  {
    why: 'none of ours was taken by a child',
    made: made({ fpm: fpm([full]), listeners: unixListeners(socket, 0, 2), logs: logLines([ours]) }),
    is: 'likely',
  },
  {
    why: 'only our own requests made the queue',
    made: made({ fpm: fpm([full]), listeners: unixListeners(socket, 0, 1), logs: logLines([ours, accessLine(null, 499)]) }),
    is: 'inconclusive',
  },
  {
    why: 'nothing waits: the page itself is slow',
    made: made({
      fpm: fpm([full]),
      listeners: unixListeners(socket, 0, 0),
      logs: logLines([ours, accessLine(null, 499)], [errorLine('fpm-max-children', { source: 'php-fpm' })]),
    }),
    is: 'ruled-out',
  },
  {
    why: 'one child is still to be had',
    made: made({ fpm: fpm([fpmPool({ children: 3, maxChildren: 4 })]), listeners: unixListeners(socket, 1, 1), logs: logLines([ours]) }),
    is: 'ruled-out',
  },
  {
    why: 'a full pool that the failing page does not use',
    made: made({
      fpm: fpm([{ ...full, listen: '/srv/run/other.sock' }]),
      listeners: unixListeners('/srv/run/other.sock', 9, 9),
      logs: logLines([ours, accessLine(null, 499)]),
    }),
    is: 'inconclusive',
  },
  { why: 'no php-fpm here', made: made({ fpm: fpm([full], false), listeners: unixListeners(socket) }), is: 'not-applicable' },
];

describe('fpm-max-children', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(fpmMaxChildren, made)['app-1'];
    expect(finding?.is).toBe(is);
    if (finding?.is === 'confirmed') expect(finding.explains).toEqual(['s1']);
  });

  it('explains nothing on a healthy site', () => {
    const healthy = made(
      { fpm: fpm([full]), listeners: unixListeners(socket, 3, 6), logs: logLines([accessLine(1, 200), accessLine(null, 499)]) },
      [{ n: 1, status: 200, ms: 20 }],
    );
    expect(findingsOf(fpmMaxChildren, healthy)['app-1']).toMatchObject({ explains: [] });
  });

  it('leaves failures of the other backend alone', () => {
    const scene = made({ fpm: fpm([full]), listeners: unixListeners(socket, 3, 6), logs: logLines([accessLine(null, 499)]) });
    const other: Made = { ...scene, hosts: { ...scene.hosts, 'app-2': { logs: logLines([ours]) } } };
    expect(findingsOf(fpmMaxChildren, other)['app-1']).toMatchObject({ explains: [] });
  });
});
