// The kernel alone: what it counts is what the parser says, wherever a line lies in memory, and it counts the lines it was made for.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileKernel } from '../../../../scripts/build-kernel.ts';
import type { FormatHints, LogFormat } from '../../records.ts';
import { dialectsOf } from '../dialects.ts';
import { defaultLimits, openClock } from '../state.ts';
import { openTally } from '../tally.ts';
import { openEngine } from './wasm.ts';

const hints: FormatHints = { nginxFormats: [], year: 2026 };
const engine = openEngine(1 << 16);

interface Counted {
  /** Requests by minute and backend. */
  readonly cells: Readonly<Record<string, number>>;
  /** Lines that the kernel left to the parser. */
  readonly left: readonly string[];
  readonly lines: number;
  /** Lines that the plan's code left to the interpreter. */
  readonly interpreted: number;
}

const cellOf = (at: number, backend: string | null): string => `${Math.floor(at / 60_000)} ${backend ?? ''}`;

/** Runs the kernel over bytes that begin `offset` bytes into the block; what lies behind them is the worst that could. */
function countWith(format: LogFormat, sample: readonly string[], bytes: Buffer, offset: number, behind: string): Counted {
  const kernel = engine.planFor(format, sample);
  if (kernel === null) throw new Error('no plan');
  const builder = openTally([{ name: 'x', compression: 'none', storedBytes: 0, format, kind: 'access' }], defaultLimits);
  const { workspace } = engine;
  const start = workspace.blockAt + offset;
  const end = start + bytes.length;
  workspace.bytes.set(bytes, start);
  workspace.bytes.fill(behind, end, end + 256, 'latin1');
  kernel.begin(builder, 0, openClock());
  const before = kernel.interpretedLines();
  const left: string[] = [];
  let lines = 0;
  let at = start;
  for (;;) {
    const reason = kernel.run(at, end);
    lines += kernel.sureLines();
    if (reason === 0) break;
    const text = workspace.bytes.toString('utf8', kernel.lineStart(), kernel.lineEnd()).replace(/\r$/, '');
    left.push(text);
    lines++;
    if (reason > 1) kernel.learn(reason, text);
    at = kernel.lineEnd() + 1;
  }
  expect(kernel.lineStart()).toBe(start + bytes.lastIndexOf(10) + 1);
  kernel.end();
  const cells: Record<string, number> = {};
  for (const { minute, backend, requests } of builder.finish().cells) cells[`${minute} ${backend}`] = requests;
  return { cells, left, lines, interpreted: kernel.interpretedLines() - before };
}

/** The same by the parser, for the lines that the kernel did not leave. */
function countLines(format: LogFormat, lines: readonly string[], left: readonly string[]): Readonly<Record<string, number>> {
  const rest = [...left];
  const cells: Record<string, number> = {};
  for (const line of lines) {
    const at = rest.indexOf(line);
    if (at >= 0) {
      rest.splice(at, 1);
      continue;
    }
    const record = format.access?.(line) ?? null;
    if (record?.at == null || record.status === null || record.status >= 500) throw new Error(`counted: ${line}`);
    const cell = cellOf(record.at, record.backend);
    cells[cell] = (cells[cell] ?? 0) + 1;
  }
  expect(rest).toEqual([]);
  return cells;
}

const gap = fc.integer({ min: 0, max: 140 }).map((length) => 'y'.repeat(length));
const inside = fc
  .tuple(gap, fc.constantFrom('', '\\', '\\"', '\\\\', '\\\\\\"', '"', '" ', '" 200 1 "', 'ü', '\t', '\u007f', ' ', ', '), gap)
  .map((parts) => parts.join(''));
const backend = fc.oneof(
  fc.constantFrom('-', '', '10.0.0.1:80', '10.0.0.2:80', 'unix:/run/a,b', '[2001:db8::1]:80', '10.0.0.1:80, 10.0.0.2:80', 'a : b', 'é:80'),
  fc.integer({ min: 10, max: 110 }).map((length) => 'b'.repeat(length)),
);
const number = fc.oneof(
  fc.constantFrom('0.004', '-', '', '12', '1.', '.', '00', '1e5', '-1', '-0.5'),
  fc.integer({ min: 8, max: 24 }).map((length) => '1'.repeat(length)),
);
const time = fc.constantFrom('21:12:50', '21:12:51', '21:13:00', '21:12:60', '21:1\n:50', '2x:12:50');

const families = {
  text: {
    sample: '10.0.0.1 - - [23/Nov/2026:21:12:50 +0000] "GET / HTTP/1.1" 200 157 "-" "curl/8" 0.004 10.0.0.1:80 200 0.004',
    line: fc
      .tuple(fc.oneof(gap, fc.constant('10.0.0.1')), time, inside, fc.constantFrom('200', '404', '502'), number, inside, backend, number)
      .map(
        ([client, t, request, status, size, agent, server, took]) =>
          `${client} - - [23/Nov/2026:${t} +0000] "GET /${request} HTTP/1.1" ${status} ${size} "-" "${agent}" 0.004 ${server} 200 ${took}`,
      ),
  },
  haproxy: {
    sample: '10.0.0.1:4711 [23/Nov/2026:21:12:50.123] www app/web-1 0/0/1/5/6 200 157 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"',
    line: fc
      .tuple(
        fc.constantFrom('10.0.0.1:4711', '::1:1', 'a:0', 'ffff:1234:5678:9abc:def0:1234:5678:9abc:65535', 'unix:1', ':5', '10.0.0.1:'),
        time,
        fc.constantFrom('www', 'www~', 'app', 'app~'),
        fc.constantFrom('app/web-1', 'app/web-2', 'app/<NOSRV>', 'www/<NOSRV>', 'app/', '/web', `app/${'w'.repeat(90)}`),
        fc.constantFrom(
          '0/0/1/5/6',
          '-1/-1/-1/-1/0',
          '0/0/0/-1/+7',
          '0/0/1/5',
          '0//1/5/6',
          '0/0/1-/5/6',
          '0/0/1/--5/6',
          '123456/123456/123456/1234567/12345678',
          '0/0/1/5/6/',
        ),
        fc.constantFrom('200', '404', '502', '-1', '<BADREQ>'),
        fc.constantFrom('1/1/0/0/0', '1/1/0/0/+1', '1/1/0/0', '12345/12345/12345/12345/1', '/1/1/0/0', '1/1/0//0'),
        inside,
      )
      .map(
        ([client, t, front, server, timers, status, counts, request]) =>
          `${client} [23/Nov/2026:${t}.123] ${front} ${server} ${timers} ${status} 157 - - ---- ${counts} 0/0 "GET /${request} HTTP/1.1"`,
      ),
  },
  json: {
    sample:
      '{"time":"2026-11-23T21:12:50+00:00","request":"GET / HTTP/1.1","status":200,"request_time":0.004,"http_user_agent":"curl","upstream_addr":"","upstream_status":""}',
    line: fc
      .tuple(
        time,
        inside,
        fc.constantFrom('200', '404', '502'),
        number,
        inside,
        backend,
        fc.constantFrom('', '-', '200', '502, 200', '502 : 200'),
      )
      .map(
        ([t, request, status, took, agent, server, statuses]) =>
          `{"time":"2026-11-23T${t}+00:00","request":"${request}","status":${status},"request_time":${took},"http_user_agent":"${agent}","upstream_addr":"${server}","upstream_status":"${statuses}"}`,
      ),
  },
} as const;

describe.for(Object.keys(families) as (keyof typeof families)[])('%s', (name) => {
  const { sample, line } = families[name];
  const { main } = dialectsOf([sample], hints, null);

  it('counts as the parser does, wherever the bytes lie', () => {
    if (main === null) throw new Error('no format');
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 5, arbitrary: line }, { weight: 2, arbitrary: fc.constant(sample) }), { minLength: 1, maxLength: 40 }),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 0, max: 130 }),
        fc.constantFrom('\n', '"', ' ', '\\', '0', `${sample}\n`),
        fc.boolean(),
        (texts, lineEnd, offset, behind, isEnded) => {
          const text = texts.join(lineEnd) + (isEnded ? lineEnd : '');
          const bytes = Buffer.from(text, 'utf8');
          // The last piece is a line only where it has ended.
          const lines = text
            .split('\n')
            .slice(0, -1)
            .map((each) => each.replace(/\r$/, ''));
          const counted = countWith(main, [sample], bytes, offset, behind);
          expect(counted.lines).toBe(lines.length);
          expect(counted.cells).toEqual(countLines(main, lines, counted.left));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('leaves no usual line to the parser but the first of each minute and backend', () => {
    if (main === null) throw new Error('no format');
    const text = `${sample}\n`.repeat(200);
    for (const offset of [0, 1, 63]) {
      const { left, interpreted } = countWith(main, [sample], Buffer.from(text), offset, ' ');
      expect(left.length).toBeLessThanOrEqual(3);
      expect(interpreted).toBe(0);
    }
  });
});

it('counts lines without a backend itself', () => {
  const { sample } = families.haproxy;
  const { main } = dialectsOf([sample], hints, null);
  if (main === null) throw new Error('no format');
  const lines = ['www app/<NOSRV>', 'app~ app/<NOSRV>', 'www www/<NOSRV>'].map((names) => sample.replace('www app/web-1', names));
  const counted = countWith(main, [sample], Buffer.from(`${lines.join('\n')}\n`.repeat(50)), 0, '');
  expect(counted.left.length).toBeLessThanOrEqual(4);
  const cells = Object.fromEntries(Object.entries(counted.cells).map(([cell, requests]) => [cell.replace(/^\d+ /, ''), requests]));
  // What the parser counted, which is the first of each, is not among them.
  expect(cells).toEqual({ app: 48, '': 98 });
});

it('is compiled from its present source', () => {
  expect(readFileSync(path.join(import.meta.dirname, 'kernel.generated.ts'), 'utf8')).toBe(compileKernel());
}, 120_000);
