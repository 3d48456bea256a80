// From lines of logs to the cause: real messages of real programs through formats, scanner, join and rules. Beside each cause stand lines that
// look like it and prove something else, or nothing.
import { expect, it } from 'vitest';

import type { Report } from '../../../model/report.ts';
import { scanLogs } from '../../scan/index.ts';
import { streamOf } from '../../scan/testing/inputs.ts';
import { reportOfLogs } from '../report-of.ts';
import { logRules } from './index.ts';

const layout =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time ua="$upstream_addr" us="$upstream_status" uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time"';

async function explained(logs: Readonly<Record<string, readonly string[]>>): Promise<Report> {
  const inputs = Object.entries(logs).map(([name, lines]) =>
    streamOf(name, Buffer.from(lines.map((line) => `${line}\n`).join('')), 'none', 4096),
  );
  const tally = await scanLogs(inputs, { hints: { nginxFormats: [{ name: 'timed', format: layout }], year: 2026 }, workers: 0 });
  return reportOfLogs(tally, {
    rules: logRules,
    site: null,
    language: 'en',
    startedAt: '2026-11-23T12:00:00.000Z',
    tookMs: 1,
    tool: 'test',
    zone: { minutesEast: 0, from: 'system' },
  });
}

const day = '2026/11/23';
const clock = (second: number): string => `10:00:${String(second).padStart(2, '0')}`;
/** A line of nginx's error log about one request. */
const nginx = (second: number, message: string, upstream: string | null = 'http://10.0.0.5:8080/x', level = 'error'): string =>
  `${day} ${clock(second)} [${level}] 31#31: *${second} ${message}, client: 198.51.100.7, server: shop.example, request: "GET /x HTTP/1.1"${upstream === null ? '' : `, upstream: "${upstream}"`}, host: "shop.example"`;
/** The access line of that request. */
const access = (
  second: number,
  status: number,
  upstream: { address?: string; status?: string; times?: readonly [string, string, string] } = {},
  seconds = '0.001',
): string => {
  const [connect, header, response] = upstream.times ?? ['-', '-', '0.000'];
  return `198.51.100.7 - - [23/Nov/2026:${clock(second)} +0000] "GET /x HTTP/1.1" ${status} 157 "-" "curl/8" rt=${seconds} ua="${upstream.address ?? '10.0.0.5:8080'}" us="${upstream.status ?? status}" uct="${connect}" uht="${header}" urt="${response}"`;
};
const fpm = (second: number, level: string, message: string): string => `[23-Nov-2026 ${clock(second)}] ${level}: ${message}`;
const kernel = (second: number, message: string): string => `Nov 23 ${clock(second)} web-1 kernel: [ 4711.123456] ${message}`;
const killed = (second: number, process: string): string =>
  kernel(
    second,
    `Out of memory: Killed process 4711 (${process}) total-vm:231480kB, anon-rss:52160kB, file-rss:9216kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0`,
  );
const syslog = (second: number, program: string, message: string): string => `Nov 23 ${clock(second)} web-1 ${program}: ${message}`;
const haproxy = (second: number, rest: string): string =>
  `Nov 23 ${clock(second)} lb haproxy[4873]: 198.51.100.7:57388 [23/Nov/2026:${clock(second)}.983] f ${rest} "GET /x HTTP/1.1"`;
const haproxyEvent = (second: number, message: string): string => `Nov 23 ${clock(second)} lb haproxy[4873]: ${message}`;
const apache = (second: number, module: string, message: string): string =>
  `[Mon Nov 23 ${clock(second)}.123456 2026] [${module}:error] [pid 9732:tid 9738] ${message}`;
const apache22 = (second: number, message: string): string => `[Mon Nov 23 ${clock(second)} 2026] [error] ${message}`;
const envoy = (second: number, status: number, flags: string, duration: number): string =>
  `[2026-11-23T${clock(second)}.000Z] "GET /x HTTP/1.1" ${status} ${flags} 0 95 ${duration} - "198.51.100.7" "curl/8" "c5b2e3a4-0000-4000-8000-${String(second).padStart(12, '0')}" "shop.example" "10.0.0.5:8080"`;
const gunicorn = (second: number, level: string, message: string): string =>
  `[2026-11-23 ${clock(second)} +0000] [4711] [${level}] ${message}`;

const caddy = (second: number, message: string): string =>
  JSON.stringify({
    level: 'error',
    ts: Date.UTC(2026, 10, 23, 10, 0, second) / 1000,
    logger: 'http.log.error.log0',
    msg: message,
    request: { remote_ip: '198.51.100.7', remote_port: '51218', proto: 'HTTP/1.1', method: 'GET', host: 'shop.example', uri: '/x' },
    duration: 0.002,
    status: 502,
  });
/** `whole` is seconds from the request's creation to the log line. */
const alb = (second: number, target: string, status: number, targetStatus: string, reason: string, whole: number): string =>
  `http 2026-11-23T${clock(second)}.000000Z app/shop/50dc6c495c0c9188 198.51.100.7:2817 ${target} ${targetStatus === '-' ? '-1 -1 -1' : '0.000 0.010 0.000'} ${status} ${targetStatus} 34 366 "GET http://shop.example:80/x HTTP/1.1" "curl/8" - - arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/shop/73e2d6bc24d8a067 "Root=1-58337364-23a8c76965a2ef7629b18${second}" "-" "-" 0 ${new Date(Date.UTC(2026, 10, 23, 10, 0, second - whole)).toISOString()} "forward" "-" "${reason}" "${target}" "${targetStatus}" "-" "-"`;
const gcp = (second: number, status: number, statusDetails: string): string =>
  JSON.stringify({
    insertId: `1mfolnrg3bk9y${second}`,
    jsonPayload: { '@type': 'type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry', statusDetails },
    httpRequest: {
      requestMethod: 'GET',
      requestUrl: 'http://shop.example/x',
      requestSize: '120',
      status,
      responseSize: '477',
      remoteIp: '198.51.100.7',
      serverIp: '10.128.0.5',
      latency: '30.002113s',
    },
    resource: { type: 'http_load_balancer', labels: { backend_service_name: 'shop' } },
    timestamp: `2026-11-23T${clock(second)}.000000Z`,
  });
const cloudflare = (second: number, status: number): string =>
  JSON.stringify({
    ClientIP: '198.51.100.7',
    ClientRequestHost: 'shop.example',
    ClientRequestMethod: 'GET',
    ClientRequestURI: '/x',
    EdgeEndTimestamp: `2026-11-23T${clock(second)}Z`,
    EdgeResponseBytes: 1935,
    EdgeResponseStatus: status,
    EdgeStartTimestamp: `2026-11-23T${clock(second)}Z`,
    OriginIP: '198.51.100.1',
    OriginResponseStatus: 0,
    RayID: `48b371889c489b${second}`,
  });
const iis = (rows: readonly (readonly [number, string])[]): readonly string[] => [
  '#Software: Microsoft Internet Information Services 10.0',
  '#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken',
  ...rows.map(([second, rest]) => `2026-11-23 ${clock(second)} 10.201.33.12 GET /x - 80 - 198.51.100.7 curl - ${rest}`),
];

const fastcgi = 'fastcgi://unix:/run/php/php8.2-fpm.sock:';
const reset = 'recv() failed (104: Connection reset by peer) while reading response header from upstream';
const readTimeout = 'upstream timed out (110: Connection timed out) while reading response header from upstream';
const connectTimeout = 'upstream timed out (110: Connection timed out) while connecting to upstream';
const refused = 'connect() failed (111: Connection refused) while connecting to upstream';
const unixRefused = 'connect() to unix:/run/php/php8.2-fpm.sock failed (111: Connection refused) while connecting to upstream';
const premature = 'upstream prematurely closed connection while reading response header from upstream';
const resetSending = 'writev() failed (104: Connection reset by peer) while sending request to upstream';
const posted = (line: string): string => line.replace('"GET /x', '"POST /x');
const seconds = [3, 9, 20];

interface Case {
  readonly name: string;
  readonly logs: Readonly<Record<string, readonly string[]>>;
  /** The one cause and how sure, or null where nothing may be convicted. */
  readonly is: readonly ['confirmed' | 'likely', string] | null;
  /** Causes that have to be named as possible. */
  readonly among?: readonly string[];
}

const cases: readonly Case[] = [
  // nginx 111 and its look-alikes
  {
    name: 'refused',
    logs: { 'error.log': seconds.map((s) => nginx(s, refused)) },
    is: null,
    among: ['backend-process-down', 'wrong-upstream-port', 'upstream-binds-localhost', 'firewall-rejects-lb-range'],
  },
  {
    name: 'refused by a server that answered others',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused)),
      'access.log': [access(1, 200, { times: ['0.000', '0.010', '0.010'] }), ...seconds.map((s) => access(s, 502))],
    },
    is: ['likely', 'backend-process-down'],
  },
  {
    name: 'refused by one server, and another answers',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused)),
      'access.log': [
        access(1, 200, { address: '10.0.0.6:8080', times: ['0.000', '0.010', '0.010'] }),
        ...seconds.map((s) => access(s, 502)),
      ],
    },
    is: null,
    among: ['backend-process-down'],
  },
  {
    name: 'refused after it broke off an answer',
    logs: { 'error.log': [nginx(1, reset, 'http://10.0.0.5:8080/y'), ...seconds.map((s) => nginx(s + 2, refused))] },
    is: ['likely', 'backend-process-down'],
  },
  {
    name: 'refused, and another server broke off an answer',
    logs: { 'error.log': [nginx(1, reset, 'http://10.0.0.6:8080/y'), ...seconds.map((s) => nginx(s + 2, refused))] },
    is: null,
    among: ['backend-process-down'],
  },
  {
    name: 'only the access log of refused requests',
    logs: { 'access.log': [access(1, 200, { times: ['0.000', '0.010', '0.010'] }), ...seconds.map((s) => access(s, 502))] },
    is: null,
  },
  {
    name: 'refused on the loopback address of IPv6',
    logs: { 'error.log': seconds.map((s) => nginx(s, refused, 'http://[::1]:8000/x')) },
    is: null,
    among: ['upstream-ipv6-unreachable', 'backend-process-down'],
  },
  {
    name: 'refused on both loopback addresses',
    logs: { 'error.log': seconds.flatMap((s) => ['[::1]', '127.0.0.1'].map((host) => nginx(s, refused, `http://${host}:8000/x`))) },
    is: null,
    among: ['backend-process-down', 'wrong-upstream-port', 'upstream-localhost-in-container'],
  },
  {
    name: 'refused on [::1], and on 127.0.0.1 another service',
    logs: {
      'error.log': [
        ...seconds.map((s) => nginx(s, refused, 'http://[::1]:8000/x')),
        ...seconds.map((s) => nginx(s + 2, refused, 'http://127.0.0.1:9100/x').replaceAll('/x', '/y')),
      ],
    },
    is: null,
    among: ['upstream-ipv6-unreachable'],
  },
  {
    name: 'refused on [::1] by a service that says it listens on 127.0.0.1',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused, 'http://[::1]:8000/x')),
      'app.log': ['Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)'],
    },
    is: ['likely', 'upstream-ipv6-unreachable'],
  },
  {
    name: 'refused after the kernel killed the process',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused)),
      'kern.log': [
        kernel(
          2,
          'Out of memory: Killed process 4711 (node) total-vm:231480kB, anon-rss:52160kB, file-rss:9216kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0',
        ),
      ],
    },
    is: ['likely', 'oom-killed'],
  },
  {
    name: 'refused after the kernel killed the program that listened there',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused)),
      'gunicorn.log': ['[2026-11-23 08:00:00 +0000] [4710] [INFO] Listening at: http://0.0.0.0:8080 (4710)'],
      'kern.log': [killed(2, 'gunicorn')],
    },
    is: ['confirmed', 'oom-killed'],
  },
  {
    name: 'refused after the kernel killed another program than the one that listened there',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused)),
      'gunicorn.log': ['[2026-11-23 08:00:00 +0000] [4710] [INFO] Listening at: http://0.0.0.0:8080 (4710)'],
      'kern.log': [killed(2, 'mysqld')],
    },
    is: ['likely', 'oom-killed'],
  },
  {
    name: 'reset by php-fpm, which the kernel killed',
    logs: { 'error.log': seconds.map((s) => nginx(s, reset, fastcgi)), 'kern.log': seconds.map((s) => killed(s, 'php-fpm8.2')) },
    is: ['confirmed', 'oom-killed'],
  },
  {
    name: 'reset by php-fpm while the kernel killed a database',
    logs: { 'error.log': seconds.map((s) => nginx(s, reset, fastcgi)), 'kern.log': [killed(3, 'mysqld')] },
    is: ['likely', 'oom-killed'],
  },
  {
    name: 'reset by php-fpm while the kernel killed a database and php',
    logs: { 'error.log': seconds.map((s) => nginx(s, reset, fastcgi)), 'kern.log': [killed(3, 'php-fpm8.2'), killed(4, 'mysqld')] },
    is: ['likely', 'oom-killed'],
  },
  {
    name: 'closed by uWSGI, which the kernel killed',
    logs: {
      'error.log': seconds.map((s) => nginx(s, premature, 'uwsgi://10.0.0.5:3031')),
      'kern.log': seconds.map((s) => killed(s, 'uwsgi')),
    },
    is: ['confirmed', 'oom-killed'],
  },
  {
    name: 'closed by a server of HTTP while the kernel killed some Java program',
    logs: { 'error.log': seconds.map((s) => nginx(s, premature)), 'kern.log': [killed(3, 'java')] },
    is: ['likely', 'oom-killed'],
  },
  {
    name: 'a worker of gunicorn ended by signal 9 while the kernel killed it',
    logs: {
      'gunicorn.log': seconds.map((s) => gunicorn(s, 'ERROR', 'Worker (pid:4711) was sent SIGKILL! Perhaps out of memory?')),
      'error.log': seconds.map((s) => nginx(s, premature)),
      'kern.log': seconds.map((s) => killed(s, 'gunicorn')),
    },
    is: ['confirmed', 'oom-killed'],
  },
  {
    name: 'a worker of gunicorn ended by signal 9 while the kernel killed a database',
    logs: {
      'gunicorn.log': seconds.map((s) => gunicorn(s, 'ERROR', 'Worker (pid:4711) was sent SIGKILL! Perhaps out of memory?')),
      'error.log': seconds.map((s) => nginx(s, premature)),
      'kern.log': [killed(3, 'postgres')],
    },
    is: ['likely', 'oom-killed'],
  },
  {
    name: 'refused while the unit fails again and again',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused)),
      syslog: [
        syslog(1, 'systemd[1]', 'app.service: Main process exited, code=exited, status=1/FAILURE'),
        syslog(1, 'systemd[1]', "app.service: Failed with result 'exit-code'."),
        syslog(2, 'systemd[1]', 'app.service: Start request repeated too quickly.'),
      ],
    },
    is: ['likely', 'app-crash-loop'],
  },
  {
    name: 'refused by php-fpm',
    logs: { 'error.log': seconds.map((s) => nginx(s, refused, 'fastcgi://127.0.0.1:9000')) },
    is: null,
    among: ['fpm-down-static-health-ok', 'wrong-upstream-port', 'upstream-localhost-in-container'],
  },
  {
    name: 'refused by the socket of php-fpm',
    logs: { 'error.log': seconds.map((s) => nginx(s, unixRefused, fastcgi)) },
    is: ['likely', 'fpm-down-static-health-ok'],
  },
  {
    name: 'no socket of php-fpm',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'connect() to unix:/run/php/php8.2-fpm.sock failed (2: No such file or directory) while connecting to upstream',
          fastcgi,
          'crit',
        ),
      ),
    },
    is: null,
    among: ['fpm-down-static-health-ok', 'fpm-socket-path-mismatch'],
  },
  {
    name: 'a socket that may not be used',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(s, 'connect() to unix:/run/php/php8.2-fpm.sock failed (13: Permission denied) while connecting to upstream', fastcgi, 'crit'),
      ),
    },
    is: ['likely', 'fpm-socket-permission'],
  },
  {
    name: 'a port that SELinux forbids',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'connect() to 127.0.0.1:8080 failed (13: Permission denied) while connecting to upstream',
          'http://127.0.0.1:8080/x',
          'crit',
        ),
      ),
    },
    is: ['likely', 'selinux-denies-connect'],
  },
  {
    name: 'a full queue of a Unix socket',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'connect() to unix:/run/php/php8.2-fpm.sock failed (11: Resource temporarily unavailable) while connecting to upstream',
          fastcgi,
        ),
      ),
    },
    is: ['confirmed', 'fpm-backlog-overflow-unix'],
  },
  // nginx 113, 101, 99
  {
    name: 'no route to host',
    logs: { 'error.log': seconds.map((s) => nginx(s, 'connect() failed (113: No route to host) while connecting to upstream')) },
    is: null,
    among: ['backend-host-unreachable', 'firewall-rejects-lb-range'],
  },
  {
    name: 'no route to host after one second: neither as long as silence nor as short as an answer',
    logs: {
      'error.log': seconds.map((s) => nginx(s, 'connect() failed (113: No route to host) while connecting to upstream')),
      'access.log': [
        access(1, 200, { times: ['0.000', '0.010', '0.010'] }),
        ...seconds.map((s) => access(s, 502, { times: ['-', '-', '1.003'] }, '1.003')),
      ],
    },
    is: null,
    among: ['backend-host-unreachable', 'firewall-rejects-lb-range'],
  },
  {
    name: 'no route to host at once: an answer of a firewall',
    logs: {
      'error.log': seconds.map((s) => nginx(s, 'connect() failed (113: No route to host) while connecting to upstream')),
      'access.log': [access(1, 200, { times: ['0.000', '0.010', '0.010'] }), ...seconds.map((s) => access(s, 502))],
    },
    is: ['likely', 'firewall-rejects-lb-range'],
  },
  {
    name: 'no route to host after three seconds: nobody there',
    logs: {
      'error.log': seconds.map((s) => nginx(s, 'connect() failed (113: No route to host) while connecting to upstream')),
      'access.log': [
        access(1, 200, { times: ['0.000', '0.010', '0.010'] }),
        ...seconds.map((s) => access(s, 502, { times: ['-', '-', '3.080'] }, '3.080')),
      ],
    },
    is: ['likely', 'backend-host-unreachable'],
  },
  {
    name: 'network unreachable',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(s, 'connect() to 192.0.2.1:80 failed (101: Network is unreachable) while connecting to upstream', 'http://192.0.2.1:80/x'),
      ),
    },
    is: ['confirmed', 'backend-no-route'],
  },
  {
    name: 'IPv6 unreachable',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'connect() to [2001:db8::5]:80 failed (101: Network is unreachable) while connecting to upstream',
          'http://[2001:db8::5]:80/x',
        ),
      ),
    },
    is: ['confirmed', 'upstream-ipv6-unreachable'],
  },
  {
    name: 'no source port',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(s, 'connect() to 10.0.0.5:8080 failed (99: Cannot assign requested address) while connecting to upstream', undefined, 'crit'),
      ),
    },
    is: ['confirmed', 'ephemeral-ports-exhausted'],
  },
  // nginx 110 while connecting
  { name: 'connect timeout alone', logs: { 'error.log': seconds.map((s) => nginx(s, connectTimeout)) }, is: null },
  {
    name: 'connect timeout and a full connection table',
    logs: {
      'error.log': seconds.map((s) => nginx(s, connectTimeout)),
      'kern.log': [kernel(2, 'nf_conntrack: nf_conntrack: table full, dropping packet')],
    },
    is: ['confirmed', 'conntrack-full'],
  },
  {
    name: 'connect timeout and a drop that was logged',
    logs: {
      'error.log': seconds.map((s) => nginx(s, connectTimeout)),
      'kern.log': seconds.map((s) =>
        kernel(
          s,
          '[UFW BLOCK] IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:ac:11:00:01:08:00 SRC=100.64.1.5 DST=10.0.0.5 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=4711 DF PROTO=TCP SPT=41234 DPT=8080 WINDOW=64240 RES=0x00 SYN URGP=0',
        ),
      ),
    },
    is: ['confirmed', 'firewall-drops-lb-range'],
  },
  {
    name: 'connect timeout, and a logged drop of a packet to another port',
    logs: {
      'error.log': seconds.map((s) => nginx(s, connectTimeout)),
      'kern.log': seconds.map((s) =>
        kernel(
          s,
          '[UFW BLOCK] IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:ac:11:00:01:08:00 SRC=203.0.113.9 DST=10.0.0.5 LEN=40 TOS=0x00 PREC=0x00 TTL=243 ID=54321 PROTO=TCP SPT=41234 DPT=23 WINDOW=1024 RES=0x00 SYN URGP=0',
        ),
      ),
    },
    is: null,
    among: ['firewall-drops-lb-range'],
  },
  {
    name: 'connect timeout after a ban of a private address',
    logs: {
      'error.log': seconds.map((s) => nginx(s, connectTimeout)),
      'fail2ban.log': [syslog(1, 'fail2ban.actions[811]', 'NOTICE  [nginx-limit-req] Ban 100.64.1.5')],
    },
    is: ['likely', 'firewall-rate-limits-lb-range'],
  },
  {
    name: 'connect timeout after a ban of somebody on the internet',
    logs: {
      'error.log': seconds.map((s) => nginx(s, connectTimeout)),
      'fail2ban.log': [syslog(1, 'fail2ban.actions[811]', 'NOTICE  [sshd] Ban 203.0.113.9')],
    },
    is: null,
  },
  {
    name: 'connect timeout and martians',
    logs: {
      'error.log': seconds.map((s) => nginx(s, connectTimeout)),
      'kern.log': [kernel(2, 'IPv4: martian source 10.0.0.5 from 100.64.1.5, on dev eth1')],
    },
    is: ['likely', 'rp-filter-strict-l4'],
  },
  // nginx 110 while reading
  { name: 'read timeout', logs: { 'error.log': seconds.map((s) => nginx(s, readTimeout)) }, is: ['likely', 'upstream-read-timeout'] },
  {
    name: 'read timeout in the access log alone',
    logs: {
      'access.log': [
        access(1, 200, { times: ['0.000', '0.010', '0.010'] }),
        ...seconds.map((s) => access(s, 504, { times: ['0.001', '-', '60.002'] }, '60.002')),
      ],
    },
    is: ['likely', 'upstream-read-timeout'],
  },
  {
    name: 'read timeout and a full pool',
    logs: {
      'error.log': seconds.map((s) => nginx(s, readTimeout, fastcgi)),
      'fpm.log': [fpm(1, 'WARNING', '[pool www] server reached pm.max_children setting (5), consider raising it')],
    },
    is: ['confirmed', 'fpm-max-children'],
  },
  {
    name: 'read timeout and a crash of the php-fpm of an hour ago',
    logs: {
      'error.log': seconds.map((s) => nginx(s, readTimeout, fastcgi)),
      'fpm.log': ['[23-Nov-2026 08:00:01] WARNING: [pool www] child 4593 exited on signal 11 (SIGSEGV) after 1.041132 seconds from start'],
    },
    is: ['likely', 'upstream-read-timeout'],
  },
  {
    name: 'read timeout while the database locks',
    logs: {
      'error.log': seconds.map((s) => nginx(s, readTimeout, fastcgi)),
      'fpm.log': [
        fpm(
          5,
          'WARNING',
          '[pool www] child 77 said into stderr: "NOTICE: PHP message: SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting transaction"',
        ),
      ],
    },
    is: ['likely', 'dependency-slow'],
  },
  // nginx 104
  { name: 'reset alone', logs: { 'error.log': seconds.map((s) => nginx(s, reset, fastcgi)) }, is: null },
  {
    name: 'reset and terminate timeout',
    logs: {
      'error.log': seconds.map((s) => nginx(s, reset, fastcgi)),
      'fpm.log': seconds.flatMap((s) => [
        fpm(
          s,
          'WARNING',
          `[pool www] child 39${s}, script '/srv/app/sleep.php' (request: "GET /x") execution timed out (3.017650 sec), terminating`,
        ),
        fpm(s, 'WARNING', `[pool www] child 39${s} exited on signal 15 (SIGTERM) after 12.1 seconds from start`),
      ]),
    },
    is: ['confirmed', 'fpm-terminate-timeout'],
  },
  {
    name: 'reset and crash',
    logs: {
      'error.log': seconds.map((s) => nginx(s, reset, fastcgi)),
      'fpm.log': seconds.map((s) =>
        fpm(s, 'WARNING', `[pool www] child 45${s} exited on signal 11 (SIGSEGV) after 1.041132 seconds from start`),
      ),
    },
    is: ['confirmed', 'fpm-worker-crash'],
  },
  {
    name: 'reset and out of memory',
    logs: {
      'error.log': seconds.map((s) => nginx(s, reset, fastcgi)),
      'fpm.log': seconds.map((s) =>
        fpm(s, 'WARNING', `[pool www] child 45${s} exited on signal 9 (SIGKILL) after 1.041132 seconds from start`),
      ),
      'kern.log': seconds.map((s) =>
        kernel(
          s,
          `Memory cgroup out of memory: Killed process 45${s} (php-fpm8.2) total-vm:231480kB, anon-rss:52160kB, file-rss:9216kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0`,
        ),
      ),
    },
    is: ['confirmed', 'oom-killed'],
  },
  {
    name: 'reset and reload',
    logs: {
      'error.log': seconds.map((s) => nginx(s, reset, fastcgi)),
      'fpm.log': [
        fpm(3, 'NOTICE', 'Reloading in progress ...'),
        fpm(3, 'NOTICE', 'reloading: execvp("/usr/sbin/php-fpm8.2", {"/usr/sbin/php-fpm8.2"})'),
      ],
    },
    is: ['likely', 'fpm-reload-kills-requests'],
  },
  { name: 'premature close alone', logs: { 'error.log': seconds.map((s) => nginx(s, premature)) }, is: null },
  {
    name: 'premature close and a gunicorn timeout',
    logs: {
      'error.log': seconds.map((s) => nginx(s, premature)),
      'gunicorn.log': seconds.map((s) => gunicorn(s, 'CRITICAL', `WORKER TIMEOUT (pid:4${s})`)),
    },
    is: ['confirmed', 'gunicorn-worker-timeout'],
  },
  {
    name: 'reset while sending a body',
    logs: { 'error.log': seconds.map((s) => posted(nginx(s, resetSending))) },
    is: null,
    among: ['keepalive-race', 'upload-closed-by-backend'],
  },
  {
    name: 'reset while sending a request that has no body',
    logs: { 'error.log': seconds.map((s) => nginx(s, resetSending)) },
    is: null,
    among: ['keepalive-race', 'deploy-drain-race'],
  },
  {
    name: 'reset while sending a body that the backend calls too large',
    logs: {
      'error.log': seconds.map((s) => posted(nginx(s, resetSending))),
      'backend-error.log': seconds.map((s) => posted(nginx(s, 'client intended to send too large body: 8000000 bytes', null))),
    },
    is: ['likely', 'upload-closed-by-backend'],
  },
  {
    name: 'reset while sending a body, and another that the proxy itself calls too large',
    logs: {
      'error.log': [
        ...seconds.map((s) => posted(nginx(s, resetSending))),
        posted(nginx(21, 'client intended to send too large body: 8000000 bytes', null)),
      ],
    },
    is: null,
    among: ['keepalive-race', 'upload-closed-by-backend'],
  },
  {
    name: 'reset while sending a body to a service that stops',
    logs: {
      'error.log': seconds.map((s) => posted(nginx(s, resetSending))),
      'gunicorn.log': [gunicorn(3, 'INFO', 'Handling signal: term')],
    },
    is: ['likely', 'deploy-drain-race'],
  },
  // nginx itself
  {
    name: 'too big a header',
    logs: { 'error.log': seconds.map((s) => nginx(s, 'upstream sent too big header while reading response header from upstream')) },
    is: ['confirmed', 'header-too-large-response'],
  },
  {
    name: 'FastCGI to a web server',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'upstream sent unsupported FastCGI protocol version: 72 while reading response header from upstream',
          'fastcgi://127.0.0.1:8080',
        ),
      ),
    },
    is: ['confirmed', 'upstream-protocol-mismatch'],
  },
  {
    name: 'an invalid header',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(s, 'upstream sent invalid header: "Bad\\x20Header: x..." while reading response header from upstream'),
      ),
    },
    is: ['confirmed', 'upstream-invalid-header'],
  },
  {
    name: 'TLS to a plain port',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream',
          'https://10.0.0.5:8080/x',
        ),
      ),
    },
    is: ['confirmed', 'upstream-tls-mismatch'],
  },
  {
    name: 'a missing name in TLS',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'SSL_do_handshake() failed (SSL: error:0A000458:SSL routines::tlsv1 unrecognized name:SSL alert number 112) while SSL handshaking to upstream',
          'https://10.0.0.5:443/x',
          'crit',
        ),
      ),
    },
    is: ['likely', 'upstream-sni-missing'],
  },
  {
    name: 'a certificate of its own',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'upstream SSL certificate verify error: (18:self-signed certificate) while SSL handshaking to upstream',
          'https://10.0.0.5:443/x',
        ),
      ),
    },
    is: ['confirmed', 'upstream-tls-verify-failed'],
  },
  {
    name: 'an expired certificate',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream',
          'https://10.0.0.5:443/x',
        ),
      ),
    },
    is: ['confirmed', 'certificate-expired'],
  },
  {
    name: 'a name that is not known',
    logs: { 'error.log': seconds.map((s) => nginx(s, 'app.internal could not be resolved (3: Host not found)', null)) },
    is: ['confirmed', 'upstream-resolver-failed'],
  },
  {
    name: 'a circle of rewrites',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(s, 'rewrite or internal redirection cycle while internally redirecting to "/t/index.php"', null),
      ),
    },
    is: ['confirmed', 'rewrite-cycle'],
  },
  {
    name: 'a full disk',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(s, 'pwrite() "/var/lib/nginx/body/0000000004" failed (28: No space left on device)', null, 'crit'),
      ),
    },
    is: ['confirmed', 'disk-full'],
  },
  {
    name: 'a closed temporary directory',
    logs: {
      'error.log': seconds.map((s) => nginx(s, 'open() "/var/lib/nginx/body/0000000001" failed (13: Permission denied)', null, 'crit')),
    },
    is: ['confirmed', 'temp-dir-permission'],
  },
  {
    name: 'a read-only disk',
    logs: {
      'error.log': seconds.map((s) => nginx(s, 'open() "/var/lib/nginx/body/0000000001" failed (30: Read-only file system)', null, 'crit')),
    },
    is: ['confirmed', 'filesystem-readonly'],
  },
  {
    name: 'no descriptors',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(s, 'socket() failed (24: Too many open files) while connecting to upstream', undefined, 'alert'),
      ),
    },
    is: ['confirmed', 'fd-exhausted'],
  },
  {
    name: 'no slots',
    logs: {
      'error.log': seconds.map((s) => nginx(s, '101 worker_connections are not enough while connecting to upstream', undefined, 'alert')),
    },
    is: ['likely', 'worker-connections-exhausted'],
  },
  {
    name: 'a limit of requests',
    logs: { 'error.log': seconds.map((s) => nginx(s, 'limiting requests, excess: 0.835 by zone "lr"', null)) },
    is: ['confirmed', 'lb-rate-limited'],
  },
  {
    name: 'a failed authentication',
    logs: { 'error.log': seconds.map((s) => nginx(s, 'auth request unexpected status: 502 while sending to client', null)) },
    is: ['confirmed', 'auth-subrequest-failed'],
  },
  {
    name: 'no live upstream',
    logs: { 'error.log': seconds.map((s) => nginx(s, 'no live upstreams while connecting to upstream', 'http://app/x')) },
    is: ['likely', 'no-live-upstreams'],
  },
  {
    name: 'a crashing nginx',
    logs: {
      'error.log': [
        ...seconds.map((s) => nginx(s, premature)),
        `${day} ${clock(4)} [alert] 30#30: worker process 3021 exited on signal 11 (core dumped)`,
      ],
    },
    is: ['likely', 'proxy-process-crash'],
  },
  // PHP
  {
    name: 'a fatal error',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught Error: Call to undefined function nope() in /srv/app/x.php:3" while reading response header from upstream',
          fastcgi,
        ),
      ),
    },
    is: ['confirmed', 'php-fatal-error'],
  },
  {
    name: 'too little memory for a script',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'FastCGI sent in stderr: "PHP message: PHP Fatal error:  Allowed memory size of 33554432 bytes exhausted (tried to allocate 20971552 bytes) in /srv/app/m.php on line 3" while reading response header from upstream',
          fastcgi,
        ),
      ),
    },
    is: ['confirmed', 'php-memory-limit'],
  },
  {
    name: 'a loop in a script',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'FastCGI sent in stderr: "PHP message: PHP Fatal error:  Maximum execution time of 2 seconds exceeded in /srv/app/l.php on line 3" while reading response header from upstream',
          fastcgi,
        ),
      ),
    },
    is: ['confirmed', 'fpm-max-execution-time'],
  },
  {
    name: 'no database for PHP',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /srv/app/db.php:3" while reading response header from upstream',
          fastcgi,
        ),
      ),
    },
    is: ['likely', 'dependency-down'],
  },
  {
    name: 'no name of the database for PHP',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(
          s,
          'FastCGI sent in stderr: "PHP message: PHP Warning:  mysqli_connect(): php_network_getaddresses: getaddrinfo for db failed: Name or service not known in /srv/app/db.php on line 3" while reading response header from upstream',
          fastcgi,
        ),
      ),
    },
    is: ['likely', 'dependency-dns-failed'],
  },
  // Apache
  {
    name: 'Apache refused',
    logs: {
      'error.log': seconds.flatMap((s) => [
        apache(s, 'proxy', '(111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:8999 (127.0.0.1:8999) failed'),
        apache(s, 'proxy_http', '[client 198.51.100.7:54736] AH01114: HTTP: failed to make connection to backend: 127.0.0.1'),
      ]),
    },
    is: null,
    among: ['backend-process-down', 'wrong-upstream-port'],
  },
  {
    name: 'Apache 2.2 refused',
    logs: {
      error_log: seconds.flatMap((s) => [
        apache22(s, '(111)Connection refused: proxy: HTTP: attempt to connect to 127.0.0.1:5002 (127.0.0.1) failed'),
        apache22(s, 'ap_proxy_connect_backend disabling worker for (127.0.0.1)'),
      ]),
    },
    is: null,
    among: ['backend-process-down', 'apache-proxy-worker-error'],
  },
  {
    name: 'Apache 2.2 holds its backend for failed',
    logs: { error_log: seconds.map((s) => apache22(s, 'proxy: HTTP: disabled connection for (127.0.0.1)')) },
    is: ['likely', 'apache-proxy-worker-error'],
  },
  {
    name: 'Apache 2.2 too slow',
    logs: {
      error_log: seconds.map((s) =>
        apache22(
          s,
          '[client 198.51.100.7] (70007)The timeout specified has expired: proxy: error reading status line from remote server 10.0.0.5, referer: https://shop.example/',
        ),
      ),
    },
    is: ['likely', 'upstream-read-timeout'],
  },
  {
    name: 'Apache too slow',
    logs: {
      'error.log': seconds.map((s) =>
        apache(
          s,
          'proxy_http',
          '(70007)The timeout specified has expired: [client 198.51.100.7:54776] AH01102: error reading status line from remote server 127.0.0.1:8100',
        ),
      ),
    },
    is: ['likely', 'upstream-read-timeout'],
  },
  {
    name: 'Apache without a module',
    logs: {
      'error.log': seconds.map((s) =>
        apache(
          s,
          'proxy',
          "[client 198.51.100.7:54776] AH01144: No protocol handler was valid for the URL / (scheme 'http'). If you are using a DSO version of mod_proxy, make sure the proxy submodules are included in the configuration using LoadModule.",
        ),
      ),
    },
    is: ['confirmed', 'apache-proxy-module-missing'],
  },
  {
    name: 'Apache and .htaccess',
    logs: {
      'error.log': seconds.map((s) =>
        apache(
          s,
          'core',
          "[client 198.51.100.7:54776] /var/www/html/.htaccess: Invalid command 'RewriteEngine', perhaps misspelled or defined by a module not included in the server configuration",
        ),
      ),
    },
    is: ['confirmed', 'apache-htaccess-invalid'],
  },
  // HAProxy
  {
    name: 'HAProxy refused',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/s1 0/0/-1/-1/3005 503 217 - - SC-- 1/1/0/0/3 0/0')) },
    is: null,
    among: ['backend-process-down', 'wrong-upstream-port'],
  },
  {
    name: 'HAProxy refused by a server that answered others',
    logs: {
      'haproxy.log': [
        haproxy(1, 'app/s1 0/0/0/10/10 200 217 - - ---- 1/1/0/0/0 0/0'),
        ...seconds.map((s) => haproxy(s, 'app/s1 0/0/-1/-1/3005 503 217 - - SC-- 1/1/0/0/3 0/0')),
      ],
    },
    is: ['likely', 'backend-process-down'],
  },
  {
    name: 'HAProxy without a server',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0')) },
    is: ['likely', 'no-live-upstreams'],
  },
  {
    name: 'HAProxy and a check that wants another code',
    logs: {
      'haproxy.log': [
        haproxyEvent(
          1,
          'Server app/s1 is DOWN, reason: Layer7 wrong status, code: 404, info: "Not Found", check duration: 0ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.',
        ),
        haproxyEvent(1, 'backend app has no server available!'),
        ...seconds.map((s) => haproxy(s, 'app/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0')),
      ],
    },
    is: ['likely', 'health-check-wrong-status'],
  },
  {
    name: 'HAProxy and a check that wants another code, cut by a pager',
    logs: {
      'journal.log': [
        haproxyEvent(1, 'Server app/s1 is DOWN, reason: Layer7 wron>'),
        haproxyEvent(1, "backend 'app' has no server available!"),
      ],
    },
    is: ['likely', 'health-check-wrong-status'],
  },
  {
    name: 'HAProxy and a check of which the reason is cut off',
    logs: { 'journal.log': [haproxyEvent(1, 'Server app/s1 is DOWN, rea>'), haproxyEvent(1, "backend 'app' has no server available!")] },
    is: ['likely', 'no-live-upstreams'],
  },
  {
    name: 'HAProxy has no room for a header of its rules',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/s1 0/0/0/-1/0 500 15445 - - IH-- 1/1/0/0/0 0/0')) },
    is: ['likely', 'haproxy-header-rewrite-overflow'],
  },
  {
    name: 'HAProxy has no room for a header of its rules, and says so',
    logs: {
      'haproxy.log': [
        haproxyEvent(
          3,
          "Proxy f failed to add or set the request header 'X-SSL-Client-Cert' for request #812. You might need to increase tune.maxrewrite.",
        ),
        ...seconds.map((s) => haproxy(s, 'app/<NOSRV> 0/-1/-1/-1/0 500 198 - - PR-- 1/1/0/0/0 0/0')),
      ],
    },
    is: ['confirmed', 'haproxy-header-rewrite-overflow'],
  },
  {
    name: 'HAProxy and an internal error in the middle of an answer',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/s1 0/0/0/-1/0 502 198 - - ID-- 1/1/0/0/0 0/0')) },
    is: null,
  },
  {
    name: 'HAProxy and silence',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/s1 0/0/-1/-1/8005 503 217 - - sC-- 1/1/0/0/3 0/0')) },
    is: null,
  },
  {
    name: 'HAProxy too slow',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/s1 0/0/1/-1/50005 504 198 - - sH-- 1/1/0/0/0 0/0')) },
    is: ['likely', 'upstream-read-timeout'],
  },
  {
    name: 'HAProxy closed',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/s1 0/0/1/-1/5 502 198 - - SH-- 1/1/0/0/0 0/0')) },
    is: null,
  },
  {
    name: 'HAProxy queue',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/<NOSRV> 0/5001/-1/-1/5001 503 217 - - sQ-- 3/3/2/0/0 0/1')) },
    is: ['confirmed', 'haproxy-queue-full'],
  },
  {
    name: 'HAProxy passes on an error of the application',
    logs: { 'haproxy.log': seconds.map((s) => haproxy(s, 'app/s1 0/0/1/20/21 500 198 - - ---- 1/1/0/0/0 0/0')) },
    is: ['likely', 'app-returned-5xx'],
  },
  // Envoy
  {
    name: 'Envoy timeout',
    logs: { 'envoy.log': seconds.map((s) => envoy(s, 504, 'UT', 15_000)) },
    is: ['likely', 'upstream-read-timeout'],
  },
  {
    name: 'Envoy circuit breaker',
    logs: { 'envoy.log': seconds.map((s) => envoy(s, 503, 'UO', 0)) },
    is: ['confirmed', 'envoy-circuit-breaker-overflow'],
  },
  {
    name: 'Envoy without a healthy host',
    logs: { 'envoy.log': seconds.map((s) => envoy(s, 503, 'UH', 0)) },
    is: ['likely', 'no-live-upstreams'],
  },
  { name: 'Envoy closed', logs: { 'envoy.log': seconds.map((s) => envoy(s, 503, 'UC', 3)) }, is: null },
  // application servers and what stands behind applications
  {
    name: 'gunicorn cannot reach its cache',
    logs: {
      'gunicorn.log': seconds.map((s) =>
        gunicorn(
          s,
          'ERROR',
          `Error handling request /x\nTraceback (most recent call last):\n  File "/srv/app.py", line 8, in application\nredis.exceptions.ConnectionError: Error 111 connecting to 10.0.0.9:6379. Connection refused.`,
        ),
      ),
    },
    is: ['likely', 'dependency-down'],
  },
  {
    name: 'gunicorn and a mistake of the application',
    logs: {
      'gunicorn.log': seconds.map((s) =>
        gunicorn(
          s,
          'ERROR',
          'Error handling request /x\nTraceback (most recent call last):\n  File "/srv/app.py", line 8, in application\nKeyError: 1',
        ),
      ),
    },
    is: ['likely', 'app-returned-5xx'],
  },
  {
    name: 'gunicorn ends its silent workers and boots others',
    logs: {
      'gunicorn.log': seconds.flatMap((s) => [
        gunicorn(s, 'CRITICAL', `WORKER TIMEOUT (pid:47${s})`),
        gunicorn(s + 1, 'WARNING', `Worker with pid 47${s} was terminated due to signal 6`),
        gunicorn(s + 1, 'INFO', `Booting worker with pid: 48${s}`),
      ]),
    },
    is: ['likely', 'gunicorn-worker-timeout'],
  },
  {
    name: 'a worker of gunicorn that was aborted, who knows by whom',
    logs: { 'gunicorn.log': [gunicorn(3, 'ERROR', 'Worker (pid:4711) was sent SIGABRT!')] },
    is: null,
    among: ['gunicorn-worker-timeout', 'app-crash-loop'],
  },
  {
    name: 'a worker of gunicorn that crashes',
    logs: { 'gunicorn.log': [gunicorn(3, 'ERROR', 'Worker (pid:4711) was sent SIGSEGV!')] },
    is: ['likely', 'app-crash-loop'],
  },
  {
    name: 'uWSGI and harakiri',
    logs: {
      'error.log': seconds.map((s) => nginx(s, premature, 'uwsgi://127.0.0.1:3031')),
      'uwsgi.log': seconds.flatMap((s) => [
        `Mon Nov 23 ${clock(s)} 2026 - *** HARAKIRI ON WORKER 1 (pid: 47${s}, try: 1) ***`,
        `Mon Nov 23 ${clock(s)} 2026 - HARAKIRI !!! worker 1 status !!!`,
      ]),
    },
    is: ['confirmed', 'uwsgi-harakiri'],
  },
  // Caddy
  {
    name: 'Caddy refused',
    logs: { 'caddy.log': seconds.map((s) => caddy(s, 'dial tcp 10.0.0.5:8080: connect: connection refused')) },
    is: null,
    among: ['backend-process-down', 'wrong-upstream-port'],
  },
  {
    name: 'Caddy and TLS to a plain port',
    logs: { 'caddy.log': seconds.map((s) => caddy(s, 'tls: first record does not look like a TLS handshake')) },
    is: ['confirmed', 'upstream-tls-mismatch'],
  },
  { name: 'Caddy and a client that left', logs: { 'caddy.log': seconds.map((s) => caddy(s, 'context canceled')) }, is: null },
  // balancers of clouds
  {
    name: 'ALB without a target',
    logs: { 'alb.log': seconds.map((s) => alb(s, '-', 503, '-', '-', 0)) },
    is: ['likely', 'no-backend-registered'],
  },
  {
    name: 'ALB too slow',
    logs: { 'alb.log': seconds.map((s) => alb(s, '10.0.0.1:80', 504, '-', '-', 60)) },
    is: ['likely', 'upstream-read-timeout'],
  },
  { name: 'ALB without a connection', logs: { 'alb.log': seconds.map((s) => alb(s, '10.0.0.1:80', 504, '-', '-', 10)) }, is: null },
  { name: 'ALB closed', logs: { 'alb.log': seconds.map((s) => alb(s, '10.0.0.1:80', 502, '-', '-', 0)) }, is: null },
  {
    name: 'ALB passes on an error',
    logs: { 'alb.log': seconds.map((s) => alb(s, '10.0.0.1:80', 500, '500', '-', 0)) },
    is: ['likely', 'app-returned-5xx'],
  },
  {
    name: 'Google: too slow',
    logs: { 'gcp.json': seconds.map((s) => gcp(s, 502, 'backend_timeout')) },
    is: ['likely', 'upstream-read-timeout'],
  },
  {
    name: 'Google: nobody to pick',
    logs: { 'gcp.json': seconds.map((s) => gcp(s, 502, 'failed_to_pick_backend')) },
    is: ['likely', 'no-live-upstreams'],
  },
  {
    name: 'Google: closed before data',
    logs: { 'gcp.json': seconds.map((s) => gcp(s, 502, 'backend_connection_closed_before_data_sent_to_client')) },
    is: ['likely', 'keepalive-race'],
  },
  { name: 'Google: no connection', logs: { 'gcp.json': seconds.map((s) => gcp(s, 502, 'failed_to_connect_to_backend')) }, is: null },
  {
    name: 'Google: large headers',
    logs: { 'gcp.json': seconds.map((s) => gcp(s, 502, 'backend_response_headers_too_long')) },
    is: ['confirmed', 'header-too-large-response'],
  },
  {
    name: 'Google: a circle',
    logs: { 'gcp.json': seconds.map((s) => gcp(s, 502, 'request_loop_detected')) },
    is: ['confirmed', 'hairpin-loop'],
  },
  { name: 'Cloudflare 524', logs: { 'cf.json': seconds.map((s) => cloudflare(s, 524)) }, is: ['confirmed', 'edge-idle-timeout'] },
  { name: 'Cloudflare 522', logs: { 'cf.json': seconds.map((s) => cloudflare(s, 522)) }, is: ['likely', 'cdn-origin-error'] },
  { name: 'Cloudflare 526', logs: { 'cf.json': seconds.map((s) => cloudflare(s, 526)) }, is: ['likely', 'upstream-tls-verify-failed'] },
  {
    name: 'IIS too slow behind ARR',
    logs: { 'iis.log': iis(seconds.map((s) => [s, '502 3 12002 120016'])) },
    is: ['likely', 'upstream-read-timeout'],
  },
  { name: 'IIS without a process', logs: { 'iis.log': iis(seconds.map((s) => [s, '502 5 0 12'])) }, is: ['likely', 'app-crash-loop'] },
  // output of programs and containers
  {
    name: 'a service on loopback only',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused, 'http://172.18.0.3:3000/x')),
      'app.log': ['Server listening on http://localhost:3000'],
    },
    is: ['likely', 'upstream-binds-localhost'],
  },
  {
    name: 'a service on another port',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused, 'http://172.18.0.3:8080/x')),
      'app.log': ['Server listening on http://0.0.0.0:3000'],
    },
    is: ['likely', 'wrong-upstream-port'],
  },
  {
    name: 'a service on the right port that refuses',
    logs: {
      'error.log': seconds.map((s) => nginx(s, refused, 'http://172.18.0.3:3000/x')),
      'app.log': ['Server listening on http://0.0.0.0:3000'],
    },
    is: ['likely', 'backend-process-down'],
  },
  {
    name: 'nginx that does not start',
    logs: { 'docker.log': ['nginx: [emerg] host not found in upstream "app:3000" in /etc/nginx/conf.d/default.conf:3'] },
    is: ['likely', 'upstream-resolver-failed'],
  },
  {
    name: 'a pod that restarts',
    logs: { 'events.txt': ['Warning  BackOff  1m  kubelet  Back-off restarting failed container web in pod web-5d4f8'] },
    is: ['likely', 'app-crash-loop'],
  },
  // innocents
  {
    name: 'clients that went away',
    logs: {
      'error.log': [
        nginx(
          2,
          'epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while sending request to upstream',
          undefined,
          'info',
        ),
      ],
      'access.log': [access(2, 499)],
    },
    is: null,
  },
  {
    name: 'a response buffered to disk',
    logs: {
      'error.log': [
        nginx(
          2,
          'an upstream response is buffered to a temporary file /var/lib/nginx/proxy/1/00/0000000001 while reading upstream',
          undefined,
          'warn',
        ),
      ],
    },
    is: null,
  },
  // One line, and what else is known
  {
    name: 'gunicorn’s worker got signal 9, and gunicorn did not send it',
    logs: { 'gunicorn.log': seconds.map((s) => gunicorn(s, 'ERROR', 'Worker (pid:21) was sent SIGKILL! Perhaps out of memory?')) },
    is: ['likely', 'oom-killed'],
  },
  {
    name: 'gunicorn’s worker got signal 9 after a timeout',
    logs: {
      'gunicorn.log': [
        gunicorn(3, 'CRITICAL', 'WORKER TIMEOUT (pid:21)'),
        gunicorn(4, 'ERROR', 'Worker (pid:21) was sent SIGKILL! Perhaps out of memory?'),
      ],
    },
    is: ['likely', 'gunicorn-worker-timeout'],
  },
  {
    name: 'closed by a port of HTTPS that was asked by HTTP',
    logs: { 'error.log': seconds.map((s) => nginx(s, premature, 'http://10.0.0.5:443/x')) },
    is: ['likely', 'upstream-tls-mismatch'],
  },
  {
    name: 'a TLS handshake that was closed, by a check',
    logs: {
      'haproxy.log': [
        haproxyEvent(
          3,
          'Server app/web-1 is DOWN, reason: Layer6 invalid response, info: "SSL handshake failure", check duration: 3ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.',
        ),
      ],
    },
    is: null,
    among: ['upstream-tls-mismatch', 'upstream-sni-missing', 'upstream-tls-verify-failed'],
  },
  {
    name: 'a certificate that a check does not accept',
    logs: {
      'haproxy.log': [
        haproxyEvent(
          3,
          'Server app/web-1 is DOWN, reason: Layer6 invalid response, info: "SSL handshake failure (error:0A000086:SSL routines::certificate verify failed)", check duration: 3ms. 0 active and 0 backup servers left.',
        ),
      ],
    },
    is: ['likely', 'upstream-tls-verify-failed'],
  },
  {
    name: 'HAProxy that cannot look up a server',
    logs: {
      'haproxy.log': [
        haproxyEvent(3, 'Server app/web-1 is going DOWN for maintenance (DNS NX status). 0 active and 0 backup servers left.'),
      ],
    },
    is: ['likely', 'upstream-resolver-failed'],
  },
  {
    name: 'a script in nginx that cannot look up a name',
    logs: {
      'error.log': seconds.map((s) =>
        nginx(s, '[lua] balancer.lua:917: execute(): DNS resolution failed: dns server error: 3 name error', null),
      ),
    },
    is: ['likely', 'upstream-resolver-failed'],
  },
  {
    name: 'Apache’s verdict of a handshake that its check of the certificate ended',
    logs: {
      'error.log': seconds.flatMap((s) => [
        apache(s, 'ssl', '[remote 10.0.0.5:443] AH02039: Certificate Verification: Error (20): unable to get local issuer certificate'),
        apache(s, 'proxy', '[client 198.51.100.7:5555] AH00898: Error during SSL Handshake with remote server returned by /'),
      ]),
    },
    is: ['likely', 'upstream-tls-verify-failed'],
  },
  {
    name: 'an error long after the last request that was logged in the same file',
    logs: {
      'mixed.log': [
        '198.51.100.7 - - [23/Nov/2026:09:50:03 +0000] "POST /x HTTP/1.1" 201 356',
        apache(
          33,
          'proxy_http',
          '(70007)The timeout specified has expired: [client 198.51.100.7:54776] AH01102: error reading status line from remote server localhost:8000',
        ),
      ],
    },
    is: ['likely', 'upstream-read-timeout'],
  },
  {
    name: 'nginx in a container whose log the journal tags',
    logs: {
      journal: seconds.map((s) =>
        syslog(s, 'shop-proxy[4711]', nginx(s, 'upstream sent too big header while reading response header from upstream')),
      ),
    },
    is: ['confirmed', 'header-too-large-response'],
  },
  {
    name: 'a unit of a proxy that does not start',
    logs: {
      syslog: [
        syslog(1, 'systemd[1]', 'nginx.service: Control process exited, code=exited, status=1/FAILURE'),
        syslog(1, 'systemd[1]', "nginx.service: Failed with result 'exit-code'."),
      ],
    },
    is: ['likely', 'proxy-reload-failed'],
  },
  {
    name: 'a unit of an application that does not start',
    logs: {
      syslog: [
        syslog(1, 'systemd[1]', 'shop.service: Main process exited, code=exited, status=1/FAILURE'),
        syslog(1, 'systemd[1]', "shop.service: Failed with result 'exit-code'."),
      ],
    },
    is: ['likely', 'app-crash-loop'],
  },
  { name: 'a container that signal 9 ended', logs: { 'docker.log': ['shop-1 exited with code 137'] }, is: null, among: ['oom-killed'] },
  { name: 'a container that ends', logs: { 'docker.log': ['shop-1 exited with code 1'] }, is: ['likely', 'app-crash-loop'] },
  {
    name: 'Go cannot connect, and nothing tells whether it is a proxy',
    logs: { 'app.log': ['dial tcp 10.0.0.5:8080: connect: connection refused'] },
    is: null,
    among: ['dependency-down', 'backend-process-down'],
  },
  {
    name: 'Go cannot connect to a port of databases',
    logs: { 'app.log': ['dial tcp 10.0.0.5:5432: connect: connection refused'] },
    is: ['likely', 'dependency-down'],
  },
  {
    name: 'a proxy in Go that is refused',
    logs: { 'app.log': ['2026/11/23 10:00:03 http: proxy error: dial tcp 10.0.0.5:8080: connect: connection refused'] },
    is: null,
    among: ['backend-process-down', 'wrong-upstream-port'],
  },
  {
    name: 'a proxy in Go without a free port',
    logs: { 'caddy.log': seconds.map((s) => caddy(s, 'dial tcp 10.0.0.5:8080: connect: cannot assign requested address')) },
    is: ['confirmed', 'ephemeral-ports-exhausted'],
  },
  {
    name: 'a path of a socket that was copied with its setting',
    logs: {
      'error.log': seconds.map((s) =>
        apache(
          s,
          'proxy',
          '(2)No such file or directory: AH02454: FCGI: attempt to connect to Unix domain socket /run/listen = /run/php/x.sock (localhost) failed',
        ),
      ),
    },
    is: ['likely', 'fpm-socket-path-mismatch'],
  },
  {
    name: 'a program that ended without a date, in the short log of its containers',
    logs: {
      'compose.log': ["app-1    | Error: Cannot find module 'express'", `nginx-1  | ${nginx(3, refused)}`],
    },
    is: ['likely', 'app-crash-loop'],
  },
  {
    name: 'a program that ended without a date, somewhere in a long log',
    logs: {
      'compose.log': [
        'app-1    | FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
        `nginx-1  | ${nginx(3, premature).replace(' 10:', ' 07:')}`,
        `nginx-1  | ${nginx(9, premature)}`,
      ],
    },
    is: null,
    among: ['app-crash-loop', 'keepalive-race'],
  },
  {
    name: 'a proxy that asks itself for a port of another container',
    logs: { 'compose.log': ['app-1    | Listening on port 3000', `nginx-1  | ${nginx(3, refused, 'http://127.0.0.1:3000/x')}`] },
    is: ['likely', 'upstream-localhost-in-container'],
  },
  {
    name: 'a proxy that asks the port on which its own container listens',
    logs: { 'compose.log': ['web-1  | Listening on port 3000', `web-1  | ${nginx(3, refused, 'http://127.0.0.1:3000/x')}`] },
    is: null,
    among: ['backend-process-down', 'upstream-localhost-in-container'],
  },
  {
    name: 'a kernel log without a year beside an error log of another',
    logs: {
      'error.log': seconds.map((s) => nginx(s, reset, fastcgi).replace('2026/', '2019/')),
      'kern.log': seconds.map((s) => killed(s, 'php-fpm8.2')),
    },
    is: ['confirmed', 'oom-killed'],
  },
  {
    name: 'no live upstreams after refusals',
    logs: {
      'error.log': [...seconds.map((s) => nginx(s, refused)), nginx(30, 'no live upstreams while connecting to upstream', 'http://app/y')],
    },
    is: null,
    among: ['backend-process-down', 'no-live-upstreams'],
  },
  {
    name: 'no live upstreams long after a refusal',
    logs: {
      'error.log': [nginx(3, refused).replace(' 10:', ' 07:'), nginx(30, 'no live upstreams while connecting to upstream', 'http://app/y')],
    },
    is: ['likely', 'no-live-upstreams'],
    among: ['backend-process-down'],
  },
  {
    name: 'a proxy in Node that is refused',
    logs: {
      'dev.log': [
        '[HPM] Error occurred while proxying request localhost:3000/api to http://127.0.0.1:8000/ [ECONNREFUSED] (https://nodejs.org/api/errors.html)',
        'Error: connect ECONNREFUSED 127.0.0.1:8000',
      ],
    },
    is: null,
    among: ['backend-process-down'],
  },
  {
    name: 'Django refuses the address that a check asks for',
    logs: { 'app.log': ["Invalid HTTP_HOST header: '10.0.0.5:8000'. You may need to add '10.0.0.5' to ALLOWED_HOSTS."] },
    is: ['likely', 'health-check-wrong-host-or-method'],
  },
  {
    name: 'an old out of memory',
    logs: {
      'error.log': seconds.map((s) => nginx(s, connectTimeout)),
      'kern.log': [
        'Nov 22 10:00:02 web-1 kernel: [ 4711.123456] Out of memory: Killed process 4711 (node) total-vm:231480kB, anon-rss:52160kB, file-rss:9216kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0',
      ],
    },
    is: null,
  },
];

it.for(cases)('$name', async ({ logs, is, among = [] }) => {
  const report = await explained(logs);
  expect(report.causes.map(({ id, certainty }) => [certainty, id])).toEqual(is === null ? [] : [is]);
  for (const cause of report.causes) expect(cause.summary).not.toContain('{');
  const open = report.untested.map(({ id }) => id);
  for (const cause of among) expect(open).toContain(cause);
  // What is not proven is not left alone: the report says what it may be, or what is missing.
  expect([report.outcome, open]).not.toEqual(['cause-unproven', []]);
});

it('counts what Apache says of one request in several lines once', async () => {
  const attempt = (second: number, address: string): string =>
    apache(second, 'proxy', `(111)Connection refused: AH00957: http: attempt to connect to ${address} (localhost:8999) failed`);
  const outcome = (second: number): string =>
    apache(second, 'proxy_http', '[client 198.51.100.7:54736] AH01114: HTTP: failed to make connection to backend: localhost');
  const failing = async (...lines: readonly string[]): Promise<number | undefined> =>
    (await explained({ 'error.log': lines })).logs?.failed;
  expect(await failing(attempt(3, '127.0.0.1:8999'), outcome(3))).toBe(1);
  // Two at once, and the two addresses of one name.
  expect(await failing(attempt(3, '127.0.0.1:8999'), attempt(3, '127.0.0.1:8999'), outcome(3), outcome(3))).toBe(2);
  expect(await failing(attempt(3, '[::1]:8999'), attempt(3, '127.0.0.1:8999'), outcome(3))).toBe(1);
  expect(
    await failing(
      attempt(3, '[::1]:8999'),
      attempt(3, '127.0.0.1:8999'),
      outcome(3),
      attempt(3, '[::1]:8999'),
      attempt(3, '127.0.0.1:8999'),
      outcome(3),
    ),
  ).toBe(2);
  // An outcome whose reason is not near is one of its own, and so is a request that was not tried because the worker is out.
  expect(await failing(attempt(3, '127.0.0.1:8999'), outcome(9))).toBe(2);
  expect(
    await failing(
      attempt(3, '127.0.0.1:8999'),
      apache(3, 'proxy', 'AH00959: ap_proxy_connect_backend disabling worker for (localhost:8999) for 60s'),
      outcome(3),
      apache(4, 'proxy', 'AH00940: http: disabled connection for (localhost:8999)'),
    ),
  ).toBe(2);
});
