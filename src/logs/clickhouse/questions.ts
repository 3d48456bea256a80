// The statements: totals that the server counts, and the rows that have to be seen. Written in what versions from 18.16 to today share.
// Names that begin with w5_ are ours, because an alias hides a column of the same name.
import type { Role } from './columns.ts';
import { roles } from './columns.ts';
import type { LinePlan } from './raw-lines.ts';
import { alias, integer, joined, sql, text } from './sql.ts';
import type { Sql } from './sql.ts';
import type { Table } from './table.ts';

/** What decides which rows travel. */
export interface Filter {
  readonly plans: readonly LinePlan[];
  /** Leave out lines whose level column says debug, info or notice: where there are too many lines otherwise. */
  readonly withoutQuietLevels: boolean;
  /** Whether rows are told apart by machine and source. */
  readonly apart: boolean;
}

export interface Stretch {
  readonly from: number;
  readonly until: number;
}

/** More machines and sources than this are counted together. */
export const maxWriters = 64;

const within = (table: Table, { from, until }: Stretch): Sql => table.fields.time.within(from, until);

/** Rows that the collector took apart as requests. */
function isRequest({ fields }: Table): Sql {
  const status = fields.of('status');
  if (status === null) return sql`0`;
  const message = fields.of('message');
  return message === null ? sql`1` : sql`(${status} NOT IN ('', '0') OR ${message} = '')`;
}

/** 5xx, and whatever is no status. */
const isBad = ({ fields }: Table): Sql =>
  sql`(length(${fields.textOf('status')}) != 3 OR substring(${fields.textOf('status')}, 1, 1) IN ('0', '5'))`;

const message = ({ fields }: Table): Sql => fields.textOf('message');
const level = ({ fields }: Table): Sql => sql`lower(${fields.textOf('level')})`;
const isQuietLevel = (table: Table): Sql =>
  sql`(startsWith(${level(table)}, 'debug') OR startsWith(${level(table)}, 'info') OR startsWith(${level(table)}, 'notice') OR startsWith(${level(table)}, 'trace'))`;

/** Lines, as against requests that were taken apart, that somebody has to read. */
function isLineToRead(table: Table, filter: Filter): Sql {
  if (table.fields.of('message') === null) return sql`0`;
  const unread = filter.plans.map(({ quiet }) => sql`NOT match(${message(table)}, ${text(quiet)})`);
  const loud = filter.withoutQuietLevels ? [sql`NOT ${isQuietLevel(table)}`] : [];
  return joined([sql`NOT ${isRequest(table)}`, ...unread, ...loud], ' AND ');
}

const isCandidate = (table: Table, filter: Filter): Sql =>
  sql`((${isRequest(table)} AND ${isBad(table)}) OR (${isLineToRead(table, filter)}))`;

const origin = (table: Table, apart: boolean): Sql =>
  apart
    ? sql`${table.fields.textOf('machine')} AS w5_machine, ${table.fields.textOf('source')} AS w5_source`
    : sql`'' AS w5_machine, '' AS w5_source`;

/** [machine, source, requests, lines, bytes of lines], of one writer more than can be told apart. */
export function whoWrites(table: Table, stretch: Stretch, apart: boolean): Sql {
  return sql`SELECT ${origin(table, apart)}, countIf(${isRequest(table)}), countIf(NOT ${isRequest(table)}), sum(length(${message(table)}) + 1) FROM ${table.from} WHERE ${within(table, stretch)} GROUP BY w5_machine, w5_source ORDER BY w5_machine, w5_source LIMIT 65`;
}

/** How many of the lines of a writer are looked at: one in so many. */
export interface Share {
  readonly machine: string;
  readonly source: string;
  readonly oneIn: number;
}

/**
 * [line, machine, source] of some lines that no plan reads, of each writer its share. Chosen by their hash, so that the same table gives the
 * same lines and nothing has to be sorted.
 */
export function sampleLines(table: Table, stretch: Stretch, filter: Filter, shares: readonly Share[]): Sql {
  const { fields } = table;
  const chosen = shares.map(({ machine, source, oneIn }) => {
    const who = filter.apart
      ? sql`${fields.textOf('machine')} = ${text(machine)} AND ${fields.textOf('source')} = ${text(source)} AND `
      : sql``;
    return sql`(${who}cityHash64(${message(table)}) % ${integer(oneIn)} = 0)`;
  });
  return sql`SELECT ${message(table)} AS w5_line, ${origin(table, filter.apart)} FROM ${table.from} WHERE ${within(table, stretch)} AND ${isLineToRead(table, filter)} AND (${joined(chosen, ' OR ', '0')}) ORDER BY w5_machine, w5_source, cityHash64(w5_line), w5_line LIMIT 5000`;
}

/** [machine, source, minute, upstream, pool, count, first ms, last ms] of requests that did well. */
export function requestTotals(table: Table, stretch: Stretch, apart: boolean): Sql {
  const { fields } = table;
  const upstream = fields.textOf('upstream');
  return sql`SELECT ${origin(table, apart)}, intDiv(${fields.time.ms}, 60000) AS w5_minute, ${upstream} AS w5_upstream, if(${upstream} IN ('', '-'), ${fields.textOf('backend')}, '') AS w5_pool, count(), min(${fields.time.ms}), max(${fields.time.ms}) FROM ${table.from} WHERE ${within(table, stretch)} AND ${isRequest(table)} AND NOT ${isBad(table)} GROUP BY w5_machine, w5_source, w5_minute, w5_upstream, w5_pool`;
}

/**
 * [machine, source, first second, last second, one line, count] per minute, status and backend of lines that the plan reads and no earlier
 * one does.
 */
export function lineTotals(table: Table, stretch: Stretch, filter: Filter, plan: LinePlan): Sql {
  const earlier = filter.plans.slice(0, filter.plans.indexOf(plan)).map(({ quiet }) => sql`NOT match(${message(table)}, ${text(quiet)})`);
  const where = joined([within(table, stretch), sql`NOT ${isRequest(table)}`, ...earlier], ' AND ');
  // A line that the pattern refuses comes out of the replacement unchanged.
  return sql`SELECT w5_machine, w5_source, min(substring(w5_key, 2, 2)), max(substring(w5_key, 2, 2)), any(w5_line), count() FROM (SELECT ${origin(table, filter.apart)}, ${message(table)} AS w5_line, replaceRegexpOne(${message(table)}, ${text(plan.quietGroups)}, ${text(plan.key)}) AS w5_key FROM ${table.from} WHERE ${where}) WHERE w5_key != w5_line GROUP BY w5_machine, w5_source, substring(w5_key, 4)`;
}

/** [minute, rows that have to travel, of which lines] */
export function candidatesByMinute(table: Table, stretch: Stretch, filter: Filter): Sql {
  return sql`SELECT intDiv(${table.fields.time.ms}, 60000) AS w5_minute, count(), countIf(NOT ${isRequest(table)}) FROM ${table.from} WHERE ${within(table, stretch)} AND ${isCandidate(table, filter)} GROUP BY w5_minute ORDER BY w5_minute`;
}

/** [machine, source, is a request, ms, written time, …roles in their order] */
export function candidates(table: Table, stretch: Stretch, filter: Filter): Sql {
  const { fields } = table;
  const values = roles.map((role, i) => sql`${fields.textOf(role)} AS ${alias(i)}`);
  // The same rows in the same order, whatever the parts of the table and the threads of the server.
  const order = joined(
    roles.flatMap((role, i) => (fields.of(role) === null ? [] : [alias(i)])),
    ', ',
    '1',
  );
  return sql`SELECT ${origin(table, filter.apart)}, ${isRequest(table)} AS w5_request, ${fields.time.ms} AS w5_ms, ${fields.time.written} AS w5_written, ${joined(values, ', ')} FROM ${table.from} WHERE ${within(table, stretch)} AND ${isCandidate(table, filter)} ORDER BY w5_ms, ${order}`;
}

/** [count] of rows whose text of time nothing can read. */
export function withoutTime(table: Table): Sql {
  return sql`SELECT count() FROM ${table.from} WHERE ${table.fields.time.ms} = ${integer(0)}`;
}

/** How many columns of `candidates` stand before the roles. */
export const candidateHead = 5;
export const candidateRoles: readonly Role[] = roles;
