// The door that clients meet first, and who of them gets through it: what the causes in front of the balancer have in common. A client counts
// as shut out only while another one is let in.
import type { Scene } from '../model/cause.ts';
import { cite } from '../model/cause.ts';
import type { Measured } from '../model/evidence.ts';
import type { Citation } from '../model/finding.ts';
import { splitAddress } from '../model/site.ts';
import { say } from '../model/text.ts';
import { formatAddress, parseAddress, parseSpan, prefixSpan, spanHolds } from './addresses.ts';
import { isFailure } from './failure.ts';
import { evaluateArrival, firewallWasRead, synPacket } from './firewall.ts';
import type { Decision } from './firewall.ts';
import { interfaceOf } from './routes.ts';
import { clientRequests } from './scene.ts';
import type { Sent } from './scene.ts';

/** The outermost hop of the site: the edge, or the balancer where nothing is in front of it. */
export interface Entrance {
  readonly host: string;
  readonly role: 'edge' | 'balancer';
  readonly address: string;
}

/** Null where the site file names neither an edge nor a balancer. */
export function entranceOf({ site }: Scene<never>): Entrance | null {
  const hop = site.edge[0] ?? site.balancer;
  if (hop === undefined) return null;
  return { host: hop.name, role: site.edge.length > 0 ? 'edge' : 'balancer', address: splitAddress(hop.address).host };
}

/** Where the requests of a client come from, as the entrance sees it. */
export interface ClientAddress {
  readonly address: string;
  readonly citation: Citation | null;
}

export interface Client {
  readonly name: string;
  /** Its ordinary requests, in order of sending. */
  readonly sent: readonly Sent[];
  /** Null where it is not known, or where it is a private address that something on the way translates. */
  readonly address: ClientAddress | null;
  /** `192.0.2.0/24`: clients of one such network are taken to share their ISP; null where it is not known. */
  readonly network: string | null;
}

/** Private and carrier-grade ranges: behind them an address translator shows another one. */
const inner = ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fe80::/10'].map(parseSpan);

function isInner(address: string): boolean {
  const parsed = parseAddress(address);
  return parsed !== null && inner.some((span) => span !== null && spanHolds(span, parsed));
}

/** Every client that sent ordinary requests, with the address that the entrance sees. */
export function clientsOf(scene: Scene<'requests' | 'logs'>): readonly Client[] {
  const entrance = entranceOf(scene);
  const names = [...new Set(scene.all('requests').map((each) => each.data.from))];
  return names.flatMap((name): readonly Client[] => {
    const sent = clientRequests(scene, { purpose: 'reproduce', from: name });
    if (sent.length === 0) return [];
    const address = addressOf(scene, entrance, name, sent);
    return [{ name, sent, address, network: networkOf(scene, name, address) }];
  });
}

function addressOf(
  scene: Scene<'requests' | 'logs'>,
  entrance: Entrance | null,
  name: string,
  sent: readonly Sent[],
): ClientAddress | null {
  const log = entrance === null ? undefined : scene.one('logs', entrance.host);
  const own = new Set(sent.map((each) => each.exchange.nonce));
  const index = log?.data.access.findIndex((line) => line.nonce !== null && own.has(line.nonce) && line.client !== null) ?? -1;
  const logged = log?.data.access[index]?.client ?? null;
  if (log !== undefined && logged !== null)
    return {
      address: logged,
      citation: cite(
        log,
        `/access/${index}/client`,
        say(`${log.host} sees ${name} as ${logged}`, `${log.host} 看到 ${name} 的地址为 ${logged}`),
      ),
    };
  const declared = scene.site.clients.find((each) => each.name === name)?.address;
  if (declared !== undefined && !declared.includes('/')) return { address: declared, citation: null };
  const mine = clientRequests(scene, { from: name }).find(
    (each) => each.exchange.localAddress !== null && each.exchange.door !== 'backend',
  );
  const local = mine?.exchange.localAddress ?? null;
  if (mine === undefined || local === null || (isInner(local) && !isInner(entrance?.address ?? ''))) return null;
  return {
    address: local,
    citation: {
      evidence: mine.evidence.id,
      path: `/exchanges/${mine.index}/localAddress`,
      says: say(`${name} sends from ${local}`, `${name} 的源地址为 ${local}`),
    },
  };
}

function networkOf(scene: Scene<never>, name: string, known: ClientAddress | null): string | null {
  const declared = scene.site.clients.find((each) => each.name === name)?.address;
  if (declared?.includes('/') === true) return declared;
  const address = parseAddress(known?.address ?? declared ?? '');
  if (address === null) return null;
  const length = address.family === 4 ? 24 : 48;
  return `${formatAddress({ family: address.family, value: prefixSpan(address, length).first })}/${length}`;
}

/** How a client is kept out: in the packets (nothing or a reset comes back), or by an answer that refuses it. */
export type Shut = 'packets' | 'answer';

export interface ShutOut {
  readonly client: Client;
  readonly how: Shut;
  /** The first failing request. */
  readonly first: Sent;
}

/** Codes by which a door refuses somebody: forbidden, blocked by a rule, closed without an answer. */
const refusals = new Set([403, 405, 418, 444]);

/** How every request of this client was kept out; null where at least one was answered otherwise. */
function shutOf({ sent }: Client): Shut | null {
  const packets = sent.every(
    ({ exchange }) =>
      exchange.status === null &&
      (exchange.error === 'timeout' ||
        exchange.error === 'refused' ||
        exchange.error === 'reset' ||
        exchange.error === 'unreachable' ||
        exchange.error === 'closed'),
  );
  if (packets) return 'packets';
  return sent.every(({ exchange }) => exchange.status !== null && refusals.has(exchange.status)) ? 'answer' : null;
}

/** Who is shut out and who is let in, by the same means: a client that got an answer is let in as far as packets go, whatever the answer. */
export interface Crowd {
  readonly out: readonly ShutOut[];
  /** Clients that got what they asked for, or at least an answer of another kind. */
  readonly in: readonly Client[];
}

export function crowdOf(clients: readonly Client[]): Crowd {
  const letIn = clients.filter((client) => shutOf(client) === null && client.sent.some(({ exchange }) => exchange.status !== null));
  const out = clients.flatMap((client): readonly ShutOut[] => {
    const how = shutOf(client);
    const [first] = client.sent;
    if (how === null || first === undefined || isChance(client, first, letIn)) return [];
    return [{ client, how, first }];
  });
  return { out, in: letIn };
}

/**
 * Whether a client that failed every time may just have had bad luck: those who were let in meet the same failure now and then, so a few
 * failures in a row say nothing of this client. One chance in fifty is still luck.
 */
function isChance(client: Client, first: Sent, letIn: readonly Client[]): boolean {
  const sent = letIn.flatMap((each) => each.sent);
  const same = sent.filter(({ exchange }) => exchange.status === first.exchange.status && exchange.error === first.exchange.error);
  return same.length > 0 && ((same.length + 1) / (sent.length + 2)) ** client.sent.length > 0.02;
}

/** A request of a client that was let in: a good answer before any other. */
export function answerOf({ sent }: Client): Sent | null {
  return sent.find(({ exchange }) => !isFailure(exchange)) ?? sent.find(({ exchange }) => exchange.status !== null) ?? null;
}

/** What the entrance's firewall does with a new connection from an address; null where its rules could not be read. */
export function arrivalAt(
  scene: Scene<'firewall' | 'routes'>,
  entrance: Entrance,
  from: string,
  port: number,
): { readonly evidence: Measured<'firewall'>; readonly decision: Decision } | null {
  const evidence = scene.one('firewall', entrance.host);
  if (evidence === undefined || !firewallWasRead(evidence.data)) return null;
  const routes = scene.one('routes', entrance.host)?.data;
  const packet = synPacket({
    hook: 'input',
    saddr: from,
    daddr: entrance.address,
    dport: port,
    iif: routes === undefined ? null : interfaceOf(routes, entrance.address),
  });
  return { evidence, decision: evaluateArrival(evidence.data, packet, routes === undefined ? {} : { routes }) };
}

/** Port that a request went to. */
export function portOf({ exchange }: Sent): number {
  const url = new URL(exchange.url);
  return exchange.remotePort ?? (url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port));
}

/** Whether a host's access log was read: only then does silence about a request mean anything. */
export function logWasRead(scene: Scene<'logs'>, host: string): boolean {
  return (
    scene.one('logs', host)?.data.files.some((file) => (file.kind === 'nginx-access' || file.kind === 'haproxy') && file.readable) ?? false
  );
}

/** Whether a host's log has any of these requests; null where the log could not be read. */
export function logHas(scene: Scene<'logs'>, host: string, sent: readonly Sent[]): boolean | null {
  const nonces = new Set(sent.map((each) => each.exchange.nonce));
  if (scene.one('logs', host)?.data.access.some((line) => line.nonce !== null && nonces.has(line.nonce)) === true) return true;
  return logWasRead(scene, host) ? false : null;
}

/** Ids of the symptoms of one client. */
export function symptomsOfClient(scene: Scene<never>, name: string): readonly string[] {
  return scene.symptoms.filter((each) => each.client === name).map((each) => each.id);
}
