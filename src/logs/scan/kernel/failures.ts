// Failing requests without their parser: what is counted of them is read from the bytes that the kernel has parted already. A burst of
// failures is what a log of an incident looks like, and a string per value would take longer than all the rest. Which group a request belongs
// to is learnt from the parser once for each combination of servers, statuses and classes of times; whatever is unusual goes to the parser.
import type { FailureEntry, FastFailure, TallyBuilder } from '../tally.ts';
import { openFailedKeys, type KeyPlaces } from './failed-keys.ts';
import type { HaproxyRoles, LayoutRoles, Roles } from './plan.ts';

const prime = 0x01000193;
const offset = 0x811c9dc5;
const blank = 32;
const dash = 45;
const dot = 46;
const plus = 43;
const slash = 47;
const question = 63;
const instantMs = 50;
const mostEntries = 4096;

const classOf = (ms: number | null): number => (ms === null ? 0 : ms < instantMs ? 1 : 2);

interface Learnt extends FailureEntry {
  /** The values that decide the group, one behind the other, and how long each is. */
  readonly bytes: Buffer;
  readonly lengths: readonly number[];
  readonly classes: number;
}

/** Longer lines are cut by their parser. */
const longestHaproxyLine = 16_384;
const colon = 58;
const quote = 34;

/** Reads the values of failing lines. */
export interface FailureReader {
  /**
   * What is counted of the line whose values the kernel has noted, valid until the next call. `unusual` where only the parser can say it,
   * `new` where its group is not known yet.
   */
  read(): FastFailure | 'unusual' | 'new';
  /** Counts status, path, network and host of the line that was read last, for this tally; `flush` hands them on. */
  count(builder: TallyBuilder): void;
  /** Hands all keys on that were counted. */
  flush(builder: TallyBuilder): void;
  /** Remembers the group of the line that was `new`. */
  learn(entry: FailureEntry): void;
  /** Forgets all groups: they belong to a tally that is done. */
  forget(): void;
}

/** A reader of failing lines. `values` holds pairs: where the value of a step begins and ends, counted from `origin` in `bytes`. */
export function openFailureReader(roles: Roles, bytes: Buffer, values: Uint32Array, origin: number): FailureReader {
  const learnt = new Map<number, Learnt>();
  const found: FastFailure = {
    entry: { group: null, rank: 0, hasTry: false, zoned: false },
    client: 0,
    request: 0,
    requestId: 0,
    durationMs: null,
    connectMs: null,
    headerMs: null,
  };
  const keys = openFailedKeys(bytes);
  const places: KeyPlaces = { status: 0, clientFrom: 0, clientTo: 0, pathFrom: 0, pathTo: 0, hostFrom: 0, hostTo: 0 };
  let key = 0;
  let classes = 0;
  let isAscii = true;
  const timers = [0, 0, 0, 0, 0];

  const from = (step: number): number => (values[2 * step] ?? 0) - origin;
  const to = (step: number): number => (values[2 * step + 1] ?? 0) - origin;
  const isNone = (step: number): boolean => {
    const start = from(step);
    const length = to(step) - start;
    return length === 0 || (length === 1 && bytes[start] === dash);
  };

  /** How many tries a list holds; -1 where that cannot be said simply. */
  const triesIn = (step: number): number => {
    if (step < 0 || isNone(step)) return 0;
    let blanks = 0;
    let separators = 0;
    const end = to(step);
    for (let i = from(step); i < end; i++) {
      if (bytes[i] !== blank) continue;
      blanks++;
      if (bytes[i - 1] === 44) separators++;
      else if (bytes[i + 1] === 58 && bytes[i + 2] === blank) {
        separators++;
        blanks++;
        i += 2;
      } else return -1;
    }
    return separators > 62 || blanks < separators ? -1 : separators + 1;
  };

  const lastOf = (step: number): number => {
    const start = from(step);
    let at = to(step);
    while (at > start && bytes[at - 1] !== blank) at--;
    return at;
  };

  /** Milliseconds of seconds, as the parser reads them; null for what is no number. */
  const msOf = (start: number, end: number): number | null => {
    let digits = 0;
    let i = start;
    for (; i < end; i++) {
      const digit = (bytes[i] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      digits = (digits * 10 + digit) | 0;
    }
    const length = i - start;
    if (length === 0 || length > 6) return length === 0 ? null : longMsOf(start, end);
    if (i === end) return digits * 1000;
    if (bytes[i] !== dot) return null;
    const fraction = ++i;
    let thousandths = 0;
    for (; i < end && i < fraction + 3; i++) {
      const digit = (bytes[i] ?? 0) - 48;
      if (digit < 0 || digit > 9) return null;
      thousandths = (thousandths * 10 + digit) | 0;
    }
    if (i < end) return longMsOf(start, end);
    for (let missing = fraction + 3 - i; missing > 0; missing--) thousandths = (thousandths * 10) | 0;
    return digits * 1000 + thousandths;
  };

  /** The same for numbers of any length. */
  const longMsOf = (start: number, end: number): number | null => {
    let ms = 0;
    let i = start;
    for (; i < end; i++) {
      const digit = (bytes[i] ?? 0) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      ms = ms * 10 + digit;
    }
    if (i - start > 12) return null;
    ms *= 1000;
    if (i === end) return ms;
    if (bytes[i++] !== dot) return null;
    for (let place = 0; i < end; i++, place++) {
      const digit = (bytes[i] ?? 0) - 48;
      if (!(digit >= 0 && digit <= 9)) return null;
      if (place < 3) ms += digit * (place === 0 ? 100 : place === 1 ? 10 : 1);
      else if (place === 3 && digit >= 5) ms++;
    }
    return ms;
  };

  /** Time of the last of several tries; undefined where the list has another length. */
  const timeOf = (step: number, count: number): number | null | undefined => {
    if (step < 0 || count === 0) return null;
    const own = triesIn(step);
    if (own !== count && own !== 0) return undefined;
    return own === 0 ? null : msOf(lastOf(step), to(step));
  };

  const hashed = (start: number, end: number, seed: number): number => {
    let hash = seed;
    let all = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] ?? 0;
      all |= byte;
      hash = Math.imul(hash ^ byte, prime);
    }
    if (all > 127) isAscii = false;
    return hash;
  };

  /** Hash of method and path without query, with the path's place; 0 where there is something else than both. */
  const requestOf = (methodFrom: number, methodTo: number, start: number, end: number): number => {
    const method = hashed(methodFrom, methodTo, offset) >>> 0 || 1;
    let hash = Math.imul(method ^ blank, prime);
    let stop = start;
    let all = 0;
    for (; stop < end; stop++) {
      const byte = bytes[stop] ?? 0;
      if (byte === question) break;
      all |= byte;
      hash = Math.imul(hash ^ byte, prime);
    }
    if (all > 127) isAscii = false;
    places.pathFrom = start;
    places.pathTo = stop;
    return hash >>> 0 || 1;
  };

  const readRequest = (of: LayoutRoles): boolean => {
    if (of.request >= 0) {
      const start = from(of.request);
      const end = to(of.request);
      let method = start;
      for (; method < end; method++) {
        const byte = bytes[method] ?? 0;
        if ((byte < 65 || byte > 90) && byte !== dash && byte !== 95) break;
      }
      if (bytes[method] !== blank || method >= end || method - start < 3 || method - start > 17) return false;
      const space = bytes.indexOf(blank, method + 1);
      const pathEnd = space < 0 || space > end ? end : space;
      if (pathEnd === method + 1 || (pathEnd === method + 2 && bytes[method + 1] === dash)) return false;
      found.request = requestOf(start, method, method + 1, pathEnd);
    } else {
      if (of.method < 0 || of.uri < 0 || isNone(of.method) || isNone(of.uri)) return false;
      found.request = requestOf(from(of.method), to(of.method), from(of.uri), to(of.uri));
    }
    return true;
  };

  /** The steps whose values, with the classes of times, decide the group. */
  const deciding = (
    roles.kind === 'haproxy' ? [roles.status, roles.frontend, roles.server, roles.state] : [roles.status, roles.addresses, roles.statuses]
  ).filter((each) => each >= 0);

  const isSame = (entry: Learnt): boolean => {
    if (entry.classes !== classes) return false;
    let at = 0;
    for (let k = 0; k < deciding.length; k++) {
      const each = deciding[k] ?? 0;
      const end = to(each);
      if (end - from(each) !== entry.lengths[k]) return false;
      for (let i = from(each); i < end; i++) if (bytes[i] !== entry.bytes[at++]) return false;
    }
    return true;
  };

  /** Reads times, client, request and host of a layout's line; false where only the parser can. */
  const readLayout = (of: LayoutRoles): boolean => {
    const tries = triesIn(of.addresses);
    const statuses = triesIn(of.statuses);
    if (tries < 0 || statuses < 0 || (of.addresses >= 0 && of.statuses >= 0 && tries !== statuses)) return false;
    const count = Math.max(tries, statuses);
    const connectMs = timeOf(of.connectTimes, count);
    const headerMs = timeOf(of.headerTimes, count);
    const responseMs = timeOf(of.responseTimes, count);
    if (connectMs === undefined || headerMs === undefined || responseMs === undefined) return false;
    const durationMs = of.duration < 0 ? null : msOf(from(of.duration), to(of.duration));
    let sent = 0;
    if (of.upstreamBytes >= 0) {
      const start = lastOf(of.upstreamBytes);
      const length = to(of.upstreamBytes) - start;
      sent = length === 0 ? 1 : length > 1 ? 2 : bytes[start] === 48 ? 3 : bytes[start] === dash ? 4 : 2;
    }
    classes = classOf(durationMs) + 3 * classOf(responseMs) + 9 * classOf(connectMs) + 27 * classOf(headerMs) + 81 * sent;
    if (of.headerTimes >= 0 && from(of.headerTimes) === to(of.headerTimes)) classes += 405;
    if (of.client < 0 || isNone(of.client) || !readRequest(of)) return false;
    places.clientFrom = from(of.client);
    places.clientTo = to(of.client);
    const hasHost = of.host >= 0 && !isNone(of.host);
    places.hostFrom = hasHost ? from(of.host) : 0;
    places.hostTo = hasHost ? to(of.host) : 0;
    hashed(places.hostFrom, places.hostTo, 0);
    found.requestId = of.requestId < 0 || isNone(of.requestId) ? 0 : hashed(from(of.requestId), to(of.requestId), offset) >>> 0 || 1;
    found.durationMs = durationMs;
    found.connectMs = connectMs;
    found.headerMs = headerMs ?? responseMs;
    return true;
  };

  /** The same of a line of HAProxy. */
  const readHaproxy = (of: HaproxyRoles): boolean => {
    if (to(of.rest) - from(of.client) > longestHaproxyLine - 256) return false;
    // TR/Tw/Tc/Tr/Ta; below 0 is a moment that never came.
    let at = from(of.timers);
    for (let i = 0; i < timers.length; i++) {
      if (bytes[at] === plus) at++;
      const isNegative = bytes[at] === dash;
      if (isNegative) at++;
      let ms = 0;
      for (let digit = (bytes[at] ?? 0) - 48; digit >= 0 && digit <= 9; digit = (bytes[++at] ?? 0) - 48) ms = ms * 10 + digit;
      timers[i] = isNegative ? -ms : ms;
      at++;
    }
    const [, , connectMs = 0, headerMs = 0, totalMs = 0] = timers;
    found.connectMs = connectMs < 0 ? null : connectMs;
    found.headerMs = headerMs < 0 ? null : headerMs;
    found.durationMs = totalMs < 0 ? null : totalMs;
    classes = classOf(found.durationMs) + 9 * classOf(found.connectMs) + 27 * classOf(found.headerMs);
    places.clientFrom = from(of.client);
    places.clientTo = to(of.client);
    while (bytes[--places.clientTo] !== colon);
    const end = to(of.rest);
    const start = bytes.indexOf(quote, from(of.rest)) + 1;
    if (start === 0 || start > end) return false;
    let method = start;
    for (let byte = bytes[method] ?? 0; byte >= 65 && byte <= 90; byte = bytes[++method] ?? 0);
    if (bytes[method] !== blank || method - start < 3 || method - start > 20) return false;
    // What is no plain path names a host too, or is not read at all.
    if (bytes[method + 1] !== slash || method + 1 >= end) return false;
    let path = method + 1;
    for (let byte = bytes[path] ?? 0; path < end && byte > blank && byte !== quote; byte = bytes[++path] ?? 0);
    if (path < end && bytes[path] !== blank && bytes[path] !== quote) return false;
    found.request = requestOf(start, method, method + 1, path);
    return true;
  };

  return {
    read() {
      isAscii = true;
      if (!(roles.kind === 'haproxy' ? readHaproxy(roles) : readLayout(roles))) return 'unusual';
      // An IPv4 address inside IPv6 counts as IPv4; the parser's way is good enough for it.
      if (bytes[places.clientFrom] === colon) return 'unusual';
      places.status = from(roles.status);
      found.client = hashed(places.clientFrom, places.clientTo, offset) >>> 0 || 1;
      key = Math.imul(offset ^ classes, prime);
      for (let k = 0; k < deciding.length; k++) {
        const each = deciding[k] ?? 0;
        key = hashed(from(each), to(each), Math.imul(key ^ 0x100, prime));
      }
      if (!isAscii) return 'unusual';
      const known = learnt.get(key);
      if (known === undefined) return 'new';
      if (!isSame(known)) return 'unusual';
      found.entry = known;
      return found;
    },
    count: (builder) => keys.count(places, builder),
    flush: (builder) => keys.flush(builder),
    learn(entry) {
      if (learnt.size >= mostEntries) learnt.clear();
      const copy = Buffer.concat(deciding.map((each) => bytes.subarray(from(each), to(each))));
      learnt.set(key, { ...entry, bytes: copy, lengths: deciding.map((each) => to(each) - from(each)), classes });
    },
    forget() {
      learnt.clear();
      keys.forget();
    },
  };
}
