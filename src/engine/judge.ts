// Lets every cause read the evidence that it declared. Pure: the same bundle always gives the same findings.
import type { AnyCause, Cause, Scene } from '../model/cause.ts';
import type { Bundle, HostAccess, Measured } from '../model/evidence.ts';
import type { ExperimentId } from '../model/experiment.ts';
import { experimentIds } from '../model/experiment.ts';
import type { Finding } from '../model/finding.ts';
import type { ProbeId } from '../model/observations.ts';
import { say } from '../model/text.ts';
import { symptomsOf } from '../facts/symptoms.ts';
import { tracesOf } from '../facts/traces.ts';
import type { Symptom } from '../model/symptom.ts';
import type { Trace } from '../model/trace.ts';

export interface Judged {
  readonly cause: AnyCause;
  readonly finding: Finding;
  /** For `inconclusive` because evidence is missing: what would make it possible. */
  readonly needs: readonly string[];
  /** Not judged at all: a probe that the cause needs has no evidence. */
  readonly unmeasured: boolean;
}
export interface Judgement {
  readonly bundle: Bundle;
  readonly symptoms: readonly Symptom[];
  readonly traces: readonly Trace[];
  readonly judged: readonly Judged[];
  sceneFor(host: string | null): Scene<ProbeId>;
}

/** Probes that look at the site from outside: their evidence serves every host. */
const outside: ReadonlySet<ProbeId> = new Set<ProbeId>(['dns', 'connect', 'tls', 'requests', 'backend-requests']);

export function judge(bundle: Bundle, causes: readonly AnyCause[]): Judgement {
  const traces = tracesOf(bundle.site, bundle.evidence);
  const symptoms = symptomsOf(bundle.site, bundle.evidence, traces);
  const sceneFor = (host: string | null): Scene<ProbeId> => sceneOf(bundle, symptoms, traces, host);
  const judged = causes.flatMap((cause) => {
    const hosts =
      cause.perHost === undefined ? [null] : bundle.hosts.filter((each) => cause.perHost?.includes(each.role)).map((each) => each.host);
    return hosts.flatMap((host) => judgeOne(cause, host, bundle, sceneFor(host)));
  });
  return { bundle, symptoms, traces, judged: judged.map((each) => withoutUnseenRoot(each, judged)), sceneFor };
}

/**
 * A cause is not proven while one of its own roots could not even be looked at on that host: a full disk makes PHP fail too. Only evidence
 * that is missing counts here; a root that was judged and found undecided is its judge's business.
 */
function withoutUnseenRoot(one: Judged, all: readonly Judged[]): Judged {
  const { cause, finding } = one;
  if (finding.is !== 'confirmed' || finding.host === null || cause.consequenceOf === undefined) return one;
  const unseen = all.some(
    (each) => each.unmeasured && each.finding.host === finding.host && cause.consequenceOf?.includes(each.cause.id) === true,
  );
  return unseen ? { ...one, finding: { ...finding, is: 'likely' } } : one;
}

function judgeOne(cause: AnyCause, host: string | null, bundle: Bundle, scene: Scene<ProbeId>): readonly Judged[] {
  const missing = cause.needs.filter((probe) =>
    host !== null && !outside.has(probe) ? scene.one(probe, host) === undefined : scene.all(probe).length === 0,
  );
  if (missing.length > 0) {
    const needs = needsOf(bundle, missing, host, true);
    const reason = say(`not measured: ${missing.join(', ')}`, `未能测量：${missing.join('、')}`);
    return [{ cause, finding: { is: 'inconclusive', host, reason, wouldTell: missing }, needs, unmeasured: true }];
  }
  const answer = (cause as unknown as Cause).judge(scene);
  const findings: readonly Finding[] = Array.isArray(answer) ? (answer as readonly Finding[]) : [answer as Finding];
  return findings.map((finding) => ({
    cause,
    finding,
    needs: finding.is === 'inconclusive' ? needsOf(bundle, finding.wouldTell ?? [], finding.host, false) : [],
    unmeasured: false,
  }));
}

/** What the reader could give so that these probes can tell, each once. A probe that is missing is always named. */
function needsOf(bundle: Bundle, probes: readonly ProbeId[], host: string | null, missing: boolean): readonly string[] {
  const needs = probes.map((probe) => needOf(bundle, probe, host) ?? (missing ? probe : null));
  return [...new Set(needs.filter((each) => each !== null))];
}

/** Null where the probe measured all that it can. */
function needOf(bundle: Bundle, probe: ProbeId, host: string | null): string | null {
  const failed = bundle.evidence.find((each) => each.probe === probe && each.status !== 'ok' && (host === null || each.host === host));
  if (failed !== undefined && failed.status !== 'ok') return failed.needs ?? `${probe}: ${failed.reason}`;
  const access = bundle.hosts.find((each) => each.host === host);
  if (access?.access === 'none') return `access to ${access.host} (\`exec\` in the site file)`;
  if (access?.access === 'failed') return `access to ${access.host}: ${access.reason ?? ''}`;
  const closed = bundle.hosts.filter((each) => each.role !== 'client' && each.access !== 'ok').map((each) => each.host);
  if (host === null && closed.length > 0) return `access to ${closed.join(', ')} (\`exec\` in the site file)`;
  if (bundle.hosts.every((each) => each.role === 'client')) return 'a site file that names the balancer and the backends';
  return outside.has(probe) ? null : rootOn(bundle, host);
}

/** What root would have added to the readings of a host, or of all hosts; null where it is nothing. */
function rootOn(bundle: Bundle, host: string | null): string | null {
  const limited = bundle.evidence.flatMap((each) =>
    each.probe === 'host-facts' && each.status === 'ok' && (host === null || each.host === host) && each.data.withoutRoot.length > 0
      ? [`root on ${each.host} (${each.data.withoutRoot.join(', ')})`]
      : [],
  );
  return limited.length === 0 ? null : limited.join('; ');
}

function sceneOf(bundle: Bundle, symptoms: readonly Symptom[], traces: readonly Trace[], host: string | null): Scene<ProbeId> {
  const access: HostAccess | null = bundle.hosts.find((each) => each.host === host) ?? null;
  const all = <Id extends ProbeId>(probe: Id): readonly Measured<Id>[] =>
    bundle.evidence.filter((each) => each.probe === probe && each.status === 'ok') as unknown as readonly Measured<Id>[];
  return {
    site: bundle.site,
    hosts: bundle.hosts,
    symptoms,
    traces,
    host: access,
    all,
    one: (probe, of) => {
      const name = of ?? host;
      const measured = all(probe);
      return name === null
        ? measured[0]
        : (measured.find((each) => each.host === name) ??
            (of === undefined && outside.has(probe) && probe !== 'backend-requests' ? measured[0] : undefined));
    },
  };
}

/** Experiments that judges ask for, cheapest first, each once. Only on a failing site: there is nothing to separate on a healthy one. */
export function wantedExperiments(judgement: Judgement): readonly ExperimentId[] {
  if (judgement.symptoms.length === 0) return [];
  const wanted = new Set<ExperimentId>();
  for (const { finding } of judgement.judged) {
    if ((finding.is === 'inconclusive' || finding.is === 'likely') && finding.experiment !== undefined) wanted.add(finding.experiment);
  }
  return experimentIds.filter((id) => wanted.has(id));
}
