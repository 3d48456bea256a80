import { describe, expect, it } from 'vitest';

import { accessLine, balancerLine, findingsOf, logLines } from '../../engine/testing/scenes.ts';
import type { Made } from '../../engine/testing/scenes.ts';
import type { Routes, Sysctls } from '../../model/observations.ts';
import { rpFilterStrictL4 } from './cause.ts';

/** 10.9.0.1 on `lan`; the default route leaves by the given interface. */
function routes(out: 'lan' | 'wan', more: readonly string[] = []): Routes {
  const route = (to: string, dev: string, type = 'unicast', table = 'main') => ({
    table,
    to,
    type,
    via: null,
    dev,
    metric: 0,
    source: null,
  });
  return {
    interfaces: [
      { name: 'lan', up: true, mtu: 1500, addresses: [{ address: '10.9.0.1', prefix: 24 }] },
      { name: 'wan', up: true, mtu: 1500, addresses: [{ address: '10.9.1.1', prefix: 24 }] },
    ],
    rules: [],
    routes: [
      route('10.9.0.1', 'lan', 'local', 'local'),
      route('10.9.0.0/24', 'lan'),
      route('10.9.1.0/24', 'wan'),
      ...more.map((to) => route(to, 'lan')),
      route('default', out),
    ],
  };
}
function sysctls(all: number, lan: number, wan = 0): Sysctls {
  return {
    values: {
      'net.ipv4.conf.all.rp_filter': String(all),
      'net.ipv4.conf.default.rp_filter': '0',
      'net.ipv4.conf.lan.rp_filter': String(lan),
      'net.ipv4.conf.wan.rp_filter': String(wan),
    },
  };
}
const counted = (delta: number | null) => ({ counters: { 'TcpExt.IPReversePathFilter': { now: 12, delta } } });
const sentOn = { listeners: [{ port: 80, protocol: 'tcp' as const }] };

interface Options extends Partial<Made> {
  readonly out?: 'lan' | 'wan';
  readonly settings?: Sysctls;
  readonly moved?: number | null;
  readonly more?: readonly string[];
}
/** Requests of a client at 192.0.2.1 through a listener that sends packets on; one gets no connection. app-1 is judged. */
function made({ out = 'wan', settings = sysctls(0, 1), moved = 4, more = [], ...rest }: Options = {}): Made {
  return {
    requests: [
      { n: 1, status: null, ms: 5000, error: 'timeout', failedPhase: 'connect' },
      { n: 2, status: 200, ms: 20 },
    ],
    balancer: sentOn,
    ...rest,
    hosts: {
      ...rest.hosts,
      'app-1': { routes: routes(out, more), sysctls: settings, ...(moved === null ? {} : { 'net-counters': counted(moved) }) },
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
  { why: 'strict on the interface, the way back leaves by another, and the counter rose', made: made(), is: 'confirmed', explains: ['s1'] },
  { why: 'strict for all', made: made({ settings: sysctls(1, 0) }), is: 'confirmed', explains: ['s1'] },
  { why: 'the counter could not be read', made: made({ moved: null }), is: 'likely', explains: ['s1'] },
  { why: 'the counter stands still', made: made({ moved: 0 }), is: 'advice' },
  { why: 'nobody fails', made: made({ requests: [{ n: 1, status: 200, ms: 9 }] }), is: 'advice' },
  {
    why: 'requests connect and then hang',
    made: made({ requests: [{ n: 1, status: null, ms: 5000, error: 'timeout', failedPhase: 'first-byte' }] }),
    is: 'advice',
  },
  { why: 'loose for all overrides strict on the interface', made: made({ settings: sysctls(2, 1) }), is: 'ruled-out' },
  { why: 'off', made: made({ settings: sysctls(0, 0) }), is: 'ruled-out' },
  { why: 'strict on an interface where nothing arrives', made: made({ settings: sysctls(0, 0, 1) }), is: 'ruled-out' },
  { why: 'the way back is the way in', made: made({ out: 'lan' }), is: 'ruled-out' },
  { why: 'a route of its own for the client', made: made({ more: ['192.0.2.0/24'] }), is: 'ruled-out' },
  {
    why: 'a log shows that clients arrive with another address, which is routed back the same way',
    made: made({ more: ['198.51.100.0/24'], hosts: { 'app-2': { logs: logLines([{ ...accessLine(2, 200), client: '198.51.100.7' }]) } } }),
    is: 'ruled-out',
  },
  {
    why: 'the balancer connects by itself from a range that is routed back the same way',
    made: made({
      more: ['100.64.0.0/10'],
      balancer: { backendSources: ['100.64.0.0/10'] },
      requests: [{ n: 1, status: 504, ms: 2000 }],
      hosts: { lb: { logs: logLines([balancerLine(1, 504, 'app-1', { connectMs: null, headerMs: null, responseMs: 2000 })]) } },
    }),
    is: 'ruled-out',
  },
  {
    why: 'the balancer connects by itself from a range that is routed elsewhere',
    made: made({
      balancer: { backendSources: ['100.64.0.0/10'] },
      requests: [{ n: 1, status: 504, ms: 2000 }],
      hosts: { lb: { logs: logLines([balancerLine(1, 504, 'app-1', { connectMs: null, headerMs: null, responseMs: 2000 })]) } },
    }),
    is: 'confirmed',
    explains: ['s1'],
  },
];

describe('rp-filter-strict-l4', () => {
  it.for(cases)('$why: $is', ({ made: scene, is, explains }) => {
    const finding = findingsOf(rpFilterStrictL4, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('takes loose mode back to what it was', () => {
    const finding = findingsOf(rpFilterStrictL4, made({ settings: sysctls(1, 0) }))['app-1'];
    if (finding?.is !== 'confirmed') throw new Error('not confirmed');
    const [step] = rpFilterStrictL4.fix(finding, undefined as never).steps;
    expect(step).toMatchObject({
      command: ['sysctl', '-w', 'net.ipv4.conf.all.rp_filter=2'],
      undo: ['sysctl', '-w', 'net.ipv4.conf.all.rp_filter=1'],
    });
  });
});
