// Local and prefix transports with real shells: the same answer from dash, busybox ash and bash, and an end for everything.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TransportError } from '../model/transport.ts';
import type { ReachFailure } from '../model/transport.ts';
import { openTransport } from './open.ts';

const timeoutMs = 10_000;
const shells = { dash: '/bin/dash', ash: '/bin/busybox', bash: '/bin/bash' };
type Shell = keyof typeof shells;
const shellNames: readonly Shell[] = ['dash', 'ash', 'bash'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'w5t-'));
  for (const name of shellNames) {
    const bin = mkdtempSync(join(folder, `${name}-`));
    symlinkSync(shells[name], join(bin, 'sh'));
    paths.set(name, `${bin}:${process.env['PATH'] ?? ''}`);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const paths = new Map<Shell, string>();
function open(shell: Shell) {
  return openTransport('local', { env: { ...process.env, PATH: paths.get(shell) } });
}

async function failure(promise: Promise<unknown>): Promise<TransportError> {
  const error: unknown = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof TransportError)) throw error;
  return error;
}

/** How many other processes have this in their command line. */
function count(text: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text);
    } catch {
      return false;
    }
  }).length;
}
function runs(text: string): boolean {
  return count(text) > 0;
}

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = Date.now() + 3000; !holds(); await sleep(20)) if (Date.now() > endMs) throw new Error('it did not happen in time');
}

describe.for(shellNames)('%s', (shell) => {
  it('is the shell that it says', async () => {
    const { stdout } = await open(shell).sh('readlink /proc/$$/exe', { timeoutMs });
    expect(stdout).toContain(shell === 'ash' ? 'busybox' : shell);
  });

  it.for<readonly [script: string, code: number, stdout: string, stderr: RegExp]>([
    ['', 0, '', /^$/],
    ['echo a', 0, 'a\n', /^$/],
    ['printf a', 0, 'a', /^$/],
    ['# only a comment', 0, '', /^$/],
    ['echo a; exit 3; echo b', 3, 'a\n', /^$/],
    ['false', 1, '', /^$/],
    ['echo a >&2', 0, '', /^a\n$/],
    ['cat; read -r line; echo "$?"', 0, '1\n', /^$/],
    ['set -eu; echo "${nope-unset}"; false; echo b', 1, 'unset\n', /^$/],
    ["cat <<'END'\n$x `y` 'z'\nEND", 0, "$x `y` 'z'\n", /^$/],
    ['echo "$0:$#"', 0, 'sh:0\n', /^$/],
    ["trap 'echo bye' EXIT; exit 5", 5, 'bye\n', /^$/],
    ['exec echo replaced', 0, 'replaced\n', /^$/],
    ['kill -KILL 0 & sleep 5', 137, '', /^$/],
  ])('runs %j', async ([script, code, stdout, stderr]) => {
    const result = await open(shell).sh(script, { timeoutMs });
    // A script that kills its whole group takes the wrapper with it.
    expect(result).toMatchObject(code === 137 ? { code: null } : { code, stdout });
    expect(result.stderr).toMatch(stderr);
  });

  it('does not run half a script, nor what would close the wrapper', async () => {
    for (const script of ['echo "', "echo '", 'if true; then', '}', ')', '} ; echo out; {', 'fi']) {
      const result = await open(shell).sh(script, { timeoutMs });
      expect(result.stdout).toBe('');
      expect(result.code).not.toBe(0);
    }
  });

  it('gets arguments and variables unchanged', async () => {
    const transport = open(shell);
    const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => value.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 5 }), text, async (args, value) => {
        const result = await transport.sh('printf "<%s>" "$#" "$@" "$V"', { timeoutMs, args, env: { V: value } });
        const expected = [String(args.length), ...args, value].map((each) => `<${each}>`).join('');
        expect(result.stdout).toBe(Buffer.from(expected).toString('utf8'));
      }),
      { numRuns: 60 },
    );
  });

  it('ends at the deadline with its children', async () => {
    const error = await failure(
      open(shell).sh(`echo early; (sleep 32.${String(shellNames.indexOf(shell))}159) & sleep 32.${String(shellNames.indexOf(shell))}159`, {
        timeoutMs: 400,
      }),
    );
    expect([error.kind, error.partial?.stdout]).toEqual(['timeout', 'early\n']);
    await until(() => !runs(`sleep 32.${String(shellNames.indexOf(shell))}159`));
  });

  it('ends with us, even when we are killed', async () => {
    const mark = `33.${String(shellNames.indexOf(shell))}159`;
    const program = `import { openTransport } from ${JSON.stringify(join(import.meta.dirname, 'open.ts'))}; await openTransport('local').sh('sleep ${mark}', { timeoutMs: 60000 });`;
    const us = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, PATH: paths.get(shell) },
      stdio: 'ignore',
    });
    await until(() => count(`sleep ${mark}`) === 2); // the program's own text is one of them
    us.kill('SIGKILL');
    await until(() => !runs(`sleep ${mark}`));
  });
});

describe('any shell', () => {
  it('does not wait for what a script left behind', async () => {
    const startedAt = performance.now();
    const result = await openTransport().sh('sleep 34.159 & echo started', { timeoutMs });
    expect(result).toMatchObject({ code: 0, stdout: 'started\n' });
    expect(performance.now() - startedAt).toBeLessThan(2000);
    await until(() => !runs('sleep 34.159'));
  });

  it('keeps bytes that are no text as replacement characters', async () => {
    const result = await openTransport().sh(String.raw`printf 'a\377b\357\273\277c\000d'`, { timeoutMs });
    expect(result.stdout).toBe('a\ufffdb\ufeffc\0d');
  });

  it('cuts stdout at the cap, exactly, and reads stderr on beyond its own', async () => {
    const transport = openTransport();
    expect(await transport.sh('printf 12345', { timeoutMs, maxOutputBytes: 5 })).toMatchObject({
      code: 0,
      stdout: '12345',
      truncated: false,
    });
    expect(await transport.sh('printf 123456', { timeoutMs, maxOutputBytes: 5 })).toMatchObject({ stdout: '12345', truncated: true });
    const noisy = await transport.sh('head -c 400000 /dev/zero | tr "\\0" e >&2; echo out', { timeoutMs });
    expect(noisy).toMatchObject({ code: 0, stdout: 'out\n', truncated: true });
    expect(noisy.stderr).toHaveLength(256 * 1024);
  });

  it('runs a script larger than any argument list', async () => {
    const result = await openTransport().sh(`${': padding\n'.repeat(300_000)}echo end "$#"`, { timeoutMs, args: ['x'.repeat(500_000)] });
    expect(result).toMatchObject({ code: 0, stdout: 'end 1\n' });
  });

  it('refuses what no shell can hold', async () => {
    expect((await failure(openTransport().sh(':', { timeoutMs, args: ['a\0b'] }))).kind).toBe('other');
    expect((await failure(openTransport().sh(':', { timeoutMs, env: { 'A;id': 'x' } }))).kind).toBe('other');
  });

  it('does not start when the run is over already', async () => {
    expect((await failure(openTransport().sh(':', { timeoutMs, signal: AbortSignal.abort() }))).kind).toBe('timeout');
  });

  it('closes in the middle of a script', async () => {
    const transport = openTransport();
    const running = failure(transport.sh('sleep 35.159', { timeoutMs }));
    await until(() => runs('sleep 35.159'));
    await transport.close();
    expect((await running).kind).toBe('timeout');
    await until(() => !runs('sleep 35.159'));
  });

  it('is told apart from none', async () => {
    const error = await failure(openTransport('local', { env: { PATH: folder } }).sh(':', { timeoutMs }));
    expect([error.kind, error.message]).toEqual(['command-missing', 'local: the command `sh` is not there']);
  });
});

describe('a command prefix', () => {
  it.for<readonly [prefix: readonly string[], kind: ReachFailure]>([
    [['no-such-command-here'], 'command-missing'],
    [['env', 'no-such-command-here'], 'command-missing'],
    [['ip', 'netns', 'exec', 'w5-no-such-namespace'], 'unreachable'],
    [['setpriv', '--reuid=65534', '--clear-groups', 'nsenter', '--target', '1', '--net'], 'permission'],
    [['true'], 'other'],
    [['sh', '-c', 'exec <&-; sleep 36.159'], 'timeout'],
  ])('%j', async ([prefix, kind]) => {
    const transport = openTransport([...prefix], { connectTimeoutMs: 500 });
    const error = await failure(transport.sh('echo never', { timeoutMs }));
    expect(error.kind).toBe(kind);
    expect(error.hint).not.toBe('');
  });

  it('is a list of words, whatever they hold', async () => {
    const transport = openTransport(['env', "X=$(id) 'quoted' `id`"]);
    expect((await transport.sh('echo "$X"', { timeoutMs })).stdout).toBe("$(id) 'quoted' `id`\n");
    expect(transport.describe).toContain('env ');
  });

  it('keeps its passwords to itself', async () => {
    const transport = openTransport(['env', '--password=canary7Kq', 'x']);
    const error = await failure(transport.sh(':', { timeoutMs }));
    expect([transport.describe, error.message, error.hint].join()).toContain('--password=');
    expect([transport.describe, error.message.split(': ')[0], error.hint].join()).not.toContain('canary7Kq');
  });

  it('that may not be run', async () => {
    const file = join(folder, 'not-executable');
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o644);
    expect((await failure(openTransport([file]).sh(':', { timeoutMs }))).kind).toBe('permission');
  });

  it('enters another namespace', async () => {
    const result = await openTransport(['unshare', '--user', '--map-root-user', '--uts']).sh('hostname inner; hostname', { timeoutMs });
    expect(result.stdout).toBe('inner\n');
  });
});

describe('an ssh address', () => {
  it.for([
    'ssh://-oProxyCommand=id',
    'ssh://a@-b',
    'ssh://-l@b',
    'ssh://a b',
    'ssh://h:0',
    'ssh://h:70000',
    'ssh://h/x',
    'ssh://',
    'ssh://a;id@h',
  ])('never %s', (exec) => {
    expect(() => openTransport(exec)).toThrow(TransportError);
  });
  it.for(['ssh://web-1', 'ssh://ops@web-1:2222', 'ssh://[2001:db8::1]:22', 'ssh://root@10.0.0.1'])('but %s', (exec) => {
    expect(openTransport(exec).describe).toBe(exec);
  });
});
