// The snippet run for real, its numbers held against what the kernel was made to do.
import { describe, expect, it } from 'vitest';
import { openConnector, openListeners, openNamespace } from '../../facts/testing/namespaces.ts';
import { contextAt, measure } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { conntrack } from './probe.ts';

describe('everywhere', () => survivesEverywhere(conntrack));

it('counts the connections that the kernel tracks', async () => {
  const namespace = await openNamespace();
  await namespace.must(
    `ip link set lo up; nft add table inet t; nft 'add chain inet t i { type filter hook input priority 0; }'; nft add rule inet t i ct state new counter`,
  );
  const listeners = await openListeners(namespace, [80]);
  const connector = openConnector(namespace);
  try {
    for (let attempt = 0; attempt < 7; attempt += 1) expect(await connector.connect('127.0.0.1', '127.0.0.1', 80)).toBe('open');
    const evidence = await measure(conntrack, { prefix: namespace.prefix });
    expect(evidence.count).toBeGreaterThanOrEqual(7);
    expect(evidence.max).toBeGreaterThan(7);
    expect(evidence.drops).toEqual({ now: 0, delta: null });
  } finally {
    await Promise.all([connector.close(), listeners.close()]);
    await namespace.close();
  }
});

const stat = (drop: string): string =>
  `nf_conntrack_count:262144\nnf_conntrack_max:262144\n@@stat\nentries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n00040000  00000000 00000000 00000000 00000021 00000000 00000000 00000003 00000000 00000002 ${drop} 00000001 00000000  00000000 00000000 00000000 00000000\n@@end\n`;
it.for([
  [
    '/proc/net/stat',
    stat('0000000a'),
    stat('0000001a'),
    { count: 262_144, max: 262_144, drops: { now: 27, delta: 16 }, insertFailed: { now: 2, delta: 0 } },
  ],
  [
    'conntrack -S',
    '@@tool\n@@end\n',
    'nf_conntrack_count:3\nfallback_max:8\n@@tool\ncpu=0   \tfound=0 invalid=3 insert=0 insert_failed=1 drop=5 early_drop=2 error=0 search_restart=0 clash_resolve=0\ncpu=1   \tfound=0 insert_failed=0 drop=1 early_drop=0\n@@end\n',
    { count: 3, max: 8, drops: { now: 8, delta: null }, insertFailed: { now: 1, delta: null } },
  ],
  ['not loaded', '@@end\n', '@@end\n', { count: null, max: null, drops: null, insertFailed: null }],
] as const)('%s', ([, before, after, expected]) => {
  const context = contextAt(0, 1);
  expect(conntrack.combine(conntrack.parse(before, context), conntrack.parse(after, context), context)).toEqual(expected);
});
