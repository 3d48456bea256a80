// From the arguments of `why5xx logs` to a report: opens the inputs, has them read once, has the tally explained, and says what could not
// be read.
import type { GivenFormats } from './log-formats.ts';
import type { SiteNames } from '../logs/explain/addresses.ts';
import { reportOfLogs } from '../logs/explain/report-of.ts';
import { logRules } from '../logs/explain/rules/index.ts';
import { resolveInputs } from '../logs/input/resolve.ts';
import type { InputProblem, InputTally, Tally } from '../logs/records.ts';
import { UserError } from '../model/errors.ts';
import { plain } from '../model/neutral.ts';
import type { Report } from '../model/report.ts';
import { countText } from '../report/logs-words.ts';
import type { LogFlags } from './commands/logs.ts';
import { checkWanted, givenFormats } from './log-formats.ts';
import { openLogProgress } from './log-progress.ts';
import { systemZone, type Zone } from './log-times.ts';
import { utcOf, windowOf, withinWindow } from './log-window.ts';
import type { Output } from './output.ts';
import { version } from './version.ts';

/** Reads and explains; resolves to the exit code 0, 1 or 3. Rejects with UserError where nothing could be read or the flags clash. */
export async function runLogs(args: readonly string[], flags: LogFlags, output: Output, signal: AbortSignal): Promise<0 | 1 | 3> {
  const startedAt = new Date();
  const clickhouse = args.filter((each) => /^clickhouses?:\/\//i.test(each));
  checkTogether(args, flags, clickhouse.length);
  const given = await givenFormats(flags.logFormat ?? [], flags.nginxConfig ?? [], startedAt.getFullYear());
  const site = flags.site === undefined ? null : await siteNames(flags.site);
  const [url] = clickhouse;
  if (flags.follow === true) {
    const { followLogs } = await import('./logs-follow.ts');
    const text = flags.output === undefined || flags.output.some(({ format, file }) => format === 'text' && file === null);
    const last = await followLogs(args, {
      hints: given.hints,
      format: given.format,
      output,
      signal,
      quiet: flags.quiet === true,
      window: windowOf(flags.since, flags.until, flags.tz ?? systemZone()),
      screen: text ? process.stdout : process.stderr,
      report: (tally) => reportOf(tally, { flags, output, site, startedAt }),
    });
    return finished(last, output);
  }
  const readingSince = performance.now();
  const read =
    url === undefined ? await readFiles(args, flags, output, signal, given) : await readTables(url, flags, output, signal, given);
  const scanMs = performance.now() - readingSince;
  output.progress.done();
  checkRead(read);
  checkWanted(given, read.inputs);
  tellProblems(read.inputs);
  return finished(reportOf(read, { flags, output, site, startedAt, scanMs }), output);
}

interface Run {
  readonly flags: LogFlags;
  readonly output: Output;
  readonly site: SiteNames | null;
  readonly startedAt: Date;
  /** How long the reading took; absent while it goes on. */
  readonly scanMs?: number;
}

/** The report on a tally. */
function reportOf(tally: Tally, { flags, output, site, startedAt, scanMs }: Run): Report {
  return reportOfLogs(tally, {
    rules: logRules,
    language: output.language,
    site,
    zone: givenZone(flags.tz, tally),
    tool: version,
    startedAt: startedAt.toISOString(),
    tookMs: Date.now() - startedAt.getTime(),
    ...(scanMs === undefined ? {} : { scanMs }),
  });
}

async function finished(report: Report, output: Output): Promise<0 | 1 | 3> {
  await output.report(report);
  return report.outcome === 'healthy' ? 0 : report.outcome === 'cause-found' ? 1 : 3;
}

function checkTogether(args: readonly string[], flags: LogFlags, tables: number): void {
  const refuse = (message: string, hint: string): never => {
    throw new UserError('misuse', message, hint);
  };
  if (tables > 1)
    refuse(
      'only one ClickHouse address can be read at a time',
      'Name several tables in one address: clickhouse://…/database/access,errors',
    );
  if (tables > 0 && args.length > tables) refuse('files and ClickHouse cannot be read together', 'Run it once for each.');
  if (flags.columns !== undefined && tables === 0)
    refuse('--columns is for a ClickHouse table', 'Name one: clickhouse://user@host:8123/database/table');
  if (flags.follow === true && tables > 0) refuse('--follow follows files, not ClickHouse', 'Leave --follow out.');
  if (flags.follow === true && args.includes('-'))
    refuse('--follow follows files; standard input is read to its end anyway', 'Leave --follow out.');
  if (flags.since !== undefined && flags.until !== undefined) {
    const zone = flags.tz ?? systemZone();
    if (utcOf(flags.since, zone) >= utcOf(flags.until, zone)) refuse('--until is not after --since', 'Swap them, or check the dates.');
  }
}

/** What clocks without a zone are taken for where the logs do not tell: the zone at the time of the first such log. */
function givenZone(tz: Zone | undefined, tally: Tally): { readonly minutesEast: number; readonly from: '--tz' | 'system' } {
  const zone = tz ?? systemZone();
  const local = tally.inputs.find((input) => !input.zoned && input.first !== null)?.first ?? Date.now();
  return { minutesEast: zone.minutesEastAt(local), from: tz === undefined ? 'system' : '--tz' };
}

async function siteNames(file: string): Promise<SiteNames> {
  const [{ readSite }, { siteNamesOf }] = await Promise.all([import('../site/read-site.ts'), import('../logs/explain/addresses.ts')]);
  return siteNamesOf((await readSite(file, { env: process.env })).site);
}

async function readFiles(
  args: readonly string[],
  flags: LogFlags,
  output: Output,
  signal: AbortSignal,
  given: GivenFormats,
): Promise<Tally> {
  const { inputs, problems, notes } = await resolveInputs(args, { stdin: process.stdin });
  if (inputs.length === 0) throw nothingReadable(problems);
  const { scanLogs } = await import('../logs/scan/index.ts');
  const window = windowOf(flags.since, flags.until, flags.tz ?? systemZone());
  const progress = openLogProgress(output.progress, process.stderr.isTTY);
  const tally = await scanLogs(inputs, {
    hints: given.hints,
    format: given.format,
    workers: flags.workers,
    signal,
    limits: { window },
    onProgress: ({ storedBytes, totalBytes }) => progress.update(storedBytes, totalBytes),
  }).catch((error: unknown) => {
    if (signal.aborted)
      throw new UserError('interrupted', 'interrupted before everything was read', 'Run it again; for less, give fewer files.');
    throw error;
  });
  const within = withinWindow(tally, window);
  if (window !== undefined && within.cells.length + within.failures.length + within.events.length === 0) throw nothingWithin(tally);
  return withUnread(within, problems, notes);
}

async function readTables(url: string, flags: LogFlags, output: Output, signal: AbortSignal, given: GivenFormats): Promise<Tally> {
  const { readClickhouse } = await import('../logs/clickhouse/read.ts');
  const columns =
    flags.columns === undefined ? null : await (await import('../logs/clickhouse/columns-file.ts')).readColumns(flags.columns);
  const zone = flags.tz ?? systemZone();
  const progress = openLogProgress(output.progress, process.stderr.isTTY);
  return readClickhouse(url, {
    columns,
    since: flags.since === undefined ? null : utcOf(flags.since, zone),
    until: flags.until === undefined ? null : utcOf(flags.until, zone),
    hints: given.hints,
    env: process.env,
    signal,
    onProgress: (rows, of) => progress.updateRows(rows, of),
  });
}

type Unread = readonly { readonly name: string; readonly problem: InputProblem }[];

function nothingReadable(problems: Unread): UserError {
  const [first, ...rest] = problems;
  const what = first === undefined ? 'there is nothing to read' : `cannot read ${plain(first.name)}: ${plain(first.problem.detail)}`;
  const others = rest.map(({ name, problem }) => `${plain(name)}: ${plain(problem.detail)}`);
  return new UserError(
    'not-readable',
    what,
    others.length === 0 ? 'Name log files, folders with logs, or - for standard input.' : others.join('\n        '),
  );
}

/** A window that holds nothing is rather a mistaken date than a healthy site. */
function nothingWithin(tally: Tally): UserError {
  const ends = tally.inputs.flatMap(({ first, last }) => [first ?? [], last ?? []].flat());
  const text = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
  return new UserError(
    'empty-window',
    'no request and no error lies between --since and --until',
    ends.length === 0 ? 'The lines have no dates.' : `The logs go from ${text(Math.min(...ends))} to ${text(Math.max(...ends))}.`,
  );
}

/** The tally with the inputs that could not even be opened, so that the result tells of them too. */
function withUnread(tally: Tally, problems: Unread, notes: readonly string[]): Tally {
  const unread = problems.map(({ name, problem }): InputTally => ({
    name,
    format: null,
    dialect: null,
    product: null,
    kind: null,
    compression: 'none',
    storedBytes: 0,
    bytes: 0,
    lines: 0,
    parsed: 0,
    furniture: 0,
    unparsed: 0,
    otherFormats: {},
    cut: 0,
    first: null,
    last: null,
    zoned: true,
    backwards: 0,
    unknown: [],
    problems: [problem],
  }));
  const inputs = tally.inputs.map((input, i) => {
    const own = notes.filter((note) => (noteOwner(note, tally.inputs) ?? 0) === i);
    return own.length === 0 ? input : { ...input, notes: [...(input.notes ?? []), ...own] };
  });
  return { ...tally, inputs: [...inputs, ...unread] };
}

/** The input whose name a note begins with. */
function noteOwner(note: string, inputs: readonly InputTally[]): number | null {
  const at = inputs.findIndex(({ name }) => note.startsWith(name));
  return at < 0 ? null : at;
}

/** Throws where the analysis would rest on nothing: no line was there, or none could be understood. */
function checkRead(tally: Tally): void {
  const lines = tally.inputs.reduce((sum, input) => sum + input.lines, 0);
  const parsed = tally.inputs.reduce((sum, input) => sum + input.parsed, 0);
  if (parsed > 0) return;
  const broken = tally.inputs.flatMap(({ name, problems }) => problems.map((problem) => ({ name, problem })));
  if (broken.length > 0) throw nothingReadable(broken);
  const names = tally.inputs.map(({ name }) => (name === '-' ? 'standard input' : plain(name)));
  const which = names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ');
  if (lines === 0)
    throw new UserError(
      'empty',
      `${which}: empty, there is nothing to explain`,
      'A rotated log may hold the time in question: give access.log* in quotes.',
    );
  const sample = tally.inputs.flatMap((input) => input.unknown)[0]?.sample.text ?? '';
  throw new UserError(
    'nothing-understood',
    `no line of ${which} is in a format that why5xx knows (${countText(lines)} lines)`,
    `The first is: ${plain(sample).slice(0, 200)}\n        For nginx, give its format: --log-format '$remote_addr …' or --nginx-config FILE.`,
  );
}

/** Says on stderr what went wrong with single inputs; the result says it too. */
function tellProblems(inputs: readonly InputTally[]): void {
  for (const { name, problems } of inputs) {
    // That a live log has grown meanwhile is no trouble.
    for (const problem of problems) if (problem.kind !== 'grew') process.stderr.write(`why5xx: ${plain(name)}: ${plain(problem.detail)}\n`);
  }
}
