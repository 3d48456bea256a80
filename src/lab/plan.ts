// The lab's topology as data: which hosts there are, their addresses, links and routes, and the timeouts in force. Everything
// else in src/lab is derived from this one plan.
import type { BalancerEngine, LabFacts, LabHost, LabLayer } from '../model/fault.ts';

/** How a lab was asked for. Kept in the lab's state, so that later commands know. */
export interface LabOptions {
  readonly balancer: BalancerEngine;
  readonly layer: LabLayer;
  readonly backends: number; // 2…8
  /** Seed of the noise; null for a silent lab. */
  readonly noise: number | null;
  /** 60 s instead of a few seconds. */
  readonly realTimeouts: boolean;
}

/** Name of a network segment; the hidden fabric host has one bridge for each. */
export type Segment = 'isp-a' | 'isp-b' | 'net' | 'vpc' | 'ret' | 'mgmt';

export interface Link {
  readonly segment: Segment;
  readonly device: string;
  readonly address: string; // with prefix length
}

export type Service = 'sshd' | 'nginx' | 'php-fpm' | 'haproxy';

export interface HostPlan {
  readonly name: string;
  readonly role: LabHost['role'];
  readonly links: readonly Link[];
  /** Arguments of `ip address` and `ip route add`, in order, once the links are up. */
  readonly routes: readonly string[];
  readonly forwards: boolean;
  readonly services: readonly Service[];
  readonly managementAddress: string;
}

export const siteHost = 'shop.example.com';
export const edgeAddress = '203.0.113.5';
export const balancerAddress = '198.51.100.10';
export const balancerSource = '100.64.0.10';
export const balancerRange = '100.64.0.0/10';
export const layer4Port = 8080;
/** HAProxy's own `mode tcp` listener, beside the kernel's layer-4 listener. */
export const haproxyTcpPort = 8081;

/** The caller's own place: one veth on ISP A, and a second address for management. */
export const here = {
  device: 'why5xx0',
  peer: 'here',
  address: '192.0.2.20',
  managementAddress: '172.31.214.2',
  managementGateway: '192.0.2.254',
  managementNetwork: '172.31.213.0/24',
  routes: ['203.0.113.0/24', '198.51.100.0/24'],
  gateway: '192.0.2.1',
} as const;

/** The fabric's addresses: it is the gateway of the management network, and nothing else. */
export const fabric = { ispA: '192.0.2.254/24', mgmt: '172.31.213.1/24' } as const;
export const segments: readonly Segment[] = ['isp-a', 'isp-b', 'net', 'vpc', 'ret', 'mgmt'];

const mgmtPrefix = '172.31.213.';
const clients = { 'client-a': '192.0.2.10', 'client-b': '198.18.2.10' } as const;

function host(
  name: string,
  role: LabHost['role'],
  management: number,
  links: readonly Link[],
  routes: readonly string[],
  services: readonly Service[],
  forwards = false,
): HostPlan {
  const managementAddress = `${mgmtPrefix}${management}`;
  return {
    name,
    role,
    links: [...links, { segment: 'mgmt', device: 'mgmt0', address: `${managementAddress}/24` }],
    routes: ['route add 172.31.214.0/24 via 172.31.213.1 dev mgmt0', ...routes],
    forwards,
    services: ['sshd', ...services],
    managementAddress,
  };
}

/** Every visible host, clients first. Backend n has 10.0.0.(10+n) towards the balancer and 10.0.1.(10+n) for its way out. */
export function planHosts(options: LabOptions): readonly HostPlan[] {
  const toIspA = 'route add 192.0.2.0/24 via 198.18.0.1 dev eth0';
  const toIspB = 'route add 198.18.2.0/24 via 198.18.0.2 dev eth0';
  return [
    host(
      'client-a',
      'client',
      10,
      [{ segment: 'isp-a', device: 'eth0', address: `${clients['client-a']}/24` }],
      ['route add default via 192.0.2.1 dev eth0'],
      [],
    ),
    host(
      'client-b',
      'client',
      11,
      [{ segment: 'isp-b', device: 'eth0', address: `${clients['client-b']}/24` }],
      ['route add default via 198.18.2.1 dev eth0'],
      [],
    ),
    host(
      'isp-a',
      'isp',
      12,
      [
        { segment: 'isp-a', device: 'eth0', address: '192.0.2.1/24' },
        { segment: 'net', device: 'eth1', address: '198.18.0.1/24' },
      ],
      ['route add 203.0.113.0/24 dev eth1', 'route add 198.51.100.0/24 dev eth1', 'route add 198.18.2.0/24 via 198.18.0.2 dev eth1'],
      [],
      true,
    ),
    host(
      'isp-b',
      'isp',
      13,
      [
        { segment: 'isp-b', device: 'eth0', address: '198.18.2.1/24' },
        { segment: 'net', device: 'eth1', address: '198.18.0.2/24' },
      ],
      ['route add 203.0.113.0/24 dev eth1', 'route add 198.51.100.0/24 dev eth1', 'route add 192.0.2.0/24 via 198.18.0.1 dev eth1'],
      [],
      true,
    ),
    host(
      'ddos',
      'edge',
      14,
      [{ segment: 'net', device: 'eth0', address: `${edgeAddress}/24` }],
      ['route add 198.51.100.0/24 dev eth0', 'route add 198.18.0.0/24 dev eth0', toIspA, toIspB],
      ['nginx'],
    ),
    host(
      'slb',
      'balancer',
      15,
      [
        { segment: 'net', device: 'eth0', address: `${balancerAddress}/24` },
        { segment: 'vpc', device: 'eth1', address: '10.0.0.1/24' },
        { segment: 'ret', device: 'eth2', address: '10.0.1.1/24' },
      ],
      [
        'route add 203.0.113.0/24 dev eth0',
        'route add 198.18.0.0/24 dev eth0',
        toIspA,
        toIspB,
        `address add ${balancerSource}/32 dev eth1`,
        // Own connections to backends leave from 100.64.0.10, as those of a managed balancer do.
        `route change 10.0.0.0/24 dev eth1 src ${balancerSource}`,
      ],
      [options.balancer],
      true,
    ),
    ...Array.from({ length: options.backends }, (_, i) =>
      host(
        `web-${i + 1}`,
        'backend',
        21 + i,
        [
          { segment: 'vpc', device: 'eth0', address: `10.0.0.${11 + i}/24` },
          { segment: 'ret', device: 'eth1', address: `10.0.1.${11 + i}/24` },
        ],
        ['route add 100.64.0.0/10 via 10.0.0.1 dev eth0', 'route add default via 10.0.1.1 dev eth1'],
        ['php-fpm', 'nginx'],
      ),
    ),
  ];
}

/** Name → address (no port) of each backend. */
export function backendAddresses(options: LabOptions): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: options.backends }, (_, i) => [`web-${i + 1}`, `10.0.0.${11 + i}`]));
}

/** Timeouts of every hop, milliseconds. The edge outlasts the balancer, the backend's own web server outlasts it by a little. */
export function timeouts(options: LabOptions): {
  readonly connectMs: number;
  readonly readMs: number;
  readonly fastcgiMs: number;
  readonly edgeReadMs: number;
} {
  return options.realTimeouts
    ? { connectMs: 5_000, readMs: 60_000, fastcgiMs: 75_000, edgeReadMs: 120_000 }
    : { connectMs: 2_000, readMs: 3_000, fastcgiMs: 4_000, edgeReadMs: 15_000 };
}

/** What faults may rely on. `phpVersion` is that of the installed php-fpm, such as `8.2`. */
export function factsOf(options: LabOptions, phpVersion: string): LabFacts {
  const limits = timeouts(options);
  return {
    siteHost,
    edgeAddress,
    balancerAddress,
    balancerSource,
    httpPort: 80,
    httpsPort: 443,
    layer4Port,
    clientAddresses: { here: here.address, ...clients },
    backendAddresses: backendAddresses(options),
    connectTimeoutMs: limits.connectMs,
    readTimeoutMs: limits.readMs,
    fastcgiReadTimeoutMs: limits.fastcgiMs,
    paths: {
      nginxConfig: '/etc/nginx/nginx.conf',
      nginxSite: '/etc/nginx/sites-enabled/shop.conf',
      haproxyConfig: '/etc/haproxy/haproxy.cfg',
      fpmPool: `/etc/php/${phpVersion}/fpm/pool.d/www.conf`,
      fpmSocket: `/run/php/php${phpVersion}-fpm.sock`,
      webRoot: '/var/www/html',
      nginxErrorLog: '/var/log/nginx/error.log',
      nginxAccessLog: '/var/log/nginx/access.log',
      fpmLog: `/var/log/php${phpVersion}-fpm.log`,
    },
  };
}
