// What a ClickHouse says when it refuses, as an error that the user can mend. Its text is from outside: shortened, and without secrets.
import { UserError } from '../../model/errors.ts';
import { plain } from '../../model/neutral.ts';
import { redactText } from '../../model/redact.ts';

/** A refusal with ClickHouse's own number: 60 unknown table, 241 memory limit … Becomes a UserError by `userErrorOf`. */
export class ServerRefusal extends Error {
  readonly code: number | null;
  readonly status: number;
  /** The server's words, one line, short, without secrets. */
  readonly said: string;
  constructor(status: number, code: number | null, said: string) {
    super(`ClickHouse answered ${code === null ? `HTTP ${String(status)}` : `code ${String(code)}`}: ${said}`);
    this.name = 'ServerRefusal';
    this.code = code;
    this.status = status;
    this.said = said;
  }
}

const textLimit = 400;

/** Reads an answer that is no success. `body` is its first few KiB. */
export function refusalOf(status: number, codeHeader: string | null, body: string, secrets: readonly string[]): ServerRefusal {
  const written = /Code:\s{0,3}(\d{1,6})[.,]/.exec(body)?.[1];
  const number = codeHeader !== null && /^\d{1,6}$/.test(codeHeader) ? codeHeader : written;
  const words = body
    .replace(/^\s*Code:\s*\d+[.,]\s*(?:e\.displayText\(\)\s*=\s*)?(?:DB::(?:Net)?Exception:\s*)?/, '')
    .replace(/,?\s*(?:e\.what\(\)\s*=[\s\S]*|Stack trace[\s\S]*|\(version [\s\S]*)$/, '');
  const said = plain(redactText(words.trim().slice(0, 4 * textLimit), secrets)).slice(0, textLimit);
  return new ServerRefusal(status, number === undefined ? null : Number(number), said === '' ? `HTTP ${String(status)}` : said);
}

/** The sentence and hint for a refusal. `where` is the address as reports show it. */
export function userErrorOf(refusal: ServerRefusal, where: string): UserError {
  const make = (code: string, message: string, hint: string): UserError =>
    new UserError(`clickhouse-${code}`, `${where}: ${message}`, hint, { cause: refusal });
  switch (refusal.code) {
    case 192: // unknown user
    case 193: // wrong password
    case 194: // password required
    case 516: // authentication failed
      return make(
        'auth',
        'the server refuses this user or password',
        'Check the user in the URL and CLICKHOUSE_PASSWORD. A user needs to exist, with this password, and may be bound to other addresses.',
      );
    case 195: // address not allowed
      return make(
        'auth',
        'the server does not let this user in from here',
        'Its <networks> setting has to name the address of this machine.',
      );
    case 497:
      return make('access', `this user lacks a right (${refusal.said})`, 'It needs SELECT on the table; nothing is ever written.');
    case 81:
    case 82:
      return make('unknown-database', 'there is no such database', 'Check the first part of the path.');
    case 60:
      return make('unknown-table', 'there is no such table', 'Check the last part of the path.');
    case 16:
    case 47:
    case 10:
      return make(
        'unknown-column',
        `the server does not know a column (${refusal.said})`,
        'Check the columns file against DESCRIBE TABLE.',
      );
    case 159:
    case 160:
      return make(
        'timeout',
        'a query took longer than its time limit',
        'Narrow the time with --since and --until, or raise ?deadline= (seconds) in the URL. A table whose order begins with its time column answers fastest.',
      );
    case 396:
    case 158:
    case 307:
      return make(
        'too-many-rows',
        `the server's limit on rows or bytes was reached (${refusal.said})`,
        'Narrow the time with --since and --until.',
      );
    case 241:
      return make('memory', 'a query needed more memory than the server allows', 'Narrow the time with --since and --until.');
    case 201:
      return make('quota', `the quota of this user is used up (${refusal.said})`, 'Try again later, or ask for another user.');
    case 202:
      return make('busy', 'the server runs too many queries at once', 'Try again later.');
    case 164:
      return make('readonly', `the server refuses a setting (${refusal.said})`, 'Reading rights with readonly=1 or 2 are enough.');
    case null:
      return make(
        'not-clickhouse',
        `the answer does not look like ClickHouse's (${refusal.said})`,
        'The port has to be that of the HTTP interface: 8123, or 8443 with clickhouses://. 9000 and 9440 speak another protocol.',
      );
    default:
      return make('server', refusal.message, 'The words are the server’s own.');
  }
}
