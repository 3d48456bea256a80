// The snippet run for real, its numbers held against what the kernel was made to do.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { contextAt, measure, measureAround } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { pressure } from './probe.ts';

describe('everywhere', () => survivesEverywhere(pressure));

it('sees the time that this very process burns, and the memory of this machine', async () => {
  const evidence = await measureAround(pressure, async () => {
    const end = Date.now() + 300;
    while (Date.now() < end);
  });
  expect(evidence.busy).toBeGreaterThan(0.1);
  expect(evidence.busy).toBeLessThanOrEqual(1);
  const available = Number(/MemAvailable: +(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
  expect(Math.abs((evidence.memoryAvailableBytes ?? 0) - available)).toBeLessThan(available / 2);
});

it('has no shares from one reading', async () => {
  expect(await measure(pressure)).toMatchObject({ busy: null, steal: null, ioWait: null });
});

const reading = (ticks: string, stall: number): string =>
  `/proc/pressure/cpu:some avg10=12.50 avg60=3.00 avg300=1.00 total=${stall}\n/proc/loadavg:2.50 1.00 0.50 5/300 999\ncpu  ${ticks} 0 0\nMemAvailable:     1024 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\npswpin 3\npswpout 4\noom_kill ${stall > 100 ? 1 : 0}\n@@end\n`;

it('makes shares of the ticks between the readings', () => {
  const context = contextAt(0, 1);
  // user nice system idle iowait irq softirq steal
  const evidence = pressure.combine(
    pressure.parse(reading('100 0 100 100 100 0 0 0', 100), context),
    pressure.parse(reading('150 0 110 120 110 0 0 10', 350), context),
    context,
  );
  expect(evidence).toEqual({
    cpu: { some: { avg10: 12.5, avg60: 3, totalUs: { now: 350, delta: 250 } } },
    memory: { some: null, full: null },
    io: { some: null, full: null },
    load1: 2.5,
    runnable: 4,
    busy: expect.closeTo(0.6) as number,
    steal: expect.closeTo(0.1) as number,
    ioWait: expect.closeTo(0.1) as number,
    memoryAvailableBytes: 1_048_576,
    swapUsedBytes: 40_960,
    swapPages: { now: 7, delta: 0 },
    oomKills: { now: 1, delta: 1 },
  });
});
