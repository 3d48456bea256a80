// Walks one chain of a rule set, whatever tool wrote it, and keeps every outcome that is possible. Where a rule cannot be decided
// from outside (a rate limit, a random choice, an unknown match) both ways are followed, so that nothing is ever guessed.
import type { Routes } from '../model/observations.ts';

/** A packet as a rule set sees it. Null means not known: rules that ask for it become uncertain. */
export interface Packet {
  readonly hook: 'ingress' | 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly saddr: string;
  readonly daddr: string;
  /** Null for "any ephemeral port". */
  readonly sport: number | null;
  readonly dport: number;
  readonly iif: string | null;
  readonly oif: string | null;
  readonly state: 'new' | 'established';
  readonly flags: 'syn' | 'ack';
  /** Bytes of the IP packet; a SYN has 60. */
  readonly length: number;
  readonly mark?: number;
  /** The connection's destination was rewritten before (`ct status dnat`). */
  readonly translated?: boolean;
}

/** What else may be known of the host, for rules that ask the routing table. */
export interface Host {
  readonly routes?: Routes;
}

/** A rule as an operator names it, and where it stands in the evidence. */
export interface DecidingRule {
  /** As `nft list ruleset` or `iptables -S` prints it. */
  readonly text: string;
  /** `inet`, `ip`, `ip6`, `netdev`: whose command changes it. */
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** nft: the rule's handle. iptables: its number in the chain, from 1. */
  readonly handle: number;
  /** Null where the rule has no counter. */
  readonly packetsNow: number | null;
  /** Change between the two readings; null with one reading or without a counter. */
  readonly packetsDelta: number | null;
  /** JSON pointer into the evidence of the `firewall` probe. */
  readonly pointer: string;
  readonly engine: 'nft' | 'iptables';
}

export type Verdict = 'accept' | 'drop' | 'reject' | 'unknown';

/** One way in which a chain may end. */
export interface Ending {
  readonly verdict: Verdict;
  /** `tcp-reset`, `icmp-port-unreachable`, `icmp-admin-prohibited`, `icmp-host-prohibited` …; null unless rejected. */
  readonly rejectWith: string | null;
  readonly rule: DecidingRule | null;
  /** Why it may also not have come to this; empty when it certainly does once reached. */
  readonly doubts: readonly string[];
}

/** Mutable view of the packet during a walk: marks and translated addresses change under way. */
export interface State {
  readonly packet: Packet;
  saddr: string | null;
  daddr: string | null;
  sport: number | null;
  dport: number | null;
  mark: bigint | null;
  ctMark: bigint | null;
  ctState: 'new' | 'established' | 'untracked' | null;
  translation: 'none' | 'done' | 'unknown';
  readonly host: Host;
  /** Chains entered, `table/chain`, in order. */
  readonly path: string[];
  readonly uncertain: Set<string>;
}

export type Action =
  | { readonly kind: 'next' }
  | { readonly kind: 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly target: string }
  | { readonly kind: 'end'; readonly verdict: Verdict; readonly rejectWith?: string };

/** What a rule does with the packet. No actions: it does not match. Several: which one is not known. */
export interface Effect {
  readonly doubts: readonly string[];
  readonly actions: readonly Action[];
}

/** One rule, ready to be asked. `apply` may change `state`; with `doubtful` set, changed fields become unknown. */
export interface Step {
  apply(state: State, doubtful: boolean): Effect;
  name(): DecidingRule;
}

/** The chains of one table. */
export interface Table {
  readonly label: string;
  readonly chains: ReadonlyMap<string, readonly Step[]>;
}

export interface Walked {
  readonly endings: readonly Ending[];
  /** The packet may leave the chain at its end or by `return`. */
  readonly through: boolean;
}

const deepest = 64; // nft allows 16, iptables as many as its rule set has chains

/** Walks a chain; `doubts` are those under which it was entered. */
export function walkChain(table: Table, chain: string, state: State, doubts: readonly string[] = [], depth = 0): Walked {
  const steps = table.chains.get(chain);
  state.path.push(`${table.label}/${chain}`);
  if (!steps || depth > deepest) {
    state.uncertain.add(`chain ${chain} cannot be followed`);
    return { endings: [{ verdict: 'unknown', rejectWith: null, rule: null, doubts }], through: true };
  }
  const endings: Ending[] = [];
  let mayHaveLeft = false;
  let known = doubts;
  for (const step of steps) {
    const effect = step.apply(state, known.length > 0);
    if (effect.actions.length === 0) continue;
    const own = [...known, ...effect.doubts];
    for (const doubt of effect.doubts) state.uncertain.add(doubt);
    const certain = effect.doubts.length === 0 && effect.actions.length === 1;
    let goesOn = !certain;
    for (const action of effect.actions) {
      if (action.kind === 'next') goesOn = true;
      else if (action.kind === 'return') mayHaveLeft = true;
      else if (action.kind === 'end')
        endings.push({ verdict: action.verdict, rejectWith: action.rejectWith ?? null, rule: step.name(), doubts: own });
      else {
        const inner = walkChain(table, action.target, state, own, depth + 1);
        endings.push(...inner.endings);
        if (inner.through && action.kind === 'jump') goesOn = true;
        if (inner.through && action.kind === 'goto') mayHaveLeft = true;
        if (inner.through && inner.endings.length > 0) known = [...known, ...inner.endings.flatMap((ending) => ending.doubts)];
      }
    }
    if (!goesOn) return { endings, through: mayHaveLeft };
    if (mayHaveLeft) known = own;
  }
  return { endings, through: true };
}
