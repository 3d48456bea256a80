// What has to be explained: failing requests, put together where the logs say the same of them. Rules look at these units, never at
// single requests, so that a million of them cost no more than their kinds.
import type { Tally } from '../records.ts';
import type { Clocks } from './clocks.ts';
import type { Correlation } from './correlate.ts';
import { joinLevels } from './levels.ts';

/** Failing requests of one group with error lines of the same groups. */
export interface Unit {
  /** Index of the failure group. */
  readonly failure: number;
  /** That group, and the groups of the same requests in other access logs. */
  readonly failures: readonly number[];
  /** Error lines about these requests: indexes of event groups, ascending. */
  readonly events: readonly number[];
  /** Requests, where rows were left out of the join estimated from the kept ones. */
  readonly count: number;
  /** The same by minute since 1970 in corrected time; requests without a time under NaN. */
  readonly minutes: ReadonlyMap<number, number>;
  /** Rows that can be shown: first those whose line is among the samples of their group. */
  readonly rows: readonly number[];
  /** False where the access log names no request, so that only times can join. */
  readonly keyed: boolean;
}

export interface Units {
  readonly units: readonly Unit[];
  /** Failing requests with at least one line about them. */
  readonly joined: number;
  /** The same by what joined them first. */
  readonly by: Readonly<Record<string, number>>;
  /** Rows of the error lines about a failing request, in any of its logs. */
  linesOf(row: number): readonly number[];
  /** Error lines of each event group that found their request, in rows. */
  readonly joinedLines: Float64Array;
}

const shownRows = 5;

/** Pure. Counts are whole numbers unless rows were left out of the join. */
export function unitsOf(tally: Tally, clocks: Clocks, correlation: Correlation): Units {
  const { failureKeys: failing, eventKeys: events } = tally;
  const { failureOf, levelOf, sameAs } = correlation;
  // Lists in arrays: of each request its lines, of each set of twins its rows.
  const firstLine = new Int32Array(failing.length).fill(-1);
  const nextLine = new Int32Array(events.length).fill(-1);
  const joinedLines = new Float64Array(tally.events.length);
  for (let row = events.length - 1; row >= 0; row--) {
    const request = failureOf[row] ?? -1;
    if (request < 0) continue;
    nextLine[row] = firstLine[request] ?? -1;
    firstLine[request] = row;
    const group = events.group[row] ?? 0;
    joinedLines[group] = (joinedLines[group] ?? 0) + 1;
  }
  const twins = sameAs === null ? null : listOf(sameAs);
  const rowsOf = (row: number): readonly number[] => (twins === null ? [row] : [row, ...twins(row)]);
  const linesOf = (row: number): readonly number[] =>
    rowsOf(row).flatMap((each) => {
      const list: number[] = [];
      for (let line = firstLine[each] ?? -1; line >= 0; line = nextLine[line] ?? -1) list.push(line);
      return list;
    });

  const kept = keptOf(failing.group, tally.failures.length);
  const keptLines = keptOf(events.group, tally.events.length);
  const shown = tally.failures.map((each) => new Set(each.samples.map((sample) => sample.line)));
  interface Draft {
    failure: number;
    failures: readonly number[];
    events: readonly number[];
    rowCount: number;
    minutes: Map<number, number>;
    rows: number[];
    keyed: boolean;
  }
  const drafts = new Map<string, Draft>();
  const levels = new Map<number, number>();
  let joined = 0;
  /** Of requests without a line and without a twin, which are most. */
  const lone: (Draft | undefined)[] = [];
  for (let row = 0; row < failing.length; row++) {
    const failure = failing.group[row] ?? 0;
    const isLone = twins === null && firstLine[row] === -1;
    let draft = isLone ? lone[failure] : undefined;
    const lines = isLone ? [] : linesOf(row);
    if (draft === undefined) {
      const groups = [...new Set(lines.map((line) => events.group[line] ?? 0))].toSorted((a, b) => a - b);
      const failures =
        twins === null
          ? [failure]
          : [failure, ...new Set(rowsOf(row).map((each) => failing.group[each] ?? 0))].filter((each, at, all) => all.indexOf(each) === at);
      const key = `${failures.join(' ')}|${groups.join(' ')}`;
      draft = drafts.get(key);
      if (draft === undefined) {
        draft = { failure, failures, events: groups, rowCount: 0, minutes: new Map(), rows: [], keyed: false };
        drafts.set(key, draft);
      }
      if (isLone) lone[failure] = draft;
    }
    draft.rowCount++;
    draft.keyed ||= (failing.request[row] ?? 0) !== 0;
    const input = tally.failures[failure]?.input ?? 0;
    const minute = minuteOf((failing.at[row] ?? Number.NaN) + (clocks.shiftMs[input] ?? 0), tally.minuteStep);
    draft.minutes.set(minute, (draft.minutes.get(minute) ?? 0) + 1);
    noteRow(draft.rows, row, failing.line, shown[failure]?.has(failing.line[row] ?? -1) === true);
    if (lines.length > 0) {
      const weight = (tally.failures[failure]?.count ?? 0) / (kept[failure] ?? 1);
      joined += weight;
      const level = Math.min(...lines.map((line) => levelOf[line] ?? 0));
      levels.set(level, (levels.get(level) ?? 0) + weight);
    }
  }
  const units = [...drafts.values()].map((draft): Unit => {
    const weight = (tally.failures[draft.failure]?.count ?? 0) / (kept[draft.failure] ?? 1);
    return {
      failure: draft.failure,
      failures: draft.failures,
      events: draft.events,
      count: draft.rowCount * weight,
      minutes: weight === 1 ? draft.minutes : new Map([...draft.minutes].map(([minute, count]) => [minute, count * weight])),
      rows: draft.rows,
      keyed: draft.keyed,
    };
  });
  // Groups of which no row was kept are still there to be explained.
  tally.failures.forEach((group, failure) => {
    if ((kept[failure] ?? 0) > 0 || group.count === 0) return;
    const shift = Math.round((clocks.shiftMs[group.input] ?? 0) / 60_000);
    const minutes = new Map([...group.minutes].map(([minute, count]) => [minute + shift, count]));
    units.push({ failure, failures: [failure], events: [], count: group.count, minutes, rows: [], keyed: false });
  });
  return {
    units: withLostLines(units, tally, keptLines).toSorted(
      (a, b) => a.failure - b.failure || compareLists(a.failures, b.failures) || compareLists(a.events, b.events),
    ),
    joined: Math.round(joined),
    by: Object.fromEntries([...levels].toSorted(([a], [b]) => a - b).map(([level, count]) => [joinLevels[level] ?? '', Math.round(count)])),
    linesOf,
    joinedLines,
  };
}

/**
 * Where error logs are all there is and none of their lines names a request: one unit for whatever failed at those times. It counts no
 * request, and convicts nobody beyond `likely`.
 */
export function unseenRequests(tally: Tally, clocks: Clocks): Unit {
  const minutes = new Map<number, number>();
  for (const event of tally.events) {
    const shift = Math.round((clocks.shiftMs[event.input] ?? 0) / 60_000);
    for (const minute of event.minutes.keys()) minutes.set(minute + shift, 0);
    if (event.minutes.size === 0) minutes.set(Number.NaN, 0);
  }
  return { failure: -1, failures: [], events: [], count: 0, minutes, rows: [], keyed: false };
}

/** The minute since 1970, as coarse as the tally's. NaN stays NaN. */
export function minuteOf(at: number, minuteStep: number): number {
  return Math.floor(at / 60_000 / minuteStep) * minuteStep;
}

function keptOf(group: Uint32Array, groups: number): Float64Array {
  const kept = new Float64Array(groups);
  for (const each of group) kept[each] = (kept[each] ?? 0) + 1;
  return kept;
}

/** Rows that share a representative, as a list for each row (without itself). */
function listOf(sameAs: Uint32Array): (row: number) => readonly number[] {
  const first = new Int32Array(sameAs.length).fill(-1);
  const next = new Int32Array(sameAs.length).fill(-1);
  for (let row = sameAs.length - 1; row >= 0; row--) {
    const root = sameAs[row] ?? row;
    next[row] = first[root] ?? -1;
    first[root] = row;
  }
  return (row) => {
    const list: number[] = [];
    for (let each = first[sameAs[row] ?? row] ?? -1; each >= 0; each = next[each] ?? -1) if (each !== row) list.push(each);
    return list;
  };
}

/** Keeps the rows with the lowest lines among those that can be shown; what is kept does not depend on the order of rows. */
function noteRow(rows: number[], row: number, line: Float64Array, isShown: boolean): void {
  if (!isShown && rows.length >= shownRows) return;
  rows.push(row);
  if (rows.length > shownRows) {
    rows.sort((a, b) => (line[a] ?? 0) - (line[b] ?? 0));
    rows.pop();
  }
}

/**
 * Where error lines were left out of the join, requests without a line are as likely to have lost theirs: they are given to the units with
 * lines in the proportion of what was left out. The total stays.
 */
function withLostLines(units: readonly Unit[], tally: Tally, keptLines: Float64Array): readonly Unit[] {
  if (tally.eventKeys.dropped === 0) return units;
  const factor = (unit: Unit): number =>
    Math.max(1, ...unit.events.map((event) => (tally.events[event]?.count ?? 1) / Math.max(1, keptLines[event] ?? 1)));
  const scaled = (unit: Unit, by: number): Unit => ({
    ...unit,
    count: unit.count * by,
    minutes: new Map([...unit.minutes].map(([minute, count]) => [minute, count * by])),
  });
  const byFailure = Map.groupBy(units, (unit) => unit.failure);
  return [...byFailure.values()].flatMap((group) => {
    const silent = group.filter((unit) => unit.events.length === 0);
    const spare = silent.reduce((sum, unit) => sum + unit.count, 0);
    const wanted = group.reduce((sum, unit) => sum + unit.count * (factor(unit) - 1), 0);
    if (spare === 0 || wanted === 0) return group;
    const share = Math.min(1, spare / wanted);
    const taken = wanted * share;
    return group.flatMap((unit) => {
      if (unit.events.length > 0) return [scaled(unit, 1 + (factor(unit) - 1) * share)];
      return spare - taken < 0.5 ? [] : [scaled(unit, (spare - taken) / spare)];
    });
  });
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? -1) - (b[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
