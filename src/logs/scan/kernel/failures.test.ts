// Failing lines that no parser reads: what is counted of them is what the parser would have counted, and usual ones do take that way.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { detectFormat } from '../../formats/index.ts';
import type { FormatHints, LogFormat, Tally } from '../../records.ts';
import { scanLogs } from '../index.ts';
import { fileOf } from '../testing/inputs.ts';
import { scanNaively } from '../testing/reference.ts';

const combined = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';
const layouts = {
  tail: `${combined} $request_time $upstream_addr $upstream_status $upstream_response_time`,
  full: '$remote_addr [$time_iso8601] "$request" $status $request_time "$upstream_addr" $upstream_status $upstream_connect_time $upstream_header_time $upstream_response_time $upstream_bytes_received $host $request_id',
  parts:
    '$msec $status $remote_addr $request_method $request_uri $request_time $upstream_addr $upstream_connect_time $upstream_response_length "$http_host"',
  sizes: `${combined} $upstream_addr $upstream_status $upstream_response_length $request_time`,
  bare: combined,
} as const;

/** A line of a layout with these values; what is not among them is a dash. */
const lineOf = (layout: string, values: Readonly<Record<string, string>>): string =>
  layout.replaceAll(/\$(\w+)/g, (_, name: string) => values[name] ?? '-');

/** Mostly the first, or else what is seldom seen. */
const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, weight = 30): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd });
const server = fc.constantFrom('10.1.0.1:80', '10.1.0.2:80', 'unix:/run/php.sock', '[2001:db8::2]:80', 'pool');
const times = mostly(
  fc.constantFrom('0.003', '0.045', '0.050', '60.001', '-', '0.0485'),
  fc.constantFrom('0.0004', '1', '1.', '.5', '12345678901234', '0.0495'),
);
const list = (value: fc.Arbitrary<string>, count: number): fc.Arbitrary<string> =>
  fc.array(value, { minLength: count, maxLength: count }).map((each) => (count === 0 ? '-' : each.join(', ')));
const tries = fc
  .oneof({ weight: 6, arbitrary: fc.constant(1) }, { weight: 2, arbitrary: fc.constant(2) }, { weight: 1, arbitrary: fc.constant(0) })
  .chain((count) =>
    fc.record({
      upstream_addr: mostly(list(server, count), fc.constantFrom('10.1.0.1:80 : 10.1.0.2:80', 'a,b', 'a, ', 'é:80', ''), 8),
      upstream_status: mostly(list(fc.constantFrom('502', '504', '500', '-'), count), fc.constantFrom('502', '502 : 504', '502,'), 4),
      upstream_connect_time: mostly(list(times, count), times),
      upstream_header_time: mostly(list(times, count), times),
      upstream_response_time: list(times, count),
      upstream_bytes_received: list(fc.constantFrom('0', '-', '157', '12'), count),
      upstream_response_length: list(fc.constantFrom('0', '-', '157'), count),
    }),
  );
const values = fc
  .record({
    remote_addr: mostly(
      fc.constantFrom('10.0.0.1', '10.0.1.2', '2001:db8::1'),
      fc.constantFrom('010.0.0.1', '0.0.7.1', '1.2.3', '::ffff:10.0.0.9', '-', 'unix:', '1.2.3.4.5', 'ü'),
    ),
    second: fc.integer({ min: 0, max: 59 }),
    minute: fc.integer({ min: 0, max: 5 }),
    method: mostly(fc.constantFrom('GET', 'POST', 'M-SEARCH'), fc.constantFrom('get', 'GE', 'ABCDEFGHIJKLMNOPQR', '-')),
    target: mostly(fc.constantFrom('/', '/a?b=c', '/p/17', '/a/b/c?'), fc.constantFrom('-', '/ü', '?x', `/${'l'.repeat(600)}`)),
    protocol: mostly(fc.constant(' HTTP/1.1'), fc.constantFrom('', ' HTTP/1.0" x')),
    status: mostly(fc.constantFrom('502', '504', '500'), fc.constantFrom('200', '600', '5x0', '499', '599')),
    host: mostly(fc.constantFrom('shop.example', 'b.example', '-'), fc.constantFrom('ü.example', 'h'.repeat(300))),
    request_id: mostly(fc.constantFrom('0af1', '-', 'f0a1b2c3d4e5f60718293a4b5c6d7e8f'), fc.constant('é')),
    request_time: times,
    tries,
    user: mostly(fc.constant('curl/8'), fc.constantFrom('a "b"', '\\', '')),
  })
  .map(({ tries: own, second, minute, method, target, protocol, user, host, ...rest }) => {
    const two = (value: number): string => String(value).padStart(2, '0');
    return {
      ...rest,
      ...own,
      host,
      http_host: host,
      time_local: `23/Nov/2026:21:${two(minute)}:${two(second)} +0000`,
      time_iso8601: `2026-11-23T21:${two(minute)}:${two(second)}+00:00`,
      msec: `${(firstMinute + minute) * 60 + second}.123`,
      request: `${method} ${target}${protocol}`,
      request_method: method,
      request_uri: target,
      body_bytes_sent: '157',
      http_user_agent: user,
    };
  });
type Values = Readonly<Record<string, string>>;

const upstreamOf = (of: Values): Values => Object.fromEntries(Object.entries(of).filter(([name]) => name.startsWith('upstream_')));

/** Lines that share what groups are made of: only from its second line on does a group go the fast way. */
const logs: fc.Arbitrary<Values[]> = fc
  .tuple(
    fc.array(values, { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(values, fc.nat(99), fc.nat(3)), { minLength: 20, maxLength: 80 }),
  )
  .map(([heads, all]) =>
    all.map(([each, how, pick]): Values => {
      const head: Values = heads[pick % heads.length] ?? each;
      if (how < 15) return each;
      const shared =
        how < 60 ? upstreamOf(head) : { upstream_addr: head['upstream_addr'] ?? '', upstream_status: head['upstream_status'] ?? '' };
      return { ...each, ...shared, status: head['status'] ?? '' };
    }),
  );

/** Everything of a tally that failing requests make; rows of the join in order of their lines. */
function failuresOf({ failures, failureKeys: keys, ...rest }: Tally): unknown {
  const rows = Array.from({ length: keys.length }, (_, i) => [
    keys.line[i],
    keys.group[i],
    keys.at[i],
    keys.client[i],
    keys.request[i],
    keys.requestId[i],
  ]).sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  return { ...rest, failures, rows, dropped: [rest.dropped, keys.dropped] };
}

const firstMinute = Date.UTC(2026, 10, 23, 21) / 60_000;
const middle = { from: firstMinute + 1, until: firstMinute + 4 };

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'failures-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The fast way, the plain one, and the naive scan say the same of these lines. */
async function holdToParser(name: string, hints: FormatHints, usual: string, logsOf: fc.Arbitrary<string[]>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(logsOf, fc.boolean(), fc.boolean(), async (all, isSmall, isPart) => {
      const input = fileOf(path.join(folder, `${name}.log`), Buffer.from(`${[usual, usual, ...all, usual].join('\n')}\n`), 'x');
      const few = isSmall ? { groups: 3, rows: 10, keys: 5, minutes: 3, backends: 2 } : {};
      const limits = { ...few, window: isPart ? { zoned: middle, local: middle } : undefined };
      const fast = await scanLogs([input], { hints, workers: 0, limits });
      expect(failuresOf(fast)).toEqual(failuresOf(await scanLogs([input], { hints, workers: 0, limits, isPlain: true })));
      if (!isSmall) expect(failuresOf(fast)).toEqual(failuresOf(await scanNaively([input], { hints, limits })));
    }),
    { numRuns: 150 },
  );
}

/** Counts how often the parser is asked. */
async function leavesNone(hints: FormatHints, usual: string): Promise<void> {
  const format = detectFormat([usual], hints);
  if (format?.access == null) throw new Error('no format');
  let parsed = 0;
  const { access } = format;
  const counting: LogFormat = {
    ...format,
    access: (line) => {
      parsed++;
      return access(line);
    },
  };
  const input = fileOf(path.join(folder, 'usual.log'), Buffer.from(`${usual}\n`.repeat(5000)), 'usual.log');
  const tally = await scanLogs([input], { hints, workers: 0, format: counting });
  expect(tally.failures.map(({ count }) => count)).toEqual([5000]);
  // The head is read to know the format, to make a plan, and to see whether it is true.
  expect(parsed).toBeLessThan(2500);
}

describe.for(Object.keys(layouts) as (keyof typeof layouts)[])('%s', (name) => {
  const layout = layouts[name];
  const hints: FormatHints = { nginxFormats: [{ name, format: layout }], year: 2026 };
  const usual = lineOf(layout, {
    remote_addr: '10.0.0.1',
    time_local: '23/Nov/2026:21:00:00 +0000',
    time_iso8601: '2026-11-23T21:00:00+00:00',
    msec: `${firstMinute * 60}.123`,
    request: 'GET /a?b HTTP/1.1',
    request_method: 'GET',
    request_uri: '/a?b',
    status: '502',
    body_bytes_sent: '157',
    http_user_agent: 'curl/8',
    request_time: '0.003',
    upstream_addr: '10.1.0.1:80, 10.1.0.2:80',
    upstream_status: '502, 502',
    upstream_connect_time: '-, -',
    upstream_header_time: '-, -',
    upstream_response_time: '0.001, 0.002',
    upstream_bytes_received: '0, 0',
    upstream_response_length: '0, 0',
    host: 'shop.example',
    http_host: 'shop.example',
    request_id: '0af1',
  });

  it('counts what the parser counts', () =>
    holdToParser(
      name,
      hints,
      usual,
      logs.map((all) => all.map((each) => lineOf(layout, each))),
    ));

  it('leaves no usual failing line to the parser but the first ones', () => leavesNone(hints, usual));
});

describe('haproxy', () => {
  const hints: FormatHints = { nginxFormats: [], year: 2026 };
  const usual =
    'Nov 23 21:00:00 lb-1 haproxy[42]: 10.0.0.1:4711 [23/Nov/2026:21:00:00.123] www~ app/web-1 0/0/-1/-1/3002 503 217 - - SC-- 1/1/0/0/3 0/0 "GET /a?b HTTP/1.1"';
  const timer = fc.constantFrom('0', '1', '49', '50', '3000', '-1', '+7', '+-1');
  const lines = fc
    .record({
      client: fc.constantFrom('10.0.0.1', '10.0.1.2', '0.0.7.1', '2001:db8::1', '::ffff:10.0.0.9', 'unix', 'ü'),
      minute: fc.integer({ min: 0, max: 5 }),
      day: fc.constantFrom('23', '23', '23', '24'),
      front: fc.constantFrom('www~', 'www', 'app'),
      server: fc.constantFrom('app/web-1', 'app/web-2', 'app/<NOSRV>', 'www/<NOSRV>', 'app/é'),
      timers: fc.array(timer, { minLength: 5, maxLength: 5 }),
      status: fc.constantFrom('500', '502', '503', '503', '504', '200', '-1'),
      state: fc.constantFrom('SC--', 'sH--', 'SH--', 'PH--', '----', 'sQ--', 'PC', 'CDNN'),
      retries: fc.constantFrom('0', '3', '+1'),
      rest: fc.constantFrom(
        '"GET /a?b HTTP/1.1"',
        '"POST /p/17 HTTP/2.0"',
        '"GET https://shop.example/x HTTP/2.0"',
        '{shop.example|} {gzip} "GET /c"',
        '{say "GET /d e"} "PUT /e HTTP/1.1"',
        '{say "no"} "PUT /e HTTP/1.1"',
        '"<BADREQ>"',
        '"GET * HTTP/1.1"',
        '"get / HTTP/1.1"',
        '"GET /\u0001 HTTP/1.1"',
        '"GET /a\tb HTTP/1.1"',
        '"GET /ü HTTP/1.1"',
        '"GET /"',
        '"GET /half',
        `"GET /${'l'.repeat(600)} HTTP/1.1"`,
        '',
      ),
    })
    .map(
      ({ client, minute, day, front, server, timers, status, state, retries, rest }) =>
        `Nov ${day} 21:0${minute}:00 lb-1 haproxy[42]: ${client}:4711 [${day}/Nov/2026:21:0${minute}:00.123] ${front} ${server} ${timers.join('/')} ${status} 217 - - ${state} 1/1/0/0/${retries} 0/0 ${rest}`,
    );

  it('counts what the parser counts', () => holdToParser('haproxy', hints, usual, fc.array(lines, { minLength: 1, maxLength: 60 })));

  it('leaves no usual failing line to the parser but the first ones', () => leavesNone(hints, usual));
});
