// The registry of log formats: which families there are, which of them wrote a file, and which may have written a single strange line.
import type { FormatHints, LogFamily, LogFormat } from '../records.ts';
import { linesRead } from './detect.ts';
import { nginxLayout, type LayoutPart } from './layout.ts';
import { nginxAccess, nginxAccessCandidates, nginxAccessFormat } from './nginx-access-log.ts';
import { nginxErrorLog } from './nginx-error-log.ts';

export { nginxFormatsIn } from './nginx-config.ts';
export type { LayoutPart } from './layout.ts';

/** All families, the most specific first: of two that read a file equally well, the earlier is taken. */
export const families: readonly LogFamily[] = [nginxErrorLog, nginxAccess];

const mostLines = 400;
const mostChars = 65_536;

/**
 * The format that reads most of a file's first lines (without line ends); null where none reads enough of them to be believed. Empty lines
 * are left out, at most 400 lines are looked at, and the same lines give the same answer.
 */
export function detectFormat(lines: readonly string[], hints: FormatHints): LogFormat | null {
  const some: string[] = [];
  for (const line of lines) {
    if (line.trim() === '') continue;
    some.push(line.length > mostChars ? line.slice(0, mostChars) : line);
    if (some.length === mostLines) break;
  }
  let best: LogFormat | null = null;
  let most = 0;
  for (const family of families) {
    const format = family.detect(some, hints);
    if (format === null) continue;
    const count = linesRead(format, some);
    if (count > most) {
      best = format;
      most = count;
    }
  }
  // One lucky line among hundreds names no format, unless the others may be continuations of its record.
  return best !== null && (most * 20 >= some.length || best.begins !== null) ? best : null;
}

/**
 * Formats to try, in this order, on a line that the file's own format refuses. What they are does not depend on the file, so any worker gets
 * the same list for the same hints.
 */
export function allFormats(hints: FormatHints): readonly LogFormat[] {
  const formats: LogFormat[] = [];
  for (const family of families) {
    if (family.id === nginxAccess.id) formats.push(...nginxAccessCandidates(hints));
    else {
      for (const sample of family.samples) {
        const format = family.detect(sample.split('\n'), hints);
        if (format !== null && !formats.some((other) => other.id === format.id && other.dialect === format.dialect)) formats.push(format);
      }
    }
  }
  return formats;
}

/**
 * The format with this id and dialect, as detection returned it before: formats hold functions, so workers are told both and open their own.
 * Null for an unknown id.
 */
export function openFormat(id: string, dialect: string | null, hints: FormatHints): LogFormat | null {
  if (id === nginxAccess.id && dialect !== null) return nginxAccessFormat(dialect);
  return allFormats(hints).find((format) => format.id === id && format.dialect === dialect) ?? null;
}

/**
 * The literals and variables of a positional access format, in order, from which a fast path can derive a plan; null for formats that are
 * not positional. Variables are named as nginx names them.
 */
export function layoutOf(format: LogFormat): readonly LayoutPart[] | null {
  return format.id === nginxAccess.id && format.dialect !== null ? nginxLayout(format.dialect) : null;
}
