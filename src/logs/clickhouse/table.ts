// One table before the questions: which columns it has, what they are for, and which stretch of time is looked at.
import { UserError } from '../../model/errors.ts';
import { plain } from '../../model/neutral.ts';
import type { ClickhouseAddress } from './address.ts';
import type { Client } from './client.ts';
import { presets } from './columns.ts';
import type { ColumnMap } from './columns.ts';
import { bindFields } from './fields.ts';
import type { Fields } from './fields.ts';
import { guessColumns, suggestion } from './guess.ts';
import { identifier, integer, sql, text } from './sql.ts';
import type { Sql } from './sql.ts';
import type { Column } from './types.ts';

/** A table, bound and bounded. */
export interface Table {
  /** `clickhouse://host:8123/database/table` */
  readonly name: string;
  readonly from: Sql;
  readonly fields: Fields;
  /** Where the map comes from. */
  readonly origin: string;
  /** Milliseconds; `from` is included, `until` is not. Null where the table is empty. */
  readonly window: { readonly from: number; readonly until: number } | null;
  /** Whether the window was chosen for want of a wish. */
  readonly byDefault: boolean;
}

const dayMs = 86_400_000;
const maxColumns = 20_000;

/** The window of the wish, the last 24 hours of data where there is none. Throws UserError. */
export async function openTable(
  client: Client,
  address: ClickhouseAddress,
  table: string,
  map: ColumnMap | null,
  since: number | null,
  until: number | null,
): Promise<Table> {
  const name = `${address.shown}/${plain(table)}`;
  const from = identifier(address.database, table);
  const columns = await columnsOf(client, address, table, from);
  const wanted = map ?? presetOf(address.preset) ?? guessColumns(columns);
  if (wanted === null) {
    throw new UserError(
      'clickhouse-no-time',
      `${name}: no column looks like a time`,
      plain(
        `Name it in a columns file: "time: COLUMN". ${suggestion(
          '',
          columns.map((column) => column.name),
        )}`,
      ),
    );
  }
  const fields = await bindFields(wanted, columns, {
    where: name,
    readsJson: client.readsJson,
    timeUnit: (column) => unitOfNumbers(client, from, column),
  });
  if (fields.of('status') === null && fields.of('message') === null) {
    throw new UserError(
      'clickhouse-no-content',
      plain(`${name}: no column is known to be a status or a message (${wanted.origin})`),
      plain(
        `Name them in a columns file. ${suggestion(
          '',
          columns.map((column) => column.name),
        )}`,
      ),
    );
  }
  const window = await windowOf(client, from, fields, since, until);
  return { name, from, fields, origin: wanted.origin, window, byDefault: since === null };
}

function presetOf(name: string | null): ColumnMap | null {
  if (name === null) return null;
  if (Object.hasOwn(presets, name)) return presets[name as keyof typeof presets];
  throw new UserError(
    'clickhouse-unknown-preset',
    plain(`there is no preset "${name.slice(0, 60)}" for columns`),
    `${suggestion(name, Object.keys(presets))} Or name a columns file with --columns.`,
  );
}

async function columnsOf(client: Client, address: ClickhouseAddress, table: string, from: Sql): Promise<readonly Column[]> {
  const columns: Column[] = [];
  try {
    for await (const [name, type] of client.rows(sql`DESCRIBE TABLE ${from}`, { maxRows: maxColumns })) {
      if (name != null && type != null) columns.push({ name, type });
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error.code === 'clickhouse-unknown-table') {
      const names = await namesOf(
        client,
        sql`SELECT name FROM system.tables WHERE database = ${text(address.database)} ORDER BY name LIMIT 1000`,
      );
      throw new UserError(error.code, plain(`${address.shown} has no table "${table}"`), plain(suggestion(table, names)), { cause: error });
    }
    if (error.code === 'clickhouse-unknown-database') {
      const names = await namesOf(client, sql`SELECT name FROM system.databases ORDER BY name LIMIT 1000`);
      throw new UserError(
        error.code,
        plain(`${address.shown}: there is no database "${address.database}"`),
        plain(suggestion(address.database, names)),
        { cause: error },
      );
    }
    throw error;
  }
  return columns;
}

/** Names to suggest; none where the user may not see them. */
async function namesOf(client: Client, statement: Sql): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const [name] of client.rows(statement, { maxRows: 1000 })) if (name != null) names.push(name);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return names;
}

/** By the size of the largest: today in seconds has ten digits. */
async function unitOfNumbers(client: Client, from: Sql, column: Sql): Promise<'s' | 'ms' | 'us' | 'ns'> {
  let largest = 0;
  for await (const [value] of client.rows(sql`SELECT toFloat64(max(${column})) FROM ${from}`, { maxRows: 1 })) largest = Number(value ?? 0);
  if (largest < 1e11) return 's';
  if (largest < 1e14) return 'ms';
  return largest < 1e17 ? 'us' : 'ns';
}

async function windowOf(client: Client, from: Sql, fields: Fields, since: number | null, until: number | null): Promise<Table['window']> {
  const { time } = fields;
  const latest = async (after: number | null): Promise<number | null> => {
    const statement = sql`SELECT max(${time.ms}), count() FROM ${from} WHERE ${time.within(after, until)} AND ${time.ms} > ${integer(0)}`;
    for await (const [ms, count] of client.rows(statement, { maxRows: 1 })) if (Number(count) > 0) return Number(ms);
    return null;
  };
  if (since !== null) return { from: since, until: until ?? ((await latest(since)) ?? since) + 1 };
  // Recent rows first: where there are any, an index on the time spares the whole table.
  const recent = await latest((until ?? Date.now()) - dayMs);
  const last = recent ?? (await latest(null));
  if (last === null) return null;
  const end = until ?? last + 1;
  return { from: end - dayMs, until: end };
}
