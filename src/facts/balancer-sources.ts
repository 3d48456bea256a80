// Where a balancer's own connections to a backend come from: what logs and routes show exactly, else what the site file declares.
import type { Scene } from '../model/cause.ts';
import { cite } from '../model/cause.ts';
import type { Citation } from '../model/finding.ts';
import { splitAddress } from '../model/site.ts';
import { say } from '../model/text.ts';
import { formatAddress, parseAddress, parseSpan, spanHolds } from './addresses.ts';
import { routeFor } from './routes.ts';

/** A source address as a backend sees it. */
export interface BalancerSource {
  readonly address: string;
  /** `seen`: a backend's log or the balancer's own routing table shows it. `declared`: one of the range in the site file. */
  readonly by: 'seen' | 'declared';
  readonly citation: Citation | null;
}

type Looks = Scene<'logs' | 'routes'>;

/** Ranges of the site file that are addresses, IPv4 first. */
function declaredSpans(scene: Scene<never>): readonly ReturnType<typeof parseSpan>[] {
  return (scene.site.balancer?.backendSources ?? []).map(parseSpan);
}

/**
 * Addresses that the balancer's connections to this backend come from. Exact ones where a log or the balancer's routes show any; otherwise
 * the first, the middle and the last usable address of every declared range. Empty where nothing is known.
 */
export function balancerSources(scene: Looks, backend: string): readonly BalancerSource[] {
  const seen = [...loggedSources(scene), ...routedSource(scene, backend)];
  if (seen.length > 0) return [...new Map(seen.map((each) => [each.address, each])).values()];
  return declaredSpans(scene).flatMap((span) => {
    if (span === null) return [];
    const inner = span.last - span.first > 1n ? [span.first + 1n, (span.first + span.last) / 2n, span.last - 1n] : [span.first, span.last];
    return [...new Set(inner)].map((value): BalancerSource => ({
      address: formatAddress({ family: span.family, value }),
      by: 'declared',
      citation: null,
    }));
  });
}

/** Whether a request of that listener is a connection of the balancer's own, not one of the client's that was merely sent on. */
export function isProxied(scene: Scene<'haproxy-config' | 'nginx-config'>, port: number | null): boolean {
  const { balancer } = scene.site;
  const listener = balancer?.listeners.find((each) => each.port === port);
  if (balancer === undefined || listener?.protocol !== 'tcp') return true;
  const binds = (words: readonly string[]): boolean =>
    words[0] === 'bind' && (words[1] ?? '').split(',').some((each) => each.endsWith(`:${port}`));
  const haproxy = scene.one('haproxy-config', balancer.name);
  if (haproxy?.data.sections.some((section) => section.lines.some((line) => binds(line.words))) === true) return true;
  const streams = scene.one('nginx-config', balancer.name)?.data.directives.filter((each) => each.name === 'stream') ?? [];
  const listens = streams.flatMap((stream) =>
    (stream.block ?? []).flatMap((server) => (server.block ?? []).filter((each) => each.name === 'listen')),
  );
  return listens.some((each) => new RegExp(`(?:^|:)${port}$`).test(each.args[0] ?? ''));
}

/** The client address in a backend's log for requests that came through the balancer. One outside the declared ranges is a forwarded one. */
function loggedSources(scene: Looks): readonly BalancerSource[] {
  const spans = declaredSpans(scene);
  if (spans.length === 0) return [];
  const found: BalancerSource[] = [];
  const sent = new Set(scene.traces.filter((trace) => trace.backend !== null).map((trace) => trace.nonce));
  for (const evidence of scene.all('logs')) {
    if (!scene.site.backends.some((each) => each.name === evidence.host)) continue;
    for (const [index, line] of evidence.data.access.entries()) {
      const address = line.client === null ? null : parseAddress(line.client);
      if (
        line.nonce === null ||
        !sent.has(line.nonce) ||
        address === null ||
        !spans.some((span) => span !== null && spanHolds(span, address))
      )
        continue;
      const text = formatAddress(address);
      if (found.some((each) => each.address === text)) continue;
      found.push({
        address: text,
        by: 'seen',
        citation: cite(
          evidence,
          `/access/${index}/client`,
          say(
            `${evidence.host} logs requests of the balancer as coming from ${text}`,
            `${evidence.host} 的日志显示负载均衡的请求来自 ${text}`,
          ),
        ),
      });
    }
  }
  return found;
}

/** What the balancer's routing table chooses; not asked where its configuration binds another source. */
function routedSource(scene: Looks, backend: string): readonly BalancerSource[] {
  const name = scene.site.balancer?.name;
  const target = scene.site.backends.find((each) => each.name === backend);
  const evidence = name === undefined ? undefined : scene.one('routes', name);
  if (name === undefined || target === undefined || evidence === undefined) return [];
  const route = routeFor(evidence.data, splitAddress(target.address).host);
  if (route === null || route.type !== 'unicast') return [];
  const own = evidence.data.interfaces.find((each) => each.name === route.dev)?.addresses ?? [];
  const family = parseAddress(splitAddress(target.address).host)?.family;
  const address = route.source ?? own.find((each) => parseAddress(each.address)?.family === family)?.address ?? null;
  if (address === null) return [];
  const spans = declaredSpans(scene);
  const parsed = parseAddress(address);
  // Configured sources (proxy_bind, `source`) win over routes: a route outside the declared ranges proves nothing.
  if (parsed === null || (spans.length > 0 && !spans.some((span) => span !== null && spanHolds(span, parsed)))) return [];
  const says = say(`${name} reaches ${backend} from ${address}`, `${name} 以 ${address} 访问 ${backend}`);
  return [{ address, by: 'seen', citation: route.index === null ? null : cite(evidence, `/routes/${route.index}`, says) }];
}
