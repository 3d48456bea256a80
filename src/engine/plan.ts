// Decides which marked requests a run sends, inside its budget: what to reproduce, what to change to localise the failure.
import type { Purpose, RequestSpec } from '../model/exchange.ts';
import { splitAddress } from '../model/site.ts';
import type { Listener, Site } from '../model/site.ts';
import type { CheckRequest } from './check-request.ts';

/** One of the failing requests of the site file, ready to be sent. */
export interface Target {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
  readonly from: readonly string[] | null;
}

/** A batch for one vantage. `backend` is the host that the evidence is about, for requests straight to it. */
export interface Batch {
  readonly from: string;
  readonly backend: string | null;
  readonly specs: readonly RequestSpec[];
}

export function targetsOf(site: Site): readonly Target[] {
  const listed = site.requests.map((each) => ({
    url: each.url,
    method: each.method,
    headers: each.headers,
    bodyBytes: each.body?.bytes ?? 0,
    from: each.from ?? null,
  }));
  const main: Target = { url: site.url, method: 'GET', headers: {}, bodyBytes: 0, from: null };
  return listed.some((each) => each.url === site.url && each.method === 'GET') ? listed : [main, ...listed];
}

/** Deadlines of one request, from what the site file says of the balancer's own. */
export function deadlines(site: Site): { readonly connectTimeoutMs: number; readonly timeoutMs: number } {
  const listeners = site.balancer?.listeners ?? [];
  const read = Math.max(...listeners.map((each) => each.readTimeout ?? 60_000), listeners.length === 0 ? 60_000 : 0);
  // HAProxy tries a silent server four times, and waits a second after each refusal.
  const connect = 4 * Math.max(...listeners.map((each) => each.connectTimeout ?? 5_000), listeners.length === 0 ? 5_000 : 0);
  const most = site.limits.seconds * 1000 * 0.75;
  return { connectTimeoutMs: Math.min(5_000, most), timeoutMs: Math.min(Math.max(read, connect) + 5_000, most) };
}

/**
 * How long a backend may take to accept a connection from the next machine. Longer than the 3 s after which a kernel gives up on an address
 * that nobody has, and than the first two repetitions of a lost packet (1 s, 3 s).
 */
const backendConnectMs = 3_500;

/** Listener of the balancer that a URL goes to, by port. */
export function listenerOf(site: Site, url: string): Listener | null {
  const parsed = new URL(url);
  const port = portOf(parsed);
  return site.balancer?.listeners.find((each) => each.port === port) ?? null;
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** Hands out nonces and keeps count of the budget. */
export class Budget {
  readonly run: string;
  readonly total: number;
  #used = 0;
  constructor(run: string, total: number) {
    this.run = run;
    this.total = total;
  }
  get left(): number {
    return this.total - this.#used;
  }
  /** The next nonce, or null when the budget is spent. */
  take(): string | null {
    if (this.left <= 0) return null;
    this.#used += 1;
    return `${this.run}-${this.#used}`;
  }
}

type Change = Partial<
  Pick<
    RequestSpec,
    'url' | 'method' | 'connectTo' | 'hostHeader' | 'httpVersion' | 'headers' | 'timeoutMs' | 'connectTimeoutMs' | 'bodyBytes'
  >
>;

/** Builds specs for one site; every spec costs one request of the budget. */
export class Planner {
  readonly site: Site;
  readonly budget: Budget;
  readonly ca: string | null;
  constructor(site: Site, budget: Budget, ca: string | null) {
    this.site = site;
    this.budget = budget;
    this.ca = ca;
  }

  spec(target: Target, purpose: Purpose, door: RequestSpec['door'], hop: string | null, change: Change = {}): RequestSpec | null {
    const nonce = this.budget.take();
    if (nonce === null) return null;
    const url = change.url ?? target.url;
    const { connectTimeoutMs, timeoutMs } = deadlines(this.site);
    return {
      nonce,
      purpose,
      door,
      target: hop,
      url,
      method: change.method ?? target.method,
      headers: change.headers ?? target.headers,
      bodyBytes: change.bodyBytes ?? target.bodyBytes,
      connectTo: change.connectTo ?? null,
      ...(change.hostHeader === undefined ? {} : { hostHeader: change.hostHeader }),
      ...(change.httpVersion === undefined ? {} : { httpVersion: change.httpVersion }),
      connectTimeoutMs: change.connectTimeoutMs ?? connectTimeoutMs,
      timeoutMs: change.timeoutMs ?? timeoutMs,
      ...(this.ca === null ? {} : { ca: this.ca }),
      listenerPort: door === 'backend' ? null : (listenerOf(this.site, url)?.port ?? portOf(new URL(url))),
    };
  }

  /** The failing requests as one client sends them. */
  reproduce(client: string, count: number): readonly RequestSpec[] {
    const targets = targetsOf(this.site).filter((each) => each.from === null || each.from.includes(client));
    // Requests that change something are sent as seldom as a rate can be seen from.
    return targets.flatMap((target) =>
      this.#repeat(target.method === 'GET' || target.method === 'HEAD' ? count : Math.min(count, 2), () =>
        this.spec(target, 'reproduce', 'site', null),
      ),
    );
  }

  /** What one client can change: the static page, past the edge, another listener. */
  localiseFromClient(): readonly RequestSpec[] {
    const { site } = this;
    const target = targetsOf(site)[0];
    if (target === undefined) return [];
    const specs: (RequestSpec | null)[] = [];
    if (site.static !== undefined)
      specs.push(this.spec({ ...target, headers: {}, bodyBytes: 0, method: 'GET' }, 'static', 'site', null, { url: site.static }));
    if (site.balancer !== undefined && site.edge.length > 0) {
      const address = splitAddress(site.balancer.address);
      const port = address.port ?? portOf(new URL(target.url));
      for (let i = 0; i < 2; i += 1)
        specs.push(this.spec(target, 'bypass-edge', 'balancer', site.balancer.name, { connectTo: { host: address.host, port } }));
      if (site.static !== undefined) {
        specs.push(
          this.spec({ ...target, headers: {}, bodyBytes: 0, method: 'GET' }, 'static', 'balancer', site.balancer.name, {
            url: site.static,
            connectTo: { host: address.host, port },
          }),
        );
      }
    }
    specs.push(...this.#otherListeners(target));
    return specs.filter((each) => each !== null);
  }

  #otherListeners(target: Target): readonly (RequestSpec | null)[] {
    const { site } = this;
    const { balancer } = site;
    if (balancer === undefined || (target.method !== 'GET' && target.method !== 'HEAD')) return [];
    const used = portOf(new URL(target.url));
    return balancer.listeners
      .filter((each) => each.port !== used)
      .slice(0, 3)
      .map((listener) => {
        const url = new URL(target.url);
        url.protocol = listener.protocol === 'https' ? 'https:' : listener.protocol === 'tcp' && listener.port === 443 ? 'https:' : 'http:';
        url.port = String(listener.port);
        return this.spec(target, 'other-listener', 'balancer', balancer.name, {
          url: url.href,
          connectTo: { host: splitAddress(balancer.address).host, port: listener.port },
        });
      });
  }

  /** Straight to one backend: the failing request, the static page, and the balancer's health check as it sends it. */
  toBackend(name: string, options: { readonly thorough: boolean; readonly check: CheckRequest | null }): readonly RequestSpec[] {
    const { site } = this;
    const backend = site.backends.find((each) => each.name === name);
    const targets = targetsOf(site);
    const target = targets[0];
    if (backend === undefined || target === undefined) return [];
    const address = splitAddress(backend.address);
    const connectTo = { host: address.host, port: address.port ?? 80 };
    const connectTimeoutMs = Math.min(backendConnectMs, deadlines(site).connectTimeoutMs);
    // Balancers end TLS; behind them it is plain HTTP unless the backend's port says otherwise.
    const behind = (text: string): string => {
      const url = new URL(text);
      if (url.protocol === 'https:' && connectTo.port !== 443) url.protocol = 'http:';
      if (url.port !== '') url.port = '';
      return url.href;
    };
    const specs: (RequestSpec | null)[] = [];
    const bypass = (each: Target): RequestSpec | null => {
      const spec = this.spec(each, 'bypass-balancer', 'backend', name, { url: behind(each.url), connectTo, connectTimeoutMs });
      // The URL stays the site's, so that the same request can be compared along its way.
      return spec;
    };
    specs.push(bypass(target));
    if (options.thorough) for (const other of targets.slice(1, 3)) specs.push(bypass(other));
    if (site.static !== undefined) {
      specs.push(
        this.spec({ ...target, headers: {}, bodyBytes: 0, method: 'GET' }, 'bypass-balancer-static', 'backend', name, {
          url: behind(site.static),
          connectTo,
          connectTimeoutMs,
        }),
      );
    }
    const { check } = options;
    if (check !== null) {
      const at = { host: address.host, port: check.port ?? connectTo.port };
      const plain: Target = {
        url: new URL(check.path, behind(target.url)).href,
        method: check.method,
        headers: check.headers,
        bodyBytes: 0,
        from: null,
      };
      const { timeoutMs } = check;
      specs.push(
        this.spec(plain, 'health-check', 'backend', name, { connectTo: at, hostHeader: check.host, httpVersion: check.version, timeoutMs }),
        this.spec({ ...plain, method: 'GET', headers: {} }, 'health-check-plain', 'backend', name, { connectTo: at, timeoutMs }),
      );
    }
    return specs.filter((each) => each !== null);
  }

  #repeat(count: number, make: () => RequestSpec | null): readonly RequestSpec[] {
    const specs: RequestSpec[] = [];
    for (let i = 0; i < count; i += 1) {
      const spec = make();
      if (spec !== null) specs.push(spec);
    }
    return specs;
  }
}
