// Live progress on stderr: one line that is rewritten on a terminal, plain lines in a log, nothing with --quiet.
import { plain } from '../model/neutral.ts';
import { cutTo } from '../report/width.ts';
import { guard, type OutputStream } from './terminal.ts';

export interface Progress {
  /** Says what is being done from now on. `timed` false leaves the seconds out that pass meanwhile, where the text tells them. */
  step(text: string, timed?: boolean): void;
  /** Ends the display and leaves nothing behind on a terminal. Safe to call more than once; a later `step` starts again. */
  done(): void;
}

export interface ProgressOptions {
  readonly stream: OutputStream;
  readonly quiet: boolean;
  /** Whether lines can be rewritten. */
  readonly tty: boolean;
}

/** Opens the display. Never throws and never waits: progress must not be a reason to fail. */
export function openProgress({ stream, quiet, tty }: ProgressOptions): Progress {
  if (quiet) return { step: () => undefined, done: () => undefined };
  guard(stream);
  const write = (text: string): void => void stream.write(text);
  if (!tty) {
    return { step: (text) => write(`${plain(text)}\n`), done: () => undefined };
  }
  let current: string | null = null;
  let clock = true;
  let startedMs = Date.now();
  let timer: NodeJS.Timeout | null = null;
  const draw = (): void => {
    if (current === null) return;
    const seconds = Math.floor((Date.now() - startedMs) / 1000);
    const line = seconds < 1 || !clock ? current : `${current} (${seconds} s)`;
    write(`\r\u001b[K${cutTo(line, Math.max(20, (stream.columns ?? 80) - 1))}`);
  };
  return {
    step(text, timed = true) {
      clock = timed;
      if (current === null) startedMs = Date.now();
      current = plain(text);
      draw();
      timer ??= setInterval(draw, 1000).unref();
    },
    done() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      if (current !== null) write('\r\u001b[K');
      current = null;
    },
  };
}
