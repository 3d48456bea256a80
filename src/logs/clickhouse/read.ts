// `why5xx logs clickhouse://…`: the questions of a log analysis asked of tables. The server counts what went well; what failed, and lines of
// error logs, travel and go through the same tally as lines of files.
import { UserError } from '../../model/errors.ts';
import { plain } from '../../model/neutral.ts';
import { undatedFormats } from '../formats/index.ts';
import { accessRecordOf } from '../formats/raw-access.ts';
import type { FormatHints, Tally } from '../records.ts';
import { openTally } from '../scan/tally.ts';
import type { TallyBuilder } from '../scan/tally.ts';
import { parseClickhouseUrl } from './address.ts';
import { openClient } from './client.ts';
import type { Client, Row } from './client.ts';
import type { ColumnMap } from './columns.ts';
import { candidateHead, candidateRoles, candidates, lineTotals, maxWriters, requestTotals } from './questions.ts';
import { accessOf, errorOf, levelOf, lineOf, momentOf, productOfSource } from './rows.ts';
import type { Values } from './rows.ts';
import { cell, survey, textFormat } from './survey.ts';
import type { Part, PartInput } from './survey.ts';
import { openTable } from './table.ts';

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
    parts.push(await survey(client, table, options.hints, limit));
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
  const level = levelOf(values.level);
  const product = productOfSource(values.source);
  for (const format of part.formats) {
    // What the columns say of a message is more than plain text tells of itself.
    if (format.product === 'other' && (level !== null || product !== null)) continue;
    const access = format.access?.(values.message) ?? null;
    const error = access === null ? (format.error?.(values.message) ?? null) : null;
    if (access === null && error === null) continue;
    input.parsed++;
    if (access !== null) tally.addAccess(access.at === null ? { ...access, ...moment } : access, place, format, text);
    if (error !== null) {
      const dated = error.at === null ? { ...error, ...moment } : error;
      tally.addError(dated.level === null ? { ...dated, level } : dated, place, format, text);
    }
    if (format.id !== input.format.id) tally.addOther(input.index, format.id, 1);
    return;
  }
  // In a log whose format is known, what that refuses is a line that nobody understood, unless its collector says that it is an error.
  const isText = input.format.id === 'clickhouse-text' || input.format.product === 'other' || undatedFormats.has(input.format.id);
  const isMessage = isText ? level !== null || product !== null : level !== null && !quiet.has(level);
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
  if (part.pooled) notes.push(`More than ${String(maxWriters)} machines and sources: they are counted together.`);
  if (part.skippedLines > 0)
    notes.push(`${String(part.skippedLines)} lines of level debug, info or notice were left out, because there were too many to read.`);
  if (part.untimed > 0) notes.push(`${String(part.untimed)} rows have no time that can be read; they are not counted.`);
  return notes;
}
