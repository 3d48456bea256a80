// IIS in W3C extended format, and the error log of http.sys below it: `#Fields` says what the columns are.
import type { AccessRecord, LogFamily, LogFormat } from '../records.ts';
import { isoMoment } from './dates.ts';
import { accessFormat, bestOf } from './detect.ts';
import { orNull, statusOf } from './raw-access.ts';
import { accessRecord } from './record.ts';

// What IIS 10 and IIS 7 log unless told otherwise.
const defaults: readonly string[] = [
  'date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken',
  'date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken',
];
const prefix = '#Fields: ';
/** Between the columns of one stretch of a file and of the next. */
const then = ' | ';

const address = /^(?:-|[\da-fA-F.:%]{2,60})$/;
const count = /^(?:-|\d{1,20})$/;
/** What a column can hold. Lines of other columns than those that the format knows are told by it. */
const shapes: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:\d\d:\d\d(?:\.\d{1,7})?$/,
  's-ip': address,
  'c-ip': address,
  's-port': count,
  'c-port': count,
  'cs-method': /^(?:-|[A-Za-z_-]{1,40})$/,
  'cs-uri-stem': /^(?:[/*-]|https?:)/,
  'cs-uri': /^(?:[/*-]|https?:)/,
  'cs-version': /^(?:-|HTTP\/)/,
  'cs-host': /^[^/]*$/,
  'cs(Host)': /^[^/]*$/,
  'sc-status': /^(?:-|\d{3})\s*$/,
  'sc-substatus': count,
  'sc-win32-status': count,
  'sc-bytes': count,
  'cs-bytes': count,
  'time-taken': /^(?:-|\d{1,20})\s*$/,
  's-siteid': count,
};

/** Reads lines of one set of columns; null for a line that cannot have them. */
function readerOf(columns: string): (line: string) => AccessRecord | null {
  const names = columns.trim().split(' ').slice(0, 100);
  const at = (name: string): number => names.indexOf(name);
  const slots = {
    date: at('date'),
    time: at('time'),
    client: at('c-ip'),
    method: at('cs-method'),
    stem: at('cs-uri-stem'),
    uri: at('cs-uri'),
    query: at('cs-uri-query'),
    host: at('cs-host') >= 0 ? at('cs-host') : at('cs(Host)'),
    status: at('sc-status'),
    sub: at('sc-substatus'),
    win32: at('sc-win32-status'),
    why: at('s-reason'),
    taken: at('time-taken'),
  };
  const checks = names.map((name) => (Object.hasOwn(shapes, name) ? shapes[name] : undefined));
  return (line) => {
    if (line[4] !== '-' && slots.date === 0) return null;
    const words = line.trimEnd().split(' ', names.length + 2);
    // Columns are separated by one blank each, and IIS itself writes blanks inside of values as `+`.
    if (words.length !== names.length || slots.status < 0) return null;
    if (!words.every((word, i) => checks[i]?.test(word.length > 512 ? word.slice(0, 512) : word) !== false)) return null;
    const get = (slot: number): string => (slot < 0 ? '' : (words[slot] ?? ''));
    const status = statusOf(get(slots.status).trimEnd());
    const moment = slots.date < 0 || slots.time < 0 ? null : isoMoment(`${get(slots.date)}T${get(slots.time)}`, 0);
    if (moment === null && slots.date >= 0) return null;
    const stem = orNull(get(slots.stem)) ?? orNull(get(slots.uri));
    const query = orNull(get(slots.query));
    const taken = get(slots.taken).trimEnd();
    return accessRecord({
      at: moment?.at ?? null,
      client: orNull(get(slots.client)),
      method: orNull(get(slots.method)),
      path: stem === null || query === null ? stem : `${stem}?${query}`,
      host: orNull(get(slots.host)),
      status,
      durationMs: /^\d{1,12}$/.test(taken) ? Number(taken) : null,
      answeredBy: answererOf(status, get(slots.sub)),
      reason: reasonOf(status, get(slots.sub), get(slots.win32), get(slots.why)),
    });
  };
}

/** What two readings of a line agree on. */
function agreed(one: AccessRecord, other: AccessRecord): AccessRecord {
  const same = Object.entries(one).filter(([key, value]) => value === other[key as keyof AccessRecord]);
  return accessRecord({ ...Object.fromEntries(same), zoned: one.zoned && other.zoned });
}

const ready = new Map<string, LogFormat>();

/**
 * The format for the columns of `#Fields` lines, without `#Fields: `, joined by ` | ` where a file has several. A line is read by the columns
 * that it can have; where these are several, only what all of them say of it is believed. A `#Fields` line with other columns is no
 * furniture: what follows it would be counted and not understood.
 */
export function iisFormat(dialect: string): LogFormat {
  const known = ready.get(dialect);
  if (known !== undefined) return known;
  const sets = dialect.split(then).slice(0, 8);
  const readers = sets.map(readerOf);
  const read = (line: string): AccessRecord | null => {
    let found: AccessRecord | null = null;
    for (const reader of readers) {
      const record = reader(line);
      if (record !== null) found = found === null ? record : agreed(found, record);
    }
    return found;
  };
  const isFurniture = (line: string): boolean =>
    line.startsWith('#') && (!line.startsWith(prefix) || sets.includes(line.slice(prefix.length).trim()));
  const format = accessFormat('iis', 'iis', dialect, read, isFurniture);
  if (ready.size < 100) ready.set(dialect, format);
  return format;
}

/** ARR writes 502.3 and 502.4 itself, when a server cannot be reached or there is none. */
function answererOf(status: number | null, sub: string): AccessRecord['answeredBy'] {
  return status === 502 && (sub === '3' || sub === '4') ? 'self' : null;
}

function reasonOf(status: number | null, sub: string, win32: string, why: string): string | null {
  const words = [
    status === null || sub === '' || sub === '-' || sub === '0' ? '' : `${status}.${sub}`,
    win32 === '' || win32 === '-' || win32 === '0' ? '' : `win32:${win32}`,
    why === '-' ? '' : why,
  ].filter((word) => word !== '');
  return words.length === 0 ? null : words.join(' ');
}

/** IIS. */
export const iisLog: LogFamily = {
  id: 'iis',
  title: 'IIS W3C extended log and HTTPERR',
  product: 'iis',
  kind: 'access',
  fields: [
    {
      name: '#Fields',
      meaning:
        'the dialect: which columns there are, also where they change in the file; without it the defaults of IIS 10 and 7 are tried',
    },
    { name: 'date, time', meaning: 'when the request ended, UTC' },
    { name: 'c-ip', meaning: 'client' },
    { name: 'cs-method, cs-uri-stem, cs-uri-query, cs-uri, cs-host', meaning: 'method, path, host' },
    { name: 'sc-status', meaning: 'status' },
    {
      name: 'sc-substatus, sc-win32-status, s-reason',
      meaning: 'reason, as 502.3 win32:12002; 502.3 and 502.4 are made by the proxy module itself',
    },
    { name: 'time-taken', meaning: 'duration, in milliseconds' },
    { name: 'all others', meaning: 'skipped' },
  ],
  // After Microsoft's documentation of W3C logging and of http.sys error logging.
  samples: [
    '#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-11-23 00:00:00\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n2026-11-23 00:00:00 10.201.33.12 GET /orders id=1 80 - 10.50.230.10 Mozilla/5.0+(Windows) - 502 3 12002 120016',
    '#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename\n2026-11-23 00:00:07 10.50.230.10 51210 10.201.33.12 80 HTTP/1.1 GET /orders 503 1 AppOffline ShopPool',
    '2026-11-23 00:04:26 10.201.33.12 GET /api AssetName=A060314 80 - 10.50.209.10 - - 500 0 0 110',
  ],
  detect(lines) {
    const told = lines.filter((line) => line.startsWith(prefix) && line.length < 4096).map((line) => line.slice(prefix.length).trim());
    if (told.length === 0) return bestOf(defaults.map(iisFormat), lines);
    return bestOf([iisFormat([...new Set(told)].slice(0, 8).join(then))], lines);
  },
};
