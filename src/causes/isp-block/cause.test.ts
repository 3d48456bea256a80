import { describe, expect, it } from 'vitest';

import { accessLine, findingsOf, logLines } from '../../engine/testing/scenes.ts';
import type { About, Made, Request } from '../../engine/testing/scenes.ts';
import type { Firewall, Routes } from '../../model/observations.ts';
import { ispBlock } from './cause.ts';

const edge = { name: 'shield', address: '203.0.113.9:80' };
const lost = (n: number, from = '192.0.2.1'): Request => ({
  n,
  status: null,
  ms: 3000,
  error: 'timeout',
  failedPhase: 'connect',
  seen: { localAddress: from, remoteAddress: '203.0.113.9' },
});
const reset = (n: number, resetTtl: number, synAckTtl: number): Request => ({
  n,
  status: null,
  ms: 20,
  error: 'reset',
  seen: { localAddress: '192.0.2.1', resetTtl, synAckTtl },
});
const served = (n: number, from: string): Request => ({ n, status: 200, ms: 9, seen: { localAddress: from } });
const far = { far: [served(6, '198.51.100.4')] };
const near = { near: [lost(5, '192.0.2.77')] };

const open: Firewall = { nft: [], iptables: null, ip6tables: null, reason: null, ipsets: {}, before: {} };
const shut: Firewall = {
  ...open,
  nft: null,
  iptables: {
    tables: [
      {
        name: 'filter',
        chains: [{ name: 'INPUT', policy: 'ACCEPT', packets: 0 }],
        rules: [
          { chain: 'INPUT', spec: ['-s', '192.0.2.0/24', '-j', 'DROP'], packets: 5, line: 1, text: '-A INPUT -s 192.0.2.0/24 -j DROP' },
        ],
      },
    ],
  },
};
function routes(to: string): Routes {
  return {
    interfaces: [{ name: 'eth0', up: true, mtu: 1500, addresses: [{ address: '203.0.113.9', prefix: 24 }] }],
    rules: [{ priority: 32766, from: null, to: null, iif: null, oif: null, fwmark: null, table: 'main' }],
    routes: [{ table: 'main', to, type: 'unicast', via: '203.0.113.1', dev: 'eth0', metric: 0, source: null }],
  };
}
const well: About = { firewall: open, routes: routes('default'), logs: logLines([accessLine(6, 200)]) };

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  {
    why: 'a whole network is lost on the way, and the edge would let it in',
    made: { edge, requests: [lost(1)], clients: { ...near, ...far }, hosts: { shield: well } },
    is: 'confirmed',
  },
  {
    why: 'resets of a stranger, and the edge never saw the request',
    made: { edge, requests: [reset(1, 64, 52)], clients: far, hosts: { shield: well } },
    is: 'confirmed',
  },
  { why: 'a whole network, seen from outside', made: { edge, requests: [lost(1)], clients: { ...near, ...far } }, is: 'likely' },
  { why: 'resets of a stranger, seen from outside', made: { edge, requests: [reset(1, 64, 52)], clients: far }, is: 'likely' },
  { why: 'resets with the hop limit of the site itself', made: { edge, requests: [reset(1, 52, 52)], clients: far }, is: 'ruled-out' },
  {
    why: 'the edge has no way back to these clients',
    made: { edge, requests: [lost(1)], clients: { ...near, ...far }, hosts: { shield: { ...well, routes: routes('198.51.100.0/24') } } },
    is: 'likely',
  },
  {
    why: 'the edge’s firewall drops the network',
    made: { edge, requests: [lost(1)], clients: { ...near, ...far }, hosts: { shield: { ...well, firewall: shut } } },
    is: 'ruled-out',
  },
  {
    why: 'the edge has logged one of the requests',
    made: {
      edge,
      requests: [lost(1)],
      clients: { ...near, ...far },
      hosts: { shield: { ...well, logs: logLines([{ ...accessLine(1, 200), client: '192.0.2.1' }]) } },
    },
    is: 'ruled-out',
  },
  {
    why: 'another client of the network is served',
    made: { edge, requests: [lost(1)], clients: { near: [served(5, '192.0.2.77')] } },
    is: 'ruled-out',
  },
  { why: 'one client alone', made: { edge, requests: [lost(1)], clients: far, hosts: { shield: well } }, is: 'inconclusive' },
  { why: 'nobody gets through', made: { edge, requests: [lost(1)], clients: near }, is: 'inconclusive' },
  { why: 'everybody gets an answer', made: { edge, requests: [{ n: 1, status: 502, ms: 3 }], clients: far }, is: 'ruled-out' },
];

describe('isp-block', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(ispBlock, made)[''];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(finding && 'explains' in finding && finding.explains.includes('s1')).toBe(true);
  });
});
