// A kernel log of March is of the March of the access log beside it.
import { expect, it } from 'vitest';

import { alignYears } from './years.ts';
import { input, tallyOf } from './testing/tallies.ts';

const clocks = (count: number) => ({ shiftMs: new Float64Array(count), zones: [], skews: [] });
const march = (year: number): number => Date.UTC(year, 2, 6, 11, 22, 33);
const line = (at: number, place: number, text: string) => ({
  at,
  group: { input: place, template: text, samples: [{ input: place, line: 1, at, text }] },
});
const of = (error: string, kernel: string, kernelAt: number) =>
  tallyOf([input('error.log'), input('kern.log')], [], [line(march(2017), 0, error), line(kernelAt, 1, kernel)]);
const dated = '2017/03/06 11:22:33 [error] 7#7: *1 x';

it('puts dates without a year into the year of the others', () => {
  const found = alignYears(of(dated, 'Mar  6 11:22:34 web-1 kernel: x', march(2026) + 1000), clocks(2));
  expect([...found.shiftMs]).toEqual([0, march(2017) - march(2026)]);
});

it('leaves dates that have a year, and days on which nothing else happened', () => {
  expect([...alignYears(of(dated, '2026-03-06T11:22:34Z web-1 kernel: x', march(2026)), clocks(2)).shiftMs]).toEqual([0, 0]);
  expect([...alignYears(of(dated, 'Apr 20 11:22:34 web-1 kernel: x', Date.UTC(2026, 3, 20)), clocks(2)).shiftMs]).toEqual([0, 0]);
});
