// Grows a tally from a few fields, so that a test says only what matters to it.
import { addressOf } from '../addresses.ts';
import type { EventGroup, FailureGroup, InputTally, JoinKeys, Sample, Tally } from '../../records.ts';

/** A failing request, or an error line. Hashes are made of the texts; equal texts have equal hashes. */
interface Row {
  readonly at: number | null;
  readonly client?: string;
  readonly request?: string;
  readonly requestId?: string;
  readonly line?: number;
}
export interface FailingRow extends Row {
  readonly group: Partial<FailureGroup>;
}
export interface EventRow extends Row {
  readonly group: Partial<EventGroup>;
}

export function hash(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  let h = 0x811c9dc5;
  for (const character of text) h = Math.imul(h ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return h >>> 0 || 1;
}

export function input(name: string, over: Partial<InputTally> = {}): InputTally {
  const kind = over.kind ?? (name.includes('access') ? 'access' : 'error');
  return {
    name,
    format: kind === 'access' ? 'nginx-access' : 'nginx-error',
    dialect: null,
    product: 'nginx',
    kind,
    compression: 'none',
    storedBytes: 1000,
    bytes: 1000,
    lines: 10,
    parsed: 10,
    furniture: 0,
    unparsed: 0,
    otherFormats: {},
    cut: 0,
    first: null,
    last: null,
    zoned: kind === 'access',
    backwards: 0,
    unknown: [],
    problems: [],
    ...over,
  };
}

/** The tally of these rows: rows with equal group fields share one group, whose counts, times and minutes are theirs. */
export function tallyOf(
  inputs: readonly InputTally[],
  failing: readonly FailingRow[],
  events: readonly EventRow[],
  over: Partial<Tally> = {},
): Tally {
  const failures = grouped(failing, (group): FailureGroup => ({ ...emptyFailure, ...group }));
  const lines = grouped(events, (group): EventGroup => ({ ...emptyEvent, ...group, upstream: group.upstream ?? null }));
  const byMinute = new Map<string, { input: number; minute: number; backend: string; requests: number; failed: number }>();
  for (const [index, row] of failing.entries()) {
    const group = failures.groups[failures.keys.group[index] ?? 0];
    if (group === undefined || row.at === null) continue;
    const minute = Math.floor(row.at / 60_000);
    const backend = addressOf(group.backend) ?? '';
    const key = `${group.input} ${minute} ${backend}`;
    const cell = byMinute.get(key) ?? { input: group.input, minute, backend, requests: 0, failed: 0 };
    cell.requests += 2;
    cell.failed++;
    byMinute.set(key, cell);
  }
  const times = inputs.map((each, index) => {
    const own = [...failures.groups, ...lines.groups].filter((group) => group.input === index);
    const first = own.flatMap((group) => group.first ?? []);
    const last = own.flatMap((group) => group.last ?? []);
    return {
      ...each,
      first: each.first ?? (first.length > 0 ? Math.min(...first) : null),
      last: each.last ?? (last.length > 0 ? Math.max(...last) : null),
    };
  });
  const byStatus = new Map<string, number>();
  for (const each of failures.groups)
    byStatus.set(String(each.status ?? '-'), (byStatus.get(String(each.status ?? '-')) ?? 0) + each.count);
  const none = { rows: [], dropped: 0 };
  return {
    inputs: times,
    cells: [...byMinute.values()],
    byStatus: { rows: [...byStatus].map(([key, count]) => ({ key, count })), dropped: 0 },
    byPath: none,
    byClientNetwork: none,
    byHost: none,
    failures: failures.groups,
    events: lines.groups,
    failureKeys: failures.keys,
    eventKeys: lines.keys,
    minuteStep: 1,
    dropped: { failures: 0, events: 0 },
    ...over,
  };
}

const emptyFailure: FailureGroup = {
  input: 0,
  format: 'nginx-access',
  product: 'nginx',
  status: 502,
  backend: null,
  answeredBy: null,
  reason: null,
  tries: '',
  timing: 'none',
  count: 0,
  first: null,
  last: null,
  durationMs: null,
  connectMs: null,
  headerMs: null,
  minutes: new Map(),
  samples: [],
};
const emptyEvent: EventGroup = {
  input: 1,
  format: 'nginx-error',
  product: 'nginx',
  level: 'error',
  signature: null,
  template: 'something failed',
  fields: {},
  upstream: null,
  host: null,
  count: 0,
  first: null,
  last: null,
  minutes: new Map(),
  samples: [],
};

type Group = FailureGroup | EventGroup;
function grouped<G extends Group>(
  rows: readonly (Row & { group: Partial<G> })[],
  make: (group: Partial<G>) => G,
): { groups: G[]; keys: JoinKeys } {
  const groups: G[] = [];
  const places = new Map<string, number>();
  const at = Float64Array.from(rows, (row) => row.at ?? Number.NaN);
  const group = Uint32Array.from(rows, (row) => {
    const key = JSON.stringify(row.group);
    const place = places.get(key) ?? groups.push(make(row.group)) - 1;
    places.set(key, place);
    return place;
  });
  const line = Float64Array.from(rows, (row, index) => row.line ?? index + 1);
  const full = groups.map((each, place): G => {
    const own = [...rows.keys()].filter((index) => group[index] === place);
    const times = own.flatMap((index) => rows[index]?.at ?? []);
    const minutes = new Map<number, number>();
    for (const time of times) minutes.set(Math.floor(time / 60_000), (minutes.get(Math.floor(time / 60_000)) ?? 0) + 1);
    const samples = own.slice(0, 3).map((index): Sample => ({
      input: each.input,
      line: line[index] ?? 0,
      at: rows[index]?.at ?? null,
      text: `line ${line[index] ?? 0}: ${rows[index]?.request ?? ''}`,
    }));
    return {
      ...each,
      count: each.count > 0 ? each.count : own.length,
      first: times.length > 0 ? Math.min(...times) : null,
      last: times.length > 0 ? Math.max(...times) : null,
      minutes,
      samples: each.samples.length > 0 ? each.samples : samples,
    };
  });
  return {
    groups: full,
    keys: {
      length: rows.length,
      group,
      at,
      client: Uint32Array.from(rows, (row) => hash(row.client)),
      request: Uint32Array.from(rows, (row) => hash(row.request)),
      requestId: Uint32Array.from(rows, (row) => hash(row.requestId)),
      line,
      dropped: 0,
    },
  };
}
