// Gathers the evidence of one run: reads every host, sends the marked requests, reads every host again. Every step has a deadline, and
// nothing that fails ends the run.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { Evidence, HostAccess, SiteFacts } from '../model/evidence.ts';
import type { Exchange, RequestSpec } from '../model/exchange.ts';
import { isFailure } from '../facts/failure.ts';
import type { ExperimentId } from '../model/experiment.ts';
import { splitAddress } from '../model/site.ts';
import type { Exec, Paths, Site } from '../model/site.ts';
import { ProbeError } from '../model/probe.ts';
import { TransportError } from '../model/transport.ts';
import type { Transport } from '../model/transport.ts';
import { checkRequestOf } from './check-request.ts';
import { HostReader } from './host.ts';
import { experiments } from './experiments.ts';
import type { ConnectTarget } from '../probes/client/connect.ts';
import type { Requester } from '../probes/client/requester.ts';
import type { Instruments } from './instruments.ts';
import { Budget, Planner, deadlines, targetsOf } from './plan.ts';
import type { Batch } from './plan.ts';

export interface GatherOptions {
  readonly site: Site;
  readonly facts: SiteFacts;
  readonly ca: string | null;
  readonly secrets: readonly string[];
  readonly version: string;
  readonly instruments: Instruments;
  openTransport(exec: Exec): Transport;
  /** Only these clients send requests (`here` is one of them); null: all. */
  readonly from: readonly string[] | null;
  readonly signal: AbortSignal;
  progress(step: string): void;
}

/** Connecting to a host and reading it once. Longer than any healthy host needs, short enough that a hanging one does not hold up the answer. */
const hostReadMs = 12_000;
/** How long requests wait for the first reading. */
const patienceMs = 5_000;
/** Kept back from the run's seconds for the second reading and the verdict. */
const reserveMs = 6_000;

interface Way {
  readonly requester: Requester;
  /** For the report: where it is. */
  readonly role: 'client' | 'edge' | 'balancer' | 'backend';
}

export class Gatherer {
  readonly run = randomBytes(6).toString('hex');
  readonly startedAt = new Date();
  readonly #options: GatherOptions;
  readonly #planner: Planner;
  readonly #budget: Budget;
  readonly #hosts: HostReader[] = [];
  readonly #transports: Transport[] = [];
  readonly #ways = new Map<string, Way>();
  /** Exchanges by the evidence that they will become: `requests here`, `backend-requests web-1 slb`. */
  readonly #exchanges = new Map<
    string,
    { readonly probe: 'requests' | 'backend-requests'; readonly host: string; readonly from: string; readonly list: Exchange[] }
  >();
  readonly #outside: Evidence[] = [];
  readonly #clientAccess: HostAccess[] = [];
  #firstReading: Promise<unknown> = Promise.resolve();
  /** Vantages that turned out to be unable to send. */
  readonly #mute = new Set<string>();
  readonly #signal: AbortSignal;
  readonly #requestsEndAt: number;

  constructor(options: GatherOptions) {
    this.#options = options;
    const { site } = options;
    this.#budget = new Budget(this.run, site.limits.requests);
    this.#planner = new Planner(site, this.#budget, options.ca);
    const total = site.limits.seconds * 1000;
    this.#signal = AbortSignal.any([options.signal, AbortSignal.timeout(total)]);
    this.#requestsEndAt = this.startedAt.getTime() + Math.max(total - reserveMs, total / 2);
    this.#openHosts();
    this.#openClients();
  }

  /** First reading of every host, and what can be learned of names and addresses meanwhile. */
  async before(): Promise<void> {
    this.#options.progress(this.#hosts.length === 0 ? 'looking at the site from outside' : `reading ${this.#hosts.length} hosts`);
    this.#firstReading = Promise.all(this.#hosts.map((host) => host.read('before', this.#signal, hostReadMs)));
    // One host that hangs must not keep the others and the reader waiting: it may still answer while requests are in flight.
    const patience = new AbortController();
    const waited = delay(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.all([Promise.race([this.#firstReading, waited]), this.#lookAtNames()]);
    patience.abort();
  }

  /** The marked requests: a first wave that shows the failure and where it begins, and for each client a second that shows how often. */
  async requests(): Promise<void> {
    const clients = this.#clients();
    this.#options.progress(`sending marked requests from ${clients.length === 1 ? 'here' : `${clients.length} clients`}`);
    const first = clients.map((client, i): Batch => ({
      from: client,
      backend: null,
      specs: [
        ...this.#planner.reproduce(client, client === 'here' ? 3 : 1),
        ...(client === 'here' || (i === 0 && !clients.includes('here')) ? this.#planner.localiseFromClient() : []),
      ],
    }));
    const bypasses = this.#bypasses();
    // Nobody waits for the others: a client that knows that it fails sends its further requests while slow ones are still on their way.
    await Promise.all([this.#send(bypasses), ...first.map(async (batch) => this.#reproduceFrom(batch))]);
  }

  async #reproduceFrom(batch: Batch): Promise<void> {
    await this.#send([batch]);
    const specs = this.#planner.reproduce(batch.from, this.#more(batch.from));
    if (specs.length === 0) return;
    this.#options.progress('sending more, to see how often it fails');
    await this.#send([{ from: batch.from, backend: null, specs }]);
  }

  /** How many more requests a client sends, by what its first ones met. */
  #more(client: string): number {
    const seen = this.#exchanges.get(`requests ${client}`)?.list.filter((each) => each.purpose === 'reproduce') ?? [];
    const failing = seen.filter(isFailure);
    const slowest = Math.max(0, ...failing.map((each) => each.phases.totalMs));
    // A failure that shows every time and takes long is not sent a dozen times more: that would only load the site and keep the reader waiting.
    if (failing.length === seen.length) return slowest > 1_500 ? 0 : 3;
    if (slowest > 10_000) return 0;
    return client === 'here' ? 8 : 3;
  }

  /** Runs what judges asked for, cheapest first. */
  async experiment(wanted: readonly ExperimentId[]): Promise<void> {
    for (const id of wanted) {
      if (this.#budget.left <= 0 || Date.now() >= this.#requestsEndAt) return;
      const experiment = experiments[id];
      this.#options.progress(`experiment: ${experiment.title}`);
      await experiment.run({
        planner: this.#planner,
        target: targetsOf(this.#options.site)[0] ?? null,
        client: this.#clients()[0] ?? 'here',
        doors: this.#bypassWays().map(([backend, from]) => ({ backend, from })),
        send: async (batches) => this.#send(batches),
      });
    }
  }

  /** Second reading of every host. */
  async after(): Promise<void> {
    if (this.#hosts.length > 0) this.#options.progress(`reading ${this.#hosts.length} hosts again`);
    for (const host of this.#hosts) if (!host.answered) host.giveUp();
    await this.#firstReading;
    await Promise.all(this.#hosts.map((host) => host.read('after', this.#options.signal, hostReadMs)));
  }

  get access(): readonly HostAccess[] {
    const { site } = this.#options;
    const known = new Map(this.#hosts.map((host) => [host.name, host.access]));
    const none = (host: string, role: HostAccess['role']): HostAccess =>
      known.get(host) ?? { host, role, access: 'none', reason: 'the site file gives no `exec` for it' };
    return [
      ...this.#clientAccess,
      ...site.edge.map((each) => none(each.name, 'edge')),
      ...(site.balancer === undefined ? [] : [none(site.balancer.name, 'balancer')]),
      ...site.backends.map((each) => none(each.name, 'backend')),
    ];
  }

  /** Everything so far, in a fixed order, with ids. */
  evidence(): readonly Evidence[] {
    const requests: Evidence[] = [...this.#exchanges.values()]
      .filter((each) => each.list.length > 0)
      .toSorted(
        (a, b) => a.probe.localeCompare(b.probe) || this.#order(a.host) - this.#order(b.host) || this.#order(a.from) - this.#order(b.from),
      )
      .map((each) => ({
        id: '',
        probe: each.probe,
        host: each.host,
        vantage: this.#ways.get(each.from)?.role ?? 'client',
        at: each.list[0]?.at ?? this.startedAt.toISOString(),
        status: 'ok',
        data: { from: each.from, exchanges: each.list },
      }));
    const all = [...this.#outside, ...requests, ...this.#hosts.flatMap((host) => host.evidence())];
    return all.map((each, i) => ({ ...each, id: `e${i + 1}` }));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#transports.map((each) => each.close()));
  }

  #order(host: string): number {
    const { site } = this.#options;
    return [
      'here',
      ...site.clients.map((each) => each.name),
      ...site.edge.map((each) => each.name),
      site.balancer?.name ?? '',
      ...site.backends.map((each) => each.name),
    ].indexOf(host);
  }

  #clients(): readonly string[] {
    const all = ['here', ...this.#options.site.clients.filter((each) => each.exec !== undefined).map((each) => each.name)];
    const { from } = this.#options;
    const chosen = from === null ? all : all.filter((each) => from.includes(each));
    return chosen.filter((each) => this.#ways.has(each));
  }

  #open(exec: Exec): Transport {
    const transport = this.#options.openTransport(exec);
    this.#transports.push(transport);
    return transport;
  }

  #openHosts(): void {
    const { site, instruments } = this.#options;
    const open = (name: string, role: HostReader['role'], exec: Exec | undefined, paths: Paths | undefined): void => {
      if (exec === undefined) return;
      const transport = this.#open(exec);
      this.#hosts.push(new HostReader({ name, role, transport, paths: paths ?? {}, site, run: this.run, instruments }));
      this.#ways.set(name, { requester: instruments.openRequester(name, transport), role });
    };
    for (const edge of site.edge) open(edge.name, 'edge', edge.exec, edge.paths);
    if (site.balancer !== undefined) open(site.balancer.name, 'balancer', site.balancer.exec, site.balancer.paths);
    for (const backend of site.backends) open(backend.name, 'backend', backend.exec, backend.paths);
  }

  #openClients(): void {
    const { site, instruments } = this.#options;
    this.#ways.set('here', { requester: instruments.openRequester('here', null), role: 'client' });
    this.#clientAccess.push({ host: 'here', role: 'client', access: 'ok', reason: null });
    for (const client of site.clients) {
      if (client.exec !== undefined)
        this.#ways.set(client.name, { requester: instruments.openRequester(client.name, this.#open(client.exec)), role: 'client' });
      this.#clientAccess.push({
        host: client.name,
        role: 'client',
        access: client.exec === undefined ? 'none' : 'ok',
        reason: client.exec === undefined ? 'the site file gives no `exec` for it' : null,
      });
    }
  }

  async #send(batches: readonly Batch[]): Promise<readonly Exchange[]> {
    const left = this.#requestsEndAt - Date.now();
    if (left <= 0) return [];
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(left)]);
    const { site, secrets, version } = this.#options;
    const answers = await Promise.all(
      mergeBatches(batches).map(async ({ from, parts }) => {
        const way = this.#ways.get(from);
        const specs = parts.flatMap((part) => part.specs.map((spec) => ({ spec, backend: part.backend })));
        if (way === undefined || specs.length === 0) return [];
        const exchanges = await this.#sendFrom(
          from,
          way.requester,
          specs.map((each) => each.spec),
          { signal, version, resolve: site.resolve, secrets, concurrency: 8 },
        );
        exchanges.forEach((exchange, i) => this.#keep(from, specs[i]?.backend ?? null, exchange));
        return exchanges;
      }),
    );
    return answers.flat();
  }

  /** A vantage that cannot send at all is evidence too. */
  async #sendFrom(from: string, requester: Requester, ...[specs, options]: Parameters<Requester['send']>): Promise<readonly Exchange[]> {
    try {
      return await requester.send(specs, options);
    } catch (error) {
      if (!(error instanceof ProbeError) && !(error instanceof TransportError)) throw error;
      const role = this.#ways.get(from)?.role ?? 'client';
      const needs = error instanceof TransportError ? error.hint : error.needs;
      if (!this.#mute.has(from)) {
        this.#mute.add(from);
        this.#outside.push({
          id: '',
          probe: role === 'client' ? 'requests' : 'backend-requests',
          host: from,
          vantage: role,
          at: new Date().toISOString(),
          status: 'failed',
          reason: error.message,
          needs,
        });
        const at = this.#clientAccess.findIndex((each) => each.host === from);
        if (at >= 0) this.#clientAccess[at] = { host: from, role: 'client', access: 'failed', reason: error.message };
      }
      return [];
    }
  }

  #keep(from: string, backend: string | null, exchange: Exchange): void {
    // Cut off by our own budget: that says nothing about the site.
    if (exchange.status === null && exchange.errorCode === 'ABORT_ERR') return;
    const key = backend === null ? `requests ${from}` : `backend-requests ${backend} ${from}`;
    const entry = this.#exchanges.get(key) ?? {
      probe: backend === null ? ('requests' as const) : ('backend-requests' as const),
      host: backend ?? from,
      from,
      list: [],
    };
    entry.list.push(exchange);
    this.#exchanges.set(key, entry);
  }

  /** Each backend with the place that its requests are sent from: where real traffic comes from, else the nearest that reaches it. */
  #bypassWays(): readonly (readonly [string, string])[] {
    const { site } = this.#options;
    const reachable = (name: string): boolean =>
      this.#hosts.some((host) => host.name === name && host.answered && host.access.access === 'ok');
    const balancer = site.balancer?.name;
    return site.backends.flatMap((backend) => {
      const other = site.backends.find((each) => each.name !== backend.name && reachable(each.name));
      const open = this.#outside.some(
        (each) =>
          each.probe === 'connect' &&
          each.status === 'ok' &&
          each.data.attempts.some(
            (attempt) => attempt.target === backend.name && (attempt.outcome === 'open' || attempt.outcome === 'refused'),
          ),
      );
      const from = balancer !== undefined && reachable(balancer) ? balancer : open ? 'here' : (other?.name ?? null);
      return from === null ? [] : [[backend.name, from] as const];
    });
  }

  #bypasses(): readonly Batch[] {
    const { site } = this.#options;
    // As the balancer's own configuration has it: a site file may say nothing of the check, or what it was last year.
    const known = this.#hosts.find((host) => host.role === 'balancer')?.evidence() ?? [];
    const outer = this.#bypassWays().map(([backend, from]): Batch => ({
      from,
      backend,
      specs: this.#planner.toBackend(backend, { thorough: true, check: checkRequestOf(site, backend, known) }),
    }));
    // The backend asks itself: the control that tells its own trouble from trouble on the way to it.
    const inner = this.#hosts
      .filter((host) => host.role === 'backend' && host.answered && host.access.access === 'ok' && site.backends.length <= 4)
      .map((host): Batch => ({
        from: host.name,
        backend: host.name,
        specs: this.#planner.toBackend(host.name, { thorough: false, check: null }),
      }));
    return [...outer, ...inner];
  }

  async #lookAtNames(): Promise<void> {
    const { site, instruments, ca } = this.#options;
    const url = new URL(site.url);
    const name = url.hostname.replace(/^\[|\]$/g, '');
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    const at = new Date().toISOString();
    const signal = this.#signal;
    const { answers } = await instruments.resolveNames([name], { resolve: site.resolve, signal, timeoutMs: 4_000 });
    const places: ConnectTarget[] = [...new Set(answers.flatMap((each) => each.addresses))]
      .slice(0, 8)
      .map((address) => ({ address, port, door: 'site', target: null }));
    const add = (door: ConnectTarget['door'], target: string, address: string, fallback: number): void => {
      const split = splitAddress(address);
      places.push({ address: split.host, port: split.port ?? fallback, door, target });
    };
    for (const edge of site.edge) add('edge', edge.name, edge.address, port);
    if (site.balancer !== undefined) add('balancer', site.balancer.name, site.balancer.address, port);
    const backends: ConnectTarget[] = [];
    // Backends often have private addresses, and somebody else's machine may have the same one here: only tried where nobody inside can.
    if (this.#hosts.length === 0) {
      for (const backend of site.backends) {
        const split = splitAddress(backend.address);
        backends.push({ address: split.host, port: split.port ?? 80, door: 'backend', target: backend.name });
      }
    }
    const options = { from: 'here', signal, timeoutMs: Math.min(3_000, deadlines(site).connectTimeoutMs), concurrency: 12 };
    const tlsTargets = places.filter((place) => place.door === 'site').slice(0, 3);
    const [open, behind, tls] = await Promise.all([
      instruments.connectAll(places, options),
      instruments.connectAll(backends, { ...options, timeoutMs: 1_000 }),
      url.protocol === 'https:'
        ? instruments.inspectTls(
            tlsTargets.map(({ target, address, port: at }) => ({
              target,
              address,
              port: at,
              serverName: name,
              ...(ca === null ? {} : { ca }),
            })),
            { ...options, timeoutMs: 4_000 },
          )
        : null,
    ]);
    const stamp = { id: '', host: 'here', vantage: 'client', at, status: 'ok' } as const;
    this.#outside.push(
      { ...stamp, probe: 'dns', data: { answers } },
      { ...stamp, probe: 'connect', data: { from: 'here', attempts: [...open.attempts, ...behind.attempts] } },
    );
    if (tls !== null) this.#outside.push({ ...stamp, probe: 'tls', data: tls });
  }
}

/** One send for each vantage, so that a vantage opens its connection once and keeps to its concurrency. */
function mergeBatches(batches: readonly Batch[]): readonly {
  readonly from: string;
  readonly parts: readonly { readonly backend: string | null; readonly specs: readonly RequestSpec[] }[];
}[] {
  const merged = new Map<string, { backend: string | null; specs: readonly RequestSpec[] }[]>();
  for (const { from, backend, specs } of batches) {
    const parts = merged.get(from) ?? [];
    parts.push({ backend, specs });
    merged.set(from, parts);
  }
  return [...merged].map(([from, parts]) => ({ from, parts }));
}
