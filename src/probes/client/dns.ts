// Every address of a name, both families, with time and error code: from the site file, from the text itself, or from the resolver.
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { DnsAnswer, EvidenceMap } from '../../model/observations.ts';
import { fixedAddress } from './request-head.ts';
import { errorCodeOf } from './wire-error.ts';

export interface DnsOptions {
  readonly signal: AbortSignal;
  /** The site file's `resolve`. */
  readonly resolve: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** `address` or `address:port` of name servers to ask instead of the system's. */
  readonly servers?: readonly string[];
}

/** Looks names up, once per family. Never rejects: a failed look-up is an answer with an error code. */
export async function resolveNames(names: readonly string[], options: DnsOptions): Promise<EvidenceMap['dns']> {
  const answers = await Promise.all(
    [...new Set(names)].flatMap((name) => ([4, 6] as const).map((family) => resolveOne(name, family, options))),
  );
  return { answers: answers.filter((answer) => answer !== null) };
}

/** Null for the family that a fixed address does not have. */
async function resolveOne(name: string, family: 4 | 6, options: DnsOptions): Promise<DnsAnswer | null> {
  const fixed = fixedAddress(name, options.resolve);
  if (fixed !== null) {
    if (isIP(fixed) !== family) return null;
    return { name, family, addresses: [fixed], error: null, tookMs: 0, source: fixed === name ? 'literal' : 'site-file' };
  }
  const t0 = performance.now();
  const answer = (addresses: readonly string[], error: string | null): DnsAnswer => ({
    name,
    family,
    addresses,
    error,
    tookMs: Math.round((performance.now() - t0) * 10) / 10,
    source: 'resolver',
  });
  const resolver = new Resolver({ timeout: Math.max(100, Math.floor(options.timeoutMs / 2)), tries: 2 });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  let giveUp = (): void => {};
  const late = new Promise<DnsAnswer>((resolve) => {
    giveUp = () => {
      resolver.cancel();
      resolve(answer([], options.signal.aborted ? 'ECANCELLED' : 'ETIMEOUT'));
    };
  });
  const timer = setTimeout(giveUp, options.timeoutMs);
  options.signal.addEventListener('abort', giveUp, { once: true });
  if (options.signal.aborted) giveUp();
  try {
    return await Promise.race([ask(resolver, name, family, options.servers === undefined, answer), late]);
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', giveUp);
    resolver.cancel();
  }
}

async function ask(
  resolver: Resolver,
  name: string,
  family: 4 | 6,
  hostsFileToo: boolean,
  answer: (addresses: readonly string[], error: string | null) => DnsAnswer,
): Promise<DnsAnswer> {
  // getaddrinfo is what clients use, and alone knows the hosts file; DNS itself knows addresses that the system sorts away, and says why it failed.
  const [system, asked] = await Promise.allSettled([
    hostsFileToo ? lookup(name, { family, all: true }) : Promise.resolve([]),
    family === 4 ? resolver.resolve4(name) : resolver.resolve6(name),
  ]);
  const addresses = new Set(system.status === 'fulfilled' ? system.value.map((each) => each.address) : []);
  if (asked.status === 'fulfilled') for (const address of asked.value) addresses.add(address);
  if (addresses.size > 0) return answer([...addresses], null);
  const code = asked.status === 'rejected' ? errorCodeOf(asked.reason) : null;
  // Without a name server to ask, getaddrinfo's word is the better one.
  const systemCode = system.status === 'rejected' ? errorCodeOf(system.reason) : null;
  return answer([], code === 'ECONNREFUSED' || code === null ? (systemCode ?? code ?? 'ENODATA') : code);
}
