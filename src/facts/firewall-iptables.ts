// iptables and ip6tables rule sets (as iptables-save prints them) as chains that can be walked.
import type { Firewall, IptablesRules } from '../model/observations.ts';
import type { BaseChain } from './firewall-nft.ts';
import { matchOption, type Option } from './firewall-iptables-match.ts';
import type { Action, DecidingRule, Effect, Packet, State, Step, Table } from './firewall-walk.ts';

export type IptablesRule = IptablesRules['tables'][number]['rules'][number];

/** Key of a rule's packet counter in `Firewall.before`. */
export function iptablesCounterKey(
  command: 'iptables' | 'ip6tables',
  table: { readonly name: string; readonly legacy?: boolean },
  chain: string,
  number: number,
): string {
  return `${command}${table.legacy === true ? '-legacy' : ''}:${table.name}/${chain}/${number}`;
}

/** Key of a chain policy's packet counter in `Firewall.before`. */
export function iptablesPolicyKey(
  command: 'iptables' | 'ip6tables',
  table: { readonly name: string; readonly legacy?: boolean },
  chain: string,
): string {
  return `${command}${table.legacy === true ? '-legacy' : ''}:${table.name}/${chain}/policy`;
}

const priorities: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  raw: { PREROUTING: -300, OUTPUT: -300 },
  mangle: { PREROUTING: -150, INPUT: -150, FORWARD: -150, OUTPUT: -150, POSTROUTING: -150 },
  nat: { PREROUTING: -100, INPUT: 100, OUTPUT: -100, POSTROUTING: 100 },
  filter: { INPUT: 0, FORWARD: 0, OUTPUT: 0 },
  security: { INPUT: 50, FORWARD: 50, OUTPUT: 50 },
};

/** Built-in chains of every table that iptables speaks for, for one family. */
export function iptablesBaseChains(firewall: Firewall, family: 4 | 6): BaseChain[] {
  const command = family === 4 ? 'iptables' : 'ip6tables';
  const rules = firewall[command];
  return (rules?.tables ?? []).flatMap((table, tableIndex): BaseChain[] => {
    const steps = new Map<string, Step[]>(table.chains.map((chain) => [chain.name, []]));
    const numbers = new Map<string, number>();
    for (const [index, rule] of table.rules.entries()) {
      const number = (numbers.get(rule.chain) ?? 0) + 1;
      numbers.set(rule.chain, number);
      steps
        .get(rule.chain)
        ?.push(
          new IptablesStep(rule, number, { command, table, steps, firewall, pointer: `/${command}/tables/${tableIndex}/rules/${index}` }),
        );
    }
    const walkable: Table = { label: `${table.legacy === true ? `${command}-legacy` : command} ${table.name}`, chains: steps };
    return table.chains.flatMap((chain, index): BaseChain[] => {
      const priority = priorities[table.name]?.[chain.name];
      if (priority === undefined) return [];
      return [
        {
          engine: 'iptables',
          table: walkable,
          family: family === 4 ? 'ip' : 'ip6',
          tableName: table.name,
          name: chain.name,
          type: table.name === 'nat' ? 'nat' : 'filter',
          hook: chain.name.toLowerCase() as Packet['hook'],
          priority,
          age: table.legacy === true ? -2 : -1,
          devices: null,
          policy: chain.policy === 'DROP' ? 'drop' : 'accept',
          policyKey: iptablesPolicyKey(command, table, chain.name),
          pointer: `/${command}/tables/${tableIndex}/chains/${index}`,
        },
      ];
    });
  });
}

interface Around {
  readonly command: 'iptables' | 'ip6tables';
  readonly table: IptablesRules['tables'][number];
  readonly steps: ReadonlyMap<string, Step[]>;
  readonly firewall: Firewall;
  readonly pointer: string;
}

class IptablesStep implements Step {
  readonly #rule: IptablesRule;
  readonly #number: number;
  readonly #around: Around;
  #parsed: ParsedRule | null = null;

  constructor(rule: IptablesRule, number: number, around: Around) {
    this.#rule = rule;
    this.#number = number;
    this.#around = around;
  }

  apply(state: State, doubtful: boolean): Effect {
    this.#parsed ??= parseRule(this.#rule.spec);
    const { options, jump } = this.#parsed;
    const doubts: string[] = [];
    for (const option of options) {
      const answer = matchOption(option, options, state, this.#around.firewall.ipsets);
      if (answer === false) return { doubts: [], actions: [] };
      if (answer !== true) doubts.push(answer.doubt);
    }
    const action = targetAction(jump, state, doubtful || doubts.length > 0, this.#around.steps);
    if (action === null) return { doubts: [], actions: [] };
    return { doubts: action.doubt === null ? doubts : [...doubts, action.doubt], actions: [action.action] };
  }

  name(): DecidingRule {
    const { command, table, firewall, pointer } = this.#around;
    const before = firewall.before?.[iptablesCounterKey(command, table, this.#rule.chain, this.#number)];
    return {
      engine: 'iptables',
      text: this.#rule.text,
      family: command === 'iptables' ? 'ip' : 'ip6',
      table: table.name,
      chain: this.#rule.chain,
      handle: this.#number,
      packetsNow: this.#rule.packets,
      packetsDelta: before === undefined ? null : this.#rule.packets - before,
      pointer,
    };
  }
}

interface Jump {
  readonly target: string | null;
  readonly goto: boolean;
  readonly options: ReadonlyMap<string, readonly string[]>;
}
interface ParsedRule {
  readonly options: readonly Option[];
  readonly jump: Jump;
}

/** Splits a rule's words into match options and the target with its options. */
export function parseRule(spec: readonly string[]): ParsedRule {
  const options: Option[] = [];
  const targetOptions = new Map<string, readonly string[]>();
  let target: string | null = null;
  let isGoto = false;
  let module = '';
  let not = false;
  let index = 0;
  while (index < spec.length) {
    const word = spec[index] ?? '';
    index += 1;
    if (word === '!') {
      not = true;
      continue;
    }
    const args: string[] = [];
    while (index < spec.length && !startsOption(spec, index, args.length, word)) {
      args.push(spec[index] ?? '');
      index += 1;
    }
    if (word === '-m') module = args[0] ?? '';
    if (word === '-j' || word === '-g') {
      target = args[0] ?? null;
      isGoto = word === '-g';
    } else if (target !== null) targetOptions.set(word, args);
    else options.push({ module, name: word, not, args });
    not = false;
  }
  return { options, jump: { target, goto: isGoto, options: targetOptions } };
}

// A value may itself start with a dash, so the first word after these options is always their value.
const freeText = new Set(['--comment', '--log-prefix', '--nflog-prefix', '--string', '--hex-string']);

function startsOption(spec: readonly string[], index: number, taken: number, option: string): boolean {
  const word = spec[index] ?? '';
  if (taken === 0 && freeText.has(option)) return false;
  return word === '!' || /^--?[a-z]/.test(word);
}

const continuing = new Set([
  'LOG',
  'NFLOG',
  'ULOG',
  'TRACE',
  'TCPMSS',
  'TCPOPTSTRIP',
  'DSCP',
  'TOS',
  'TTL',
  'HL',
  'ECN',
  'CLASSIFY',
  'CHECKSUM',
  'SET',
  'TEE',
  'AUDIT',
  'SECMARK',
  'CONNSECMARK',
  'IDLETIMER',
  'LED',
  'RATEEST',
  'HMARK',
  'NETMAP',
]);

const rejectNames: Readonly<Record<string, string>> = {
  'tcp-reset': 'tcp-reset',
  'tcp-rst': 'tcp-reset',
  'icmp6-no-route': 'icmp-no-route',
  'no-route': 'icmp-no-route',
  'icmp6-adm-prohibited': 'icmp-admin-prohibited',
  'adm-prohibited': 'icmp-admin-prohibited',
  'icmp6-addr-unreachable': 'icmp-addr-unreachable',
  'addr-unreach': 'icmp-addr-unreachable',
  'icmp6-port-unreachable': 'icmp-port-unreachable',
  'port-unreach': 'icmp-port-unreachable',
  'icmp6-policy-fail': 'icmp-policy-fail',
  'icmp6-reject-route': 'icmp-reject-route',
};

function targetAction(
  jump: Jump,
  state: State,
  doubtful: boolean,
  chains: ReadonlyMap<string, Step[]>,
): { readonly action: Action; readonly doubt: string | null } | null {
  const { target } = jump;
  const sure = (action: Action) => ({ action, doubt: null });
  if (target === null) return null;
  if (target === 'ACCEPT' || target === 'DROP') return sure({ kind: 'end', verdict: target === 'ACCEPT' ? 'accept' : 'drop' });
  if (target === 'TARPIT') return sure({ kind: 'end', verdict: 'drop' });
  if (target === 'RETURN') return sure({ kind: 'return' });
  if (target === 'REJECT') {
    const asked = jump.options.get('--reject-with')?.[0] ?? 'icmp-port-unreachable';
    return sure({ kind: 'end', verdict: 'reject', rejectWith: rejectNames[asked] ?? asked });
  }
  if (chains.has(target)) return sure({ kind: jump.goto ? 'goto' : 'jump', target });
  if (['DNAT', 'REDIRECT', 'SNAT', 'MASQUERADE', 'NETMAP'].includes(target)) {
    if (target === 'DNAT' || target === 'REDIRECT' || (target === 'NETMAP' && state.packet.hook === 'prerouting'))
      translate(jump, state, doubtful);
    return sure({ kind: 'end', verdict: 'accept' });
  }
  if (target === 'MARK' || target === 'CONNMARK') {
    setMark(jump, state, doubtful);
    return null;
  }
  if (target === 'NOTRACK' || (target === 'CT' && jump.options.has('--notrack'))) {
    state.ctState = doubtful && state.ctState !== 'untracked' ? null : 'untracked';
    return null;
  }
  if (target === 'CT' || continuing.has(target)) return null;
  const why = target === 'NFQUEUE' || target === 'QUEUE' ? 'NFQUEUE: a program decides' : `target ${target.slice(0, 40)} is not understood`;
  return { action: { kind: 'end', verdict: 'unknown' }, doubt: why };
}

function setMark(jump: Jump, state: State, doubtful: boolean): void {
  const field = jump.target === 'MARK' ? 'mark' : 'ctMark';
  if (jump.target === 'CONNMARK' && jump.options.has('--restore-mark')) {
    state.mark = doubtful || jump.options.has('--nfmask') ? null : state.ctMark;
    return;
  }
  if (jump.target === 'CONNMARK' && jump.options.has('--save-mark')) {
    state.ctMark = doubtful || jump.options.has('--nfmask') ? null : state.mark;
    return;
  }
  const [value, mask] = (jump.options.get('--set-xmark')?.[0] ?? jump.options.get('--set-mark')?.[0] ?? '').split('/');
  const current = state[field];
  if (doubtful || value === undefined || !/^(0x[0-9a-f]+|\d+)$/i.test(value) || current === null) {
    state[field] = null;
    return;
  }
  const covered = mask === undefined || !/^(0x[0-9a-f]+|\d+)$/i.test(mask) ? 0xffffffffn : BigInt(mask);
  state[field] = (current & ~covered & 0xffffffffn) ^ BigInt(value);
}

function translate(jump: Jump, state: State, doubtful: boolean): void {
  if (doubtful || jump.target === 'NETMAP') {
    state.translation = jump.target === 'NETMAP' && !doubtful ? 'done' : 'unknown';
    state.daddr = null;
    if (doubtful) state.dport = null;
    return;
  }
  state.translation = 'done';
  if (jump.target === 'REDIRECT') {
    const { routes } = state.host;
    const own = routes?.interfaces
      .find((each) => each.name === state.packet.iif)
      ?.addresses.find((each) => each.address.includes(':') === (state.packet.family === 6));
    state.daddr = state.packet.hook === 'output' ? (state.packet.family === 4 ? '127.0.0.1' : '::1') : (own?.address ?? state.daddr);
    const port = jump.options.get('--to-ports')?.[0];
    if (port !== undefined) state.dport = /^\d+$/.test(port) ? Number(port) : null;
    return;
  }
  const to = jump.options.get('--to-destination')?.[0] ?? '';
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)|([0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*))?(?::(\d+))?$/i.exec(to);
  const host = match?.[1] ?? match?.[2] ?? match?.[3];
  // A range of addresses or ports: which one is taken is not known.
  if (!match) {
    state.daddr = null;
    state.dport = null;
    return;
  }
  if (host !== undefined) state.daddr = host;
  if (match[4] !== undefined) state.dport = Number(match[4]);
}
