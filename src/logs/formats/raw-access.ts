// The raw values of one request, however they were found, and the record that they make with nginx's meaning.
import type { AccessRecord, Try } from '../records.ts';

/** The raw values of one request; the empty string where the log does not say. Filled by layouts and by JSON keys alike. */
export interface RawAccess {
  client: string;
  method: string;
  request: string;
  uri: string;
  args: string;
  host: string;
  status: string;
  addresses: string;
  statuses: string;
  connectTimes: string;
  headerTimes: string;
  responseTimes: string;
  /** Lengths of upstream responses, and bytes received from upstreams. */
  upstreamBytes: string;
  requestId: string;
  /** Name of the pool, where a format logs it beside the address. */
  pool: string;
}

const noTries: readonly Try[] = [];
/** Whether a character code is one of 0 to 9. */
export const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Milliseconds of seconds in decimals, as nginx writes them, rounded; null for `-` and everything else. By hand: this is half of a record. */
export function secondsMs(text: string): number | null {
  let ms = 0;
  let i = 0;
  for (; isDigit(text.charCodeAt(i)); i++) ms = ms * 10 + text.charCodeAt(i) - 48;
  if (i === 0 || i > 12) return null;
  ms *= 1000;
  if (i === text.length) return ms;
  if (text.charCodeAt(i++) !== 46) return null;
  for (let weight = 100; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return null;
    if (weight >= 1) ms += digit * weight;
    else if (weight === 0.1 && digit >= 5) ms++;
    weight = weight === 1 ? 0.1 : weight === 0.1 ? 0 : weight / 10;
  }
  return ms;
}

/** A status code of three digits; null for anything else. */
export function statusOf(text: string): number | null {
  if (text.length !== 3) return null;
  const value = (text.charCodeAt(0) - 48) * 100 + (text.charCodeAt(1) - 48) * 10 + text.charCodeAt(2) - 48;
  return isDigit(text.charCodeAt(0)) && isDigit(text.charCodeAt(1)) && isDigit(text.charCodeAt(2)) ? value : null;
}

/** The text, or null where it is empty or a dash. */
export const orNull = (text: string): string | null => (text === '' || text === '-' ? null : text);

/** nginx joins tries by `, ` and groups of tries, parted by an internal redirect, by ` : `. At most 64 are kept. */
function listOf(text: string): string[] {
  if (text === '' || text === '-') return [];
  return text.includes(', ') || text.includes(' : ') ? text.split(/, | : /, 64) : [text];
}

function triesOf(raw: RawAccess): readonly Try[] {
  if (raw.addresses === '' && raw.statuses === '') return noTries;
  const addresses = listOf(raw.addresses);
  const statuses = listOf(raw.statuses);
  const count = Math.max(addresses.length, statuses.length);
  if (count === 0) return noTries;
  const connect = listOf(raw.connectTimes);
  const header = listOf(raw.headerTimes);
  const response = listOf(raw.responseTimes);
  const tries: Try[] = [];
  for (let i = 0; i < count; i++) {
    tries.push({
      address: addresses[i] ?? '',
      status: statusOf(statuses[i] ?? ''),
      connectMs: secondsMs(connect[i] ?? ''),
      headerMs: secondsMs(header[i] ?? ''),
      responseMs: secondsMs(response[i] ?? ''),
    });
  }
  return tries;
}

/**
 * Who answered, as far as nginx says. `$upstream_status` alone is no proof for 502 and 504: nginx writes the code that it made itself there
 * too. `$upstream_header_time` is a number only where a header came.
 */
function answererOf(raw: RawAccess, last: Try | undefined): AccessRecord['answeredBy'] {
  if (last === undefined) return raw.addresses === '-' || raw.statuses === '-' ? 'self' : null;
  if (raw.headerTimes !== '') return last.headerMs === null ? 'self' : 'upstream';
  if (last.status === null) return raw.statuses === '' ? null : 'self';
  if (last.status !== 502 && last.status !== 504) return 'upstream';
  const bytes = listOf(raw.upstreamBytes).at(-1) ?? '';
  return bytes !== '' && bytes !== '0' && bytes !== '-' ? 'upstream' : null;
}

const methodEnd = (request: string): number => {
  const end = request.indexOf(' ');
  if (end < 3 || end > 17) return -1;
  for (let i = 0; i < end; i++) {
    const code = request.charCodeAt(i);
    if ((code < 65 || code > 90) && code !== 45 && code !== 95) return -1;
  }
  return end;
};

/** A record of raw values, with nginx's meaning. */
export function accessRecordOf(raw: RawAccess, at: number | null, zoned: boolean, durationMs: number | null): AccessRecord {
  const end = methodEnd(raw.request);
  let path: string | null = null;
  if (end > 0) {
    const pathEnd = raw.request.indexOf(' ', end + 1);
    path = orNull(pathEnd < 0 ? raw.request.slice(end + 1) : raw.request.slice(end + 1, pathEnd));
  }
  path ??= raw.args === '' || raw.args === '-' ? orNull(raw.uri) : `${raw.uri}${raw.args.startsWith('?') ? '' : '?'}${raw.args}`;
  const tries = triesOf(raw);
  const last = tries.at(-1);
  return {
    at,
    zoned,
    client: orNull(raw.client),
    method: end > 0 ? raw.request.slice(0, end) : orNull(raw.method),
    path,
    host: orNull(raw.host),
    status: statusOf(raw.status),
    durationMs,
    requestId: orNull(raw.requestId),
    tries,
    backend: last === undefined || last.address === '' ? orNull(raw.pool) : last.address,
    answeredBy: answererOf(raw, last),
    reason: null,
  };
}

const roles = {
  client: ['remote_addr', 'realip_remote_addr', 'client_ip', 'the_real_ip'],
  method: ['request_method'],
  request: ['request'],
  uri: ['request_uri', 'uri', 'document_uri'],
  args: ['args', 'query_string', 'query'],
  host: ['host', 'http_host', 'server_name', 'ssl_server_name', 'best_http_host'],
  status: ['status'],
  addresses: ['upstream_addr', 'balancer_worker_name'],
  statuses: ['upstream_status'],
  connectTimes: ['upstream_connect_time'],
  headerTimes: ['upstream_header_time'],
  responseTimes: ['upstream_response_time'],
  upstreamBytes: ['upstream_bytes_received', 'upstream_response_length'],
  requestId: ['request_id', 'req_id', 'http_x_request_id', 'unique_id', 'http_x_trace_id', 'http_traceparent'],
  pool: ['proxy_upstream_name', 'proxy_host', 'upstream_name'],
} as const satisfies Record<keyof RawAccess, readonly string[]>;

/** Roles that a format's variables can play; names in order of preference. */
export const accessRoles: Readonly<Record<keyof RawAccess, readonly string[]>> = roles;
