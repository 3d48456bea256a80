// The reading half of the log probe: raw pieces of files become lines of evidence, with room first for our own requests.
import {
  beginsNginxError,
  beginsPhp,
  parseFpmLog,
  parseFpmSlow,
  parseHaproxyEvent,
  parseHaproxyRequest,
  parseNginxAccess,
  parseNginxError,
  parsePhpError,
  parseUnknownAccess,
  type AccessFormat,
} from '../../logs/formats/observed.ts';
import { recordsOf, shown, type LogRecord, type ParsedAccess, type ParsedError } from '../../logs/text.ts';
import type { AccessLine, ErrorLine, LogLines } from '../../model/observations.ts';

export type FileKind = LogLines['files'][number]['kind'];

/** A piece of a log file. `old` stood before our requests; `new` was written since; `cut` is the end of a long `new`, and `marked` our lines before it. */
export interface Chunk {
  readonly label: 'old' | 'new' | 'cut' | 'marked';
  readonly kind: FileKind;
  readonly startBytes: number;
  readonly path: string;
  readonly text: string;
}

interface Options {
  readonly run: string;
  readonly zoneMinutes: number | null;
  readonly formatsOf: (path: string) => readonly AccessFormat[];
}

const mostAccess = 400;
const mostErrors = 400;
const mostOldErrors = 120;
const mostPerOldSignature = 25;
const mostPerNewSignature = 60;
const mostOldFailures = 60;

/** Levels that are an error by themselves, without a known signature. */
const grave = new Set(['emerg', 'alert', 'crit', 'error', 'warning', 'parse', 'fatal', 'fatal error', 'parse error']);

function parseError(kind: FileKind, record: string, zoneMinutes: number | null): ParsedError | null {
  if (kind === 'nginx-error') return parseNginxError(record, zoneMinutes);
  if (kind === 'php-fpm') return parseFpmLog(record, zoneMinutes);
  if (kind === 'php-fpm-slow') return parseFpmSlow(record, zoneMinutes);
  if (kind === 'php-error') return parsePhpError(record, zoneMinutes);
  return kind === 'haproxy' ? parseHaproxyEvent(record) : null;
}

/** Whether a line of this kind begins a record; access logs have one per line. */
function beginning(kind: FileKind): (line: string) => boolean {
  if (kind === 'nginx-error') return beginsNginxError;
  if (kind === 'php-fpm' || kind === 'php-fpm-slow' || kind === 'php-error') return beginsPhp;
  return () => true;
}

function recordsIn(chunk: Chunk): LogRecord[] {
  // A piece that begins in the middle of a file mostly begins in the middle of a line.
  const partial = chunk.startBytes > 0 && (chunk.label === 'old' || chunk.label === 'cut');
  const text = partial ? chunk.text.slice(chunk.text.indexOf('\n') + 1) : chunk.text;
  return recordsOf(text, beginning(chunk.kind));
}

/** Access and error lines, marked ones before all others. */
export function collectLines(chunks: readonly Chunk[], { run, zoneMinutes, formatsOf }: Options): Omit<LogLines, 'files'> {
  const marked: AccessLine[] = [];
  const failures: AccessLine[] = [];
  const oldFailures: AccessLine[] = [];
  const newErrors: ErrorLine[] = [];
  const oldErrors: ErrorLine[] = [];
  const others = new Map<string, { requests: number; failed: number }>();
  const lines = new Map<string, number>();
  const nonceShape = new RegExp(`${run.replaceAll(/[^0-9a-f]/g, '')}-\\d{1,4}`);

  for (const chunk of chunks) {
    const offset = lines.get(chunk.path) ?? 0;
    lines.set(chunk.path, offset + chunk.text.split('\n').length);
    const formats = chunk.kind === 'nginx-access' ? formatsOf(chunk.path) : [];
    for (const record of recordsIn(chunk)) {
      const nonce = run !== '' && record.text.includes(run) ? (nonceShape.exec(record.text)?.[0] ?? null) : null;
      const ours = chunk.label !== 'old' || nonce !== null;
      const place = { file: chunk.path, line: offset + record.line, ours };
      const access = accessOf(chunk.kind, record.text, formats, zoneMinutes, nonce !== null);
      if (access !== null) {
        const line = (): AccessLine => ({ ...place, ...access, nonce, text: shown(record.text) });
        // 499: whoever asked gave up waiting, which is how a backend's log shows its balancer's 504.
        const failed = access.status !== null && (access.status >= 500 || access.status === 499);
        if (nonce !== null) marked.push(line());
        else if (chunk.label === 'old') {
          if (failed) oldFailures.push(line());
        } else {
          const count = others.get(chunk.path) ?? { requests: 0, failed: 0 };
          others.set(chunk.path, { requests: count.requests + 1, failed: count.failed + (failed ? 1 : 0) });
          // HAProxy logs a request that it could not read without its headers, so it may be one of ours.
          const unread = access.haproxy !== null && access.method === null && access.status === 400;
          if ((failed || unread) && failures.length < mostAccess) failures.push(line());
        }
        continue;
      }
      if (chunk.kind === 'nginx-access') {
        const count = others.get(chunk.path) ?? { requests: 0, failed: 0 };
        if (chunk.label !== 'old') others.set(chunk.path, { ...count, requests: count.requests + 1 });
        continue;
      }
      const parsed = parseError(chunk.kind, record.text, zoneMinutes);
      if (parsed === null || (parsed.signature === null && nonce === null && !grave.has(parsed.level ?? ''))) continue;
      (ours ? newErrors : oldErrors).push({ ...place, ...parsed, text: shown(record.text) });
    }
  }

  const access = sorted([...withoutCopies(marked).slice(0, mostAccess), ...failures]).slice(0, mostAccess);
  const fresh = spread(newErrors, mostPerNewSignature).slice(0, mostErrors);
  const stale = spread(oldErrors.toReversed(), mostPerOldSignature)
    .slice(0, Math.min(mostOldErrors, mostErrors - fresh.length))
    .toReversed();
  const room = Math.min(mostOldFailures, mostAccess - access.length);
  return {
    access: [...access, ...(room > 0 ? oldFailures.slice(-room) : [])],
    others: [...others].map(([file, count]) => ({ file, ...count })),
    errors: [...fresh, ...stale],
  };
}

function accessOf(
  kind: FileKind,
  text: string,
  formats: readonly AccessFormat[],
  zoneMinutes: number | null,
  marked: boolean,
): ParsedAccess | null {
  if (kind === 'haproxy') return parseHaproxyRequest(text, zoneMinutes) ?? (marked ? parseUnknownAccess(text) : null);
  if (kind !== 'nginx-access') return null;
  return parseNginxAccess(text, formats) ?? (marked ? parseUnknownAccess(text) : null);
}

/** How much a line tells. */
function richness(line: AccessLine): number {
  return [line.at, line.client, line.method, line.path, line.host, line.status, line.durationMs, line.upstream].filter(
    (each) => each !== null,
  ).length;
}

/** Whether two lines of different files tell of the same pass of one request, as two `access_log` of one server write them. */
function isCopy(one: AccessLine, other: AccessLine): boolean {
  const same = (a: unknown, b: unknown): boolean => a === null || b === null || a === b;
  return (
    one.file !== other.file &&
    one.haproxy === null &&
    other.haproxy === null &&
    one.nonce === other.nonce &&
    same(one.at, other.at) &&
    same(one.client, other.client) &&
    same(one.method, other.method) &&
    same(one.path, other.path) &&
    same(one.host, other.host) &&
    same(one.status, other.status) &&
    same(one.durationMs, other.durationMs) &&
    (one.upstream === null || other.upstream === null || JSON.stringify(one.upstream) === JSON.stringify(other.upstream))
  );
}

/** One line per pass: a request that is written to several files would look like a loop otherwise. The line that tells most stays. */
function withoutCopies(lines: readonly AccessLine[]): AccessLine[] {
  const kept: { line: AccessLine; files: Set<string> }[] = [];
  for (const line of lines) {
    const twin = kept.find((each) => !each.files.has(line.file) && isCopy(each.line, line));
    if (!twin) {
      kept.push({ line, files: new Set([line.file]) });
      continue;
    }
    twin.files.add(line.file);
    if (richness(line) > richness(twin.line)) twin.line = line;
  }
  return kept.map((each) => each.line);
}

/** Marked lines first, each group in the order of the files. */
function sorted(lines: readonly AccessLine[]): AccessLine[] {
  return [...lines.filter((line) => line.nonce !== null), ...lines.filter((line) => line.nonce === null)];
}

/** At most so many of each signature, so that one noisy error cannot push the others out. */
function spread(errors: readonly ErrorLine[], most: number): ErrorLine[] {
  const counts = new Map<string, number>();
  return errors.filter((line) => {
    const key = `${line.source} ${line.signature ?? line.text.slice(20, 80)}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= most;
  });
}
