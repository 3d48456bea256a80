// An access record with everything unknown, to which families add what their lines say.
import type { AccessRecord, Try } from '../records.ts';

const nothing: AccessRecord = {
  at: null,
  zoned: true,
  client: null,
  method: null,
  path: null,
  host: null,
  status: null,
  durationMs: null,
  requestId: null,
  tries: [],
  backend: null,
  answeredBy: null,
  reason: null,
};

/** A record of what is known; the rest is null, and dates count as zoned. */
export const accessRecord = (known: Partial<AccessRecord>): AccessRecord => ({ ...nothing, ...known });

/** One try; what is not known is null. */
export const tryOf = (address: string, known: Partial<Try> = {}): Try => ({
  address,
  status: known.status ?? null,
  connectMs: known.connectMs ?? null,
  headerMs: known.headerMs ?? null,
  responseMs: known.responseMs ?? null,
});

/** An address without its port: `10.0.0.1:80`, `[::1]:80`; a bare IPv6 address stays as it is. */
export function withoutPort(address: string): string {
  if (address.startsWith('[')) {
    const close = address.indexOf(']');
    return close < 0 ? address : address.slice(1, close);
  }
  const colon = address.lastIndexOf(':');
  return colon > 0 && address.indexOf(':') === colon ? address.slice(0, colon) : address;
}

/** A URL's authority without the user and the password that may stand before an @: they are no part of a host. */
export const withoutUser = (authority: string): string => authority.slice(authority.lastIndexOf('@') + 1);

/** Host and path of an absolute URL (its port cut off where it is the default); a path alone has no host. */
export function urlParts(url: string): { readonly host: string | null; readonly path: string | null } {
  const match = /^[a-z]{2,8}:\/\/([^/?#\s]{1,255})([^\s]*)$/i.exec(url);
  if (match === null) return { host: null, path: url === '' || url === '-' ? null : url };
  const path = match[2] ?? '';
  const host = withoutUser(match[1] ?? '').replace(/:(?:80|443)$/, '');
  return { host: host === '' ? null : host, path: path === '' ? '/' : path };
}
