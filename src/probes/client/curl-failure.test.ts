// curl's exit codes with the sentences of several versions: the errno is only in the text.
import { expect, it } from 'vitest';
import { curlFailure, type CurlOutcome } from './curl-failure.ts';

const outcome = (exit: number, change: Partial<CurlOutcome> = {}): CurlOutcome => ({
  exit,
  secure: false,
  resolvedMs: 1,
  connectedMs: 2,
  securedMs: 0,
  headComplete: false,
  bodySent: true,
  notes: '',
  ...change,
});
const unconnected = { connectedMs: 0 };

it.for<readonly [string, CurlOutcome, string | null, string | null]>([
  [
    '7.29 refused',
    outcome(7, { ...unconnected, notes: 'curl: (7) Failed connect to 10.0.0.1:81; Connection refused' }),
    'refused',
    'connect',
  ],
  [
    '7.61 refused',
    outcome(7, { ...unconnected, notes: 'curl: (7) Failed to connect to 10.0.0.1 port 81: Connection refused' }),
    'refused',
    'connect',
  ],
  [
    '7.88 refused',
    outcome(7, {
      ...unconnected,
      notes:
        "12:00:00.000000 * connect to 10.0.0.1 port 81 failed: Connection refused\ncurl: (7) Failed to connect to 10.0.0.1 port 81 after 0 ms: Couldn't connect to server",
    }),
    'refused',
    'connect',
  ],
  [
    'no route',
    outcome(7, { ...unconnected, notes: 'curl: (7) Failed to connect to 10.0.0.1 port 81: No route to host' }),
    'unreachable',
    'connect',
  ],
  [
    'no network',
    outcome(7, { ...unconnected, notes: '12:00:00.000000 * Immediate connect fail for 10.9.9.9: Network is unreachable' }),
    'unreachable',
    'connect',
  ],
  [
    'prohibited',
    outcome(7, { ...unconnected, notes: '12:00:00.000000 * Immediate connect fail for 10.9.9.9: Permission denied' }),
    'prohibited',
    'connect',
  ],
  ['unknown', outcome(7, unconnected), 'other', 'connect'],
  ['name', outcome(6, { ...unconnected, resolvedMs: 0 }), 'dns', 'resolve'],
  ['late look-up', outcome(28, { ...unconnected, resolvedMs: 0 }), 'timeout', 'resolve'],
  ['late connect', outcome(28, unconnected), 'timeout', 'connect'],
  ['late handshake', outcome(28, { secure: true }), 'timeout', 'tls'],
  ['late upload', outcome(28, { bodySent: false }), 'timeout', 'send'],
  ['late answer', outcome(28), 'timeout', 'first-byte'],
  ['late body', outcome(28, { headComplete: true }), 'timeout', 'body'],
  [
    'handshake reset',
    outcome(35, { secure: true, notes: 'curl: (35) OpenSSL SSL_connect: Connection reset by peer in connection to shop:443 ' }),
    'reset',
    'tls',
  ],
  [
    'handshake ended, OpenSSL 1.1',
    outcome(35, { secure: true, notes: 'curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to shop:443 ' }),
    'closed',
    'tls',
  ],
  [
    'handshake ended, OpenSSL 3',
    outcome(35, { secure: true, notes: 'curl: (35) error:0A000126:SSL routines::unexpected eof while reading' }),
    'closed',
    'tls',
  ],
  ['alert', outcome(35, { secure: true, notes: 'curl: (35) error:0A00042E:SSL routines::tlsv1 alert protocol version' }), 'tls', 'tls'],
  ['certificate', outcome(60, { secure: true }), 'tls', 'tls'],
  ['empty reply', outcome(52), 'closed', 'first-byte'],
  ['reset', outcome(56, { notes: 'curl: (56) Recv failure: Connection reset by peer' }), 'reset', 'first-byte'],
  [
    'chunks',
    outcome(56, { headComplete: true, notes: 'curl: (56) Illegal or missing hexadecimal sequence in chunked-encoding' }),
    'protocol',
    'body',
  ],
  ['partial', outcome(18, { headComplete: true }), 'closed', 'body'],
  ['upload cut', outcome(55, { bodySent: false, notes: 'curl: (55) Send failure: Broken pipe' }), 'reset', 'send'],
  ['not HTTP', outcome(1, { notes: 'curl: (1) Received HTTP/0.9 when not allowed' }), 'protocol', 'first-byte'],
  ['an end in the head', outcome(0), 'closed', 'first-byte'],
  ['fine', outcome(0, { headComplete: true }), null, null],
  ['our own cap', outcome(23, { headComplete: true }), null, null],
  ['a code of the future', outcome(199), 'other', 'first-byte'],
])('%s', ([, given, error, failedPhase]) => {
  expect(curlFailure(given)).toEqual({ error, failedPhase });
});
