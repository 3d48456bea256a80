import { describe, expect, it } from 'vitest';

import { balancerLine, errorLine, findingsOf, haproxyLine, haproxyServer, logLines } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import type { Firewall, NftObject } from '../../model/observations.ts';
import { firewallRejectsLbRange } from './cause.ts';

const from = (addr: string, len: number): NftObject => ({
  match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: { prefix: { addr, len } } },
});
const reject = (type: string, expr?: string): NftObject => ({ reject: { type, ...(expr === undefined ? {} : { expr }) } });

/** One counted rule for 100.64.0.0/10 in `inet guard/input`. */
function rule(action: NftObject, packets: number, before: number, source = from('100.64.0.0', 10)): Firewall {
  const place = { family: 'inet', table: 'guard' };
  return {
    nft: [
      { table: { family: 'inet', name: 'guard', handle: 1 } },
      { chain: { ...place, name: 'input', handle: 1, type: 'filter', hook: 'input', prio: 0, policy: 'accept' } },
      { rule: { ...place, chain: 'input', handle: 2, expr: [source, { counter: { packets, bytes: packets * 60 } }, action] } },
    ],
    iptables: { tables: [] },
    ip6tables: { tables: [] },
    reason: null,
    ipsets: {},
    before: { 'nft:inet/guard/input/2': before },
  };
}
const reset = rule(reject('tcp reset'), 9, 3);
const prohibited = rule(reject('icmp', 'admin-prohibited'), 9, 3);
const open: Firewall = { nft: [], iptables: { tables: [] }, ip6tables: { tables: [] }, reason: null, ipsets: {}, before: {} };
const refused = (n: number, error: 'refused' | 'unreachable' = 'refused'): Request => ({
  n,
  status: null,
  ms: 1,
  error,
  failedPhase: 'connect',
});
const nowhere = { connectMs: null, headerMs: null, responseMs: 0 };

/** One request that got 502 at once, on its way to app-1, whose firewall is as given. */
function made(firewall: Firewall, options: Partial<Made> = {}): Made {
  return {
    requests: [
      { n: 1, status: 502, ms: 2 },
      { n: 2, status: 200, ms: 20 },
    ],
    direct: { 'app-1': [refused(3)], 'app-2': [{ n: 4, status: 200, ms: 20 }] },
    itself: { 'app-1': [{ n: 5, status: 200, ms: 20 }] },
    ...options,
    balancer: { backendSources: ['100.64.0.0/10'], ...options.balancer },
    hosts: {
      lb: { logs: logLines([balancerLine(1, 502, 'app-1', nowhere)]) },
      'app-2': { firewall: open },
      ...options.hosts,
      'app-1': { firewall },
    },
  };
}
const blind: Partial<Made> = { hosts: { lb: {} }, direct: {}, itself: {} };

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
  readonly explains?: readonly string[];
}
const cases: readonly Case[] = [
  { why: 'a reset', made: made(reset), is: 'confirmed', explains: ['s1'] },
  {
    why: 'an ICMP prohibited',
    made: made(prohibited, { direct: { 'app-1': [refused(3, 'unreachable')] } }),
    is: 'confirmed',
    explains: ['s1'],
  },
  { why: 'nobody can look into the balancer, the counter rose', made: made(reset, blind), is: 'confirmed', explains: ['s1'] },
  {
    why: 'a reset never makes a timeout',
    made: made(reset, {
      ...blind,
      requests: [
        { n: 1, status: 504, ms: 2001 },
        { n: 2, status: 200, ms: 9 },
      ],
    }),
    is: 'confirmed',
    explains: [],
  },
  {
    why: 'an ICMP answer that the kernel held back does',
    made: made(prohibited, {
      ...blind,
      requests: [
        { n: 1, status: 504, ms: 2001 },
        { n: 2, status: 200, ms: 9 },
      ],
    }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'HAProxy has no server left, its check of this one is refused',
    made: made(reset, {
      requests: [{ n: 1, status: 503, ms: 1 }],
      hosts: {
        lb: {
          logs: logLines([haproxyLine(1, 503, '<NOSRV>', 'SC--')]),
          'haproxy-stat': { from: 'socket', frontends: [], servers: [haproxyServer({ status: 'DOWN', checkStatus: 'L4CON' })] },
        },
      },
    }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'the backend made the 502 itself',
    made: made(reset, { hosts: { lb: { logs: logLines([balancerLine(1, 502, 'app-1', { connectMs: 0, headerMs: 1, responseMs: 1 })]) } } }),
    is: 'confirmed',
    explains: [],
  },
  { why: 'the counter stands still', made: made(rule(reject('tcp reset'), 9, 9)), is: 'advice' },
  { why: 'a rule that drops', made: made(rule({ drop: null }, 9, 3)), is: 'ruled-out' },
  { why: 'a rule for strangers', made: made(rule(reject('tcp reset'), 9, 3, from('192.168.0.0', 16))), is: 'ruled-out' },
  { why: 'no rule at all: then nothing listens', made: made(open), is: 'ruled-out' },
];

describe('firewall-rejects-lb-range', () => {
  it.for(cases)('$why: $is', ({ made: scene, is, explains }) => {
    const finding = findingsOf(firewallRejectsLbRange, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('quotes the balancer’s own error about this backend, not about another', () => {
    const errors = [
      errorLine('connect-refused', { upstream: 'http://10.9.0.2:8000/cart' }),
      errorLine('connect-refused', { upstream: 'http://10.9.0.1:8000/cart', text: 'ours' }),
    ];
    const finding = findingsOf(
      firewallRejectsLbRange,
      made(reset, { hosts: { lb: { logs: logLines([balancerLine(1, 502, 'app-1', nowhere)], errors) } } }),
    )['app-1'];
    const texts = finding !== undefined && 'because' in finding ? finding.because.filter((each) => each.path.startsWith('/errors/')) : [];
    expect(texts.map((each) => each.says.en)).toEqual(['ours']);
  });
});
