// What a judge says about one cause on one host.
import type { ExperimentId } from './experiment.ts';
import type { ProbeId } from './observations.ts';
import type { Localised } from './text.ts';

export const layers = [
  'client-network',
  'dns',
  'edge',
  'balancer',
  'network',
  'host',
  'web-server',
  'app-runtime',
  'application',
  'dependency',
] as const;
export type Layer = (typeof layers)[number];

/** Points into evidence: `path` is an RFC 6901 pointer below that evidence's `data`. `says` is what it shows, with its figures. */
export interface Citation {
  readonly evidence: string;
  readonly path: string;
  readonly says: Localised;
}
export type Citations = readonly [Citation, ...Citation[]];

export interface Convicted {
  readonly is: 'confirmed' | 'likely';
  /** Host by its name in the site file; null where the cause sits on no single host. */
  readonly host: string | null;
  /** One sentence: what is wrong and where, with names and figures. */
  readonly summary: Localised;
  readonly because: Citations;
  /** Ids of the symptoms that this explains. A conviction that explains none becomes advice. */
  readonly explains: readonly string[];
  /** Facts that `fix` needs, so that it need not look again. Plain JSON. */
  readonly facts?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Replaces the cause's own layer where it depends on the case (a timeout at the balancer or at the backend's web server). */
  readonly layer?: Layer;
  /** For `likely`: what would settle it. */
  readonly experiment?: ExperimentId;
}
export interface RuledOut {
  readonly is: 'ruled-out';
  readonly host: string | null;
  readonly because: Citations;
}
/** True but harmless here: a risky setting, an old error. Reported apart from causes. */
export interface Advice {
  readonly is: 'advice';
  readonly host: string | null;
  readonly summary: Localised;
  readonly because: Citations;
}
export interface Undecided {
  readonly is: 'not-applicable' | 'inconclusive';
  readonly host: string | null;
  readonly reason: Localised;
  /** Evidence that would tell. */
  readonly wouldTell?: readonly ProbeId[];
  /** What would settle it. The engine runs it when the budget allows, and judges again. */
  readonly experiment?: ExperimentId;
}
export type Finding = Convicted | RuledOut | Advice | Undecided;
