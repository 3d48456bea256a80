// Writes the published JSON Schemas from the zod schemas, which are their only source. `--check` writes nothing and exits 1 when a
// committed file is out of date.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { schemaTexts } from './schemas.ts';

const folder = path.join(import.meta.dirname, '..', 'schemas');
const check = process.argv.includes('--check');

await mkdir(folder, { recursive: true });
for (const [name, text] of schemaTexts()) {
  const file = path.join(folder, name);
  const before = await readFile(file, 'utf8').catch(() => null);
  if (before === text) continue;
  if (check) {
    console.error(`schemas/${name} is out of date: npm run schemas`);
    process.exitCode = 1;
  } else {
    await writeFile(file, text);
    console.log(`schemas/${name} ${before === null ? 'written' : 'updated'}`);
  }
}
