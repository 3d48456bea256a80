import { describe, expect, it } from 'vitest';

import { accessLine, findingsOf, logLines } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import { icpBlockPage } from './cause.ts';

const edge = { name: 'shield', address: '203.0.113.9:80' };
const page = '<html><head><title>Non-compliance ICP Filing</title></head></html>';
const intercepted = (n: number): Request => ({ n, status: 403, ms: 3, seen: { body: page, headers: [['server', 'Beaver']] } });
const past: Request = { n: 5, status: 200, ms: 9, purpose: 'bypass-edge' };

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
  readonly host?: string;
  readonly explains?: readonly string[];
}
const cases: readonly Case[] = [
  {
    why: 'its page, and the same request past the edge is well',
    made: { edge, requests: [intercepted(1), past] },
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'its page, and the balancer knows only other requests of ours',
    made: { edge, requests: [intercepted(1)], hosts: { lb: { logs: logLines([accessLine(7, 200)]) } } },
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'a redirect to an interception page, and past the edge all is well',
    made: {
      edge,
      requests: [
        { n: 1, status: 302, ms: 3, seen: { headers: [['location', 'https://dnspod.qcloud.com/static/webblock.html?d=www.example.net']] } },
        past,
      ],
    },
    is: 'confirmed',
    explains: ['s1'],
  },
  { why: 'nothing but the page', made: { edge, requests: [intercepted(1)] }, is: 'likely', explains: ['s1'] },
  {
    why: 'past the edge it fails too',
    made: { edge, requests: [intercepted(1), { ...past, status: 502 }] },
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'the balancer’s log is empty: its silence says nothing',
    made: { edge, requests: [intercepted(1)], hosts: { lb: { logs: logLines([]) } } },
    is: 'likely',
  },
  {
    why: 'a backend has logged the request: the page may be its own',
    made: { edge, requests: [intercepted(1), past], hosts: { 'app-1': { logs: logLines([accessLine(1, 403)]) } } },
    is: 'inconclusive',
  },
  {
    why: 'another 403',
    made: {
      edge,
      requests: [{ n: 1, status: 403, ms: 3, seen: { body: '<center><h1>403 Forbidden</h1></center><hr><center>nginx</center>' } }, past],
    },
    is: 'ruled-out',
  },
  {
    why: 'a redirect to somewhere else',
    made: { edge, requests: [{ n: 1, status: 302, ms: 3, seen: { headers: [['location', 'https://www.example.net/login']] } }] },
    is: 'ruled-out',
  },
  { why: 'an ordinary failure', made: { edge, requests: [{ n: 1, status: 502, ms: 3 }] }, is: 'ruled-out' },
  {
    why: 'a reset handshake, which interception does too',
    made: { edge, requests: [{ n: 1, status: null, ms: 3, error: 'reset', failedPhase: 'tls' }] },
    is: 'inconclusive',
  },
  {
    why: 'no answer at all',
    made: { edge, requests: [{ n: 1, status: null, ms: 3000, error: 'timeout', failedPhase: 'connect' }] },
    is: 'not-applicable',
  },
];

describe('icp-block-page', () => {
  it.for(cases)('$is: $why', ({ made, is, explains }) => {
    const finding = findingsOf(icpBlockPage, made)['shield'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('names no host where the site has no edge', () => {
    expect(findingsOf(icpBlockPage, { requests: [intercepted(1)] })['']).toMatchObject({ is: 'likely', experiment: 'other-host' });
  });
});
