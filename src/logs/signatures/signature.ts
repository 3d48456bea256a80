// What a catalogue entry is, and the short way to write one.
import type { Product } from '../records.ts';

/** One known line. Named groups of `pattern` become fields. */
export interface Signature {
  readonly id: string;
  readonly source: Product;
  /** Matched against the message: without date, level and process; for nginx without the trailing `, client: …`. Takes linear time. */
  readonly pattern: RegExp;
  /** Messages that `pattern` matches and that mean something else: another entry knows them. */
  readonly unless?: RegExp;
  /** A message as the software writes it. */
  readonly sample: string;
  readonly proves: string;
  readonly doesNotProve: string;
}

type Entry = (id: string, pattern: RegExp, sample: string, proves: string, doesNotProve: string, unless?: RegExp) => Signature;

/** Writes entries of one product. */
export function entriesOf(source: Product): Entry {
  return (id, pattern, sample, proves, doesNotProve, unless) => ({
    id,
    source,
    pattern,
    sample,
    proves,
    doesNotProve,
    ...(unless ? { unless } : {}),
  });
}

/** Whether an entry knows a message. */
export function knows(signature: Signature, message: string): boolean {
  return signature.pattern.test(message) && !(signature.unless?.test(message) ?? false);
}
