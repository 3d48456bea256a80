// The HTTP interface of a ClickHouse: statements go out read-only and bounded, rows come back. Nothing is ever written.
import { UserError } from '../../model/errors.ts';
import { plain } from '../../model/neutral.ts';
import { redactText } from '../../model/redact.ts';
import type { ClickhouseAddress } from './address.ts';
import { refusalOf, ServerRefusal, userErrorOf } from './server-errors.ts';
import { render } from './sql.ts';
import type { Sql } from './sql.ts';

/** A row as ClickHouse writes it: text per column, null for NULL. */
export type Row = readonly (string | null)[];

export interface QueryOptions {
  /** More rows than this are an error, not a cut. */
  readonly maxRows: number;
}

export interface Client {
  /** `18.16.1`; as the server says, without anything strange. */
  readonly version: string;
  /** Whether the server has JSONExtract, which reads any JSON; older ones read only what stands without blanks. */
  readonly readsJson: boolean;
  /** The shown address. */
  readonly where: string;
  /**
   * Runs one SELECT and gives its rows one by one. The server holds its answer back until it is complete, so an error comes before the
   * first row. Throws UserError.
   */
  rows(statement: Sql, options: QueryOptions): AsyncGenerator<Row, void, undefined>;
  /** What came over the wire so far. */
  readonly travelled: { readonly rows: number; readonly bytes: number; readonly queries: number };
}

export interface ClientOptions {
  /** For each statement; the server is told too. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The largest answer to one statement. */
const maxAnswerBytes = 512 * 1024 * 1024;
const maxRowBytes = 16 * 1024 * 1024;
const errorBytes = 16 * 1024;
/** Over the server's own limit, so that its clearer words arrive. */
const graceMs = 3000;

/** Asks for the version, which is also the first sign of life. Throws UserError. */
export async function openClient(address: ClickhouseAddress, options: ClientOptions): Promise<Client> {
  const secrets = [address.password].filter((secret) => secret.length >= 4);
  const travelled = { rows: 0, bytes: 0, queries: 0 };
  // Users of a profile with readonly=1 may not change any setting; what limits them is the administrator's then.
  let mayLimit = true;
  let serverSide = false;

  const send = async (statement: Sql, maxRows: number): Promise<Response> => {
    const { text, parameters } = render(statement, serverSide);
    const url = new URL(address.origin);
    const set = (name: string, value: string | number): void => url.searchParams.set(name, String(value));
    set('wait_end_of_query', 1);
    if (mayLimit) {
      set('readonly', 2);
      set('max_execution_time', Math.ceil(options.deadlineMs / 1000));
      set('max_result_rows', maxRows);
      set('result_overflow_mode', 'throw');
      set('enable_http_compression', 1);
    } else set('readonly', 1);
    for (const [name, value] of Object.entries(parameters)) set(`param_${name}`, value);
    travelled.queries++;
    const deadline = AbortSignal.timeout(options.deadlineMs + graceMs);
    const response = await fetch(url, {
      method: 'POST',
      body: `${text} FORMAT TabSeparated`,
      redirect: 'manual',
      signal: options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]),
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'x-clickhouse-user': asHeader(address.user),
        'x-clickhouse-key': asHeader(address.password),
        'user-agent': 'why5xx',
      },
    });
    if (response.status === 200 && response.headers.get('x-clickhouse-exception-code') === null) return response;
    const body = await firstBytes(response);
    throw refusalOf(response.status, response.headers.get('x-clickhouse-exception-code'), body, secrets);
  };

  const sendOrStepBack = async (statement: Sql, maxRows: number): Promise<Response> => {
    try {
      return await send(statement, maxRows);
    } catch (error) {
      if (!(error instanceof ServerRefusal) || error.code !== 164 || !mayLimit) throw error;
      mayLimit = false;
      return send(statement, maxRows);
    }
  };

  async function* rows(statement: Sql, { maxRows }: QueryOptions): AsyncGenerator<Row, void, undefined> {
    try {
      const response = await sendOrStepBack(statement, maxRows);
      let count = 0;
      for await (const line of linesOf(response, travelled)) {
        if (++count > maxRows) {
          throw new UserError('clickhouse-too-many-rows', `${address.shown}: more than ${String(maxRows)} rows`, narrow);
        }
        travelled.rows++;
        yield rowOf(line);
      }
    } catch (error) {
      throw friendly(error, address, options, secrets);
    }
  }

  let version = '';
  for await (const row of rows({ parts: ['SELECT version()'] }, { maxRows: 1 })) version = row[0] ?? '';
  if (!/^\d{1,4}\.\d{1,4}/.test(version)) {
    throw new UserError(
      'clickhouse-not-clickhouse',
      `${address.shown}: the server does not say its version as a ClickHouse does`,
      'The port has to be that of the HTTP interface: 8123, or 8443 with clickhouses://.',
    );
  }
  const [major = 0, minor = 0] = version.split('.').map(Number);
  serverSide = major > 19 || (major === 19 && minor >= 14);
  return { version: plain(version.slice(0, 40)), readsJson: major >= 20, where: address.shown, rows, travelled };
}

const narrow = 'Narrow the time with --since and --until.';

/** Header values are bytes; a password may be any text. */
const asHeader = (value: string): string => Buffer.from(value, 'utf8').toString('latin1');

/** The body's blocks, typed: the DOM's type of it has none. */
function bodyOf(response: Response): AsyncIterable<Uint8Array> {
  return (response.body ?? new Blob([]).stream()) as AsyncIterable<Uint8Array>;
}

async function firstBytes(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of bodyOf(response)) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= errorBytes) break; // leaving the loop cancels the rest
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, errorBytes);
}

async function* linesOf(response: Response, travelled: { bytes: number }): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  let sizeBytes = 0;
  for await (const chunk of bodyOf(response)) {
    sizeBytes += chunk.length;
    travelled.bytes += chunk.length;
    if (sizeBytes > maxAnswerBytes) throw new UserError('clickhouse-too-many-rows', 'one answer is larger than 512 MiB', narrow);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxRowBytes) throw new UserError('clickhouse-too-many-rows', 'one row is larger than 16 MiB', narrow);
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') throw new UserError('clickhouse-broken-answer', 'the answer ends in the middle of a row', 'Try again.');
}

const unescapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', r: '\r', n: '\n', t: '\t', '0': '\0', a: '\x07', v: '\v' };

/** One line of TabSeparated. */
function rowOf(line: string): Row {
  return line
    .split('\t')
    .map((field) =>
      field === String.raw`\N`
        ? null
        : field.includes('\\')
          ? field.replaceAll(/\\([\s\S])/g, (_, character: string) => unescapes[character] ?? character)
          : field,
    );
}

/** UserErrors as they are; what the network and the server said as UserErrors; bugs as they are. */
function friendly(error: unknown, address: ClickhouseAddress, { deadlineMs }: ClientOptions, secrets: readonly string[]): unknown {
  const where = address.shown;
  if (error instanceof ServerRefusal) return userErrorOf(error, where);
  if (!(error instanceof Error) || error instanceof UserError) return error;
  if (error.name === 'TimeoutError') {
    return new UserError(
      'clickhouse-timeout',
      `${where}: no answer within ${String(Math.ceil((deadlineMs + graceMs) / 1000))} s`,
      'Narrow the time with --since and --until, or raise ?deadline= (seconds) in the URL.',
      { cause: error },
    );
  }
  if (error.name === 'AbortError') return error;
  const code = networkCode(error);
  if (code === null) return error;
  const said = redactText(code, secrets);
  const known: Readonly<Record<string, readonly [string, string]>> = {
    ECONNREFUSED: ['nothing listens there', 'Check host and port; the HTTP interface listens on 8123, with TLS on 8443.'],
    ENOTFOUND: ['the host name does not resolve', 'Check the host.'],
    EAI_AGAIN: ['the host name does not resolve just now', 'Check the name server of this machine.'],
    ECONNRESET: ['the connection was reset', 'Is this the HTTP interface, and does it want TLS (clickhouses://)?'],
    UND_ERR_SOCKET: ['the connection was closed', 'Is this the HTTP interface, and does it want TLS (clickhouses://)?'],
    UND_ERR_CONNECT_TIMEOUT: ['no connection in time', 'Check host, port and the firewalls between.'],
    EHOSTUNREACH: ['there is no way to that host', 'Check host and routes.'],
  };
  const [message, hint] = known[code] ?? [
    /CERT|TLS|SSL/.test(code) ? `its TLS certificate or protocol was refused (${said})` : `the request failed (${said})`,
    /CERT|TLS|SSL/.test(code) ? 'NODE_EXTRA_CA_CERTS names the file of an own certificate authority.' : 'Check host, port and scheme.',
  ];
  return new UserError('clickhouse-unreachable', `${where}: ${message}`, hint, { cause: error });
}

function networkCode(error: Error): string | null {
  let each: unknown = error;
  for (let depth = 0; depth < 5 && each instanceof Error; depth++) {
    const inner: unknown = each instanceof AggregateError ? each.errors[0] : each.cause;
    if ('code' in each && typeof each.code === 'string') return each.code.slice(0, 60);
    each = inner;
  }
  return error instanceof TypeError && error.message === 'fetch failed' ? 'fetch failed' : null;
}
