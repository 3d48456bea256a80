// Values of nft expressions: what a packet's field is, and whether it equals, lies in or is mapped by what a rule compares it with.
// Everything is a number except interface names. What cannot be known is a doubt, never a guess.
import type { NftObject } from '../model/observations.ts';
import { parseAddress, prefixSpan } from './addresses.ts';
import { addressType, routeFor } from './routes.ts';
import type { State } from './firewall-walk.ts';
import { symbols } from './firewall-nft-symbols.ts';

export type Json = unknown;

/** The value of an expression for one packet. `absent`: the packet has no such field, so the rule cannot match. */
export type Value =
  | { readonly is: 'known'; readonly kind: string; readonly value: bigint | string }
  | { readonly is: 'tuple'; readonly parts: readonly Value[] }
  | { readonly is: 'absent' }
  | { readonly is: 'doubt'; readonly kind: string; readonly why: string };

/** Yes, no, or the reason why it cannot be told. */
export type Answer = boolean | { readonly doubt: string };

/** Named sets and maps of one table, by name. */
export type Sets = ReadonlyMap<string, NftObject>;

export function isRecord(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const known = (kind: string, value: bigint | string): Value => ({ is: 'known', kind, value });
const doubt = (kind: string, why: string): Value => ({ is: 'doubt', kind, why });
const absent: Value = { is: 'absent' };

function numeric(kind: string, value: number | bigint | null, why: string): Value {
  return value === null ? doubt(kind, why) : known(kind, BigInt(value));
}

function address(text: string | null, why: string): Value {
  const parsed = text === null ? null : parseAddress(text);
  return parsed === null ? doubt('address', why) : known(`address${parsed.family}`, parsed.value);
}

/** Reads an expression of a rule for a packet. */
export function valueOf(expression: Json, state: State, sets: Sets): Value {
  if (typeof expression === 'number') return known('number', BigInt(Math.trunc(expression)));
  if (typeof expression === 'string') return doubt('unknown', `value ${expression.slice(0, 60)}`);
  if (!isRecord(expression)) return doubt('unknown', 'an expression that is not understood');
  const [name, body] = Object.entries(expression)[0] ?? ['', null];
  if (name === 'payload' && isRecord(body)) return payload(body, state);
  if (name === 'meta' && isRecord(body)) return meta(String(body['key']), state);
  if (name === 'ct' && isRecord(body)) return ct(body, state);
  if (name === 'fib' && isRecord(body)) return fib(body, state);
  if (name === 'concat' && Array.isArray(body)) return { is: 'tuple', parts: body.map((part) => valueOf(part, state, sets)) };
  if ((name === '&' || name === '|' || name === '^' || name === '<<' || name === '>>') && Array.isArray(body))
    return arithmetic(name, body, state, sets);
  if (name === 'map' && isRecord(body)) return mapped(body, state, sets);
  if (name === 'elem' && isRecord(body)) return valueOf(body['val'], state, sets);
  if (name === 'numgen' || name === 'jhash' || name === 'symhash') return doubt('number', `${name}: differs from packet to packet`);
  return doubt('unknown', `${name || 'expression'} is not known from outside`);
}

function payload(body: Readonly<Record<string, Json>>, state: State): Value {
  const { packet } = state;
  const protocol = body['protocol'];
  const field = String(body['field']);
  if (protocol === undefined) return rawPayload(body, state);
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'th') {
    if (protocol !== 'th' && protocol !== packet.protocol) return absent;
    if (field === 'dport') return numeric('port', state.dport, 'the destination port after translation is not known');
    if (field === 'sport') return numeric('port', state.sport, 'the source port is not known');
    if (field === 'flags' && packet.protocol === 'tcp') return known('tcp flags', packet.flags === 'syn' ? 2n : 16n);
    return doubt('number', `${protocol} ${field} is not known`);
  }
  if (protocol === 'ip' || protocol === 'ip6') {
    if (packet.family !== (protocol === 'ip' ? 4 : 6)) return absent;
    if (field === 'saddr') return address(state.saddr, 'the source address after translation is not known');
    if (field === 'daddr') return address(state.daddr, 'the destination address after translation is not known');
    if (field === 'protocol' || field === 'nexthdr') return known('l4proto', packet.protocol === 'tcp' ? 6n : 17n);
    if (field === 'length') return known('number', BigInt(protocol === 'ip' ? packet.length : Math.max(0, packet.length - 40)));
    if (field === 'version') return known('number', BigInt(packet.family));
    return doubt('number', `${protocol} ${field} is not known`);
  }
  const other = typeof protocol === 'string' ? protocol : 'a header';
  const otherTransports = ['icmp', 'icmpv6', 'sctp', 'dccp', 'udplite', 'esp', 'ah', 'comp', 'igmp', 'arp', 'gre'];
  return otherTransports.includes(other) ? absent : doubt('unknown', `${other} ${field} is not known`);
}

// Raw payload that happens to be an address or a port is what front ends without a name for it write.
function rawPayload(body: Readonly<Record<string, Json>>, state: State): Value {
  const at = `${String(body['base'])},${String(body['offset'])},${String(body['len'])}`;
  if (at === 'th,0,16') return numeric('port', state.sport, 'the source port is not known');
  if (at === 'th,16,16') return numeric('port', state.dport, 'the destination port is not known');
  const source = state.packet.family === 4 ? 'nh,96,32' : 'nh,64,128';
  const destination = state.packet.family === 4 ? 'nh,128,32' : 'nh,192,128';
  if (at === source) return address(state.saddr, 'the source address is not known');
  if (at === destination) return address(state.daddr, 'the destination address is not known');
  return doubt('number', `the packet's bytes @${at} are not known`);
}

function interfaceName(name: string | null, none: boolean, what: string): Value {
  if (none) return known('name', '');
  return name === null ? doubt('name', `the ${what} interface is not known`) : known('name', name);
}

function meta(key: string, state: State): Value {
  const { packet } = state;
  const arriving = packet.hook === 'ingress' || packet.hook === 'prerouting' || packet.hook === 'input';
  switch (key) {
    case 'iif':
    case 'iifname':
      return interfaceName(packet.iif, packet.hook === 'output' || (packet.hook === 'postrouting' && packet.iif === ''), 'incoming');
    case 'oif':
    case 'oifname':
      return interfaceName(packet.oif, arriving, 'outgoing');
    case 'l4proto':
      return known('l4proto', packet.protocol === 'tcp' ? 6n : 17n);
    case 'nfproto':
      return known('nfproto', packet.family === 4 ? 2n : 10n);
    case 'protocol':
      return known('ethertype', packet.family === 4 ? 0x0800n : 0x86ddn);
    case 'length':
      return known('number', BigInt(packet.length));
    case 'mark':
      return numeric('mark', state.mark, 'the mark is not known here');
    case 'pkttype':
      return known('pkttype', packet.iif === 'lo' ? 5n : 0n);
    default:
      return doubt(key === 'skuid' || key === 'skgid' ? 'number' : 'unknown', `meta ${key} is not known`);
  }
}

function ct(body: Readonly<Record<string, Json>>, state: State): Value {
  const key = String(body['key']);
  if (key === 'state') {
    if (state.ctState === null) return doubt('ct state', 'the connection state is not known');
    return known('ct state', { established: 2n, new: 8n, untracked: 64n }[state.ctState]);
  }
  // A packet without a connection breaks every other ct expression.
  if (state.ctState === 'untracked') return absent;
  if (key === 'mark') return numeric('mark', state.ctMark, 'the connection mark is not known');
  if (key === 'direction') return known('ct direction', 0n);
  if (key === 'status') {
    if (state.translation === 'unknown') return doubt('ct status', 'whether the connection was translated is not known');
    return state.ctState === 'new'
      ? known('ct status', state.translation === 'done' ? 32n : 0n)
      : doubt('ct status', 'the connection status is not known');
  }
  if (key === 'l3proto') return known('nfproto', state.packet.family === 4 ? 2n : 10n);
  if (key === 'protocol') return known('l4proto', state.packet.protocol === 'tcp' ? 6n : 17n);
  if (state.translation === 'none' && (body['dir'] === 'original' || body['dir'] === undefined)) {
    const family = state.packet.family === 4 ? 'ip' : 'ip6';
    if (key === 'saddr' || key === `${family} saddr`) return address(state.saddr, 'the source address is not known');
    if (key === 'daddr' || key === `${family} daddr`) return address(state.daddr, 'the destination address is not known');
    if (key === 'proto-dst') return numeric('port', state.dport, 'the destination port is not known');
    if (key === 'proto-src') return numeric('port', state.sport, 'the source port is not known');
  }
  return doubt('unknown', `ct ${key} is not known`);
}

function fib(body: Readonly<Record<string, Json>>, state: State): Value {
  const flags = (Array.isArray(body['flags']) ? body['flags'] : [body['flags']]).map(String);
  const { routes } = state.host;
  const subject = flags.includes('saddr') ? state.saddr : state.daddr;
  const result = String(body['result']);
  const kind = result === 'type' ? 'fib type' : 'name';
  if (subject === null || !flags.some((flag) => flag === 'saddr' || flag === 'daddr')) return doubt(kind, 'fib: the address is not known');
  if (result === 'type') {
    // Whatever reaches the input hook with a plain address is the host's own.
    const type = routes ? addressType(routes, subject) : flags.includes('daddr') && state.packet.hook === 'input' ? 'local' : null;
    return type === null
      ? doubt(kind, 'fib type needs the routes of the host')
      : known(kind, BigInt({ unicast: 1, local: 2, broadcast: 3, multicast: 5 }[type]));
  }
  if (!routes) return doubt(kind, 'fib needs the routes of the host');
  const found = routeFor(routes, subject, {
    ...(state.mark !== null && flags.includes('mark') ? { mark: Number(state.mark) } : {}),
    ...(flags.includes('iif') && state.packet.iif !== null ? { oif: state.packet.iif } : {}),
  });
  if (found === null) return doubt(kind, 'fib needs the routes of the host');
  return known(kind, found.type === 'unreachable' || found.dev === null ? '' : found.dev);
}

function arithmetic(operator: '&' | '|' | '^' | '<<' | '>>', operands: readonly Json[], state: State, sets: Sets): Value {
  const first = valueOf(operands[0], state, sets);
  if (first.is !== 'known' || typeof first.value !== 'bigint')
    return first.is === 'absent'
      ? absent
      : doubt(first.is === 'doubt' ? first.kind : 'number', first.is === 'doubt' ? first.why : 'arithmetic that is not understood');
  let value = first.value;
  for (const operand of operands.slice(1)) {
    const other = literal(operand, first.kind) ?? asNumber(valueOf(operand, state, sets));
    if (typeof other !== 'bigint' || other > 1n << 128n) return doubt(first.kind, 'arithmetic that is not understood');
    if (operator === '&') value &= other;
    else if (operator === '|') value |= other;
    else if (operator === '^') value ^= other;
    else if (other > 128n) return doubt(first.kind, 'a shift that is not understood');
    else value = operator === '<<' ? value << other : value >> other;
  }
  return known(first.kind, value);
}

function asNumber(value: Value): bigint | null {
  return value.is === 'known' && typeof value.value === 'bigint' ? value.value : null;
}

function mapped(body: Readonly<Record<string, Json>>, state: State, sets: Sets): Value {
  const found = lookup(valueOf(body['key'], state, sets), body['data'], sets);
  if (found.is === 'none') return absent;
  if (found.is === 'doubt') return doubt('unknown', found.why);
  const data = found.data;
  if (typeof data === 'string') {
    const parsed = parseAddress(data);
    return parsed ? known(`address${parsed.family}`, parsed.value) : doubt('unknown', `mapped value ${data.slice(0, 60)}`);
  }
  if (isRecord(data) && Array.isArray(data['concat'])) {
    return {
      is: 'tuple',
      parts: data['concat'].map((part) => (typeof part === 'string' ? address(part, 'a mapped value') : valueOf(part, state, sets))),
    };
  }
  return valueOf(data, state, sets);
}

/** What a map or verdict map gives for a key. With a doubt, `all` are the data of every element. */
export type Found =
  | { readonly is: 'none' }
  | { readonly is: 'data'; readonly data: Json }
  | { readonly is: 'doubt'; readonly why: string; readonly all: readonly Json[] };

export function lookup(key: Value, map: Json, sets: Sets): Found {
  const elements = elementsOf(map, sets);
  if (elements === null) return { is: 'doubt', why: `map ${String(map).slice(0, 60)} was not read`, all: [] };
  if (key.is === 'absent') return { is: 'none' };
  let fallback: { readonly data: Json } | null = null;
  for (const element of elements) {
    if (!Array.isArray(element)) continue;
    const [from, to] = element as readonly Json[];
    if (plain(from) === '*') {
      fallback = { data: to };
      continue;
    }
    const answer = matchesElement(key, from, sets);
    if (typeof answer !== 'boolean')
      return { is: 'doubt', why: answer.doubt, all: elements.map((each) => (Array.isArray(each) ? (each as readonly Json[])[1] : null)) };
    if (answer) return { is: 'data', data: to };
  }
  return fallback === null ? { is: 'none' } : { is: 'data', data: fallback.data };
}

function elementsOf(data: Json, sets: Sets): readonly Json[] | null {
  if (typeof data === 'string' && data.startsWith('@')) {
    const named = sets.get(data.slice(1));
    if (!named) return null;
    return Array.isArray(named['elem']) ? (named['elem'] as Json[]) : [];
  }
  if (isRecord(data) && Array.isArray(data['set'])) return data['set'] as Json[];
  return null;
}

function plain(element: Json): Json {
  return isRecord(element) && isRecord(element['elem']) ? element['elem']['val'] : element;
}

/** Compares as `match` does. */
export function compare(left: Value, operator: string, right: Json, state: State, sets: Sets): Answer {
  if (left.is === 'absent') return false;
  if (left.is === 'doubt') return { doubt: left.why };
  if (operator === '==' || operator === '!=') {
    const answer = matchesElement(left, right, sets);
    return operator === '==' || typeof answer !== 'boolean' ? answer : !answer;
  }
  if (left.is !== 'known') return { doubt: `comparison ${operator} of a tuple` };
  const other = literal(right, left.kind) ?? asNumber(valueOf(right, state, sets));
  if (typeof other !== 'bigint' || typeof left.value !== 'bigint')
    return { doubt: `comparison with ${JSON.stringify(right)?.slice(0, 60)}` };
  if (operator === 'in') return (left.value & other) !== 0n;
  if (operator === '!') return (left.value & other) === 0n;
  if (operator === '<') return left.value < other;
  if (operator === '>') return left.value > other;
  if (operator === '<=') return left.value <= other;
  if (operator === '>=') return left.value >= other;
  return { doubt: `operator ${operator.slice(0, 20)}` };
}

/** Whether the value equals, or lies in, one element: a literal, prefix, range, tuple, set or the name of a set. */
function matchesElement(value: Value, raw: Json, sets: Sets): Answer {
  if (value.is === 'absent') return false;
  if (value.is === 'doubt') return { doubt: value.why };
  const element = plain(raw);
  const members = elementsOf(element, sets);
  if (members !== null) return inMembers(value, members, sets);
  if (typeof element === 'string' && element.startsWith('@')) return { doubt: `set ${element} was not read` };
  if (value.is === 'tuple') {
    const parts = isRecord(element) && Array.isArray(element['concat']) ? (element['concat'] as Json[]) : null;
    if (parts === null || parts.length !== value.parts.length) return { doubt: 'a tuple that is not understood' };
    return every(value.parts.map((part, index) => matchesElement(part, parts[index], sets)));
  }
  if (element === '*') return true;
  if (typeof value.value === 'string') return matchesName(value.value, element);
  if (isRecord(element) && isRecord(element['prefix'])) {
    const base = literal(element['prefix']['addr'], value.kind);
    const length = Number(element['prefix']['len']);
    if (base === 'other-family') return false;
    const family = value.kind === 'address4' ? 4 : value.kind === 'address6' ? 6 : null;
    if (base === null || family === null) return { doubt: 'a prefix that is not understood' };
    const span = prefixSpan({ family, value: base }, length);
    return span.first <= value.value && value.value <= span.last;
  }
  if (isRecord(element) && Array.isArray(element['range'])) {
    const [first, last] = (element['range'] as Json[]).map((end) => literal(end, value.kind));
    if (first === 'other-family') return false;
    if (typeof first !== 'bigint' || typeof last !== 'bigint') return { doubt: 'a range that is not understood' };
    return first <= value.value && value.value <= last;
  }
  const wanted = literal(element, value.kind);
  if (wanted === 'other-family') return false;
  return wanted === null ? { doubt: `comparison with ${JSON.stringify(element)?.slice(0, 60)}` } : wanted === value.value;
}

function inMembers(value: Value, members: readonly Json[], sets: Sets): Answer {
  let unsure: Answer = false;
  for (const member of members) {
    // Elements of a named map are pairs; as a set only their keys count.
    const answer = matchesElement(value, Array.isArray(member) ? (member as readonly Json[])[0] : member, sets);
    if (answer === true) return true;
    if (typeof answer !== 'boolean') unsure = answer;
  }
  return unsure;
}

function every(answers: readonly Answer[]): Answer {
  if (answers.includes(false)) return false;
  return answers.find((answer) => typeof answer !== 'boolean') ?? true;
}

function matchesName(name: string, element: Json): Answer {
  if (element === false || element === '0' || element === 0) return name === '';
  if (element === true) return name !== '';
  if (typeof element !== 'string') return { doubt: 'an interface that is not understood' };
  if (/^\d+$/.test(element)) return { doubt: `interface index ${element}` };
  return element.endsWith('\\*')
    ? name === `${element.slice(0, -2)}*`
    : element.endsWith('*')
      ? name.startsWith(element.slice(0, -1))
      : name === element;
}

/** A literal of a rule as a number of the given kind; null where it is not understood. */
export function literal(element: Json, kind: string): bigint | 'other-family' | null {
  if (typeof element === 'number' && Number.isSafeInteger(element)) return BigInt(element);
  if (typeof element === 'boolean') return element ? 1n : 0n;
  if (Array.isArray(element)) return union(element as Json[], kind);
  if (isRecord(element) && Array.isArray(element['|'])) return union(element['|'] as Json[], kind);
  if (typeof element !== 'string') return null;
  if (kind.startsWith('address')) {
    const parsed = parseAddress(element);
    if (!parsed) return null;
    return kind === `address${parsed.family}` ? parsed.value : 'other-family';
  }
  const symbol = symbols[kind]?.[element];
  if (symbol !== undefined) return BigInt(symbol);
  return /^(\d+|0x[0-9a-f]+)$/i.test(element) ? BigInt(element) : null;
}

function union(elements: readonly Json[], kind: string): bigint | null {
  let value = 0n;
  for (const element of elements) {
    const bit = literal(element, kind);
    if (typeof bit !== 'bigint') return null;
    value |= bit;
  }
  return value;
}
