// The live view of `why5xx logs --follow`: a few lines that are redrawn on a terminal, or one line for each minute and cause that changed.
import { plain } from '../model/neutral.ts';
import type { Report } from '../model/report.ts';
import { labelsIn } from './labels.ts';
import { howMuchText, occurrenceOf, occurrenceText, whereTexts } from './logs-phrases.ts';
import { timelineSection } from './logs-terminal.ts';
import { dayAndClock } from './logs-timeline.ts';
import { countText, logWordsIn } from './logs-words.ts';
import { paintWith } from './paint.ts';
import { put, text, type Page } from './terminal-page.ts';
import type { TerminalOptions } from './terminal.ts';

/** Failures by minute and cause, as they were drawn last. */
export type Minutes = ReadonlyMap<string, number>;

/** What is known so far, in a few lines: how much, the timeline, each cause with its place. */
export function renderLive(report: Report, options: TerminalOptions): string {
  const { logs } = report;
  if (logs === undefined) return '';
  const words = logWordsIn(report.language);
  const page: Page = {
    report,
    labels: labelsIn(report.language),
    columns: Math.max(30, Math.min(options.width, 110)),
    unicode: options.unicode,
    verbose: false,
    paint: paintWith(options.colour),
    lines: [],
  };
  text(page, 0, howMuchText(report, logs), logs.failed === 0 ? 'good' : 'bad');
  timelineSection(page, logs);
  if (report.causes.length > 0) put(page, '');
  for (const cause of report.causes.slice(0, 5)) {
    const occurrence = occurrenceOf(logs, cause.id);
    const seen = occurrence === undefined ? '' : `${page.labels.colon}${occurrenceText(logs, occurrence, report.language)}`;
    text(page, 2, `${plain(cause.title)} · ${whereTexts(cause)}${seen}`);
  }
  put(page, '');
  text(page, 0, words.liveEnd, 'quiet');
  return `${page.lines.join('\n')}\n`;
}

/** A line for every minute of every cause whose count is another than before, oldest first, and the counts to compare with next time. */
export function changedMinutes(report: Report, before: Minutes): { readonly lines: readonly string[]; readonly minutes: Minutes } {
  const { logs } = report;
  const minutes = new Map<string, number>();
  if (logs === undefined) return { lines: [], minutes };
  const words = logWordsIn(report.language);
  const { start, stepSeconds, byCause } = logs.timeline;
  const startMs = start === null ? Number.NaN : Date.parse(start);
  const changed: { readonly at: number; readonly text: string }[] = [];
  for (const { key, counts } of byCause) {
    const name = key === null ? words.unexplainedRow : plain(key);
    counts.forEach((count, i) => {
      if (count === 0 || Number.isNaN(startMs)) return;
      const at = startMs + i * stepSeconds * 1000;
      const { day, clock } = dayAndClock(at);
      const id = `${day} ${clock.slice(0, stepSeconds % 60 === 0 ? 5 : 8)}  ${name}`;
      minutes.set(id, count);
      if (before.get(id) !== count) changed.push({ at, text: `${id}  ${countText(count)}` });
    });
  }
  // What looked unexplained may have found its cause since.
  const gone = [...before.keys()].filter((id) => !minutes.has(id)).map((id) => `${id}  0`);
  return { lines: [...gone, ...changed.toSorted((a, b) => a.at - b.at).map((each) => each.text)], minutes };
}
