// Records as the live probes keep them: the same readers, whose times become UTC by the host's zone, whose text is short and safe, and whose
// messages are named by signature at once.
import type { AccessLine, ErrorLine, NginxDirective } from '../../model/observations.ts';
import { plain } from '../../model/neutral.ts';
import { redactUrl } from '../../model/redact.ts';
import type { AccessRecord, ErrorRecord } from '../records.ts';
import { matchSignature } from '../signatures.ts';
import { shownField, type ParsedAccess, type ParsedError } from '../text.ts';
import { haproxyFields, haproxyFormat, haproxyHeader } from './haproxy-log.ts';
import { compileLayout } from './layout-reader.ts';
import { combinedFormat, nginxLayout } from './layout.ts';
import { nginxErrorFormat } from './nginx-error-log.ts';
import { fpmFormat, fpmSlowFormat, phpErrorFormat } from './php-logs.ts';
import { statusOf } from './raw-access.ts';

/** ISO 8601 UTC; null where a date has no zone and the host's is not known. `zoneMinutes` is east of Greenwich. */
function isoOf({ at, zoned }: Pick<AccessRecord, 'at' | 'zoned'>, zoneMinutes: number | null): string | null {
  if (at === null || (!zoned && zoneMinutes === null)) return null;
  const ms = zoned ? at : at - (zoneMinutes ?? 0) * 60_000;
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}

const shownOrNull = (text: string | null): string | null => (text === null ? null : shownField(text));
const shownPath = (path: string | null): string | null => (path === null ? null : plain(redactUrl(path)).slice(0, 2048));

function observed(record: ErrorRecord, source: ErrorLine['source'], zoneMinutes: number | null, level: string | null): ParsedError {
  const known = matchSignature(record.product, record.message);
  return {
    at: isoOf(record, zoneMinutes),
    source,
    level,
    signature: known?.id ?? null,
    fields: Object.fromEntries(Object.entries(known?.fields ?? {}).map(([name, value]) => [name, shownField(value)])),
    client: shownOrNull(record.client),
    request: shownOrNull(record.request),
    host: shownOrNull(record.host),
    upstream: shownOrNull(record.upstream),
  };
}

/** Whether a line begins a record of nginx's error log. */
export const beginsNginxError = (line: string): boolean => nginxErrorFormat.begins?.(line) === true;

/** Reads one record of nginx's error log; null where it is not one. `zoneMinutes` is the host's offset from UTC, null when unknown. */
export function parseNginxError(record: string, zoneMinutes: number | null): ParsedError | null {
  const read = nginxErrorFormat.error?.(record) ?? null;
  return read === null ? null : observed(read, 'nginx', zoneMinutes, read.level);
}

/** Whether a line begins a record of php-fpm's log or of PHP's error_log. */
export const beginsPhp = (line: string): boolean => fpmFormat.begins?.(line) === true;

/** php-fpm's own word for what other logs call `warn`. */
const fpmLevel = (level: string | null): string | null => (level === 'warn' ? 'warning' : level);

/** Reads one record of php-fpm's log; null where it is not one. Its times carry no zone: `zoneMinutes` is the host's. */
export function parseFpmLog(record: string, zoneMinutes: number | null): ParsedError | null {
  const read = fpmFormat.error?.(record) ?? null;
  return read === null ? null : observed(read, 'php-fpm', zoneMinutes, fpmLevel(read.level));
}

/** Reads one block of a slow log: the pool, the script and the function it was in. */
export function parseFpmSlow(record: string, zoneMinutes: number | null): ParsedError | null {
  const read = fpmSlowFormat.error?.(record) ?? null;
  return read === null ? null : observed(read, 'php-fpm', zoneMinutes, fpmLevel(read.level));
}

/** Reads one record of PHP's error_log; null where it is not one. The level is PHP's own word. */
export function parsePhpError(record: string, zoneMinutes: number | null): ParsedError | null {
  const read = phpErrorFormat.error?.(record) ?? null;
  if (read === null) return null;
  const level = /^PHP ((?:\w+ )?\w+):/.exec(read.message.slice(0, 64))?.[1]?.toLowerCase() ?? null;
  return observed(read, 'php', zoneMinutes, level);
}

/** Dates of a header are only taken where they have a zone, so the year of the others does not matter. */
const anyYear = 1970;
const haproxy = haproxyFormat(anyYear);
const longestHaproxy = 8192;

/** Reads a line of HAProxy about a request; null where it is not one. `zoneMinutes` is the host's offset from UTC. */
export function parseHaproxyRequest(line: string, zoneMinutes: number | null): ParsedAccess | null {
  const text = line.slice(0, longestHaproxy);
  const fields = haproxyFields(text.slice(haproxyHeader(text, anyYear)?.end ?? 0));
  if (fields === null) return null;
  const { pool, server, state, queueMs, connectMs, headerMs, totalMs, retries, redispatched, status } = fields;
  const known = (ms: number): number | null => (ms < 0 ? null : ms);
  return {
    at: isoOf(fields, zoneMinutes),
    client: fields.client,
    method: fields.method,
    path: shownPath(fields.path),
    host: shownOrNull(fields.host),
    status,
    durationMs: known(totalMs),
    upstream: server.startsWith('<')
      ? null
      : {
          addresses: [`${pool}/${server}`],
          statuses: [headerMs < 0 ? null : status],
          connectMs: [known(connectMs)],
          headerMs: [known(headerMs)],
          responseMs: [null],
        },
    haproxy: { backend: pool, server, state, queueMs, connectMs, responseMs: headerMs, retries, redispatched },
  };
}

/** Reads a line of HAProxy about servers and proxies; null where no signature knows it. */
export function parseHaproxyEvent(line: string): ParsedError | null {
  const read = haproxy.error?.(line.slice(0, longestHaproxy)) ?? null;
  if (read === null || matchSignature('haproxy', read.message) === null) return null;
  return { ...observed(read, 'haproxy', null, null), client: null };
}

/** One `log_format`, ready to read lines. */
export interface AccessFormat {
  readonly name: string;
  /** Which of a request's host and tries the format logs at all. */
  readonly hasHost: boolean;
  readonly hasUpstream: boolean;
  readonly read: (line: string) => AccessRecord | null;
}

const upstreamNames = ['upstream_addr', 'upstream_status', 'upstream_connect_time', 'upstream_header_time', 'upstream_response_time'];

/** Compiles a format string. */
export function compileAccessFormat(name: string, format: string): AccessFormat {
  const layout = nginxLayout(format);
  const has = (names: readonly string[]): boolean => layout.some((part) => part.kind === 'variable' && names.includes(part.name));
  return { name, hasHost: has(['host', 'http_host']), hasUpstream: has(upstreamNames), read: compileLayout(layout).read };
}

/** All formats of a configuration, by name, with nginx's default. `directives` may be a whole tree or just the `log_format` lines. */
export function accessFormats(directives: readonly NginxDirective[]): Map<string, AccessFormat> {
  const formats = new Map([['combined', compileAccessFormat('combined', combinedFormat)]]);
  const visit = (list: readonly NginxDirective[]): void => {
    for (const directive of list) {
      if (directive.name === 'log_format') {
        const [name, ...rest] = directive.args;
        const text = rest.filter((arg, i) => i > 0 || !arg.startsWith('escape=')).join('');
        if (name !== undefined && text !== '' && text.length < 8192) formats.set(name, compileAccessFormat(name, text));
      } else if (directive.block !== null) visit(directive.block);
    }
  };
  visit(directives);
  return formats;
}

function upstreamOf({ tries }: AccessRecord): NonNullable<AccessLine['upstream']> {
  return {
    addresses: tries.map(({ address }) => address).filter((address) => address !== ''),
    statuses: tries.map(({ status }) => status),
    connectMs: tries.map(({ connectMs }) => connectMs),
    headerMs: tries.map(({ headerMs }) => headerMs),
    responseMs: tries.map(({ responseMs }) => responseMs),
  };
}

/** Reads a line by the first of the formats that fits; null where none does. Lines over 16 KiB are not tried. */
export function parseNginxAccess(line: string, formats: readonly AccessFormat[]): ParsedAccess | null {
  if (line.length > 16_384) return null;
  for (const format of formats) {
    const record = format.read(line);
    if (record === null) continue;
    return {
      at: isoOf(record, null),
      client: record.client === null ? null : plain(record.client),
      method: record.method,
      path: shownPath(record.path),
      host: record.host === null || !format.hasHost ? null : plain(record.host).slice(0, 255),
      status: record.status,
      durationMs: record.durationMs,
      upstream: format.hasUpstream ? upstreamOf(record) : null,
      haproxy: null,
    };
  }
  return null;
}

/** What can be found in a line of an unknown format: nothing but a status, where exactly one number can be one. */
export function parseUnknownAccess(line: string): ParsedAccess {
  const quoted = /"([A-Z]{3,16}) (\S+)(?: HTTP\/[\d.]+)?" (\d{3})\b/.exec(line.slice(0, 8192));
  return {
    at: null,
    client: null,
    method: quoted?.[1] ?? null,
    path: shownPath(quoted?.[2] ?? null),
    host: null,
    status: quoted?.[3] === undefined ? null : statusOf(quoted[3]),
    durationMs: null,
    upstream: null,
    haproxy: null,
  };
}
