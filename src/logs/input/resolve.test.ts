// Arguments against real files: what is read, in which order, what is said about the rest.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  appendFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { InputError } from '../records.ts';
import type { Input } from '../records.ts';
import { resolveInputs } from './resolve.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'why5xx-input-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const at = (name: string): string => path.join(dir, name);
const put = (name: string, content: string | Uint8Array): string => {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), content);
  return at(name);
};
const noStdin = { stdin: Readable.from([]) };
const never = new AbortController().signal;

/** What an input holds, and what went wrong. Blocks may be reused, so they are copied. */
async function contentOf(input: Input | undefined, signal = never): Promise<{ text: string; problem: string | null }> {
  if (input === undefined) throw new Error('no such input');
  const parts: Buffer[] = [];
  try {
    for await (const block of input.open(signal)) parts.push(Buffer.from(block));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { text: Buffer.concat(parts).toString(), problem: `${error.problem.kind}: ${error.problem.detail}` };
  }
  return { text: Buffer.concat(parts).toString(), problem: null };
}
const names = (inputs: readonly Input[]): string[] => inputs.map((each) => path.relative(dir, each.name));

describe('which files', () => {
  it('reads a rotated set oldest first, where its first file stood', async () => {
    const given = ['access.log', 'access.log.1', 'access.log.10.gz', 'access.log.2.gz', 'other.log'];
    for (const name of given) put(name, name.endsWith('.gz') ? gzipSync(`${name}\n`) : `${name}\n`);
    const { inputs, problems, notes } = await resolveInputs([at('other.log'), ...given.slice(0, 4).map(at)], noStdin);
    expect(names(inputs)).toEqual(['other.log', 'access.log.10.gz', 'access.log.2.gz', 'access.log.1', 'access.log']);
    expect(await contentOf(inputs[1])).toEqual({ text: 'access.log.10.gz\n', problem: null });
    expect([problems, notes]).toEqual([[], []]);
  });

  it.for([
    [
      'dates',
      ['access.log-20261122', 'access.log-20261121.gz', 'access.log'],
      ['access.log-20261121.gz', 'access.log-20261122', 'access.log'],
    ],
    [
      'dates inside',
      ['a.2026-11-22.txt', 'a.2026-11-3.txt', 'a.2026-10-30.txt'],
      ['a.2026-10-30.txt', 'a.2026-11-22.txt', 'a.2026-11-3.txt'],
    ],
    ['hours', ['a-2026112214.log', 'a-2026112209.log'], ['a-2026112209.log', 'a-2026112214.log']],
    ['parts of a day', ['a-2026-11-22-2.log', 'a-2026-11-22-1.log'], ['a-2026-11-22-1.log', 'a-2026-11-22-2.log']],
    ['IIS', ['u_ex261122.log', 'u_ex261121.log'], ['u_ex261121.log', 'u_ex261122.log']],
    ['seconds', ['a.log-1763700000', 'a.log-1763600000'], ['a.log-1763600000', 'a.log-1763700000']],
    ['old', ['messages', 'messages.old'], ['messages.old', 'messages']],
    ['not dates', ['web-20269999.log', 'web-20261122.log'], ['web-20269999.log', 'web-20261122.log']],
  ] as const)('%s', async ([, given, expected]) => {
    for (const name of given) put(name, name.endsWith('.gz') ? gzipSync(name) : name);
    const { inputs } = await resolveInputs(given.map(at), noStdin);
    expect(names(inputs)).toEqual(expected);
  });

  it('expands a quoted pattern, and takes a name with pattern characters as it is', async () => {
    for (const name of ['access.log', 'access.log.1', 'error.log']) put(name, name);
    put('a[1].log', 'literal');
    expect(names((await resolveInputs([at('access.log*')], noStdin)).inputs)).toEqual(['access.log.1', 'access.log']);
    const literal = await resolveInputs([at('a[1].log')], noStdin);
    expect(await contentOf(literal.inputs[0])).toEqual({ text: 'literal', problem: null });
    const none = await resolveInputs([at('nothing*')], noStdin);
    expect(none.problems).toEqual([{ name: at('nothing*'), problem: { kind: 'not-found', detail: 'there is no such file' } }]);
  });

  it('counts one file once, whatever its names', async () => {
    put('access.log', 'x\n');
    linkSync(at('access.log'), at('hard.log'));
    symlinkSync(at('access.log'), at('soft.log'));
    const { inputs, notes } = await resolveInputs(['access.log', 'access.log', 'hard.log', 'soft.log'].map(at), noStdin);
    expect(names(inputs)).toEqual(['access.log']);
    expect(notes).toEqual([
      `${at('access.log')} was given more than once: counted once`,
      `${at('hard.log')} is the same file as ${at('access.log')}: counted once`,
      `${at('soft.log')} is the same file as ${at('access.log')}: counted once`,
    ]);
  });

  it('counts a rotation and its compressed copy once, and two files that differ twice', async () => {
    const lines = 'line\n'.repeat(40_000);
    put('access.log.1', lines);
    put('access.log.1.gz', gzipSync(lines).subarray(0, 200));
    put('error.log.1', 'one\n');
    put('error.log.1.zst', zstdCompressSync('two\n'));
    const { inputs, notes } = await resolveInputs(['access.log.1', 'access.log.1.gz', 'error.log.1', 'error.log.1.zst'].map(at), noStdin);
    expect(names(inputs)).toEqual(['access.log.1', 'error.log.1', 'error.log.1.zst']);
    expect(notes).toEqual([
      `${at('access.log.1.gz')} begins like ${at('access.log.1')} and is its compressed copy: only ${at('access.log.1')} is counted`,
      `${at('error.log.1')} and ${at('error.log.1.zst')} have the name of one rotation but differ: both are counted`,
    ]);
  });

  it('takes the logs of a folder and says what it left', async () => {
    for (const name of ['web-1/access.log', 'web-1/access.log.1', 'web-2/error.log', 'syslog']) put(name, `${name}\n`);
    put('web-1/nginx.conf', 'user x;');
    put('wtmp', new Uint8Array(400));
    put('.hidden.log', 'x');
    put('old.log.xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]));
    symlinkSync('..', at('web-2/up'));
    const { inputs, problems, notes } = await resolveInputs([dir], noStdin);
    expect(names(inputs)).toEqual(['syslog', 'web-1/access.log.1', 'web-1/access.log', 'web-2/error.log']);
    expect(problems.map(({ name, problem }) => [path.relative(dir, name), problem.kind])).toEqual([['old.log.xz', 'binary']]);
    expect(notes).toEqual([
      `${dir}: 4 of 8 entries read; left out: .hidden.log (hidden), web-1/nginx.conf (not a log by its name), web-2/up (a link to a folder), wtmp (binary)`,
    ]);
    mkdirSync(at('empty'));
    expect((await resolveInputs([at('empty')], noStdin)).problems[0]?.problem.detail).toBe('the folder is empty');
  });

  it('refuses what cannot be a log, with what to do', async () => {
    put('a.log', Buffer.from('BZh91AY&SYxxxx'));
    put('b.zip', Buffer.from('PK\u0003\u0004xxxx'));
    put('c.tgz', gzipSync(Buffer.concat([Buffer.alloc(257, 0x61), Buffer.from('ustar'), Buffer.alloc(400)])));
    put('d.log', Buffer.from('\uFEFFa', 'utf16le'));
    put('e.gz', gzipSync(gzipSync('x')));
    const { inputs, problems } = await resolveInputs(
      ['/dev/zero', at('a.log'), at('b.zip'), at('c.tgz'), at('d.log'), at('e.gz'), at('gone'), 'a\0b'],
      noStdin,
    );
    expect(inputs).toEqual([]);
    expect(problems.map(({ problem }) => `${problem.kind}: ${problem.detail}`)).toEqual([
      'not-a-file: it is a device; give its content by a pipe: `… | why5xx logs -`',
      'binary: compressed with bzip2: unpack it on the way, `bzip2 -dc FILE | why5xx logs -`',
      'binary: a zip archive: unpack it first, or `unzip -p FILE | why5xx logs -`',
      'binary: a tar archive: unpack it first, or `tar -xOf FILE | why5xx logs -`',
      'binary: UTF-16 text: convert it on the way, `iconv -f UTF-16 -t UTF-8 FILE | why5xx logs -`',
      'binary: compressed twice: unpack it once, `… | why5xx logs -`',
      'not-found: there is no such file',
      'not-found: this cannot be the name of a file',
    ]);
  });

  it('says when there is no permission', async () => {
    put('secret.log', 'x');
    chmodSync(at('secret.log'), 0);
    chmodSync(dir, 0o755);
    const script = `import { resolveInputs } from ${JSON.stringify(path.join(import.meta.dirname, 'resolve.ts'))};
      const { problems } = await resolveInputs([process.argv[1]], { stdin: process.stdin });
      console.log(problems[0]?.problem.kind);`;
    // Root may read everything, so somebody else has to try.
    const other = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script, at('secret.log')], {
      ...other,
      encoding: 'utf8',
    });
    expect([stdout.trim(), stderr]).toEqual(['no-permission', '']);
  });
});

describe('streams', () => {
  it('reads standard input once, compressed or not, whatever the size of its pieces', async () => {
    const text = 'one\ntwo\n';
    for (const bytes of [Buffer.from(text), gzipSync(text), zstdCompressSync(text)]) {
      const stdin = Readable.from([...bytes].map((byte) => Buffer.of(byte)));
      const { inputs, notes } = await resolveInputs(['-', '/dev/stdin'], { stdin });
      expect(await contentOf(inputs[0])).toEqual({ text, problem: null });
      expect([inputs.length, notes]).toEqual([1, ['standard input was given more than once: read once']]);
    }
  });

  it('knows the compression of a stream once it was read, and refuses xz there too', async () => {
    const [input] = (await resolveInputs(['-'], { stdin: Readable.from([zstdCompressSync('x')]) })).inputs;
    expect(input?.compression).toBe('none');
    await contentOf(input);
    expect(input?.compression).toBe('zstd');
    const [refused] = (await resolveInputs(['-'], { stdin: Readable.from([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])]) })).inputs;
    expect((await contentOf(refused)).problem).toContain('xz -dc FILE');
  });

  it('reads a named pipe whose writer comes late', async () => {
    spawnSync('mkfifo', [at('pipe')]);
    const { inputs } = await resolveInputs([at('pipe')], noStdin);
    const reading = contentOf(inputs[0]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const writer = spawn('sh', ['-c', 'exec > "$1"; echo first; sleep 0.1; echo second', 'sh', at('pipe')], { stdio: 'inherit' });
    expect(await reading).toEqual({ text: 'first\nsecond\n', problem: null });
    if (writer.exitCode === null) await once(writer, 'exit');
  });

  it('reads what a shell substitutes, also from writers that are gone already', () => {
    const script = `import { resolveInputs } from ${JSON.stringify(path.join(import.meta.dirname, 'resolve.ts'))};
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { inputs } = await resolveInputs(process.argv.slice(1), { stdin: process.stdin });
      for (const input of inputs) for await (const block of input.open(new AbortController().signal)) process.stdout.write(block);`;
    const words = [process.execPath, '--input-type=module', '-e', script];
    const { stdout, stderr } = spawnSync('bash', ['-c', '"$@" <(echo one) <(sleep 1; echo two)', 'bash', ...words], { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['one\ntwo\n', '']);
  });

  it('stops waiting for a pipe when told to', async () => {
    spawnSync('mkfifo', [at('pipe')]);
    const { inputs } = await resolveInputs([at('pipe')], noStdin);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    expect(await contentOf(inputs[0], controller.signal)).toEqual({ text: '', problem: null });
  });

  it('reads what the kernel makes up while it is read', async () => {
    const { inputs } = await resolveInputs(['/proc/version'], noStdin);
    expect((await contentOf(inputs[0])).text).toMatch(/^Linux version/);
  });
});

describe('files that change', () => {
  it('reads up to the size that the file had, and no further', async () => {
    put('access.log', 'before\n');
    const { inputs } = await resolveInputs([at('access.log')], noStdin);
    appendFileSync(at('access.log'), 'after\n');
    expect([await contentOf(inputs[0]), inputs[0]?.storedBytes, inputs[0]?.path]).toEqual([
      { text: 'before\n', problem: null },
      7,
      at('access.log'),
    ]);
  });

  it('says when a file became shorter, went away or is another one', async () => {
    for (const name of ['short', 'gone', 'rotated']) put(name, 'x'.repeat(1000));
    const { inputs } = await resolveInputs(['short', 'gone', 'rotated'].map(at), noStdin);
    truncateSync(at('short'), 10);
    unlinkSync(at('gone'));
    // The new file must not get the inode of the old one.
    linkSync(at('rotated'), at('kept'));
    unlinkSync(at('rotated'));
    put('rotated', 'new');
    expect(await contentOf(inputs[0])).toEqual({
      text: 'x'.repeat(10),
      problem: 'shrank: it became shorter while it was read: 1000 bytes before, 10 now',
    });
    expect(await contentOf(inputs[1])).toEqual({ text: '', problem: 'vanished: it was removed before it was read' });
    expect(await contentOf(inputs[2])).toEqual({ text: '', problem: 'vanished: another file took its name (rotation) before it was read' });
  });
});
