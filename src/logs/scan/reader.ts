// Reads lines by the formats of their input: which format a line belongs to, which lines make up one record, and what nobody can read. What
// a line is depends on the line alone; only lines that belong to nobody depend on the record before them. That is why a piece of a file can
// be read without the pieces before it: see `Head` and `Tail`.
import { recordOf, type AnyRecord, type Dialects } from './dialects.ts';
import { wrappedDialect } from '../formats/wrapping.ts';
import { messageTemplate } from '../template.ts';
import { shown, lineLimit } from '../text.ts';
import { boundedGet, openBounded, type Bounded } from './bounded.ts';
import type { LogFormat } from '../records.ts';
import type { UnknownState } from './state.ts';
import type { Place, TallyBuilder } from './tally.ts';

/** Lines at the beginning of a piece that belong to nobody: they continue the record before the piece, or nobody can read them. */
export interface Head {
  lines: number;
  readonly unknown: Bounded<UnknownState>;
}

/** What a line behind the piece would continue. */
export type Tail =
  /** The same as before the piece: it holds no record. */
  | { readonly kind: 'same' }
  | { readonly kind: 'none' }
  | { readonly kind: 'record'; readonly parsed: boolean; readonly other: string | null };

/** Reads the lines of one piece in order. */
export interface LineReader {
  /** Reads a line that is not empty. */
  line(text: string, isCut: boolean, line: number, position: number): void;
  /** Somebody else read the lines since: they were records of one line each. */
  skipped(): void;
  /** A line behind the piece, in case it continues the last record. False where nothing more is wanted. */
  beyond(text: string, isCut: boolean): boolean;
  /** Ends the piece. */
  end(): { readonly head: Head; readonly tail: Tail };
}

interface OpenRecord {
  readonly format: LogFormat;
  readonly other: string | null;
  readonly place: Place;
  text: string;
  lines: number;
  /** Nothing more is added once a line did not fit, or was cut. */
  full: boolean;
}

/** Lines that begin like this only continue something, in every format. */
const continues = /^[\s#})]/;
/** Lines of a stack trace, which other programs write at their beginning: in a log whose records span lines they belong to the record above. */
const traces = /^(?:Traceback \(most recent call last\)|[A-Za-z_][\w.]{0,200}(?:Error|Exception|Timeout)(?::|$))/;

/** By how many blanks every line of an input is shifted. */
const shiftOf = (dialect: string | null): number => Number(/^indent-(\d+)$/.exec(wrappedDialect(dialect)?.names[0] ?? '')?.[1] ?? 0);

/** A reader of one piece of an input. `isFirst` is true where nothing comes before the piece. */
export function openReader(builder: TallyBuilder, input: number, { main, others }: Dialects, isFirst: boolean): LineReader {
  const head: Head = { lines: 0, unknown: openBounded(builder.state.limits.unknown) };
  let atHead = !isFirst;
  let open: OpenRecord | null = null;
  let tail: Tail = isFirst ? { kind: 'none' } : { kind: 'same' };

  const count = (found: AnyRecord | null, place: Place, format: LogFormat, text: string, lines: number, other: string | null): boolean => {
    if (found === null) {
      builder.addLines(input, { unparsed: lines });
      builder.addUnknown(place, text);
      return false;
    }
    builder.addLines(input, { parsed: lines });
    if (other !== null) builder.addOther(input, other, lines);
    if (found.kind === 'access') builder.addAccess(found.record, place, format, () => text);
    else builder.addError(found.record, place, format, () => text);
    return true;
  };

  const flush = (): void => {
    if (open === null) return;
    const { format, other, place, text, lines } = open;
    const parsed = count(recordOf(format, text), place, format, text, lines, other);
    tail = { kind: 'record', parsed, other };
    open = null;
  };

  const begin = (format: LogFormat, other: string | null, place: Place, text: string, isCut: boolean): void => {
    flush();
    atHead = false;
    open = { format, other, place, text, lines: 1, full: isCut };
  };

  const single = (found: AnyRecord, format: LogFormat, other: string | null, place: Place, text: string): void => {
    flush();
    atHead = false;
    count(found, place, format, text, 1, other);
    tail = { kind: 'none' };
  };

  const shift = shiftOf(main?.dialect ?? null);

  /** The other format that a line belongs to. */
  const foreign = (text: string): { readonly format: LogFormat; readonly found: AnyRecord } | null => {
    if (
      continues.test(shift > 0 && text.slice(0, shift).trim() === '' ? text.slice(shift) : text) ||
      (main?.begins != null && traces.test(text.slice(0, 256)))
    )
      return null;
    for (const format of others()) {
      if (format.begins !== null && !format.begins(text)) continue;
      const found = recordOf(format, text);
      if (found !== null) return { format, found };
    }
    return null;
  };

  const append = (record: OpenRecord, text: string, isCut: boolean): boolean => {
    if (record.full || record.text.length + 1 + text.length > lineLimit) {
      record.full = true;
      return false;
    }
    record.text += `\n${text}`;
    record.full = isCut;
    return !isCut;
  };

  return {
    line(text, isCut, line, position) {
      const place = { input, line, position };
      if (main !== null) {
        if (main.isFurniture?.(text) === true) {
          builder.addLines(input, { furniture: 1 });
          return;
        }
        if (main.begins === null) {
          const found = recordOf(main, text);
          if (found !== null) {
            single(found, main, null, place, text);
            return;
          }
        } else if (main.begins(text)) {
          begin(main, null, place, text, isCut);
          return;
        }
      }
      const other = foreign(text);
      if (other !== null) {
        if (other.format.begins === null) single(other.found, other.format, other.format.id, place, text);
        else begin(other.format, other.format.id, place, text, isCut);
        return;
      }
      if (open !== null) {
        append(open, text, isCut);
        open.lines++;
        return;
      }
      if (atHead) {
        head.lines++;
        const make = (): UnknownState['sample'] => ({ ...place, at: null, text: shown(text) });
        const entry = boundedGet(
          head.unknown,
          messageTemplate(text),
          () => ({ count: 0, sample: make() }),
          () => undefined,
        );
        if (entry !== null) entry.count++;
        return;
      }
      builder.addLines(input, { unparsed: 1 });
      builder.addUnknown(place, text);
    },
    skipped() {
      flush();
      atHead = false;
      tail = { kind: 'none' };
    },
    beyond(text, isCut) {
      if (open === null || open.full) return false;
      if (text === '' || main?.isFurniture?.(text) === true) return true;
      if (main?.begins != null ? main.begins(text) : main !== null && recordOf(main, text) !== null) return false;
      if (foreign(text) !== null) return false;
      return append(open, text, isCut);
    },
    end() {
      flush();
      return { head, tail };
    },
  };
}
