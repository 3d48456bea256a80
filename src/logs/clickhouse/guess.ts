// A column map for a table that nobody described: by the names of its columns. What was guessed is said in the report.
import { nearest } from '../../model/nearest.ts';
import { presets } from './columns.ts';
import type { ColumnMap, Reference, Role } from './columns.ts';
import { isTimeType } from './types.ts';
import type { Column } from './types.ts';

/** Names by role, the preferred first. Upper and lower case, `-`, `.` and `_` make no difference. */
const names: Readonly<Record<Role, readonly string[]>> = {
  status: ['status', 'status_code', 'http_status', 'response_status', 'http_status_code', 'response_code', 'code', 'sc_status'],
  method: ['request_method', 'method', 'http_method', 'verb'],
  request: ['request', 'request_line', 'http_request'],
  path: ['request_uri', 'uri', 'path', 'url', 'request_path', 'uri_path', 'http_path', 'request_url'],
  query: ['args', 'query_string', 'request_query', 'query'],
  client: ['remote_addr', 'client_ip', 'client', 'client_addr', 'remote_ip', 'remote_address', 'ip', 'clientip', 'src_ip'],
  host: ['http_host', 'vhost', 'request_host', 'server_name', 'domain', 'authority'],
  upstream: ['upstream_addr', 'upstream', 'upstream_address', 'upstream_host', 'backend_addr', 'server_addr', 'target'],
  upstreamStatus: ['upstream_status', 'backend_status', 'upstream_status_code'],
  upstreamConnectTime: ['upstream_connect_time'],
  upstreamHeaderTime: ['upstream_header_time'],
  upstreamResponseTime: ['upstream_response_time', 'upstream_time', 'backend_time'],
  upstreamBytes: ['upstream_bytes_received', 'upstream_response_length'],
  backend: ['proxy_upstream_name', 'upstream_name', 'backend', 'backend_name', 'pool', 'proxy_host'],
  duration: ['request_time', 'duration', 'response_time', 'latency', 'elapsed', 'request_duration'],
  requestId: ['request_id', 'req_id', 'x_request_id', 'requestid', 'trace_id'],
  message: ['message', 'msg', 'log', 'line', 'raw', 'body', 'text', '_raw', 'error'],
  level: ['level', 'severity', 'severity_text', 'log_level', 'loglevel'],
  source: ['source', 'file', 'filename', 'log_file', 'source_type', 'service', 'service_name', 'appname', 'app', 'program', 'tag'],
  machine: ['hostname', 'host_name', 'machine', 'node', 'node_name', 'pod', 'pod_name', 'instance', '_hostname'],
};
const times = [
  'timestamp',
  'time',
  'event_time',
  'ts',
  'datetime',
  'date_time',
  'time_local',
  'time_iso8601',
  'msec',
  '_timestamp',
  'logged_at',
];

const plainName = (name: string): string => name.toLowerCase().replaceAll(/[-._ ]/g, '');

/** A map by names and types; null where no column looks like a time. */
export function guessColumns(columns: readonly Column[]): ColumnMap | null {
  const byName = new Map(columns.map(({ name }) => [plainName(name), name]));
  const has = (...wanted: readonly string[]): boolean => wanted.every((name) => columns.some((column) => column.name.startsWith(name)));
  if (has('Timestamp', 'Body', 'LogAttributes')) return { ...presets.otel, origin: 'guessed: the table is shaped like OpenTelemetry’s' };

  const find = (wanted: readonly string[]): string | undefined => {
    for (const name of wanted) {
      const found = byName.get(plainName(name));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const typed = columns.filter(({ type }) => isTimeType(type));
  const time =
    find(times.filter((name) => typed.some((column) => plainName(column.name) === plainName(name)))) ?? typed[0]?.name ?? find(times);
  if (time === undefined) return null;

  const found: Partial<Record<Role, readonly Reference[]>> = {};
  const used = new Set([time]);
  for (const [role, wanted] of Object.entries(names) as [Role, readonly string[]][]) {
    const name = find(wanted.filter((each) => !used.has(byName.get(plainName(each)) ?? '')));
    if (name === undefined) continue;
    used.add(name);
    found[role] = [{ column: name, key: null, unit: unitOf(name) }];
  }
  // `host` is the request's in a table of requests, and the machine's beside lines that a collector read from files.
  const host = byName.get('host');
  if (host !== undefined && !used.has(host)) {
    const role =
      found.host !== undefined || (found.machine === undefined && found.status === undefined) || byName.has('sourcetype')
        ? 'machine'
        : 'host';
    if (found[role] === undefined) found[role] = [{ column: host, key: null, unit: null }];
  }
  return { time: [{ column: time, key: null, unit: null }], roles: found, strict: false, origin: 'guessed from the names of the columns' };
}

function unitOf(name: string): Reference['unit'] {
  return (/(?:_|^)(ms|us|ns)$/.exec(name)?.[1] as Reference['unit']) ?? null;
}

/** Names worth saying where one was not found: the nearest, else the first few. */
export function suggestion(wanted: string, known: readonly string[]): string {
  const best = nearest(wanted, known);
  if (best !== null) return `Did you mean "${best}"?`;
  return known.length === 0
    ? 'There is none that this user can see.'
    : `There are: ${known.slice(0, 12).join(', ')}${known.length > 12 ? ' …' : ''}.`;
}
