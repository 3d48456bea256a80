// The logs around php-fpm: its own, the slow log with its stack traces, and PHP's error_log.
import type { ErrorLine } from '../../model/observations.ts';
import { matchSignature } from '../signatures.ts';
import { isoOf, shownField, type ParsedError } from '../text.ts';

const stamp = /^\[(\d{1,2})-(\w{3})-(\d{4}) (\d\d:\d\d:\d\d(?:\.\d+)?)(?: ([\w/+-]+))?\] ?/;

/** Whether a line begins a record of php-fpm's log or of PHP's error_log. */
export function beginsPhp(line: string): boolean {
  return stamp.test(line);
}

function fieldsOf(fields: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(fields ?? {}).map(([name, value]) => [name, shownField(value)]));
}

function build(
  source: ErrorLine['source'],
  match: RegExpExecArray,
  message: string,
  level: string | null,
  zoneMinutes: number | null,
): ParsedError {
  const [, day = '', month = '', year = '', time = '', zone] = match;
  const known = matchSignature(source, message);
  const request = known?.fields['request'];
  return {
    at: isoOf(year, month, day, time, zone === 'UTC' ? 0 : zoneMinutes),
    source,
    level,
    signature: known?.id ?? null,
    fields: fieldsOf(known?.fields),
    client: null,
    request: request === undefined ? null : shownField(request),
    host: null,
    upstream: null,
  };
}

/** Reads one record of php-fpm's log; null where it is not one. Its times carry no zone: `zoneMinutes` is the host's. */
export function parseFpmLog(record: string, zoneMinutes: number | null): ParsedError | null {
  const match = stamp.exec(record);
  if (!match) return null;
  const level = /^(DEBUG|NOTICE|WARNING|ERROR|ALERT): (?:pid \d+, \w+\(\), line \d+: )?/.exec(record.slice(match[0].length));
  if (!level) return null;
  return build('php-fpm', match, record.slice(match[0].length + level[0].length), (level[1] ?? '').toLowerCase(), zoneMinutes);
}

/** Reads one block of a slow log: the pool, the script and the function it was in. */
export function parseFpmSlow(record: string, zoneMinutes: number | null): ParsedError | null {
  const match = stamp.exec(record);
  if (!match) return null;
  return build('php-fpm', match, record.slice(match[0].length).trimStart(), 'warning', zoneMinutes);
}

/** Reads one record of PHP's error_log; null where it is not one. */
export function parsePhpError(record: string, zoneMinutes: number | null): ParsedError | null {
  const match = stamp.exec(record);
  if (!match) return null;
  const message = record.slice(match[0].length);
  const level = /^PHP ((?:\w+ )?\w+)(?: error)?:/.exec(message)?.[1]?.toLowerCase() ?? null;
  return build('php', match, message, level, zoneMinutes);
}
