// An nft rule set (libnftables-json(5)) as chains that can be walked, and its base chains in the order of their hooks.
import type { Firewall, NftObject } from '../model/observations.ts';
import { formatAddress } from './addresses.ts';
import { renderRule } from './firewall-nft-text.ts';
import { compare, isRecord, lookup, valueOf, type Json, type Sets, type Value } from './firewall-nft-values.ts';
import type { Action, DecidingRule, Effect, Packet, State, Step, Table } from './firewall-walk.ts';

/** A chain that the kernel calls by itself. */
export interface BaseChain {
  readonly engine: 'nft' | 'iptables';
  readonly table: Table;
  readonly family: string;
  readonly tableName: string;
  readonly name: string;
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: Packet['hook'];
  readonly priority: number;
  /** Later registered chains of equal priority run first. */
  readonly age: number;
  readonly devices: readonly string[] | null;
  readonly policy: 'accept' | 'drop';
  readonly policyKey: string | null;
  readonly pointer: string;
}

/** Key of a rule's packet counter in `Firewall.before`. */
export function nftCounterKey(rule: NftObject): string {
  return `nft:${String(rule['family'])}/${String(rule['table'])}/${String(rule['chain'])}/${String(rule['handle'])}`;
}

/** Key of a named counter in `Firewall.before`. */
export function nftNamedCounterKey(counter: NftObject): string {
  return `nft:${String(counter['family'])}/${String(counter['table'])}//${String(counter['name'])}`;
}

/** The packets that a rule itself has counted; null where it has no counter of its own. */
export function nftRulePackets(rule: NftObject): number | null {
  for (const statement of Array.isArray(rule['expr']) ? (rule['expr'] as Json[]) : []) {
    const counter = isRecord(statement) ? statement['counter'] : undefined;
    if (isRecord(counter) && typeof counter['packets'] === 'number') return counter['packets'];
  }
  return null;
}

interface Raw {
  readonly family: string;
  readonly name: string;
  readonly chains: { readonly object: NftObject; readonly index: number }[];
  readonly steps: Map<string, Step[]>;
  readonly objects: Map<string, NftObject>;
  readonly age: number;
}

/** Base chains of every table that the tool `nft` speaks for. */
export function nftBaseChains(firewall: Firewall): BaseChain[] {
  const tables = new Map<string, Raw>();
  const tableOf = (object: NftObject, name: Json): Raw => {
    const key = `${String(object['family'])} ${String(name)}`;
    const made: Raw = tables.get(key) ?? {
      family: String(object['family']),
      name: String(name),
      chains: [],
      steps: new Map(),
      objects: new Map(),
      age: tables.size,
    };
    tables.set(key, made);
    return made;
  };
  for (const [index, entry] of (firewall.nft ?? []).entries()) {
    const [kind, object] = Object.entries(entry)[0] ?? ['', null];
    if (!isRecord(object)) continue;
    if (kind === 'table') tableOf(object, object['name']);
    else if (kind === 'chain') {
      const table = tableOf(object, object['table']);
      table.chains.push({ object, index });
      if (!table.steps.has(String(object['name']))) table.steps.set(String(object['name']), []);
    } else if (kind === 'rule') {
      const table = tableOf(object, object['table']);
      const chain = table.steps.get(String(object['chain'])) ?? [];
      table.steps.set(String(object['chain']), chain);
      chain.push(new NftStep(object, index, table.objects, firewall));
    } else if (['set', 'map', 'counter', 'limit', 'quota'].includes(kind)) {
      // Sets and maps share one name space; stateful objects are kept apart from it by their kind.
      tableOf(object, object['table']).objects.set(
        kind === 'set' || kind === 'map' ? String(object['name']) : `${kind} ${String(object['name'])}`,
        object,
      );
    }
  }
  return [...tables.values()].flatMap(baseChains);
}

function baseChains(raw: Raw): BaseChain[] {
  const table: Table = { label: `${raw.family} ${raw.name}`, chains: raw.steps };
  const hooks: readonly string[] = ['ingress', 'prerouting', 'input', 'forward', 'output', 'postrouting'];
  return raw.chains.flatMap(({ object, index }): BaseChain[] => {
    if (typeof object['hook'] !== 'string' || !hooks.includes(object['hook'])) return [];
    const dev = object['dev'];
    return [
      {
        engine: 'nft',
        table,
        family: raw.family,
        tableName: raw.name,
        name: String(object['name']),
        type: object['type'] === 'nat' ? 'nat' : object['type'] === 'route' ? 'route' : 'filter',
        hook: object['hook'] as Packet['hook'],
        priority: Number(object['prio']),
        age: raw.age * 100_000 + Number(object['handle']),
        devices: typeof dev === 'string' ? [dev] : Array.isArray(dev) ? dev.map(String) : null,
        policy: object['policy'] === 'drop' ? 'drop' : 'accept',
        policyKey: null,
        pointer: `/nft/${index}`,
      },
    ];
  });
}

class NftStep implements Step {
  readonly #rule: NftObject;
  readonly #index: number;
  readonly #objects: Map<string, NftObject>;
  readonly #firewall: Firewall;

  constructor(rule: NftObject, index: number, objects: Map<string, NftObject>, firewall: Firewall) {
    this.#rule = rule;
    this.#index = index;
    this.#objects = objects;
    this.#firewall = firewall;
  }

  apply(state: State, doubtful: boolean): Effect {
    const doubts: string[] = [];
    for (const statement of Array.isArray(this.#rule['expr']) ? (this.#rule['expr'] as Json[]) : []) {
      if (!isRecord(statement)) continue;
      const [kind, body] = Object.entries(statement)[0] ?? ['', null];
      const result = applyStatement(kind, body, state, this.#objects, doubtful || doubts.length > 0);
      if (result === 'next') continue;
      if (result === 'no') return { doubts: [], actions: [] };
      if ('doubt' in result) doubts.push(result.doubt);
      else return { doubts: [...doubts, ...result.doubts], actions: result.actions };
    }
    // A rule that only counts, logs or marks lets the packet go on either way.
    return { doubts: [], actions: [] };
  }

  name(): DecidingRule {
    const own = nftRulePackets(this.#rule);
    const named = own === null ? this.#namedCounter() : null;
    const packetsNow = own ?? (named && typeof named['packets'] === 'number' ? named['packets'] : null);
    const key = named ? nftNamedCounterKey(named) : nftCounterKey(this.#rule);
    const before = this.#firewall.before?.[key];
    return {
      engine: 'nft',
      text: renderRule(this.#rule),
      family: String(this.#rule['family']),
      table: String(this.#rule['table']),
      chain: String(this.#rule['chain']),
      handle: Number(this.#rule['handle']),
      packetsNow,
      packetsDelta: packetsNow === null || before === undefined ? null : packetsNow - before,
      pointer: `/nft/${this.#index}`,
    };
  }

  #namedCounter(): NftObject | null {
    for (const statement of Array.isArray(this.#rule['expr']) ? (this.#rule['expr'] as Json[]) : []) {
      const counter = isRecord(statement) ? statement['counter'] : undefined;
      if (typeof counter === 'string') return this.#objects.get(`counter ${counter}`) ?? null;
    }
    return null;
  }
}

type StatementResult = 'next' | 'no' | { readonly doubt: string } | Effect;

const passing = new Set([
  'counter',
  'log',
  'comment',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'dup',
  'flow',
  'secmark',
  'last',
  'tcp option',
  'reset',
]);

function applyStatement(kind: string, body: Json, state: State, objects: Map<string, NftObject>, doubtful: boolean): StatementResult {
  if (passing.has(kind)) return 'next';
  switch (kind) {
    case 'match': {
      if (!isRecord(body)) return { doubt: 'a match that is not understood' };
      const answer = compare(valueOf(body['left'], state, objects), String(body['op']), body['right'], state, objects);
      return answer === true ? 'next' : answer === false ? 'no' : { doubt: answer.doubt };
    }
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
    case 'reject':
    case 'queue':
      return { doubts: kind === 'queue' ? ['queue: a program decides'] : [], actions: [verdictAction(kind, body)] };
    case 'vmap':
      return isRecord(body) ? applyVerdictMap(body, state, objects) : { doubt: 'a verdict map that is not understood' };
    case 'mangle':
      if (isRecord(body)) mangle(body, state, objects, doubtful);
      return 'next';
    case 'notrack':
      state.ctState = doubtful && state.ctState !== 'untracked' ? null : 'untracked';
      return 'next';
    case 'limit':
      return { doubt: `rate limit${limitText(body, objects)}: depends on the traffic of that moment` };
    case 'quota':
      return { doubt: 'quota: depends on the bytes seen so far' };
    case 'ct count':
      return { doubt: 'connection limit: depends on how many connections are open' };
    case 'set':
    case 'map':
    case 'meter':
      return isRecord(body) ? dynamicSet(body) : { doubt: `${kind} that is not understood` };
    case 'dnat':
    case 'redirect':
    case 'snat':
    case 'masquerade':
      if (kind === 'dnat' || kind === 'redirect') translate(kind, isRecord(body) ? body : {}, state, objects, doubtful);
      return { doubts: [], actions: [{ kind: 'end', verdict: 'accept' }] };
    case 'tproxy':
      return 'next';
    case 'fwd':
      return { doubts: ['fwd: the packet leaves by another interface'], actions: [{ kind: 'end', verdict: 'unknown' }] };
    case 'synproxy':
      return { doubts: ['synproxy answers for the server'], actions: [{ kind: 'end', verdict: 'unknown' }] };
    case 'xt':
      return {
        doubt:
          `xt ${isRecord(body) ? `${String(body['type'])} ${String(body['name'])}` : ''}: written by iptables, not readable in nft`.replace(
            '  ',
            ' ',
          ),
      };
    default:
      return { doubt: `statement ${kind.slice(0, 40)} is not understood` };
  }
}

function limitText(body: Json, objects: Map<string, NftObject>): string {
  const limit = typeof body === 'string' ? objects.get(`limit ${body}`) : body;
  return isRecord(limit) ? ` ${limit['inv'] === true ? 'over ' : ''}${String(limit['rate'])}/${String(limit['per'])}` : '';
}

function dynamicSet(body: Readonly<Record<string, Json>>): StatementResult {
  const inner = Array.isArray(body['stmt']) ? (body['stmt'] as Json[]) : body['stmt'] === undefined ? [] : [body['stmt']];
  for (const statement of inner) {
    const kind = isRecord(statement) ? Object.keys(statement)[0] : undefined;
    if (kind === 'limit') return { doubt: `rate limit per element of ${String(body['set'])}: depends on the traffic of that moment` };
    if (kind === 'ct count')
      return { doubt: `connection limit per element of ${String(body['set'])}: depends on how many connections are open` };
    if (kind !== undefined && kind !== 'counter') return { doubt: `${kind} per element of ${String(body['set'])}` };
  }
  return 'next';
}

function verdictAction(kind: string, body: Json): Action {
  if (kind === 'accept' || kind === 'drop') return { kind: 'end', verdict: kind };
  if (kind === 'jump' || kind === 'goto') return { kind, target: isRecord(body) ? String(body['target']) : String(body) };
  if (kind === 'return') return { kind: 'return' };
  if (kind === 'reject') return { kind: 'end', verdict: 'reject', rejectWith: rejectName(body) };
  if (kind === 'queue') return { kind: 'end', verdict: 'unknown' };
  return { kind: 'next' };
}

function rejectName(body: Json): string {
  if (!isRecord(body)) return 'icmp-port-unreachable';
  if (body['type'] === 'tcp reset') return 'tcp-reset';
  return `icmp-${typeof body['expr'] === 'string' ? body['expr'] : 'port-unreachable'}`;
}

function applyVerdictMap(body: Readonly<Record<string, Json>>, state: State, sets: Sets): StatementResult {
  const found = lookup(valueOf(body['key'], state, sets), body['data'], sets);
  if (found.is === 'none') return 'no';
  const action = (data: Json): Action => {
    const verdict = isRecord(data) && isRecord(data['elem']) ? data['elem']['val'] : data;
    const [kind, argument] = isRecord(verdict) ? (Object.entries(verdict)[0] ?? ['continue', null]) : [String(verdict), null];
    return verdictAction(kind, argument);
  };
  if (found.is === 'data') return { doubts: [], actions: [action(found.data)] };
  return { doubts: [found.why], actions: [...found.all.map(action), { kind: 'next' }] };
}

function mangle(body: Readonly<Record<string, Json>>, state: State, sets: Sets, doubtful: boolean): void {
  const key = body['key'];
  const field =
    isRecord(key) && isRecord(key['meta']) && key['meta']['key'] === 'mark'
      ? 'mark'
      : isRecord(key) && isRecord(key['ct']) && key['ct']['key'] === 'mark'
        ? 'ctMark'
        : null;
  if (field === null) return;
  const value = valueOf(body['value'], state, sets);
  if (value.is === 'absent') return;
  state[field] = !doubtful && value.is === 'known' && typeof value.value === 'bigint' ? value.value : null;
}

function translate(kind: 'dnat' | 'redirect', body: Readonly<Record<string, Json>>, state: State, sets: Sets, doubtful: boolean): void {
  if (doubtful) {
    state.translation = 'unknown';
    state.daddr = null;
    state.dport = null;
    return;
  }
  state.translation = 'done';
  if (kind === 'redirect')
    state.daddr = state.packet.hook === 'output' ? (state.packet.family === 4 ? '127.0.0.1' : '::1') : localAddress(state);
  if (body['addr'] !== undefined) {
    const { addr } = body;
    const target = typeof addr === 'string' ? null : valueOf(addr, state, sets);
    if (target?.is === 'tuple') {
      state.daddr = textOf(target.parts[0]);
      state.dport = portOf(target.parts[1]);
    } else state.daddr = typeof addr === 'string' ? addr : textOf(target ?? undefined);
  }
  if (body['port'] !== undefined)
    state.dport = portOf(
      typeof body['port'] === 'number' ? { is: 'known', kind: 'port', value: BigInt(body['port']) } : valueOf(body['port'], state, sets),
    );
}

// Redirect goes to the first address of the interface that the packet came in on; the packet's own address is one of the host's.
function localAddress(state: State): string | null {
  const { routes } = state.host;
  const own = routes?.interfaces
    .find((each) => each.name === state.packet.iif)
    ?.addresses.find((each) => each.address.includes(':') === (state.packet.family === 6));
  return own?.address ?? state.daddr;
}

function textOf(value: Value | undefined): string | null {
  if (value?.is !== 'known' || typeof value.value !== 'bigint') return null;
  if (value.kind === 'address4') return formatAddress({ family: 4, value: value.value });
  return value.kind === 'address6' ? formatAddress({ family: 6, value: value.value }) : null;
}

function portOf(value: Value | undefined): number | null {
  return value?.is === 'known' && typeof value.value === 'bigint' ? Number(value.value) : null;
}
