// Requests and lines of equal keys find each other as they would if each key and group were looked at alone.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { matchAll } from './matching.ts';
import { giveNearest } from './nearest.ts';

interface Row {
  readonly key: number;
  readonly at: number;
  readonly kind: number;
}
const rows = (most: number): fc.Arbitrary<Row[]> =>
  fc.array(
    fc.record({
      key: fc.nat(3),
      at: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: 0, max: 12 }).map((each) => each * 250) },
        { weight: 1, arbitrary: fc.constant(NaN) },
      ),
      kind: fc.nat(2),
    }),
    { maxLength: most },
  );
const widths = [{ backMs: 1500, forwardMs: 600 }, { backMs: 250, forwardMs: 250 }, null];

/** Rows of one kind of equal key in order of time, those without one last, equal ones as they stand. */
const ordered = (all: readonly Row[], wanted: (row: Row) => boolean): number[] =>
  all
    .map((_, i) => i)
    .filter((i) => wanted(all[i] ?? { key: -1, at: 0, kind: 0 }))
    .toSorted((a, b) => {
      const [x, y] = [all[a]?.at ?? 0, all[b]?.at ?? 0];
      return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || (Number.isNaN(x) ? 0 : x - y) || a - b;
    });

function naively(requests: readonly Row[], lines: readonly Row[], timeless: boolean): string[] {
  const pairs: string[] = [];
  const takesPart = (row: Row): boolean => timeless || !Number.isNaN(row.at);
  for (let key = 0; key < 4; key++)
    for (let kind = 0; kind < 3; kind++) {
      const own = ordered(requests, (row) => row.key === key && takesPart(row));
      const said = ordered(lines, (row) => row.key === key && row.kind === kind && takesPart(row));
      const noTime = [...own.map((i) => requests[i]), ...said.map((i) => lines[i])].some((row) => Number.isNaN(row?.at));
      const times = (of: readonly number[], all: readonly Row[]): Float64Array =>
        Float64Array.from(of, (i) => (noTime ? 0 : (all[i]?.at ?? 0)));
      giveNearest(
        { times: times(own, requests), classes: Uint32Array.from(own, (i) => requests[i]?.kind ?? 0) },
        times(said, lines),
        (requestClass) => widths[(requestClass + kind) % 3] ?? null,
        (request, line) => pairs.push(`${own[request]} ${said[line]}`),
      );
    }
  return pairs.toSorted();
}

it('pairs what a plain search pairs', () => {
  fc.assert(
    fc.property(rows(6), rows(12), fc.boolean(), (requests, lines, timeless) => {
      const pairs: string[] = [];
      const at = (all: readonly Row[]) => (row: number) => all[row]?.at ?? NaN;
      matchAll({
        requests: {
          length: requests.length,
          at: at(requests),
          classOf: (row) => requests[row]?.kind ?? 0,
          keys: (row, use) => use(requests[row]?.key ?? 0),
          tie: (a, b) => a - b,
        },
        lines: {
          length: lines.length,
          at: at(lines),
          groupOf: (row) => lines[row]?.kind ?? 0,
          key: (row) => lines[row]?.key ?? -1,
          tie: (a, b) => a - b,
        },
        timeless,
        widthOf: (group, requestClass) => widths[(requestClass + group) % 3] ?? null,
        onPair: (request, line) => pairs.push(`${request} ${line}`),
      });
      expect(pairs.toSorted()).toEqual(naively(requests, lines, timeless));
    }),
    { numRuns: 3000 },
  );
});
