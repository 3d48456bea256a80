// Rewrites the golden files from the sources as they are now and prints what changed, for a look before committing.
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { goldenCases, goldenFiles, goldenFolder } from '../test/report/golden.ts';

const root = path.join(import.meta.dirname, '..');
const changed: string[] = [];

for (const name of goldenCases()) {
  for (const [file, text] of goldenFiles(name)) {
    const full = path.join(goldenFolder, name, file);
    const before = await readFile(full, 'utf8').catch(() => null);
    if (before === text) continue;
    await writeFile(full, text);
    changed.push(path.relative(root, full));
    console.log(`${before === null ? 'new' : 'changed'}: ${path.relative(root, full)}`);
  }
}

if (changed.length === 0) console.log('golden files: nothing changed');
else spawnSync('git', ['--no-pager', 'diff', '--stat', '--', ...changed], { cwd: root, stdio: 'inherit' });
