// What clients saw, grouped: the thing to be explained.
import type { WireError } from './exchange.ts';

/** Who produced the answer that the client got (not who is to blame for it). */
export interface Answerer {
  readonly hop: 'edge' | 'balancer' | 'backend' | 'isp' | 'unknown';
  /** Name in the site file; null where it is not known which. */
  readonly host: string | null;
  /** nginx, haproxy, alibaba-icp-page …: id of the fingerprint; null without a match. */
  readonly product: string | null;
  /** How it is known: `log` (a hop's log has this very request), `page` (fingerprint), `bypass` (went straight there), `none`. */
  readonly by: 'log' | 'page' | 'bypass' | 'none';
}

export interface Symptom {
  readonly id: string; // s1, s2 …
  readonly url: string;
  readonly method: string;
  readonly client: string; // `here` or a client's name
  readonly listenerPort: number | null;
  readonly status: number | null;
  readonly error: WireError | null;
  readonly answeredBy: Answerer;
  /** Of `of` requests of this kind, so many ended this way. */
  readonly failed: number;
  readonly of: number;
  readonly p50Ms: number;
  readonly maxMs: number;
  /** Backends that served the failing requests, where logs or headers tell. */
  readonly backends: readonly string[];
  /** True where the balancer answered at once because earlier failures had taken every member of the pool out: a shadow of those failures. */
  readonly shadow: boolean;
  /** Which exchanges: evidence id and nonce of each. */
  readonly exchanges: readonly { readonly evidence: string; readonly nonce: string }[];
}
