// Inputs for tests: bytes in a file, or as a stream in blocks of any size, compressed or not.
import { writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Input } from '../../records.ts';

async function* blocks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const reused = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    // A block may be reused after the next one was asked for: whoever keeps one keeps rubbish.
    reused.fill(0x58);
    reused.set(part);
    yield reused.subarray(0, part.length);
    await Promise.resolve();
  }
}

/** A plain file with these bytes. */
export function fileOf(path: string, bytes: Uint8Array, name = path): Input {
  writeFileSync(path, bytes);
  return { name, path, compression: 'none', storedBytes: bytes.length, open: () => blocks(bytes, 1 << 16) };
}

/** A stream of these bytes in blocks of `blockBytes`, which really went through a compressor. */
export function streamOf(name: string, bytes: Uint8Array, compression: Input['compression'], blockBytes: number): Input {
  const stored = compression === 'gzip' ? gzipSync(bytes) : compression === 'zstd' ? zstdCompressSync(bytes) : bytes;
  const read = (): Uint8Array =>
    compression === 'gzip' ? gunzipSync(stored) : compression === 'zstd' ? zstdDecompressSync(stored) : stored;
  return { name, path: null, compression, storedBytes: stored.length, open: () => blocks(read(), blockBytes) };
}
