// What a citation points at, made readable: the pointer is resolved in the evidence, and well-known shapes (a counter, a log line,
// an exchange, a directive) are shown as people know them.
import { plain } from '../model/neutral.ts';
import type { Report } from '../model/report.ts';
import { labelsIn } from './labels.ts';
import { nftRuleText } from './nft-text.ts';
import { durationText } from './phrases.ts';

type Citation = Report['causes'][number]['because'][number];

/** A citation with its source looked up. All texts are neutral and on one line. */
export interface Proof {
  readonly says: string;
  readonly evidence: string;
  readonly probe: string;
  readonly host: string | null;
  readonly vantage: string;
  readonly at: string;
  readonly path: string;
  /** The cited value, shortened; where it could not be resolved, why. */
  readonly value: string;
  readonly found: boolean;
}

/** The value below an RFC 6901 pointer. `found` is false where the pointer leads nowhere. */
export function resolvePointer(data: unknown, pointer: string): { readonly found: boolean; readonly value: unknown } {
  if (pointer === '') return { found: true, value: data };
  if (!pointer.startsWith('/')) return { found: false, value: undefined };
  let here: unknown = data;
  for (const part of pointer.slice(1).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return { found: false, value: undefined };
    here = Array.isArray(here) && !/^(0|[1-9]\d*)$/.test(key) ? undefined : (here as Record<string, unknown>)[key];
  }
  return { found: here !== undefined, value: here };
}

/** Looks a citation up in the report's evidence. */
export function proofOf(report: Report, citation: Citation, maxLength = 400): Proof {
  const labels = labelsIn(report.language);
  const entry = Object.hasOwn(report.evidence, citation.evidence) ? report.evidence[citation.evidence] : undefined;
  const { found, value } = entry?.status === 'ok' ? resolvePointer(entry.data, citation.path) : { found: false, value: undefined };
  const missing =
    entry !== undefined && entry.status !== 'ok' ? `${labels.missing}: ${plain(entry.reason ?? entry.status)}` : labels.notResolved;
  return {
    says: plain(citation.says),
    evidence: plain(citation.evidence),
    probe: plain(entry?.probe ?? '?'),
    host: entry?.host == null ? null : plain(entry.host),
    vantage: plain(entry?.vantage ?? '?'),
    at: plain(entry?.at ?? '?'),
    path: plain(citation.path),
    value: found ? shorten(showValue(value, report.language), maxLength) : missing,
    found,
  };
}

function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const characters = Array.from(text);
  return characters.length <= maxLength ? text : `${characters.slice(0, maxLength - 1).join('')}…`;
}

/** One line for any JSON value, neutral. */
export function showValue(value: unknown, language: Report['language']): string {
  if (typeof value === 'string') return value === '' ? '""' : plain(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every((each) => typeof each === 'string' || typeof each === 'number')) return plain(value.join(', '));
    return plain(JSON.stringify(value));
  }
  const record = value as Readonly<Record<string, unknown>>;
  return plain(
    counterText(record, language) ??
      exchangeText(record, language) ??
      nftRuleText(record) ??
      lineText(record) ??
      directiveText(record) ??
      compact(record),
  );
}

function counterText(value: Readonly<Record<string, unknown>>, language: Report['language']): string | null {
  if (Object.keys(value).length !== 2 || typeof value['now'] !== 'number') return null;
  const delta = value['delta'];
  if (typeof delta !== 'number') return delta === null ? String(value['now']) : null;
  return `${value['now']} (${delta < 0 ? '' : '+'}${delta} ${labelsIn(language).during})`;
}

function exchangeText(value: Readonly<Record<string, unknown>>, language: Report['language']): string | null {
  const { nonce, phases, method, url, status, error } = value;
  if (typeof nonce !== 'string' || typeof phases !== 'object' || phases === null || typeof method !== 'string' || typeof url !== 'string')
    return null;
  const total = (phases as Record<string, unknown>)['totalMs'];
  const outcome =
    typeof status === 'number' ? `${status}${typeof value['reason'] === 'string' ? ` ${value['reason']}` : ''}` : String(error);
  const address = typeof value['remoteAddress'] === 'string' ? ` @ ${value['remoteAddress']}:${String(value['remotePort'])}` : '';
  const took = typeof total === 'number' ? ` (${durationText(total, language)})` : '';
  return `${method} ${url}${address} → ${outcome}${took} [${nonce}]`;
}

function lineText(value: Readonly<Record<string, unknown>>): string | null {
  if (typeof value['text'] !== 'string') return null;
  if (typeof value['file'] !== 'string') return value['text'];
  // A log line's number counts from where reading began, so it would mislead as a place in the file.
  const place = 'ours' in value ? `${value['file']}: ` : `${value['file']}:${String(value['line'])}: `;
  return place + value['text'];
}

function directiveText(value: Readonly<Record<string, unknown>>): string | null {
  const { name, args, file, line } = value;
  if (typeof name !== 'string' || !Array.isArray(args) || typeof file !== 'string') return null;
  return `${file}:${String(line)}: ${[name, ...args.map(String)].join(' ')}${value['block'] === null ? ';' : ' {…}'}`;
}

/** `key value` pairs without the empty ones: figures first, then nested values as JSON. */
function compact(value: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(value).filter(([, each]) => each !== null);
  return shown.map(([key, each]) => `${key} ${typeof each === 'string' ? each : JSON.stringify(each)}`).join(', ');
}
