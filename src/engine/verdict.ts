// Draws one verdict from all findings: the smallest set of causes that explains every symptom, chains reduced to their root.
import type { AnyCause } from '../model/cause.ts';
import type { Citation, Convicted, Layer } from '../model/finding.ts';
import type { Symptom } from '../model/symptom.ts';
import type { Judgement } from './judge.ts';

/** One cause with all the hosts that it was found on. */
export interface Conviction {
  readonly cause: AnyCause;
  readonly findings: readonly [Convicted, ...Convicted[]];
  /** From the root to the consequence that clients see; begins with this cause's id. */
  readonly chain: readonly string[];
}
export interface Verdict {
  readonly convictions: readonly Conviction[];
  /** True, but explaining nothing that the convictions do not explain already. */
  readonly beside: readonly Conviction[];
  readonly unexplained: readonly Symptom[];
}

interface Candidate {
  readonly cause: AnyCause;
  readonly findings: [Convicted, ...Convicted[]];
  readonly certainty: number;
  /** What it explains: `symptom@backend` pairs, so that two broken backends can have two causes. */
  readonly explains: ReadonlySet<string>;
}

export function verdictOf(judgement: Judgement): Verdict {
  const { symptoms } = judgement;
  const candidates = group(judgement).filter((each) => each.explains.size > 0);
  const roots = candidates.map((each) => withoutConsequences(each, candidates, symptoms)).filter((each) => each.explains.size > 0);
  // A shadow needs no cause of its own while the failures that cast it are here to be explained.
  const bodies = symptoms.filter((each) => !each.shadow);
  const open = new Set((bodies.length > 0 ? bodies : symptoms).flatMap(elementsOf));
  const chosen: Candidate[] = [];
  // Among equals, a root with consequences comes before a cause that stands alone.
  const rest = roots.toSorted((a, b) => b.certainty - a.certainty || chainOf(b, candidates).length - chainOf(a, candidates).length);
  while (open.size > 0) {
    let best: Candidate | null = null;
    let bestScore = 0;
    for (const candidate of rest) {
      if (chosen.includes(candidate)) continue;
      const gain = [...candidate.explains].filter((each) => open.has(each)).length;
      // Certainty comes first: a confirmed cause is never displaced by a guess that would explain more.
      const score = gain === 0 ? 0 : candidate.certainty * 1000 + gain;
      if (score > bestScore) [best, bestScore] = [candidate, score];
    }
    if (best === null) break;
    chosen.push(best);
    for (const each of best.explains) open.delete(each);
  }
  const unexplained = symptoms.filter((symptom) => elementsOf(symptom).some((each) => open.has(each)));
  const toConviction = (candidate: Candidate): Conviction => ({
    cause: candidate.cause,
    findings: candidate.findings,
    chain: chainOf(candidate, candidates),
  });
  return {
    convictions: chosen.map(toConviction),
    beside: roots.filter((each) => !chosen.includes(each) && each.certainty === 2).map(toConviction),
    unexplained,
  };
}

function group(judgement: Judgement): readonly Candidate[] {
  const byCause = new Map<string, { cause: AnyCause; findings: Convicted[] }>();
  for (const { cause, finding } of judgement.judged) {
    if (finding.is !== 'confirmed' && finding.is !== 'likely') continue;
    const entry = byCause.get(cause.id) ?? { cause, findings: [] };
    entry.findings.push(finding);
    byCause.set(cause.id, entry);
  }
  return [...byCause.values()].flatMap(({ cause, findings }): readonly Candidate[] => {
    const explaining = findings.filter((each) => each.explains.length > 0);
    const confirmed = explaining.filter((each) => each.is === 'confirmed');
    // Where some hosts are proven guilty, a mere likelihood on others is left out, unless failures that they served are left without a cause.
    const proven = new Set(confirmed.flatMap((each) => explainedBy(each, judgement.symptoms)));
    const needed = explaining.filter(
      (each) => each.is === 'likely' && explainedBy(each, judgement.symptoms).some((element) => !proven.has(element)),
    );
    const [first, ...others] = confirmed.length > 0 ? [...confirmed, ...needed] : explaining;
    if (first === undefined) return [];
    const kept: [Convicted, ...Convicted[]] = [first, ...others];
    return [
      {
        cause,
        findings: kept,
        certainty: confirmed.length > 0 ? 2 : 1,
        explains: new Set(kept.flatMap((each) => explainedBy(each, judgement.symptoms))),
      },
    ];
  });
}

function elementsOf(symptom: Symptom): readonly string[] {
  return symptom.backends.length === 0 ? [`${symptom.id}@`] : symptom.backends.map((backend) => `${symptom.id}@${backend}`);
}

/** A backend's own trouble explains the failures that it served; anything else explains the whole symptom. */
function explainedBy(finding: Convicted, symptoms: readonly Symptom[]): readonly string[] {
  return symptoms
    .filter((symptom) => finding.explains.includes(symptom.id))
    .flatMap((symptom) =>
      finding.host !== null && symptom.backends.includes(finding.host) ? [`${symptom.id}@${finding.host}`] : elementsOf(symptom),
    );
}

/** True where `deeper` takes the verdict from `candidate`: it is one of its named roots and reaches at least one of the same failures. */
function isRootOf(deeper: Candidate, candidate: Candidate): boolean {
  return (
    deeper.cause.id !== candidate.cause.id &&
    (candidate.cause.consequenceOf?.includes(deeper.cause.id) ?? false) &&
    deeper.certainty >= candidate.certainty &&
    [...candidate.explains].some((each) => deeper.explains.has(each))
  );
}

/** What is left for a cause to explain once its deeper causes have taken theirs. */
function withoutConsequences(candidate: Candidate, all: readonly Candidate[], symptoms: readonly Symptom[]): Candidate {
  const taken = new Set(all.filter((each) => isRootOf(each, candidate)).flatMap((each) => [...each.explains]));
  if (taken.size === 0) return candidate;
  const explains = new Set([...candidate.explains].filter((each) => !taken.has(each)));
  const [first, ...others] = candidate.findings.filter((finding) => explainedBy(finding, symptoms).some((each) => explains.has(each)));
  return first === undefined ? { ...candidate, explains: new Set() } : { ...candidate, findings: [first, ...others], explains };
}

function chainOf(root: Candidate, all: readonly Candidate[]): readonly string[] {
  const chain = [root.cause.id];
  let last = root;
  for (;;) {
    const next = all.find((each) => !chain.includes(each.cause.id) && isRootOf(last, each));
    if (next === undefined) return chain;
    chain.push(next.cause.id);
    last = next;
  }
}

/** The host of a conviction: null where it sits on no single one. */
export function hostOf(conviction: Conviction): string | null {
  const hosts = new Set(conviction.findings.map((each) => each.host));
  return hosts.size === 1 ? conviction.findings[0].host : null;
}

export function layerOf(conviction: Conviction): Layer {
  return conviction.findings[0].layer ?? conviction.cause.layer;
}

export function citationsOf(conviction: Conviction): readonly Citation[] {
  return conviction.findings.flatMap((each) => each.because);
}
