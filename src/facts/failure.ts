// What counts as a failing answer. One rule for symptoms, rates and judges.
import type { Exchange } from '../model/exchange.ts';

/**
 * 4xx codes that a healthy application gives for reasons of its own (not found, not logged in, wrong method, busy) are answers, not
 * failures; the rest are what balancers, edges and web servers say when they refuse to pass a request on.
 */
const refusals = new Set([400, 403, 408, 413, 414, 418, 421, 431, 444, 460, 461, 463, 464, 494, 495, 496, 497, 499]);

export function isFailureStatus(status: number): boolean {
  return status >= 500 || refusals.has(status);
}

/** True where the client did not get what it asked for: an error, a failing status, or a body that ended early. */
export function isFailure(exchange: Exchange): boolean {
  if (exchange.status === null) return true;
  return isFailureStatus(exchange.status) || exchange.error !== null || isBlockPage(exchange);
}

/** A redirect to an operator's interception page: an answer by its code, a refusal by its meaning. */
function isBlockPage(exchange: Exchange): boolean {
  if (exchange.status !== 302 && exchange.status !== 307) return false;
  const location = exchange.headers.find(([name]) => name === 'location')?.[1] ?? '';
  return /^https?:\/\/[^/]+\/static\/webblock\.html/i.test(location);
}

/** The same request, whichever door it went through: ports and schemes differ behind a balancer, method and path do not. */
export function sameRequest(a: Pick<Exchange, 'method' | 'url'>, b: Pick<Exchange, 'method' | 'url'>): boolean {
  const one = new URL(a.url);
  const two = new URL(b.url);
  return a.method === b.method && one.pathname === two.pathname && one.search === two.search;
}
