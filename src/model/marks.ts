// Marked requests: each carries a nonce in its User-Agent, so access logs on every hop name the very request.

/** `<run>-<n>`: 12 hex digits of the run, then a counter in base 10. */
export type Nonce = string;

/** The User-Agent of one marked request. */
export function userAgent(version: string, nonce: Nonce): string {
  return `why5xx/${version} (+${nonce})`;
}
