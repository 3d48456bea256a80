// nginx's error log: date, level, process, connection, message, and behind it what the request was. The message of a FastCGI application
// may hold anything, new lines included, so the parts behind it are looked for from its end.
import { matchSignature } from '../signatures.ts';
import { isoOf, shownField, type ParsedError } from '../text.ts';

const head = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (?:\*\d+ )?/;

/** Whether a line begins a record. */
export function beginsNginxError(line: string): boolean {
  return head.test(line);
}

const keys = ['server', 'request', 'subrequest', 'upstream', 'host', 'referrer'] as const;
type Key = (typeof keys)[number];

/** Splits `message, client: A, server: B, request: "…", …`. */
function context(rest: string): { message: string; client: string | null; values: Partial<Record<Key, string>> } {
  let search = 0;
  if (rest.startsWith('FastCGI sent in stderr')) {
    // What the application wrote may imitate the context; the real one stands behind the last closing words.
    search = Math.max(0, rest.lastIndexOf('" while '));
  }
  const start = rest.indexOf(', client: ', search);
  if (start < 0) return { message: rest, client: null, values: {} };
  let tail = rest.slice(start + ', client: '.length);
  const client = /^[^,\s]*/.exec(tail)?.[0] ?? '';
  tail = tail.slice(client.length);
  const values: Partial<Record<Key, string>> = {};
  keys.forEach((key, i) => {
    const opening = key === 'server' ? ', server: ' : `, ${key}: "`;
    if (!tail.startsWith(opening)) return;
    const from = opening.length;
    let end = tail.length;
    for (const next of keys.slice(i + 1)) {
      const at = tail.indexOf(`, ${next}: "`, from);
      if (at >= 0 && at < end) end = at;
    }
    values[key] = tail.slice(from, end).replace(/"$/, '');
    tail = tail.slice(end);
  });
  return { message: rest.slice(0, start), client, values };
}

/** Reads one record; null where it is not one. `zoneMinutes` is the host's offset from UTC, null when unknown. */
export function parseNginxError(record: string, zoneMinutes: number | null): ParsedError | null {
  const match = head.exec(record);
  if (!match) return null;
  const [all, year = '', month = '', day = '', time = '', level = ''] = match;
  const { message, client, values } = context(record.slice(all.length, all.length + 16_384));
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
