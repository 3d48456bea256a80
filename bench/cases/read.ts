// Reads the cases and tells the two halves apart.
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import { caseSchema } from './schema.ts';
import type { Case } from './schema.ts';

export const halves = ['dev', 'held-out'] as const;
export type Half = (typeof halves)[number];

export interface NamedCase {
  /** The file's name without `.yaml`. */
  readonly slug: string;
  readonly half: Half;
  readonly data: Case;
}

/** Depends on the slug alone, so that a further case moves no other one to the other half. */
export function halfOf(slug: string): Half {
  return (createHash('sha256').update(slug).digest()[1] ?? 0) % 2 === 0 ? 'dev' : 'held-out';
}

/** All cases of a folder, by slug. Throws an error that names the file when one does not fit the schema. */
export function readCases(folder = import.meta.dirname): readonly NamedCase[] {
  return globSync('*.yaml', { cwd: folder })
    .toSorted()
    .map((name) => {
      const slug = path.basename(name, '.yaml');
      const result = caseSchema.safeParse(parse(readFileSync(path.join(folder, name), 'utf8')));
      if (!result.success) throw new Error(`${name}: ${z.prettifyError(result.error)}`);
      return { slug, half: halfOf(slug), data: result.data };
    });
}
