// Reads what `ip -j addr`, `ip -j rule` and `ip -j route show table all` print.
import type { Routes } from '../../model/observations.ts';
import { ProbeError } from '../../model/probe.ts';

type Json = Readonly<Record<string, unknown>>;
type Route = Routes['routes'][number];

/** Reads the parts `addr`, `rule4`, `rule6`, `route4`, `route6`. Throws ProbeError where the addresses are not JSON. */
export function parseIpJson(parts: ReadonlyMap<string, string>): Routes {
  return {
    interfaces: objects(parts.get('addr'), true).map((link) => ({
      name: text(link['ifname']) ?? '',
      up: strings(link['flags']).includes('UP') && link['operstate'] !== 'DOWN',
      mtu: number(link['mtu']),
      addresses: records(link['addr_info']).flatMap((info) => {
        const address = text(info['local']);
        return address === null ? [] : [{ address, prefix: number(info['prefixlen']) ?? (address.includes(':') ? 128 : 32) }];
      }),
    })),
    rules: [
      ...objects(parts.get('rule4')).map((rule) => readRule(rule, 4)),
      ...objects(parts.get('rule6')).map((rule) => readRule(rule, 6)),
    ],
    routes: [
      ...objects(parts.get('route4')).flatMap((route) => readRoute(route, 4)),
      ...objects(parts.get('route6')).flatMap((route) => readRoute(route, 6)),
    ],
  };
}

function readRule(rule: Json, family: 4 | 6): Routes['rules'][number] {
  const span = (key: string): string | null => {
    const address = text(rule[key]);
    if (address === null || address === 'all') return null;
    const length = number(rule[`${key}len`]);
    return length === null ? address : `${address}/${length}`;
  };
  const mark = text(rule['fwmark']);
  const mask = text(rule['fwmask']);
  const suppress = number(rule['suppress_prefixlen']);
  const action = text(rule['action']);
  return {
    priority: number(rule['priority']) ?? 0,
    from: span('src'),
    to: span('dst'),
    iif: text(rule['iif']),
    oif: text(rule['oif']),
    fwmark: mark === null ? null : mask === null ? mark : `${mark}/${mask}`,
    table: text(rule['table']) ?? 'main',
    family,
    ...('not' in rule ? { not: true } : {}),
    ...(suppress === null ? {} : { suppressPrefixLength: suppress }),
    ...(action === null || action === 'to_tbl' ? {} : { action }),
  };
}

// Next hops of a multipath route become routes of their own; look-ups that need them put together again find equal keys.
function readRoute(route: Json, family: 4 | 6): Route[] {
  const to = text(route['dst']) ?? 'default';
  const flat: Route = {
    table: text(route['table']) ?? 'main',
    to: to === 'default' && family === 6 ? '::/0' : to,
    type: text(route['type']) ?? 'unicast',
    via: gateway(route),
    dev: text(route['dev']),
    metric: number(route['metric']) ?? 0,
    source: text(route['prefsrc']),
  };
  const hops = records(route['nexthops']);
  return hops.length === 0 ? [flat] : hops.map((hop) => ({ ...flat, via: gateway(hop), dev: text(hop['dev']) }));
}

function gateway(route: Json): string | null {
  const via = route['via'];
  return text(route['gateway']) ?? (typeof via === 'object' && via !== null ? text((via as Json)['host']) : null);
}

function objects(printed: string | undefined, required = false): Json[] {
  const trimmed = (printed ?? '').trim();
  // `ip` prints nothing at all for an empty table of an address family that is switched off.
  if (trimmed === '' && !required) return [];
  try {
    return records(JSON.parse(trimmed));
  } catch {
    throw new ProbeError('ip printed something that is not JSON');
  }
}

function records(value: unknown): Json[] {
  return Array.isArray(value)
    ? (value as unknown[]).filter(
        (item): item is Json => typeof item === 'object' && item !== null && !Array.isArray(item) && Object.keys(item).length > 0,
      )
    : [];
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
