// A fault breaks a lab site for real. It is written against this interface; src/lab carries it out and keeps a journal, so that a
// later `lab heal` in another process can undo it.

import type { Layer } from './finding.ts';

export type BalancerEngine = 'nginx' | 'haproxy';
export type LabLayer = 7 | 4;

export interface LabHost {
  readonly name: string;
  readonly role: 'client' | 'isp' | 'edge' | 'balancer' | 'backend';
  /** Runs a command inside the host's namespaces to its end; rejects unless it exits 0. Not undone by itself. */
  run(command: readonly string[], options?: { readonly input?: string; readonly allowFailure?: boolean }): Promise<string>;
  /** Runs now and, on heal, runs `undo` (in reverse order of all that was done). */
  change(command: readonly string[], undo: readonly string[]): Promise<void>;
  read(path: string): Promise<string>;
  /** Replaces a file's content; heal puts the old content, owner and mode back (or removes a file that was not there). */
  write(path: string, content: string): Promise<void>;
  /** `write` of the old content with `from` replaced by `to`; rejects where `from` is not found, so that faults never silently do nothing. */
  edit(path: string, from: string | RegExp, to: string): Promise<void>;
  /** Sets a sysctl; heal restores the old value. */
  sysctl(name: string, value: string): Promise<void>;
  /** Mounts a small tmpfs over a directory inside the host's mount namespace; heal unmounts it. The directory's services are restarted by the caller. */
  smallTmpfs(path: string, sizeBytes: number, owner?: string): Promise<void>;
  /** Starts a long-running process inside the host; heal ends it by pid. */
  spawn(command: readonly string[]): Promise<void>;
  /** Service control. `nginx`, `php-fpm`, `haproxy`: stop/start/restart/reload; heal ends with every service as `lab up` left it. */
  service(name: 'nginx' | 'php-fpm' | 'haproxy', action: 'start' | 'stop' | 'restart' | 'reload' | 'kill'): Promise<void>;
}

/** A lab that is up, as a fault sees it. */
export interface Lab {
  readonly balancer: BalancerEngine;
  readonly layer: LabLayer;
  readonly backends: readonly LabHost[];
  /** The host of that name: client-a, client-b, isp-a, isp-b, edge (`ddos`), balancer (`slb`), web-1 … */
  host(name: string): LabHost;
  readonly edge: LabHost;
  readonly slb: LabHost;
  /** Addresses and settings that faults need. */
  readonly facts: LabFacts;
  /**
   * Traffic of other users from a client host until heal: `workers` loops that request `path` through the edge without pause (or with).
   * Bounded in time by the lab itself.
   */
  traffic(options: {
    readonly from: string;
    readonly path: string;
    readonly workers: number;
    readonly pauseMs?: number;
    readonly method?: string;
    readonly header?: string;
    readonly bodyBytes?: number;
  }): Promise<void>;
  /** Changes what `lab site` prints: the failing URL's path, and extra keys. */
  siteUses(options: {
    readonly path?: string;
    readonly port?: number;
    readonly scheme?: 'http' | 'https';
    readonly method?: string;
    readonly bodyBytes?: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly healthCheck?: Readonly<Record<string, unknown>> | false;
  }): Promise<void>;
  /** Waits (bounded) until the balancer has noticed: every backend up or down as named. HAProxy only; returns at once on nginx. */
  balancerSees(state: 'up' | 'down', backends?: readonly string[]): Promise<void>;
}
export interface LabFacts {
  readonly siteHost: string; // shop.example.com
  readonly edgeAddress: string;
  readonly balancerAddress: string;
  readonly balancerSource: string; // inside 100.64.0.0/10
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly layer4Port: number;
  readonly clientAddresses: Readonly<Record<string, string>>; // here, client-a, client-b
  readonly backendAddresses: Readonly<Record<string, string>>;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly fastcgiReadTimeoutMs: number;
  /** Paths inside hosts. */
  readonly paths: {
    readonly nginxConfig: string; // balancer and backends alike: /etc/nginx/nginx.conf
    readonly nginxSite: string; // the server block
    readonly haproxyConfig: string;
    readonly fpmPool: string;
    readonly fpmSocket: string;
    readonly webRoot: string;
    readonly nginxErrorLog: string;
    readonly nginxAccessLog: string;
    readonly fpmLog: string;
  };
}

export interface FaultVariant {
  /** Short kebab-case name, unique in its fault: `nft-one`, `iptables-all`. The first variant is the default. */
  readonly name: string;
  readonly title: string;
  /** Absent: works with each. */
  readonly balancers?: readonly BalancerEngine[];
  readonly layers?: readonly LabLayer[];
  /** The host that the verdict must name (null: no single host). `slb`, `ddos`, `web-2` … */
  readonly host: string | null;
  /** Where the fault sits, where that is not the layer of its cause: one cause can sit at the balancer or at a backend. */
  readonly layer?: Layer;
  inject(lab: Lab): Promise<void>;
}
export interface Fault {
  readonly cause: string;
  readonly variants: readonly [FaultVariant, ...FaultVariant[]];
}
