// Compiles the scanner's kernel to WebAssembly and writes it, as base64, into the source file that is committed. `compileKernel` is also what
// the test calls that compares the two.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const folder = path.join(root, 'src/logs/scan/kernel');

/** The text of kernel.generated.ts for the present source. */
export function compileKernel(): string {
  const out = mkdtempSync(path.join(tmpdir(), 'kernel-'));
  try {
    // Its ending keeps the language's own compiler and linters from taking it for TypeScript.
    cpSync(path.join(folder, 'kernel.as'), path.join(out, 'kernel.ts'));
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
    return `// Made by \`npm run kernel\` from kernel.as; a test holds that it is up to date. Do not edit.

/** The kernel's WebAssembly module in base64. */
export const kernelModule: string = [
${rows.map((row) => `  '${row}',`).join('\n')}
].join('');
`;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) writeFileSync(path.join(folder, 'kernel.generated.ts'), compileKernel());
