// Joins failing requests with the error lines about them, and the same request seen by two access logs. Strong keys come first, and a line
// that found its request is out of the game; a weak key never joins two logs that a stronger one can compare.
import type { JoinKeys, Tally } from '../records.ts';
import { addressOf, hostNameOf, triedAddresses, writerOf } from './addresses.ts';
import type { SiteNames } from './addresses.ts';
import type { Clocks } from './clocks.ts';
import { giveNearest } from './nearest.ts';
import type { Width } from './nearest.ts';
import { Pairs, Sieve, mix, rowsByTime } from './sorted-rows.ts';
import { slackMs, sourcesOf, windowOf } from './sources.ts';

/** What a line and a request were joined by, strongest first. */
export const joinLevels = ['request-id', 'client+request+upstream', 'client+request', 'request+upstream', 'request', 'client'] as const;
export type JoinLevel = (typeof joinLevels)[number];

export interface Correlation {
  /** For each row of the error lines, the row of the failing request that it is about, or -1. */
  readonly failureOf: Int32Array;
  /** Index into `joinLevels`, for rows that were joined. */
  readonly levelOf: Uint8Array;
  /** For each failing request, one row that stands for all log lines of that request; null where every request is in one log only. */
  readonly sameAs: Uint32Array | null;
}

/** Ids are unique, but clocks may be wrong by more than we could tell. */
const idWidth: Width = { backMs: 3_600_000, forwardMs: 3_600_000 };
const eventSide = 0x80000000;

/** One class of failing requests: where they were logged, and how far from them their lines may lie. */
interface RequestClass extends Width {
  readonly source: number;
  readonly writer: string | null;
  readonly backend: string | null;
}

/** Pure and deterministic; the order of rows in the tables does not matter. */
export function correlate(tally: Tally, clocks: Clocks, site: SiteNames | null): Correlation {
  const { failureKeys: failing, eventKeys: events } = tally;
  const source = sourcesOf(tally);
  const ends = tally.failures.map((each) => windowOf(each).endMs + (clocks.shiftMs[each.input] ?? 0));
  const shifts = tally.events.map((each) => clocks.shiftMs[each.input] ?? 0);
  const endOf = (row: number): number => (failing.at[row] ?? Number.NaN) + (ends[failing.group[row] ?? 0] ?? 0);
  const timeOf = (row: number): number => (events.at[row] ?? Number.NaN) + (shifts[events.group[row] ?? 0] ?? 0);
  const byName = new Map(
    tally.inputs
      .map((each, index) => [each, index] as const)
      .toSorted(([a], [b]) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      .map(([, index], rank) => [index, rank]),
  );
  const failureTie = tieOf(failing, (group) => byName.get(tally.failures[group]?.input ?? 0) ?? 0);
  const eventTie = tieOf(events, (group) => byName.get(tally.events[group]?.input ?? 0) ?? 0);

  const addresses = addressesOf(tally);
  const { classes, classOf } = classesOf(tally, source, site);
  const writers = tally.events.map((each) => writerOf(tally.inputs[each.input]?.name ?? '', site));
  const backendHosts = new Set(classes.map((each) => each.backend).filter((each) => each !== null));
  const comparable = new Set<string>();

  const failureOf = new Int32Array(events.length).fill(-1);
  const levelOf = new Uint8Array(events.length);
  for (const [level, name] of joinLevels.entries()) {
    const byId = name === 'request-id';
    const strong = byId || name.startsWith('client+');
    const keys = keysOf(name, failing, events, addresses);
    const widths = new Map<number, Map<number, Width | null>>();
    const widthOf = (group: number, requestClass: number): Width | null => {
      const known = widths.get(group) ?? new Map<number, Width | null>();
      widths.set(group, known);
      const before = known.get(requestClass);
      if (before !== undefined) return before;
      const each = classes[requestClass];
      const writer = writers[group] ?? null;
      const from = source[tally.events[group]?.input ?? 0] ?? 0;
      // The log of one backend says nothing about requests that another backend served.
      const elsewhere =
        each !== undefined &&
        writer !== null &&
        each.backend !== null &&
        writer !== each.backend &&
        writer !== each.writer &&
        backendHosts.has(writer);
      const width = each === undefined || elsewhere || (!strong && comparable.has(`${from}:${each.source}`)) ? null : byId ? idWidth : each;
      known.set(requestClass, width);
      return width;
    };
    // A group of lines that may belong to no class of requests at this level is not even looked at.
    const takesPart = tally.events.map((_, group) => classes.some((_class, each) => widthOf(group, each) !== null));
    matchAll({
      requests: {
        length: failing.length,
        at: endOf,
        classOf: (row) => classOf[failing.group[row] ?? 0] ?? 0,
        keys: keys.requests,
        tie: failureTie,
      },
      lines: {
        length: events.length,
        at: timeOf,
        groupOf: (row) => events.group[row] ?? 0,
        key: (row) => ((failureOf[row] ?? -1) >= 0 || takesPart[events.group[row] ?? 0] !== true ? -1 : keys.line(row)),
        tie: eventTie,
      },
      timeless: byId,
      widthOf,
      onPair: (request, line) => {
        failureOf[line] = request;
        levelOf[line] = level;
      },
    });
    if (name === 'client+request')
      for (let row = 0; row < events.length; row++) {
        const request = failureOf[row] ?? -1;
        if (request >= 0 && (events.client[row] ?? 0) !== 0 && events.client[row] === failing.client[request])
          comparable.add(
            `${source[tally.events[events.group[row] ?? 0]?.input ?? 0] ?? 0}:${source[tally.failures[failing.group[request] ?? 0]?.input ?? 0] ?? 0}`,
          );
      }
  }
  return { failureOf, levelOf, sameAs: seenTwice(tally, source, addresses, { endOf, tie: failureTie, classes, classOf }) };
}

/** Rows of equal time are ordered by the input's name, then by their line. */
function tieOf(keys: JoinKeys, inputRank: (group: number) => number): (a: number, b: number) => number {
  return (a, b) => {
    const [x, y] = [keys.group[a] ?? 0, keys.group[b] ?? 0];
    return (x === y ? 0 : inputRank(x) - inputRank(y)) || (keys.line[a] ?? 0) - (keys.line[b] ?? 0);
  };
}

interface Addresses {
  /** Numbers of the addresses that each failure group names, from 1. */
  readonly ofFailure: readonly (readonly number[])[];
  /** Number of the event group's upstream where some failing request names it too; 0 for another one or none. */
  readonly ofEvent: readonly number[];
}

function addressesOf(tally: Tally): Addresses {
  const lists = tally.failures.map((each) => {
    const tried = triedAddresses(each.tries);
    const backend = addressOf(each.backend);
    return tried.length > 0 ? tried : backend === null ? [] : [backend];
  });
  const numbers = new Map([...new Set(lists.flat())].toSorted().map((address, index) => [address, index + 1]));
  return {
    ofFailure: lists.map((list) => list.map((address) => numbers.get(address) ?? 0)),
    ofEvent: tally.events.map((each) => numbers.get(addressOf(each.upstream) ?? '') ?? 0),
  };
}

function classesOf(
  tally: Tally,
  source: Uint32Array,
  site: SiteNames | null,
): { classes: readonly RequestClass[]; classOf: readonly number[] } {
  const classes: RequestClass[] = [];
  const known = new Map<string, number>();
  const classOf = tally.failures.map((failure) => {
    const { backMs, forwardMs } = windowOf(failure);
    const address = addressOf(failure.backend);
    const each: RequestClass = {
      source: source[failure.input] ?? 0,
      backMs,
      forwardMs,
      writer: writerOf(tally.inputs[failure.input]?.name ?? '', site),
      backend: site === null || address === null || failure.tries.includes(' ') ? null : hostNameOf(address, site),
    };
    const key = JSON.stringify(Object.values(each));
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, classes.length);
    return classes.push(each) - 1;
  });
  return { classes, classOf };
}

interface Keys {
  requests(row: number, use: (key: number) => void): void;
  /** -1 where the row has none. */
  line(row: number): number;
}

/** How rows of either table get their keys at one level; none where the line does not say what the level needs. */
function keysOf(level: JoinLevel, failing: JoinKeys, events: JoinKeys, addresses: Addresses): Keys {
  const number = joinLevels.indexOf(level);
  const tried = (row: number): readonly number[] => addresses.ofFailure[failing.group[row] ?? 0] ?? [];
  const upstream = (row: number): number => addresses.ofEvent[events.group[row] ?? 0] ?? 0;
  const has = (column: Uint32Array, row: number): boolean => (column[row] ?? 0) !== 0;
  const get = (column: Uint32Array, row: number): number => column[row] ?? 0;
  if (level === 'request-id')
    return {
      requests: (row, use) => {
        if (has(failing.requestId, row)) use(get(failing.requestId, row));
      },
      line: (row) => (has(events.requestId, row) ? get(events.requestId, row) : -1),
    };
  if (level === 'client') {
    // One of the two does not name its request: a TCP line, a line about a connection.
    const key = (client: number, address: number, silent: boolean): number => mix(client, address, silent ? 101 : 102);
    return {
      requests: (row, use) => {
        if (!has(failing.client, row)) return;
        for (const silent of has(failing.request, row) ? [true] : [true, false])
          for (const address of [0, ...tried(row)]) use(key(get(failing.client, row), address, silent));
      },
      line: (row) => (has(events.client, row) ? key(get(events.client, row), upstream(row), !has(events.request, row)) : -1),
    };
  }
  const withClient = level.startsWith('client+');
  const withUpstream = level.endsWith('+upstream');
  const may = (keys: JoinKeys, row: number): boolean => has(keys.request, row) && (!withClient || has(keys.client, row));
  const key = (keys: JoinKeys, row: number, address: number): number =>
    mix(withClient ? get(keys.client, row) : 0, get(keys.request, row), address * 8 + number);
  return {
    requests: (row, use) => {
      if (!may(failing, row)) return;
      if (!withUpstream) use(key(failing, row, 0));
      else for (const address of tried(row)) use(key(failing, row, address));
    },
    // A line that names an upstream which failing requests name too belongs to one of those.
    line: (row) => (may(events, row) && (upstream(row) !== 0) === withUpstream ? key(events, row, upstream(row)) : -1),
  };
}

interface Matching {
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
function matchAll(matching: Matching): void {
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

interface Requests {
  endOf(row: number): number;
  tie(a: number, b: number): number;
  readonly classes: readonly RequestClass[];
  readonly classOf: readonly number[];
}

const mostSources = 12;

/**
 * Finds requests that two access logs tell of, one behind the other: the outer log names servers elsewhere, and the two have no server in
 * common (two balancers in front of the same servers stand side by side and share no request).
 */
function seenTwice(
  tally: Tally,
  source: Uint32Array,
  addresses: Addresses,
  { endOf, tie, classes, classOf }: Requests,
): Uint32Array | null {
  const { failureKeys: failing } = tally;
  const sources = [...new Set(classes.map((each) => each.source))];
  if (sources.length < 2 || sources.length > mostSources) return null;
  const servers = new Map<number, { all: Set<number>; remote: boolean }>();
  tally.failures.forEach((failure, group) => {
    const from = source[failure.input] ?? 0;
    const known = servers.get(from) ?? { all: new Set<number>(), remote: false };
    servers.set(from, known);
    for (const each of addresses.ofFailure[group] ?? []) known.all.add(each);
    const named = [...triedAddresses(failure.tries), addressOf(failure.backend)];
    known.remote ||= named.some((each) => each !== null && !/^(?:unix:|127\.|localhost|\[::1\])/.test(each));
  });
  const sourceOf = (row: number): number => source[tally.failures[failing.group[row] ?? 0]?.input ?? 0] ?? 0;
  const root = Uint32Array.from({ length: failing.length }, (_, row) => row);
  const rootOf = (row: number): number => {
    let at = row;
    while (root[at] !== at) {
      root[at] = root[root[at] ?? 0] ?? 0;
      at = root[at] ?? 0;
    }
    return at;
  };
  let found = false;
  for (const outer of sources)
    for (const inner of sources) {
      const [a, b] = [servers.get(outer), servers.get(inner)];
      if (outer === inner || a === undefined || b === undefined || !a.remote || [...b.all].some((each) => a.all.has(each))) continue;
      if (b.remote && inner < outer) continue;
      const done = new Uint8Array(failing.length);
      for (const level of ['request-id', 'client+request', 'request'] as const) {
        const number = joinLevels.indexOf(level);
        const key = (row: number): number => {
          const id = failing.requestId[row] ?? 0;
          const client = failing.client[row] ?? 0;
          const request = failing.request[row] ?? 0;
          if (level === 'request-id') return id === 0 ? -1 : id;
          return request === 0 || (level === 'client+request' && client === 0)
            ? -1
            : mix(level === 'request' ? 0 : client, request, number);
        };
        matchAll({
          requests: {
            length: failing.length,
            tie,
            at: endOf,
            classOf: (row) => classOf[failing.group[row] ?? 0] ?? 0,
            keys: (row, use) => {
              const own = sourceOf(row) === outer && done[row] === 0 ? key(row) : -1;
              if (own >= 0) use(own);
            },
          },
          lines: {
            length: failing.length,
            tie,
            at: endOf,
            groupOf: () => 0,
            key: (row) => (sourceOf(row) === inner && done[row] === 0 ? key(row) : -1),
          },
          timeless: level === 'request-id',
          widthOf: () => (level === 'request-id' ? idWidth : { backMs: slackMs, forwardMs: slackMs }),
          onPair: (request, line) => {
            done[request] = 1;
            done[line] = 1;
            found = true;
            const [x, y] = [rootOf(request), rootOf(line)];
            root[Math.max(x, y)] = Math.min(x, y);
          },
        });
      }
    }
  if (!found) return null;
  for (let row = 0; row < root.length; row++) root[row] = rootOf(row);
  return root;
}
