// Statements for ClickHouse, put together without splicing: names and values from outside enter only here, each with its own quoting.
import { UserError } from '../../model/errors.ts';

type ValueType = 'String' | 'Int64';

/** A value that the server gets apart from the statement where its version can, else as an escaped literal. */
interface Value {
  readonly type: ValueType;
  readonly value: string | number;
}

/** A piece of a statement. Made by `sql`, `identifier`, `text`, `integer` and `joined` only. */
export interface Sql {
  readonly parts: readonly (string | Value)[];
}

/** A statement from fixed text and pieces: sql`SELECT ${identifier('a')} WHERE b = ${text(value)}`. */
export function sql(fixed: TemplateStringsArray, ...pieces: readonly Sql[]): Sql {
  return { parts: fixed.flatMap((part, i) => [part, ...(pieces[i]?.parts ?? [])]) };
}

/** Pieces with a fixed word between them; `empty` where there are none. */
export function joined(pieces: readonly Sql[], between: ', ' | ' AND ' | ' OR ', empty = ''): Sql {
  if (pieces.length === 0) return { parts: [empty] };
  return { parts: pieces.flatMap((piece, i) => (i === 0 ? piece.parts : [between, ...piece.parts])) };
}

/** A name of our own for an expression. `w5_` keeps it apart from columns, which an alias of the same name would hide. */
export function alias(number: number): Sql {
  return { parts: [`w5_r${String(number)}`] };
}

/** A name in backticks; several are a path (database and table, a column and its part). Throws UserError for what cannot be a name. */
export function identifier(...names: readonly string[]): Sql {
  for (const name of names) {
    if (name === '' || name.includes('\0') || name.length > 1000)
      throw new UserError(
        'clickhouse-bad-name',
        'a name in ClickHouse cannot be empty, longer than 1000 characters or hold NUL',
        'Check it.',
      );
  }
  return { parts: [names.map((name) => `\`${escaped(name, '`')}\``).join('.')] };
}

/** A string value. */
export function text(value: string): Sql {
  return { parts: [{ type: 'String', value }] };
}

/** A whole number, as Int64. Throws RangeError for anything else. */
export function integer(value: number): Sql {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a whole number: ${String(value)}`);
  return { parts: [{ type: 'Int64', value }] };
}

/** What goes over the wire: the statement, and the values that travel beside it by name. */
export interface Rendered {
  readonly text: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** With `serverSide` values become `{p0:String}`, which ClickHouse knows since 19.14; without, literals. */
export function render({ parts }: Sql, serverSide: boolean): Rendered {
  const parameters: Record<string, string> = {};
  let statement = '';
  let count = 0;
  for (const part of parts) {
    if (typeof part === 'string') statement += part;
    else if (serverSide) {
      const name = `p${String(count++)}`;
      statement += `{${name}:${part.type}}`;
      // The server reads parameters as fields of a tab-separated row.
      parameters[name] = typeof part.value === 'number' ? String(part.value) : escaped(part.value, null);
    } else statement += literal(part);
  }
  return { text: statement, parameters };
}

function literal({ type, value }: Value): string {
  if (typeof value === 'string') return `'${escaped(value, "'")}'`;
  return type === 'Int64' ? `toInt64(${String(value)})` : String(value);
}

const escapes: Readonly<Record<string, string>> = {
  '\b': String.raw`\b`,
  '\f': String.raw`\f`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
  '\0': String.raw`\0`,
  '\\': '\\\\',
};

function escaped(value: string, quote: "'" | '`' | null): string {
  return value.replaceAll(/[\b\f\n\r\t\0\\'`]/g, (character) => escapes[character] ?? (character === quote ? `\\${character}` : character));
}
