// The same request in two access logs, one behind the other: what is found out about it behind one proxy is true of it in front of it.
import type { Tally } from '../records.ts';
import { addressOf, triedAddresses } from './addresses.ts';
import type { Addresses, RequestClass } from './correlate.ts';
import { idWidth, joinLevels } from './levels.ts';
import { matchAll } from './matching.ts';
import { mix } from './sorted-rows.ts';
import { slackMs } from './sources.ts';

/** Failing requests as the join sees them. */
export interface Requests {
  endOf(row: number): number;
  tie(a: number, b: number): number;
  readonly classes: readonly RequestClass[];
  readonly classOf: readonly number[];
}

const mostSources = 12;

/**
 * Finds requests that two access logs tell of, one behind the other: the outer log names servers elsewhere, and the two have no server in
 * common (two balancers in front of the same servers stand side by side and share no request).
 */
export function seenTwice(
  tally: Tally,
  source: Uint32Array,
  addresses: Addresses,
  { endOf, tie, classes, classOf }: Requests,
): Uint32Array | null {
  const { failureKeys: failing } = tally;
  const sources = [...new Set(classes.map((each) => each.source))];
  if (sources.length < 2 || sources.length > mostSources) return null;
  const servers = new Map<number, { all: Set<number>; remote: boolean }>();
  tally.failures.forEach((failure, group) => {
    const from = source[failure.input] ?? 0;
    const known = servers.get(from) ?? { all: new Set<number>(), remote: false };
    servers.set(from, known);
    for (const each of addresses.ofFailure[group] ?? []) known.all.add(each);
    const named = [...triedAddresses(failure.tries), addressOf(failure.backend)];
    known.remote ||= named.some((each) => each !== null && !/^(?:unix:|127\.|localhost|\[::1\])/.test(each));
  });
  const sourceOf = (row: number): number => source[tally.failures[failing.group[row] ?? 0]?.input ?? 0] ?? 0;
  const root = Uint32Array.from({ length: failing.length }, (_, row) => row);
  const rootOf = (row: number): number => {
    let at = row;
    while (root[at] !== at) {
      root[at] = root[root[at] ?? 0] ?? 0;
      at = root[at] ?? 0;
    }
    return at;
  };
  let found = false;
  for (const outer of sources)
    for (const inner of sources) {
      const [a, b] = [servers.get(outer), servers.get(inner)];
      if (outer === inner || a === undefined || b === undefined || !a.remote || [...b.all].some((each) => a.all.has(each))) continue;
      if (b.remote && inner < outer) continue;
      const done = new Uint8Array(failing.length);
      for (const level of ['request-id', 'client+request', 'request'] as const) {
        const number = joinLevels.indexOf(level);
        const key = (row: number): number => {
          const id = failing.requestId[row] ?? 0;
          const client = failing.client[row] ?? 0;
          const request = failing.request[row] ?? 0;
          if (level === 'request-id') return id === 0 ? -1 : id;
          return request === 0 || (level === 'client+request' && client === 0)
            ? -1
            : mix(level === 'request' ? 0 : client, request, number);
        };
        matchAll({
          requests: {
            length: failing.length,
            tie,
            at: endOf,
            classOf: (row) => classOf[failing.group[row] ?? 0] ?? 0,
            keys: (row, use) => {
              const own = sourceOf(row) === outer && done[row] === 0 ? key(row) : -1;
              if (own >= 0) use(own);
            },
          },
          lines: {
            length: failing.length,
            tie,
            at: endOf,
            groupOf: () => 0,
            key: (row) => (sourceOf(row) === inner && done[row] === 0 ? key(row) : -1),
          },
          timeless: level === 'request-id',
          widthOf: () => (level === 'request-id' ? idWidth : { backMs: slackMs, forwardMs: slackMs }),
          onPair: (request, line) => {
            done[request] = 1;
            done[line] = 1;
            found = true;
            const [x, y] = [rootOf(request), rootOf(line)];
            root[Math.max(x, y)] = Math.min(x, y);
          },
        });
      }
    }
  if (!found) return null;
  for (let row = 0; row < root.length; row++) root[row] = rootOf(row);
  return root;
}
