// What the report cites: lines and requests as evidence, and a few failing requests with the lines about them for every cause.
import type { LogAnalysis } from '../../model/log-analysis.ts';
import { plain } from '../../model/neutral.ts';
import type { Report } from '../../model/report.ts';
import type { Localised } from '../../model/text.ts';
import type { Sample, Tally } from '../records.ts';
import type { Clocks } from './clocks.ts';
import type { LogConviction } from './explain.ts';
import { linesText, requestsText } from './phrases.ts';
import type { Units } from './units.ts';

type SampleLine = LogAnalysis['unexplained'][number]['samples'][number];

/** Collects evidence under e1, e2 …; the same group of lines or requests is one piece of evidence. */
export interface Record {
  readonly evidence: Report['evidence'];
  /** Cites a group of error lines. */
  lines(event: number, host: string | null): Report['causes'][number]['because'][number];
  /** Cites a group of failing requests, of which `count` are meant. */
  requests(failure: number, count: number, host: string | null): Report['causes'][number]['because'][number];
}

export interface Book {
  readonly tally: Tally;
  /** What each input is called in the report. */
  readonly names: readonly string[];
  readonly clocks: Clocks;
  /** True where error lines stand for the requests, which nothing else tells of. */
  readonly errorsOnly: boolean;
  readonly at: string;
  say(text: Localised): string;
}

export function openRecord({ tally, names, clocks, at, say }: Book): Record {
  const evidence: Report['evidence'] = {};
  const known = new Map<string, string>();
  const keep = (key: string, probe: string, host: string | null, data: unknown): string => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const id = `e${known.size + 1}`;
    known.set(key, id);
    evidence[id] = { probe, host, vantage: 'log', at, status: 'ok', data };
    return id;
  };
  const shifted = (minutes: ReadonlyMap<number, number>, input: number): readonly number[] =>
    [...minutes.keys()].map((minute) => minute + Math.round((clocks.shiftMs[input] ?? 0) / 60_000));
  const placed = (samples: readonly Sample[], input: number): { line: number; at: string | null; text: string }[] =>
    samples.map((each) => ({ line: each.line, at: timeOf(each.at, clocks.shiftMs[input] ?? 0), text: plain(each.text) }));
  return {
    evidence,
    lines(event, host) {
      const group = tally.events[event];
      if (group === undefined) throw new RangeError(`no event group ${event}`);
      const name = tally.inputs[group.input]?.name ?? '';
      const lines = placed(group.samples, group.input);
      const id = keep(`lines ${event}`, 'log-lines', host, {
        file: plain(name),
        count: group.count,
        signature: group.signature,
        template: plain(group.template),
        lines,
      });
      const path = lines.length > 0 ? '/lines/0/text' : '/template';
      return { evidence: id, path, says: say(linesText(group, names[group.input] ?? '', shifted(group.minutes, group.input))) };
    },
    requests(failure, count, host) {
      const group = tally.failures[failure];
      if (group === undefined) throw new RangeError(`no failure group ${failure}`);
      const name = tally.inputs[group.input]?.name ?? '';
      const requests = placed(group.samples, group.input);
      const id = keep(`requests ${failure}`, 'log-requests', host, {
        file: plain(name),
        count: group.count,
        status: group.status,
        backend: group.backend === null ? null : plain(group.backend),
        answeredBy: group.answeredBy,
        reason: group.reason === null ? null : plain(group.reason),
        tries: plain(group.tries),
        durationMs: group.durationMs,
        requests,
      });
      return {
        evidence: id,
        path: requests.length > 0 ? '/requests/0/text' : '/count',
        says: say(requestsText(group, Math.max(1, Math.round(count)), names[group.input] ?? '')),
      };
    },
  };
}

/** ISO 8601 of a time as logged, put right by the input's shift. */
export function timeOf(at: number | null, shiftMs: number): string | null {
  const ms = (at ?? Number.NaN) + shiftMs;
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}

/** A sample of the tally as the report shows it. */
export function sampleLine(sample: Sample, { names, clocks }: Book): SampleLine {
  return {
    input: names[sample.input] ?? '',
    line: sample.line,
    at: timeOf(sample.at, clocks.shiftMs[sample.input] ?? 0),
    text: plain(sample.text),
  };
}

const mostSamples = 3;
const mostLines = 6;

/** Failing requests of a cause, each with the very lines about it; then lines that are about no single request. */
export function occurrenceOf(conviction: LogConviction, units: Units, book: Book): LogAnalysis['occurrences'][number] {
  const { tally, clocks } = book;
  const samples: LogAnalysis['occurrences'][number]['samples'] = [];
  const shown = new Set<number>();
  for (const index of [...conviction.units.keys()].toSorted(
    (a, b) => (conviction.units.get(b) ?? 0) - (conviction.units.get(a) ?? 0) || a - b,
  )) {
    const unit = units.units[index];
    for (const row of unit?.rows ?? []) {
      if (samples.length >= mostSamples) break;
      const failure = tally.failures[tally.failureKeys.group[row] ?? 0];
      const at = (tally.failureKeys.at[row] ?? Number.NaN) + (clocks.shiftMs[failure?.input ?? 0] ?? 0);
      const minute = Math.floor(at / 60_000 / tally.minuteStep) * tally.minuteStep;
      const request = failure?.samples.find((each) => each.line === tally.failureKeys.line[row]);
      if (request === undefined || !conviction.minutes.has(minute)) continue;
      const lines = units.linesOf(row).map((line) => lineOf(line, book));
      for (const line of units.linesOf(row)) shown.add(tally.eventKeys.group[line] ?? 0);
      samples.push({ request: book.errorsOnly ? null : sampleLine(request, book), lines: lines.toSorted(byPlace).slice(0, mostLines) });
    }
  }
  const rest = conviction.events.filter(({ group }) => !shown.has(group)).slice(0, mostLines);
  const alone = rest.flatMap(({ group }) => {
    const event = tally.events[group];
    const first = event?.samples[0];
    return first === undefined ? [] : [sampleLine(first, book)];
  });
  if (alone.length > 0) samples.push({ request: null, lines: alone });
  const times = [...conviction.units.keys()].flatMap((index) => {
    const failure = tally.failures[units.units[index]?.failure ?? -1];
    return failure === undefined ? [] : [failure];
  });
  const exact = exactTimes(
    conviction,
    times.map((each) => ({ first: each.first, last: each.last, shift: clocks.shiftMs[each.input] ?? 0 })),
    tally.minuteStep,
  );
  return { cause: conviction.rule.cause, count: Math.round(conviction.count), ...exact, samples };
}

/** First and last to the second where a group's own ends lie in the cause's first and last minute, else to the minute. */
function exactTimes(
  conviction: LogConviction,
  groups: readonly { readonly first: number | null; readonly last: number | null; readonly shift: number }[],
  minuteStep: number,
): { first: string | null; last: string | null } {
  const minutes = [...conviction.minutes.keys()].filter((minute) => !Number.isNaN(minute));
  if (minutes.length === 0) return { first: null, last: null };
  const [first, last] = [Math.min(...minutes), Math.max(...minutes)];
  const within = (ms: number, minute: number): boolean => ms >= minute * 60_000 && ms < (minute + minuteStep) * 60_000;
  const firsts = groups.flatMap((each) => (each.first !== null && within(each.first + each.shift, first) ? [each.first + each.shift] : []));
  const lasts = groups.flatMap((each) => (each.last !== null && within(each.last + each.shift, last) ? [each.last + each.shift] : []));
  return {
    first: timeOf(firsts.length > 0 ? Math.min(...firsts) : first * 60_000, 0),
    last: timeOf(lasts.length > 0 ? Math.max(...lasts) : last * 60_000, 0),
  };
}

/** One error line: its own text where it is among the samples of its group, else the shape that all lines of the group have. */
function lineOf(row: number, book: Book): SampleLine {
  const { tally, names, clocks } = book;
  const event = tally.events[tally.eventKeys.group[row] ?? 0];
  const line = tally.eventKeys.line[row] ?? 0;
  const sample = event?.samples.find((each) => each.line === line);
  if (sample !== undefined) return sampleLine(sample, book);
  const at = tally.eventKeys.at[row];
  return {
    input: names[event?.input ?? -1] ?? '',
    line,
    at: timeOf(at === undefined || Number.isNaN(at) ? null : at, clocks.shiftMs[event?.input ?? -1] ?? 0),
    text: plain(event?.template ?? ''),
  };
}

function byPlace(a: SampleLine, b: SampleLine): number {
  const [x, y] = [a.at ?? '', b.at ?? ''];
  return (x < y ? -1 : x > y ? 1 : 0) || (a.input < b.input ? -1 : a.input > b.input ? 1 : 0) || a.line - b.line;
}
