// From what was counted to the tally that the explaining half reads: parts of several threads joined, text made safe, everything sorted.
import type { Cell, EventGroup, FailureGroup, InputTally, Sample, Tally } from '../records.ts';
import { shownField } from '../text.ts';
import { mergeBounded, mergeCounts, prune, topOf } from './bounded.ts';
import { mergeHistogram, summary } from './histogram.ts';
import { addTo, addToCell, coarsen } from './minutes.ts';
import { widerNetworkOf } from './network.ts';
import { finishRows, mergeRows } from './rows.ts';
import type { CellCount, InputState, Spot, TallyState } from './state.ts';

const orNull = (text: string | null): string | null => (text === null ? null : shownField(text));
const sampleOf = ({ input, line, at, text }: Spot): Sample => ({ input, line, at, text });
const earlier = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));
const later = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));
const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Adds what another thread counted, which is used up by it. `lineOf` says which line of its input a line is that the other thread could
 * only number within its stretch.
 */
export function mergeState(
  into: TallyState,
  from: TallyState,
  lineOf: (line: number) => number,
  coarserPath: (path: string) => string,
): void {
  const step = Math.max(into.minuteStep, from.minuteStep);
  coarsen(into, step);
  coarsen(from, step);
  for (const minute of from.minutes) into.minutes.add(minute);

  const ids = new Map<number, number>();
  for (const [key, { value }] of from.failures.entries) {
    ids.set(value.id, into.failures.entries.get(key)?.value.id ?? into.nextId);
    value.id = ids.get(value.id) === into.nextId ? into.nextId++ : value.id;
    value.samples = value.samples.map((each) => ({ ...each, line: lineOf(each.line) }));
  }
  for (const [key, { value }] of from.events.entries) {
    ids.set(value.id, into.events.entries.get(key)?.value.id ?? into.nextId);
    value.id = ids.get(value.id) === into.nextId ? into.nextId++ : value.id;
    value.samples = value.samples.map((each) => ({ ...each, line: lineOf(each.line) }));
  }
  mergeBounded(
    into.failures,
    from.failures,
    (a, b) => {
      mergeHistogram(a.duration, b.duration);
      mergeHistogram(a.connect, b.connect);
      mergeHistogram(a.header, b.header);
      return mergeCounted(a, b);
    },
    (evicted) => (into.droppedFailures += evicted.count),
  );
  mergeBounded(
    into.events,
    from.events,
    (a, b) => {
      if (b.leader.position < a.leader.position) a.leader = b.leader;
      return mergeCounted(a, b);
    },
    (evicted) => (into.droppedEvents += evicted.count),
  );
  into.droppedFailures += from.droppedFailures;
  into.droppedEvents += from.droppedEvents;
  into.failed += from.failed;
  mergeCounts(into.byStatus, from.byStatus, (key) => key);
  mergeCounts(into.byPath, from.byPath, coarserPath);
  mergeCounts(into.byNetwork, from.byNetwork, widerNetworkOf);
  mergeCounts(into.byHost, from.byHost, (key) => key);
  const idOf = lookUp(ids, from.nextId);
  mergeRows(into.failureRows, from.failureRows, idOf, lineOf);
  mergeRows(into.eventRows, from.eventRows, idOf, lineOf);
  from.inputs.forEach((input, i) => {
    const target = into.inputs[i];
    if (target !== undefined) mergeInput(target, input, lineOf);
  });
  coarsen(into, step);
}

/** The same as a map of numbers below `end`, where it is asked for every row; -1 for what is not in it. */
function lookUp(map: ReadonlyMap<number, number>, end: number): (key: number) => number {
  const table = new Int32Array(end).fill(-1);
  for (const [key, value] of map) table[key] = value;
  return (key) => table[key] ?? -1;
}

function mergeCounted<
  T extends { count: number; first: number | null; last: number | null; minutes: Map<number, number>; samples: Spot[] },
>(a: T, b: T): T {
  a.count += b.count;
  a.first = earlier(a.first, b.first);
  a.last = later(a.last, b.last);
  for (const [minute, count] of b.minutes) addTo(a.minutes, minute, count);
  a.samples = [...a.samples, ...b.samples].sort((x, y) => x.position - y.position).slice(0, 3);
  return a;
}

function mergeInput(into: InputState, from: InputState, lineOf: (line: number) => number): void {
  for (const name of ['bytes', 'lines', 'parsed', 'furniture', 'unparsed', 'cut', 'backwards'] as const) into[name] += from[name];
  into.first = earlier(into.first, from.first);
  into.last = later(into.last, from.last);
  into.zoned &&= from.zoned;
  for (const [format, lines] of from.otherFormats) addTo(into.otherFormats, format, lines);
  into.problems.push(...from.problems);
  for (const { value } of from.unknown.entries.values()) value.sample = { ...value.sample, line: lineOf(value.sample.line) };
  mergeBounded(
    into.unknown,
    from.unknown,
    (a, b) => ({ count: a.count + b.count, sample: b.sample.position < a.sample.position ? b.sample : a.sample }),
    () => undefined,
  );
  const toOthers = (cells: Map<number, CellCount>): void => {
    for (const [minute, cell] of cells) addToCell(into.otherCells, minute, cell.requests, cell.failed);
  };
  mergeBounded(
    into.cells,
    from.cells,
    (a, b) => {
      for (const [minute, cell] of b) addToCell(a, minute, cell.requests, cell.failed);
      return a;
    },
    toOthers,
  );
  toOthers(from.otherCells);
}

function cellsOf(input: InputState, index: number): Cell[] {
  const cells: Cell[] = [];
  const add = (backend: string, table: Map<number, CellCount>): void => {
    for (const [minute, { requests, failed }] of table) cells.push({ input: index, minute, backend, requests, failed });
  };
  // Two names may look the same once they are safe to show.
  const named = new Map<string, Map<number, CellCount>>();
  for (const [backend, { value }] of input.cells.entries) {
    const name = shownField(backend);
    const known = named.get(name);
    if (known === undefined) named.set(name, value);
    else for (const [minute, { requests, failed }] of value) addToCell(known, minute, requests, failed);
  }
  if (input.otherCells.size > 0) named.set('…', input.otherCells);
  for (const [backend, table] of named) add(backend, table);
  return cells.sort((a, b) => a.minute - b.minute || text(a.backend, b.backend));
}

function inputOf(input: InputState): InputTally {
  const { meta } = input;
  const others = [...input.otherFormats].sort((a, b) => b[1] - a[1] || text(a[0], b[0]));
  return {
    name: meta.name,
    format: meta.format?.id ?? null,
    dialect: meta.format?.dialect ?? null,
    product: meta.format?.product ?? null,
    kind: meta.kind,
    compression: meta.compression,
    storedBytes: meta.storedBytes ?? input.bytes,
    bytes: input.bytes,
    lines: input.lines,
    parsed: input.parsed,
    furniture: input.furniture,
    unparsed: input.unparsed,
    otherFormats: Object.fromEntries(others),
    cut: input.cut,
    first: input.first,
    last: input.last,
    zoned: input.zoned,
    backwards: input.backwards,
    unknown: Array.from(input.unknown.entries, ([template, { value }]) => ({
      template: shownField(template),
      count: value.count,
      sample: sampleOf(value.sample),
    })).sort((a, b) => b.count - a.count || text(a.template, b.template) || a.sample.line - b.sample.line),
    problems: input.problems,
  };
}

/** The finished tally. */
export function finishTally(state: TallyState): Tally {
  prune(state.failures, (evicted) => (state.droppedFailures += evicted.count));
  prune(state.events, (evicted) => (state.droppedEvents += evicted.count));
  for (const input of state.inputs) {
    prune(input.unknown, () => undefined);
    prune(input.cells, (cells) => {
      for (const [minute, cell] of cells) addToCell(input.otherCells, minute, cell.requests, cell.failed);
    });
  }
  const sorted = <T extends { count: number }>(entries: ReadonlyMap<string, { value: T }>): T[] =>
    Array.from(entries, ([key, { value }]) => ({ key, value }))
      .sort((a, b) => b.value.count - a.value.count || text(a.key, b.key))
      .map(({ value }) => value);
  const indexes = new Map<number, number>();
  const minutes = (of: ReadonlyMap<number, number>) => new Map([...of].sort((a, b) => a[0] - b[0]));
  const failures = sorted(state.failures.entries).map((group, i): FailureGroup => {
    indexes.set(group.id, i);
    const { input, format, product, status, answeredBy, timing, count, first, last } = group;
    return {
      input,
      format,
      product,
      status,
      backend: orNull(group.backend),
      answeredBy,
      reason: orNull(group.reason),
      tries: shownField(group.tries),
      timing,
      count,
      first,
      last,
      durationMs: summary(group.duration),
      connectMs: summary(group.connect),
      headerMs: summary(group.header),
      minutes: minutes(group.minutes),
      samples: group.samples.map(sampleOf),
    };
  });
  const events = sorted(state.events.entries).map((group, i): EventGroup => {
    indexes.set(group.id, i);
    const { input, format, product, signature, leader, count, first, last } = group;
    return {
      input,
      format,
      product,
      level: leader.level,
      signature,
      template: shownField(leader.template),
      fields: Object.fromEntries(Object.entries(leader.fields).map(([name, value]) => [name, shownField(value)])),
      upstream: orNull(group.upstream),
      host: orNull(group.host),
      count,
      first,
      last,
      minutes: minutes(group.minutes),
      samples: group.samples.map(sampleOf),
    };
  });
  const indexOf = lookUp(indexes, state.nextId);
  const { tops } = state.limits;
  return {
    inputs: state.inputs.map(inputOf),
    cells: state.inputs.flatMap(cellsOf),
    byStatus: topOf(state.byStatus, tops, shownField),
    byPath: topOf(state.byPath, tops, shownField),
    byClientNetwork: topOf(state.byNetwork, tops, shownField),
    byHost: topOf(state.byHost, tops, shownField),
    failures,
    events,
    failureKeys: finishRows(state.failureRows, indexOf),
    eventKeys: finishRows(state.eventRows, indexOf),
    minuteStep: state.minuteStep,
    dropped: { failures: state.droppedFailures, events: state.droppedEvents },
  };
}
