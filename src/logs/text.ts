// What all log formats share: dates of several dialects, records that span lines, and safe short text.
import { plain } from '../model/neutral.ts';
import type { AccessLine, ErrorLine } from '../model/observations.ts';
import { redactText } from '../model/redact.ts';

/** What a format makes of an access line; the reader of the file adds the rest. */
export type ParsedAccess = Omit<AccessLine, 'file' | 'line' | 'ours' | 'text' | 'nonce'>;
/** What a format makes of an error record. */
export type ParsedError = Omit<ErrorLine, 'file' | 'line' | 'ours' | 'text'>;

/** Longer lines are cut before anything looks at them. */
export const lineLimit = 64 * 1024;
const textLimit = 600;

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** ISO 8601 UTC from parts of a date; `zoneMinutes` is east of Greenwich, null when unknown (then null). Months are names or numbers. */
export function isoOf(year: string, month: string, day: string, time: string, zoneMinutes: number | null): string | null {
  const named = months.indexOf(month.slice(0, 3).toLowerCase());
  const index = named >= 0 ? named : Number(month) - 1;
  const clock = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(time);
  if (!clock || zoneMinutes === null) return null;
  const ms = Number((clock[4] ?? '0').padEnd(3, '0').slice(0, 3));
  const at = Date.UTC(Number(year), index, Number(day), Number(clock[1]), Number(clock[2]), Number(clock[3]), ms) - zoneMinutes * 60_000;
  return Number.isFinite(at) ? new Date(at).toISOString() : null;
}

/** Minutes of `+0800`, `+08:00` or `Z`; null where it is none of these. */
export function zoneMinutesOf(text: string): number | null {
  if (text === 'Z') return 0;
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(text.trim());
  if (!match) return null;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

/** `23/Nov/2026:07:22:12 +0000`, also with milliseconds and without a zone (then `zoneMinutes` counts). */
export function commonDate(text: string, zoneMinutes: number | null): string | null {
  const match = /^(\d{1,2})\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d(?:\.\d+)?)(?: ([+-]\d{4}))?$/.exec(text);
  if (!match) return null;
  const [, day = '', month = '', year = '', time = '', zone] = match;
  return isoOf(year, month, day, time, zone === undefined ? zoneMinutes : zoneMinutesOf(zone));
}

/** A line as evidence may hold it: no secrets, control characters escaped, at most 600 characters. */
export function shown(line: string): string {
  return plain(redactText(line.slice(0, 4 * textLimit))).slice(0, textLimit);
}

/** Short form of a captured value. */
export function shownField(value: string): string {
  return plain(redactText(value.slice(0, textLimit))).slice(0, textLimit);
}

/** A record and the number of its first line, counted from 1. */
export interface LogRecord {
  readonly line: number;
  readonly text: string;
}

/**
 * Joins lines to records: a line that does not look like a beginning belongs to the record before it. Lines are cut at 64 KiB, records at
 * 64 KiB too; the last line may be unfinished.
 */
export function recordsOf(text: string, isBeginning: (line: string) => boolean): LogRecord[] {
  const records: { line: number; text: string }[] = [];
  let number = 0;
  for (const whole of text.split('\n')) {
    number++;
    if (whole === '') continue;
    const line = whole.length > lineLimit ? whole.slice(0, lineLimit) : whole;
    const last = records.at(-1);
    if (last !== undefined && !isBeginning(line)) {
      if (last.text.length + line.length < lineLimit) last.text += `\n${line}`;
    } else records.push({ line: number, text: line });
  }
  return records;
}
