// Puts the way of each marked request together from the access logs of every hop, and says which hop made the answer.
import type { Evidence, Measured, SiteFacts } from '../model/evidence.ts';
import type { Exchange } from '../model/exchange.ts';
import type { AccessLine } from '../model/observations.ts';
import { splitAddress } from '../model/site.ts';
import type { Trace, TraceHop } from '../model/trace.ts';
import { isPoolName, triesOf, withTries } from './tries.ts';
import type { Try } from './tries.ts';

/** Evidence of one probe that was measured, in the order of gathering. */
export function measured<Id extends Evidence['probe']>(evidence: readonly Evidence[], probe: Id): readonly Measured<Id>[] {
  return evidence.filter((each) => each.probe === probe && each.status === 'ok') as unknown as readonly Measured<Id>[];
}

/** Name of the backend that an upstream address or a balancer's server name stands for; null where none is known. */
export function backendOf(site: SiteFacts, address: string): string | null {
  const wanted = splitAddress(address);
  for (const backend of site.backends) {
    const own = splitAddress(backend.address);
    if (own.host === wanted.host && (wanted.port === null || own.port === wanted.port)) return backend.name;
  }
  const sameHost = site.backends.filter((backend) => splitAddress(backend.address).host === wanted.host);
  return sameHost.length === 1 ? (sameHost[0]?.name ?? null) : null;
}

/** The last try at one backend that a proxy's line tells of; its last try at all where none names that backend. */
export function tryAt(site: SiteFacts, line: AccessLine, backend: string): Try | null {
  const tries = triesOf(line);
  return tries.findLast((each) => backendOf(site, each.address) === backend) ?? tries.at(-1) ?? null;
}

/** True where the hop's own log says that the code came from the next hop, false where it made the code itself, null where it can't tell. */
export function relayed(line: AccessLine): boolean | null {
  if (line.haproxy !== null) {
    const second = line.haproxy.state[1];
    if (line.haproxy.server.startsWith('<')) return false;
    if (line.haproxy.responseMs < 0) return false;
    return second === '-' || second === 'D' || second === 'L' ? true : null;
  }
  if (line.upstream !== null) {
    if (line.upstream.addresses.length === 0) return false;
    // nginx writes a synthetic code into $upstream_status; only a header time proves an answer.
    const header = line.upstream.headerMs.at(-1);
    if (header !== undefined) return header !== null;
  }
  return null;
}

export function tracesOf(site: SiteFacts, evidence: readonly Evidence[]): readonly Trace[] {
  const servers = new Map<string, string>();
  for (const stat of measured(evidence, 'haproxy-stat')) {
    for (const server of stat.data.servers) {
      const backend = server.address === null ? null : backendOf(site, server.address);
      if (backend !== null) servers.set(`${server.backend}/${server.server}`, backend);
    }
  }
  const backendOfLine = (line: AccessLine): string | null => {
    if (line.haproxy !== null) {
      const { backend, server } = line.haproxy;
      if (server.startsWith('<')) return null;
      return servers.get(`${backend}/${server}`) ?? (site.backends.some((each) => each.name === server) ? server : null);
    }
    return backendsTried(line).at(-1) ?? null;
  };
  const backendsTried = (line: AccessLine): readonly string[] =>
    triesOf(line)
      .filter(({ address }) => !address.startsWith('unix:') && !isPoolName(address))
      .map(({ address }) => backendOf(site, address))
      .filter((name) => name !== null);

  const order = [
    ...site.edge.map((each) => each.name),
    ...(site.balancer ? [site.balancer.name] : []),
    ...site.backends.map((each) => each.name),
  ];
  const roleOf = (host: string): TraceHop['role'] | null =>
    site.edge.some((each) => each.name === host)
      ? 'edge'
      : site.balancer?.name === host
        ? 'balancer'
        : site.backends.some((each) => each.name === host)
          ? 'backend'
          : null;

  const ownByPort = nonceByPort(evidence);
  const hops = new Map<string, TraceHop[]>();
  for (const log of measured(evidence, 'logs')) {
    const role = roleOf(log.host);
    if (role === null) continue;
    withTries(log.data).forEach((line, index) => {
      const nonce = line.nonce ?? ownByPort(line);
      if (nonce === null) return;
      const list = hops.get(nonce) ?? [];
      list.push({ host: log.host, role, evidence: log.id, index, line });
      hops.set(nonce, list);
    });
  }

  const read = new Set(
    measured(evidence, 'logs')
      .filter((log) => log.data.files.some((file) => file.readable))
      .map((log) => log.host),
  );
  const everyBackendRead = site.backends.length > 0 && site.backends.every((backend) => read.has(backend.name));

  const traces: Trace[] = [];
  for (const [exchange, host] of exchangesOf(evidence)) {
    const way = (hops.get(exchange.nonce) ?? []).toSorted((a, b) => order.indexOf(a.host) - order.indexOf(b.host));
    const inner = way.findLast((hop) => hop.role === 'backend')?.host ?? null;
    const named = way.map((hop) => backendOfLine(hop.line)).findLast((name) => name !== null) ?? null;
    traces.push({
      nonce: exchange.nonce,
      hops: way,
      backend: exchange.door === 'backend' ? (exchange.target ?? host) : (inner ?? named),
      tried: [
        ...new Set(
          way.flatMap((hop) =>
            hop.role === 'backend'
              ? [hop.host]
              : hop.line.haproxy === null
                ? backendsTried(hop.line)
                : [backendOfLine(hop.line)].filter((name) => name !== null),
          ),
        ),
      ],
      noneLeft: way.some(
        (hop) => hop.role === 'balancer' && hop.line.haproxy === null && isPoolName(triesOf(hop.line).at(-1)?.address ?? ':'),
      ),
      madeBy: madeBy(way, exchange.status, backendOfLine, everyBackendRead),
    });
  }
  return traces;
}

function madeBy(
  way: readonly TraceHop[],
  status: number | null,
  backendOfLine: (line: AccessLine) => string | null,
  everyBackendRead: boolean,
): string | null {
  if (status === null) return null;
  let maker: string | null = null;
  for (const [i, hop] of way.entries()) {
    if (hop.line.status !== status) break;
    maker = hop.host;
    if (hop.role === 'backend') continue;
    const passedOn = relayed(hop.line);
    if (passedOn === false) break;
    if (i < way.length - 1) continue;
    // An edge that passed the answer on did not make it, and whoever did left no line of this request.
    if (passedOn === true) maker = backendOfLine(hop.line) ?? (hop.role === 'edge' ? null : maker);
    // A log without upstream fields: only the silence of every backend's log proves that nobody behind answered.
    else if (passedOn === null && !(hop.role === 'balancer' && everyBackendRead)) maker = null;
  }
  return maker;
}

/** Every exchange of a run with the host that its evidence is about. */
export function exchangesOf(evidence: readonly Evidence[]): readonly (readonly [Exchange, string, string])[] {
  return evidence.flatMap((each) =>
    each.status === 'ok' && (each.probe === 'requests' || each.probe === 'backend-requests')
      ? each.data.exchanges.map((exchange) => [exchange, each.host, each.id] as const)
      : [],
  );
}

/** How far apart the clocks of two machines may be for a line and a request to be one. */
const clocksApartMs = 60_000;

/**
 * HAProxy's usual format has no User-Agent and so no mark, but the client's address and port: the nonce of the request that used them. Null where
 * none did, or more than one. Where something in front makes connections of its own, nothing matches.
 */
function nonceByPort(evidence: readonly Evidence[]): (line: AccessLine) => string | null {
  const sent = new Map<string, Exchange[]>();
  for (const [exchange] of exchangesOf(evidence)) {
    if (exchange.door === 'backend' || exchange.localAddress === null || exchange.localPort === undefined) continue;
    const key = `${exchange.localAddress.replace(/^::ffff:/, '')} ${exchange.localPort}`;
    sent.set(key, [...(sent.get(key) ?? []), exchange]);
  }
  return (line) => {
    if (line.haproxy === null || line.client === null || sent.size === 0) return null;
    const [, address = '', port = ''] = /(?:^|\s)(\S+):(\d+) \[/.exec(line.text) ?? [];
    if (address.replace(/^::ffff:/, '') !== line.client) return null;
    const [exchange, ...others] = (sent.get(`${line.client} ${port}`) ?? []).filter(
      (each) => line.at === null || Math.abs(Date.parse(each.at) - Date.parse(line.at)) <= clocksApartMs,
    );
    return exchange === undefined || others.length > 0 ? null : exchange.nonce;
  };
}
