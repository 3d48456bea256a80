// Sorting a million rows by a 32-bit key in a few bytes each: key and row number share one 64-bit word, which the engine sorts natively.

const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const lowAt = little ? 0 : 1;
const highAt = little ? 1 : 0;

/** Pairs of 32-bit numbers, ordered by the first, then by the second, once `sort` was called. */
export class Pairs {
  #words: BigUint64Array;
  #halves: Uint32Array;
  length = 0;

  constructor(capacity: number) {
    this.#words = new BigUint64Array(Math.max(16, capacity));
    this.#halves = new Uint32Array(this.#words.buffer);
  }

  push(key: number, value: number): void {
    if (this.length === this.#words.length) {
      const grown = new BigUint64Array(this.length * 2);
      grown.set(this.#words);
      this.#words = grown;
      this.#halves = new Uint32Array(grown.buffer);
    }
    this.#halves[2 * this.length + lowAt] = value;
    this.#halves[2 * this.length + highAt] = key;
    this.length++;
  }

  sort(): this {
    this.#words.subarray(0, this.length).sort();
    return this;
  }

  key(index: number): number {
    return this.#halves[2 * index + highAt] ?? 0;
  }

  value(index: number): number {
    return this.#halves[2 * index + lowAt] ?? 0;
  }
}

/** A set of keys that may hold more than was put in: a first sieve, so that only rows with a likely partner are sorted. */
export class Sieve {
  readonly #bits = new Uint32Array(1 << 18);

  add(key: number): void {
    const at = (key ^ (key >>> 9)) & 0x7fffff;
    this.#bits[at >>> 5] = (this.#bits[at >>> 5] ?? 0) | (1 << (at & 31));
  }
  has(key: number): boolean {
    const at = (key ^ (key >>> 9)) & 0x7fffff;
    return ((this.#bits[at >>> 5] ?? 0) & (1 << (at & 31))) !== 0;
  }
}

/**
 * Row numbers ordered by `times` (milliseconds; NaN last), equal times by `tie`, which has to tell any two rows apart where the result
 * must not depend on the order of the table.
 */
export function rowsByTime(times: (row: number) => number, length: number, tie: (a: number, b: number) => number): Uint32Array {
  let min = Infinity;
  let max = -Infinity;
  for (let row = 0; row < length; row++) {
    const at = times(row);
    if (at < min) min = at;
    if (at > max) max = at;
  }
  // One step of the key: a millisecond where the log spans less than seven weeks, more above; ties below a step are broken by time.
  const step = Math.max(1, (max - min) / 0xfffffff0);
  const pairs = new Pairs(length);
  for (let row = 0; row < length; row++) {
    const at = times(row);
    pairs.push(Number.isNaN(at) ? 0xffffffff : Math.floor((at - min) / step), row);
  }
  pairs.sort();
  const rows = new Uint32Array(length);
  for (let i = 0; i < length; i++) rows[i] = pairs.value(i);
  for (let from = 0; from < length;) {
    let to = from + 1;
    while (to < length && pairs.key(to) === pairs.key(from)) to++;
    if (to - from > 1)
      rows.subarray(from, to).sort((a, b) => {
        const [x, y] = [times(a), times(b)];
        return (Number.isNaN(x) || x === y ? 0 : x - y) || tie(a, b);
      });
    from = to;
  }
  return rows;
}

/** One 32-bit number from three; equal only where they are, but for one chance in four billion. */
export function mix(a: number, b: number, c: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ b, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13) ^ c, 0x27d4eb2f);
  return (h ^ (h >>> 16)) >>> 0;
}
