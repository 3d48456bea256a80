// Rule sets as literal tables: what can be decided, what cannot, and that nothing is guessed. The kernel's word is in probes/firewall.
import { describe, expect, it } from 'vitest';
import type { Firewall, IptablesRules, NftObject } from '../model/observations.ts';
import { connectErrorOf, evaluateArrival, evaluatePacket, firewallWasRead, synPacket } from './firewall.ts';

const empty: Firewall = { nft: [], iptables: { tables: [] }, ip6tables: { tables: [] }, reason: null, ipsets: {}, before: null };
const syn = synPacket({ hook: 'input', saddr: '100.64.1.5', daddr: '10.0.0.11', dport: 80, iif: 'eth0' });

const from = {
  match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: { prefix: { addr: '100.64.0.0', len: 10 } } },
};
const counted = (packets: number): NftObject => ({ counter: { packets, bytes: packets * 60 } });

function nft(policy: 'accept' | 'drop', ...rules: readonly (readonly NftObject[])[]): Firewall {
  const place = { family: 'inet', table: 'filter', chain: 'input' };
  return {
    ...empty,
    nft: [
      { table: { family: 'inet', name: 'filter', handle: 1 } },
      { chain: { family: 'inet', table: 'filter', name: 'input', handle: 1, type: 'filter', hook: 'input', prio: 0, policy } },
      ...rules.map((expr, index) => ({ rule: { ...place, handle: index + 2, expr } })),
    ],
  };
}

function iptables(policy: 'ACCEPT' | 'DROP', ...rules: readonly string[]): Firewall {
  const table: IptablesRules['tables'][number] = {
    name: 'filter',
    chains: [{ name: 'INPUT', policy, packets: 7 }],
    rules: rules.map((text, index) => ({ chain: 'INPUT', spec: text.split(' ').slice(2), packets: 3, line: index, text })),
  };
  return { ...empty, iptables: { tables: [table] } };
}

describe('nothing is guessed', () => {
  it.for([
    [
      'a limit that accepts, then a policy that drops',
      nft('drop', [{ limit: { rate: 10, per: 'second', burst: 5 } }, { accept: null }]),
      'unknown',
      'rate limit 10/second',
    ],
    [
      'a limit that drops what is over',
      nft('accept', [from, { limit: { rate: 10, per: 'second', burst: 5, inv: true } }, counted(4), { drop: null }]),
      'unknown',
      'rate limit over 10/second',
    ],
    ['both ways end the same', nft('drop', [{ limit: { rate: 10, per: 'second' } }, { drop: null }]), 'drop', 'rate limit'],
    ['a limit that only logs', nft('accept', [{ limit: { rate: 1, per: 'minute' } }, { log: {} }]), 'accept', null],
    [
      'open connections counted',
      nft('accept', [{ 'ct count': { val: 20, inv: true } }, { reject: { type: 'tcp reset' } }]),
      'unknown',
      'connection limit',
    ],
    [
      'a random share',
      nft('accept', [{ match: { op: '<', left: { numgen: { mode: 'random', mod: 100, offset: 0 } }, right: 5 } }, { drop: null }]),
      'unknown',
      'numgen',
    ],
    [
      'an expression of the future',
      nft('accept', [{ match: { op: '==', left: { quantum: { key: 'spin' } }, right: 'up' } }, { drop: null }]),
      'unknown',
      'quantum',
    ],
    ['a statement of the future', nft('accept', [{ teleport: { to: 'mars' } }, { drop: null }]), 'unknown', 'teleport'],
    [
      'an unknown match behind one that fails',
      nft('accept', [{ match: { op: '==', left: { meta: { key: 'nfproto' } }, right: 'ipv6' } }, { teleport: null }, { drop: null }]),
      'accept',
      null,
    ],
    [
      'an xt match without the iptables view',
      nft('accept', [{ xt: { type: 'match', name: 'set' } }, { drop: null }]),
      'unknown',
      'xt match set',
    ],
    ['a program decides', nft('accept', [from, { queue: { num: 0 } }]), 'unknown', 'queue'],
    [
      'a set that was not read',
      nft('accept', [{ match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '@gone' } }, { drop: null }]),
      'unknown',
      '@gone',
    ],
    ['a jump into nowhere', nft('accept', [{ jump: { target: 'gone' } }]), 'unknown', 'gone'],
    [
      'an ephemeral port',
      nft('accept', [{ match: { op: '==', left: { payload: { protocol: 'tcp', field: 'sport' } }, right: 1024 } }, { drop: null }]),
      'unknown',
      'source port',
    ],
    ['iptables: limit', iptables('DROP', '-A INPUT -p tcp -m limit --limit 5/min -j ACCEPT'), 'unknown', 'rate limit'],
    [
      'iptables: hashlimit',
      iptables('ACCEPT', '-A INPUT -m hashlimit --hashlimit-above 20/sec --hashlimit-mode srcip --hashlimit-name web -j DROP'),
      'unknown',
      'rate limit',
    ],
    [
      'iptables: connlimit',
      iptables(
        'ACCEPT',
        '-A INPUT -p tcp --syn -m connlimit --connlimit-above 50 --connlimit-mask 32 --connlimit-saddr -j REJECT --reject-with tcp-reset',
      ),
      'unknown',
      'connection limit',
    ],
    [
      'iptables: recent',
      iptables('ACCEPT', '-A INPUT -m recent --update --seconds 60 --hitcount 10 --name x --rsource -j DROP'),
      'unknown',
      'recent',
    ],
    ['iptables: statistic', iptables('ACCEPT', '-A INPUT -m statistic --mode random --probability 0.1 -j DROP'), 'unknown', 'statistic'],
    ['iptables: a module of the future', iptables('ACCEPT', '-A INPUT -m quantum --spin up -j DROP'), 'unknown', 'quantum'],
    ['iptables: a target of the future', iptables('ACCEPT', '-A INPUT -j TELEPORT'), 'unknown', 'TELEPORT'],
    ['iptables: a set that was not read', iptables('ACCEPT', '-A INPUT -m set --match-set bad src -j DROP'), 'unknown', 'ipset bad'],
  ] as const)('%s', ([, firewall, verdict, doubt]) => {
    const decision = evaluatePacket(firewall, syn);
    expect(decision.verdict).toBe(verdict);
    if (doubt === null) expect(decision.uncertain.filter((text) => !text.startsWith('rate limit'))).toEqual([]);
    else expect(decision.uncertain.join('; ')).toContain(doubt);
  });

  it('names the rule that may hold the packet up, with what it counted', () => {
    const firewall = {
      ...nft('accept', [from, { limit: { rate: 10, per: 'second', burst: 5, inv: true } }, counted(4), { drop: null }]),
      before: { 'nft:inet/filter/input/2': 1 },
    };
    const decision = evaluatePacket(firewall, syn);
    expect(decision).toMatchObject({
      verdict: 'unknown',
      rule: {
        handle: 2,
        table: 'filter',
        family: 'inet',
        packetsNow: 4,
        packetsDelta: 3,
        pointer: '/nft/2',
        text: 'ip saddr 100.64.0.0/10 limit rate over 10/second counter packets 4 bytes 240 drop',
      },
    });
    expect(decision.possible.map((outcome) => outcome.verdict)).toEqual(['drop', 'accept']);
  });
});

describe('what decides', () => {
  it('is the policy where no rule does', () => {
    expect(evaluatePacket(nft('drop'), syn)).toMatchObject({
      verdict: 'drop',
      rule: null,
      policy: { table: 'filter', chain: 'input', pointer: '/nft/1' },
      path: ['inet filter/input'],
    });
    expect(evaluatePacket({ ...iptables('DROP'), before: { 'iptables:filter/INPUT/policy': 5 } }, syn)).toMatchObject({
      verdict: 'drop',
      engine: 'iptables',
      policy: { packetsNow: 7, packetsDelta: 2, pointer: '/iptables/tables/0/chains/0' },
    });
  });
  it('is an iptables rule by its number in the chain', () => {
    const decision = evaluatePacket(
      {
        ...iptables(
          'ACCEPT',
          '-A INPUT -s 192.0.2.1/32 -j ACCEPT',
          '-A INPUT -s 100.64.0.0/10 -j REJECT --reject-with icmp-host-prohibited',
        ),
        before: { 'iptables:filter/INPUT/2': 1 },
      },
      syn,
    );
    expect(decision).toMatchObject({
      verdict: 'reject',
      rejectWith: 'icmp-host-prohibited',
      rule: { handle: 2, chain: 'INPUT', packetsDelta: 2, pointer: '/iptables/tables/0/rules/1' },
    });
  });
  it('is nothing without rules', () => {
    expect(evaluateArrival(empty, syn)).toMatchObject({
      verdict: 'accept',
      rule: null,
      policy: null,
      path: [],
      uncertain: [],
      translated: null,
    });
  });
  it('does not end in a loop of chains', () => {
    const looped = nft('accept', [{ jump: { target: 'input' } }]);
    expect(evaluatePacket(looped, syn).verdict).toBe('unknown');
  });
});

describe('established connections', () => {
  it('pass where their state is accepted, and meet no nat chain', () => {
    const firewall = nft('drop', [
      { match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] } },
      { accept: null },
    ]);
    expect(evaluatePacket(firewall, { ...syn, state: 'established', flags: 'ack' }).verdict).toBe('accept');
    expect(evaluatePacket(firewall, syn).verdict).toBe('drop');
  });
});

describe('connectErrorOf', () => {
  it.for([
    ['drop', null, 4, 'timeout'],
    ['reject', 'tcp-reset', 4, 'refused'],
    ['reject', 'icmp-port-unreachable', 6, 'refused'],
    ['reject', 'icmp-admin-prohibited', 4, 'unreachable'],
    ['reject', 'icmp-admin-prohibited', 6, 'prohibited'],
    ['reject', 'icmp-host-unreachable', 4, 'unreachable'],
    ['accept', null, 4, null],
    ['unknown', null, 4, null],
  ] as const)('%s with %s over IPv%s is %s', ([verdict, rejectWith, family, error]) => {
    expect(connectErrorOf({ verdict, rejectWith }, family)).toBe(error);
  });
});

it('tells rules that were read from rules that were not', () => {
  expect(firewallWasRead(empty)).toBe(true);
  expect(firewallWasRead({ ...empty, nft: null, iptables: null, ip6tables: null })).toBe(false);
});
