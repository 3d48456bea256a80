// What comes over the wire when something is not as it should be: users and limits of a real server, and answers that no server should give.
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { UserError } from '../../model/errors.ts';
import { parseClickhouseUrl } from './address.ts';
import { openClient } from './client.ts';
import { readClickhouse } from './read.ts';
import { sql } from './sql.ts';
import { passwords, startPackagedClickhouse } from './testing/server.ts';
import type { ClickhouseServer } from './testing/server.ts';
import { fillTable } from './testing/tables.ts';

async function refusal(promise: Promise<unknown>): Promise<UserError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw new Error('expected a UserError', { cause: error });
  return error;
}
const everythingOf = (error: UserError): string => `${error.code} ${error.message} ${error.hint}`;

describe('users of a real server', () => {
  let server: ClickhouseServer;
  const options = { columns: null, since: null, until: null, hints: { nginxFormats: [], year: 2026 }, env: {} };
  const url = (login: string): string => `clickhouse://${login}@127.0.0.1:${String(server.port)}/default/small`;
  beforeAll(async () => {
    server = await startPackagedClickhouse();
    await fillTable(server, 'small', 'time DateTime, status UInt16', [
      [1_795_395_600, 200],
      [1_795_395_601, 502],
    ]);
  }, 60_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  it('reads with a user who may change no setting', async () => {
    const tally = await readClickhouse(url(`reader:${passwords.reader}`), options);
    expect(tally.byStatus.rows).toEqual([{ key: '502', count: 1 }]);
  });
  it('takes the password from the environment', async () => {
    const env = { CLICKHOUSE_PASSWORD: passwords.reader, OTHER: passwords.reader };
    expect((await readClickhouse(url('reader'), { ...options, env })).byStatus.rows).toHaveLength(1);
    expect((await readClickhouse(url('reader:$OTHER'), { ...options, env })).byStatus.rows).toHaveLength(1);
  });
  it('says who was refused, but no password', async () => {
    for (const login of ['reader:wrong-secret', 'nobody:wrong-secret', 'reader']) {
      const error = await refusal(readClickhouse(url(login), options));
      expect(error.code).toBe('clickhouse-auth');
      expect(everythingOf(error)).not.toContain('wrong-secret');
    }
  });
  it('names a quota', async () => {
    const error = await refusal(readClickhouse(url(`limited:${passwords.limited}`), options));
    expect(error.code).toBe('clickhouse-quota');
  });
  it('stops at the time limit of a statement', async () => {
    const client = await openClient(parseClickhouseUrl(url('default'), {}), { deadlineMs: 1000 });
    const slow = async (): Promise<void> => {
      for await (const _ of client.rows(sql`SELECT sleep(2)`, { maxRows: 10 })) void _;
    };
    expect((await refusal(slow())).code).toBe('clickhouse-timeout');
  });
  it('stops at the limit of rows', async () => {
    const client = await openClient(parseClickhouseUrl(url('default'), {}), { deadlineMs: 10_000 });
    const many = async (): Promise<void> => {
      for await (const _ of client.rows(sql`SELECT number FROM system.numbers LIMIT 100000`, { maxRows: 1000 })) void _;
    };
    expect((await refusal(many())).code).toBe('clickhouse-too-many-rows');
  });
  it('cannot write, whatever it is told', async () => {
    const client = await openClient(parseClickhouseUrl(url('default'), {}), { deadlineMs: 10_000 });
    const write = async (): Promise<void> => {
      for await (const _ of client.rows(sql`DROP TABLE small`, { maxRows: 10 })) void _;
    };
    const error = await refusal(write());
    expect(error.message).toMatch(/readonly mode/);
    expect((await server.run('EXISTS TABLE small')).trim()).toBe('1');
  });
  it('says so when the port speaks another protocol', async () => {
    const error = await refusal(readClickhouse(`clickhouse://127.0.0.1:${String(server.tcpPort)}/default/small`, options));
    expect(['clickhouse-not-clickhouse', 'clickhouse-unreachable']).toContain(error.code);
    expect(error.hint).toMatch(/HTTP/);
  });
});

/** A server of our own making on loopback. */
async function withServer(listener: RequestListener, use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
const open = (port: number, deadlineMs = 2000, login = '') =>
  openClient(parseClickhouseUrl(`clickhouse://${login}127.0.0.1:${String(port)}/d/t`, {}), { deadlineMs });
const answer =
  (status: number, body: string, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };

describe('strange answers', () => {
  it('a page of a web server', async () => {
    await withServer(answer(404, '<html><title>nginx</title></html>'), async (port) => {
      const error = await refusal(open(port));
      expect(error.code).toBe('clickhouse-not-clickhouse');
      expect(error.hint).toContain('8123');
    });
    await withServer(answer(200, '<html>hello</html>\n'), async (port) => {
      expect((await refusal(open(port))).code).toBe('clickhouse-not-clickhouse');
    });
  });
  it('a redirection is not followed', async () => {
    let others = 0;
    await withServer(
      () => others++,
      async (other) => {
        await withServer(answer(302, '', { location: `http://127.0.0.1:${String(other)}/` }), async (port) => {
          expect((await refusal(open(port, 2000, 'u:secret-word@'))).code).toBe('clickhouse-not-clickhouse');
          expect(others).toBe(0);
        });
      },
    );
  });
  it('words with control characters, the password and a long tail', async () => {
    const body = `Code: 999. DB::Exception: \u001b[2J\u202eevil hunter2hunter2 ${'x'.repeat(50_000)} (version 24.3.1.1 (official build))`;
    await withServer(answer(500, body), async (port) => {
      const error = await refusal(open(port, 2000, 'u:hunter2hunter2@'));
      expect(error.message).toContain('code 999');
      expect(everythingOf(error)).not.toContain('hunter2');
      expect(everythingOf(error)).not.toMatch(/[\u001b\u202e]/);
      expect(error.message.length).toBeLessThan(700);
    });
  });
  it('the codes of today’s servers', async () => {
    const cases = [
      [403, '516', 'Code: 516. DB::Exception: u: Authentication failed. (AUTHENTICATION_FAILED) (version 26.7.2.1)', 'clickhouse-auth'],
      [404, '60', "Code: 60. DB::Exception: Unknown table expression identifier 'd.t'. (UNKNOWN_TABLE)", 'clickhouse-unknown-table'],
      [404, '47', "Code: 47. DB::Exception: Unknown expression identifier 'x'. (UNKNOWN_IDENTIFIER)", 'clickhouse-unknown-column'],
      [500, '159', 'Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)', 'clickhouse-timeout'],
      [500, '497', 'Code: 497. DB::Exception: u: Not enough privileges. (ACCESS_DENIED)', 'clickhouse-access'],
      [500, '241', 'Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)', 'clickhouse-memory'],
      [500, '396', 'Code: 396. DB::Exception: Limit for result exceeded. (TOO_MANY_ROWS_OR_BYTES)', 'clickhouse-too-many-rows'],
    ] as const;
    for (const [status, header, body, code] of cases) {
      await withServer(answer(status, body, { 'x-clickhouse-exception-code': header }), async (port) => {
        expect((await refusal(open(port))).code, header).toBe(code);
      });
    }
  });
  it('an error behind the status 200', async () => {
    await withServer(answer(200, 'Code: 241. DB::Exception: late', { 'x-clickhouse-exception-code': '241' }), async (port) => {
      expect((await refusal(open(port))).code).toBe('clickhouse-memory');
    });
  });
  it('an answer that ends in the middle of a row, or breaks off', async () => {
    const talk = (second: (response: ServerResponse) => void): RequestListener => {
      let count = 0;
      return (request, response) => {
        request.resume();
        if (count++ === 0) response.end('24.3.1.1\n');
        else second(response);
      };
    };
    const rows = async (port: number): Promise<number> => {
      const client = await open(port);
      let count = 0;
      for await (const _ of client.rows(sql`SELECT 1`, { maxRows: 10 })) count++;
      return count;
    };
    await withServer(
      talk((response) => response.end('1\t2\n3\t')),
      async (port) => expect((await refusal(rows(port))).code).toBe('clickhouse-broken-answer'),
    );
    await withServer(
      talk((response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('1\t2\n');
        setTimeout(() => response.destroy(), 50);
      }),
      async (port) => expect((await refusal(rows(port))).code).toBe('clickhouse-unreachable'),
    );
  });
  it('no answer at all', async () => {
    const started = Date.now();
    await withServer(
      () => undefined,
      async (port) => {
        const error = await refusal(open(port, 500));
        expect(error.code).toBe('clickhouse-timeout');
      },
    );
    expect(Date.now() - started).toBeLessThan(10_000);
  });
  it('TLS where there is none', async () => {
    await withServer(answer(200, ''), async (port) => {
      const error = await refusal(openClient(parseClickhouseUrl(`clickhouses://127.0.0.1:${String(port)}/d/t`, {}), { deadlineMs: 2000 }));
      expect(error.code).toBe('clickhouse-unreachable');
      expect(error.message).toContain('TLS');
    });
  });
});

describe('what goes out', () => {
  it('is read-only and bounded, with the password in a header, and values as parameters where the version has them', async () => {
    const requests: { url: URL; headers: IncomingMessage['headers']; body: string }[] = [];
    let version = '18.16.1';
    const listener: RequestListener = (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        requests.push({ url: new URL(request.url ?? '', 'http://h'), headers: request.headers, body });
        response.end(body.startsWith('SELECT version()') ? `${version}\n` : 'a\\tb\\\\c\t\\N\n');
      });
    };
    await withServer(listener, async (port) => {
      for (const each of ['18.16.1', '24.3.1.1']) {
        version = each;
        const client = await open(port, 2000, 'u%40x:p%C3%A4ss@');
        const rows = [];
        for await (const row of client.rows({ parts: ['SELECT ', { type: 'String', value: "it's\ta\\b" }] }, { maxRows: 7 }))
          rows.push(row);
        expect(rows).toEqual([['a\tb\\c', null]]);
      }
    });
    const [, old, , current] = requests;
    expect(old?.body).toBe(String.raw`SELECT 'it\'s\ta\\b' FORMAT TabSeparated`);
    expect(current?.body).toBe('SELECT {p0:String} FORMAT TabSeparated');
    expect(current?.url.searchParams.get('param_p0')).toBe(String.raw`it's\ta\\b`);
    for (const { url, headers } of requests) {
      expect(url.searchParams.get('readonly')).toBe('2');
      expect(Number(url.searchParams.get('max_execution_time'))).toBe(2);
      expect(decodeURIComponent(url.search)).not.toMatch(/päss|u@x/);
      expect(Buffer.from(String(headers['x-clickhouse-key']), 'latin1').toString()).toBe('päss');
      expect(headers['x-clickhouse-user']).toBe('u@x');
    }
    expect(current?.url.searchParams.get('max_result_rows')).toBe('7');
  });
});
