// What curl's exit codes mean for a request. Codes: https://curl.se/libcurl/c/libcurl-errors.html
import type { FailedPhase, WireError } from '../../model/exchange.ts';

/** What curl said of one transfer. Times in ms since its start, 0 where a phase was not reached. */
export interface CurlOutcome {
  readonly exit: number;
  readonly secure: boolean;
  readonly resolvedMs: number;
  readonly connectedMs: number;
  readonly securedMs: number;
  readonly headComplete: boolean;
  readonly bodySent: boolean;
  /** Lines of `curl -v` that begin with `* `, and `curl: (N) …`, under LC_ALL=C. */
  readonly notes: string;
}

/**
 * errno never leaves curl as a number: these are the C library's fixed English texts (LC_ALL=C), as curl 7.29 to 8.x quote them.
 * `connect to 10.0.0.1 port 80 failed: Connection refused` · `Immediate connect fail for fe80::1: Network is unreachable` ·
 * `Recv failure: Connection reset by peer` · `OpenSSL SSL_connect: Connection reset by peer in connection to x:443`
 */
export const errnoTexts: readonly (readonly [RegExp, WireError])[] = [
  [/Connection refused/, 'refused'],
  [/Connection reset by peer|Broken pipe/, 'reset'],
  [/No route to host|Network is unreachable|Network unreachable|Host is down/, 'unreachable'],
  [/Operation not permitted|Permission denied/, 'prohibited'],
  [/Connection timed out/, 'timeout'],
];

/** The server closed in order: `Empty reply from server`, `unexpected eof while reading`, `SSL_ERROR_SYSCALL in connection to x:443`. */
const orderlyClose = /unexpected eof|SSL_ERROR_SYSCALL|SSL_ERROR_ZERO_RETURN|Empty reply|closed abruptly|decryption failed or bad record/i;

/** `Illegal or missing hexadecimal sequence in chunked-encoding` · `Malformed encoding found in chunked-encoding`: 56 like a reset, but no reset. */
const badEncoding = /chunk|Too large response headers|header line without|Invalid Content-Length|Weird server reply|Nul byte in header/i;

function byErrno(notes: string): WireError | null {
  return errnoTexts.find(([text]) => text.test(notes))?.[1] ?? null;
}

/** Error and phase of a transfer; nulls for a complete answer, and for one that was cut by our own cap (23). */
export function curlFailure(outcome: CurlOutcome): { readonly error: WireError | null; readonly failedPhase: FailedPhase | null } {
  const { exit, notes } = outcome;
  const reached = phaseReached(outcome);
  const at = (error: WireError, failedPhase: FailedPhase = reached): { error: WireError; failedPhase: FailedPhase } => ({
    error,
    failedPhase,
  });
  switch (exit) {
    case 0:
      return outcome.headComplete ? { error: null, failedPhase: null } : at('closed');
    case 23: // EPIPE at our end of the body: the cap
      return outcome.headComplete ? { error: null, failedPhase: null } : at('protocol');
    case 6:
      return at('dns', 'resolve');
    case 7:
      return at(byErrno(notes) ?? 'other', 'connect');
    case 28:
      return at('timeout');
    case 35:
      return at(byErrno(notes) ?? (orderlyClose.test(notes) ? 'closed' : 'tls'), 'tls');
    case 51:
    case 53:
    case 54:
    case 58:
    case 59:
    case 60:
    case 64:
    case 66:
    case 77:
    case 80:
    case 82:
    case 83:
    case 90:
    case 91:
      return at('tls', 'tls');
    case 1: // 7.66 and later: `Received HTTP/0.9 when not allowed`
    case 8:
    case 27: // one header line of more than 100 KiB
    case 43:
    case 61:
    case 100:
      return at('protocol');
    case 18:
      return at('closed', 'body');
    case 52:
      return at('closed');
    case 55:
      return at(byErrno(notes) ?? 'reset');
    case 56:
      if (badEncoding.test(notes)) return at('protocol');
      return at(byErrno(notes) ?? (orderlyClose.test(notes) ? 'closed' : 'reset'));
    default:
      return at('other');
  }
}

function phaseReached(outcome: CurlOutcome): FailedPhase {
  if (outcome.headComplete) return 'body';
  if (outcome.connectedMs === 0) return outcome.resolvedMs === 0 ? 'resolve' : 'connect';
  if (outcome.secure && outcome.securedMs === 0) return 'tls';
  return outcome.bodySent ? 'first-byte' : 'send';
}
