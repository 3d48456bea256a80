// The names that rotation gives to files: which belong to one log, and which of them is older. Only the order of reading and the notes for
// the reader depend on it, never a count.

/** Where a file stands in its set. */
export interface Rotation {
  /** Name that the log has while it is written; equal for all files of one set in a folder. */
  readonly base: string;
  /** Name without the suffix of a compression: equal for a rotation and its compressed copy. */
  readonly stem: string;
  /** `dated` by its name, `numbered` (1 is the youngest), or `current`. */
  readonly kind: 'dated' | 'numbered' | 'current';
  /** Milliseconds for `dated`, the number for `numbered`, else 0. */
  readonly value: number;
  /** Second number of a date that rotated more than once. */
  readonly part: number;
}

const packed = /\.(?:gz|gzip|zst|zstd|xz|bz2|lz4|z|Z)$/;
// access.log-20261122, access.log.2026-11-22, access-2026112213.log, app-2026-11-22-1.log, localhost_access_log.2026-11-22.txt
const dated =
  /^(.*?)[._-]?(?<![0-9])(20\d\d)([-_.]?)(\d\d)\3(\d\d)(?:[-_.T]?(\d\d)(?:[-:.]?(\d\d))?(?:[-:.]?(\d\d))?)?(?:[._-](\d{1,3}))?(\.[a-zA-Z][a-zA-Z0-9]*)?$/;
const epoch = /^(.+)[.-](1\d{9})$/;
const iis = /^((?:u_)?(?:ex|extend|in|nc))(\d\d)(\d\d)(\d\d)(\d\d)?((?:_x)?\.log)$/;
const numbered = /^(.+)\.(\d{1,4})$/;
const numberedInside = /^(.+)\.(\d{1,4})(\.(?:log|txt))$/;
const old = /^(.+)\.(?:old|bak|prev)$/;

/** Reads a file name (no folder). What is not the name of a rotation is `current`. */
export function rotationOf(name: string): Rotation {
  const stem = name.replace(packed, '');
  const date = dated.exec(stem);
  if (date) {
    const [, before = '', year, , month, day, hour = '0', minute = '0', second = '0', part = '0', extension = ''] = date;
    const value = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
    const real = Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= 31 && Number(hour) < 24;
    if (real) return { base: before + extension, stem, kind: 'dated', value, part: Number(part) };
  }
  const web = iis.exec(stem);
  if (web) {
    const [, before = '', year, month, day, hour = '0', after = ''] = web;
    const value = Date.UTC(2000 + Number(year), Number(month) - 1, Number(day), Number(hour));
    return { base: before + after, stem, kind: 'dated', value, part: 0 };
  }
  const seconds = epoch.exec(stem);
  if (seconds) return { base: seconds[1] ?? '', stem, kind: 'dated', value: Number(seconds[2]) * 1000, part: 0 };
  const number = numbered.exec(stem);
  if (number) return { base: number[1] ?? '', stem, kind: 'numbered', value: Number(number[2]), part: 0 };
  const inside = numberedInside.exec(stem);
  if (inside) return { base: `${inside[1] ?? ''}${inside[3] ?? ''}`, stem, kind: 'numbered', value: Number(inside[2]), part: 0 };
  const before = old.exec(stem);
  if (before) return { base: before[1] ?? '', stem, kind: 'numbered', value: 1, part: 0 };
  return { base: stem, stem, kind: 'current', value: 0, part: 0 };
}

const ranks = { dated: 0, numbered: 1, current: 2 } as const;

/** Sorts oldest first within one set. */
export function byAge(a: Rotation, b: Rotation): number {
  if (a.kind !== b.kind) return ranks[a.kind] - ranks[b.kind];
  if (a.kind === 'numbered') return b.value - a.value;
  return a.value - b.value || a.part - b.part;
}
