// Lines of nginx's error log without their parser: what is counted of them is read from their bytes, by a kernel in WebAssembly. Which group
// a line belongs to is learnt from the parser once for each combination of message, level, server and host. Whatever is unusual is left to
// the reader of lines: other characters where they matter, a line that others may continue, a head or a tail written in another way.
import { nginxErrorMoment } from '../../formats/dates.ts';
import type { LogFormat } from '../../records.ts';
import { isWithin } from '../state.ts';
import type { EventEntry, TallyBuilder } from '../tally.ts';
import { errorsKernel, textBytes, type ErrorsKernel } from './errors-kernel.ts';
import { varyingMessages } from './varying.ts';

/** Counts lines of an error log that it is sure of. */
export interface ErrorReader {
  /** Begins a piece. */
  begin(builder: TallyBuilder, input: number): void;
  /**
   * Counts lines in bytes [start, end) up to the first that it is not sure of, and returns where that begins. `lines` is the number of the
   * line before, `origin` the position of bytes[0] in the input. `before` is called before anything is counted.
   */
  run(start: number, end: number, lines: number, origin: number, before: () => void): number;
  /** Lines counted by the last run. */
  counted(): number;
}

let readers = 0;

/** A reader of one input's lines in these bytes; null for other formats. */
export function openErrorReader(format: LogFormat | null, bytes: Buffer): ErrorReader | null {
  if (format === null || format.id !== 'nginx-error' || format.dialect !== null || format.error === null) return null;
  const { error } = format;
  const own = ++readers;
  const entries: EventEntry[] = [];
  const place = { input: 0, line: 0, position: 0 };
  let builder: TallyBuilder | null = null;
  let isFresh = true;
  let counted = 0;
  let minuteMs = 0;
  // Where the line at hand begins and ends in the bytes.
  let from = 0;
  let to = 0;
  const textOfLine = (): string => bytes.toString('utf8', from, to);

  /** Stretch of the input that the kernel holds. */
  let heldFrom = 0;
  let heldTo = 0;

  // Moments of one minute are noted together.
  let first = 0;
  let last = 0;
  let noted = 0;
  const flush = (of: TallyBuilder): void => {
    if (noted > 0) of.observeMinute(place.input, first, last, false, noted);
    noted = 0;
  };
  const note = (at: number): void => {
    if (noted === 0) {
      first = at;
      last = at;
    } else if (at < first) first = at;
    else if (at > last) last = at;
    noted++;
  };

  /** Lets the kernel see the bytes [start, end), or as many as it has room for; returns where the first of them lies there. */
  const show = (kernel: ErrorsKernel, start: number, end: number, origin: number): number => {
    if (kernel.owner !== own || isFresh) {
      kernel.owner = own;
      kernel.reset();
      kernel.clearMinute();
      entries.length = 0;
      heldTo = -1;
    }
    isFresh = false;
    if (origin + start < heldFrom || origin + end > heldTo) {
      heldFrom = origin + start;
      heldTo = origin + end;
      kernel.text.set(bytes.subarray(start, end));
      kernel.begin();
    }
    return kernel.textAt + origin + start - heldFrom;
  };

  /** Learns the minute at hand; false where its date is none. */
  const learnMinute = (kernel: ErrorsKernel, of: TallyBuilder, address: number): boolean => {
    const moment = nginxErrorMoment(`${bytes.toString('latin1', from, from + 16)}:00`);
    if (moment === null) return false;
    flush(of);
    minuteMs = moment.at;
    kernel.setMinute(address, isWithin(of.state.limits.window, minuteMs, false) ? 1 : 0);
    return true;
  };

  /** Lets the parser read the line at hand, and remembers its group. False where it cannot. */
  const parse = (kernel: ErrorsKernel, of: TallyBuilder): boolean => {
    const text = textOfLine();
    const record = error(text);
    if (record === null) return false;
    flush(of);
    of.addError(record, place, format, () => text);
    const entry = of.lastEvent();
    const varying = kernel.results[8] ?? 0;
    if (entry === null || (varying > 0 && varyingMessages[varying - 1]?.signature !== entry.signature)) return true;
    if (kernel.learn(entries.length) === 0) {
      kernel.reset();
      entries.length = 0;
      if (kernel.learn(0) === 0) return true;
    }
    entries.push(entry);
    return true;
  };

  return {
    begin(of, input) {
      if (builder !== of || place.input !== input) isFresh = true;
      builder = of;
      place.input = input;
      heldTo = -1;
    },
    run(start, end, lines, origin, before) {
      counted = 0;
      const of = builder;
      // The first line of all may begin with a mark.
      if (of === null || origin + start === 0) return start;
      const kernel = errorsKernel();
      const { results } = kernel;
      const shift = show(kernel, start, Math.min(end, start + textBytes), origin) - start;
      const stop = Math.min(end, start + textBytes) + shift;
      from = start;
      for (;;) {
        const found = kernel.next(from + shift, stop);
        if (found === 0) break;
        if (found === 2) {
          if (!learnMinute(kernel, of, from + shift)) break;
          continue;
        }
        const at = minuteMs + (results[2] ?? 0) * 1000;
        place.line = lines + counted + 1;
        place.position = origin + from;
        to = (results[1] ?? 0) - shift;
        if (found === 4) {
          if (counted === 0) before();
          if (!parse(kernel, of)) break;
        } else {
          const entry = found === 1 ? entries[results[7] ?? 0] : null;
          // What a group is called is up to its earliest line.
          if (entry === undefined || (entry?.group != null && place.position < entry.group.leader.position)) break;
          if (counted === 0) before();
          note(at);
          if (entry?.isEvent === true) of.addKnownEvent(entry, at, place, results[4] ?? 0, results[5] ?? 0, results[6] ?? 0, textOfLine);
        }
        counted++;
        from = (results[0] ?? 0) - shift + 1;
      }
      flush(of);
      if (counted > 0) of.addLines(place.input, { parsed: counted });
      return from;
    },
    counted: () => counted,
  };
}
