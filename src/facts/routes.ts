// What the kernel's routing would do: longest prefix inside the tables that the policy rules name, and the reverse path check that
// drops packets on multi-homed hosts. Pure functions over the evidence of the `routes` and `sysctls` probes.
import type { Routes, Sysctls } from '../model/observations.ts';
import { parseAddress, parseSpan, prefixSpan, spanHolds, type Address } from './addresses.ts';

export type Route = Routes['routes'][number];

/** Facts of the packet that policy rules may ask for. */
export interface RouteOptions {
  readonly source?: string;
  readonly iif?: string;
  readonly oif?: string;
  readonly mark?: number;
}

/** What a look-up gave. `unreachable` covers no route at all and routes of type unreachable, prohibit and blackhole. */
export interface RouteResult {
  readonly type: 'unicast' | 'local' | 'broadcast' | 'multicast' | 'unreachable';
  readonly dev: string | null;
  readonly via: string | null;
  /** Preferred source address of the route. */
  readonly source: string | null;
  /** Index into `routes.routes`; null where nothing matched. */
  readonly index: number | null;
}

/** Looks a destination up as `ip route get` would. Null where the destination is no address or the tables were not read. */
export function routeFor(routes: Routes, destination: string, options: RouteOptions = {}): RouteResult | null {
  const target = parseAddress(destination);
  if (!target || routes.routes.length === 0) return null;
  const source = options.source === undefined ? null : parseAddress(options.source);
  for (const { table, shortest } of tablesFor(routes, target, source, options)) {
    if (table === null) return nowhere;
    const found = longest(routes, table, target, shortest, options.oif);
    if (found === null) continue;
    const route = routes.routes[found];
    if (route === undefined || route.type === 'throw') continue;
    return describe(route, found);
  }
  return nowhere;
}

/** Where an answer to `source` would leave, and what reverse path filtering makes of a packet that came in on `ingressInterface`. */
export interface ReversePath {
  readonly route: RouteResult;
  /** The answer leaves by the interface that the packet came in on. */
  readonly symmetric: boolean;
  /** Strict mode (1) drops the packet. */
  readonly strictDrops: boolean;
  /** Loose mode (2) drops the packet: no route to the source at all. */
  readonly looseDrops: boolean;
}

/**
 * Looks the source of a packet up as the kernel's fib_validate_source does: with the packet's destination as source where it is known.
 * Null where routes were not read or `source` is no address.
 */
export function reversePath(routes: Routes, source: string, ingressInterface: string, destination?: string): ReversePath | null {
  const route = routeFor(routes, source, { iif: ingressInterface, ...(destination === undefined ? {} : { source: destination }) });
  if (!route) return null;
  // A packet from one of the host's own addresses is dropped as a martian whatever rp_filter says, unless it came over loopback.
  const reachable = route.type === 'unicast' || (route.type === 'local' && ingressInterface === 'lo');
  const symmetric =
    reachable && (route.dev === ingressInterface || sameWeight(routes, route).some((other) => other.dev === ingressInterface));
  return { route, symmetric, strictDrops: !symmetric, looseDrops: !reachable };
}

/** Effective rp_filter of an interface: the larger of `all` and its own (IPv4 only). Null where neither was read. */
export function rpFilterEffective(sysctls: Sysctls, interfaceName: string): 0 | 1 | 2 | null {
  const read = (name: string): number | null => {
    const value = sysctls.values[`net.ipv4.conf.${name}.rp_filter`];
    return value === undefined || !/^[012]$/.test(value) ? null : Number(value);
  };
  const all = read('all');
  // An interface that was not read has been made from `default`.
  const own = read(interfaceName) ?? read('default');
  if (all === null && own === null) return null;
  const effective = Math.max(all ?? 0, own ?? 0);
  return effective === 2 ? 2 : effective === 1 ? 1 : 0;
}

/** Every address that the host owns, loopback included, in the order of its interfaces. */
export function ownAddresses(routes: Routes): string[] {
  return routes.interfaces.flatMap((each) => each.addresses.map((address) => address.address));
}

/** Name of the interface that carries the address; null where none does. */
export function interfaceOf(routes: Routes, address: string): string | null {
  const wanted = parseAddress(address);
  if (!wanted) return null;
  for (const each of routes.interfaces) {
    if (each.addresses.some((own) => same(parseAddress(own.address), wanted))) return each.name;
  }
  return null;
}

/** How the kernel classes an address on this host: `local`, `broadcast`, `multicast` or `unicast`. Null where routes were not read. */
export function addressType(routes: Routes, address: string): 'local' | 'broadcast' | 'multicast' | 'unicast' | null {
  const parsed = parseAddress(address);
  if (!parsed) return null;
  const multicast = parsed.family === 4 ? parsed.value >> 28n === 0xen : parsed.value >> 120n === 0xffn;
  if (multicast) return 'multicast';
  const found = longest(routes, 'local', parsed, 0);
  const type = found === null ? undefined : routes.routes[found]?.type;
  if (type === 'local' || type === 'broadcast') return type;
  if (ownAddresses(routes).some((own) => same(parseAddress(own), parsed))) return 'local';
  return routes.interfaces.length === 0 && routes.routes.length === 0 ? null : 'unicast';
}

// The tables to ask, in order. A null table is a rule that ends the look-up (blackhole, unreachable, prohibit).
function tablesFor(
  routes: Routes,
  target: Address,
  source: Address | null,
  options: RouteOptions,
): { table: string | null; shortest: number }[] {
  const rules = routes.rules.length > 0 ? routes.rules : defaultRules;
  const tables: { table: string | null; shortest: number }[] = [];
  for (const rule of [...rules].sort((a, b) => a.priority - b.priority)) {
    if (rule.family !== undefined && rule.family !== target.family) continue;
    if (ruleSelects(rule, target, source, options) === (rule.not ?? false)) continue;
    tables.push({ table: rule.action === undefined ? rule.table : null, shortest: (rule.suppressPrefixLength ?? -1) + 1 });
  }
  return tables;
}

function ruleSelects(rule: Routes['rules'][number], target: Address, source: Address | null, options: RouteOptions): boolean {
  if (!selects(rule.to, target)) return false;
  if (rule.from !== null && rule.from !== 'all' && (source === null || !selects(rule.from, source))) return false;
  // A packet of the host itself has `lo` as its incoming interface.
  if (rule.iif !== null && rule.iif !== (options.iif ?? 'lo')) return false;
  if (rule.oif !== null && rule.oif !== options.oif) return false;
  return rule.fwmark === null || markSelects(rule.fwmark, options.mark ?? 0);
}

const anyPacket = { from: null, to: null, iif: null, oif: null, fwmark: null };
const defaultRules: Routes['rules'] = [
  { ...anyPacket, priority: 0, table: 'local' },
  { ...anyPacket, priority: 32766, table: 'main' },
  { ...anyPacket, priority: 32767, table: 'default' },
];

function selects(selector: string | null, address: Address): boolean {
  if (selector === null || selector === 'all') return true;
  const span = parseSpan(selector);
  return span !== null && spanHolds(span, address);
}

function markSelects(selector: string, mark: number): boolean {
  const [value, mask] = selector.split('/').map(Number);
  if (value === undefined || Number.isNaN(value)) return false;
  return (mark & (mask ?? 0xffffffff)) >>> 0 === value >>> 0;
}

function longest(routes: Routes, table: string, target: Address, shortest: number, oif?: string): number | null {
  let best: { index: number; length: number; metric: number } | null = null;
  for (const [index, route] of routes.routes.entries()) {
    if (route.table !== table) continue;
    if (oif !== undefined && route.dev !== null && route.dev !== oif) continue;
    const length = matchLength(route, target);
    if (length === null || length < shortest) continue;
    if (best === null || length > best.length || (length === best.length && route.metric < best.metric))
      best = { index, length, metric: route.metric };
  }
  return best?.index ?? null;
}

function matchLength(route: Route, target: Address): number | null {
  if (route.to === 'default') return target.family === 4 ? 0 : null;
  const slash = route.to.indexOf('/');
  const address = parseAddress(slash < 0 ? route.to : route.to.slice(0, slash));
  if (!address || address.family !== target.family) return null;
  const length = slash < 0 ? (address.family === 4 ? 32 : 128) : Number(route.to.slice(slash + 1));
  return spanHolds(prefixSpan(address, length), target) ? length : null;
}

const resultTypes: Readonly<Record<string, RouteResult['type']>> = {
  unicast: 'unicast',
  local: 'local',
  anycast: 'local',
  broadcast: 'broadcast',
  multicast: 'multicast',
};

function describe(route: Route, index: number): RouteResult {
  const type = resultTypes[route.type];
  if (type === undefined) return { ...nowhere, index };
  return { type, dev: route.dev, via: route.via, source: route.source, index };
}

const nowhere: RouteResult = { type: 'unreachable', dev: null, via: null, source: null, index: null };

// Next hops of one multipath route are separate entries with the same destination, table and metric.
function sameWeight(routes: Routes, result: RouteResult): Route[] {
  const chosen = result.index === null ? undefined : routes.routes[result.index];
  if (!chosen) return [];
  return routes.routes.filter(
    (route) => route.table === chosen.table && route.to === chosen.to && route.metric === chosen.metric && route.type === chosen.type,
  );
}

function same(a: Address | null, b: Address): boolean {
  return a !== null && a.family === b.family && a.value === b.value;
}
