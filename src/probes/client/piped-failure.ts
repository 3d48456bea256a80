// What nc and openssl say when a connection fails. They only talk to people: this is the one place that reads their sentences.
import type { WireError } from '../../model/exchange.ts';
import { errnoTexts } from './curl-failure.ts';

export interface PipedFailure {
  readonly error: WireError | null;
  readonly code: string | null;
  readonly connected: boolean;
  readonly secured: boolean;
  readonly tookMs: number;
}

/**
 * nc (OpenBSD): `nc: connect to 10.0.0.1 port 80 (tcp) failed: Connection refused` · `nc: getaddrinfo for host "x" port 80: Name or service not
 * known` · `Connection to 10.0.0.1 80 port [tcp/http] succeeded!`
 * nc (busybox): `nc: can't connect to remote host (10.0.0.1): Connection refused` · `nc: bad address 'x'` · `nc: timed out` (connects only)
 * openssl: `…:system library:BIO_connect:Connection refused:…:calling connect()` · `connect:errno=111` · `read:errno=104` ·
 * `verify error:num=18:self-signed certificate` · `…:SSL alert number 70`
 */
const noName =
  /Name or service not known|Temporary failure in name resolution|No address associated|bad address|lookup failed|nodename nor servname|getaddrinfo/i;
const noConnection =
  /failed: |can't connect|calling connect\(\)|connect:errno=|BIO_connect|timed out: |^nc: timed out$|(?:refused|unreachable|No route to host)/im;
const tlsTrouble = /verify error|SSL alert number|wrong version number|:SSL routines:|certificate verify failed|no peer certificate/i;
const handshakeCut = /unexpected eof|errno=0\b/i;

/** Reads the events of a request that nc or openssl carried. `error` null: nothing was said, and the answer itself decides. */
export function pipedFailure(
  events: readonly { readonly kind: string; readonly words: string }[],
  secure: boolean,
  timeoutMs: number,
): PipedFailure {
  const said = events
    .filter((each) => each.kind === 'm' && !each.words.startsWith('w5end '))
    .map((each) => each.words)
    .join('\n');
  const [, exit, from, to] = events.find((each) => each.words.startsWith('w5end '))?.words.split(' ') ?? [];
  const tookMs = from === undefined || to === undefined ? timeoutMs : Math.max(0, Math.round((Number(to) - Number(from)) * 1000));
  const late = exit === undefined || tookMs >= timeoutMs - 50;
  const answered = events.some((each) => each.kind === 'o');
  if (noName.test(said)) return { error: 'dns', code: null, connected: false, secured: false, tookMs };
  if (!answered && noConnection.test(said)) {
    const named = errnoTexts.find(([text]) => text.test(said))?.[1];
    return { error: named ?? (late || /timed out/.test(said) ? 'timeout' : 'other'), code: null, connected: false, secured: false, tookMs };
  }
  const reset = /errno=104|errno=32|Connection reset/.test(said);
  if (secure && !answered && (tlsTrouble.test(said) || reset || handshakeCut.test(said))) {
    const verified = /verify return:1/.test(said) && !/verify error/.test(said);
    const error = reset ? 'reset' : handshakeCut.test(said) ? 'closed' : 'tls';
    return { error, code: null, connected: true, secured: verified && error !== 'tls', tookMs };
  }
  const error = reset ? 'reset' : late ? 'timeout' : null;
  return { error, code: null, connected: true, secured: !secure || answered || /verify return:1/.test(said), tookMs };
}
