// clickhouse://user:password@host:8123/database/table?… taken apart: where the server is, who asks, which tables hold the logs.
import { UserError } from '../../model/errors.ts';
import { plain } from '../../model/neutral.ts';

/** Where logs are in a ClickHouse. */
export interface ClickhouseAddress {
  /** `http://host:8123`, without anything secret. */
  readonly origin: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** At least one. */
  readonly tables: readonly string[];
  /** Name of a preset, from `?columns=`. */
  readonly preset: string | null;
  /** From `?deadline=` in seconds and `?max_rows=`; null where not given. */
  readonly deadlineMs: number | null;
  readonly maxRows: number | null;
  /** For reports: `clickhouse://host:8123/database`, no user, no password. */
  readonly shown: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const scheme = /^clickhouses?:\/\//i;
const form = 'Write clickhouse://user@host:8123/database/table, or clickhouses:// for https; the password comes from CLICKHOUSE_PASSWORD.';

/** Whether an argument names tables of a ClickHouse and not a file. */
export function isClickhouseUrl(argument: string): boolean {
  return scheme.test(argument);
}

/**
 * The parts of the URL. User and password are `$NAME` of the environment, plain, or from CLICKHOUSE_USER and CLICKHOUSE_PASSWORD. The path
 * is `/database/table`, or `/table` in the database `default`; several tables are separated by commas. Throws UserError; its message never
 * holds what stands before the @.
 */
export function parseClickhouseUrl(argument: string, env: Environment): ClickhouseAddress {
  const bad = (what: string): UserError => new UserError('clickhouse-url-invalid', `the ClickHouse URL ${what}`, form);
  const https = /^clickhouses:/i.test(argument);
  const lower = argument.replace(scheme, 'clickhouse://');
  // `/` `?` and `#` in a password would end the host: say so without repeating it.
  if (!URL.canParse(lower)) throw bad('cannot be read; a password with / ? # or @ in it has to be percent-encoded');
  const url = new URL(lower);
  if (url.hostname === '') throw bad('has no host');
  if (url.hash !== '') throw bad('has a # in it; write it as %23');

  const known = new Set(['columns', 'secure', 'user', 'password', 'database', 'deadline', 'max_rows']);
  for (const key of url.searchParams.keys())
    if (!known.has(key))
      throw bad(`has an unknown parameter "${plain(key.slice(0, 40))}" (known: columns, deadline, max_rows, secure, user, database)`);
  if (url.searchParams.has('password'))
    throw bad('has the password among its parameters; write it before the @, or set CLICKHOUSE_PASSWORD');
  const secureParameter = url.searchParams.get('secure') ?? '';
  if (!/^(|0|1|true|false)$/.test(secureParameter)) throw bad('has a "secure" that is neither 0 nor 1');
  const secure = https || /^(1|true)$/.test(secureParameter);

  const segments = url.pathname
    .split('/')
    .slice(1)
    .map((segment) => unescaped(segment, bad));
  if (segments.at(-1) === '') segments.pop();
  const fromQuery = url.searchParams.get('database');
  const [first, second] = segments;
  if (first === undefined) throw bad('names no table');
  if (segments.length > 2) throw bad('has more than a database and a table in its path');
  const database = second === undefined ? (fromQuery ?? 'default') : first;
  const tables = (second ?? first).split(',').filter((table) => table !== '');
  if (database === '' || tables.length === 0) throw bad('names no table');
  if (new Set(tables).size < tables.length) throw bad('names a table twice');

  const port = url.port === '' ? (secure ? '8443' : '8123') : url.port;
  const origin = `${secure ? 'https' : 'http'}://${url.hostname}:${port}`;
  if (!URL.canParse(origin)) throw bad('has a host that cannot be one');
  const user = credential(url.username, env, bad, 'user') ?? url.searchParams.get('user') ?? env['CLICKHOUSE_USER'] ?? 'default';
  const password = credential(url.password, env, bad, 'password') ?? env['CLICKHOUSE_PASSWORD'] ?? '';
  if (/[\0\r\n]/.test(user + password)) throw bad('has a user or password with a line end or NUL in it');
  return {
    origin,
    user,
    password,
    database,
    tables,
    deadlineMs: wholeNumber(url, 'deadline', 280, bad, 1000),
    maxRows: wholeNumber(url, 'max_rows', 100_000_000, bad),
    preset: url.searchParams.get('columns'),
    shown: plain(`clickhouse${secure ? 's' : ''}://${url.hostname}:${port}/${database}`),
  };
}

function wholeNumber(url: URL, name: string, most: number, bad: (what: string) => UserError, factor = 1): number | null {
  const text = url.searchParams.get(name);
  if (text === null) return null;
  const value = Number(text);
  if (!/^\d{1,12}$/.test(text) || value < 1 || value > most) throw bad(`has a "${name}" that is no whole number from 1 to ${String(most)}`);
  return value * factor;
}

function unescaped(value: string, bad: (what: string) => UserError): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw bad('has a malformed % escape');
  }
}

/** What stands in the URL, `$NAME` filled in; null where nothing stands there. */
function credential(raw: string, env: Environment, bad: (what: string) => UserError, what: string): string | null {
  if (raw === '') return null;
  const value = unescaped(raw, bad);
  const name = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})$/.exec(value);
  if (name === null) return value;
  const variable = name[1] ?? name[2] ?? '';
  const found = Object.hasOwn(env, variable) ? env[variable] : undefined;
  if (found === undefined)
    throw new UserError(
      'clickhouse-environment-missing',
      `the ${what} of the ClickHouse URL is to come from the environment variable ${variable}, which is not set`,
      `Set ${variable}, or write another name.`,
    );
  return found;
}
