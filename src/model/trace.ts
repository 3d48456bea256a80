// The way of one marked request, put together from the access logs of every hop.
import type { AccessLine } from './observations.ts';

export interface TraceHop {
  readonly host: string;
  readonly role: 'edge' | 'balancer' | 'backend';
  readonly evidence: string; // id of the `logs` evidence
  readonly index: number; // of the line in its `access`
  /** The log's line; tries that only the error log knows are filled in. */
  readonly line: AccessLine;
}
export interface Trace {
  readonly nonce: string;
  /** From the outermost hop inwards; a hop appears twice when it was passed twice (a loop). */
  readonly hops: readonly TraceHop[];
  /** Backend that served it, where a log or the address addressed tells. */
  readonly backend: string | null;
  /** Every backend that was tried for it, in order; more than one where the balancer tried again. */
  readonly tried: readonly string[];
  /** The balancer had no member of the pool left: earlier failures had taken them all out. */
  readonly noneLeft: boolean;
  /** Hop whose answer the client got: the deepest one that logged the status the client saw. Null without logs. */
  readonly madeBy: string | null;
}
