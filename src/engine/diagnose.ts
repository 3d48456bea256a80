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
  readonly causes: readonly AnyCause[];
}

/** What would separate causes that are still undecided: nothing once every symptom has a proven cause. */
function experimentsFor(bundle: Bundle, causes: readonly AnyCause[]): readonly ExperimentId[] {
  const judgement = judge(bundle, causes);
  const { convictions, unexplained } = verdictOf(judgement);
  const proven = unexplained.length === 0 && convictions.every((each) => each.findings.every((finding) => finding.is === 'confirmed'));
  return proven ? [] : wantedExperiments(judgement);
}

/** Runs a diagnosis and returns its evidence, redacted; `judgeBundle` draws the report from it. */
export async function diagnose(options: DiagnoseOptions): Promise<Bundle> {
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
  try {
    await gatherer.before();
    await gatherer.requests();
    await gatherer.after();
    const wanted = experimentsFor(bundle(), options.causes);
    if (wanted.length > 0) {
      await gatherer.experiment(wanted);
      await gatherer.after();
    }
    return bundle();
  } finally {
    await gatherer.close();
  }
}
