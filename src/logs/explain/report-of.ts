// From a tally to the report: joins, applies the rules, and writes everything that a reader sees. Pure: the same tally and options always
// give the same report.
import type { Layer } from '../../model/finding.ts';
import { plain } from '../../model/neutral.ts';
import type { Report } from '../../model/report.ts';
import { inLanguage } from '../../model/text.ts';
import type { Language, Localised } from '../../model/text.ts';
import type { FailureGroup, Tally } from '../records.ts';
import { addressOf, hostNameOf, writerOf } from './addresses.ts';
import type { SiteNames } from './addresses.ts';
import { analysisOf } from './analysis.ts';
import { findClocks } from './clocks.ts';
import type { GivenZone } from './clocks.ts';
import { correlate } from './correlate.ts';
import { hasOnlyErrors, isUnknownError, requestsOfErrors, tellsOfFailure } from './errors-only.ts';
import { explain } from './explain.ts';
import type { LogConviction } from './explain.ts';
import {
  adviceText,
  displacedText,
  figure,
  fileNames,
  filled,
  hostsText,
  missingLog,
  missingLogs,
  unknownCount,
  wouldTell,
} from './phrases.ts';
import { openRecord } from './proof.ts';
import type { Book, Record } from './proof.ts';
import type { LogRule } from './rule.ts';
import { stepsOfLogs } from './steps.ts';
import { symptomsOf } from './symptoms.ts';
import type { LogSymptom } from './symptoms.ts';
import type { Facts } from './timeline.ts';
import { unitsOf, unseenRequests } from './units.ts';
import { alignYears } from './years.ts';

export interface ExplainOptions {
  readonly rules: readonly LogRule[];
  readonly site: SiteNames | null;
  readonly language: Language;
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  readonly tookMs: number;
  /** Of reading; `tookMs` where absent. */
  readonly scanMs?: number;
  readonly tool: string;
  /** For dates without a zone that nothing in the logs tells. */
  readonly zone: GivenZone;
}

/** Explains the failing requests of a tally. */
export function reportOfLogs(read: Tally, options: ExplainOptions): Report {
  const { rules, site, language } = options;
  const clocks = alignYears(read, findClocks(read, options.zone));
  const errorsOnly = hasOnlyErrors(read, rules);
  const { tally, correlation } = errorsOnly
    ? requestsOfErrors(read, clocks, rules)
    : { tally: read, correlation: correlate(read, clocks, site) };
  const known = unitsOf(tally, clocks, correlation);
  const unseen = errorsOnly && known.units.length === 0;
  const found = unseen ? { ...known, units: [unseenRequests(tally, clocks)] } : known;
  const verdict = explain(tally, clocks, found, rules, site);
  const facts: Facts = { tally, clocks, units: found.units, verdict };
  const say = (text: Localised): string => inLanguage(text, language);
  const book: Book = { tally, names: fileNames(tally), clocks, errorsOnly, at: options.startedAt, say };
  const record = openRecord(book);
  const symptoms = symptomsOf(facts, site, siteUrl(site));
  const causes = verdict.convictions.map((each) => causeOf(each, { facts, book, record, symptoms }));
  const advice = adviceOf(facts, book, record);
  const ruledOut = verdict.displaced.flatMap(({ rule, by }) => {
    const proof = causes.find((each) => by.some((winner) => winner.cause === each.id));
    const cited = proof?.because[0];
    return proof === undefined || cited === undefined
      ? []
      : [{ id: rule.cause, host: null, because: [{ ...cited, says: say(displacedText(proof.title)) }] }];
  });
  const failed = tally.failures.reduce((sum, each) => sum + each.count, 0) + tally.dropped.failures;
  // Silence of an access log is health; where there is none, an error that nobody knows may be anything.
  const suspicious =
    unseen &&
    (verdict.unproven.some((each) => each.fits.length > 0) || tally.events.some((each) => isUnknownError(each) || tellsOfFailure(each)));
  const outcome = causes.length > 0 ? 'cause-found' : failed > 0 || suspicious ? 'cause-unproven' : 'healthy';
  return {
    schema: 'why5xx/report@1',
    tool: options.tool,
    language,
    site: site?.name ?? siteOf(book.names, language),
    url: siteUrl(site),
    startedAt: options.startedAt,
    tookMs: options.tookMs,
    outcome,
    symptoms: symptoms.map((each) => each.symptom),
    causes,
    advice,
    ruledOut,
    untested: untestedOf(facts, book, outcome === 'cause-unproven'),
    suspectedLayer: outcome === 'cause-unproven' ? suspectedLayer(facts) : null,
    steps: stepsOfLogs(facts, site).map(({ title, result, ...step }) => ({ ...step, title: say(title), result: say(result) })),
    path: pathOf(facts, site, verdict.convictions, say),
    logs: analysisOf(facts, found, book, options.scanMs ?? options.tookMs),
    hosts: [],
    evidence: record.evidence,
  };
}

function siteUrl(site: SiteNames | null): string {
  return site?.url ?? '';
}

/** `access.log, error.log and 2 more`. */
function siteOf(names: readonly string[], language: Language): string {
  const shown = names.slice(0, 2).join(language === 'zh' ? '、' : ', ');
  const more = names.length - 2;
  return more <= 0 ? shown : language === 'zh' ? `${shown} 等 ${names.length} 个` : `${shown} and ${more} more`;
}

interface Desk {
  readonly facts: Facts;
  readonly book: Book;
  readonly record: Record;
  readonly symptoms: readonly LogSymptom[];
}

const semicolon: Localised = { en: '; ', zh: '；' };
const mostCitedLines = 4;
const mostCitedRequests = 2;

function causeOf(conviction: LogConviction, { facts, book, record, symptoms }: Desk): Report['causes'][number] {
  const { rule, hosts } = conviction;
  const { tally, units } = facts;
  const host = hosts.length === 1 ? (hosts[0] ?? null) : null;
  const event = tally.events[conviction.events[0]?.group ?? -1];
  const ownFailure = conviction.failures[0]?.group;
  const mostUnits = [...conviction.units].toSorted(([a, x], [b, y]) => y - x || a - b);
  const failure = tally.failures[ownFailure ?? units[mostUnits[0]?.[0] ?? -1]?.failure ?? -1];
  const file = book.names[event?.input ?? failure?.input ?? -1] ?? null;
  const summary = filled(rule.summary, {
    ...event?.fields,
    count: conviction.count > 0 ? figure(Math.max(1, Math.round(conviction.count))) : unknownCount,
    host: hostsText(hosts, file),
    status: failure?.status === null || failure === undefined ? undefined : String(failure.status),
    backend: failure?.backend ?? undefined,
    reason: failure?.reason ?? undefined,
    upstream: event?.upstream ?? undefined,
    file: file ?? undefined,
  });
  const cited = new Set<number>(conviction.failures.slice(0, mostCitedRequests).map((each) => each.group));
  // The requests themselves are proof too: that they failed, and how.
  for (const [index] of mostUnits) if (cited.size < mostCitedRequests) cited.add(units[index]?.failure ?? -1);
  const countOf = (group: number): number =>
    mostUnits.reduce((sum, [index, count]) => (units[index]?.failures.includes(group) === true ? sum + count : sum), 0);
  const because = [
    ...conviction.events.slice(0, mostCitedLines).map(({ group }) => record.lines(group, host)),
    ...(book.errorsOnly ? [] : [...cited]).map((group) => record.requests(group, countOf(group), host)),
  ];
  const explained = new Set([...conviction.units.keys()].flatMap((index) => units[index]?.failures ?? []));
  return {
    id: rule.cause,
    title: book.say(rule.title),
    host,
    hosts: [...hosts],
    layer: rule.layer,
    certainty: conviction.certainty,
    explains: symptoms.filter((each) => each.failures.some((group) => explained.has(group))).map((each) => each.symptom.id),
    summary: book.say(summary),
    because,
    chain: conviction.chain.map((each) => each.cause),
    fix: {
      summary: book.say(filled(rule.fix.summary, { ...event?.fields, host: hostsText(hosts, file) })),
      steps: rule.fix.steps.map((step) => ({
        title: book.say(filled(step, { ...event?.fields, host: hostsText(hosts, file) })),
        host,
        risk: 'none',
      })),
      verify: book.say(filled(rule.fix.verify, { ...event?.fields, host: hostsText(hosts, file) })),
    },
    docs: `why5xx explain ${rule.cause}`,
    seed: null,
  };
}

const mostAdvice = 12;

function adviceOf({ tally, clocks, verdict }: Facts, book: Book, record: Record): Report['advice'] {
  return verdict.beside
    .map(({ rule, events }) => ({
      rule,
      events: events.toSorted((a, b) => (tally.events[b]?.count ?? 0) - (tally.events[a]?.count ?? 0) || a - b),
    }))
    .toSorted((a, b) => (tally.events[b.events[0] ?? -1]?.count ?? 0) - (tally.events[a.events[0] ?? -1]?.count ?? 0))
    .slice(0, mostAdvice)
    .map(({ rule, events }) => {
      const groups = events.flatMap((each) => tally.events[each] ?? []);
      const count = groups.reduce((sum, each) => sum + each.count, 0);
      const minutes = groups.flatMap((each) =>
        [...each.minutes.keys()].map((minute) => minute + Math.round((clocks.shiftMs[each.input] ?? 0) / 60_000)),
      );
      const files = [...new Set(groups.map((each) => book.names[each.input] ?? ''))].slice(0, 3).join(', ');
      return {
        id: rule.cause,
        host: null,
        summary: book.say(adviceText(rule, count, files, minutes)),
        because: events.slice(0, 2).map((each) => record.lines(each, null)),
      };
    });
}

const mostUntested = 10;

/** What is still open: causes that fit requests without a cause, or the log that would tell where nothing fits. */
function untestedOf({ tally, units, verdict }: Facts, book: Book, isOpen: boolean): Report['untested'] {
  const byRule = new Map<LogRule, { count: number; minutes: number[] }>();
  const unseen: number[] = [];
  const silent: { failure: FailureGroup; minutes: number[] }[] = [];
  for (const each of verdict.unproven) {
    const failure = tally.failures[units[each.unit]?.failure ?? -1];
    if (failure !== undefined && each.fits.length === 0) silent.push({ failure, minutes: [...each.minutes.keys()] });
    if (failure === undefined && each.fits.length === 0) unseen.push(...each.minutes.keys());
    for (const rule of each.fits) {
      const known = byRule.get(rule) ?? { count: 0, minutes: [] };
      known.count += each.count;
      for (const minute of each.minutes.keys()) known.minutes.push(minute);
      byRule.set(rule, known);
    }
  }
  const fitting = [...byRule]
    .toSorted(([, a], [, b]) => b.count - a.count)
    .map(([rule, { minutes }]) => ({ id: rule.cause, host: null, needs: book.say(wouldTell(rule, minutes)) }));
  const logs = new Map<string, number[]>();
  for (const { failure, minutes } of silent) {
    const key = `${failure.input} ${failure.backend ?? ''} ${failure.answeredBy ?? ''}`;
    logs.set(key, [...(logs.get(key) ?? []), ...minutes]);
  }
  const missing = [...logs].flatMap(([key, minutes]) => {
    const failure = silent.find(
      (each) => `${each.failure.input} ${each.failure.backend ?? ''} ${each.failure.answeredBy ?? ''}` === key,
    )?.failure;
    return failure === undefined ? [] : [{ id: 'unexplained', host: null, needs: book.say(missingLog(failure, minutes, tally)) }];
  });
  const whole = unseen.length === 0 || !isOpen ? [] : [{ id: 'unexplained', host: null, needs: book.say(missingLogs(unseen)) }];
  return [...fitting, ...missing, ...whole].slice(0, mostUntested);
}

/** What the access log alone tells of the most frequent open failure; null where it does not tell. */
function suspectedLayer({ tally, units, verdict }: Facts): Layer | null {
  const open = verdict.unproven[0];
  const failure = tally.failures[units[open?.unit ?? -1]?.failure ?? -1];
  if (open === undefined) return null;
  const layers = new Set(open.fits.map((rule) => rule.layer));
  const [only] = layers;
  if (layers.size === 1 && only !== undefined) return only;
  if (failure === undefined) return null;
  if (failure.answeredBy === 'upstream') return failure.status === 500 ? 'application' : 'app-runtime';
  if (failure.timing === 'connect') return 'network';
  if (failure.timing === 'waited') return 'app-runtime';
  return null;
}

/** The hops that access logs tell of: clients, who wrote the log, servers. */
function pathOf(
  { tally, units }: Facts,
  site: SiteNames | null,
  convictions: readonly LogConviction[],
  say: (text: Localised) => string,
): Report['path'] {
  const guilty = new Map<string, string>();
  for (const each of convictions)
    for (const host of each.hosts) {
      const before = guilty.get(host);
      const title = say(each.rule.title);
      guilty.set(host, before === undefined ? title : `${before}${say(semicolon)}${title}`);
    }
  const sick = units.length > 0;
  const writers = new Map<string, { product: string | null; failing: boolean }>();
  const servers = new Map<string, { address: string; failed: number }>();
  const inputsWithFailures = new Set(tally.failures.map((each) => each.input));
  tally.inputs.forEach((input, index) => {
    if (input.kind !== 'access' || input.product === null) return;
    const name = writerOf(input.name, site) ?? input.product;
    const known = writers.get(name);
    writers.set(name, { product: input.product, failing: (known?.failing ?? false) || inputsWithFailures.has(index) });
  });
  const count = (backend: string | null, failed: number): void => {
    const address = addressOf(backend);
    if (address === null || address.startsWith('unix:') || address === '…') return;
    const name = hostNameOf(address, site);
    servers.set(name, { address, failed: (servers.get(name)?.failed ?? 0) + failed });
  };
  for (const cell of tally.cells) count(cell.backend, cell.failed);
  if (tally.cells.length === 0) for (const each of tally.failures) count(each.backend, each.count);
  // A server that only error lines name is on the way too.
  for (const each of convictions)
    for (const host of each.hosts)
      if (!writers.has(host) && !servers.has(host)) servers.set(host, { address: host, failed: Math.round(each.count) });
  const state = (name: string, failing: boolean): Report['path'][number]['state'] =>
    guilty.has(name) ? 'broken' : failing ? 'failing' : 'ok';
  return [
    { role: 'client', name: 'clients', address: null, product: null, state: sick ? 'failing' : 'ok', note: null },
    ...[...writers].map(([name, each]): Report['path'][number] => ({
      role: 'balancer',
      name,
      address: null,
      product: each.product,
      state: state(name, each.failing),
      note: guilty.get(name) ?? null,
    })),
    ...[...servers]
      .filter(([name]) => !writers.has(name))
      .toSorted(([a, x], [b, y]) => y.failed - x.failed || (a < b ? -1 : 1))
      .slice(0, 8)
      .map(([name, each]): Report['path'][number] => ({
        role: 'backend',
        name,
        address: plain(each.address),
        product: null,
        state: state(name, each.failed > 0),
        note: guilty.get(name) ?? null,
      })),
  ];
}
