// All probes of web servers and runtimes against a real nginx, php-fpm and HAProxy, through the composed script and both shells.
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { EvidenceMap, ProbeId } from '../model/observations.ts';
import type { HostProbe } from '../model/probe.ts';
import { fpm } from './fpm/probe.ts';
import { haproxyConfig } from './haproxy-config/probe.ts';
import { haproxyStat } from './haproxy-stat/probe.ts';
import { context, contextOf, once, openStack, openWebHost, shells, until, type WebHost } from './host-stack.test-support.ts';
import { composeHostScript } from './host-script.ts';
import { listeners } from './listeners/probe.ts';
import { logs, marksOf } from './logs/probe.ts';
import { nginxConfig } from './nginx-config/probe.ts';
import { processes } from './processes/probe.ts';
import { socketFiles } from './socket-files/probe.ts';

const all = [listeners, processes, nginxConfig, haproxyConfig, haproxyStat, fpm, socketFiles, logs] as unknown as readonly HostProbe[];

let host: WebHost;
let env: Record<string, string>;
let runs = 0;
beforeAll(async () => {
  host = await openWebHost();
  env = { W5_HAPROXY_LOG: join(host.folder, 'haproxy.log') };
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

interface Evidence {
  readonly get: <Id extends keyof EvidenceMap>(id: Id) => EvidenceMap[Id];
}

/** Both readings with something in between, as a run makes them. */
async function around(
  shell: readonly string[],
  between: (get: (url: string) => string) => void | Promise<void>,
  without: readonly ProbeId[] = [],
): Promise<Evidence> {
  const run = (++runs).toString(16).padStart(12, 'f');
  const context = contextOf(run);
  let requests = 0;
  const before = host.sections(all, 'before', { ...env, W5_RUN: run }, shell);
  const asked = all.filter((probe) => !without.includes(probe.id));
  const samples = new Map(asked.map((probe) => [probe.id, probe.parse(before.get(probe.id)?.output ?? '', context)]));
  await between((url) => {
    host.get(url, `${run}-${++requests}`);
    return `${run}-${requests}`;
  });
  const marks = marksOf(samples.get('logs') as Parameters<typeof marksOf>[0]);
  const after = host.sections(all, 'after', { ...env, W5_RUN: run, W5_MARKS: marks }, shell);
  const data = new Map(
    asked.map((probe) => {
      const section = after.get(probe.id);
      expect(before.get(probe.id)?.exit, probe.id).toBe(0);
      if (probe.when === 'before') return [probe.id, probe.combine(undefined, samples.get(probe.id), context)];
      expect(section?.exit, probe.id).toBe(0);
      return [probe.id, probe.combine(samples.get(probe.id), probe.parse(section?.output ?? '', context), context)];
    }),
  );
  return { get: <Id extends keyof EvidenceMap>(id: Id) => data.get(id) as EvidenceMap[Id] };
}

describe.for(shells.map((shell) => [shell.join(' '), shell] as const))('%s', ([, shell]) => {
  it('sees the whole host and what our requests changed', async () => {
    const evidence = await around(shell, async (get) => {
      for (const path of ['/index.php', '/fatal.php', '/noise.php', '/refused/', '/two/', '/missing/', '/closed/'])
        get(`http://127.0.0.1:8080${path}`);
      host.get('http://127.0.0.1:8080/refused/others');
      const seen = host.file('logs/fpm.log').length;
      get('http://127.0.0.1:8000/slow.php');
      get('http://127.0.0.1:8000/dead/x');
      await until(() => host.file('logs/fpm.log').slice(seen).includes('exited on signal'));
    });

    const listening = evidence.get('listeners');
    expect(listening.tcp.find((each) => each.port === 8080)).toMatchObject({
      address: '0.0.0.0',
      limit: 511,
      process: 'nginx',
      queue: { now: 0, delta: 0 },
    });
    expect(listening.unix.find((each) => each.path === join(host.folder, 'run/php.sock'))?.process).toMatch(/^php-fpm/);

    const running = evidence.get('processes');
    expect(running.processes.find((each) => each.pid === host.fpm.pid)?.command).toBe(
      `php-fpm: master process (${host.folder}/php-fpm.conf)`,
    );
    expect(running.processes.some((each) => each.user === 'www-data' && each.command === 'php-fpm: pool shop')).toBe(true);
    expect(running.processes.some((each) => each.pid === process.pid)).toBe(false);
    expect(running.elapsedSeconds).toBeGreaterThan(1);
    expect(running.cpuSecondsAll).toBeGreaterThanOrEqual(0);
    expect(running.cpuSecondsAll).toBeLessThan(20);

    expect(evidence.get('nginx-config')).toMatchObject({
      running: true,
      masterPid: host.nginx.pid,
      workers: 2,
      workerUser: 'www-data',
      build: 'nginx',
      source: 'nginx -T',
      syntaxError: null,
    });
    expect(evidence.get('nginx-config').version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(JSON.stringify(evidence.get('nginx-config'))).not.toMatch(/c2VjcmV0|hunter2/);

    expect(evidence.get('haproxy-config')).toMatchObject({
      running: true,
      pid: host.haproxy.pid,
      configFile: join(host.folder, 'haproxy.cfg'),
    });
    expect(JSON.stringify(evidence.get('haproxy-config'))).not.toContain('hunter2');
    const stat = evidence.get('haproxy-stat');
    expect(stat.from).toBe(join(host.folder, 'haproxy.sock'));
    expect(stat.servers.find((each) => each.server === 'web-1')).toMatchObject({
      backend: 'app',
      status: 'UP',
      checkStatus: 'L7OK',
      http5xx: { delta: 1 },
    });
    // Null while the next check is under way.
    expect([200, null]).toContain(stat.servers.find((each) => each.server === 'web-1')?.checkCode);
    expect(stat.servers.find((each) => each.server === 'web-2')).toMatchObject({
      status: 'DOWN',
      checkStatus: 'L4CON',
      lastCheck: 'Connection refused',
    });
    expect(stat.servers.find((each) => each.server === 'gone')?.connectErrors.delta).toBe(1);
    expect(stat.frontends.map((each) => each.name)).toContain('web');

    const runtime = evidence.get('fpm');
    expect(runtime).toMatchObject({ running: true, masterPid: host.fpm.pid, errorLog: join(host.folder, 'logs/fpm.log') });
    expect(runtime.version).toMatch(/^8\./);
    expect(runtime.pools[0]).toMatchObject({
      name: 'shop',
      line: 2,
      manager: 'static',
      maxChildren: 2,
      requestTerminateTimeoutMs: 2000,
      children: 2,
      slowlog: join(host.folder, 'logs/shop.slow.log'),
      statusPath: '/fpm-status',
    });
    expect(runtime.pools[0]?.status?.slowRequests.delta).toBe(1);
    expect(runtime.pools[1]).toMatchObject({ name: 'own', manager: 'ondemand', children: 0, status: null });

    const sockets = new Map(evidence.get('socket-files').sockets.map((each) => [each.path.slice(host.folder.length), each]));
    expect(sockets.get('/run/php.sock')).toMatchObject({
      namedBy: ['nginx', 'php-fpm'],
      exists: true,
      isSocket: true,
      mode: '0660',
      owner: 'www-data',
      writableByWebServer: true,
    });
    expect(sockets.get('/run/own.sock')).toMatchObject({ mode: '0600', owner: 'root', writableByWebServer: false, closedDirectories: [] });
    expect(sockets.get('/run/absent.sock')).toMatchObject({ namedBy: ['nginx'], exists: false, writableByWebServer: null });

    const lines = evidence.get('logs');
    const nginxLines = lines.access.filter((line) => line.nonce !== null && line.haproxy === null);
    const of = (path: string): (typeof nginxLines)[number] | undefined => nginxLines.find((line) => line.path === path);
    expect(nginxLines.every((line) => line.ours)).toBe(true);
    expect(of('/index.php')).toMatchObject({ status: 200, host: 'shop.example', upstream: { statuses: [200] } });
    expect(of('/refused/')).toMatchObject({
      status: 502,
      upstream: { addresses: ['127.0.0.1:9'], statuses: [502], connectMs: [null], headerMs: [null] },
    });
    expect(
      nginxLines
        .filter((line) => line.path === '/two/')
        .map((line) => line.upstream?.addresses.length)
        .toSorted((a, b) => Number(a) - Number(b)),
    ).toEqual([0, expect.any(Number)]);
    expect(of('/slow.php')).toMatchObject({ status: 504, upstream: { headerMs: [null] } });
    const passed = lines.access.filter((line) => line.haproxy !== null && line.nonce !== null);
    expect(passed.map((line) => [line.status, line.haproxy?.server, line.haproxy?.state])).toEqual([
      [504, 'web-1', '----'],
      [503, 'gone', 'SC--'],
    ]);
    expect(lines.others.find((each) => each.file.endsWith('access.log'))?.failed).toBe(1);
    const fresh = new Set(lines.errors.filter((line) => line.ours).map((line) => line.signature));
    for (const signature of [
      'connect-refused',
      'connect-no-such-file',
      'connect-permission',
      'php-fatal',
      'read-timeout',
      'fpm-slow',
      'fpm-slow-trace',
      'fpm-terminating',
      'fpm-child-signal',
    ])
      expect([...fresh]).toContain(signature);
    const fatal = lines.errors.find((line) => line.signature === 'php-fatal');
    expect(fatal).toMatchObject({ client: '127.0.0.1', request: 'GET /fatal.php HTTP/1.1', host: 'shop.example' });
    // The application imitated nginx's own words in its error message.
    const noise = lines.errors.find((line) => line.request === 'GET /noise.php HTTP/1.1' && line.ours);
    expect(noise?.client).toBe('127.0.0.1');
    expect(lines.errors.some((line) => line.client === '6.6.6.6')).toBe(false);
    // eslint-disable-next-line no-control-regex
    expect(JSON.stringify(lines)).not.toMatch(/\\u001b|[\u0000-\u001f]/);
  });

  it('follows rotated, truncated and new log files', async () => {
    const file = (name: string): string => join(host.folder, 'logs', name);
    const reopen = (): void => void process.kill(host.nginx.pid ?? 0, 'SIGUSR1');
    const nonces = (evidence: Evidence): string[] =>
      evidence
        .get('logs')
        .access.filter((line) => line.nonce !== null && line.haproxy === null)
        .map((line) => line.nonce ?? '');
    const health = 'http://127.0.0.1:8080/health.html';
    const wanted: string[] = [];
    const renamed = await around(shell, async (get) => {
      wanted.push(get(health));
      for (const name of ['access.log', 'access.json', 'error.log']) renameSync(file(name), file(`${name}.1`));
      wanted.push(get(health));
      reopen();
      await sleep(300);
      wanted.push(get(health));
    });
    expect(nonces(renamed)).toEqual(wanted);
    expect(renamed.get('logs').files.find((each) => each.path === file('access.log'))).toMatchObject({ rotated: true, truncated: false });

    for (let i = 0; i < 5; i++) host.get(health);
    const lost: string[] = [];
    const copied = await around(shell, (get) => {
      lost.push(get(health));
      for (const name of ['access.log', 'access.json']) {
        copyFileSync(file(name), file(`${name}.1`));
        truncateSync(file(name));
      }
      lost.push(get(health));
    });
    expect(nonces(copied)).toEqual(lost);
    expect(copied.get('logs').files.find((each) => each.path === file('access.log'))?.rotated).toBe(true);
  });

  it('finds marked lines in 100 MB of noise, in bounded time and size', async () => {
    const path = join(host.folder, 'logs', 'access.log');
    const garbage = Buffer.concat([
      Buffer.from([0, 0xff, 0xfe, 0x1b]),
      Buffer.from('[2J\nw5-00 chunk old nginx-error 0 /etc/passwd\n'),
      Buffer.alloc(70_000, 'A'),
      Buffer.from('\n'),
    ]);
    const noise = Buffer.concat(Array.from({ length: 50 }, () => garbage));
    let tookMs = 0;
    const wanted: string[] = [];
    const evidence = await around(shell, (get) => {
      wanted.push(get('http://127.0.0.1:8080/health.html'));
      for (let i = 0; i < 29; i++) appendFileSync(path, noise);
      wanted.push(get('http://127.0.0.1:8080/health.html'));
      tookMs = performance.now();
    });
    expect(performance.now() - tookMs).toBeLessThan(8000);
    const lines = evidence.get('logs');
    expect(lines.access.filter((line) => line.nonce !== null).map((line) => line.nonce)).toEqual(wanted);
    expect(lines.files.find((each) => each.path === path)).toMatchObject({ truncated: true });
    expect(JSON.stringify(lines).length).toBeLessThan(2_000_000);
    expect(lines.files.some((each) => each.path === '/etc/passwd')).toBe(false);
    truncateSync(path);
  });
});

it('reads files where nginx -T fails, and says why', async () => {
  const main = join(host.folder, 'nginx.conf');
  const good = host.file('nginx.conf');
  writeFileSync(main, good.replace('worker_processes 2;', 'worker_processes 2;\nworker_proceses 3;'));
  try {
    const config = once(host, nginxConfig);
    expect(config.source).toBe('files');
    expect(config.syntaxError).toContain('unknown directive "worker_proceses"');
    const http = config.directives.find((each) => each.name === 'http');
    expect(http?.block?.filter((each) => each.name === 'server')).toHaveLength(2);
    expect(http?.block?.find((each) => each.name === 'server')?.file).toBe(join(host.folder, 'sites/shop.conf'));
  } finally {
    writeFileSync(main, good);
  }
});

it('looks back and finds files by itself without a first reading', () => {
  const data = once(host, logs, env);
  expect(data.files.length).toBeGreaterThan(4);
  expect(data.errors.length).toBeGreaterThan(0);
});

it('works without root, and says what root would add', () => {
  const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'dash'];
  // Without root other namespaces cannot be told from the own one, so other servers of this machine might be taken for this host's.
  const own = { ...env, W5_HAPROXY_CONFIG: join(host.folder, 'haproxy.cfg'), W5_NGINX_CONFIG: join(host.folder, 'nginx.conf') };
  const sections = host.sections(all, 'before', own, user);
  expect([...sections.values()].every((section) => section.exit === 0)).toBe(true);
  expect([...sections.values()].flatMap((section) => section.needsRoot)).toContain('the stats socket of HAProxy');
  const running = processes.combine(undefined, processes.parse(sections.get('processes')?.output ?? '', context), context);
  expect(running.processes.some((each) => each.name === 'nginx')).toBe(true);
  const config = nginxConfig.parse(sections.get('nginx-config')?.output ?? '', context);
  expect(config).toMatchObject({ running: true, syntaxError: null });
});

describe('on a host that has nothing but busybox', () => {
  let shell: readonly string[];
  beforeAll(() => {
    const applets = join(host.folder, 'applets');
    mkdirSync(applets);
    copyFileSync('/usr/bin/busybox', join(applets, 'busybox'));
    chmodSync(join(applets, 'busybox'), 0o755);
    host.exec([join(applets, 'busybox'), '--install', '-s', applets]);
    // The applets point at /usr/bin/busybox, where their folder is mounted.
    for (const name of readdirSync(applets)) {
      if (name === 'busybox') continue;
      rmSync(join(applets, name));
      symlinkSync('/usr/bin/busybox', join(applets, name));
    }
    shell = [
      'unshare',
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      'mount --bind "$1" /usr/bin && exec /usr/bin/busybox sh "$2"',
      'sh',
      applets,
    ];
  });

  it('reads the same, only without tools that are not there', async () => {
    const wanted: string[] = [];
    const evidence = await around(
      shell,
      (get) => {
        wanted.push(get('http://127.0.0.1:8080/refused/'));
        renameSync(join(host.folder, 'logs/access.log'), join(host.folder, 'logs/access.log.2'));
        wanted.push(get('http://127.0.0.1:8080/fatal.php'));
        process.kill(host.nginx.pid ?? 0, 'SIGUSR1');
      },
      ['haproxy-stat'],
    );
    const listening = evidence.get('listeners');
    expect(listening).toMatchObject({ source: 'proc' });
    expect(listening.tcp.find((each) => each.port === 8081)).toMatchObject({
      address: '127.0.0.1',
      queue: { now: 0, delta: 0 },
      limit: null,
    });
    expect(listening.unix.map((each) => each.path)).toContain(join(host.folder, 'run/php.sock'));
    expect(evidence.get('processes').processes.find((each) => each.pid === host.fpm.pid)).toMatchObject({
      user: 'root',
      command: `php-fpm: master process (${host.folder}/php-fpm.conf)`,
    });
    expect(evidence.get('nginx-config')).toMatchObject({ running: true, workers: 2, source: 'nginx -T', workerUser: 'www-data' });
    expect(evidence.get('haproxy-config').sections.length).toBeGreaterThan(4);
    expect(evidence.get('fpm').pools[0]).toMatchObject({ name: 'shop', children: 2, status: null });
    expect(evidence.get('socket-files').sockets.find((each) => each.path.endsWith('/php.sock'))).toMatchObject({
      mode: '0660',
      owner: 'www-data',
      writableByWebServer: true,
    });
    const lines = evidence.get('logs');
    expect(lines.access.filter((line) => line.nonce !== null).map((line) => line.nonce)).toEqual(wanted);
    expect(lines.errors.filter((line) => line.ours).map((line) => line.signature)).toEqual(
      expect.arrayContaining(['connect-refused', 'php-fatal']),
    );
  });
});

it.for([
  ['perl', ['socat', 'nc']],
  ['python3', ['socat', 'nc', 'perl']],
  ['curl', ['socat', 'nc', 'perl', 'python3']],
] as const)('asks the stats socket through %s', ([, without]) => {
  const hidden = `w5_have() { case $1 in ${without.join(' | ')}) return 1 ;; esac; command -v "$1" >/dev/null 2>&1; }`;
  const patched = { ...haproxyStat, script: `${hidden}\n${haproxyStat.script}` };
  expect(once(host, patched).servers.find((each) => each.server === 'web-1')).toMatchObject({ status: 'UP' });
});

it('asks the pool through perl where there is no socat', () => {
  const patched = { ...fpm, script: `w5_have() { [ "$1" != socat ] && command -v "$1" >/dev/null 2>&1; }\n${fpm.script}` };
  expect(once(host, patched).pools[0]?.status).toMatchObject({ active: 1 });
});

it('does not wait for a pool that is full', async () => {
  const before = performance.now();
  const slow = [1, 2, 3].map(() => host.start(['curl', '-s', '-o', '/dev/null', 'http://127.0.0.1:8080/slow.php']));
  await until(() => once(host, fpm).pools[0]?.status === null);
  const began = performance.now();
  const full = once(host, fpm);
  expect(full.pools[0]).toMatchObject({ children: 2, status: null });
  expect(performance.now() - began).toBeLessThan(3000);
  for (const child of slow) await host.stop(child);
  expect(performance.now() - before).toBeLessThan(15_000);
});

it('reports the configuration on disk when nothing runs', async () => {
  await using empty = await openStack();
  const pool = empty.write('pool.conf', '[www]\nlisten = 127.0.0.1:9000\npm = dynamic\npm.max_children = 5\n');
  const main = empty.write('php-fpm.conf', `[global]\ninclude = ${pool}\n`);
  const runtime = once(empty, fpm, { W5_FPM_CONFIG: main });
  expect(runtime).toMatchObject({ running: false, masterPid: null, configFile: main });
  expect(runtime.pools[0]).toMatchObject({
    name: 'www',
    listen: '127.0.0.1:9000',
    manager: 'dynamic',
    maxChildren: 5,
    children: 0,
    childrenRunning: null,
  });
  const config = once(empty, nginxConfig, {
    W5_NGINX_CONFIG: empty.write('nginx.conf', `pid ${empty.folder}/x.pid; error_log ${empty.folder}/e.log; events {}\n`),
  });
  expect(config).toMatchObject({ running: false, workers: 0, masterPid: null });
});

it('costs a host little', () => {
  const token = '0123456789abcdef0123456789abcdef';
  const script = host.write('script.sh', composeHostScript(all, 'before', token));
  const best = Math.min(
    ...Array.from({ length: 5 }, () => {
      const { stdout } = host.exec(
        ['bash', '-c', 'TIMEFORMAT="cpu %U %S"; { time dash -s <"$1" >/dev/null 2>&1; } 2>&1', 'bash', script],
        '',
        env,
      );
      const [, user = '', system = ''] = /cpu ([\d.]+) ([\d.]+)/.exec(stdout) ?? [];
      return Number(user) + Number(system);
    }),
  );
  expect(best).toBeGreaterThan(0);
  // Alone on the machine it is a quarter of this; other tests share the processors here.
  expect(best).toBeLessThan(0.25);
});
