// The columns for the join: one row per failing request or error record, an even sample of them where there are too many.

/** Rows of one kind while they are collected. Plain data, so that it travels between threads. */
export interface Rows {
  readonly limit: number;
  length: number;
  /** How many were offered. */
  total: number;
  /** Rows of this rank and above are not kept. */
  ceiling: number;
  rank: Float64Array;
  group: Int32Array;
  at: Float64Array;
  line: Float64Array;
  client: Uint32Array;
  request: Uint32Array;
  requestId: Uint32Array;
}

/** Empty columns. */
export function openRows(limit: number): Rows {
  return { limit, length: 0, total: 0, ceiling: Number.POSITIVE_INFINITY, ...columns(64) };
}

type Columns = Pick<Rows, 'rank' | 'group' | 'at' | 'line' | 'client' | 'request' | 'requestId'>;

function columns(size: number): Columns {
  return {
    rank: new Float64Array(size),
    group: new Int32Array(size),
    at: new Float64Array(size),
    line: new Float64Array(size),
    client: new Uint32Array(size),
    request: new Uint32Array(size),
    requestId: new Uint32Array(size),
  };
}

function resize(rows: Rows, size: number): void {
  const next = columns(size);
  for (const name of names) next[name].set(rows[name].subarray(0, rows.length));
  Object.assign(rows, next);
}
const few = 4096;
const names = ['rank', 'group', 'at', 'line', 'client', 'request', 'requestId'] as const;

/** Offers a row. `group` below 0 is a row whose group is not kept: it counts among the offered and takes part in the choice. */
export function addRow(
  rows: Rows,
  rank: number,
  group: number,
  at: number | null,
  line: number,
  client: number,
  request: number,
  requestId: number,
): void {
  rows.total++;
  if (rank >= rows.ceiling) return;
  const most = rows.limit + (rows.limit >> 2) + 8;
  if (rows.length >= most) choose(rows);
  if (rank >= rows.ceiling) return;
  // Pages that nobody has written to cost nothing, while columns that grow bit by bit leave their old copies behind in the process.
  if (rows.length === rows.rank.length) resize(rows, rows.length < few ? Math.min(few, most) : most);
  const i = rows.length++;
  rows.rank[i] = rank;
  rows.group[i] = group;
  rows.at[i] = at ?? Number.NaN;
  rows.line[i] = line;
  rows.client[i] = client;
  rows.request[i] = request;
  rows.requestId[i] = requestId;
}

/** Of these ranks, the one with exactly `limit` smaller ones; the ceiling where there are no more of them. */
function rankAbove(lists: readonly Float64Array[], limit: number, ceiling: number): number {
  let total = 0;
  for (const list of lists) total += list.length;
  if (total <= limit) return ceiling;
  // Ranks are spread evenly, so few of them lie beside the one that is looked for.
  const scale = (buckets - 1) / Math.min(ceiling, 2 ** 53);
  const counts = new Uint32Array(buckets);
  const bucketOf = (rank: number): number => Math.min(buckets - 1, Math.floor(rank * scale));
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const bucket = bucketOf(list[i] ?? 0);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
  }
  let smaller = 0;
  let bucket = 0;
  while (smaller + (counts[bucket] ?? 0) <= limit) smaller += counts[bucket++] ?? 0;
  const near: number[] = [];
  for (const list of lists) for (let i = 0; i < list.length; i++) if (bucketOf(list[i] ?? 0) === bucket) near.push(list[i] ?? 0);
  return Math.min(ceiling, Float64Array.from(near).sort()[limit - smaller] ?? ceiling);
}
const buckets = 1 << 14;

/** Keeps the rows that `isKept` names, in their order. */
function keepOnly(rows: Rows, isKept: (row: number) => boolean): void {
  const { length } = rows;
  let first = 0;
  while (first < length && isKept(first)) first++;
  if (first === length) return;
  const kept = new Uint32Array(length - first);
  let count = 0;
  for (let i = first; i < length; i++) if (isKept(i)) kept[count++] = i;
  const some = kept.subarray(0, count);
  for (const name of ['rank', 'at', 'line'] as const) gatherWide(rows[name], first, some);
  for (const name of ['client', 'request', 'requestId'] as const) gather(rows[name], first, some);
  gather(new Uint32Array(rows.group.buffer, rows.group.byteOffset, length), first, some);
  rows.length = first + count;
}

// One loop for each kind of column: a loop that meets several kinds is many times slower.
function gatherWide(column: Float64Array, first: number, rows: Uint32Array): void {
  for (let i = 0; i < rows.length; i++) column[first + i] = column[rows[i] ?? 0] ?? 0;
}
function gather(column: Uint32Array, first: number, rows: Uint32Array): void {
  for (let i = 0; i < rows.length; i++) column[first + i] = column[rows[i] ?? 0] ?? 0;
}

/** Keeps the `limit` rows with the smallest ranks. */
function choose(rows: Rows): void {
  rows.ceiling = rankAbove([rows.rank.subarray(0, rows.length)], rows.limit, rows.ceiling);
  const { rank, ceiling } = rows;
  keepOnly(rows, (i) => (rank[i] ?? 0) < ceiling);
}

/** Adds another thread's rows; their groups and lines are renamed. The other rows are used up. */
export function mergeRows(into: Rows, from: Rows, groupOf: (group: number) => number, lineOf: (line: number) => number): void {
  const total = into.total + from.total;
  into.ceiling = Math.min(into.ceiling, from.ceiling);
  const ranks = [into.rank.subarray(0, into.length), from.rank.subarray(0, from.length)];
  into.ceiling = rankAbove(ranks, into.limit, into.ceiling);
  choose(into);
  from.ceiling = into.ceiling;
  choose(from);
  for (let i = 0; i < from.length; i++) {
    const group = from.group[i] ?? -1;
    if (group >= 0) from.group[i] = groupOf(group);
    from.line[i] = lineOf(from.line[i] ?? 0);
  }
  const { length } = into;
  if (length === 0) {
    const { rank, group, at, line, client, request, requestId } = from;
    Object.assign(into, { rank, group, at, line, client, request, requestId });
  } else {
    if (length + from.length > into.rank.length) resize(into, length + from.length);
    for (const name of names) into[name].set(from[name].subarray(0, from.length), length);
  }
  into.length = length + from.length;
  into.total = total;
}

/** The kept rows whose group `groupOf` knows (0 and up). */
export function finishRows(rows: Rows, groupOf: (group: number) => number) {
  choose(rows);
  for (let i = 0; i < rows.length; i++) {
    const old = rows.group[i] ?? -1;
    rows.group[i] = old < 0 ? -1 : groupOf(old);
  }
  const { group } = rows;
  keepOnly(rows, (i) => (group[i] ?? -1) >= 0);
  const kept = rows.length;
  return {
    length: kept,
    group: new Uint32Array(rows.group.buffer as ArrayBuffer, 0, kept),
    at: rows.at.subarray(0, kept),
    client: rows.client.subarray(0, kept),
    request: rows.request.subarray(0, kept),
    requestId: rows.requestId.subarray(0, kept),
    line: rows.line.subarray(0, kept),
    dropped: rows.total - kept,
  };
}
