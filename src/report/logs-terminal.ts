// What a report of `why5xx logs` shows on a terminal beside the answer: when, where the failures went, what the logs show for each cause,
// what nothing explains, and what was read.
import type { LogAnalysis } from '../model/log-analysis.ts';
import { plain } from '../model/neutral.ts';
import type { ReportCause } from '../model/report.ts';
import {
  answererText,
  correlationTexts,
  inputText,
  momentText,
  occurrenceOf,
  occurrenceText,
  placeText,
  rateText,
  spanOfTimes,
  zoneNote,
} from './logs-phrases.ts';
import { axisEnds, peakOf, pictureOf, resample, sparkline, type Picture, type Row } from './logs-timeline.ts';
import { countText, logWordsIn, shareText, spanText } from './logs-words.ts';
import type { Style } from './paint.ts';
import { put, section, text, type Page } from './terminal-page.ts';
import { cutTo, displayWidth, padTo, wrap } from './width.ts';

type SampleLine = LogAnalysis['unexplained'][number]['samples'][number];

/** When it failed: a row for all requests, all failures, each cause and what none explains, on one time axis. */
export function timelineSection(page: Page, logs: LogAnalysis): void {
  const words = logWordsIn(page.report.language);
  if (logs.failed === 0 && logs.timeline.failed.every((count) => count === 0)) return;
  const limit = page.verbose ? 24 : 8;
  const rows = logs.timeline.byCause.slice(0, limit);
  // One row that is everything there is needs no second one for the sum.
  const only = logs.timeline.byCause.length === 1 ? rows[0] : undefined;
  const lines: readonly Line[] = [
    ...(logs.requests === null ? [] : [{ label: words.allRequests, of: 'requests' as const, style: 'quiet' as const }]),
    ...(only?.key == null ? [{ label: words.allFailed, of: 'failed' as const, style: 'title' as const }] : []),
    ...(only?.key === null ? [] : rows).map((row, at) => ({
      label: row.key === null ? words.unexplainedRow : plain(row.key),
      of: at,
      style: row.key === null ? ('warn' as const) : ('bad' as const),
    })),
  ];
  drawing(page, logs, lines, 'byCause', words.timeline);
  const rest = logs.timeline.byCause.length - rows.length;
  if (rest > 0) text(page, 2, `+${rest} ${words.andMore}`, 'quiet');
  if (!page.verbose) return;
  for (const which of ['byBackend', 'byPath'] as const) {
    const all = logs.timeline[which];
    if (all.length < 2) continue;
    const title = which === 'byBackend' ? words.byBackendTitle : words.byPathTitle;
    drawing(
      page,
      logs,
      all.slice(0, 10).map((row, at) => ({ label: row.key === null ? words.none : plain(row.key), of: at, style: 'plain' as const })),
      which,
      `${words.timeline}${page.report.language === 'zh' ? '，' : ', '}${title.toLowerCase()}`,
    );
  }
}

/** One row of a drawing: its name, where its counts are, how it is painted. */
interface Line {
  readonly label: string;
  readonly of: 'requests' | 'failed' | number;
  readonly style: Style;
}

function drawing(page: Page, logs: LogAnalysis, lines: readonly Line[], which: 'byCause' | 'byBackend' | 'byPath', title: string): void {
  const words = logWordsIn(page.report.language);
  const whole = pictureOf(logs.timeline, Number.MAX_SAFE_INTEGER);
  if (whole === null) {
    section(page, title);
    text(page, 2, words.noDates);
    return;
  }
  const total = (line: Line, picture: Picture): number => {
    const row = rowOf(line, picture, which);
    return typeof line.of === 'number' ? row.total : row.counts.reduce((sum, count) => sum + count, 0);
  };
  const right = (value: string, columns: number): string => `${' '.repeat(Math.max(0, columns - displayWidth(value)))}${value}`;
  const totalWidth = Math.max(...lines.map((line) => displayWidth(countText(total(line, whole)))), displayWidth(words.total));
  const labelWidth = Math.min(Math.max(...lines.map((line) => displayWidth(line.label))), Math.max(8, Math.floor(page.columns / 3)));
  const fixed = 2 + labelWidth + 2 + 2 + totalWidth;
  const peaks =
    Math.max(...lines.map((line) => displayWidth(countText(peakOf(rowOf(line, whole, which).counts)))), displayWidth(words.peak)) + 2;
  const peakWidth = page.columns - fixed - peaks >= 24 ? peaks : 0;
  const room = Math.max(4, page.columns - fixed - peakWidth);
  const width = resample(whole.failed, room).length;
  const step = spanText(whole.stepSeconds, page.report.language);
  const stop = page.report.language === 'zh' ? '。' : '. ';
  const note = `${peakWidth > 0 ? `${words.peakPer} ${step}${stop}` : ''}${zoneNote(logs, page.report.language)}`;
  const beside = displayWidth(title) + displayWidth(note) + 2 <= page.columns;
  section(page, title, beside ? note : '');
  if (!beside) text(page, 2, note, 'quiet');
  const most = peakOf(resample(whole.failed, room));
  const figures = (sum: string, peak: string): string => `${right(sum, totalWidth)}${peakWidth > 0 ? right(peak, peakWidth) : ''}`;
  put(page, page.paint('quiet', `${' '.repeat(2 + labelWidth + 2 + width + 2)}${figures(words.total, words.peak)}`));
  for (const line of lines) {
    const { counts } = rowOf(line, whole, which);
    const drawn = resample(counts, room);
    const spark = sparkline(drawn, line.of === 'requests' ? peakOf(drawn) : most, page.unicode);
    const name = padTo(cutTo(line.label, labelWidth, page.unicode ? '…' : '...'), labelWidth);
    const numbers = figures(countText(total(line, whole)), countText(peakOf(counts)));
    page.lines.push(`  ${line.style === 'quiet' ? page.paint('quiet', name) : name}  ${page.paint(line.style, spark)}  ${numbers}`);
  }
  const { from, to } = axisEnds(whole, width);
  const gap = width - from.length - to.length;
  put(page, page.paint('quiet', `${' '.repeat(2 + labelWidth + 2)}${gap < 1 ? from : `${from}${' '.repeat(gap)}${to}`}`));
}

function rowOf(line: Line, picture: Picture, which: 'byCause' | 'byBackend' | 'byPath'): Row {
  if (line.of === 'requests') return { key: null, total: 0, counts: picture.requests };
  if (line.of === 'failed') return { key: null, total: 0, counts: picture.failed };
  return picture[which][line.of] ?? { key: null, total: 0, counts: [] };
}

/** Where the failures went: answerers, statuses, backends with their rates, paths, client networks. */
export function tablesSection(page: Page, logs: LogAnalysis): void {
  if (logs.failed === 0) return;
  const { language } = page.report;
  const words = logWordsIn(language);
  const top = page.verbose ? 50 : 5;
  const tables = [
    { title: words.byAnswerer, rows: simple(logs.byAnswerer.rows, (key) => answererText(key, language)), dropped: logs.byAnswerer.dropped },
    { title: words.byStatus, rows: simple(logs.byStatus.rows, plain), dropped: logs.byStatus.dropped },
    { title: words.byBackend, rows: backendRows(logs, language), dropped: logs.byBackend.dropped },
    { title: words.byPath, rows: simple(logs.byPath.rows, plain), dropped: logs.byPath.dropped },
    { title: words.byClientNetwork, rows: simple(logs.byClientNetwork.rows, plain), dropped: logs.byClientNetwork.dropped },
  ].filter((table) => table.rows.length > 0 || table.dropped > 0);
  if (tables.length === 0) return;
  section(page, words.tables);
  // On a narrow screen a table's name stands above its rows.
  const beside = page.columns >= 50;
  const labelWidth = beside ? Math.max(...tables.map((table) => displayWidth(table.title))) + 2 : 2;
  for (const table of tables) {
    const shown = table.rows.slice(0, top);
    const countWidth = Math.max(0, ...shown.map((row) => displayWidth(row.count)));
    const wanted = Math.max(0, ...shown.map((row) => displayWidth(row.key)));
    const roomy = page.columns >= 2 + labelWidth + countWidth + 4 + wanted + Math.max(0, ...shown.map((row) => displayWidth(row.note)));
    const notes = shown.map((row) => (roomy ? row.note : row.short));
    const noteWidth = Math.max(0, ...notes.map(displayWidth));
    const keyRoom = Math.max(8, page.columns - 2 - labelWidth - countWidth - noteWidth - 4);
    const keyWidth = Math.min(keyRoom, wanted);
    if (!beside) text(page, 2, table.title, 'label');
    shown.forEach((row, i) => {
      const label = padTo(beside && i === 0 ? table.title : '', labelWidth);
      const key = padTo(cutTo(row.key, keyWidth, page.unicode ? '…' : '...'), keyWidth);
      const line = `${key}  ${' '.repeat(countWidth - displayWidth(row.count))}${row.count}  `;
      const note = cutTo(notes[i] ?? '', Math.max(0, page.columns - 2 - labelWidth - displayWidth(line)), '');
      put(page, `  ${page.paint('label', label)}${note === '' ? line.trimEnd() : line + page.paint('quiet', note)}`);
    });
    const rest = table.rows.length - shown.length;
    const more = [
      rest > 0 ? `+${rest} ${words.andMore}${page.verbose ? '' : ' (--verbose)'}` : '',
      table.dropped > 0 ? `+${countText(table.dropped)} ${words.fullTable}` : '',
    ].filter((each) => each !== '');
    for (const each of more) text(page, 2 + labelWidth, each, 'quiet');
  }
}

interface TableRow {
  readonly key: string;
  readonly count: string;
  readonly note: string;
  /** The note where there is little room. */
  readonly short: string;
}

function simple(
  rows: readonly { readonly key: string; readonly count: number; readonly share: number }[],
  name: (key: string) => string,
): readonly TableRow[] {
  return rows.map(({ key, count, share }) => ({
    key: name(key),
    count: countText(count),
    note: shareText(share),
    short: shareText(share),
  }));
}

function backendRows(logs: LogAnalysis, language: 'en' | 'zh'): readonly TableRow[] {
  const words = logWordsIn(language);
  return logs.byBackend.rows.map(({ key, requests, failed, rate }) => ({
    key: key === '' ? words.none : plain(key),
    count: countText(failed),
    note: rate === null || requests === null ? '' : rateText(rate, requests, language),
    short: rate === null ? '' : shareText(rate),
  }));
}

/** What the logs show for one cause: how often, why that convicts, and a request with the lines of other logs about it. */
export function occurrenceSection(page: Page, logs: LogAnalysis, cause: ReportCause, index: number | null): void {
  const { language } = page.report;
  const words = logWordsIn(language);
  const occurrence = occurrenceOf(logs, cause.id);
  section(page, `${page.labels.proof}${index === null ? '' : ` ${index + 1}`}`, index === null ? '' : plain(cause.id));
  if (occurrence !== undefined) text(page, 2, `${words.seen}${page.labels.colon}${occurrenceText(logs, occurrence, language)}`);
  const reasons = page.verbose ? cause.because : cause.because.slice(0, 3);
  for (const citation of reasons) text(page, 4, plain(citation.says), undefined, '  - ');
  if (cause.because.length > reasons.length)
    text(page, 4, `+${cause.because.length - reasons.length} ${words.andMore} (--verbose)`, 'quiet');
  const samples = occurrence?.samples.slice(0, page.verbose ? 10 : 1) ?? [];
  for (const sample of samples) {
    if (sample.request !== null) sampleLine(page, sample.request, 2);
    for (const line of sample.lines.slice(0, page.verbose ? 20 : 3)) sampleLine(page, line, sample.request === null ? 2 : 4);
  }
}

/** A line of a log under its place. */
function sampleLine(page: Page, sample: SampleLine, indent: number): void {
  const when = sample.at === null ? '' : ` · ${momentText(sample.at)}`;
  text(page, indent, `${placeText(sample)}${when}`, 'quiet');
  const bar = page.paint('quiet', page.unicode ? '│ ' : '| ');
  const shown = plain(page.verbose ? sample.text : cutTo(sample.text, Math.max(160, page.columns * 3)));
  for (const row of wrap(shown, page.columns - indent - 2)) put(page, `${' '.repeat(indent)}${bar}${row}`);
}

/** Failing requests that no line explains, and what would tell. */
export function unexplainedSection(page: Page, logs: LogAnalysis): void {
  if (logs.unexplained.length === 0) return;
  const words = logWordsIn(page.report.language);
  const total = logs.unexplained.reduce((sum, each) => sum + each.count, 0);
  section(page, `${words.unexplained}${page.labels.open}${countText(total)}${page.labels.close}`);
  const shown = page.verbose ? logs.unexplained : logs.unexplained.slice(0, 5);
  for (const group of shown) {
    text(page, 4, `${countText(group.count)} × ${plain(group.what)}`, undefined, '  - ');
    text(page, 4, `${words.needs}${page.labels.colon}${plain(group.needs)}`, 'quiet');
    for (const sample of group.samples.slice(0, page.verbose ? 5 : 1)) sampleLine(page, sample, 4);
  }
  if (logs.unexplained.length > shown.length)
    text(page, 4, `+${logs.unexplained.length - shown.length} ${words.andMore} (--verbose)`, 'quiet');
}

/** Error lines that no signature knows, by shape. */
export function unknownLinesSection(page: Page, logs: LogAnalysis): void {
  if (logs.unknownLines.length === 0) return;
  const words = logWordsIn(page.report.language);
  const total = logs.unknownLines.reduce((sum, each) => sum + each.count, 0);
  section(page, `${words.unknownLines}${page.labels.open}${countText(total)}${page.labels.close}`);
  const shown = page.verbose ? logs.unknownLines : logs.unknownLines.slice(0, 5);
  const width = Math.max(...shown.map((each) => countText(each.count).length)) + 4;
  for (const each of shown) {
    const count = countText(each.count);
    const room = page.verbose ? 1000 : Math.max(40, (page.columns - width) * 2);
    text(page, width, cutTo(plain(each.template), room), undefined, `${' '.repeat(width - 2 - count.length)}${count}`);
    const span = spanOfTimes(each.first, each.last, page.report.language);
    const place = each.samples[0] === undefined ? null : placeText(each.samples[0]);
    const facts = [place, span].filter((fact) => fact !== null).join(' · ');
    if (facts !== '') text(page, width, facts, 'quiet');
  }
  if (logs.unknownLines.length > shown.length)
    text(page, 2, `+${logs.unknownLines.length - shown.length} ${words.andMore} (--verbose)`, 'quiet');
}

/** What was read, how each input was understood, what went wrong with it, and how the logs were put together. */
export function inputsSection(page: Page, logs: LogAnalysis): void {
  const { language } = page.report;
  const words = logWordsIn(language);
  section(page, words.inputs);
  // An input with something to tell is never among those left out.
  const loud = (input: LogAnalysis['inputs'][number]): boolean => input.notes.length > 0 || input.unparsed > 0 || input.format === null;
  const most = page.verbose ? Infinity : 12;
  const quietOnes = logs.inputs.filter((input) => !loud(input));
  const kept = new Set([...logs.inputs.filter(loud), ...quietOnes].slice(0, Math.max(most, logs.inputs.filter(loud).length)));
  for (const input of logs.inputs) {
    if (!kept.has(input)) continue;
    text(page, 4, plain(input.name), undefined, '  - ');
    text(page, 4, inputText(input, language), input.format === null ? 'warn' : 'quiet');
    if (page.verbose && input.dialect !== null) text(page, 4, plain(input.dialect), 'quiet');
    if (page.verbose) {
      const span = spanOfTimes(input.first, input.last, language);
      if (span !== null) text(page, 4, span, 'quiet');
    }
    for (const note of input.notes) text(page, 6, plain(note), 'warn', '    ! ');
  }
  if (logs.inputs.length > kept.size) text(page, 4, `+${logs.inputs.length - kept.size} ${words.andMore} (--verbose)`, 'quiet');
  for (const each of correlationTexts(logs, language)) text(page, 2, each);
  if (logs.limits.length === 0) return;
  section(page, words.limits);
  for (const each of logs.limits) text(page, 4, plain(each), undefined, '  - ');
}
