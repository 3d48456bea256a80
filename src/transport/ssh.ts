// Reaches a host through the system's ssh, so that the user's configuration, agent, jump hosts and known hosts all count. One connection
// per transport, shared by all its scripts.
import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ReachFailure } from '../model/transport.ts';
import { TransportError } from '../model/transport.ts';
import { runChild } from './child.ts';
import type { ChildEnd } from './child.ts';
import type { SshTarget } from './target.ts';

/** sshd allows ten sessions on one connection by default; above that ssh would silently open a second one. */
const maxSessions = 4;
/** Seconds that an idle connection outlives a why5xx that was killed. */
const persistSeconds = 60;
/** Unix socket paths end at 107 bytes, and ssh appends 17 to a new one. */
const maxSocketPath = 85;

export interface SshLine {
  readonly target: SshTarget;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly connectTimeoutMs: number;
}

/** Arguments that say how to connect, without the host: shared by sessions and control commands. */
export function sshArguments({ target, env, connectTimeoutMs }: SshLine, socket: string): string[] {
  const options = {
    ControlMaster: 'auto',
    ControlPersist: String(persistSeconds),
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    ConnectTimeout: String(Math.max(1, Math.ceil(connectTimeoutMs / 1000))),
    ConnectionAttempts: '1',
    ServerAliveInterval: '5',
    ServerAliveCountMax: '3',
    LogLevel: 'ERROR',
    // What a configuration for people may ask for and a script must not have.
    ClearAllForwardings: 'yes',
    ForwardAgent: 'no',
    ForwardX11: 'no',
    PermitLocalCommand: 'no',
    RemoteCommand: 'none',
    RequestTTY: 'no',
    EscapeChar: 'none',
  };
  const config = env['WHY5XX_SSH_CONFIG'];
  return [
    ...(config === undefined || config === '' ? [] : ['-F', config]),
    '-S',
    socket,
    ...Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
    ...(target.user === null ? [] : ['-l', target.user]),
    ...(target.port === null ? [] : ['-p', String(target.port)]),
  ];
}

/** What a person types to try the same. */
export function loginCommand(target: SshTarget): string {
  const port = target.port === null ? '' : `-p ${String(target.port)} `;
  return `ssh ${port}${target.user === null ? '' : `${target.user}@`}${target.host}`;
}

/** How known_hosts names it. */
export function knownHostName({ host, port }: SshTarget): string {
  return port === null || port === 22 ? host : `[${host}]:${String(port)}`;
}

/** A private (0700) directory for the control socket, short enough for one. */
export async function controlDirectory(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  for (const base of [env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp']) {
    // ssh expands % and ${…} in the path, so only plain characters may be in it.
    if (base === undefined || !/^\/[A-Za-z0-9/._-]*$/.test(base) || base.length > maxSocketPath - '/w5-XXXXXX/s'.length) continue;
    try {
      return await mkdtemp(join(base, 'w5-'));
    } catch {
      continue; // not there or not writable: the next one
    }
  }
  throw new TransportError('other', 'no directory for the ssh control socket', 'Make /tmp or XDG_RUNTIME_DIR writable.');
}

/** Whether the shared connection is there. */
export async function masterAnswers(line: SshLine, directory: string): Promise<boolean> {
  return (await control('check', line, directory)).exitCode === 0;
}

/** Ends the shared connection, and waits (bounded) until its process took its socket away. */
export async function endMaster(line: SshLine, directory: string): Promise<void> {
  const socket = socketIn(directory);
  if (await exists(socket)) {
    await control('exit', line, directory);
    for (let waitedMs = 0; waitedMs < 1000 && (await exists(socket)); waitedMs += 10) await sleep(10);
  }
  await rm(directory, { recursive: true, force: true });
}

/** Where the control socket is. */
export function socketIn(directory: string): string {
  return join(directory, 's');
}

function control(command: 'check' | 'exit', line: SshLine, directory: string): Promise<ChildEnd> {
  return runChild({
    command: 'ssh',
    args: [...sshArguments(line, socketIn(directory)), '-O', command, '--', line.target.host],
    env: line.env,
    stdin: '',
    marks: null,
    connectTimeoutMs: 2000,
    timeoutMs: 2000,
    maxOutputBytes: 4096,
    signals: [],
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Failures that the next script on the same host would only meet again. */
const connectFailures: readonly ReachFailure[] = ['unreachable', 'timeout', 'host-key', 'auth', 'command-missing', 'permission'];

type Keep = (until: Promise<void>) => void;

/** Runs one script. Calls `onBegin` when the host answers, and `keep` with the time until which its session counts. */
export type Session<T> = (onBegin: () => void, keep: Keep) => Promise<T>;

/**
 * Orders the sessions of one host: the first one connects while the others wait, and when it cannot, they all fail with its reason
 * instead of knocking again. At most `maxSessions` at a time.
 */
export function sessionGate() {
  let connected = false;
  let opening: Promise<void> | null = null;
  let running = 0;
  const waiting: (() => void)[] = [];

  /** A slot is free again when the process is gone, not when its answer is there: sshd counts it until then. */
  const inSession = async <T>(session: (keep: Keep) => Promise<T>, signal: AbortSignal): Promise<T> => {
    while (running >= maxSessions) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      try {
        await unlessAborted(promise, signal);
      } catch (error) {
        const place = waiting.indexOf(resolve);
        if (place >= 0) waiting.splice(place, 1);
        else waiting.shift()?.(); // its turn had just come: the next one's
        throw error;
      }
    }
    running++;
    let gone: Promise<void> = Promise.resolve();
    try {
      return await session((until) => {
        gone = until;
      });
    } finally {
      void gone.then(() => {
        running--;
        waiting.shift()?.();
      });
    }
  };

  return async <T>(session: Session<T>, signal: AbortSignal): Promise<T> => {
    while (!connected && opening !== null) await unlessAborted(opening, signal);
    if (connected) {
      return inSession(async (keep) => {
        try {
          return await session(() => {}, keep);
        } catch (error) {
          if (error instanceof TransportError && error.kind === 'lost') connected = false;
          throw error;
        }
      }, signal);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {}); // nobody may be waiting
    opening = promise;
    const connectedNow = (): void => {
      connected = true;
      resolve();
    };
    try {
      return await inSession((keep) => session(connectedNow, keep), signal);
    } catch (error) {
      if (error instanceof TransportError && connectFailures.includes(error.kind)) reject(error);
      if (error instanceof TransportError && error.kind === 'lost') connected = false;
      throw error;
    } finally {
      resolve();
      opening = null;
    }
  };
}

/** Waits no longer than the signal allows; rejects with its reason. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
