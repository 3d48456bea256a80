// Makes dist/: the sources as JavaScript with declarations, and the pages of the causes, which `why5xx explain` shows.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const dist = path.join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
// The compiler rewrites import endings in .js files only; in declarations older compilers and other tools would look for the .ts.
for (const declaration of globSync('**/*.d.ts', { cwd: dist })) {
  const file = path.join(dist, declaration);
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/((?:from |import\()['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'));
}
for (const page of globSync('causes/*/README*.md', { cwd: path.join(root, 'src') })) {
  const target = path.join(dist, page);
  mkdirSync(path.dirname(target), { recursive: true });
  cpSync(path.join(root, 'src', page), target);
}
// npm sets this too, but only while it packs; `npm link` and a path to the file should work as well.
const program = path.join(dist, 'cli/main.js');
if (existsSync(program)) chmodSync(program, 0o755);
