// Lines of error logs without their date, or with half of it, as people paste them: nginx's, Apache's, php-fpm's and PHP's. A line is only
// taken where it has a shape that nobody else writes, so that other text stays unknown.
import type { ErrorRecord, LogFamily } from '../records.ts';
import { apacheHead, apacheSaid, datedApache } from './apache-error-log.ts';
import { errorFormat, linesRead } from './detect.ts';
import { nginxErrorFormat, nginxMessage } from './nginx-error-log.ts';
import { fpmMessage, phpMessage } from './php-logs.ts';

/** How much of a line is looked at to tell what it is. */
const looked = 4096;
const missing = { name: 'date', meaning: 'missing or damaged: such lines have no time' } as const;

/** A family of which a record is whatever begins with a telling line. */
function family(
  known: Pick<LogFamily, 'id' | 'title' | 'product' | 'fields' | 'samples'>,
  read: (record: string) => ErrorRecord | null,
  begins: (line: string) => boolean,
): LogFamily {
  const format = errorFormat(known.id, known.product, read, begins);
  return { ...known, kind: 'error', detect: (lines) => (linesRead(format, lines) > 0 ? format : null) };
}

const nginxHead =
  /^(?:(nginx: )|[\d/:. -]{0,20})\[(emerg|alert|crit|error|warn|notice|info|debug)\] (?:(\d{1,10})#\d{1,10}: )?|^(\d{1,10})#\d{1,10}: (?=\*\d)/;
const phase =
  / while (?:connecting|reading|sending|SSL handshaking|waiting for|processing|proxying|resolving|logging|closing|keepalive|prematurely|handling)\b/;
const context =
  /(?: while [A-Za-z][A-Za-z0-9/ ]{3,60})?, client: [^,\s]{1,64}, server: | while [A-Za-z][A-Za-z0-9/ ]{3,60}, client: [^,\s]{1,64}(?:,|$)/;
const nginxOwn =
  /^(?:\w{3,24}\(\) (?:"[^"\n]{1,512}" |to \S{1,256} )?failed \(\d{1,3}: [A-Z]|\d{1,9} worker_connections are not enough|worker process \d{1,10} exited on signal \d|host not found in upstream "|FastCGI sent in stderr: ")/;
const nginxActing =
  /^(?:\w{3,24}\(\) (?:failed|not ready|error|"|to )|failed \(\d{1,3}: |upstream (?:timed out|prematurely closed|sent |server |SSL )|no live upstreams|SSL_\w{2,24}\(\) |peer closed connection|client (?:intended|sent|closed|prematurely|timed)|limiting (?:requests|connections)|access forbidden by|recv\(\)|[\w.-]{1,253} could not be resolved \(\d)/;

/** What nginx wrote in front of its message, and where that begins; null for a line that does not give nginx away. */
function nginxStart(line: string): { readonly level: string | null; readonly pid: number | null; readonly from: number } | null {
  const head = nginxHead.exec(line.slice(0, 80));
  const [all = '', program, level = null, pid, bare] = head ?? [];
  const number = pid ?? bare;
  const start = { level, pid: number === undefined ? null : Number(number), from: all.length };
  if (number !== undefined || program !== undefined) return nginxErrorFormat.error?.(line) == null ? start : null;
  if (all !== '' && line[0] !== '[') return null;
  const rest = line.slice(all.length, all.length + looked);
  const connection = /^\*\d{1,20} /.exec(rest.slice(0, 24))?.[0].length ?? 0;
  const said = rest.slice(connection);
  if (nginxOwn.test(said)) return start;
  // With nothing of nginx's in front, the message itself has to begin as one of its own does.
  const isBehindHead = connection > 0 || (level !== null && context.test(said));
  return (isBehindHead || nginxActing.test(said)) && (phase.test(said) || context.test(said)) ? start : null;
}

/** nginx error lines without a date. */
export const nginxUndated: LogFamily = family(
  {
    id: 'nginx-error-undated',
    title: 'nginx error log, lines without their date',
    product: 'nginx',
    fields: [
      missing,
      { name: '[level]', meaning: 'level, where it is there' },
      { name: 'PID#TID', meaning: 'worker process, where it is there' },
      { name: '*CONNECTION', meaning: 'skipped' },
      { name: 'message', meaning: 'what failed, with errno, and what nginx was doing' },
      { name: 'client, server, request, upstream, host, request_id', meaning: 'about which request it is' },
    ],
    // Lines of nginx 1.22 with parts cut off.
    samples: [
      '[error] 1046#1046: *2094 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 192.0.2.1, server: shop.example, request: "GET /update HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000", host: "shop.example"',
      '*6 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: shop.example, request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:9/", host: "shop.example"',
      'connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: _, request: "GET / HTTP/1.1", upstream: "http://[::1]:8000/", host: "shop.example"',
      'upstream prematurely closed connection while reading response header from upstream',
      '026/11/23 21:12:50 [error] 26764#0: *34 FastCGI sent in stderr: "PHP message: PHP Fatal error:  boom\nPHP message: PHP Stack trace:" while reading response header from upstream, client: 192.0.2.1',
      'nginx: [emerg] host not found in upstream "app.internal" in /etc/nginx/conf.d/shop.conf:4',
      '[crit] accept4() failed (24: Too many open files)',
    ],
  },
  (record) => {
    const start = nginxStart(record.slice(0, looked).split('\n', 1)[0] ?? '');
    return start === null ? null : nginxMessage(record.slice(start.from), null, start.level, start.pid);
  },
  (line) => nginxStart(line.slice(0, looked)) !== null,
);

const apacheBare =
  /^(?:\(\d{1,6}\)[^:\n]{1,120}: (?:\[(?:client|remote) [^\]\s]{1,64}\] )?(?:AH\d{5}: |proxy: |mod_\w{1,40}: )|(?:\[(?:client|remote) [^\]\s]{1,64}\] )?AH\d{5}: |\[client [\da-f.:[\]]{3,64}\] [A-Z(]|server reached Max(?:Clients|RequestWorkers) setting|child pid \d{1,10} exit signal |proxy: (?:HTTPS?|AJP|FCGI|BALANCER|error reading|Error |pass request body|DNS lookup|ap_get_scoreboard))/;
const apacheSplit =
  /^(?:\[([\w-]{0,40}):([a-z]{4,7})\d?\] |\[(emerg|alert|crit|error|warn|notice|info|debug)\] )?(?:\[pid (\d{1,10})(?::tid \d{1,20})?\] )?/;

/** Level and process in front of what Apache said, and where that begins; null for a line that does not give Apache away. */
function apacheStart(line: string): { readonly level: string | null; readonly pid: number | null; readonly from: number } | null {
  if (datedApache(line) !== null) return null;
  // Half a date: `23:52:02.875858 2026] [proxy:error] [pid 9732] …`
  const cut = /^[\w :.]{0,32}\] (?=\[)/.exec(line.slice(0, 40))?.[0].length ?? 0;
  const head = apacheSplit.exec(line.slice(cut, cut + 160));
  const [all = '', , level, old, pid] = head ?? [];
  const from = cut + all.length;
  const isWhole = apacheHead(line.slice(cut)) !== null && old === undefined;
  if (!isWhole && !(apacheBare.test(line.slice(from, from + 512)) && (cut === 0 || all !== ''))) return null;
  return { level: level ?? old ?? null, pid: pid === undefined ? null : Number(pid), from };
}

/** Apache error lines without a date. */
export const apacheUndated: LogFamily = family(
  {
    id: 'apache-error-undated',
    title: 'Apache error log, lines without their date',
    product: 'apache',
    fields: [
      missing,
      { name: '[module:level], [level]', meaning: 'level, where it is there' },
      { name: '[pid:tid]', meaning: 'process, where it is there' },
      { name: '[client ADDRESS]', meaning: 'client, wherever it stands' },
      { name: '(errno)text, AH code, message', meaning: 'the message; a trailing referer is cut' },
      { name: 'backend in the message', meaning: 'upstream' },
    ],
    // Lines of Apache 2.4 with parts cut off; those without a number after the sources of 2.2.
    samples: [
      '[proxy:error] [pid 9732] (111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:18199 (127.0.0.1:18199) failed',
      "AH01144: No protocol handler was valid for the URL / (scheme 'http')",
      '[error] (111)Connection refused: proxy: HTTP: attempt to connect to 127.0.0.1:8080 (localhost) failed',
      '(70007)The timeout specified has expired: [client 127.0.0.1:54776] AH01102: error reading status line from remote server 127.0.0.1:18100',
      '[client 127.0.0.1:54736] AH01114: HTTP: failed to make connection to backend: 127.0.0.1',
      'proxy: Error reading from remote server returned by /app/sleep',
    ],
  },
  (record) => {
    const start = apacheStart(record.slice(0, looked).split('\n', 1)[0] ?? '');
    return start === null ? null : apacheSaid(record.slice(start.from), null, start.level, start.pid);
  },
  (line) => apacheStart(line.slice(0, looked)) !== null,
);

const fpmStart =
  /^(?:\[?(?:DEBUG|NOTICE|WARNING|ERROR|ALERT)(?:\]|:) (?:pid \d{1,10}, \w{1,64}\(\), line \d|\[pool [^\]\n]{1,100}\] |fpm is |unable to bind listening socket|failed processes threshold|FPM initialization failed|[Aa]n another FPM instance|server reached pm|Terminating \.\.\.|failed to (?:open error_log|ptrace|accept new connection))|\[pool [^\]\n]{1,100}\] (?:server reached |child \d|seems busy|unable to |cannot |pm\.|fork\(\)))/;

/** php-fpm's lines without a date. */
export const fpmUndated: LogFamily = family(
  {
    id: 'php-fpm-undated',
    title: 'php-fpm log, lines without their date',
    product: 'php-fpm',
    fields: [
      missing,
      { name: 'LEVEL', meaning: 'level, where it is there' },
      { name: 'pid N, function(), line N', meaning: 'only with log_level = debug; process' },
      { name: '[pool NAME] message', meaning: 'the message' },
      { name: '(request: "…")', meaning: 'request, where a script was slow or ended' },
    ],
    // Lines of php-fpm 8.2 with parts cut off.
    samples: [
      'WARNING: [pool www] server reached pm.max_children setting (2), consider raising it',
      '[pool www] child 4593 exited on signal 11 (SIGSEGV) after 1.041132 seconds from start',
      "ERROR: unable to bind listening socket for address '/run/php/site.sock': Permission denied (13)",
    ],
  },
  (record) => (fpmStart.test(record.slice(0, 256)) ? (fpmMessage(record, null) ?? fpmMessage(`WARNING: ${record}`, null)) : null),
  (line) => fpmStart.test(line.slice(0, 256)),
);

const phpStart =
  /^(?:NOTICE: PHP message: )?(?:PHP )?(?:Fatal error|Parse error|Recoverable fatal error|Catchable fatal error|Warning|Notice|Deprecated): {1,2}[^\n]{1,2000}? in \S{1,1000}(?: on line |:)\d/;
/** Where nginx repeats what PHP said, the line is nginx's. */
const isNginxs = (line: string): boolean => line.includes('" while ');
const beginsPhp = (line: string): boolean =>
  /^[NPFRCWD]/.test(line) && phpStart.test(line.slice(0, looked)) && !isNginxs(line.slice(0, looked));

/** PHP's own errors without a date. */
export const phpUndated: LogFamily = family(
  {
    id: 'php-error-undated',
    title: 'PHP errors without a date, as it prints them',
    product: 'php',
    fields: [
      missing,
      { name: 'PHP Fatal error, PHP Warning …', meaning: 'level: error, warn or notice' },
      { name: 'message and stack trace', meaning: 'the message' },
    ],
    samples: [
      'PHP Fatal error:  Uncaught Error: Call to undefined function nope() in /srv/app/x.php:3\nStack trace:\n#0 {main}\n  thrown in /srv/app/x.php on line 3',
      'Fatal error: Allowed memory size of 33554432 bytes exhausted (tried to allocate 20971552 bytes) in /srv/app/m.php on line 3',
      'NOTICE: PHP message: PHP Warning:  Undefined variable $x in /srv/app/w.php on line 2',
    ],
  },
  (record) => {
    if (!beginsPhp(record.slice(0, looked).split('\n', 1)[0] ?? '')) return null;
    const said = record.replace(/^NOTICE: PHP message: /, '');
    return phpMessage(said.startsWith('PHP ') ? said : `PHP ${said}`, null);
  },
  beginsPhp,
);
