// nginx's error log as records: date, level, process, connection, message, and behind it what the request was.
import type { ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { errorFormat, linesRead, message } from './detect.ts';
import { clockAt, digits, nginxErrorMoment } from './dates.ts';

const levels = new Set(['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug']);
const longest = 16_384;

const keys = ['server', 'request', 'subrequest', 'upstream', 'host', 'referrer', 'request_id'] as const;
type Key = (typeof keys)[number];

/** Splits `message, client: A, server: B, request: "…", …`. */
export function splitNginxContext(rest: string): { message: string; client: string | null; values: Partial<Record<Key, string>> } {
  let search = 0;
  if (rest.startsWith('FastCGI sent in stderr')) {
    // What the application wrote may imitate the context; the real one stands behind the last closing words.
    search = Math.max(0, rest.lastIndexOf('" while '));
  }
  const start = rest.indexOf(', client: ', search);
  if (start < 0) return { message: rest, client: null, values: {} };
  // What follows in further lines is not nginx's: it writes the context in one.
  const lineEnd = rest.indexOf('\n', start);
  let tail = rest.slice(start + ', client: '.length, lineEnd < 0 ? rest.length : lineEnd);
  const client = /^[^,\s]*/.exec(tail)?.[0] ?? '';
  tail = tail.slice(client.length);
  const values: Partial<Record<Key, string>> = {};
  keys.forEach((key, i) => {
    const opening = key === 'server' ? ', server: ' : `, ${key}: "`;
    if (!tail.startsWith(opening)) return;
    const from = opening.length;
    let end = tail.length;
    for (const next of keys.slice(i + 1)) {
      const at = tail.indexOf(`, ${next}: "`, from);
      if (at >= 0 && at < end) end = at;
    }
    // A stream's line goes on with counters: `upstream: "10.0.0.1:80", bytes from/to client:0/0, …`.
    const counters = key === 'upstream' ? tail.indexOf('", bytes from/to ', from) : -1;
    values[key] = tail.slice(from, counters >= 0 && counters < end ? counters : end).replace(/"$/, '');
    tail = tail.slice(end);
  });
  return { message: rest.slice(0, start), client, values };
}

/** How a line goes on that was broken for reading: nginx itself writes all of it in one. */
const brokenOff =
  /^(?:while [a-z]|connecting to |reading |sending |client: |server: |request: "|subrequest: "|upstream: "|host: "|referrer: "|failed \(\d|\(\d{1,3}: [A-Z]|unix:\/|HTTP\/\d\.\d")/;

/** A record whose line a terminal or a page broke, in one line again; what belongs to nobody stays below it. */
function mended(record: string): string {
  if (!record.includes('\n') || record.includes('FastCGI sent in stderr')) return record;
  const [first = '', ...rest] = record.split('\n');
  let text = first.trimEnd();
  let count = 0;
  for (const line of rest) {
    const next = line.trim();
    if (!brokenOff.test(next)) break;
    text += ` ${next}`;
    count++;
  }
  return count === 0 ? record : [text, ...rest.slice(count)].join('\n');
}

/** Whether a line begins a record of nginx's error log. */
function begins(line: string): boolean {
  return line[19] === ' ' && line[20] === '[' && line[4] === '/' && !Number.isNaN(clockAt(line, 11)) && headEnd(line) > 0;
}

/** Index behind `[level] PID#TID: `; -1 where it is not there. */
function headEnd(line: string): number {
  const close = line.indexOf('] ', 21);
  if (close < 0 || close > 30) return -1;
  let at = close + 2;
  while (!Number.isNaN(digits(line, at, 1))) at++;
  if (line[at] !== '#') return -1;
  const colon = line.indexOf(': ', at);
  return colon < 0 || colon > at + 24 ? -1 : colon + 2;
}

/** What nginx says behind its head: `*5 message, client: …`. Also used for messages that travel in syslog. */
export function nginxMessage(
  text: string,
  moment: { readonly at: number | null; readonly zoned: boolean } | null,
  level: string | null,
  pid: number | null,
): ErrorRecord {
  const connection = /^\*\d{1,20} /.exec(text.slice(0, 24))?.[0].length ?? 0;
  const { message: said, client, values } = splitNginxContext(mended(text.slice(connection, connection + longest)));
  const some = (value: string | undefined): string | null => (value === undefined || value === '' ? null : value);
  return message('nginx', said, moment, {
    level,
    client: client === '' ? null : client,
    request: some(values.request),
    host: some(values.host),
    upstream: some(values.upstream),
    // ingress-nginx and OpenResty append the request's id.
    requestId: some(values.request_id),
    pid,
  });
}

function read(record: string): ErrorRecord | null {
  const moment = nginxErrorMoment(record);
  if (moment === null || !begins(record.length > 512 ? record.slice(0, 512) : record)) return null;
  const level = record.slice(21, record.indexOf(']', 21));
  if (!levels.has(level)) return null;
  const from = headEnd(record);
  const pid = Number.parseInt(record.slice(23 + level.length, from), 10);
  return nginxMessage(record.slice(from), moment, level, Number.isNaN(pid) ? null : pid);
}

/** The format of whole lines. */
export const nginxErrorFormat: LogFormat = errorFormat('nginx-error', 'nginx', read, begins);

/** nginx error log. */
export const nginxErrorLog: LogFamily = {
  id: 'nginx-error',
  title: 'nginx error log',
  product: 'nginx',
  kind: 'error',
  fields: [
    { name: 'date', meaning: 'local time without a zone' },
    { name: '[level]', meaning: 'emerg alert crit error warn notice info debug' },
    { name: 'PID#TID', meaning: 'worker process' },
    { name: '*CONNECTION', meaning: 'skipped; absent in lines about a whole worker' },
    { name: 'message', meaning: 'what failed, with errno, and what nginx was doing' },
    { name: 'client, server, request, upstream, host, referrer, request_id', meaning: 'about which request it is' },
  ],
  samples: [
    '2026/11/23 21:12:50 [error] 32642#32642: *9 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: shop.example, request: "GET /refused/ HTTP/1.1", upstream: "http://127.0.0.1:9/refused/", host: "shop.example"',
    '2026/11/23 21:12:50 [alert] 30478#30478: 128 worker_connections are not enough',
  ],
  detect: (lines) => (linesRead(nginxErrorFormat, lines) > 0 ? nginxErrorFormat : null),
};
