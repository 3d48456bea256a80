// A tally that grows while logs are being written: takes what `follow` sees, line by line, and can be looked at any time.
import { dialectsOf, headLines, type Dialects } from '../logs/scan/dialects.ts';
import { finishTally } from '../logs/scan/finish.ts';
import { openReader, type LineReader } from '../logs/scan/reader.ts';
import { defaultLimits, type TimeWindow } from '../logs/scan/state.ts';
import { openTally } from '../logs/scan/tally.ts';
import type { FollowEvent } from '../logs/input/follow.ts';
import type { FormatHints, LogFormat, Tally } from '../logs/records.ts';
import { lineLimit } from '../logs/text.ts';

/** A followed file as it is when following begins. */
export interface LiveInput {
  readonly name: string;
  /** Its first bytes, by which its format is found; empty where there are none yet. */
  readonly head: Uint8Array;
}

export interface LiveTally {
  /** Takes one event. Bytes are read before it returns. */
  take(event: FollowEvent): void;
  /** Ends what is open; afterwards only `tally` may be called. A line without an end is left out: it is still being written. */
  end(): void;
  /** What is counted so far, as if reading had ended here. */
  tally(): Tally;
  /** Takes the last record of a log that has been quiet for a second as complete: no line that continues it will come. */
  settle(): void;
  /** Grows whenever `tally` would say something new. */
  readonly version: number;
}

/** One file as long as it is one file. */
interface Stream {
  readonly input: number;
  reader: LineReader;
  /** The line that has no end yet, in parts. */
  carried: Buffer[];
  carriedBytes: number;
  /** When its last bytes came. */
  grewMs: number;
  /** Whether a record may be open. */
  isOpen: boolean;
}

const newline = 10;
const quietMs = 1000;

/** An empty live tally of these files. `format` is that of all of them, where the user named one. */
export function openLiveTally(
  inputs: readonly LiveInput[],
  hints: FormatHints,
  format: LogFormat | undefined,
  window?: TimeWindow,
): LiveTally {
  const builder = openTally(
    inputs.map(({ name }) => ({ name, compression: 'none', storedBytes: null, format: null, kind: null })),
    { ...defaultLimits, window },
  );
  const dialects: Dialects[] = inputs.map(({ head }) => dialectsOf(headLines(head, false), hints, format ?? null));
  const lineOf = inputs.map(() => 0);
  const streams = new Map<number, Stream>();
  let version = 0;

  const readerOf = (input: number): LineReader => openReader(builder, input, dialects[input] ?? { main: null, others: [] }, true);

  const line = (stream: Stream, bytes: Buffer): void => {
    const isCut = bytes.length > lineLimit;
    let end = isCut ? lineLimit : bytes.length;
    if (!isCut && end > 0 && bytes[end - 1] === 13) end--;
    const number = (lineOf[stream.input] ?? 0) + 1;
    lineOf[stream.input] = number;
    version++;
    stream.isOpen = true;
    builder.addLines(stream.input, {
      lines: 1,
      ...(isCut ? { cut: 1 } : {}),
      ...(end === 0 ? { furniture: 1 } : {}),
    });
    if (end > 0) stream.reader.line(bytes.toString('utf8', 0, end), isCut, number, number);
  };

  /** A file that was empty, or whose first lines nobody knew, may show its format later. */
  const detect = (stream: Stream, bytes: Buffer): void => {
    if (dialects[stream.input]?.main != null) return;
    const found = dialectsOf(headLines(bytes.subarray(0, 128 << 10), false), hints, format ?? null);
    if (found.main === null) return;
    dialects[stream.input] = found;
    stream.reader.end();
    stream.reader = readerOf(stream.input);
  };

  const bytes = (stream: Stream, block: Buffer): void => {
    builder.addLines(stream.input, { bytes: block.length });
    stream.grewMs = Date.now();
    detect(stream, block);
    let at = 0;
    for (let end = block.indexOf(newline, at); end >= 0; end = block.indexOf(newline, at)) {
      const last = block.subarray(at, end);
      line(stream, stream.carried.length === 0 ? last : Buffer.concat([...stream.carried, last]));
      stream.carried = [];
      stream.carriedBytes = 0;
      at = end + 1;
    }
    // The rest of an overlong line goes by; one byte more than the limit tells that it was longer.
    const rest = block.subarray(at, Math.min(block.length, at + Math.max(0, lineLimit + 1 - stream.carriedBytes)));
    if (rest.length === 0) return;
    stream.carried.push(Buffer.from(rest));
    stream.carriedBytes += rest.length;
  };

  return {
    take(event) {
      if (event.kind === 'problem') return;
      const { id, file } = event.stream;
      if (event.kind === 'opened') {
        streams.set(id, { input: file, reader: readerOf(file), carried: [], carriedBytes: 0, grewMs: Date.now(), isOpen: false });
        return;
      }
      const stream = streams.get(id);
      if (stream === undefined) return;
      if (event.kind === 'bytes') {
        bytes(stream, Buffer.from(event.bytes.buffer, event.bytes.byteOffset, event.bytes.byteLength));
        return;
      }
      if (stream.carried.length > 0) line(stream, Buffer.concat(stream.carried));
      stream.reader.end();
      streams.delete(id);
    },
    end() {
      for (const stream of streams.values()) stream.reader.end();
      streams.clear();
    },
    tally() {
      const state = structuredClone(builder.state);
      const described = state.inputs.map((input, i) => {
        const main = dialects[i]?.main ?? null;
        const name = main === null ? null : { id: main.id, dialect: main.dialect, product: main.product };
        return {
          ...input,
          meta: {
            ...input.meta,
            format: name,
            kind: main === null ? null : main.access === null ? ('error' as const) : ('access' as const),
          },
        };
      });
      return finishTally({ ...state, inputs: described });
    },
    settle() {
      for (const stream of streams.values()) {
        if (!stream.isOpen || Date.now() - stream.grewMs < quietMs) continue;
        stream.reader.skipped();
        stream.isOpen = false;
        version++;
      }
    },
    get version() {
      return version;
    },
  };
}
