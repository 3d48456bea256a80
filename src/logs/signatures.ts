// The catalogue of log lines that mean something: what each proves and, just as important, what it does not. Data only. The samples of nginx,
// php-fpm, PHP, HAProxy, Apache, gunicorn and uWSGI follow running programs and their sources; those of services follow their documentation. A
// test holds that each sample matches exactly one signature.
import type { Product } from './records.ts';
import { apacheSignatures } from './signatures/apache.ts';
import { appServerSignatures } from './signatures/app-servers.ts';
import { dependencySignatures, dependencyText } from './signatures/dependency.ts';
import { haproxySignatures } from './signatures/haproxy.ts';
import { kernelSignatures } from './signatures/kernel.ts';
import { nginxUpstreamSignatures } from './signatures/nginx-upstream.ts';
import { nginxSignatures } from './signatures/nginx.ts';
import { phpSignatures } from './signatures/php.ts';
import { programSignatures } from './signatures/programs.ts';
import { proxySignatures } from './signatures/proxies.ts';
import type { Signature } from './signatures/signature.ts';
import { firstCharacters } from './signatures/prefilter.ts';
import { systemSignatures } from './signatures/system.ts';

export type { Signature } from './signatures/signature.ts';

export const signatures: readonly Signature[] = [
  ...nginxUpstreamSignatures,
  ...nginxSignatures,
  ...phpSignatures,
  ...haproxySignatures,
  ...apacheSignatures,
  ...appServerSignatures,
  ...proxySignatures,
  ...kernelSignatures,
  ...systemSignatures,
  ...programSignatures,
  ...dependencySignatures,
];

// nginx writes at most 2 KiB of a message; nothing known is longer, and a hostile line must not cost time.
const messageLimit = 4096;

/** What programs write into a log that several share: syslog, the journal, a container's output. */
const sharedBy: Partial<Record<Product, readonly Product[]>> = {
  syslog: ['kernel', 'gunicorn', 'uwsgi', 'php-fpm', 'haproxy', 'node', 'tomcat', 'other', 'nginx', 'apache'],
  other: ['kernel', 'syslog', 'gunicorn', 'uwsgi', 'php-fpm', 'php', 'haproxy', 'envoy', 'node', 'tomcat', 'nginx', 'apache', 'caddy'],
};

/** Entries that need looking at, in the order of the catalogue, with what tells in one search that none of the anywhere ones fits. */
interface Bucket {
  readonly entries: readonly Signature[];
  readonly guard: RegExp | null;
}

interface Index {
  /** By the first character of the message (of ASCII). */
  readonly byFirst: readonly Bucket[];
  /** For any other first character. */
  readonly rest: Bucket;
}

const dependencies = new Set(dependencySignatures);
/** Daemons that write to syslog too find no name and no port that answers. What only an application says, or how one says it: */
const ofApplications = new Set(['dependency-full', 'dependency-login', 'dependency-gone', 'dependency-slow', 'dependency-read-only']);
const applicationText =
  /SQLSTATE|ECONN|UNREACH|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|Exception|[a-z]Error\b|psycopg|PG::|\bRedis|Mongo|mysqli|PDO|HikariPool/;
const isShared = (each: Signature, source: Product): boolean => !dependencies.has(each) || (source === 'syslog' && each.source === 'other');
const anywhere = new Set(signatures.filter(({ pattern }) => firstCharacters(pattern) === null));

function bucketOf(entries: readonly Signature[]): Bucket {
  const loose = entries.filter((each) => anywhere.has(each) && !dependencies.has(each));
  const sources = loose.map(({ pattern }) => `(?:${pattern.source.replaceAll(/\(\?<\w+>/g, '(?:')})`);
  return {
    entries,
    guard: loose.length > 1 ? new RegExp(sources.join('|')) : null,
  };
}

function indexOf(entries: readonly Signature[]): Index {
  const starts = entries.map((entry) => ({ entry, first: firstCharacters(entry.pattern) }));
  const rest = bucketOf(starts.filter(({ first }) => first === null).map(({ entry }) => entry));
  const startingWith = (character: string): Bucket => {
    const some = starts.filter(({ first }) => first === null || first.has(character)).map(({ entry }) => entry);
    return some.length === rest.entries.length ? rest : bucketOf(some);
  };
  return { byFirst: Array.from({ length: 128 }, (_, code) => startingWith(String.fromCharCode(code))), rest };
}

const indexes = new Map<Product, Index>();
const ownEntries = (source: Product): readonly Signature[] => signatures.filter((each) => each.source === source);

function indexFor(source: Product): Index {
  let index = indexes.get(source);
  if (index === undefined) {
    const shared = (sharedBy[source] ?? []).flatMap((product) => ownEntries(product));
    index = indexOf([...ownEntries(source), ...shared.filter((each) => isShared(each, source))]);
    indexes.set(source, index);
  }
  return index;
}

/** Apache numbers its messages: an entry with numbers knows no other. */
const numbersOf = new Map<Signature, readonly string[]>();
for (const each of signatures) {
  const numbers = /AH\(\?<number>([\d|]+)\)/.exec(each.pattern.source)?.[1];
  if (numbers !== undefined) numbersOf.set(each, numbers.split('|'));
}
function mayHaveNumber(signature: Signature, number: string): boolean {
  return numbersOf.get(signature)?.includes(number) ?? true;
}

/** What nginx, HAProxy, Apache, php-fpm and gunicorn write in front of a message, the date perhaps blanked or of another program's making. */
const head =
  /^(?:[\d/:. XMSHDYT?-]{0,40}\[(?:emerg|alert|crit|error|warn)\] \d{1,10}#\d{1,10}: (?:\*\S{1,20} )?|\d{0,10}(?:#\d{1,10}:)? ?(?:\*\d{1,20} )?(?=\w{3,24}\(\) failed \(|upstream (?:timed out|prematurely|sent )|no live upstreams)|(?!.{0,60}std(?:err|out) )[^\n[]{0,60}\[(?:WARNING|ALERT|NOTICE)\] +(?:\d{3}\/\d{6} )?\(\d{1,10}\) : |\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} [\d:.]{8,15} \d{4}\] \[[\w:]{1,40}\] (?:\[pid [^\]\n]{1,40}\] )?(?:\[(?:client|remote) [^\]\n]{1,80}\] )?|(?:\[\d{2}-[A-Z][a-z]{2}-\d{4} [\d:.]{8,15}(?: [\w/]{2,40})?\] )?(?:(?:WARNING|ERROR|NOTICE|ALERT): |\[(?:WARNING|ERROR|NOTICE|ALERT)\] (?=\[pool )|(?=PHP (?:Fatal|Parse)))|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4} - |\[\d{4}-\d\d-\d\d [\d:]{8} [+-]\d{4}\] \[\d{1,10}\] \[(?:CRITICAL|ERROR|WARNING|INFO)\] |\[(?:CRITICAL|ERROR|WARNING)\] (?=WORKER TIMEOUT|Worker ))/;

/**
 * The signature of a message and what it captured; null for an unknown one. The first of the catalogue wins. Programs that share a log are
 * told apart by their words.
 */
export function matchSignature(
  source: Product,
  message: string,
): { readonly id: string; readonly fields: Readonly<Record<string, string>> } | null {
  const whole = message.length > messageLimit ? message.slice(0, messageLimit) : message;
  // A container's tag in the journal does not tell which program runs inside.
  const text = source === 'syslog' || source === 'other' ? whole.replace(head, '') : whole;
  const index = indexFor(source);
  const code = text.charCodeAt(0);
  let speaksOfDependency: boolean | null = null;
  const number = source === 'apache' ? (/AH\d{5}/.exec(text)?.[0].slice(2) ?? null) : null;
  const { entries, guard } = (code < 128 ? index.byFirst[code] : undefined) ?? index.rest;
  const loosePossible = guard === null || guard.test(text);
  for (const signature of entries) {
    if (number !== null && !mayHaveNumber(signature, number)) continue;
    if (!loosePossible && anywhere.has(signature) && !dependencies.has(signature)) continue;
    if (dependencies.has(signature)) {
      speaksOfDependency ??= dependencyText.test(text);
      if (!speaksOfDependency) continue;
      if (source === 'syslog' && !ofApplications.has(signature.id) && !applicationText.test(text)) continue;
    }
    const match = signature.pattern.exec(text);
    if (match === null || (signature.unless?.test(text) ?? false)) continue;
    const fields: Record<string, string> = {};
    for (const [name, value] of Object.entries(match.groups ?? {})) if (typeof value === 'string') fields[name] = value;
    return { id: signature.id, fields };
  }
  return null;
}
