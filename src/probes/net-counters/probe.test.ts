// The snippet run for real, its numbers held against what the kernel was made to do.
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { openConnector, openNamespace } from '../../facts/testing/namespaces.ts';
import { contextAt, measureAround } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { netCounters } from './probe.ts';

describe('everywhere', () => survivesEverywhere(netCounters));

// A listener with room for one, that never accepts. IPReversePathFilter is provoked in probes/routes.
const neverAccepts =
  'use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1); bind($s, sockaddr_in(8080, INADDR_ANY)); listen($s, 0); $| = 1; print "ready"; sleep 60';

it('counts overflows of a full accept queue, and nothing else of the kind', async () => {
  const namespace = await openNamespace();
  await namespace.must('ip link set lo up');
  const [program = '', ...args]: readonly string[] = [...namespace.prefix, 'perl', '-e', neverAccepts];
  const listener = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const connector = openConnector(namespace);
  try {
    await new Promise((resolve) => listener.stdout.once('data', resolve));
    const { counters } = await measureAround(
      netCounters,
      async () => {
        for (let attempt = 0; attempt < 5; attempt += 1) await connector.connect('127.0.0.1', '127.0.0.1', 8080);
      },
      { prefix: namespace.prefix },
    );
    expect(counters['TcpExt.ListenOverflows']?.delta).toBeGreaterThanOrEqual(2);
    expect(counters['TcpExt.ListenDrops']?.delta).toBeGreaterThanOrEqual(2);
    expect(counters['Tcp.ActiveOpens']?.delta).toBe(5);
    expect(counters['TcpExt.IPReversePathFilter']?.delta).toBe(0);
  } finally {
    listener.kill('SIGKILL');
    await connector.close();
    await namespace.close();
  }
});

it('pairs names with values, sums processors, and has no delta where a counter went back', () => {
  const text = (a: number, b: number): string =>
    `TcpExt: SyncookiesSent ListenDrops\nTcpExt: 1 ${a}\nTcp: RtoAlgorithm InSegs\nTcp: 1 ${b}\n@@six\nIp6InDiscards  \t 4\n@@softnet\n0000000a 00000001 00000002 00000000\n00000001 00000000 00000001 00000000\n@@end\n`;
  const context = contextAt(0, 1);
  const { counters } = netCounters.combine(netCounters.parse(text(5, 9), context), netCounters.parse(text(8, 3), context), context);
  expect(counters).toEqual({
    'TcpExt.SyncookiesSent': { now: 1, delta: 0 },
    'TcpExt.ListenDrops': { now: 8, delta: 3 },
    'Tcp.RtoAlgorithm': { now: 1, delta: 0 },
    'Tcp.InSegs': { now: 3, delta: null },
    'Ip6.InDiscards': { now: 4, delta: 0 },
    'Softnet.Processed': { now: 11, delta: 0 },
    'Softnet.Dropped': { now: 1, delta: 0 },
    'Softnet.TimeSqueezed': { now: 3, delta: 0 },
  });
});
