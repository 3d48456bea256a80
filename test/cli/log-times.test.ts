// Times, zones and progress of `why5xx logs`, as its command line takes and shows them.
import { describe, expect, it } from 'vitest';

import { openLogProgress, progressText } from '../../src/cli/log-progress.ts';
import { parseMoment, parseZone } from '../../src/cli/log-times.ts';

const now = Date.parse('2026-11-23T12:00:00Z');

describe('moments', () => {
  it.for<readonly [string, string, boolean]>([
    ['2026-11-23', '2026-11-23T00:00:00Z', false],
    ['2026-11-23T02:10', '2026-11-23T02:10:00Z', false],
    ['2026-11-23 02:10:30', '2026-11-23T02:10:30Z', false],
    ['2026-11-23T02:10:30Z', '2026-11-23T02:10:30Z', true],
    ['2026-11-23T02:10:30.250Z', '2026-11-23T02:10:30Z', true],
    ['2026-11-23T02:10+08:00', '2026-11-22T18:10:00Z', true],
    ['2026-11-23 02:10 -0530', '2026-11-23T07:40:00Z', true],
    ['90m', '2026-11-23T10:30:00Z', true],
    ['1.5h ago', '2026-11-23T10:30:00Z', true],
    ['3d', '2026-11-20T12:00:00Z', true],
    ['now', '2026-11-23T12:00:00Z', true],
  ])('%s', ([text, at, zoned]) => {
    expect(parseMoment(text, now)).toEqual({ at: Date.parse(at), zoned });
  });

  it('takes a bare clock time for one of today, in the local zone', () => {
    const local = new Date(now - new Date(now).getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
    expect(parseMoment('02:10', now)).toEqual({ at: Date.parse(`${local}T02:10:00Z`), zoned: false });
  });

  it.for(['', 'yesterday', '2026-02-31', '2026-11-23T25:00', '26-11-23', '12', '2026-11-23T02:10+99:00', '2h30m1x', '１２:００', 'NaN'])(
    'refuses %j',
    (text) => {
      expect(parseMoment(text, now)).toBeNull();
    },
  );
});

describe('zones', () => {
  it.for<readonly [string, number]>([
    ['UTC', 0],
    ['Z', 0],
    ['+08:00', 480],
    ['-0530', -330],
    ['UTC+1', 60],
    ['Asia/Shanghai', 480],
    ['America/New_York', -300],
  ])('%s is %i minutes east in November', ([text, minutes]) => {
    expect(parseZone(text)?.minutesEastAt(now)).toBe(minutes);
  });

  it('follows summer time', () => {
    expect(parseZone('America/New_York')?.minutesEastAt(Date.parse('2026-07-01T00:00:00Z'))).toBe(-240);
  });

  it.for(['', 'Mars/Olympus', '+25:00', '+08:75', '8', '../etc', 'x'.repeat(100)])('refuses %j', (text) => {
    expect(parseZone(text)).toBeNull();
  });
});

describe('progress', () => {
  it('tells size, part, rate and time left', () => {
    expect(progressText(1_200_000_000, 4_000_000_000, 1000)).toBe('reading logs: 1.2 GB of 4 GB, 30 %, 1.2 GB/s, 3 s left');
    expect(progressText(10_000_000, 4_000_000_000, 1000)).toBe('reading logs: 10 MB of 4 GB, 0 %, 10 MB/s, 7 min left');
    expect(progressText(1_200_000, null, 2000)).toBe('reading logs: 1.2 MB, 600 kB/s');
    expect(progressText(5000, 4000, 1000)).toBe('reading logs: 4 kB of 4 kB, 100 %, 5 kB/s, 1 s left');
    expect(progressText(0, 4000, 0)).toBe('reading logs: 0 B of 4 kB, 0 %, 0 B/s');
  });

  it.for<readonly [boolean, number]>([
    [true, 15],
    [false, 1],
  ])('is silent in the first second; on a terminal (%s) it is shown %i times in four', ([tty, times]) => {
    let at = 0;
    const shown: number[] = [];
    const progress = openLogProgress({ step: () => shown.push(at), done: () => undefined }, tty, () => at);
    for (; at <= 3999; at += 50) progress.update(at, 4000);
    expect(shown[0]).toBe(1000);
    expect(shown).toHaveLength(times);
  });
});
