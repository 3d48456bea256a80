// One sample of each way to fail that ssh.test.ts cannot bring about, as OpenSSH 9.2 and the prefix commands of Debian 12 print it.
import { describe, expect, it } from 'vitest';

import { TransportError } from '../model/transport.ts';
import type { ReachFailure } from '../model/transport.ts';
import { resultOf } from './failures.ts';
import type { Way } from './failures.ts';

function failureOf(via: Way['via'], exitCode: number | null, stderr: string): TransportError {
  const way: Way = {
    describe: 'host',
    via,
    login: 'ssh -p 22 ops@web-1',
    knownAs: 'web-1',
    command: via === 'ssh' ? 'ssh' : 'ip',
    connectTimeoutMs: 1000,
    timeoutMs: 1000,
  };
  try {
    resultOf(
      {
        by: 'done',
        startError: null,
        exitCode,
        began: false,
        scriptCode: null,
        stdout: Buffer.alloc(0),
        stderr: Buffer.from(stderr),
        truncated: false,
        tookMs: 1,
        gone: Promise.resolve(),
      },
      way,
    );
  } catch (error) {
    if (error instanceof TransportError) return error;
    throw error;
  }
  throw new Error('no failure');
}

describe('what ssh says', () => {
  it.for<readonly [stderr: string, kind: ReachFailure]>([
    ['ssh: connect to host 10.255.255.1 port 22: Connection timed out', 'timeout'],
    ['Connection timed out during banner exchange\nConnection to 127.0.0.1 port 2222 timed out', 'timeout'],
    ['ssh: connect to host 192.0.2.1 port 22: No route to host', 'unreachable'],
    ['ssh: connect to host 192.0.2.1 port 22: Network is unreachable', 'unreachable'],
    ['ssh: connect to host ::1 port 22: Cannot assign requested address', 'unreachable'],
    ['Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures', 'auth'],
    ['ops@web-1: Permission denied (publickey,password).', 'auth'],
    ['ops@web-1: Permission denied (publickey,gssapi-keyex,gssapi-with-mic).', 'auth'],
    ['kex_exchange_identification: read: Connection reset by peer\nConnection reset by 127.0.0.1 port 22', 'lost'],
    ['kex_exchange_identification: Connection closed by remote host', 'lost'],
    ['Unable to negotiate with 127.0.0.1 port 22: no matching key exchange method found. Their offer: x', 'other'],
    ['Connection closed by UNKNOWN port 65535', 'lost'],
    ['something nobody has seen yet', 'other'],
  ])('%s', ([stderr, kind]) => {
    const error = failureOf('ssh', 255, stderr);
    expect(error.kind).toBe(kind);
    expect(error.hint).not.toBe('');
    expect(error.hint).not.toContain('{login}');
  });
});

describe('what prefix commands say', () => {
  it.for<readonly [exitCode: number | null, stderr: string, kind: ReachFailure]>([
    [1, 'setting the network namespace "web-9" failed: Operation not permitted', 'permission'],
    [1, 'sudo: a password is required', 'permission'],
    [1, 'sudo: a terminal is required to read the password; either use the -S option', 'permission'],
    [1, 'Error response from daemon: No such container: web-9', 'unreachable'],
    [1, 'Error response from daemon: container 3f is not running', 'unreachable'],
    [1, 'Error from server (NotFound): pods "web-9" not found', 'unreachable'],
    [
      126,
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown',
      'command-missing',
    ],
    [127, '', 'command-missing'],
    [126, '', 'permission'],
    [0, '', 'other'],
    [null, '', 'other'],
  ])('%s %s', ([exitCode, stderr, kind]) => {
    expect(failureOf('prefix', exitCode, stderr).kind).toBe(kind);
  });
});

it('quotes hostile words without their control characters, and not without end', () => {
  const { message } = failureOf('prefix', 3, `\u001b[2J\u202e${'x'.repeat(10_000)}\nsecond`);
  expect(message.length).toBeLessThan(400);
  expect(message).not.toMatch(/[\u0000-\u001f\u202e]/);
});
