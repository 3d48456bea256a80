// `why5xx logs --follow`: a live view of the failures in logs that are being written, until Ctrl-C; then the whole report.
import { closeSync, openSync, readSync } from 'node:fs';

import { follow } from '../logs/input/follow.ts';
import { resolveInputs } from '../logs/input/resolve.ts';
import type { FormatHints, LogFormat } from '../logs/records.ts';
import { UserError } from '../model/errors.ts';
import { plain } from '../model/neutral.ts';
import type { Report } from '../model/report.ts';
import { changedMinutes, renderLive, type Minutes } from '../report/logs-live.ts';
import type { Tally } from '../logs/records.ts';
import type { TimeWindow } from '../logs/scan/state.ts';
import { openLiveTally } from './live-tally.ts';
import { withinWindow } from './log-window.ts';
import type { Output } from './output.ts';
import { guard, type OutputStream } from './terminal.ts';

/** How to follow. */
export interface FollowRun {
  readonly hints: FormatHints;
  readonly format: LogFormat | undefined;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly quiet: boolean;
  /** What to count; where it begins at a time, files are read from their beginning. */
  readonly window: TimeWindow | undefined;
  /** Where the live view goes: the place of the text, unless another format has it. */
  readonly screen: OutputStream & { readonly rows?: number | undefined };
  readonly report: (tally: Tally) => Report;
}

const headBytes = 128 << 10;
/** A drawing may take this part of the time at most. */
const drawShare = 10;

/** Follows until the signal aborts; resolves to the last report. Rejects with UserError where there is nothing to follow. */
export async function followLogs(args: readonly string[], run: FollowRun): Promise<Report> {
  const { paths, left } = await followed(args);
  const from = run.window !== undefined && Number.isFinite(run.window.zoned.from) ? 'start' : 'end';
  if (!run.quiet) for (const note of left) process.stderr.write(`why5xx: ${plain(note)}\n`);
  const live = openLiveTally(
    paths.map((path) => ({ name: path, head: headOf(path) })),
    run.hints,
    run.format,
    run.window,
  );
  const view = run.quiet ? null : openView(run);
  // The first look at the files takes no turn of the event loop: whatever is written after this has been said is seen.
  if (view !== null) setImmediate(() => view.waiting(paths.length, from));
  let shown = 0;
  let drawnMs = 0;
  let tookMs = 0;
  const draw = (): void => {
    const now = Date.now();
    live.settle();
    if (view === null || live.version === shown || now - drawnMs < Math.max(view.everyMs, tookMs * drawShare)) return;
    shown = live.version;
    view.draw(run.report(withinWindow(live.tally(), run.window)));
    drawnMs = Date.now();
    tookMs = drawnMs - now;
  };
  const timer = setInterval(draw, 250);
  try {
    for await (const event of follow(paths, { signal: run.signal, from })) {
      if (event.kind === 'problem') {
        view?.clear();
        process.stderr.write(`why5xx: ${plain(event.path)}: ${plain(event.problem.detail)}\n`);
      }
      live.take(event);
    }
  } finally {
    clearInterval(timer);
  }
  live.end();
  const last = run.report(withinWindow(live.tally(), run.window));
  view?.last(last);
  view?.clear();
  return last;
}

/** Which files to follow: what is a plain file, or may become one. What stays as it is (a finished rotation, an archive) is told. */
async function followed(args: readonly string[]): Promise<{ readonly paths: readonly string[]; readonly left: readonly string[] }> {
  const { inputs, problems } = await resolveInputs(args, { stdin: process.stdin });
  const left = inputs.filter((each) => each.path === null).map((each) => `${each.name}: not followed, only plain files are`);
  const paths = inputs.flatMap((each) => each.path ?? []);
  for (const { name, problem } of problems) {
    // A log that its program has not begun yet.
    if (problem.kind === 'not-found' && args.includes(name) && !/[*?[{]/.test(name)) paths.push(name);
    else left.push(`${name}: ${problem.detail}`);
  }
  if (paths.length === 0)
    throw new UserError('nothing-to-follow', 'there is no file to follow', left[0] ?? 'Name the logs that are being written.');
  return { paths, left };
}

function headOf(path: string): Uint8Array {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return new Uint8Array(0);
  }
  try {
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(fd, head, 0, headBytes, 0));
  } finally {
    closeSync(fd);
  }
}

interface View {
  readonly everyMs: number;
  waiting(files: number, from: 'start' | 'end'): void;
  draw(report: Report): void;
  /** What changed since the last drawing, where that would be lost. */
  last(report: Report): void;
  clear(): void;
}

function openView({ screen, output }: FollowRun): View {
  guard(screen);
  const write = (text: string): void => void screen.write(text);
  if (screen.isTTY === true && process.env['TERM'] !== 'dumb') return openScreen(screen, output, write);
  let before: Minutes = new Map();
  const draw = (report: Report): void => {
    const { lines, minutes } = changedMinutes(report, before);
    before = minutes;
    if (lines.length > 0) write(`${lines.join('\n')}\n`);
  };
  const waiting: View['waiting'] = (files, from) => void process.stderr.write(`${waitingText(files, from)}\n`);
  return { everyMs: 2000, waiting, draw, last: draw, clear: () => undefined };
}

function waitingText(files: number, from: 'start' | 'end'): string {
  return `following ${files} ${files === 1 ? 'log' : 'logs'} from the ${from}; Ctrl-C ends it and prints the report`;
}

/** A view that is redrawn in its place. */
function openScreen(screen: FollowRun['screen'], output: Output, write: (text: string) => void): View {
  let height = 0;
  const clear = (): void => {
    if (height > 0) write(`\u001b[${height}A\r\u001b[J`);
    height = 0;
  };
  const show = (text: string): void => {
    const lines = text
      .trimEnd()
      .split('\n')
      .slice(0, Math.max(3, (screen.rows ?? 24) - 1));
    const back = height > 0 ? `\u001b[${height}A\r` : '';
    // In one write and line over line, so that nothing flickers.
    write(`${back}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    height = lines.length;
  };
  return {
    everyMs: 500,
    waiting: (files, from) => show(waitingText(files, from)),
    draw: (report) => show(renderLive(report, { ...output.terminal, width: screen.columns ?? output.terminal.width })),
    last: () => undefined,
    clear,
  };
}
