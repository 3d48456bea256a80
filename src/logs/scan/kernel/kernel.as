// The innermost loop: finds lines, walks a plan over each, and counts the line in the cell of its minute and backend. A line that is not
// exactly as the plan says ends the loop; the caller reads it with the parser and calls again behind it. Every step is bounded by the line.
// The numbers of operations, flags, reasons and addresses are those of plan.ts and wasm.ts.

const operations: usize = 0x10000;
const operationSize: usize = 64;
const minutes: usize = 0x14000;
const backends: usize = 0x1c000;
const cells: usize = 0x20000;
const backCounts: usize = 0xa0000;
const masks: usize = 0xa2000;
const lineEnds: usize = 0xa3000;
const values: usize = 0xa8000;

const minuteSlots: u32 = 1024;
const backendSlots: u32 = 128;
const longestBackend: i32 = 96;
// How far ahead lines are found: few enough bytes to stay in the first cache until they are walked over. One address per byte at most.
const chunk: usize = 4096;

let operationCount: i32 = 0;
let lineLimit: i32 = 65536;
let takesFailures: bool = false;
let takesTries: bool = false;
let hasStatuses: bool = false;
// One bit per byte of the memory, set where text in quotes may end: quotes, backslashes and control characters, so also line ends.
let marks: usize = 0;
// Found, and not walked over yet: ends of lines in [next, known), all before the frontier.
let next: usize = lineEnds;
let known: usize = lineEnds;
let frontier: usize = 0;
let resumeAt: usize = 0;
let resumeStop: usize = 0;

// What the caller reads after a run.
export let sure: i32 = 0;
export let lineStart: i32 = 0;
export let lineEnd: i32 = 0;
export let firstMs: f64 = Infinity;
export let lastMs: f64 = -Infinity;
export let latest: i32 = i32.MIN_VALUE;
/** Lines that the plan's code left to the interpreter, of all runs. */
export let interpreted: i32 = 0;

// Place of the plan as code in the table, below 0 where there is none; see compile.ts.
let compiled: i32 = -1;

// Of the line at hand.
let keyHigh: u64 = 0;
let keyLow: u64 = 0;
let keyZone: u64 = 0;
export let second: i32 = 0;
export let fraction: i32 = 0;
export let backendStart: i32 = 0;
export let backendEnd: i32 = 0;
/** Moment of the failing line that was counted last, and its place among the cells. */
export let atMs: f64 = 0;
export let cellIndex: i32 = 0;
// Of a failing line the values are noted, and lists of tries may be longer than one.
let isFailing: bool = false;
// Day of a syslog header that the parser has accepted.
let day: u64 = 0;
let dayOfLine: u64 = 0;

/**
 * Sets the plan's length, the longest line, where there is room for an eighth of the memory, and whether failing lines that are as the plan
 * says are told from others.
 */
export function open(count: i32, limit: i32, room: i32, failures: bool): void {
  takesFailures = failures;
  takesTries = failures;
  hasStatuses = false;
  compiled = -1;
  for (let i = 0; i < count; i++) if (load<i32>(operations + <usize>i * operationSize, 8) & 128) hasStatuses = true;
  operationCount = count;
  lineLimit = limit;
  marks = <usize>room;
  resumeAt = 0;
  day = 0;
  for (let i: usize = 0; i < 16; i++) {
    store<u8>(masks + i, 0xff);
    store<u8>(masks + 16 + i, 0);
  }
  clear();
}

/** Uses the code at this place of the table for lines that are as usual, until the next `open`. */
export function useCode(index: i32): void {
  compiled = index;
}

/** Forgets everything counted and learnt but the day. */
export function clear(): void {
  memory.fill(minutes, 0, backends - minutes);
  memory.fill(backends, 0, cells - backends);
  memory.fill(cells, 0, backCounts - cells);
  memory.fill(backCounts, 0, minuteSlots << 2);
  firstMs = Infinity;
  lastMs = -Infinity;
}

/** Takes over the latest minute that others have seen. */
export function setLatest(minute: i32): void {
  latest = minute;
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u32): bool {
  return byte - 48 < 10;
}

/** Two digits; 100 where they are none. */
// @ts-ignore: decorator
@inline
function twoDigits(at: usize): i32 {
  const high = <u32>load<u8>(at) - 48;
  const low = <u32>load<u8>(at, 1) - 48;
  return high < 10 && low < 10 ? <i32>(high * 10 + low) : 100;
}

/** First place of a byte in [from, end); `end` or beyond where there is none. */
// @ts-ignore: decorator
@inline
function find(from: usize, end: usize, byte: v128): usize {
  let at = from;
  while (at < end) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), byte));
    if (found) return at + ctz(found);
    at += 16;
  }
  return end;
}

/** Whether the literal of an operation stands at a place. */
// @ts-ignore: decorator
@inline
function isLiteral(operation: usize, at: usize): bool {
  const different = v128.and(v128.xor(v128.load(at), v128.load(operation, 16)), v128.load(operation, 32));
  if (v128.any_true(different)) return false;
  const more = load<u32>(operation, 48);
  return more == 0 || isTail(more, at + 16, load<i32>(operation, 4) - 16);
}

function isTail(literal: usize, at: usize, length: i32): bool {
  while (length > 0) {
    if (v128.any_true(v128.xor(part(at, length), v128.load(literal)))) return false;
    literal += 16;
    at += 16;
    length -= 16;
  }
  return true;
}

/** The first bytes, at most 16, and zeros behind them. */
// @ts-ignore: decorator
@inline
function part(from: usize, length: i32): v128 {
  return length >= 16 ? v128.load(from) : v128.and(v128.load(from), v128.load(masks + 16 - <usize>length));
}

/** Which of 16 bytes are digits. */
// @ts-ignore: decorator
@inline
function digitBits(bytes: v128): u32 {
  return <u32>i8x16.bitmask(i8x16.le_u(i8x16.sub(bytes, i8x16.splat(48)), i8x16.splat(9)));
}

/** First place at or behind `at` where a mark is. The line that is walked over ends with one. */
// @ts-ignore: decorator
@inline
function marked(from: usize): usize {
  let at = from;
  let bits = load<u64>(marks + (at >> 3)) >> (at & 7);
  while (bits == 0) {
    at = (at & ~7) + 64;
    bits = load<u64>(marks + (at >> 3));
  }
  return at + <usize>ctz(bits);
}

/** Bits of 16 bytes where text in quotes may end. */
// @ts-ignore: decorator
@inline
function markBits(bytes: v128): u64 {
  return <u64>(<u32>(
    i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(bytes, i8x16.splat(34)), i8x16.eq(bytes, i8x16.splat(92))),
        i8x16.le_u(bytes, i8x16.splat(31)),
      ),
    )
  ));
}

// @ts-ignore: decorator
@inline
function newlineBits(bytes: v128): u64 {
  return <u64>(<u32>i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(10))));
}

/** Marks the next bytes, and finds the line ends among them. Bytes from `stop` on are looked at, and forgotten. */
function look(stop: usize): void {
  let at = frontier & ~63;
  let end = at + chunk;
  if (end > stop) end = stop;
  let skip: u64 = ~(<u64>0) << (frontier & 63);
  let list = lineEnds;
  for (; at < end; at += 64) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    store<u64>(marks + (at >> 3), markBits(a) | (markBits(b) << 16) | (markBits(c) << 32) | (markBits(d) << 48));
    let ends = (newlineBits(a) | (newlineBits(b) << 16) | (newlineBits(c) << 32) | (newlineBits(d) << 48)) & skip;
    skip = ~(<u64>0);
    // Most often there is one or none: no branch may depend on which.
    store<u32>(list, <u32>(at + <usize>ctz(ends)));
    list += <usize>(ends != 0) << 2;
    ends &= ends - 1;
    while (ends != 0) {
      store<u32>(list, <u32>(at + <usize>ctz(ends)));
      list += 4;
      ends &= ends - 1;
    }
  }
  frontier = at;
  while (list > lineEnds && load<u32>(list - 4) >= <u32>stop) list -= 4;
  next = lineEnds;
  known = list;
}

/** End of a number as JSON allows it, without exponent; 0 where it is none. */
export function jsonNumber(from: usize): usize {
  const digits = digitBits(v128.load(from));
  const whole = <u32>ctz(~digits);
  if (whole > 0 && whole < 15 && (whole == 1 || load<u8>(from) != 48)) {
    if (load<u8>(from + whole) != 46) return from + whole;
    const end = whole + 1 + <u32>ctz(~(digits >> (whole + 1)));
    if (end > whole + 1 && end < 16) return from + end;
  }
  return longJsonNumber(from);
}

function longJsonNumber(from: usize): usize {
  let at = from;
  if (load<u8>(at) == 45) at++;
  const first = <u32>load<u8>(at);
  if (!isDigit(first)) return 0;
  at++;
  if (first != 48) while (isDigit(load<u8>(at))) at++;
  if (load<u8>(at) == 46) {
    const dot = at++;
    while (isDigit(load<u8>(at))) at++;
    if (at == dot + 1) return 0;
  }
  return at;
}

/** End of `count` whole numbers, each perhaps with a sign, with slashes between; 0 where there is something else. */
export function numberList(from: usize, count: i32): usize {
  const bytes = v128.load(from);
  const digits = digitBits(bytes);
  const slashes = <u32>i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(47)));
  const signs = <u32>i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(45)));
  const length = <u32>ctz(~(digits | slashes | signs));
  // In 16 bytes with two numbers at least, none is longer than is allowed; alone, one might be.
  if (length < 16 && count > 1) {
    const within = (<u32>1 << length) - 1;
    const starts = ((slashes << 1) | 1) & ~signs;
    const first = (starts | (signs << 1)) & within;
    // What begins is a digit; signs stand only where something begins; the list ends with a digit.
    const isGood =
      (first & ~digits) == 0 && (signs & within & ~((slashes << 1) | 1)) == 0 && ((digits << 1) & (within + 1)) != 0;
    if (isGood && popcnt(slashes & within) == <u32>(count - 1)) {
      if (count > 3 || length < 11) return from + length;
    }
  }
  return longNumberList(from, count);
}

function longNumberList(from: usize, count: i32): usize {
  let at = from;
  for (let i = 0; i < count; i++) {
    if (i > 0) {
      if (load<u8>(at) != 47) return 0;
      at++;
    }
    if (load<u8>(at) == 43) at++;
    if (load<u8>(at) == 45) at++;
    const start = at;
    while (isDigit(load<u8>(at))) at++;
    if (at == start || at - start > 9) return 0;
  }
  return at;
}

/** The same without signs, and of any length. */
export function plainNumbers(from: usize, count: i32): usize {
  const bytes = v128.load(from);
  const digits = digitBits(bytes);
  const slashes = <u32>i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(47)));
  const length = <u32>ctz(~(digits | slashes));
  if (length < 16) {
    const within = (<u32>1 << length) - 1;
    const starts = ((slashes << 1) | 1) & within;
    const isGood = (starts & ~digits) == 0 && ((digits << 1) & (within + 1)) != 0;
    return isGood && popcnt(slashes & within) == <u32>(count - 1) ? from + length : 0;
  }
  let at = from;
  for (let i = count; i > 0; i--) {
    const start = at;
    while (isDigit(load<u8>(at))) at++;
    if (at == start) return 0;
    if (i > 1 && load<u8>(at++) != 47) return 0;
  }
  return at;
}

/** `23/Nov/2026:21:12:50`, and then a zone or milliseconds; returns the end, 0 where it is none. */
function slashTime(at: usize, hasZone: bool): usize {
  second = twoDigits(at + 18);
  if (second > 59 || load<u8>(at, 17) != 58) return 0;
  keyHigh = load<u64>(at);
  keyLow = load<u64>(at, 8);
  if (hasZone) {
    fraction = 0;
    keyZone = (load<u64>(at, 20) & 0xffffffffffff) | (<u64>load<u8>(at, 16) << 48);
    return at + 26;
  }
  const ms = twoDigits(at + 21);
  const last = <u32>load<u8>(at, 23) - 48;
  if (load<u8>(at, 20) != 46 || ms > 99 || last > 9) return 0;
  fraction = ms * 10 + <i32>last;
  keyZone = <u64>load<u8>(at, 16) << 48;
  return at + 24;
}

/** `2026-11-23T21:12:50`, a fraction if there is one, and a zone; returns the end, 0 where it is none. */
export function isoTime(from: usize): usize {
  second = twoDigits(from + 17);
  if (second > 59 || load<u8>(from, 16) != 58) return 0;
  keyHigh = load<u64>(from);
  keyLow = load<u64>(from, 8);
  fraction = 0;
  let at = from + 19;
  if (load<u8>(at) == 46) {
    at++;
    const start = at;
    let weight = 100;
    while (isDigit(load<u8>(at))) {
      fraction += (<i32>load<u8>(at) - 48) * weight;
      weight /= 10;
      at++;
    }
    if (at == start || at - start > 9) return 0;
  }
  const sign = load<u8>(at);
  if (sign == 90) {
    keyZone = 90;
    return at + 1;
  }
  if (sign != 43 && sign != 45) return 0;
  if (load<u8>(at, 3) == 58) {
    if (twoDigits(at + 1) > 99 || twoDigits(at + 4) > 99) return 0;
    keyZone = load<u64>(at) & 0xffffffffffff;
    return at + 6;
  }
  if (twoDigits(at + 1) > 99 || twoDigits(at + 3) > 99) return 0;
  keyZone = load<u64>(at) & 0xffffffffff;
  return at + 5;
}

/** Ten digits, and perhaps three behind a dot; returns the end, 0 where it is none. */
export function epochTime(from: usize): usize {
  let seconds: i64 = 0;
  for (let i: usize = 0; i < 10; i++) {
    const digit = <u32>load<u8>(from + i) - 48;
    if (digit > 9) return 0;
    seconds = seconds * 10 + <i64>digit;
  }
  second = <i32>(seconds % 60);
  keyHigh = <u64>(seconds / 60);
  keyLow = 0;
  keyZone = 0xe000000000000000;
  fraction = 0;
  if (load<u8>(from, 10) != 46) return from + 10;
  const ms = twoDigits(from + 11);
  const last = <u32>load<u8>(from, 13) - 48;
  if (ms > 99 || last > 9) return 0;
  fraction = ms * 10 + <i32>last;
  return from + 14;
}

/** `Nov 23 21:12:50` of an accepted day; returns the end, 0 where it is none. */
function syslogTime(at: usize): usize {
  dayOfLine = load<u64>(at) & 0xffffffffffffff;
  if (twoDigits(at + 7) > 23 || load<u8>(at, 9) != 58) return 0;
  if (twoDigits(at + 10) > 59 || load<u8>(at, 12) != 58) return 0;
  return twoDigits(at + 13) > 59 ? 0 : at + 15;
}

/** First byte that is a blank, a control character or no ASCII; the end of a line is one. */
// @ts-ignore: decorator
@inline
function wordEnd(from: usize): usize {
  let at = from;
  while (true) {
    const found = i8x16.bitmask(i8x16.lt_s(v128.load(at), i8x16.splat(33)));
    if (found) return at + ctz(found);
    at += 16;
  }
}

/** `23/Nov/2026:21:12:50 +0000`; returns the end, 0 where it is none. */
export function commonTime(at: usize): usize {
  return slashTime(at, true);
}

/** `23/Nov/2026:21:12:50.123`; returns the end, 0 where it is none. */
export function preciseTime(at: usize): usize {
  return slashTime(at, false);
}

/** `Nov 23 21:12:50` of the day that was accepted last; returns the end, 0 where it is none. */
export function syslogTimeOfDay(at: usize): usize {
  const end = syslogTime(at);
  return dayOfLine == day ? end : 0;
}

/** End of `client:port`, 0 where it is none. */
export function clientEnd(at: usize): usize {
  const stop = wordEnd(at);
  const port = <usize>clz(~(digitBits(v128.load(stop - 16)) << 16));
  const colon = stop - port;
  if (port == 0 || port > 15 || colon < at + 4 || load<u8>(colon - 1) != 58 || stop > at + 48) return 0;
  return stop;
}

/** Where the name of `backend/server` begins, 0 where it is none. `before` is the word before it. */
export function pairStart(at: usize, stop: usize, before: usize): usize {
  const slash = find(at, stop, i8x16.splat(47));
  if (slash == at || slash + 1 >= stop) return 0;
  // Where no server was chosen, what the parser makes of it depends on the word before too.
  return load<u8>(slash, 1) == 60 ? before : at;
}

/** Whether there is a blank in [from, end). */
export function hasBlank(from: usize, end: usize): bool {
  return find(from, end, i8x16.splat(32)) < end;
}

/** End of the numbers or dashes of further tries, from the first separator on; 0 where something else follows one. */
function numbersEnd(from: usize, end: usize): usize {
  let at = from;
  while (at < end) {
    const here = load<u8>(at);
    if (here == 44 && load<u8>(at, 1) == 32) at += 2;
    else if (here == 32 && load<u8>(at, 1) == 58 && load<u8>(at, 2) == 32) at += 3;
    else return at;
    const start = at;
    if (load<u8>(at) == 45) at++;
    else while (isDigit(load<u8>(at)) || load<u8>(at) == 46) at++;
    if (at == start) return 0;
  }
  return at;
}

/** End of the further tries, from the first separator on; 0 where the line ends, or holds what is no printable ASCII. */
function triesEnd(from: usize, end: usize, operation: usize): usize {
  let at = from;
  const first = load<u8>(operation, 16);
  while (at < end) {
    const here = load<u8>(at);
    if (here == 44 && load<u8>(at, 1) == 32 && first != 44) at += 2;
    else if (here == 32 && load<u8>(at, 1) == 58 && load<u8>(at, 2) == 32) at += 3;
    else if (here == 32 || here == 44 || here == 34 || (here == first && isLiteral(operation, at))) return at;
    else if (here < 33 || here > 126) return 0;
    else at++;
  }
  return 0;
}

/** How many tries a list names that has blanks; 0 where that cannot be said simply. */
function triesIn(from: usize, end: usize): i32 {
  let count = 1;
  for (let at = from; at < end; at++) {
    if (load<u8>(at) != 32) continue;
    if (at > from && load<u8>(at - 1) == 44) count++;
    else if (at + 2 < end && load<u8>(at, 1) == 58 && load<u8>(at, 2) == 32) {
      count++;
      at += 2;
    } else return 0;
  }
  return count > 63 ? 0 : count;
}

/** Walks the plan over the line [from, end), behind which its end is. */
function walk(from: usize, end: usize): i32 {
  let at = from;
  let operation = operations;
  let wantsDay = false;
  let wordBefore: i32 = 0;
  let servers: i32 = 1;
  let statuses: i32 = 1;
  const last = operations + <usize>operationCount * operationSize;
  for (; operation < last; operation += operationSize) {
    const stopLength = <usize>load<u32>(operation, 4);
    let stop: usize = 0;
    switch (load<i32>(operation)) {
      case 0: // Nothing but the literal.
        stop = at;
        break;
      case 1: {
        // Free text up to the literal.
        if (stopLength == 0) {
          stop = end;
          break;
        }
        const byte = i8x16.splat(load<i8>(operation, 16));
        stop = find(at, end, byte);
        while (stop < end && !isLiteral(operation, stop)) stop = find(stop + 1, end, byte);
        break;
      }
      case 2: {
        // Text up to a literal that begins with a quote which no backslash escapes.
        stop = marked(at);
        while (true) {
          if (stop >= end) return 1;
          const here = load<u8>(stop);
          if (here == 34 && isLiteral(operation, stop)) break;
          stop += here == 92 ? 2 : 1;
          if (stop > end) return 1;
          stop = marked(stop);
        }
        break;
      }
      case 3:
        stop = slashTime(at, true);
        break;
      case 4:
        stop = slashTime(at, false);
        break;
      case 5:
        stop = isoTime(at);
        break;
      case 6:
        stop = epochTime(at);
        break;
      case 7: {
        // A status; one of a failure only where the line is walked over for it.
        const hundreds = <u32>load<u8>(at) - 49;
        if (twoDigits(at + 1) > 99) return 1;
        if (isFailing ? hundreds != 4 : hundreds > 3) return hundreds == 4 ? 5 : 1;
        stop = at + 3;
        break;
      }
      case 8: {
        // Digits and dots, or one dash.
        stop = at;
        if (load<u8>(stop) == 45) stop++;
        else
          while (true) {
            const bytes = v128.load(stop);
            const others = ~(digitBits(bytes) | <u32>i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(46)))) & 0xffff;
            if (others) {
              stop += ctz(others);
              break;
            }
            stop += 16;
          }
        break;
      }
      case 9: {
        // One try: up to a blank, comma, quote or the literal; more tries are for the parser, and so is what is not printable ASCII.
        const first = load<u8>(operation, 16);
        const byte = i8x16.splat(first);
        stop = at;
        while (true) {
          if (stop >= end) return 1;
          const part = v128.load(stop);
          const found = i8x16.bitmask(
            v128.or(
              v128.or(i8x16.lt_s(part, i8x16.splat(33)), i8x16.eq(part, i8x16.splat(44))),
              v128.or(i8x16.eq(part, i8x16.splat(34)), i8x16.eq(part, byte)),
            ),
          );
          if (!found) {
            stop += 16;
            continue;
          }
          stop += ctz(found);
          if (stop >= end) return 1;
          const here = load<u8>(stop);
          if ((here == 44 && load<u8>(stop, 1) == 32) || (here == 32 && load<u8>(stop, 1) == 58)) break;
          if (isLiteral(operation, stop)) break;
          if (here != first || here == 32 || here == 44 || here == 34) return 1;
          stop++;
        }
        break;
      }
      case 10: {
        // The inside of a JSON string without escapes.
        stop = marked(at);
        if (stop >= end || load<u8>(stop) != 34) return 1;
        break;
      }
      case 11:
        stop = jsonNumber(at);
        break;
      case 12: {
        const word = load<u32>(at);
        if (word == 0x65757274 || word == 0x6c6c756e) stop = at + 4;
        else if (word == 0x736c6166 && load<u8>(at, 4) == 101) stop = at + 5;
        break;
      }
      case 13:
        stop = numberList(at, load<i32>(operation, 12));
        break;
      case 14: {
        // A word of ASCII without blanks and control characters, up to one of those; not empty.
        // A lone dash is most common; the literal begins with a blank.
        if (load<u16>(at) == 0x202d) {
          stop = at + 1;
          break;
        }
        stop = wordEnd(at);
        if (stop == at) return 1;
        break;
      }
      case 15:
        stop = syslogTime(at);
        if (stop != 0 && dayOfLine != day) wantsDay = true;
        break;
      case 16: {
        // `client:port`
        stop = clientEnd(at);
        if (stop == 0) return 1;
        break;
      }
      case 17: {
        // Four letters or dashes.
        for (let i: usize = 0; i < 4; i++) {
          const letter = <u32>load<u8>(at + i);
          if (letter != 45 && (letter | 32) - 97 > 25) return 1;
        }
        stop = at + 4;
        break;
      }
      case 18:
        // Digits, not more than nine.
        stop = at + ctz(~digitBits(v128.load(at)));
        if (stop == at || stop > at + 9) return 1;
        break;
      case 19:
        stop = plainNumbers(at, load<i32>(operation, 12));
        break;
      default:
        return 1;
    }
    if (stop < at || stop > end) return 1;
    const flags = load<i32>(operation, 8);
    if (flags != 0) {
      if (flags & 32) {
        // A list of tries may go on here.
        const here = load<u8>(stop);
        if ((here == 32 && load<u8>(stop, 1) == 58) || (here == 44 && load<u8>(stop, 1) == 32)) {
          if (!takesTries) return 1;
          const kind = load<i32>(operation);
          stop = kind == 8 ? numbersEnd(stop, end) : kind == 9 ? triesEnd(stop, end, operation) : 0;
          if (stop == 0) return 1;
        }
        if (flags & 129 && takesTries && find(at, stop, i8x16.splat(32)) < stop) {
          const count = triesIn(at, stop);
          if (count == 0 && !isFailing) return 1;
          if (flags & 1) servers = count;
          else statuses = count;
        }
      }
      if (flags & 1) {
        backendStart = <i32>at;
        backendEnd = <i32>stop;
        if (servers != 1) {
          // The server that was tried last.
          let last = stop;
          while (last > at && load<u8>(last - 1) != 32) last--;
          backendStart = <i32>last;
        }
      }
      if (flags & 64) wordBefore = <i32>at;
      // Several tries are parted by blanks.
      if (flags & 2 && !(takesTries && flags & 32) && find(at, stop, i8x16.splat(32)) < stop) return 1;
      if (flags & 4 && stop == at) return 1;
      if (flags & 8 && stop == at + 1 && load<u8>(at) == 45) return 1;
      if (flags & 16) {
        // `backend/server`
        const start = pairStart(at, stop, <usize>wordBefore);
        if (start == 0) return 1;
        backendStart = <i32>start;
      }
    }
    if (isFailing) {
      const value = values + (((operation - operations) / operationSize) << 3);
      store<u32>(value, <u32>at);
      store<u32>(value, <u32>stop, 4);
    }
    if (stopLength > 0) {
      if (!isLiteral(operation, stop)) return 1;
    }
    at = stop + stopLength;
    if (at > end) return 1;
  }
  if (at != end) return 1;
  // Of lists that differ in length only the parser knows which server was the last.
  if (servers != statuses && hasStatuses && !isFailing) return 1;
  return wantsDay ? 4 : 0;
}

let lastHigh: u64 = 0;
let lastLow: u64 = 0;
let lastZone: u64 = 0;
let lastSlot: i32 = -1;

/** Place of the minute's entry, or of a free one; entries are 32 bytes: key, minute, 1 where used. */
function minuteEntry(): usize {
  let slot = <u32>(((keyHigh * 0x9e3779b97f4a7c15) ^ (keyLow * 0xc2b2ae3d27d4eb4f) ^ (keyZone * 0x165667b19e3779f9)) >> 54);
  while (true) {
    const entry = minutes + (<usize>slot << 5);
    if (load<i32>(entry, 28) == 0) return entry;
    if (load<u64>(entry) == keyHigh && load<u64>(entry, 8) == keyLow && load<u64>(entry, 16) == keyZone) return entry;
    slot = (slot + 1) & (minuteSlots - 1);
  }
}

/** Place of the backend's entry, or of a free one; entries are 128 bytes: text, length plus one. */
function backendEntry(from: usize, length: i32): usize {
  const a = part(from, length);
  let all = a;
  for (let i = 16; i < length; i += 16) all = v128.xor(all, part(from + <usize>i, length - i));
  const hash = (<u64>i64x2.extract_lane(all, 0) * 0x9e3779b97f4a7c15) ^ (<u64>i64x2.extract_lane(all, 1) * 0xc2b2ae3d27d4eb4f);
  let slot = <u32>((hash + <u64>length * 0x165667b19e3779f9) >> 57);
  while (true) {
    const entry = backends + (<usize>slot << 7);
    const used = load<i32>(entry, 96);
    if (used == 0) return entry;
    if (used == length + 1 && !v128.any_true(v128.xor(a, v128.load(entry)))) {
      if (length <= 16 || isTail(entry + 16, from + 16, length - 16)) return entry;
    }
    slot = (slot + 1) & (backendSlots - 1);
  }
}

/** Counts the line, unless its minute or its backend is new. */
function count(): i32 {
  let slot = lastSlot;
  if (slot < 0 || keyHigh != lastHigh || keyLow != lastLow || keyZone != lastZone) {
    const entry = minuteEntry();
    if (load<i32>(entry, 28) == 0) return 2;
    slot = <i32>((entry - minutes) >> 5);
    lastSlot = slot;
    lastHigh = keyHigh;
    lastLow = keyLow;
    lastZone = keyZone;
  }
  const length = backendEnd - backendStart;
  if (length > longestBackend) return 1;
  const backend = backendEntry(<usize>backendStart, length);
  if (load<i32>(backend, 96) == 0) return 3;
  cellIndex = <i32>((<usize>slot << 7) + ((backend - backends) >> 7));
  const cell = cells + (<usize>cellIndex << 2);
  store<u32>(cell, load<u32>(cell) + 1);
  const minute = load<i32>(minutes + (<usize>slot << 5), 24);
  if (minute > latest) latest = minute;
  else if (minute < latest - 1) {
    const back = backCounts + (<usize>slot << 2);
    store<u32>(back, load<u32>(back) + 1);
  }
  const ms = <f64>minute * 60000 + <f64>(second * 1000 + fraction);
  if (ms < firstMs) firstMs = ms;
  if (ms > lastMs) lastMs = ms;
  atMs = ms;
  return 0;
}

/** Walks over a failing line; 5 where it is as the plan says, 4 where its day is new too. */
function walkFailure(from: usize, end: usize): i32 {
  isFailing = true;
  const reason = walk(from, end);
  isFailing = false;
  return reason == 0 ? 5 : reason == 4 ? 4 : 1;
}

/** Counts the failing line at hand, unless its minute or its backend is new; the numbers are those of run. */
export function countFailure(): i32 {
  return count();
}

/** See Kernel.run. Behind a line that it stopped at it goes on with what it has found already: nobody may change the bytes in between. */
export function run(start: i32, stop: i32): i32 {
  const end = <usize>stop;
  let at = <usize>start;
  sure = 0;
  if (at != resumeAt || end != resumeStop) {
    frontier = at;
    next = lineEnds;
    known = lineEnds;
  }
  resumeAt = 0;
  while (true) {
    lineStart = <i32>at;
    if (next == known) {
      if (frontier >= end) return 0;
      look(end);
      continue;
    }
    const found = <usize>load<u32>(next);
    next += 4;
    lineEnd = <i32>found;
    const length = found - at;
    let reason = 1;
    if (<i32>length <= lineLimit && length != 0) {
      backendStart = 0;
      backendEnd = 0;
      const last = load<u8>(found - 1) == 13 ? found - 1 : found;
      reason = compiled < 0 ? 7 : call_indirect<i32>(compiled, at, last);
      if (reason == 7) {
        interpreted++;
        reason = walk(at, last);
      }
      if (reason == 0) reason = count();
      else if (reason == 5) reason = takesFailures ? walkFailure(at, last) : 1;
    }
    at = found + 1;
    if (reason != 0) {
      resumeAt = at;
      resumeStop = end;
      return reason;
    }
    sure++;
  }
}

/** Learns the minute of the line at hand. */
export function learnMinute(minute: i32): i32 {
  const entry = minuteEntry();
  store<u64>(entry, keyHigh);
  store<u64>(entry, keyLow, 8);
  store<u64>(entry, keyZone, 16);
  store<i32>(entry, minute, 24);
  store<i32>(entry, 1, 28);
  lastSlot = -1;
  return <i32>((entry - minutes) >> 5);
}

/** Learns the backend of the line at hand; returns its slot. */
export function learnBackend(): i32 {
  const length = backendEnd - backendStart;
  const from = <usize>backendStart;
  const entry = backendEntry(from, length);
  for (let i = 0; i < length; i += 16) v128.store(entry + <usize>i, part(from + <usize>i, length - i));
  store<i32>(entry, length + 1, 96);
  return <i32>((entry - backends) >> 7);
}

/** Accepts the syslog day of the line at hand. */
export function learnDay(): void {
  day = dayOfLine;
}

/** Forgets which minute was last, and what it has found in the bytes. */
export function reset(): void {
  lastSlot = -1;
  resumeAt = 0;
}
