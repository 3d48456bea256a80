// Runs a command and measures it from outside: wall time, processor time, peak memory of its largest process.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** One run of one command. */
export interface Run {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Peak resident memory of the largest process of the command. */
  readonly rssMib: number;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `command` to its end or for `limitMs`; needs GNU time. Rejects where it cannot be started or takes too long. */
export async function run(command: readonly string[], limitMs = 900_000, env: NodeJS.ProcessEnv = process.env): Promise<Run> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'why5xx-time-'));
  const figures = path.join(folder, 'time');
  try {
    const began = performance.now();
    const child = spawn('/usr/bin/time', ['-q', '-o', figures, '-f', '%M %U %S', ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...env, LC_ALL: 'C' },
    });
    const parts: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.stderr.on('data', (part: Buffer) => errors.push(part));
    // The command may be a pipeline: its group is the one that this run made.
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), limitMs);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve(status));
    }).finally(() => clearTimeout(timer));
    const wallMs = performance.now() - began;
    if (wallMs >= limitMs) throw new Error(`${command.join(' ')}: not done after ${limitMs} ms`);
    const [rss = 0, user = 0, system = 0] = (readFileSync(figures, 'utf8').trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    return {
      wallMs,
      cpuMs: (user + system) * 1000,
      rssMib: rss / 1024,
      code,
      stdout: Buffer.concat(parts).toString(),
      stderr: Buffer.concat(errors).toString(),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Median; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
