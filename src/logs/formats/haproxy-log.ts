// HAProxy's log: requests in the http, https and tcp formats, and what it says of its servers and proxies; bare, on stderr, or behind a syslog
// header.
import type { AccessRecord, ErrorRecord, FormatHints, LogFamily, LogFormat } from '../records.ts';
import { slashMoment } from './dates.ts';
import { linesRead, message } from './detect.ts';
import { withoutUser } from './record.ts';
import { syslogHeader } from './syslog-header.ts';

// Nothing that HAProxy writes is longer than its own limit of 64 KiB; usual lines are under 1 KiB.
const longest = 16_384;

const request =
  /^(\S+):\d+ \[([^\]]{20,30})\] (\S+) ([^/\s]+)\/(\S+) (\+?-?\d+)\/(\+?-?\d+)\/(\+?-?\d+)(?:\/(\+?-?\d+)\/(\+?-?\d+))? (?:(-1|\d{3}) )?\+?\d+ (?:\S+ \S+ )?([A-Za-z-]{2}(?:[A-Za-z-]{2})?) \d+\/\d+\/\d+\/\d+\/(\+?)(\d+) \d+\/\d+(.*)$/s;

const timer = (text: string | undefined): number => Number((text ?? '-1').replace('+', ''));
const known = (ms: number): number | null => (ms >= 0 ? ms : null);

/** Splits `https://host/path` as HTTP/2 requests are logged; host is null for a plain path. */
function target(uri: string): { readonly host: string | null; readonly path: string } {
  const match = /^[a-z]{2,8}:\/\/([^/?#\s]{1,255})(.*)$/s.exec(uri);
  if (match === null) return { host: null, path: uri };
  const host = withoutUser(match[1] ?? '');
  return { host: host === '' ? null : host, path: match[2] === '' ? '/' : (match[2] ?? '/') };
}

/** Everything that a line about a request says. Times are in milliseconds, -1 where that moment never came. */
export interface HaproxyRequest {
  readonly at: number;
  readonly zoned: boolean;
  readonly client: string;
  readonly frontend: string;
  readonly pool: string;
  /** In angle brackets where no server was chosen. */
  readonly server: string;
  readonly isHttp: boolean;
  readonly queueMs: number;
  readonly connectMs: number;
  readonly headerMs: number;
  readonly totalMs: number;
  readonly status: number | null;
  readonly state: string;
  readonly retries: number;
  readonly redispatched: boolean;
  readonly method: string | null;
  readonly path: string | null;
  readonly host: string | null;
}

/** Takes a message (without syslog header) about a request apart; null where it is none. */
export function haproxyFields(text: string): HaproxyRequest | null {
  // The cheap look first: this is tried on every odd line of every file.
  const bracket = text.indexOf(' [');
  if (bracket < 3 || bracket > 64) return null;
  const match = request.exec(text.length > longest ? text.slice(0, longest) : text);
  if (match === null) return null;
  const [, address = '', date = '', frontend = '', pool = '', server = '', t1, t2, t3, t4, t5, code, state = '', plus, retries, rest = ''] =
    match;
  const moment = slashMoment(date, 0);
  if (moment === null) return null;
  const isHttp = t5 !== undefined;
  const quoted = /"([A-Z]{3,20}) ([^\s"]+)/.exec(rest);
  const url = quoted === null ? null : target(quoted[2] ?? '');
  return {
    at: moment.at,
    zoned: moment.zoned,
    client: address.startsWith('::ffff:') ? address.slice(7) : address,
    frontend,
    pool,
    server,
    isHttp,
    // http: TR/Tw/Tc/Tr/Ta; tcp: Tw/Tc/Tt
    queueMs: timer(isHttp ? t2 : t1),
    connectMs: timer(isHttp ? t3 : t2),
    headerMs: isHttp ? timer(t4) : -1,
    totalMs: timer(isHttp ? t5 : t3),
    status: code === undefined || code === '-1' ? null : Number(code),
    state,
    retries: Number(retries),
    redispatched: plus === '+',
    method: quoted?.[1] ?? null,
    path: url?.path ?? null,
    host: url?.host ?? null,
  };
}

/** Reads a message (without syslog header) about a request; null where it is none. */
export function haproxyRequest(text: string): AccessRecord | null {
  const line = haproxyFields(text);
  if (line === null) return null;
  const { pool, server, isHttp, status, state } = line;
  const connectMs = known(line.connectMs);
  const headerMs = known(line.headerMs);
  const contacted = !server.startsWith('<');
  const phase = state[1] ?? '-';
  const answered = contacted && (isHttp ? headerMs !== null : connectMs !== null) && !'RQCH'.includes(phase);
  return {
    at: line.at,
    zoned: line.zoned,
    client: line.client,
    method: line.method,
    path: line.path,
    host: line.host,
    status,
    durationMs: known(line.totalMs),
    requestId: null,
    tries: contacted ? [{ address: `${pool}/${server}`, status: answered ? status : null, connectMs, headerMs, responseMs: null }] : [],
    backend: contacted ? `${pool}/${server}` : pool === line.frontend.replace(/~$/, '') ? null : pool,
    answeredBy: answered ? 'upstream' : 'self',
    reason: state,
  };
}

const eventStart =
  /^(?:(?:Backup )?[Ss]erver \S+\/\S+ |Health check for (?:backup )?server |(?:backend|proxy|listen) '?\S+ has no server available|Proxy \S+ |Stopping |Pausing |Starting |[\w-]{1,64} (?:reached|changed) )/;
const stderrHead = /^\[(NOTICE|WARNING|ALERT|DEBUG|DIAG)\]\s{1,4}(?:\d{1,3}\/\d{6} )?\((\d{1,10})\) : /;
const stderrLevels: Readonly<Record<string, string>> = { NOTICE: 'notice', WARNING: 'warn', ALERT: 'alert', DEBUG: 'debug', DIAG: 'debug' };
/** A connection that never became a request: `1.2.3.4:5 [date] frontend/bind: SSL handshake failure`. */
const connection = /^(\S+):\d+ \[([^\]]{20,30})\] \S+\/\S+: [^\n]{3,400}$/;

/** Reads a message about servers, proxies or connections. `sure` is true where HAProxy is known to have written it. */
export function haproxyEvent(
  text: string,
  moment: { readonly at: number | null; readonly zoned: boolean } | null,
  level: string | null,
  pid: number | null,
  sure: boolean,
): ErrorRecord | null {
  const head = text.startsWith('[') ? stderrHead.exec(text.slice(0, 64)) : null;
  if (head !== null) {
    const more = { level: stderrLevels[head[1] ?? ''] ?? null, pid: Number(head[2]) };
    return message('haproxy', text.slice(head[0].length), moment, more);
  }
  const bracket = text.indexOf(' [');
  const broken = bracket > 2 && bracket < 64 && text[bracket + 4] === '/' ? connection.exec(text.slice(0, 1024)) : null;
  if (broken !== null && slashMoment(broken[2] ?? '', 0) !== null) {
    // The whole text, because what failed is only known together with where: on the frontend's side.
    return message('haproxy', text, slashMoment(broken[2] ?? '', 0), { level, pid, client: broken[1] ?? null });
  }
  return sure || eventStart.test(text.slice(0, 256)) ? message('haproxy', text, moment, { level, pid }) : null;
}

/** What each letter of a termination state says, as HAProxy's manual defines them; `null` for a text that is no state. */
export function decodeTermination(state: string): string | null {
  const ended: Readonly<Record<string, string>> = {
    C: 'the client closed or reset the connection',
    S: 'the server closed, reset or refused the connection',
    P: 'HAProxy itself ended it: a limit, a filter, an invalid answer',
    L: 'HAProxy answered locally, without a server',
    R: 'a resource of HAProxy was exhausted: memory, sockets, ports',
    I: 'an internal error of HAProxy',
    D: 'HAProxy ended it because the server went down',
    U: 'HAProxy ended it because a backup server gave way to a main one',
    K: 'an operator ended it',
    c: 'the client was silent until the client timeout',
    s: 'the server was silent until the server or connect timeout',
    '-': 'both sides ended it normally',
  };
  const phase: Readonly<Record<string, string>> = {
    R: 'while waiting for the request',
    Q: 'while waiting in the queue for a free server slot',
    C: 'while connecting to the server',
    H: 'while waiting for the response header',
    D: 'while data was being transferred',
    L: 'while the last data went to the client',
    T: 'while the request was tarpitted',
    '-': 'after the end of the transfer',
  };
  if (!/^[CSPLRIDUKcs-][RQCHDLT-]/.test(state)) return null;
  return `${ended[state[0] ?? ''] ?? ''}, ${phase[state[1] ?? ''] ?? ''}`;
}

/** The syslog header of a line of HAProxy; null where there is none. A date without a year is in the year given. */
export function haproxyHeader(line: string, year: number): ReturnType<typeof syslogHeader> {
  const header = syslogHeader(line, year);
  return header !== null && header.program.startsWith('haproxy') ? header : null;
}

/** The format; dates of syslog headers without a year are in the year given. */
export function haproxyFormat(year: number): LogFormat {
  const headerOf = (line: string): ReturnType<typeof syslogHeader> => haproxyHeader(line, year);
  return {
    id: 'haproxy',
    product: 'haproxy',
    dialect: null,
    access: (line) => {
      const header = headerOf(line);
      return haproxyRequest(header === null ? line : line.slice(header.end));
    },
    error: (line) => {
      const header = headerOf(line);
      if (header === null) return haproxyEvent(line, null, null, null, false);
      return haproxyEvent(line.slice(header.end), header.moment, header.level, header.pid, true);
    },
    begins: null,
    isFurniture: null,
  };
}

/** HAProxy. One format for requests and events, since they share a file. */
export const haproxyLog: LogFamily = {
  id: 'haproxy',
  title: 'HAProxy: option httplog, httpslog and tcplog, and server events',
  product: 'haproxy',
  kind: 'access',
  fields: [
    { name: '%ci', meaning: 'client' },
    { name: '%tr', meaning: 'when the request began, local time without a zone' },
    { name: '%b/%s', meaning: 'backend; the pool alone for <NOSRV>: no server was contacted' },
    { name: '%Tc', meaning: 'milliseconds until connected; -1 never' },
    { name: '%Tr', meaning: 'milliseconds until the response header; -1 never' },
    { name: '%Ta, %Tt', meaning: 'duration' },
    { name: '%ST', meaning: 'status; -1 nothing was sent' },
    { name: '%tsc', meaning: 'termination state, as reason' },
    { name: '%r', meaning: 'method, path, and the host of HTTP/2 requests' },
    { name: '%ft, %TR, %Tw, %B, %CC, %CS, counters, captured headers', meaning: 'skipped' },
    {
      name: 'server and proxy events',
      meaning: 'messages: a server DOWN or UP with its reason, no server available, limits reached; level and process of the syslog header',
    },
  ],
  samples: [
    '<134>Nov 23 23:53:55 haproxy[5077]: 127.0.0.1:46982 [23/Nov/2026:23:53:55.698] f app/web-1 0/0/0/1/1 200 131 - - ---- 1/1/0/0/0 0/0 {127.0.0.1:18920} {gunicorn} "GET /ok HTTP/1.1"',
    'Nov 23 23:53:56 lb1 haproxy[5077]: 127.0.0.1:46986 [23/Nov/2026:23:53:55.707] f refused/dead 0/0/-1/-1/1003 503 217 - - SC-- 1/1/0/0/1 0/0 {127.0.0.1:18920} {} "GET /refused HTTP/1.1"',
    '127.0.0.1:47000 [23/Nov/2026:23:53:56.758] f none/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 {127.0.0.1:18920} {} "GET /none HTTP/1.1"',
    '127.0.0.1:47014 [23/Nov/2026:23:53:57.950] f slow/web-1 0/0/0/-1/2002 504 198 - - sH-- 1/1/0/0/0 0/0 "GET /sleep HTTP/1.1"',
    '<134>Nov 23 23:53:57 haproxy[5077]: 127.0.0.1:48964 [23/Nov/2026:23:53:56.922] ftd deadtcp/dead 1/-1/1001 0 SC 1/1/0/0/1 0/0',
    '127.0.0.1:40414 [23/Nov/2026:23:53:57.934] fs~ app/web-1 0/0/1/0/1 500 150 - - ---- 1/1/0/0/0 0/0 "GET /500 HTTP/1.1" 0/0000000000000000/0/0/0 -/TLSv1.3/TLS_AES_256_GCM_SHA384',
    '<134>Nov 23 23:53:59 haproxy[5077]: 127.0.0.1:47026 [23/Nov/2026:23:53:59.960] f f/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"',
    '<129>Nov 23 23:53:53 haproxy[5077]: Server none/dead is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.',
    '<128>Nov 23 23:53:53 haproxy[5077]: backend none has no server available!',
    '<134>Nov 23 23:53:57 haproxy[5077]: 127.0.0.1:40416 [23/Nov/2026:23:53:57.943] fs/1: SSL handshake failure',
    "[ALERT]    (5077) : backend 'none' has no server available!",
  ],
  detect(lines, hints: FormatHints) {
    const format = haproxyFormat(hints.year);
    return linesRead(format, lines) > 0 ? format : null;
  },
};
