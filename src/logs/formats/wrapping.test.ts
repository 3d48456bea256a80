// Lines as they are pasted: whatever carried them, the line inside means the same, and nothing that cannot be read is claimed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { FormatHints, LogFormat } from '../records.ts';
import { scanLogs } from '../scan/index.ts';
import { fileOf, streamOf } from '../scan/testing/inputs.ts';
import { readLine } from './detect.ts';
import { allFormats, detectFormat, families, formatsBeside, layoutOf, openFormat } from './index.ts';
import { wrapFormat, wrappedDialect } from './wrapping.ts';

const hints: FormatHints = { nginxFormats: [], year: 2026 };
const refused =
  '2026/11/23 21:12:50 [error] 1#1: *5 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.9, server: s, request: "GET / HTTP/1.1", upstream: "http://10.0.0.1:80/", host: "shop.example"';
const access = '203.0.113.7 - - [23/Nov/2026:21:12:50 +0000] "GET /orders HTTP/1.1" 502 157 "-" "curl/7.88.1"';

function formatOf(lines: readonly string[]): LogFormat {
  const format = detectFormat(lines, hints);
  if (format === null) throw new Error('not detected');
  return format;
}

/** A wrapper, the layers it consists of, and whether it brings a date with a zone. */
const wrappers: readonly (readonly [string, string, boolean, (line: string) => string])[] = [
  ['docker compose', 'compose', false, (line) => `nginx.1     | ${line}`],
  ['docker compose, old names', 'compose', false, (line) => `shop_web_1  | ${line}`],
  ['docker compose, colours', 'colours compose', false, (line) => `\u001B[36mweb-1  | \u001B[0m${line}`],
  ['docker compose -t', 'compose stamp', true, (line) => `web-1  | 2026-11-23T13:12:50.123456789Z ${line}`],
  ['foreman', 'compose', false, (line) => `21:12:50 web.1   | ${line}`],
  ['pm2', 'pm2', false, (line) => `0|app  | ${line}`],
  ['stern', 'stern stamp', true, (line) => `shop-678c58d9d6-8p8vj controller 2026-11-23T14:12:50.462803094+01:00 ${line}`],
  ['kubectl --prefix', 'pod', false, (line) => `[pod/web-5d4f8b9c7-x2x7k/nginx] ${line}`],
  ['kubetail', 'pod', false, (line) => `[web-5d4f8b9c7-x2x7k nginx] ${line}`],
  ['kubectl --timestamps', 'stamp', true, (line) => `2026-11-23T13:12:50.123456789Z ${line}`],
  ['CRI', 'cri', true, (line) => `2026-11-23T13:12:50.123456789Z stderr F ${line}`],
  [
    'Docker JSON',
    'docker-json',
    true,
    (line) => JSON.stringify({ log: `${line}\n`, stream: 'stderr', time: '2026-11-23T13:12:50.123456789Z' }),
  ],
  ['a shipper', 'docker-json', true, (line) => JSON.stringify({ '@timestamp': '2026-11-23T13:12:50Z', kubernetes: {}, message: line })],
  ['Heroku', 'stamp tag', true, (line) => `2026-11-23T13:12:50.123456+00:00 app[web.1]: ${line}`],
  ['Heroku without date', 'tag', false, (line) => `app[web.1]: ${line}`],
  ['Fly', 'stamp tag', true, (line) => `2026-11-23T13:12:50.123Z app[148e21] fra [info] ${line}`],
  ['supervisor', 'compose', false, (line) => `nginx stderr | ${line}`],
  ['mail', 'quoted', false, (line) => `> > ${line}`],
  ['backticks', 'backticks', false, (line) => `\`${line}\``],
  ['a code block', 'indent-4', false, (line) => `    ${line}`],
  ['grep', 'grep', false, (line) => `/var/log/nginx/error.log:17:${line}`],
  ['bold', 'emphasis', false, (line) => `**${line}**`],
  ['a list', 'bullet', false, (line) => `- ${line}`],
  ['a page', 'html', false, (line) => `<code>${line.replaceAll('"', '&quot;')}</code><br />`],
  ['colours without escape', 'colours compose', false, (line) => `[36mweb-1  | [0m${line}`],
  ['Passenger', 'passenger', false, (line) => `App 4711 stderr: ${line}`],
  ['Cloud Foundry', 'stamp cloud-foundry', true, (line) => `2026-11-23T13:12:50.12+0000 [APP/PROC/WEB/1] ERR ${line}`],
  ['svlogd', 'svlogd', true, (line) => `2026-11-23_13:12:50.12345 ${line}`],
  ['a word processor', 'typographic', false, (line) => line.replaceAll(/"([^"]*)"/g, '\u201C$1\u201D')],
];

describe('wrapped lines', () => {
  it.for(wrappers)('%s: as the line inside', ([, names, isDated, wrap]) => {
    const inside = formatOf([refused]).error?.(refused);
    const format = formatOf([wrap(refused), wrap(refused)]);
    expect(format).toMatchObject({ id: 'nginx-error', product: 'nginx', dialect: `inside ${names}` });
    const record = format.error?.(wrap(refused));
    // The log's clock is eight hours ahead of Greenwich, which only a date outside tells.
    expect(record).toEqual({ ...inside, at: (inside?.at ?? 0) - (isDated ? 8 * 3_600_000 : 0), zoned: isDated });
    expect(format.begins?.(wrap(refused))).toBe(true);
    expect(format.begins?.(wrap('#0 {main}'))).toBe(false);
    expect(openFormat(format.id, format.dialect, hints)?.error?.(wrap(refused))).toEqual(record);
  });

  it.for(wrappers)('%s: requests keep their own date', ([, , , wrap]) => {
    const record = readLine(formatOf([wrap(access)]), wrap(access));
    expect(record).toMatchObject({ at: Date.UTC(2026, 10, 23, 21, 12, 50), zoned: true, status: 502, path: '/orders' });
  });

  it.for(wrappers)('%s: every sample of every family is read as before', ([name, names, , wrap]) => {
    for (const family of families) {
      for (const sample of family.samples) {
        const lines = sample.split('\n');
        // These shippers write JSON, or have quotes of their own, where the inner line does.
        if (name === 'a word processor' || (name === 'backticks' && sample.includes('`'))) continue;
        const inner = formatOf(lines);
        const format = wrapFormat(inner, names.split(' '));
        const record = inner.begins === null ? (lines.at(-1) ?? '') : sample;
        const { at: _, zoned: __, ...expected } = readLine(inner, record) ?? { at: null, zoned: null };
        expect(readLine(format, record.split('\n').map(wrap).join('\n')), `${name}: ${sample.slice(0, 80)}`).toMatchObject(expected);
      }
    }
  });

  it('date lines that have none', () => {
    const line = '2026-11-23T13:12:50.123Z stdout F [error] 7#7: *5 upstream timed out (110: Connection timed out) while connecting';
    expect(formatOf([line]).error?.(line)).toMatchObject({ at: Date.UTC(2026, 10, 23, 13, 12, 50, 123), zoned: true, level: 'error' });
    const bare = line.replace('2026-11-23T13:12:50.123Z stdout F ', '');
    expect(formatOf([bare]).error?.(bare)).toMatchObject({ at: null, zoned: false });
  });

  it('of other containers are no part of a record', () => {
    const lines = [
      'php-1  | [23-Nov-2026 07:18:28 UTC] PHP Fatal error:  boom',
      'db-1   | ready for connections',
      'php-1  | Stack trace:',
      'php-1  | #0 {main}',
    ];
    const format = formatOf([...lines.slice(0, 1), ...lines.slice(2)]);
    expect(format.error?.(lines.join('\n'))?.message).toBe('PHP Fatal error:  boom\nStack trace:\n#0 {main}');
  });

  it('name what stands beside them, wrapped alike', () => {
    const format = formatOf([`web-1  | ${access}`, `web-1  | ${access}`]);
    const beside = formatsBeside(format, allFormats(hints), []);
    expect(beside.filter((each) => readLine(each, `web-1  | ${refused}`) !== null).map((each) => each.id)).toEqual(['nginx-error']);
    const plain = allFormats(hints);
    expect(formatsBeside(formatOf([access]), plain, [access])).toBe(plain);
    // A guessed layout reads a runtime's prefix as columns, and errors stand behind the same prefix.
    const cri = (line: string): string => `2026-11-23T13:12:50.123Z stderr F ${line}`;
    const ingress = `${access} 120 60.002 [ns-app-80] [] 10.0.0.1:80 0 30.000 504 f0a1b2c3d4e5f60718293a4b5c6d7e8f`;
    const guessed = formatOf([cri(ingress), cri(ingress)]);
    expect(wrappedDialect(guessed.dialect)).toBeNull();
    const next = formatsBeside(guessed, plain, [cri(ingress), cri(ingress)]).filter((each) => readLine(each, cri(refused)) !== null);
    expect(next.map(({ id, dialect }) => [id, dialect])).toEqual([['nginx-error', 'inside cri']]);
  });

  it('have no layout, fences and empty lines are furniture', () => {
    const format = formatOf([`web-1  | ${access}`]);
    expect(layoutOf(format)).toBeNull();
    expect(['```text', 'web-1  | ', `web-1  | ${access}`].map((line) => format.isFurniture?.(line))).toEqual([true, true, false]);
  });

  it('end in CR as well as in nothing', () => {
    expect(readLine(formatOf([`> ${access}\r`]), `> ${access}\r`)).toMatchObject({ status: 502 });
  });
});

describe('a file of several containers', () => {
  // Errors come long after what detection looks at.
  const lines = Array.from({ length: 3000 }, (_, i) => [
    `web-1  | ${access}`,
    ...(i > 2000 && i % 10 === 0 ? [`web-1  | ${refused}`] : []),
    ...(i > 2000 && i % 50 === 0
      ? ['php-1  | [23-Nov-2026 21:12:50 UTC] PHP Fatal error:  boom in /x.php:3', 'db-1   | hello', 'php-1  | #0 {main}']
      : []),
  ]).flat();
  const bytes = Buffer.from(`${lines.join('\n')}\n`);

  it('is read alike by one thread, by several, in small pieces and compressed', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'why5xx-wrapped-'));
    try {
      const file = fileOf(path.join(folder, 'compose.log'), bytes, 'compose');
      const whole = await scanLogs([file], { hints, workers: 0 });
      expect(whole.inputs[0]).toMatchObject({
        format: 'nginx-access',
        lines: lines.length,
        parsed: lines.length,
        otherFormats: { 'nginx-error': 99, 'php-error': 57 },
      });
      expect(whole.events.map(({ signature, count }) => [signature, count])).toEqual([
        ['connect-refused', 99],
        ['php-fatal', 19],
      ]);
      for (const tally of [
        await scanLogs([file], { hints, workers: 2, chunkBytes: 50_021 }),
        await scanLogs([file], { hints, workers: 0, chunkBytes: 4099 }),
        await scanLogs([streamOf('compose', bytes, 'gzip', 997)], { hints }),
      ]) {
        expect(tally.events).toEqual(whole.events);
        expect(tally.failures).toEqual(whole.failures);
        expect(tally.cells).toEqual(whole.cells);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('lines that are not wrapped', () => {
  it('stay with their own dialect, which no wrapper is asked about', () => {
    for (const family of families) {
      for (const sample of family.samples) expect(wrappedDialect(formatOf(sample.split('\n')).dialect)).toBeNull();
    }
  });

  it.for([
    'what is this',
    'web-1  | what is this',
    '> what is this',
    '[error] what is this',
    '[pod/a/b] hello',
    'ERROR: relation "x" does not exist',
    '*6 what is this',
    'while connecting, client: me',
    '(see below) [client] AH what',
    'WARNING: the pool is cold',
    '{"log":"hello\\n","stream":"stdout","time":"2026-11-23T13:12:50Z"}',
    '2026-11-23T13:12:50Z stdout F hello',
    'com.example is a domain',
    'Worker bees are out',
    'Fatal error: we ran out of coffee',
  ])('stay unknown: %s', (line) => {
    expect(detectFormat([line], hints)).toBeNull();
    expect(allFormats(hints).filter((format) => readLine(format, line) !== null)).toEqual([]);
  });

  it('are not taken for wrapped by a dialect that only begins alike', () => {
    expect(wrappedDialect('inside out: $status')).toBeNull();
    expect(wrappedDialect('inside compose: $status')).toEqual({ names: ['compose'], inner: '$status' });
    expect(wrappedDialect('$remote_addr inside')).toBeNull();
    expect(wrappedDialect(null)).toBeNull();
  });
});

describe('hostile wrappings', () => {
  const fillers = [
    '> ',
    '`',
    ' ',
    '|',
    'a | ',
    '[pod/',
    '\u001B[',
    '\u001B[0m',
    '{"log":"',
    '\\"',
    'a-',
    '2026-11-23T13:12:50Z ',
    '\u201C',
    'a.log:',
  ];

  it('never throw', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...fillers, refused, access, '\n'), { maxLength: 12 }), (pieces) => {
        const line = pieces.join('');
        const format = detectFormat(line.split('\n'), hints);
        if (format === null) return;
        const again = openFormat(format.id, format.dialect, hints);
        expect(again?.dialect).toBe(format.dialect);
        for (const each of line.split('\n')) {
          expect(again === null ? undefined : readLine(again, each)).toEqual(readLine(format, each));
          format.begins?.(each);
          format.isFurniture?.(each);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('cost time linear in their length', () => {
    const every = [
      'colours',
      'docker-json',
      'quoted',
      'backticks',
      'compose',
      'pm2',
      'pod',
      'stern',
      'cri',
      'stamp',
      'tag',
      'grep',
      'typographic',
    ];
    const format = wrapFormat(formatOf([refused]), [...every, 'indent-8']);
    for (const filler of fillers) {
      const line = filler.repeat(1_000_000 / filler.length);
      const began = performance.now();
      readLine(format, line);
      readLine(format, `web-1  | ${line}`);
      expect(performance.now() - began, filler).toBeLessThan(1500);
    }
  });
});

describe('fragments', () => {
  it.for([
    [
      '*1 open() "/x" failed (24: Too many open files), client: 10.0.0.9, server: s, request: "GET / HTTP/1.1"',
      { product: 'nginx', client: '10.0.0.9' },
    ],
    [
      '6/01/26 13:14:51 [error] 26764#0: *34 no live upstreams while connecting to upstream',
      { product: 'nginx', level: 'error', pid: 26_764 },
    ],
    ['13:14:51 [error] 7#7: boom', { product: 'nginx', level: 'error', message: 'boom' }],
    ['1046#1046: *2 upstream timed out (110: Connection timed out) while', { product: 'nginx', pid: 1046, level: null }],
    ['[alert] 128 worker_connections are not enough', { product: 'nginx', level: 'alert' }],
    ['23:52:02.875858 2026] [proxy:error] [pid 9732:tid 9] AH00959: x', { product: 'apache', level: 'error', pid: 9732 }],
    ['[proxy_http:error] AH01114: HTTP: failed to make connection to backend: 127.0.0.1', { product: 'apache', upstream: '127.0.0.1' }],
    ['[error] [client 10.0.0.9] File does not exist: /x', { product: 'apache', client: '10.0.0.9', level: 'error' }],
    ['[pid 12] (111)Connection refused: AH00957: x', { product: 'apache', pid: 12 }],
    ['[WARNING] [pool www] seems busy (you may need', { product: 'php-fpm', level: 'warn' }],
    ['[CRITICAL] WORKER TIMEOUT (pid:7)', { product: 'gunicorn', level: 'crit' }],
    ['[7] [ERROR] Error handling request /x', { product: 'gunicorn', pid: 7, request: '/x' }],
    ['java.net.ConnectException: Connection refused', { product: 'tomcat', level: 'error' }],
  ] as const)('%s', ([line, expected]) => {
    expect(formatOf([line]).error?.(line)).toMatchObject({ ...expected, at: null });
  });

  it('are no part of what an application wrote through nginx', () => {
    const lines = [
      '2026/11/23 21:12:50 [error] 1#1: *5 FastCGI sent in stderr: "PHP message: PHP Fatal error:  boom in /a.php on line 3',
      'PHP message: PHP Stack trace:',
      'PHP message: PHP   1. {main}() /a.php:0',
      'PHP Warning:  old in /a.php on line 4" while reading response header from upstream, client: 10.0.0.9, server: s',
    ];
    for (const line of lines.slice(1)) {
      expect(
        allFormats(hints)
          .filter((format) => readLine(format, line) !== null)
          .map((format) => format.id),
      ).toEqual([]);
    }
  });

  it('do not take over context from lines below', () => {
    const record = formatOf([refused]).error?.(`${refused}\n2026-11-23 DEBG 'nginx' stderr output:`);
    expect(record).toMatchObject({ host: 'shop.example', upstream: 'http://10.0.0.1:80/' });
  });
});

describe('dates of syslog', () => {
  it.for(['2026-11-23T13:12:50Z Error: boom', '2026-11-23T13:12:50Z WARNING: boom', '2026-11-23T13:12:50Z app[web.1]: boom: x'])(
    'in front of something else are no header: %s',
    (line) => {
      expect(allFormats(hints).filter((format) => format.id === 'syslog' && readLine(format, line) !== null)).toEqual([]);
    },
  );
});

describe('lines that a page or a terminal broke', () => {
  const whole =
    '2026/11/23 21:12:50 [error] 7#7: *9 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 192.0.2.1, server: shop.example, request: "GET /orders HTTP/1.1", upstream: "http://10.0.0.1:80/orders", host: "shop.example"';
  const places = [' while reading', ' timed out) while', ' client: ', ' upstream: "', ' host: "', ' HTTP/1.1'];

  it.for(places)('are one again: %s', (place) => {
    const at = whole.indexOf(place);
    const broken = `${whole.slice(0, at)}\n${whole.slice(at + 1)}`;
    const format = formatOf(broken.split('\n'));
    expect(at).toBeGreaterThan(0);
    expect(format.error?.(broken)).toEqual(format.error?.(whole));
  });

  it('leave alone what follows a whole line', () => {
    const format = formatOf([whole]);
    const record = format.error?.(`${whole}\nsomething else`);
    expect(record?.message).toBe(format.error?.(whole)?.message);
    expect(record?.host).toBe('shop.example');
  });
});
