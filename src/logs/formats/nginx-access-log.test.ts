// Access lines by format string: what is rendered is read back, whatever the format; what nginx means is kept; formats are found in
// configurations and guessed from lines.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { FormatHints } from '../records.ts';
import { apacheAccessFormat } from './apache-access-log.ts';
import { detectFormat } from './index.ts';
import { compileLayout } from './layout-reader.ts';
import { apacheLayout, combinedFormat, nginxLayout } from './layout.ts';
import { nginxAccessFormat } from './nginx-access-log.ts';
import { nginxFormatsIn } from './nginx-config.ts';
import { guessLayout } from './nginx-guess.ts';
import { secondsMs } from './raw-access.ts';

const hints: FormatHints = { nginxFormats: [], year: 2026 };

const word = fc.stringMatching(/^[a-z0-9][a-z0-9._/-]{0,20}$/);
const seconds = fc.tuple(fc.nat(600), fc.nat(999)).map(([whole, part]) => `${whole}.${String(part).padStart(3, '0')}`);
const status = fc.integer({ min: 100, max: 599 }).map(String);
const address = fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 65_535 })).map(([part, port]) => `10.0.0.${part}:${port}`);

/** Values that nginx could write for a variable. */
const values = {
  remote_addr: fc.constantFrom('10.0.0.1', '2001:db8::1', 'unix:'),
  time_local: fc.constantFrom('23/Nov/2026:07:11:54 +0800', '01/Jan/2027:00:00:00 -0330'),
  time_iso8601: fc.constantFrom('2026-11-23T07:11:54+08:00', '2027-01-01T00:00:00-03:30'),
  request: fc.tuple(fc.constantFrom('GET', 'POST', 'PROPFIND'), word).map(([method, path]) => `${method} /${path} HTTP/1.1`),
  status,
  request_time: seconds,
  body_bytes_sent: fc.nat(1e9).map(String),
  host: word,
  request_id: fc.stringMatching(/^[0-9a-f]{32}$/),
  http_user_agent: fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/["\\|;\]\n\r=-]/g, '')),
};
const tryList = fc.array(fc.tuple(address, status, seconds), { minLength: 1, maxLength: 4 });

describe('any log_format', () => {
  const separators = fc.constantFrom('|', ' | ', '" "', ';', '] [', ' rt=" ');
  const variables = fc.shuffledSubarray(
    ['remote_addr', 'time_local', 'request', 'status', 'request_time', 'body_bytes_sent', 'host', 'request_id', 'http_user_agent'],
    { minLength: 2 },
  );

  it('reads back what it rendered', () => {
    fc.assert(
      fc.property(
        variables,
        separators,
        fc.boolean(),
        fc.boolean(),
        fc.record(values),
        tryList,
        fc.constantFrom(', ', ' : '),
        (names, separator, braces, withTries, drawn, tries, join) => {
          const all: Record<string, string> = {
            ...drawn,
            upstream_addr: tries.map((each) => each[0]).join(join),
            upstream_status: tries.map((each) => each[1]).join(join),
            upstream_header_time: tries.map((each) => each[2]).join(join),
          };
          const used = withTries ? [...names, 'upstream_addr', 'upstream_status', 'upstream_header_time'] : names;
          const format = `<${used.map((name) => (braces ? `\${${name}}` : `$${name}`)).join(separator)}>`;
          const line = `<${used.map((name) => all[name] ?? '').join(separator)}>`;
          const record = compileLayout(nginxLayout(format)).read(line);
          const has = (name: string): boolean => used.includes(name);
          expect(record, `${format}\n${line}`).not.toBeNull();
          expect(record?.status).toBe(has('status') ? Number(all['status']) : null);
          expect(record?.client).toBe(has('remote_addr') ? all['remote_addr'] : null);
          expect(record?.host).toBe(has('host') ? all['host'] : null);
          expect(record?.requestId).toBe(has('request_id') ? all['request_id'] : null);
          expect(record?.method).toBe(has('request') ? all['request']?.split(' ')[0] : null);
          expect(record?.path).toBe(has('request') ? all['request']?.split(' ')[1] : null);
          expect(record?.durationMs).toBe(has('request_time') ? Math.round(Number(all['request_time']) * 1000) : null);
          expect(record?.tries).toEqual(
            withTries
              ? tries.map(([addr, code, time]) => ({
                  address: addr,
                  status: Number(code),
                  connectMs: null,
                  headerMs: Math.round(Number(time) * 1000),
                  responseMs: null,
                }))
              : [],
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes time_local, time_iso8601 and msec', () => {
    const at = (format: string, line: string): number | null | undefined => nginxAccessFormat(format).access?.(line)?.at;
    expect(at('[$time_local] $status', '[23/Nov/2026:07:11:54 +0800] 502')).toBe(Date.UTC(2026, 10, 22, 23, 11, 54));
    expect(at('$time_iso8601 $status', '2026-11-23T07:11:54+08:00 502')).toBe(Date.UTC(2026, 10, 22, 23, 11, 54));
    expect(at('$msec $status', '1795417914.123 502')).toBe(1_795_417_914_123);
  });
});

describe('what nginx means', () => {
  const timed = nginxAccessFormat('$status ua="$upstream_addr" us="$upstream_status" uht="$upstream_header_time"');
  const bare = nginxAccessFormat('$status ua="$upstream_addr" us="$upstream_status"');

  it.for([
    ['a header came', '502 ua="10.0.0.1:80" us="502" uht="0.003"', 'upstream', '10.0.0.1:80'],
    ['a synthetic status', '502 ua="10.0.0.1:80" us="502" uht="-"', 'self', '10.0.0.1:80'],
    ['the second try answered', '200 ua="10.0.0.1:80, 10.0.0.2:80" us="502, 200" uht="-, 0.002"', 'upstream', '10.0.0.2:80'],
    ['no live upstream', '502 ua="pool" us="502" uht="-"', 'self', 'pool'],
    ['never given to a server', '500 ua="-" us="-" uht="-"', 'self', null],
    ['a socket', '502 ua="unix:/run/php.sock" us="502" uht="-"', 'self', 'unix:/run/php.sock'],
  ] as const)('%s', ([, line, answeredBy, backend]) => {
    expect(timed.access?.(line)).toMatchObject({ answeredBy, backend });
  });

  it.for([
    ['502 is no proof', '502 ua="10.0.0.1:80" us="502"', null],
    ['504 is no proof', '504 ua="10.0.0.1:80" us="504"', null],
    ['nginx makes no other status', '500 ua="10.0.0.1:80" us="500"', 'upstream'],
    ['no status', '499 ua="10.0.0.1:80" us="-"', 'self'],
  ] as const)('without header times: %s', ([, line, answeredBy]) => {
    expect(bare.access?.(line)?.answeredBy).toBe(answeredBy);
  });

  it('refuses what only begins or ends like the format', () => {
    const combined = nginxAccessFormat(combinedFormat);
    const line = '10.0.0.1 - - [23/Nov/2026:07:11:54 +0000] "GET / HTTP/1.1" 502 1 "-" "a"';
    expect(combined.access?.(line)).not.toBeNull();
    expect(combined.access?.(`${line} \r`)).not.toBeNull();
    for (const wrong of [`${line} 0.001`, line.slice(0, -1), `x ${line}`, line.replace('502', 'abc'), line.replace('Nov', 'Nix'), ''])
      expect(combined.access?.(wrong)).toBeNull();
  });
});

describe('guessing', () => {
  it.for([
    [
      '10.0.0.1 - - [23/Nov/2026:07:11:54 +0000] "GET / HTTP/1.1" 200 1 "-" "a" 0.012 0.011 10.0.0.9:8080 200',
      `${combinedFormat} $request_time $upstream_response_time $upstream_addr $upstream_status`,
    ],
    [
      '[23/Nov/2026:07:11:54 +0000] 10.0.0.1 "GET / HTTP/1.1" 200 host=shop.example rt=0.012 urt=0.011 upstream=10.0.0.9:8080 rid=f0a1b2c3d4e5f60718293a4b5c6d7e8f',
      '[$time_local] $remote_addr "$request" $status host=$host rt=$request_time urt=$upstream_response_time upstream=$upstream_addr rid=$request_id',
    ],
  ] as const)('names the words of %s', ([line, format]) => {
    const guess = guessLayout([line]);
    const names = (text: string | null): string[] => (text ?? '').match(/\$\w+/g)?.filter((name) => !name.startsWith('$unknown')) ?? [];
    expect(names(guess)).toEqual(names(format).filter((name) => names(guess).includes(name)));
    const record = nginxAccessFormat(guess ?? '').access?.(line);
    expect(record).toMatchObject({ status: 200, durationMs: 12, backend: '10.0.0.9:8080', client: '10.0.0.1', path: '/' });
  });

  it('looks at several lines where one says too little', () => {
    const line = (upstream: string): string =>
      `10.0.0.1 - - [23/Nov/2026:07:11:54 +0000] "GET / HTTP/1.1" 502 1 "-" "a" ${upstream} host="h"`;
    const format = detectFormat([line('- - -'), line('0.001 10.0.0.9:80 502'), line('0.004 10.0.0.9:80, 10.0.0.8:80 502, 502')], hints);
    expect(format?.access?.(line('0.004 10.0.0.9:80, 10.0.0.8:80 502, 502'))).toMatchObject({
      durationMs: 4,
      host: 'h',
      backend: '10.0.0.8:80',
    });
    expect(format?.access?.(line('- - -'))).toMatchObject({ durationMs: null, tries: [] });
  });

  it('gives way to a format that was told', () => {
    const told = {
      nginxFormats: [{ name: 'mine', format: '$msec|$remote_addr|$request_method|$request_uri|$status|$upstream_addr' }],
      year: 2026,
    };
    const format = detectFormat(['1795554770.123|1.2.3.4|GET|/x?a=b|503|-', 'garbage'], told);
    expect(format?.dialect).toBe(told.nginxFormats[0]?.format);
    expect(format?.access?.('1795554770.123|1.2.3.4|GET|/x?a=b|503|-')).toMatchObject({
      status: 503,
      path: '/x?a=b',
      method: 'GET',
      answeredBy: 'self',
    });
  });
});

describe('seconds', () => {
  it.for([
    ['0.000', 0],
    ['12.345', 12_345],
    ['3', 3000],
    ['0.0004', 0],
    ['0.0005', 1],
    ['1.99951', 2000],
    ['0.5', 500],
    ['-', null],
    ['-1', null],
    ['', null],
    ['1.2.3', null],
    ['1x', null],
    ['9'.repeat(40), null],
  ] as const)('of %s', ([text, ms]) => {
    expect(secondsMs(text)).toBe(ms);
  });
});

describe('formats that tell nothing', () => {
  it('claim no line', () => {
    const told = {
      nginxFormats: [
        { name: 'all', format: '$request' },
        { name: 'code', format: '$status' },
      ],
      year: 2026,
    };
    expect(detectFormat(['anything at all', '502'], told)).toBeNull();
  });
});

describe('configurations', () => {
  it('finds every log_format', () => {
    const text = `http {
      # log_format commented '$status';
      log_format main '$remote_addr - "$request" '
                      '$status'; log_format two escape=json "{\\"s\\":\\"$status\\"}";
      log_format bare $status;
      log_format tabs '$status\\t$request_time';
      log_format main '$status again';
      access_log /var/log/x main;
    }`;
    expect(nginxFormatsIn(text)).toEqual([
      { name: 'two', format: '{"s":"$status"}' },
      { name: 'bare', format: '$status' },
      { name: 'tabs', format: '$status\t$request_time' },
      { name: 'main', format: '$status again' },
    ]);
  });

  it('survives anything, in linear time', () => {
    const piece = fc.constantFrom('"', "'", '\\', ';', '{', '}', '#', '\n', '$', 'a', ' ', '\u0000', '\uD800', 'log_format x ');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 300 }).map((pieces) => pieces.join('')),
        (text) => {
          nginxFormatsIn(`log_format a ${text}`);
          nginxFormatsIn(text);
        },
      ),
    );
    const began = performance.now();
    nginxFormatsIn("log_format a 'x\n".repeat(20_000));
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('Apache', () => {
  it('reads its own format strings', () => {
    const read = (dialect: string, line: string): unknown => apacheAccessFormat(dialect).access?.(line);
    expect(
      read(
        '%v:%p %h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\" %{ms}T',
        'a.example:80 10.0.0.1 - - [23/Nov/2026:07:11:54 +0000] "GET /x?y HTTP/1.1" 503 5 "-" "c" 77',
      ),
    ).toMatchObject({ host: 'a.example', client: '10.0.0.1', path: '/x?y', status: 503, durationMs: 77 });
    expect(apacheLayout('%{Host}i %%%D').filter((part) => part.kind === 'variable')).toEqual([
      { kind: 'variable', name: 'http_host' },
      { kind: 'variable', name: 'request_us' },
    ]);
  });

  it('is told from nginx where a line gives it away', () => {
    const plain = '10.0.0.1 - - [23/Nov/2026:07:11:54 +0000] "GET / HTTP/1.1" 200 5 "-" "c"';
    expect(detectFormat([plain], hints)?.product).toBe('nginx');
    const dummy =
      '127.0.0.1 - - [23/Nov/2026:07:11:54 +0000] "OPTIONS * HTTP/1.0" 200 126 "-" "Apache/2.4.57 (Debian) (internal dummy connection)"';
    expect(detectFormat([plain, dummy], hints)?.product).toBe('apache');
    expect(detectFormat([plain, plain.replace('200 5', '304 -')], hints)?.product).toBe('apache');
    expect(detectFormat(['127.0.0.1 - - [23/Nov/2026:23:52:19 +0000] "GET /a\\"b HTTP/1.1" 404 397 "-" "q\\"\\\\z"'], hints)?.product).toBe(
      'apache',
    );
  });
});
