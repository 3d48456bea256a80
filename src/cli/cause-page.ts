// A cause's page, which lies beside its judge in the sources and in the package alike.
import { readFile } from 'node:fs/promises';

import type { Language } from '../model/text.ts';

/** The page in Markdown; null where there is none. */
export async function readPage(id: string, language: Language): Promise<string | null> {
  // Seen from src/cli and from dist/cli, where all that is shared lies.
  const file = new URL(`../causes/${encodeURIComponent(id)}/${language === 'zh' ? 'README.zh.md' : 'README.md'}`, import.meta.url);
  return readFile(file, 'utf8').catch(() => null);
}
