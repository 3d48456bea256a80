// Small scenes made by hand for the tests of judges: a site with a balancer `lb` and the backends `app-1` and `app-2`, and only the evidence that
// a case is about. Traces and symptoms are worked out by the engine, as they are for a real bundle.
import type { Cause } from '../../model/cause.ts';
import type { Bundle, Evidence } from '../../model/evidence.ts';
import type { Exchange } from '../../model/exchange.ts';
import type { Finding } from '../../model/finding.ts';
import type {
  AccessLine,
  ErrorLine,
  EvidenceMap,
  Fpm,
  FpmPool,
  HaproxyConfig,
  HaproxyServerStat,
  HostFacts,
  Listeners,
  LogLines,
  NginxConfig,
  ProbeId,
  Processes,
} from '../../model/observations.ts';
import { siteSchema } from '../../model/site.ts';
import type { SiteInput } from '../../model/site.ts';
import { parseHaproxy } from '../../facts/haproxy-parse.ts';
import { parseNginxFile } from '../../facts/nginx-parse.ts';
import { judge } from '../judge.ts';

const run = '0123456789ab';
const url = 'http://www.example.net/cart';

const siteInput = {
  why5xx: 1,
  name: 'cart',
  url,
  static: 'http://www.example.net/ok.txt',
  balancer: {
    name: 'lb',
    kind: 'nginx',
    address: '192.0.2.80',
    exec: 'local',
    listeners: [{ port: 80, protocol: 'http', readTimeout: '10s' }],
  },
  backends: [
    { name: 'app-1', address: '10.9.0.1:8000', exec: 'local' },
    { name: 'app-2', address: '10.9.0.2:8000', exec: 'local' },
  ],
} as const;
export const site = siteSchema.parse(siteInput);

/** One request: the nth of the run. `status` null is no answer. */
export interface Request {
  readonly n: number;
  readonly status: number | null;
  readonly ms: number;
  readonly purpose?: Exchange['purpose'];
  readonly error?: Exchange['error'];
  readonly url?: string;
  readonly method?: string;
  /** Null sends none. */
  readonly hostHeader?: string | null;
  /** Where it ended without an answer; the first byte by default. */
  readonly failedPhase?: Exchange['failedPhase'];
  /** Anything else that was seen of it. */
  readonly seen?: Partial<Exchange>;
}

function exchangeOf(
  {
    n,
    status,
    ms,
    purpose = 'reproduce',
    error = null,
    url: to,
    method = 'GET',
    hostHeader = 'www.example.net',
    failedPhase = 'first-byte',
    seen = {},
  }: Request,
  target: string | null,
): Exchange {
  return {
    nonce: `${run}-${n}`,
    purpose,
    door: target === null ? 'site' : 'backend',
    target,
    url: to ?? (purpose.endsWith('static') ? 'http://www.example.net/ok.txt' : url),
    method,
    listenerPort: target === null ? 80 : null,
    requestHeaderBytes: 120,
    requestBodyBytes: 0,
    hostHeader,
    at: new Date(Date.UTC(2026, 0, 2, 3, 4, 0, n)).toISOString(),
    remoteAddress: '192.0.2.80',
    remotePort: 80,
    localAddress: '192.0.2.1',
    phases: {
      resolvedMs: 0,
      connectedMs: error !== null && failedPhase === 'connect' ? null : 1,
      securedMs: null,
      firstByteMs: status === null ? null : ms,
      totalMs: ms,
    },
    status,
    reason: null,
    headers: [],
    responseHeaderBytes: status === null ? null : 150,
    body: '',
    bodyBytes: 0,
    bodyComplete: true,
    error,
    failedPhase: error === null ? null : failedPhase,
    errorCode: null,
    resetTtl: null,
    synAckTtl: null,
    ...seen,
  };
}

/** A line of the balancer's nginx about request n, which it sent to `backend`. */
export function balancerLine(
  n: number,
  status: number,
  backend: 'app-1' | 'app-2',
  times: { readonly connectMs: number | null; readonly headerMs: number | null; readonly responseMs: number },
): AccessLine {
  return {
    ...accessLine(n, status),
    upstream: {
      addresses: [backend === 'app-1' ? '10.9.0.1:8000' : '10.9.0.2:8000'],
      statuses: [status],
      connectMs: [times.connectMs],
      headerMs: [times.headerMs],
      responseMs: [times.responseMs],
    },
  };
}

/** A line of a web server about request n of ours, or (n null) about one of another user. */
export function accessLine(
  n: number | null,
  status: number,
  options: { readonly ours?: boolean; readonly agent?: string } = {},
): AccessLine {
  const nonce = n === null ? null : `${run}-${n}`;
  const text = `10.9.0.9 - - [02/Jan/2026:03:04:00 +0000] "GET /cart HTTP/1.1" ${status} 0 "-" "${options.agent ?? (nonce === null ? 'Mozilla/5.0' : `why5xx/0.1.0 (+${nonce})`)}"`;
  return {
    file: '/var/log/web/access.log',
    line: 1,
    at: '2026-01-02T03:04:00.000Z',
    client: '10.9.0.9',
    method: 'GET',
    path: '/cart',
    host: null,
    status,
    nonce,
    durationMs: null,
    upstream: null,
    haproxy: null,
    ours: options.ours ?? true,
    text,
  };
}

/** An error line; by default nginx's own, written while our requests ran, about our request. */
export function errorLine(signature: string, options: Partial<ErrorLine> = {}): ErrorLine {
  const line = {
    file: '/var/log/web/error.log',
    line: 1,
    at: null,
    source: 'nginx',
    level: 'error',
    fields: {},
    client: '10.9.0.9',
    request: 'GET /cart HTTP/1.1',
    host: 'www.example.net',
    upstream: 'fastcgi://unix:/srv/run/app.sock:',
    ours: true,
    ...options,
  } as const;
  return { ...line, signature, text: options.text ?? `${signature} ${line.request ?? ''}` };
}

/** Log evidence; files of every kind are readable unless `unreadable` names them. */
export function logLines(
  access: readonly AccessLine[],
  errors: readonly ErrorLine[] = [],
  unreadable: readonly LogLines['files'][number]['kind'][] = [],
): LogLines {
  const kinds = ['nginx-access', 'nginx-error', 'php-fpm'] as const;
  return {
    files: kinds.map((kind) => ({
      path: `/var/log/web/${kind}.log`,
      kind,
      readable: !unreadable.includes(kind),
      bytesRead: 0,
      truncated: false,
      rotated: false,
    })),
    access,
    others: [],
    errors,
  };
}

/** nginx evidence from configuration text. */
export function nginxConfig(text: string): NginxConfig {
  return {
    running: true,
    masterPid: 7,
    workerUser: 'web',
    workers: 1,
    version: '1.22.1',
    build: 'nginx',
    configFile: '/etc/web/nginx.conf',
    source: 'nginx -T',
    directives: parseNginxFile(text, '/etc/web/nginx.conf').directives,
    syntaxError: null,
  };
}

/** A backend's nginx that hands everything but text files to `pass`. */
export function appNginx(pass = 'unix:/srv/run/app.sock', more = ''): NginxConfig {
  return nginxConfig(`http { server { listen 8000; location / { ${more} fastcgi_pass ${pass}; } location ~ \\.txt$ { root /srv; } } }`);
}

export function fpmPool(options: Partial<FpmPool> = {}): FpmPool {
  return {
    name: 'app',
    file: '/etc/fpm/app.conf',
    line: 1,
    listen: '/srv/run/app.sock',
    listenOwner: null,
    listenGroup: null,
    listenMode: null,
    user: 'app',
    manager: 'dynamic',
    maxChildren: 4,
    requestTerminateTimeoutMs: 0,
    requestSlowlogTimeoutMs: 0,
    backlog: 511,
    slowlog: null,
    statusPath: null,
    children: 2,
    childrenRunning: 0,
    status: null,
    ...options,
  };
}
export function fpm(pools: readonly FpmPool[] = [fpmPool()], running = true): Fpm {
  return {
    running,
    masterPid: running ? 9 : null,
    version: '8.2',
    configFile: '/etc/fpm/fpm.conf',
    errorLog: '/var/log/web/php-fpm.log',
    pools,
  };
}

/** A listening Unix socket with what waited there before our requests and after. */
export function unixListeners(path: string, before = 0, after = 0): Listeners {
  return { tcp: [], unix: [{ path, queue: { now: after, delta: after - before }, limit: 511, pid: 9, process: 'php-fpm' }], source: 'ss' };
}
/** The same for a TCP port of the loopback address. */
export function tcpListeners(port: number, before = 0, after = 0): Listeners {
  return {
    tcp: [{ address: '127.0.0.1', port, queue: { now: after, delta: after - before }, limit: 511, pid: 9, process: 'php-fpm' }],
    unix: [],
    source: 'ss',
  };
}

export function hostFacts(cpus = 2): HostFacts {
  return {
    kernel: '6.1.0',
    uid: 0,
    cpus,
    memoryTotalBytes: 4 * 1024 ** 3,
    uptimeSeconds: 9_000,
    clockSkewMs: 0,
    clockUncertaintyMs: 1,
    zoneOffsetMinutes: 0,
    netns: '4026531840',
    tools: ['ss', 'nginx'],
    withoutRoot: [],
  };
}

/** CPU seconds that the host's own processes used in ten seconds. */
export function processes(cpuSecondsAll: number): Processes {
  return { processes: [], total: 20, elapsedSeconds: 10, cpuSecondsAll };
}

export function haproxyServer(options: Partial<HaproxyServerStat>): HaproxyServerStat {
  const none = { now: 0, delta: 0 };
  return {
    backend: 'app',
    server: 's1',
    address: '10.9.0.1:8000',
    status: 'UP',
    checkStatus: 'L7OK',
    checkCode: 200,
    lastCheck: null,
    checkDurationMs: 1,
    checkFailures: none,
    downs: none,
    secondsSinceChange: 900,
    queue: 0,
    sessions: none,
    connectErrors: none,
    responseErrors: none,
    http5xx: none,
    ...options,
  };
}

/** HAProxy evidence from configuration text. */
export function haproxyConfig(text: string): HaproxyConfig {
  return { running: true, pid: 5, version: '2.6.12', configFile: '/etc/lb/haproxy.cfg', sections: parseHaproxy(text) };
}

/** A line of HAProxy about request n: the server it chose (`<NOSRV>` for none), its termination state and times (-1 where it did not come so far). */
export function haproxyLine(
  n: number,
  status: number,
  server: string,
  state: string,
  times: { readonly connectMs: number; readonly responseMs: number } = { connectMs: -1, responseMs: -1 },
): AccessLine {
  return {
    ...accessLine(n, status),
    file: '/var/log/lb/haproxy.log',
    haproxy: { backend: 'app', server, state, queueMs: 0, ...times, retries: 0, redispatched: false },
  };
}

/** What was measured about one host. */
export type About = { readonly [Id in ProbeId]?: EvidenceMap[Id] };

export interface Made {
  /** Requests from here, through the site's own address. */
  readonly requests?: readonly Request[];
  /** Requests straight to a backend, sent by the balancer. */
  readonly direct?: Readonly<Record<string, readonly Request[]>>;
  /** Requests of a backend to itself. */
  readonly itself?: Readonly<Record<string, readonly Request[]>>;
  /** Host evidence by host. */
  readonly hosts?: Readonly<Record<string, About>>;
  /** Another balancer than the nginx of `site`. */
  readonly balancer?: Partial<NonNullable<SiteInput['balancer']>>;
  /** An edge in front of the balancer, and its evidence under its name in `hosts`. */
  readonly edge?: NonNullable<SiteInput['edge']>[number];
  /** Requests of other clients, by name. */
  readonly clients?: Readonly<Record<string, readonly Request[]>>;
  /** Names of the headers that the failing request carries by the site file. */
  readonly headerNames?: readonly string[];
}

/** A whole bundle of what a case names, and of nothing else. */
export function bundleOf({ requests = [], direct = {}, itself = {}, hosts = {}, balancer, edge, clients = {}, headerNames }: Made): Bundle {
  const all: Evidence[] = [];
  const add = <Id extends ProbeId>(probe: Id, host: string, vantage: Evidence['vantage'], data: EvidenceMap[Id]): void => {
    all.push({ id: `e${all.length + 1}`, probe, host, vantage, at: '2026-01-02T03:04:00.000Z', status: 'ok', data } as unknown as Evidence);
  };
  if (requests.length > 0) add('requests', 'here', 'client', { from: 'here', exchanges: requests.map((each) => exchangeOf(each, null)) });
  for (const [from, sent] of Object.entries(clients))
    add('requests', from, 'client', { from, exchanges: sent.map((each) => exchangeOf(each, null)) });
  for (const [host, sent] of Object.entries(direct))
    add('backend-requests', host, 'balancer', {
      from: 'lb',
      exchanges: sent.map((each) => exchangeOf({ purpose: 'bypass-balancer', ...each }, host)),
    });
  for (const [host, sent] of Object.entries(itself))
    add('backend-requests', host, 'backend', {
      from: host,
      exchanges: sent.map((each) => exchangeOf({ purpose: 'bypass-balancer', ...each }, host)),
    });
  for (const [host, about] of Object.entries(hosts)) {
    for (const [probe, data] of Object.entries(about))
      add(probe as ProbeId, host, host === 'lb' ? 'balancer' : host === edge?.name ? 'edge' : 'backend', data);
  }
  const {
    requests: _,
    ca: __,
    ...facts
  } = balancer === undefined && edge === undefined
    ? site
    : siteSchema.parse({ ...siteInput, balancer: { ...siteInput.balancer, ...balancer }, ...(edge === undefined ? {} : { edge: [edge] }) });
  return {
    schema: 'why5xx/bundle@1',
    tool: '0.0.0',
    startedAt: '2026-01-02T03:04:00.000Z',
    tookMs: 1000,
    run,
    site: {
      ...facts,
      clients: Object.keys(clients).map((name) => ({ name })),
      requests: headerNames === undefined ? [] : [{ url, method: 'GET', headerNames, bodyBytes: 0, from: null }],
    },
    hosts: [
      { host: 'here', role: 'client', access: 'ok', reason: null },
      ...Object.keys(clients).map((host) => ({ host, role: 'client', access: 'ok', reason: null }) as const),
      ...(edge === undefined ? [] : [{ host: edge.name, role: 'edge', access: 'ok', reason: null } as const]),
      { host: 'lb', role: 'balancer', access: 'ok', reason: null },
      { host: 'app-1', role: 'backend', access: 'ok', reason: null },
      { host: 'app-2', role: 'backend', access: 'ok', reason: null },
    ],
    evidence: all,
  };
}

/** What a cause says of each host of a scene, by host (empty name for none), with its citations checked against the evidence. */
export function findingsOf<N extends ProbeId, W extends ProbeId>(cause: Cause<N, W>, made: Made): Readonly<Record<string, Finding>> {
  const bundle = bundleOf(made);
  const { judged } = judge(bundle, [cause]);
  for (const { finding } of judged) {
    if (!('because' in finding)) continue;
    for (const { evidence, path } of finding.because) {
      const found = bundle.evidence.find((each) => each.id === evidence);
      if (found?.status !== 'ok' || at(found.data, path) === undefined)
        throw new Error(`${cause.id} cites ${evidence}${path}, which is not there`);
    }
  }
  return Object.fromEntries(judged.map(({ finding }) => [finding.host ?? '', finding]));
}

function at(data: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null
          ? (value as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')]
          : undefined,
      data,
    );
}
