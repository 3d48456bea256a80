// Gives each line the nearest request that has none of its kind yet, among those that share its key and whose window it lies in. Small
// runs are compared one by one; long ones (one page, asked for every second) by bisection, so that time stays n log n.

/** Requests of one key, by position in `at`. */
export interface Side {
  readonly length: number;
  /** When the request ended; ascending. */
  at(index: number): number;
  /** Requests of one class share their window and everything else that decides whether a line may be theirs. */
  classOf(index: number): number;
}
export interface Width {
  readonly backMs: number;
  readonly forwardMs: number;
}

const closeMs = 500;

/**
 * Pairs lines with requests, each at most once. Lines are taken in order, first only to requests at most half a second away, then to any
 * whose window holds them; the nearest wins, and of equally near ones the first. `widthOf` is null where lines may not belong to a class.
 */
export function giveNearest(
  requests: Side,
  lines: readonly number[],
  widthOf: (requestClass: number) => Width | null,
  onPair: (request: number, line: number) => void,
): void {
  const plain = requests.length * lines.length <= 1024;
  const taken = new Uint8Array(requests.length);
  const find = plain ? oneByOne(requests, taken, widthOf) : byClass(requests, taken, widthOf);
  const left: number[] = [];
  for (const [index, at] of lines.entries()) {
    const request = find(at, closeMs);
    if (request < 0) left.push(index);
    else {
      taken[request] = 1;
      onPair(request, index);
    }
  }
  for (const index of left) {
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
    for (let i = 0; i < requests.length; i++) {
      if (taken[i] === 1) continue;
      const width = widthOf(requests.classOf(i));
      const ahead = at - requests.at(i);
      const distance = Math.abs(ahead);
      if (width === null || distance > within || distance >= bestDistance || -ahead > width.backMs || ahead > width.forwardMs) continue;
      [best, bestDistance] = [i, distance];
    }
    return best;
  };
}

/** The same by classes: within one, the nearest free request on either side decides. */
function byClass(requests: Side, taken: Uint8Array, widthOf: (requestClass: number) => Width | null): Find {
  const members = new Map<number, number[]>();
  for (let i = 0; i < requests.length; i++) {
    const known = members.get(requests.classOf(i));
    if (known === undefined) members.set(requests.classOf(i), [i]);
    else known.push(i);
  }
  const classes = [...members].flatMap(([id, list]) => {
    const width = widthOf(id);
    if (width === null) return [];
    // Links over taken requests: to the next free one on the right and on the left, shortened as they are walked.
    const right = Int32Array.from({ length: list.length + 1 }, (_, i) => i);
    const left = Int32Array.from({ length: list.length + 1 }, (_, i) => i);
    return [{ width, list, right, left }];
  });
  type Class = (typeof classes)[number];
  const isTaken = (each: Class, position: number): boolean => taken[each.list[position] ?? 0] === 1;
  const freeFrom = (each: Class, position: number): number => {
    let end = position;
    while (end < each.list.length && isTaken(each, end)) end = each.right[end] === end ? end + 1 : (each.right[end] ?? end + 1);
    for (let i = position; i < end;) {
      const next = each.right[i] === i ? i + 1 : (each.right[i] ?? end);
      each.right[i] = end;
      i = next;
    }
    return end;
  };
  // Here links are kept one to the right of the position that they lead to, so that 0 means none.
  const freeUpTo = (each: Class, position: number): number => {
    let end = position + 1;
    while (end > 0 && isTaken(each, end - 1)) end = each.left[end] === end ? end - 1 : (each.left[end] ?? 0);
    for (let i = position + 1; i > end;) {
      const next = each.left[i] === i ? i - 1 : (each.left[i] ?? end);
      each.left[i] = end;
      i = next;
    }
    return end - 1;
  };
  const timeAt = (each: Class, position: number): number => requests.at(each.list[position] ?? 0);
  const lowerBound = (each: Class, at: number): number => {
    let [low, high] = [0, each.list.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (timeAt(each, middle) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (at, within) => {
    let best = -1;
    let bestDistance = Infinity;
    const offer = (each: Class, position: number): void => {
      const request = each.list[position];
      if (request === undefined) return;
      const ahead = at - requests.at(request);
      const distance = Math.abs(ahead);
      if (distance > within || -ahead > each.width.backMs || ahead > each.width.forwardMs) return;
      if (distance < bestDistance || (distance === bestDistance && request < best)) [best, bestDistance] = [request, distance];
    };
    for (const each of classes) {
      const from = lowerBound(each, at);
      offer(each, freeFrom(each, from));
      const before = freeUpTo(each, from - 1);
      // Of several at one time the first free one is meant, as everywhere.
      if (before >= 0) offer(each, freeFrom(each, lowerBound(each, timeAt(each, before))));
    }
    return best;
  };
}
