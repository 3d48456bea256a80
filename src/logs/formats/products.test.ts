// What each product's log says about who answered, why, and where the time went; and that a message means the same however it travelled.
import { describe, expect, it } from 'vitest';

import type { FormatHints, LogFormat } from '../records.ts';
import { readLine } from './detect.ts';
import { allFormats, decodeTermination, detectFormat, families, formatsBeside, openFormat } from './index.ts';

const hints: FormatHints = { nginxFormats: [], year: 2026 };

/** The format of a family, by its first sample. */
function formatOf(id: string, nth = 0): LogFormat {
  const sample = families.find((family) => family.id === id)?.samples[nth] ?? '';
  const format = detectFormat(sample.split('\n'), hints);
  if (format === null) throw new Error(`no format ${id}`);
  return format;
}

describe('HAProxy', () => {
  const haproxy = formatOf('haproxy');
  const line = (server: string, timers: string, status: string, state: string, rest = '"GET /x HTTP/1.1"'): string =>
    `10.77.1.2:57388 [23/Nov/2026:07:22:12.983] f~ ${server} ${timers} ${status} 217 - - ${state} 1/1/0/0/+3 0/0 ${rest}`;

  it.for([
    ['the server answered 500', line('app/s1', '0/0/0/7/8', '500', '----'), 'upstream', 'app/s1', 500, 7],
    ['refused', line('app/s1', '0/0/-1/-1/3005', '503', 'SC--'), 'self', 'app/s1', 503, null],
    ['silent until the timeout', line('app/s1', '0/0/0/-1/2002', '504', 'sH--'), 'self', 'app/s1', 504, null],
    ['died in the body', line('app/s1', '0/0/0/7/2002', '200', 'SD--'), 'upstream', 'app/s1', 200, 7],
    ['an invalid header', line('app/s1', '0/0/0/-1/5', '502', 'PH--'), 'self', 'app/s1', 502, null],
    ['no server', line('app/<NOSRV>', '0/-1/-1/-1/0', '503', 'SC--'), 'self', 'app', 503, null],
    ['answered by the frontend', line('f/<NOSRV>', '0/-1/-1/-1/0', '403', 'PR--'), 'self', null, 403, null],
    ['nothing was sent', line('app/s1', '0/0/0/-1/900', '-1', 'CH--'), 'self', 'app/s1', null, null],
  ] as const)('%s', ([, text, answeredBy, backend, status, headerMs]) => {
    const record = haproxy.access?.(text);
    expect(record).toMatchObject({ answeredBy, backend, status, zoned: false, client: '10.77.1.2', path: '/x' });
    expect(record?.tries[0]?.headerMs ?? null).toBe(headerMs);
  });

  it('takes the host of HTTP/2 requests and clients of IPv6', () => {
    const text = line('app/s1', '0/0/0/7/8', '500', '----', '{a|b} {c} "GET https://shop.example/x?y=1 HTTP/2.0"').replace(
      '10.77.1.2',
      '::ffff:10.77.1.2',
    );
    expect(haproxy.access?.(text)).toMatchObject({ host: 'shop.example', path: '/x?y=1', client: '10.77.1.2' });
  });

  it('decodes termination states', () => {
    expect(decodeTermination('sH--')).toMatch(/server was silent.*response header/);
    expect(decodeTermination('SC')).toMatch(/refused.*connecting/);
    expect(decodeTermination('what')).toBeNull();
    expect(decodeTermination('')).toBeNull();
  });
});

describe('clouds and proxies', () => {
  it.for([
    [
      'ALB, no target status',
      'aws-alb',
      'http 2026-11-23T07:20:10.000000Z app/lb/1 10.0.0.9:1 10.0.0.1:80 0.001 -1 -1 504 - 1 1 "GET http://h.example:80/x HTTP/1.1" "a" - - arn:aws:elasticloadbalancing:r:1:targetgroup/tg/1 "Root=1" "-" "-" 0 2026-11-23T07:20:00.000000Z "forward" "-" "-" "10.0.0.1:80" "-" "-" "-" future fields',
      { answeredBy: 'self', status: 504, durationMs: 10_000, backend: '10.0.0.1:80', reason: null },
    ],
    [
      'ALB, the target answered',
      'aws-alb',
      'http 2026-11-23T07:20:10.000000Z app/lb/1 10.0.0.9:1 10.0.0.1:80 0.001 0.020 0.000 502 502 1 1 "GET http://h.example:80/x HTTP/1.1" "a" - - arn:aws:elasticloadbalancing:r:1:targetgroup/tg/1 "Root=1" "-" "-" 0 2026-11-23T07:20:09.979000Z "forward" "-" "-"',
      { answeredBy: 'upstream', tries: [{ address: '10.0.0.1:80', status: 502, connectMs: null, headerMs: 20, responseMs: null }] },
    ],
    [
      'Envoy, the host answered',
      'envoy',
      '[2026-11-23T07:20:00.310Z] "GET /x HTTP/1.1" 503 - 0 91 4 3 "-" "a" "id" "h.example" "10.0.2.1:8080"',
      { answeredBy: 'upstream', reason: null },
    ],
    [
      'Envoy, no healthy host',
      'envoy',
      '[2026-11-23T07:20:00.310Z] "GET /x HTTP/1.1" 503 UH 0 91 0 - "-" "a" "id" "h.example" "-"',
      { answeredBy: 'self', reason: 'UH', backend: null },
    ],
    [
      'Envoy, the client left',
      'envoy',
      '[2026-11-23T07:20:00.310Z] "GET /x HTTP/1.1" 0 DC 0 0 900 - "-" "a" "id" "h.example" "10.0.2.1:8080"',
      { status: null, reason: 'DC', durationMs: 900 },
    ],
    [
      'Google, the backend answered',
      'gcp-lb',
      '{"timestamp":"2026-11-23T07:20:00Z","httpRequest":{"status":500,"requestUrl":"https://h.example/x","latency":"1.5s"},"jsonPayload":{"statusDetails":"response_sent_by_backend"},"resource":{"type":"http_load_balancer","labels":{"backend_service_name":"b"}}}',
      { answeredBy: 'upstream', backend: 'b', reason: null, durationMs: 1500 },
    ],
    [
      'Cloudflare, an origin that answered',
      'cloudflare',
      '{"EdgeResponseStatus":502,"OriginResponseStatus":502,"OriginIP":"198.51.100.1","EdgeStartTimestamp":1795418400000000000,"RayID":"r"}',
      { answeredBy: 'upstream', at: 1_795_418_400_000 },
    ],
    [
      'Alibaba, the backend made it',
      'alibaba-alb',
      '{"app_lb_id":"a","status":"502","upstream_status":"502","upstream_addr":"10.0.0.1:80","time":"2026-11-23T07:21:54+08:00"}',
      { answeredBy: 'upstream' },
    ],
    [
      'Alibaba, nobody answered',
      'alibaba-alb',
      '{"app_lb_id":"a","status":"502","upstream_status":"-","upstream_addr":"-","time":"2026-11-23T07:21:54+08:00"}',
      { answeredBy: 'self', backend: null },
    ],
  ] as const)('%s', ([, id, line, expected]) => {
    expect(formatOf(id).access?.(line)).toMatchObject(expected);
  });
});

describe('records that span lines', () => {
  it.for([
    [
      'nginx-error',
      '2026/11/23 21:12:50 [error] 1#1: *5 FastCGI sent in stderr: "PHP message: PHP Fatal error:  boom, client: 6.6.6.6, server: x\nStack trace:\n#0 {main}" while reading response header from upstream, client: 10.0.0.9, server: shop.example, request: "GET /real.php HTTP/1.1", upstream: "fastcgi://unix:/run/php.sock:", host: "shop.example"',
      { client: '10.0.0.9', request: 'GET /real.php HTTP/1.1', upstream: 'fastcgi://unix:/run/php.sock:' },
    ],
    [
      'uwsgi',
      'Traceback (most recent call last):\n  File "up.py", line 6, in app\n    if x: raise RuntimeError(1)\nRuntimeError: database went away',
      { product: 'uwsgi' },
    ],
    [
      'gunicorn',
      '[2026-11-23 23:52:01 +0800] [10134] [ERROR] Exception in worker process\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\nImportError: no module',
      { pid: 10_134, at: Date.UTC(2026, 10, 23, 15, 52, 1), zoned: true },
    ],
    [
      'tomcat',
      '23-Nov-2026 07:18:28.123 SEVERE [main] a.B.c boom\njava.lang.NullPointerException\n\tat x.Y.z(Y.java:1)\nCaused by: java.io.IOException',
      { level: 'error' },
    ],
  ] as const)('%s begins at the first line only', ([id, record, expected]) => {
    const format = formatOf(id);
    const lines = record.split('\n');
    expect(lines.map((line) => format.begins?.(line))).toEqual(lines.map((_, i) => i === 0));
    const read = format.error?.(record);
    expect(read).toMatchObject(expected);
    expect(read?.message).toContain(lines.at(-1)?.slice(0, 8) ?? '');
  });

  it('leaves counters of a stream out of the upstream', () => {
    const line =
      '2026/11/23 21:12:50 [error] 1#1: *5 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.9, server: 0.0.0.0:80, upstream: "10.0.0.1:80", bytes from/to client:0/0, bytes from/to upstream:0/0';
    expect(formatOf('nginx-error').error?.(line)?.upstream).toBe('10.0.0.1:80');
  });
});

describe('syslog and the journal', () => {
  const syslog = formatOf('syslog');

  it.for([
    ['kernel', 'Nov 23 07:22:12 web kernel: [12604.158979] Out of memory: Killed process 1 (php)', 'Out of memory: Killed process 1 (php)'],
    ['php-fpm', 'Nov 23 07:22:12 web php-fpm8.2[7]: [23-Nov-2026 07:22:12] WARNING: [pool www] seems busy', '[pool www] seems busy'],
    [
      'nginx',
      'Nov 23 07:22:12 web nginx[7]: 2026/11/23 07:22:12 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)',
      'bind() to 0.0.0.0:80 failed (98: Address already in use)',
    ],
    [
      'apache',
      '2026-11-23T07:22:12.5+08:00 web apache2[7]: [proxy:error] [pid 1] (111)Connection refused: AH00957: x',
      '(111)Connection refused: AH00957: x',
    ],
    ['php', 'Nov 23 07:22:12 web php: PHP Fatal error:  boom', 'PHP Fatal error:  boom'],
    [
      'uwsgi',
      '2026-11-23T07:22:12+0000 web uwsgi[7]: Mon Nov 23 07:22:12 2026 - *** HARAKIRI ON WORKER 1 ***',
      '*** HARAKIRI ON WORKER 1 ***',
    ],
    [
      'gunicorn',
      'Nov 23 07:22:12 web gunicorn[7]: [2026-11-23 07:22:12 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:8)',
      'WORKER TIMEOUT (pid:8)',
    ],
    ['syslog', '<165>1 2026-11-23T07:22:12.003Z web app 1 ID47 [x@1 a="b\\]" c="d"] \uFEFFsomething', 'something'],
    ['syslog', 'Nov  3 07:22:12 web systemd[1]: php8.2-fpm.service: Failed', 'php8.2-fpm.service: Failed'],
  ] as const)('a message of %s: %s', ([product, line, text]) => {
    expect(syslog.error?.(line)).toMatchObject({ product, message: text });
  });

  it('leaves lines of HAProxy to its own family', () => {
    const line = 'Nov 23 07:22:12 lb haproxy[7]: backend none has no server available!';
    expect(readLine(syslog, line)).toBeNull();
    expect(detectFormat([line], hints)?.id).toBe('haproxy');
  });

  it('is the product whose requests it carries', () => {
    const line = 'Nov 23 07:22:12 lb nginx: 10.0.0.9 - - [23/Nov/2026:07:22:12 +0000] "GET /x HTTP/1.1" 502 1 "-" "a"';
    const format = detectFormat([line, line, 'Nov 23 07:22:12 lb sshd[1]: bye'], hints);
    expect(format).toMatchObject({ id: 'syslog', product: 'nginx', dialect: 'nginx' });
    expect(openFormat('syslog', 'nginx', hints)?.access?.(line)).toMatchObject({ status: 502, path: '/x' });
    const entry = JSON.stringify({
      __REALTIME_TIMESTAMP: '1795477923155021',
      SYSLOG_IDENTIFIER: 'haproxy',
      MESSAGE: '10.0.0.9:1 [23/Nov/2026:07:22:12.983] f app/s1 0/0/0/7/8 500 217 - - ---- 1/1/0/0/0 0/0 "GET /x HTTP/1.1"',
    });
    expect(detectFormat([entry], hints)).toMatchObject({ id: 'journald', product: 'haproxy' });
  });

  it('has no time for the kernel before the clock is known', () => {
    expect(formatOf('kernel').error?.('[   12.158979] nf_conntrack: table full')).toMatchObject({
      at: null,
      message: 'nf_conntrack: table full',
    });
  });
});

describe('columns of IIS that change in the file', () => {
  const first = '#Fields: date time s-ip cs-method cs-uri-stem s-port c-ip sc-status sc-substatus sc-win32-status time-taken';
  const fewer = '#Fields: date time s-ip cs-method cs-uri-stem s-port c-ip sc-status time-taken';
  const alike = '#Fields: date time s-ip cs-method cs-uri-stem s-port c-ip sc-status sc-substatus sc-win32-status sc-bytes';
  const long = '2026-11-23 00:00:00 10.0.0.1 GET /a 80 10.0.0.9 502 3 12002 4000';
  const short = '2026-11-23 00:00:01 10.0.0.1 GET /b 80 10.0.0.9 500 17';
  const detect = (lines: readonly string[]): LogFormat | null => detectFormat(lines, hints);

  it('count from there on', () => {
    const format = detect([first, long, fewer, short]);
    expect(format?.access?.(long)).toMatchObject({ status: 502, reason: '502.3 win32:12002', durationMs: 4000 });
    expect(format?.access?.(short)).toMatchObject({ status: 500, reason: null, durationMs: 17 });
    expect([first, fewer, '#Date: 2026-11-23'].map((line) => format?.isFurniture?.(line))).toEqual([true, true, true]);
    expect(openFormat('iis', format?.dialect ?? '', hints)?.access?.(short)).toEqual(format?.access?.(short));
  });

  it('leave out what two sets of columns say differently', () => {
    const format = detect([first, long, alike, long]);
    expect(format?.access?.(long)).toMatchObject({
      status: 502,
      reason: '502.3 win32:12002',
      durationMs: null,
      path: '/a',
      client: '10.0.0.9',
    });
  });

  it('are told where nobody announced them, and lines of other columns are not read', () => {
    const format = detect([first, long]);
    expect(format?.isFurniture?.(fewer)).toBe(false);
    expect(format?.access?.(fewer)).toBeNull();
    expect(format?.access?.(short)).toBeNull();
    expect(format?.access?.('2026-11-23 00:00:01 GET 10.0.0.1 /b 80 10.0.0.9 500 0 0 17')).toBeNull();
    expect(formatsBeside(format, allFormats(hints), [first, long]).filter((each) => each.id === 'iis')).toEqual([]);
  });
});
