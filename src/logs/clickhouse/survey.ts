// A table before its rows come: who writes into it, in which formats, and how many rows of which minute have to travel.
import { plain } from '../../model/neutral.ts';
import { allFormats, detectFormat } from '../formats/index.ts';
import type { FormatHints, LogFormat } from '../records.ts';
import type { FormatName, TallyInput } from '../scan/state.ts';
import type { Client, Row } from './client.ts';
import { candidatesByMinute, maxWriters, sampleLines, whoWrites, withoutTime } from './questions.ts';
import type { Filter, Share, Stretch } from './questions.ts';
import { linePlanOf } from './raw-lines.ts';
import type { LinePlan } from './raw-lines.ts';
import { productOfSource } from './rows.ts';
import type { Table } from './table.ts';

/** Requests or lines of one machine and source. */
export interface PartInput {
  readonly kind: 'access' | 'error';
  readonly machine: string;
  readonly source: string;
  readonly meta: TallyInput;
  readonly format: FormatName;
  readonly rows: number;
  readonly bytes: number;
  index: number;
  /** Rows that came so far: the number of the next. */
  seen: number;
  parsed: number;
  unparsed: number;
}

/** A table and what is known of it before the rows come. */
export interface Part {
  readonly table: Table;
  readonly stretch: Stretch;
  readonly filter: Filter;
  readonly inputs: readonly PartInput[];
  /** Formats to try on a line, in this order. */
  readonly formats: readonly LogFormat[];
  readonly minutes: readonly { readonly minute: number; readonly rows: number }[];
  readonly untimed: number;
  readonly skippedLines: number;
  readonly pooled: boolean;
}

async function rowsOf(client: Client, statement: Parameters<Client['rows']>[0], maxRows = 100_000): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of client.rows(statement, { maxRows })) rows.push(row);
  return rows;
}
/** A value of a row; the empty string for NULL. */
export const cell = (row: Row, i: number): string => row[i] ?? '';

/** Everything that is asked before a row travels. `limit` is the most that may. Throws UserError. */
export async function survey(client: Client, table: Table, hints: FormatHints, limit: number): Promise<Part> {
  const { window } = table;
  const untimed = table.fields.time.zoned ? 0 : Number((await rowsOf(client, withoutTime(table), 1))[0]?.[0] ?? 0);
  if (window === null) {
    const inputs = [inputFor(table, 'access', '', '', rowFormat(table, ''), 0, 0)];
    const filter = { plans: [], withoutQuietLevels: false, apart: false };
    return { table, stretch: { from: 0, until: 0 }, filter, inputs, formats: [], minutes: [], untimed, skippedLines: 0, pooled: false };
  }
  let writers = await rowsOf(client, whoWrites(table, window, true));
  const pooled = writers.length > maxWriters;
  if (pooled) writers = await rowsOf(client, whoWrites(table, window, false));
  const hasLines = writers.some((row) => Number(cell(row, 3)) > 0);
  const apart = !pooled;
  const found: Found = { plans: [], formats: [], bySource: new Map() };
  // Its plans are those found so far, also later.
  let filter: Filter = { plans: found.plans, withoutQuietLevels: false, apart };
  const count = (): Promise<Row[]> => rowsOf(client, candidatesByMinute(table, window, filter));
  const total = (rows: readonly Row[], i: number): number => rows.reduce((sum, row) => sum + Number(cell(row, i)), 0);
  if (hasLines) {
    const shares = writers.map((row) => ({
      machine: cell(row, 0),
      source: cell(row, 1),
      oneIn: Math.ceil(Math.max(1, Number(cell(row, 3))) / sampleSize),
    }));
    await findFormats(client, table, window, apart, shares, hints, found);
  }
  let counted = await count();
  if (hasLines && total(counted, 2) > 0) {
    // What is rare among all lines shows among those that nothing reads yet.
    const oneIn = Math.ceil(total(counted, 2) / (4 * sampleSize));
    const shares = writers.map((row) => ({ machine: cell(row, 0), source: cell(row, 1), oneIn }));
    if (await findFormats(client, table, window, apart, shares, hints, found)) counted = await count();
  }
  for (const format of allFormats(hints)) if (!found.formats.some((other) => isSame(other, format))) found.formats.push(format);
  let skippedLines = 0;
  if (total(counted, 1) > limit && table.fields.of('level') !== null) {
    filter = { ...filter, withoutQuietLevels: true };
    const all = total(counted, 1);
    counted = await count();
    skippedLines = all - total(counted, 1);
  }
  const inputs = writers.flatMap((row) => {
    const [machine, source, requests, lines, bytes] = [
      cell(row, 0),
      cell(row, 1),
      Number(cell(row, 2)),
      Number(cell(row, 3)),
      Number(cell(row, 4)),
    ];
    const access = inputFor(table, 'access', machine, source, rowFormat(table, source), requests, lines === 0 ? bytes : 0);
    if (lines === 0) return [access];
    const format = found.bySource.get(writerOf(machine, source)) ?? null;
    const kind = format === null || format.access === null ? 'error' : 'access';
    const rest = inputFor(table, kind, machine, source, format ?? textFormat(source), lines, bytes);
    return requests === 0 ? [rest] : [access, rest];
  });
  const minutes = counted.map((row) => ({ minute: Number(cell(row, 0)), rows: Number(cell(row, 1)) }));
  return { table, stretch: window, filter, inputs, formats: found.formats, minutes, untimed, skippedLines, pooled };
}

/** Rows that a collector took apart have no format of their own. */
function rowFormat(table: Table, source: string): FormatName {
  const dialect = ['upstreamConnectTime', 'upstreamHeaderTime'].some((role) => table.fields.of(role as 'upstreamConnectTime') !== null)
    ? 'columns, with connect_time or header_time'
    : 'columns';
  return { id: 'clickhouse-columns', product: productOfSource(source) ?? (table.fields.isNginx ? 'nginx' : 'other'), dialect };
}
/** Lines of no known format. */
export const textFormat = (source: string): FormatName => ({
  id: 'clickhouse-text',
  product: productOfSource(source) ?? 'other',
  dialect: null,
});

function inputFor(
  table: Table,
  kind: 'access' | 'error',
  machine: string,
  source: string,
  format: FormatName,
  rows: number,
  bytes: number,
): PartInput {
  const who = [machine, source].filter((each) => each !== '').map((each) => plain(each.slice(0, 120)));
  const name = who.length === 0 ? table.name : `${table.name} ${who.join(' ')}`;
  const meta: TallyInput = { name, compression: 'none', storedBytes: bytes, format, kind };
  return { kind, machine, source, meta, format, rows, bytes, index: -1, seen: 0, parsed: 0, unparsed: 0 };
}

interface Found {
  readonly plans: LinePlan[];
  readonly formats: LogFormat[];
  /** By machine and source: what most of its lines are. */
  readonly bySource: Map<string, LogFormat>;
}

/** Lines of one writer that are looked at to find its formats. */
const sampleSize = 300;

const writerOf = (machine: string, source: string): string => `${machine}\0${source}`;
const isSame = (a: LogFormat, b: LogFormat): boolean => a.id === b.id && a.dialect === b.dialect;

/** Adds the formats of some lines that no plan reads yet. True where that brought a new plan. */
async function findFormats(
  client: Client,
  table: Table,
  stretch: Stretch,
  apart: boolean,
  shares: readonly Share[],
  hints: FormatHints,
  found: Found,
): Promise<boolean> {
  const { plans, formats, bySource } = found;
  const filter = { plans: [...plans], withoutQuietLevels: false, apart };
  const sample = await rowsOf(client, sampleLines(table, stretch, filter, shares), 5000);
  for (const [writer, rows] of Map.groupBy(sample, (row) => writerOf(cell(row, 1), cell(row, 2)))) {
    let left = rows.map((row) => cell(row, 0).slice(0, 65_536));
    for (let turn = 0; turn < 4 && left.length > 0; turn++) {
      const format = detectFormat(left, hints);
      if (format === null) break;
      if (!bySource.has(writer)) bySource.set(writer, format);
      left = left.filter((line) => format.access?.(line) == null && format.error?.(line) == null);
      if (formats.some((other) => isSame(other, format))) continue;
      formats.push(format);
      const plan = linePlanOf(format);
      if (plan !== null && plans.length < 8) plans.push(plan);
    }
  }
  return plans.length > filter.plans.length;
}
