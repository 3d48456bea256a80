// Experiments: the same request with one thing changed, sent only where a judge says that it would separate causes.

/** Cheapest first. */
export const experimentIds = [
  'alone', // the same request again with nothing else in flight
  'without-headers', // the same request without the site file's own headers and body
  'other-host', // the same address under its own address as Host, and under a name that nobody serves
  'header-sweep', // the same URL with padding headers of growing size, through every door: where is the limit?
] as const;
export type ExperimentId = (typeof experimentIds)[number];
