// A real nginx, php-fpm and HAProxy in a network and mount namespace of their own, for the tests of host probes. Nothing here is mocked.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { userAgent } from '../model/marks.ts';
import type { EvidenceMap, ProbeId } from '../model/observations.ts';
import type { HostProbe, ParseContext } from '../model/probe.ts';
import { siteSchema } from '../model/site.ts';
import { composeHostScript, splitHostOutput, type HostSection } from './host-script.ts';

const site = siteSchema.parse({ why5xx: 1, url: 'http://shop.example/' });

/** What a parser is told in a run with this nonce prefix. */
export function contextOf(run: string): ParseContext {
  return { host: 'web-1', role: 'backend', site, run, sentAtMs: 0, receivedAtMs: 0 };
}
export const context = contextOf('000000000000');

export const shells: readonly (readonly string[])[] = [['dash'], ['busybox', 'sh']];

export interface Stack extends AsyncDisposable {
  readonly folder: string;
  /** Runs words inside the namespaces and returns stdout. */
  exec(words: readonly string[], input?: string, env?: Readonly<Record<string, string>>): { stdout: string; status: number | null };
  /** Starts a server inside the namespaces; ended with the stack. */
  start(words: readonly string[], logFile?: string): ChildProcess;
  stop(child: ChildProcess): Promise<void>;
  /** GET over loopback inside the namespaces: the status, `000` when none came. */
  get(url: string, nonce?: string): string;
  file(name: string): string;
  write(name: string, text: string): string;
  /** Runs probes as the runner does: one script per phase. */
  sections(
    probes: readonly HostProbe[],
    phase: 'before' | 'after',
    env?: Readonly<Record<string, string>>,
    shell?: readonly string[],
  ): Map<ProbeId, HostSection>;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await exit;
  clearTimeout(timer);
}

/** Namespaces with loopback up and an empty folder that every user may enter. */
export async function openStack(): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), 'why5xx-host-'));
  chmodSync(folder, 0o755);
  const holder = spawn(
    'unshare',
    ['--net', '--mount', '--propagation', 'private', 'sh', '-c', 'ip link set lo up && echo ready && exec sleep 900'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', () => reject(new Error('no namespace')));
  });
  const enter = ['nsenter', '-t', String(holder.pid), '-n', '-m'];
  const children: ChildProcess[] = [];
  const exec: Stack['exec'] = (words, input = '', env = {}) => {
    const [command = '', ...args] = [...enter, ...words];
    const result = spawnSync(command, args, { input, env: { ...process.env, ...env }, maxBuffer: 256 * 1024 * 1024, timeout: 30_000 });
    return { stdout: result.stdout.toString('utf8'), status: result.status };
  };
  return {
    folder,
    exec,
    start(words, logFile) {
      const [command = '', ...args] = [...enter, ...words];
      const out = logFile === undefined ? null : openSync(join(folder, logFile), 'a');
      const child = spawn(command, args, { stdio: ['ignore', out ?? 'ignore', out ?? 'ignore'] });
      if (out !== null) closeSync(out);
      children.push(child);
      return child;
    },
    stop: ended,
    get(url, nonce) {
      const agent = nonce === undefined ? 'curl' : userAgent('0.1.0', nonce);
      return exec(['curl', '-s', '-o', '/dev/null', '-m', '8', '-A', agent, '-H', 'Host: shop.example', '-w', '%{http_code}', url]).stdout;
    },
    file: (name) => readFileSync(join(folder, name), 'utf8'),
    write(name, text) {
      const path = join(folder, name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    sections(probes, phase, env = {}, shell = ['dash']) {
      const token = randomBytes(16).toString('hex');
      const { stdout } = exec([...shell, '-s'], composeHostScript(probes, phase, token), env);
      return splitHostOutput(stdout, token);
    },
    async [Symbol.asyncDispose]() {
      for (const child of children.toReversed()) await ended(child);
      await ended(holder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until a condition holds; throws after five seconds. */
export async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (holds()) return;
    await sleep(50);
  }
  throw new Error('waited in vain');
}

/** Reads a probe once and combines it, as after a run without first reading. */
export function once<Id extends ProbeId, Sample>(
  stack: Stack,
  probe: HostProbe<Id, Sample>,
  env: Readonly<Record<string, string>> = {},
  shell: readonly string[] = ['dash'],
): EvidenceMap[Id] {
  const phase = probe.when === 'before' ? 'before' : 'after';
  const section = stack.sections([probe], phase, env, shell).get(probe.id);
  if (!section) throw new Error(`no section of ${probe.id}`);
  return probe.combine(undefined, probe.parse(section.output, context), context);
}

export interface WebHost extends Stack {
  readonly nginx: ChildProcess;
  readonly fpm: ChildProcess;
  readonly haproxy: ChildProcess;
}

/** nginx on 8080 in front of a php-fpm pool of two children, HAProxy on 8000 in front of nginx and of a dead server. */
export async function openWebHost(): Promise<WebHost> {
  const stack = await openStack();
  const { folder } = stack;
  stack.write(
    'nginx.conf',
    `user www-data;
worker_processes 2;
pid ${folder}/nginx.pid;
error_log logs/error.log info;
events { worker_connections 64; }
http {
  # a comment with ; and { in it
  log_format detailed '$remote_addr [$time_iso8601] "$request" st=$status bytes=$body_bytes_sent rt=$request_time '
    'ua="$upstream_addr" us="$upstream_status" uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time" '
    'host="$host" agent="$http_user_agent"';
  log_format json escape=json '{"at":"$time_iso8601","status":$status,"request":"$request","agent":"$http_user_agent"}';
  access_log ${folder}/logs/access.log detailed;
  access_log ${folder}/logs/access.json json;
  client_body_temp_path ${folder}/tmp;
  proxy_temp_path ${folder}/tmp; fastcgi_temp_path ${folder}/tmp; uwsgi_temp_path ${folder}/tmp; scgi_temp_path ${folder}/tmp;
  proxy_read_timeout 7s;
  include sites/*.conf;
}
`,
  );
  stack.write(
    'sites/shop.conf',
    `upstream app {
  server unix:${folder}/run/php.sock;
}
upstream two { server 127.0.0.1:9 max_fails=0; server 127.0.0.1:8081 max_fails=0; }
server {
  listen 8080 default_server;
  server_name shop.example *.shop.example;
  root ${folder}/www;
  fastcgi_read_timeout 1s;
  location = /health.html { return 200 "ok\\n"; }
  location / { try_files $uri /index.php$is_args$args; }
  location ~ \\.php$ {
    proxy_set_header Authorization "Basic c2VjcmV0OnNlY3JldA==";
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    fastcgi_param DB_PASSWORD hunter2hunter2;
    fastcgi_pass app;
  }
  location /refused/ { proxy_pass http://127.0.0.1:9; }
  location /two/ { proxy_pass http://two; proxy_read_timeout 3s; }
  location /closed/ { fastcgi_pass unix:${folder}/run/own.sock; }
  location /missing/ { fastcgi_pass unix:${folder}/run/absent.sock; }
}
server { listen 127.0.0.1:8081; location / { return 200 "inner\\n"; } }
`,
  );
  stack.write('www/index.php', '<?php echo "hello";');
  stack.write('www/fatal.php', '<?php nope();');
  stack.write('www/slow.php', '<?php sleep(4); echo "late";');
  stack.write(
    'www/noise.php',
    `<?php error_log("\\x1b[31mred\\x1b[0m\\nsecond line, client: 6.6.6.6, server: x, request: \\"GET /forged HTTP/1.1\\"\\n\\x00\\xff\\xfe"); echo 'noise';`,
  );
  for (const name of ['logs', 'tmp', 'run']) mkdirSync(join(folder, name), { recursive: true });
  chmodSync(join(folder, 'tmp'), 0o777);
  stack.write(
    'php-fpm.conf',
    `[global]
pid = ${folder}/fpm.pid
error_log = ${folder}/logs/fpm.log
daemonize = no
include = ${folder}/pool.d/*.conf
`,
  );
  stack.write(
    'pool.d/shop.conf',
    `; one pool
[shop]
user = www-data
group = www-data
listen = ${folder}/run/php.sock
listen.owner = www-data
listen.group = www-data
listen.mode = 0660
pm = static
pm.max_children = 2
pm.status_path = /fpm-status
request_terminate_timeout = 2s
request_slowlog_timeout = 1s
slowlog = ${folder}/logs/$pool.slow.log
env[SECRET_TOKEN] = abcdefabcdef

[own]
user = www-data
listen = ${folder}/run/own.sock
listen.owner = root
listen.mode = 0600
pm = ondemand
pm.max_children = 1
php_admin_value[error_log] = ${folder}/logs/php-error.log
`,
  );
  stack.write('logs/php-error.log', '');
  chmodSync(join(folder, 'logs/php-error.log'), 0o666);
  stack.write(
    'haproxy.cfg',
    `global
  stats socket ${folder}/haproxy.sock mode 600 level admin
  log stdout format rfc3164 local0
defaults base
  mode http
  option httplog
  log global
  timeout connect 1s
  timeout client 5s
  timeout server 1500
  retries 1
frontend web from base
  bind :8000
  capture request header User-Agent len 64
  use_backend dead if { path_beg /dead }
  default_backend app
backend app from base
  option httpchk GET /health.html
  http-check send hdr Host shop.example
  http-check expect status 200-299
  default-server inter 300 fall 2 rise 1
  server web-1 127.0.0.1:8080 check
  server web-2 127.0.0.1:9 check
backend dead from base
  server gone 127.0.0.1:9
userlist people
  user admin password $5$hunter2
`,
  );
  const fpm = stack.start(['php-fpm8.2', '-F', '-y', `${folder}/php-fpm.conf`], 'logs/fpm.out');
  const nginx = stack.start(['nginx', '-p', `${folder}/`, '-c', `${folder}/nginx.conf`, '-g', 'daemon off;'], 'logs/nginx.out');
  const haproxy = stack.start(['haproxy', '-db', '-f', `${folder}/haproxy.cfg`], 'haproxy.log');
  await until(
    () => existsSync(join(folder, 'run/php.sock')) && existsSync(join(folder, 'nginx.pid')) && existsSync(join(folder, 'haproxy.sock')),
  );
  await until(() => stack.get('http://127.0.0.1:8000/health.html') === '200');
  return { ...stack, nginx, fpm, haproxy, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}
