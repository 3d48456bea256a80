// The parts that need no server: the address, quoting, columns files, guesses, patterns for lines.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { renderProblems, SiteFileError, UserError } from '../../model/errors.ts';
import { nginxAccessFormat } from '../formats/nginx-access-log.ts';
import { isClickhouseUrl, parseClickhouseUrl } from './address.ts';
import { columnsSchema, presets, roles } from './columns.ts';
import { parseColumns, readColumns } from './columns-file.ts';
import { guessColumns } from './guess.ts';
import { linePlanOf } from './raw-lines.ts';
import { levelOf } from './rows.ts';
import { identifier, integer, joined, render, sql, text } from './sql.ts';
import { incidentFormat, makeIncident } from './testing/incident.ts';
import { typeKind } from './types.ts';

function thrownBy(run: () => unknown): UserError {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('expected a UserError');
}

describe('address', () => {
  it('knows its own', () => {
    expect(['clickhouse://h/t', 'CLICKHOUSES://h/t'].every(isClickhouseUrl)).toBe(true);
    expect(['clickhouse.log', 'http://h/', './clickhouse://x', '-'].some(isClickhouseUrl)).toBe(false);
  });
  it('has defaults', () => {
    expect(parseClickhouseUrl('clickhouse://db/logs', {})).toEqual({
      origin: 'http://db:8123',
      user: 'default',
      password: '',
      database: 'default',
      tables: ['logs'],
      preset: null,
      deadlineMs: null,
      maxRows: null,
      shown: 'clickhouse://db:8123/default',
    });
  });
  it('has all parts', () => {
    const url = 'clickhouses://us%40er:p%2Fw@[::1]:9443/my%20db/a,b?columns=otel&deadline=30&max_rows=500';
    expect(parseClickhouseUrl(url, {})).toEqual({
      origin: 'https://[::1]:9443',
      user: 'us@er',
      password: 'p/w',
      database: 'my db',
      tables: ['a', 'b'],
      preset: 'otel',
      deadlineMs: 30_000,
      maxRows: 500,
      shown: 'clickhouses://[::1]:9443/my db',
    });
  });
  it('takes ports as they are written', () => {
    expect(parseClickhouseUrl('clickhouse://h:80/t', {}).origin).toBe('http://h:80');
    expect(parseClickhouseUrl('clickhouse://h/t?secure=1', {}).origin).toBe('https://h:8443');
  });
  it('takes user and password from the environment', () => {
    const env = { CLICKHOUSE_USER: 'u', CLICKHOUSE_PASSWORD: 'p', MINE: 'm' };
    expect(parseClickhouseUrl('clickhouse://h/t', env)).toMatchObject({ user: 'u', password: 'p' });
    expect(parseClickhouseUrl('clickhouse://a:$MINE@h/t', env)).toMatchObject({ user: 'a', password: 'm' });
    expect(parseClickhouseUrl('clickhouse://a:$%7BMINE%7D@h/t', env)).toMatchObject({ password: 'm' });
    expect(thrownBy(() => parseClickhouseUrl('clickhouse://a:$NOT_SET@h/t', env)).code).toBe('clickhouse-environment-missing');
  });
  it('refuses the rest without repeating a secret', () => {
    const wrong = [
      'clickhouse://u:top-secret@/t',
      'clickhouse://u:top-secret@h',
      'clickhouse://u:top-secret@h/',
      'clickhouse://u:top-secret@h/a/b/c',
      'clickhouse://u:top-secret@h/a/b?colums=otel',
      'clickhouse://u@h/a/b?password=top-secret',
      'clickhouse://u:top-secret@h/a/b?secure=maybe',
      'clickhouse://u:top-secret@h/a/b?deadline=1e9',
      'clickhouse://u:top-secret@h/a/b#c',
      'clickhouse://u:top-secret@h/a/b,b',
      'clickhouse://u:top-secret@h:port/a',
      'clickhouse://u:top%zz-secret@h/a',
      'clickhouse://u:top-secret%0a@h/a',
      'clickhouse://u:top-secret@h h/a',
    ];
    for (const url of wrong) {
      const error = thrownBy(() => parseClickhouseUrl(url, {}));
      expect(error.code, url).toBe('clickhouse-url-invalid');
      expect(error.message + error.hint).not.toMatch(/top|secret/);
    }
  });
});

describe('statements', () => {
  it('quote names in one place', () => {
    expect(render(identifier('a', 'b`c\\d'), false).text).toBe('`a`.`b\\`c\\\\d`');
    expect(render(identifier('x\ny'), false).text).toBe('`x\\ny`');
    for (const name of ['', 'a\0b', 'x'.repeat(1001)]) expect(thrownBy(() => identifier(name)).code).toBe('clickhouse-bad-name');
  });
  it('keep values apart from text', () => {
    const statement = sql`SELECT ${identifier('a')} WHERE b = ${text("x' OR 1")} AND c > ${integer(-5)}`;
    expect(render(statement, true)).toEqual({
      text: 'SELECT `a` WHERE b = {p0:String} AND c > {p1:Int64}',
      parameters: { p0: "x' OR 1", p1: '-5' },
    });
    expect(render(statement, false)).toEqual({ text: "SELECT `a` WHERE b = 'x\\' OR 1' AND c > toInt64(-5)", parameters: {} });
    expect(() => integer(1.5)).toThrow(RangeError);
    expect(render(joined([], ' AND ', '1'), true).text).toBe('1');
  });
  it('let no text out of its quotes', () => {
    const inside = (quoted: string, quote: string): boolean => {
      if (!quoted.startsWith(quote) || !quoted.endsWith(quote)) return false;
      for (let i = 1; i < quoted.length - 1; i++) {
        if (quoted[i] === '\\') {
          if (++i >= quoted.length - 1) return false;
        } else if (quoted[i] === quote) return false;
      }
      return true;
    };
    const nasty = fc.string({ unit: fc.constantFrom("'", '`', '\\', '\n', '\0', 'a', '"', ';', '-', '\t', 'é', '\u202e') });
    fc.assert(
      fc.property(nasty, (value) => {
        expect(inside(render(text(value), false).text, "'")).toBe(true);
        if (value !== '' && !value.includes('\0')) expect(inside(render(identifier(value), false).text, '`')).toBe(true);
      }),
    );
  });
});

describe('columns file', () => {
  it('names columns, keys and units', () => {
    const map = parseColumns('time: { column: ts, unit: ms }\nstatus: [a, { column: attributes, key: http.status }]\n', 'c.yaml');
    expect(map.time).toEqual([{ column: 'ts', key: null, unit: 'ms' }]);
    expect(map.roles.status).toEqual([
      { column: 'a', key: null, unit: null },
      { column: 'attributes', key: 'http.status', unit: null },
    ]);
    expect(map).toMatchObject({ strict: true, origin: 'from c.yaml' });
  });
  it('adds to a preset', () => {
    const map = parseColumns('preset: otel\nstatus: my_status\n', 'c.yaml');
    expect(map.roles.status).toEqual([{ column: 'my_status', key: null, unit: null }]);
    expect(map.roles.message).toEqual([{ column: 'Body', key: null, unit: null }]);
  });
  it('shows every mistake with its place', () => {
    const wrong = 'preset: otle\nstaus: a\nclient: { colum: x }\nhost: [a, 5]\nduration: { column: d, unit: weeks }\n';
    const error = thrownBy(() => parseColumns(wrong, 'c.yaml'));
    expect(error.code).toBe('columns-file-invalid');
    if (!(error instanceof SiteFileError)) throw new Error('expected places');
    expect(renderProblems(error)).toMatchInlineSnapshot(`
      "c.yaml:1:9: preset: expected one of: otel, vector, nginx-parsed
          1 | preset: otle
            |         ^
      c.yaml:2:1: staus: expected a key of the columns file (did you mean "status"?)
          2 | staus: a
            | ^
      c.yaml:3:11: client.colum: expected a key of the columns file (did you mean "column"?)
          3 | client: { colum: x }
            |           ^
      c.yaml:4:7: host: expected a column's name, {column, key, unit} or a list of them
          4 | host: [a, 5]
            |       ^
      c.yaml:5:30: duration.unit: expected one of: s, ms, us, ns
          5 | duration: { column: d, unit: weeks }
            |                              ^"
    `);
  });
  it('refuses what is no map', () => {
    for (const wrong of ['', '- a', 'time: [', 'a: *b', 'time: t\ntime: u', '42', 'status: s']) {
      expect(thrownBy(() => parseColumns(wrong, 'c.yaml')).code, wrong).toBe('columns-file-invalid');
    }
  });
  it('is a preset by name, else a file that exists', async () => {
    expect((await readColumns('vector')).origin).toBe('preset vector');
    await expect(readColumns('/no/such/file')).rejects.toMatchObject({ code: 'file-missing' });
    await expect(readColumns('/')).rejects.toMatchObject({ code: 'file-unreadable' });
  });
});

describe('guessing columns', () => {
  const columns = (list: string): { name: string; type: string }[] =>
    list.split(', ').map((each) => {
      const [name = '', type = 'String'] = each.split(' ');
      return { name, type };
    });
  const guessed = (list: string): Record<string, string> => {
    const map = guessColumns(columns(list));
    if (map === null) return {};
    const roles = Object.entries(map.roles).map(([role, [first]]) => [role, first?.column ?? '']);
    return { time: map.time[0]?.column ?? '', ...(Object.fromEntries(roles) as Record<string, string>) };
  };
  it('by names and types', () => {
    expect(guessed('timestamp DateTime, host, file, message')).toEqual({
      time: 'timestamp',
      machine: 'host',
      source: 'file',
      message: 'message',
    });
    expect(guessed('Time DateTime64(3), remoteAddr, request, Status UInt16, host, upstreamAddr')).toEqual({
      time: 'Time',
      client: 'remoteAddr',
      request: 'request',
      status: 'Status',
      host: 'host',
      upstream: 'upstreamAddr',
    });
    expect(guessed('msec Float64, log')).toEqual({ time: 'msec', message: 'log' });
    expect(guessed('a, b')).toEqual({});
  });
  it('by the shape of OpenTelemetry', () => {
    expect(guessColumns(columns('Timestamp DateTime64(9), Body, LogAttributes Map(String,String)'))?.roles.message).toEqual([
      { column: 'Body', key: null, unit: null },
    ]);
  });
  it('reads types', () => {
    expect(
      [
        'Nullable(DateTime64(3))',
        'LowCardinality(Nullable(String))',
        'Array(String)',
        'Map(String, String)',
        'UInt16',
        'Decimal(18, 3)',
      ].map(typeKind),
    ).toEqual(['datetime64', 'string', 'array', 'map', 'integer', 'float']);
  });
  it('reads levels', () => {
    expect(['WARNING', 'ERR', 'Info', 'ERROR2', '', '-', 'fatal'].map(levelOf)).toEqual([
      'warn',
      'error',
      'info',
      'error',
      null,
      null,
      'crit',
    ]);
  });
});

describe('patterns for lines', () => {
  const jsOf = (pattern: string): RegExp => new RegExp(pattern.replace('(?s)', ''), 's');
  const formats = [
    incidentFormat,
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    '$time_iso8601 $status $upstream_addr $request',
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id',
  ];
  it('match only what the format reads as no failure, and keys tell minute and backend apart', () => {
    const pieces = [
      '1.2.3.4',
      ' - ',
      '-',
      '[23/Nov/2026:07:22:12 +0800]',
      '2026-11-23T07:22:12+08:00',
      '"GET / HTTP/1.1"',
      '"',
      '\\"',
      '\\',
      ' ',
      '200',
      '502',
      '499',
      '10.0.0.1:80',
      '10.0.0.1:80, 10.0.0.2:80',
      ' : ',
      ', ',
      '0.001',
      '[pool]',
      '[]',
      'x',
      '\n',
      '\r',
    ];
    const incident = makeIncident(50, 3).requests.map(({ line }) => line);
    const line = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join('')),
      fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join(' ')),
      fc
        .tuple(fc.constantFrom(...incident), fc.nat(400), fc.constantFrom(...pieces), fc.nat(3))
        .map(([base, at, piece, cut]) => base.slice(0, at) + piece + base.slice(at + cut)),
    );
    for (const dialect of formats) {
      const format = nginxAccessFormat(dialect);
      const plan = linePlanOf(format);
      if (plan === null) throw new Error(`no plan for ${dialect}`);
      const quiet = jsOf(plan.quiet);
      const grouped = jsOf(plan.quietGroups);
      const template = plan.key.replaceAll(/\\(\d)/g, '$$$1');
      const seen = new Map<string, string>();
      let matched = 0;
      fc.assert(
        fc.property(line, (each) => {
          const isQuiet = quiet.test(each);
          expect(grouped.test(each)).toBe(isQuiet);
          if (!isQuiet) return;
          matched++;
          const record = format.access?.(each) ?? null;
          if (record === null || record.at === null) throw new Error(`read by the pattern only: ${each}`);
          expect(record.status === null || (record.status >= 500 && record.status <= 599)).toBe(false);
          const key = each.replace(grouped, template).slice(3);
          const outcome = `${String(Math.floor(record.at / 60_000))} ${String(record.backend)}`;
          expect(seen.get(key) ?? outcome).toBe(outcome);
          seen.set(key, outcome);
        }),
        { numRuns: 3000, seed: 11 },
      );
      if (dialect === incidentFormat) expect(matched).toBeGreaterThan(50);
    }
  });
  it('are not made for formats that leave room for doubt', () => {
    for (const dialect of [
      '$remote_addr $status',
      '[$time_local] $request',
      '[$time_local] $status $upstream_addr, $upstream_status',
      '$status $time_local $status',
    ]) {
      expect(linePlanOf(nginxAccessFormat(dialect)), dialect).toBeNull();
    }
  });
});

describe('the page about it', () => {
  const page = readFileSync(new URL('../../../docs/clickhouse.md', import.meta.url), 'utf8');
  it('has an example that is valid, and names every key and preset', () => {
    const [, example = ''] = /^```yaml\n([\s\S]*?)^```/m.exec(page) ?? [];
    expect(Object.keys(parseColumns(example, 'example.yaml').roles).length).toBeGreaterThan(8);
    const keys = [...Object.keys(columnsSchema.shape), ...roles, ...Object.keys(presets)];
    expect(keys.filter((key) => !page.includes(`\`${key}\``) && !page.includes(`\`${key}:`))).toEqual([]);
  });
});
