// Names for how a connection fails, by errno and TLS code, never by message text.
import type { ConnectAttempt } from '../../model/observations.ts';
import type { WireError } from '../../model/exchange.ts';

const byErrno: Readonly<Record<string, WireError>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ECONNABORTED: 'reset',
  ETIMEDOUT: 'timeout', // the kernel's own; our deadline has no errno
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  EACCES: 'prohibited',
  EPERM: 'prohibited',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ESERVFAIL: 'dns',
  ENODATA: 'dns',
};

/** Certificate verification codes of OpenSSL as Node names them. */
const certificateCode =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|HOSTNAME_MISMATCH|INVALID_CA|CRL_|EPROTO$)/;

/** What an error code means for a request. */
export function wireErrorOf(code: string | null): WireError {
  if (code === null) return 'other';
  return byErrno[code] ?? (certificateCode.test(code) ? 'tls' : 'other');
}

/** What an error code means for a bare TCP connect. */
export function connectOutcome(code: string | null): ConnectAttempt['outcome'] {
  const error = wireErrorOf(code);
  return error === 'refused' || error === 'reset' || error === 'timeout' || error === 'unreachable' || error === 'prohibited'
    ? error
    : 'other';
}

/** The code of a thrown value; null where it has none. */
export function errorCodeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : null;
}

/** True for what Node raises when the peer closes in order in mid-handshake: it borrows ECONNRESET, but no system call failed. */
export function isOrderlyHandshakeEnd(error: unknown): boolean {
  return errorCodeOf(error) === 'ECONNRESET' && typeof error === 'object' && error !== null && !('syscall' in error);
}
