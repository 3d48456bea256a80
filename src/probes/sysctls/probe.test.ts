// The snippet run for real, its numbers held against what the kernel was made to do.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { join, openNamespace } from '../../facts/testing/namespaces.ts';
import { contextAt, measure } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { sysctls } from './probe.ts';

describe('everywhere', () => survivesEverywhere(sysctls));

it.for([
  ['net.core.somaxconn', 'net/core/somaxconn'],
  ['net.ipv4.ip_local_port_range', 'net/ipv4/ip_local_port_range'],
  ['net.ipv4.tcp_syncookies', 'net/ipv4/tcp_syncookies'],
  ['net.ipv4.tcp_max_syn_backlog', 'net/ipv4/tcp_max_syn_backlog'],
  ['net.ipv4.conf.lo.rp_filter', 'net/ipv4/conf/lo/rp_filter'],
] as const)('%s is what /proc/sys has', async ([name, path]) => {
  expect((await measure(sysctls)).values[name]).toBe(readFileSync(`/proc/sys/${path}`, 'utf8').trim().replaceAll(/\s+/g, ' '));
});

it('reads the settings of the own namespace, one per interface', async () => {
  const [here, there] = [await openNamespace(), await openNamespace()];
  try {
    await join(here, there, ['e0.100', 'x0']);
    await here.must('echo 1 >/proc/sys/net/ipv4/conf/e0.100/rp_filter; echo 17 >/proc/sys/net/core/somaxconn');
    const { values } = await measure(sysctls, { prefix: here.prefix });
    expect(values).toMatchObject({ 'net.ipv4.conf.e0/100.rp_filter': '1', 'net.core.somaxconn': '17' });
  } finally {
    await Promise.all([here.close(), there.close()]);
  }
});

it('says so where nothing could be read', () => {
  expect(() => sysctls.parse('@@end\n', contextAt(0, 1))).toThrow('/proc/sys');
});
