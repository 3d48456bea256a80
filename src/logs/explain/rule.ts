// How a root cause looks in logs. A rule is data: which lines and which failing requests show it, how far that proves it, what lies
// deeper, and what to do. The machine that applies rules is in explain.ts.
import type { Layer } from '../../model/finding.ts';
import type { Localised } from '../../model/text.ts';
import type { EventGroup, FailureGroup } from '../records.ts';

/**
 * How far a witness goes. `proves`: this line or request cannot come about otherwise. `suggests`: it fits, and the usual look-alikes are
 * less likely. `fits`: it is one of several equal explanations; it never convicts alone, but is named among what could not be decided.
 */
export type Weight = 'proves' | 'suggests' | 'fits';

/** An error line that speaks for the cause. */
export interface LineWitness {
  readonly kind: 'line';
  /** Ids of signatures. */
  readonly signatures: readonly string[];
  /** A further condition, for instance on what the signature captured, or on what no line of these logs says. */
  readonly where?: (event: EventGroup, all?: readonly EventGroup[]) => boolean;
  readonly weight: Weight;
  /**
   * Where the cause sits: at the server that the line names as upstream, at the machine that wrote the log, or on no single host.
   * A Unix socket upstream always means the writer.
   */
  readonly host: 'upstream' | 'writer' | 'none';
  /**
   * True where the line is about one failing request and says why it failed (nginx error log); false where it is about the machine or the
   * process (kernel, php-fpm's own log) and must be near failing requests in time before it explains them.
   */
  readonly perRequest: boolean;
  /** True for what holds long after it was said, as the port that a program listens on: among several things its time does not matter. */
  readonly lasting?: true;
  /** True where it says so only of a backend that answered other requests of the same access log: then its address and port are right. */
  readonly served?: true;
}

/** A failing request whose own access line speaks for the cause. */
export interface RequestWitness {
  readonly kind: 'request';
  readonly where: (failure: FailureGroup) => boolean;
  readonly weight: Weight;
  readonly host: 'backend' | 'writer' | 'none';
  /** As of a line. */
  readonly served?: true;
}

/** Several things that only together mean something: each has to be there, near one another in time. */
export interface JointWitness {
  readonly kind: 'together';
  readonly all: readonly (LineWitness | RequestWitness)[];
  /** The farthest that the members' minutes may lie apart, in seconds; 60 where nothing better is known. */
  readonly withinSeconds: number;
  /** A further condition on one choice of members, in the order of `all`: for instance that two of them name different ports. */
  readonly where?: (members: readonly (EventGroup | FailureGroup)[]) => boolean;
  readonly weight: Weight;
  readonly host: 'upstream' | 'backend' | 'writer' | 'none';
}

export type Witness = LineWitness | RequestWitness | JointWitness;

export interface LogRule {
  /** Id of the cause, as everywhere. */
  readonly cause: string;
  readonly title: Localised;
  readonly layer: Layer;
  readonly witnesses: readonly Witness[];
  /** Deeper causes: where one of them is found for the same requests or minutes, it is the answer and this one its consequence. */
  readonly consequenceOf: readonly string[];
  /** One sentence for the report; `{count}`, `{host}` and names of captured fields are put in. */
  readonly summary: Localised;
  readonly fix: { readonly summary: Localised; readonly steps: readonly Localised[]; readonly verify: Localised };
  /** What would settle it where the logs only fit. */
  readonly wouldTell: Localised;
}
