// Small, careful dealings with Linux: run a command with a deadline, tell a process from one that later got the same pid, end a
// process and what it started, enter a host's namespaces.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be mistaken: its pid and when the kernel started it (clock ticks since boot). */
export interface ProcessRef {
  readonly pid: number;
  readonly start: number;
}

/** The environment of everything that runs in the lab: nothing of the caller's leaks in. */
export const cleanEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
};

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. At the deadline its whole process group is killed and `code` is null. Rejects only where it cannot be started. */
export function runCommand(
  words: readonly string[],
  options: { readonly input?: string; readonly timeoutMs?: number; readonly cwd?: string } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = words;
    const child = spawn(program, args, {
      env: { ...cleanEnvironment },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const timer = setTimeout(() => {
      killGroup(child.pid);
      // Something may have escaped the group and hold the pipes: do not wait for it.
      child.stdout.destroy();
      child.stderr.destroy();
    }, options.timeoutMs ?? 20_000);
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    let code: number | null = null;
    // Daemons keep the pipes open after their starter has ended: a short grace, then what arrived is the answer.
    child.on('exit', (status) => {
      code = status;
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 300).unref();
    });
    child.on('close', () => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(stdout).toString('utf8'), stderr: Buffer.concat(stderr).toString('utf8') });
    });
    child.stdin.end(options.input ?? '');
  });
}

/** As `runCommand`, but rejects with the command's own words unless it exits 0. */
export async function mustRun(
  words: readonly string[],
  options: { readonly input?: string; readonly timeoutMs?: number } = {},
): Promise<string> {
  const result = await runCommand(words, options);
  if (result.code !== 0) {
    const said = (result.stderr.trim() || result.stdout.trim()).slice(0, 600);
    throw new Error(
      `${words.join(' ')}: ${result.code === null ? 'ended by deadline or signal' : `exit ${result.code}`}${said === '' ? '' : `: ${said}`}`,
    );
  }
  return result.stdout;
}

interface Stat {
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly start: number;
}

/** Takes a line of /proc/PID/stat apart; the name may hold spaces and parentheses. */
export function parseStat(line: string): Stat | null {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const rest = line.slice(close + 2).split(' ');
  const [state, parent, group, start] = [rest[0], Number(rest[1]), Number(rest[2]), Number(rest[19])];
  return state !== undefined && Number.isInteger(parent) && Number.isInteger(start)
    ? { name: line.slice(open + 1, close), state, parent, group, start }
    : null;
}

function statOf(pid: number): Stat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

/** The process with this pid right now, or null. Zombies count as gone. */
export function processRef(pid: number): ProcessRef | null {
  const stat = statOf(pid);
  return stat === null || stat.state === 'Z' || stat.state === 'X' ? null : { pid, start: stat.start };
}

/** Whether this very process still runs. */
export function isAlive(ref: ProcessRef): boolean {
  return processRef(ref.pid)?.start === ref.start;
}

function eachProcess(): readonly { readonly pid: number; readonly stat: Stat }[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = /^\d+$/.test(entry) ? Number(entry) : 0;
    const stat = pid === 0 ? null : statOf(pid);
    return stat === null ? [] : [{ pid, stat }];
  });
}

/** Direct children, with their command lines as lists of words. */
export function childrenOf(pid: number): readonly { readonly pid: number; readonly start: number; readonly command: readonly string[] }[] {
  return eachProcess().flatMap((each) => {
    if (each.stat.parent !== pid) return [];
    try {
      return [
        { pid: each.pid, start: each.stat.start, command: readFileSync(`/proc/${each.pid}/cmdline`, 'utf8').split('\0').slice(0, -1) },
      ];
    } catch {
      return [];
    }
  });
}

/** Sends a signal to this very process; false where it was gone already. */
export function signal(ref: ProcessRef, name: NodeJS.Signals): boolean {
  if (!isAlive(ref)) return false;
  try {
    process.kill(ref.pid, name);
    return true;
  } catch {
    return false;
  }
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

/** Ends a process that leads its own group, and the group. Does nothing where the pid belongs to something else by now. */
export function endGroup(leader: ProcessRef): void {
  const now = statOf(leader.pid);
  const same = now !== null && now.start === leader.start;
  // While any member of a group lives, its number is not given to a new process; so without a live stranger of that pid it is ours.
  const orphans = now === null && eachProcess().some((each) => each.stat.group === leader.pid);
  if (same || orphans) killGroup(leader.pid);
}

/** Waits until a condition holds. False at the deadline. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs: number, everyMs = 20): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() >= deadline) return false;
    await sleep(everyMs);
  }
}

/** Words put before a command so that it runs inside a host. The command becomes a process of the host's own PID namespace. */
export function enterWords(hostPid: number): readonly string[] {
  return ['nsenter', '-t', String(hostPid), '--net', '--mount', '--pid', '--uts', '--'];
}

/** As `enterWords`, but with the caller's own file system: for helpers that are not installed in the host. */
export function enterNetworkWords(hostPid: number): readonly string[] {
  return ['nsenter', '-t', String(hostPid), '--net', '--pid', '--uts', '--'];
}

/** Inode of this process's network namespace. */
export function ownNetworkNamespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0] ?? '0';
}
