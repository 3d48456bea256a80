import { describe, expect, it } from 'vitest';

import { findingsOf, nginxConfig } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import type { Firewall } from '../../model/observations.ts';
import { clientIpBlocked } from './cause.ts';

const edge = { name: 'shield', address: '203.0.113.9:80' };

/** iptables with one rule for new connections, its counter before and after. */
function firewall(spec: readonly string[], packets: readonly [before: number, after: number], policy = 'ACCEPT'): Firewall {
  const text = `-A INPUT ${spec.join(' ')}`;
  return {
    nft: null,
    iptables: {
      tables: [
        {
          name: 'filter',
          chains: [{ name: 'INPUT', policy, packets: 0 }],
          rules: [{ chain: 'INPUT', spec, packets: packets[1], line: 1, text }],
        },
      ],
    },
    ip6tables: null,
    reason: null,
    ipsets: {},
    before: { 'iptables:filter/INPUT/1': packets[0] },
  };
}
const lost = (n: number, from = '192.0.2.1'): Request => ({
  n,
  status: null,
  ms: 3000,
  error: 'timeout',
  failedPhase: 'connect',
  seen: { localAddress: from },
});
const served = (n: number, from: string): Request => ({ n, status: 200, ms: 9, seen: { localAddress: from } });
const forbidden = (n: number, from = '192.0.2.1'): Request => ({ n, status: 403, ms: 2, seen: { localAddress: from } });
const neighbour = { near: [served(5, '192.0.2.77')] };
const stranger = { far: [served(6, '198.51.100.4')] };
const drop = ['-s', '192.0.2.1/32', '-p', 'tcp', '-j', 'DROP'];
const access = (rules: string): NonNullable<Made['hosts']> => ({
  shield: {
    'nginx-config': nginxConfig(
      `http { server { listen 80; server_name www.example.net; ${rules} location / { proxy_pass http://192.0.2.80; } } }`,
    ),
  },
});

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  {
    why: 'the edge’s firewall drops this address, and its counter rose',
    made: { edge, requests: [lost(1)], clients: stranger, hosts: { shield: { firewall: firewall(drop, [3, 9]) } } },
    is: 'confirmed',
  },
  {
    why: 'the same with no other client: strangers would get in',
    made: { edge, requests: [lost(1)], hosts: { shield: { firewall: firewall(drop, [3, 9]) } } },
    is: 'confirmed',
  },
  {
    why: 'everybody is dropped',
    made: { edge, requests: [lost(1)], hosts: { shield: { firewall: firewall(['-p', 'tcp', '-j', 'DROP'], [3, 9]) } } },
    is: 'inconclusive',
  },
  {
    why: 'the rule met no packet meanwhile',
    made: { edge, requests: [lost(1)], clients: stranger, hosts: { shield: { firewall: firewall(drop, [9, 9]) } } },
    is: 'advice',
  },
  {
    why: 'the rule drops, but the connection was refused',
    made: {
      edge,
      requests: [{ ...lost(1), error: 'refused' }],
      clients: stranger,
      hosts: { shield: { firewall: firewall(drop, [3, 9]) } },
    },
    is: 'advice',
  },
  {
    why: 'the edge’s firewall lets it in',
    made: {
      edge,
      requests: [lost(1)],
      clients: neighbour,
      hosts: { shield: { firewall: firewall(['-s', '192.0.2.2/32', '-j', 'DROP'], [3, 9]) } },
    },
    is: 'ruled-out',
  },
  { why: 'from outside: a client of the same network is served', made: { edge, requests: [lost(1)], clients: neighbour }, is: 'likely' },
  { why: 'from outside: only other networks are served', made: { edge, requests: [lost(1)], clients: stranger }, is: 'inconclusive' },
  { why: 'nobody gets through', made: { edge, requests: [lost(1)], clients: { near: [lost(5, '192.0.2.77')] } }, is: 'inconclusive' },
  {
    why: 'nobody is kept out',
    made: { edge, requests: [served(1, '192.0.2.1')], clients: { near: [{ n: 5, status: 502, ms: 3 }] } },
    is: 'ruled-out',
  },
  {
    why: 'nginx denies the address',
    made: { edge, requests: [forbidden(1)], clients: stranger, hosts: access('deny 192.0.2.1;') },
    is: 'confirmed',
  },
  {
    why: 'nginx allows it before it denies all',
    made: { edge, requests: [forbidden(1)], clients: stranger, hosts: access('allow 192.0.2.0/24; deny all;') },
    is: 'inconclusive',
  },
  { why: '403 to one of two clients of a network', made: { edge, requests: [forbidden(1)], clients: neighbour }, is: 'likely' },
  {
    why: 'one failure of a client, where its neighbour meets the same now and then',
    made: {
      edge,
      requests: [lost(1)],
      clients: { near: [served(5, '192.0.2.77'), lost(6, '192.0.2.77'), served(7, '192.0.2.77'), served(8, '192.0.2.77')] },
    },
    is: 'ruled-out',
  },
  {
    why: 'many failures in a row of a client, where its neighbour meets the same now and then',
    made: {
      edge,
      requests: [1, 2, 3, 4, 9, 10].map((n) => lost(n)),
      clients: { near: [served(5, '192.0.2.77'), lost(6, '192.0.2.77'), served(7, '192.0.2.77'), served(8, '192.0.2.77')] },
    },
    is: 'likely',
  },
  { why: '403 to everybody', made: { edge, requests: [forbidden(1)], clients: { near: [forbidden(5)] } }, is: 'ruled-out' },
];

describe('client-ip-blocked', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(clientIpBlocked, made)['shield'];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(finding).toMatchObject({ explains: ['s1'] });
  });

  it('does not take a private address for the one that the edge sees', () => {
    const behind = {
      edge,
      requests: [lost(1, '192.168.1.5')],
      clients: stranger,
      hosts: { shield: { firewall: firewall(['-s', '192.168.0.0/16', '-j', 'DROP'], [3, 9]) } },
    };
    expect(findingsOf(clientIpBlocked, behind)['shield']?.is).toBe('inconclusive');
  });
});
