// Which column holds what: the map that a columns file gives, the presets for tables that common collectors write, and the roles that
// both speak of.
import { z } from 'zod';

const name = z.string().min(1).max(1000);
const unit = z.enum(['s', 'ms', 'us', 'ns']);

const reference = z.union([
  name,
  z.strictObject({
    column: name,
    /** Inside a Map, a Nested of keys and values, a JSON column or JSON text. */
    key: name.optional(),
    /** Of numbers; seconds where absent, for `time` found from the size of the numbers. */
    unit: unit.optional(),
  }),
]);
const references = z.union([reference, z.array(reference).min(1).max(20)]);

const roleMeanings = {
  status: 'what the client got',
  method: 'GET, POST …',
  request: '`GET /path HTTP/1.1`',
  path: 'path, with or without its query',
  query: 'the query, where it stands apart from the path',
  client: 'address of the client',
  host: 'the Host of the request',
  upstream: 'address of the server that was asked; several tries as nginx writes them (`a, b`), or an Array',
  upstreamStatus: 'its status, per try',
  upstreamConnectTime: 'seconds until connected, per try',
  upstreamHeaderTime: 'seconds until its header came, per try',
  upstreamResponseTime: 'seconds until its response ended, per try',
  upstreamBytes: 'what it sent, per try',
  backend: 'name of the pool, used where no server is named',
  duration: 'seconds of the whole request',
  requestId: 'id that the error log writes too',
  message: 'the line as it was written, or the text of an error',
  level: 'level of an error line',
  source: 'which log or program the row is from',
  machine: 'which machine wrote it',
} as const;

/** What a column can be for. */
export type Role = keyof typeof roleMeanings;
export const roles = Object.keys(roleMeanings) as readonly Role[];
/** A columns file: a role and the column (or the first of several that is not empty). Refuses unknown roles. */
export const columnsSchema = z
  .strictObject({
    preset: z.enum(['otel', 'vector', 'nginx-parsed']).optional(),
    time: reference.optional(),
    ...(Object.fromEntries(roles.map((role) => [role, references.optional()])) as Record<Role, z.ZodOptional<typeof references>>),
  })
  .refine(({ preset, time }) => preset !== undefined || time !== undefined, {
    message: 'expected a time column or a preset',
  });

/** A column, or a part of one. */
export interface Reference {
  readonly column: string;
  readonly key: string | null;
  readonly unit: z.output<typeof unit> | null;
}

/** References by role, the preferred first. */
export interface ColumnMap {
  readonly time: readonly Reference[];
  readonly roles: Readonly<Partial<Record<Role, readonly Reference[]>>>;
  /** Whether every column has to exist: yes for a file that somebody wrote, no for presets, which know several generations. */
  readonly strict: boolean;
  /** For the report: `from columns.yaml`, `preset otel`, `guessed`. */
  readonly origin: string;
}

type FileReference = z.output<typeof reference>;

function referenceOf(value: FileReference): Reference {
  return typeof value === 'string'
    ? { column: value, key: null, unit: null }
    : { column: value.column, key: value.key ?? null, unit: value.unit ?? null };
}

/** The map of a checked columns file; what it does not say comes from its preset. */
export function mapOfFile(file: z.output<typeof columnsSchema>, origin: string): ColumnMap {
  const preset = file.preset === undefined ? null : presets[file.preset];
  const own: Partial<Record<Role, readonly Reference[]>> = {};
  for (const role of roles) {
    const value = file[role];
    if (value !== undefined) own[role] = (Array.isArray(value) ? value : [value]).map(referenceOf);
  }
  return {
    time: file.time === undefined ? (preset?.time ?? []) : [referenceOf(file.time)],
    roles: { ...preset?.roles, ...own },
    strict: preset === null,
    origin,
  };
}

const plainly = (...columns: readonly string[]): Reference[] => columns.map((column) => ({ column, key: null, unit: null }));
const within = (columns: readonly string[], ...keys: readonly string[]): Reference[] =>
  keys.flatMap((key) => columns.map((column) => ({ column, key, unit: null })));
const attributes = (...keys: readonly string[]): Reference[] => within(['LogAttributes'], ...keys);
const milliseconds = (references: readonly Reference[]): Reference[] => references.map((each) => ({ ...each, unit: 'ms' as const }));

/** Names that nginx's variables keep in every flat table. */
const nginxVariables = {
  status: plainly('status'),
  request: plainly('request'),
  upstream: plainly('upstream_addr'),
  upstreamStatus: plainly('upstream_status'),
  upstreamConnectTime: plainly('upstream_connect_time'),
  upstreamHeaderTime: plainly('upstream_header_time'),
  upstreamResponseTime: plainly('upstream_response_time'),
  upstreamBytes: plainly('upstream_bytes_received', 'upstream_response_length'),
  duration: plainly('request_time'),
  backend: plainly('proxy_upstream_name', 'proxy_host'),
} as const;

/** Maps for the tables that collectors write. Columns that a table lacks are passed over. */
export const presets = {
  otel: {
    time: plainly('Timestamp', 'TimestampTime'),
    roles: {
      status: attributes('http.response.status_code', 'http.status_code', 'status', 'status_code'),
      method: attributes('http.request.method', 'http.method', 'request_method', 'method'),
      request: attributes('request', 'http.request_line'),
      path: attributes('url.path', 'http.target', 'request_uri', 'uri', 'path'),
      query: attributes('url.query', 'args'),
      client: attributes('client.address', 'http.client_ip', 'net.sock.peer.addr', 'source.address', 'remote_addr', 'client_ip', 'client'),
      host: attributes('server.address', 'http.host', 'http_host', 'vhost', 'host'),
      upstream: attributes('upstream_addr', 'upstream.address', 'upstream'),
      upstreamStatus: attributes('upstream_status'),
      upstreamConnectTime: attributes('upstream_connect_time'),
      upstreamHeaderTime: attributes('upstream_header_time'),
      upstreamResponseTime: attributes('upstream_response_time'),
      upstreamBytes: attributes('upstream_bytes_received', 'upstream_response_length'),
      backend: attributes('proxy_upstream_name', 'upstream.name'),
      duration: [...attributes('request_time'), ...milliseconds(attributes('duration_ms'))],
      requestId: attributes('request_id', 'http.request_id', 'req_id', 'http.request.header.x-request-id'),
      message: plainly('Body'),
      level: plainly('SeverityText'),
      source: [...attributes('log.file.name', 'log.file.path'), ...plainly('ServiceName')],
      machine: within(['ResourceAttributes'], 'host.name', 'k8s.node.name', 'k8s.pod.name'),
    },
    strict: false,
    origin: 'preset otel',
  },
  vector: {
    time: plainly('timestamp', 'time', '_timestamp'),
    roles: {
      ...nginxVariables,
      method: plainly('method', 'request_method'),
      path: plainly('path', 'request_uri', 'uri'),
      client: plainly('client', 'remote_addr'),
      host: plainly('http_host', 'server', 'server_name'),
      upstream: plainly('upstream_addr', 'upstream'),
      requestId: plainly('request_id', 'req_id'),
      message: plainly('message', 'log'),
      level: plainly('severity', 'level'),
      source: plainly('file', 'source_type', 'appname', 'tag'),
      machine: plainly('host', 'hostname'),
    },
    strict: false,
    origin: 'preset vector',
  },
  'nginx-parsed': {
    time: plainly('time', 'timestamp', 'time_local', 'time_iso8601', 'msec', 'event_time'),
    roles: {
      ...nginxVariables,
      method: plainly('request_method', 'method'),
      path: plainly('request_uri', 'uri', 'path'),
      query: plainly('args', 'query_string', 'request_query'),
      client: plainly('remote_addr', 'x_forwarded_for', 'remote_ip'),
      host: plainly('host', 'vhost', 'http_host', 'server_name'),
      requestId: plainly('request_id', 'req_id', 'x_request_id'),
      message: plainly('message', 'error', 'log'),
      level: plainly('level', 'severity'),
      source: plainly('ingress_name', 'service_name', 'source'),
      machine: plainly('hostname', 'pod', 'pod_name', 'node'),
    },
    strict: false,
    origin: 'preset nginx-parsed',
  },
} as const satisfies Readonly<Record<string, ColumnMap>>;
