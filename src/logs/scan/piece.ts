// One piece of an input, fed in blocks: finds its lines, lets the kernel count those it is sure of and gives the others to the reader. Lines
// longer than the limit are cut, and never held whole.
import { lineLimit } from '../text.ts';
import type { Dialects } from './dialects.ts';
import type { ErrorReader } from './errors/nginx-errors.ts';
import type { Kernel } from './kernel/kernel.ts';
import { openReader, type Head, type LineReader, type Tail } from './reader.ts';
import { openClock, type Clock } from './state.ts';
import type { TallyBuilder } from './tally.ts';

const newline = 10;
const carriageReturn = 13;

/** What a piece leaves for the thread that joins pieces. */
export interface PieceResult {
  /** Lines that begin in the piece. */
  readonly lines: number;
  readonly head: Head;
  readonly tail: Tail;
  readonly clock: Clock;
}

/** A piece that is being read. */
export interface Piece {
  /** Where the next bytes may be put; `filled` says how many came. */
  space(): Uint8Array;
  filled(count: number): void;
  /** Puts bytes in, whatever their number. */
  feed(bytes: Uint8Array): void;
  /** Begins behind the first line end: the line before it belongs to another piece. Only before the first bytes. */
  skipFirstLine(): void;
  /** Position of the line that has no end yet; null where there is none. */
  unfinished(): number | null;
  /** Reads the unfinished line as it is: there is nothing behind it. */
  takeUnfinished(): void;
  /** Reads the unfinished line as somebody else found it whole. */
  takeWhole(text: string, isCut: boolean, position: number): void;
  readonly reader: LineReader;
  /** How many lines so far. */
  lines(): number;
  /** Hands what was counted so far to the tally, and goes on: for those who look at it in between. An open record is not in it yet. */
  handOver(): void;
  end(): PieceResult;
}

/** Memory that several pieces use one after the other. */
export interface Workspace {
  readonly bytes: Buffer;
  /** Behind this offset new bytes are put; before it there is room for a line as long as the limit. */
  readonly blockAt: number;
  readonly blockBytes: number;
}

/** Memory for blocks of this size. `memory` is what the kernel sees, from `from` on. */
export function openWorkspace(blockBytes: number, memory?: ArrayBuffer, from = 0): Workspace {
  const carryBytes = lineLimit + 4096;
  const size = carryBytes + blockBytes;
  return {
    bytes: memory === undefined ? Buffer.allocUnsafeSlow(size) : Buffer.from(memory, from, size),
    blockAt: carryBytes,
    blockBytes,
  };
}

/** What a piece needs. */
export interface PieceOptions {
  readonly builder: TallyBuilder;
  readonly input: number;
  readonly dialects: Dialects;
  readonly workspace: Workspace;
  /** Null where no plan fits the input's format; the lines must then all be read one by one. */
  readonly kernel: Kernel | null;
  /** The same for error logs: counts those that it is sure of. It reads the workspace's bytes. */
  readonly errors: ErrorReader | null;
  /** Position of the first byte that will be fed. */
  readonly from: number;
  /** Whether nothing comes before the piece. */
  readonly isFirst: boolean;
  /** Whether the same kernel reads a further piece, or is settled by somebody else. */
  readonly hasMore?: boolean;
  /** Added to line numbers, which count from 1 in the piece. */
  readonly lineBase: number;
}

/** Opens a piece. */
export function openPiece({
  builder,
  input,
  dialects,
  workspace,
  kernel,
  errors,
  from,
  isFirst,
  lineBase,
  hasMore = false,
}: PieceOptions): Piece {
  const { bytes, blockAt, blockBytes } = workspace;
  const reader = openReader(builder, input, dialects, isFirst);
  const clock = openClock();
  const before = builder.swapClock(input, clock);
  kernel?.begin(builder, input, clock);
  errors?.begin(builder, input);

  let lines = 0;
  let furniture = 0;
  let cut = 0;
  let handedLines = 0;
  /** Bytes kept in front of the block: the line that has no end yet. */
  let carried = 0;
  /** Position of bytes[0] as if the file lay there. */
  let origin = from - blockAt;
  /** True while the rest of an overlong line, or a line that belongs to another piece, goes by. */
  let skipping = false;
  let dropping = false;
  let skippedAt = 0;

  const skipped = (): void => reader.skipped();

  const readText = (text: string, isCut: boolean, position: number): void => {
    const clean = position === 0 && text.startsWith('\ufeff') ? text.slice(1) : text;
    if (clean === '') furniture++;
    else reader.line(clean, isCut, lineBase + lines, position);
  };

  /** The line in bytes [start, end), without its line end. */
  const readLine = (start: number, end: number, isLong: boolean, position: number): string => {
    lines++;
    let last = end;
    const isCut = isLong || end - start > lineLimit;
    if (isCut) {
      last = Math.min(end, start + lineLimit);
      cut++;
    } else if (last > start && bytes[last - 1] === carriageReturn) last--;
    const text = last === start ? '' : bytes.toString('utf8', start, last);
    readText(text, isCut, position);
    return text;
  };

  /** Reads all whole lines in [start, end); returns where the rest begins. */
  const readLines = (start: number, end: number): number => {
    let at = start;
    if (kernel !== null) {
      if (origin + at === 0) {
        const first = bytes.indexOf(newline, at);
        if (first < 0 || first >= end) return at;
        readLine(at, first, false, 0);
        at = first + 1;
      }
      for (;;) {
        const reason = kernel.run(at, end);
        const sure = kernel.sureLines();
        if (sure > 0) {
          lines += sure;
          reader.skipped();
        }
        at = kernel.lineStart();
        if (reason === 0) return at;
        const lineEnd = kernel.lineEnd();
        if (reason === 5) {
          const left = kernel.takeFailure(lineBase + lines + 1, origin + at);
          if (left === 0) {
            lines++;
            reader.skipped();
          } else {
            const text = readLine(at, lineEnd, false, origin + at);
            if (left > 1) kernel.learn(left, text);
          }
          at = lineEnd + 1;
          continue;
        }
        const text = readLine(at, lineEnd, false, origin + at);
        if (reason > 1) kernel.learn(reason, text);
        at = lineEnd + 1;
      }
    }
    for (;;) {
      if (errors !== null) {
        at = errors.run(at, end, lineBase + lines, origin, skipped);
        lines += errors.counted();
      }
      const lineEnd = bytes.indexOf(newline, at);
      if (lineEnd < 0 || lineEnd >= end) return at;
      readLine(at, lineEnd, false, origin + at);
      at = lineEnd + 1;
    }
  };

  const filled = (count: number): void => {
    const end = blockAt + count;
    let start = blockAt - carried;
    if (skipping || dropping) {
      const lineEnd = bytes.indexOf(newline, blockAt);
      if (lineEnd < 0 || lineEnd >= end) {
        origin += count;
        return;
      }
      if (skipping) readLine(start, blockAt, true, skippedAt);
      skipping = false;
      dropping = false;
      start = lineEnd + 1;
    }
    const rest = readLines(start, end);
    carried = end - rest;
    if (carried > lineLimit) {
      // One byte more than the limit tells that the line is too long.
      skippedAt = origin + rest;
      skipping = true;
      bytes.copyWithin(blockAt - lineLimit, rest, rest + lineLimit);
      carried = lineLimit;
    } else if (carried > 0) bytes.copyWithin(blockAt - carried, rest, end);
    origin += count;
  };

  const handOver = (): void => {
    kernel?.handOver();
    builder.addLines(input, { lines: lines - handedLines, furniture, cut });
    handedLines = lines;
    furniture = 0;
    cut = 0;
  };

  return {
    reader,
    handOver,
    space: () => bytes.subarray(blockAt, blockAt + blockBytes),
    filled,
    feed(block) {
      for (let at = 0; at < block.length; at += blockBytes) {
        const part = block.subarray(at, at + blockBytes);
        bytes.set(part, blockAt);
        filled(part.length);
      }
    },
    skipFirstLine: () => void (dropping = true),
    unfinished: () => (skipping ? skippedAt : carried > 0 ? origin + blockAt - carried : null),
    takeUnfinished() {
      if (skipping) readLine(blockAt - carried, blockAt, true, skippedAt);
      else if (carried > 0) readLine(blockAt - carried, blockAt, false, origin + blockAt - carried);
      skipping = false;
      carried = 0;
    },
    takeWhole(text, isCut, position) {
      lines++;
      if (isCut) cut++;
      readText(text, isCut, position);
    },
    lines: () => lines,
    end() {
      kernel?.end();
      if (!hasMore) kernel?.settle();
      const { head, tail } = reader.end();
      builder.addLines(input, { lines: lines - handedLines, furniture, cut });
      builder.swapClock(input, before);
      return { lines, head, tail, clock };
    },
  };
}
