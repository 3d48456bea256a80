// What the programs of the bench answered, in one form, so that a fast wrong answer is noticed.

/** Totals that a program found. Absent where its question does not tell. */
export interface Answer {
  readonly lines?: number;
  readonly failed?: number;
  /** Requests and failures by minute since 1970. */
  readonly minutes?: ReadonlyMap<number, readonly [number, number]>;
  /** Requests and failures by server; those of no server are left out. */
  readonly servers?: ReadonlyMap<string, readonly [number, number]>;
  /** Digest of all cells (minute, server, requests, failures), for programs that print them. */
  readonly cells?: string;
  /** Different combinations of minute, server, status, path and client network among failures. */
  readonly keys?: number;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Minute since 1970 of `22/Nov/2026:10:00` or `2026-11-22T10:00`, both UTC. */
function minuteOf(text: string): number {
  const named = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d)$/.exec(text);
  const iso = named
    ? `${named[3]}-${String(months.indexOf(named[2] ?? '') + 1).padStart(2, '0')}-${named[1]}T${named[4]}:${named[5]}`
    : text;
  return Date.parse(`${iso}:00Z`) / 60_000;
}

/**
 * Reads the common output of the T1 and T3 programs: `R minute server requests`, `F minute server failures`, `K keys`, separated by tabs.
 * Programs that only look at failures (T1) print no R.
 */
export function cellsAnswer(output: string): Answer {
  const cells = new Map<string, [number, number]>();
  let keys: number | undefined;
  let requestsSeen = false;
  for (const line of output.split('\n')) {
    const [kind = '', first = '', server = '', count = ''] = line.split('\t');
    if (kind === 'K') keys = Number(first);
    if (kind !== 'R' && kind !== 'F') continue;
    if (kind === 'R') requestsSeen = true;
    const key = `${minuteOf(first)}\t${server === '' ? '-' : server}`;
    const cell = cells.get(key) ?? [0, 0];
    cell[kind === 'R' ? 0 : 1] += Number(count);
    cells.set(key, cell);
  }
  const minutes = new Map<number, [number, number]>();
  const servers = new Map<string, [number, number]>();
  let lines = 0;
  let failed = 0;
  for (const [key, [requests, failures]] of cells) {
    const [minute = '', server = ''] = key.split('\t');
    const byMinute = minutes.get(Number(minute)) ?? [0, 0];
    minutes.set(Number(minute), [byMinute[0] + requests, byMinute[1] + failures]);
    const byServer = servers.get(server) ?? [0, 0];
    if (server !== '-') servers.set(server, [byServer[0] + requests, byServer[1] + failures]);
    lines += requests;
    failed += failures;
  }
  const digest = [...cells]
    .map(([key, counts]) => `${key}\t${requestsSeen ? counts[0] : ''}\t${counts[1]}`)
    .toSorted()
    .join('\n');
  return { failed, minutes, servers, ...(requestsSeen && { lines, cells: digest }), ...(keys !== undefined && { keys }) };
}

interface Report {
  readonly logs?: {
    readonly requests: number | null;
    readonly failed: number;
    readonly timeline: {
      readonly start: string | null;
      readonly stepSeconds: number;
      readonly requests: readonly number[];
      readonly failed: readonly number[];
    };
    readonly byBackend: { readonly rows: readonly { readonly key: string; readonly requests: number | null; readonly failed: number }[] };
  };
}

/** Reads our own report. The timeline is compared at its own step, see `disagreements`. Throws where it is not a log report. */
export function ourAnswer(output: string): Answer & { readonly stepMinutes: number } {
  const { logs } = JSON.parse(output) as Report;
  if (logs === undefined) throw new Error('the report has no logs');
  const { timeline } = logs;
  const start = Date.parse(timeline.start ?? '') / 60_000;
  const step = timeline.stepSeconds / 60;
  return {
    ...(logs.requests !== null && { lines: logs.requests }),
    failed: logs.failed,
    minutes: new Map(timeline.requests.map((requests, index) => [start + index * step, [requests, timeline.failed[index] ?? 0]])),
    servers: new Map(logs.byBackend.rows.map(({ key, requests, failed }) => [key, [requests ?? Number.NaN, failed]])),
    stepMinutes: step,
  };
}

type Rows<Key> = ReadonlyMap<Key, readonly [number, number]>;

/** Rows of `keys` that differ, at most three of them in words. `failuresOnly` leaves the requests out. */
function differing<Key>(what: string, keys: Iterable<Key>, a: Rows<Key>, b: Rows<Key>, failuresOnly: boolean): string[] {
  const wrong: string[] = [];
  for (const key of keys) {
    const [one, other] = [a.get(key) ?? [0, 0], b.get(key) ?? [0, 0]];
    if ((!failuresOnly && one[0] !== other[0]) || one[1] !== other[1])
      wrong.push(`${what} ${String(key)}: ${one.join('/')} and ${other.join('/')}`);
  }
  return wrong.length > 3 ? [...wrong.slice(0, 3), `${what}: ${wrong.length} rows differ in all`] : wrong;
}

/** Where `answer` differs from `truth`, which holds everything; empty when all that it tells agrees. */
export function disagreements(answer: Answer & { readonly stepMinutes?: number }, truth: Answer): string[] {
  const wrong: string[] = [];
  if (answer.lines !== undefined && answer.lines !== truth.lines) wrong.push(`lines ${answer.lines} and ${truth.lines}`);
  if (answer.failed !== undefined && answer.failed !== truth.failed) wrong.push(`failed ${answer.failed} and ${truth.failed}`);
  if (answer.cells !== undefined && truth.cells !== undefined && answer.cells !== truth.cells)
    wrong.push('cells by minute and server differ');
  if (answer.keys !== undefined && truth.keys !== undefined && answer.keys !== truth.keys)
    wrong.push(`keys ${answer.keys} and ${truth.keys}`);
  const failuresOnly = answer.lines === undefined;
  if (answer.servers && truth.servers) {
    // How a line without a server is named is everybody's own affair; the totals cover it.
    const named = [...truth.servers.keys()].filter((key) => !key.endsWith('<NOSRV>'));
    wrong.push(...differing('server', named, answer.servers, truth.servers, failuresOnly));
  }
  const step = answer.stepMinutes ?? 1;
  if (answer.minutes && truth.minutes && step >= 1) {
    const start = [...answer.minutes.keys()][0] ?? 0;
    const stepped = new Map<number, [number, number]>();
    for (const [minute, [requests, failed]] of truth.minutes) {
      const at = start + Math.floor((minute - start) / step) * step;
      const before = stepped.get(at) ?? [0, 0];
      stepped.set(at, [before[0] + requests, before[1] + failed]);
    }
    wrong.push(...differing('minute', new Set([...answer.minutes.keys(), ...stepped.keys()]), answer.minutes, stepped, failuresOnly));
  }
  return wrong;
}
