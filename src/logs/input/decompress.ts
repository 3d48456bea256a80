// gzip and zstd as a stream of decoded blocks in constant memory. What a broken file holds before the break is delivered, to the byte where
// the file can be read again, and then the break is reported with its place.
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { Gunzip, ZstdDecompress } from 'node:zlib';

import { InputError } from '../records.ts';
import { contentOf } from './magic.ts';

type Decoder = Gunzip | ZstdDecompress;
type Packed = 'gzip' | 'zstd';

/** Output of one call of the decompressor: with the default of 16 KiB, gzip takes 2.8 times as long. */
const chunkBytes = 1 << 20;
/** Input of one call. It bounds what a break in a pipe can cost, and how much of a bomb (1 to 1000) waits at a time. */
const pieceBytes = 64 << 10;
/** Decoded blocks that may wait for the reader while the next one is being made by another thread. */
const ahead = 2;

/**
 * Gives the memory of a block back at once; the collector would let 60 MB of them pile up. Only a block that ends where its buffer ends is
 * surely done with: the decoder writes on behind any other.
 */
function release(block: Uint8Array): void {
  const { buffer } = block;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunkBytes && block.byteOffset + block.length === chunkBytes)
    buffer.transfer(0);
}

/** How far a stream was read. */
interface Progress {
  /** Stored bytes that went into decoders whole. */
  stored: number;
  decoded: number;
}

class Broken extends Error {
  readonly code: string;
  readonly consumed: number;
  constructor(code: string, consumed: number, cause: unknown) {
    super(code, { cause });
    this.code = code;
    this.consumed = consumed;
  }
}

/** One decoder that is fed by hand: an error of zlib's own stream would throw away the blocks that wait in it. */
class Feed {
  private readonly decoder: Decoder;
  private readonly queue: Uint8Array[] = [];
  private wake: () => void = () => undefined;
  private failure: { readonly code: string; readonly error: unknown } | null = null;
  private written = false;
  /** Set where the data of this member or frame ended although there is more input. */
  ended = false;

  constructor(packed: Packed) {
    // One byte of buffer: whatever is pushed is handed on at once, and nothing is decoded while something waits.
    const options = { chunkSize: chunkBytes, readableHighWaterMark: 1 };
    this.decoder = packed === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
    this.decoder.on('data', (block: Uint8Array) => {
      this.queue.push(block);
      if (this.queue.length >= ahead) this.decoder.pause();
      this.wake();
    });
    this.decoder.on('end', () => {
      this.ended = true;
      this.wake();
    });
    this.decoder.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = { code: error.code ?? 'unknown', error };
      this.wake();
    });
  }

  /** Bytes of input that the decoder took; exact once it ended. */
  get consumed(): number {
    return this.decoder.bytesWritten;
  }

  /** Yields what `piece` decodes to. Throws Broken, after everything that came before. */
  async *write(piece: Uint8Array): AsyncGenerator<Uint8Array> {
    this.written = false;
    this.decoder.write(piece, () => {
      this.written = true;
      this.wake();
    });
    yield* this.drain(() => this.written || this.ended);
  }

  /** Yields the rest. Throws Broken where the data stops in the middle. */
  async *finish(): AsyncGenerator<Uint8Array> {
    this.decoder.end();
    yield* this.drain(() => this.ended);
  }

  close(): void {
    this.decoder.destroy();
  }

  private async *drain(done: () => boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      const block = this.queue.shift();
      if (block !== undefined) {
        if (this.queue.length === 0) this.decoder.resume();
        yield block;
        release(block);
      } else if (this.failure !== null) throw new Broken(this.failure.code, this.consumed, this.failure.error);
      else if (done() && this.decoder.readableLength === 0) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** Decodes all members or frames of `blocks`, in pieces as `pieces` cuts them. */
async function* decodeAll(
  blocks: AsyncIterable<Uint8Array>,
  packed: Packed,
  progress: Progress,
  pieces: (block: Uint8Array, at: number) => Iterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let feed: Feed | null = null;
  let fedBefore = 0;
  try {
    for await (const block of blocks) {
      for (const piece of pieces(block, progress.stored)) {
        let rest = piece;
        while (rest.length > 0) {
          if (signal.aborted) return;
          if (feed === null) {
            // Zeros between or after members pad tapes; both programs skip them.
            const start = rest.findIndex((byte) => byte !== 0);
            if (start < 0) break;
            rest = rest.subarray(start);
            feed = new Feed(packed);
            fedBefore = 0;
          }
          for await (const decoded of feed.write(rest)) {
            progress.decoded += decoded.length;
            yield decoded;
          }
          if (!feed.ended) {
            fedBefore += rest.length;
            break;
          }
          // Node reads the members of a gzip file on its own, but stops after the first frame of a zstd file.
          rest = rest.subarray(feed.consumed - fedBefore);
          feed.close();
          feed = null;
        }
        progress.stored += piece.length;
      }
    }
    if (feed === null || signal.aborted) return;
    for await (const decoded of feed.finish()) {
      progress.decoded += decoded.length;
      yield decoded;
    }
  } finally {
    feed?.close();
  }
}

function* sliced(block: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < block.length; at += pieceBytes) yield block.subarray(at, at + pieceBytes);
}

const number = (value: number): string => value.toLocaleString('en-US');

/** The break in words. `place` says where in the stored bytes, `lost` what could not be saved. */
function problemOf(packed: Packed, code: string, place: string, decoded: number, lost: string): InputError {
  const truncated = code === 'Z_BUF_ERROR';
  const detail = truncated
    ? `the ${packed} data stops in the middle at byte ${place}; ${number(decoded)} decoded bytes before it were read`
    : code === 'ZSTD_error_frameParameter_windowTooLarge'
      ? `this zstd file needs more memory than is allowed at byte ${place}: \`zstd -dc --long=31 FILE | why5xx logs -\``
      : `the ${packed} data is damaged at byte ${place} (${code}); ${number(decoded)} decoded bytes before it were read${lost}`;
  return new InputError({ kind: truncated ? 'truncated' : 'corrupt', detail });
}

/**
 * Decodes gzip (all members) or zstd (all frames, skippable ones too). `open` gives the stored bytes; it is called a second time after a
 * break, to save what lies between the last whole piece and the broken byte, unless `once` says that it cannot be. Throws InputError
 * (`truncated` or `corrupt`, with the byte offset) after the last good byte. Ends early when `signal` aborts.
 */
export async function* decompressed(
  open: () => AsyncIterable<Uint8Array>,
  packed: Packed,
  once: boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const progress: Progress = { stored: 0, decoded: 0 };
  try {
    yield* decodeAll(open(), packed, progress, sliced, signal);
    return;
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const { stored } = progress;
    if (error.code === 'Z_BUF_ERROR') throw problemOf(packed, error.code, number(stored), progress.decoded, '');
    if (once)
      throw problemOf(
        packed,
        error.code,
        `${number(stored)} to ${number(stored + pieceBytes)}`,
        progress.decoded,
        '; the rest of that stretch is lost',
      );
  }
  // What the failing call had decoded before it failed is lost with it. Read again, and walk the failing piece byte by byte.
  const delivered = progress.decoded;
  const brokenAt = progress.stored;
  const again: Progress = { stored: 0, decoded: 0 };
  try {
    for await (const block of decodeAll(open(), packed, again, (piece, at) => slowFrom(piece, at, brokenAt), signal)) {
      const skip = Math.max(0, delivered - (again.decoded - block.length));
      if (skip < block.length) yield block.subarray(skip);
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    throw problemOf(packed, error.code, number(again.stored), again.decoded, '');
  }
}

/** Pieces as before up to stored byte `from`, then single bytes. */
function* slowFrom(block: Uint8Array, at: number, from: number): Generator<Uint8Array> {
  let offset = 0;
  for (; offset < block.length && at + offset < from; offset += pieceBytes) yield block.subarray(offset, offset + pieceBytes);
  for (; offset < block.length; offset += 1) yield block.subarray(offset, offset + 1);
}

/** What the decoded data of a compressed file begins with, from its first stored bytes: a tar inside a gzip is no log. */
export async function innerContent(
  head: Uint8Array,
  packed: Packed,
): Promise<{ readonly content: ReturnType<typeof contentOf>; readonly head: Uint8Array }> {
  const feed = new Feed(packed);
  const parts: Uint8Array[] = [];
  try {
    for await (const block of feed.write(head)) {
      parts.push(Buffer.from(block.subarray(0, 64 << 10)));
      if (parts.reduce((sum, each) => sum + each.length, 0) >= 64 << 10) break;
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
  } finally {
    feed.close();
  }
  const inner = Buffer.concat(parts).subarray(0, 64 << 10);
  return { content: contentOf(inner), head: inner };
}
