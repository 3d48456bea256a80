// A real nginx inside a namespace, for tests of what is measured about it.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Namespace } from '../../facts/testing/namespaces.ts';

/** A running nginx master in the foreground of `prefix`. */
export interface RunningNginx {
  readonly pid: number;
  /** Holds the configuration, `logs/` and whatever the test puts there. */
  readonly directory: string;
  close(): Promise<void>;
}

/** Starts nginx on 127.0.0.1:8080. `before` is a shell command run first in the same place, `$1` is the directory; `http` goes into the http block. */
export async function startNginx(
  namespace: Namespace,
  options: {
    readonly main?: string;
    readonly http?: (directory: string) => string;
    readonly before?: string;
    readonly ownMounts?: boolean;
  } = {},
): Promise<RunningNginx> {
  const directory = await mkdtemp(join(tmpdir(), 'why5xx-nginx-'));
  await mkdir(join(directory, 'logs'));
  await mkdir(join(directory, 'body'));
  await writeFile(
    join(directory, 'nginx.conf'),
    `worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/logs/error.log; ${options.main ?? ''}
events { worker_connections 32; }
http { access_log ${directory}/logs/access.log; ${options.http?.(directory) ?? ''} server { listen 127.0.0.1:8080; location / { return 200 "ok"; } } }
`,
  );
  const wrap = options.ownMounts === true ? ['unshare', '--mount', '--propagation', 'private'] : [];
  const [program = '', ...args]: readonly string[] = [
    ...namespace.prefix,
    ...wrap,
    'sh',
    '-c',
    `${options.before ?? ':'}; exec nginx -c "$1/nginx.conf" -g 'daemon off;'`,
    'sh',
    directory,
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const listens = async (): Promise<boolean> => (await namespace.run(['ss', '-Hltn'])).stdout.includes(':8080');
  for (let attempt = 0; !(await listens()); attempt += 1) {
    if (attempt > 50 || child.exitCode !== null) throw new Error(`nginx did not start: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    pid: child.pid ?? 0,
    directory,
    async close() {
      // The master takes its workers along.
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
