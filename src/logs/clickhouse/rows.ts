// Rows of a table as the records that log formats give.
import { commonMs, isoMoment, nginxErrorMoment, slashMoment } from '../formats/dates.ts';
import { accessRecordOf } from '../formats/raw-access.ts';
import type { RawAccess } from '../formats/raw-access.ts';
import { nginxMessage } from '../formats/nginx-error-log.ts';
import { products } from '../records.ts';
import type { AccessRecord, ErrorRecord, Product } from '../records.ts';
import { matchSignature } from '../signatures.ts';
import type { Role } from './columns.ts';
import type { Fields } from './fields.ts';

/** Text of the roles of one row; the empty string where the table does not say. */
export type Values = Readonly<Record<Role, string>>;

/** Reads the moment of a row: `written` is its text where the column is text, `ms` what the server made of it. */
export function momentOf(ms: string, written: string): { readonly at: number | null; readonly zoned: boolean } {
  if (written !== '') {
    const moment = isoMoment(written, 0) ?? nginxErrorMoment(written);
    if (moment !== null) return { at: moment.at, zoned: moment.zoned };
    const common = commonMs(written, 0);
    if (!Number.isNaN(common)) return { at: common, zoned: true };
    const slash = slashMoment(written, 0);
    if (slash !== null) return { at: slash.at, zoned: slash.zoned };
  }
  const at = Number(ms);
  return { at: ms !== '' && at !== 0 && Number.isFinite(at) ? at : null, zoned: written === '' };
}

const perSecond = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 } as const;

/** A number or a list of numbers in some unit, in seconds as nginx writes them. */
function inSeconds(text: string, unit: keyof typeof perSecond): string {
  if (unit === 's' || text === '') return text;
  return text.replaceAll(/\d+(?:\.\d+)?/g, (number) => String(Number(number) / perSecond[unit]));
}

const tryRoles = ['upstream', 'upstreamStatus', 'upstreamConnectTime', 'upstreamHeaderTime', 'upstreamResponseTime'] as const;

/** The request of a row, with nginx's meaning of its values. */
export function accessOf(values: Values, fields: Fields, moment: { readonly at: number | null; readonly zoned: boolean }): AccessRecord {
  const tries = Object.fromEntries(
    tryRoles.map((role) => {
      const text = inSeconds(values[role], role === 'upstream' || role === 'upstreamStatus' ? 's' : fields.unitOf(role));
      // A column of its own that is empty says what nginx writes as a dash. A key that is absent, and a zero that fills a gap, say nothing.
      if (text === '') return [role, fields.isOwnColumn(role) ? '-' : ''];
      return [role, text === '0' && fields.fillsGaps(role) ? '-' : text];
    }),
  ) as Record<(typeof tryRoles)[number], string>;
  const raw: RawAccess = {
    client: values.client,
    method: values.method,
    request: values.request,
    uri: values.path,
    args: values.path.includes('?') ? '' : values.query,
    host: values.host,
    status: values.status,
    addresses: tries.upstream,
    statuses: tries.upstreamStatus,
    connectTimes: tries.upstreamConnectTime,
    headerTimes: tries.upstreamHeaderTime,
    responseTimes: tries.upstreamResponseTime,
    upstreamBytes: values.upstreamBytes,
    requestId: values.requestId,
    pool: values.backend,
  };
  const durationText = inSeconds(values.duration, fields.unitOf('duration'));
  const durationMs = durationText !== '' && /^\d/.test(durationText) ? Math.round(Number(durationText) * 1000) : null;
  return accessRecordOf(raw, moment.at, moment.zoned, Number.isNaN(durationMs) ? null : durationMs);
}

/** The row in words, where no line was kept. */
export function lineOf(values: Values, at: number | null): string {
  if (values.message !== '') return values.message;
  const request = values.request === '' ? `${values.method} ${values.path}`.trim() : values.request;
  const more = [
    ['host', values.host],
    ['upstream', values.upstream],
    ['upstream_status', values.upstreamStatus],
    ['request_time', values.duration],
    ['request_id', values.requestId],
  ].flatMap(([name, value]) => (value === '' ? [] : [`${String(name)}=${String(value)}`]));
  return [
    values.client === '' ? '-' : values.client,
    `[${at === null ? '-' : new Date(at).toISOString()}]`,
    `"${request}"`,
    values.status,
    ...more,
  ].join(' ');
}

const sourceWords: readonly (readonly [RegExp, Product])[] = [
  [/php-?fpm/i, 'php-fpm'],
  [/nginx|ingress|openresty/i, 'nginx'],
  [/haproxy/i, 'haproxy'],
  [/apache|httpd/i, 'apache'],
  [/gunicorn/i, 'gunicorn'],
  [/uwsgi/i, 'uwsgi'],
  [/envoy/i, 'envoy'],
  [/caddy/i, 'caddy'],
  [/traefik/i, 'traefik'],
  [/tomcat|catalina/i, 'tomcat'],
  [/kern|dmesg/i, 'kernel'],
  [/php/i, 'php'],
];

/** Who writes a source of this name; null where the name does not tell. */
export function productOfSource(source: string): Product | null {
  return sourceWords.find(([pattern]) => pattern.test(source))?.[1] ?? null;
}

const levels: Readonly<Record<string, string>> = {
  emergency: 'emerg',
  panic: 'emerg',
  critical: 'crit',
  fatal: 'crit',
  severe: 'error',
  err: 'error',
  eror: 'error',
  warning: 'warn',
  information: 'info',
  informational: 'info',
  trace: 'debug',
  verbose: 'debug',
};

/** A level in the words that error logs use; null for none. */
export function levelOf(text: string): string | null {
  const word = text.trim().toLowerCase();
  if (word === '' || word === '-' || word === 'unset' || word === 'unknown') return null;
  return levels[word] ?? word.replace(/\d+$/, '');
}

/** An error that a collector took apart already: its message without date and level, the rest in columns. */
export function errorOf(values: Values, moment: { readonly at: number | null; readonly zoned: boolean }): ErrorRecord {
  const product = productOfSource(values.source) ?? productOfMessage(values.message);
  const level = levelOf(values.level);
  const read = product === 'nginx' ? nginxMessage(values.message, moment, level, null) : null;
  const orNull = (text: string): string | null => (text === '' || text === '-' ? null : text);
  return {
    at: moment.at,
    zoned: moment.zoned,
    product,
    level,
    message: read?.message ?? values.message,
    client: read?.client ?? orNull(values.client),
    request: read?.request ?? orNull(values.request),
    host: read?.host ?? orNull(values.host),
    upstream: read?.upstream ?? orNull(values.upstream),
    requestId: read?.requestId ?? orNull(values.requestId),
    pid: null,
  };
}

function productOfMessage(message: string): Product {
  for (const product of products) {
    const bare = product === 'nginx' ? nginxMessage(message, null, null, null).message : message;
    if (matchSignature(product, bare) !== null) return product;
  }
  return 'other';
}
