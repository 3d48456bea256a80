// Log lines of troubles that are long over, in the exact formats of nginx, php-fpm and HAProxy. Their times lie hours to days back.
import type { LabFacts } from '../model/fault.ts';

type Random = () => number;

const pad = (value: number, width = 2) => String(value).padStart(width, '0');
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `2026/11/23 07:11:54`, local time as nginx writes it. */
function nginxTime(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}/${pad(d.getMonth() + 1)}/${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}
/** `23-Nov-2026 07:11:54` as php-fpm writes it. */
function fpmTime(ms: number): string {
  const d = new Date(ms);
  return `${pad(d.getDate())}-${months[d.getMonth()] ?? ''}-${d.getFullYear()} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}
/** `Nov 23 07:11:54` of the syslog, and HAProxy's own time. */
function syslogTime(ms: number): string {
  const d = new Date(ms);
  return `${months[d.getMonth()] ?? ''} ${String(d.getDate()).padStart(2, ' ')} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}
function haproxyTime(ms: number): string {
  const d = new Date(ms);
  return `${pad(d.getDate())}/${months[d.getMonth()] ?? ''}/${d.getFullYear()}:${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}.${pad(d.getMilliseconds(), 3)}`;
}

/** Ascending times between three days and two hours back, in a few clusters as troubles come. */
function past(random: Random, nowMs: number, count: number): readonly number[] {
  const hour = 3_600_000;
  const clusters = Array.from({ length: 3 }, () => nowMs - 2 * hour - random() * 70 * hour);
  return Array.from({ length: count }, (_, i) => Math.floor((clusters[i % clusters.length] ?? nowMs) - random() * 300_000)).toSorted(
    (a, b) => a - b,
  );
}

function choose<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

function nginxLines(random: Random, nowMs: number, count: number, messages: readonly string[]): string {
  const pid = 400 + Math.floor(random() * 600);
  let connection = 1000 + Math.floor(random() * 50_000);
  return past(random, nowMs, count)
    .map((at) => {
      const [level = 'error', message = ''] = choose(random, messages).split('|');
      return `${nginxTime(at)} [${level}] ${pid}#${pid}: *${(connection += 1 + Math.floor(random() * 40))} ${message}\n`;
    })
    .join('');
}

/** nginx error log of a backend. */
export function oldBackendLines(random: Random, nowMs: number, facts: LabFacts): string {
  const tail = (path: string, upstream = true) =>
    `, client: ${facts.balancerSource}, server: ${facts.siteHost}, request: "GET ${path} HTTP/1.0"${upstream ? `, upstream: "fastcgi://unix:${facts.paths.fpmSocket}:"` : ''}, host: "${facts.siteHost}"`;
  return nginxLines(random, nowMs, 12, [
    `error|connect() to unix:${facts.paths.fpmSocket} failed (11: Resource temporarily unavailable) while connecting to upstream${tail('/api/orders')}`,
    `error|recv() failed (104: Connection reset by peer) while reading response header from upstream${tail('/api/report?seconds=20')}`,
    `error|upstream timed out (110: Connection timed out) while reading response header from upstream${tail('/api/report?seconds=90')}`,
    `crit|connect() to unix:${facts.paths.fpmSocket} failed (2: No such file or directory) while connecting to upstream${tail('/api/orders')}`,
    `error|FastCGI sent in stderr: "PHP message: PHP Warning:  Undefined array key "coupon" in ${facts.paths.webRoot}/api/orders.php on line 9" while reading response header from upstream${tail('/api/orders')}`,
    `error|open() "${facts.paths.webRoot}/favicon.ico" failed (2: No such file or directory)${tail('/favicon.ico', false)}`,
    `crit|pwrite() "/var/lib/nginx/body/0000000112" failed (28: No space left on device)${tail('/api/upload', false)}`,
  ]);
}

/** php-fpm log of a backend. */
export function oldRuntimeLines(random: Random, nowMs: number, facts: LabFacts): string {
  const messages = [
    'WARNING: [pool www] server reached pm.max_children setting (5), consider raising it',
    `WARNING: [pool www] child PID, script '${facts.paths.webRoot}/api/report.php' (request: "GET /api/report.php") execution timed out (31.206571 sec), terminating`,
    'WARNING: [pool www] child PID exited on signal 15 (SIGTERM) after 214.004871 seconds from start',
    'WARNING: [pool www] child PID exited on signal 11 (SIGSEGV) after 18.664101 seconds from start',
    'WARNING: [pool www] seems busy (you may need to increase pm.start_servers, or pm.min/max_spare_servers), spawning 8 children, there are 0 idle, and 5 total children',
    'NOTICE: [pool www] child PID started',
  ];
  return past(random, nowMs, 8)
    .map((at) => `[${fpmTime(at)}] ${choose(random, messages).replace('PID', String(500 + Math.floor(random() * 400)))}\n`)
    .join('');
}

/** nginx error log of the balancer. */
export function oldBalancerLines(random: Random, nowMs: number, facts: LabFacts, backends: readonly string[]): string {
  const tail = (address: string) =>
    `, client: ${facts.edgeAddress}, server: ${facts.siteHost}, request: "GET /api/orders HTTP/1.1", upstream: "http://${address}:80/api/orders", host: "${facts.siteHost}"`;
  return nginxLines(
    random,
    nowMs,
    12,
    backends.flatMap((address) => [
      `error|upstream timed out (110: Connection timed out) while connecting to upstream${tail(address)}`,
      `error|upstream timed out (110: Connection timed out) while reading response header from upstream${tail(address)}`,
      `error|connect() failed (111: Connection refused) while connecting to upstream${tail(address)}`,
      `error|upstream prematurely closed connection while reading response header from upstream${tail(address)}`,
      `error|upstream sent too big header while reading response header from upstream${tail(address)}`,
    ]),
  );
}

/** nginx error log of the edge. */
export function oldEdgeLines(random: Random, nowMs: number, facts: LabFacts): string {
  const tail = `, client: ${facts.clientAddresses['client-b'] ?? ''}, server: ${facts.siteHost}, request: "GET / HTTP/1.1", upstream: "http://${facts.balancerAddress}:80/", host: "${facts.siteHost}"`;
  return nginxLines(random, nowMs, 5, [
    `error|upstream timed out (110: Connection timed out) while connecting to upstream${tail}`,
    `error|recv() failed (104: Connection reset by peer) while reading response header from upstream${tail}`,
    `error|connect() failed (111: Connection refused) while connecting to upstream${tail}`,
  ]);
}

/** Log of HAProxy: servers that went down and came back, and requests that failed meanwhile. */
export function oldHaproxyLines(random: Random, nowMs: number, servers: readonly string[]): string {
  const pid = 400 + Math.floor(random() * 600);
  return past(random, nowMs, 8)
    .flatMap((at) => {
      const server = choose(random, servers);
      const reason = choose(random, [
        'Layer4 connection problem, info: "Connection refused", check duration: 0ms',
        'Layer4 timeout, check duration: 1001ms',
        'Layer7 wrong status, code: 503, info: "Service Unavailable", check duration: 2ms',
      ]);
      const left = servers.length - 1;
      const head = (ms: number) => `${syslogTime(ms)} slb haproxy[${pid}]: `;
      return [
        `${head(at)}203.0.113.5:${30_000 + Math.floor(random() * 30_000)} [${haproxyTime(at - 3_004)}] shop web/${server} 0/0/-1/-1/3004 503 217 - - SC-- 2/2/0/0/3 0/0 {shop.example.com|Mozilla/5.0} "GET /api/orders HTTP/1.1"\n`,
        `${head(at + 200)}Server web/${server} is DOWN, reason: ${reason}. ${left} active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.\n`,
        `${head(at + 41_000)}Server web/${server} is UP, reason: Layer7 check passed, code: 200, check duration: 1ms. ${left + 1} active and 0 backup servers online. 0 sessions requeued, 0 total in queue.\n`,
      ];
    })
    .join('');
}
