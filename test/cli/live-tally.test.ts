// The live tally counts what the scan of the finished file counts, however the bytes came in.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';

import { openLiveTally } from '../../src/cli/live-tally.ts';
import { resolveInputs } from '../../src/logs/input/resolve.ts';
import type { Tally } from '../../src/logs/records.ts';
import { scanLogs } from '../../src/logs/scan/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'why5xx-live-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hints = { nginxFormats: [], year: 2026 };
const access = (i: number, status: number): string =>
  `203.0.113.${i % 7} - - [23/Nov/2026:02:${String(10 + (i % 40)).padStart(2, '0')}:07 +0000] "GET /api/orders?page=${i} HTTP/1.1" ${status} 167 "-" "curl/8.5"`;
const error = (i: number): string =>
  `2026/11/23 02:14:${String(i % 60).padStart(2, '0')} [error] 92#92: *${i} connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.${i % 7}, server: shop.example.com, request: "GET /api/orders?page=${i} HTTP/1.1", upstream: "http://10.0.0.13:80/api/orders?page=${i}", host: "shop.example.com"`;
const lines = [
  ...Array.from({ length: 60 }, (_, i) => access(i, i % 5 === 0 ? 502 : 200)),
  '',
  'what is this?',
  `${access(61, 500)}\r`,
  `long ${'x'.repeat(70_000)}`,
  error(3),
  access(62, 503),
];
const file = Buffer.from(`${lines.join('\n')}\n`);

/** What must be equal: everything but sizes that only a finished file has, and places that only the order of time tells. */
function essence(tally: Tally): unknown {
  const { inputs, failures, events, byStatus, byPath, byClientNetwork, byHost, cells } = tally;
  return {
    inputs: inputs.map(({ storedBytes: _, backwards: __, ...each }) => each),
    failures: failures.map(({ samples: _, ...each }) => each),
    events: events.map(({ samples: _, ...each }) => each),
    byStatus,
    byPath,
    byClientNetwork,
    byHost,
    cells,
  };
}

async function scanned(content: Buffer): Promise<Tally> {
  const path = join(folder, 'live.log');
  writeFileSync(path, content);
  const { inputs } = await resolveInputs([path], { stdin: process.stdin });
  return scanLogs(inputs, { hints });
}

function followed(content: Buffer, cuts: readonly number[], head: Uint8Array, looks = false): Tally {
  const live = openLiveTally([{ name: join(folder, 'live.log'), head }], hints, undefined);
  const stream = { id: 0, file: 0, path: 'live.log' };
  live.take({ kind: 'opened', stream });
  const places = [0, ...cuts.toSorted((a, b) => a - b), content.length];
  for (const [i, from] of places.entries()) {
    const bytes = content.subarray(from, places[i + 1] ?? from);
    if (bytes.length > 0) live.take({ kind: 'bytes', stream, bytes: Uint8Array.from(bytes) });
    if (looks) live.tally();
  }
  live.end();
  return live.tally();
}

it('counts the same as a scan, whatever the blocks', async () => {
  const whole = essence(await scanned(file));
  fc.assert(
    fc.property(fc.array(fc.nat({ max: file.length }), { maxLength: 12 }), fc.boolean(), fc.boolean(), (cuts, isEmpty, looks) => {
      const head = isEmpty ? new Uint8Array(0) : file.subarray(0, 128 << 10);
      expect(essence(followed(file, cuts, head, looks))).toEqual(whole);
    }),
    { numRuns: 40 },
  );
});

it('finds the format of a file that was empty at first', () => {
  const tally = followed(file, [], new Uint8Array(0));
  expect(tally.inputs[0]).toMatchObject({ format: 'nginx-access', kind: 'access', lines: lines.length });
  expect(tally.failures.reduce((sum, each) => sum + each.count, 0)).toBe(14);
});

it('goes on through a rotation, and can be looked at before the end', () => {
  const live = openLiveTally([{ name: 'access.log', head: file }], hints, undefined);
  const first = { id: 0, file: 0, path: 'access.log' };
  const second = { id: 1, file: 0, path: 'access.log' };
  live.take({ kind: 'opened', stream: first });
  live.take({ kind: 'bytes', stream: first, bytes: Buffer.from(`${access(1, 502)}\n${access(2, 504)}`) });
  expect(live.tally().failures.map((each) => each.status)).toEqual([502]);
  expect(live.version).toBe(1);
  // The line that had no end belongs to the old file and to nothing in the new one.
  live.take({ kind: 'opened', stream: second });
  live.take({ kind: 'bytes', stream: second, bytes: Buffer.from(`${access(3, 500)}\n`) });
  live.take({ kind: 'ended', stream: first, why: 'rotated' });
  live.end();
  const { failures, inputs } = live.tally();
  expect(failures.map((each) => each.status ?? 0).toSorted((a, b) => a - b)).toEqual([500, 502, 504]);
  expect(inputs).toHaveLength(1);
  expect(inputs[0]).toMatchObject({ lines: 3, parsed: 3 });
});
