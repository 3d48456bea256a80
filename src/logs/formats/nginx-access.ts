// nginx's access log in whatever `log_format` a host uses: the format string becomes a pattern. Patterns never backtrack over free text, so
// a hostile line costs no more than its length.
import type { AccessLine, NginxDirective } from '../../model/observations.ts';
import { plain } from '../../model/neutral.ts';
import { redactUrl } from '../../model/redact.ts';
import { commonDate, isoOf, zoneMinutesOf, type ParsedAccess } from '../text.ts';

/** One `log_format`, ready to read lines. */
export interface AccessFormat {
  readonly name: string;
  readonly variables: readonly string[];
  readonly pattern: RegExp;
}

/** nginx's own default. */
export const combinedFormat =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');

const values: Readonly<Record<string, string>> = {
  status: '\\d{3}|-|',
  time_local: '\\d{1,2}\\/\\w{3}\\/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}',
  time_iso8601: '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:Z|[+-]\\d\\d:\\d\\d)',
  msec: '\\d+\\.\\d+',
  request_time: '[\\d.]+|-|',
  body_bytes_sent: '\\d+|-|',
  bytes_sent: '\\d+|-|',
  request_length: '\\d+|-|',
  pipe: '[p.]',
};

/** A value that ends where the format goes on. A list of an upstream's tries has blanks of its own. */
function valuePattern(variable: string, next: string): string {
  const known = values[variable];
  if (known !== undefined) return known;
  if (variable.startsWith('upstream_') && !/^upstream_(http|cookie|trailer)_/.test(variable))
    return '[^\\s,"|]+(?:(?:, | : )[^\\s,"|]+)*|-|';
  if (next === '') return '.*';
  if (next === '"') return '(?:[^"\\\\]|\\\\.)*';
  return `[^${literal(next)}]*`;
}

/** Compiles a format string. Adjacent variables without anything between them are read as one. */
export function compileAccessFormat(name: string, format: string): AccessFormat {
  const parts = [...format.matchAll(/\$\{(\w+)\}|\$(\w+)|([^$]+|\$)/gs)];
  const variables: string[] = [];
  let source = '^';
  parts.forEach((part, i) => {
    const variable = part[1] ?? part[2];
    if (variable === undefined) {
      source += literal(part[3] ?? '');
      return;
    }
    const before = parts[i - 1];
    if (before !== undefined && before[3] === undefined) return;
    let next = parts[i + 1];
    for (let j = i + 1; next !== undefined && next[3] === undefined; j++) next = parts[j + 1];
    variables.push(variable);
    source += `(${valuePattern(variable, next?.[3]?.[0] ?? '')})`;
  });
  // To the end of the line: the default format is the beginning of many others.
  return { name, variables, pattern: new RegExp(`${source}\\s*$`) };
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

const list = (text: string | undefined): string[] => (text === undefined || text === '' || text === '-' ? [] : text.split(/, | : /));
const seconds = (text: string | undefined): number | null =>
  text === undefined || !/^[\d.]+$/.test(text) ? null : Math.round(Number(text) * 1000);
const code = (text: string): number | null => (/^\d{3}$/.test(text) ? Number(text) : null);

function upstreamOf(get: (name: string) => string | undefined): AccessLine['upstream'] {
  const address = get('upstream_addr');
  const status = get('upstream_status');
  const names = ['upstream_connect_time', 'upstream_header_time', 'upstream_response_time'] as const;
  if (address === undefined && status === undefined && names.every((name) => get(name) === undefined)) return null;
  const addresses = list(address);
  const statuses = list(status).map(code);
  const count = Math.max(addresses.length, statuses.length);
  const times = (name: (typeof names)[number]): (number | null)[] => {
    const found = list(get(name)).map(seconds);
    return Array.from({ length: count }, (_, i) => found[i] ?? null);
  };
  return {
    addresses,
    statuses: Array.from({ length: count }, (_, i) => statuses[i] ?? null),
    connectMs: times('upstream_connect_time'),
    headerMs: times('upstream_header_time'),
    responseMs: times('upstream_response_time'),
  };
}

/** Reads a line by the first of the formats that fits; null where none does. Lines over 16 KiB are not tried. */
export function parseNginxAccess(line: string, formats: readonly AccessFormat[]): ParsedAccess | null {
  if (line.length > 16_384) return null;
  for (const format of formats) {
    const match = format.pattern.exec(line);
    if (!match) continue;
    const get = (name: string): string | undefined => {
      const at = format.variables.indexOf(name);
      return at < 0 ? undefined : match[at + 1];
    };
    const some = (name: string): string | null => {
      const value = get(name);
      return value === undefined || value === '' || value === '-' ? null : value;
    };
    const request = /^([A-Z]{3,16}) (\S+)/.exec(get('request') ?? '');
    const path = request?.[2] ?? some('request_uri') ?? some('uri');
    const host = some('host') ?? some('http_host');
    const client = some('remote_addr') ?? some('realip_remote_addr');
    return {
      at: timeOf(get),
      client: client === null ? null : plain(client),
      method: request?.[1] ?? some('request_method'),
      path: path === null ? null : plain(redactUrl(path)).slice(0, 2048),
      host: host === null ? null : plain(host).slice(0, 255),
      status: code(get('status') ?? ''),
      durationMs: seconds(get('request_time')),
      upstream: upstreamOf(get),
      haproxy: null,
    };
  }
  return null;
}

function timeOf(get: (name: string) => string | undefined): string | null {
  const local = get('time_local');
  if (local !== undefined) return commonDate(local, null);
  const iso = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(.*)$/.exec(get('time_iso8601') ?? '');
  if (iso) return isoOf(iso[1] ?? '', iso[2] ?? '', iso[3] ?? '', iso[4] ?? '', zoneMinutesOf(iso[5] ?? ''));
  const epoch = get('msec');
  return epoch === undefined ? null : new Date(Number(epoch) * 1000).toISOString();
}

/** What can be found in a line of an unknown format: nothing but a status, where exactly one number can be one. */
export function parseUnknownAccess(line: string): ParsedAccess {
  const quoted = /"([A-Z]{3,16}) (\S+)(?: HTTP\/[\d.]+)?" (\d{3})\b/.exec(line.slice(0, 8192));
  return {
    at: null,
    client: null,
    method: quoted?.[1] ?? null,
    path: quoted?.[2] === undefined ? null : plain(redactUrl(quoted[2])).slice(0, 2048),
    host: null,
    status: quoted?.[3] === undefined ? null : code(quoted[3]),
    durationMs: null,
    upstream: null,
    haproxy: null,
  };
}
