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

const clock = String.raw`[0-2]\d:[0-5]\d`;
/** Three groups: to the minute, second, zone. */
const shapes = {
  time_local: String.raw`(\d\d/[A-Z][a-z]{2}/\d{4}:${clock}):([0-5]\d)( [+-]\d{4})`,
  time_iso8601: String.raw`(\d{4}-[01]\d-[0-3]\dT${clock}):([0-5]\d)(Z|[+-]\d\d:\d\d)`,
} as const;

const numbers = new Set(['msec', 'request_time', 'body_bytes_sent', 'bytes_sent', 'request_length', 'connection', 'connection_requests']);
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
      quiet += pattern.replaceAll('(', '(?:');
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

/** A value that cannot be read in two ways; null where the format leaves that open. */
function valuePattern(name: string, stop: string): string | null {
  const [first] = stop;
  if (numbers.has(name)) return first !== undefined && /[-.\d]/.test(first) ? null : String.raw`(?:-|[\d.]*)`;
  if (first === undefined) return '.*';
  if (first === '"') return String.raw`[^"\\]*(?:\\.[^"\\]*)*`;
  if (isList(name)) {
    if (first === ',' || stop.startsWith(' :')) return null;
    const one = `[^ ,"${literal(first)}]+`;
    return `(?:${one}(?:(?:, | : )${one})*)?`;
  }
  return `[^${literal(first)}]*`;
}
