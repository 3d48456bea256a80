// What a report of `why5xx logs` says in Markdown beside the answer: the timeline as a code block, tables as lists, the lines themselves.
import type { LogAnalysis } from '../model/log-analysis.ts';
import { plain } from '../model/neutral.ts';
import type { Report, ReportCause } from '../model/report.ts';
import { labelsIn } from './labels.ts';
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
} from './logs-phrases.ts';
import { timelineSection } from './logs-terminal.ts';
import { countText, logWordsIn, shareText } from './logs-words.ts';
import { code, fenced, prose } from './markdown-text.ts';
import { paintWith } from './paint.ts';
import type { Page } from './terminal-page.ts';

type SampleLine = LogAnalysis['unexplained'][number]['samples'][number];

/** The timeline as it is drawn on a terminal. */
export function timelineLines(report: Report, logs: LogAnalysis): readonly string[] {
  const page: Page = {
    report,
    labels: labelsIn(report.language),
    columns: 100,
    unicode: true,
    verbose: false,
    paint: paintWith(false),
    lines: [],
  };
  timelineSection(page, logs);
  const [, heading = '', ...drawing] = page.lines;
  if (drawing.length === 0) return [];
  const [title = '', note = ''] = heading.split(/ {2,}/);
  return [`## ${title}`, '', ...(note === '' ? [] : [prose(note), '']), ...fenced(drawing.join('\n'), 'text'), ''];
}

/** Where the failures went. */
export function tableLines(report: Report, logs: LogAnalysis): readonly string[] {
  if (logs.failed === 0) return [];
  const { language } = report;
  const words = logWordsIn(language);
  const { colon, open, close } = labelsIn(language);
  const list = (title: string, rows: readonly string[], dropped: number): readonly string[] =>
    rows.length === 0 && dropped === 0
      ? []
      : [
          `- **${title}**`,
          ...rows.slice(0, 10).map((row) => `  - ${row}`),
          ...(rows.length > 10 ? [`  - +${rows.length - 10} ${words.andMore}`] : []),
          ...(dropped > 0 ? [`  - +${countText(dropped)} ${words.fullTable}`] : []),
        ];
  const shares = (rows: LogAnalysis['byPath']['rows'], name: (key: string) => string): readonly string[] =>
    rows.map(({ key, count, share }) => `${name(key)}${colon}${countText(count)}${open}${shareText(share)}${close}`);
  const backends = logs.byBackend.rows.map(({ key, requests, failed, rate }) => {
    const note = rate === null || requests === null ? '' : `${open}${rateText(rate, requests, language)}${close}`;
    return `${key === '' ? words.none : code(key)}${colon}${countText(failed)}${note}`;
  });
  return [
    `## ${words.tables}`,
    '',
    ...list(
      words.byAnswerer,
      shares(logs.byAnswerer.rows, (key) => prose(answererText(key, language))),
      logs.byAnswerer.dropped,
    ),
    ...list(words.byStatus, shares(logs.byStatus.rows, code), logs.byStatus.dropped),
    ...list(words.byBackend, backends, logs.byBackend.dropped),
    ...list(words.byPath, shares(logs.byPath.rows, code), logs.byPath.dropped),
    ...list(words.byClientNetwork, shares(logs.byClientNetwork.rows, code), logs.byClientNetwork.dropped),
    '',
  ];
}

/** What the logs show for one cause, in place of the citations of a live diagnosis. */
export function occurrenceLines(report: Report, logs: LogAnalysis, cause: ReportCause): readonly string[] {
  const words = logWordsIn(report.language);
  const occurrence = occurrenceOf(logs, cause.id);
  const seen =
    occurrence === undefined
      ? []
      : [`${words.seen}${labelsIn(report.language).colon}${prose(occurrenceText(logs, occurrence, report.language))}`, ''];
  const samples = occurrence?.samples ?? [];
  return [
    ...seen,
    ...cause.because.map((citation) => `- ${prose(citation.says)}`),
    '',
    ...samples.flatMap(({ request, lines }) =>
      [...(request === null ? [] : [request]), ...lines].flatMap((line) => [...sampleLines(line, 0), '']),
    ),
  ];
}

function sampleLines(sample: SampleLine, indent: number): readonly string[] {
  const when = sample.at === null ? '' : ` · ${momentText(sample.at)}`;
  const margin = ' '.repeat(indent);
  return [`${margin}${code(placeText(sample))}${prose(when)}`, '', ...fenced(plain(sample.text), 'text', indent)];
}

/** What nothing explains, the lines that nobody knows, what was read, and what was counted only in part. */
export function restLines(report: Report, logs: LogAnalysis): readonly string[] {
  const { language } = report;
  const words = logWordsIn(language);
  const { colon, open, close } = labelsIn(language);
  const section = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : [`## ${title}`, '', ...lines, ''];
  const unexplained = logs.unexplained.flatMap((group) => [
    `- ${countText(group.count)} × ${prose(group.what)}`,
    `  - ${words.needs}${colon}${prose(group.needs)}`,
    ...group.samples.slice(0, 1).flatMap((sample) => ['', ...sampleLines(sample, 2), '']),
  ]);
  const unknown = logs.unknownLines.map((group) => {
    const facts = [
      group.samples[0] === undefined ? null : code(placeText(group.samples[0])),
      spanOfTimes(group.first, group.last, language),
    ];
    const told = facts.filter((fact) => fact !== null);
    return `- ${countText(group.count)} × ${code(group.template)}${told.length === 0 ? '' : `${open}${told.join(' · ')}${close}`}`;
  });
  const inputs = logs.inputs.flatMap((input) => [
    `- ${code(input.name)}${colon}${prose(inputText(input, language))}`,
    ...input.notes.map((note) => `  - ${prose(note)}`),
  ]);
  return [
    ...section(words.unexplained, unexplained),
    ...section(words.unknownLines, unknown),
    ...section(words.inputs, [...inputs, ...correlationTexts(logs, language).map((each) => `- ${prose(each)}`)]),
    ...section(
      words.limits,
      logs.limits.map((each) => `- ${prose(each)}`),
    ),
  ];
}
