// Joins failing requests with the error lines about them, and the same request seen by two access logs. Strong keys come first, and a line
// that found its request is out of the game; a weak key never joins two logs that a stronger one can compare.
import type { JoinKeys, Tally } from '../records.ts';
import { addressOf, hostNameOf, triedAddresses, writerOf } from './addresses.ts';
import type { SiteNames } from './addresses.ts';
import type { Clocks } from './clocks.ts';
import { idWidth, joinLevels } from './levels.ts';
import type { JoinLevel } from './levels.ts';
import { matchAll } from './matching.ts';
import type { Width } from './nearest.ts';
import { seenTwice } from './seen-twice.ts';
import { relatedLines } from './related.ts';
import { mix } from './sorted-rows.ts';
import { sourcesOf, windowOf } from './sources.ts';

export interface Correlation {
  /** For each row of the error lines, the row of the failing request that it is about, or -1. */
  readonly failureOf: Int32Array;
  /** Index into `joinLevels`, for rows that were joined. */
  readonly levelOf: Uint8Array;
  /** For each failing request, one row that stands for all log lines of that request; null where every request is in one log only. */
  readonly sameAs: Uint32Array | null;
}

/** One class of failing requests: where they were logged, and how far from them their lines may lie. */
export interface RequestClass extends Width {
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
    const withRequest = name.startsWith('client+');
    const strong = byId || withRequest;
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
    if (!takesPart.includes(true)) continue;
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
        among: withRequest ? relatedLines(tally) : null,
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

/** Servers by number, so that they can be compared. */
export interface Addresses {
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
