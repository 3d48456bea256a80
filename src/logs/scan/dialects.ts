// Which formats an input may hold: its own, and those to try on lines that its own refuses. Decided from the head of the input alone, so
// that every thread, and every way of cutting the input into pieces, comes to the same answer.
import { allFormats, detectFormat, formatsBeside, mostAsked, openFormat } from '../formats/index.ts';
import type { AccessRecord, ErrorRecord, FormatHints, LogFormat } from '../records.ts';
import { lineLimit } from '../text.ts';

/** A format as it travels between threads. */
export interface FormatKey {
  readonly id: string;
  readonly dialect: string | null;
}

/** The formats of an input. */
export interface Dialects {
  readonly main: LogFormat | null;
  /** In the order in which they are tried. Opened when the first line needs them: that takes longer than reading a small log. */
  others(): readonly LogFormat[];
  /** Those of the others that lines of the head named. */
  readonly found: readonly LogFormat[];
  /** Lines of the head that say what wraps them. */
  readonly asked: readonly string[];
}

/** The same for another thread; null where a format cannot be opened again there (one that somebody made by hand). */
export interface DialectKeys {
  readonly main: FormatKey | null;
  readonly found: readonly FormatKey[];
  readonly asked: readonly string[];
}

/** Bytes of an input that detection looks at. */
export const headBytes = 128 << 10;

const keyOf = ({ id, dialect }: LogFormat): FormatKey => ({ id, dialect });
const isSame = (a: FormatKey, b: FormatKey): boolean => a.id === b.id && a.dialect === b.dialect;

/** The whole lines of a head, each cut at the limit. A last line that may go on is left out unless it is the only one. */
export function headLines(head: Uint8Array, isWhole: boolean): string[] {
  let text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('utf8');
  if (text.startsWith('\ufeff')) text = text.slice(1);
  const lines = text.split('\n');
  if (!isWhole && lines.length > 1) lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line)).map((line) => line.slice(0, lineLimit));
}

/** Decides by the first lines. `forced` is taken without a look. */
export function dialectsOf(lines: readonly string[], hints: FormatHints, forced: LogFormat | null): Dialects {
  const main = forced ?? detectFormat(lines, hints);
  const found: LogFormat[] = [];
  if (main !== null) {
    // Foreign lines of the head name their own dialects, which no list of all formats can hold.
    let left = lines.filter((line) => line.trim() !== '' && !isRead(main, line));
    while (left.length > 0 && found.length < 3) {
      const next = detectFormat(left, hints);
      if (next === null || [main, ...found].some((known) => isSame(known, next))) break;
      found.push(next);
      left = left.filter((line) => !isRead(next, line));
    }
  }
  return dialectsFrom(main, found, lines.filter((line) => line.trim() !== '').slice(0, mostAsked), hints);
}

function dialectsFrom(main: LogFormat | null, found: readonly LogFormat[], asked: readonly string[], hints: FormatHints): Dialects {
  let opened: readonly LogFormat[] | null = null;
  const others = (): readonly LogFormat[] =>
    (opened ??= [...found, ...formatsBeside(main, allFormats(hints), asked)].filter(
      (each, i, all) => (main === null || !isSame(each, main)) && all.findIndex((other) => isSame(other, each)) === i,
    ));
  return { main, others, found, asked };
}

const isRead = (format: LogFormat, line: string): boolean =>
  format.isFurniture?.(line) === true || (format.begins === null ? recordOf(format, line) !== null : format.begins(line));

/** What can be told another thread; null where it could not open the same. */
export function dialectKeys({ main, found, asked }: Dialects, hints: FormatHints): DialectKeys | null {
  for (const format of main === null ? found : [main, ...found]) {
    const again = openFormat(format.id, format.dialect, hints);
    if (again === null || !isSame(again, format)) return null;
  }
  return { main: main === null ? null : keyOf(main), found: found.map(keyOf), asked };
}

/** Opens what another thread decided. */
export function openDialects(keys: DialectKeys, hints: FormatHints): Dialects {
  const opened = (key: FormatKey): LogFormat => {
    const format = openFormat(key.id, key.dialect, hints);
    if (format === null) throw new Error(`no format ${key.id}`);
    return format;
  };
  return dialectsFrom(keys.main === null ? null : opened(keys.main), keys.found.map(opened), keys.asked, hints);
}

/** A record as one of the two kinds. */
export type AnyRecord =
  | { readonly kind: 'access'; readonly record: AccessRecord }
  | { readonly kind: 'error'; readonly record: ErrorRecord };

/** What a format makes of a record's text. */
export function recordOf(format: LogFormat, text: string): AnyRecord | null {
  const access = format.access?.(text) ?? null;
  if (access !== null) return { kind: 'access', record: access };
  const error = format.error?.(text) ?? null;
  return error === null ? null : { kind: 'error', record: error };
}
