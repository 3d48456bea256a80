// Failing requests without their parser: what is counted of them is read from the bytes that the kernel has parted already. A burst of
// failures is what a log of an incident looks like, and a string per value would take longer than all the rest. Which group a request belongs
// to is learnt from the parser once for each combination of servers, statuses and classes of times; whatever is unusual goes to the parser.
import { networkOf } from '../network.ts';
import type { FailureEntry, FastFailure, TallyBuilder } from '../tally.ts';
import type { Roles } from './plan.ts';

const prime = 0x01000193;
const offset = 0x811c9dc5;
const blank = 32;
const dash = 45;
const dot = 46;
const question = 63;
const slash = 47;
/** What stands for a segment that was left out, until the bytes become text: they are ASCII otherwise. */
const ellipsis = 0x85;
const ellipsisByte = String.fromCodePoint(ellipsis);
const longestSegment = 32;
const instantMs = 50;
const mostEntries = 4096;
const mostWider = 32_768;
const pathSlots = 4096;
/** Longer paths are counted one by one. */
const slotBytes = 128;
const longestPath = 512;
const longestHost = 255;

/** The numbers that were packed into one, as `1.2.3` of 1002003. */
const dotted = (packed: number, count: number): string =>
  count === 1 ? String(packed) : `${dotted(Math.floor(packed / 1000), count - 1)}.${packed % 1000}`;

const classOf = (ms: number | null): number => (ms === null ? 0 : ms < instantMs ? 1 : 2);

interface Learnt extends FailureEntry {
  readonly bytes: Buffer;
  readonly classes: number;
}

/** Reads the values of failing lines. */
export interface FailureReader {
  /**
   * What is counted of the line whose values the kernel has noted, valid until the next call. `unusual` where only the parser can say it,
   * `new` where its group is not known yet.
   */
  read(): FastFailure | 'unusual' | 'new';
  /** Counts status, path, network and host of the line that was read last, for this tally; `flush` hands them on. */
  count(builder: TallyBuilder): void;
  /** Whether so many keys wait that `flushEarly` should hand on those that do not come often. */
  isFull(): boolean;
  flushEarly(builder: TallyBuilder): void;
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
  // Keys that were counted and not handed on yet. A path has one slot that it may be in; what was in it is handed on early.
  const statusCounts = new Uint32Array(100);
  const pathBytes = new Uint8Array(pathSlots * slotBytes);
  const pathLengths = new Uint8Array(pathSlots);
  const pathCounts = new Uint32Array(pathSlots);
  const early: [path: string, count: number, isCoarse: boolean][] = [];
  /** Whether the paths of all slots are coarse. */
  let hasCoarsePaths = false;
  const scratch = new Uint8Array(longestPath + 1);
  let pathHash = 0;
  const networks = new Map<number, number>();
  const widerNetworks = new Map<number, number>();
  const oddNetworks = new Map<string, number>();
  const hosts = new Map<string, number>();
  let lastHost = '';
  let lastHostBytes = new Uint8Array(0);
  let key = 0;
  let classes = 0;
  let isAscii = true;
  /** End of the path that `requestOf` read last. */
  let pathFrom = 0;
  let pathTo = 0;
  /** The network of the client as a number; below 0 where it is none of IPv4. */
  let packed = -1;

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

  /** The first three numbers of an IPv4 address in one; -1 for what is none, or is written in an odd way. */
  const packedNetwork = (start: number, end: number): number => {
    let all = 0;
    let part = 0;
    let length = 0;
    let dots = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === dot) {
        if (length === 0) return -1;
        all = all * 1000 + part;
        part = 0;
        length = 0;
        dots++;
      } else if (byte >= 48 && byte <= 57 && length < 3 && !(length > 0 && part === 0)) {
        part = part * 10 + byte - 48;
        length++;
      } else return -1;
    }
    return dots !== 3 || length === 0 ? -1 : all;
  };

  const countNetwork = (isCoarse: boolean): void => {
    const start = from(roles.client);
    const end = to(roles.client);
    if (packed < 0) {
      const text = networkOf(bytes.toString('latin1', start, Math.min(end, start + 255)));
      oddNetworks.set(text, (oddNetworks.get(text) ?? 0) + 1);
      return;
    }
    if (isCoarse) {
      const wider = Math.floor(packed / 1000);
      widerNetworks.set(wider, (widerNetworks.get(wider) ?? 0) + 1);
    } else networks.set(packed, (networks.get(packed) ?? 0) + 1);
  };

  const pathIn = (buffer: Uint8Array, at: number, length: number): string => {
    const text = Buffer.from(buffer.buffer, at, length).toString('latin1');
    return text.includes(ellipsisByte) ? text.replaceAll(ellipsisByte, '…') : text;
  };

  /** Empties all slots of paths. */
  const takeSlots = (): void =>
    pathCounts.forEach((count, slot) => {
      if (count > 0) early.push([pathIn(pathBytes, slot * slotBytes, pathLengths[slot] ?? 0), count, hasCoarsePaths]);
      pathCounts[slot] = 0;
    });

  /** Puts the path into the scratch buffer, as coarse as the tally wants it, and hashes it; returns its length. */
  const readPath = (isCoarse: boolean): number => {
    const end = Math.min(pathTo, pathFrom + longestPath);
    pathHash = offset;
    let length = 0;
    let segment = 0;
    let hasDigit = false;
    for (let i = pathFrom; ; i++) {
      const byte = i < end ? (bytes[i] ?? 0) : slash;
      if (byte === slash) {
        if (isCoarse && (hasDigit || length - segment > longestSegment)) {
          scratch[segment] = ellipsis;
          length = segment + 1;
        }
        if (i >= end) break;
        segment = length + 1;
        hasDigit = false;
      } else if (byte >= 48 && byte <= 57) hasDigit = true;
      scratch[length++] = byte;
    }
    for (let i = 0; i < length; i++) pathHash = Math.imul(pathHash ^ (scratch[i] ?? 0), prime);
    return length;
  };

  const countPath = (isCoarse: boolean): void => {
    const length = readPath(isCoarse);
    if (isCoarse && !hasCoarsePaths) {
      takeSlots();
      hasCoarsePaths = true;
    }
    if (length > slotBytes) {
      early.push([pathIn(scratch, 0, length), 1, isCoarse]);
      return;
    }
    const slot = (pathHash ^ (pathHash >>> 12) ^ (pathHash >>> 24)) & (pathSlots - 1);
    const at = slot * slotBytes;
    const count = pathCounts[slot] ?? 0;
    let i = pathLengths[slot] === length && count > 0 ? 0 : length + 1;
    while (i < length && pathBytes[at + i] === scratch[i]) i++;
    if (i === length) {
      pathCounts[slot] = count + 1;
      return;
    }
    if (count > 0) early.push([pathIn(pathBytes, at, pathLengths[slot] ?? 0), count, hasCoarsePaths]);
    for (let j = 0; j < length; j++) pathBytes[at + j] = scratch[j] ?? 0;
    pathLengths[slot] = length;
    pathCounts[slot] = 1;
  };

  const countHost = (): void => {
    if (roles.host < 0 || isNone(roles.host)) return;
    const start = from(roles.host);
    const length = Math.min(to(roles.host) - start, longestHost);
    let i = lastHostBytes.length === length ? 0 : length + 1;
    while (i < length && lastHostBytes[i] === bytes[start + i]) i++;
    if (i !== length) {
      lastHostBytes = new Uint8Array(bytes.subarray(start, start + length));
      lastHost = bytes.toString('latin1', start, start + length);
    }
    hosts.set(lastHost, (hosts.get(lastHost) ?? 0) + 1);
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
    pathFrom = start;
    pathTo = stop;
    return hash >>> 0 || 1;
  };

  const readRequest = (): boolean => {
    if (roles.request >= 0) {
      const start = from(roles.request);
      const end = to(roles.request);
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
      if (roles.method < 0 || roles.uri < 0 || isNone(roles.method) || isNone(roles.uri)) return false;
      found.request = requestOf(from(roles.method), to(roles.method), from(roles.uri), to(roles.uri));
    }
    return true;
  };

  const isSame = (entry: Learnt): boolean => {
    if (entry.classes !== classes) return false;
    let at = 0;
    for (const step of [roles.status, roles.addresses, roles.statuses]) {
      if (step < 0) continue;
      const end = to(step);
      for (let i = from(step); i < end; i++) if (bytes[i] !== entry.bytes[at++]) return false;
    }
    return at === entry.bytes.length;
  };

  const flushEarly = (builder: TallyBuilder): void => {
    for (const [path, count, isCoarse] of early) builder.addFailedKey('path', path, count, isCoarse);
    early.length = 0;
    for (const [network, count] of networks) builder.addFailedKey('network', `${dotted(network, 3)}.0/24`, count, false);
    networks.clear();
    for (const [network, count] of widerNetworks) builder.addFailedKey('network', `${dotted(network, 2)}.0.0/16`, count, true);
    widerNetworks.clear();
    for (const [text, count] of oddNetworks) builder.addFailedKey('network', text, count, false);
    oddNetworks.clear();
    for (const [host, count] of hosts) builder.addFailedKey('host', host, count, false);
    hosts.clear();
  };

  return {
    read() {
      isAscii = true;
      const tries = triesIn(roles.addresses);
      const statuses = triesIn(roles.statuses);
      if (tries < 0 || statuses < 0 || (roles.addresses >= 0 && roles.statuses >= 0 && tries !== statuses)) return 'unusual';
      const count = Math.max(tries, statuses);
      const connectMs = timeOf(roles.connectTimes, count);
      const headerMs = timeOf(roles.headerTimes, count);
      const responseMs = timeOf(roles.responseTimes, count);
      if (connectMs === undefined || headerMs === undefined || responseMs === undefined) return 'unusual';
      const durationMs = roles.duration < 0 ? null : msOf(from(roles.duration), to(roles.duration));
      let sent = 0;
      if (roles.upstreamBytes >= 0) {
        const start = lastOf(roles.upstreamBytes);
        const length = to(roles.upstreamBytes) - start;
        sent = length === 0 ? 1 : length > 1 ? 2 : bytes[start] === 48 ? 3 : bytes[start] === dash ? 4 : 2;
      }
      classes = classOf(durationMs) + 3 * classOf(responseMs) + 9 * classOf(connectMs) + 27 * classOf(headerMs) + 81 * sent;
      if (roles.headerTimes >= 0 && from(roles.headerTimes) === to(roles.headerTimes)) classes += 405;

      key = hashed(from(roles.status), to(roles.status), Math.imul(offset ^ classes, prime));
      if (roles.addresses >= 0) key = hashed(from(roles.addresses), to(roles.addresses), key);
      if (roles.statuses >= 0) key = hashed(from(roles.statuses), to(roles.statuses), Math.imul(key ^ 0x100, prime));

      if (roles.client < 0 || isNone(roles.client) || !readRequest()) return 'unusual';
      const client = from(roles.client);
      // An IPv4 address inside IPv6 counts as IPv4; the parser's way is good enough for it.
      if (bytes[client] === 58) return 'unusual';
      found.client = hashed(client, to(roles.client), offset) >>> 0 || 1;
      packed = packedNetwork(client, to(roles.client));
      if (roles.host >= 0) hashed(from(roles.host), to(roles.host), 0);
      found.requestId =
        roles.requestId < 0 || isNone(roles.requestId) ? 0 : hashed(from(roles.requestId), to(roles.requestId), offset) >>> 0 || 1;
      if (!isAscii) return 'unusual';
      found.durationMs = durationMs;
      found.connectMs = connectMs;
      found.headerMs = headerMs ?? responseMs;
      const known = learnt.get(key);
      if (known === undefined) return 'new';
      if (!isSame(known)) return 'unusual';
      found.entry = known;
      return found;
    },
    count(builder) {
      const status = ((bytes[from(roles.status) + 1] ?? 0) - 48) * 10 + (bytes[from(roles.status) + 2] ?? 0) - 48;
      statusCounts[status] = (statusCounts[status] ?? 0) + 1;
      countNetwork(builder.state.byNetwork.coarse);
      countPath(builder.state.byPath.coarse);
      countHost();
    },
    isFull: () => early.length + networks.size + oddNetworks.size + hosts.size >= mostEntries || widerNetworks.size >= mostWider,
    flushEarly,
    flush(builder) {
      takeSlots();
      flushEarly(builder);
      statusCounts.forEach((count, i) => {
        if (count > 0) builder.addFailedKey('status', String(500 + i), count, false);
      });
      statusCounts.fill(0);
    },
    learn(entry) {
      if (learnt.size >= mostEntries) learnt.clear();
      const parts = [roles.status, roles.addresses, roles.statuses].filter((step) => step >= 0);
      const copy = Buffer.concat(parts.map((step) => bytes.subarray(from(step), to(step))));
      learnt.set(key, { ...entry, bytes: copy, classes });
    },
    forget() {
      learnt.clear();
      hasCoarsePaths = false;
    },
  };
}
