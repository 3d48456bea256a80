// Lines of nginx's error log without their parser: what is counted of them is read from their bytes. Which group a line belongs to is learnt
// from the parser once for each combination of message, level, server and host. Whatever is unusual is left to the parser: other characters
// than ASCII, a line that others may continue, a head or a tail that is written in another way.
import { nginxErrorMoment } from '../../formats/dates.ts';
import type { LogFormat } from '../../records.ts';
import { isWithin } from '../state.ts';
import type { EventEntry, TallyBuilder } from '../tally.ts';
import { varyingBeginning, varyingEnd, varyingMessages } from './varying.ts';

const prime = 0x01000193;
const offset = 0x811c9dc5;
const newline = 10;
const carriageReturn = 13;
const blank = 32;
const quote = 34;
const comma = 44;
const slash = 47;
const colon = 58;
const question = 63;
const mostEntries = 4096;
/** Longer lines are the parser's, which cuts what is longer than 16 KiB. */
const longest = 8192;
/** The date, the level, process and thread are no longer. */
const longestHead = 56;

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const levels = ['error', 'warn', 'crit', 'notice', 'info', 'alert', 'emerg', 'debug'].map((level) => bytesOf(`${level}] `));
const clientOpening = bytesOf(', client: ');
const serverOpening = bytesOf(', server: ');
/** In the order in which nginx writes them, the server aside, which stands in front of them. */
const openings = ['request', 'subrequest', 'upstream', 'host', 'referrer', 'request_id'].map((key) => bytesOf(`, ${key}: "`));
const requestKey = 0;
const upstreamKey = 2;
const hostKey = 3;
const requestIdKey = 5;
const fastCgi = bytesOf('FastCGI sent in stderr');
const closing = bytesOf('" while ');
const scheme = bytesOf('://');
const unix = bytesOf('unix:');
const mapped = bytesOf('::ffff:');

interface Learnt extends EventEntry {
  /** Index of the varying message; -1 where the message itself is among `bytes`. */
  readonly varying: number;
  readonly level: number;
  readonly hasUpstream: boolean;
  readonly messageLength: number;
  readonly serverLength: number;
  /** Message, server and host. */
  readonly bytes: Buffer;
}

/** The head of a line: where it begins and ends, and what it says. */
interface Head {
  start: number;
  end: number;
  at: number;
  level: number;
}

/** Counts lines of an error log that it is sure of. */
export interface ErrorReader {
  /** Begins a piece. */
  begin(builder: TallyBuilder, input: number): void;
  /**
   * Counts lines in bytes [start, end) up to the first that it is not sure of, and returns where that begins. `lines` is the number of the
   * line before, `origin` the position of bytes[0] in the input. `before` is called before anything is counted.
   */
  run(start: number, end: number, lines: number, origin: number, before: () => void): number;
  /** Lines counted by the last run. */
  counted(): number;
}

/** A reader of one input's lines in these bytes; null for other formats. */
export function openErrorReader(format: LogFormat | null, bytes: Buffer): ErrorReader | null {
  if (format === null || format.id !== 'nginx-error' || format.dialect !== null || format.error === null) return null;
  const { error } = format;
  const learnt = new Map<number, Learnt>();
  let builder: TallyBuilder | null = null;
  const place = { input: 0, line: 0, position: 0 };
  let counted = 0;

  const isAt = (text: Uint8Array, at: number): boolean => {
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
    return true;
  };

  /** Index behind one to `most` digits; -1 where there is none. */
  const digitsEnd = (start: number, most: number): number => {
    let i = start;
    while (i < start + most && (bytes[i] ?? 0) >= 48 && (bytes[i] ?? 0) <= 57) i++;
    return i === start ? -1 : i;
  };

  const minuteText = Buffer.alloc(16);
  let minuteMs = Number.NaN;

  /** Reads date, level and process of the line that begins at `start`. False where they are written in another way, or reach behind `end`. */
  const readHead = (head: Head, start: number, end: number): boolean => {
    head.start = -1;
    if (start + longestHead > end || bytes[start + 16] !== colon || bytes[start + 19] !== blank || bytes[start + 20] !== 91) return false;
    for (let i = 15; i >= 0; i--) {
      if (bytes[start + i] === minuteText[i]) continue;
      const moment = nginxErrorMoment(`${bytes.toString('latin1', start, start + 16)}:00`);
      if (moment === null) return false;
      bytes.copy(minuteText, 0, start, start + 16);
      minuteMs = moment.at;
      break;
    }
    const tens = (bytes[start + 17] ?? 0) - 48;
    const ones = (bytes[start + 18] ?? 0) - 48;
    const second = tens * 10 + ones;
    if (!(tens >= 0 && ones >= 0 && ones <= 9 && second <= 60)) return false;
    let level = 0;
    while (level < levels.length && !isAt(levels[level] ?? closing, start + 21)) level++;
    const word = levels[level];
    if (word === undefined) return false;
    const middle = digitsEnd(start + 21 + word.length, 10);
    if (middle < 0 || bytes[middle] !== 35) return false;
    const stop = digitsEnd(middle + 1, 10);
    if (stop < 0 || bytes[stop] !== colon || bytes[stop + 1] !== blank) return false;
    head.start = start;
    head.end = stop + 2;
    head.at = minuteMs + second * 1000;
    head.level = level;
    return true;
  };

  // What `readLine` found: places of what is said, and the hashes.
  let lineEnd = 0;
  let textEnd = 0;
  let varying = -1;
  let messageFrom = 0;
  let messageTo = 0;
  let messageHash = 0;
  let client = 0;
  let request = 0;
  let requestId = 0;
  let hasUpstream = false;
  let serverFrom = 0;
  let serverTo = 0;
  let hostFrom = 0;
  let hostTo = 0;
  /** The key that begins at the boundary that was found last. */
  let nextKey = -1;

  /** Whether a line ends at `i`; notes where. */
  const endsAt = (i: number): boolean => {
    textEnd = i;
    lineEnd = bytes[i] === carriageReturn ? i + 1 : i;
    return bytes[lineEnd] === newline;
  };

  /** The key from `first` on whose value begins at `i`, or -1. */
  const keyAt = (i: number, first: number): number => {
    const initial = bytes[i + 2];
    for (let key = first; key < openings.length; key++) {
      const opening = openings[key];
      if (opening !== undefined && opening[2] === initial && isAt(opening, i)) return key;
    }
    return -1;
  };

  /** Whether the value of a key ends at `i`, its closing quote aside: where a later key begins, or the line ends. */
  const isBoundary = (i: number, key: number): boolean => {
    const byte = bytes[i] ?? newline;
    nextKey = byte === comma ? keyAt(i, key + 1) : -1;
    return nextKey >= 0 || byte === newline || (byte === carriageReturn && bytes[i + 1] === newline);
  };

  /** Where the value ends that goes on at `from`. */
  const valueEnd = (from: number, key: number): number => {
    const text = bytes;
    for (let i = from; ; i++) {
      const byte = text[i] ?? newline;
      if ((byte === comma || byte < blank) && isBoundary(i, key)) return i;
    }
  };
  const withoutQuote = (from: number, end: number): number => (end > from && bytes[end - 1] === quote ? end - 1 : end);

  /** Hash of method and path without query. -1 where a character is unusual, else where the value ends. */
  const readRequest = (from: number, key: number): number => {
    const text = bytes;
    let hash = offset;
    let all = 0;
    let blanks = 0;
    for (let i = from; ; i++) {
      const byte = text[i] ?? newline;
      if (byte < 48 || byte === question) {
        const isEnd = byte === quote ? isBoundary(i + 1, key) : (byte === comma || byte < blank) && isBoundary(i, key);
        if (isEnd) {
          request = blanks === 0 ? 0 : hash >>> 0 || 1;
          return byte === quote ? i + 1 : i;
        }
        if (byte === blank && blanks === 0) {
          if (i === from) return valueEnd(i, key);
          blanks = 1;
          hash = Math.imul((hash >>> 0 || 1) ^ blank, prime);
          continue;
        }
        if (blanks > 0 && (byte === blank || byte === question)) {
          request = hash >>> 0 || 1;
          return valueEnd(i, key);
        }
      }
      all |= byte;
      if (all > 127) return -1;
      hash = Math.imul(hash ^ byte, prime);
    }
  };

  /** The server in the upstream, as `serverOf` reads it. False where it may be another one. */
  const readServer = (from: number, end: number): boolean => {
    if (from === end) return true;
    hasUpstream = true;
    serverFrom = from;
    serverTo = end;
    let i = from;
    for (; i < end; i++) {
      const byte = bytes[i];
      // A stream's line goes on with counters behind a quote.
      if (byte === quote) return false;
      if (byte !== colon || i + scheme.length > end || !isAt(scheme, i)) continue;
      serverFrom = i + scheme.length;
      break;
    }
    const isUnix = serverFrom + unix.length <= end && isAt(unix, serverFrom);
    if (i === end && !isUnix) return true;
    const stop = isUnix ? colon : slash;
    for (i = isUnix ? serverFrom + unix.length : serverFrom; i < end; i++) {
      if (bytes[i] === quote) return false;
      if (bytes[i] !== stop) continue;
      serverTo = i;
      break;
    }
    return true;
  };

  const hashed = (start: number, end: number, seed: number): number => {
    const text = bytes;
    let hash = seed;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (text[i] ?? 0), prime);
    return hash;
  };

  const readRequestId = (start: number, end: number): boolean => {
    for (let i = start; i < end; i++) if ((bytes[i] ?? 0) > 127) return false;
    const isNone = end === start || (end === start + 1 && bytes[start] === 45);
    requestId = isNone ? 0 : hashed(start, end, offset) >>> 0 || 1;
    return true;
  };

  /** Where the search for the tail begins: what an application wrote may look like one. */
  const searchFrom = (start: number): number => {
    if (bytes[start] !== fastCgi[0] || !isAt(fastCgi, start)) return start;
    const end = bytes.indexOf(newline, start);
    for (let i = Math.min(end < 0 ? start : end, start + longest) - closing.length; i > start; i--) if (isAt(closing, i)) return i;
    return start;
  };

  /** The message that begins at `start`; returns where it ends. */
  const readMessage = (start: number): number => {
    const text = bytes;
    messageFrom = start;
    varying = -1;
    for (const index of varyingBeginning(text[start] ?? 0)) {
      const end = varyingEnd(index, text, start);
      if (end < 0 || !(text[end] === comma ? isAt(clientOpening, end) : endsAt(end))) continue;
      varying = index;
      messageHash = index;
      messageTo = end;
      return end;
    }
    const search = searchFrom(start);
    let hash = offset;
    let i = start;
    for (; ; i++) {
      const byte = text[i] ?? newline;
      if (byte === newline || (byte === comma && i >= search && isAt(clientOpening, i))) break;
      hash = Math.imul(hash ^ byte, prime);
    }
    if (text[i] === newline && i > start && text[i - 1] === carriageReturn) hash = hashed(start, --i, offset);
    messageHash = hash;
    messageTo = i;
    return i;
  };

  /** What follows the head, which ends at `start`; false where it is unusual. */
  const readLine = (start: number): boolean => {
    client = 0;
    request = 0;
    requestId = 0;
    hasUpstream = false;
    serverFrom = 0;
    serverTo = 0;
    hostFrom = 0;
    hostTo = 0;
    let i = start;
    if (bytes[i] === 42) {
      i = digitsEnd(i + 1, 20);
      if (i < 0 || bytes[i] !== blank) return false;
      i++;
    }
    i = readMessage(i);
    if (bytes[i] !== comma) return endsAt(i);
    i += clientOpening.length;
    if (isAt(mapped, i)) i += mapped.length;
    const clientFrom = i;
    let hash = offset;
    for (; ; i++) {
      const byte = bytes[i] ?? newline;
      if (byte <= blank || byte === comma) break;
      if (byte > 127) return false;
      hash = Math.imul(hash ^ byte, prime);
    }
    if (i === clientFrom) return false;
    client = hash >>> 0 || 1;
    if (bytes[i] !== comma) return endsAt(i);
    if (isAt(serverOpening, i)) i = valueEnd(i + serverOpening.length, -1);
    else if (!isBoundary(i, -1)) return false;
    while (nextKey >= 0) {
      const key = nextKey;
      i += openings[key]?.length ?? 0;
      const from = i;
      i = key === requestKey ? readRequest(from, key) : valueEnd(from, key);
      if (i < 0) return false;
      const end = withoutQuote(from, i);
      if (key === hostKey) {
        hostFrom = from;
        hostTo = end;
      } else if (key === upstreamKey ? !readServer(from, end) : key === requestIdKey && !readRequestId(from, end)) return false;
    }
    return endsAt(i);
  };

  const equals = (stored: Buffer, storedFrom: number, start: number, end: number): boolean => {
    for (let i = start, k = storedFrom; i < end; i++, k++) if (bytes[i] !== stored[k]) return false;
    return true;
  };

  const isSame = (known: Learnt, level: number): boolean => {
    const messageLength = varying < 0 ? messageTo - messageFrom : 0;
    const serverLength = serverTo - serverFrom;
    return (
      known.varying === varying &&
      known.level === level &&
      known.hasUpstream === hasUpstream &&
      known.messageLength === messageLength &&
      known.serverLength === serverLength &&
      known.bytes.length === messageLength + serverLength + hostTo - hostFrom &&
      equals(known.bytes, 0, messageFrom, messageFrom + messageLength) &&
      equals(known.bytes, messageLength, serverFrom, serverTo) &&
      equals(known.bytes, messageLength + serverLength, hostFrom, hostTo)
    );
  };

  const remember = (key: number, level: number, entry: EventEntry): void => {
    if (varying >= 0 && varyingMessages[varying]?.signature !== entry.signature) return;
    if (learnt.size >= mostEntries) learnt.clear();
    const message = varying < 0 ? bytes.subarray(messageFrom, messageTo) : bytes.subarray(0, 0);
    const server = bytes.subarray(serverFrom, serverTo);
    learnt.set(key, {
      ...entry,
      varying,
      level,
      hasUpstream,
      messageLength: message.length,
      serverLength: server.length,
      bytes: Buffer.concat([message, server, bytes.subarray(hostFrom, hostTo)]),
    });
  };

  let lineFrom = 0;
  const textOfLine = (): string => bytes.toString('utf8', lineFrom, textEnd);

  // Moments of one minute are noted together.
  const noted = { minute: Number.NaN, first: 0, last: 0, count: 0 };
  const flush = (of: TallyBuilder): void => {
    if (noted.count > 0) of.observeMinute(place.input, noted.first, noted.last, false, noted.count);
    noted.count = 0;
    noted.minute = Number.NaN;
  };
  const note = (of: TallyBuilder, at: number): void => {
    const minute = Math.floor(at / 60_000);
    if (minute !== noted.minute) {
      flush(of);
      noted.minute = minute;
      noted.first = at;
      noted.last = at;
    } else if (at < noted.first) noted.first = at;
    else if (at > noted.last) noted.last = at;
    noted.count++;
  };

  /** Counts the line whose parts were read; false where that is for the reader. */
  const count = (of: TallyBuilder, { at, level }: Head, before: () => void): boolean => {
    let key = hashed(serverFrom, serverTo, Math.imul(messageHash ^ (level << 8), prime));
    key = hashed(hostFrom, hostTo, Math.imul(key ^ 0x100, prime));
    const known = learnt.get(key);
    if (known === undefined) {
      const text = textOfLine();
      const record = error(text);
      if (record === null) return false;
      before();
      flush(of);
      of.addError(record, place, format, () => text);
      const entry = of.lastEvent();
      if (entry !== null) remember(key, level, entry);
      return true;
    }
    if (!isSame(known, level)) return false;
    // What a group is called is up to its earliest line.
    if (known.group !== null && place.position < known.group.leader.position) return false;
    before();
    note(of, at);
    if (known.isEvent) of.addKnownEvent(known, at, place, client, request, requestId, textOfLine);
    return true;
  };

  let head: Head = { start: -1, end: 0, at: 0, level: 0 };
  let next: Head = { ...head };

  /** Counts the line that begins at `start`, and finds its end; false where that is for the reader. */
  const take = (of: TallyBuilder, start: number, end: number, before: () => void): boolean => {
    if (next.start === start) [head, next] = [next, head];
    else if (!readHead(head, start, end)) return false;
    const isInside = isWithin(of.state.limits.window, head.at, false);
    if (isInside) {
      lineFrom = start;
      if (!readLine(head.end)) return false;
    } else lineEnd = bytes.indexOf(newline, head.end);
    // Only the beginning of another record shows that this one is complete.
    if (lineEnd < 0 || lineEnd >= end || lineEnd - start > longest || !readHead(next, lineEnd + 1, end)) return false;
    if (isInside) return count(of, head, before);
    before();
    note(of, head.at);
    return true;
  };

  return {
    begin(of, input) {
      if (builder !== of) learnt.clear();
      builder = of;
      place.input = input;
    },
    run(start, end, lines, origin, before) {
      counted = 0;
      const of = builder;
      // The first line of all may begin with a mark.
      if (of === null || origin + start === 0) return start;
      next.start = -1;
      let isTold = false;
      const tell = (): void => {
        if (!isTold) before();
        isTold = true;
      };
      let at = start;
      for (;;) {
        place.line = lines + counted + 1;
        place.position = origin + at;
        if (!take(of, at, end, tell)) break;
        counted++;
        at = lineEnd + 1;
      }
      if (counted > 0) {
        flush(of);
        of.addLines(place.input, { parsed: counted });
      }
      return at;
    },
    counted: () => counted,
  };
}
