// The work on byte ranges as several threads share it: a list of tasks, a counter that hands them out, and what each thread brings back.
import { closeSync, openSync } from 'node:fs';
import type { FormatHints, LogFormat } from '../records.ts';
import type { DialectKeys, Dialects } from './dialects.ts';
import { openErrorReader, type ErrorReader } from './errors/nginx-errors.ts';
import type { Kernel } from './kernel/kernel.ts';
import { openEngine } from './kernel/wasm.ts';
import { readRange, type RangeResult } from './range.ts';
import type { TallyInput, TallyLimits, TallyState } from './state.ts';
import { openTally } from './tally.ts';

/** Line numbers of a task are its index times this, plus the number within the task. */
export const taskStride = 2 ** 32;

/** A file whose ranges are read. */
export interface JobFile {
  readonly path: string;
  /** Open in this process, for all threads; -1 where each thread has to open it. */
  readonly fd: number;
  readonly size: number;
  readonly keys: DialectKeys | null;
  /** Some of its first lines, from which plans of the fast path are made. */
  readonly lines: readonly string[];
}

/** Everything that a thread must know. */
export interface Job {
  readonly inputs: readonly TallyInput[];
  /** By input; null for one that is no plain file. */
  readonly files: readonly (JobFile | null)[];
  /** Input, first and last byte of each task. */
  readonly tasks: Float64Array;
  readonly hints: FormatHints;
  readonly limits: TallyLimits;
  readonly blockBytes: number;
  /** True for reading every line by its parser, without the fast path. */
  readonly isPlain: boolean;
  readonly control: Control;
}

/** What threads tell one another while they work. */
export interface Control {
  /** Next task, and whether to stop. */
  readonly words: Int32Array;
  /** Bytes, lines and failed requests so far. */
  readonly totals: BigInt64Array;
}

/** Counters for a new job. */
export function openControl(): Control {
  return { words: new Int32Array(new SharedArrayBuffer(8)), totals: new BigInt64Array(new SharedArrayBuffer(24)) };
}

/** Ends the work of all threads at their next block. */
export function stop(control: Control): void {
  Atomics.store(control.words, 1, 1);
}
/** Whether somebody called `stop`. */
export function isStopped(control: Control): boolean {
  return Atomics.load(control.words, 1) === 1;
}

/** Adds to what the user sees. */
export function report(control: Control, bytes: number, lines: number, failed: number): void {
  Atomics.add(control.totals, 0, BigInt(bytes));
  Atomics.add(control.totals, 1, BigInt(lines));
  if (failed > 0) Atomics.add(control.totals, 2, BigInt(failed));
}

/** What a thread brings back. */
export interface Part {
  readonly state: TallyState;
  readonly results: ReadonlyMap<number, RangeResult>;
}

/** Takes tasks until none is left. Yields after each, so that the main thread can do something else in between. */
export function* runTasks(job: Job, dialectsOf: (input: number) => Dialects): Generator<void, Part> {
  const builder = openTally(job.inputs, job.limits);
  const results = new Map<number, RangeResult>();
  const engine = openEngine(job.blockBytes);
  const kernels = new Map<number, Kernel | null>();
  const kernelOf = (input: number, file: JobFile, main: LogFormat | null): Kernel | null => {
    const known = kernels.get(input);
    if (known !== undefined) return known;
    const kernel = main === null || job.isPlain ? null : engine.planFor(main, file.lines);
    kernels.set(input, kernel);
    return kernel;
  };
  const errorReaders = new Map<number, ErrorReader | null>();
  const errorsOf = (input: number, main: LogFormat | null): ErrorReader | null => {
    const known = errorReaders.get(input);
    if (known !== undefined) return known;
    const errors = job.isPlain ? null : openErrorReader(main, engine.workspace.bytes);
    errorReaders.set(input, errors);
    return errors;
  };
  const { control, tasks } = job;
  let opened: { readonly input: number; readonly fd: number } | null = null;
  try {
    for (;;) {
      const task = Atomics.add(control.words, 0, 1);
      if (task * 3 >= tasks.length || isStopped(control)) break;
      const [input = 0, from = 0, to = 0] = tasks.subarray(task * 3, task * 3 + 3);
      const file = job.files[input];
      if (file == null) continue;
      let { fd } = file;
      if (fd < 0) {
        if (opened !== null && opened.input !== input) {
          closeSync(opened.fd);
          opened = null;
        }
        opened ??= { input, fd: openSync(file.path, 'r') };
        fd = opened.fd;
      }
      let { failed } = builder.state;
      const dialects = dialectsOf(input);
      results.set(
        task,
        readRange(
          { fd, from, to, size: file.size },
          {
            builder,
            input,
            dialects,
            workspace: engine.workspace,
            kernel: kernelOf(input, file, dialects.main),
            errors: errorsOf(input, dialects.main),
            lineBase: task * taskStride,
            hasMore: true,
          },
          (bytes, lines) => {
            report(control, bytes, lines, builder.state.failed - failed);
            ({ failed } = builder.state);
            return !isStopped(control);
          },
        ),
      );
      yield;
    }
    for (const kernel of kernels.values()) kernel?.settle();
  } finally {
    if (opened !== null) closeSync(opened.fd);
  }
  return { state: builder.state, results };
}
