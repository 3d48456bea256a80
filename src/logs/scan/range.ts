// Reads one byte range of a plain file: the lines that begin in it, the last of them to its end, and what continues the last record.
import { readSync } from 'node:fs';
import type { InputProblem } from '../records.ts';
import { lineLimit } from '../text.ts';
import { openPiece, type PieceOptions, type PieceResult } from './piece.ts';

const newline = 10;
const beyondBytes = 16 << 10;

/** A range of an open file. */
export interface ByteRange {
  readonly fd: number;
  readonly from: number;
  readonly to: number;
  /** Size of the file when it was opened: nothing behind it is read. */
  readonly size: number;
}

/** What a range leaves. */
export interface RangeResult extends PieceResult {
  readonly problem: InputProblem | null;
}

const readProblem = (error: unknown): InputProblem => ({
  kind: 'read-error',
  detail: `reading failed (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
});

/** Whether a line ends here. An error shows again when the range itself is read. */
function isNewline(fd: number, at: number): boolean {
  const byte = Buffer.alloc(1);
  try {
    return readSync(fd, byte, 0, 1, at) === 1 && byte[0] === newline;
  } catch {
    return false;
  }
}

/** Lines from a position on, as text; `cut` where a line was longer than the limit. */
function* linesFrom(fd: number, from: number, size: number): Generator<{ text: string; cut: boolean }> {
  const block = Buffer.allocUnsafe(beyondBytes);
  let kept: Buffer[] = [];
  let length = 0;
  let at = from;
  const whole = (): { text: string; cut: boolean } => {
    let line = Buffer.concat(kept);
    const cut = length > lineLimit;
    if (cut) line = line.subarray(0, lineLimit);
    else if (line.at(-1) === 13) line = line.subarray(0, -1);
    kept = [];
    length = 0;
    return { text: line.toString('utf8'), cut };
  };
  while (at < size) {
    const count = readSync(fd, block, 0, Math.min(block.length, size - at), at);
    if (count === 0) break;
    at += count;
    let start = 0;
    while (start < count) {
      const found = block.indexOf(newline, start);
      const end = found < 0 || found >= count ? count : found;
      // The rest of an overlong line needs no keeping, only one byte that tells that it is too long.
      if (length <= lineLimit) kept.push(Buffer.from(block.subarray(start, end)));
      length += end - start;
      if (end === count) {
        if (length > lineLimit) {
          yield whole();
          return;
        }
        break;
      }
      yield whole();
      start = end + 1;
    }
  }
  if (length > 0) yield whole();
}

/** Reads the range into the tally. `onBytes` is told after each block, and may end the reading by returning false. */
export function readRange(
  range: ByteRange,
  options: Omit<PieceOptions, 'from' | 'isFirst'>,
  onBytes: (count: number, lines: number) => boolean,
): RangeResult {
  const { fd, from, to, size } = range;
  let at = from;
  const piece = openPiece({ ...options, from, isFirst: from === 0 });
  let problem: InputProblem | null = null;
  // Looked at apart: reading whole pages from where they begin takes half the time.
  if (from > 0 && !isNewline(fd, from - 1)) piece.skipFirstLine();
  let told = 0;
  while (at < to) {
    const space = piece.space();
    let count = 0;
    try {
      count = readSync(fd, space, 0, Math.min(space.length, to - at), at);
    } catch (error) {
      problem = readProblem(error);
    }
    if (count === 0) {
      problem ??= { kind: 'shrank', detail: `it became shorter while it was read: it had ${size} bytes` };
      break;
    }
    piece.filled(count);
    options.builder.addLines(options.input, { bytes: count });
    at += count;
    const lines = piece.lines();
    if (!onBytes(count, lines - told)) return { ...piece.end(), problem };
    told = lines;
  }
  const unfinished = piece.unfinished();
  if (problem !== null || to >= size) piece.takeUnfinished();
  else {
    try {
      let isFirst = unfinished !== null;
      for (const { text, cut } of linesFrom(fd, unfinished ?? to, size)) {
        if (!isFirst) {
          if (!piece.reader.beyond(text, cut)) break;
          continue;
        }
        isFirst = false;
        piece.takeWhole(text, cut, unfinished ?? 0);
        if (cut) break;
      }
    } catch (error) {
      problem = readProblem(error);
    }
  }
  onBytes(0, piece.lines() - told);
  return { ...piece.end(), problem };
}
