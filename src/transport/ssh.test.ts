// The ssh transport against a real sshd on loopback, with keys and configuration of its own.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { TransportError } from '../model/transport.ts';
import type { Transport } from '../model/transport.ts';
import { openTransport } from './open.ts';
import { controlDirectory, endMaster } from './ssh.ts';

const user = userInfo().username;
const timeoutMs = 15_000;

interface Sshd {
  readonly port: number;
  readonly pid: number;
  log(): string;
}

let folder: string;
const servers: ChildProcess[] = [];
const opened: Transport[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startSshd(name: string, ...settings: readonly string[]): Promise<Sshd> {
  const port = await freePort();
  const config = join(folder, `sshd-${name}.conf`);
  writeFileSync(
    config,
    [
      `Port ${String(port)}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(folder, 'host-key')}`,
      'PidFile none',
      `AuthorizedKeysFile ${join(folder, 'user-key.pub')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin yes',
      'LogLevel VERBOSE',
      ...settings,
      '',
    ].join('\n'),
  );
  // sshd insists on its full path, and on a folder that Debian's service would make.
  if (process.getuid?.() === 0) execFileSync('mkdir', ['-p', '/run/sshd']);
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  servers.push(child);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await until(
    () => log.includes('Server listening'),
    () => `sshd did not start: ${log}`,
  );
  if (child.pid === undefined) throw new Error('sshd has no pid');
  return { port, pid: child.pid, log: () => log };
}

async function until(holds: () => boolean, otherwise: () => string = () => 'it did not happen', waitMs = 5000): Promise<void> {
  const endMs = Date.now() + waitMs;
  while (!holds()) {
    if (Date.now() > endMs) throw new Error(otherwise());
    await sleep(20);
  }
}

/** A client configuration; the known key is that of `host-key` unless named. */
function clientConfig(name: string, { key = 'user-key', known = 'host-key' }: { key?: string; known?: string | null } = {}): string {
  const knownHosts = join(folder, `known-${name}`);
  const publicKey =
    known === null
      ? ''
      : readFileSync(join(folder, `${known}.pub`), 'utf8')
          .split(' ')
          .slice(0, 2)
          .join(' ');
  writeFileSync(knownHosts, known === null ? '' : `* ${publicKey}\n`);
  const config = join(folder, `client-${name}.conf`);
  writeFileSync(
    config,
    [
      'Host *',
      `  IdentityFile ${join(folder, key)}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${knownHosts}`,
      '  GlobalKnownHostsFile /dev/null',
      'Host alias-of-lab',
      '  HostName 127.0.0.1',
      '',
    ].join('\n'),
  );
  return config;
}

function connect(
  port: number,
  {
    config = clientConfig('default'),
    host = '127.0.0.1',
    connectTimeoutMs = 8000,
    env = {},
  }: { config?: string; host?: string; connectTimeoutMs?: number; env?: Readonly<Record<string, string>> } = {},
): Transport {
  const transport = openTransport(`ssh://${user}@${host}:${String(port)}`, {
    connectTimeoutMs,
    env: { ...process.env, XDG_RUNTIME_DIR: folder, WHY5XX_SSH_CONFIG: config, ...env },
  });
  opened.push(transport);
  return transport;
}

async function failure(promise: Promise<unknown>): Promise<TransportError> {
  const error: unknown = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof TransportError)) throw error;
  return error;
}

/** Command lines of running processes that hold this text. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(text) ? [line] : [];
      } catch {
        return [];
      }
    });
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

let sshd: Sshd;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'w5t-'));
  for (const name of ['host-key', 'other-host-key', 'user-key', 'stranger-key']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  }
  sshd = await startSshd('main');
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});
afterAll(async () => {
  for (const server of servers) {
    server.kill('SIGTERM');
    if (server.exitCode === null && server.signalCode === null) await new Promise((resolve) => server.once('exit', resolve));
  }
  rmSync(folder, { recursive: true, force: true });
});

describe('a host that answers', () => {
  it('runs a script with arguments and variables, and tells output, errors and exit code apart', async () => {
    const result = await connect(sshd.port).sh('echo "$1 $A"; echo oops >&2; exit 7', { timeoutMs, args: ['one'], env: { A: 'two' } });
    expect(result).toMatchObject({ code: 7, stdout: 'one two\n', stderr: 'oops\n', truncated: false });
  });

  it('passes hostile values through unchanged', async () => {
    const transport = connect(sshd.port);
    const text = fc.string({ unit: 'binary', maxLength: 40 }).map((value) => value.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 4 }), text, async (args, value) => {
        const result = await transport.sh('printf "%s|" "$@"; printf %s "$V"', { timeoutMs, args, env: { V: value } });
        const expected = `${args.length === 0 ? '|' : args.map((each) => `${each}|`).join('')}${value}`;
        expect(result.stdout).toBe(Buffer.from(expected).toString('utf8'));
      }),
      { numRuns: 20, examples: [[['-o', '--', '$(id)', '`id`', "'", '"', '\\', '\n', '!', '*'].slice(0, 4), "'; exit 3; '"]] },
    );
  });

  it('shows no value in any process list', async () => {
    const result = await connect(sshd.port).sh('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " | grep -c "$V" || :', {
      timeoutMs,
      env: { V: 'canary[-]7f3a' },
      args: ['canary-7f3a'],
    });
    expect(result.stdout).toBe('0\n');
  });

  it('opens one connection for many scripts, even at once', async () => {
    const server = await startSshd('count');
    const transport = connect(server.port);
    const first = await Promise.all(Array.from({ length: 12 }, (_, i) => transport.sh('echo "$1"', { timeoutMs, args: [String(i)] })));
    const later = await transport.sh('echo later', { timeoutMs });
    expect(first.map((each) => each.stdout)).toEqual(Array.from({ length: 12 }, (_, i) => `${String(i)}\n`));
    expect(later.stdout).toBe('later\n');
    expect(server.log().match(/Accepted publickey/g)).toHaveLength(1);
    expect(server.log().match(/Starting session: command/g)).toHaveLength(13);
  });

  it('brings large output home and cuts what is larger than asked for', async () => {
    const transport = connect(sshd.port);
    const whole = await transport.sh('head -c 6000000 /dev/zero | tr "\\0" x', { timeoutMs });
    expect(whole.stdout).toHaveLength(6_000_000);
    expect(whole).toMatchObject({ code: 0, truncated: false });
    const endless = await transport.sh('while :; do echo 0123456789abcdef; done', { timeoutMs, maxOutputBytes: 100_000 });
    expect(endless.stdout).toHaveLength(100_000);
    expect(endless).toMatchObject({ code: null, truncated: true });
  });

  it('honours an alias of the ssh configuration', async () => {
    expect((await connect(sshd.port, { host: 'alias-of-lab' }).sh('echo here', { timeoutMs })).stdout).toBe('here\n');
  });

  it('is not confused by what a login shell prints', async () => {
    const server = await startSshd('noise', 'ForceCommand echo Welcome; echo "quota exceeded" >&2; eval "$SSH_ORIGINAL_COMMAND"');
    expect(await connect(server.port).sh('echo answer; exit 255', { timeoutMs })).toMatchObject({ code: 255, stdout: 'answer\n' });
  });

  it('tells a shell that was killed over there from a lost connection', async () => {
    const transport = connect(sshd.port);
    await transport.sh(':', { timeoutMs });
    const result = await transport.sh('echo before; kill -KILL $$', { timeoutMs });
    expect(result).toMatchObject({ code: null, stdout: 'before\n' });
  });
});

describe('a host that does not', () => {
  it('refused key', async () => {
    const error = await failure(connect(sshd.port, { config: clientConfig('stranger', { key: 'stranger-key' }) }).sh(':', { timeoutMs }));
    expect(error.kind).toBe('auth');
    expect(error.message).toContain('Permission denied (publickey)');
    expect(error.hint).toContain(`\`ssh -p ${String(sshd.port)} ${user}@127.0.0.1\``);
    expect(error.hint).toContain('ssh-add');
  });

  it('is asked once when many scripts wait for it', async () => {
    const server = await startSshd('refuse');
    const transport = connect(server.port, { config: clientConfig('stranger', { key: 'stranger-key' }) });
    const errors = await Promise.all(Array.from({ length: 6 }, () => failure(transport.sh(':', { timeoutMs }))));
    expect(errors.map((each) => each.kind)).toEqual(Array.from({ length: 6 }, () => 'auth'));
    expect(server.log().match(/Connection from/g)).toHaveLength(1);
  });

  it('unknown host key', async () => {
    const error = await failure(connect(sshd.port, { config: clientConfig('unknown', { known: null }) }).sh(':', { timeoutMs }));
    expect(error.kind).toBe('host-key');
    expect(error.message).toContain('not known');
    expect(readFileSync(join(folder, 'known-unknown'), 'utf8')).toBe('');
  });

  it('changed host key', async () => {
    const error = await failure(
      connect(sshd.port, { config: clientConfig('changed', { known: 'other-host-key' }) }).sh(':', { timeoutMs }),
    );
    expect(error.kind).toBe('host-key');
    expect(error.message).toContain('has changed');
    expect(error.hint).toContain(`ssh-keygen -R "[127.0.0.1]:${String(sshd.port)}"`);
  });

  it('closed port', async () => {
    const error = await failure(connect(await freePort()).sh(':', { timeoutMs }));
    expect(error.kind).toBe('unreachable');
    expect(error.message).toContain('Connection refused');
  });

  it('unknown name', async () => {
    const error = await failure(connect(22, { host: 'no-such-host.invalid' }).sh(':', { timeoutMs }));
    expect(error.kind).toBe('unreachable');
    expect(error.message).toContain('Could not resolve hostname');
  });

  it('accepts and never speaks', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const startedAt = performance.now();
      const error = await failure(connect((server.address() as AddressInfo).port, { connectTimeoutMs: 1000 }).sh(':', { timeoutMs }));
      expect(error.kind).toBe('timeout');
      expect(performance.now() - startedAt).toBeLessThan(3000);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('speaks something else', async () => {
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    ).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const error = await failure(connect((server.address() as AddressInfo).port).sh(':', { timeoutMs }));
      expect(error.kind).toBe('lost');
      expect(error.hint).toContain('no sshd');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('has no account for commands', async () => {
    const server = await startSshd('nologin', 'ForceCommand /usr/sbin/nologin');
    expect((await failure(connect(server.port).sh(':', { timeoutMs }))).kind).toBe('permission');
  });

  it('has no sh', async () => {
    const server = await startSshd('nosh', 'ForceCommand no-such-sh-here -s');
    expect((await failure(connect(server.port).sh(':', { timeoutMs }))).kind).toBe('command-missing');
  });

  it('cannot be tried, because there is no ssh here', async () => {
    const error = await failure(connect(sshd.port, { env: { PATH: folder } }).sh(':', { timeoutMs }));
    expect(error.kind).toBe('command-missing');
    expect(error.hint).toContain('OpenSSH client');
  });

  it('cannot be tried, because the ssh configuration is broken', async () => {
    const config = join(folder, 'broken.conf');
    writeFileSync(config, 'NoSuchOption yes\n');
    const error = await failure(connect(sshd.port, { config }).sh(':', { timeoutMs }));
    expect(error.hint).toContain('WHY5XX_SSH_CONFIG');
  });
});

describe('the control socket', () => {
  it.for([
    ['too long', `/tmp/${'x'.repeat(100)}`],
    ['with what ssh would expand', '/tmp/%h'],
    ['not there', '/nonexistent'],
    ['relative', 'run'],
  ])('is not put into a folder that is %s', async ([, base]) => {
    const directory = await controlDirectory({ XDG_RUNTIME_DIR: base });
    try {
      expect(directory).toMatch(/^\/[A-Za-z0-9/._-]{1,80}\/w5-\w{6}$/);
      expect(directory.startsWith(`${String(base)}/`)).toBe(false);
      expect(statSync(directory).mode & 0o777).toBe(0o700);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('the end', () => {
  it('comes at the deadline, keeps what had arrived, and leaves nothing running over there', async () => {
    const transport = connect(sshd.port);
    const startedAt = performance.now();
    const error = await failure(transport.sh('echo early; sleep 31.4159', { timeoutMs: 1500 }));
    expect(error.kind).toBe('timeout');
    expect(error.partial?.stdout).toBe('early\n');
    expect(performance.now() - startedAt).toBeLessThan(3000);
    await until(
      () => processesWith('sleep 31.4159').length === 0,
      () => 'the script lives on',
    );
    expect((await transport.sh('echo again', { timeoutMs })).stdout).toBe('again\n');
  });

  it('comes when the run is stopped', async () => {
    const stop = new AbortController();
    const running = failure(connect(sshd.port).sh('sleep 31.5159', { timeoutMs, signal: stop.signal }));
    await until(() => processesWith('sleep 31.5159').length > 0);
    stop.abort();
    expect((await running).kind).toBe('timeout');
    await until(
      () => processesWith('sleep 31.5159').length === 0,
      () => 'the script lives on',
    );
  });

  it('comes for those who wait their turn, too', async () => {
    const transport = connect(sshd.port);
    await transport.sh(':', { timeoutMs });
    const running = Array.from({ length: 4 }, () => failure(transport.sh('sleep 31.8159', { timeoutMs: 2500 })));
    const startedAt = performance.now();
    const error = await failure(transport.sh('echo never', { timeoutMs: 300 }));
    expect([error.kind, error.message]).toEqual([
      'timeout',
      `${transport.describe}: stopped while it waited for other scripts on this host`,
    ]);
    expect(performance.now() - startedAt).toBeLessThan(1500);
    const patient = transport.sh('echo at last', { timeoutMs });
    expect((await Promise.all(running)).map((each) => each.kind)).toEqual(['timeout', 'timeout', 'timeout', 'timeout']);
    expect((await patient).stdout).toBe('at last\n');
  });

  it('comes with the connection; the next script opens a new one', async () => {
    const server = await startSshd('lost');
    const transport = connect(server.port);
    const running = failure(transport.sh('echo early; sleep 31.6159', { timeoutMs }));
    await until(() => processesWith('sleep 31.6159').length > 0);
    for (const pid of childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
    const error = await running;
    expect(error.kind).toBe('lost');
    expect(error.partial?.stdout).toBe('early\n');
    await until(
      () => processesWith('sleep 31.6159').length === 0,
      () => 'the script lives on',
    );
    expect((await transport.sh('echo again', { timeoutMs })).stdout).toBe('again\n');
  });

  it('comes when we are killed, on the other side too', async () => {
    const source = [
      `import { openTransport } from ${JSON.stringify(join(import.meta.dirname, 'open.ts'))};`,
      `const transport = openTransport('ssh://${user}@127.0.0.1:${String(sshd.port)}');`,
      `await transport.sh('sleep 31.9159', { timeoutMs: 60000 });`,
    ].join('\n');
    const env = { ...process.env, XDG_RUNTIME_DIR: folder, WHY5XX_SSH_CONFIG: clientConfig('killed') };
    const us = spawn(process.execPath, ['--input-type=module', '-e', source], { env, stdio: 'ignore' });
    await until(() => processesWith('sleep 31.9159').length > 1);
    us.kill('SIGKILL');
    await until(
      () => processesWith('sleep 31.9159').length === 0,
      () => 'the script lives on',
    );
    // What is left is the idle connection, which ssh itself gives up after its time; the test does not wait for that.
    const left = readdirSync(folder).filter((name) => name.startsWith('w5-'));
    expect(left).toHaveLength(1);
    const target = { user, host: '127.0.0.1', port: sshd.port };
    await endMaster({ target, env, connectTimeoutMs: 1000 }, join(folder, String(left[0])));
  });

  it('leaves no process and no socket, also when closed in the middle and twice', async () => {
    const transport = connect(sshd.port);
    await transport.sh(':', { timeoutMs });
    const [directory] = readdirSync(folder).filter((name) => name.startsWith('w5-'));
    expect(directory).toBeDefined();
    const path = join(folder, String(directory));
    expect(processesWith(path).length).toBeGreaterThan(0);
    const running = failure(transport.sh('sleep 31.7159', { timeoutMs }));
    await until(() => processesWith('sleep 31.7159').length > 0);
    await Promise.all([transport.close(), transport.close()]);
    expect((await running).kind).toBe('timeout');
    expect(existsSync(path)).toBe(false);
    await until(
      () => processesWith(path).length === 0,
      () => 'an ssh lives on',
      2000,
    );
    await until(
      () => processesWith('sleep 31.7159').length === 0,
      () => 'the script lives on',
    );
    expect((await failure(transport.sh(':', { timeoutMs }))).message).toContain('already closed');
  });
});
