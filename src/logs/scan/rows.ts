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
  if (rows.length === rows.rank.length) resize(rows, Math.min(most, rows.length * 2));
  const i = rows.length++;
  rows.rank[i] = rank;
  rows.group[i] = group;
  rows.at[i] = at ?? Number.NaN;
  rows.line[i] = line;
  rows.client[i] = client;
  rows.request[i] = request;
  rows.requestId[i] = requestId;
}

/** The rank that `limit` of the rows lie below: found by counting, because sorting them all takes longer than reading did. */
function rankAt(rows: Rows): number {
  // Ranks are even over their 53 bits. The bucket that holds the one looked for is sorted alone.
  const counts = new Uint32Array(65_536);
  for (let i = 0; i < rows.length; i++) {
    const bucket = bucketOf(rows.rank[i] ?? 0);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  let before = 0;
  let bucket = 0;
  while (before + (counts[bucket] ?? 0) <= rows.limit) before += counts[bucket++] ?? 0;
  const inside: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const rank = rows.rank[i] ?? 0;
    if (bucketOf(rank) === bucket) inside.push(rank);
  }
  return inside.sort((a, b) => a - b)[rows.limit - before] ?? rows.ceiling;
}
const bucketOf = (rank: number): number => Math.floor(rank / 2 ** 37);

/** Keeps the `limit` rows with the smallest ranks. */
function choose(rows: Rows): void {
  if (rows.length > rows.limit) rows.ceiling = Math.min(rows.ceiling, rankAt(rows));
  keep(rows, (i) => (rows.rank[i] ?? 0) < rows.ceiling);
}

/** Keeps some rows, in their order. */
function keep(rows: Rows, wants: (row: number) => boolean): void {
  const { rank, group, at, line, client, request, requestId } = rows;
  let kept = 0;
  for (let i = 0; i < rows.length; i++) {
    if (!wants(i)) continue;
    if (kept !== i) {
      rank[kept] = rank[i] ?? 0;
      group[kept] = group[i] ?? 0;
      at[kept] = at[i] ?? 0;
      line[kept] = line[i] ?? 0;
      client[kept] = client[i] ?? 0;
      request[kept] = request[i] ?? 0;
      requestId[kept] = requestId[i] ?? 0;
    }
    kept++;
  }
  rows.length = kept;
}

/** Adds another thread's rows; their groups and lines are renamed. */
export function mergeRows(into: Rows, from: Rows, groupOf: (group: number) => number, lineOf: (line: number) => number): void {
  const total = into.total + from.total;
  into.ceiling = Math.min(into.ceiling, from.ceiling);
  choose(into);
  for (let i = 0; i < from.length; i++) {
    const group = from.group[i] ?? -1;
    addRow(
      into,
      from.rank[i] ?? 0,
      group < 0 ? -1 : groupOf(group),
      from.at[i] ?? Number.NaN,
      lineOf(from.line[i] ?? 0),
      from.client[i] ?? 0,
      from.request[i] ?? 0,
      from.requestId[i] ?? 0,
    );
  }
  into.total = total;
}

/** The kept rows whose group `groupOf` knows (0 and up). */
export function finishRows(rows: Rows, groupOf: (group: number) => number) {
  choose(rows);
  for (let i = 0; i < rows.length; i++) {
    const old = rows.group[i] ?? -1;
    rows.group[i] = old < 0 ? -1 : groupOf(old);
  }
  keep(rows, (i) => (rows.group[i] ?? -1) >= 0);
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
