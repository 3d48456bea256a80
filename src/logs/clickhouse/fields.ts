// Column map and table put together: an SQL expression for each role, checked against the columns that are really there.
import { UserError } from '../../model/errors.ts';
import { plain } from '../../model/neutral.ts';
import type { ColumnMap, Reference, Role } from './columns.ts';
import { roles } from './columns.ts';
import { suggestion } from './guess.ts';
import { identifier, integer, joined, sql, text } from './sql.ts';
import type { Sql } from './sql.ts';
import { bareType, typeKind } from './types.ts';
import type { Column } from './types.ts';

/** How the moment of a row is read. */
export interface TimeField {
  /** Milliseconds since 1970 as Int64; 0 where a text says none. */
  readonly ms: Sql;
  /** The text itself where the column is text, so that parts of a second are not lost; else the empty string. */
  readonly written: Sql;
  /** Rows from `from` (included) to `until` (not included); null is no bound. Made so that an index on the column serves. */
  within(from: number | null, until: number | null): Sql;
  /** False for text without a zone. */
  readonly zoned: boolean;
}

/** A table that can be asked. */
export interface Fields {
  readonly time: TimeField;
  /** Text of a role, the empty string for NULL; null where no column has it. */
  of(role: Role): Sql | null;
  /** The same, the empty string where no column has it. */
  textOf(role: Role): Sql;
  /** Unit of a role's numbers, of its first column. */
  unitOf(role: Role): 's' | 'ms' | 'us' | 'ns';
  /** Whether the role has a column to itself, and not a key in one. */
  isOwnColumn(role: Role): boolean;
  /** Whether the role's column is a number that cannot be NULL, so that 0 stands for what was not said, too. */
  fillsGaps(role: Role): boolean;
  /** Whether the columns have nginx's own names. */
  readonly isNginx: boolean;
  /** `status = status, client = remote_addr`, for the report. */
  readonly said: string;
}

const unitsPerSecond = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 } as const;

/** What binding has to know besides the columns. */
export interface Surroundings {
  /** The table's name for messages. */
  readonly where: string;
  readonly readsJson: boolean;
  /** Asked for numbers whose unit nobody said. */
  readonly timeUnit: (column: Sql) => Promise<'s' | 'ms' | 'us' | 'ns'>;
}

/**
 * Binds a map to a table's columns. Throws UserError for a column that does not exist
 * (in a strict map), a time that is none, and a map that leads nowhere.
 */
export async function bindFields(
  map: ColumnMap,
  columns: readonly Column[],
  { where, readsJson, timeUnit }: Surroundings,
): Promise<Fields> {
  const known = new Map(columns.map(({ name, type }) => [name, type]));
  const bind = (reference: Reference): Sql | null => expressionOf(reference, known, readsJson);
  const missing = (reference: Reference): UserError =>
    new UserError(
      'clickhouse-unknown-column',
      plain(`${where} has no column ${shownReference(reference)} (${map.origin})`),
      plain(suggestion(reference.column, [...known.keys()])),
    );

  const timeReference = map.time.find((reference) => bind(reference) !== null);
  if (timeReference === undefined) {
    const [first] = map.time;
    if (first !== undefined && map.strict) throw missing(first);
    throw new UserError(
      'clickhouse-no-time',
      plain(`${where}: no column of the table is known to be its time (${map.origin})`),
      plain(`Name it in a columns file: "time: COLUMN". ${suggestion('', [...known.keys()])}`),
    );
  }
  const time = await timeFieldOf(timeReference, known, { where, readsJson, timeUnit });

  const expressions = new Map<Role, Sql>();
  const firsts = new Map<Role, Reference>();
  for (const role of roles) {
    const references = map.roles[role] ?? [];
    const usable = references.flatMap((reference) => {
      const expression = bind(reference);
      if (expression === null && map.strict) throw missing(reference);
      return expression === null ? [] : [{ reference, expression }];
    });
    const [first, ...others] = usable;
    if (first === undefined) continue;
    firsts.set(role, first.reference);
    expressions.set(role, others.length === 0 ? first.expression : firstFilled([first, ...others].map(({ expression }) => expression)));
  }
  const said = [`time = ${shownReference(timeReference)}`];
  for (const [role, reference] of firsts) said.push(`${role} = ${shownReference(reference)}`);
  return {
    time,
    of: (role) => expressions.get(role) ?? null,
    textOf: (role) => expressions.get(role) ?? sql`''`,
    unitOf: (role) => firsts.get(role)?.unit ?? 's',
    isOwnColumn: (role) => firsts.get(role)?.key === null,
    fillsGaps(role) {
      const first = firsts.get(role);
      const type = first === undefined || first.key !== null ? undefined : known.get(first.column);
      return type !== undefined && !bareType(type).nullable && ['integer', 'float'].includes(typeKind(type));
    },
    isNginx: [...firsts.values()].some(({ column, key }) =>
      /^(upstream_addr|upstream_status|remote_addr|request_time)$/.test(key ?? column),
    ),
    said: plain(said.join(', ')),
  };
}

function shownReference({ column, key }: Reference): string {
  return key === null ? column : `${column}[${key}]`;
}

/** The first that says something. */
function firstFilled(expressions: readonly Sql[]): Sql {
  const cases = expressions.slice(0, -1).map((each) => sql`${each} NOT IN ('', '-'), ${each}`);
  return sql`multiIf(${joined(cases, ', ')}, ${expressions.at(-1) ?? sql`''`})`;
}

/** The reference as text; null where the table has no such column. */
function expressionOf({ column, key }: Reference, known: ReadonlyMap<string, string>, readsJson: boolean): Sql | null {
  const type = known.get(column);
  if (key === null) return type === undefined ? null : asText(identifier(column), type);
  if (type === undefined) {
    // A Nested is one Array column for the keys and one for the values.
    for (const [keys, values] of nestedNames) {
      if (known.has(`${column}.${keys}`) && known.has(`${column}.${values}`)) {
        const keyColumn = identifier(`${column}.${keys}`);
        return sql`toString(arrayElement(${identifier(`${column}.${values}`)}, indexOf(${keyColumn}, ${text(key)})))`;
      }
    }
    return null;
  }
  const base = identifier(column);
  switch (typeKind(type)) {
    case 'map':
      return /,\s*Nullable/.test(type) ? sql`ifNull(toString(${base}[${text(key)}]), '')` : sql`toString(${base}[${text(key)}])`;
    case 'json':
      return sql`ifNull(toString(${identifier(column, ...key.split('.'))}), '')`;
    case 'string': {
      const whole = asText(base, type);
      if (readsJson) {
        const raw = sql`JSONExtractRaw(${whole}, ${text(key)})`;
        return sql`if(substring(${raw}, 1, 1) = '"', JSONExtractString(${whole}, ${text(key)}), if(${raw} = 'null', '', ${raw}))`;
      }
      const raw = sql`visitParamExtractRaw(${whole}, ${text(key)})`;
      return sql`if(substring(${raw}, 1, 1) = '"', visitParamExtractString(${whole}, ${text(key)}), if(${raw} = 'null', '', ${raw}))`;
    }
    case 'datetime':
    case 'datetime64':
    case 'integer':
    case 'float':
    case 'array':
    case 'other':
      return null;
  }
}

const nestedNames = [
  ['Key', 'Value'],
  ['key', 'value'],
  ['Keys', 'Values'],
  ['keys', 'values'],
  ['names', 'values'],
] as const;

function asText(column: Sql, type: string): Sql {
  const { bare, nullable } = bareType(type);
  if (bare.startsWith('Array(')) {
    const inner = bareType(bare.slice('Array('.length, -1));
    // Tries as nginx joins them.
    return inner.bare === 'String' && !inner.nullable
      ? sql`arrayStringConcat(${column}, ', ')`
      : sql`arrayStringConcat(arrayMap(x -> ${inner.nullable ? sql`ifNull(toString(x), '-')` : sql`toString(x)`}, ${column}), ', ')`;
  }
  if (nullable) return sql`ifNull(toString(${column}), '')`;
  return bare === 'String' ? column : sql`toString(${column})`;
}

async function timeFieldOf(
  reference: Reference,
  known: ReadonlyMap<string, string>,
  { where, readsJson, timeUnit }: Surroundings,
): Promise<TimeField> {
  const type = reference.key === null ? (known.get(reference.column) ?? '') : 'String';
  const column = reference.key === null ? identifier(reference.column) : (expressionOf(reference, known, readsJson) ?? sql`''`);
  const kind = typeKind(type);
  const bounds = (from: number | null, until: number | null, side: Sql, limit: (ms: number) => Sql): Sql =>
    joined(
      [...(from === null ? [] : [sql`${side} >= ${limit(from)}`]), ...(until === null ? [] : [sql`${side} < ${limit(until)}`])],
      ' AND ',
      '1',
    );
  const nullSafe = (expression: Sql): Sql => (bareType(type).nullable ? sql`ifNull(${expression}, toInt64(0))` : expression);
  switch (kind) {
    case 'datetime':
      return {
        ms: nullSafe(sql`toInt64(toUInt32(${column})) * 1000`),
        written: sql`''`,
        // Whole seconds, rounded so that nothing between is lost or counted twice.
        within: (from, until) => bounds(from, until, column, (ms) => sql`toDateTime(${seconds(ms)})`),
        zoned: true,
      };
    case 'datetime64':
      return {
        ms: nullSafe(sql`toUnixTimestamp64Milli(${column})`),
        written: sql`''`,
        within: (from, until) => bounds(from, until, column, (ms) => sql`fromUnixTimestamp64Milli(${integer(Math.trunc(ms))})`),
        zoned: true,
      };
    case 'integer':
    case 'float': {
      const unit = reference.unit ?? (await timeUnit(column));
      const perMs = integer(unitsPerSecond[unit] / (unit === 's' ? 1 : 1000));
      const whole = kind === 'float' ? sql`round(${column} * 1000 / ${integer(unitsPerSecond[unit])})` : column;
      const ms =
        kind === 'float' ? sql`toInt64(${whole})` : unit === 's' ? sql`toInt64(${whole}) * 1000` : sql`intDiv(toInt64(${whole}), ${perMs})`;
      // The column stays bare on its side, so that an index serves.
      const limit = (at: number): Sql => (unit === 's' ? sql`${integer(at)} / 1000` : sql`${integer(at)} * ${perMs}`);
      return {
        ms: nullSafe(ms),
        written: sql`''`,
        within: (from, until) => bounds(from, until, column, (at) => limit(Math.trunc(at))),
        zoned: true,
      };
    }
    case 'string': {
      const whole = asText(column, type);
      // `23/Nov/2026:07:22:12` is the one shape of logs that the server's own reader does not know; a comma before the milliseconds another.
      const tidy = sql`replaceRegexpOne(replaceRegexpOne(${whole}, '^([0-9]{1,2})/([A-Za-z]{3})/([0-9]{4}):', '\\1 \\2 \\3 '), ',([0-9]+)$', '.\\1')`;
      const ms = sql`multiIf(match(${whole}, '^[0-9]{10}([.][0-9]*)?$'), toInt64(toFloat64OrZero(${whole}) * 1000), match(${whole}, '^[0-9]{13}$'), toInt64OrZero(${whole}), toInt64(toUInt32(parseDateTimeBestEffortOrZero(${tidy}, 'UTC'))) * 1000)`;
      return {
        ms,
        written: whole,
        within: (from, until) => bounds(from, until, ms, (limit) => integer(Math.trunc(limit))),
        zoned: false,
      };
    }
    case 'map':
    case 'array':
    case 'json':
    case 'other':
      throw new UserError(
        'clickhouse-no-time',
        plain(`${where}: column ${shownReference(reference)} is no time; its type is ${type.slice(0, 80)}`),
        'The time has to be a DateTime, a DateTime64, a number since 1970 or text with a date.',
      );
  }
}

const seconds = (ms: number): Sql => integer(Math.min(0xffffffff, Math.max(0, Math.ceil(ms / 1000))));
