// The report as Markdown, for an issue, a chat or a wiki page: the same content as on the terminal, nothing left out.
import { plain } from '../model/neutral.ts';
import type { Report, ReportCause } from '../model/report.ts';
import { drawPath } from './draw-path.ts';
import { labelsIn, wordFor, type Labels } from './labels.ts';
import { occurrenceLines, restLines, tableLines, timelineLines } from './logs-markdown.ts';
import { logsNext, logsWhats } from './logs-phrases.ts';
import { code, fenced, prose } from './markdown-text.ts';
import { paintWith } from './paint.ts';
import { durationText, saysPlace, sureText, symptomText, timeText, titleOf, unprovenText, wantedAccesses, whereText } from './phrases.ts';
import { shellLines } from './shell.ts';
import { proofOf } from './value.ts';

/** CommonMark with a line end at its end. No HTML, no links; every value from outside is escaped or code. */
export function renderMarkdown(report: Report): string {
  const labels = labelsIn(report.language);
  const lines: string[] = [`# ${prose(titleOf(report))}`, ''];
  const { logs } = report;
  lines.push(
    ...item(
      labels.site,
      [report.site, report.url]
        .filter((each) => each !== '')
        .map(code)
        .join(' '),
    ),
    ...answer(report, labels),
    '',
  );
  if (logs !== undefined) lines.push(...timelineLines(report, logs));
  for (const [i, cause] of report.causes.entries()) {
    const heading = report.causes.length > 1 ? `${i + 1}. ${prose(cause.title)}` : null;
    if (heading !== null) lines.push(`## ${heading}`, '', ...causeItems(report, cause, labels), '');
    lines.push(`${heading === null ? '##' : '###'} ${labels.fix}`, '', ...fixLines(report, cause, labels), '');
    if (heading === null) lines.push(...pathLines(report, labels));
    lines.push(`${heading === null ? '##' : '###'} ${labels.proof}`, '');
    lines.push(...(logs === undefined ? proofLines(report, cause.because) : occurrenceLines(report, logs, cause)));
  }
  if (logs !== undefined) lines.push(...tableLines(report, logs));
  if (report.causes.length !== 1) lines.push(...pathLines(report, labels));
  lines.push(...ruledOutLines(report, labels), ...adviceLines(report, labels));
  lines.push(...(logs === undefined ? untestedLines(report, labels) : restLines(report, logs)));
  lines.push(...stepLines(report, labels), ...evidenceLines(report, labels));
  lines.push(
    `${prose(timeText(report.startedAt))} · ${labels.took} ${durationText(report.tookMs, report.language)} · why5xx ${code(report.tool)}`,
  );
  return `${lines.join('\n')}\n`;
}

function item(label: string, text: string): readonly string[] {
  return [`- **${label}:** ${text}`];
}

/** The answer as a list: symptoms first, then what is known about the cause. */
function answer(report: Report, labels: Labels): readonly string[] {
  const { logs } = report;
  const texts =
    logs === undefined
      ? report.symptoms.map((each) => symptomText(each, report.language, each.url !== report.url))
      : logsWhats(report, logs);
  const lines = texts.flatMap((each) => item(labels.what, prose(each)));
  if (report.outcome === 'healthy' && logs !== undefined) return lines;
  if (report.outcome === 'healthy') return [...lines, ...item(labels.what, labels.healthyText)];
  if (report.outcome === 'cause-unproven') {
    const layer = report.suspectedLayer;
    const where = layer === null ? labels.unknownPlace : `${wordFor('layer', layer, report.language)}${labels.colon}${labels.suspected}`;
    const next = logs === undefined ? [] : logsNext(report, logs).flatMap((each) => item(labels.next, prose(each)));
    return [...lines, ...item(labels.where, where), ...item(labels.why, unprovenText(report)), ...next];
  }
  const [only, ...more] = report.causes;
  return only !== undefined && more.length === 0 ? [...lines, ...causeItems(report, only, labels)] : lines;
}

/** Where, why, how sure, the chain and what to do, as list items. */
export function causeItems(report: Report, cause: ReportCause, labels: Labels): readonly string[] {
  return [
    ...item(labels.cause, code(cause.id)),
    ...item(labels.where, prose(whereText(cause, report.language))),
    ...item(labels.why, prose(cause.summary)),
    ...item(labels.sure, sureText(report, cause)),
    ...(cause.chain.length > 1 ? item(labels.chain, cause.chain.map(code).join(' → ')) : []),
    ...item(labels.do, prose(cause.fix.summary)),
  ];
}

/** The steps of a fix as a numbered list with commands to copy. */
export function fixLines(report: Report, cause: ReportCause, labels: Labels): readonly string[] {
  const lines: string[] = [];
  cause.fix.steps.forEach((step, i) => {
    const place = step.host === null ? labels.byHand : `${labels.on} ${(step.hosts ?? [step.host]).map(prose).join(', ')}`;
    const risk = step.risk === 'none' ? '' : `${labels.comma}${labels.risk} ${wordFor('risk', step.risk, report.language)}`;
    lines.push(`${i + 1}. ${prose(step.title)}${saysPlace(report) ? `${labels.open}${place}${risk}${labels.close}` : ''}`);
    if (step.config !== undefined)
      lines.push('', `   ${labels.write} ${code(step.config.file)}`, '', ...fenced(step.config.text, 'text', 3));
    if (step.command !== undefined) lines.push('', ...fenced(shellLines(step.command, 100).join('\n'), 'sh', 3));
    if (step.undo !== undefined) lines.push('', `   ${labels.undo}${labels.colon}${code(shellLines(step.undo).join(' '))}`);
    if (step.config !== undefined || step.command !== undefined || step.undo !== undefined) lines.push('');
  });
  while (lines.at(-1) === '') lines.pop();
  return [...lines, ...(lines.length > 0 ? [''] : []), `${labels.verify}${labels.colon}${prose(cause.fix.verify)}`];
}

/** Citations as a numbered list, each with its source and the cited value. */
export function proofLines(report: Report, because: ReportCause['because']): readonly string[] {
  return because.flatMap((citation, i) => {
    const proof = proofOf(report, citation, 2000);
    const place = [proof.evidence, proof.probe, proof.host, proof.at].filter((each) => each !== null).join(' · ');
    const lead = `${i + 1}. `;
    return [`${lead}${prose(proof.says)}  `, `   ${code(`${place} ${proof.path}`)}`, '', ...fenced(proof.value, 'text', lead.length), ''];
  });
}

function pathLines(report: Report, labels: Labels): readonly string[] {
  if (report.path.length === 0) return [];
  const drawing = drawPath(report, { columns: 100, unicode: true, paint: paintWith(false) }).join('\n');
  return [`## ${labels.path}`, '', ...fenced(drawing, 'text'), ''];
}

/** Ruled-out causes, each with its reasons; empty where there are none. */
export function ruledOutLines(report: Report, labels: Labels): readonly string[] {
  if (report.ruledOut.length === 0) return [];
  const lines = report.ruledOut.map((each) => {
    const host = each.host === null ? '' : `${labels.open}${prose(each.host)}${labels.close}`;
    const reasons = each.because.map(
      (citation) => `${prose(citation.says)} ${code(`${plain(citation.evidence)} ${plain(citation.path)}`)}`,
    );
    return `- ${code(each.id)}${host}${labels.colon}${reasons.join(labels.semicolon)}`;
  });
  return [`## ${labels.ruledOut}`, '', ...lines, ''];
}

function adviceLines(report: Report, labels: Labels): readonly string[] {
  if (report.advice.length === 0) return [];
  const lines = report.advice.map((each) => {
    const host = each.host === null ? '' : ` · ${prose(each.host)}`;
    return `- ${prose(each.summary)}${labels.open}${code(each.id)}${host}${labels.close}`;
  });
  return [`## ${labels.advice}`, '', ...lines, ''];
}

/** What could not be tested and which access would change that; empty where everything could. */
export function untestedLines(report: Report, labels: Labels): readonly string[] {
  const closed = report.hosts
    .filter((host) => host.access === 'failed')
    .map(
      (host) =>
        `- ${prose(host.host)}${labels.colon}${labels.accessFailed}${host.reason === null ? '' : `${labels.colon}${prose(host.reason)}`}`,
    );
  const wanted = wantedAccesses(report).map(
    ({ needs, ids }) => `- ${prose(needs)}${labels.semicolon}${labels.wouldTell}${labels.colon}${ids.map(code).join(', ')}`,
  );
  return closed.length + wanted.length === 0 ? [] : [`## ${labels.untested}`, '', ...closed, ...wanted, ''];
}

/** The nine steps with their results. */
export function stepLines(report: Report, labels: Labels): readonly string[] {
  if (report.steps.length === 0) return [];
  return [
    `## ${labels.steps}`,
    '',
    ...report.steps.map((step, i) => `${i + 1}. **${prose(step.title)}**${labels.colon}${prose(step.result)}`),
    '',
  ];
}

function evidenceLines(report: Report, labels: Labels): readonly string[] {
  if (Object.keys(report.evidence).length === 0) return [];
  const lines = Object.entries(report.evidence).map(([id, entry]) => {
    const status =
      entry.status === 'ok' ? '' : `${labels.colon}${entry.status}${entry.reason === undefined ? '' : `, ${prose(entry.reason)}`}`;
    return `- ${code([id, entry.probe, entry.host, timeText(entry.at)].filter((each) => each !== null).join(' · '))}${status}`;
  });
  return [`## ${labels.evidence}`, '', ...lines, ''];
}
