// Brings rows of equal keys together: sieves out those without a partner, sorts the rest, and pairs them by time.
import { closeMs, giveNearest } from './nearest.ts';
import type { Width } from './nearest.ts';
import { Pairs, Sieve, rowsByTime } from './sorted-rows.ts';

const eventSide = 0x80000000;

/** What is paired with what. Rows are numbers from 0; keys are 32-bit hashes. */
export interface Matching {
  readonly requests: {
    readonly length: number;
    at(row: number): number;
    classOf(row: number): number;
    keys(row: number, use: (key: number) => void): void;
    /** Orders rows of equal time. */
    tie(a: number, b: number): number;
  };
  readonly lines: {
    readonly length: number;
    at(row: number): number;
    groupOf(row: number): number;
    /** The rows that may have a partner; absent where all may. */
    readonly among?: Uint32Array | null;
    /** -1 where the row has none. */
    key(row: number): number;
    tie(a: number, b: number): number;
  };
  /** Whether rows without a time take part. */
  readonly timeless: boolean;
  widthOf(group: number, requestClass: number): Width | null;
  onPair(request: number, line: number): void;
}

/** Pairs lines and requests of equal keys, for each group of lines on its own: a request has at most one line of each group. */
export function matchAll(matching: Matching): void {
  const { requests, lines, timeless } = matching;
  if (requests.length === 0 || lines.length === 0) return;
  const offered = new Sieve();
  let any = false;
  const offer = (key: number): void => {
    offered.add(key);
    any = true;
  };
  for (let row = 0; row < requests.length; row++) requests.keys(row, offer);
  if (!any) return;
  const wanted = new Sieve();
  const pairs = new Pairs(1024);
  const { among = null } = lines;
  const count = among === null ? lines.length : among.length;
  for (let i = 0; i < count; i++) {
    const row = among === null ? i : (among[i] ?? 0);
    const key = lines.key(row);
    if (key < 0 || !offered.has(key) || (!timeless && Number.isNaN(lines.at(row)))) continue;
    wanted.add(key);
    pairs.push(key, row + eventSide);
  }
  if (pairs.length === 0) return;
  for (let row = 0; row < requests.length; row++) {
    if (Number.isNaN(requests.at(row)) && !timeless) continue;
    requests.keys(row, (key) => {
      if (wanted.has(key)) pairs.push(key, row);
    });
  }
  pairs.sort();
  for (let from = 0; from < pairs.length;) {
    const key = pairs.key(from);
    let middle = from;
    while (middle < pairs.length && pairs.value(middle) < eventSide && pairs.key(middle) === key) middle++;
    let to = middle;
    while (to < pairs.length && pairs.key(to) === key) to++;
    if (middle > from && to > middle) matchRun(pairs, from, middle, to, matching);
    from = to;
  }
}

/** Gives a request that has its key alone one line of each group, as `giveNearest` would. */
function matchOne(request: number, pairs: Pairs, from: number, to: number, { requests, lines, widthOf, onPair }: Matching): void {
  const end = requests.at(request);
  const requestClass = requests.classOf(request);
  const rowAt = (i: number): number => pairs.value(i) - eventSide;
  for (let i = from; i < to; i++) {
    const group = lines.groupOf(rowAt(i));
    let isDone = false;
    let isAlone = true;
    let noTime = Number.isNaN(end);
    for (let k = from; k < to; k++) {
      if (k !== i && lines.groupOf(rowAt(k)) !== group) continue;
      if (k < i) isDone = true;
      if (k !== i) isAlone = false;
      noTime ||= Number.isNaN(lines.at(rowAt(k)));
    }
    const width = isDone ? null : widthOf(group, requestClass);
    if (width === null) continue;
    // The first of those that are close; else the first of all. Where a time is missing, which only an id makes up for, all are equally near.
    let best = -1;
    let bestIsClose = false;
    const stop = isAlone ? i + 1 : to;
    for (let k = i; k < stop; k++) {
      const row = rowAt(k);
      if (lines.groupOf(row) !== group) continue;
      const ahead = noTime ? 0 : lines.at(row) - end;
      if (-ahead > width.backMs || ahead > width.forwardMs) continue;
      const isClose = Math.abs(ahead) <= closeMs;
      if (best >= 0 && (isClose === bestIsClose ? !isBefore(row, best, lines) : bestIsClose)) continue;
      best = row;
      bestIsClose = isClose;
    }
    if (best >= 0) onPair(request, best);
  }
}

/** Whether a row comes before another in order of time; rows without a time come last. */
function isBefore(a: number, b: number, { at, tie }: Table): boolean {
  const [x, y] = [at(a), at(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return (Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || tie(a, b)) < 0;
  return (x - y || tie(a, b)) < 0;
}

function matchRun(pairs: Pairs, from: number, middle: number, to: number, matching: Matching): void {
  const { requests, lines, widthOf, onPair } = matching;
  if (middle === from + 1 && to <= middle + 16) {
    matchOne(pairs.value(from), pairs, middle, to, matching);
    return;
  }
  // Typed arrays throughout: a single page that everybody asks for may be all there is.
  const sizes = new Map<number, number>();
  for (let i = middle; i < to; i++) {
    const group = lines.groupOf(pairs.value(i) - eventSide);
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  const rows = ordered(take(pairs, from, middle), requests);
  const times = Float64Array.from(rows, requests.at);
  const classes = rows.map(requests.classOf);
  const missing = times.some((at) => Number.isNaN(at));
  const all = new Uint32Array(to - middle);
  const places = new Map<number, number>();
  let place = 0;
  for (const [group, size] of sizes) {
    places.set(group, place);
    place += size;
  }
  for (let i = middle; i < to; i++) {
    const row = pairs.value(i) - eventSide;
    const at = places.get(lines.groupOf(row)) ?? 0;
    all[at] = row;
    places.set(lines.groupOf(row), at + 1);
  }
  for (const [group, size] of sizes) {
    const end = places.get(group) ?? 0;
    const list = all.subarray(end - size, end);
    const own = ordered(list, lines);
    const at = Float64Array.from(own, lines.at);
    // Where a time is missing the id alone decides: then all are equally near.
    const noTime = missing || at.some((each) => Number.isNaN(each));
    giveNearest(
      { times: noTime ? new Float64Array(rows.length) : times, classes },
      noTime ? new Float64Array(size) : at,
      (requestClass) => widthOf(group, requestClass),
      (index, line) => onPair(rows[index] ?? 0, own[line] ?? 0),
    );
  }
}

function take(pairs: Pairs, from: number, to: number): Uint32Array {
  const rows = new Uint32Array(to - from);
  for (let i = from; i < to; i++) rows[i - from] = pairs.value(i);
  return rows;
}

interface Table {
  at(row: number): number;
  tie(a: number, b: number): number;
}

/** The rows by time; sorted in place where they are few. */
function ordered(rows: Uint32Array, { at, tie }: Table): Uint32Array {
  if (rows.length === 1) return rows;
  if (rows.length > 64) {
    const sorted = rowsByTime(
      (index) => at(rows[index] ?? 0),
      rows.length,
      (a, b) => tie(rows[a] ?? 0, rows[b] ?? 0),
    );
    return sorted.map((index) => rows[index] ?? 0);
  }
  return rows.sort((a, b) => {
    const [x, y] = [at(a), at(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || tie(a, b);
    return x - y || tie(a, b);
  });
}
