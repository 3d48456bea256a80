// The incident loaded into the tables that collectors write.
import type { Incident, IncidentRequest } from './incident.ts';
import type { ClickhouseServer } from './server.ts';

/** An Array(String), or a Map, as the tab-separated format has it. */
type Field = string | number | null | { readonly list: readonly string[] } | { readonly map: Readonly<Record<string, string>> };

const escaped = (text: string): string =>
  text.replaceAll(/[\\\t\n]/g, (character) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n' })[character] ?? character);
const quoted = (text: string): string => `'${escaped(text).replaceAll("'", String.raw`\'`)}'`;

function field(value: Field): string {
  if (value === null) return String.raw`\N`;
  if (typeof value !== 'object') return escaped(String(value));
  if ('list' in value) return `[${value.list.map(quoted).join(',')}]`;
  return `{${Object.entries(value.map)
    .map(([key, text]) => `${quoted(key)}:${quoted(text)}`)
    .join(',')}}`;
}

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** A table made new and filled. `columns` is the text between the brackets; the first one orders the table. */
export async function fillTable(
  server: ClickhouseServer,
  name: string,
  columns: string,
  rows: readonly (readonly Field[])[],
): Promise<void> {
  await server.run(`DROP TABLE IF EXISTS ${name}`);
  await server.run(
    `CREATE TABLE ${name} (${columns}) ENGINE = MergeTree PARTITION BY tuple() ORDER BY ${/^[`\w]+/.exec(columns)?.[0] ?? ''}`,
  );
  if (rows.length === 0) return;
  await server.run(`INSERT INTO ${name} FORMAT TabSeparated`, `${rows.map((row) => row.map(field).join('\t')).join('\n')}\n`);
}

/** Lines as Vector or Fluent Bit ship them without taking them apart: `raw_lines` with machine and file, `lines_only` with nothing else. */
export async function fillRaw(
  server: ClickhouseServer,
  { requests, errors, startMs }: Incident,
  strange: readonly string[],
): Promise<void> {
  const [access, error] = ['/var/log/nginx/access.log', '/var/log/nginx/error.log'];
  await fillTable(server, 'raw_lines', 'timestamp DateTime, host String, file String, message String', [
    ...requests.map(({ atMs, line }) => [seconds(atMs), 'lb-1', access, line]),
    ...errors.map(({ atMs, line }) => [seconds(atMs), 'lb-1', error, line]),
    ...strange.map((line) => [seconds(startMs), 'lb-1', access, line]),
  ]);
  await fillTable(server, 'lines_only', 'ts UInt64, line String', [
    ...requests.map(({ atMs, line }) => [atMs, line]),
    ...errors.map(({ atMs, line }) => [atMs, line]),
    ...strange.map((line) => [startMs, line]),
  ]);
}

/** nginx's variables in columns of their own, error lines beside them without their date: `flat`. */
export async function fillFlat(server: ClickhouseServer, { requests, errors }: Incident): Promise<void> {
  await fillTable(
    server,
    'flat',
    'time DateTime, remote_addr String, request_method String, request_uri String, status UInt16, http_host String, request_time Float64, upstream_addr String, upstream_status String, upstream_connect_time String, upstream_header_time String, upstream_response_time String, request_id String, level String, message Nullable(String)',
    [
      ...requests.map((each) => [
        seconds(each.atMs),
        each.client,
        each.method,
        each.path,
        each.status,
        each.host,
        each.requestTime,
        each.upstream,
        each.upstreamStatus,
        each.connectTime,
        each.headerTime,
        each.responseTime,
        each.requestId,
        '',
        '',
      ]),
      ...errors.map(({ atMs, level, message }) => [seconds(atMs), '', '', '', 0, '', 0, '', '', '', '', '', '', level, message]),
    ],
  );
}

/** Names and types of somebody's own, with a columns file: `own`. The time is text, tries are arrays, the duration is in milliseconds. */
export async function fillOwn(server: ClickhouseServer, { requests, errors }: Incident): Promise<string> {
  await fillTable(
    server,
    'own',
    '`when` String, `who is it` String, code Nullable(UInt16), vhost Nullable(String), line String, took_ms Nullable(Float64), up Array(String), upcode Array(String), upconnect Array(String), uphead Array(String), upwhole Array(String), rid String, sev String, msg String',
    [
      ...requests.map((each) => [
        new Date(each.atMs).toISOString(),
        each.client,
        each.status,
        each.host,
        `${each.method} ${each.path} HTTP/1.1`,
        Math.round(Number(each.requestTime) * 1000),
        ...listsOf(each),
        each.requestId,
        '',
        '',
      ]),
      ...errors.map(({ atMs, level, message }) => [
        new Date(atMs).toISOString(),
        '',
        null,
        null,
        '',
        null,
        ...[0, 1, 2, 3, 4].map(() => ({ list: [] })),
        '',
        level,
        message,
      ]),
    ],
  );
  return [
    'time: when',
    'client: who is it',
    'status: code',
    'host: { column: vhost }',
    'request: line',
    'duration: { column: took_ms, unit: ms }',
    'upstream: up',
    'upstreamStatus: upcode',
    'upstreamConnectTime: upconnect',
    'upstreamHeaderTime: uphead',
    'upstreamResponseTime: upwhole',
    'requestId: [rid]',
    'level: sev',
    'message: msg',
  ].join('\n');
}

function listsOf({ upstream, upstreamStatus, connectTime, headerTime, responseTime }: IncidentRequest): readonly Field[] {
  return [upstream, upstreamStatus, connectTime, headerTime, responseTime].map((text) => ({ list: text === '-' ? [] : text.split(', ') }));
}

/** OpenTelemetry's `otel_logs`: with Nested attributes, as its exporter wrote at first, or with Maps where the server knows them. */
export async function fillOtel(server: ClickhouseServer, { requests, errors }: Incident): Promise<void> {
  const major = Number((await server.run('SELECT version()')).split('.')[0]);
  const today = major >= 21;
  const attributes = (values: Readonly<Record<string, string>>): readonly Field[] =>
    today ? [{ map: values }] : [{ list: Object.keys(values) }, { list: Object.values(values) }];
  const text = today ? 'LowCardinality(String)' : 'String';
  const map = today ? 'Map(LowCardinality(String), String)' : 'Nested(Key String, Value String)';
  await fillTable(
    server,
    'otel_logs',
    `Timestamp ${today ? 'DateTime64(9)' : 'DateTime'}, SeverityText ${text}, ServiceName ${text}, Body String, ResourceAttributes ${map}, LogAttributes ${map}`,
    [
      ...requests.map((each) => [
        seconds(each.atMs),
        'INFO',
        'nginx',
        each.line,
        ...attributes({ 'host.name': 'lb-1' }),
        ...attributes({
          remote_addr: each.client,
          'http.request.method': each.method,
          'http.target': each.path,
          'http.response.status_code': String(each.status),
          'http.host': each.host,
          request_time: each.requestTime,
          upstream_addr: each.upstream,
          upstream_status: each.upstreamStatus,
          upstream_connect_time: each.connectTime,
          upstream_header_time: each.headerTime,
          upstream_response_time: each.responseTime,
          request_id: each.requestId,
        }),
      ]),
      ...errors.map(({ atMs, line }) => [seconds(atMs), 'ERROR', 'nginx', line, ...attributes({ 'host.name': 'lb-1' }), ...attributes({})]),
    ],
  );
}
