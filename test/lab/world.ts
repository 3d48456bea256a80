// An isolated world for tests with networks: network, mount and PID namespaces that the test made itself, with a private /run.
// Everything in it dies with it, and it dies with the test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}
export interface RunInWorld {
  readonly input?: string;
  /** Killed with its process group at this deadline; `code` is null then. Default 60 s. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}
export interface World extends AsyncDisposable {
  /** A folder outside of the world's private mounts, removed with it. */
  readonly folder: string;
  /** Pid of the world's first process as this process sees it. */
  readonly pid: number;
  /** Words put before a command so that it runs in the world. */
  readonly enter: readonly string[];
  /** Runs a command to its end; never rejects because of its exit code. */
  run(command: readonly string[], options?: RunInWorld): Promise<Ran>;
  /** As `run`, but rejects unless the command exits 0. Resolves to its standard output. */
  must(command: readonly string[], options?: RunInWorld): Promise<string>;
}

// `wait` reaps what the kernel hands to the world's first process, and ends when standard input does: with the test's own process.
const init = `mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/lock && ip link set lo up && echo ready
cat > /dev/null &
wait $!`;

/** Makes a world. Rejects with the kernel's reason where namespaces are not allowed (root is needed). */
export async function makeWorld(): Promise<World> {
  const child = spawn(
    'unshare',
    [
      '--net',
      '--mount',
      '--propagation',
      'private',
      '--pid',
      '--fork',
      '--kill-child=SIGKILL',
      '--mount-proc',
      'sh',
      '-c',
      `exec 3<&0; ${init.replace('cat >', 'cat <&3 >')}`,
    ],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'exit');
  const ready = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!ready || child.pid === undefined)
    throw new Error(`no isolated world could be made: ${said.trim() || 'unshare ended'}; tests with networks need root`);
  const found = await execute(['sh', '-c', 'cat "/proc/$1/task/$1/children"', 'sh', String(child.pid)], {});
  const pid = Number(found.stdout.trim());
  const folder = mkdtempSync(join(tmpdir(), 'why5xx-world-'));
  // Commands that run here as another user need to enter it.
  chmodSync(folder, 0o755);
  const enter = ['nsenter', '-t', String(pid), '--net', '--mount', '--pid', '--'];
  // Entering the world's mounts resets the working directory, so it is asked for by name.
  const run: World['run'] = (command, options = {}) =>
    execute(['nsenter', '-t', String(pid), '--net', '--mount', '--pid', `--wd=${options.cwd ?? folder}`, '--', ...command], options);
  return {
    folder,
    pid,
    enter,
    run,
    async must(command, options = {}) {
      const ran = await run(command, options);
      if (ran.code !== 0) throw new Error(`${command.join(' ')}: exit ${ran.code}: ${ran.stderr.trim() || ran.stdout.trim()}`);
      return ran.stdout;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.destroy();
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      if (child.exitCode === null && child.signalCode === null) await ended;
      clearTimeout(timer);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function execute(words: readonly string[], options: RunInWorld): Promise<Ran> {
  const began = performance.now();
  const [program = '', ...args] = words;
  const child = spawn(program, args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, options.timeoutMs ?? 60_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return {
    code: late ? null : code,
    stdout: Buffer.concat(out).toString(),
    stderr: Buffer.concat(err).toString(),
    tookMs: performance.now() - began,
  };
}

export interface LabWorld {
  readonly world: World;
  /** `why5xx lab ARGS…`, without the need of a working command line main file. */
  lab(args: readonly string[], options?: RunInWorld): Promise<Ran>;
  /** As `lab`, rejecting unless it exits 0. */
  mustLab(args: readonly string[], options?: RunInWorld): Promise<string>;
  break(...faults: readonly string[]): Promise<void>;
  heal(): Promise<void>;
  down(): Promise<void>;
  /** Writes `lab site ARGS…` to a file and returns its path. */
  siteFile(...args: readonly string[]): Promise<string>;
  /** Environment that makes the system's ssh know the lab's hosts: `{ WHY5XX_SSH_CONFIG }`. */
  sshEnvironment(): Promise<Record<string, string>>;
  /** The real CLI, `node src/cli/main.ts ARGS…`, run in the world with the world's folder as working directory. */
  cli(args: readonly string[], options?: RunInWorld): Promise<Ran>;
}

// The command without the rest of the command line, told its errors as the main file tells them.
const labEntry = `const { labCommand } = await import(process.argv[1]);
try {
  await labCommand().parseAsync(process.argv.slice(2), { from: 'user' });
} catch (error) {
  process.stderr.write(error.hint === undefined ? error.stack + '\\n' : error.message + '\\n' + error.hint + '\\n');
  process.exitCode = 2;
}`;

/** Words that run `why5xx lab ARGS…` (put `World.enter` before them, or use `LabWorld.lab`). */
export function labWords(...args: readonly string[]): readonly string[] {
  return [process.execPath, '--input-type=module', '-e', labEntry, '--', join(root, 'src/cli/commands/lab.ts'), ...args];
}

/** Raises a lab inside a world with the given options of `lab up`. It goes down with the world. */
export async function labUp(world: World, ...upArguments: readonly string[]): Promise<LabWorld> {
  const lab: LabWorld['lab'] = (args, options) => world.run(labWords(...args), options);
  const mustLab: LabWorld['mustLab'] = async (args, options) => {
    const ran = await lab(args, options);
    if (ran.code !== 0) throw new Error(`lab ${args.join(' ')}: exit ${ran.code}: ${ran.stderr.trim()}`);
    return ran.stdout;
  };
  await mustLab(['up', ...upArguments]);
  let sites = 0;
  return {
    world,
    lab,
    mustLab,
    async break(...faults) {
      await mustLab(['break', ...faults]);
    },
    async heal() {
      await mustLab(['heal']);
    },
    async down() {
      await mustLab(['down']);
    },
    async siteFile(...args) {
      const path = join(world.folder, `site-${(sites += 1)}.yaml`);
      writeFileSync(path, await mustLab(['site', ...args]));
      return path;
    },
    async sshEnvironment() {
      const path = /WHY5XX_SSH_CONFIG=(\S+)/.exec(await mustLab(['site', '--ssh']))?.[1];
      if (path === undefined) throw new Error('lab site --ssh does not name a configuration');
      return { WHY5XX_SSH_CONFIG: path };
    },
    cli: (args, options = {}) => world.run([process.execPath, join(root, 'src/cli/main.ts'), ...args], { cwd: world.folder, ...options }),
  };
}
