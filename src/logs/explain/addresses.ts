// Addresses as logs write them, and the names that people have for them. The same server is `10.0.0.1:80` in an access log and
// `http://10.0.0.1:80/path` in an error log; only after this do two logs speak of one thing.
import { splitAddress } from '../../model/address.ts';
import type { Site } from '../../model/site.ts';
import type { Tally } from '../records.ts';
import { shownField } from '../text.ts';

/** What a site file says of addresses. */
export interface SiteNames {
  readonly name: string;
  readonly url: string;
  /** Address with or without port, in lower case, to the name of the host. */
  readonly byAddress: ReadonlyMap<string, string>;
  /** Every host's name. A log whose path has such a name as a word was written by that host. */
  readonly hosts: readonly string[];
  readonly balancer: string | null;
}

/** The names that a site file gives. Several backends on one address are told apart by their ports. */
export function siteNamesOf(site: Site): SiteNames {
  const byAddress = new Map<string, string>();
  const ambiguous = new Set<string>();
  const all = [...site.edge, ...(site.balancer === undefined ? [] : [site.balancer]), ...site.backends];
  for (const each of all) {
    const { host, port } = splitAddress(each.address);
    const bare = host.toLowerCase();
    if (byAddress.has(bare) && byAddress.get(bare) !== each.name) ambiguous.add(bare);
    byAddress.set(bare, each.name);
    if (port !== null) byAddress.set(`${bare.includes(':') ? `[${bare}]` : bare}:${port}`, each.name);
  }
  for (const each of ambiguous) byAddress.delete(each);
  return { name: site.name, url: site.url, byAddress, hosts: all.map((each) => each.name), balancer: site.balancer?.name ?? null };
}

/** The address alone: without scheme, path and the colon behind a socket. Null for nothing and for `-`. Bounded to 200 characters. */
export function addressOf(upstream: string | null): string | null {
  if (upstream === null) return null;
  const text = upstream.slice(0, 400).replace(/^[a-z][a-z0-9+.-]{0,20}:\/\//i, '');
  const socket = /^unix:([^:]{1,200})/i.exec(text);
  if (socket) return `unix:${socket[1] ?? ''}`;
  // A name of HAProxy is `pool/server`; of a URL only what stands before the path counts.
  const head = text === upstream ? text : (text.split('/')[0] ?? '');
  const address = head.trim().slice(0, 200).toLowerCase();
  return address === '' || address === '-' ? null : address;
}

/** The tries of a failure group, as addresses, each once, in order. */
export function triedAddresses(tries: string): readonly string[] {
  const found = new Set<string>();
  for (const word of tries.split(' ')) {
    const at = word.indexOf('@');
    const address = at < 0 ? null : addressOf(word.slice(at + 1));
    if (address !== null) found.add(address);
  }
  return [...found];
}

/** True for a socket or a loopback address: whatever listens there is on the machine that wrote the log. */
export function isLocal(address: string): boolean {
  return address.startsWith('unix:') || /^(?:127\.\d+\.\d+\.\d+|\[::1\]|::1|localhost)(?::\d+)?$/.test(address);
}

/** Name of the host behind an address, by the site file; else the address as logged, safe to show. */
export function hostNameOf(address: string, site: SiteNames | null): string {
  if (site === null) return shownField(address);
  const bare = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const server = address.split('/').at(-1) ?? address;
  const named = site.byAddress.get(address) ?? site.byAddress.get(bare);
  return named ?? site.hosts.find((each) => each.toLowerCase() === server || each.toLowerCase() === bare) ?? shownField(address);
}

/** The host that a log file's path names as a word (`logs/web-2/error.log`, `web-2-error.log`); null without exactly one such name. */
export function writerOf(file: string, site: SiteNames | null): string | null {
  if (site === null) return null;
  const text = file.toLowerCase();
  const found = site.hosts.filter((host) => {
    const name = host.toLowerCase();
    for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
      const before = text[at - 1] ?? '/';
      const after = text[at + name.length] ?? '/';
      if (!/[a-z0-9]/.test(before) && !/[a-z0-9]/.test(after)) return true;
    }
    return false;
  });
  // `web-1` is also a word of `web-1-b`: the longest name is meant.
  const longest = found.toSorted((a, b) => b.length - a.length);
  const [first, ...others] = longest;
  return first !== undefined && others.every((each) => first.toLowerCase().includes(each.toLowerCase())) ? first : null;
}

// `Nov 23 07:11:03 web-1 kernel:`, the same with an ISO date, and `"_HOSTNAME":"web-1"` of journalctl's JSON.
const header =
  /^(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{8,30}) ([A-Za-z0-9][\w.-]{0,63}) [^\s:[]{1,64}(?:\[\d+\])?:/;
const journal = /"_HOSTNAME"\s*:\s*"([\w.-]{1,64})"/;

/** The machine that syslog headers name, for each input; null where lines have no header, or where several machines write one log. */
export function machinesOf(tally: Tally): readonly (string | null)[] {
  const names = tally.inputs.map(() => new Set<string | null>());
  for (const { input, samples } of [...tally.events, ...tally.failures])
    for (const { text } of samples) names[input]?.add((header.exec(text)?.[1] ?? journal.exec(text)?.[1])?.toLowerCase() ?? null);
  return names.map((each) => (each.size === 1 ? ([...each][0] ?? null) : null));
}
