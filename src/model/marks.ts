// Marked requests: each carries a nonce in its User-Agent, so access logs on every hop name the very request.

/** `<run>-<n>`: 12 hex digits of the run, then a counter in base 10. */
export type Nonce = string;

export const nonceShape = /^[0-9a-f]{12}-\d{1,4}$/;

/** The User-Agent of one marked request. */
export function userAgent(version: string, nonce: Nonce): string {
  return `why5xx/${version} (+${nonce})`;
}

/** The nonce inside a User-Agent as a log recorded it, or null. */
export function nonceIn(agent: string): Nonce | null {
  return /\(\+([0-9a-f]{12}-\d{1,4})\)/.exec(agent)?.[1] ?? null;
}
