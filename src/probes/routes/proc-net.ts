// Routes and addresses from /proc/net, where `ip` is missing or prints no JSON: main table of IPv4, all of IPv6, no policy rules.
import type { Routes } from '../../model/observations.ts';
import { formatAddress, parseAddress, prefixSpan, spanHolds } from '../../facts/addresses.ts';

type Route = Routes['routes'][number];
interface Link {
  readonly name: string;
  up: boolean;
  mtu: number | null;
  readonly addresses: { address: string; prefix: number }[];
}

/** Reads the parts `text` (`ip addr`, may be empty), `proc4`, `proc6`, `local4`, `local6` and `dev`. Lines that are not understood are left out. */
export function parseProcRoutes(parts: ReadonlyMap<string, string>): Routes {
  const main = lines(parts, 'proc4').flatMap(readRoute4);
  const six = lines(parts, 'proc6').flatMap(readRoute6);
  const links = readIpText(parts.get('text') ?? '');
  if (links.length === 0) links.push(...linksFrom(parts, main));
  const local = links.flatMap((link) =>
    link.addresses.map((own): Route => ({
      table: 'local',
      to: link.name === 'lo' && !own.address.includes(':') ? cidr(own.address, own.prefix) : own.address,
      type: 'local',
      via: null,
      dev: link.name,
      metric: 0,
      source: null,
    })),
  );
  return { interfaces: links, rules: [], routes: [...main, ...six, ...local] };
}

function lines(parts: ReadonlyMap<string, string>, name: string): string[] {
  return (parts.get(name) ?? '').split('\n');
}

function readRoute4(line: string): Route[] {
  const [dev = '', destination = '', gateway = '', flags = '', , , metric = '', mask = ''] = line.trim().split(/\s+/);
  if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return [];
  const bits = Number.parseInt(flags, 16);
  const prefix = reversed(mask).toString(2).replaceAll('0', '').length;
  const to = prefix === 0 ? 'default' : `${formatAddress({ family: 4, value: reversed(destination) })}/${prefix}`;
  // RTF_REJECT, or a route without a device: blackhole and its like.
  const type = (bits & 0x200) !== 0 || dev === '*' ? 'unreachable' : 'unicast';
  const via = (bits & 2) === 0 ? null : formatAddress({ family: 4, value: reversed(gateway) });
  return [{ table: 'main', to, type, via, dev: dev === '*' ? null : dev, metric: Number(metric) || 0, source: null }];
}

// IPv4 addresses stand in these files in the byte order of a little-endian machine.
function reversed(hex: string): bigint {
  return BigInt(`0x${(hex.match(/../g) ?? []).toReversed().join('')}`);
}

function readRoute6(line: string): Route[] {
  const [destination = '', length = '', , , gateway = '', metric = '', , , flags = '', dev = ''] = line.trim().split(/\s+/);
  if (!/^[0-9a-f]{32}$/.test(destination) || !/^[0-9a-f]{32}$/.test(gateway)) return [];
  const bits = Number.parseInt(flags, 16);
  // The null entry that every namespace has.
  if ((bits & 0x200000) !== 0 && metric === 'ffffffff') return [];
  const address = formatAddress({ family: 6, value: BigInt(`0x${destination}`) });
  const isLocal = (bits & 0x80000000) !== 0;
  const multicast = destination.startsWith('ff');
  const type = isLocal ? 'local' : multicast ? 'multicast' : (bits & 0x200) !== 0 ? 'unreachable' : 'unicast';
  const via = (bits & 2) === 0 ? null : formatAddress({ family: 6, value: BigInt(`0x${gateway}`) });
  return [
    {
      table: isLocal || multicast ? 'local' : 'main',
      to: `${address}/${Number.parseInt(length, 16)}`,
      type,
      via,
      dev,
      metric: Number.parseInt(metric, 16) || 0,
      source: null,
    },
  ];
}

function readIpText(text: string): Link[] {
  const links: Link[] = [];
  for (const line of text.split('\n')) {
    const head = /^\d+: ([^:@\s]+)(?:@\S+)?: <([^>]*)>(?: mtu (\d+))?/.exec(line);
    if (head)
      links.push({
        name: head[1] ?? '',
        up: (head[2] ?? '').split(',').includes('UP'),
        mtu: head[3] === undefined ? null : Number(head[3]),
        addresses: [],
      });
    const own = /^\s+inet6? ([0-9a-f.:]+)(?: peer [0-9a-f.:]+)?(?:\/(\d+))?/.exec(line);
    if (own)
      links.at(-1)?.addresses.push({
        address: own[1] ?? '',
        prefix: own[2] === undefined ? ((own[1] ?? '').includes(':') ? 128 : 32) : Number(own[2]),
      });
  }
  return links;
}

// Without `ip` the kernel tells the addresses in one file and the devices in another; the connected routes say which belong together.
function linksFrom(parts: ReadonlyMap<string, string>, main: readonly Route[]): Link[] {
  const links = new Map<string, Link>();
  const link = (name: string): Link => {
    const known: Link = links.get(name) ?? { name, up: true, mtu: null, addresses: [] };
    links.set(name, known);
    return known;
  };
  for (const line of lines(parts, 'dev')) {
    const name = /^\s*([^:\s|]+):/.exec(line)?.[1];
    if (name !== undefined) link(name);
  }
  for (const text of localLeaves(parts.get('local4') ?? '')) {
    const address = parseAddress(text);
    if (!address) continue;
    const connected = main.find((route) => {
      const [base = '', length = ''] = route.to.split('/');
      const from = parseAddress(base);
      return route.via === null && route.dev !== null && from !== null && spanHolds(prefixSpan(from, Number(length)), address);
    });
    if (text.startsWith('127.')) link('lo').addresses.push({ address: text, prefix: 8 });
    else if (connected?.dev != null) link(connected.dev).addresses.push({ address: text, prefix: Number(connected.to.split('/')[1]) });
    else link('?').addresses.push({ address: text, prefix: 32 });
  }
  for (const line of lines(parts, 'local6')) {
    const [hex = '', , length = '', , , name = ''] = line.trim().split(/\s+/);
    if (/^[0-9a-f]{32}$/.test(hex) && name !== '')
      link(name).addresses.push({ address: formatAddress({ family: 6, value: BigInt(`0x${hex}`) }), prefix: Number.parseInt(length, 16) });
  }
  return [...links.values()];
}

function localLeaves(trie: string): string[] {
  const found = new Set<string>();
  let leaf = '';
  for (const line of trie.split('\n')) {
    leaf = /\|-- (\S+)/.exec(line)?.[1] ?? leaf;
    if (/\/32 host LOCAL/.test(line)) found.add(leaf);
  }
  return [...found];
}

function cidr(address: string, prefix: number): string {
  const parsed = parseAddress(address);
  return parsed === null ? address : `${formatAddress({ family: parsed.family, value: prefixSpan(parsed, prefix).first })}/${prefix}`;
}
