// The live tail: a writer at a steady rate with two rotations, our own program following, its share of a core and what it missed.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { ourAnswer } from './answers.ts';

export interface TailResult {
  readonly megabytesPerSecond: number;
  readonly seconds: number;
  /** Of one core, 0.03 is 3 %. */
  readonly cpuShare: number;
  readonly rssMib: number;
  readonly written: { readonly lines: number; readonly failed: number };
  readonly counted: { readonly lines: number; readonly failed: number };
}

/** Processor time of a process with all its threads, in ms. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Clock ticks are hundredths of a second on every Linux that Node runs on.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const rssMib = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;

/**
 * Follows a file of the folder `near` while `source` is written to it. `ours` is the command before its file. Rejects where our program ends
 * early or gives no report.
 */
export async function measureTail(
  ours: readonly string[],
  source: string,
  near: string,
  megabytesPerSecond: number,
  seconds: number,
): Promise<TailResult> {
  const folder = mkdtempSync(path.join(near, 'tail-'));
  const target = path.join(folder, 'access.log');
  writeFileSync(target, '');
  const [program = '', ...args] = ours;
  const report = path.join(folder, 'report.json');
  const follower = spawn(program, [...args, target, '--follow', '-o', `json:${report}`, '--quiet'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const errors: Buffer[] = [];
  follower.stderr.on('data', (part: Buffer) => errors.push(part));
  let ended = false;
  const exit = new Promise<void>((resolve) =>
    follower.once('close', () => {
      ended = true;
      resolve();
    }),
  );
  try {
    // Its start is not what is measured.
    await sleep(1500);
    const { pid } = follower;
    if (ended || pid === undefined) throw new Error(`the follower ended at once: ${Buffer.concat(errors).toString().slice(0, 400)}`);
    const before = cpuMs(pid);
    const began = performance.now();
    const writer = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'tail-writer.ts'), source, target, String(megabytesPerSecond), String(seconds)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const said: Buffer[] = [];
    writer.stdout.on('data', (part: Buffer) => said.push(part));
    await new Promise<void>((resolve, reject) => {
      writer.once('error', reject);
      writer.once('close', () => resolve());
    });
    await sleep(500);
    if (ended) throw new Error(`the follower ended early: ${Buffer.concat(errors).toString().slice(0, 400)}`);
    const cpuShare = (cpuMs(pid) - before) / (performance.now() - began);
    const rss = rssMib(pid);
    follower.kill('SIGINT');
    await Promise.race([exit, sleep(30_000)]);
    if (!ended) throw new Error('the follower did not end within 30 s of SIGINT');
    const written = JSON.parse(Buffer.concat(said).toString()) as TailResult['written'];
    const { lines = Number.NaN, failed = Number.NaN } = ourAnswer(readFileSync(report, 'utf8'));
    return { megabytesPerSecond, seconds, cpuShare, rssMib: rss, written, counted: { lines, failed } };
  } finally {
    if (!ended) follower.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true, force: true });
  }
}
