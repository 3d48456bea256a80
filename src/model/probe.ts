// A probe measures one thing and returns plain JSON. It never says what the measurement means.
import type { EvidenceMap, ProbeId } from './observations.ts';
import type { Site } from './site.ts';

/** Facts that a host probe's parser may need beside its own output. */
export interface ParseContext {
  readonly host: string;
  readonly role: 'edge' | 'balancer' | 'backend' | 'client';
  readonly site: Site;
  /** First part of every nonce of this run: 12 hex digits. */
  readonly run: string;
  /** Our wall clock when the script was sent and when its answer was complete, ms since the epoch. */
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
}

/**
 * A host probe is data: a POSIX sh snippet and its parsers. All snippets for one host travel as one script, one round trip.
 *
 * The snippet runs under dash and busybox ash, `set -u` on, in a subshell of its own. It prints to stdout and may `exit`; what it
 * prints beyond 4 MiB is cut. It must not write files, install anything, or need root: where root would show more it calls
 * `w5_needs_root what`, which the runner collects into `withoutRoot`. Preset variables:
 * W5_PHASE (`before`/`after`), W5_RUN (nonce prefix), W5_MARKS (log positions, see probes/logs), W5_NGINX_CONFIG, W5_NGINX_ERROR_LOG,
 * W5_NGINX_ACCESS_LOG, W5_HAPROXY_CONFIG, W5_HAPROXY_LOG, W5_FPM_CONFIG, W5_FPM_LOG (overrides of the site file, else empty),
 * W5_NETNS (inode of the own network namespace, empty where unreadable) and the functions of probes/host-script.ts's preamble.
 */
export interface HostProbe<Id extends ProbeId = ProbeId, Sample = unknown> {
  readonly id: Id;
  readonly title: string;
  /** Which hosts it makes sense on. */
  readonly roles: readonly ('edge' | 'balancer' | 'backend')[];
  /** `both` runs before and after the marked requests and combines the two samples; the others run once. */
  readonly when: 'before' | 'after' | 'both';
  readonly script: string;
  /** Reads one output. Throws `ProbeError` where the host could not tell. */
  parse(output: string, context: ParseContext): Sample;
  /** The evidence. `before` is undefined when only one reading could be made (or `when` is not `both`). */
  combine(before: Sample | undefined, after: Sample, context: ParseContext): EvidenceMap[Id];
}

/** Types a host probe by its id and sample. */
export function defineHostProbe<Id extends ProbeId, Sample>(probe: HostProbe<Id, Sample>): HostProbe<Id, Sample> {
  return probe;
}

/** Why a probe could not measure. `needs` tells the reader what would make it possible. */
export class ProbeError extends Error {
  readonly status: 'failed' | 'skipped';
  readonly needs: string | null;
  constructor(message: string, options: { status?: 'failed' | 'skipped'; needs?: string | null } = {}) {
    super(message);
    this.name = 'ProbeError';
    this.status = options.status ?? 'failed';
    this.needs = options.needs ?? null;
  }
}
