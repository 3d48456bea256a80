// Clocks and zones of several logs, found from what they both saw: the same request in an access log and in an error log happened once.
import type { LogAnalysis } from '../../model/log-analysis.ts';
import type { Tally } from '../records.ts';
import { relatedLines } from './related.ts';
import { Pairs, Sieve, mix } from './sorted-rows.ts';
import { slackMs, sourcesOf, windowOf } from './sources.ts';

/** The zone of dates that carry none and that nothing in the logs tells. */
export interface GivenZone {
  readonly minutesEast: number;
  readonly from: '--tz' | 'system';
}

/** How the zone of an input is known. */
export interface ZoneFound {
  readonly by: 'logged' | 'pairs' | 'minutes' | 'other-logs' | '--tz' | 'system';
  /** East of Greenwich; null where every date carries its own. */
  readonly minutesEast: number | null;
  /** Requests, or minutes, that it was found from. */
  readonly pairs: number;
}

export interface Clocks {
  /** Milliseconds to add to the times of each input, so that all inputs agree. */
  readonly shiftMs: Float64Array;
  readonly zones: readonly ZoneFound[];
  readonly skews: LogAnalysis['correlation']['skews'];
}

const quarterMs = 900_000;
const farthestSeconds = 26 * 3600;
const enoughPairs = 8;
const mostKeys = 20_000;

interface Edge {
  readonly from: number;
  readonly to: number;
  /** How far the clock of `from` is ahead of that of `to`. */
  readonly offsetMs: number;
  readonly pairs: number;
}

/** Compares all logs of a run with one another. Pure; takes a few seconds for a million rows. */
export function findClocks(tally: Tally, given: GivenZone): Clocks {
  const source = sourcesOf(tally);
  const count = Math.max(-1, ...source) + 1;
  const inputsOf = Array.from({ length: count }, (_, each) => tally.inputs.filter((_input, index) => source[index] === each));
  const zoned = inputsOf.map((inputs) => inputs.every((each) => each.zoned || each.first === null));
  const rows = rowsPerSource(tally, source, count);
  const edges = edgesOf(tally, source, zoned);
  const shift = new Float64Array(count).fill(Number.NaN);
  const zones: ZoneFound[] = zoned.map(() => ({ by: 'logged', minutesEast: null, pairs: 0 }));
  const skews: { source: number; against: number; offsetMs: number; pairs: number; kind: 'zone' | 'clock' | 'none' }[] = [];

  const spread = (): void => {
    for (;;) {
      const next = edges.find((each) => Number.isNaN(shift[each.from] ?? 0) !== Number.isNaN(shift[each.to] ?? 0));
      if (next === undefined) return;
      const known = Number.isNaN(shift[next.from] ?? 0) ? next.to : next.from;
      const fresh = known === next.from ? next.to : next.from;
      const offset = fresh === next.from ? next.offsetMs : -next.offsetMs;
      const quarters = Math.round(offset / quarterMs) * quarterMs;
      const isZone = zoned[fresh] !== true && Math.abs(offset - quarters) <= quarterMs / 7;
      // Whole seconds differ by one for no reason: what is left beside the zone counts only where it is more than that.
      const rest = offset - (isZone ? quarters : 0);
      const applied = (isZone ? quarters : 0) + (Math.abs(rest) < slackMs ? 0 : rest);
      shift[fresh] = (shift[known] ?? 0) - applied;
      if (zoned[fresh] !== true)
        zones[fresh] = { by: 'pairs', minutesEast: -Math.round((shift[fresh] ?? 0) / quarterMs) * 15 || 0, pairs: next.pairs };
      const kind = applied === 0 ? 'none' : isZone && quarters !== 0 ? 'zone' : 'clock';
      skews.push({ source: fresh, against: known, offsetMs: applied, pairs: next.pairs, kind });
    }
  };
  const giveZone = (each: number, found: ZoneFound): void => {
    shift[each] = -(found.minutesEast ?? 0) * 60_000;
    zones[each] = found;
    spread();
  };

  // Dates with a zone are right until another one of them disagrees; the one with the most failing requests is the measure.
  const order = Array.from({ length: count }, (_, each) => each).toSorted((a, b) => (rows[b] ?? 0) - (rows[a] ?? 0) || a - b);
  for (const each of order) {
    if (zoned[each] !== true || !Number.isNaN(shift[each] ?? 0)) continue;
    shift[each] = 0;
    spread();
  }
  const likely = zones.filter((each) => each.by === 'pairs').toSorted((a, b) => b.pairs - a.pairs)[0];
  for (const each of order) {
    if (!Number.isNaN(shift[each] ?? 0)) continue;
    if (likely !== undefined) giveZone(each, { by: 'other-logs', minutesEast: likely.minutesEast, pairs: likely.pairs });
    else if (given.from === '--tz') giveZone(each, { by: '--tz', minutesEast: given.minutesEast, pairs: 0 });
    else giveZone(each, byMinutes(tally, source, shift, each) ?? { by: 'system', minutesEast: given.minutesEast, pairs: 0 });
  }
  const nameOf = (each: number): string => inputsOf[each]?.[0]?.name ?? '';
  return {
    shiftMs: Float64Array.from(source, (each) => shift[each] ?? 0),
    zones: Array.from(source, (each) => zones[each] ?? { by: 'logged', minutesEast: null, pairs: 0 }),
    skews: skews.map(({ source: from, against, ...rest }) => ({ input: nameOf(from), against: nameOf(against), ...rest })),
  };
}

function rowsPerSource(tally: Tally, source: Uint32Array, count: number): Float64Array {
  const rows = new Float64Array(count);
  for (const each of tally.failures) {
    const at = source[each.input];
    if (at !== undefined) rows[at] = (rows[at] ?? 0) + each.count;
  }
  return rows;
}

/** Differences of times between two sources, counted by second. */
interface Histogram {
  readonly from: number;
  readonly to: number;
  readonly counts: Map<number, number>;
  readonly sums: Map<number, number>;
  /** Rows that could have a partner. */
  expected: number;
}

/** Between which sources an offset can be told, surest first. Zero offsets count too: they say that two clocks agree. */
function edgesOf(tally: Tally, source: Uint32Array, zoned: readonly boolean[]): readonly Edge[] {
  const { failureKeys: failing, eventKeys: events } = tally;
  const failureSource = (row: number): number => source[tally.failures[failing.group[row] ?? 0]?.input ?? 0] ?? 0;
  const eventSource = (row: number): number => source[tally.events[events.group[row] ?? 0]?.input ?? 0] ?? 0;
  const ends = tally.failures.map((each) => windowOf(each).endMs);
  const failureAt = (row: number): number => (failing.at[row] ?? Number.NaN) + (ends[failing.group[row] ?? 0] ?? 0);
  const eventSide = 0x80000000;
  const failureSources = [...new Set(tally.failures.map((each) => source[each.input] ?? 0))];
  const eventSources = [...new Set(tally.events.map((each) => source[each.input] ?? 0))];
  const edges = new Map<number, Edge>();
  if (failureSources.length + eventSources.length < 2) return [];

  // By request id, else by client and request, else by request alone: a stronger key that tells leaves nothing to a weaker one. The number
  // is how often a key may occur on each side: of a page that is asked for every second nobody knows which is which.
  const keys: readonly { most: number; among: Uint32Array | null; of: (table: Tally['failureKeys'], row: number) => number }[] = [
    { most: 4, among: null, of: (table, row) => ((table.requestId[row] ?? 0) === 0 ? -1 : mix(table.requestId[row] ?? 0, 1, 1)) },
    {
      most: 8,
      among: relatedLines(tally),
      of: (table, row) =>
        (table.client[row] ?? 0) === 0 || (table.request[row] ?? 0) === 0 ? -1 : mix(table.client[row] ?? 0, table.request[row] ?? 0, 2),
    },
    { most: 3, among: null, of: (table, row) => ((table.request[row] ?? 0) === 0 ? -1 : mix(0, table.request[row] ?? 0, 3)) },
  ];
  for (const { most, among, of } of keys) {
    // Between which sources an offset is already known from stronger keys, nothing is left to find.
    const open = new Set<number>();
    for (const from of eventSources) if (failureSources.some((to) => !edges.has(edgeName(2 * from + 1, 2 * to)))) open.add(from);
    if (open.size === 0 && failureSources.length < 2) break;
    // A sample of keys is enough, and which ones does not depend on the order of rows.
    const highest = failing.length <= mostKeys ? 0xffffffff : Math.floor((mostKeys / failing.length) * 0xffffffff);
    const looked = tally.events.map((each) => open.has(source[each.input] ?? 0));
    const offered = new Sieve();
    const pairs = new Pairs(1024);
    for (let row = 0; row < failing.length; row++) {
      const key = of(failing, row);
      if (key < 0 || key > highest || Number.isNaN(failureAt(row))) continue;
      offered.add(key);
      pairs.push(key, row);
    }
    if (pairs.length === 0) continue;
    const count = among === null ? events.length : among.length;
    for (let i = 0; i < count; i++) {
      const row = among === null ? i : (among[i] ?? 0);
      if (looked[events.group[row] ?? 0] !== true) continue;
      const key = of(events, row);
      if (key >= 0 && key <= highest && offered.has(key) && !Number.isNaN(events.at[row] ?? Number.NaN)) pairs.push(key, row + eventSide);
    }
    pairs.sort();
    const histograms = new Map<number, Histogram>();
    const reader: Reader = { failureAt, eventAt: (row) => events.at[row] ?? Number.NaN, failureSource, eventSource };
    for (let from = 0; from < pairs.length;) {
      let to = from + 1;
      while (to < pairs.length && pairs.key(to) === pairs.key(from)) to++;
      if (to > from + 1 && to - from <= 16 * most) countRun(pairs, from, to, most, histograms, reader);
      from = to;
    }
    for (const [name, histogram] of histograms) {
      const edge = edges.has(name) ? null : edgeOf(histogram, zoned[histogram.from] === true && zoned[histogram.to] === true);
      if (edge !== null) edges.set(name, edge);
    }
  }
  return [...edges.values()].toSorted((a, b) => b.pairs - a.pairs || a.from - b.from || a.to - b.to);
}

interface Reader {
  failureAt(row: number): number;
  eventAt(row: number): number;
  failureSource(row: number): number;
  eventSource(row: number): number;
}

/** Names two sources; those of events are odd numbers. */
const edgeName = (from: number, to: number): number => from * 0x4000000 + to;

/** Counts the differences within one key, of every event to every failing request, and of failing requests in different access logs. */
function countRun(pairs: Pairs, from: number, to: number, most: number, histograms: Map<number, Histogram>, reader: Reader): void {
  const sources: number[] = [];
  const times: number[][] = [];
  for (let i = from; i < to; i++) {
    const value = pairs.value(i);
    const isEvent = value >= 0x80000000;
    const row = isEvent ? value - 0x80000000 : value;
    const source = isEvent ? 2 * reader.eventSource(row) + 1 : 2 * reader.failureSource(row);
    const at = isEvent ? reader.eventAt(row) : reader.failureAt(row);
    const known = times[sources.indexOf(source)];
    if (known === undefined) {
      sources.push(source);
      times.push([at]);
    } else known.push(at);
  }
  for (let j = 0; j < sources.length; j++) {
    const [b = 0, others = []] = [sources[j], times[j]];
    if (b % 2 === 1 || others.length > most) continue;
    for (let k = 0; k < sources.length; k++) {
      const [a = 0, own = []] = [sources[k], times[k]];
      if (a === b || (a % 2 === 0 && a < b) || own.length > most) continue;
      const name = edgeName(a, b);
      let histogram = histograms.get(name);
      if (histogram === undefined) {
        histogram = { from: a >> 1, to: b >> 1, counts: new Map(), sums: new Map(), expected: 0 };
        histograms.set(name, histogram);
      }
      const { counts, sums } = histogram;
      histogram.expected += Math.min(own.length, others.length);
      for (const time of own)
        for (const other of others) {
          const second = Math.round((time - other) / 1000);
          if (Math.abs(second) > farthestSeconds) continue;
          counts.set(second, (counts.get(second) ?? 0) + 1);
          sums.set(second, (sums.get(second) ?? 0) + (time - other));
        }
    }
  }
}

/** The offset that most pairs share, within a second; null where too few do. */
function edgeOf({ from, to, counts, sums, expected }: Histogram, bothZoned: boolean): Edge | null {
  if (from === to) return null;
  const near = (second: number, map: ReadonlyMap<number, number>): number =>
    (map.get(second - 1) ?? 0) + (map.get(second) ?? 0) + (map.get(second + 1) ?? 0);
  let best: number | null = null;
  for (const second of counts.keys()) {
    const [now, before] = [near(second, counts), best === null ? -1 : near(best, counts)];
    const closer = best !== null && (Math.abs(second) < Math.abs(best) || (Math.abs(second) === Math.abs(best) && second > best));
    if (now > before || (now === before && closer)) best = second;
  }
  if (best === null) return null;
  const pairs = near(best, counts);
  if (pairs * 2 < expected) return null;
  const offsetMs = Math.round(near(best, sums) / pairs);
  const rest = Math.abs(offsetMs - Math.round(offsetMs / quarterMs) * quarterMs);
  // Without a zone, a whole number of quarter hours is no chance even once; other differences need more to go by.
  const plausible = bothZoned ? Math.abs(offsetMs) < slackMs : rest <= 2000 && Math.abs(offsetMs) <= 14 * 3_600_000;
  return plausible || pairs >= enoughPairs ? { from, to, offsetMs, pairs } : null;
}

/** The zone in which the minutes with error lines fall on minutes with failing requests; null where no zone stands out. */
function byMinutes(tally: Tally, source: Uint32Array, shift: Float64Array, unzoned: number): ZoneFound | null {
  const failing = new Set<number>();
  for (const each of tally.failures) {
    const known = shift[source[each.input] ?? 0] ?? Number.NaN;
    if (!Number.isNaN(known)) for (const minute of each.minutes.keys()) failing.add(minute + Math.round(known / 60_000));
  }
  const minutes = new Set<number>();
  for (const each of tally.events)
    if (source[each.input] === unzoned && each.level !== 'info' && each.level !== 'notice' && each.level !== 'debug')
      for (const minute of each.minutes.keys()) minutes.add(minute);
  if (minutes.size < 3 || failing.size === 0) return null;
  const hits: { readonly minutesEast: number; readonly count: number }[] = [];
  for (let minutesEast = -14 * 60; minutesEast <= 14 * 60; minutesEast += 15) {
    let count = 0;
    for (const minute of minutes) if (failing.has(minute - minutesEast)) count++;
    hits.push({ minutesEast, count });
  }
  const [first, second] = hits.toSorted((a, b) => b.count - a.count);
  if (first === undefined || first.count < 3 || first.count < 0.6 * minutes.size || (second?.count ?? 0) > 0.7 * first.count) return null;
  return { by: 'minutes', minutesEast: first.minutesEast, pairs: first.count };
}
