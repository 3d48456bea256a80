// What families share when they look at the first lines of a file: which of several dialects reads most of them.
import type { AccessRecord, ErrorRecord, LogFormat } from '../records.ts';

/** What one format makes of one line (or record). */
export function readLine(format: LogFormat, line: string): AccessRecord | ErrorRecord | null {
  return format.access?.(line) ?? format.error?.(line) ?? null;
}

/** How many of the lines the format reads. Lines that only continue a record count neither for nor against it. */
export function linesRead(format: LogFormat, lines: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    if (format.begins === null) {
      if (readLine(format, line) !== null) count++;
    } else if (format.begins(line)) {
      // A record may need its second line to be recognised, as a slow log's block does.
      if (readLine(format, line) !== null || readLine(format, lines.slice(i, i + 3).join('\n')) !== null) count++;
    }
  }
  return count;
}

/** The format that reads most of the lines, the earlier of equals; null where none reads any. */
export function bestOf(formats: readonly LogFormat[], lines: readonly string[]): LogFormat | null {
  let best: LogFormat | null = null;
  let most = 0;
  for (const format of formats) {
    const count = linesRead(format, lines);
    if (count > most) {
      best = format;
      most = count;
    }
  }
  return best;
}

/** A format whose lines are requests. */
export function accessFormat(
  id: string,
  product: LogFormat['product'],
  dialect: string | null,
  access: NonNullable<LogFormat['access']>,
  isFurniture: LogFormat['isFurniture'] = null,
): LogFormat {
  return { id, product, dialect, access, error: null, begins: null, isFurniture };
}

/** A format whose records are messages. */
export function errorFormat(
  id: string,
  product: LogFormat['product'],
  error: NonNullable<LogFormat['error']>,
  begins: LogFormat['begins'] = null,
  isFurniture: LogFormat['isFurniture'] = null,
): LogFormat {
  return { id, product, dialect: null, access: null, error, begins, isFurniture };
}

/** A record of an error log with nothing but what the caller knows. */
export function message(
  product: ErrorRecord['product'],
  text: string,
  moment: { readonly at: number | null; readonly zoned: boolean } | null,
  more: Partial<Omit<ErrorRecord, 'product' | 'message' | 'at' | 'zoned'>> = {},
): ErrorRecord {
  return {
    at: moment?.at ?? null,
    zoned: moment?.zoned ?? false,
    product,
    level: more.level ?? null,
    message: text,
    client: more.client ?? null,
    request: more.request ?? null,
    host: more.host ?? null,
    upstream: more.upstream ?? null,
    requestId: more.requestId ?? null,
    pid: more.pid ?? null,
  };
}
