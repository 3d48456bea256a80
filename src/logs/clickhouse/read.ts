// `why5xx logs clickhouse://…`: the questions of a log analysis asked of tables. The server counts what went well; what failed, and lines of
// error logs, travel and go through the same tally as lines of files.
import { UserError } from '../../model/errors.ts';
import { plain } from '../../model/neutral.ts';
import { allFormats, detectFormat } from '../formats/index.ts';
import { accessRecordOf } from '../formats/raw-access.ts';
import type { FormatHints, LogFormat, Tally } from '../records.ts';
import { openTally } from '../scan/tally.ts';
import type { TallyBuilder } from '../scan/tally.ts';
import type { FormatName, TallyInput } from '../scan/state.ts';
import { parseClickhouseUrl } from './address.ts';
import { openClient } from './client.ts';
import type { Client, Row } from './client.ts';
import type { ColumnMap } from './columns.ts';
import {
  candidateHead,
  candidateRoles,
  candidates,
  candidatesByMinute,
  lineTotals,
  requestTotals,
  sampleLines,
  whoWrites,
  withoutTime,
} from './questions.ts';
import type { Filter, Share, Stretch } from './questions.ts';
import { linePlanOf } from './raw-lines.ts';
import type { LinePlan } from './raw-lines.ts';
import { accessOf, errorOf, levelOf, lineOf, momentOf, productOfSource } from './rows.ts';
import type { Values } from './rows.ts';
import { openTable } from './table.ts';
import type { Table } from './table.ts';

/** How `readClickhouse` goes about it. */
export interface ClickhouseOptions {
  /** Of a columns file; null for the URL's preset or a guess. */
  readonly columns: ColumnMap | null;
  /** Milliseconds since 1970, the first included, the second not. Without `since`: the 24 hours before `until` or the last row. */
  readonly since: number | null;
  readonly until: number | null;
  readonly hints: FormatHints;
  /** Where `$NAME` of the URL, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD come from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Called now and then with the rows that arrived and will arrive. */
  readonly onProgress?: (rows: number, of: number) => void;
}

/** For each statement. */
const defaultDeadlineMs = 120_000;
/** The most rows that may travel. More is an error, not a cut. */
const defaultMaxRows = 1_000_000;
/** Rows that travel in one answer, unless a single minute has more. */
const chunkRows = 50_000;
const maxGroups = 4_000_000;
const maxInputs = 64;
const minuteMs = 60_000;

/**
 * The tally of all tables of the URL. Each machine and source of a table is an input of its own; `notes` of the inputs say what stood in for
 * what. Throws UserError; its text holds nothing secret and nothing that a terminal would obey.
 */
export async function readClickhouse(url: string, options: ClickhouseOptions): Promise<Tally> {
  const address = parseClickhouseUrl(url, options.env);
  const { since, until } = options;
  if (since !== null && until !== null && since >= until)
    throw new UserError('clickhouse-no-time', 'the time to look at ends before it begins', 'Check --since and --until.');
  const client = await openClient(address, { deadlineMs: address.deadlineMs ?? defaultDeadlineMs, signal: options.signal });
  const limit = address.maxRows ?? defaultMaxRows;
  const parts: Part[] = [];
  for (const name of address.tables) {
    const table = await openTable(client, address, name, options.columns, since, until);
    parts.push(await survey(client, table, options, limit));
  }

  const tally = openTally(parts.flatMap(({ inputs }) => inputs.map(({ meta }) => meta)));
  let first = 0;
  for (const part of parts) {
    part.inputs.forEach((input, i) => (input.index = first + i));
    first += part.inputs.length;
  }
  const of = parts.reduce((sum, { minutes }) => sum + minutes.reduce((rows, each) => rows + each.rows, 0), 0);
  if (of > limit) {
    throw new UserError(
      'clickhouse-too-many-rows',
      `${address.shown}: ${String(of)} rows would have to travel, the limit is ${String(limit)}`,
      'Narrow the time with --since and --until, or raise ?max_rows= in the URL.',
    );
  }
  const progress = { rows: 0, of };
  for (const part of parts) {
    await countTotals(client, part, tally);
    await readCandidates(client, part, tally, options, progress);
  }
  for (const part of parts) part.inputs.forEach((input) => settle(input, part, tally));
  const result = tally.finish();
  const notes = parts.flatMap((part) => part.inputs.map(() => notesOf(part, client)));
  return { ...result, inputs: result.inputs.map((input, i) => ({ ...input, notes: notes[i] ?? [] })) };
}

/** Requests or lines of one machine and source. */
interface PartInput {
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
interface Part {
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

async function rowsOf(client: Client, statement: Parameters<Client['rows']>[0], maxRows = maxGroups): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of client.rows(statement, { maxRows })) rows.push(row);
  return rows;
}
const cell = (row: Row, i: number): string => row[i] ?? '';

/** Everything that is asked before a row travels. */
async function survey(client: Client, table: Table, options: ClickhouseOptions, limit: number): Promise<Part> {
  const { window } = table;
  const untimed = table.fields.time.zoned ? 0 : Number((await rowsOf(client, withoutTime(table), 1))[0]?.[0] ?? 0);
  if (window === null) {
    const inputs = [inputFor(table, 'access', '', '', rowFormat(table, ''), 0, 0)];
    const filter = { plans: [], withoutQuietLevels: false, apart: false };
    return { table, stretch: { from: 0, until: 0 }, filter, inputs, formats: [], minutes: [], untimed, skippedLines: 0, pooled: false };
  }
  let writers = await rowsOf(client, whoWrites(table, window, true));
  const pooled = writers.length > maxInputs;
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
    await findFormats(client, table, window, apart, shares, options.hints, found);
  }
  let counted = await count();
  if (hasLines && total(counted, 2) > 0) {
    // What is rare among all lines shows among those that nothing reads yet.
    const oneIn = Math.ceil(total(counted, 2) / (4 * sampleSize));
    const shares = writers.map((row) => ({ machine: cell(row, 0), source: cell(row, 1), oneIn }));
    if (await findFormats(client, table, window, apart, shares, options.hints, found)) counted = await count();
  }
  for (const format of allFormats(options.hints)) if (!found.formats.some((other) => isSame(other, format))) found.formats.push(format);
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
const textFormat = (source: string): FormatName => ({ id: 'clickhouse-text', product: productOfSource(source) ?? 'other', dialect: null });

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

/** What the server counted. */
async function countTotals(client: Client, part: Part, tally: TallyBuilder): Promise<void> {
  const { table, stretch, filter } = part;
  if (table.window === null) return;
  if (table.fields.of('status') !== null) {
    for await (const row of client.rows(requestTotals(table, stretch, filter.apart), { maxRows: maxGroups })) {
      const input = inputOf(part, 'access', cell(row, 0), cell(row, 1), true);
      const record = accessRecordOf({ ...nothing, addresses: cell(row, 3), pool: cell(row, 4) }, null, true, null);
      add(
        tally,
        input,
        Number(cell(row, 2)),
        record.backend,
        Number(cell(row, 5)),
        Number(cell(row, 6)),
        Number(cell(row, 7)),
        table.fields.time.zoned,
      );
    }
  }
  for (const plan of filter.plans) {
    for await (const row of client.rows(lineTotals(table, stretch, filter, plan), { maxRows: maxGroups })) {
      const input = inputOf(part, 'access', cell(row, 0), cell(row, 1), false);
      const line = cell(row, 4);
      const count = Number(cell(row, 5));
      const record = plan.format.access?.(line) ?? null;
      if (record === null || record.at === null) {
        // The pattern was wrong about them; the format has the last word.
        input.unparsed += count;
        tally.addUnknown({ input: input.index, line: 0, position: 0 }, line);
        continue;
      }
      const minute = Math.floor(record.at / minuteMs);
      const at = (second: string): number => minute * minuteMs + Number(second) * 1000;
      add(tally, input, minute, record.backend, count, at(cell(row, 2)), at(cell(row, 3)), record.zoned);
      if (input.format.id !== plan.format.id) tally.addOther(input.index, plan.format.id, count);
    }
  }
}

const nothing = {
  client: '',
  method: '',
  request: '',
  uri: '',
  args: '',
  host: '',
  status: '',
  addresses: '',
  statuses: '',
  connectTimes: '',
  headerTimes: '',
  responseTimes: '',
  upstreamBytes: '',
  requestId: '',
  pool: '',
} as const;

function add(
  tally: TallyBuilder,
  input: PartInput,
  minute: number,
  backend: string | null,
  count: number,
  first: number,
  last: number,
  zoned: boolean,
): void {
  input.parsed += count;
  tally.addRequests(input.index, minute, backend ?? '', count, 0);
  tally.observe(input.index, first, zoned);
  tally.observe(input.index, last, zoned);
}

/** The input that rows of this writer belong to. Rows that came in since the survey may have a writer that it did not see. */
function inputOf(part: Part, kind: 'access' | 'error', machine: string, source: string, apart: boolean): PartInput {
  const own = part.inputs.filter((input) => input.machine === machine && input.source === source);
  const isColumns = (input: PartInput): boolean => input.format.id === 'clickhouse-columns';
  const found = own.find((input) => isColumns(input) === apart) ?? own.find((input) => input.kind === kind) ?? own[0] ?? part.inputs[0];
  if (found === undefined) throw new RangeError('a table without inputs');
  return found;
}

/** The rows that have to be seen, in the order of time, so many at once. */
async function readCandidates(
  client: Client,
  part: Part,
  tally: TallyBuilder,
  options: ClickhouseOptions,
  progress: { rows: number; readonly of: number },
): Promise<void> {
  const { table, stretch, filter } = part;
  for (const chunk of chunksOf(part)) {
    const bounds = { from: Math.max(stretch.from, chunk.from), until: Math.min(stretch.until, chunk.until) };
    // Rows may have come in since they were counted.
    const maxRows = Math.ceil(chunk.rows * 1.2) + 10_000;
    for await (const row of client.rows(candidates(table, bounds, filter), { maxRows })) {
      readRow(part, row, tally);
      if (++progress.rows % 5000 === 0) options.onProgress?.(progress.rows, progress.of);
    }
    options.onProgress?.(progress.rows, progress.of);
  }
}

function* chunksOf({ minutes }: Part): Generator<{ from: number; until: number; rows: number }, void, undefined> {
  let open: { from: number; until: number; rows: number } | null = null;
  for (const { minute, rows } of minutes) {
    const until = (minute + 1) * minuteMs;
    if (open !== null && open.rows + rows > chunkRows) {
      yield open;
      open = null;
    }
    open = open === null ? { from: minute * minuteMs, until, rows } : { from: open.from, until, rows: open.rows + rows };
  }
  if (open !== null) yield open;
}

const quiet = new Set(['debug', 'info', 'notice']);

function readRow(part: Part, row: Row, tally: TallyBuilder): void {
  const { fields } = part.table;
  const values = Object.fromEntries(candidateRoles.map((role, i) => [role, cell(row, candidateHead + i)])) as Values;
  const moment = momentOf(cell(row, 3), cell(row, 4));
  const isRequest = cell(row, 2) === '1';
  const input = inputOf(part, 'error', cell(row, 0), cell(row, 1), isRequest);
  const line = ++input.seen;
  const place = { input: input.index, line, position: line };
  if (isRequest) {
    input.parsed++;
    tally.addAccess(accessOf(values, fields, moment), place, input.format, () => lineOf(values, moment.at));
    return;
  }
  const text = (): string => values.message;
  for (const format of part.formats) {
    const access = format.access?.(values.message) ?? null;
    const error = access === null ? (format.error?.(values.message) ?? null) : null;
    if (access === null && error === null) continue;
    input.parsed++;
    if (access !== null) tally.addAccess(access, place, format, text);
    if (error !== null) tally.addError(error, place, format, text);
    if (format.id !== input.format.id) tally.addOther(input.index, format.id, 1);
    return;
  }
  // In a log whose format is known, what that refuses is a line that nobody understood, unless its collector says that it is an error.
  const level = levelOf(values.level);
  const isMessage =
    input.format.id === 'clickhouse-text' ? level !== null || productOfSource(values.source) !== null : level !== null && !quiet.has(level);
  if (isMessage) {
    input.parsed++;
    tally.addError(errorOf(values, moment), place, textFormat(values.source), text);
    return;
  }
  input.unparsed++;
  tally.addUnknown(place, values.message);
}

/** Lines and bytes of an input; what was neither read nor refused was left out for its level. */
function settle(input: PartInput, part: Part, tally: TallyBuilder): void {
  const lines = Math.max(input.rows, input.parsed + input.unparsed);
  const furniture = lines - input.parsed - input.unparsed;
  tally.addLines(input.index, { lines, bytes: input.bytes, parsed: input.parsed, unparsed: input.unparsed, furniture });
  // Totals and candidates come one after the other: their order says nothing about the clock.
  tally.swapClock(input.index, { max: Number.NEGATIVE_INFINITY, lines: new Map(), back: new Map() });
}

function notesOf(part: Part, client: Client): readonly string[] {
  const { table, stretch } = part;
  const notes = [`ClickHouse ${client.version}; columns ${plain(table.origin)}: ${table.fields.said}`];
  if (table.window === null) notes.push('The table has no rows in that time.');
  else {
    const chosen = table.byDefault ? ' (no --since was given: the last 24 hours of data)' : '';
    notes.push(`From ${new Date(stretch.from).toISOString()} to ${new Date(stretch.until).toISOString()}${chosen}`);
  }
  const rows = part.inputs.reduce((sum, input) => sum + input.rows, 0);
  const seen = part.inputs.reduce((sum, input) => sum + input.seen, 0);
  notes.push(`${String(rows)} rows, of which ${String(seen)} travelled; the others were counted by the server.`);
  if (part.pooled) notes.push(`More than ${String(maxInputs)} machines and sources: they are counted together.`);
  if (part.skippedLines > 0)
    notes.push(`${String(part.skippedLines)} lines of level debug, info or notice were left out, because there were too many to read.`);
  if (part.untimed > 0) notes.push(`${String(part.untimed)} rows have no time that can be read; they are not counted.`);
  return notes;
}
