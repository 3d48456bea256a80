// What all log formats share: zones, records that span lines, and safe short text.
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

/** Minutes of `+0800`, `+08:00` or `Z`; null where it is none of these. */
export function zoneMinutesOf(text: string): number | null {
  if (text === 'Z') return 0;
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(text.trim());
  if (!match) return null;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

/** A line as evidence may hold it: no secrets, control characters escaped, at most 600 characters. */
export function shown(line: string): string {
  return plain(redactText(line.slice(0, 4 * textLimit))).slice(0, textLimit);
}

const rememberedFields = new Map<string, string>();
const mostRemembered = 2000;
const longestRemembered = 200;

/** Short form of a captured value. The same few addresses and names come thousands of times, so short ones are remembered. */
export function shownField(value: string): string {
  const before = rememberedFields.get(value);
  if (before !== undefined) return before;
  const made = plain(redactText(value.slice(0, textLimit))).slice(0, textLimit);
  if (value.length <= longestRemembered) {
    if (rememberedFields.size >= mostRemembered) rememberedFields.clear();
    rememberedFields.set(value, made);
  }
  return made;
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
