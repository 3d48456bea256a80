// The unit of extension: one root cause. A judge is pure and sees only the evidence that it named.
import type { HostAccess, Measured, SiteFacts } from './evidence.ts';
import type { Citation, Convicted, Finding, Layer } from './finding.ts';
import type { Fix } from './fix.ts';
import type { ProbeId } from './observations.ts';
import type { Role } from './site.ts';
import type { Symptom } from './symptom.ts';
import type { Localised } from './text.ts';
import type { Trace } from './trace.ts';

/** What a judge sees: the site, the symptoms, and the evidence of the probes in `P` — no others, the compiler sees to it. */
export interface Scene<P extends ProbeId> {
  readonly site: SiteFacts;
  readonly hosts: readonly HostAccess[];
  /** What clients saw. Empty on a healthy site. */
  readonly symptoms: readonly Symptom[];
  /** The way of each marked request through the logs of every hop that could be read. */
  readonly traces: readonly Trace[];
  /** The host under judgment, where `perHost` was given; else null. */
  readonly host: HostAccess | null;
  /** Evidence about one host (the host under judgment unless named). Undefined where it could not be measured. */
  one<Id extends P>(probe: Id, host?: string): Measured<Id> | undefined;
  /** Evidence about every host, in site order. */
  all<Id extends P>(probe: Id): readonly Measured<Id>[];
}

export interface Cause<N extends ProbeId = ProbeId, W extends ProbeId = ProbeId> {
  readonly id: string; // kebab-case noun in the failing state = folder = key in JSON
  readonly title: Localised;
  readonly layer: Layer;
  /** `cause 4`, where the source document names it. */
  readonly seed?: string;
  /** Judged once for each host in one of these roles; absent: judged once for the whole site. */
  readonly perHost?: readonly Role[];
  /**
   * Probes without which nothing can be said. With `perHost`, each must have been measured on that host (client-side probes: anywhere);
   * otherwise somewhere. If not, the engine records `inconclusive` and the judge is not called.
   */
  readonly needs: readonly N[];
  readonly wants?: readonly W[];
  /** Deeper causes that take the verdict when they are convicted for the same symptoms. */
  readonly consequenceOf?: readonly string[];
  judge(scene: Scene<N | W>): Finding | readonly Finding[];
  fix(finding: Convicted, scene: Scene<N | W>): Fix;
}

/** A cause as the engine holds it, its evidence types erased. */
export type AnyCause = Omit<Cause<never, never>, 'needs' | 'wants'> & {
  readonly needs: readonly ProbeId[];
  readonly wants?: readonly ProbeId[];
};

/** Gives a cause its types: `judge` sees just what `needs` and `wants` name. */
export function defineCause<const N extends ProbeId, const W extends ProbeId = never>(cause: Cause<N, W>): Cause<N, W> {
  return cause;
}

/** Cites a place in evidence. The path is checked against the data by the contract test and when a report is built. */
export function cite<Id extends ProbeId>(evidence: Measured<Id>, path: string, says: Localised): Citation {
  return { evidence: evidence.id, path, says };
}

/** RFC 6901 escaping of one pointer segment. */
export function segment(key: string | number): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1');
}
