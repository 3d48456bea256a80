// The report for a person at a terminal at 3 a.m.: the answer first, then what to do, where it broke, the proof, and the rest.
import { plain, plainBlock } from '../model/neutral.ts';
import type { Report, ReportCause } from '../model/report.ts';
import { drawPath } from './draw-path.ts';
import { labelsIn, wordFor, type Labels } from './labels.ts';
import { logsNext, logsWhats, occurrenceOf, occurrenceText, scannedText } from './logs-phrases.ts';
import {
  inputsSection,
  occurrenceSection,
  tablesSection,
  timelineSection,
  unexplainedSection,
  unknownLinesSection,
} from './logs-terminal.ts';
import { logWordsIn } from './logs-words.ts';
import { paintWith, type ColourLevel, type Style } from './paint.ts';
import {
  docsText,
  durationText,
  headline,
  ruledOutGroups,
  saysPlace,
  sureText,
  symptomText,
  timeText,
  titleOf,
  unprovenText,
  wantedAccesses,
  whereText,
} from './phrases.ts';
import { shellLines } from './shell.ts';
import { ascii, field, put, section, text, type Page } from './terminal-page.ts';
import { proofOf } from './value.ts';
import { displayWidth, padTo, wrap } from './width.ts';

export interface TerminalOptions {
  /** Columns of the terminal. Prose is kept under 110 of them; commands and configuration are never wrapped by us. */
  readonly width: number;
  readonly colour: ColourLevel;
  /** False draws with ASCII only (evidence may still hold other characters). */
  readonly unicode: boolean;
  /** `quiet` is one line; `verbose` adds every reason, the nine steps and the list of evidence. */
  readonly detail?: 'quiet' | 'normal' | 'verbose';
}

/** The report as text with a line end at its end. Never throws on a valid report, whatever its strings hold. */
export function renderTerminal(report: Report, options: TerminalOptions): string {
  const paint = paintWith(options.colour);
  const style: Style = report.outcome === 'healthy' ? 'good' : report.outcome === 'cause-found' ? 'bad' : 'warn';
  if (options.detail === 'quiet') return `${ascii(paint(style, headline(report)), options.unicode)}\n`;
  const page: Page = {
    report,
    labels: labelsIn(report.language),
    columns: Math.max(30, Math.min(options.width, 110)),
    unicode: options.unicode,
    verbose: options.detail === 'verbose',
    paint,
    lines: [],
  };
  answer(page, style);
  const { logs } = report;
  if (logs !== undefined) timelineSection(page, logs);
  if (report.causes.length > 1) report.causes.forEach((cause, i) => fixSection(page, cause, i));
  else for (const cause of report.causes) fixSection(page, cause, null);
  pathSection(page);
  if (logs !== undefined) tablesSection(page, logs);
  report.causes.forEach((cause, i) => {
    const index = report.causes.length > 1 ? i : null;
    if (logs === undefined) proofSection(page, cause, index);
    else occurrenceSection(page, logs, cause, index);
  });
  if (logs !== undefined) {
    unexplainedSection(page, logs);
    unknownLinesSection(page, logs);
  }
  ruledOutSection(page);
  adviceSection(page);
  if (logs === undefined) untestedSection(page);
  else inputsSection(page, logs);
  // Without a proven cause, what each step found is the best that a person has to go on with.
  if (page.verbose || report.outcome === 'cause-unproven') stepsSection(page);
  if (page.verbose) evidenceSection(page);
  footer(page, style);
  return `${page.lines.join('\n')}\n`;
}

function answer(page: Page, style: Style): void {
  const { report, labels, paint } = page;
  const mark = page.report.outcome === 'healthy' ? '✓' : page.report.outcome === 'cause-found' ? '✗' : '?';
  const only = report.causes.length === 1 ? report.causes[0] : undefined;
  wrap(titleOf(report), page.columns - 2).forEach((row, i) => put(page, `${i === 0 ? paint(style, mark) : ' '} ${paint(style, row)}`));
  for (const row of wrap(
    [report.site, report.url]
      .filter((each) => each !== '')
      .map(plain)
      .join(' · '),
    page.columns - 2,
  ))
    put(page, `  ${paint('quiet', row)}`);
  put(page, '');
  // With several causes each shows the symptoms that it explains; only what none explains is left for the top.
  const loose =
    report.causes.length > 1
      ? report.symptoms.filter((symptom) => !report.causes.some((cause) => cause.explains.includes(symptom.id)))
      : report.symptoms;
  const shown = page.verbose ? loose : loose.slice(0, 4);
  const { logs } = report;
  const whats = [
    ...(logs === undefined
      ? shown.map((symptom) => symptomText(symptom, report.language, symptom.url !== report.url))
      : logsWhats(report, logs)),
  ];
  const rest = logs === undefined ? loose.length - shown.length : 0;
  if (rest > 0) whats.push(`+${rest} ${labels.more}`);
  if (report.outcome === 'healthy' && logs !== undefined) {
    field(page, labels.what, whats);
    return;
  }
  if (report.outcome === 'healthy') {
    const sent = report.requestsSent ?? 0;
    field(page, labels.what, [
      sent > 0 && report.symptoms.length === 0
        ? `${labels.healthyText}${labels.open}${sent} ${labels.requestsAnswered}${labels.close}`
        : labels.healthyText,
      ...whats,
    ]);
    return;
  }
  if (whats.length > 0) field(page, labels.what, whats);
  if (report.outcome === 'cause-unproven') {
    const layer = report.suspectedLayer;
    field(page, labels.where, [
      layer === null ? labels.unknownPlace : `${wordFor('layer', layer, report.language)}${labels.colon}${labels.suspected}`,
    ]);
    field(page, labels.why, [unprovenText(report)]);
    if (logs !== undefined) {
      const next = logsNext(report, logs).slice(0, page.verbose ? 20 : 4);
      if (next.length > 0) field(page, labels.next, [logWordsIn(report.language).unprovenNext, ...next.map((each) => `- ${each}`)]);
      return;
    }
    const wanted = wantedAccesses(report);
    const first = wanted.slice(0, 3).map(({ needs, ids }) => `- ${needs}${labels.open}${countOf(ids.length, labels)}${labels.close}`);
    field(page, labels.next, first.length === 0 ? [labels.ticket] : [labels.unprovenNext, ...first, labels.ticket]);
    return;
  }
  if (only !== undefined) causeFields(page, only);
  else {
    report.causes.forEach((cause, i) => {
      if (i > 0 || whats.length > 0) put(page, '');
      wrap(`${i + 1}  ${plain(cause.title)}`, page.columns).forEach((row) => put(page, paint(style, row)));
      const occurrence = logs === undefined ? undefined : occurrenceOf(logs, cause.id);
      if (logs !== undefined) {
        if (occurrence !== undefined) field(page, labels.what, [occurrenceText(logs, occurrence, report.language)]);
      } else if (cause.explains.length > 0) {
        const seen = report.symptoms.filter((symptom) => cause.explains.includes(symptom.id));
        field(
          page,
          labels.what,
          seen.map((symptom) => symptomText(symptom, report.language, symptom.url !== report.url)),
        );
      }
      causeFields(page, cause);
    });
  }
}

function countOf(count: number, labels: Labels): string {
  return labels.causesWord === 'causes'
    ? `${count} ${count === 1 ? labels.cause.toLowerCase() : labels.causesWord}`
    : `${count} ${labels.causesWord}`;
}

function causeFields(page: Page, cause: ReportCause): void {
  const { labels, report } = page;
  field(page, labels.where, [whereText(cause, report.language)]);
  field(page, labels.why, [plain(cause.summary)]);
  field(page, labels.sure, [sureText(report, cause)]);
  if (cause.chain.length > 1) field(page, labels.chain, [cause.chain.map(plain).join(' → ')]);
  field(page, labels.do, [plain(cause.fix.summary)]);
}

function numbered(page: Page, title: string, index: number | null): string {
  return index === null ? title : `${title} ${index + 1}`;
}

function fixSection(page: Page, cause: ReportCause, index: number | null): void {
  const { labels, lines, paint, report } = page;
  section(
    page,
    numbered(page, labels.fix, index),
    index === null ? '' : `${plain(cause.id)}${cause.host === null ? '' : ` · ${plain(cause.host)}`}`,
  );
  cause.fix.steps.forEach((step, i) => {
    const place = step.host === null ? labels.byHand : `${labels.on} ${(step.hosts ?? [step.host]).map(plain).join(', ')}`;
    const risk =
      step.risk === 'none'
        ? ''
        : `${labels.comma}${labels.risk}${labels.colon === '：' ? '' : ' '}${wordFor('risk', step.risk, report.language)}`;
    const beside = saysPlace(report) ? `${labels.open}${place}${risk}${labels.close}` : '';
    text(page, 5, `${plain(step.title)}${beside}`, undefined, `  ${i + 1}. `);
    if (step.config !== undefined) {
      text(page, 5, `${labels.write} ${plain(step.config.file)}${labels.colon.trimEnd()}`, 'quiet');
      for (const line of plainBlock(step.config.text).trimEnd().split('\n')) lines.push(`       ${paint('command', line)}`);
    }
    if (step.command !== undefined && step.config !== undefined) text(page, 5, `${labels.run}${labels.colon.trimEnd()}`, 'quiet');
    if (step.command !== undefined)
      for (const line of shellLines(step.command, page.columns - 7)) lines.push(`       ${paint('command', line)}`);
    if (step.undo !== undefined && page.verbose) {
      text(page, 5, `${labels.undo}${labels.colon.trimEnd()}`, 'quiet');
      for (const line of shellLines(step.undo, page.columns - 7)) lines.push(`       ${paint('quiet', line)}`);
    }
  });
  text(page, 2, `${labels.verify}${labels.colon}${plain(cause.fix.verify)}`);
  text(page, 2, `${labels.docs}${labels.colon}${docsText(report, cause)}`, 'quiet');
}

function pathSection(page: Page): void {
  if (page.report.path.length === 0) return;
  section(page, page.labels.path);
  for (const line of drawPath(page.report, { columns: page.columns - 2, unicode: page.unicode, paint: page.paint })) put(page, `  ${line}`);
}

function proofSection(page: Page, cause: ReportCause, index: number | null): void {
  const { labels, report } = page;
  section(page, numbered(page, labels.proof, index), index === null ? '' : plain(cause.id));
  const shown = page.verbose ? cause.because : cause.because.slice(0, 5);
  shown.forEach((citation, i) => {
    const proof = proofOf(report, citation, page.verbose ? 2000 : Math.max(120, page.columns * 3));
    text(page, 5, proof.says, undefined, `  ${i + 1}. `);
    source(page, proof, 5);
  });
  if (cause.because.length > shown.length) text(page, 5, `+${cause.because.length - shown.length} ${labels.more} (--verbose)`, 'quiet');
}

function source(page: Page, proof: ReturnType<typeof proofOf>, indent: number): void {
  const place = [proof.evidence, proof.probe, proof.host].filter((each) => each !== null).join(' · ');
  const line = `${place}  ${proof.path}`;
  if (proof.found && displayWidth(line) + displayWidth(proof.value) + 3 <= Math.min(page.columns - indent, 76)) {
    put(page, `${' '.repeat(indent)}${page.paint('quiet', `${line} =`)} ${proof.value}`);
    return;
  }
  text(page, indent, line, 'quiet');
  const bar = page.unicode ? '│ ' : '| ';
  // The sentence above may be the cited line itself.
  if (proof.found && proof.says.includes(proof.value.replace(/…$/, '').trim())) return;
  for (const row of wrap(proof.value, page.columns - indent - 2)) put(page, `${' '.repeat(indent)}${page.paint('quiet', bar)}${row}`);
}

function ruledOutSection(page: Page): void {
  const { labels, report } = page;
  const groups = ruledOutGroups(report);
  if (groups.length === 0 || (report.outcome === 'healthy' && !page.verbose)) return;
  section(page, `${labels.ruledOut}${labels.open}${groups.length}${labels.close}`, page.verbose ? '' : labels.seeVerbose);
  if (!page.verbose) {
    text(page, 2, groups.map(({ id }) => id).join(', '), 'quiet');
    return;
  }
  for (const each of report.ruledOut) {
    text(page, 4, `${plain(each.id)}${each.host === null ? '' : ` · ${plain(each.host)}`}`, undefined, '  - ');
    for (const citation of each.because) {
      const proof = proofOf(report, citation, 300);
      text(page, 6, proof.says, 'quiet');
      source(page, proof, 6);
    }
  }
}

function adviceSection(page: Page): void {
  const { labels, report } = page;
  if (report.advice.length === 0) return;
  section(page, labels.advice);
  const shown = page.verbose ? report.advice : report.advice.slice(0, 5);
  for (const each of shown) {
    text(
      page,
      4,
      `${plain(each.summary)}${labels.open}${plain(each.id)}${each.host === null ? '' : ` · ${plain(each.host)}`}${labels.close}`,
      undefined,
      '  - ',
    );
    if (page.verbose) for (const citation of each.because) source(page, proofOf(report, citation, 300), 6);
  }
  if (report.advice.length > shown.length) text(page, 4, `+${report.advice.length - shown.length} ${labels.more} (--verbose)`, 'quiet');
}

function untestedSection(page: Page): void {
  const { labels, report } = page;
  const wanted = wantedAccesses(report);
  const closed = report.hosts.filter((host) => host.access === 'failed');
  // Beside a proven cause, what else could have been looked at helps nobody at 3 a.m.; a host that could not be reached does.
  const settled = report.outcome === 'cause-found' && report.causes.every((each) => each.certainty === 'confirmed');
  const shown = settled && !page.verbose ? [] : wanted;
  if (shown.length === 0 && closed.length === 0) return;
  section(page, labels.untested);
  for (const host of closed) {
    text(
      page,
      4,
      `${plain(host.host)}${labels.colon}${labels.accessFailed}${host.reason === null ? '' : `${labels.colon}${plain(host.reason)}`}`,
      undefined,
      '  - ',
    );
  }
  const unproven = report.outcome === 'cause-unproven';
  for (const { needs, ids } of page.verbose || unproven ? shown : shown.slice(0, 4)) {
    text(page, 4, needs, undefined, '  - ');
    const few = page.verbose || unproven ? ids : ids.slice(0, 5);
    text(
      page,
      4,
      `${labels.wouldTell}${labels.colon}${few.join(', ')}${ids.length > few.length ? ` +${ids.length - few.length}` : ''}`,
      'quiet',
    );
  }
  if (!page.verbose && !unproven && shown.length > 4) text(page, 4, `+${shown.length - 4} ${labels.more} (--verbose)`, 'quiet');
}

function stepsSection(page: Page): void {
  const { labels, report } = page;
  if (report.steps.length === 0) return;
  section(page, labels.steps);
  report.steps.forEach((step, i) => {
    text(page, 5, plain(step.title), undefined, `  ${i + 1}. `);
    text(page, 5, plain(step.result), 'quiet');
  });
}

function evidenceSection(page: Page): void {
  const { labels, report } = page;
  section(page, labels.evidence);
  for (const [id, entry] of Object.entries(report.evidence)) {
    const status = entry.status === 'ok' ? '' : ` · ${entry.status}${entry.reason === undefined ? '' : `: ${plain(entry.reason)}`}`;
    const host = entry.host === null ? '' : ` · ${plain(entry.host)}`;
    const name = plain(id);
    const facts = `${plain(entry.probe)}${host} · ${timeText(entry.at)}${status}`;
    if (displayWidth(name) <= 5) text(page, 8, facts, 'quiet', padTo(`  ${name}`, 8));
    else text(page, 8, `${name} ${facts}`, 'quiet');
  }
}

// The last line stands right above the prompt when the answer has scrolled away, so it repeats the answer.
function footer(page: Page, style: Style): void {
  const { report, labels, paint } = page;
  put(page, '');
  const count = Object.keys(report.evidence).length;
  const separator = ' · ';
  const facts =
    report.logs !== undefined
      ? `${scannedText(report.logs, report.language)}${separator}why5xx ${plain(report.tool)}`
      : `${timeText(report.startedAt)}${separator}${labels.took} ${durationText(report.tookMs, report.language)}${separator}${count} ${labels.pieces}${separator}why5xx ${plain(report.tool)}`;
  for (const row of wrap(facts, page.columns)) put(page, paint('quiet', row));
  for (const row of wrap(headline(report), page.columns)) put(page, paint(style, row));
}
