// One diagnosis from end to end: gather, judge, experiment where causes are undecided, judge again.
import type { AnyCause } from '../model/cause.ts';
import type { Bundle } from '../model/evidence.ts';
import type { ExperimentId } from '../model/experiment.ts';
import { makeBundle } from './bundle.ts';
import { Gatherer } from './gather.ts';
import type { GatherOptions } from './gather.ts';
import { judge, wantedExperiments } from './judge.ts';
import { verdictOf } from './verdict.ts';

export interface DiagnoseOptions extends GatherOptions {
  /** Asked for while the hosts are being read: loading the judges takes as long as connecting does. Rejects as the caller wants. */
  causes(): Promise<readonly AnyCause[]>;
}

/** What would separate causes that are still undecided: nothing once every symptom has a proven cause. */
function experimentsFor(bundle: Bundle, causes: readonly AnyCause[]): readonly ExperimentId[] {
  const judgement = judge(bundle, causes);
  const { convictions, unexplained } = verdictOf(judgement);
  const proven = unexplained.length === 0 && convictions.every((each) => each.findings.every((finding) => finding.is === 'confirmed'));
  return proven ? [] : wantedExperiments(judgement);
}

/** The evidence of a run, and the end of its connections: whoever started the run waits for that too, but need not before reading on. */
export interface Diagnosis {
  readonly bundle: Bundle;
  /** Never rejects. */
  readonly closed: Promise<void>;
}

/** Runs a diagnosis and returns its evidence, redacted; `judgeBundle` draws the report from it. */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const gatherer = new Gatherer(options);
  const began = performance.now();
  const bundle = (): Bundle =>
    makeBundle({
      tool: options.version,
      startedAt: gatherer.startedAt,
      tookMs: Math.round(performance.now() - began),
      run: gatherer.run,
      site: options.facts,
      hosts: gatherer.access,
      evidence: gatherer.evidence(),
      secrets: options.secrets,
    });
  const gather = async (): Promise<Bundle> => {
    const [causes] = await Promise.all([options.causes(), gatherer.before()]);
    await gatherer.requests();
    await gatherer.after();
    const first = bundle();
    const wanted = experimentsFor(first, causes);
    // Redacting all evidence takes a while, and somebody is waiting: what did not change is not redacted again.
    if (wanted.length === 0) return first;
    await gatherer.experiment(wanted);
    await gatherer.after();
    return bundle();
  };
  let gathered: Bundle;
  try {
    gathered = await gather();
  } catch (error) {
    await gatherer.close();
    throw error;
  }
  return { bundle: gathered, closed: gatherer.close() };
}
