// Reads access lines by a layout. One pass from left to right, without patterns and without going back, so a hostile line costs its length;
// only the values that a record needs are cut out of the line.
import type { AccessRecord } from '../records.ts';
import { commonMs, isoMoment } from './dates.ts';
import type { LayoutPart } from './layout.ts';
import { accessRecordOf, accessRoles, isDigit, secondsMs, statusOf, type RawAccess } from './raw-access.ts';

const shapeIs = { free: 0, quoted: 1, common: 2, iso: 3, number: 4, status: 5, list: 6, word: 7, user: 8, numberList: 9 } as const;
type Shape = (typeof shapeIs)[keyof typeof shapeIs];

const numbers = new Set([
  'msec',
  'request_time',
  'body_bytes_sent',
  'bytes_sent',
  'request_length',
  'connection',
  'connection_requests',
  'request_us',
  'request_ms',
  'request_s',
]);

/** Values that never hold a blank: without this, `vhost 10.0.0.1 - -` would pass as an address. */
const wordsOnly = new Set([
  'remote_addr',
  'realip_remote_addr',
  'request_method',
  'request_uri',
  'host',
  'http_host',
  'server_name',
  'server_port',
  'remote_logname',
  'request_id',
  'req_id',
]);

/** Numbers and dashes, one per try. */
const numberLists = new Set([
  'upstream_status',
  'upstream_connect_time',
  'upstream_header_time',
  'upstream_response_time',
  'upstream_response_length',
  'upstream_bytes_received',
  'upstream_bytes_sent',
]);

/** Whether a variable holds one value per try. */
const isList = (name: string): boolean => name.startsWith('upstream_') && !/^upstream_(?:http|cookie|trailer|cache)_/.test(name);

function shapeOf(name: string, stop: string): Shape {
  if (name === 'time_local') return shapeIs.common;
  if (name === 'time_iso8601') return shapeIs.iso;
  if (name === 'status') return shapeIs.status;
  if (name === 'remote_user' && stop !== '' && !stop.startsWith('"')) return shapeIs.user;
  if (numbers.has(name)) return shapeIs.number;
  if (numberLists.has(name)) return shapeIs.numberList;
  if (stop.startsWith('"')) return shapeIs.quoted;
  if (wordsOnly.has(name) && stop.startsWith(' ')) return shapeIs.word;
  return isList(name) ? shapeIs.list : shapeIs.free;
}

/** Index of the first quote at or after `from` that no backslash escapes and that `stop` goes on from; -1 where there is none. */
function quoteEnd(line: string, from: number, stop: string): number {
  for (let at = line.indexOf(stop, from); at >= 0; at = line.indexOf(stop, at + 1)) {
    let slashes = 0;
    while (at - slashes > from && line.charCodeAt(at - slashes - 1) === 92) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

function numberEnd(line: string, from: number): number {
  if (line.charCodeAt(from) === 45) return from + 1;
  let end = from;
  while (isDigit(line.charCodeAt(end)) || line.charCodeAt(end) === 46) end++;
  return end;
}

/** End of a list of numbers and dashes, one per try. */
function numberListEnd(line: string, from: number): number {
  let i = numberEnd(line, from);
  while (i > from) {
    const next = line.startsWith(', ', i) ? i + 2 : line.startsWith(' : ', i) ? i + 3 : -1;
    const end = next < 0 ? -1 : numberEnd(line, next);
    if (end <= next) return i;
    i = end;
  }
  return i;
}

/** End of a list of tries: at the first of blank, comma and the literal that follows, where no further try comes. */
function listEnd(line: string, from: number, stop: string): number {
  let i = from;
  const first = stop.charCodeAt(0);
  while (i < line.length) {
    const code = line.charCodeAt(i);
    if (code === 44 && line.charCodeAt(i + 1) === 32 && !(first === 44 && line.startsWith(stop, i) && stop.length > 1)) i += 2;
    else if (code === 32 && line.startsWith(' : ', i)) i += 3;
    else if (code === 32 || code === 44 || code === 34 || (code === first && line.startsWith(stop, i))) return i;
    else i++;
  }
  return i;
}

/** What a layout can tell of a request. */
export interface LayoutReader {
  readonly read: (line: string) => AccessRecord | null;
  /** Whether the layout says enough to be recognised by content: a status and a date, or a request line. */
  readonly isTelling: boolean;
}

/** Compiles a layout. The reader returns null unless the whole line has the layout's shape (blanks at its end are forgiven). */
export function compileLayout(layout: readonly LayoutPart[]): LayoutReader {
  const names: string[] = [];
  const stops: string[] = [];
  layout.forEach((part, i) => {
    if (part.kind === 'literal') return;
    const next = layout[i + 1];
    names.push(part.name);
    stops.push(next?.kind === 'literal' ? next.text : '');
  });
  const shapes = names.map((name, i) => shapeOf(name, stops[i] ?? ''));
  const head = layout[0]?.kind === 'literal' ? layout[0].text : '';
  const count = names.length;
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);

  const slotOf = (wanted: readonly string[]): number => {
    for (const name of wanted) {
      const slot = names.indexOf(name);
      if (slot >= 0) return slot;
    }
    return -1;
  };
  const slots = Object.fromEntries(Object.entries(accessRoles).map(([role, wanted]) => [role, slotOf(wanted)])) as Record<
    keyof RawAccess,
    number
  >;
  const local = slotOf(['time_local']);
  const iso = slotOf(['time_iso8601']);
  const epoch = slotOf(['msec']);
  const duration = slotOf(['request_time', 'request_us', 'request_ms', 'request_s']);
  const durationUnit = { request_us: 0.001, request_ms: 1 }[names[duration] ?? ''] ?? 1000;
  const durationOf = (text: string): number | null => {
    if (durationUnit === 1000) return secondsMs(text);
    return isDigit(text.charCodeAt(0)) ? Number(text) * durationUnit : null;
  };

  const endOf = (line: string, shape: Shape, from: number, stop: string, isLast: boolean): number => {
    switch (shape) {
      case shapeIs.quoted:
        return quoteEnd(line, from, stop);
      case shapeIs.common:
        return from + 26;
      case shapeIs.iso:
        return isoMoment(line, from)?.end ?? -1;
      case shapeIs.number:
        return numberEnd(line, from);
      case shapeIs.status:
        return line.charCodeAt(from) === 45 ? from + 1 : isDigit(line.charCodeAt(from)) ? from + 3 : from;
      case shapeIs.word:
        return line.indexOf(' ', from);
      case shapeIs.user: {
        // Users may have blanks, but what a syslog header and an address leave here is none.
        const end = line.indexOf(stop, from);
        const dash = line.indexOf(' - ', from);
        return dash >= 0 && dash < end ? -1 : end;
      }
      case shapeIs.numberList:
        return numberListEnd(line, from);
      case shapeIs.list:
        return listEnd(line, from, stop);
      default:
        if (stop === '') return line.length;
        // Nothing follows that could belong to another value, so the last one may hold what ends it.
        return isLast ? line.trimEnd().length - stop.length : line.indexOf(stop, from);
    }
  };

  const split = (line: string): boolean => {
    if (!line.startsWith(head)) return false;
    let at = head.length;
    for (let i = 0; i < count; i++) {
      const stop = stops[i] ?? '';
      const end = endOf(line, shapes[i] ?? 0, at, stop, i === count - 1);
      if (end < at || !line.startsWith(stop, end)) return false;
      starts[i] = at;
      ends[i] = end;
      at = end + stop.length;
    }
    if (at > line.length) return false;
    while (at < line.length) {
      const code = line.charCodeAt(at++);
      if (code !== 32 && code !== 13 && code !== 9) return false;
    }
    return true;
  };

  const value = (line: string, slot: number): string => (slot < 0 ? '' : line.slice(starts[slot], ends[slot]));

  const read = (line: string): AccessRecord | null => {
    if (!split(line)) return null;
    const statusText = value(line, slots.status);
    if (slots.status >= 0 && statusText !== '-' && statusText !== '' && statusOf(statusText) === null) return null;
    let at: number | null = null;
    let zoned = true;
    if (local >= 0) {
      at = commonMs(line, starts[local] ?? 0);
      if (Number.isNaN(at)) return null;
    } else if (iso >= 0) {
      const moment = isoMoment(line, starts[iso] ?? 0);
      if (moment === null) return null;
      at = moment.at;
      zoned = moment.zoned;
    } else if (epoch >= 0) at = secondsMs(value(line, epoch));
    const raw: RawAccess = {
      client: value(line, slots.client),
      method: value(line, slots.method),
      request: value(line, slots.request),
      uri: value(line, slots.uri),
      args: value(line, slots.args),
      host: value(line, slots.host),
      status: statusText,
      addresses: value(line, slots.addresses),
      statuses: value(line, slots.statuses),
      connectTimes: value(line, slots.connectTimes),
      headerTimes: value(line, slots.headerTimes),
      responseTimes: value(line, slots.responseTimes),
      upstreamBytes: value(line, slots.upstreamBytes),
      requestId: value(line, slots.requestId),
      pool: value(line, slots.pool),
    };
    return accessRecordOf(raw, at, zoned, durationOf(value(line, duration)));
  };

  return { read, isTelling: slots.status >= 0 && (local >= 0 || iso >= 0 || epoch >= 0 || slots.request >= 0) };
}
