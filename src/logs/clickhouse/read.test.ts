// The same log in a real ClickHouse, in the tables that collectors write, and as files: every fact of the report has to be the same. And
// what a real server says when something is wrong.
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { UserError } from '../../model/errors.ts';
import { openFormat } from '../formats/index.ts';
import type { LogFormat, Tally } from '../records.ts';
import { parseColumns } from './columns-file.ts';
import { readClickhouse } from './read.ts';
import type { ClickhouseOptions } from './read.ts';
import { factsOf, tallyOfLines } from './testing/facts.ts';
import { incidentFormat, makeIncident } from './testing/incident.ts';
import { startClickhouse } from './testing/server.ts';
import type { ClickhouseServer } from './testing/server.ts';
import { fillFlat, fillOtel, fillOwn, fillRaw, fillTable } from './testing/tables.ts';

const hints = { nginxFormats: [{ name: 'incident', format: incidentFormat }], year: 2026 };
const incident = makeIncident(6000);
const hourMs = 3_600_000;
const strange = ['hello', '1.2.3.4 - - [99/Zzz/2026:00:00:00 +0000] "GET / HTTP/1.1" 502', '\u0001\u0002 \t tab \\ \' ` " \u001b[2J'];

let server: ClickhouseServer;
let ownColumns = '';
const url = (table: string, user = 'default'): string => `clickhouse://${user}@127.0.0.1:${String(server.port)}/default/${table}`;
const options: ClickhouseOptions = { columns: null, since: null, until: null, hints, env: {} };

function formatOf(id: string, dialect: string | null): LogFormat {
  const format = openFormat(id, dialect, hints);
  if (format === null) throw new Error(`no format ${id}`);
  return format;
}

interface Stretch {
  readonly from: number;
  readonly until: number;
}
/** The incident, or a stretch of it, as two files. */
function asFiles(more: readonly string[] = [], stretch: Stretch = { from: 0, until: Infinity }): Tally {
  const lines = (list: readonly { readonly atMs: number; readonly line: string }[]): string[] =>
    list.filter(({ atMs }) => atMs >= stretch.from && atMs < stretch.until).map(({ line }) => line);
  return tallyOfLines([
    { name: 'access.log', format: formatOf('nginx-access', incidentFormat), lines: [...lines(incident.requests), ...more] },
    { name: 'error.log', format: formatOf('nginx-error', null), lines: lines(incident.errors) },
  ]);
}

async function refusal(promise: Promise<unknown>): Promise<UserError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw new Error('expected a UserError', { cause: error });
  return error;
}

beforeAll(async () => {
  server = await startClickhouse();
  await fillRaw(server, incident, strange);
  await fillFlat(server, incident);
  await fillOtel(server, incident);
  ownColumns = await fillOwn(server, incident);
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
    const tally = await readClickhouse(url('flat'), options);
    const facts = factsOf(tally);
    expect(facts).toEqual(factsOf(asFiles()));
    expect(facts.failures.length).toBeGreaterThan(5);
    expect(facts.events.length).toBeGreaterThan(1);
    expect(tally.inputs[0]?.notes?.join('\n')).toMatch(/guessed from the names of the columns: time = time, status = status/);
  });

  it('OpenTelemetry’s table', async () => {
    const tally = await readClickhouse(url('otel_logs'), options);
    expect(factsOf(tally)).toEqual(factsOf(asFiles()));
    expect(factsOf(await readClickhouse(`${url('otel_logs')}?columns=otel`, options))).toEqual(factsOf(tally));
  });

  it('a table of somebody’s own, by a columns file', async () => {
    const columns = parseColumns(ownColumns, 'own.yaml');
    expect(factsOf(await readClickhouse(url('own'), { ...options, columns }))).toEqual(factsOf(asFiles()));
  });

  it('two tables at once', async () => {
    const columns = 'timestamp DateTime, message String';
    const rows = (list: readonly { readonly atMs: number; readonly line: string }[]) => list.map(({ atMs, line }) => [atMs / 1000, line]);
    await fillTable(server, 'access_lines', columns, rows(incident.requests));
    await fillTable(server, 'error_lines', columns, rows(incident.errors));
    expect(factsOf(await readClickhouse(url('access_lines,error_lines'), options))).toEqual(factsOf(asFiles()));
  });

  for (const table of ['raw_lines', 'lines_only', 'flat', 'otel_logs', 'own']) {
    it(`a stretch of ${table}`, async () => {
      const from = incident.startMs + hourMs - 20_500;
      const until = incident.startMs + hourMs + 7 * 60_000 + 1_500;
      const columns = table === 'own' ? parseColumns(ownColumns, 'own.yaml') : null;
      const facts = factsOf(await readClickhouse(url(table), { ...options, columns, since: from, until }));
      expect(facts).toEqual(factsOf(asFiles([], { from, until })));
      expect(facts.requests).toBeGreaterThan(100);
    });
  }
});

describe('what travels', () => {
  it('is failing requests and error lines, in chunks of time', async () => {
    const seen: number[] = [];
    const tally = await readClickhouse(url('raw_lines'), { ...options, onProgress: (rows) => seen.push(rows) });
    const failed = incident.requests.filter(({ status }) => status >= 500).length;
    expect(seen.at(-1)).toBe(failed + incident.errors.length + strange.length);
    expect(failed).toBeLessThan(incident.requests.length / 20);
    expect(tally.inputs[0]?.notes?.join('\n')).toContain(
      `${String(6000 + incident.errors.length + 3)} rows, of which ${String(seen.at(-1))} travelled`,
    );
  });

  it('is refused, not cut, where it would be too much', async () => {
    const error = await refusal(readClickhouse(`${url('flat')}?max_rows=20`, options));
    expect(error.code).toBe('clickhouse-too-many-rows');
    expect(error.hint).toContain('--since');
  });

  it('leaves quiet lines where they are before it refuses, and says so', async () => {
    const lines = (count: number, level: string) =>
      Array.from({ length: count }, (_, i) => [incident.startMs / 1000 + i, level, `something about ${String(i)}`]);
    await fillTable(server, 'chatty', 'timestamp DateTime, level String, message String', [...lines(300, 'INFO'), ...lines(20, 'error')]);
    const tally = await readClickhouse(`${url('chatty')}?max_rows=100`, options);
    expect(tally.inputs.map(({ lines, parsed, furniture, unparsed }) => ({ lines, parsed, furniture, unparsed }))).toEqual([
      { lines: 320, parsed: 20, furniture: 300, unparsed: 0 },
    ]);
    expect(tally.inputs[0]?.notes?.join('\n')).toContain('300 lines of level debug, info or notice were left out');
    expect(tally.events.reduce((sum, { count }) => sum + count, 0)).toBe(20);
  });

  it('machines and sources are counted together where there are very many', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => [incident.startMs / 1000 + i, `pod-${String(i)}`, i % 3 === 0 ? 503 : 200]);
    await fillTable(server, 'pods', 'time DateTime, hostname String, status UInt16', rows);
    const tally = await readClickhouse(url('pods'), options);
    expect(tally.inputs.map(({ lines, parsed }) => [lines, parsed])).toEqual([[300, 300]]);
    expect(tally.byStatus.rows).toEqual([{ key: '503', count: 100 }]);
    expect(tally.inputs[0]?.notes?.join('\n')).toContain('counted together');
  });

  it('nothing from an empty table', async () => {
    await fillTable(server, 'empty', 'timestamp DateTime, status UInt16, message String', []);
    const tally = await readClickhouse(url('empty'), options);
    expect(tally.cells).toEqual([]);
    expect(tally.inputs[0]?.notes?.join('\n')).toContain('no rows');
  });

  it('the last 24 hours of data where no time is given, and says so', async () => {
    const old = incident.startMs / 1000 - 90_000;
    await fillTable(server, 'long', 'timestamp DateTime, status UInt16, uri String', [
      [old, 502, '/old'],
      [incident.startMs / 1000, 502, '/new'],
    ]);
    const tally = await readClickhouse(url('long'), options);
    expect(tally.byPath.rows).toEqual([{ key: '/new', count: 1 }]);
    expect(tally.inputs[0]?.notes?.join('\n')).toContain('the last 24 hours of data');
    const both = await readClickhouse(url('long'), { ...options, since: 0 });
    expect(both.byStatus.rows).toEqual([{ key: '502', count: 2 }]);
  });
});

describe('hostile tables', () => {
  it('names with quotes, backslashes and SQL in them', async () => {
    const name = 'a`b\\c"d\'; DROP TABLE flat; --';
    const quoted = `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
    const column = 'status`) FROM system.one; --';
    await server.run(`DROP TABLE IF EXISTS ${quoted}`);
    await server.run(`CREATE TABLE ${quoted} (t DateTime, \`${column.replaceAll('`', '\\`')}\` UInt16, p String) ENGINE = Memory`);
    await server.run(`INSERT INTO ${quoted} VALUES (1795395600, 503, '/x')`);
    const columns = parseColumns(`time: t\nstatus: ${JSON.stringify(column)}\npath: p\n`, 'c.yaml');
    const tally = await readClickhouse(url(encodeURIComponent(name)), { ...options, columns });
    expect(tally.byStatus.rows).toEqual([{ key: '503', count: 1 }]);
    expect((await server.run('EXISTS TABLE flat')).trim()).toBe('1');
    await server.run(`DROP TABLE ${quoted}`);
  });

  it('keys of attributes and lines that look like SQL, tabs or control characters', async () => {
    await fillTable(server, 'json_text', 'time DateTime, attributes String, message String', [
      [1795395600, JSON.stringify({ "k' `)": 504, path: '/a\tb' }), ''],
      [1795395601, JSON.stringify({ "k' `)": '200', path: '/fine' }), ''],
    ]);
    const columns = parseColumns(
      `time: time\nstatus: { column: attributes, key: ${JSON.stringify("k' `)")} }\npath: { column: attributes, key: path }\n`,
      'c.yaml',
    );
    const tally = await readClickhouse(url('json_text'), { ...options, columns });
    expect(tally.cells.reduce((sum, { requests }) => sum + requests, 0)).toBe(2);
    expect(tally.byPath.rows).toEqual([{ key: String.raw`/a\tb`, count: 1 }]);
  });
});

describe('refusals', () => {
  it('an unknown table, with the nearest name', async () => {
    const error = await refusal(readClickhouse(url('raw_line'), options));
    expect([error.code, error.hint]).toEqual(['clickhouse-unknown-table', 'Did you mean "raw_lines"?']);
  });
  it('an unknown database', async () => {
    const error = await refusal(readClickhouse(`clickhouse://127.0.0.1:${String(server.port)}/defualt/flat`, options));
    expect([error.code, error.hint]).toEqual(['clickhouse-unknown-database', 'Did you mean "default"?']);
  });
  it('a column that is not there, with the nearest name', async () => {
    const error = await refusal(
      readClickhouse(url('flat'), { ...options, columns: parseColumns('time: tiem\nstatus: status\n', 'c.yaml') }),
    );
    expect([error.code, error.hint]).toEqual(['clickhouse-unknown-column', 'Did you mean "time"?']);
  });
  it('a time column that is none', async () => {
    const error = await refusal(readClickhouse(url('own'), { ...options, columns: parseColumns('time: up\nstatus: code\n', 'c.yaml') }));
    expect(error.message).toContain('column up is no time; its type is Array(String)');
  });
  it('a table without a time, and one without content', async () => {
    await fillTable(server, 'no_time', 'a String, b String', []);
    expect((await refusal(readClickhouse(url('no_time'), options))).code).toBe('clickhouse-no-time');
    await fillTable(server, 'no_content', 'time DateTime, b String', []);
    expect((await refusal(readClickhouse(url('no_content'), options))).code).toBe('clickhouse-no-content');
  });
  it('nothing listens', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const error = await refusal(readClickhouse(`clickhouse://127.0.0.1:${String(port)}/default/flat`, options));
    expect([error.code, error.message.replace(/:\d+/, '')]).toEqual([
      'clickhouse-unreachable',
      'clickhouse://127.0.0.1/default: nothing listens there',
    ]);
  });
});
