// The snippet run for real, its numbers held against what the kernel was made to do.
import { release, totalmem, cpus } from 'node:os';
import { describe, expect, it } from 'vitest';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { contextAt, measure } from '../testing/run-probe.ts';
import { hostFacts } from './probe.ts';

describe('everywhere', () => survivesEverywhere(hostFacts));

describe('what it says of this machine', () => {
  it.for([
    ['sh', {}],
    ['busybox sh', { shell: ['busybox', 'sh'] }],
  ] as const)('%s', async ([, where]) => {
    const facts = await measure(hostFacts, where);
    expect(facts).toMatchObject({ kernel: release(), uid: process.getuid?.(), cpus: cpus().length });
    expect(Math.abs((facts.memoryTotalBytes ?? 0) - totalmem())).toBeLessThan(64 * 1024 * 1024);
    // Both clocks are the same one.
    expect(Math.abs(facts.clockSkewMs ?? Infinity)).toBeLessThanOrEqual(facts.clockUncertaintyMs ?? 0);
  });
});

describe('the clock', () => {
  const output = (time: string): string =>
    `@time ${time}\n@kernel 6.1.0\n@uid 0\n@cpus 2\n@memory MemTotal: 1024 kB\n@uptime 5.25 1.00\n@netns 4026531840\n@tools ss ip\n@end\n`;
  it.for([
    ['the fraction', '1700000001.250000000 +0000', { clockSkewMs: 200, clockUncertaintyMs: 50, zoneOffsetMinutes: 0 }],
    ['whole seconds (busybox)', '1700000001.%N +0800', { clockSkewMs: 450, clockUncertaintyMs: 550, zoneOffsetMinutes: 480 }],
    ['whole seconds (busybox without %N)', '1700000001. -0330', { clockSkewMs: 450, clockUncertaintyMs: 550, zoneOffsetMinutes: -210 }],
    ['nothing', '', { clockSkewMs: null, clockUncertaintyMs: null, zoneOffsetMinutes: null }],
  ] as const)('%s', ([, time, expected]) => {
    expect(hostFacts.parse(output(time), contextAt(1_700_000_001_000, 1_700_000_001_100))).toMatchObject({
      ...expected,
      uptimeSeconds: 5.25,
      memoryTotalBytes: 1_048_576,
      tools: ['ss', 'ip'],
    });
  });
});
