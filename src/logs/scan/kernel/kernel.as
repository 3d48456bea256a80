// The innermost loop: finds lines, walks a plan over each, and counts the line in the cell of its minute and backend. A line that is not
// exactly as the plan says ends the loop; the caller reads it with the parser and calls again behind it. Every step is bounded by the line.
// The numbers of operations, flags, reasons and addresses are those of plan.ts and wasm.ts.

const operations: usize = 0x10000;
const operationSize: usize = 32;
const minutes: usize = 0x14000;
const backends: usize = 0x1c000;
const cells: usize = 0x20000;
const backCounts: usize = 0xa0000;
const masks: usize = 0xa2000;

const minuteSlots: u32 = 1024;
const backendSlots: u32 = 128;
const longestBackend: i32 = 48;

let operationCount: i32 = 0;
let lineLimit: i32 = 65536;

// What the caller reads after a run.
export let sure: i32 = 0;
export let lineStart: i32 = 0;
export let lineEnd: i32 = 0;
export let firstMs: f64 = Infinity;
export let lastMs: f64 = -Infinity;
export let latest: i32 = i32.MIN_VALUE;

// Of the line at hand.
let keyHigh: u64 = 0;
let keyLow: u64 = 0;
let keyZone: u64 = 0;
export let second: i32 = 0;
export let fraction: i32 = 0;
export let backendStart: i32 = 0;
export let backendEnd: i32 = 0;
// Day of a syslog header that the parser has accepted.
let day: u64 = 0;
let dayOfLine: u64 = 0;

/** Sets the plan's length and the longest line. */
export function open(count: i32, limit: i32): void {
  operationCount = count;
  lineLimit = limit;
  day = 0;
  for (let i: usize = 0; i < 16; i++) {
    store<u8>(masks + i, 0xff);
    store<u8>(masks + 16 + i, 0);
  }
  clear();
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
  if ((load<u64>(at) & load<u64>(operation, 16)) != load<u64>(operation, 8)) return false;
  const length = load<i32>(operation, 4);
  return length <= 8 || isTail(load<u32>(operation, 28), at + 8, length - 8);
}

function isTail(literal: usize, at: usize, length: i32): bool {
  for (let i = 0; i < length; i++) {
    if (load<u8>(literal + i) != load<u8>(at + i)) return false;
  }
  return true;
}

/** End of a number as JSON allows it, without exponent; 0 where it is none. */
function jsonNumber(from: usize): usize {
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
function numberList(from: usize, count: i32): usize {
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
function isoTime(from: usize): usize {
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
function epochTime(from: usize): usize {
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

/** Walks the plan over the line [from, end). */
function walk(from: usize, end: usize): i32 {
  let at = from;
  let operation = operations;
  let wantsDay = false;
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
        const byte = i8x16.splat(load<i8>(operation, 8));
        stop = find(at, end, byte);
        while (stop < end && !isLiteral(operation, stop)) stop = find(stop + 1, end, byte);
        break;
      }
      case 2: {
        // Text up to a literal that begins with a quote which no backslash escapes.
        const byte = i8x16.splat(34);
        stop = at;
        while (true) {
          stop = find(stop, end, byte);
          if (stop >= end) return 1;
          let slash = stop;
          while (slash > at && load<u8>(slash - 1) == 92) slash--;
          if (((stop - slash) & 1) == 0 && isLiteral(operation, stop)) break;
          stop++;
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
        // A status that is no failure.
        const hundreds = <u32>load<u8>(at) - 49;
        if (hundreds > 3 || twoDigits(at + 1) > 99) return 1;
        stop = at + 3;
        break;
      }
      case 8: {
        // Digits and dots, or one dash.
        stop = at;
        if (load<u8>(stop) == 45) stop++;
        else
          while (true) {
            const byte = <u32>load<u8>(stop);
            if (!isDigit(byte) && byte != 46) break;
            stop++;
          }
        break;
      }
      case 9: {
        // One try: up to a blank, comma, quote or the literal; more tries are for the parser.
        const first = load<u8>(operation, 8);
        const byte = i8x16.splat(first);
        stop = at;
        while (true) {
          if (stop >= end) return 1;
          const part = v128.load(stop);
          const found = i8x16.bitmask(
            v128.or(
              v128.or(i8x16.eq(part, i8x16.splat(32)), i8x16.eq(part, i8x16.splat(44))),
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
          if (here == 44 && load<u8>(stop, 1) == 32) return 1;
          if (here == 32 && load<u8>(stop, 1) == 58) return 1;
          if (isLiteral(operation, stop)) break;
          if (here != first || here == 32 || here == 44 || here == 34) return 1;
          stop++;
        }
        break;
      }
      case 10: {
        // The inside of a JSON string without escapes.
        const quote = i8x16.splat(34);
        const backslash = i8x16.splat(92);
        const blank = i8x16.splat(32);
        stop = at;
        while (true) {
          if (stop >= end) return 1;
          const part = v128.load(stop);
          const found = i8x16.bitmask(v128.or(v128.or(i8x16.eq(part, quote), i8x16.eq(part, backslash)), i8x16.lt_u(part, blank)));
          if (found) {
            stop += ctz(found);
            break;
          }
          stop += 16;
        }
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
        stop = numberList(at, load<i32>(operation, 28));
        break;
      case 14: {
        // A word of printable ASCII without blanks, up to a blank; not empty.
        stop = at;
        while (true) {
          const byte = <u32>load<u8>(stop);
          if (byte - 33 > 93) break;
          stop++;
        }
        if (stop == at) return 1;
        break;
      }
      case 15:
        stop = syslogTime(at);
        if (stop != 0 && dayOfLine != day) wantsDay = true;
        break;
      case 16: {
        // `client:port`
        const byte = i8x16.splat(32);
        stop = find(at, end, byte);
        let colon = stop;
        while (colon > at && isDigit(load<u8>(colon - 1))) colon--;
        if (colon == stop || colon < at + 4 || load<u8>(colon - 1) != 58 || stop > at + 48) return 1;
        for (let i = at; i < colon; i++) if (<u32>load<u8>(i) - 33 > 93) return 1;
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
        stop = at;
        while (isDigit(load<u8>(stop))) stop++;
        if (stop == at || stop > at + 9) return 1;
        break;
      case 19:
        stop = at;
        for (let i = load<i32>(operation, 28); i > 0; i--) {
          const start = stop;
          while (isDigit(load<u8>(stop))) stop++;
          if (stop == start) return 1;
          if (i > 1 && load<u8>(stop++) != 47) return 1;
        }
        break;
      default:
        return 1;
    }
    if (stop < at || stop > end) return 1;
    const flags = load<i32>(operation, 24);
    if (flags != 0) {
      if (flags & 1) {
        backendStart = <i32>at;
        backendEnd = <i32>stop;
      }
      if (flags & 2 && find(at, stop, i8x16.splat(32)) < stop) return 1;
      if (flags & 4 && stop == at) return 1;
      if (flags & 8 && stop == at + 1 && load<u8>(at) == 45) return 1;
      if (flags & 16) {
        // `backend/server`
        const slash = find(at, stop, i8x16.splat(47));
        if (slash == at || slash + 1 >= stop) return 1;
      }
      if (flags & 32) {
        // A list of tries may go on here.
        const here = load<u8>(stop);
        if ((here == 32 && load<u8>(stop, 1) == 58) || (here == 44 && load<u8>(stop, 1) == 32)) return 1;
      }
    }
    if (stopLength > 0) {
      if (!isLiteral(operation, stop)) return 1;
    }
    at = stop + stopLength;
    if (at > end) return 1;
  }
  if (at != end) return 1;
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

// @ts-ignore: decorator
@inline
function part(from: usize, length: i32): v128 {
  return length >= 16 ? v128.load(from) : v128.and(v128.load(from), v128.load(masks + 16 - <usize>length));
}

/** Place of the backend's entry, or of a free one; entries are 64 bytes: text, length plus one. */
function backendEntry(from: usize, length: i32): usize {
  const a = part(from, length);
  const b = length > 16 ? part(from + 16, length - 16) : i64x2.splat(0);
  const c = length > 32 ? part(from + 32, length - 32) : i64x2.splat(0);
  const all = v128.xor(v128.xor(a, b), c);
  const hash = (<u64>i64x2.extract_lane(all, 0) * 0x9e3779b97f4a7c15) ^ (<u64>i64x2.extract_lane(all, 1) * 0xc2b2ae3d27d4eb4f);
  let slot = <u32>((hash + <u64>length * 0x165667b19e3779f9) >> 57);
  while (true) {
    const entry = backends + (<usize>slot << 6);
    const used = load<i32>(entry, 48);
    if (used == 0) return entry;
    if (used == length + 1) {
      const different = v128.or(
        v128.xor(a, v128.load(entry)),
        v128.or(v128.xor(b, v128.load(entry, 16)), v128.xor(c, v128.load(entry, 32))),
      );
      if (!v128.any_true(different)) return entry;
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
  if (load<i32>(backend, 48) == 0) return 3;
  const cell = cells + (((<usize>slot << 7) + ((backend - backends) >> 6)) << 2);
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
  return 0;
}

/** See Kernel.run. */
export function run(start: i32, stop: i32): i32 {
  const newline = i8x16.splat(10);
  const end = <usize>stop;
  let at = <usize>start;
  sure = 0;
  while (true) {
    const found = find(at, end, newline);
    lineStart = <i32>at;
    if (found >= end) return 0;
    lineEnd = <i32>found;
    const length = found - at;
    if (<i32>length > lineLimit || length == 0) return 1;
    backendStart = 0;
    backendEnd = 0;
    let reason = walk(at, load<u8>(found - 1) == 13 ? found - 1 : found);
    if (reason == 0) reason = count();
    if (reason != 0) return reason;
    sure++;
    at = found + 1;
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
  v128.store(entry, part(from, length));
  v128.store(entry, length > 16 ? part(from + 16, length - 16) : i64x2.splat(0), 16);
  v128.store(entry, length > 32 ? part(from + 32, length - 32) : i64x2.splat(0), 32);
  store<i32>(entry, length + 1, 48);
  return <i32>((entry - backends) >> 6);
}

/** Accepts the syslog day of the line at hand. */
export function learnDay(): void {
  day = dayOfLine;
}

/** Forgets which minute was last. */
export function reset(): void {
  lastSlot = -1;
}
