// Without an access log, error lines are all that is known of failing requests: the lines about one request stand for it.
import type { EventGroup, FailureGroup, JoinKeys, Tally } from '../records.ts';
import type { Clocks } from './clocks.ts';
import { joinLevels } from './levels.ts';
import type { Correlation } from './correlate.ts';
import { openOutcomes } from './outcomes.ts';
import type { LogRule } from './rule.ts';
import { mix, rowsByTime } from './sorted-rows.ts';
import { slackMs } from './sources.ts';

/**
 * True where no request was logged: then error lines are counted instead. Some programs write errors and requests into one log, and the
 * latter only when told to.
 */
export function hasOnlyErrors(tally: Tally, rules: readonly LogRule[]): boolean {
  if (tally.failures.length > 0 || tally.events.length === 0) return false;
  if (tally.cells.length > 0) return isElsewhen(tally, signaturesAboutRequests(rules));
  const withErrors = new Set(tally.events.map((each) => each.input));
  return !tally.inputs.some((each, index) => each.kind === 'access' && each.parsed > 0 && !withErrors.has(index));
}

/** True where error lines tell of requests long before or after all that were logged. */
function isElsewhen(tally: Tally, about: ReadonlySet<string>): boolean {
  const logged = tally.cells.map((each) => each.minute).filter((each) => !Number.isNaN(each));
  const [first, last] = [Math.min(...logged), Math.max(...logged)];
  return tally.events.some(
    ({ signature, minutes, input }) =>
      signature !== null &&
      about.has(signature) &&
      tally.cells.every((each) => each.input === input) &&
      [...minutes.keys()].some((minute) => minute < first - tally.minuteStep || minute > last + tally.minuteStep),
  );
}

/**
 * A tally whose failing requests are the error lines about single requests, and the join of the two. Lines of one client and one request
 * within a second and a half that say different things are one request (several tries), and so are Apache's lines about one attempt. Saved
 * tries cannot be told from failures.
 */
export function requestsOfErrors(
  tally: Tally,
  clocks: Clocks,
  rules: readonly LogRule[],
): { readonly tally: Tally; readonly correlation: Correlation } {
  const about = signaturesAboutRequests(rules);
  const { eventKeys: events } = tally;
  const keyed = new Uint8Array(tally.events.length);
  for (let row = 0; row < events.length; row++) if ((events.request[row] ?? 0) !== 0) keyed[events.group[row] ?? 0] = 1;
  const counts = tally.events.map((event, group) => isFailure(event, about, keyed[group] === 1));
  const inputOf = (row: number): number => tally.events[events.group[row] ?? 0]?.input ?? 0;
  const timeOf = (row: number): number => (events.at[row] ?? Number.NaN) + (clocks.shiftMs[inputOf(row)] ?? 0);
  const order = rowsByTime(timeOf, events.length, (a, b) => inputOf(a) - inputOf(b) || (events.line[a] ?? 0) - (events.line[b] ?? 0));
  const failureOf = new Int32Array(events.length).fill(-1);
  const heads: number[] = [];
  const outcomes = openOutcomes(tally.events);
  const open = new Map<number, { request: number; at: number; groups: Set<number> }>();
  for (const row of order) {
    const group = events.group[row] ?? 0;
    if (counts[group] !== true) continue;
    const at = timeOf(row);
    const named = (events.request[row] ?? 0) !== 0 && (events.client[row] ?? 0) !== 0;
    const key = mix(events.client[row] ?? 0, events.request[row] ?? 0, 7);
    const last = named ? open.get(key) : undefined;
    if (last !== undefined && at - last.at <= slackMs && !last.groups.has(group)) {
      last.groups.add(group);
      failureOf[row] = last.request;
      continue;
    }
    const before = named ? null : outcomes(group, at, heads.length);
    if (before !== null) {
      failureOf[row] = before;
      continue;
    }
    failureOf[row] = heads.length;
    if (named) open.set(key, { request: heads.length, at, groups: new Set([group]) });
    heads.push(row);
  }
  const groupOf = new Map<number, number>();
  const failures: FailureGroup[] = [];
  for (const row of heads) {
    const group = events.group[row] ?? 0;
    const event = tally.events[group];
    if (event === undefined || groupOf.has(group)) continue;
    groupOf.set(group, failures.length);
    failures.push(failureOfEvent(event));
  }
  const take = <T extends Uint32Array | Float64Array>(column: T, into: T): T => {
    heads.forEach((row, index) => {
      into[index] = column[row] ?? 0;
    });
    return into;
  };
  const keys: JoinKeys = {
    length: heads.length,
    group: Uint32Array.from(heads, (row) => groupOf.get(events.group[row] ?? 0) ?? 0),
    at: take(events.at, new Float64Array(heads.length)),
    client: take(events.client, new Uint32Array(heads.length)),
    request: take(events.request, new Uint32Array(heads.length)),
    requestId: take(events.requestId, new Uint32Array(heads.length)),
    line: take(events.line, new Float64Array(heads.length)),
    dropped: 0,
  };
  const levelOf = new Uint8Array(events.length).fill(joinLevels.indexOf('client+request'));
  const counted = withCounts(failures, keys, tally.events, groupOf, events);
  return { tally: { ...tally, failures: counted, failureKeys: keys }, correlation: { failureOf, levelOf, sameAs: null } };
}

function signaturesAboutRequests(rules: readonly LogRule[]): ReadonlySet<string> {
  const members = rules.flatMap((rule) => rule.witnesses.flatMap((witness) => (witness.kind === 'together' ? witness.all : [witness])));
  return new Set(members.flatMap((each) => (each.kind === 'line' && each.perRequest ? each.signatures : [])));
}

const severe: ReadonlySet<string | null> = new Set(['emerg', 'alert', 'crit', 'error']);

/** True for a line that no signature knows and that its writer calls an error. What nginx says while it serves a request is one. */
export function isUnknownError(event: EventGroup): boolean {
  const isCut = event.level === null && event.format === 'nginx-error-undated';
  return event.signature === null && (severe.has(event.level) || isCut);
}

const told =
  /\bBad Gateway\b|\bGateway Time-?out\b|\bService (?:Temporarily )?Unavailable\b|\bInternal Server Error\b|\bstatus(?: ?code)?["']?[ :=]{1,3}50[0-4]\b/i;

/** True for a line that names an answer of the 500s, whatever else it says. */
export const tellsOfFailure = ({ samples }: EventGroup): boolean => samples.some(({ text }) => told.test(text));

/** A line that nobody knows counts where it names a request and is written as an error. */
function isFailure(event: EventGroup, about: ReadonlySet<string>, namesRequest: boolean): boolean {
  return event.signature === null ? namesRequest && isUnknownError(event) : about.has(event.signature);
}

function failureOfEvent(event: EventGroup): FailureGroup {
  return {
    input: event.input,
    format: event.format,
    product: event.product,
    status: null,
    backend: event.upstream,
    answeredBy: null,
    reason: null,
    tries: '',
    timing: 'none',
    count: 0,
    first: event.first,
    last: event.last,
    durationMs: null,
    connectMs: null,
    headerMs: null,
    minutes: new Map(),
    samples: event.samples,
  };
}

/** Lines that the join left out count in proportion. */
function withCounts(
  failures: readonly FailureGroup[],
  keys: JoinKeys,
  events: readonly EventGroup[],
  groupOf: ReadonlyMap<number, number>,
  eventKeys: JoinKeys,
): readonly FailureGroup[] {
  const kept = new Float64Array(events.length);
  for (const group of eventKeys.group) kept[group] = (kept[group] ?? 0) + 1;
  const rows = new Float64Array(failures.length);
  const minutes = failures.map(() => new Map<number, number>());
  for (let row = 0; row < keys.length; row++) {
    const failure = keys.group[row] ?? 0;
    rows[failure] = (rows[failure] ?? 0) + 1;
    const minute = Math.floor((keys.at[row] ?? Number.NaN) / 60_000);
    const own = minutes[failure];
    if (own !== undefined && !Number.isNaN(minute)) own.set(minute, (own.get(minute) ?? 0) + 1);
  }
  const eventOf = new Map([...groupOf].map(([event, failure]) => [failure, event]));
  return failures.map((each, index) => {
    const event = eventOf.get(index) ?? 0;
    const weight = (events[event]?.count ?? 1) / Math.max(1, kept[event] ?? 1);
    return { ...each, count: Math.round((rows[index] ?? 0) * weight), minutes: minutes[index] ?? new Map<number, number>() };
  });
}
