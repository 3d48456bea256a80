// Sentences about a log analysis that several formats share: how much, when, per cause, per input. Neutral plain text in one language.
import type { LogAnalysis } from '../model/log-analysis.ts';
import { plain } from '../model/neutral.ts';
import type { Report } from '../model/report.ts';
import type { Language } from '../model/text.ts';
import { labelsIn } from './labels.ts';
import { dayAndClock } from './logs-timeline.ts';
import { bytesText, countText, logWordsIn, shareText, spanText } from './logs-words.ts';

type Occurrence = LogAnalysis['occurrences'][number];
type SampleLine = LogAnalysis['unexplained'][number]['samples'][number];
type Input = LogAnalysis['inputs'][number];

/** `2026-11-23 02:14:07` of an ISO time, without its zone, which is said once for the whole report; anything else neutral, as it is. */
export function momentText(iso: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|$)/.exec(iso);
  return match ? `${match[1]} ${match[2]}` : plain(iso);
}

/** `2026-11-23 02:10:03 to 02:31:12`: the day is said once where both ends share it. Null where either is unknown. */
export function spanOfTimes(from: string | null, to: string | null, language: Language): string | null {
  if (from === null || to === null) return null;
  const [start, end] = [momentText(from), momentText(to)];
  if (start === end) return start;
  const sameDay = start.slice(0, 11) === end.slice(0, 11) && /^\d{4}-\d\d-\d\d /.test(start);
  return `${start} ${logWordsIn(language).fromTo} ${sameDay ? end.slice(11) : end}`;
}

/** Whether the times are UTC, or local ones of logs that name no zone; then how each zone was found. */
export function zoneNote(logs: LogAnalysis, language: Language): string {
  const words = logWordsIn(language);
  const local = [logs.from, logs.to].some((each) => each !== null && !/(?:Z|[+-]\d\d:\d\d)$/.test(each));
  return local ? words.asLogged : words.utc;
}

/** `1,204 of 96,311 requests failed (1.3 %): 1,003 with 502, 201 with 504`. */
export function howMuchText(report: Report, logs: LogAnalysis): string {
  const words = logWordsIn(report.language);
  const detail = statusesText(report, logs);
  if (logs.requests === null) {
    const noun = logs.failed === 1 ? words.requestWord : words.requestsWord;
    return `${countText(logs.failed)} ${noun}${detail}${labelsIn(report.language).semicolon}${words.noAccessLog}`;
  }
  const share =
    logs.requests === 0
      ? ''
      : `${labelsIn(report.language).open}${shareText(logs.failed / logs.requests)}${labelsIn(report.language).close}`;
  return report.language === 'zh'
    ? `${countText(logs.requests)} 个请求中有 ${countText(logs.failed)} 个失败${share}${detail}`
    : `${countText(logs.failed)} of ${countText(logs.requests)} request${logs.requests === 1 ? '' : 's'} failed${share}${detail}`;
}

/** `: 1,003 with 502, 201 with 504`, or `, all with 502`. */
function statusesText(report: Report, logs: LogAnalysis): string {
  const { colon, comma } = labelsIn(report.language);
  const { rows, dropped } = logs.byStatus;
  const [only, ...more] = rows;
  if (only === undefined) return '';
  if (more.length === 0 && dropped === 0 && only.count === logs.failed)
    return report.language === 'zh' ? `，均为 ${plain(only.key)}` : `, ${logs.failed === 1 ? '' : 'all '}with ${plain(only.key)}`;
  const shown = rows
    .slice(0, 4)
    .map(({ key, count }) =>
      report.language === 'zh' ? `${plain(key)} 共 ${countText(count)} 个` : `${countText(count)} with ${plain(key)}`,
    );
  return `${colon}${shown.join(comma)}`;
}

/** When the failures began and ended, and the worst step of the timeline; null where the logs have no dates or nothing failed. */
export function whenText(report: Report, logs: LogAnalysis): string | null {
  const { start, stepSeconds, failed } = logs.timeline;
  const startMs = start === null ? Number.NaN : Date.parse(start);
  const first = failed.findIndex((count) => count > 0);
  if (Number.isNaN(startMs) || first < 0) return null;
  const last = failed.findLastIndex((count) => count > 0);
  const worst = failed.reduce((best, count, i) => (count > (failed[best] ?? 0) ? i : best), first);
  const at = (bucket: number): string => {
    const { day, clock } = dayAndClock(startMs + bucket * stepSeconds * 1000);
    return `${day} ${clock.slice(0, stepSeconds % 60 === 0 ? 5 : 8)}`;
  };
  // Exact ends where the causes' own are known; the timeline knows steps only.
  const firsts = logs.occurrences.flatMap((each) => each.first ?? []).toSorted();
  const exact = firsts[0] !== undefined && logs.unexplained.length === 0 ? firsts[0] : null;
  const from = exact === null ? at(first) : momentText(exact);
  const lasts = logs.occurrences.flatMap((each) => each.last ?? []).toSorted();
  const exactLast = lasts.at(-1);
  const to = exactLast !== undefined && logs.unexplained.length === 0 ? momentText(exactLast) : at(last + 1);
  const shortTo = to.slice(0, 10) === from.slice(0, 10) ? to.slice(11) : to;
  const peak = countText(failed[worst] ?? 0);
  const span = spanText(stepSeconds, report.language);
  const worstAt = at(worst).slice(0, 10) === from.slice(0, 10) ? at(worst).slice(11) : at(worst);
  const utc = zoneNote(logs, 'en') === logWordsIn('en').utc ? ' UTC' : '';
  if (from === to) return `${from}${utc}`;
  // Where no step stands out, there is no worst one.
  const stands = (failed[worst] ?? 0) > 1 && failed.some((count) => count !== failed[worst]);
  if (!stands) return `${from} ${logWordsIn(report.language).fromTo} ${shortTo}${utc}`;
  if (report.language === 'zh') return `${from} 至 ${shortTo}${utc}；最严重的 ${span}始于 ${worstAt}，有 ${peak} 个`;
  return `${from} to ${shortTo}${utc}; worst was ${worstAt} with ${peak} in ${span}`;
}

/** What the reader is told first: how much, and when. */
export function logsWhats(report: Report, logs: LogAnalysis): readonly string[] {
  if (report.outcome === 'healthy') return healthyWhats(report, logs);
  const { open, close } = labelsIn(report.language);
  // The list of what is unexplained ends somewhere; the timeline has all of it.
  const listed = logs.unexplained.reduce((sum, each) => sum + each.count, 0);
  const loose = logs.timeline.byCause.find(({ key }) => key === null)?.total ?? listed;
  const share = `${open}${shareText(logs.failed === 0 ? 0 : loose / logs.failed)}${close}`;
  const unexplained =
    loose === 0 || report.outcome !== 'cause-found'
      ? null
      : report.language === 'zh'
        ? `其中 ${countText(loose)} 个${share}未能解释`
        : `${countText(loose)} of them${share} ${loose === 1 ? 'is' : 'are'} not explained`;
  return [howMuchText(report, logs), whenText(report, logs), unexplained].filter((each) => each !== null);
}

function healthyWhats(report: Report, logs: LogAnalysis): readonly string[] {
  const words = logWordsIn(report.language);
  const span = spanOfTimes(logs.from, logs.to, report.language);
  return [words.healthyLogs, howMuchText(report, logs), ...(span === null ? [] : [span])];
}

/** The occurrence that a cause rests on; undefined where it has none. */
export function occurrenceOf(logs: LogAnalysis, cause: string): Occurrence | undefined {
  return logs.occurrences.find((each) => each.cause === cause);
}

/** `1,180 failing requests (98 %), 2026-11-23 02:10:03 to 02:31:12`. */
export function occurrenceText(logs: LogAnalysis, occurrence: Occurrence, language: Language): string {
  const words = logWordsIn(language);
  const { open, close, comma } = labelsIn(language);
  const share = logs.failed === 0 ? '' : `${open}${shareText(occurrence.count / logs.failed)}${close}`;
  const noun = occurrence.count === 1 ? words.requestWord : words.requestsWord;
  const span = spanOfTimes(occurrence.first, occurrence.last, language);
  if (occurrence.count === 0) return `${words.noRequest}${span === null ? '' : `${comma}${span}`}`;
  return `${countText(occurrence.count)} ${noun}${share}${span === null ? '' : `${comma}${span}`}`;
}

/** The hosts of a cause: `web-1, web-2`; a dash where it sits on no single one. */
export function whereTexts(cause: Report['causes'][number]): string {
  const hosts = cause.host === null ? cause.hosts : [cause.host];
  return hosts.length === 0 ? '–' : hosts.map(plain).join(', ');
}

/** What would settle it where no cause is proven: one line for each kind of failure that nothing explains. */
export function logsNext(report: Report, logs: LogAnalysis): readonly string[] {
  const needs = [...new Set(logs.unexplained.map((each) => plain(each.needs)))];
  return needs.length > 0 ? needs : [...new Set(report.untested.map((each) => plain(each.needs)))];
}

/** ` · 1,204 of 96,311 requests failed (1.3 %)`, to stand behind the headline. */
export function headlineTail(report: Report, logs: LogAnalysis): string {
  if (logs.requests === null && logs.failed === 0) return '';
  const words = logWordsIn(report.language);
  const { open, close } = labelsIn(report.language);
  if (logs.requests === null) return ` · ${countText(logs.failed)} ${words.failedShort}`;
  const share = logs.requests === 0 ? '' : `${open}${shareText(logs.failed / logs.requests)}${close}`;
  return report.language === 'zh'
    ? ` · ${countText(logs.failed)} / ${countText(logs.requests)} 个请求失败${share}`
    : ` · ${countText(logs.failed)} of ${countText(logs.requests)} request${logs.requests === 1 ? '' : 's'} failed${share}`;
}

/** Where a line stands: `error.log:123`. */
export function placeText(sample: SampleLine): string {
  return `${plain(sample.input)}:${String(sample.line)}`;
}

/** `nginx-access · gzip · 1.2 GB, 8,123,456 lines, 12 not understood`. */
export function inputText(input: Input, language: Language): string {
  const words = logWordsIn(language);
  const { comma, colon } = labelsIn(language);
  const format = input.format === null ? words.unknownFormat : plain(input.format);
  const other = Object.entries(input.otherFormats).map(([id, lines]) => `${plain(id)} ${countText(lines)}`);
  const facts = [
    `${bytesText(input.bytes)}${input.compression === 'none' ? '' : ` (${plain(input.compression)})`}`,
    `${countText(input.lines)} ${input.lines === 1 ? words.line : words.lines}`,
    input.unparsed === 0 ? '' : `${countText(input.unparsed)} ${words.unparsed}`,
    input.furniture === 0 ? '' : `${countText(input.furniture)} ${words.furniture}`,
    other.length === 0 ? '' : `${words.otherFormats} ${other.join(' ')}`,
    input.zone === null || input.zone === 'logged' ? '' : `${words.zoneOf}${colon}${plain(input.zone)}`,
  ].filter((each) => each !== '');
  return `${format} · ${facts.join(comma)}`;
}

/** `read 1.2 GB in 0.9 s (1.3 GB/s)`. */
export function scannedText(logs: LogAnalysis, language: Language): string {
  const words = logWordsIn(language);
  const { open, close } = labelsIn(language);
  const rate = logs.scanMs >= 50 && logs.bytes >= 1_000_000 ? `${open}${bytesText((logs.bytes / logs.scanMs) * 1000)}/s${close}` : '';
  return `${words.scanned} ${bytesText(logs.bytes)}${language === 'zh' ? '，' : ' '}${words.inTime} ${offsetText(logs.scanMs, language)}${rate}`;
}

/** How error lines were joined to requests, and which clocks differ; empty where nothing was to join. */
export function correlationTexts(logs: LogAnalysis, language: Language): readonly string[] {
  const words = logWordsIn(language);
  const { comma, open, close, colon } = labelsIn(language);
  const { joined, of, by, skews } = logs.correlation;
  const texts: string[] = [];
  if (of > 0 && joined > 0) {
    const ways = Object.entries(by)
      .filter(([, count]) => count > 0)
      .map(([way, count]) => `${plain(way)} ${countText(count)}`);
    const how = ways.length === 0 ? '' : `${open}${words.joinedBy} ${ways.join(comma)}${close}`;
    texts.push(
      language === 'zh'
        ? `${countText(of)} ${words.requestsWord}中 ${countText(joined)} 个找到了对应的错误日志${how}`
        : `${countText(joined)} of ${countText(of)} ${of === 1 ? words.joinedOne : words.joinedText}${how}`,
    );
  }
  for (const skew of skews) {
    if (skew.kind === 'none') continue;
    const offset = `${skew.offsetMs < 0 ? '−' : '+'}${offsetText(Math.abs(skew.offsetMs), language)}`;
    const kind = skew.kind === 'zone' ? words.skewZone : words.skewClock;
    texts.push(
      `${words.skewOf} ${plain(skew.input)} ${words.against} ${plain(skew.against)}${colon}${offset}${open}${kind}${comma}${countText(skew.pairs)} ${words.pairs}${close}`,
    );
  }
  return texts;
}

function offsetText(ms: number, language: Language): string {
  if (ms < 1000) return `${Math.round(ms)} ${language === 'zh' ? '毫秒' : 'ms'}`;
  return ms % 1000 === 0 ? spanText(ms / 1000, language) : `${Number((ms / 1000).toFixed(1))} ${language === 'zh' ? '秒' : 's'}`;
}

/** `3.8 % of its 35,601 requests`. */
export function rateText(rate: number, requests: number, language: Language): string {
  return language === 'zh'
    ? `占其 ${countText(requests)} 个请求的 ${shareText(rate)}`
    : `${shareText(rate)} of its ${requests === 1 ? 'only request' : `${countText(requests)} requests`}`;
}

const answerers: Readonly<Record<string, readonly [en: string, zh: string]>> = {
  upstream: ['a server behind the proxy', '代理后面的服务器'],
  self: ['the proxy itself', '代理自身'],
  unknown: ['not logged', '日志未注明'],
};

/** Who answered, in words where the key is one of the closed list. */
export function answererText(key: string, language: Language): string {
  const known = Object.hasOwn(answerers, key) ? answerers[key] : undefined;
  return known === undefined ? plain(key) : known[language === 'zh' ? 1 : 0];
}
