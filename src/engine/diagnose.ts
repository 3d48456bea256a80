// One diagnosis from end to end: gather, judge, experiment where causes are undecided, judge again.
import type { AnyCause } from '../model/cause.ts';
import type { Bundle } from '../model/evidence.ts';
import { makeBundle } from './bundle.ts';
import { Gatherer } from './gather.ts';
import type { GatherOptions } from './gather.ts';
import { judge, wantedExperiments } from './judge.ts';

export interface DiagnoseOptions extends GatherOptions {
  readonly causes: readonly AnyCause[];
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
    await gatherer.experiment(wantedExperiments(judge(bundle(), options.causes)));
    await gatherer.after();
    return bundle();
  } finally {
    await gatherer.close();
  }
}
