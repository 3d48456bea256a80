// The timeline of a log analysis, cut to the room that a drawing has, and drawn as a row of characters.
import type { LogAnalysis } from '../model/log-analysis.ts';

type Timeline = LogAnalysis['timeline'];

/** One row of the picture. `key` is null for what no cause explains. */
export interface Row {
  readonly key: string | null;
  readonly total: number;
  readonly counts: readonly number[];
}

/** The timeline with neighbouring buckets added up, so that there are at most as many as asked for. */
export interface Picture {
  readonly startMs: number;
  /** End of the last bucket. */
  readonly endMs: number;
  readonly stepSeconds: number;
  readonly buckets: number;
  readonly requests: readonly number[];
  readonly failed: readonly number[];
  readonly byCause: readonly Row[];
  readonly byBackend: readonly Row[];
  readonly byPath: readonly Row[];
}

/** The picture in at most `room` buckets; null where the logs have no dates or nothing failed and nothing was asked. */
export function pictureOf(timeline: Timeline, room: number): Picture | null {
  const startMs = timeline.start === null ? Number.NaN : Date.parse(timeline.start);
  const length = Math.max(timeline.requests.length, timeline.failed.length);
  if (Number.isNaN(startMs) || length === 0 || timeline.stepSeconds <= 0) return null;
  const factor = Math.max(1, Math.ceil(length / Math.max(1, room)));
  const buckets = Math.ceil(length / factor);
  const sums = (counts: readonly number[]): readonly number[] =>
    Array.from({ length: buckets }, (_, i) => counts.slice(i * factor, (i + 1) * factor).reduce((sum, count) => sum + count, 0));
  const rows = (all: Timeline['byCause']): readonly Row[] => all.map(({ key, total, counts }) => ({ key, total, counts: sums(counts) }));
  const stepSeconds = timeline.stepSeconds * factor;
  return {
    startMs,
    endMs: startMs + buckets * stepSeconds * 1000,
    stepSeconds,
    buckets,
    requests: sums(timeline.requests),
    failed: sums(timeline.failed),
    byCause: rows(timeline.byCause),
    byBackend: rows(timeline.byBackend),
    byPath: rows(timeline.byPath),
  };
}

/** A bar that is wider looks like a stretch of time. */
const widestBucket = 8;

/**
 * Counts drawn on exactly `columns` columns where there are more of them, each column the part of the buckets below it; where there are
 * fewer, every bucket is as many whole columns wide as fit, up to eight. Areas keep their proportions; the values are no counts any more.
 */
export function resample(counts: readonly number[], columns: number): readonly number[] {
  if (counts.length <= columns) {
    const stretch = Math.max(1, Math.min(widestBucket, Math.floor(columns / Math.max(1, counts.length))));
    return counts.flatMap((count) => Array.from({ length: stretch }, () => count));
  }
  const per = counts.length / columns;
  return Array.from({ length: columns }, (_, column) => {
    const [from, to] = [column * per, (column + 1) * per];
    let sum = 0;
    for (let i = Math.floor(from); i < Math.min(counts.length, Math.ceil(to - 1e-9)); i++)
      sum += (counts[i] ?? 0) * Math.max(0, Math.min(to, i + 1) - Math.max(from, i));
    return sum;
  });
}

/** The largest of some counts; 0 where there are none. */
export function peakOf(counts: readonly number[]): number {
  return counts.reduce((most, count) => Math.max(most, count), 0);
}

const blocks = { unicode: '▁▂▃▄▅▆▇█', ascii: '.:-=+*#@' } as const;

/**
 * Counts as characters whose height (or weight, without Unicode) is the count as a part of `most`. Nothing is a space, anything else at
 * least the lowest mark.
 */
export function sparkline(counts: readonly number[], most: number, unicode: boolean): string {
  const marks = unicode ? blocks.unicode : blocks.ascii;
  return counts
    .map((count) => {
      const level = count <= 0 || most <= 0 ? -1 : Math.min(marks.length - 1, Math.ceil((count / most) * marks.length) - 1);
      return level < 0 ? ' ' : (marks[level] ?? ' ');
    })
    .join('');
}

/** What to write under both ends of an axis of `width` columns: clock times, with the day where the axis spans days and has the room. */
export function axisEnds(picture: Picture, width: number): { readonly from: string; readonly to: string } {
  const [start, end] = [dayAndClock(picture.startMs), dayAndClock(picture.endMs)];
  const seconds = picture.stepSeconds % 60 !== 0;
  const clock = (each: { readonly clock: string }): string => each.clock.slice(0, seconds ? 8 : 5);
  const days = start.day !== end.day;
  if (width >= 38) return { from: `${start.day} ${clock(start)}`, to: days ? `${end.day} ${clock(end)}` : clock(end) };
  if (days && width >= 26) return { from: `${start.day.slice(5)} ${clock(start)}`, to: `${end.day.slice(5)} ${clock(end)}` };
  return days ? { from: start.day.slice(5), to: end.day.slice(5) } : { from: clock(start), to: clock(end) };
}

/** `2026-11-23` and `02:14:07` of a moment in UTC. */
export function dayAndClock(ms: number): { readonly day: string; readonly clock: string } {
  // A log may claim any year; four digits are what fits, and Date refuses what lies beyond its own range.
  const iso = new Date(Math.max(-62_135_596_800_000, Math.min(253_402_300_799_000, ms))).toISOString();
  return { day: iso.slice(0, 10), clock: iso.slice(11, 19) };
}
