// The ticket that support needs: the result of each of the nine steps, times with their zone, addresses, a command to see the failure,
// evidence, what was ruled out and what was not tested. Redacted once more, because it leaves the house.
import { plain } from '../model/neutral.ts';
import { redactJson } from '../model/redact.ts';
import type { Report } from '../model/report.ts';
import type { Language } from '../model/text.ts';
import { curlCommand } from './curl.ts';
import { drawPath } from './draw-path.ts';
import { labelsIn, wordFor, type Labels } from './labels.ts';
import { code, fenced, prose } from './markdown-text.ts';
import { causeItems, fixLines, proofLines, ruledOutLines, stepLines, untestedLines } from './markdown.ts';
import { paintWith } from './paint.ts';
import { durationText, outcomeText, symptomText, timeText, titleOf, unprovenText } from './phrases.ts';
import { shellLines } from './shell.ts';
import { asks, recipientNames, ticketWords, type Recipient } from './ticket-words.ts';

export { recipients, type Recipient } from './ticket-words.ts';

export interface TicketOptions {
  readonly to: Recipient;
  /** When the ticket is written. */
  readonly now: Date;
}

/** Markdown with a line end at its end, in the report's language. Holds no secrets and no active content. */
export function renderTicket(unredacted: Report, { to, now }: TicketOptions): string {
  const report = redactJson(unredacted);
  const { language } = report;
  const labels = labelsIn(language);
  const words = (key: keyof typeof ticketWords): string => ticketWords[key][language];
  const lines = [
    `# ${words('ticket')}${labels.colon}${subject(report, language)}`,
    '',
    `- **${words('to')}**${labels.colon}${recipientNames[to][language]}`,
    `- **${words('written')}**${labels.colon}${zoned(now.toISOString(), language)}`,
    `- **${words('measured')}**${labels.colon}${zoned(report.startedAt, language)}${labels.comma}${labels.took} ${durationText(report.tookMs, language)}${labels.comma}why5xx ${code(report.tool)}`,
    `- **${labels.url}**${labels.colon}${code(report.url)}`,
    '',
    `## ${words('problem')}`,
    '',
    ...(report.symptoms.length === 0
      ? [words('untilNow')]
      : report.symptoms.map((each) => `- ${prose(symptomText(each, language, each.url !== report.url))}`)),
    '',
    `## ${words('ask')}`,
    '',
    ...asks[to].map((ask, i) => `${i + 1}. ${ask[language]}`),
    '',
    ...reproduction(report, to, words),
    ...requestLines(report, language, words),
    ...addressLines(report, words),
    ...findingLines(report, labels, words),
    ...(to === 'ops' || to === 'dev'
      ? report.causes.flatMap((cause) => [
          `## ${words('fix')}${labels.colon}${code(cause.id)}`,
          '',
          prose(cause.fix.summary),
          '',
          ...fixLines(report, cause, labels),
          '',
        ])
      : []),
    ...stepLines(report, labels),
    ...ruledOutLines(report, labels),
    ...notTested(report, labels, words),
    words('redacted'),
  ];
  return `${lines.join('\n')}\n`;
}

function subject(report: Report, language: Language): string {
  const [first] = report.symptoms;
  const host = URL.canParse(report.url) ? new URL(report.url).hostname : plain(report.site);
  return first === undefined ? prose(titleOf(report)) : `${prose(outcomeText(first, language))} · ${code(host)}`;
}

/** UTC always; for Chinese readers China Standard Time beside it. */
function zoned(iso: string, language: Language): string {
  const utc = timeText(iso);
  const ms = Date.parse(iso);
  if (language !== 'zh' || !utc.endsWith(' UTC') || !Number.isFinite(ms)) return utc.endsWith(' UTC') ? utc : code(iso);
  const local = new Date(ms + 8 * 3_600_000).toISOString();
  return `${utc}（北京时间 ${local.slice(0, 10)} ${local.slice(11, 19)} UTC+8）`;
}

function reproduction(report: Report, to: Recipient, words: (key: keyof typeof ticketWords) => string): readonly string[] {
  const entry = report.path.find((hop) => hop.role !== 'client' && hop.address !== null)?.address ?? null;
  const lines: string[] = [];
  for (const symptom of report.symptoms.slice(0, 4)) {
    const command = curlCommand(report, symptom, symptom.samples?.[0]?.to ?? entry);
    if (command !== null) lines.push(...fenced(shellLines(command, 100).join('\n'), 'sh'), '');
  }
  if (lines.length === 0) return [];
  const [first] = report.symptoms;
  const backends =
    to === 'isp' || to === 'edge' || first === undefined
      ? []
      : report.path.filter((hop) => hop.role === 'backend' && hop.address !== null).slice(0, 4);
  if (first !== undefined && backends.length > 0) {
    lines.push(words('reproduceBackend'), '');
    for (const hop of backends) {
      const command = curlCommand(report, { ...first, url: plainHttp(first.url, hop.address) }, hop.address);
      if (command !== null) lines.push(...fenced(shellLines(command, 100).join('\n'), 'sh'), '');
    }
  }
  return [`## ${words('reproduce')}`, '', words('reproduceText'), '', ...lines];
}

/** The URL as a backend would be asked: without TLS unless its own port is one that speaks it. */
function plainHttp(url: string, address: string | null): string {
  const port = /:(\d+)$/.exec(address ?? '')?.[1];
  return port === '443' || port === '8443' ? url : url.replace(/^https:/, 'http:');
}

function requestLines(report: Report, language: Language, words: (key: keyof typeof ticketWords) => string): readonly string[] {
  const samples = report.symptoms.flatMap((symptom) => (symptom.samples ?? []).map((sample) => ({ symptom, sample })));
  if (samples.length === 0) return [];
  const lines = samples.map(({ symptom, sample }) => {
    const way = `${sample.from ?? ticketWords.unknown[language]} → ${sample.to ?? ticketWords.unknown[language]}`;
    return `- ${zoned(sample.at, language)} · ${code(way)} · ${prose(outcomeText(symptom, language))} · ${code(sample.nonce)}`;
  });
  return [`## ${words('requests')}`, '', words('requestsText'), '', ...lines, ''];
}

function addressLines(report: Report, words: (key: keyof typeof ticketWords) => string): readonly string[] {
  if (report.path.length === 0) return [];
  const drawing = drawPath(report, { columns: 100, unicode: true, paint: paintWith(false) }).join('\n');
  return [`## ${words('addresses')}`, '', ...fenced(drawing, 'text'), ''];
}

function findingLines(report: Report, labels: Labels, words: (key: keyof typeof ticketWords) => string): readonly string[] {
  const heading = [`## ${words('finding')}`, ''];
  if (report.outcome === 'healthy') return [...heading, labels.healthyText, ''];
  if (report.outcome === 'cause-unproven') {
    const layer = report.suspectedLayer;
    const where =
      layer === null
        ? []
        : [`- **${labels.where}**${labels.colon}${wordFor('layer', layer, report.language)}${labels.comma}${labels.suspected}`];
    return [...heading, `- ${unprovenText(report)}`, ...where, ''];
  }
  return [
    ...heading,
    ...report.causes.flatMap((cause) => [
      `### ${prose(cause.title)}`,
      '',
      ...causeItems(report, cause, labels),
      '',
      `**${labels.proof}**`,
      '',
      ...proofLines(report, cause.because),
    ]),
  ];
}

function notTested(report: Report, labels: Labels, words: (key: keyof typeof ticketWords) => string): readonly string[] {
  const lines = untestedLines(report, labels);
  return lines.length === 0 ? [`## ${words('notTested')}`, '', words('nothingUntested'), ''] : lines;
}
