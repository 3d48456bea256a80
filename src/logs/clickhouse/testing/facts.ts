// What two tallies must agree on when they are of the same log, however each was read.
import { openTally } from '../../scan/tally.ts';
import type { LogFormat, Tally } from '../../records.ts';

/** The tally of lines, read one by one by their formats: the slow and certain way. */
export function tallyOfLines(
  files: readonly { readonly name: string; readonly format: LogFormat; readonly lines: readonly string[] }[],
): Tally {
  const tally = openTally(
    files.map(({ name, format }) => ({
      name,
      compression: 'none',
      storedBytes: null,
      format,
      kind: format.access === null ? 'error' : 'access',
    })),
  );
  files.forEach(({ format, lines }, input) => {
    lines.forEach((text, i) => {
      const place = { input, line: i + 1, position: i + 1 };
      const access = format.access?.(text) ?? null;
      const error = format.error?.(text) ?? null;
      if (access !== null) tally.addAccess(access, place, format, () => text);
      else if (error !== null) tally.addError(error, place, format, () => text);
      else tally.addUnknown(place, text);
      const parsed = access !== null || error !== null;
      tally.addLines(input, { lines: 1, bytes: Buffer.byteLength(text) + 1, parsed: parsed ? 1 : 0, unparsed: parsed ? 0 : 1 });
    });
  });
  return tally.finish();
}

/** Everything that a report says of a tally but names, formats and places of lines. */
export function factsOf(tally: Tally) {
  const cells = new Map<string, { requests: number; failed: number }>();
  for (const { minute, backend, requests, failed } of tally.cells) {
    const key = `${new Date(minute * 60_000).toISOString()} ${backend}`;
    const cell = cells.get(key) ?? { requests: 0, failed: 0 };
    cells.set(key, { requests: cell.requests + requests, failed: cell.failed + failed });
  }
  const sorted = <T>(list: readonly T[]): T[] => list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const sum = (of: (input: Tally['inputs'][number]) => number): number => tally.inputs.reduce((total, input) => total + of(input), 0);
  const access = tally.inputs.filter(({ kind }) => kind === 'access');
  const times = access.flatMap(({ first, last }) => [first, last]).filter((at) => at !== null);
  return {
    cells: Object.fromEntries([...cells].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    requests: [...cells.values()].reduce((total, { requests }) => total + requests, 0),
    first: Math.min(...times),
    last: Math.max(...times),
    lines: sum(({ lines }) => lines),
    parsed: sum(({ parsed }) => parsed),
    unparsed: sum(({ unparsed }) => unparsed),
    byStatus: tally.byStatus,
    byPath: tally.byPath,
    byClientNetwork: tally.byClientNetwork,
    byHost: tally.byHost,
    failures: sorted(
      tally.failures.map(
        ({ status, backend, answeredBy, reason, tries, timing, count, first, last, durationMs, connectMs, headerMs, minutes }) => ({
          status,
          backend,
          answeredBy,
          reason,
          tries,
          timing,
          count,
          first,
          last,
          durationMs,
          connectMs,
          headerMs,
          minutes: [...minutes],
        }),
      ),
    ),
    events: sorted(
      tally.events.map(({ product, level, signature, template, fields, upstream, host, count, minutes }) => ({
        product,
        level,
        signature,
        template,
        fields,
        upstream,
        host,
        count,
        minutes: [...minutes],
      })),
    ),
    joins: { failures: tally.failureKeys.length, events: tally.eventKeys.length },
    hashes: sorted(Array.from(tally.failureKeys.requestId, (id, i) => [id, tally.failureKeys.client[i], tally.failureKeys.request[i]])),
  };
}
