// Failing requests without their parser: what is counted of them is read from the bytes that the kernel has parted already. A burst of
// failures is what a log of an incident looks like, and a string per value would take longer than all the rest. Which group a request belongs
// to is learnt from the parser once for each combination of servers, statuses and classes of times; whatever is unusual goes to the parser.
import { networkOf } from '../network.ts';
import type { FailureEntry, FastFailure } from '../tally.ts';
import type { Roles } from './plan.ts';

const prime = 0x01000193;
const offset = 0x811c9dc5;
const blank = 32;
const dash = 45;
const dot = 46;
const question = 63;
const instantMs = 50;
const mostEntries = 4096;

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
  /** Remembers the group of the line that was `new`. */
  learn(entry: FailureEntry): void;
  /** Forgets all groups: they belong to a tally that is done. */
  forget(): void;
}

/** A reader of failing lines. `values` holds pairs: where the value of a step begins and ends, counted from `origin` in `bytes`. */
export function openFailureReader(roles: Roles, bytes: Buffer, values: Uint32Array, origin: number): FailureReader {
  const learnt = new Map<number, Learnt>();
  const networks = new Map<number, string>();
  const found: FastFailure = {
    entry: { group: null, rank: 0, hasTry: false, zoned: false },
    client: 0,
    network: '',
    path: '',
    request: 0,
    requestId: 0,
    host: null,
    status: 0,
    durationMs: null,
    connectMs: null,
    headerMs: null,
  };
  let key = 0;
  let classes = 0;
  let isAscii = true;
  /** End of the path that `requestOf` read last. */
  let pathFrom = 0;
  let pathTo = 0;

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
    let ms = 0;
    let i = start;
    for (; i < end; i++) {
      const digit = (bytes[i] ?? 0) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      ms = ms * 10 + digit;
    }
    if (i === start || i - start > 12) return null;
    ms *= 1000;
    if (i === end) return ms;
    if (bytes[i++] !== dot) return null;
    for (let weight = 100; i < end; i++) {
      const digit = (bytes[i] ?? 0) - 48;
      if (!(digit >= 0 && digit <= 9)) return null;
      if (weight >= 1) ms += digit * weight;
      else if (weight === 0.1 && digit >= 5) ms++;
      weight = weight === 1 ? 0.1 : weight === 0.1 ? 0 : weight / 10;
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

  const networkAt = (start: number, end: number): string => {
    let packed = 0;
    let part = 0;
    let length = 0;
    let dots = 0;
    let lastDot = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === dot) {
        if (length === 0) return networkOf(bytes.toString('latin1', start, end));
        packed = packed * 1000 + part;
        part = 0;
        length = 0;
        dots++;
        lastDot = i;
      } else if (byte >= 48 && byte <= 57 && length < 3 && !(length > 0 && part === 0)) {
        part = part * 10 + byte - 48;
        length++;
      } else return networkOf(bytes.toString('latin1', start, Math.min(end, start + 255)));
    }
    if (dots !== 3 || length === 0) return networkOf(bytes.toString('latin1', start, Math.min(end, start + 255)));
    const known = networks.get(packed);
    if (known !== undefined) return known;
    if (networks.size >= mostEntries) networks.clear();
    const network = `${bytes.toString('latin1', start, lastDot)}.0/24`;
    networks.set(packed, network);
    return network;
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
    found.path = bytes.toString('latin1', pathFrom, Math.min(pathTo, pathFrom + 512));
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
      found.network = networkAt(client, to(roles.client));
      found.host =
        roles.host < 0 || isNone(roles.host)
          ? null
          : bytes.toString('latin1', from(roles.host), Math.min(to(roles.host), from(roles.host) + 255));
      if (found.host !== null) hashed(from(roles.host), to(roles.host), 0);
      found.requestId =
        roles.requestId < 0 || isNone(roles.requestId) ? 0 : hashed(from(roles.requestId), to(roles.requestId), offset) >>> 0 || 1;
      if (!isAscii) return 'unusual';
      found.status = 500 + ((bytes[from(roles.status) + 1] ?? 0) - 48) * 10 + (bytes[from(roles.status) + 2] ?? 0) - 48;
      found.durationMs = durationMs;
      found.connectMs = connectMs;
      found.headerMs = headerMs ?? responseMs;
      const known = learnt.get(key);
      if (known === undefined) return 'new';
      if (!isSame(known)) return 'unusual';
      found.entry = known;
      return found;
    },
    learn(entry) {
      if (learnt.size >= mostEntries) learnt.clear();
      const parts = [roles.status, roles.addresses, roles.statuses].filter((step) => step >= 0);
      const copy = Buffer.concat(parts.map((step) => bytes.subarray(from(step), to(step))));
      learnt.set(key, { ...entry, bytes: copy, classes });
    },
    forget: () => learnt.clear(),
  };
}
