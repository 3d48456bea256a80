// The result never depends on how the bytes came: chunk borders, block sizes, threads, order of files, compression. And it is the naive one's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { FormatHints, Input, JoinKeys, Tally } from '../records.ts';
import { scanLogs } from './index.ts';
import { haproxyLine, hostileLog, jsonLine, nginxErrorRecord, nginxLine } from './testing/hostile.ts';
import { fileOf, streamOf } from './testing/inputs.ts';
import { scanNaively } from './testing/reference.ts';

// Properties run many cases on threads: on a busy machine they take their time, and say nothing about it.
vi.setConfig({ testTimeout: 120_000 });

const hints: FormatHints = { nginxFormats: [], year: 2026 };
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'scan-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rows of a join table in one order, for they come in none. */
function rowsOf(keys: JoinKeys): (number | undefined)[][] {
  return Array.from({ length: keys.length }, (_, i) => [
    keys.line[i],
    keys.group[i],
    Number.isNaN(keys.at[i]) ? -1 : keys.at[i],
    keys.client[i],
    keys.request[i],
    keys.requestId[i],
  ]).sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0));
}

function comparable(tally: Tally): unknown {
  return { ...tally, failureKeys: rowsOf(tally.failureKeys), eventKeys: rowsOf(tally.eventKeys), dropped: tally.dropped };
}

/** What is stored is not what is compared. */
function withoutStorage(tally: Tally): unknown {
  return comparable({ ...tally, inputs: tally.inputs.map((input) => ({ ...input, compression: 'none', storedBytes: 0 })) });
}

/** Sizes of pieces and reads, down to single bytes, but never so many that nothing else is tested. */
const cuts = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 300 })).map(([chunks, blocks]) => (size: number) => ({
  chunkBytes: Math.ceil(size / chunks),
  blockBytes: Math.ceil(size / blocks),
}));

const families = { nginxLine, jsonLine, haproxyLine, nginxErrorRecord };

describe.for(Object.keys(families) as (keyof typeof families)[])('%s', (family) => {
  const log = hostileLog(families[family]);

  it('is counted as the naive scan counts it, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(log, cuts, async (bytes, cut) => {
        const { chunkBytes, blockBytes } = cut(bytes.length);
        const input = fileOf(path.join(folder, 'a.log'), bytes, 'a.log');
        const expected = comparable(await scanNaively([input], { hints }));
        expect(comparable(await scanLogs([input], { hints, workers: 0, chunkBytes, blockBytes }))).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it('is the same as a stream and compressed', async () => {
    await fc.assert(
      fc.asyncProperty(
        log,
        fc.constantFrom('none', 'gzip', 'zstd'),
        fc.integer({ min: 1, max: 5000 }),
        async (bytes, compression, size) => {
          const whole = await scanLogs([fileOf(path.join(folder, 'b.log'), bytes, 'x')], { hints, workers: 0 });
          const streamed = await scanLogs([streamOf('x', bytes, compression, size)], { hints });
          expect(withoutStorage(streamed)).toEqual(withoutStorage(whole));
        },
      ),
      { numRuns: 60 },
    );
  });
});

it('does not depend on threads', async () => {
  const [bytes = Buffer.alloc(0)] = fc.sample(hostileLog(nginxLine), { numRuns: 1, seed: 7 });
  const big = Buffer.concat(Array.from({ length: 300 }, () => bytes));
  const input = fileOf(path.join(folder, 'threads.log'), big, 'threads.log');
  const alone = comparable(await scanLogs([input], { hints, workers: 0 }));
  for (const chunkBytes of [1000, 70_000]) {
    expect(comparable(await scanLogs([input], { hints, workers: 2, chunkBytes }))).toEqual(alone);
  }
});

it('does not depend on the order of files', async () => {
  await fc.assert(
    fc.asyncProperty(hostileLog(nginxLine), hostileLog(nginxErrorRecord), async (access, error) => {
      const a = fileOf(path.join(folder, 'access.log'), access, 'access.log');
      const b = fileOf(path.join(folder, 'error.log'), error, 'error.log');
      const forward = await scanLogs([a, b], { hints, workers: 0, chunkBytes: 500 });
      const backward = await scanLogs([b, a], { hints, workers: 0, chunkBytes: 900 });
      const flip = <T extends { input: number }>(list: readonly T[]): T[] => list.map((each) => ({ ...each, input: 1 - each.input }));
      const sets = (tally: Tally, flipped: boolean): unknown => ({
        inputs: flipped
          ? tally.inputs.toReversed().map(({ unknown, ...rest }) => ({ ...rest, unknown: unknown.length }))
          : tally.inputs.map(({ unknown, ...rest }) => ({ ...rest, unknown: unknown.length })),
        cells: new Set((flipped ? flip(tally.cells) : tally.cells).map((cell) => JSON.stringify(cell))),
        failures: new Set(
          (flipped ? flip(tally.failures) : tally.failures).map(({ samples, minutes, ...rest }) =>
            JSON.stringify([{ ...rest, input: 0, samples: samples.map(({ line, text }) => [line, text]) }, [...minutes]]),
          ),
        ),
        byPath: tally.byPath,
        byHost: tally.byHost,
        byClientNetwork: tally.byClientNetwork,
      });
      expect(sets(backward, true)).toEqual(sets(forward, false));
    }),
    { numRuns: 40 },
  );
});

it('stays within its tables, and still does not depend on the cuts', async () => {
  const limits = { groups: 5, rows: 20, keys: 6, tops: 4, backends: 2, minutes: 4, unknown: 3 };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.values(families)).chain(hostileLog), cuts, async (bytes, cut) => {
      const { chunkBytes, blockBytes } = cut(bytes.length);
      const input: Input = fileOf(path.join(folder, 'c.log'), bytes, 'c.log');
      const whole = await scanLogs([input], { hints, workers: 0, limits });
      expect(comparable(await scanLogs([input], { hints, workers: 0, limits, chunkBytes, blockBytes }))).toEqual(comparable(whole));
      expect(whole.failures.length).toBeLessThanOrEqual(5);
      expect(whole.failureKeys.length).toBeLessThanOrEqual(20);
      expect(new Set(whole.cells.map(({ minute }) => minute)).size).toBeLessThanOrEqual(4);
      const all = await scanLogs([input], { hints, workers: 0 });
      const failed = (tally: Tally): number => tally.failures.reduce((sum, { count }) => sum + count, 0) + tally.dropped.failures;
      expect(failed(whole)).toBe(failed(all));
      const requests = (tally: Tally): number => tally.cells.reduce((sum, cell) => sum + cell.requests, 0);
      expect(requests(whole)).toBe(requests(all));
    }),
    { numRuns: 100, endOnFailure: true },
  );
});
