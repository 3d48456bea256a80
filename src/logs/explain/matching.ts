// Brings rows of equal keys together: sieves out those without a partner, sorts the rest, and pairs them by time.
import { giveNearest } from './nearest.ts';
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
  for (let row = 0; row < lines.length; row++) {
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

function matchRun(pairs: Pairs, from: number, middle: number, to: number, matching: Matching): void {
  const { requests, lines, widthOf, onPair } = matching;
  if (middle === from + 1 && to === middle + 1) {
    const request = pairs.value(from);
    const line = pairs.value(middle) - eventSide;
    const width = widthOf(lines.groupOf(line), requests.classOf(request));
    const ahead = lines.at(line) - requests.at(request);
    // Where a time is missing, which only an id makes up for, it contradicts nothing.
    if (width !== null && !(-ahead > width.backMs || ahead > width.forwardMs)) onPair(request, line);
    return;
  }
  const groups = new Map<number, number[]>();
  for (let i = middle; i < to; i++) {
    const row = pairs.value(i) - eventSide;
    const known = groups.get(lines.groupOf(row));
    if (known === undefined) groups.set(lines.groupOf(row), [row]);
    else known.push(row);
  }
  const rows = ordered(
    Array.from({ length: middle - from }, (_, i) => pairs.value(from + i)),
    (row) => requests.at(row),
    requests.tie,
  );
  const times = Float64Array.from(rows, (row) => requests.at(row));
  const classes = Uint32Array.from(rows, (row) => requests.classOf(row));
  const missing = times.some((at) => Number.isNaN(at));
  for (const [group, list] of groups) {
    const own = ordered(list, (row) => lines.at(row), lines.tie);
    // Where a time is missing the id alone decides: then all are equally near.
    const noTime = missing || own.some((row) => Number.isNaN(lines.at(row)));
    giveNearest(
      { times: noTime ? new Float64Array(rows.length) : times, classes },
      own.map((row) => (noTime ? 0 : lines.at(row))),
      (requestClass) => widthOf(group, requestClass),
      (index, line) => onPair(rows[index] ?? 0, own[line] ?? 0),
    );
  }
}

function ordered(rows: readonly number[], at: (row: number) => number, tie: (a: number, b: number) => number): readonly number[] {
  if (rows.length === 1) return rows;
  if (rows.length > 64) {
    const sorted = rowsByTime(
      (index) => at(rows[index] ?? 0),
      rows.length,
      (a, b) => tie(rows[a] ?? 0, rows[b] ?? 0),
    );
    return Array.from(sorted, (index) => rows[index] ?? 0);
  }
  return rows.toSorted((a, b) => {
    const [x, y] = [at(a), at(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || tie(a, b);
    return x - y || tie(a, b);
  });
}
