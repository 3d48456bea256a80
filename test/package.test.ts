// The package as its users get it: packed, installed in a folder elsewhere, run with npx and imported with types.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '..');
const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { readonly version: string };
const execute = promisify(execFile);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; a non-zero exit is an outcome, not an error. */
async function run(cwd: string, command: string, ...args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1', npm_config_update_notifier: 'false' };
  try {
    return { code: 0, ...(await execute(command, args, { cwd, env, timeout: 240_000, maxBuffer: 64 * 1024 * 1024 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { code, stdout: stdout ?? '', stderr: stderr ?? '' };
  }
}
async function succeed(cwd: string, command: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(cwd, command, ...args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}\n${stdout}\n${stderr}`);
  return stdout;
}

let folder = '';
let files: readonly string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'why5xx-package-'));
  await succeed(root, 'npm', 'run', 'build', '--silent');
  const [packed] = JSON.parse(await succeed(root, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)) as [
    { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ];
  files = packed.files.map((each) => each.path);
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ name: 'elsewhere', private: true, type: 'module' }));
  await succeed(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`);
}, 300_000);
afterAll(async () => {
  if (folder !== '') await rm(folder, { recursive: true, force: true });
});

describe('the package', { timeout: 120_000 }, () => {
  it('holds what users need and nothing of ours', () => {
    for (const file of [
      'dist/cli/main.js',
      'dist/index.js',
      'dist/index.d.ts',
      'schemas/site.json',
      'schemas/report.json',
      'README.md',
      'LICENSE',
    ])
      expect(files).toContain(file);
    expect(files.filter((each) => /\.test\.|(^|\/)(test|bench|scripts|fixtures|examples)\/|^src\//.test(each))).toEqual([]);
    expect(files).toContain('dist/causes/disk-full/README.zh.md');
  });

  it('runs with npx', async () => {
    expect((await succeed(folder, 'npx', '--no-install', 'why5xx', '--version')).trim()).toBe(manifest.version);
  });

  it('lists its causes and shows the page of one', async () => {
    expect(await succeed(folder, 'npx', '--no-install', 'why5xx', 'causes')).toContain('disk-full');
    expect(await succeed(folder, 'npx', '--no-install', 'why5xx', 'explain', 'disk-full')).toContain('When it is not this');
  });

  it('ends with 2 when it is misused', async () => {
    const { code, stderr } = await run(folder, 'npx', '--no-install', 'why5xx', 'no-such-file.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain('no-such-file.yaml');
  });

  it('can be imported, with types', async () => {
    await writeFile(
      path.join(folder, 'use.ts'),
      [
        "import * as why5xx from 'why5xx';",
        "import site from 'why5xx/schemas/site.json' with { type: 'json' };",
        "import report from 'why5xx/schemas/report.json' with { type: 'json' };",
        'const names: readonly string[] = Object.keys(why5xx);',
        'process.stdout.write(JSON.stringify({ names, schemas: [typeof site, typeof report] }));',
      ].join('\n'),
    );
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--resolveJsonModule', '--target', 'es2024', '--types', 'node'];
    await succeed(folder, process.execPath, compiler, ...options, '--typeRoots', path.join(root, 'node_modules/@types'), 'use.ts');
    const said = JSON.parse(await succeed(folder, process.execPath, 'use.ts')) as {
      readonly names: readonly string[];
      readonly schemas: readonly string[];
    };
    expect(said.names.length).toBeGreaterThan(0);
    expect(said.schemas).toEqual(['object', 'object']);
  });

  it('pleases publint', async () => {
    const { messages } = await publint({ pkgDir: path.join(folder, 'node_modules/why5xx'), pack: false, level: 'warning', strict: true });
    expect(messages).toEqual([]);
  });
});
