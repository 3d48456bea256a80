// One host as a fault sees it. Every change is written to the journal before it is made, so that heal can undo it even when the
// command that made it was killed.
import { spawn } from 'node:child_process';
import { posix } from 'node:path';

import type { LabHost } from '../model/fault.ts';
import { type HostPlan, planHosts } from './plan.ts';
import { killSnippet, reloadSnippet, startSnippet, stopSnippet } from './services.ts';
import { LabError, type LabState, type Undo } from './state.ts';
import { cleanEnvironment, enterWords, mustRun, type ProcessRef, processRef, runCommand } from './system.ts';

/** Where a host's changes are recorded. `add` returns once the entry is on disk. */
export interface Journal {
  readonly state: LabState;
  add(entry: Undo): void;
  /** Takes back the entry just added, because what it would undo did not happen. */
  retract(entry: Undo): void;
}

/** Runs a command inside a host and returns its standard output. Rejects unless it exits 0 or `allowFailure` is set. */
export async function runIn(
  state: LabState,
  host: string,
  command: readonly string[],
  options: { readonly input?: string; readonly allowFailure?: boolean; readonly timeoutMs?: number } = {},
): Promise<string> {
  const first = state.hosts[host];
  if (first === undefined) throw new LabError(`the lab has no host "${host}"`, `its hosts are ${Object.keys(state.hosts).join(', ')}`);
  const words = [...enterWords(first.pid), ...command];
  const rest = { ...(options.input === undefined ? {} : { input: options.input }), timeoutMs: options.timeoutMs ?? 30_000 };
  return options.allowFailure === true ? (await runCommand(words, rest)).stdout : mustRun(words, rest);
}

/**
 * Starts a process that outlives this command. `words` already say where. It leads a process group of its own. With `readyMs` it is
 * waited for until it writes its first byte to standard output, at most so long; rejects where it ends before.
 */
export function spawnDetached(words: readonly string[], readyMs: number | null = null): Promise<ProcessRef> {
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = words;
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', readyMs === null ? 'ignore' : 'pipe', 'ignore'],
      env: { ...cleanEnvironment },
      cwd: '/',
    });
    child.once('error', reject);
    child.once('spawn', () => {
      const ref = child.pid === undefined ? null : processRef(child.pid);
      const leave = () => {
        child.stdout?.destroy();
        child.unref();
        if (ref === null) reject(new Error(`${program}: ended at once`));
        else resolve(ref);
      };
      if (readyMs === null) {
        leave();
        return;
      }
      const timer = setTimeout(leave, readyMs);
      child.stdout?.once('data', () => {
        clearTimeout(timer);
        leave();
      });
      child.once('exit', () => {
        clearTimeout(timer);
        reject(new Error(`${words.join(' ')}: ended at once`));
      });
    });
  });
}

const readFileBase64 = 'if [ -e "$1" ]; then stat -L -c "%a %u:%g" -- "$1" && base64 -w0 -- "$1"; else echo absent; fi';
const writeFileKeeping = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"';

/** A file's content as base64 with mode and owner, or null where there is none. */
async function snapshot(
  state: LabState,
  host: string,
  path: string,
): Promise<Omit<Extract<Undo, { kind: 'file' }>, 'kind' | 'host' | 'path'>> {
  const text = await runIn(state, host, ['sh', '-c', readFileBase64, 'sh', path]);
  const [head = '', content = ''] = text.split('\n');
  if (head === 'absent') return { content: null, mode: '', owner: '' };
  const [mode = '644', owner = '0:0'] = head.split(' ');
  return { content, mode, owner };
}

const serviceOrder = ['php-fpm', 'nginx', 'haproxy'] as const;

/** Services, other than sshd, that `lab up` starts on this host. */
export function servicesOf(plan: HostPlan): readonly ('nginx' | 'php-fpm' | 'haproxy')[] {
  return serviceOrder.filter((service) => plan.services.includes(service));
}

/** Stops (where it runs) and starts a service. Rejects with the service's own message where it does not come up. */
export async function restartService(state: LabState, host: string, service: 'nginx' | 'php-fpm' | 'haproxy'): Promise<void> {
  await runIn(state, host, ['sh', '-ec', `${stopSnippet(service, state)}\n${startSnippet(service, state)}`]);
}

/** The host of that name. Throws LabError for an unknown one. */
export function labHost(journal: Journal, name: string): LabHost {
  const { state } = journal;
  const plan = planHosts(state.options).find((each) => each.name === name);
  if (plan === undefined)
    throw new LabError(
      `the lab has no host "${name}"`,
      `its hosts are ${planHosts(state.options)
        .map((each) => each.name)
        .join(', ')}`,
    );
  const run: LabHost['run'] = (command, options) => runIn(state, name, command, options);
  const write: LabHost['write'] = async (path, content) => {
    if (!posix.isAbsolute(path)) throw new Error(`${name}: ${path} is not an absolute path`);
    journal.add({ kind: 'file', host: name, path, ...(await snapshot(state, name, path)) });
    await run(['sh', '-c', writeFileKeeping, 'sh', path], { input: content });
  };
  return {
    name,
    role: plan.role,
    run,
    write,
    async change(command, undo) {
      const entry: Undo = { kind: 'command', host: name, command: [...undo] };
      journal.add(entry);
      try {
        await run(command);
      } catch (cause) {
        journal.retract(entry);
        throw cause;
      }
    },
    read: (path) => run(['cat', '--', path]),
    async edit(path, from, to) {
      const before = await run(['cat', '--', path]);
      const found = typeof from === 'string' ? before.includes(from) : before.search(from) >= 0;
      if (!found) throw new Error(`${name}:${path}: nothing there matches ${String(from)}, so the fault would do nothing`);
      await write(
        path,
        before.replace(from, () => to),
      );
    },
    async sysctl(key, value) {
      const path = `/proc/sys/${key.replaceAll('.', '/')}`;
      const before = await run(['cat', '--', path]);
      journal.add({ kind: 'sysctl', host: name, name: key, value: before.trim() });
      await run(['sh', '-c', 'cat > "$1"', 'sh', path], { input: `${value}\n` });
    },
    async smallTmpfs(path, sizeBytes, owner) {
      journal.add({ kind: 'mount', host: name, path });
      const mode = (await run(['stat', '-c', '%a %u:%g', '--', path])).trim();
      const [bits = '755', was = '0:0'] = mode.split(' ');
      await run(['mount', '-t', 'tmpfs', '-o', `size=${sizeBytes},mode=${bits}`, 'tmpfs', path]);
      await run(['chown', owner ?? was, '--', path]);
    },
    async spawn(command) {
      const process = await spawnDetached([...enterWords(state.hosts[name]?.pid ?? 0), ...command]);
      journal.add({ kind: 'process', host: name, process });
    },
    async service(service, action) {
      if (!servicesOf(plan).includes(service)) throw new Error(`${name} does not run ${service}`);
      journal.add({ kind: 'service', host: name, service });
      const snippet = {
        start: startSnippet(service, state),
        stop: stopSnippet(service, state),
        restart: `${stopSnippet(service, state)}\n${startSnippet(service, state)}`,
        reload: reloadSnippet(service, state),
        kill: killSnippet(service, state),
      }[action];
      await run(['sh', '-ec', snippet]);
    },
  };
}
