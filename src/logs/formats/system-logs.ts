// What a machine logs in one place for all its programs: the kernel ring buffer, syslog files, `journalctl` in its outputs. Messages are
// unwrapped and read as their program would have written them, so a php-fpm warning is php-fpm's however it travelled.
import {
  products,
  type AccessRecord,
  type ErrorRecord,
  type FormatHints,
  type LogFamily,
  type LogFormat,
  type Product,
} from '../records.ts';
import { apacheErrorLog, apacheMessage } from './apache-error-log.ts';
import { gunicornInside, gunicornMessage, uwsgiLog, uwsgiMessage } from './application-logs.ts';
import { ctimeMoment } from './dates.ts';
import { errorFormat, linesRead, message } from './detect.ts';
import { haproxyEvent, haproxyRequest } from './haproxy-log.ts';
import { numberOf, objectOf, textOf, type JsonObject } from './json-line.ts';
import { nginxAccessCandidates } from './nginx-access-log.ts';
import { nginxErrorLog, nginxMessage } from './nginx-error-log.ts';
import { nginxJsonFormat } from './nginx-json.ts';
import { nodeMessage } from './node-log.ts';
import { fpmMessage, phpMessage } from './php-logs.ts';
import { levelOfSeverity, productOf, syslogHeader } from './syslog-header.ts';

type When = { readonly at: number | null; readonly zoned: boolean } | null;

/** Reader of a family whose detection needs no neighbours. */
const readerOf = (family: LogFamily): LogFormat | null =>
  family.detect(family.samples[0]?.split('\n') ?? [], { nginxFormats: [], year: 1970 });
let readers: { readonly nginx: LogFormat | null; readonly apache: LogFormat | null; readonly uwsgi: LogFormat | null } | null = null;
const inner = (): NonNullable<typeof readers> =>
  (readers ??= { nginx: readerOf(nginxErrorLog), apache: readerOf(apacheErrorLog), uwsgi: readerOf(uwsgiLog) });

/** `[12604.158979] ` that the kernel writes in front of its messages. */
const uptime = /^\[ {0,8}\d{1,10}\.\d{6}\] ?/;

/** The record behind what carried it keeps its own date where it has one; a date with a zone wins over one without. */
function dated(record: ErrorRecord | null, when: When, level: string | null, pid: number | null): ErrorRecord | null {
  if (record === null) return null;
  const carrierWins = when?.at !== null && when !== null && (record.at === null || (when.zoned && !record.zoned));
  return {
    ...record,
    at: carrierWins ? when.at : record.at,
    zoned: carrierWins ? when.zoned : record.zoned,
    level: record.level ?? level,
    pid: record.pid ?? pid,
  };
}

/** A message as its program means it. Never null: what no product reads stays a plain message. */
export function messageOf(product: Product, text: string, when: When, level: string | null, pid: number | null): ErrorRecord {
  const plain = (): ErrorRecord => message(product, text.slice(0, 32_768), when, { level, pid });
  switch (product) {
    case 'kernel':
      return message('kernel', text.replace(uptime, ''), when, { level });
    case 'nginx':
      return dated(inner().nginx?.error?.(text) ?? null, when, level, pid) ?? nginxMessage(text, when, level, pid);
    case 'apache':
      if (text.startsWith('PHP ')) return phpMessage(text, when);
      return dated(inner().apache?.error?.(text) ?? apacheMessage(text, when), when, level, pid) ?? plain();
    case 'php-fpm':
      if (text.startsWith('PHP ')) return phpMessage(text, when);
      return dated(fpmMessage(text.replace(/^\[\d\d-\w{3}-\d{4} [\d:.]{8,15}\] /, ''), when), when, level, pid) ?? plain();
    case 'php':
      return phpMessage(text, when);
    case 'haproxy':
      return haproxyEvent(text, when, level, pid, true) ?? plain();
    case 'gunicorn':
      return dated(gunicornInside(text), when, level, pid) ?? gunicornMessage(text, when, level, pid);
    case 'uwsgi':
      return uwsgiMessage(text, when, level, pid, true) ?? plain();
    case 'node':
      return nodeMessage(text, when, level, pid, true) ?? plain();
    default:
      return dated(foreignMessage(text), when, level, pid) ?? plain();
  }
}

/** What a container or a script sent on under a name of its own, where it carries the whole head of a program that is known. */
function foreignMessage(text: string): ErrorRecord | null {
  if (text[0] === '[') return gunicornInside(text) ?? inner().apache?.error?.(text) ?? null;
  return text[4] === '/' ? (inner().nginx?.error?.(text) ?? null) : null;
}

/** A request line that a program sent to syslog or printed to the journal; null where the message is none. */
function requestOf(product: Product, text: string, hints: FormatHints): AccessRecord | null {
  if (product === 'haproxy') return haproxyRequest(text);
  if (product === 'uwsgi') return inner().uwsgi?.access?.(text) ?? null;
  if (product !== 'nginx' && product !== 'gunicorn' && product !== 'apache' && product !== 'node') return null;
  if (text[0] === '{') return nginxJsonFormat.access?.(text) ?? null;
  for (const format of nginxAccessCandidates(hints)) {
    const record = format.access?.(text) ?? null;
    if (record !== null) return record;
  }
  return null;
}

const dmesgHead = /^(?:[a-z]{3,8} {0,4}:[a-z]{3,7} {0,4}: )?/;
const dmesgLevels: Readonly<Record<string, string>> = { err: 'error', panic: 'emerg' };

/** `[12604.158979] text` and `dmesg -T`'s `[Mon Nov 23 23:49:35 2026] text`, with or without facility and level. */
function readDmesg(line: string): ErrorRecord | null {
  const start = line.slice(0, 64);
  const head = start[0] === '[' ? '' : (dmesgHead.exec(start)?.[0] ?? '');
  if (line[head.length] !== '[') return null;
  const word = /:([a-z]+) *: $/.exec(head)?.[1] ?? '';
  const level = word === '' ? null : (dmesgLevels[word] ?? word);
  const moment = ctimeMoment(line, head.length + 1);
  if (moment !== null) {
    if (!line.startsWith('] ', moment.end) || line[moment.end + 2] === '[') return null;
    return message('kernel', line.slice(moment.end + 2), moment, { level });
  }
  const up = uptime.exec(line.slice(head.length, head.length + 32));
  return up === null ? null : message('kernel', line.slice(head.length + up[0].length), null, { level });
}

const dmesg = errorFormat('kernel', 'kernel', readDmesg);

/** The kernel's ring buffer. */
export const kernelLog: LogFamily = {
  id: 'kernel',
  title: 'Kernel log: dmesg and dmesg -T',
  product: 'kernel',
  kind: 'error',
  fields: [
    { name: '[seconds since boot]', meaning: 'not resolved: such lines have no time' },
    { name: '[date]', meaning: 'dmesg -T: local time without a zone' },
    { name: 'facility:level:', meaning: 'dmesg -x: level' },
    { name: 'message', meaning: 'the message' },
  ],
  samples: [
    '[12604.158979] br-mgmt: port 1(h0-mgmt) entered disabled state',
    '[Mon Nov 23 23:49:35 2026] Out of memory: Killed process 4711 (php-fpm8.2) total-vm:231480kB, anon-rss:52160kB, file-rss:9216kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0',
    'kern  :warn  : [12604.158990] nf_conntrack: nf_conntrack: table full, dropping packet',
  ],
  detect: (lines) => (linesRead(dmesg, lines) > 0 ? dmesg : null),
};

/** The journal and rsyslog write control characters of a multi-line message as `#012`, or one line per line with the same header. */
const unfolded = (text: string): string => (text.includes('#012') ? text.replaceAll('#012', '\n').replaceAll('#011', '\t') : text);

/** The product whose requests most of these messages are; null where most are not requests. Its name is the dialect of the format. */
function carriedIn(messages: readonly { readonly product: Product; readonly text: string }[], hints: FormatHints): Product | null {
  const counts = new Map<Product, number>();
  for (const { product, text } of messages) {
    if (requestOf(product, text, hints) !== null) counts.set(product, (counts.get(product) ?? 0) + 1);
  }
  const [first] = [...counts].toSorted((a, b) => b[1] - a[1]);
  return first !== undefined && first[1] * 2 > messages.length ? first[0] : null;
}

const isProduct = (text: string | null): text is Product => products.some((product) => product === text);

/** The syslog format; `carried` is the product whose requests it reads too. Requests of HAProxy are that family's. */
export function syslogFormat(hints: FormatHints, carried: string | null): LogFormat {
  const headerOf = (line: string): ReturnType<typeof syslogHeader> => {
    const header = syslogHeader(line, hints.year);
    return header === null || productOf(header.program) === 'haproxy' ? null : header;
  };
  const error = (line: string): ErrorRecord | null => {
    const header = headerOf(line);
    if (header === null) return null;
    return messageOf(productOf(header.program), unfolded(line.slice(header.end)), header.moment, header.level, header.pid);
  };
  const access = (line: string): AccessRecord | null => {
    const header = headerOf(line);
    if (header === null || productOf(header.program) !== carried) return null;
    return requestOf(carried, line.slice(header.end), hints);
  };
  return {
    id: 'syslog',
    product: isProduct(carried) ? carried : 'syslog',
    dialect: carried,
    access: carried === null ? null : access,
    error,
    // `journalctl` indents further lines of a message by blanks and has a line of its own for boots.
    begins: (line) => line.charCodeAt(0) > 32,
    isFurniture: (line) => line.startsWith('-- '),
  };
}

/** Syslog files and `journalctl` as text. */
export const syslogLog: LogFamily = {
  id: 'syslog',
  title: 'syslog files and journalctl (short, short-iso): RFC 3164 and RFC 5424',
  product: 'syslog',
  kind: 'error',
  fields: [
    { name: '<priority>', meaning: 'level' },
    { name: 'date', meaning: 'with a zone where there is one; a date without a year is in the year given' },
    { name: 'host', meaning: 'skipped' },
    { name: 'program', meaning: 'which product wrote the message' },
    { name: '[pid]', meaning: 'process' },
    {
      name: 'message',
      meaning:
        'read as that product writes it, with client, request, host and upstream where it has them; method, path and status of requests where most lines are requests of one product',
    },
  ],
  samples: [
    'Nov 23 07:22:12 web-1 kernel: [12604.158979] nf_conntrack: nf_conntrack: table full, dropping packet',
    '2026-11-23T07:22:12.123456+00:00 web-1 php-fpm[1270]: [WARNING] [pool www] server reached pm.max_children setting (2), consider raising it',
    '2026-11-23T07:22:12+0000 web-1 gunicorn[4711]: [2026-11-23 07:22:12 +0000] [4711] [CRITICAL] WORKER TIMEOUT (pid:4712)',
    '<187>Nov 23 21:12:50 lb1 nginx: 2026/11/23 21:12:50 [error] 123#123: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.9, server: shop.example, request: "GET / HTTP/1.1", upstream: "http://10.0.0.1:80/", host: "shop.example"',
    '<165>1 2026-11-23T07:22:12.003Z web-1 systemd 1 - - php8.2-fpm.service: Main process exited, code=killed, status=9/KILL',
    'Nov 23 07:22:12 lb1 nginx: 203.0.113.7 - - [23/Nov/2026:07:22:12 +0000] "GET /orders HTTP/1.1" 502 157 "-" "curl/7.88.1"',
    'Nov 23 07:22:12 web-1 sshd[811]: Accepted publickey for deploy from 203.0.113.7 port 51210 ssh2',
  ],
  detect(lines, hints) {
    const messages = lines.flatMap((line) => {
      const header = syslogHeader(line, hints.year);
      return header === null ? [] : [{ product: productOf(header.program), text: line.slice(header.end) }];
    });
    const carried = carriedIn(messages, hints);
    const format = syslogFormat(hints, carried === 'haproxy' ? null : carried);
    return linesRead(format, lines) > 0 ? format : null;
  },
};

/** MESSAGE is text, or an array of bytes where it is not UTF-8 or is long. */
function journalText(entry: JsonObject): string {
  const value = entry['MESSAGE'];
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return '';
  const bytes = value.slice(0, 65_536).filter((byte): byte is number => typeof byte === 'number');
  return Buffer.from(bytes).toString('utf8');
}

const entryOf = (line: string): JsonObject | null => {
  const entry = objectOf(line);
  return entry !== null &&
    'MESSAGE' in entry &&
    ['__REALTIME_TIMESTAMP', '_SOURCE_REALTIME_TIMESTAMP', 'PRIORITY'].some((key) => key in entry)
    ? entry
    : null;
};
const productIn = (entry: JsonObject): Product =>
  textOf(entry, '_TRANSPORT') === 'kernel'
    ? 'kernel'
    : productOf(textOf(entry, 'SYSLOG_IDENTIFIER') || textOf(entry, '_COMM') || textOf(entry, '_SYSTEMD_UNIT').replace(/\.service$/, ''));

/** The journal's format; `carried` is the product whose requests it reads too. */
export function journalFormat(hints: FormatHints, carried: string | null): LogFormat {
  const error = (line: string): ErrorRecord | null => {
    const entry = entryOf(line);
    if (entry === null) return null;
    const micros = numberOf(entry, '_SOURCE_REALTIME_TIMESTAMP') ?? numberOf(entry, '__REALTIME_TIMESTAMP');
    const when = micros === null ? null : { at: Math.floor(micros / 1000), zoned: true };
    const level = levelOfSeverity(numberOf(entry, 'PRIORITY') ?? -1);
    return messageOf(productIn(entry), journalText(entry), when, level, numberOf(entry, '_PID') ?? numberOf(entry, 'SYSLOG_PID'));
  };
  const access = (line: string): AccessRecord | null => {
    const entry = entryOf(line);
    return entry === null || productIn(entry) !== carried ? null : requestOf(carried, journalText(entry), hints);
  };
  return {
    id: 'journald',
    product: isProduct(carried) ? carried : 'syslog',
    dialect: carried,
    access: carried === null ? null : access,
    error,
    begins: null,
    isFurniture: null,
  };
}

/** `journalctl -o json`. */
export const journaldLog: LogFamily = {
  id: 'journald',
  title: 'journalctl -o json',
  product: 'syslog',
  kind: 'error',
  fields: [
    { name: '_SOURCE_REALTIME_TIMESTAMP, __REALTIME_TIMESTAMP', meaning: 'date, in microseconds since 1970' },
    { name: 'PRIORITY', meaning: 'level' },
    { name: 'SYSLOG_IDENTIFIER, _COMM, _SYSTEMD_UNIT, _TRANSPORT', meaning: 'which product wrote the message' },
    { name: '_PID, SYSLOG_PID', meaning: 'process' },
    { name: 'MESSAGE', meaning: 'text, or an array of bytes; read as that product writes the message' },
  ],
  samples: [
    '{"__REALTIME_TIMESTAMP":"1795477923155021","__CURSOR":"s=1","_HOSTNAME":"web-1","PRIORITY":"4","SYSLOG_IDENTIFIER":"php-fpm8.2","_PID":"1270","_SYSTEMD_UNIT":"php8.2-fpm.service","_TRANSPORT":"syslog","MESSAGE":"[WARNING] [pool www] server reached pm.max_children setting (2), consider raising it"}',
    '{"__REALTIME_TIMESTAMP":"1795477923155021","PRIORITY":"3","_TRANSPORT":"kernel","SYSLOG_IDENTIFIER":"kernel","MESSAGE":[79,117,116,32,111,102,32,109,101,109,111,114,121,58,32,75,105,108,108,101,100,32,112,114,111,99,101,115,115,32,49,32,40,112,104,112,41]}',
  ],
  detect(lines, hints) {
    const messages = lines.flatMap((line) => {
      const entry = entryOf(line);
      return entry === null ? [] : [{ product: productIn(entry), text: journalText(entry) }];
    });
    const format = journalFormat(hints, carriedIn(messages, hints));
    return linesRead(format, lines) > 0 ? format : null;
  },
};
