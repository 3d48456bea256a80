// The matches of iptables: does one option of a rule hold for a packet? Unknown options are doubts, never guesses.
import { parseAddress, parseSpan, spanHolds } from './addresses.ts';
import type { Answer } from './firewall-nft-values.ts';
import type { State } from './firewall-walk.ts';
import { addressType, reversePath } from './routes.ts';

/** One option of a rule with its values: `! --dports 80,443` of module `multiport`. */
export interface Option {
  readonly module: string;
  readonly name: string;
  readonly not: boolean;
  readonly args: readonly string[];
}
export type Ipsets = Readonly<Record<string, readonly string[]>>;

/** Whether the option holds. `all` are the options of the rule, for those that only qualify others. */
export function matchOption(option: Option, all: readonly Option[], state: State, ipsets: Ipsets): Answer {
  const answer = positive(option, all, state, ipsets);
  return option.not && typeof answer === 'boolean' ? !answer : answer;
}

const protocols: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '0': 'all' };
const rateModules = new Set(['limit', 'hashlimit', 'rateest']);
const rates = /^--(limit|limit-burst|hashlimit.*|rateest.*)$/;

function positive(option: Option, all: readonly Option[], state: State, ipsets: Ipsets): Answer {
  const { packet } = state;
  const value = option.args[0] ?? '';
  switch (option.name) {
    case '-m':
      return value === 'rpfilter' ? rpfilter(all, state) : implicit(value, all);
    case '-s':
      return inSpan(state.saddr, value, 'source');
    case '-d':
      return inSpan(state.daddr, value, 'destination');
    case '-i':
      return onInterface(packet.hook === 'output' ? '' : packet.iif, value, 'incoming');
    case '-o':
      return onInterface(packet.hook === 'input' || packet.hook === 'prerouting' ? '' : packet.oif, value, 'outgoing');
    case '-p':
      return value === 'all' || (protocols[value] ?? value) === 'all' || (protocols[value] ?? value) === packet.protocol;
    case '-f':
      return false;
    case '--sport':
    case '--source-port':
      return inPorts(state.sport, [value]);
    case '--dport':
    case '--destination-port':
      return inPorts(state.dport, [value]);
    case '--sports':
      return inPorts(state.sport, value.split(','));
    case '--dports':
      return inPorts(state.dport, value.split(','));
    case '--ports':
      return either(inPorts(state.sport, value.split(',')), inPorts(state.dport, value.split(',')));
    case '--src-range':
      return inSpan(state.saddr, value, 'source');
    case '--dst-range':
      return inSpan(state.daddr, value, 'destination');
    case '--match-set':
      return inIpset(value, (option.args[1] ?? 'src').split(','), state, ipsets);
    case '--return-nomatch':
      return { doubt: 'set option --return-nomatch' };
    case '--ctstate':
    case '--state':
      return inState(value, state);
    case '--ctdir':
      return state.ctState === 'untracked' ? false : value === 'ORIGINAL';
    case '--ctstatus':
      return state.ctState !== 'new' ? { doubt: 'the connection status is not known' } : value.split(',').includes('NONE');
    case '--ctproto':
      return (protocols[value] ?? value) === packet.protocol;
    case '--syn':
      return packet.protocol === 'tcp' && packet.flags === 'syn';
    case '--tcp-flags':
      return packet.protocol === 'tcp' && flagsMatch(value, option.args[1] ?? '', packet.flags);
    case '--icmp-type':
    case '--icmpv6-type':
      return false;
    case '--length':
      return inPorts(packet.length, [value]);
    case '--mark':
      return option.module === 'connmark' ? markMatches(state.ctMark, value) : markMatches(state.mark, value);
    case '--pkt-type':
      return value === (packet.iif === 'lo' ? 'loopback' : 'unicast');
    case '--src-type':
      return ofType(state.saddr, value, state, false);
    case '--dst-type':
      return ofType(state.daddr, value, state, packet.hook === 'input');
    case '--limit-iface-in':
    case '--limit-iface-out':
      return true;
    case '--string':
    case '--hex-string':
      return stringMatches(option.name, value, state);
    case '--algo':
    case '--from':
    case '--to':
    case '--icase':
    case '--comment':
      return true;
    case '--mode':
    case '--probability':
    case '--every':
    case '--packet':
      return { doubt: 'statistic: differs from packet to packet' };
    case '--connlimit-above':
    case '--connlimit-upto':
      return { doubt: `connection limit (${option.name.slice(2)} ${value}): depends on how many connections are open` };
    case '--connlimit-mask':
    case '--connlimit-saddr':
    case '--connlimit-daddr':
      return true;
    case '--validmark':
    case '--loose':
    case '--accept-local':
    case '--invert':
      return true;
    default:
      return unknownOption(option);
  }
}

// Naming a module decides nothing by itself, unless the module matches without any option.
function implicit(module: string, all: readonly Option[]): Answer {
  if (module === 'socket') return { doubt: 'match socket is not known from outside' };
  const needsOptions = !['tcp', 'udp', 'icmp', 'icmp6', 'comment', 'standard'].includes(module);
  if (needsOptions && !all.some((other) => other.module === module && other.name !== '-m'))
    return { doubt: `match ${module.slice(0, 40)} is not understood` };
  return true;
}

function unknownOption(option: Option): Answer {
  if (rateModules.has(option.module) || rates.test(option.name)) {
    return { doubt: `rate limit (${[option.name, ...option.args].join(' ').slice(0, 60)}): depends on the traffic of that moment` };
  }
  if (option.module === 'recent') return { doubt: 'recent: depends on earlier packets of that source' };
  if (option.module === 'time') return { doubt: 'time: depends on the moment' };
  return { doubt: `match ${`${option.module} ${option.name}`.trim().slice(0, 60)} is not known from outside` };
}

function inSpan(address: string | null, text: string, what: string): Answer {
  const parsed = address === null ? null : parseAddress(address);
  if (!parsed) return { doubt: `the ${what} address is not known` };
  let unsure: Answer = false;
  for (const item of text.split(',')) {
    const span = parseSpan(item);
    if (span === null) unsure = { doubt: `address ${item.slice(0, 60)} is not understood` };
    else if (spanHolds(span, parsed)) return true;
  }
  return unsure;
}

function onInterface(name: string | null, wanted: string, what: string): Answer {
  if (name === null) return { doubt: `the ${what} interface is not known` };
  return wanted.endsWith('+') ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

function inPorts(port: number | null, items: readonly string[]): Answer {
  const spans = items.map((item) => {
    const [first, last] = item.split(':');
    return [first === '' ? 0 : Number(first), last === undefined ? Number(first) : last === '' ? 65_535 : Number(last)] as const;
  });
  if (spans.some(([first, last]) => Number.isNaN(first) || Number.isNaN(last)))
    return { doubt: `ports ${items.join(',').slice(0, 60)} are not understood` };
  if (port === null) return spans.some(([first, last]) => first === 0 && last === 65_535) ? true : { doubt: 'the port is not known' };
  return spans.some(([first, last]) => first <= port && port <= last);
}

function either(a: Answer, b: Answer): Answer {
  if (a === true || b === true) return true;
  return typeof a === 'boolean' ? b : a;
}

function inState(list: string, state: State): Answer {
  const wanted = list.split(',');
  if (wanted.includes('DNAT') && state.translation !== 'none')
    return state.translation === 'done' ? true : { doubt: 'whether the connection was translated is not known' };
  if (state.ctState === null) return { doubt: 'the connection state is not known' };
  return wanted.includes(state.ctState.toUpperCase())
    ? true
    : wanted.includes('SNAT') && state.ctState === 'established'
      ? { doubt: 'whether the connection was translated is not known' }
      : false;
}

const flagBits: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ALL: 63, NONE: 0 };

function flagsMatch(mask: string, wanted: string, flags: 'syn' | 'ack'): boolean {
  const bits = (list: string): number => list.split(',').reduce((sum, name) => sum | (flagBits[name] ?? 0), 0);
  return ((flags === 'syn' ? 2 : 16) & bits(mask)) === bits(wanted);
}

function markMatches(mark: bigint | null, text: string): Answer {
  const [value, mask] = text.split('/');
  if (mark === null) return { doubt: 'the mark is not known here' };
  const number = /^(0x[0-9a-f]+|\d+)$/i;
  if (value === undefined || !number.test(value) || (mask !== undefined && !number.test(mask)))
    return { doubt: `mark ${text.slice(0, 40)} is not understood` };
  return (mark & (mask === undefined ? 0xffffffffn : BigInt(mask))) === BigInt(value);
}

function ofType(address: string | null, types: string, state: State, ownForSure: boolean): Answer {
  if (address === null) return { doubt: 'the address is not known' };
  const { routes } = state.host;
  const type = routes ? addressType(routes, address) : ownForSure ? 'local' : null;
  return type === null ? { doubt: 'address types need the routes of the host' } : types.split(',').includes(type.toUpperCase());
}

// A SYN carries no data: text of four or more printable bytes does not occur in its headers.
function stringMatches(name: string, value: string, state: State): Answer {
  const printable = name === '--string' && /^[\x20-\x7e]{4,}$/.test(value);
  return printable && state.packet.flags === 'syn' ? false : { doubt: 'string: the payload is not known' };
}

function inIpset(name: string, directions: readonly string[], state: State, ipsets: Ipsets, depth = 0): Answer {
  const members = ipsets[name];
  if (members === undefined || depth > 4) return { doubt: `ipset ${name.slice(0, 60)} was not read` };
  // Longer prefixes win over shorter ones, so that `nomatch` can cut a hole into a network.
  let best: { length: bigint; hit: boolean } | null = null;
  let unsure: Answer = false;
  for (const member of members) {
    const [key = '', ...options] = member.split(' ');
    const answer = memberMatches(key.split(','), directions, state, ipsets, depth);
    if (typeof answer !== 'boolean') unsure = answer;
    if (answer !== true) continue;
    const span = parseSpan(key.split(',')[0] ?? '');
    const length = span === null ? 0n : span.last - span.first;
    if (best === null || length < best.length) best = { length, hit: !options.includes('nomatch') };
  }
  return best === null ? unsure : best.hit;
}

function memberMatches(parts: readonly string[], directions: readonly string[], state: State, ipsets: Ipsets, depth: number): Answer {
  let unsure: Answer = true;
  for (const [index, part] of parts.entries()) {
    const answer = partMatches(part, directions[index] ?? directions[0] ?? 'src', state, ipsets, directions, depth);
    if (answer === false) return false;
    if (answer !== true) unsure = answer;
  }
  return unsure;
}

function partMatches(part: string, direction: string, state: State, ipsets: Ipsets, directions: readonly string[], depth: number): Answer {
  const source = direction === 'src';
  if (parseSpan(part)) return inSpan(source ? state.saddr : state.daddr, part, source ? 'source' : 'destination');
  const port = /^(?:(tcp|udp|sctp|udplite):)?(\d+)(?:-(\d+))?$/.exec(part);
  if (port) {
    if (port[1] !== undefined && port[1] !== state.packet.protocol) return false;
    return inPorts(source ? state.sport : state.dport, [`${port[2] ?? ''}:${port[3] ?? port[2] ?? ''}`]);
  }
  if (/^(icmp|icmpv6|[a-z0-9]+:0$)/.test(part) && part.includes(':')) return false;
  if (ipsets[part] !== undefined) return inIpset(part, directions, state, ipsets, depth + 1);
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(part)) return { doubt: 'the sender’s hardware address is not known' };
  return onInterface(source ? state.packet.iif : state.packet.oif, part, source ? 'incoming' : 'outgoing');
}

function rpfilter(all: readonly Option[], state: State): Answer {
  const { routes } = state.host;
  const path = routes && state.saddr !== null && state.packet.iif !== null ? reversePath(routes, state.saddr, state.packet.iif) : null;
  if (path === null) return { doubt: 'rpfilter needs the routes of the host' };
  const loose = all.some((option) => option.name === '--loose');
  const holds = loose ? !path.looseDrops : path.symmetric;
  return all.some((option) => option.name === '--invert') ? !holds : holds;
}
