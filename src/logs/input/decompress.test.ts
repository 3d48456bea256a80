// Compressed streams, whole and broken. Whatever the break, every byte that the format still gives comes out, and its place is named.
import { spawnSync } from 'node:child_process';
import { crc32, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { InputError } from '../records.ts';
import { decompressed } from './decompress.ts';

const never = new AbortController().signal;

function source(bytes: Uint8Array, blockSize: number): () => AsyncGenerator<Uint8Array> {
  return async function* read() {
    for (let at = 0; at < bytes.length; at += blockSize) yield bytes.subarray(at, at + blockSize);
    await Promise.resolve();
  };
}

async function decode(
  bytes: Uint8Array,
  packed: 'gzip' | 'zstd',
  { blockSize = 256 << 10, once = false, pause = 0 } = {},
): Promise<{ data: Buffer; problem: string | null }> {
  const parts: Buffer[] = [];
  try {
    for await (const block of decompressed(source(bytes, blockSize), packed, once, never)) {
      parts.push(Buffer.from(block));
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { data: Buffer.concat(parts), problem: `${error.problem.kind}: ${error.problem.detail}` };
  }
  return { data: Buffer.concat(parts), problem: null };
}

/** Log-like text that compresses about five times: enough blocks for every path. */
function logText(lines: number, seed = 1): Buffer {
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 8;
  const parts: string[] = [];
  for (let index = 0; index < lines; index++)
    parts.push(`10.0.${next() % 256}.${next() % 256} "GET /p/${next() % 5000}" 200 ${next()} ${index}\n`);
  return Buffer.from(parts.join(''));
}
const text = logText(60_000);
const pack = { gzip: (data: Uint8Array) => gzipSync(data), zstd: (data: Uint8Array) => zstdCompressSync(data) };
const skippable = (length: number): Buffer =>
  Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, length, 0, 0, 0]), Buffer.alloc(length, 7)]);

describe.for(['gzip', 'zstd'] as const)('%s', (packed) => {
  it('decodes the same whatever the size of its blocks', async () => {
    const bytes = pack[packed](text);
    for (const blockSize of [977, 64 << 10, 1 << 20]) {
      const { data, problem } = await decode(bytes, packed, { blockSize });
      expect([data.equals(text), problem], String(blockSize)).toEqual([true, null]);
    }
  });

  it('decodes members and frames one after the other, wherever blocks are cut', async () => {
    const texts = ['one\n', '', 'two\n', logText(500, 2).toString(), 'three\n'];
    const bytes = Buffer.concat(texts.map((each) => pack[packed](Buffer.from(each))));
    for (const blockSize of [1, 2, 3, 5, 7, 11, 13, 64, 1000, 1 << 20]) {
      const { data, problem } = await decode(bytes, packed, { blockSize });
      expect([data.toString() === texts.join(''), problem], String(blockSize)).toEqual([true, null]);
    }
  });

  it('loses nothing to a slow reader', async () => {
    const { data, problem } = await decode(pack[packed](text), packed, { pause: 15 });
    expect([data.equals(text), problem]).toEqual([true, null]);
  });

  it('gives everything before a truncation, and its place', async () => {
    const bytes = pack[packed](text);
    for (const kept of [bytes.length - 1, bytes.length >> 1, 5000]) {
      const { data, problem } = await decode(bytes.subarray(0, kept), packed);
      // What the real program makes of the same bytes is the measure.
      const theirs = spawnSync(packed, ['-dc'], { input: bytes.subarray(0, kept), maxBuffer: 1 << 30 }).stdout;
      expect(data.length, String(kept)).toBeGreaterThanOrEqual(theirs.length);
      expect(data.equals(text.subarray(0, data.length)), String(kept)).toBe(true);
      expect(problem).toBe(
        `truncated: the ${packed} data stops in the middle at byte ${kept.toLocaleString('en-US')}; ${data.length.toLocaleString('en-US')} decoded bytes before it were read`,
      );
    }
  });

  it('gives everything before damage, and its place', async () => {
    const bytes = Buffer.from(pack[packed](text));
    const hit = (bytes.length >> 1) + 1234;
    bytes.fill(0xff, hit, hit + 64);
    const { data, problem } = await decode(bytes, packed);
    const theirs = spawnSync(packed, ['-dc'], { input: bytes, maxBuffer: 1 << 30 }).stdout;
    expect(data.length).toBeGreaterThanOrEqual(theirs.length);
    // Up to the damage it is right; a few bytes after it may be decoded before the decoder notices.
    const same = data.findIndex((byte, index) => byte !== text[index]);
    expect(same === -1 ? data.length : same).toBeGreaterThan(text.length * 0.45);
    expect(problem).toMatch(
      new RegExp(`^corrupt: the ${packed} data is damaged at byte [\\d,]+ \\(\\w+\\); [\\d,]+ decoded bytes before it were read$`),
    );
    const place = Number(/at byte ([\d,]+)/.exec(problem ?? '')?.[1]?.replaceAll(',', ''));
    expect(place).toBeGreaterThanOrEqual(hit - 1);
    expect(place).toBeLessThan(hit + (256 << 10));
  });

  it('says of a pipe between which bytes it broke', async () => {
    const bytes = Buffer.from(pack[packed](text));
    bytes.fill(0xff, 100_000, 100_064);
    const { data, problem } = await decode(bytes, packed, { once: true });
    expect(data.length).toBeGreaterThan(100_000);
    expect(problem).toMatch(/^corrupt: .*at byte [\d,]+ to [\d,]+ \(\w+\); .*; the rest of that stretch is lost$/);
  });

  it('says that something else follows the end', async () => {
    const { data, problem } = await decode(Buffer.concat([pack[packed](Buffer.from('one\n')), Buffer.from('plain text\n')]), packed);
    expect(data.toString()).toBe('one\n');
    expect(problem).toMatch(/^corrupt: .*; 4 decoded bytes before it were read$/);
  });

  it('ends when told to', async () => {
    const controller = new AbortController();
    let blocks = 0;
    for await (const _ of decompressed(source(pack[packed](text), 1000), packed, false, controller.signal)) {
      blocks++;
      if (blocks === 3) controller.abort();
    }
    expect(blocks).toBeLessThan(10);
  });

  it('unpacks a bomb in little memory', async () => {
    // 256 MiB of zeros, made of repeated members so that the test itself stays small.
    const member = pack[packed](Buffer.alloc(32 << 20));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let decoded = 0;
    async function* bomb(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 8; index++) yield member;
      await Promise.resolve();
    }
    for await (const block of decompressed(bomb, packed, false, never)) {
      decoded += block.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(decoded).toBe(256 << 20);
    expect(most).toBeLessThan(32 << 20);
  });
});

it('passes over zeros between and after members of gzip, as gzip does', async () => {
  const bytes = Buffer.concat([pack.gzip(Buffer.from('one\n')), Buffer.alloc(1000), pack.gzip(Buffer.from('two\n')), Buffer.alloc(70_000)]);
  for (const blockSize of [1, 100, 1 << 20])
    expect(await decode(bytes, 'gzip', { blockSize }), String(blockSize)).toEqual({ data: Buffer.from('one\ntwo\n'), problem: null });
});

it('passes over frames of zstd that are to be skipped', async () => {
  const bytes = Buffer.concat([
    skippable(9),
    pack.zstd(Buffer.from('one\n')),
    skippable(0),
    skippable(200),
    pack.zstd(Buffer.from('two\n')),
    skippable(3),
  ]);
  for (const blockSize of [1, 4, 10, 1 << 20])
    expect(await decode(bytes, 'zstd', { blockSize }), String(blockSize)).toEqual({ data: Buffer.from('one\ntwo\n'), problem: null });
});

it('notices a wrong checksum after having given all the data', async () => {
  const bytes = gzipSync(text);
  bytes.writeUInt32LE((crc32(text) ^ 1) >>> 0, bytes.length - 8);
  const { data, problem } = await decode(bytes, 'gzip');
  expect([data.equals(text), problem]).toEqual([true, expect.stringContaining('corrupt: the gzip data is damaged')]);
});

it('says what a zstd file with a window beyond the usual needs', async () => {
  // From a pipe, zstd does not know the size and declares the window that it was told.
  const { stdout } = spawnSync('zstd', ['--long=31', '-c'], { input: text });
  expect((await decode(stdout, 'zstd')).problem).toContain('zstd -dc --long=31 FILE');
  const allowed = spawnSync('zstd', ['--long=27', '-c'], { input: text }).stdout;
  expect((await decode(allowed, 'zstd')).data.equals(text)).toBe(true);
});
