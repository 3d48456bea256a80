// Which inputs come from one writer (a log and its rotated parts), and when in the life of a request each kind of log takes its time.
import type { FailureGroup, Product, Tally } from '../records.ts';

/** Half a second to a second and a half: what two clocks that count whole seconds, and a buffered clock, may differ by. */
export const slackMs = 1500;
const longestMs = 900_000;

/** For each input, a number that it shares with the other parts of the same rotated set: same path but for the rotation, same format. */
export function sourcesOf(tally: Tally): Uint32Array {
  const known = new Map<string, number>();
  return Uint32Array.from(tally.inputs, (input) => {
    const stem = input.name.replace(/(?:\.(?:gz|zst|zstd)|[.-]\d{1,14}|\.log|\.old)+$/i, '');
    const key = JSON.stringify([stem, input.kind, input.product]);
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, known.size);
    return known.size - 1;
  });
}

// HAProxy's %tr, Envoy's START_TIME, Google's timestamp, Cloudflare's EdgeStartTimestamp and Apache's %t are when the request came; the
// others write when it was done.
const stampsTheStart: ReadonlySet<Product> = new Set<Product>(['haproxy', 'envoy', 'gcp-lb', 'cloudflare', 'apache']);

/** Where error lines about a request lie, against the time in its access line. */
export interface Window {
  /** When the request ended, as far as the group tells: the time of the line plus this. */
  readonly endMs: number;
  /** How far before and behind that end its error lines may lie. */
  readonly backMs: number;
  readonly forwardMs: number;
}

/** Widths are rounded up to powers of two of a second and a half, so that a million requests share a few windows. */
export function windowOf(failure: FailureGroup): Window {
  const duration = failure.durationMs;
  if (duration === null) return { endMs: 0, backMs: slackMs, forwardMs: slackMs };
  const longest = Math.min(longestMs, duration.max);
  if (!stampsTheStart.has(failure.product)) return { endMs: 0, backMs: rounded(longest + slackMs), forwardMs: slackMs };
  const median = Math.min(longestMs, duration.median);
  return { endMs: median, backMs: rounded(median + slackMs), forwardMs: rounded(longest - median + slackMs) };
}

function rounded(ms: number): number {
  let width = slackMs;
  while (width < ms) width *= 2;
  return width;
}
