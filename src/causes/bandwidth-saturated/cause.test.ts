import { describe, expect, it } from 'vitest';

import { balancerLine, findingsOf, logLines } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import type { Interfaces, Routes } from '../../model/observations.ts';
import { bandwidthSaturated } from './cause.ts';

const delta = (value: number) => ({ now: 1e6 + value, delta: value });

/** Ten seconds of `lan` (towards the balancer) and `wan`; a shaper of 1 Mbit/s on the one named, which sent so many bytes. */
function interfaces(shaped: 'lan' | 'wan' | null, sent: number, dropped: number, backlogBytes: number): Interfaces {
  const link = (name: string) => ({
    name,
    up: true,
    speedBitsPerSecond: 1e9,
    receivedBytes: delta(2000),
    sentBytes: delta(name === shaped ? sent : 3000),
    receiveDropped: delta(0),
    sendDropped: delta(0),
    qdiscs:
      name === shaped
        ? [
            {
              kind: 'tbf',
              handle: '1:',
              rateBitsPerSecond: 1e6,
              dropped: delta(dropped),
              overlimits: delta(900),
              backlogBytes,
              sentBytes: delta(sent),
            },
          ]
        : [],
  });
  return { elapsedSeconds: 10, interfaces: [link('lan'), link('wan')] };
}
const routes: Routes = {
  interfaces: [
    { name: 'lan', up: true, mtu: 1500, addresses: [{ address: '10.9.0.1', prefix: 24 }] },
    { name: 'wan', up: true, mtu: 1500, addresses: [] },
  ],
  rules: [],
  routes: [
    { table: 'main', to: '100.64.0.0/10', type: 'unicast', via: null, dev: 'lan', metric: 0, source: null },
    { table: 'main', to: '10.9.0.0/24', type: 'unicast', via: null, dev: 'lan', metric: 0, source: null },
    { table: 'main', to: 'default', type: 'unicast', via: null, dev: 'wan', metric: 0, source: null },
  ],
};
const tcp = (out: number, resent: number) => ({ counters: { 'Tcp.OutSegs': delta(out), 'Tcp.RetransSegs': delta(resent) } });
const late = (n: number): Request => ({ n, status: 200, ms: 5000, seen: { localAddress: '100.64.0.9' } });

/** A request that the balancer gave up, and app-1 as measured. */
function made(links: Interfaces, options: Partial<Made> & { readonly segments?: readonly [number, number] } = {}): Made {
  const { segments = [1000, 40], ...rest } = options;
  return {
    requests: [
      { n: 1, status: 504, ms: 2001 },
      { n: 2, status: 200, ms: 20 },
    ],
    direct: { 'app-1': [late(3)] },
    itself: { 'app-1': [{ n: 4, status: 200, ms: 20 }] },
    ...rest,
    balancer: { backendSources: ['100.64.0.0/10'], ...rest.balancer },
    hosts: {
      lb: { logs: logLines([balancerLine(1, 504, 'app-1', { connectMs: null, headerMs: null, responseMs: 2000 })]) },
      ...rest.hosts,
      'app-1': { interfaces: links, routes, 'net-counters': tcp(...segments) },
    },
  };
}
const lost: Made['requests'] = [
  { n: 1, status: null, ms: 5000, error: 'timeout', failedPhase: 'connect' },
  { n: 2, status: 200, ms: 30 },
];
const sentOn = { listeners: [{ port: 80, protocol: 'tcp' as const }] };

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
  readonly explains?: readonly string[];
}
const cases: readonly Case[] = [
  {
    why: 'the shaper towards the balancer is at its rate, drops, and only requests over it are late',
    made: made(interfaces('lan', 1_240_000, 70, 60_000)),
    is: 'confirmed',
    explains: ['s1'],
  },
  { why: 'nothing is dropped, but a queue waits', made: made(interfaces('lan', 1_240_000, 0, 60_000)), is: 'confirmed', explains: ['s1'] },
  {
    why: 'the page is late on the host itself too',
    made: made(interfaces('lan', 1_240_000, 70, 60_000), { itself: { 'app-1': [{ n: 4, status: 504, ms: 5000 }] } }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'nobody asked over the link',
    made: made(interfaces('lan', 1_240_000, 70, 60_000), { direct: {} }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'packets are sent on, and the way out is full',
    made: made(interfaces('wan', 1_240_000, 70, 200_000), { direct: {}, requests: lost, balancer: sentOn, hosts: { lb: {} } }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'nobody fails',
    made: made(interfaces('lan', 1_240_000, 70, 60_000), { requests: [{ n: 1, status: 200, ms: 20 }], hosts: { lb: {} } }),
    is: 'advice',
  },
  { why: 'the full link is not the one that our answers take', made: made(interfaces('wan', 1_240_000, 70, 60_000)), is: 'ruled-out' },
  { why: 'the rate is reached, but nothing waits or is dropped', made: made(interfaces('lan', 1_240_000, 0, 0)), is: 'ruled-out' },
  { why: 'half of the rate', made: made(interfaces('lan', 600_000, 2, 0)), is: 'ruled-out' },
  { why: 'an idle interface', made: made(interfaces(null, 0, 0, 0)), is: 'ruled-out' },
  {
    why: 'no limit here is reached, but packets get lost somewhere',
    made: made(interfaces(null, 0, 0, 0), { segments: [1000, 200] }),
    is: 'inconclusive',
  },
  { why: 'one reading only', made: made({ ...interfaces('lan', 1_240_000, 70, 60_000), elapsedSeconds: null }), is: 'ruled-out' },
];

describe('bandwidth-saturated', () => {
  it.for(cases)('$why: $is', ({ made: scene, is, explains }) => {
    const finding = findingsOf(bandwidthSaturated, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });
});
