// The join against one that compares everything with everything, and the cases that a join gets wrong: repetition, several tries, two logs
// of one request, wrong clocks.
import { describe, expect, it } from 'vitest';

import type { Tally } from '../records.ts';
import { addressOf, triedAddresses } from './addresses.ts';
import { findClocks } from './clocks.ts';
import { correlate } from './correlate.ts';
import { joinLevels } from './levels.ts';
import { windowOf } from './sources.ts';
import { input, tallyOf } from './testing/tallies.ts';
import type { EventRow, FailingRow } from './testing/tallies.ts';

const start = Date.UTC(2026, 10, 23, 14, 0, 0);
const utc = { minutesEast: 0, from: 'system' } as const;

/** Small and fast random numbers, the same every time. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Which failing request each line belongs to, said naively. */
function naive(tally: Tally, shifts: Float64Array): readonly number[] {
  const { failureKeys: f, eventKeys: e } = tally;
  const failures = [...f.group.keys()].map((row) => {
    const group = tally.failures[f.group[row] ?? 0];
    if (group === undefined) throw new Error('no group');
    const { endMs, backMs, forwardMs } = windowOf(group);
    const tried = triedAddresses(group.tries);
    const backend = addressOf(group.backend);
    const at = (f.at[row] ?? 0) + endMs + (shifts[group.input] ?? 0);
    return {
      row,
      group,
      at,
      backMs,
      forwardMs,
      client: f.client[row],
      request: f.request[row],
      id: f.requestId[row],
      line: f.line[row] ?? 0,
      addresses: tried.length > 0 ? tried : backend === null ? [] : [backend],
    };
  });
  const known = new Set(failures.flatMap((each) => each.addresses));
  const events = [...e.group.keys()].map((row) => {
    const group = tally.events[e.group[row] ?? 0];
    if (group === undefined) throw new Error('no group');
    const address = addressOf(group.upstream);
    return {
      row,
      group,
      at: (e.at[row] ?? 0) + (shifts[group.input] ?? 0),
      client: e.client[row],
      request: e.request[row],
      id: e.requestId[row],
      line: e.line[row] ?? 0,
      address: address !== null && known.has(address) ? address : null,
    };
  });
  type F = (typeof failures)[number];
  type E = (typeof events)[number];
  const name = (at: number): string => tally.inputs[at]?.name ?? '';
  const order = (a: F | E, b: F | E): number =>
    a.at - b.at || (name(a.group.input) < name(b.group.input) ? -1 : name(a.group.input) > name(b.group.input) ? 1 : 0) || a.line - b.line;
  failures.sort(order);
  events.sort(order);
  const result = Array.from({ length: e.length }, () => -1);
  const comparable = new Set<string>();
  // A request has one line of a group for each key that the two share.
  const takenBy = (level: string, event: E, failure: F): string => {
    const client = level.startsWith('client') ? event.client : '';
    const request = level === 'client' ? event.request === 0 : level === 'request-id' ? event.id : event.request;
    return `${tally.events.indexOf(event.group)}:${failure.row}:${client}:${request}`;
  };
  const isKin = (level: string, event: E, failure: F): boolean => {
    if (level === 'request-id') return event.id !== 0 && event.id === failure.id;
    if (level === 'client')
      return (
        event.client !== 0 &&
        event.client === failure.client &&
        (event.request === 0 || failure.request === 0) &&
        (event.address === null || failure.addresses.includes(event.address))
      );
    if (event.request === 0 || event.request !== failure.request) return false;
    if (level.startsWith('client+')) {
      if (event.client === 0 || event.client !== failure.client) return false;
    }
    return level.endsWith('+upstream') ? event.address !== null && failure.addresses.includes(event.address) : event.address === null;
  };
  for (const level of joinLevels) {
    const strong = level === 'request-id' || level.startsWith('client+');
    const joined: [E, F][] = [];
    const taken = new Set<string>();
    const open = events.filter((event) => result[event.row] === -1);
    for (const within of [500, Infinity])
      for (const event of open) {
        if (result[event.row] !== -1) continue;
        let best: F | null = null;
        for (const failure of failures) {
          const ahead = event.at - failure.at;
          const [back, forward] = level === 'request-id' ? [3_600_000, 3_600_000] : [failure.backMs, failure.forwardMs];
          if (!isKin(level, event, failure) || -ahead > back || ahead > forward || Math.abs(ahead) > within) continue;
          if (!strong && comparable.has(`${event.group.input}:${failure.group.input}`)) continue;
          if (taken.has(takenBy(level, event, failure))) continue;
          if (best === null || Math.abs(ahead) < Math.abs(event.at - best.at)) best = failure;
        }
        if (best === null) continue;
        result[event.row] = best.row;
        taken.add(takenBy(level, event, best));
        joined.push([event, best]);
      }
    if (strong)
      for (const [event, failure] of joined)
        if (event.client !== 0 && event.client === failure.client) comparable.add(`${event.group.input}:${failure.group.input}`);
  }
  return result;
}

function randomTally(seed: number, size: number): Tally {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const addresses = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'];
  const row = (): Pick<FailingRow, 'at' | 'client' | 'request' | 'requestId'> => ({
    at: start + random(120) * 1000 + (random(3) === 0 ? random(1000) : 0),
    client: pick(['', '198.51.100.1', '198.51.100.2', '198.51.100.3']),
    request: pick(['', 'GET /a', 'GET /b', 'POST /c']),
    requestId: random(5) === 0 ? `r${random(40)}` : '',
  });
  const failing = Array.from({ length: size }, (): FailingRow => {
    const address = pick(addresses);
    const timed = random(2) === 0;
    return {
      ...row(),
      group: {
        input: random(2),
        status: pick([502, 504]),
        product: pick(['nginx', 'haproxy'] as const),
        ...pick([{ tries: `502@${address}`, backend: address }, { tries: `502@${address} 504@10.0.0.9:80`, backend: '10.0.0.9:80' }, {}]),
        ...(timed ? { durationMs: { min: 0, median: 1000, max: 4000 } } : {}),
      },
    };
  });
  const events = Array.from({ length: size }, (): EventRow => ({
    ...row(),
    group: {
      input: 2 + random(2),
      signature: pick(['a', 'b']),
      upstream: pick(['http://10.0.0.1:80/x', 'http://10.0.0.2:80/', 'fastcgi://unix:/run/php.sock:', null]),
    },
  }));
  return tallyOf(
    [input('access-a'), input('access-b'), input('error-a', { zoned: true }), input('error-b', { zoned: true })],
    failing,
    events,
  );
}

/** The same rows in another order. */
function shuffled(
  tally: Tally,
  seed: number,
): { readonly tally: Tally; readonly failing: readonly number[]; readonly events: readonly number[] } {
  const random = randomOf(seed);
  const permute = (keys: Tally['failureKeys']): { keys: Tally['failureKeys']; order: readonly number[] } => {
    const order = [...keys.group.keys()];
    for (let i = order.length - 1; i > 0; i--) {
      const j = random(i + 1);
      [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
    }
    const numbers = (column: Uint32Array): Uint32Array => Uint32Array.from(order, (row) => column[row] ?? 0);
    const floats = (column: Float64Array): Float64Array => Float64Array.from(order, (row) => column[row] ?? 0);
    return {
      order,
      keys: {
        ...keys,
        group: numbers(keys.group),
        client: numbers(keys.client),
        request: numbers(keys.request),
        requestId: numbers(keys.requestId),
        at: floats(keys.at),
        line: floats(keys.line),
      },
    };
  };
  const [f, e] = [permute(tally.failureKeys), permute(tally.eventKeys)];
  return { tally: { ...tally, failureKeys: f.keys, eventKeys: e.keys }, failing: f.order, events: e.order };
}

describe('the join', () => {
  it.for([
    [1, 12],
    [2, 12],
    [3, 40],
    [4, 40],
    [5, 200],
    [6, 200],
    [7, 900],
    [8, 1400],
  ] as const)('is that of comparing everything with everything (seed %i, %i rows)', ([seed, size]) => {
    const tally = randomTally(seed, size);
    const clocks = { ...findClocks(tally, utc), shiftMs: new Float64Array(4) };
    const { failureOf } = correlate(tally, clocks, null);
    expect(failureOf.some((each) => each >= 0)).toBe(true);
    expect([...failureOf]).toEqual(naive(tally, clocks.shiftMs));
  });

  it('does not depend on the order of rows', () => {
    const tally = randomTally(11, 400);
    const clocks = { ...findClocks(tally, utc), shiftMs: new Float64Array(4) };
    const straight = correlate(tally, clocks, null).failureOf;
    const other = shuffled(tally, 5);
    const crooked = correlate(other.tally, clocks, null).failureOf;
    const back = Array.from({ length: tally.eventKeys.length }, () => -2);
    crooked.forEach((failure, at) => {
      back[other.events[at] ?? 0] = failure < 0 ? -1 : (other.failing[failure] ?? -2);
    });
    expect(back).toEqual([...straight]);
    expect(findClocks(other.tally, utc)).toEqual(findClocks(tally, utc));
  });

  const client = '198.51.100.7';
  const request = 'GET /poll';

  it('gives a poll of every second its own lines, and a lost request’s line to nobody', () => {
    const seconds = Array.from({ length: 600 }, (_, i) => i);
    // The request of second 300 was saved by another server: it has an error line and did not fail.
    const failing = seconds.filter((i) => i !== 300).map((i): FailingRow => ({ at: start + i * 1000, client, request, group: {} }));
    const events = seconds.map((i): EventRow => ({ at: start + i * 1000, client, request, group: { signature: 'connect-refused' } }));
    const tally = tallyOf([input('access.log'), input('error.log', { zoned: true })], failing, events);
    const { failureOf } = correlate(tally, findClocks(tally, utc), null);
    expect(failureOf[300]).toBe(-1);
    expect([...failureOf].filter((each) => each >= 0)).toHaveLength(599);
    failureOf.forEach((row, i) => {
      if (row >= 0) expect(failing[row]?.at).toBe(start + i * 1000);
    });
  });

  it('gives one request the lines of all its tries, each line once', () => {
    const tries = '502@10.0.0.1:80 502@10.0.0.2:80';
    const failing = [0, 1].map((i): FailingRow => ({ at: start + i * 1000, client, request, group: { tries, backend: '10.0.0.2:80' } }));
    const events = [0, 1].flatMap((i) =>
      ['http://10.0.0.1:80/poll', 'http://10.0.0.2:80/poll'].map((upstream): EventRow => ({
        at: start + i * 1000,
        client,
        request,
        group: { signature: 'connect-refused', upstream },
      })),
    );
    const tally = tallyOf([input('access.log'), input('error.log', { zoned: true })], failing, events);
    expect([...correlate(tally, findClocks(tally, utc), null).failureOf]).toEqual([0, 0, 1, 1]);
  });

  it('does not join a line of a saved try with another client’s failure of the same page', () => {
    const mine = { client, request };
    const failing: FailingRow[] = [
      { at: start, ...mine, group: {} },
      { at: start + 5000, client: '203.0.113.9', request, group: {} },
    ];
    const events: EventRow[] = [
      { at: start, ...mine, group: { signature: 'x' } },
      { at: start + 5000, client: '203.0.113.200', request, group: { signature: 'x' } },
    ];
    const tally = tallyOf([input('access.log'), input('error.log', { zoned: true })], failing, events);
    expect([...correlate(tally, findClocks(tally, utc), null).failureOf]).toEqual([0, -1]);
  });

  it('does join across hops, where the backend sees the balancer as its client, and knows one request in two access logs', () => {
    const failing: FailingRow[] = [
      { at: start, client, request, group: { input: 0, backend: '10.0.0.11:80', answeredBy: 'upstream' } },
      { at: start, client: '100.64.0.1', request, group: { input: 1, backend: 'unix:/run/php.sock', answeredBy: 'self' } },
    ];
    const events: EventRow[] = [
      { at: start, client: '100.64.0.1', request, group: { input: 2, signature: 'x', upstream: 'fastcgi://unix:/run/php.sock:' } },
    ];
    const inputs = [input('lb/access.log'), input('web-1/access.log'), input('web-1/error.log', { zoned: true })];
    const both = tallyOf(inputs, failing, events);
    const joined = correlate(both, findClocks(both, utc), null);
    expect([...joined.failureOf]).toEqual([1]);
    expect([...(joined.sameAs ?? [])]).toEqual([0, 0]);
    const outer = tallyOf(inputs, failing.slice(0, 1), events);
    const across = correlate(outer, findClocks(outer, utc), null);
    expect([...across.failureOf]).toEqual([0]);
    expect(joinLevels[across.levelOf[0] ?? 0]).toBe('request');
  });

  it('keeps two backends side by side apart', () => {
    const failing = [0, 1].map((at): FailingRow => ({
      at: start,
      client: '100.64.0.1',
      request,
      group: { input: at, backend: 'unix:/run/php.sock' },
    }));
    const tally = tallyOf([input('web-1/access.log'), input('web-2/access.log')], failing, []);
    expect(correlate(tally, findClocks(tally, utc), null).sameAs).toBeNull();
  });

  it('finds a line at the end of a long request by its duration, also where the access log has the time of the start', () => {
    const durationMs = { min: 60_000, median: 60_000, max: 60_000 };
    const failing: FailingRow[] = [{ at: start, client, request, group: { product: 'haproxy', durationMs, backend: 'app/web-1' } }];
    const events: EventRow[] = [{ at: start + 60_000, client, request, group: { signature: 'x' } }];
    const tally = tallyOf([input('access.log'), input('error.log', { zoned: true })], failing, events);
    expect([...correlate(tally, findClocks(tally, utc), null).failureOf]).toEqual([0]);
  });
});

describe('clocks', () => {
  const pairs = (count: number, offsetMs: number, zoned: boolean): Tally =>
    tallyOf(
      [input('access.log'), input('error.log', { zoned })],
      Array.from({ length: count }, (_, i): FailingRow => ({
        at: start + i * 7000,
        client: `198.51.100.${i % 200}`,
        request: `GET /${i}`,
        group: {},
      })),
      Array.from({ length: count }, (_, i): EventRow => ({
        at: start + i * 7000 + offsetMs,
        client: `198.51.100.${i % 200}`,
        request: `GET /${i}`,
        group: { signature: 'x' },
      })),
    );

  it.for([
    ['a zone', 20, 8 * 3_600_000, false, { offsetMs: 8 * 3_600_000, pairs: 20, kind: 'zone' }],
    ['a zone of half an hour, from one request', 1, 5.5 * 3_600_000, false, { offsetMs: 5.5 * 3_600_000, pairs: 1, kind: 'zone' }],
    ['a zone and a wrong clock', 20, 8 * 3_600_000 + 37_000, false, { offsetMs: 8 * 3_600_000 + 37_000, pairs: 20, kind: 'zone' }],
    ['a wrong clock', 20, -42_000, true, { offsetMs: -42_000, pairs: 20, kind: 'clock' }],
    ['clocks that agree', 20, 900, true, { offsetMs: 0, pairs: 20, kind: 'none' }],
  ] as const)('finds %s and joins after it', ([, count, offsetMs, zoned, skew]) => {
    const tally = pairs(count, offsetMs, zoned);
    const clocks = findClocks(tally, { minutesEast: -300, from: 'system' });
    expect(clocks.skews).toEqual([{ input: 'error.log', against: 'access.log', ...skew }]);
    const { failureOf } = correlate(tally, clocks, null);
    expect([...failureOf]).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  it('does not believe in a wrong clock from a few requests', () => {
    const clocks = findClocks(pairs(3, -42_000, true), utc);
    expect(clocks.skews).toEqual([]);
    expect([...clocks.shiftMs]).toEqual([0, 0]);
  });

  it('does not take a page polled every second for a measure of clocks', () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({ at: start + i * 1000, client: 'a', request: 'GET /' }));
    const tally = tallyOf(
      [input('access.log'), input('error.log', { zoned: true })],
      rows.map((row) => ({ ...row, group: {} })),
      rows.slice(100).map((row) => ({ ...row, group: { signature: 'x' } })),
    );
    expect(findClocks(tally, utc).skews).toEqual([]);
  });

  it('takes the zone of other logs of the run, of --tz, of the minutes, of the system, in this order', () => {
    const base = pairs(20, 8 * 3_600_000, false);
    const fpm: EventRow = { at: start + 8 * 3_600_000, group: { input: 2, product: 'php-fpm', signature: 'fpm-max-children' } };
    const events = [
      ...Array.from({ length: 20 }, (_, i): EventRow => ({
        at: start + i * 7000 + 8 * 3_600_000,
        client: `198.51.100.${i}`,
        request: `GET /${i}`,
        group: { signature: 'x' },
      })),
      fpm,
    ];
    const failing = Array.from({ length: 20 }, (_, i): FailingRow => ({
      at: start + i * 7000,
      client: `198.51.100.${i}`,
      request: `GET /${i}`,
      group: {},
    }));
    const inputs = [...base.inputs, input('php-fpm.log', { product: 'php-fpm', format: 'php-fpm' })];
    const zone = (tally: Tally, from: '--tz' | 'system'): unknown => findClocks(tally, { minutesEast: 60, from }).zones.at(-1);
    expect(zone(tallyOf(inputs, failing, events), '--tz')).toEqual({ by: 'other-logs', minutesEast: 480, pairs: 20 });
    const alone = (rows: readonly EventRow[]): Tally =>
      tallyOf(
        [input('access.log'), input('php-fpm.log')],
        failing.map((each, i) => ({ ...each, at: start + ([0, 7, 8, 31, 90][i % 5] ?? 0) * 60_000 })),
        rows.map((each) => ({ ...each, group: { ...each.group, input: 1 } })),
      );
    expect(zone(alone([fpm]), '--tz')).toEqual({ by: '--tz', minutesEast: 60, pairs: 0 });
    expect(zone(alone([fpm]), 'system')).toEqual({ by: 'system', minutesEast: 60, pairs: 0 });
    const minutes = [0, 7, 8, 31, 90].map((minute): EventRow => ({ ...fpm, at: start + minute * 60_000 - 7 * 3_600_000 }));
    expect(zone(alone(minutes), 'system')).toEqual({ by: 'minutes', minutesEast: -420, pairs: 5 });
  });
});
