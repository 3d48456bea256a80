// Groups the failing requests into symptoms: what clients saw, how often, who answered. The verdict has to explain each of them.
import type { Evidence, SiteFacts } from '../model/evidence.ts';
import type { Exchange } from '../model/exchange.ts';
import type { BalancerKind } from '../model/site.ts';
import type { Answerer, Symptom } from '../model/symptom.ts';
import type { Trace } from '../model/trace.ts';
import { isFailure, sameRequest } from './failure.ts';
import { identify, isOwnErrorPage } from './fingerprints/identify.ts';
import { exchangesOf, measured } from './traces.ts';

interface Failed {
  readonly exchange: Exchange;
  readonly client: string;
  readonly evidence: string;
  readonly answerer: Answerer;
  readonly backends: readonly string[];
  readonly shadow: boolean;
}

export function symptomsOf(site: SiteFacts, evidence: readonly Evidence[], traces: readonly Trace[]): readonly Symptom[] {
  const traceOf = new Map(traces.map((trace) => [trace.nonce, trace]));
  const everyone = exchangesOf(evidence);
  const sent = new Map<string, number>();
  const groups = new Map<string, Failed[]>();
  for (const requests of measured(evidence, 'requests')) {
    for (const exchange of requests.data.exchanges) {
      if (exchange.purpose !== 'reproduce') continue;
      const kind = [requests.data.from, exchange.method, exchange.url].join(' ');
      sent.set(kind, (sent.get(kind) ?? 0) + 1);
      if (!isFailure(exchange)) continue;
      const trace = traceOf.get(exchange.nonce);
      const sometimesFine = requests.data.exchanges.some(
        (each) => each.purpose === 'reproduce' && sameRequest(each, exchange) && !isFailure(each),
      );
      const answerer = answererOf(
        site,
        exchange,
        trace,
        everyone.map(([each]) => each),
        sometimesFine,
      );
      const key = [
        kind,
        exchange.status,
        exchange.error,
        answerer.hop,
        answerer.hop === 'backend' ? '' : answerer.host,
        trace?.noneLeft === true && trace.tried.length === 0,
      ].join(' ');
      const group = groups.get(key) ?? [];
      group.push({
        exchange,
        client: requests.data.from,
        evidence: requests.id,
        answerer,
        backends: trace === undefined ? [] : trace.tried.length > 0 ? trace.tried : trace.backend === null ? [] : [trace.backend],
        shadow: trace !== undefined && trace.noneLeft && trace.tried.length === 0,
      });
      groups.set(key, group);
    }
  }
  return [...groups.values()].map((group, i) => symptomOf(group, `s${i + 1}`, sent)).filter((each) => each !== null);
}

function symptomOf(group: readonly Failed[], id: string, sent: ReadonlyMap<string, number>): Symptom | null {
  const first = group[0];
  if (first === undefined) return null;
  const times = group.map((each) => each.exchange.phases.totalMs).toSorted((a, b) => a - b);
  const hosts = new Set(group.map((each) => each.answerer.host));
  const { exchange, client, answerer } = first;
  return {
    id,
    url: exchange.url,
    method: exchange.method,
    client,
    listenerPort: exchange.listenerPort,
    status: exchange.status,
    error: exchange.error,
    answeredBy: hosts.size === 1 ? answerer : { ...answerer, host: null },
    failed: group.length,
    of: sent.get([client, exchange.method, exchange.url].join(' ')) ?? group.length,
    p50Ms: Math.round(times[Math.floor((times.length - 1) / 2)] ?? 0),
    maxMs: Math.round(times.at(-1) ?? 0),
    backends: [...new Set(group.flatMap((each) => each.backends))].toSorted(),
    shadow: group.every((each) => each.shadow),
    exchanges: group.map((each) => ({ evidence: each.evidence, nonce: each.exchange.nonce })),
  };
}

/**
 * Who produced the answer. Logs prove it; a page's fingerprint and what the same request gets past each hop narrow it down. What fails only
 * sometimes may do well past the edge by mere chance, so then that says nothing.
 */
export function answererOf(
  site: SiteFacts,
  exchange: Exchange,
  trace: Trace | undefined,
  all: readonly Exchange[],
  sometimesFine = false,
): Answerer {
  const page = exchange.status === null ? null : identify({ status: exchange.status, headers: exchange.headers, body: exchange.body });
  const product = page?.id ?? null;
  const hopOf = (host: string): Answerer['hop'] =>
    site.edge.some((each) => each.name === host) ? 'edge' : site.balancer?.name === host ? 'balancer' : 'backend';

  if (trace?.madeBy != null) return { hop: hopOf(trace.madeBy), host: trace.madeBy, product, by: 'log' };
  if (exchange.door === 'backend') return { hop: 'backend', host: exchange.target, product, by: 'bypass' };
  if (exchange.status === null) return { hop: 'unknown', host: null, product, by: 'none' };

  const edge = site.edge[0]?.name ?? null;
  const balancer = site.balancer?.name ?? null;
  if (page !== null && isOwnErrorPage(page) && page.role === 'edge') return { hop: 'edge', host: edge, product, by: 'page' };
  if (page !== null && isOwnErrorPage(page) && page.role === 'balancer' && isOfKind(page.id, site.balancer?.kind))
    return { hop: 'balancer', host: balancer, product, by: 'page' };

  const same = all.filter((each) => sameRequest(each, exchange));
  const past = (purpose: Exchange['purpose']): readonly Exchange[] =>
    same.filter((each) => each.purpose === purpose && each.error === null);
  const pastEdge = past('bypass-edge');
  if (edge !== null && !seenBehindEdge(site, trace) && !sometimesFine && pastEdge.length > 0 && pastEdge.every((each) => !isFailure(each)))
    return { hop: 'edge', host: edge, product, by: 'bypass' };
  const pastBalancer = past('bypass-balancer');
  const alike = pastBalancer.filter((each) => each.status === exchange.status);
  if (alike.length > 0)
    return {
      hop: 'backend',
      host: alike.length === 1 && site.backends.length === 1 ? (alike[0]?.target ?? null) : null,
      product,
      by: 'bypass',
    };
  const tried = same.filter((each) => each.purpose === 'bypass-balancer');
  const everyBackendTried =
    site.backends.length > 0 && site.backends.every((backend) => tried.some((each) => each.target === backend.name));
  // No backend gives this code when asked directly, so it is made in front of them.
  if (everyBackendTried && balancer !== null) return { hop: 'balancer', host: balancer, product, by: 'bypass' };
  return { hop: 'unknown', host: null, product, by: page === null ? 'none' : 'page' };
}

/** A hop behind the edge has this very request in its log: the edge let it through. */
function seenBehindEdge(site: SiteFacts, trace: Trace | undefined): boolean {
  return trace?.hops.some((hop) => !site.edge.some((each) => each.name === hop.host)) ?? false;
}

/** A page only points to the balancer where it is of the balancer's own make; an HAProxy page in front of an nginx balancer is another hop's. */
function isOfKind(product: string, kind: BalancerKind | undefined): boolean {
  return kind === 'other' || (kind !== undefined && product.startsWith(kind.split('-')[0] ?? kind));
}
