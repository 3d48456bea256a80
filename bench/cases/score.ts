// Compares what the tool says about a case with what is known. Pure, so that the rules of the score are tested without running anything.
import type { NamedCase } from './read.ts';

/** What the tool said: its first cause, or none. */
export interface Said {
  readonly id: string;
  readonly certainty: 'confirmed' | 'likely';
}

export const marks = ['right', 'right-not-enough', 'missed', 'overclaimed', 'wrong', 'unread', 'failed'] as const;
/**
 * `right`: the first cause is the confirmed or an acceptable one. `right-not-enough`: the lines cannot decide, and the tool says so.
 * `missed`: they can, and the tool says unproven; or it calls healthy what somebody reported as broken. `overclaimed`: they cannot, and the tool convicts one of the possible causes. `wrong`:
 * it convicts another one. `unread`: no line is in a format that the tool knows. `failed`: no report came for another reason.
 */
export type Mark = (typeof marks)[number];

/** What came of a run: the first cause, else what the report says instead of one, else why there is no report. */
export type Outcome = Said | 'unproven' | 'healthy' | 'unread' | 'failed';

/** The mark of one run. */
export function markOf({ data }: NamedCase, said: Outcome): Mark {
  if (said === 'unread' || said === 'failed') return said;
  const undecidable = data.confirmed === 'not-enough-evidence';
  if (said === 'unproven' || said === 'healthy') return undecidable && said === 'unproven' ? 'right-not-enough' : 'missed';
  if (said.id === data.confirmed || data.acceptable.some((each) => each.id === said.id)) return 'right';
  return data.possible.some((id) => id === said.id) ? 'overclaimed' : 'wrong';
}

export interface Scored {
  readonly mark: Mark;
  readonly said: Outcome;
}

export interface Total {
  readonly cases: number;
  readonly marks: Readonly<Record<Mark, number>>;
  /** `right` and `right-not-enough` of all, in percent; 0 for none. */
  readonly rightPercent: number;
  /** Convictions that are not right, whatever their certainty, and those of them that the tool calls confirmed: the second must be 0. */
  readonly wrongConvictions: number;
  readonly wrongConfirmed: number;
}

/** Adds up marks. */
export function totalOf(rows: readonly Scored[]): Total {
  const count = (mark: Mark): number => rows.filter((row) => row.mark === mark).length;
  const wrong = rows.filter((row) => row.mark === 'wrong' || row.mark === 'overclaimed');
  const right = count('right') + count('right-not-enough');
  return {
    cases: rows.length,
    marks: {
      right: count('right'),
      'right-not-enough': count('right-not-enough'),
      missed: count('missed'),
      overclaimed: count('overclaimed'),
      wrong: count('wrong'),
      unread: count('unread'),
      failed: count('failed'),
    },
    rightPercent: rows.length === 0 ? 0 : Math.round((1000 * right) / rows.length) / 10,
    wrongConvictions: wrong.length,
    wrongConfirmed: wrong.filter((row) => typeof row.said === 'object' && row.said.certainty === 'confirmed').length,
  };
}
