// Durations of a group: smallest, median and largest in little memory, whatever the order in which they come.

/** Counts of durations by size; buckets are under 1 % wide. Plain data, so that it travels between threads. */
export interface Histogram {
  count: number;
  min: number;
  max: number;
  readonly buckets: Map<number, number>;
}

/** An empty one. */
export function openHistogram(): Histogram {
  return { count: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, buckets: new Map() };
}

/** Adds a duration in milliseconds. */
export function addDuration(histogram: Histogram, ms: number): void {
  histogram.count++;
  if (ms < histogram.min) histogram.min = ms;
  if (ms > histogram.max) histogram.max = ms;
  const whole = Math.min(0x7fffffff, Math.max(0, Math.round(ms)));
  const shift = Math.max(0, 24 - Math.clz32(whole));
  const bucket = (shift << 8) | (whole >>> shift);
  histogram.buckets.set(bucket, (histogram.buckets.get(bucket) ?? 0) + 1);
}

/** Adds what another one counted. */
export function mergeHistogram(into: Histogram, from: Histogram): void {
  into.count += from.count;
  into.min = Math.min(into.min, from.min);
  into.max = Math.max(into.max, from.max);
  for (const [bucket, count] of from.buckets) into.buckets.set(bucket, (into.buckets.get(bucket) ?? 0) + count);
}

/** Smallest, lower median and largest; null where nothing was counted. */
export function summary(histogram: Histogram): { readonly min: number; readonly median: number; readonly max: number } | null {
  if (histogram.count === 0) return null;
  let left = Math.floor((histogram.count - 1) / 2);
  let median = histogram.min;
  for (const [bucket, count] of [...histogram.buckets].sort((a, b) => a[0] - b[0])) {
    if (left < count) {
      const shift = bucket >>> 8;
      median = (bucket & 0xff) * 2 ** shift + (shift === 0 ? 0 : 2 ** (shift - 1));
      break;
    }
    left -= count;
  }
  return { min: histogram.min, median: Math.min(histogram.max, Math.max(histogram.min, median)), max: histogram.max };
}
