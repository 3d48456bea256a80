// Runs one local process with a deadline, an output cap and an end by pid. Knows nothing about hosts; says what happened as data.
import { spawn } from 'node:child_process';

/** How long a process that is over, or was killed, may keep its pipes open. */
const graceMs = 300;
/** Kept of stderr; the rest is read and dropped, so that a chatty command can go on. */
const maxStderrBytes = 256 * 1024;
/** Kept of what comes before the begin mark. */
const maxNoiseBytes = 256 * 1024;

export interface ChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: string;
  /** Without marks the whole output counts. */
  readonly marks: { readonly begin: string; readonly end: string } | null;
  /** Until the begin mark. */
  readonly connectTimeoutMs: number;
  /** Until the end. */
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly signals: readonly AbortSignal[];
  /** Called once, when the begin mark arrived. */
  readonly onBegin?: () => void;
}

export interface ChildEnd {
  /** Why it is over. `done`: the process exited by itself or its end marks were read. */
  readonly by: 'done' | 'connect-deadline' | 'deadline' | 'aborted' | 'output-cap' | 'not-started';
  /** Errno of the failed start. */
  readonly startError: string | null;
  /** Exit code of the process that we started; null when a signal ended it. */
  readonly exitCode: number | null;
  readonly began: boolean;
  /** Exit code that the end mark carried; null without an end mark. */
  readonly scriptCode: number | null;
  /** Between the marks; before the begin mark where that never came. */
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly truncated: boolean;
  readonly tookMs: number;
  /** Resolves when no process of its group is left, soon after the end. */
  readonly gone: Promise<void>;
}

/**
 * Never rejects and always settles: at the latest `graceMs` after the deadline. With marks it settles as soon as both ends have come,
 * which over ssh is a tenth of a second before the process exits.
 */
export function runChild(spec: ChildSpec): Promise<ChildEnd> {
  const startedAt = performance.now();
  const begin = spec.marks === null ? null : Buffer.from(spec.marks.begin);
  const end = spec.marks === null ? null : Buffer.from(spec.marks.end);
  const { promise, resolve } = Promise.withResolvers<ChildEnd>();

  const gone = Promise.withResolvers<void>();
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let outBytes = 0;
  let errBytes = 0;
  let began = begin === null;
  let truncated = false;
  const outEnd = end === null ? null : endFinder(end);
  const errEnd = end === null ? null : endFinder(end);
  let by: ChildEnd['by'] = 'done';
  let exitCode: number | null = null;
  let settled = false;
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, run: () => void): void => {
    timers.add(setTimeout(run, Math.min(ms, 0x7fff_ffff))); // beyond that a timer fires at once
  };

  const finish = (startError: string | null): void => {
    if (settled) return;
    settled = true;
    for (const signal of spec.signals) signal.removeEventListener('abort', onAbort);
    const [output, scriptCode] = beforeEnd(Buffer.concat(out, outBytes), began ? end : null);
    const [stderr] = beforeEnd(Buffer.concat(err, errBytes), end);
    const stdout = output.subarray(0, spec.maxOutputBytes);
    resolve({
      by,
      startError,
      exitCode,
      began,
      scriptCode,
      stdout,
      stderr,
      truncated: truncated || stdout.length < output.length,
      tookMs: Math.round(performance.now() - startedAt),
      gone: gone.promise,
    });
  };
  const forget = (): void => {
    for (const timer of timers) clearTimeout(timer);
    gone.resolve();
  };

  if (spec.signals.some((signal) => signal.aborted)) {
    by = 'aborted';
    began = false;
    finish(null);
    forget();
    return promise;
  }

  let child: ReturnType<typeof start>;
  try {
    child = start(spec);
  } catch (error) {
    by = 'not-started';
    began = false;
    finish(errorCode(error));
    forget();
    return promise;
  }

  const drop = (): void => {
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const kill = (): void => {
    // Closing stdin first: where the group may not be signalled (sudo), or lives on another machine, the watchdog ends it.
    child.stdin.destroy();
    if (child.pid !== undefined) {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
    }
    after(graceMs, () => {
      drop();
      finish(null);
      forget();
    });
  };
  const stop = (why: ChildEnd['by']): void => {
    if (settled || by !== 'done') return;
    by = why;
    kill();
  };
  function onAbort(): void {
    stop('aborted');
  }

  let endsSeen = 0;
  const endSeen = (): void => {
    endsSeen++;
    if (endsSeen > 1) return;
    // The watchdog is gone by now. What the script left behind may hold our pipes open, so they do not decide.
    child.stdin.end();
    after(graceMs, kill);
  };

  child.on('error', (error) => {
    if (child.pid === undefined) {
      by = 'not-started';
      began = false;
      drop();
      finish(errorCode(error));
      forget();
    }
  });
  child.stdin.on('error', () => {}); // EPIPE: it ended without reading all; its exit tells the story
  child.stdout.on('error', () => {});
  child.stderr.on('error', () => {});
  child.stdout.on('data', (chunk: Buffer) => {
    if (settled || by === 'output-cap') return;
    out.push(chunk);
    outBytes += chunk.length;
    if (!began && begin !== null) {
      const all = Buffer.concat(out, outBytes);
      const at = all.indexOf(begin);
      if (at < 0) {
        if (outBytes > maxNoiseBytes) stop('output-cap');
        return;
      }
      began = true;
      const rest = all.subarray(at + begin.length);
      out.splice(0, out.length, rest);
      outBytes = rest.length;
      chunk = rest;
      spec.onBegin?.();
    }
    if (outEnd?.(chunk) === true) {
      endSeen();
      if (endsSeen === 2) finish(null);
      return;
    }
    if (outBytes > spec.maxOutputBytes + (end === null ? 0 : end.length + 8)) {
      truncated = true;
      stop('output-cap');
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (settled) return;
    const kept = chunk.subarray(0, Math.max(0, maxStderrBytes - errBytes));
    if (kept.length < chunk.length) truncated = true;
    if (kept.length > 0) err.push(kept);
    errBytes += kept.length;
    if (errEnd?.(chunk) === true) {
      endSeen();
      if (endsSeen === 2) finish(null);
    }
  });
  child.on('exit', (code) => {
    exitCode = code;
    child.stdin.destroy();
    after(graceMs, kill);
  });
  child.on('close', () => {
    finish(null);
    forget();
  });

  for (const signal of spec.signals) signal.addEventListener('abort', onAbort, { once: true });
  after(spec.timeoutMs, () => stop('deadline'));
  if (!began) after(Math.min(spec.connectTimeoutMs, spec.timeoutMs), () => began || stop('connect-deadline'));
  if (spec.marks === null) child.stdin.end(spec.stdin);
  else child.stdin.write(spec.stdin);
  return promise;
}

function start(spec: ChildSpec) {
  // A process group of its own, without our terminal: nothing can prompt, and one signal ends all of it.
  return spawn(spec.command, spec.args, { env: spec.env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
}

/** Tells when the end mark with its code has passed through a stream of chunks. */
function endFinder(end: Buffer): (chunk: Buffer) => boolean {
  let tail: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const text = Buffer.concat([tail, chunk]);
    const at = text.indexOf(end);
    if (at >= 0 && text.indexOf(';', at + end.length) >= 0) return true;
    tail = text.subarray(at >= 0 ? at : Math.max(0, text.length - end.length));
    return false;
  };
}

/** What comes before the end mark, and the code behind it. */
function beforeEnd(output: Buffer, end: Buffer | null): readonly [Buffer, number | null] {
  const at = end === null ? -1 : output.lastIndexOf(end);
  if (end === null || at < 0) return [output, null];
  const match = /^(\d+);/.exec(output.subarray(at + end.length, at + end.length + 8).toString('latin1'));
  return match === null ? [output, null] : [output.subarray(0, at), Number(match[1])];
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
