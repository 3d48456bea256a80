// Gives each line the nearest request that has none of its kind yet, among those that share its key and whose window it lies in. Small
// runs are compared one by one; long ones (one page, asked for every second) by bisection, so that time stays n log n.

/** Requests of one key, in order of time. */
export interface Side {
  /** When each request ended; ascending. */
  readonly times: Float64Array;
  /** Requests of one class share their window and everything else that decides whether a line may be theirs. */
  readonly classes: Uint32Array;
}
export interface Width {
  readonly backMs: number;
  readonly forwardMs: number;
}

/** Lines this near are given first. */
export const closeMs = 500;

/**
 * Pairs lines with requests, each at most once. Lines are taken in order, first only to requests at most half a second away, then to any
 * whose window holds them; the nearest wins, and of equally near ones the first. `widthOf` is null where lines may not belong to a class.
 */
export function giveNearest(
  requests: Side,
  lines: Float64Array,
  widthOf: (requestClass: number) => Width | null,
  onPair: (request: number, line: number) => void,
): void {
  const plain = requests.times.length * lines.length <= 1024;
  const taken = new Uint8Array(requests.times.length);
  const find = plain ? oneByOne(requests, taken, widthOf) : byClass(requests, taken, widthOf);
  const left = new Uint32Array(lines.length);
  let leftLength = 0;
  for (let index = 0; index < lines.length; index++) {
    const request = find(lines[index] ?? Number.NaN, closeMs);
    if (request < 0) left[leftLength++] = index;
    else {
      taken[request] = 1;
      onPair(request, index);
    }
  }
  for (const index of left.subarray(0, leftLength)) {
    const request = find(lines[index] ?? Number.NaN, Infinity);
    if (request < 0) continue;
    taken[request] = 1;
    onPair(request, index);
  }
}

type Find = (at: number, within: number) => number;

function oneByOne(requests: Side, taken: Uint8Array, widthOf: (requestClass: number) => Width | null): Find {
  return (at, within) => {
    let best = -1;
    let bestDistance = Infinity;
    for (let i = 0; i < requests.times.length; i++) {
      if (taken[i] === 1) continue;
      const width = widthOf(requests.classes[i] ?? 0);
      const ahead = at - (requests.times[i] ?? 0);
      const distance = Math.abs(ahead);
      if (width === null || distance > within || distance >= bestDistance || -ahead > width.backMs || ahead > width.forwardMs) continue;
      [best, bestDistance] = [i, distance];
    }
    return best;
  };
}

/** Requests of one class in a long run: their positions, and links over those that are taken. */
class Lane {
  readonly width: Width;
  readonly #list: Uint32Array;
  readonly #times: Float64Array;
  readonly #taken: Uint8Array;
  // Of each position, the next one on the right that may be free, and (one more than) the next one on the left; shortened when walked.
  readonly #right: Uint32Array;
  readonly #left: Uint32Array;

  constructor(width: Width, list: Uint32Array, times: Float64Array, taken: Uint8Array) {
    this.width = width;
    this.#list = list;
    this.#times = Float64Array.from(list, (each) => times[each] ?? 0);
    this.#taken = taken;
    this.#right = new Uint32Array(list.length + 1).map((_, i) => i);
    this.#left = new Uint32Array(list.length + 1).map((_, i) => i);
  }

  /** The first free request at or behind the position, or -1. */
  freeFrom(position: number): number {
    const [list, right] = [this.#list, this.#right];
    let end = position;
    while (end < list.length && this.#taken[list[end] ?? 0] === 1) end = Math.max(end + 1, right[end] ?? 0);
    for (let i = position; i < end;) {
      const next = Math.max(i + 1, right[i] ?? 0);
      right[i] = end;
      i = next;
    }
    return end < list.length ? (list[end] ?? -1) : -1;
  }

  /** The last free position before the given one, or -1. */
  freeBefore(position: number): number {
    const [list, left] = [this.#list, this.#left];
    let end = position;
    while (end > 0 && this.#taken[list[end - 1] ?? 0] === 1) end = Math.min(end - 1, left[end] ?? 0);
    for (let i = position; i > end;) {
      const next = Math.min(i - 1, left[i] ?? 0);
      left[i] = end;
      i = next;
    }
    return end - 1;
  }

  timeAt(position: number): number {
    return this.#times[position] ?? 0;
  }

  /** The first position whose time is not before `at`. */
  lowerBound(at: number): number {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#times[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The same by classes: within one, the nearest free request on either side decides. */
function byClass({ times, classes }: Side, taken: Uint8Array, widthOf: (requestClass: number) => Width | null): Find {
  const sizes = new Map<number, number>();
  for (const each of classes) sizes.set(each, (sizes.get(each) ?? 0) + 1);
  const lanes = [...sizes].flatMap(([id, size]) => {
    const width = widthOf(id);
    if (width === null) return [];
    const list = new Uint32Array(size);
    let length = 0;
    for (let i = 0; i < times.length; i++) if (classes[i] === id) list[length++] = i;
    return [new Lane(width, list, times, taken)];
  });
  return (at, within) => {
    let best = -1;
    let bestDistance = Infinity;
    for (const lane of lanes) {
      const from = lane.lowerBound(at);
      const before = lane.freeBefore(from);
      // Of several at one time the first free one is meant, as everywhere.
      const earlier = before < 0 ? -1 : lane.freeFrom(lane.lowerBound(lane.timeAt(before)));
      const later = lane.freeFrom(from);
      for (let side = 0; side < 2; side++) {
        const request = side === 0 ? earlier : later;
        if (request < 0) continue;
        const ahead = at - (times[request] ?? 0);
        const distance = Math.abs(ahead);
        if (distance > within || -ahead > lane.width.backMs || ahead > lane.width.forwardMs) continue;
        if (distance < bestDistance || (distance === bestDistance && request < best)) {
          best = request;
          bestDistance = distance;
        }
      }
    }
    return best;
  };
}
