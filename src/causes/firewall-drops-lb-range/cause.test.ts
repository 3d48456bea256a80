import { describe, expect, it } from 'vitest';

import { balancerLine, findingsOf, haproxyLine, haproxyServer, logLines } from '../../engine/testing/scenes.ts';
import type { About, Made, Request } from '../../engine/testing/scenes.ts';
import type { Firewall, IptablesRules, NftObject } from '../../model/observations.ts';
import { firewallDropsLbRange } from './cause.ts';

const range = ['100.64.0.0/10'];
const from = (addr: string, len: number): NftObject => ({
  match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: { prefix: { addr, len } } },
});
const port = (number: number): NftObject => ({
  match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: number },
});
const counter = (packets: number): NftObject => ({ counter: { packets, bytes: packets * 60 } });

/** One chain `inet guard/input` with these rules; `before` are packets counted at the first reading, by handle. */
function nft(rules: readonly (readonly NftObject[])[], before: Readonly<Record<number, number>> = {}, policy = 'accept'): Firewall {
  const chain = { family: 'inet', table: 'guard', name: 'input', handle: 1, type: 'filter', hook: 'input', prio: 0, policy };
  return {
    nft: [
      { table: { family: 'inet', name: 'guard', handle: 1 } },
      { chain },
      ...rules.map((expr, i) => ({ rule: { family: 'inet', table: 'guard', chain: 'input', handle: i + 2, expr } })),
    ],
    iptables: { tables: [] },
    ip6tables: { tables: [] },
    reason: null,
    ipsets: {},
    before: Object.fromEntries(Object.entries(before).map(([handle, packets]) => [`nft:inet/guard/input/${handle}`, packets])),
  };
}
function iptables(target: readonly string[], packets: number, before: number): Firewall {
  const rules: IptablesRules['tables'][number]['rules'] = [
    {
      chain: 'INPUT',
      spec: ['-s', '100.64.0.0/10', '-j', ...target],
      packets,
      line: 1,
      text: `-A INPUT -s 100.64.0.0/10 -j ${target.join(' ')}`,
    },
  ];
  const chains = ['INPUT', 'FORWARD', 'OUTPUT'].map((name) => ({ name, policy: 'ACCEPT', packets: 0 }));
  return {
    nft: [],
    iptables: { tables: [{ name: 'filter', chains, rules }] },
    ip6tables: { tables: [] },
    reason: null,
    ipsets: {},
    before: { 'iptables:filter/INPUT/1': before },
  };
}

const drop = { drop: null };
const dropping = nft([[from('100.64.0.0', 10), counter(9), drop]], { 2: 3 });
const lost = (n: number): Request => ({ n, status: null, ms: 2000, error: 'timeout', failedPhase: 'connect' });
const unconnected = balancerLine(1, 504, 'app-1', { connectMs: null, headerMs: null, responseMs: 2000 });

/** One request that got 504 after 2 s, on its way to app-1, whose firewall is as given. */
function made(firewall: Firewall | null, options: Partial<Made> & { readonly about?: About } = {}): Made {
  const { about = {}, ...rest } = options;
  return {
    requests: [
      { n: 1, status: 504, ms: 2001 },
      { n: 2, status: 200, ms: 20 },
    ],
    direct: { 'app-1': [lost(3)], 'app-2': [{ n: 4, status: 200, ms: 20 }] },
    itself: { 'app-1': [{ n: 5, status: 200, ms: 20 }] },
    ...rest,
    balancer: { backendSources: range, ...rest.balancer },
    hosts: {
      lb: { logs: logLines([unconnected]) },
      'app-2': { firewall: nft([]) },
      ...rest.hosts,
      'app-1': { ...(firewall === null ? {} : { firewall }), ...about },
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
  { why: 'the counter of a drop rule rose', made: made(dropping), is: 'confirmed', explains: ['s1'] },
  { why: 'iptables counts', made: made(iptables(['DROP'], 7, 1)), is: 'confirmed', explains: ['s1'] },
  {
    why: 'a rule without counter, and only the balancer is kept out',
    made: made(nft([[from('100.64.0.0', 10), drop]])),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'a policy that drops what nobody accepts',
    made: made(nft([[from('10.0.0.0', 8), { accept: null }]], {}, 'drop')),
    is: 'confirmed',
    explains: ['s1'],
  },
  { why: 'nobody can look into the balancer, the counter rose', made: made(dropping, blind), is: 'confirmed', explains: ['s1'] },
  {
    why: 'the failure was too quick for a lost packet',
    made: made(dropping, {
      ...blind,
      requests: [
        { n: 1, status: 502, ms: 3 },
        { n: 2, status: 200, ms: 9 },
      ],
    }),
    is: 'confirmed',
    explains: [],
  },
  {
    why: 'HAProxy has no server left, its check of this one times out',
    made: made(dropping, {
      requests: [{ n: 1, status: 503, ms: 1 }],
      hosts: {
        lb: {
          logs: logLines([haproxyLine(1, 503, '<NOSRV>', 'SC--')]),
          'haproxy-stat': { from: 'socket', frontends: [], servers: [haproxyServer({ status: 'DOWN', checkStatus: 'L4TOUT' })] },
        },
      },
    }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'HAProxy has no server left, this one fails its check with a status',
    made: made(dropping, {
      requests: [{ n: 1, status: 503, ms: 1 }],
      hosts: {
        lb: {
          logs: logLines([haproxyLine(1, 503, '<NOSRV>', 'SC--')]),
          'haproxy-stat': { from: 'socket', frontends: [], servers: [haproxyServer({ status: 'DOWN', checkStatus: 'L7STS' })] },
        },
      },
    }),
    is: 'confirmed',
    explains: [],
  },
  {
    why: 'every backend drops, seen by nobody but themselves',
    made: made(dropping, { ...blind, requests: [{ n: 1, status: 503, ms: 1 }], hosts: { lb: {}, 'app-2': { firewall: dropping } } }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'the log says that app-1 was connected',
    made: made(dropping, {
      hosts: { lb: { logs: logLines([balancerLine(1, 504, 'app-1', { connectMs: 1, headerMs: null, responseMs: 3000 })]) } },
    }),
    is: 'confirmed',
    explains: [],
  },
  {
    why: 'the log says that it was app-2',
    made: made(dropping, {
      hosts: { lb: { logs: logLines([balancerLine(1, 504, 'app-2', { connectMs: null, headerMs: null, responseMs: 3000 })]) } },
    }),
    is: 'confirmed',
    explains: [],
  },
  {
    why: 'the listener only sends packets on: they come from clients',
    made: made(dropping, {
      ...blind,
      balancer: { listeners: [{ port: 80, protocol: 'tcp' }] },
      requests: [{ n: 1, status: null, ms: 5000, error: 'timeout', failedPhase: 'connect' }],
    }),
    is: 'confirmed',
    explains: [],
  },
  { why: 'the counter stands still', made: made(nft([[from('100.64.0.0', 10), counter(9), drop]], { 2: 9 })), is: 'advice' },
  {
    why: 'only a part of the range, and the balancer may use another',
    made: made(nft([[from('100.64.0.0', 16), drop]]), blind),
    is: 'advice',
  },
  {
    why: 'a limit that may or may not let it in',
    made: made(
      nft([
        [from('100.64.0.0', 10), { limit: { rate: 5, burst: 5, per: 'second' } }, { accept: null }],
        [from('100.64.0.0', 10), drop],
      ]),
    ),
    is: 'inconclusive',
  },
  {
    why: 'an earlier rule accepts',
    made: made(
      nft(
        [
          [from('100.64.0.0', 10), { accept: null }],
          [from('100.64.0.0', 10), counter(0), drop],
        ],
        { 3: 0 },
      ),
    ),
    is: 'ruled-out',
  },
  { why: 'another port', made: made(nft([[from('100.64.0.0', 10), port(3306), counter(0), drop]], { 2: 0 })), is: 'ruled-out' },
  { why: 'another range', made: made(nft([[from('192.168.0.0', 16), counter(50), drop]], { 2: 1 })), is: 'ruled-out' },
  {
    why: 'a rule that rejects',
    made: made(nft([[from('100.64.0.0', 10), counter(9), { reject: { type: 'tcp reset' } }]], { 2: 3 })),
    is: 'ruled-out',
  },
  { why: 'no rules at all', made: made(nft([])), is: 'ruled-out' },
  {
    why: 'rules that need root to be read',
    made: made({ nft: null, iptables: null, ip6tables: null, reason: 'needs root', ipsets: {}, before: null }),
    is: 'inconclusive',
  },
  {
    why: 'where the balancer comes from is not known',
    made: made(dropping, { ...blind, balancer: { backendSources: [] } }),
    is: 'inconclusive',
  },
];

describe('firewall-drops-lb-range', () => {
  it.for(cases)('$why: $is', ({ made: scene, is, explains }) => {
    const finding = findingsOf(firewallDropsLbRange, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('names the rule, and a fix that goes before it', () => {
    const finding = findingsOf(firewallDropsLbRange, made(dropping))['app-1'];
    if (finding?.is !== 'confirmed') throw new Error('not confirmed');
    expect(finding.summary.en).toContain('ip saddr 100.64.0.0/10 counter drop');
    const { steps } = firewallDropsLbRange.fix(finding, undefined as never);
    expect(steps[0]?.command).toEqual([
      'nft',
      'insert',
      'rule',
      'inet',
      'guard',
      'input',
      'position',
      '2',
      'ip',
      'saddr',
      '100.64.0.0/10',
      'tcp',
      'dport',
      '8000',
      'accept',
    ]);
  });

  it('mends iptables with iptables, and can take it back', () => {
    const finding = findingsOf(firewallDropsLbRange, made(iptables(['DROP'], 7, 1)))['app-1'];
    if (finding?.is !== 'confirmed') throw new Error('not confirmed');
    const { steps } = firewallDropsLbRange.fix(finding, undefined as never);
    expect(steps[0]?.command).toEqual([
      'iptables',
      '-t',
      'filter',
      '-I',
      'INPUT',
      '1',
      '-s',
      '100.64.0.0/10',
      '-p',
      'tcp',
      '--dport',
      '8000',
      '-j',
      'ACCEPT',
    ]);
    expect(steps[0]?.undo).toEqual([
      'iptables',
      '-t',
      'filter',
      '-D',
      'INPUT',
      '-s',
      '100.64.0.0/10',
      '-p',
      'tcp',
      '--dport',
      '8000',
      '-j',
      'ACCEPT',
    ]);
  });
});
