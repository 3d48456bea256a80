// What surrounds a real incident and has nothing to do with it: old errors in the logs, risky but innocent settings, other users, a
// log rotation. Which of them a lab gets follows from its seed alone.
import { spawnDetached } from './host.ts';
import type { Files } from './files-web.ts';
import { helperWords, trafficSeconds } from './helper.ts';
import {
  backendAddresses,
  balancerAddress,
  edgeAddress,
  factsOf,
  type HostPlan,
  layer4Port,
  type LabOptions,
  planHosts,
  siteHost,
} from './plan.ts';
import { oldBackendLines, oldBalancerLines, oldEdgeLines, oldHaproxyLines, oldRuntimeLines } from './noise-logs.ts';
import type { LabState } from './state.ts';
import { enterWords } from './system.ts';

/** A small deterministic generator (mulberry32): the same seed gives the same numbers, 0 ≤ n < 1. */
export function generator(seed: number): () => number {
  let a = (seed + 0x6d2b79f5) >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One of the innocent settings: what it changes in a host's files, and its sysctls. */
interface Setting {
  readonly name: string;
  readonly on: 'backend' | 'edge' | 'balancer';
  files?(files: Files, options: LabOptions): Files;
  readonly sysctls?: Readonly<Record<string, string>>;
}

function replaced(files: Files, path: string, from: string, to: string): Files {
  const before = files[path];
  if (before === undefined || !before.includes(from)) throw new Error(`noise: ${path} holds no "${from}"`);
  return { ...files, [path]: before.replace(from, () => to) };
}

/** A port that nobody serves and a firewall drops; scanners knock on it. */
const knockedPort = 8888;
const knockRule = `table inet guard {
  chain input {
    type filter hook input priority filter; policy accept;
    tcp dport { 23, 445, 3389, ${knockedPort} } counter drop
  }
}
`;

const settings: readonly Setting[] = [
  // Strict, but on an interface whose traffic is symmetric.
  { name: 'rp-filter-symmetric', on: 'backend', sysctls: { 'net/ipv4/conf/mgmt0/rp_filter': '1' } },
  // Strict on the way out, where nothing arrives unasked.
  { name: 'rp-filter-way-out', on: 'backend', sysctls: { 'net/ipv4/conf/eth1/rp_filter': '1' } },
  {
    name: 'firewall-other-ports',
    on: 'balancer',
    files: (files) => ({ ...files, '/etc/nftables.conf': `${files['/etc/nftables.conf'] ?? ''}${knockRule}` }),
  },
  {
    name: 'firewall-other-ports-edge',
    on: 'edge',
    files: (files) => ({ ...files, '/etc/nftables.conf': `${files['/etc/nftables.conf'] ?? ''}${knockRule}` }),
  },
  {
    name: 'firewall-stranger',
    on: 'backend',
    files: (files) => ({
      ...files,
      '/etc/nftables.conf':
        'table inet filter {\n  chain input {\n    type filter hook input priority filter; policy accept;\n    ip saddr 192.168.7.0/24 counter drop\n    ip saddr 100.127.255.0/24 tcp dport 3306 counter reject\n  }\n}\n',
    }),
  },
  {
    name: 'small-body-limit',
    on: 'backend',
    files: (files) => replaced(files, '/etc/nginx/sites-enabled/shop.conf', 'client_max_body_size 64m', 'client_max_body_size 2m'),
  },
  {
    name: 'few-descriptors',
    on: 'backend',
    files: (files) => replaced(files, '/etc/nginx/nginx.conf', 'worker_processes 1;', 'worker_processes 1;\nworker_rlimit_nofile 2048;'),
  },
  {
    name: 'slow-log',
    on: 'backend',
    files: (files, options) => {
      const path = Object.keys(files).find((each) => each.endsWith('/pool.d/www.conf')) ?? '';
      const seconds = options.realTimeouts ? 30 : 2;
      return replaced(
        files,
        path,
        'pm.max_spare_servers = 3\n',
        `pm.max_spare_servers = 3\npm.max_requests = 300\nrequest_slowlog_timeout = ${seconds}s\nslowlog = /var/log/php-slow.log\n`,
      );
    },
  },
  { name: 'small-backlogs', on: 'backend', sysctls: { 'net/core/somaxconn': '256', 'net/ipv4/tcp_max_syn_backlog': '256' } },
  { name: 'martians-logged', on: 'backend', sysctls: { 'net/ipv4/conf/all/log_martians': '1' } },
  { name: 'few-ports', on: 'balancer', sysctls: { 'net/ipv4/ip_local_port_range': '40000 49999' } },
];

/** What a seed means, for people and tests. */
export interface NoisePlan {
  readonly settings: readonly { readonly name: string; readonly host: string }[];
  readonly rotates: string;
}

/** Two or three settings on hosts, and the host whose access log is rotated. */
export function noisePlan(options: LabOptions): NoisePlan {
  const random = generator(options.noise ?? 0);
  const backends = Object.keys(backendAddresses(options));
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const left = [...settings];
  const chosen = Array.from({ length: 2 + Math.floor(random() * 2) }, () => {
    const [setting] = left.splice(Math.floor(random() * left.length), 1) as [Setting];
    return { name: setting.name, host: setting.on === 'edge' ? 'ddos' : setting.on === 'balancer' ? 'slb' : pick(backends) };
  });
  return { settings: chosen, rotates: pick([...backends, ...(options.balancer === 'nginx' ? ['slb'] : [])]) };
}

/** A host's files and extra sysctls with the noise of its seed: settings, and logs that have a past. */
export function withNoise(
  options: LabOptions,
  host: HostPlan,
  files: Files,
  phpVersion: string,
  nowMs: number,
): { readonly files: Files; readonly sysctls: Readonly<Record<string, string>> } {
  if (options.noise === null) return { files, sysctls: {} };
  const facts = factsOf(options, phpVersion);
  const chosen = noisePlan(options).settings.flatMap((each) =>
    each.host === host.name ? settings.filter((setting) => setting.name === each.name) : [],
  );
  let result = chosen.reduce((sum, setting) => setting.files?.(sum, options) ?? sum, files);
  const random = generator(options.noise * 31 + planHosts(options).findIndex((each) => each.name === host.name));
  const backends = Object.values(facts.backendAddresses);
  const logs: Files =
    host.role === 'backend'
      ? { [facts.paths.nginxErrorLog]: oldBackendLines(random, nowMs, facts), [facts.paths.fpmLog]: oldRuntimeLines(random, nowMs, facts) }
      : host.role === 'edge'
        ? { [facts.paths.nginxErrorLog]: oldEdgeLines(random, nowMs, facts) }
        : host.role === 'balancer'
          ? options.balancer === 'nginx'
            ? { [facts.paths.nginxErrorLog]: oldBalancerLines(random, nowMs, facts, backends) }
            : { '/var/log/haproxy.log': oldHaproxyLines(random, nowMs, Object.keys(facts.backendAddresses)) }
          : {};
  result = { ...result, ...logs };
  return { files: result, sysctls: Object.assign({}, ...chosen.map((setting) => setting.sysctls ?? {})) as Record<string, string> };
}

// Ends by itself; each host's processes end with it in any case.
const rotate = `n=0; while [ $n -lt 40 ]; do sleep $((n == 0 ? 5 : 20)); mv /var/log/nginx/access.log /var/log/nginx/access.log.1 && kill -USR1 "$(cat /run/nginx.pid)"; n=$((n + 1)); done`;

/** Starts the moving part of the noise: other users on both ISPs, a scanner, and the rotation of one access log. */
export async function startNoise(state: LabState): Promise<void> {
  const { options } = state;
  if (options.noise === null) return;
  const plan = noisePlan(options);
  const order = {
    address: options.layer === 4 ? balancerAddress : edgeAddress,
    port: options.layer === 4 ? layer4Port : 80,
    host: siteHost,
    paths: ['/', '/api/orders', '/index.html', '/api/profile', '/favicon.ico', '/api/orders', '/api/quote'],
    workers: 1,
    pauseMs: 500,
    method: 'GET',
    header: null,
    bodyBytes: 0,
    seconds: trafficSeconds,
    seed: options.noise,
  };
  await Promise.all([
    spawnDetached(
      helperWords(state, 'client-a', 'traffic', JSON.stringify({ ...order, knock: { address: balancerAddress, port: knockedPort } })),
    ),
    spawnDetached(
      helperWords(
        state,
        'client-b',
        'traffic',
        JSON.stringify({ ...order, pauseMs: 700, knock: { address: edgeAddress, port: knockedPort } }),
      ),
    ),
    spawnDetached([...enterWords(state.hosts[plan.rotates]?.pid ?? 0), 'sh', '-c', rotate]),
  ]);
}
