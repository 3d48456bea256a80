// Keys of failing requests, counted by their bytes: status, path, network and host. Most come again and again, and become text once, when they
// are handed to the tally.
import { networkOf } from '../network.ts';
import type { TallyBuilder } from '../tally.ts';

const prime = 0x01000193;
const offset = 0x811c9dc5;
const dot = 46;
const slash = 47;
/** What stands for a segment that was left out, until the bytes become text: they are ASCII otherwise. */
const ellipsis = 0x85;
const ellipsisByte = String.fromCodePoint(ellipsis);
const longestSegment = 32;
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

/** Where the keys of a line are in the bytes; all ASCII. The path has no query. */
export interface KeyPlaces {
  /** Of three digits. */
  status: number;
  clientFrom: number;
  clientTo: number;
  pathFrom: number;
  pathTo: number;
  /** The same where the line names no host. */
  hostFrom: number;
  hostTo: number;
}

/** Counts keys for one tally. */
export interface FailedKeys {
  /** Counts the keys at these places. */
  count(places: KeyPlaces, builder: TallyBuilder): void;
  /** Hands all keys on that were counted. */
  flush(builder: TallyBuilder): void;
  /** Forgets what it knows of the tally. */
  forget(): void;
}

/** Counts keys that lie in these bytes. */
export function openFailedKeys(bytes: Buffer): FailedKeys {
  // A path has one slot that it may be in; what was in it is handed on early.
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

  const countNetwork = ({ clientFrom, clientTo }: KeyPlaces, isCoarse: boolean): void => {
    const packed = packedNetwork(clientFrom, clientTo);
    if (packed < 0) {
      const text = networkOf(bytes.toString('latin1', clientFrom, Math.min(clientTo, clientFrom + 255)));
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
  const readPath = ({ pathFrom, pathTo }: KeyPlaces, isCoarse: boolean): number => {
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

  const countPath = (places: KeyPlaces, isCoarse: boolean): void => {
    const length = readPath(places, isCoarse);
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

  const countHost = ({ hostFrom: start, hostTo }: KeyPlaces): void => {
    const length = Math.min(hostTo - start, longestHost);
    let i = lastHostBytes.length === length ? 0 : length + 1;
    while (i < length && lastHostBytes[i] === bytes[start + i]) i++;
    if (i !== length) {
      lastHostBytes = new Uint8Array(bytes.subarray(start, start + length));
      lastHost = bytes.toString('latin1', start, start + length);
    }
    hosts.set(lastHost, (hosts.get(lastHost) ?? 0) + 1);
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
    count(places, builder) {
      const status = ((bytes[places.status + 1] ?? 0) - 48) * 10 + (bytes[places.status + 2] ?? 0) - 48;
      statusCounts[status] = (statusCounts[status] ?? 0) + 1;
      countNetwork(places, builder.state.byNetwork.coarse);
      countPath(places, builder.state.byPath.coarse);
      if (places.hostTo > places.hostFrom) countHost(places);
      if (early.length + networks.size + oddNetworks.size + hosts.size >= mostEntries || widerNetworks.size >= mostWider)
        flushEarly(builder);
    },
    flush(builder) {
      takeSlots();
      flushEarly(builder);
      statusCounts.forEach((count, i) => {
        if (count > 0) builder.addFailedKey('status', String(500 + i), count, false);
      });
      statusCounts.fill(0);
    },
    forget: () => void (hasCoarsePaths = false),
  };
}
