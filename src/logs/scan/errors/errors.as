// The innermost loop for nginx's error log: reads a line that is written as usual and finds the group that was learnt for what it says. The
// grammar is that of formats/nginx-error-log.ts; a line that could be read in another way is left to that parser. Addresses, numbers of words
// and what is returned are those of errors-kernel.ts. Behind the text there is room for 16 bytes.

const results: usize = 0x1000;
const minute: usize = 0x1100;
const words: usize = 0x1200;
const wordSize: usize = 32;
const varyings: usize = 0x1800;
const slots: usize = 0x2000;
const slotCount: u32 = 8192;
const learnt: usize = 0xa000;
const learntEnd: usize = 0x8a000;
const mostLearnt: u32 = 4096;

// Numbers of words.
const clientWord: u32 = 0;
const serverWord: u32 = 1;
const keyWords: u32 = 2;
const keyCount: u32 = 6;
const fastCgiWord: u32 = 8;
const closingWord: u32 = 9;
const mappedWord: u32 = 10;
const levelWords: u32 = 11;
const levelCount: u32 = 8;

const requestKey: u32 = 0;
const upstreamKey: u32 = 2;
const hostKey: u32 = 3;
const requestIdKey: u32 = 5;

// What `next` returns.
const unusual: i32 = 0;
const known: i32 = 1;
const newMinute: i32 = 2;
const outside: i32 = 3;
const newGroup: i32 = 4;

const longest: usize = 8192;
const longestHead: usize = 56;
const offset: u32 = 0x811c9dc5;
const prime: u32 = 0x01000193;

let isInside: bool = true;
let top: usize = learnt;
let count: u32 = 0;

// The head that was read last, and what it says.
let headAt: usize = 0;
let headEnd: usize = 0;
let level: u32 = 0;
let second: u32 = 0;

// Of the line at hand.
let textEnd: usize = 0;
let varying: u32 = 0;
let messageFrom: usize = 0;
let messageTo: usize = 0;
let hasUpstream: u32 = 0;
let serverFrom: usize = 0;
let serverTo: usize = 0;
let hostFrom: usize = 0;
let hostTo: usize = 0;
let nextKey: u32 = keyCount;
let key: u64 = 0;
let lineLevel: u32 = 0;

/** Forgets all groups. */
export function reset(): void {
  memory.fill(slots, 0, slotCount << 2);
  top = learnt;
  count = 0;
}

/** Forgets what was read: other text comes. */
export function begin(): void {
  headAt = 0;
}

/** The 16 bytes at `at` name a minute; `inside` says whether its lines count. */
export function setMinute(at: usize, inside: bool): void {
  v128.store(minute, v128.load(at));
  isInside = inside;
}

/** No minute is known. */
export function clearMinute(): void {
  v128.store(minute, i8x16.splat(0));
}

// @ts-ignore: decorator
@inline
function wordLength(word: u32): usize {
  return <usize>load<u32>(words + <usize>word * wordSize);
}

function isEqual(a: usize, b: usize, length: usize): bool {
  let i: usize = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false;
  const left = <u64>(length - i) << 3;
  return left == 0 || ((load<u64>(a + i) ^ load<u64>(b + i)) & ((<u64>1 << left) - 1)) == 0;
}

// @ts-ignore: decorator
@inline
function isWord(word: u32, at: usize): bool {
  return isEqual(at, words + <usize>word * wordSize + 4, wordLength(word));
}

// @ts-ignore: decorator
@inline
function isDigit(at: usize): bool {
  return <u32>load<u8>(at) - 48 < 10;
}

/** Two digits; 100 where they are none. */
// @ts-ignore: decorator
@inline
function twoDigits(at: usize): u32 {
  const high = <u32>load<u8>(at) - 48;
  const low = <u32>load<u8>(at, 1) - 48;
  return high < 10 && low < 10 ? high * 10 + low : 100;
}

/** Behind one to `most` digits; 0 where there is none. */
function digitsEnd(from: usize, most: usize): usize {
  let at = from;
  while (at < from + most && isDigit(at)) at++;
  return at == from ? 0 : at;
}

/** First place of a byte in [from, end); `end` where there is none. */
// @ts-ignore: decorator
@inline
function find(from: usize, end: usize, byte: u8): usize {
  const wanted = i8x16.splat(byte);
  let at = from;
  while (at < end) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), wanted));
    if (found) {
      const place = at + ctz(found);
      return place < end ? place : end;
    }
    at += 16;
  }
  return end;
}

/** Reads date, level and process of a line: where they end, or 0 where they are written in another way. */
function readHead(at: usize, end: usize): usize {
  if (at == headAt) return headEnd;
  headAt = at;
  headEnd = 0;
  if (at + longestHead > end) return 0;
  if (twoDigits(at) > 99 || twoDigits(at + 2) > 99 || load<u8>(at, 4) != 0x2f || twoDigits(at + 5) > 99 || load<u8>(at, 7) != 0x2f) return 0;
  if (twoDigits(at + 8) > 99 || load<u8>(at, 10) != 0x20 || twoDigits(at + 11) > 23 || load<u8>(at, 13) != 0x3a) return 0;
  if (twoDigits(at + 14) > 59 || load<u8>(at, 16) != 0x3a || load<u16>(at, 19) != 0x5b20) return 0;
  const ownSecond = twoDigits(at + 17);
  // A leap second belongs to the next minute.
  if (ownSecond > 59) return 0;
  let ownLevel: u32 = 0;
  while (ownLevel < levelCount && !isWord(levelWords + ownLevel, at + 21)) ownLevel++;
  if (ownLevel == levelCount) return 0;
  const process = digitsEnd(at + 21 + wordLength(levelWords + ownLevel), 10);
  if (process == 0 || load<u8>(process) != 0x23) return 0;
  const thread = digitsEnd(process + 1, 10);
  if (thread == 0 || load<u16>(thread) != 0x203a) return 0;
  level = ownLevel;
  second = ownSecond;
  headEnd = thread + 2;
  return headEnd;
}

/** Whether a slash stands between a name that ends like those of directories for nginx's own temporary files, and a number. */
function isTemporary(at: usize): bool {
  if (!isDigit(at + 1)) return false;
  const before = load<u32>(at - 4);
  // temp, body, roxy, tcgi, wsgi, scgi
  if (before == 0x706d6574 || before == 0x79646f62 || before == 0x79786f72) return true;
  return before == 0x69676374 || before == 0x69677377 || before == 0x69676373;
}

/** Behind the value of a varying message that begins at `from`, which is its end too where the value is none. */
function varyingValueEnd(kind: u32, from: usize): usize {
  let at = from;
  if (kind <= 3) {
    const stop: u32 = kind == 1 ? 0x20 : 0x22;
    while (at < textEnd) {
      const byte = <u32>load<u8>(at);
      if (byte == stop || byte < 0x20 || byte > 0x7e || byte == 0x2c) break;
      if (kind == 3 && byte == 0x2f && isTemporary(at)) return from;
      at++;
    }
  } else {
    const dot: u32 = kind == 5 ? 0x2e : 0x30;
    while (at < textEnd && (isDigit(at) || <u32>load<u8>(at) == dot)) at++;
  }
  return at;
}

/** Where a varying message ends that begins at `from`; 0 where another one stands there. */
function varyingEnd(one: usize, from: usize): usize {
  let at = from;
  let part = one;
  while (true) {
    const length = <usize>load<u8>(part);
    if (at + length > textEnd) return 0;
    if (!isEqual(at, part + 1, length)) return 0;
    at += length;
    part += 1 + length;
    const kind = <u32>load<u8>(part);
    if (kind == 0) return at;
    const end = varyingValueEnd(kind, at);
    if (end == at) return 0;
    at = end;
    part++;
  }
}

/** Where the search for what follows the message begins: what an application wrote may look like it. */
function searchFrom(from: usize): usize {
  if (load<u8>(from) != 0x46 || !isWord(fastCgiWord, from)) return from;
  for (let at = textEnd - wordLength(closingWord); at > from; at--) if (load<u8>(at) == 0x22 && isWord(closingWord, at)) return at;
  return from;
}

/** The message that begins at `from`: where it ends. */
function readMessage(from: usize): usize {
  messageFrom = from;
  varying = 0;
  const first = load<u8>(from);
  let number: u32 = 1;
  for (let one = varyings; load<u16>(one) != 0; one += <usize>load<u16>(one), number++) {
    if (load<u8>(one, 3) != first) continue;
    const end = varyingEnd(one + 2, from);
    if (end == 0 || (end != textEnd && !isWord(clientWord, end))) continue;
    varying = number;
    messageTo = end;
    return end;
  }
  let at = searchFrom(from);
  for (;;) {
    at = find(at, textEnd, 0x2c);
    if (at == textEnd || isWord(clientWord, at)) break;
    at++;
  }
  messageTo = at;
  return at;
}

/** The key behind `after` whose value begins at `at`, or `keyCount`. */
function keyAt(at: usize, after: i32): u32 {
  for (let i = <u32>(after + 1); i < keyCount; i++) if (isWord(keyWords + i, at)) return i;
  return keyCount;
}

/** Where the value of a key ends: where a later key begins, which is noted, or the line ends. */
function valueEnd(from: usize, after: i32): usize {
  let at = from;
  while (true) {
    at = find(at, textEnd, 0x2c);
    nextKey = at == textEnd ? keyCount : keyAt(at, after);
    if (at == textEnd || nextKey < keyCount) return at;
    at++;
  }
}

/** Hash of method and path without query, of a request line. False where a character is unusual. */
function readRequest(from: usize, end: usize): bool {
  store<u32>(results, 0, 20);
  let hash = offset;
  let at = from;
  let all: u32 = 0;
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte == 0x20) break;
    all |= byte;
    hash = (hash ^ byte) * prime;
  }
  if (all > 127) return false;
  if (at == from || at == end) return true;
  hash = ((hash == 0 ? 1 : hash) ^ 0x20) * prime;
  for (at++; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte == 0x20 || byte == 0x3f) break;
    all |= byte;
    hash = (hash ^ byte) * prime;
  }
  store<u32>(results, hash == 0 ? 1 : hash, 20);
  return all < 128;
}

/** The server alone. False where it may be another one. */
function readServer(from: usize, end: usize): bool {
  if (from == end) return true;
  hasUpstream = 1;
  serverFrom = from;
  serverTo = end;
  let at = from;
  for (; at < end; at++) {
    const byte = load<u8>(at);
    // A stream's line goes on with counters behind a quote.
    if (byte == 0x22) return false;
    if (byte != 0x3a || at + 3 > end || load<u16>(at, 1) != 0x2f2f) continue;
    serverFrom = at + 3;
    break;
  }
  const isUnix = serverFrom + 5 <= end && load<u32>(serverFrom) == 0x78696e75 && load<u8>(serverFrom, 4) == 0x3a;
  if (at == end && !isUnix) return true;
  const stop: u8 = isUnix ? 0x3a : 0x2f;
  for (at = isUnix ? serverFrom + 5 : serverFrom; at < end; at++) {
    const byte = load<u8>(at);
    if (byte == 0x22) return false;
    if (byte != stop) continue;
    serverTo = at;
    break;
  }
  return true;
}

function readRequestId(from: usize, end: usize): bool {
  let hash = offset;
  let all: u32 = 0;
  for (let at = from; at < end; at++) {
    const byte = <u32>load<u8>(at);
    all |= byte;
    hash = (hash ^ byte) * prime;
  }
  const isNone = from == end || (end == from + 1 && load<u8>(from) == 0x2d);
  store<u32>(results, isNone ? 0 : hash == 0 ? 1 : hash, 24);
  return all < 128;
}

/** What follows the head. False where it is unusual. */
function readLine(from: usize): bool {
  store<u64>(results, 0, 16);
  store<u32>(results, 0, 24);
  hasUpstream = 0;
  serverFrom = 0;
  serverTo = 0;
  hostFrom = 0;
  hostTo = 0;
  let at = from;
  if (load<u8>(at) == 0x2a) {
    at = digitsEnd(at + 1, 20);
    if (at == 0 || load<u8>(at) != 0x20) return false;
    at++;
  }
  if (at > textEnd) return false;
  at = readMessage(at);
  if (at == textEnd) return true;
  at += wordLength(clientWord);
  if (isWord(mappedWord, at)) at += wordLength(mappedWord);
  const client = at;
  let hash = offset;
  for (; at < textEnd; at++) {
    const byte = <u32>load<u8>(at);
    if (byte <= 0x20 || byte == 0x2c) break;
    if (byte > 127) return false;
    hash = (hash ^ byte) * prime;
  }
  if (at == client) return false;
  store<u32>(results, hash == 0 ? 1 : hash, 16);
  if (at == textEnd) return true;
  if (load<u8>(at) != 0x2c) return false;
  if (isWord(serverWord, at)) at = valueEnd(at + wordLength(serverWord), -1);
  else {
    nextKey = keyAt(at, -1);
    if (nextKey == keyCount) return false;
  }
  while (nextKey < keyCount) {
    const own = nextKey;
    const start = at + wordLength(keyWords + own);
    at = valueEnd(start, <i32>own);
    const end = at > start && load<u8>(at - 1) == 0x22 ? at - 1 : at;
    if (own == hostKey) {
      hostFrom = start;
      hostTo = end;
    } else if (own == requestKey) {
      if (!readRequest(start, end)) return false;
    } else if (own == upstreamKey) {
      if (!readServer(start, end)) return false;
    } else if (own == requestIdKey && !readRequestId(start, end)) return false;
  }
  return true;
}

function hashed(from: usize, end: usize, seed: u64): u64 {
  let hash = seed;
  let at = from;
  for (; at + 8 <= end; at += 8) {
    hash = (hash ^ load<u64>(at)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  if (at < end) {
    const left = <u64>(end - at) << 3;
    hash = (hash ^ (load<u64>(at) & ((<u64>1 << left) - 1))) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return hash ^ (<u64>(end - from) << 40);
}

// A record of a group: number, hash, and what decides it.
const recordHead: usize = 32;

function isRecord(record: usize): bool {
  const messageLength: usize = varying ? 0 : messageTo - messageFrom;
  const serverLength = serverTo - serverFrom;
  const hostLength = hostTo - hostFrom;
  if (load<u32>(record, 4) != <u32>key || load<u32>(record, 8) != varying || load<u32>(record, 12) != (lineLevel << 1 | hasUpstream)) return false;
  if (load<u32>(record, 16) != <u32>messageLength || load<u32>(record, 20) != <u32>serverLength || load<u32>(record, 24) != <u32>hostLength)
    return false;
  const from = record + recordHead;
  return (
    isEqual(from, messageFrom, messageLength) &&
    isEqual(from + messageLength, serverFrom, serverLength) &&
    isEqual(from + messageLength + serverLength, hostFrom, hostLength)
  );
}

/** Reads the line that begins at `at`, of text that ends at `end`. */
export function next(at: usize, end: usize): i32 {
  const from = readHead(at, end);
  if (from == 0) return unusual;
  if (v128.any_true(v128.xor(v128.load(at), v128.load(minute)))) return newMinute;
  lineLevel = level;
  const ownSecond = second;
  const lineEnd = find(from, end, 0x0a);
  // Only the beginning of another record shows that this one is complete.
  if (lineEnd == end || lineEnd - at > longest || readHead(lineEnd + 1, end) == 0) return unusual;
  store<u32>(results, <u32>lineEnd);
  store<u32>(results, ownSecond, 8);
  if (!isInside) return outside;
  textEnd = load<u8>(lineEnd - 1) == 0x0d ? lineEnd - 1 : lineEnd;
  store<u32>(results, <u32>textEnd, 4);
  if (!readLine(from)) return unusual;
  key = varying ? varying : hashed(messageFrom, messageTo, 0x100);
  key = hashed(hostFrom, hostTo, hashed(serverFrom, serverTo, key ^ <u64>(lineLevel << 9 | hasUpstream << 8)));
  key ^= key >> 29;
  store<u32>(results, varying, 32);
  for (let slot = <u32>key & (slotCount - 1); ; slot = (slot + 1) & (slotCount - 1)) {
    const record = <usize>load<u32>(slots + (slot << 2));
    if (record == 0) return newGroup;
    if (!isRecord(record)) continue;
    store<u32>(results, load<u32>(record), 28);
    return known;
  }
}

/** Remembers the group of the line that was read last under a number. False where there is no room: then all must be forgotten first. */
export function learn(number: u32): bool {
  const messageLength: usize = varying ? 0 : messageTo - messageFrom;
  const serverLength = serverTo - serverFrom;
  const hostLength = hostTo - hostFrom;
  const size = recordHead + messageLength + serverLength + hostLength;
  if (count == mostLearnt || top + size > learntEnd) return false;
  store<u32>(top, number);
  store<u32>(top, <u32>key, 4);
  store<u32>(top, varying, 8);
  store<u32>(top, lineLevel << 1 | hasUpstream, 12);
  store<u32>(top, <u32>messageLength, 16);
  store<u32>(top, <u32>serverLength, 20);
  store<u32>(top, <u32>hostLength, 24);
  memory.copy(top + recordHead, messageFrom, messageLength);
  memory.copy(top + recordHead + messageLength, serverFrom, serverLength);
  memory.copy(top + recordHead + messageLength + serverLength, hostFrom, hostLength);
  let slot = <u32>key & (slotCount - 1);
  while (load<u32>(slots + (slot << 2)) != 0) slot = (slot + 1) & (slotCount - 1);
  store<u32>(slots + (slot << 2), <u32>top);
  top = (top + size + 7) & ~(<usize>7);
  count++;
  return true;
}
