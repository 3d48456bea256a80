// nginx's error log: date, level, process, connection, message, and behind it what the request was. The message of a FastCGI application
// may hold anything, new lines included, so the parts behind it are looked for from its end.
import { matchSignature } from '../signatures.ts';
import { isoOf, shownField, type ParsedError } from '../text.ts';
import { splitNginxContext } from './nginx-error-log.ts';

const head = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (?:\*\d+ )?/;

/** Whether a line begins a record. */
export function beginsNginxError(line: string): boolean {
  return head.test(line);
}

/** Reads one record; null where it is not one. `zoneMinutes` is the host's offset from UTC, null when unknown. */
export function parseNginxError(record: string, zoneMinutes: number | null): ParsedError | null {
  const match = head.exec(record);
  if (!match) return null;
  const [all, year = '', month = '', day = '', time = '', level = ''] = match;
  const { message, client, values } = splitNginxContext(record.slice(all.length, all.length + 16_384));
  const known = matchSignature('nginx', message);
  const shownOrNull = (value: string | undefined): string | null => (value === undefined || value === '' ? null : shownField(value));
  return {
    at: isoOf(year, month, day, time, zoneMinutes),
    source: 'nginx',
    level,
    signature: known?.id ?? null,
    fields: Object.fromEntries(Object.entries(known?.fields ?? {}).map(([name, value]) => [name, shownField(value)])),
    client: client === null ? null : shownField(client),
    request: shownOrNull(values.request),
    host: shownOrNull(values.host),
    upstream: shownOrNull(values.upstream),
  };
}
