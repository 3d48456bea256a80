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

const ready = new Map<string, LogFormat>();

/** The format for the columns of a `#Fields` line, without `#Fields: `. */
export function iisFormat(columns: string): LogFormat {
  const known = ready.get(columns);
  if (known !== undefined) return known;
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
    forwarded: at('X-Forwarded-For'),
  };
  const read = (line: string): AccessRecord | null => {
    if (line[4] !== '-' && slots.date === 0) return null;
    const words = line.split(' ', names.length + 2);
    // Columns are separated by one blank each, and IIS itself writes blanks inside of values as `+`.
    if (words.length !== names.length || slots.status < 0) return null;
    const get = (slot: number): string => (slot < 0 ? '' : (words[slot] ?? ''));
    const status = statusOf(get(slots.status).trimEnd());
    if (status === null && get(slots.status) !== '-') return null;
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
  const format = accessFormat('iis', 'iis', columns, read, (line) => line.startsWith('#'));
  if (ready.size < 100) ready.set(columns, format);
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
    { name: '#Fields', meaning: 'the dialect: which columns there are; without it the defaults of IIS 10 and 7 are tried' },
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
    return bestOf([...new Set([...told, ...defaults])].slice(0, 8).map(iisFormat), lines);
  },
};
