// What we say about routes, held against the real `ip route get` and against what a strict kernel really drops.
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { reversePath, routeFor, rpFilterEffective } from '../../facts/routes.ts';
import { join, openConnector, openListeners, openNamespace, type Namespace } from '../../facts/testing/namespaces.ts';
import type { Routes } from '../../model/observations.ts';
import { netCounters } from '../net-counters/probe.ts';
import { sysctls } from '../sysctls/probe.ts';
import { barePaths } from '../testing/everywhere.ts';
import { measure, measureAround } from '../testing/run-probe.ts';
import { routes as probe } from './probe.ts';

let host: Namespace;
let peer: Namespace;
let routes: Routes;
beforeAll(async () => {
  host = await openNamespace();
  peer = await openNamespace();
  await join(peer, host, ['p0', 'h0']);
  await join(peer, host, ['p1', 'h1']);
  await peer.must(
    'ip addr add 10.1.0.1/24 dev p0; ip addr add 10.2.0.1/24 dev p1; ip addr add 100.64.1.5/32 dev p0; ip addr add 198.51.100.7/32 dev p0; ip route add 10.1.0.99 dev p0',
  );
  await host.must(`ip addr add 10.1.0.2/24 dev h0; ip addr add 10.2.0.2/24 dev h1; ip addr add fd01::2/64 dev h0 nodad; ip addr add fd02::2/64 dev h1 nodad
    ip route add default via 10.1.0.1; ip route add 100.64.0.0/10 via 10.2.0.1; ip route add 100.100.0.0/16 via 10.1.0.1 metric 5; ip route add 100.100.0.0/16 via 10.2.0.1 metric 9
    ip route add blackhole 203.0.113.0/24; ip route add unreachable 198.18.0.0/15; ip route add prohibit 198.51.100.128/25; ip route add throw 192.0.2.0/25
    ip route add default via 10.2.0.1 table 77; ip rule add from 10.2.0.2 lookup 77 priority 100; ip rule add fwmark 0x20/0xf0 lookup 77 priority 110; ip rule add to 192.0.2.64/26 lookup 77 priority 120
    ip rule add iif h0 to 198.51.100.0/25 blackhole priority 130; ip rule add not from all to 0.0.0.0/1 lookup 77 priority 140; ip rule add lookup main suppress_prefixlength 0 priority 150
    ip -6 route add default via fd01::1; ip -6 route add fd64::/16 via fd02::1; ip -6 route add blackhole fdbb::/16`);
  routes = await measure(probe, { prefix: host.prefix });
});
afterAll(() => Promise.all([host?.close(), peer?.close()]));

const destinations = [
  '10.1.0.77',
  '10.2.0.77',
  '8.8.8.8',
  '100.64.1.5',
  '100.127.255.255',
  '100.128.0.1',
  '100.100.3.4',
  '203.0.113.4',
  '198.18.0.1',
  '198.51.100.129',
  '198.51.100.7',
  '192.0.2.1',
  '192.0.2.70',
  '192.88.99.9',
  '10.1.0.2',
  '127.0.0.5',
  '10.1.0.255',
  'fd01::9',
  'fd64::5',
  '2001:db8::1',
  'fdbb::1',
  'fd02::2',
];
const extras: readonly { readonly words: string; readonly options: { source?: string; mark?: number; iif?: string } }[] = [
  { words: '', options: {} },
  { words: 'mark 0x25', options: { mark: 0x25 } },
  { words: 'mark 0xca6c', options: { mark: 0xca6c } },
];

it.for(destinations)('%s as ip route get says', async (destination) => {
  for (const { words, options } of extras) {
    const said = await host.run([
      'ip',
      ...(destination.includes(':') ? ['-6'] : []),
      '-j',
      'route',
      'get',
      destination,
      ...words.split(' ').filter((word) => word !== ''),
    ]);
    const ours = routeFor(routes, destination, options);
    if (said.code !== 0) {
      expect(ours?.type, `${destination} ${words}: ${said.stderr}`).toBe('unreachable');
      continue;
    }
    const [kernel] = JSON.parse(said.stdout) as { type?: string; dev?: string; gateway?: string }[];
    // The kernel delivers local addresses over lo; the table names the interface that carries them.
    const local = kernel?.type === 'local';
    expect({ type: ours?.type, dev: local ? 'lo' : ours?.dev, via: ours?.via ?? null }, `${destination} ${words}`).toEqual({
      type: kernel?.type ?? 'unicast',
      dev: kernel?.dev,
      via: kernel?.gateway ?? null,
    });
  }
});

it.for(['10.2.0.2', '10.1.0.2'])('from the own address %s', async (source) => {
  const [kernel] = JSON.parse((await host.run(['ip', '-j', 'route', 'get', '8.8.8.8', 'from', source])).stdout) as {
    dev?: string;
    gateway?: string;
  }[];
  expect(routeFor(routes, '8.8.8.8', { source })).toMatchObject({ dev: kernel?.dev, via: kernel?.gateway });
});

it('reads the same main table and addresses without ip', async () => {
  const bare = await barePaths();
  onTestFinished(() => rm(bare, { recursive: true }));
  for (const path of [`${bare}/core`, `${bare}/busybox`]) {
    const poor = await measure(probe, { prefix: host.prefix, path });
    for (const destination of [
      '10.1.0.77',
      '8.8.8.8',
      '100.64.1.5',
      '203.0.113.4',
      '10.1.0.2',
      'fd64::5',
      '2001:db8::1',
      'fd02::2',
      '127.0.0.1',
    ]) {
      const { source: _source, index: _index, ...rich } = routeFor({ ...routes, rules: [] }, destination) ?? {};
      expect(routeFor(poor, destination), destination).toMatchObject(rich);
    }
    expect(poor.interfaces.find((each) => each.name === 'h1')?.addresses.map((each) => each.address)).toEqual(
      expect.arrayContaining(['10.2.0.2', 'fd02::2']),
    );
  }
});

it.for([
  { from: '100.64.1.5', filter: '1', ended: 'timeout' },
  { from: '10.1.0.1', filter: '1', ended: 'open' },
  { from: '100.64.1.5', filter: '2', ended: 'open' },
  { from: '100.64.1.5', filter: '0', ended: 'open' },
] as const)('rp_filter $filter and a packet from $from', async ({ from, filter, ended }) => {
  await host.must(`echo ${filter} >/proc/sys/net/ipv4/conf/h0/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter`);
  await peer.must('for c in all p0 p1; do echo 0 >/proc/sys/net/ipv4/conf/$c/rp_filter; done');
  const listeners = await openListeners(host, [80]);
  const connector = openConnector(peer);
  try {
    let really = '';
    // A strict host does not even answer ARP requests that name such a source: the neighbour has to be known before.
    await connector.connect('10.1.0.1', '10.1.0.2', 80);
    const counters = await measureAround(netCounters, async () => (really = await connector.connect(from, '10.1.0.2', 80)), {
      prefix: host.prefix,
    });
    const settings = await measure(sysctls, { prefix: host.prefix });
    const path = reversePath(routes, from, 'h0', '10.1.0.2');
    const effective = rpFilterEffective(settings, 'h0');
    expect(effective).toBe(Number(filter));
    expect(really).toBe(ended);
    const dropped = (effective === 1 && path?.strictDrops === true) || (effective === 2 && path?.looseDrops === true);
    expect(dropped).toBe(ended === 'timeout');
    expect((counters.counters['TcpExt.IPReversePathFilter']?.delta ?? 0) > 0).toBe(dropped);
  } finally {
    await Promise.all([connector.close(), listeners.close()]);
  }
});
