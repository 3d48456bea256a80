// The scan as one would write it without a thought for speed: one string per line, every line read by the parsers, in order. Tests hold the
// real one to the same tally.
import { dialectsOf, headBytes, headLines, recordOf } from '../dialects.ts';
import type { AccessRecord, ErrorRecord, Input, LogFormat, Tally } from '../../records.ts';
import { lineLimit } from '../../text.ts';
import { binaryProblem, openTally, type ScanOptions } from '../index.ts';
import { defaultLimits, type TallyInput } from '../state.ts';

interface Line {
  readonly text: string;
  readonly isCut: boolean;
  readonly line: number;
  readonly position: number;
}

/** A line of a stack trace belongs to the record above it where the file's own format has records of several lines. */
const isTrace = (text: string): boolean =>
  text.startsWith('Traceback (most recent call last)') || /^[A-Za-z_][\w.]{0,200}(?:Error|Exception|Timeout)(?::|$)/.test(text);

/** All bytes of an input. */
export async function bytesOf(input: Input): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const block of input.open(new AbortController().signal)) blocks.push(Buffer.from(block));
  return Buffer.concat(blocks);
}

function linesOf(bytes: Buffer): Line[] {
  const lines: Line[] = [];
  let at = 0;
  while (at < bytes.length) {
    const found = bytes.indexOf(10, at);
    const end = found < 0 ? bytes.length : found;
    let raw = bytes.subarray(at, end);
    const isCut = raw.length > lineLimit;
    if (isCut) raw = raw.subarray(0, lineLimit);
    else if (raw.at(-1) === 13) raw = raw.subarray(0, -1);
    let text = raw.toString('utf8');
    if (at === 0 && text.startsWith('\ufeff')) text = text.slice(1);
    lines.push({ text, isCut, line: lines.length + 1, position: at });
    at = end + 1;
  }
  return lines;
}

/** Reads all inputs. */
export async function scanNaively(inputs: readonly Input[], options: ScanOptions): Promise<Tally> {
  const contents = await Promise.all(inputs.map(bytesOf));
  const dialects = contents.map((bytes) =>
    dialectsOf(headLines(bytes.subarray(0, headBytes), bytes.length <= headBytes), options.hints, options.format ?? null),
  );
  const metas = inputs.map((input, i): TallyInput => {
    const format = dialects[i]?.main ?? null;
    return {
      name: input.name,
      compression: input.compression,
      storedBytes: input.storedBytes,
      format,
      kind: format === null ? null : format.access === null ? 'error' : 'access',
    };
  });
  const tally = openTally(metas, { ...defaultLimits, ...options.limits });
  contents.forEach((bytes, input) => {
    const main = dialects[input]?.main ?? null;
    const others = dialects[input]?.others() ?? [];
    let record: { format: LogFormat; lines: Line[] } | null = null;
    const binary = binaryProblem(bytes.subarray(0, headBytes));
    if (binary !== null) tally.addProblem(input, binary);
    const add = (format: LogFormat, lines: readonly Line[], found: AccessRecord | ErrorRecord | null, text: string): void => {
      const [first] = lines;
      if (first === undefined) return;
      const place = { input, line: first.line, position: first.position };
      tally.addLines(input, found === null ? { unparsed: lines.length } : { parsed: lines.length });
      if (found === null) tally.addUnknown(place, text);
      else {
        if (format !== main) tally.addOther(input, format.id, lines.length);
        if ('tries' in found) tally.addAccess(found, place, format, () => text);
        else tally.addError(found, place, format, () => text);
      }
    };
    const flush = (): void => {
      if (record === null) return;
      let text = '';
      let isFull = false;
      record.lines.forEach((line, i) => {
        if (i > 0 && (isFull || text.length + 1 + line.text.length > lineLimit)) isFull = true;
        else {
          text += i === 0 ? line.text : `\n${line.text}`;
          isFull = line.isCut;
        }
      });
      add(record.format, record.lines, recordOf(record.format, text)?.record ?? null, text);
      record = null;
    };
    const lines = linesOf(bytes);
    tally.addLines(input, { bytes: bytes.length, lines: lines.length });
    for (const line of lines) {
      const { text } = line;
      if (line.isCut) tally.addLines(input, { cut: 1 });
      if (text === '' || main?.isFurniture?.(text) === true) {
        tally.addLines(input, { furniture: 1 });
        continue;
      }
      const format = [main, ...others].find((each) => {
        if (each === null || (each !== main && /^[\s#})]/.test(text))) return false;
        if (each !== main && main?.begins != null && isTrace(text)) return false;
        if (each.begins !== null && !each.begins(text)) return false;
        return (each === main && each.begins !== null) || recordOf(each, text) !== null;
      });
      if (format == null) {
        if (record === null) {
          tally.addLines(input, { unparsed: 1 });
          tally.addUnknown({ input, line: line.line, position: line.position }, text);
        } else (record as { lines: Line[] }).lines.push(line);
        continue;
      }
      flush();
      if (format.begins === null) add(format, [line], recordOf(format, text)?.record ?? null, text);
      else record = { format, lines: [line] };
    }
    flush();
  });
  return tally.finish();
}
