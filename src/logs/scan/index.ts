// One pass over all inputs: every byte is read once, every line is counted once, and what comes out does not depend on how many threads
// read, where the pieces were cut, or how the inputs are compressed.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

import { InputError, type FormatHints, type Input, type InputProblem, type LogFormat, type Tally } from '../records.ts';
import { dialectKeys, dialectsOf, headBytes, headLines, type Dialects } from './dialects.ts';
import { isStopped, openControl, report, runTasks, stop, taskStride, type Job, type JobFile, type Part } from './job.ts';
import { addProblem, joinParts } from './join.ts';
import { openErrorReader } from './errors/nginx-errors.ts';
import { openEngine } from './kernel/wasm.ts';
import { openPiece } from './piece.ts';
import type { RangeResult } from './range.ts';
import { defaultLimits, type TallyInput, type TallyLimits } from './state.ts';
import { openTally } from './tally.ts';
import { endIdleWorkers, runWorker, workersFor } from './threads.ts';

export { openTally } from './tally.ts';
export type { TallyLimits } from './state.ts';

/** How far a scan is. `totalBytes` is of what is stored (compressed inputs count as such); null where an input's size is unknown. */
export interface ScanProgress {
  /** Decompressed. */
  readonly bytes: number;
  /** The same as it is stored: comes to `totalBytes` where nothing goes wrong. */
  readonly storedBytes: number;
  readonly totalBytes: number | null;
  readonly lines: number;
  readonly failed: number;
}

/** How to scan. */
export interface ScanOptions {
  readonly hints: FormatHints;
  /** The format of all inputs, instead of finding out. */
  readonly format?: LogFormat | undefined;
  /** Threads beside the calling one; by default as many as there are further cores, at most 3, and none where little is to be read. */
  readonly workers?: number | undefined;
  /** Size of the byte ranges that threads take. */
  readonly chunkBytes?: number | undefined;
  /** Reads every line by its parser: for tests, and to look for errors of the fast path. */
  readonly isPlain?: boolean | undefined;
  /** Size of one read. */
  readonly blockBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called about ten times a second. */
  readonly onProgress?: ((progress: ScanProgress) => void) | undefined;
  readonly limits?: Partial<TallyLimits> | undefined;
}

const defaultChunk = 16 << 20;
const defaultBlock = 256 << 10;
/** Files that are held open from the start: a rotation during the scan then changes nothing. */
const mostOpen = 256;
const mostTasks = 4096;

interface Prepared {
  readonly dialects: Dialects | null;
  readonly file: JobFile | null;
  readonly problems: readonly InputProblem[];
}

function problemOf(error: unknown): InputProblem {
  if (error instanceof InputError) return error.problem;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  if (code === 'ENOENT') return { kind: 'vanished', detail: 'it was there a moment ago' };
  if (code === 'EACCES' || code === 'EPERM') return { kind: 'no-permission', detail: 'no permission to read it' };
  return { kind: 'read-error', detail: `reading failed (${code})` };
}

/** What the first bytes say beside the format. */
export function binaryProblem(head: Uint8Array): InputProblem | null {
  const [a, b] = head;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff))
    return { kind: 'binary', detail: 'this is UTF-16 text; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)' };
  let zeros = 0;
  for (const byte of head) if (byte === 0) zeros++;
  return zeros * 50 > head.length ? { kind: 'binary', detail: 'this does not look like text: it is full of zero bytes' } : null;
}

function readHead(fd: number, size: number): Buffer {
  const head = Buffer.allocUnsafe(Math.min(headBytes, size));
  let length = 0;
  while (length < head.length) {
    const count = readSync(fd, head, length, head.length - length, length);
    if (count === 0) break;
    length += count;
  }
  return head.subarray(0, length);
}

/** Of an input's first lines, enough to make a plan of the fast path from and to see whether it is true. */
export const planLines = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.length > 20 && line.length < 4096).slice(0, 100);

/** Opens a plain file and finds out what it holds. */
function prepareFile(path: string, storedBytes: number | null, isKept: boolean, options: ScanOptions): Prepared {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return { dialects: null, file: null, problems: [problemOf(error)] };
  }
  try {
    const problems: InputProblem[] = [];
    const now = fstatSync(fd).size;
    const size = Math.min(now, storedBytes ?? now);
    if (storedBytes !== null && now < storedBytes)
      problems.push({ kind: 'shrank', detail: `it became shorter while it was read: it had ${storedBytes} bytes` });
    const head = readHead(fd, size);
    const binary = binaryProblem(head);
    if (binary !== null) problems.push(binary);
    const lines = headLines(head, head.length >= size);
    const dialects = dialectsOf(lines, options.hints, options.format ?? null);
    const keys = dialectKeys(dialects, options.hints);
    const file = { path, fd: isKept ? fd : -1, size, keys, lines: planLines(lines) };
    if (!isKept) closeSync(fd);
    return { dialects, file, problems };
  } catch (error) {
    closeSync(fd);
    return { dialects: null, file: null, problems: [problemOf(error)] };
  }
}

/** Byte ranges of all files. */
function tasksOf(files: readonly (JobFile | null)[], chunkBytes: number): { readonly tasks: Float64Array; readonly inputs: number[] } {
  const list: number[] = [];
  const inputs: number[] = [];
  files.forEach((file, input) => {
    if (file === null) return;
    const chunk = Math.max(chunkBytes, Math.ceil(file.size / mostTasks));
    for (let from = 0; from < file.size; from += chunk) {
      list.push(input, from, Math.min(file.size, from + chunk));
      inputs.push(input);
    }
  });
  const tasks = new Float64Array(new SharedArrayBuffer(list.length * 8));
  tasks.set(list);
  return { tasks, inputs };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/**
 * Reads all inputs to their end, each once. Problems of an input are told in its part of the tally; it throws only where the signal aborts
 * or a program error shows.
 */
export async function scanLogs(inputs: readonly Input[], options: ScanOptions): Promise<Tally> {
  const limits = { ...defaultLimits, ...options.limits };
  const chunkBytes = options.chunkBytes ?? defaultChunk;
  const blockBytes = options.blockBytes ?? defaultBlock;
  const control = openControl();
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();

  const prepared: (Prepared | null)[] = inputs.map((input, i) =>
    input.path === null ? null : prepareFile(input.path, input.storedBytes, i < mostOpen, options),
  );
  const files = prepared.map((each) => each?.file ?? null);
  const metas = inputs.map(({ name }): TallyInput => ({ name, compression: 'none', storedBytes: null, format: null, kind: null }));
  const { tasks, inputs: inputOfTask } = tasksOf(files, chunkBytes);
  const job: Job = { inputs: metas, files, tasks, hints: options.hints, limits, blockBytes, isPlain: options.isPlain ?? false, control };

  const plainBytes = files.reduce((sum, file) => sum + (file?.size ?? 0), 0);
  const canShare = files.every((file) => file === null || file.keys !== null);
  const workers = canShare ? Math.min(options.workers ?? workersFor(plainBytes), Math.max(0, inputOfTask.length - 1)) : 0;

  /** What compressed inputs gave, by input. */
  const unpackedBytes = inputs.map(() => 0);

  const onAbort = (): void => stop(control);
  signal.addEventListener('abort', onAbort, { once: true });
  const tell = (): void => {
    const [bytes = 0n, lines = 0n, failed = 0n] = control.totals;
    const stored = inputs.map(({ storedBytes }) => storedBytes);
    const totalBytes = stored.some((size) => size === null) ? null : stored.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    const unpacked = unpackedBytes.reduce((sum, size) => sum + size, 0);
    const packed = inputs.reduce((sum, input) => sum + (input.storedRead?.() ?? 0), 0);
    const storedBytes = Number(bytes) - unpacked + packed;
    options.onProgress?.({ bytes: Number(bytes), storedBytes, totalBytes, lines: Number(lines), failed: Number(failed) });
  };
  const timer = options.onProgress === undefined ? null : setInterval(tell, 100);

  try {
    const running = Array.from({ length: workers }, () => runWorker(job));
    endIdleWorkers();
    const own = async (): Promise<Part> => {
      const steps = runTasks(job, (input) => {
        const dialects = prepared[input]?.dialects;
        if (dialects == null) throw new Error(`input ${input} was not prepared`);
        return dialects;
      });
      for (;;) {
        const step = steps.next();
        if (step.done === true) return step.value;
        await turn();
      }
    };
    const streams = async (): Promise<Part[]> => {
      const parts: Part[] = [];
      for (const [i, input] of inputs.entries()) {
        if (input.path !== null || isStopped(control)) continue;
        const task = inputOfTask.length;
        inputOfTask.push(i);
        const { part, prepared: found } = await readStream(input, i, task, job, options, signal, (count) => {
          if (input.storedRead !== undefined) unpackedBytes[i] = (unpackedBytes[i] ?? 0) + count;
        });
        prepared[i] = found;
        parts.push(part);
      }
      return parts;
    };
    const [ownPart, streamParts, ...workerParts] = await Promise.all([own(), streams(), ...running]).catch((error: unknown) => {
      stop(control);
      throw error;
    });
    signal.throwIfAborted();

    const final = openTally(
      inputs.map((input, i): TallyInput => {
        const main = prepared[i]?.dialects?.main ?? null;
        const kind = main === null ? null : main.access === null ? 'error' : 'access';
        return { name: input.name, compression: input.compression, storedBytes: input.storedBytes, format: main, kind };
      }),
      limits,
    );
    prepared.forEach((each, i) => each?.problems.forEach((problem) => final.addProblem(i, problem)));
    joinParts(final, [ownPart, ...streamParts, ...workerParts], inputOfTask);
    files.forEach((file, i) => {
      const problems = final.state.inputs[i]?.problems;
      const grown = file === null || file.fd < 0 ? 0 : fstatSync(file.fd).size - file.size;
      if (problems !== undefined && grown > 0)
        addProblem(problems, { kind: 'grew', detail: 'it grew while it was read; what was added later was not read' });
    });
    tell();
    return final.finish();
  } finally {
    if (timer !== null) clearInterval(timer);
    signal.removeEventListener('abort', onAbort);
    for (const file of files) if (file !== null && file.fd >= 0) closeSync(file.fd);
  }
}

/** Reads an input that comes as a stream, on this thread; what decompresses it runs elsewhere. */
async function readStream(
  input: Input,
  index: number,
  task: number,
  job: Job,
  options: ScanOptions,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<{ readonly part: Part; readonly prepared: Prepared }> {
  const builder = openTally(job.inputs, job.limits);
  const problems: InputProblem[] = [];
  let dialects: Dialects | null = null;
  const head: Buffer[] = [];
  let length = 0;
  let piece: ReturnType<typeof openPiece> | null = null;
  let told = { lines: 0, failed: 0 };
  const feed = (block: Uint8Array): void => {
    piece?.feed(block);
    builder.addLines(index, { bytes: block.length });
    onBytes(block.length);
    const now = { lines: piece?.lines() ?? 0, failed: builder.state.failed };
    report(job.control, block.length, now.lines - told.lines, now.failed - told.failed);
    told = now;
  };
  const start = (isWhole: boolean): void => {
    const bytes = Buffer.concat(head);
    const first = bytes.subarray(0, headBytes);
    const binary = binaryProblem(first);
    if (binary !== null) problems.push(binary);
    const lines = headLines(first, isWhole && bytes.length <= headBytes);
    dialects = dialectsOf(lines, options.hints, options.format ?? null);
    const engine = openEngine(job.blockBytes);
    piece = openPiece({
      builder,
      input: index,
      dialects,
      workspace: engine.workspace,
      kernel: dialects.main === null || job.isPlain ? null : engine.planFor(dialects.main, planLines(lines)),
      errors: job.isPlain ? null : openErrorReader(dialects.main, engine.workspace.bytes),
      from: 0,
      isFirst: true,
      lineBase: task * taskStride,
    });
    feed(bytes);
  };
  try {
    for await (const block of input.open(signal)) {
      if (isStopped(job.control)) break;
      if (piece !== null) feed(block);
      else {
        head.push(Buffer.from(block));
        length += block.length;
        if (length > headBytes) start(false);
      }
    }
  } catch (error) {
    problems.push(problemOf(error));
  }
  if (piece === null) start(true);
  const results = new Map<number, RangeResult>();
  const read = piece as ReturnType<typeof openPiece> | null;
  if (read !== null) {
    read.takeUnfinished();
    results.set(task, { ...read.end(), problem: null });
  }
  return { part: { state: builder.state, results }, prepared: { dialects, file: null, problems } };
}
