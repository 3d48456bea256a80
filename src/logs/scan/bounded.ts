// Tables that stay small whatever comes. A full one keeps the keys with the smallest hash: what it holds then depends on the set of keys
// alone, never on their order, and the count of a kept key is exact because it was never thrown out.
import { rankOfText } from './hash.ts';

interface Entry<V> {
  readonly rank: number;
  readonly value: V;
}

/** A map of at most `limit` keys. Plain data, so that it travels between threads. */
export interface Bounded<V> {
  readonly limit: number;
  /** Keys of this rank and above are not kept. */
  ceiling: number;
  readonly entries: Map<string, Entry<V>>;
}

/** An empty one. */
export function openBounded<V>(limit: number): Bounded<V> {
  return { limit, ceiling: Number.POSITIVE_INFINITY, entries: new Map() };
}

/** The value of a key, made where it is new; null where the key is not kept. `evict` sees what is thrown out to make room. */
export function boundedGet<V>(table: Bounded<V>, key: string, make: () => V, evict: (value: V, key: string) => void): V | null {
  const known = table.entries.get(key);
  if (known !== undefined) return known.value;
  const rank = rankOfText(key);
  if (rank >= table.ceiling) return null;
  const value = make();
  table.entries.set(key, { rank, value });
  if (table.entries.size >= table.limit * 1.25 + 8) prune(table, evict);
  return table.ceiling > rank ? value : null;
}

/** Throws out what is over the limit. To be called before the table is read. */
export function prune<V>(table: Bounded<V>, evict: (value: V, key: string) => void): void {
  if (table.entries.size <= table.limit) return;
  const ranks = Float64Array.from(table.entries.values(), (entry) => entry.rank).sort();
  table.ceiling = ranks[table.limit] ?? table.ceiling;
  for (const [key, entry] of table.entries) {
    if (entry.rank < table.ceiling) continue;
    table.entries.delete(key);
    evict(entry.value, key);
  }
}

/** Puts another table's entries in; `merge` joins two values of one key. */
export function mergeBounded<V>(
  into: Bounded<V>,
  from: Bounded<V>,
  merge: (into: V, from: V) => V,
  evict: (value: V, key: string) => void,
): void {
  into.ceiling = Math.min(into.ceiling, from.ceiling);
  for (const [key, { rank, value }] of from.entries) {
    const known = into.entries.get(key);
    into.entries.set(key, { rank, value: known === undefined ? value : merge(known.value, value) });
  }
  for (const [key, entry] of into.entries) {
    if (entry.rank < into.ceiling) continue;
    into.entries.delete(key);
    evict(entry.value, key);
  }
  prune(into, evict);
}

/** Counts by key. Where there are more keys than it holds, keys are made coarser first, and thrown out only if that does not help. */
export interface KeyCounts {
  total: number;
  coarse: boolean;
  readonly limit: number;
  counts: Map<string, number>;
  /** What keys became, for those seen lately. */
  readonly coarser: Map<string, string>;
  /** Used once the keys are coarse. */
  readonly bounded: Bounded<{ count: number }>;
}

/** An empty one. */
export function openCounts(limit: number): KeyCounts {
  return { total: 0, coarse: false, limit, counts: new Map(), coarser: new Map(), bounded: openBounded(limit) };
}

const drop = (): void => undefined;

/** A copy: a part of a long text would keep the whole of it. */
export function detached(text: string): string {
  return text.length < 13 ? text : Buffer.from(text, 'utf16le').toString('utf16le');
}

const mostRemembered = 8192;

/** The coarser key, remembered: making it takes longer than counting it, and frequent keys come again. */
function coarserKey(table: KeyCounts, key: string, coarser: (key: string) => string): string {
  const known = table.coarser.get(key);
  if (known !== undefined) return known;
  if (table.coarser.size >= mostRemembered) table.coarser.clear();
  const made = detached(coarser(key));
  table.coarser.set(detached(key), made);
  return made;
}

function addCoarse(table: KeyCounts, key: string, count: number): void {
  const entry = boundedGet(table.bounded, key, () => ({ count: 0 }), drop);
  if (entry !== null) entry.count += count;
}

function makeCoarse(table: KeyCounts, coarser: (key: string) => string): void {
  table.coarse = true;
  for (const [key, count] of table.counts) addCoarse(table, coarser(key), count);
  table.counts = new Map();
}

/** Counts a key. */
export function addKey(table: KeyCounts, key: string, coarser: (key: string) => string, count = 1): void {
  table.total += count;
  if (table.coarse) {
    addCoarse(table, coarserKey(table, key, coarser), count);
    return;
  }
  const known = table.counts.get(key);
  // A key may be a part of a long line, which must not be kept for it.
  table.counts.set(known === undefined ? detached(key) : key, (known ?? 0) + count);
  if (table.counts.size > table.limit) makeCoarse(table, coarser);
}

/** Counts a key that is coarse already. Only once the table is. */
export function addCoarseKey(table: KeyCounts, key: string, count: number): void {
  table.total += count;
  addCoarse(table, key, count);
}

/** Adds what another one counted. */
export function mergeCounts(into: KeyCounts, from: KeyCounts, coarser: (key: string) => string): void {
  const total = into.total + from.total;
  if (from.coarse && !into.coarse) makeCoarse(into, coarser);
  for (const [key, count] of from.counts) addKey(into, key, coarser, count);
  const sum = (a: { count: number }, b: { count: number }): { count: number } => ({ count: a.count + b.count });
  if (from.coarse) mergeBounded(into.bounded, from.bounded, sum, drop);
  into.total = total;
}

/** Keys and counts, most frequent first, at most `rows`; equal counts by key. `dropped` is what is in no row. */
export function topOf(
  table: KeyCounts,
  rows: number,
  show: (key: string) => string,
): { readonly rows: { key: string; count: number }[]; readonly dropped: number } {
  prune(table.bounded, drop);
  const all = table.coarse ? Array.from(table.bounded.entries, ([key, entry]) => [key, entry.value.count] as const) : [...table.counts];
  all.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  // Making a key fit to be shown costs more than counting it did, and few keys are shown.
  const seen = new Map<string, number>();
  for (const [key, count] of all) {
    if (seen.size >= rows) break;
    const text = show(key);
    seen.set(text, (seen.get(text) ?? 0) + count);
  }
  const sorted = Array.from(seen, ([key, count]) => ({ key, count }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
    .slice(0, rows);
  return { rows: sorted, dropped: table.total - sorted.reduce((sum, row) => sum + row.count, 0) };
}
