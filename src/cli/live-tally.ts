// A tally that grows while logs are being written: takes what `follow` sees, block by block and by the scanner's own fast path, and can be
// looked at any time.
import type { FollowEvent } from '../logs/input/follow.ts';
import type { FormatHints, LogFormat, Tally } from '../logs/records.ts';
import { dialectsOf, headBytes, headLines, type Dialects } from '../logs/scan/dialects.ts';
import { finishTally } from '../logs/scan/finish.ts';
import { planLines } from '../logs/scan/index.ts';
import { openErrorReader } from '../logs/scan/errors/nginx-errors.ts';
import { openEngine, type Engine } from '../logs/scan/kernel/wasm.ts';
import { openPiece, openWorkspace, type Piece } from '../logs/scan/piece.ts';
import { defaultLimits, type TimeWindow } from '../logs/scan/state.ts';
import { openTally } from '../logs/scan/tally.ts';

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

/** What is known of the lines of a file. */
interface Shape {
  readonly dialects: Dialects;
  readonly plan: readonly string[];
}

/** One file as long as it is one file. */
interface Stream {
  readonly id: number;
  readonly input: number;
  /** Null until the format is known, or until it is clear that it will not be. */
  open: Open | null;
  /** What came while nothing was open. */
  waiting: Buffer[];
  waitingBytes: number;
  /** When its last bytes came. */
  grewMs: number;
  /** Whether a line came since it was settled. */
  isFresh: boolean;
}

interface Open {
  readonly piece: Piece;
  readonly engine: Engine | null;
  readonly hasFormat: boolean;
  /** Lines that were counted on. */
  told: number;
}

const newline = 10;
const quietMs = 1000;
const blockBytes = 256 << 10;
const plainBlockBytes = 16 << 10;
/** Each engine is a MiB; what is followed beyond these is read line by line. */
const mostEngines = 16;
/** Positions order the lines of an input: those of a later stream come after all of an earlier one. */
const streamStride = 2 ** 36;

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
  const shapeOf = (head: Uint8Array): Shape => {
    const lines = headLines(head.subarray(0, headBytes), false);
    return { dialects: dialectsOf(lines, hints, format ?? null), plan: planLines(lines) };
  };
  const shapes = inputs.map(({ head }) => shapeOf(head));
  const linesOf = inputs.map(() => 0);
  const streams = new Map<number, Stream>();
  const idle: Engine[] = [];
  let engines = 0;
  let version = 0;

  const mainOf = (input: number): LogFormat | null => shapes[input]?.dialects.main ?? null;

  const engineFor = (main: LogFormat | null): Engine | null => {
    if (main === null || main.access === null || main.begins !== null) return null;
    const free = idle.pop();
    if (free !== undefined) return free;
    if (engines === mostEngines) return null;
    engines++;
    return openEngine(blockBytes);
  };

  const open = ({ id, input }: Stream): Open => {
    const { dialects, plan } = shapes[input] ?? shapeOf(new Uint8Array(0));
    const { main } = dialects;
    let engine = engineFor(main);
    const kernel = main === null || engine === null ? null : engine.planFor(main, plan);
    if (kernel === null && engine !== null) {
      idle.push(engine);
      engine = null;
    }
    const workspace = engine?.workspace ?? openWorkspace(plainBlockBytes);
    const piece = openPiece({
      builder,
      input,
      dialects,
      workspace,
      kernel,
      // An incident writes the same few lines as fast as requests fail.
      errors: openErrorReader(main, workspace.bytes),
      from: id * streamStride,
      isFirst: true,
      lineBase: linesOf[input] ?? 0,
    });
    return { piece, engine, hasFormat: main !== null, told: 0 };
  };

  const note = (stream: Stream, { piece, told }: Open): void => {
    const fresh = piece.lines() - told;
    if (fresh === 0) return;
    linesOf[stream.input] = (linesOf[stream.input] ?? 0) + fresh;
    version += fresh;
    stream.isFresh = true;
  };

  const feed = (stream: Stream, block: Uint8Array): void => {
    stream.open ??= open(stream);
    stream.open.piece.feed(block);
    note(stream, stream.open);
    stream.open.told = stream.open.piece.lines();
  };

  const close = (stream: Stream): void => {
    if (stream.open === null) return;
    stream.open.piece.end();
    if (stream.open.engine !== null) idle.push(stream.open.engine);
    stream.open = null;
  };

  /** Reads what waited for a format. */
  const release = (stream: Stream): void => {
    if (stream.waitingBytes === 0) return;
    const waiting = Buffer.concat(stream.waiting);
    stream.waiting = [];
    stream.waitingBytes = 0;
    feed(stream, waiting);
  };

  /** Looks for the format of a file that was empty, or whose first lines nobody knew. */
  const detect = (input: number, lines: Uint8Array): boolean => {
    const found = shapeOf(lines);
    if (found.dialects.main === null) return false;
    shapes[input] = found;
    return true;
  };

  const take = (stream: Stream, block: Buffer): void => {
    const { input } = stream;
    builder.addLines(input, { bytes: block.length });
    stream.grewMs = Date.now();
    if (stream.open === null && (mainOf(input) === null || stream.waitingBytes > 0)) {
      stream.waiting.push(Buffer.from(block));
      stream.waitingBytes += block.length;
      const all = Buffer.concat(stream.waiting);
      stream.waiting = [all];
      const isKnown = mainOf(input) !== null || (all.includes(newline) && detect(input, all));
      if (isKnown || all.length > headBytes) release(stream);
      return;
    }
    let rest = block;
    if (stream.open?.hasFormat === false) {
      // The line that is not whole yet stays with those before it.
      const lineEnd = block.indexOf(newline) + 1;
      if (lineEnd > 0 && detect(input, block.subarray(lineEnd))) {
        feed(stream, block.subarray(0, lineEnd));
        close(stream);
        rest = block.subarray(lineEnd);
      }
    }
    feed(stream, rest);
  };

  return {
    take(event) {
      if (event.kind === 'problem') return;
      const { id, file } = event.stream;
      if (event.kind === 'opened') {
        streams.set(id, { id, input: file, open: null, waiting: [], waitingBytes: 0, grewMs: Date.now(), isFresh: false });
        return;
      }
      const stream = streams.get(id);
      if (stream === undefined) return;
      if (event.kind === 'bytes') {
        take(stream, Buffer.from(event.bytes.buffer, event.bytes.byteOffset, event.bytes.byteLength));
        return;
      }
      release(stream);
      if (stream.open !== null) {
        stream.open.piece.takeUnfinished();
        note(stream, stream.open);
      }
      close(stream);
      streams.delete(id);
    },
    end() {
      for (const stream of streams.values()) {
        release(stream);
        close(stream);
      }
      streams.clear();
    },
    tally() {
      for (const { open: opened } of streams.values()) opened?.piece.handOver();
      const state = structuredClone(builder.state);
      const described = state.inputs.map((input, i) => {
        const main = mainOf(i);
        const name = main === null ? null : { id: main.id, dialect: main.dialect, product: main.product };
        const kind = main === null ? null : main.access === null ? ('error' as const) : ('access' as const);
        return { ...input, meta: { ...input.meta, format: name, kind } };
      });
      return finishTally({ ...state, inputs: described });
    },
    settle() {
      for (const stream of streams.values()) {
        if (Date.now() - stream.grewMs < quietMs) continue;
        release(stream);
        if (!stream.isFresh) continue;
        stream.open?.piece.reader.skipped();
        stream.isFresh = false;
        version++;
      }
    },
    get version() {
      return version;
    },
  };
}
