// Lines of nginx's error log that no parser reads: what is counted of them is what the parser would have counted, and usual ones do take that
// way.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compileKernel } from '../../../../scripts/build-kernel.ts';
import { nginxErrorFormat } from '../../formats/nginx-error-log.ts';
import type { FormatHints, LogFormat, Tally } from '../../records.ts';
import { signatures } from '../../signatures.ts';
import { scanLogs, type ScanOptions } from '../index.ts';
import { fileOf, streamOf } from '../testing/inputs.ts';
import { scanNaively } from '../testing/reference.ts';
import { varyingMessages } from './varying.ts';

const hints: FormatHints = { nginxFormats: [], year: 2026 };

/** Mostly the first, or else what is seldom seen. */
const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, weight = 30): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd });

const two = (value: number): string => String(value).padStart(2, '0');
const date = mostly(
  fc.tuple(fc.nat(5), fc.nat(59)).map(([minute, second]) => `2026/11/23 21:${two(minute)}:${two(second)}`),
  fc.constantFrom(
    '2026/11/23 21:00:60',
    '2026/11/23 21:00:61',
    '2026/11/31 24:00:00',
    '2026/13/01 00:00:00',
    '2026-11-23 21:00:00',
    '1969/01/01 00:00:00',
  ),
  60,
);
const level = mostly(
  fc.constantFrom('error', 'warn', 'crit', 'notice', 'info'),
  fc.constantFrom('emerg', 'alert', 'debug', 'err', 'ERROR', ''),
);
const process = mostly(fc.constantFrom('12#12', '7#1234567'), fc.constantFrom('12#', '#', '12', '12345678901#1', '1#1:1', '1#1 '), 60);
const connection = mostly(
  fc.constantFrom('*1 ', '*12345678901234567890 ', ''),
  fc.constantFrom('*', '*1', '* ', '*123456789012345678901 ', '*1  '),
);
const file = fc.constantFrom(
  '/var/www/a',
  '/proxy_temp/7/28/0000875287',
  '/x.lua:3: in /y:4',
  '/a b',
  '/a,b',
  '/x, client: 1.1.1.1',
  '/ü',
  '',
);
const text = mostly(
  fc.oneof(
    fc.constantFrom(
      'connect() failed (111: Connection refused) while connecting to upstream',
      'upstream timed out (110: Connection timed out) while reading response header from upstream',
      'no live upstreams while connecting to upstream',
      '128 worker_connections are not enough',
      'something new happened',
      'something new happened 17 times',
      'FastCGI sent in stderr: "PHP message: PHP Fatal error:  boom" while reading response header from upstream',
      'FastCGI sent in stderr: "a, client: 9.9.9.9, server: x" while reading response header from upstream',
      'FastCGI sent in stderr: "ECONNREFUSED" while reading upstream',
    ),
    file.map((each) => `open() "${each}" failed (2: No such file or directory)`),
    file.map((each) => `an upstream response is buffered to a temporary file ${each} while reading upstream`),
    file.map((each) => `a client request body is buffered to a temporary file ${each}`),
    file.map((each) => `directory index of "${each}" is forbidden`),
    fc.nat(9).map((each) => `limiting requests, excess: 0.${each} by zone "z"`),
    fc.nat(9).map((each) => `client intended to send too large body: ${each} bytes`),
  ),
  fc.oneof(
    fc.constantFrom('', ' ', ', client: ', 'a\tb', 'ü', '*1 x', 'FastCGI sent in stderr: "', 'a\rb', `${'x'.repeat(9000)} failed`),
    fc.string({ unit: 'binary', maxLength: 20 }),
  ),
);
const client = mostly(
  fc.constantFrom('10.0.0.1', '10.0.1.2', '2001:db8::1', 'unix:'),
  fc.constantFrom('::ffff:10.0.0.9', '::ffff:', '', ' ', '::1', 'ü', '10.0.0.1 ', '1.1.1.1\t2'),
);
const requestLine = mostly(
  fc.constantFrom('GET / HTTP/1.1', 'POST /a?b=c HTTP/1.1', 'GET /p/17?x HTTP/2.0', 'GET /a,b HTTP/1.1'),
  fc.constantFrom(
    '',
    '"',
    'GET',
    ' /x',
    'GET ',
    'GET  /x',
    'GET /ü HTTP/1.1',
    'GET /a"b HTTP/1.1',
    'GET /, host: "x" HTTP/1.1',
    'GET /?',
    'GET ?a',
  ),
  8,
);
const server = fc.constantFrom('10.1.0.1:80', '10.1.0.2:80', 'pool', '[2001:db8::2]:80');
const upstream = mostly(
  fc.oneof(
    server.map((each) => `http://${each}/a`),
    fc.constantFrom('fastcgi://unix:/run/php.sock:', 'http://unix:/run/a.sock:/x?y', '10.1.0.1:53', 'fastcgi://127.0.0.1:9000'),
  ),
  fc.constantFrom(
    '',
    '"',
    '://',
    'http:///x',
    'http://a"b/c',
    'http://a/b"c',
    'unix:',
    'unix:/a:b/c',
    'a/b',
    'http://ü/',
    '10.0.0.1:80", bytes from/to client:0/0, bytes from/to upstream:1/2',
    'http://a/x?y=http://b/c',
    'http://a,b/',
  ),
  8,
);
const hostName = mostly(
  fc.constantFrom('shop.example', 'b.example'),
  fc.constantFrom('', 'ü.example', '"', 'a, host: "b', 'h'.repeat(600)),
);
const quoted = (key: string, value: fc.Arbitrary<string>, often: number): fc.Arbitrary<string> =>
  fc.oneof({ weight: often, arbitrary: value.map((each) => `, ${key}: "${each}"`) }, { weight: 1, arbitrary: fc.constant('') });
const context = mostly(
  fc
    .tuple(
      client.map((each) => `, client: ${each}`),
      mostly(fc.constant(', server: shop'), fc.constantFrom('', ', server: ', ', server: a, b', ', server: "x"', ' , server: x'), 8),
      quoted('request', requestLine, 8),
      mostly(fc.constant(''), fc.constantFrom(', subrequest: "/auth"', ', subrequest: ""'), 8),
      quoted('upstream', upstream, 4),
      quoted('host', hostName, 8),
      mostly(fc.constant(''), fc.constantFrom(', referrer: "https://a.example/, x"', ', referrer: "ü"'), 4),
      mostly(fc.constant(''), fc.constantFrom(', request_id: "0af1"', ', request_id: "-"', ', request_id: ""', ', request_id: "é"'), 4),
      mostly(fc.constant(''), fc.constantFrom('"', ' x', ', host: "y"', ', client: 1.2.3.4', ', request: "GET /2 H"', ', x')),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    '',
    ', client: 1.2.3.4 x',
    ', client: 10.0.0.1, while',
    ', client: 10.0.0.1:443',
    ', client: 10.0.0.1, host: "late", request: "GET / H"',
  ),
  8,
);
interface Parts {
  readonly head: string;
  readonly said: string;
  readonly context: string;
}
const parts: fc.Arbitrary<Parts> = fc
  .tuple(date, level, process, connection, text, context)
  .map(([when, how, who, which, said, rest]) => ({ head: `${when} [${how}] ${who}: ${which}`, said, context: rest }));
const beside = fc.constantFrom(
  '',
  '#0 {main}',
  '  thrown in x',
  'Stack trace:',
  'garbage',
  '2026/11/23 21:00:00 [er',
  '\ufeff',
  '127.0.0.1 - - [23/Nov/2026:21:00:00 +0000] "GET / HTTP/1.1" 502 1 "-" "-"',
);

/** Lines that share what groups are made of: only from its second line on does a group go the fast way. */
const logs: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.array(parts, { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(parts, fc.nat(99), fc.nat(3), beside), { minLength: 5, maxLength: 60 }),
    fc.constantFrom('\n', '\n', '\n', '\r\n'),
    fc.constantFrom('', '', '', '\ufeff'),
    fc.boolean(),
  )
  .map(([heads, all, end, mark, isEnded]) => {
    const lines = all.flatMap(([each, how, pick, other]): string[] => {
      const leader = heads[pick % heads.length] ?? each;
      const whole = ({ head, said, context: rest }: Parts): string => `${head}${said}${rest}`;
      if (how < 20) return [whole(each)];
      if (how < 25) return [other];
      if (how < 50) return [whole({ ...each, said: leader.said })];
      return [whole({ ...leader, head: each.head })];
    });
    return Buffer.from(mark + lines.join(end) + (isEnded ? end : ''), 'utf8');
  });

/** Everything of a tally; rows of the join in order of their lines. */
function whole({ eventKeys: keys, failureKeys, ...rest }: Tally): unknown {
  const rows = Array.from({ length: keys.length }, (_, i) => [
    keys.line[i],
    keys.group[i],
    keys.at[i],
    keys.client[i],
    keys.request[i],
    keys.requestId[i],
  ]).sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  return { ...rest, failed: failureKeys.length, rows, dropped: [rest.dropped, keys.dropped] };
}

const firstMinute = Date.UTC(2026, 10, 23, 21) / 60_000;
const middle = { from: firstMinute + 1, until: firstMinute + 4 };

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'errors-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('error lines', () => {
  it('are counted as the parser counts them', async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.boolean(), fc.boolean(), fc.constantFrom(0, 400, 3000), async (bytes, isSmall, isPart, size) => {
        const few = isSmall ? { groups: 3, rows: 10, keys: 5, minutes: 3, backends: 2, unknown: 2 } : {};
        const limits = { ...few, window: isPart ? { zoned: middle, local: middle } : undefined };
        const sizes = size === 0 ? {} : { chunkBytes: size, blockBytes: 300 };
        const options: ScanOptions = { hints, workers: 0, limits, format: nginxErrorFormat, ...sizes };
        const input = fileOf(path.join(folder, 'error.log'), bytes, 'x');
        const fast = whole(await scanLogs([input], options));
        expect(fast).toEqual(whole(await scanLogs([input], { ...options, isPlain: true })));
        if (!isSmall) expect(fast).toEqual(whole(await scanNaively([input], { ...options, limits })));
      }),
      { numRuns: 400 },
    );
  });

  it('are counted alike in a file and in a stream', async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.integer({ min: 1, max: 700 }), async (bytes, size) => {
        const options: ScanOptions = { hints, workers: 0, format: nginxErrorFormat };
        const input = fileOf(path.join(folder, 'error.log'), bytes, 'x');
        const stream = streamOf('x', bytes, 'none', size);
        expect(whole(await scanLogs([stream], options))).toEqual(whole(await scanLogs([input], options)));
      }),
      { numRuns: 60 },
    );
  });

  it('leave usual ones to the parser only once', async () => {
    let parsed = 0;
    const counting: LogFormat = {
      ...nginxErrorFormat,
      error: (line) => {
        parsed++;
        return nginxErrorFormat.error?.(line) ?? null;
      },
    };
    const tail = ', server: shop, request: "GET /p/17?x HTTP/1.1", upstream: "http://10.1.0.1:80/p/17?x", host: "shop.example"';
    const lines = Array.from({ length: 5000 }, (_, i) => {
      const head = `2026/11/23 21:${two(Math.floor(i / 100))}:${two(i % 60)} [error] 12#12: *${i} `;
      const what = [
        'connect() failed (111: Connection refused) while connecting to upstream',
        `open() "/var/www/${i}.html" failed (2: No such file or directory)`,
        `an upstream response is buffered to a temporary file /proxy_temp/${i} while reading upstream`,
      ];
      return `${head}${what[i % 3]}, client: 10.0.0.${i % 256}${tail}`;
    });
    const input = fileOf(path.join(folder, 'usual.log'), Buffer.from(`${lines.join('\n')}\n`), 'usual.log');
    const tally = await scanLogs([input], { hints, workers: 0, format: counting });
    expect(tally.events.map(({ count, signature }) => [signature, count])).toEqual([
      ['connect-refused', 1667],
      ['file-not-found', 1667],
      ['buffered-to-disk', 1666],
    ]);
    // The first of each group, and the last lines of blocks, behind which something might go on. The head is read to see what other formats it
    // holds.
    const ofHead = Math.ceil((128 << 10) / 200);
    expect(parsed).toBeLessThan(40 + ofHead);
  });
});

describe('varying messages', () => {
  const words = signatures.flatMap(({ sample, pattern }) => [
    sample,
    ...sample.split(' '),
    pattern.source.replaceAll(/[\\^$()?|[\]]/g, ' '),
  ]);
  const values = fc.oneof(
    fc.constantFrom(...words),
    fc.array(fc.constantFrom(...words), { maxLength: 4 }).map((some) => some.join(' ').replaceAll(/[",]/g, '')),
    fc.array(fc.constantFrom(...words), { maxLength: 4 }).map((some) => some.join('/').replaceAll(/[ ",]/g, '_')),
    fc.string(),
    fc.constantFrom('0', '1.5', '..', '12', ''),
  );
  const said = fc.tuple(fc.nat(varyingMessages.length - 1), values, values).map(([index, ...some]) => {
    const { words: around = [], values: kinds = [] } = varyingMessages[index] ?? {};
    return around.map((each, i) => Buffer.from(each).toString('latin1') + (kinds[i] === undefined ? '' : (some[i] ?? ''))).join('');
  });
  const learnt = varyingMessages.map(({ words: around, values: kinds }) =>
    around.map((each, i) => Buffer.from(each).toString('latin1') + (kinds[i] === undefined ? '' : '1')).join(''),
  );

  it('count as what the catalogue knows them for, whatever their values', async () => {
    let lines = 0;
    let parsed = 0;
    const counting: LogFormat = {
      ...nginxErrorFormat,
      error: (line) => {
        parsed++;
        return nginxErrorFormat.error?.(line) ?? null;
      },
    };
    await fc.assert(
      fc.asyncProperty(fc.array(said, { minLength: 30, maxLength: 60 }), async (messages) => {
        const all = [...learnt, ...messages].map((each) => `2026/11/23 21:00:00 [warn] 12#12: *1 ${each.replaceAll(/[\r\n]/g, ' ')}`);
        const input = fileOf(path.join(folder, 'varying.log'), Buffer.from(`${all.join('\n')}\n`), 'x');
        const fast = await scanLogs([input], { hints, workers: 0, format: counting });
        lines += all.length;
        expect(whole(fast)).toEqual(whole(await scanLogs([input], { hints, workers: 0, format: nginxErrorFormat, isPlain: true })));
      }),
      { numRuns: 200 },
    );
    expect(parsed).toBeLessThan(lines * 0.9);
  });
});

it('the kernel is compiled from its present source', () => {
  expect(readFileSync(path.join(import.meta.dirname, 'errors.generated.ts'), 'utf8')).toBe(compileKernel('errors/errors'));
}, 120_000);
