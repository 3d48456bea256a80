// Opens the way to a host that the site file's `exec` describes.
import { rm } from 'node:fs/promises';

import type { Exec } from '../model/site.ts';
import { redactWords } from '../model/redact.ts';
import { TransportError } from '../model/transport.ts';
import type { RunResult, Transport } from '../model/transport.ts';
import { runChild } from './child.ts';
import { resultOf } from './failures.ts';
import type { Way } from './failures.ts';
import { program } from './program.ts';
import { displayCommand } from './quote.ts';
import type { Session } from './ssh.ts';
import { controlDirectory, endMaster, knownHostName, loginCommand, masterAnswers, sessionGate, socketIn, sshArguments } from './ssh.ts';
import { parseSshTarget } from './target.ts';

const defaultMaxOutputBytes = 8 * 1024 * 1024;

export interface TransportOptions {
  /** Until a shell answers. Default 10 s. The deadline of the script itself counts from the same moment and may be shorter. */
  readonly connectTimeoutMs?: number;
  /** Environment of the processes that we start, and source of WHY5XX_SSH_CONFIG. Default: our own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

interface Opening {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * The way to a host; `undefined` and `local` are this machine. Connects with the first script, not before. Throws TransportError only
 * where `exec` itself is malformed.
 */
export function openTransport(exec?: Exec, options: TransportOptions = {}): Transport {
  const env = options.env ?? process.env;
  const connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
  if (exec === undefined || exec === 'local') {
    const way = { describe: 'local', via: 'local', login: 'sh -s', knownAs: '', command: 'sh', connectTimeoutMs } as const;
    return transport(way, env, { start: async () => ({ command: 'sh', args: ['-s'] }) });
  }
  if (typeof exec !== 'string') {
    const [command, ...words] = exec;
    if (command === undefined || command === '')
      throw new TransportError('other', 'an empty command prefix', 'Correct `exec` in the site file.');
    const shown = redactWords(exec);
    const way = {
      describe: displayCommand(shown),
      via: 'prefix',
      login: displayCommand([...shown, 'sh']),
      knownAs: '',
      command,
      connectTimeoutMs,
    } as const;
    return transport(way, env, { start: async () => ({ command, args: [...words, 'sh', '-s'] }) });
  }
  const target = parseSshTarget(exec);
  const line = { target, env: { ...env, LC_ALL: 'C' }, connectTimeoutMs };
  let directory: Promise<string> | null = null;
  const way = {
    describe: exec,
    via: 'ssh',
    login: loginCommand(target),
    knownAs: knownHostName(target),
    command: 'ssh',
    connectTimeoutMs,
  } as const;
  return transport(way, line.env, {
    // The remote command line is this fixed text whatever the script, its arguments and the login shell.
    start: async () => {
      directory ??= controlDirectory(env);
      return { command: 'ssh', args: ['-T', ...sshArguments(line, socketIn(await directory)), '--', target.host, 'sh -s'] };
    },
    gate: sessionGate(),
    holds: async () => directory !== null && masterAnswers(line, await directory),
    end: async () => {
      const path = await directory?.catch(() => null);
      if (path != null) await endMaster(line, path).catch(() => rm(path, { recursive: true, force: true }));
    },
  });
}

/** What differs between the ways to a host. */
interface Route {
  readonly start: () => Promise<Opening>;
  /** Orders the scripts of one host; absent: they run as they come. */
  readonly gate?: ReturnType<typeof sessionGate>;
  /** Asked when a script ended without its end mark: is the connection still there? */
  readonly holds?: () => Promise<boolean>;
  readonly end?: () => Promise<void>;
}

function transport(
  way: Omit<Way, 'timeoutMs'>,
  env: Readonly<Record<string, string | undefined>>,
  {
    start,
    gate = (session) =>
      session(
        () => {},
        () => {},
      ),
    holds,
    end,
  }: Route,
): Transport {
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const leaving = new Set<Promise<void>>();
  let closed: Promise<void> | null = null;

  const run: Transport['sh'] = async (
    script,
    { signal, timeoutMs, maxOutputBytes = defaultMaxOutputBytes, env: variables = {}, args = [] },
  ) => {
    if (closing.signal.aborted) throw new TransportError('other', `${way.describe}: already closed`, 'This is a bug in why5xx.');
    let sent: ReturnType<typeof program>;
    try {
      sent = program(script, { env: variables, args });
    } catch (error) {
      throw new TransportError(
        'other',
        `${way.describe}: ${error instanceof Error ? error.message : 'bad value'}`,
        'Correct the value in the site file.',
      );
    }
    const startedAt = performance.now();
    const signals = signal === undefined ? [closing.signal] : [signal, closing.signal];
    const patience = AbortSignal.any([...signals, AbortSignal.timeout(Math.min(timeoutMs, 0x7fff_ffff))]);
    let itsTurn = false;
    const session: Session<RunResult> = async (onBegin, keep) => {
      itsTurn = true;
      const { command, args: words } = await start();
      const leftMs = Math.max(1, timeoutMs - (performance.now() - startedAt)); // waiting for others counts
      const ended = await runChild({
        command,
        args: words,
        env,
        stdin: sent.text,
        marks: sent,
        connectTimeoutMs: way.connectTimeoutMs,
        timeoutMs: leftMs,
        maxOutputBytes,
        signals,
        onBegin,
      });
      keep(ended.gone);
      leaving.add(ended.gone);
      void ended.gone.then(() => leaving.delete(ended.gone));
      const lostOrKilled = ended.by === 'done' && ended.began && ended.scriptCode === null;
      return resultOf(ended, { ...way, timeoutMs }, lostOrKilled && holds !== undefined && (await holds()));
    };
    try {
      return await gate(session, patience);
    } catch (error) {
      if (itsTurn || !patience.aborted) throw error;
      const message = `${way.describe}: stopped while it waited for other scripts on this host`;
      throw new TransportError('timeout', message, 'Give the run more time.');
    }
  };

  return {
    describe: way.describe,
    sh(script, runOptions) {
      const result = run(script, runOptions);
      const settled = result.then(
        () => {},
        () => {},
      );
      running.add(settled);
      void settled.then(() => running.delete(settled));
      return result;
    },
    close() {
      closed ??= (async () => {
        closing.abort();
        await Promise.all(running);
        await Promise.all(leaving);
        await end?.();
      })();
      return closed;
    },
  };
}
