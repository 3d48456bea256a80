// The shape of everything that probes measure: one interface per probe, and `EvidenceMap`, which names them all. Probes
// produce these, judges read them; neither knows the other. Plain JSON only. Units are in the names. `null` means "could not be
// read here", never zero.
import type { Exchange } from './exchange.ts';

/** A number that was read before and after our marked requests. */
export interface Counter {
  readonly now: number;
  /** Change over the run; null where only one reading exists. */
  readonly delta: number | null;
}

// --- client side ---------------------------------------------------------------------------------------------------------

/** Requests of one vantage. Every client-side probe that sends HTTP returns this. */
export interface Exchanges {
  /** `here` or a client's name; for bypasses from inside, the host that sent them. */
  readonly from: string;
  readonly exchanges: readonly Exchange[];
}

export interface DnsAnswer {
  readonly name: string;
  readonly family: 4 | 6;
  readonly addresses: readonly string[];
  readonly error: string | null; // ENOTFOUND, ETIMEOUT, ESERVFAIL …
  readonly tookMs: number;
  /** `resolver`, or `site-file` for entries of `resolve`. */
  readonly source: 'resolver' | 'site-file' | 'literal';
}

export interface ConnectAttempt {
  readonly door: 'site' | 'edge' | 'balancer' | 'backend';
  readonly target: string | null;
  readonly address: string;
  readonly port: number;
  readonly outcome: 'open' | 'refused' | 'reset' | 'timeout' | 'unreachable' | 'prohibited' | 'other';
  readonly errorCode: string | null;
  readonly tookMs: number;
}

export interface TlsSession {
  readonly target: string | null;
  readonly address: string;
  readonly port: number;
  readonly serverName: string | null;
  readonly protocol: string | null;
  readonly trusted: boolean | null;
  /** Node's authorisation error (CERT_HAS_EXPIRED, DEPTH_ZERO_SELF_SIGNED_CERT …) or null. */
  readonly trustError: string | null;
  readonly alert: string | null;
  readonly errorCode: string | null;
  readonly chain: readonly {
    readonly subject: string;
    readonly issuer: string;
    readonly names: readonly string[];
    readonly validFrom: string;
    readonly validTo: string;
    readonly fingerprint256: string;
  }[];
}

// --- host side -----------------------------------------------------------------------------------------------------------

export interface HostFacts {
  readonly kernel: string;
  readonly uid: number;
  readonly cpus: number;
  readonly memoryTotalBytes: number | null;
  readonly uptimeSeconds: number | null;
  /** The host's clock minus ours, milliseconds; the round trip bounds the error. */
  readonly clockSkewMs: number | null;
  readonly clockUncertaintyMs: number | null;
  readonly zoneOffsetMinutes: number | null;
  /** Inode of the network namespace that the commands ran in. */
  readonly netns: string | null;
  /** Which of the commands that snippets prefer are present: ss, nft, iptables-save, ip, tc, nginx, … */
  readonly tools: readonly string[];
  /** What could not be read, and what would allow it: `nft rules: needs root`. */
  readonly withoutRoot: readonly string[];
}

export interface TcpListener {
  readonly address: string; // 0.0.0.0, ::, 127.0.0.1 …
  readonly port: number;
  readonly queue: Counter; // connections waiting for accept()
  readonly limit: number | null; // backlog
  readonly pid: number | null;
  readonly process: string | null;
}
export interface UnixListener {
  readonly path: string;
  readonly queue: Counter;
  readonly limit: number | null;
  readonly pid: number | null;
  readonly process: string | null;
}
export interface Listeners {
  readonly tcp: readonly TcpListener[];
  readonly unix: readonly UnixListener[];
  /** Highest accept queue seen while our requests were in flight is not known; these are the two readings. */
  readonly source: 'ss' | 'proc';
}

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly user: string;
  readonly name: string;
  /** Command line, secrets removed, at most 300 characters. */
  readonly command: string;
  readonly state: string; // R S D Z T …
  readonly threads: number | null;
  readonly residentBytes: number;
  /** CPU seconds used in total, and between the two readings. */
  readonly cpuSeconds: Counter;
  /** Seconds that it was ready to run and waited for a CPU; absent where the kernel does not tell (/proc/PID/schedstat). */
  readonly cpuWaitSeconds?: Counter;
  readonly startedAt: string | null;
}
/** Only processes in the host's own network namespace count. */
export interface Processes {
  readonly processes: readonly Process[];
  readonly total: number;
  /** Wall seconds between the readings; null with one reading. */
  readonly elapsedSeconds: number | null;
  /** CPU seconds used between the readings by all processes of this host together, and by children that ended meanwhile. */
  readonly cpuSecondsAll: number | null;
}

/** One directive of an nginx configuration, includes resolved. `block` is null for simple directives. */
export interface NginxDirective {
  readonly name: string;
  readonly args: readonly string[];
  readonly file: string;
  readonly line: number;
  readonly block: readonly NginxDirective[] | null;
}
export interface NginxConfig {
  readonly running: boolean;
  readonly masterPid: number | null;
  readonly workerUser: string | null;
  readonly workers: number;
  readonly version: string | null;
  readonly build: string | null; // nginx, openresty, tengine
  readonly configFile: string | null;
  /** How it was read: `nginx -T`, or from the files themselves. */
  readonly source: 'nginx -T' | 'files' | null;
  readonly directives: readonly NginxDirective[];
  readonly syntaxError: string | null;
}

export interface HaproxySection {
  readonly kind: string; // global defaults frontend backend listen …
  readonly name: string;
  readonly line: number;
  readonly lines: readonly { readonly line: number; readonly words: readonly string[] }[];
}
export interface HaproxyConfig {
  readonly running: boolean;
  readonly pid: number | null;
  readonly version: string | null;
  readonly configFile: string | null;
  readonly sections: readonly HaproxySection[];
}
export interface HaproxyServerStat {
  readonly backend: string;
  readonly server: string;
  readonly address: string | null;
  readonly status: string; // UP DOWN "no check" MAINT DRAIN "UP 1/3" …
  readonly checkStatus: string | null; // L4CON L7STS L7TOUT …
  readonly checkCode: number | null;
  readonly lastCheck: string | null;
  readonly checkDurationMs: number | null;
  readonly checkFailures: Counter;
  readonly downs: Counter;
  readonly secondsSinceChange: number | null;
  readonly queue: number;
  readonly sessions: Counter;
  readonly connectErrors: Counter;
  readonly responseErrors: Counter;
  readonly http5xx: Counter;
}
export interface HaproxyStat {
  /** The stats socket or page that was read. */
  readonly from: string | null;
  readonly servers: readonly HaproxyServerStat[];
  readonly frontends: readonly {
    readonly name: string;
    readonly status: string;
    readonly sessions: number;
    readonly sessionLimit: number | null;
    readonly requestErrors: Counter;
  }[];
}

export interface FpmPool {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly listen: string | null; // as written: /run/php.sock, 127.0.0.1:9000
  readonly listenOwner: string | null;
  readonly listenGroup: string | null;
  readonly listenMode: string | null;
  readonly user: string | null;
  readonly manager: 'static' | 'dynamic' | 'ondemand' | null;
  readonly maxChildren: number | null;
  /** Milliseconds; 0 is off. */
  readonly requestTerminateTimeoutMs: number | null;
  readonly requestSlowlogTimeoutMs: number | null;
  readonly backlog: number | null;
  readonly slowlog: string | null;
  readonly statusPath: string | null;
  readonly children: number; // running now
  readonly childrenRunning: number | null; // of those, in state R or D at the second reading
  /** From the pool's own status page, where it could be asked. */
  readonly status: null | {
    readonly listenQueue: number;
    readonly active: number;
    readonly idle: number;
    readonly maxChildrenReached: Counter;
    readonly slowRequests: Counter;
  };
}
export interface Fpm {
  readonly running: boolean;
  readonly masterPid: number | null;
  readonly version: string | null;
  readonly configFile: string | null;
  readonly errorLog: string | null;
  readonly pools: readonly FpmPool[];
}

/** Unix sockets that a web server is told to use or a runtime to create, as the file system has them. */
export interface SocketFiles {
  readonly sockets: readonly {
    readonly path: string;
    /** Which configuration names it. */
    readonly namedBy: readonly ('nginx' | 'php-fpm')[];
    readonly exists: boolean;
    readonly isSocket: boolean;
    readonly mode: string | null; // octal: 0660
    readonly owner: string | null;
    readonly group: string | null;
    /** Directories above it that the web server's worker user may not enter. */
    readonly closedDirectories: readonly string[];
    /** Whether the web server's worker user can write to it; null where it could not be worked out. */
    readonly writableByWebServer: boolean | null;
  }[];
  readonly webServerUser: string | null;
}

export interface Sysctls {
  /** `net.ipv4.conf.eth0.rp_filter` → `1`. */
  readonly values: Readonly<Record<string, string>>;
}

/** One rule set as the kernel has it, with counters. Evaluated for a given packet by `facts/firewall`. */
export interface Firewall {
  /** null: not readable (needs root) or the tool is missing, see `reason`. */
  readonly nft: readonly NftObject[] | null;
  readonly iptables: IptablesRules | null;
  readonly ip6tables: IptablesRules | null;
  readonly reason: string | null;
  /** Addresses of named sets are inside `nft`; ipset sets of iptables are here. */
  readonly ipsets: Readonly<Record<string, readonly string[]>>;
  /** Packet counters at the first reading by `nft:<handle path>` or `iptables:<table>/<chain>/<n>`; see facts/firewall. */
  readonly before: Readonly<Record<string, number>> | null;
}
/** An element of `nft -j list ruleset`, as nftables documents it (libnftables-json(5)). */
export type NftObject = Readonly<Record<string, unknown>>;
export interface IptablesRules {
  readonly tables: readonly {
    readonly name: string;
    /** Set for tables of iptables-legacy, which work beside those of iptables-nft. */
    readonly legacy?: boolean;
    readonly chains: readonly { readonly name: string; readonly policy: string | null; readonly packets: number | null }[];
    readonly rules: readonly {
      readonly chain: string;
      readonly spec: readonly string[];
      readonly packets: number;
      readonly line: number;
      readonly text: string;
    }[];
  }[];
}

export interface Routes {
  readonly interfaces: readonly {
    readonly name: string;
    readonly up: boolean;
    readonly mtu: number | null;
    readonly addresses: readonly { readonly address: string; readonly prefix: number }[];
  }[];
  readonly rules: readonly {
    readonly priority: number;
    readonly from: string | null;
    readonly to: string | null;
    readonly iif: string | null;
    readonly oif: string | null;
    readonly fwmark: string | null;
    readonly table: string;
    readonly family?: 4 | 6;
    /** `not` before the selectors. */ readonly not?: boolean;
    /** Results of this length or shorter do not count (wg-quick). */ readonly suppressPrefixLength?: number;
    /** blackhole, unreachable, prohibit instead of a table. */ readonly action?: string;
  }[];
  readonly routes: readonly {
    readonly table: string;
    readonly to: string; // CIDR; `default` is 0.0.0.0/0, `::/0` that of IPv6
    readonly type: string; // unicast, blackhole, unreachable, prohibit, local …
    readonly via: string | null;
    readonly dev: string | null;
    readonly metric: number;
    readonly source: string | null;
  }[];
}

export interface NetCounters {
  /** `TcpExt.ListenOverflows`, `TcpExt.IPReversePathFilter`, `Tcp.RetransSegs`, `Ip.InDiscards`, … */
  readonly counters: Readonly<Record<string, Counter>>;
}

export interface Conntrack {
  readonly count: number | null;
  readonly max: number | null;
  readonly drops: Counter | null;
  readonly insertFailed: Counter | null;
}

export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly totalUs: Counter;
}
export interface Pressure {
  readonly cpu: { readonly some: PressureLine | null };
  readonly memory: { readonly some: PressureLine | null; readonly full: PressureLine | null };
  readonly io: { readonly some: PressureLine | null; readonly full: PressureLine | null };
  readonly load1: number | null;
  readonly runnable: number | null;
  /** Share of all CPU time between the readings, 0…1. */
  readonly busy: number | null;
  readonly steal: number | null;
  readonly ioWait: number | null;
  readonly memoryAvailableBytes: number | null;
  readonly swapUsedBytes: number | null;
  readonly swapPages: Counter | null;
  readonly oomKills: Counter | null;
}

export interface Cgroups {
  /** The cgroups of the web server, the runtime and of PID 1, each with what limits it. */
  readonly groups: readonly {
    readonly path: string;
    readonly processes: readonly string[];
    readonly cpuQuota: number | null; // CPUs: 0.5 is half a core; null is unlimited
    readonly periods: Counter | null;
    readonly throttled: Counter | null;
    readonly throttledUs: Counter | null;
    readonly memoryLimitBytes: number | null;
    readonly memoryUsedBytes: number | null;
    readonly oomKills: Counter | null;
    readonly pidsMax: number | null;
    readonly pids: number | null;
  }[];
}

export interface Disks {
  /** One row per file system, with the directories in use that lie on it. */
  readonly filesystems: readonly {
    readonly mount: string;
    readonly device: string;
    readonly sizeBytes: number;
    readonly availableBytes: number;
    readonly inodes: number | null;
    readonly inodesFree: number | null;
    readonly readOnly: boolean | null;
    /** `nginx client_body_temp`, `nginx proxy_temp`, `nginx logs`, `php sessions`, `tmp`, `root` … and the path. */
    readonly uses: readonly { readonly what: string; readonly path: string }[];
  }[];
}

export interface FileDescriptors {
  readonly processes: readonly { readonly pid: number; readonly name: string; readonly open: number; readonly limit: number }[];
  readonly systemOpen: number | null;
  readonly systemLimit: number | null;
}

export interface Interfaces {
  readonly elapsedSeconds: number | null;
  readonly interfaces: readonly {
    readonly name: string;
    readonly up: boolean;
    readonly speedBitsPerSecond: number | null;
    readonly receivedBytes: Counter;
    readonly sentBytes: Counter;
    readonly receiveDropped: Counter;
    readonly sendDropped: Counter;
    readonly qdiscs: readonly {
      readonly kind: string; // tbf, htb, fq_codel …
      readonly handle: string;
      /** Configured rate of a shaper, bit/s. */
      readonly rateBitsPerSecond: number | null;
      readonly dropped: Counter;
      readonly overlimits: Counter;
      readonly backlogBytes: number;
      readonly sentBytes: Counter;
    }[];
  }[];
}

export interface Connections {
  /** TCP connections grouped by state, local port or address, and remote address. At most 500 groups, largest first. */
  readonly groups: readonly {
    readonly state: string; // ESTAB SYN-SENT SYN-RECV TIME-WAIT CLOSE-WAIT …
    readonly local: string; // address
    readonly localPort: number | null; // set for ports that listen here, else null (outbound)
    readonly remote: string; // address
    readonly remotePort: number | null; // set for outbound connections
    readonly count: number;
    readonly processes: readonly string[];
  }[];
  readonly total: number;
}

export interface KernelLog {
  readonly readable: boolean;
  /** Lines that name a known trouble, newest last, at most 200. */
  readonly lines: readonly {
    readonly kind: 'oom' | 'segfault' | 'conntrack' | 'syn-flood' | 'martian' | 'hung-task' | 'filesystem' | 'other';
    /** Seconds before the second reading; null where the clock could not be related. */
    readonly ageSeconds: number | null;
    readonly pid: number | null;
    readonly process: string | null;
    readonly text: string;
  }[];
}

/** One line of a log that a host keeps, taken apart as far as its format is known. */
export interface AccessLine {
  readonly file: string;
  readonly line: number; // counted from where reading began in this file, first is 1
  /** ISO 8601 UTC where the format carries a date, else null. */
  readonly at: string | null;
  readonly client: string | null;
  readonly method: string | null;
  readonly path: string | null;
  readonly host: string | null;
  readonly status: number | null;
  readonly nonce: string | null;
  readonly durationMs: number | null;
  readonly upstream: null | {
    /** One per try, in order; `-` becomes null. */
    readonly addresses: readonly string[];
    readonly statuses: readonly (number | null)[];
    readonly connectMs: readonly (number | null)[];
    readonly headerMs: readonly (number | null)[];
    readonly responseMs: readonly (number | null)[];
  };
  readonly haproxy: null | {
    readonly backend: string;
    readonly server: string;
    readonly state: string; // termination state: `sH--`
    readonly queueMs: number;
    readonly connectMs: number;
    readonly responseMs: number;
    readonly retries: number;
    readonly redispatched: boolean;
  };
  /** Written while our requests ran (true) or before (false). */
  readonly ours: boolean;
  readonly text: string; // at most 600 characters, control characters escaped
}
export interface ErrorLine {
  readonly file: string;
  readonly line: number;
  readonly at: string | null;
  readonly source: 'nginx' | 'php-fpm' | 'php' | 'haproxy' | 'apache' | 'kernel' | 'other';
  readonly level: string | null;
  /** Id of the signature that matched, see logs/signatures; null for an unknown line. */
  readonly signature: string | null;
  /** What the signature captured: errno, upstream, pid, signal, seconds … */
  readonly fields: Readonly<Record<string, string>>;
  readonly client: string | null;
  readonly request: string | null; // `GET /x HTTP/1.1`
  readonly host: string | null;
  readonly upstream: string | null;
  /** True when written between the two readings. */
  readonly ours: boolean;
  readonly text: string;
}
export interface LogLines {
  readonly files: readonly {
    readonly path: string;
    readonly kind: 'nginx-access' | 'nginx-error' | 'php-fpm' | 'php-fpm-slow' | 'php-error' | 'haproxy' | 'other';
    readonly readable: boolean;
    readonly bytesRead: number;
    readonly truncated: boolean;
    readonly rotated: boolean;
  }[];
  /** Marked lines, and lines of other users' failures during the run; at most 400. */
  readonly access: readonly AccessLine[];
  /** Requests of others during the run, by status class. */
  readonly others: readonly { readonly file: string; readonly requests: number; readonly failed: number }[];
  readonly errors: readonly ErrorLine[]; // new ones first in order of writing, then a bounded look back; at most 400
}

/** Everything that can be evidence. A probe's id is its key. */
export interface EvidenceMap {
  readonly dns: { readonly answers: readonly DnsAnswer[] };
  readonly connect: { readonly from: string; readonly attempts: readonly ConnectAttempt[] };
  readonly tls: { readonly from: string; readonly sessions: readonly TlsSession[] };
  /** Marked requests of one client vantage: reproduce, static, bypass-edge, other-listener, other-host, header-bisect. */
  readonly requests: Exchanges;
  /** Straight to one backend, sent from the first place that reaches it. Evidence belongs to the backend; `from` says who sent. */
  readonly 'backend-requests': Exchanges;
  readonly 'host-facts': HostFacts;
  readonly listeners: Listeners;
  readonly processes: Processes;
  readonly 'nginx-config': NginxConfig;
  readonly 'haproxy-config': HaproxyConfig;
  readonly 'haproxy-stat': HaproxyStat;
  readonly fpm: Fpm;
  readonly 'socket-files': SocketFiles;
  readonly sysctls: Sysctls;
  readonly firewall: Firewall;
  readonly routes: Routes;
  readonly 'net-counters': NetCounters;
  readonly conntrack: Conntrack;
  readonly pressure: Pressure;
  readonly cgroups: Cgroups;
  readonly disks: Disks;
  readonly 'file-descriptors': FileDescriptors;
  readonly interfaces: Interfaces;
  readonly connections: Connections;
  readonly 'kernel-log': KernelLog;
  readonly logs: LogLines;
}
export type ProbeId = keyof EvidenceMap;
