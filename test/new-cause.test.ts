// The generator of cause folders: what it writes must compile and must fail its test until somebody has filled it in.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { newCause, withEntry } from '../scripts/new-cause.ts';

const root = path.join(import.meta.dirname, '..');
const execute = promisify(execFile);

let folder = '';
let home = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'why5xx-new-cause-'));
  home = path.join(folder, 'src/causes');
  await mkdir(home, { recursive: true });
  await cp(path.join(root, 'src/model'), path.join(folder, 'src/model'), { recursive: true });
  await writeFile(
    path.join(home, 'index.ts'),
    "// Registry.\nimport type { AnyCause } from '../model/cause.ts';\n\nexport const causes: readonly AnyCause[] = [];\n",
  );
  await writeFile(
    path.join(home, 'faults.ts'),
    "// Registry.\nimport type { Fault } from '../model/fault.ts';\n\nexport const faults: readonly Fault[] = [];\n",
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('new:cause', () => {
  it('writes every file of a cause and both registry lines', async () => {
    newCause(home, 'clock-wrong');
    newCause(home, 'battery-empty');
    expect((await readdir(path.join(home, 'clock-wrong'))).toSorted()).toEqual([
      'README.md',
      'README.zh.md',
      'cause.test.ts',
      'cause.ts',
      'examples',
      'fault.ts',
      'fix.ts',
    ]);
    expect(await readFile(path.join(home, 'index.ts'), 'utf8')).toBe(
      [
        '// Registry.',
        "import type { AnyCause } from '../model/cause.ts';",
        "import { batteryEmpty } from './battery-empty/cause.ts';",
        "import { clockWrong } from './clock-wrong/cause.ts';",
        '',
        'export const causes: readonly AnyCause[] = [',
        '  batteryEmpty,',
        '  clockWrong,',
        '];',
        '',
      ].join('\n'),
    );
  });

  it('writes code that compiles and a test that fails', { timeout: 120_000 }, async () => {
    newCause(home, 'clock-wrong');
    await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
    await cp(path.join(root, 'tsconfig.json'), path.join(folder, 'tsconfig.json'));
    await execute(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
    const vitest = execute(process.execPath, [path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder], { cwd: folder });
    await expect(vitest).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('1 failed') as unknown });
  });

  it('adds to a registry that has entries', async () => {
    const registry = await readFile(path.join(root, 'src/causes/index.ts'), 'utf8');
    const more = withEntry(registry, 'aaa-first', 'cause');
    expect(more).toContain("import { aaaFirst } from './aaa-first/cause.ts';");
    expect(more.replace("import { aaaFirst } from './aaa-first/cause.ts';\n", '').match(/^import .*$/gm)).toEqual(
      registry.match(/^import .*$/gm),
    );
  });

  it.for([
    [undefined, /give an id/],
    ['Disk-Full', /no id/],
    ['disk', /no id/],
    ['../evil-id', /no id/],
    ['check-disk', /verb/],
  ] as const)('refuses %s', async ([id, message]) => {
    expect(() => newCause(home, id)).toThrow(message);
    expect((await readdir(home)).toSorted()).toEqual(['faults.ts', 'index.ts']);
  });

  it('refuses a folder that exists', () => {
    newCause(home, 'clock-wrong');
    expect(() => newCause(home, 'clock-wrong')).toThrow(/exists already/);
  });
});
