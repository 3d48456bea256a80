// Lines recorded from nginx 1.22, php-fpm 8.2 and HAProxy 2.6, and lines that try to mislead or to break the readers.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseNginxFile } from '../../facts/nginx-parse.ts';
import { recordsOf } from '../text.ts';
import { combinedFormat } from './layout.ts';
import {
  accessFormats,
  beginsNginxError,
  beginsPhp,
  compileAccessFormat,
  parseFpmLog,
  parseFpmSlow,
  parseHaproxyEvent,
  parseHaproxyRequest,
  parseNginxAccess,
  parseNginxError,
  parsePhpError,
  parseUnknownAccess,
} from './observed.ts';

describe('nginx access', () => {
  const combined = compileAccessFormat('combined', combinedFormat);
  const formats = accessFormats(
    parseNginxFile(
      `log_format detailed '$remote_addr [$time_iso8601] "$request" st=$status bytes=$body_bytes_sent rt=$request_time '
        'ua="$upstream_addr" us="$upstream_status" uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time" host="$host"';
      log_format json escape=json '{"at":"$time_iso8601","status":$status,"request":"$request","agent":"$http_user_agent"}';
      log_format ingress '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id';
      log_format bars '$msec|$remote_addr|$request_method|$request_uri|$status|$upstream_addr|$upstream_status';`,
      'x',
    ).directives,
  );
  const all = [...formats.values()];

  it('reads the default format', () => {
    expect(
      parseNginxAccess('127.0.0.1 - - [23/Nov/2026:07:11:54 +0800] "GET /a?b=c HTTP/1.1" 502 157 "-" "why5xx/0.1.0 (+a1b2c3d4e5f6-7)"', [
        combined,
      ]),
    ).toEqual({
      at: '2026-11-22T23:11:54.000Z',
      client: '127.0.0.1',
      method: 'GET',
      path: '/a?b=c',
      host: null,
      status: 502,
      durationMs: null,
      upstream: null,
      haproxy: null,
    });
  });

  it('reads several tries, synthetic dashes and groups after an internal redirect', () => {
    const line = (addresses: string, statuses: string, connect: string): string =>
      `127.0.0.1 [2026-11-23T21:12:50+00:00] "GET /two/ HTTP/1.1" st=200 bytes=6 rt=3.001 ua="${addresses}" us="${statuses}" uct="${connect}" uht="-, 0.002" urt="0.000, 0.002" host="shop.example"`;
    expect(parseNginxAccess(line('127.0.0.1:9, 127.0.0.1:8081', '502, 200', '-, 0.001'), all)).toMatchObject({
      durationMs: 3001,
      host: 'shop.example',
      upstream: {
        addresses: ['127.0.0.1:9', '127.0.0.1:8081'],
        statuses: [502, 200],
        connectMs: [null, 1],
        headerMs: [null, 2],
        responseMs: [0, 2],
      },
    });
    expect(parseNginxAccess(line('10.0.0.1:80 : unix:/run/a.sock', '404 : 200', '0.000 : 0.000'), all)?.upstream).toMatchObject({
      addresses: ['10.0.0.1:80', 'unix:/run/a.sock'],
      statuses: [404, 200],
    });
    expect(parseNginxAccess(line('-', '-', '-'), all)?.upstream).toMatchObject({ addresses: [], statuses: [] });
    expect(parseNginxAccess(line('[2001:db8::1]:80', '502', '-'), all)?.upstream?.addresses).toEqual(['[2001:db8::1]:80']);
  });

  it.for([
    [
      '{"at":"2026-11-23T21:12:50+00:00","status":502,"request":"GET /x \\"y HTTP/1.1","agent":"a"}',
      { status: 502, path: '/x', at: '2026-11-23T21:12:50.000Z' },
    ],
    [
      '1.2.3.4 - - [23/Nov/2026:07:11:54 +0000] "GET /i HTTP/1.1" 504 1 "-" "ua" 120 60.002 [ns-app-80] [] 10.0.0.1:80, 10.0.0.2:80 0, 0 30.000, 30.002 504, 504 abc',
      { status: 504, durationMs: 60_002, upstream: { addresses: ['10.0.0.1:80', '10.0.0.2:80'], statuses: [504, 504] } },
    ],
    [
      '1795554770.123|1.2.3.4|GET|/x?token=abcdef|503|-|-',
      { status: 503, at: '2026-11-24T21:12:50.123Z', path: '/x?token=[redacted]', method: 'GET' },
    ],
    ['1.2.3.4 - - [23/Nov/2026:07:11:54 +0000] "\\x16\\x03\\x01" 400 157 "-" "-"', { status: 400, path: null, method: null }],
    ['1.2.3.4 - - [23/Nov/2026:07:11:54 +0000] "GET / HTTP/1.1" 499 0 "-" "a \\x22 b"', { status: 499 }],
  ] as const)('reads %s', ([line, expected]) => {
    expect(parseNginxAccess(line, all)).toMatchObject(expected);
  });

  it('does not guess', () => {
    expect(parseNginxAccess('what is this 502', all)).toBeNull();
    expect(parseUnknownAccess('host "GET /a HTTP/1.1" 502 x')).toMatchObject({ status: 502, path: '/a' });
    expect(parseUnknownAccess('502 what')).toMatchObject({ status: null });
  });

  it('ends in time on hostile lines, and never throws', () => {
    for (const filler of ['"', ' ', ', ', ' : ', 'a', '\\', '[', '|']) {
      const began = performance.now();
      parseNginxAccess(`1.2.3.4 [2026-11-23T21:12:50+00:00] "${filler.repeat(16_000 / filler.length)}`, all);
      expect(performance.now() - began).toBeLessThan(500);
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.string({ maxLength: 60 }), (line, format) => {
        parseNginxAccess(line, [compileAccessFormat('any', format), ...all]);
        parseUnknownAccess(line);
      }),
    );
  });
});

describe('nginx error', () => {
  it('reads level, errno and the request', () => {
    expect(
      parseNginxError(
        '2026/11/23 21:12:50 [error] 32642#32642: *9 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: shop.example, request: "GET /refused/ HTTP/1.1", upstream: "http://127.0.0.1:9/refused/", host: "shop.example"',
        60,
      ),
    ).toEqual({
      at: '2026-11-23T20:12:50.000Z',
      source: 'nginx',
      level: 'error',
      signature: 'connect-refused',
      fields: { errno: '111' },
      client: '127.0.0.1',
      request: 'GET /refused/ HTTP/1.1',
      host: 'shop.example',
      upstream: 'http://127.0.0.1:9/refused/',
    });
  });

  it('is not misled by what the application wrote', () => {
    const record =
      '2026/11/23 21:12:50 [error] 1#1: *5 FastCGI sent in stderr: "PHP message: PHP Fatal error:  boom, client: 6.6.6.6, server: x, request: "GET /forged HTTP/1.1", upstream: "u", host: "evil"\nStack trace:\n#0 {main}" while reading response header from upstream, client: 10.0.0.9, server: shop.example, request: "GET /real.php HTTP/1.1", upstream: "fastcgi://unix:/run/php.sock:", host: "shop.example", referrer: "http://r/"';
    expect(parseNginxError(record, 0)).toMatchObject({
      signature: 'php-fatal',
      client: '10.0.0.9',
      request: 'GET /real.php HTTP/1.1',
      host: 'shop.example',
      upstream: 'fastcgi://unix:/run/php.sock:',
    });
  });

  it.for([
    ['2026/11/23 21:12:50 [alert] 30478#30478: 128 worker_connections are not enough', 'worker-connections'],
    ['2026/11/23 21:12:50 [emerg] 7#7: host not found in upstream "app.internal" in /etc/nginx/conf.d/a.conf:4', 'host-not-found'],
    ['2026/11/23 21:12:50 [info] 7#7: *35 client sent too long header line: "Cookie: session=abcdef...', null],
    ['2026/11/23 21:12:50 [notice] 7#7: signal process started', 'nginx-started'],
    ['2026/11/23 21:12:50 [notice] 7#7: nobody has ever written this', null],
  ] as const)('knows %s', ([record, signature]) => {
    expect(parseNginxError(record, 0)?.signature).toBe(signature);
  });

  it('knows a header that was too long by its name only', () => {
    const record =
      '2026/11/23 21:12:53 [info] 32642#32642: *35 client sent too long header line: "Cookie: session=abcdefabcdef..." while reading client request headers, client: 127.0.0.1, server: shop.example, request: "GET / HTTP/1.1", host: "127.0.0.1:8080"';
    expect(parseNginxError(record, 0)).toMatchObject({
      signature: 'request-header-too-long',
      fields: { header: 'Cookie', action: 'reading client request headers' },
      request: 'GET / HTTP/1.1',
    });
    expect(JSON.stringify(parseNginxError(record, 0))).not.toContain('abcdef');
  });

  it('joins the lines of one record', () => {
    const text =
      '2026/11/23 21:12:50 [error] 1#1: *5 FastCGI sent in stderr: "one\ntwo\n\nthree" while reading\n2026/11/23 21:12:51 [error] 1#1: next\n';
    expect(recordsOf(text, beginsNginxError)).toEqual([
      { line: 1, text: '2026/11/23 21:12:50 [error] 1#1: *5 FastCGI sent in stderr: "one\ntwo\nthree" while reading' },
      { line: 5, text: '2026/11/23 21:12:51 [error] 1#1: next' },
    ]);
  });

  it('never throws, and shows no control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
        const parsed = parseNginxError(
          `2026/11/23 21:12:50 [error] 1#1: *5 FastCGI sent in stderr: "${text}" while reading response header from upstream, client: ${text}, server: a, request: "${text}"`,
          0,
        );
        for (const value of [parsed?.client, parsed?.request, ...Object.values(parsed?.fields ?? {})])
          expect(value ?? '').not.toMatch(/\p{Cc}/u);
      }),
    );
    expect(recordsOf('x'.repeat(200_000), beginsNginxError)[0]?.text).toHaveLength(65_536);
  });
});

describe('php-fpm', () => {
  it('reads its log', () => {
    expect(
      parseFpmLog(
        `[23-Nov-2026 21:12:52] WARNING: [pool shop] child 32644, script '/srv/www/slow.php' (request: "GET /slow.php") execution timed out (2.320544 sec), terminating`,
        0,
      ),
    ).toMatchObject({
      at: '2026-11-23T21:12:52.000Z',
      level: 'warning',
      signature: 'fpm-terminating',
      fields: { pool: 'shop', pid: '32644', script: '/srv/www/slow.php', seconds: '2.320544' },
      request: 'GET /slow.php',
    });
    expect(
      parseFpmLog(
        '[23-Nov-2026 21:12:52] WARNING: [pool shop] child 32644 exited on signal 15 (SIGTERM) after 3.018988 seconds from start',
        0,
      )?.signature,
    ).toBe('fpm-child-signal');
    expect(parseFpmLog('[23-Nov-2026 21:12:51] NOTICE: nobody has ever written this', 0)).toMatchObject({
      signature: null,
      level: 'notice',
    });
    expect(parseFpmLog('no date', 0)).toBeNull();
  });

  it('reads its slow log by blocks', () => {
    const text =
      '\n[23-Nov-2026 21:12:51]  [pool shop] pid 32644\nscript_filename = /srv/www/slow.php\n[0x00007f943ce13080] sleep() /srv/www/slow.php:1\n\n[23-Nov-2026 21:12:53]  [pool shop] pid 32645\nscript_filename = /srv/www/slow.php\n[0x00007f943ce13070] PDO->execute() /srv/www/slow.php:1\n';
    const blocks = recordsOf(text, beginsPhp).map((record) => parseFpmSlow(record.text, 0));
    expect(blocks.map((block) => [block?.signature, block?.fields['pid'], block?.fields['function']])).toEqual([
      ['fpm-slow-trace', '32644', 'sleep() /srv/www/slow.php:1'],
      ['fpm-slow-trace', '32645', 'PDO->execute() /srv/www/slow.php:1'],
    ]);
  });

  it("reads PHP's error_log", () => {
    expect(
      parsePhpError(
        '[23-Nov-2026 21:12:50 UTC] PHP Fatal error:  Uncaught Error: Call to undefined function nope() in /srv/www/fatal.php:1\nStack trace:\n#0 {main}',
        480,
      ),
    ).toMatchObject({
      at: '2026-11-23T21:12:50.000Z',
      source: 'php',
      signature: 'php-fatal',
      level: 'fatal error',
    });
  });
});

describe('HAProxy', () => {
  it('reads a request in the http format', () => {
    expect(
      parseHaproxyRequest(
        '<134>Nov 23 21:12:52 localhost haproxy[32640]: 127.0.0.1:37736 [23/Nov/2026:21:12:51.543] web dead/gone 0/0/-1/-1/1071 503 217 - - SC-- 1/1/0/0/1 0/0 {why5xx/0.1.0 (+a1b2c3d4e5f6-9)} "GET /dead/x?token=abcdefgh HTTP/1.1"',
        0,
      ),
    ).toEqual({
      at: '2026-11-23T21:12:51.543Z',
      client: '127.0.0.1',
      method: 'GET',
      path: '/dead/x?token=[redacted]',
      host: null,
      status: 503,
      durationMs: 1071,
      upstream: { addresses: ['dead/gone'], statuses: [null], connectMs: [null], headerMs: [null], responseMs: [null] },
      haproxy: {
        backend: 'dead',
        server: 'gone',
        state: 'SC--',
        queueMs: 0,
        connectMs: -1,
        responseMs: -1,
        retries: 1,
        redispatched: false,
      },
    });
  });

  it.for([
    [
      'Nov 23 07:22:12 lb haproxy[4873]: 10.77.1.2:57388 [23/Nov/2026:07:22:12.983] f refused/s1 0/0/-1/-1/3005 503 217 - - SC-- 1/1/0/0/+3 0/0 "GET /refused/ HTTP/1.1"',
      { status: 503, haproxy: { retries: 3, redispatched: true } },
    ],
    [
      '2026-11-23T07:22:12.983+08:00 lb haproxy[4873]: 10.77.1.2:57388 [23/Nov/2026:07:22:12.983] f~ b/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"',
      { status: 503, upstream: null, haproxy: { server: '<NOSRV>' } },
    ],
    [
      '10.77.1.2:57388 [23/Nov/2026:07:22:12.983] f b/s 0/0/1/-1/5003 504 194 - - sH-- 1/1/0/0/0 0/0 "POST /x HTTP/1.1"',
      { status: 504, durationMs: 5003, upstream: { connectMs: [1], headerMs: [null] }, haproxy: { state: 'sH--' } },
    ],
    [
      '::ffff:10.0.0.9:4000 [23/Nov/2026:07:22:12.983] t b/s 1/0/900001 120 cD 3/1/0/0/0 0/0',
      { status: null, client: '10.0.0.9', durationMs: 900_001, haproxy: { state: 'cD', queueMs: 1 } },
    ],
  ] as const)('reads %s', ([line, expected]) => {
    expect(parseHaproxyRequest(line, 0)).toMatchObject(expected);
  });

  it('reads what it says of servers', () => {
    expect(
      parseHaproxyEvent(
        '<129>Nov 23 21:12:50 localhost haproxy[32640]: Server app/web-2 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.',
      ),
    ).toMatchObject({
      signature: 'haproxy-server-down',
      fields: { backend: 'app', server: 'web-2', reason: 'Layer4 connection problem', info: 'Connection refused' },
    });
    expect(parseHaproxyEvent('[WARNING]  (32640) : backend app has no server available!')?.signature).toBe('haproxy-no-server');
    expect(parseHaproxyEvent('Nov 23 21:12:50 localhost sshd[1]: hello')).toBeNull();
  });

  it('ends in time on hostile lines', () => {
    for (const filler of ['1/', ' ', '+', '0', ':', 'a:1 [']) {
      const began = performance.now();
      parseHaproxyRequest(`1.2.3.4:5 [23/Nov/2026:07:22:12.983] f b/s ${filler.repeat(65_536 / filler.length)}`, 0);
      parseHaproxyRequest(filler.repeat(65_536), 0);
      expect(performance.now() - began).toBeLessThan(500);
    }
  });
});

describe('a URL with a password', () => {
  const request = (url: string) =>
    `Nov 23 07:22:12 lb haproxy[4873]: 10.77.1.2:57388 [23/Nov/2026:07:22:12.983] f b/s1 0/0/1/2/3 502 217 - - SH-- 1/1/0/0/0 0/0 "GET ${url} HTTP/1.1"`;
  it.for(['http://user:s3cretpass@shop.example/p', 'https://s3cretpass@shop.example/p', 'http://a@b:s3cretpass@shop.example/p'])(
    'keeps it out of the host: %s',
    (url) => {
      const read = parseHaproxyRequest(request(url), 0);
      expect(read).toMatchObject({ path: '/p', status: 502 });
      expect(JSON.stringify(read)).not.toContain('s3cret');
    },
  );
});
