// Compiles the scanner's kernels to WebAssembly and writes them, as base64, into the source files that are committed. `compileKernel` is also
// what the tests call that compare the two.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const folder = path.join(root, 'src/logs/scan');
type KernelName = 'kernel/kernel' | 'errors/errors';

/** The text of a kernel's generated file for the present source. */
export function compileKernel(name: KernelName = 'kernel/kernel'): string {
  const out = mkdtempSync(path.join(tmpdir(), 'kernel-'));
  try {
    // Its ending keeps the language's own compiler and linters from taking it for TypeScript.
    cpSync(path.join(folder, `${name}.as`), path.join(out, 'kernel.ts'));
    const wasm = path.join(out, 'kernel.wasm');
    execFileSync(
      process.execPath,
      [
        path.join(root, 'node_modules/assemblyscript/bin/asc.js'),
        'kernel.ts',
        '--outFile',
        wasm,
        '--enable',
        'simd,bulk-memory',
        '--runtime',
        'stub',
        '--noAssert',
        '-O3',
        '--importMemory',
        '--importTable',
        '--use',
        'abort=',
      ],
      { cwd: out, stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const text = readFileSync(wasm).toString('base64');
    const rows = text.match(/.{1,120}/g) ?? [];
    return `// Made by \`npm run kernel\` from ${path.basename(name)}.as; a test holds that it is up to date. Do not edit.

/** The kernel's WebAssembly module in base64. */
export const ${path.basename(name)}Module: string = [
${rows.map((row) => `  '${row}',`).join('\n')}
].join('');
`;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename)
  for (const name of ['kernel/kernel', 'errors/errors'] as const)
    writeFileSync(path.join(folder, `${name}.generated.ts`), compileKernel(name));
