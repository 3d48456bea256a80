// Sentences that several formats share: durations, times, a symptom, a place, the headline. Neutral plain text in one language.
import { plain } from '../model/neutral.ts';
import type { Report, ReportCause } from '../model/report.ts';
import type { Language } from '../model/text.ts';
import { labelsIn, wordFor } from './labels.ts';
import { headlineTail } from './logs-phrases.ts';
import { logWordsIn } from './logs-words.ts';

export type ReportSymptom = Report['symptoms'][number];

/** `12 ms`, `2.3 s`, `60 s`, `2 min 5 s`; the same figures in Chinese. */
export function durationText(ms: number, language: Language): string {
  const unit = language === 'zh' ? { ms: '毫秒', s: '秒', min: '分' } : { ms: 'ms', s: 's', min: 'min' };
  if (ms < 1000) return `${Math.round(ms)} ${unit.ms}`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} ${unit.s}`;
  if (seconds < 120) return `${Math.round(seconds)} ${unit.s}`;
  const rest = Math.round(seconds % 60);
  const minutes = Math.floor(seconds / 60);
  return rest === 0 ? `${minutes} ${unit.min}` : `${minutes} ${unit.min} ${rest} ${unit.s}`;
}

/** `2026-11-23 20:40:04 UTC` of an ISO time; anything else comes back neutral, as it is. */
export function timeText(iso: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(iso);
  return match ? `${match[1]} ${match[2]} UTC` : plain(iso);
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** What the client got: `502 Bad Gateway`, `connection reset`. */
export function outcomeText(symptom: ReportSymptom, language: Language): string {
  if (symptom.status !== null) {
    const reason = reasons[symptom.status];
    const status = reason === undefined ? String(symptom.status) : `${symptom.status} ${reason}`;
    return symptom.error === null ? status : `${status}, ${wordFor('error', plain(symptom.error), language)}`;
  }
  return symptom.error === null ? labelsIn(language).noAnswer : wordFor('error', plain(symptom.error), language);
}

/** Who made the answer: `balancer slb (nginx)`; null where it is not known. */
export function answererText(symptom: ReportSymptom, language: Language): string | null {
  const { hop, host, product } = symptom.answeredBy;
  if (hop === 'unknown' && host === null && product === null) return null;
  const name = host === null ? '' : ` ${plain(host)}`;
  const { open, close } = labelsIn(language);
  return `${wordFor('role', hop, language)}${name}${product === null ? '' : `${open}${plain(product)}${close}`}`;
}

/** One symptom in one sentence. `withUrl` adds the request where it is not the report's own. */
export function symptomText(symptom: ReportSymptom, language: Language, withUrl: boolean): string {
  const labels = labelsIn(language);
  const outcome = outcomeText(symptom, language);
  const answerer = symptom.status === null ? null : answererText(symptom, language);
  const request = withUrl || symptom.method !== 'GET' ? `${plain(symptom.method)} ${plain(symptom.url)}` : '';
  const backends = symptom.backends.map(plain).join(', ');
  const client = plain(symptom.client);
  const times = `${labels.median} ${durationText(symptom.p50Ms, language)}${
    symptom.maxMs > 2 * symptom.p50Ms && symptom.maxMs > 1000
      ? `${labels.comma}${labels.slowest} ${durationText(symptom.maxMs, language)}`
      : ''
  }`;
  if (language === 'zh') {
    const share = `来自 ${client} 的 ${symptom.of} 个请求中有 ${symptom.failed} 个`;
    return [
      request === '' ? '' : `${request}：`,
      `${share}得到 ${outcome}`,
      answerer === null ? '' : `，由${answerer}应答`,
      `，${times}`,
      backends === '' ? '' : `，${labels.servedBy} ${backends}`,
    ].join('');
  }
  const by = answerer === null ? '' : ` from the ${answerer}`;
  const share = symptom.failed === symptom.of && symptom.of > 1 ? `all ${symptom.of}` : `${symptom.failed} of ${symptom.of}`;
  return [
    `${outcome}${by}`,
    `: ${share} request${symptom.of === 1 ? '' : 's'} from ${client}`,
    `, ${times}`,
    backends === '' ? '' : `, ${labels.servedBy} ${backends}`,
    request === '' ? '' : ` — ${request}`,
  ].join('');
}

/** What a hop's state means for a hop of its kind. */
export function stateText(hop: Report['path'][number], language: Language): string {
  return hop.role === 'client' && hop.state === 'failing' ? labelsIn(language).sees : wordFor('state', hop.state, language);
}

/** `web-2 · application runtime`. */
export function whereText(cause: ReportCause, language: Language): string {
  const layer = wordFor('layer', cause.layer, language);
  const hosts = cause.host === null ? cause.hosts : [cause.host];
  return hosts.length === 0 ? layer : `${hosts.map(plain).join(', ')} · ${layer}`;
}

/** How sure a cause is, in a sentence. */
export function sureText(report: Report, cause: ReportCause): string {
  const labels = labelsIn(report.language);
  if (cause.certainty === 'confirmed') return labels.confirmedText;
  return report.logs === undefined ? labels.likelyText : logWordsIn(report.language).likely;
}

/** Whether steps say where they are done and what they risk. Of logs nothing is known but the host, which stands above them already. */
export function saysPlace(report: Report): boolean {
  return report.logs === undefined;
}

/** Where more is to be read about a cause. */
export function docsText(report: Report, cause: ReportCause): string {
  return report.logs === undefined ? `why5xx explain ${plain(cause.id)}` : plain(cause.docs);
}

/** The heading of a report: the cause's own title, or the outcome. */
export function titleOf(report: Report): string {
  const labels = labelsIn(report.language);
  const [only, ...more] = report.causes;
  if (report.outcome === 'healthy') return labels.healthy;
  if (report.outcome === 'cause-unproven' || only === undefined) return isUnasked(report) ? labels.unasked : labels.unproven;
  return more.length === 0 ? plain(only.title) : `${report.causes.length} ${labels.causesFound}`;
}

/** Whether not even one request left: then nothing is known of the site, neither that it fails nor that it is well. */
function isUnasked(report: Report): boolean {
  return report.logs === undefined && report.requestsSent === 0 && report.symptoms.length === 0;
}

/** The one line that says it all; also what `--quiet` prints. */
export function headline(report: Report): string {
  return `${bareHeadline(report)}${report.logs === undefined ? '' : headlineTail(report, report.logs)}`;
}

function bareHeadline(report: Report): string {
  const labels = labelsIn(report.language);
  const site = plain(report.site);
  if (report.outcome === 'healthy') return `${labels.healthy}${labels.colon}${site}`;
  if (report.outcome === 'cause-unproven') {
    const layer = report.suspectedLayer === null ? '' : ` · ${wordFor('layer', report.suspectedLayer, report.language)}`;
    return `${isUnasked(report) ? labels.unasked : labels.unproven}${labels.colon}${site}${layer}`;
  }
  const causes = report.causes.map((cause) => {
    const hosts = cause.host === null ? cause.hosts : [cause.host];
    const host = hosts.length === 0 ? '' : `${report.language === 'zh' ? ' @ ' : ' on '}${hosts.map(plain).join(', ')}`;
    return `${plain(cause.id)}${host}${labels.open}${cause.certainty === 'confirmed' ? labels.confirmed : labels.likely}${labels.close}`;
  });
  return `${labels.causeFound}${labels.colon}${causes.join(labels.semicolon)}`;
}

/** Why no cause is named: for want of access, or although everything could be looked into. */
export function unprovenText(report: Report): string {
  const labels = labelsIn(report.language);
  if (report.logs !== undefined) return logWordsIn(report.language).unprovenWhy;
  if (isUnasked(report)) return labels.unaskedText;
  return report.untested.length > 0 ? labels.unprovenText : labels.unprovenAll;
}

/** Untested causes put together by what access would tell them, most telling first. */
export function wantedAccesses(report: Report): readonly { readonly needs: string; readonly ids: readonly string[] }[] {
  const groups = new Map<string, Set<string>>();
  for (const each of report.untested) {
    const needs = plain(each.needs);
    const ids = groups.get(needs) ?? new Set<string>();
    ids.add(plain(each.id));
    groups.set(needs, ids);
  }
  return [...groups].map(([needs, ids]) => ({ needs, ids: [...ids] })).toSorted((a, b) => b.ids.length - a.ids.length);
}

/** Ruled-out causes: one entry an id with the hosts it was ruled out on (empty where it was judged for the whole site). */
export function ruledOutGroups(report: Report): readonly { readonly id: string; readonly hosts: readonly string[] }[] {
  const groups = new Map<string, Set<string>>();
  for (const each of report.ruledOut) {
    const id = plain(each.id);
    const hosts = groups.get(id) ?? new Set<string>();
    if (each.host !== null) hosts.add(plain(each.host));
    groups.set(id, hosts);
  }
  return [...groups].map(([id, hosts]) => ({ id, hosts: [...hosts] }));
}
