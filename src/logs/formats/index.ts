// The registry of log formats: which families there are, which of them wrote a file, and which may have written a single strange line.
import type { FormatHints, LogFamily, LogFormat } from '../records.ts';
import { alibabaAlbLog, alibabaFormat, alibabaSlbLog } from './alibaba.ts';
import { apacheAccess, apacheAccessFormat } from './apache-access-log.ts';
import { apacheErrorLog } from './apache-error-log.ts';
import { gunicornLog, gunicornUndated, uwsgiLog } from './application-logs.ts';
import { awsAlbLog, awsClassicLog } from './aws.ts';
import { caddyLog } from './caddy.ts';
import { cloudflareLog } from './cloudflare.ts';
import { linesRead } from './detect.ts';
import { envoyJsonLog, envoyLog } from './envoy.ts';
import { envoyProcess } from './envoy-process.ts';
import { gcpLog } from './gcp.ts';
import { haproxyLog } from './haproxy-log.ts';
import { iisFormat, iisLog } from './iis.ts';
import { apacheLayout, nginxLayout, type LayoutPart } from './layout.ts';
import { nginxAccess, nginxAccessCandidates, nginxAccessFormat } from './nginx-access-log.ts';
import { nginxErrorLog } from './nginx-error-log.ts';
import { nginxJsonLog } from './nginx-json.ts';
import { nodeLog } from './node-log.ts';
import { plainText } from './plain-text.ts';
import { phpErrorLog, phpFpmLog, phpFpmSlowLog } from './php-logs.ts';
import { journalFormat, journaldLog, kernelLog, syslogFormat, syslogLog } from './system-logs.ts';
import { javaUndated, tomcatLog } from './tomcat.ts';
import { traefikLog } from './traefik.ts';
import { apacheUndated, fpmUndated, nginxUndated, phpUndated } from './undated.ts';
import { unwrapOnce, wrapFormat, wrappedDialect } from './wrapping.ts';

export { decodeTermination } from './haproxy-log.ts';
export { nginxFormatsIn } from './nginx-config.ts';
export type { LayoutPart } from './layout.ts';

const ownFamilies: readonly LogFamily[] = [
  caddyLog,
  traefikLog,
  envoyJsonLog,
  envoyLog,
  envoyProcess,
  gcpLog,
  cloudflareLog,
  alibabaSlbLog,
  alibabaAlbLog,
  journaldLog,
  awsAlbLog,
  awsClassicLog,
  iisLog,
  haproxyLog,
  nginxErrorLog,
  apacheErrorLog,
  phpFpmLog,
  phpFpmSlowLog,
  phpErrorLog,
  gunicornLog,
  kernelLog,
  tomcatLog,
  apacheAccess,
  nginxAccess,
  nginxUndated,
  apacheUndated,
  fpmUndated,
  phpUndated,
  gunicornUndated,
  javaUndated,
  uwsgiLog,
  nginxJsonLog,
  nodeLog,
  syslogLog,
];

const plainTextLog = plainText(ownFamilies);

/** All families, the most specific first: of two that read a file equally well, the earlier is taken. */
export const families: readonly LogFamily[] = [...ownFamilies, plainTextLog];

/** Ids of formats whose date is when the request began; all other access logs write when it ended. */
export const datedAtBeginning: ReadonlySet<string> = new Set([
  'haproxy',
  'envoy',
  'envoy-json',
  'traefik',
  'apache-access',
  'cloudflare',
  'gcp-lb',
  'uwsgi',
]);

/** Ids of formats of lines whose date, level or more was cut off, or stands somewhere else: what they refuse may still be a message. */
export const undatedFormats: ReadonlySet<string> = new Set(
  [nginxUndated, apacheUndated, fpmUndated, phpUndated, gunicornUndated, javaUndated].map(({ id }) => id),
);

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
  let { best, most } = bestFamily(some, hints);
  const isShifted = some.length > 1 && some.every((line) => line[0] === ' ' || line[0] === '\t');
  if (most * 2 < some.length || isQuotedByHand(some) || isShifted) {
    const names: string[] = [];
    let bare: readonly string[] = some;
    for (let next = unwrapOnce(some, names); next !== null; next = unwrapOnce(next.lines, names)) {
      names.push(next.name);
      bare = next.lines;
      const inside = bestFamily(bare, hints);
      if (inside.best === null || inside.most < most || (inside.most === most && next.name !== 'typographic' && !isShifted)) continue;
      best = wrapFormat(inside.best, names);
      ({ most } = inside);
      if (most * 2 >= some.length && !isQuotedByHand(bare)) break;
    }
    // What a format of its own may continue below a record's first line is no message by itself.
    const plain = most * 2 < some.length && best?.begins == null ? plainTextLog.detect(bare, hints) : null;
    if (plain !== null && linesRead(plain, bare) > most) {
      best = names.length === 0 ? plain : wrapFormat(plain, names);
      most = linesRead(plain, bare);
    }
  }
  // One lucky line among hundreds names no format, unless the others may be continuations of its record.
  return best !== null && (most * 20 >= some.length || best.begins !== null) ? best : null;
}

/** Quotation marks of a word processor leave a line readable and hide what it quotes. */
const isQuotedByHand = (lines: readonly string[]): boolean =>
  lines.filter((line) => /[\u201C-\u201F]/.test(line)).length * 2 > lines.length;

/** The family with a format of its own that reads most of the lines, and how many those are. */
function bestFamily(lines: readonly string[], hints: FormatHints): { best: LogFormat | null; most: number } {
  let best: LogFormat | null = null;
  let most = 0;
  for (const family of ownFamilies) {
    const format = family.detect(lines, hints);
    if (format === null) continue;
    const count = linesRead(format, lines);
    if (count > most) {
      best = format;
      most = count;
      // Of equals the earlier counts, so nothing can come that is better.
      if (most === lines.length) break;
    }
  }
  return { best, most };
}

/**
 * Formats to try, in this order, on a line that the file's own format refuses. What they are does not depend on the file, so any worker gets
 * the same list for the same hints.
 */
export function allFormats(hints: FormatHints): readonly LogFormat[] {
  const before = made.get(hints);
  if (before !== undefined) return before;
  const formats: LogFormat[] = [];
  for (const family of families) {
    for (const format of formatsOf(family, hints)) {
      if (!formats.some((other) => other.id === format.id && other.dialect === format.dialect)) formats.push(format);
    }
  }
  made.set(hints, formats);
  return formats;
}

const made = new WeakMap<FormatHints, readonly LogFormat[]>();

function formatsOf(family: LogFamily, hints: FormatHints): readonly LogFormat[] {
  if (family.id === nginxAccess.id) return nginxAccessCandidates(hints);
  return family.samples.flatMap((sample) => family.detect(sample.split('\n'), hints) ?? []);
}

/** Lines of a head that are asked what wraps them. */
export const mostAsked = 64;

/**
 * Of `all`, those to try on lines that `main` refuses, given some lines of the file: wrapped as the others are, where most are wrapped alike
 * (such formats read bare lines too), even where `main` takes the wrapping for its own columns. Beside IIS there is no other IIS: its
 * columns are named in the file, and are not to be guessed.
 */
export function formatsBeside(main: LogFormat | null, all: readonly LogFormat[], lines: readonly string[]): readonly LogFormat[] {
  const some = main?.id === iisLog.id ? all.filter((format) => format.id !== iisLog.id) : all;
  const wrapped = wrappedDialect(main?.dialect ?? null);
  if (wrapped !== null) return some.map((format) => wrapFormat(format, wrapped.names));
  const names: string[] = [];
  const asked = lines.filter((line) => line.trim() !== '').slice(0, mostAsked);
  for (let next = unwrapOnce(asked, names); next !== null; next = unwrapOnce(next.lines, names)) names.push(next.name);
  return names.length === 0 ? some : [...some, ...some.map((format) => wrapFormat(format, names))];
}

/**
 * The format with this id and dialect, as detection returned it before: formats hold functions, so workers are told both and open their own.
 * Null for an unknown id.
 */
export function openFormat(id: string, dialect: string | null, hints: FormatHints): LogFormat | null {
  const wrapped = wrappedDialect(dialect);
  if (wrapped !== null) {
    const inner = openFormat(id, wrapped.inner, hints);
    return inner === null ? null : wrapFormat(inner, wrapped.names);
  }
  if (dialect !== null) {
    if (id === nginxAccess.id) return nginxAccessFormat(dialect);
    if (id === apacheAccess.id) return apacheAccessFormat(dialect);
    if (id === iisLog.id) return iisFormat(dialect);
    if (id === syslogLog.id) return syslogFormat(hints, dialect);
    if (id === journaldLog.id) return journalFormat(hints, dialect);
    if (id === alibabaSlbLog.id || id === alibabaAlbLog.id) return alibabaFormat(id, dialect);
  }
  const isIt = (format: LogFormat): boolean => format.id === id && format.dialect === dialect;
  const family = families.find((each) => each.id === id);
  return (family === undefined ? undefined : formatsOf(family, hints).find(isIt)) ?? allFormats(hints).find(isIt) ?? null;
}

/**
 * The literals and variables of a positional access format, in order, from which a fast path can derive a plan; null for formats that are
 * not positional. Variables are named as nginx names them.
 */
export function layoutOf(format: LogFormat): readonly LayoutPart[] | null {
  if (format.dialect === null || wrappedDialect(format.dialect) !== null) return null;
  if (format.id === nginxAccess.id) return nginxLayout(format.dialect);
  return format.id === apacheAccess.id ? apacheLayout(format.dialect) : null;
}
