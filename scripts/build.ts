// Makes dist/: the sources and what they depend on as few files of JavaScript, with declarations, and the pages of the causes, which
// `why5xx explain` shows. Few files, because finding and opening a hundred of them takes longer than reading a log.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { build } from 'rolldown';

const root = path.join(import.meta.dirname, '..');
const dist = path.join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
await build({
  cwd: root,
  platform: 'node',
  // What is run by its path keeps a place of its own; all else lies in dist/cli, so that files of the package are found from there.
  input: {
    'cli/main': 'src/cli/main.ts',
    index: 'src/index.ts',
    'scan/worker': 'src/logs/scan/worker.ts',
    'lab/traffic': 'src/lab/traffic.ts',
  },
  output: { dir: dist, format: 'esm', chunkFileNames: 'cli/[name]-[hash].js', comments: { legal: true } },
});
writeFileSync(path.join(dist, 'LICENSES.txt'), licenses());
execFileSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--emitDeclarationOnly'], {
  cwd: root,
  stdio: 'inherit',
});
// In declarations older compilers and other tools would look for the .ts.
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
chmodSync(path.join(dist, 'cli/main.js'), 0o755);

/** The licences of the packages that dist/ contains. */
function licenses(): string {
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { readonly dependencies: object };
  const parts = Object.keys(dependencies).map((name) => {
    const folder = path.join(root, 'node_modules', name);
    const [file] = globSync('{LICENSE,LICENCE,license}*', { cwd: folder });
    if (file === undefined) throw new Error(`${name} has no licence file`);
    return `${name}\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
  });
  return parts.join('\n---\n\n');
}
