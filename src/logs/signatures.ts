// The catalogue of log lines that mean something: what each proves and, just as important, what it does not. Data only. The
// samples of connects, timeouts, headers, PHP errors, php-fpm children and HAProxy servers were recorded from running programs; the others
// follow the programs' message texts. A test holds that each sample matches exactly one signature.
import type { Product } from './records.ts';
import { applicationSignatures } from './signatures-application.ts';
import { haproxySignatures } from './signatures-haproxy.ts';
import { kernelSignatures } from './signatures-kernel.ts';
import { nginxSignatures } from './signatures-nginx.ts';

/** One known line. Named groups of `pattern` become fields. */
export interface Signature {
  readonly id: string;
  readonly source: Product;
  /** Matched against the message: without date, level and process; for nginx without the trailing `, client: …`. */
  readonly pattern: RegExp;
  /** A message as the software writes it. */
  readonly sample: string;
  readonly proves: string;
  readonly doesNotProve: string;
}

export const signatures: readonly Signature[] = [...nginxSignatures, ...applicationSignatures, ...haproxySignatures, ...kernelSignatures];

// nginx writes at most 2 KiB of a message; nothing known is longer, and a hostile line must not cost time.
const messageLimit = 4096;

const bySource = new Map<Product, readonly Signature[]>();
for (const each of signatures) bySource.set(each.source, [...(bySource.get(each.source) ?? []), each]);

/** The signature of a message and what it captured; null for an unknown one. The first of the catalogue wins. */
export function matchSignature(
  source: Product,
  message: string,
): { readonly id: string; readonly fields: Readonly<Record<string, string>> } | null {
  const text = message.slice(0, messageLimit);
  for (const { id, pattern } of bySource.get(source) ?? []) {
    const match = pattern.exec(text);
    if (!match) continue;
    const fields = Object.fromEntries(
      Object.entries(match.groups ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
    return { id, fields };
  }
  return null;
}
