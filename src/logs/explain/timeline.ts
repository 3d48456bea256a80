// The timeline and the tables of a log analysis: counts by minute put into at most 240 steps.
import type { LogAnalysis } from '../../model/log-analysis.ts';
import { plain } from '../../model/neutral.ts';
import type { FailureGroup, Tally, TopTable } from '../records.ts';
import { hashRequest } from '../scan/hash.ts';
import type { Clocks } from './clocks.ts';
import type { LogVerdict } from './explain.ts';
import type { Unit } from './units.ts';

const steps = [60, 300, 900, 3600, 10_800, 21_600, 86_400, 604_800, 2_592_000, 31_536_000];
const mostBuckets = 240;
const mostSeries = 8;

type Timeline = LogAnalysis['timeline'];
type Series = Timeline['byCause'][number];
/** Counts by minute; those without a time under NaN. */
type Minutes = ReadonlyMap<number, number>;

/** What the timeline is drawn from. */
export interface Facts {
  readonly tally: Tally;
  readonly clocks: Clocks;
  readonly units: readonly Unit[];
  readonly verdict: LogVerdict;
}

/** Where the failing requests lie in time, by cause, backend and path. Empty where no line has a date. */
export function timelineOf(facts: Facts): Timeline {
  const { tally, clocks, units, verdict } = facts;
  const cells = tally.cells.map((cell) => ({ ...cell, minute: cell.minute + Math.round((clocks.shiftMs[cell.input] ?? 0) / 60_000) }));
  let [first, last] = [Infinity, -Infinity];
  const see = (minute: number): void => {
    if (Number.isNaN(minute)) return;
    first = Math.min(first, minute);
    last = Math.max(last, minute);
  };
  const minutesOf = ({ minutes, input }: FailureGroup): Minutes => {
    const shift = Math.round((clocks.shiftMs[input] ?? 0) / 60_000);
    return shift === 0 ? minutes : new Map([...minutes].map(([minute, count]) => [minute + shift, count]));
  };
  for (const cell of cells) see(cell.minute);
  for (const unit of units) for (const minute of unit.minutes.keys()) see(minute);
  if (first === Infinity) return { start: null, stepSeconds: 60, requests: [], failed: [], byCause: [], byBackend: [], byPath: [] };

  const span = (last - first + 1) * 60;
  const stepSeconds =
    steps.find((step) => step >= tally.minuteStep * 60 && (span + step) / step <= mostBuckets) ?? Math.ceil(span / mostBuckets / 60) * 60;
  const stepMinutes = stepSeconds / 60;
  const start = Math.floor(first / stepMinutes) * stepMinutes;
  const length = Math.floor((last - start) / stepMinutes) + 1;
  const counted = (): { add(minute: number, count: number): void; counts: number[]; total: () => number } => {
    const exact = Array.from({ length }, () => 0);
    let total = 0;
    return {
      add: (minute, count) => {
        total += count;
        const at = Math.floor((minute - start) / stepMinutes);
        if (!Number.isNaN(at) && at >= 0 && at < length) exact[at] = (exact[at] ?? 0) + count;
      },
      get counts() {
        return exact.map((each) => Math.round(each));
      },
      total: () => Math.round(total),
    };
  };
  const series = (key: string | null, parts: readonly Minutes[]): Series => {
    const own = counted();
    for (const part of parts) for (const [minute, count] of part) own.add(minute, count);
    return { key: key === null ? null : plain(key).slice(0, 200), total: own.total(), counts: own.counts };
  };
  const requests = counted();
  const byBackend = new Map<string, Map<number, number>>();
  for (const cell of cells) {
    requests.add(cell.minute, cell.requests);
    if (cell.failed > 0 && cell.backend !== '') bump(byBackend, cell.backend, cell.minute, cell.failed);
  }
  // Without an access log the servers are those that error lines name.
  if (cells.length === 0)
    for (const unit of units) {
      const backend = tally.failures[unit.failure]?.backend ?? null;
      if (backend !== null) for (const [minute, count] of unit.minutes) bump(byBackend, backend, minute, count);
    }
  const unexplained = verdict.unproven.map((each) => each.minutes);
  const ranked = (map: ReadonlyMap<string, Minutes>): Series[] =>
    [...map]
      .map(([key, minutes]) => series(key, [minutes]))
      .toSorted((a, b) => b.total - a.total || ((a.key ?? '') < (b.key ?? '') ? -1 : 1))
      .slice(0, mostSeries);
  return {
    start: new Date(start * 60_000).toISOString(),
    stepSeconds,
    requests: requests.counts,
    // Not from the units: where rows were left out of the join, those know times only roughly.
    failed: series(null, tally.failures.map(minutesOf)).counts,
    byCause: [
      ...verdict.convictions.map((each) => series(each.rule.cause, [each.minutes])),
      ...(unexplained.length === 0 ? [] : [series(null, unexplained)]),
    ],
    byBackend: ranked(byBackend),
    byPath: ranked(pathMinutes(facts)),
  };
}

function bump(map: Map<string, Map<number, number>>, key: string, minute: number, count: number): void {
  const known = map.get(key) ?? new Map<number, number>();
  known.set(minute, (known.get(minute) ?? 0) + count);
  map.set(key, known);
}

const methods = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];

/** The most frequent failing paths by minute: rows of the join carry a hash of method and path, which the table's paths give back. */
function pathMinutes({ tally, clocks }: Facts): ReadonlyMap<string, Minutes> {
  const byHash = new Map<number, string>();
  for (const { key } of tally.byPath.rows.slice(0, mostSeries)) for (const method of methods) byHash.set(hashRequest(method, key), key);
  const result = new Map<string, Map<number, number>>();
  if (byHash.size === 0) return result;
  const { failureKeys: keys } = tally;
  const kept = new Float64Array(tally.failures.length);
  for (const group of keys.group) kept[group] = (kept[group] ?? 0) + 1;
  for (let row = 0; row < keys.length; row++) {
    const path = byHash.get(keys.request[row] ?? 0);
    if (path === undefined) continue;
    const group = keys.group[row] ?? 0;
    const failure = tally.failures[group];
    const minute = Math.floor(((keys.at[row] ?? Number.NaN) + (clocks.shiftMs[failure?.input ?? 0] ?? 0)) / 60_000);
    bump(result, path, minute, (failure?.count ?? 0) / (kept[group] ?? 1));
  }
  return result;
}

type Tables = Pick<LogAnalysis, 'byStatus' | 'byAnswerer' | 'byBackend' | 'byPath' | 'byClientNetwork'>;
const mostRows = 20;

/** Who failed how often. Keys are neutral; `failed` is the number of all failing requests. */
export function tablesOf({ tally }: Facts, failed: number): Tables {
  const share = (count: number): number => (failed === 0 ? 0 : count / failed);
  const table = ({ rows, dropped }: TopTable): LogAnalysis['byPath'] => ({
    rows: rows.slice(0, mostRows).map(({ key, count }) => ({ key: plain(key), count, share: share(count) })),
    dropped: dropped + rows.slice(mostRows).reduce((sum, each) => sum + each.count, 0),
  });
  const answerers = new Map<string, number>();
  for (const each of tally.failures) {
    const who = each.answeredBy ?? 'unknown';
    answerers.set(who, (answerers.get(who) ?? 0) + each.count);
  }
  const backends = new Map<string, { requests: number | null; failed: number }>();
  for (const cell of tally.cells) {
    const known = backends.get(cell.backend) ?? { requests: 0, failed: 0 };
    backends.set(cell.backend, { requests: (known.requests ?? 0) + cell.requests, failed: known.failed + cell.failed });
  }
  if (tally.cells.length === 0)
    for (const each of tally.failures) {
      const known = backends.get(each.backend ?? '') ?? { requests: null, failed: 0 };
      backends.set(each.backend ?? '', { ...known, failed: known.failed + each.count });
    }
  // Requests of which the log names no server are not a server.
  backends.delete('');
  const listed = [...backends].toSorted(([a, x], [b, y]) => y.failed - x.failed || (a < b ? -1 : 1));
  return {
    byStatus: table(tally.byStatus),
    byAnswerer: table({
      rows: [...answerers].map(([key, count]) => ({ key, count })).toSorted((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1)),
      dropped: 0,
    }),
    byBackend: {
      rows: listed.slice(0, mostRows).map(([key, each]) => ({
        key: plain(key),
        requests: each.requests,
        failed: each.failed,
        rate: each.requests === null || each.requests === 0 ? null : each.failed / each.requests,
      })),
      dropped: listed.slice(mostRows).reduce((sum, [, each]) => sum + each.failed, 0),
    },
    byPath: table(tally.byPath),
    byClientNetwork: table(tally.byClientNetwork),
  };
}
