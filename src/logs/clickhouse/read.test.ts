// The same log in a real ClickHouse, in the tables that collectors write, and as files: every fact of the report has to be the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { UserError } from '../../model/errors.ts';
import { openFormat } from '../formats/index.ts';
import type { Tally } from '../records.ts';
import { parseColumns } from './columns-file.ts';
import { readClickhouse } from './read.ts';
import type { ClickhouseOptions } from './read.ts';
import { factsOf, noHints, tallyOfLines } from './testing/facts.ts';
import { incidentFormat, makeIncident } from './testing/incident.ts';
import { passwords, startClickhouse } from './testing/server.ts';
import type { ClickhouseServer } from './testing/server.ts';

const hints = { nginxFormats: [{ name: 'incident', format: incidentFormat }], year: 2026 };
const incident = makeIncident(6000);
const strange = ['hello', '1.2.3.4 - - [99/Zzz/2026:00:00:00 +0000] "GET / HTTP/1.1" 502', '\u0001\u0002 \t tab'];

let server: ClickhouseServer;
const url = (table: string, user = 'default'): string => `clickhouse://${user}@127.0.0.1:${String(server.port)}/default/${table}`;
const options: ClickhouseOptions = { columns: null, since: null, until: null, hints, env: {} };
const escaped = (text: string): string =>
  text.replaceAll(/[\\\t\n]/g, (character) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n' })[character] ?? character);
/** An Array(String) as the tab-separated format has it. */
interface List {
  readonly list: readonly string[];
}
const field = (value: string | number | List): string =>
  typeof value === 'object'
    ? `[${value.list.map((text) => `'${escaped(text).replaceAll("'", String.raw`\'`)}'`).join(',')}]`
    : escaped(String(value));
const load = (table: string, rows: readonly (readonly (string | number | List)[])[]): Promise<string> =>
  server.run(`INSERT INTO ${table} FORMAT TabSeparated`, `${rows.map((row) => row.map(field).join('\t')).join('\n')}\n`);
const seconds = (ms: number): number => Math.floor(ms / 1000);

function formatOf(id: string, dialect: string | null) {
  const format = openFormat(id, dialect, hints);
  if (format === null) throw new Error(`no format ${id}`);
  return format;
}
/** The incident as two files. */
function asFiles(more: readonly string[] = []): Tally {
  return tallyOfLines([
    {
      name: 'access.log',
      format: formatOf('nginx-access', incidentFormat),
      lines: [...incident.requests.map(({ line }) => line), ...more],
    },
    { name: 'error.log', format: formatOf('nginx-error', null), lines: incident.errors.map(({ line }) => line) },
  ]);
}
async function refused(promise: Promise<unknown>): Promise<UserError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw new Error('expected a UserError', { cause: error });
  return error;
}

beforeAll(async () => {
  server = await startClickhouse();
  await server.run('DROP TABLE IF EXISTS raw_lines');
  await server.run(
    'CREATE TABLE raw_lines (timestamp DateTime, host String, file String, message String) ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY timestamp',
  );
  await load('raw_lines', [
    ...incident.requests.map(({ atMs, line }) => [seconds(atMs), 'lb-1', '/var/log/nginx/access.log', line]),
    ...incident.errors.map(({ atMs, line }) => [seconds(atMs), 'lb-1', '/var/log/nginx/error.log', line]),
    ...strange.map((line) => [seconds(incident.startMs), 'lb-1', '/var/log/nginx/access.log', line]),
  ]);
  await server.run('DROP TABLE IF EXISTS lines_only');
  await server.run('CREATE TABLE lines_only (ts UInt64, line String) ENGINE = MergeTree PARTITION BY tuple() ORDER BY ts');
  await load('lines_only', [
    ...incident.requests.map(({ atMs, line }) => [atMs, line]),
    ...incident.errors.map(({ atMs, line }) => [atMs, line]),
    ...strange.map((line) => [incident.startMs, line]),
  ]);
  await server.run('DROP TABLE IF EXISTS flat');
  await server.run(
    'CREATE TABLE flat (time DateTime, remote_addr String, request_method String, request_uri String, status UInt16, http_host String, request_time Float64, upstream_addr String, upstream_status String, upstream_connect_time String, upstream_header_time String, upstream_response_time String, request_id String, level String, message Nullable(String)) ENGINE = MergeTree PARTITION BY toYYYYMM(time) ORDER BY time',
  );
  await load('flat', [
    ...incident.requests.map((each) => [
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
    ...incident.errors.map(({ atMs, level, message }) => [seconds(atMs), '', '', '', 0, '', 0, '', '', '', '', '', '', level, message]),
  ]);
  await server.run('DROP TABLE IF EXISTS otel_logs');
  await server.run(
    'CREATE TABLE otel_logs (Timestamp DateTime, SeverityText String, ServiceName String, Body String, ResourceAttributes Nested(Key String, Value String), LogAttributes Nested(Key String, Value String)) ENGINE = MergeTree PARTITION BY toYYYYMM(Timestamp) ORDER BY (ServiceName, Timestamp)',
  );
  const list = (texts: readonly string[]): List => ({ list: texts });
  await load('otel_logs', [
    ...incident.requests.map((each) => {
      const attributes = {
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
      };
      return [
        seconds(each.atMs),
        'INFO',
        'nginx',
        each.line,
        list(['host.name']),
        list(['lb-1']),
        list(Object.keys(attributes)),
        list(Object.values(attributes)),
      ];
    }),
    ...incident.errors.map(({ atMs, line }) => [
      seconds(atMs),
      'ERROR',
      'nginx',
      line,
      list(['host.name']),
      list(['lb-1']),
      list([]),
      list([]),
    ]),
  ]);
}, 120_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('the same report as from files', () => {
  it('lines as they were written, with machine and file beside them', async () => {
    const tally = await readClickhouse(url('raw_lines'), options);
    expect(factsOf(tally)).toEqual(factsOf(asFiles(strange)));
    expect(tally.inputs.map(({ name, kind, format }) => [name.replace(/:\d+/, ''), kind, format])).toEqual([
      ['clickhouse://127.0.0.1/default/raw_lines lb-1 /var/log/nginx/access.log', 'access', 'nginx-access'],
      ['clickhouse://127.0.0.1/default/raw_lines lb-1 /var/log/nginx/error.log', 'error', 'nginx-error'],
    ]);
  });
  it('lines alone, access and error mixed, with the time as a number', async () => {
    expect(factsOf(await readClickhouse(url('lines_only'), options))).toEqual(factsOf(asFiles(strange)));
  });
  it('columns of nginx’s variables, and messages without their date', async () => {
    const facts = factsOf(await readClickhouse(url('flat'), options));
    expect(facts).toEqual(factsOf(asFiles()));
  });
  it('OpenTelemetry’s table', async () => {
    const facts = factsOf(await readClickhouse(url('otel_logs'), options));
    expect(facts).toEqual(factsOf(asFiles()));
  });
});
void parseColumns;
void passwords;
void refused;
void noHints;
