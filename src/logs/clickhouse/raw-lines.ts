// Access lines that a table keeps as they were written. The server sorts them by a pattern made from the format's layout; per group of equal
// lines one travels, and the format's own reader has the last word on it.
import { layoutOf } from '../formats/index.ts';
import type { LogFormat } from '../records.ts';

/** Patterns of RE2 for one format. */
export interface LinePlan {
  readonly format: LogFormat;
  /** Matches lines that need no closer look: those that the format reads, with a status other than 5xx. */
  readonly quiet: string;
  /** The same with groups for `key`. */
  readonly quietGroups: string;
  /**
   * Replacement that makes of a line \x01, its second, and what its minute and its backend depend on: lines with equal keys have equal
   * minutes and backends.
   */
  readonly key: string;
}

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

const clock = String.raw`(?:[01]\d|2[0-3]):[0-5]\d`;
const day = String.raw`(?:0[1-9]|[12]\d|3[01])`;
const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
/** Three groups: to the minute, second, zone. */
const shapes = {
  time_local: String.raw`(${day}/${month}/\d{4}:${clock}):([0-5]\d)( [+-]\d{4})`,
  time_iso8601: String.raw`(\d{4}-(?:0[1-9]|1[0-2])-${day}T${clock}):([0-5]\d)(Z|[+-]\d\d:\d\d)`,
} as const;

const numbers = new Set(['msec', 'request_time', 'body_bytes_sent', 'bytes_sent', 'request_length', 'connection', 'connection_requests']);
const numberLists = new Set([
  'upstream_status',
  'upstream_connect_time',
  'upstream_header_time',
  'upstream_response_time',
  'upstream_response_length',
  'upstream_bytes_received',
  'upstream_bytes_sent',
]);
const isList = (name: string): boolean => name.startsWith('upstream_') && !/^upstream_(?:http|cookie|trailer|cache)_/.test(name);
const pools = ['proxy_upstream_name', 'proxy_host', 'upstream_name'];
const addresses = 'upstream_addr';

/**
 * The plan for a format, or null where its layout has no minute or no status that a pattern can find without doubt; such lines have to
 * travel.
 */
export function linePlanOf(format: LogFormat): LinePlan | null {
  const layout = layoutOf(format);
  if (layout === null || layout.length > 80) return null;
  const names = layout.flatMap((part) => (part.kind === 'variable' ? [part.name] : []));
  if (new Set(names.filter((name) => name in shapes || name === 'status')).size !== 2) return null;
  if (names.filter((name) => name in shapes || name === 'status').length !== 2) return null;
  const backend = names.includes(addresses) ? [addresses] : [];
  const pool = pools.find((name) => names.includes(name));
  if (pool !== undefined) backend.push(pool);
  if (names.includes('balancer_worker_name')) return null;

  let quiet = '(?s)^';
  let grouped = '(?s)^';
  let groups = 0;
  let second = '';
  const key: string[] = [];
  const group = (): string => `\\${String(++groups)}`;
  for (const [i, part] of layout.entries()) {
    const next = layout[i + 1];
    const stop = next?.kind === 'literal' ? next.text : '';
    if (part.kind === 'literal') {
      quiet += literal(part.text);
      grouped += literal(part.text);
    } else if (part.name === 'time_local' || part.name === 'time_iso8601') {
      const pattern = shapes[part.name];
      quiet += pattern.replaceAll(/\((?!\?)/g, '(?:');
      grouped += pattern;
      key.push(group());
      second = group();
      key.push(group());
    } else if (part.name === 'status') {
      quiet += okStatus;
      grouped += okStatus;
    } else {
      const pattern = valuePattern(part.name, stop);
      if (pattern === null) return null;
      quiet += pattern;
      if (backend.includes(part.name)) {
        grouped += `(${pattern})`;
        key.push(group());
      } else grouped += pattern;
    }
  }
  const end = String.raw`[ \t\r]*$`;
  return { format, quiet: quiet + end, quietGroups: grouped + end, key: `\x01${second}${key.join('\x01')}` };
}

const okStatus = String.raw`[1-46-9]\d\d`;

/**
 * A value that cannot be read in two ways; null where the format leaves that open. Narrower than the format's own reader wherever a pattern
 * cannot follow it: what is not matched travels.
 */
function valuePattern(name: string, stop: string): string | null {
  const [first] = stop;
  if (numbers.has(name)) return first !== undefined && /[-.\d]/.test(first) ? null : String.raw`(?:-|[\d.]*)`;
  if (numberLists.has(name)) return joinsLists(stop) || /^[-.\d]/.test(stop) ? null : listPattern(String.raw`(?:-|[\d.]+)`);
  if (first === '"') return String.raw`[^"\\]*(?:\\.[^"\\]*)*`;
  if (isList(name)) return joinsLists(stop) ? null : listPattern(`[^ ,"${first === undefined ? '' : literal(first)}]+`);
  return first === undefined ? '.*' : `[^ ${literal(first)}]*`;
}

/** Whether what follows a list could be its next member. */
const joinsLists = (stop: string): boolean => stop.startsWith(',') || stop.startsWith(' :');
const listPattern = (one: string): string => `(?:${one}(?:(?:, | : )${one})*)?`;
