// Raises and removes the lab. Everything hangs on one process, the keeper: whatever state a killed command left behind, ending the
// keeper ends all of it.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  closeSync,
} from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';

import type { LabFacts } from '../model/fault.ts';
import { balancerFiles } from './files-balancer.ts';
import { backendFiles, edgeFiles, type Files } from './files-web.ts';
import { type Credentials, makeCredentials, sshdConfig } from './keys.ts';
import { factsOf, here, type HostPlan, type LabOptions, planHosts } from './plan.ts';
import { startNoise, withNoise } from './noise.ts';
import { initScript, keeperScript, networkBatch, sysctlLines } from './scripts.ts';
import { startSnippet } from './services.ts';
import { filesOf, isUp, LabError, type LabState, labDirectory, readState, withLock, writeState } from './state.ts';
import {
  childrenOf,
  cleanEnvironment,
  isAlive,
  mustRun,
  parseStat,
  processRef,
  type ProcessRef,
  runCommand,
  signal,
  until,
} from './system.ts';

/** Debian package that brings each program the lab needs. */
const packages: Readonly<Record<string, string>> = {
  '/usr/sbin/nginx': 'nginx-light',
  '/usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so': 'libnginx-mod-http-headers-more-filter',
  '/usr/sbin/sshd': 'openssh-server',
  '/usr/bin/ssh-keygen': 'openssh-client',
  '/usr/bin/openssl': 'openssl',
  '/usr/sbin/nft': 'nftables',
  '/usr/bin/curl': 'curl',
  '/usr/bin/nsenter': 'util-linux',
};

/** Version of the installed php-fpm (`8.2`), or null. The newest wins. */
function installedPhp(): string | null {
  const versions = readdirSync('/usr/sbin').flatMap((name) => /^php-fpm(\d+\.\d+)$/.exec(name)?.[1] ?? []);
  return versions.toSorted((a, b) => Number(a) - Number(b)).at(-1) ?? null;
}

/** Whether system users (ids up to 999) exist in this user namespace, by the text of /proc/self/uid_map. */
export function mapsServiceUsers(map: string): boolean {
  return map.split('\n').some((line) => {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    return inside !== undefined && count !== undefined && inside <= 1 && inside + count > 999;
  });
}

/** Version of php-fpm that the lab will use. Throws LabError that names everything that is missing. */
function checkMachine(options: LabOptions): string {
  if (process.platform !== 'linux')
    throw new LabError('the lab needs Linux: it is made of network namespaces', 'run it on a Linux machine or in a virtual machine');
  if (process.getuid?.() !== 0) {
    throw new LabError('the lab needs root: it makes namespaces, interfaces and firewall rules of its own', 'run it with sudo');
  }
  if (!mapsServiceUsers(readFileSync('/proc/self/uid_map', 'utf8'))) {
    throw new LabError(
      'this user namespace has no user but root: nginx, php-fpm and sshd cannot drop their rights in it',
      'run with sudo, or map a range of users: unshare --map-root-user --map-auto --net --mount --pid --fork (package uidmap)',
    );
  }
  const needed = { ...packages, ...(options.balancer === 'haproxy' ? { '/usr/sbin/haproxy': 'haproxy' } : {}) };
  const php = installedPhp();
  const missing = [
    ...Object.entries(needed).flatMap(([path, name]) => (existsSync(path) ? [] : [name])),
    ...(php === null ? ['php-fpm'] : []),
  ];
  if (!['/sbin/ip', '/usr/sbin/ip', '/bin/ip', '/usr/bin/ip'].some((path) => existsSync(path))) missing.push('iproute2');
  if (missing.length > 0 || php === null) {
    throw new LabError(
      `the lab needs programs that are not installed: ${missing.join(', ')}`,
      `apt-get install -y --no-install-recommends ${missing.join(' ')}`,
    );
  }
  return php;
}

export interface UpResult {
  readonly state: LabState;
  readonly directory: string;
  /** True where the lab was up already and nothing was done. */
  readonly already: boolean;
  readonly tookMs: number;
}

/** Raises the lab and waits until the site answers. Rejects with LabError where something of the machine is missing; leaves nothing then. */
export async function up(options: LabOptions): Promise<UpResult> {
  const began = performance.now();
  const phpVersion = checkMachine(options);
  const directory = labDirectory();
  return withLock(directory, async () => {
    const old = readState(directory);
    if (isUp(old)) {
      if (JSON.stringify(old.options) !== JSON.stringify(options)) {
        throw new LabError(`a lab is up already, with other options (${describeOptions(old.options)})`, 'run `why5xx lab down` first');
      }
      return { state: old, directory, already: true, tookMs: performance.now() - began };
    }
    await remove(directory);
    try {
      const state = await raise(directory, options, phpVersion);
      return { state, directory, already: false, tookMs: performance.now() - began };
    } catch (cause) {
      await remove(directory);
      throw cause;
    }
  });
}

/** Options in the words of the command line. */
export function describeOptions(options: LabOptions): string {
  return [
    `--balancer ${options.balancer}`,
    `--layer ${options.layer}`,
    `--backends ${options.backends}`,
    ...(options.noise === null ? [] : [`--noise ${options.noise}`]),
    ...(options.realTimeouts ? ['--real-timeouts'] : []),
  ].join(' ');
}

/** Removes the lab of this network namespace, whatever state it is in. Returns false where there was none. */
export async function down(): Promise<boolean> {
  const directory = labDirectory();
  const was = existsSync(directory);
  if (!was && !existsSync('/run/why5xx')) return false;
  await withLock(directory, () => remove(directory));
  try {
    rmdirSync('/run/why5xx');
  } catch {
    // Others are in there, or it is a mount point: theirs.
  }
  return was;
}

function keeperOf(directory: string): ProcessRef | null {
  try {
    const line = readFileSync(filesOf(directory).keeperPid, 'utf8');
    const stat = parseStat(line);
    return stat === null ? null : { pid: Number.parseInt(line, 10), start: stat.start };
  } catch {
    return null;
  }
}

async function remove(directory: string): Promise<void> {
  const keeper = keeperOf(directory);
  const started = existsSync(directory);
  // The caller's end of the wire first: its peer goes with it at once, while a dying namespace takes its time.
  if (started) await runCommand(['ip', 'link', 'delete', here.device]);
  if (keeper !== null && isAlive(keeper)) {
    const inside = childrenOf(keeper.pid).map(({ pid, start }) => ({ pid, start }));
    for (const each of inside) signal(each, 'SIGKILL');
    signal(keeper, 'SIGKILL');
    const gone = await until(() => ![keeper, ...inside].some(isAlive), 10_000);
    if (!gone)
      throw new LabError(
        `the lab's first process (${keeper.pid}) does not end`,
        'look for processes that hang in the kernel: ps -eo pid,stat,args',
      );
  }
  rmSync(directory, { recursive: true, force: true });
}

async function raise(directory: string, options: LabOptions, phpVersion: string): Promise<LabState> {
  const facts = factsOf(options, phpVersion);
  const hosts = planHosts(options);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const state: LabState = {
    schema: 1,
    status: 'starting',
    options,
    phpVersion,
    keeper: null,
    hosts: {},
    active: [],
    undo: [],
    touched: [],
    site: {},
  };
  writeState(directory, state);
  const credentials = await makeCredentials(directory, hosts);
  seed(directory, options, facts, hosts, credentials, phpVersion);

  const log = openSync(join(directory, 'keeper.log'), 'w');
  const child = spawn(
    'sh',
    [
      '-c',
      'read -r line < /proc/self/stat; echo "$line" > "$1/keeper.pid"; exec unshare --net --mount --propagation private --pid --fork --kill-child=SIGKILL --mount-proc sh "$1/keeper.sh" "$1"',
      'why5xx-lab',
      directory,
    ],
    {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...cleanEnvironment },
      cwd: '/',
    },
  );
  closeSync(log);
  child.unref();
  const failure = () =>
    child.exitCode === null && child.signalCode === null ? null : readFileSync(join(directory, 'keeper.log'), 'utf8').trim().slice(0, 600);
  const spawned = new Promise<never>((_, reject) => child.once('error', reject));
  const wired = await Promise.race([
    until(() => existsSync(join(directory, 'wired')) || failure() !== null || failed(directory, hosts) !== null, 20_000, 10),
    spawned,
  ]);
  const problem = failed(directory, hosts) ?? failure();
  if (!wired || problem !== null) throw setupError(problem);

  const keeper = keeperOf(directory);
  const init = keeper === null ? undefined : childrenOf(keeper.pid)[0];
  if (keeper === null || init === undefined) throw setupError('the keeper has gone');
  state.keeper = keeper;
  for (const holder of childrenOf(init.pid)) {
    const name = holder.command.at(-1) ?? '';
    const first = childrenOf(holder.pid)[0];
    const ref = first === undefined ? null : processRef(first.pid);
    if (ref !== null && hosts.some((host) => host.name === name)) state.hosts[name] = ref;
  }
  writeState(directory, state);
  await connectHere(init.pid, Object.values(facts.backendAddresses));
  const settled = await until(
    () => failed(directory, hosts) !== null || hosts.every((host) => statusOf(directory, host.name).endsWith('done\n')),
    20_000,
    10,
  );
  const broken = failed(directory, hosts);
  if (!settled || broken !== null) throw setupError(broken);
  if (Object.keys(state.hosts).length !== hosts.length) throw setupError('not every host is there');
  const answers = await until(() => siteAnswers(facts, options.layer), 10_000, 30);
  if (!answers) throw setupError('the site does not answer');
  await startNoise(state);
  state.status = 'ready';
  writeState(directory, state);
  return state;
}

function setupError(problem: string | null): LabError {
  return new LabError(
    `the lab could not be set up: ${problem ?? 'it took too long'}`,
    'is this machine allowed to make namespaces (a container may not be)? The lab has been removed again',
  );
}

function statusOf(directory: string, host: string): string {
  try {
    return readFileSync(join(directory, 'status', host), 'utf8');
  } catch {
    return '';
  }
}

function failed(directory: string, hosts: readonly HostPlan[]): string | null {
  for (const host of hosts) {
    const text = statusOf(directory, host.name);
    if (text.includes('failed at: ')) return `${host.name}: ${text.trim().replaceAll('\n', '; ').slice(0, 500)}`;
  }
  return null;
}

async function connectHere(fabricPid: number, privateAddresses: readonly string[]): Promise<void> {
  await mustRun(['ip', '-batch', '-'], { input: `link add ${here.device} type veth peer name p-${here.peer} netns ${fabricPid}\n` });
  await Promise.all([
    mustRun(['nsenter', '-t', String(fabricPid), '--net', '--', 'ip', 'link', 'set', `p-${here.peer}`, 'master', 'br-isp-a', 'up']),
    mustRun(['ip', '-batch', '-'], {
      input: [
        `address add ${here.address}/24 dev ${here.device}`,
        `address add ${here.managementAddress}/32 dev ${here.device}`,
        `link set ${here.device} up`,
        ...here.routes.map((network) => `route add ${network} via ${here.gateway} dev ${here.device} src ${here.address}`),
        // Private addresses end at the ISP, which has no way to them: without this they would leave by the machine's own default route.
        ...privateAddresses.map((address) => `route add ${address}/32 via ${here.gateway} dev ${here.device} src ${here.address}`),
        `route add ${here.managementNetwork} via ${here.managementGateway} dev ${here.device} src ${here.managementAddress}`,
        '',
      ].join('\n'),
    }),
  ]);
}

function seed(
  directory: string,
  options: LabOptions,
  facts: LabFacts,
  hosts: readonly HostPlan[],
  credentials: Credentials,
  phpVersion: string,
): void {
  const put = (path: string, content: string, mode = 0o644) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, content, { mode });
    if ((statSync(path).mode & 0o777) !== mode) chmodSync(path, mode);
  };
  for (const folder of ['status', 'hosts', 'net', 'sysctl', 'start', 'seed']) mkdirSync(join(directory, folder), { recursive: true });
  put(join(directory, 'keeper.sh'), keeperScript(hosts));
  put(join(directory, 'init.sh'), initScript());
  const names = [`127.0.0.1 localhost`, `${options.layer === 4 ? facts.balancerAddress : facts.edgeAddress} ${facts.siteHost}`];
  // Nobody has a password, and root is not locked: sshd would refuse its key as well.
  const shadow = readFileSync('/etc/passwd', 'utf8').replaceAll(/^([^:\n]*):.*$/gm, '$1:*:19700:0:99999:7:::');
  hosts.forEach((host) => {
    const root = join(directory, 'seed', host.name);
    const backend = hosts.filter((each) => each.role === 'backend').indexOf(host);
    const files: Files = {
      ...(host.role === 'edge' ? edgeFiles(options, facts) : {}),
      ...(host.role === 'balancer' ? balancerFiles(options, facts) : {}),
      ...(backend >= 0 ? backendFiles(options, facts, backend) : {}),
      '/etc/hosts': `${names.join('\n')}\n127.0.1.1 ${host.name}\n`,
      '/etc/hostname': `${host.name}\n`,
      '/etc/resolv.conf': '# no resolver here: names are in /etc/hosts\n',
      '/etc/ssh/sshd_config': sshdConfig,
      '/root/.ssh/authorized_keys': credentials.clientPublicKey,
    };
    const noisy = withNoise(options, host, files, phpVersion, Date.now());
    for (const [path, content] of Object.entries(noisy.files)) put(join(root, path), content);
    for (const [path, content] of Object.entries(credentials.hostFiles[host.name] ?? {}))
      put(join(root, path), content, path.endsWith('.pub') || path.endsWith('.crt') ? 0o644 : 0o600);
    if (!existsSync(join(root, '/etc/nftables.conf'))) put(join(root, '/etc/nftables.conf'), '');
    put(join(root, '/etc/shadow'), shadow, 0o600);
    put(join(directory, 'net', host.name), networkBatch(host));
    put(join(directory, 'sysctl', host.name), sysctlLines(host, noisy.sysctls));
    put(
      join(directory, 'start', host.name),
      host.services.map((service) => `STEP=${service}; ${startSnippet(service, { phpVersion })}`).join('\n'),
    );
  });
}

/** Status of one request to the site as a user sends it, or null where no answer came within the time. */
export function statusFrom(address: string, port: number, path: string, siteHost: string, timeoutMs = 2_000): Promise<number | null> {
  return new Promise((resolve) => {
    const request = http.get(
      { host: address, port, path, agent: false, headers: { host: siteHost, 'user-agent': 'curl/7.88.1' }, timeout: timeoutMs },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? null));
        response.on('error', () => resolve(null));
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
  });
}

/** Whether the edge (layer 7), and the layer-4 listener, answer 200 for the application's page. */
export async function siteAnswers(facts: LabFacts, layer: 4 | 7): Promise<boolean> {
  const four = await statusFrom(facts.balancerAddress, facts.layer4Port, '/api/orders', facts.siteHost);
  if (four !== 200) return false;
  if (layer === 4) return true;
  return (await statusFrom(facts.edgeAddress, facts.httpPort, '/api/orders', facts.siteHost)) === 200;
}
