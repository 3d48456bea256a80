// Turns a judgement into the report, in one language. Everything that a reader sees comes from here; renderers only lay it out.
import type { Bundle, Evidence } from '../model/evidence.ts';
import type { Citation, Layer } from '../model/finding.ts';
import type { Fix } from '../model/fix.ts';
import type { Report } from '../model/report.ts';
import { inLanguage } from '../model/text.ts';
import type { Language, Localised } from '../model/text.ts';
import { isFailure } from '../facts/failure.ts';
import type { AnyCause, Cause } from '../model/cause.ts';
import { judge } from './judge.ts';
import type { Judgement } from './judge.ts';
import { suspectedLayer } from './layer.ts';
import { stepsOf } from './steps.ts';
import { citationsOf, hostOf, layerOf, verdictOf } from './verdict.ts';
import type { Conviction, Verdict } from './verdict.ts';

/** Where the page of a cause can be read. */
export function docsOf(id: string): string {
  return `why5xx explain ${id}`;
}

/** Judges a bundle: the same bundle, causes and language always give the same report, byte for byte. */
export function judgeBundle(bundle: Bundle, causes: readonly AnyCause[], language: Language = 'en'): Report {
  const judgement = judge(bundle, causes);
  return reportOf(judgement, verdictOf(judgement), language);
}

export function reportOf(judgement: Judgement, verdict: Verdict, language: Language): Report {
  const { bundle, symptoms } = judgement;
  const text = (localised: Localised): string => inLanguage(localised, language);
  const citation = (each: Citation): Report['causes'][number]['because'][number] => ({
    evidence: each.evidence,
    path: each.path,
    says: text(each.says),
  });
  // A cause in the chain of a conviction is part of the answer: it is neither ruled out nor untested.
  const convicted = new Set(verdict.convictions.flatMap((each) => each.chain));
  // Without a single answered or failed request nothing is known, and silence is not health.
  const asked = judgement
    .sceneFor(null)
    .all('requests')
    .some((each) => each.data.exchanges.some((exchange) => exchange.purpose === 'reproduce'));
  const outcome = symptoms.length === 0 && asked ? 'healthy' : verdict.convictions.length > 0 ? 'cause-found' : 'cause-unproven';
  const causes = verdict.convictions.map((each) => causeOf(each, judgement, language));
  const advice = adviceOf(judgement, verdict, text, citation);
  const ruledOut = judgement.judged.flatMap(({ cause, finding }) =>
    finding.is === 'ruled-out' && !convicted.has(cause.id)
      ? [{ id: cause.id, host: finding.host, because: finding.because.map(citation) }]
      : [],
  );
  const cited = new Set(
    [...causes.flatMap((each) => each.because), ...advice.flatMap((each) => each.because), ...ruledOut.flatMap((each) => each.because)].map(
      (each) => each.evidence,
    ),
  );
  return {
    schema: 'why5xx/report@1',
    tool: bundle.tool,
    language,
    site: bundle.site.name,
    url: bundle.site.url,
    startedAt: bundle.startedAt,
    tookMs: bundle.tookMs,
    outcome,
    requestsSent: judgement
      .sceneFor(null)
      .all('requests')
      .reduce((sum, each) => sum + each.data.exchanges.filter((exchange) => exchange.purpose === 'reproduce').length, 0),
    symptoms: symptoms.map(({ exchanges, listenerPort: _, shadow: __, ...symptom }) => ({
      ...symptom,
      backends: [...symptom.backends],
      samples: samplesOf(judgement, exchanges),
    })),
    causes,
    advice,
    ruledOut,
    untested: outcome === 'healthy' ? [] : untestedOf(judgement, convicted, text),
    suspectedLayer: outcome === 'cause-unproven' ? suspectedLayer(judgement) : null,
    steps: stepsOf(judgement).map((each) => ({ step: each.step, seed: each.seed, title: text(each.title), result: text(each.result) })),
    path: pathOf(judgement, verdict, text),
    hosts: bundle.hosts.map((each) => ({ ...each })),
    evidence: Object.fromEntries(bundle.evidence.map((each) => [each.id, evidenceOf(each, cited.has(each.id))])),
  };
}

/** A few of the failing requests, as others need them to find them in their own logs. */
function samplesOf(
  judgement: Judgement,
  exchanges: Judgement['symptoms'][number]['exchanges'],
): NonNullable<Report['symptoms'][number]['samples']> {
  const wanted = new Set(exchanges.slice(0, 3).map((each) => each.nonce));
  return judgement
    .sceneFor(null)
    .all('requests')
    .flatMap((each) => each.data.exchanges.filter((exchange) => wanted.has(exchange.nonce)))
    .map((exchange) => ({
      nonce: exchange.nonce,
      at: exchange.at,
      from: exchange.localAddress,
      to:
        exchange.remoteAddress === null
          ? null
          : `${exchange.remoteAddress.includes(':') ? `[${exchange.remoteAddress}]` : exchange.remoteAddress}:${exchange.remotePort ?? ''}`,
    }));
}

function causeOf(conviction: Conviction, judgement: Judgement, language: Language): Report['causes'][number] {
  const text = (localised: Localised): string => inLanguage(localised, language);
  const { cause, findings } = conviction;
  const fixes = findings.map((finding) => (cause as unknown as Cause).fix(finding, judgement.sceneFor(finding.host)));
  const fix = fixes[0] ?? { summary: cause.title, steps: [], verify: cause.title };
  const hosts = findings.map((each) => each.host).filter((each) => each !== null);
  return {
    id: cause.id,
    title: text(cause.title),
    host: hostOf(conviction),
    hosts,
    layer: layerOf(conviction),
    certainty: findings.every((each) => each.is === 'confirmed') ? 'confirmed' : 'likely',
    explains: [...new Set(findings.flatMap((each) => each.explains))],
    summary: summaryOf(conviction, language),
    because: citationsOf(conviction).map((each) => ({ evidence: each.evidence, path: each.path, says: text(each.says) })),
    chain: [...conviction.chain],
    fix: { summary: text(fix.summary), steps: joinedSteps(fixes.flatMap((each) => stepsIn(each, language))), verify: text(fix.verify) },
    docs: docsOf(cause.id),
    seed: cause.seed ?? null,
  };
}

/** Up to two hosts each speak for themselves; more are told by the first and counted. */
function summaryOf({ findings }: Conviction, language: Language): string {
  const [first, second, ...others] = findings;
  const text = inLanguage(first.summary, language);
  if (second === undefined) return text;
  if (others.length === 0) return `${text}${language === 'zh' ? '' : ' '}${inLanguage(second.summary, language)}`;
  const hosts = findings.slice(1).flatMap((each) => (each.host === null ? [] : [each.host]));
  return language === 'zh'
    ? `${text}${hosts.join('、')} 情况相同。`
    : `${text} The same on ${hosts.slice(0, -1).join(', ')} and ${hosts.at(-1) ?? ''}.`;
}

function stepsIn(fix: Fix, language: Language): Report['causes'][number]['fix']['steps'] {
  return fix.steps.map((step) => ({
    title: inLanguage(step.title, language),
    host: step.host,
    ...(step.command === undefined ? {} : { command: [...step.command] }),
    ...(step.config === undefined ? {} : { config: step.config }),
    ...(step.undo === undefined ? {} : { undo: [...step.undo] }),
    risk: step.risk,
  }));
}

/** The same step on several hosts is one step: nobody wants to read it three times. */
function joinedSteps(steps: Report['causes'][number]['fix']['steps']): Report['causes'][number]['fix']['steps'] {
  const joined = new Map<string, Report['causes'][number]['fix']['steps'][number]>();
  for (const step of steps) {
    const key = JSON.stringify({ ...step, host: null });
    const before = joined.get(key);
    if (before === undefined) joined.set(key, step);
    else if (step.host !== null && before.host !== null && step.host !== before.host)
      joined.set(key, { ...before, hosts: [...new Set([...(before.hosts ?? [before.host]), step.host])] });
  }
  return [...joined.values()];
}

function adviceOf(
  judgement: Judgement,
  verdict: Verdict,
  text: (localised: Localised) => string,
  citation: (each: Citation) => Report['advice'][number]['because'][number],
): Report['advice'] {
  const chosen = new Set(verdict.convictions.flatMap((each) => each.chain));
  const fromJudges = judgement.judged.flatMap(({ cause, finding }) => {
    const harmless = (finding.is === 'confirmed' || finding.is === 'likely') && finding.explains.length === 0;
    return finding.is === 'advice' || harmless
      ? [{ id: cause.id, host: finding.host, summary: text(finding.summary), because: finding.because.map(citation) }]
      : [];
  });
  const beside = verdict.beside
    .filter((each) => !chosen.has(each.cause.id))
    .flatMap((each) =>
      each.findings.map((finding) => ({
        id: each.cause.id,
        host: finding.host,
        summary: text(finding.summary),
        because: finding.because.map(citation),
      })),
    );
  return [...beside, ...fromJudges];
}

function untestedOf(judgement: Judgement, convicted: ReadonlySet<string>, text: (localised: Localised) => string): Report['untested'] {
  return judgement.judged.flatMap(({ cause, finding, needs }) =>
    finding.is === 'inconclusive' && !convicted.has(cause.id)
      ? [{ id: cause.id, host: finding.host, needs: needs.length > 0 ? needs.join('; ') : text(finding.reason) }]
      : [],
  );
}

function evidenceOf(evidence: Evidence, withData: boolean): Report['evidence'][string] {
  const { probe, host, vantage, at, status } = evidence;
  if (evidence.status !== 'ok') return { probe, host, vantage, at, status, reason: evidence.reason };
  return withData ? { probe, host, vantage, at, status, data: evidence.data } : { probe, host, vantage, at, status };
}

const appLayers: ReadonlySet<Layer> = new Set<Layer>(['app-runtime', 'application', 'dependency']);

/** The hops of the way, outermost first. A hop is broken where a cause sits on it, failing where failures pass through it. */
function pathOf(judgement: Judgement, verdict: Verdict, text: (localised: Localised) => string): Report['path'] {
  const { bundle, symptoms } = judgement;
  const { site } = bundle;
  const guilty = new Map<string, string>();
  for (const conviction of verdict.convictions)
    for (const finding of conviction.findings) if (finding.host !== null) guilty.set(finding.host, text(conviction.cause.title));
  const inApp = new Set(
    verdict.convictions.filter((each) => appLayers.has(layerOf(each))).flatMap((each) => each.findings.map((finding) => finding.host)),
  );
  const sick = symptoms.length > 0;
  const products = new Map(symptoms.map((each) => [each.answeredBy.host, each.answeredBy.product]));
  const state = (host: string, role: 'edge' | 'balancer'): Report['path'][number]['state'] => {
    if (guilty.has(host)) return 'broken';
    if (!sick) return 'ok';
    return role === 'edge' && symptoms.some((each) => each.answeredBy.hop === 'edge')
      ? 'failing'
      : symptoms.some((each) => each.answeredBy.hop !== 'edge' && each.status !== null)
        ? 'failing'
        : 'unknown';
  };
  const clients = [...new Set(['here', ...symptoms.map((each) => each.client)])];
  const hop = (
    role: Report['path'][number]['role'],
    name: string,
    address: string | null,
    at: Report['path'][number]['state'],
  ): Report['path'][number] => ({
    role,
    name,
    address,
    product: products.get(name) ?? null,
    state: at,
    note: guilty.get(name) ?? null,
  });
  const backends = site.backends.flatMap((backend) => {
    const asked = judgement
      .sceneFor(null)
      .all('backend-requests')
      .filter((each) => each.host === backend.name)
      .flatMap((each) => each.data.exchanges.filter((exchange) => exchange.purpose === 'bypass-balancer'));
    const served = symptoms.some((each) => each.backends.includes(backend.name));
    const fails = served || (asked.length > 0 && asked.every(isFailure));
    const broken = guilty.has(backend.name);
    const web = hop(
      'backend',
      backend.name,
      backend.address,
      broken && !inApp.has(backend.name) ? 'broken' : fails ? 'failing' : asked.length > 0 ? 'ok' : 'unknown',
    );
    return broken && inApp.has(backend.name)
      ? [
          { ...web, note: null },
          { ...hop('app', backend.name, null, 'broken'), note: guilty.get(backend.name) ?? null },
        ]
      : [web];
  });
  return [
    ...clients.map((client) =>
      hop('client', client, null, guilty.has(client) ? 'broken' : symptoms.some((each) => each.client === client) ? 'failing' : 'ok'),
    ),
    ...site.edge.map((edge) => hop('edge', edge.name, edge.address, state(edge.name, 'edge'))),
    ...(site.balancer === undefined
      ? []
      : [hop('balancer', site.balancer.name, site.balancer.address, state(site.balancer.name, 'balancer'))]),
    ...backends,
  ];
}
