// What commands share about output: where it goes, in which language and colours, and that nothing about it can break a run.
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Command, CommanderError } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { UserError } from '../../src/model/errors.ts';
import { addOutputOptions, formats, openOutput, type OutputFlags } from '../../src/cli/output.ts';
import { openProgress } from '../../src/cli/progress.ts';
import { colourOf, languageOf, unicodeOf, widthOf, type OutputStream } from '../../src/cli/terminal.ts';
import { goldenReport } from './golden.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'why5xx-output-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function stream(options: { isTTY?: boolean; columns?: number } = {}): OutputStream & { text: string } {
  const self = {
    ...options,
    text: '',
    write(text: string, done?: (error?: Error | null) => void): boolean {
      self.text += text;
      done?.();
      return true;
    },
    on: () => self,
  };
  return self;
}

function parse(args: readonly string[]): OutputFlags {
  const command = addOutputOptions(new Command('x'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse([...args], { from: 'user' });
  return command.opts();
}

describe('surroundings', () => {
  it.for([
    [{ LANG: 'zh_CN.UTF-8' }, 'zh'],
    [{ LANG: 'en_US.UTF-8', LC_ALL: 'zh_TW' }, 'zh'],
    [{ LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }, 'en'],
    [{ LANG: 'zh_CN.UTF-8', LC_ALL: '' }, 'zh'],
    [{ LANG: 'zhu_XX' }, 'en'],
    [{}, 'en'],
  ] as const)('language of %j is %s', ([env, language]) => {
    expect(languageOf(env)).toBe(language);
  });

  it.for([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ TERM: 'dumb' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
  ] as const)('colour with %j on a terminal %s is %s', ([env, isTTY, colour]) => {
    expect(colourOf(env, stream({ isTTY }))).toBe(colour);
  });

  it.for([
    [{ LANG: 'en_US.UTF-8' }, true],
    [{ LANG: 'C.utf8' }, true],
    [{ LC_ALL: 'C' }, false],
    [{ LANG: 'en_US.ISO-8859-1' }, false],
    [{ LANG: 'de_DE' }, true],
    [{ TERM: 'dumb' }, false],
    [{}, true],
  ] as const)('unicode with %j is %s', ([env, unicode]) => {
    expect(unicodeOf(env)).toBe(unicode);
  });

  it('takes the width of the terminal, then COLUMNS, then 80', () => {
    expect(widthOf({ COLUMNS: '100' }, stream({ columns: 132 }))).toBe(132);
    expect(widthOf({ COLUMNS: '100' }, stream())).toBe(100);
    expect(widthOf({ COLUMNS: 'wide' }, stream())).toBe(80);
  });
});

describe('options', () => {
  it('reads formats with and without files', () => {
    expect(parse(['-o', 'text', '--output', 'json:a:b.json', '-o', 'html:out/x.html']).output).toEqual([
      { format: 'text', file: null },
      { format: 'json', file: 'a:b.json' },
      { format: 'html', file: 'out/x.html' },
    ]);
    expect(parse(['-o', 'json:-']).output).toEqual([{ format: 'json', file: null }]);
  });

  it.for([[['-o', 'xml']], [['-o', 'json:']], [['-o', 'text', '-o', 'json']], [['--lang', 'de']], [['-q', '-v']]])(
    'refuses %j',
    ([args]) => {
      expect(() => parse(args ?? [])).toThrow(CommanderError);
    },
  );
});

describe('files', () => {
  const report = goldenReport('fpm-max-children');
  const surroundings = () => ({ env: {}, stdout: stream({ isTTY: true, columns: 80 }), stderr: stream() });

  it('writes each format to its file, uncoloured, and nothing to stdout', async () => {
    const io = surroundings();
    const targets = formats.map((format) => ({ format, file: path.join(folder, `report.${format}`) }));
    await openOutput({ output: targets }, io).report(report);
    expect(io.stdout.text).toBe('');
    expect(await readFile(path.join(folder, 'report.text'), 'utf8')).toBe(
      await readFile(path.join(import.meta.dirname, '../golden/fpm-max-children/report.txt'), 'utf8'),
    );
    expect(JSON.parse(await readFile(path.join(folder, 'report.json'), 'utf8'))).toEqual(report);
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('replaces a file whole, keeps its mode, and follows a link', async () => {
    const real = path.join(folder, 'real.json');
    const link = path.join(folder, 'link.json');
    await writeFile(real, 'old', { mode: 0o600 });
    await symlink(real, link);
    await openOutput({ output: [{ format: 'json', file: link }] }, surroundings()).report(report);
    expect(JSON.parse(await readFile(real, 'utf8'))).toEqual(report);
    expect((await stat(real)).mode & 0o777).toBe(0o600);
  });

  it('writes to a device as it is', async () => {
    await openOutput({ output: [{ format: 'json', file: '/dev/null' }] }, surroundings()).report(report);
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  it.for([
    ['missing/report.json', 'its directory does not exist'],
    ['.', 'it is a directory'],
    ['plain.txt/report.json', 'not a directory'],
  ] as const)('says before the run that %s cannot be written', async ([file, reason]) => {
    await writeFile(path.join(folder, 'plain.txt'), '');
    const open = (): unknown => openOutput({ output: [{ format: 'json', file: path.join(folder, file) }] }, surroundings());
    expect(open).toThrow(UserError);
    expect(open).toThrow(reason);
  });

  it('still shows the answer when a file fails at the end', async () => {
    const io = surroundings();
    const inner = path.join(folder, 'inner');
    await mkdir(inner);
    const output = openOutput(
      {
        output: [
          { format: 'text', file: null },
          { format: 'json', file: path.join(inner, 'x.json') },
        ],
      },
      io,
    );
    await rm(inner, { recursive: true });
    await expect(output.report(report)).rejects.toThrow('its directory does not exist');
    expect(io.stdout.text).toContain('fpm-max-children');
  });
});

describe('progress', () => {
  it('rewrites one line on a terminal and leaves nothing behind', () => {
    vi.useFakeTimers();
    try {
      const err = stream({ isTTY: true, columns: 40 });
      const progress = openProgress({ stream: err, quiet: false, tty: true });
      progress.step('reading 5 hosts');
      vi.advanceTimersByTime(3000);
      progress.step(`hostile \u001b[2J ${'x'.repeat(100)}`);
      progress.done();
      progress.done();
      const drawn = err.text.split('\r\u001b[K');
      expect(drawn.slice(0, 2)).toEqual(['', 'reading 5 hosts']);
      expect(drawn).toContain('reading 5 hosts (3 s)');
      expect(Math.max(...drawn.map((line) => line.length))).toBeLessThanOrEqual(39);
      expect(err.text.endsWith('\r\u001b[K')).toBe(true);
      expect(err.text.replaceAll('\r\u001b[K', '')).not.toContain('\u001b');
      const length = err.text.length;
      vi.advanceTimersByTime(5000);
      expect(err.text.length).toBe(length);
    } finally {
      vi.useRealTimers();
    }
  });

  it('writes plain lines into a log, and nothing when quiet', () => {
    const log = stream();
    openProgress({ stream: log, quiet: false, tty: false }).step('reading 5 hosts');
    expect(log.text).toBe('reading 5 hosts\n');
    const silent = stream({ isTTY: true });
    openProgress({ stream: silent, quiet: true, tty: true }).step('reading 5 hosts');
    expect(silent.text).toBe('');
  });
});

describe('a real process', () => {
  const program = `
    import { openOutput } from ${JSON.stringify(path.join(import.meta.dirname, '../../src/cli/output.ts'))};
    import { goldenReport } from ${JSON.stringify(path.join(import.meta.dirname, 'golden.ts'))};
    const output = openOutput({ verbose: true });
    output.progress.step('working');
    for (let i = 0; i < 50; i += 1) await output.report(goldenReport('hostile'));
    process.exitCode = 3;`;
  const args = ['--input-type=module-typescript', '--eval', program];

  it('ends with its own exit code when the reader of stdout has gone away', async () => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(errors).toBe('working\n');
    expect(code).toBe(3);
  });

  it('fails on a full disk', () => {
    const ran = spawnSync('sh', ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, ...args], { encoding: 'utf8' });
    expect(ran.stderr).toContain('ENOSPC');
    expect(ran.status).toBe(1);
  });
});
