// Draws the verdict: for every failing request the cause that goes deepest, from claims that rules make about it. Roots take the place of
// their consequences, proofs of guesses, and what speaks of the very request of what only happened at the same time.
import type { Tally } from '../records.ts';
import type { SiteNames } from './addresses.ts';
import type { Clocks } from './clocks.ts';
import type { LogRule } from './rule.ts';
import type { Unit, Units } from './units.ts';
import { hear } from './witnesses.ts';
import type { Claim } from './witnesses.ts';

/** A cause, and the failing requests that it explains. */
export interface LogConviction {
  readonly rule: LogRule;
  readonly certainty: 'confirmed' | 'likely';
  /** Requests that it explains. */
  readonly count: number;
  /** By corrected minute; NaN for requests without a time. */
  readonly minutes: ReadonlyMap<number, number>;
  /** Requests by unit. */
  readonly units: ReadonlyMap<number, number>;
  /** Hosts that its witnesses name, those of most requests first. */
  readonly hosts: readonly string[];
  /** True where some witness could not name the host. */
  readonly hostUnknown: boolean;
  /** Event and failure groups that speak for it, with the requests that they speak of; most first. */
  readonly events: readonly { readonly group: number; readonly count: number }[];
  readonly failures: readonly { readonly group: number; readonly count: number }[];
  /** From this cause to the consequence that clients see. */
  readonly chain: readonly LogRule[];
}

/** Failing requests without a cause, and the causes that they would fit. */
export interface Unproven {
  readonly unit: number;
  readonly count: number;
  readonly minutes: ReadonlyMap<number, number>;
  readonly fits: readonly LogRule[];
}

/** Lines that a rule knows and that explain no failing request. */
export interface Beside {
  readonly rule: LogRule;
  readonly events: readonly number[];
}

export interface LogVerdict {
  /** Those that explain most first. */
  readonly convictions: readonly LogConviction[];
  readonly unproven: readonly Unproven[];
  readonly beside: readonly Beside[];
  /** Rules that seemed to fit until another cause was proven for every such request. */
  readonly displaced: readonly { readonly rule: LogRule; readonly by: readonly LogRule[] }[];
}

interface Draft {
  rule: LogRule;
  proven: boolean;
  count: number;
  minutes: Map<number, number>;
  units: Map<number, number>;
  hosts: Map<string | null, number>;
  events: Map<number, number>;
  failures: Map<number, number>;
  folded: Set<LogRule>;
}

/** Applies the rules. Pure and deterministic. */
export function explain(tally: Tally, clocks: Clocks, found: Units, rules: readonly LogRule[], site: SiteNames | null): LogVerdict {
  const { claims, seen } = hear(tally, clocks, found, rules, site);
  const isRoot = rootsOf(rules);
  const byUnit = Map.groupBy(claims, (claim) => claim.unit);
  const drafts = new Map<LogRule, Draft>();
  const displaced = new Map<LogRule, Set<LogRule>>();
  const unproven: Unproven[] = [];
  found.units.forEach((unit, index) => {
    const own = byUnit.get(index) ?? [];
    const open = new Map<number, number>();
    for (const { minutes, claims: active } of sameClaims(unit, own)) {
      const count = [...minutes.values()].reduce((sum, each) => sum + each, 0);
      const { kept, folded } = resolve(active, isRoot);
      if (kept.length === 0) for (const [minute, each] of minutes) open.set(minute, each);
      const keptRules = [...new Set(kept.map((claim) => claim.rule))];
      for (const claim of active)
        if (claim.weight === 'suggests' && !keptRules.includes(claim.rule) && !folded.some((each) => each.rule === claim.rule))
          displaced.set(claim.rule, new Set([...(displaced.get(claim.rule) ?? []), ...keptRules]));
      for (const rule of keptRules)
        note(draftOf(drafts, rule), index, { count, minutes, kept: kept.filter((claim) => claim.rule === rule), folded, isRoot });
    }
    if (open.size === 0) return;
    const fits = [
      ...new Set(
        own
          .filter((claim) => claim.minutes === null || [...open.keys()].some((minute) => claim.minutes?.has(minute)))
          .map((claim) => claim.rule),
      ),
    ];
    unproven.push({
      unit: index,
      count: [...open.values()].reduce((sum, each) => sum + each, 0),
      minutes: open,
      fits: fits.toSorted((a, b) => rules.indexOf(a) - rules.indexOf(b)),
    });
  });
  const weightOf = (each: LogConviction): number => each.events.reduce((sum, { group }) => sum + (tally.events[group]?.count ?? 0), 0);
  const convictions = [...drafts.values()]
    .map((draft) => convictionOf(draft, isRoot))
    .toSorted(
      (a, b) =>
        b.count - a.count ||
        Number(b.certainty === 'confirmed') - Number(a.certainty === 'confirmed') ||
        (a.count === 0 ? weightOf(b) - weightOf(a) : 0) ||
        rules.indexOf(a.rule) - rules.indexOf(b.rule),
    );
  const answered = new Set(convictions.flatMap((each) => each.chain));
  const suspected = new Set(unproven.flatMap((each) => each.fits));
  return {
    convictions,
    unproven: unproven.toSorted((a, b) => b.count - a.count || a.unit - b.unit),
    beside: rules.flatMap((rule): readonly Beside[] => {
      const events = [...(seen.get(rule) ?? [])];
      return events.length > 0 && !answered.has(rule) && !displaced.has(rule) ? [{ rule, events }] : [];
    }),
    displaced: rules.flatMap((rule) => {
      const by = displaced.get(rule);
      return by === undefined || answered.has(rule) || suspected.has(rule) ? [] : [{ rule, by: rules.filter((each) => by.has(each)) }];
    }),
  };
}

/** Minutes of a unit in which the same claims hold, so that each set is resolved once. */
function sameClaims(
  unit: Unit,
  claims: readonly Claim[],
): readonly { readonly minutes: ReadonlyMap<number, number>; readonly claims: readonly Claim[] }[] {
  if (claims.every((claim) => claim.minutes === null)) return [{ minutes: unit.minutes, claims }];
  const sets = new Map<string, { minutes: Map<number, number>; claims: readonly Claim[] }>();
  for (const [minute, count] of unit.minutes) {
    const active = claims.filter((claim) => claim.minutes === null || claim.minutes.has(minute));
    const key = active.map((claim) => claims.indexOf(claim)).join(' ');
    const known = sets.get(key) ?? { minutes: new Map<number, number>(), claims: active };
    known.minutes.set(minute, count);
    sets.set(key, known);
  }
  return [...sets.values()];
}

type IsRoot = (deeper: LogRule, rule: LogRule) => boolean;

/** Whether one cause lies below another, over any number of steps. Two causes that name each other are not each other's roots. */
function rootsOf(rules: readonly LogRule[]): IsRoot {
  const direct = new Map(rules.map((rule) => [rule.cause, rule.consequenceOf]));
  const all = new Map(
    rules.map((rule) => {
      const below = new Set<string>();
      const open = [...rule.consequenceOf];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if (below.has(next)) continue;
        below.add(next);
        open.push(...(direct.get(next) ?? []));
      }
      return [rule.cause, below];
    }),
  );
  const below = (deeper: LogRule, rule: LogRule): boolean => all.get(rule.cause)?.has(deeper.cause) === true;
  return (deeper, rule) => deeper.cause !== rule.cause && below(deeper, rule) && !below(rule, deeper);
}

/** What is left of all that is said about the same requests. Claims that only fit convict nobody. */
function resolve(active: readonly Claim[], isRoot: IsRoot): { readonly kept: readonly Claim[]; readonly folded: readonly Claim[] } {
  const solid = active.filter((claim) => claim.weight !== 'fits');
  const folded = solid.filter((claim) => solid.some((deeper) => isRoot(deeper.rule, claim.rule)));
  const roots = solid.filter((claim) => !folded.includes(claim));
  const proven = roots.filter((claim) => claim.weight === 'proves');
  const best = proven.length > 0 ? proven : roots;
  const closest = Math.max(-1, ...best.map((claim) => claim.closeness));
  const named = new Set(best.filter((claim) => claim.closeness === closest).map((claim) => claim.host));
  // Several tries of one request may each have failed for a reason of its own, at a server of its own.
  const otherTry = (claim: Claim): boolean => claim.closeness === 2 && claim.host !== null && !named.has(claim.host) && !named.has(null);
  const chosen = new Set(best.filter((claim) => claim.closeness === closest).map((claim) => claim.rule));
  const kept = roots.filter((claim) => chosen.has(claim.rule) || otherTry(claim));
  // A consequence that fits only the claims is part of the chain where its root was found.
  const fitting = active.filter((claim) => claim.weight === 'fits' && kept.some((deeper) => isRoot(deeper.rule, claim.rule)));
  return { kept, folded: [...folded, ...fitting] };
}

function draftOf(drafts: Map<LogRule, Draft>, rule: LogRule): Draft {
  const known = drafts.get(rule);
  if (known !== undefined) return known;
  const draft: Draft = {
    rule,
    proven: false,
    count: 0,
    minutes: new Map(),
    units: new Map(),
    hosts: new Map(),
    events: new Map(),
    failures: new Map(),
    folded: new Set(),
  };
  drafts.set(rule, draft);
  return draft;
}

interface Share {
  readonly count: number;
  readonly minutes: ReadonlyMap<number, number>;
  readonly kept: readonly Claim[];
  readonly folded: readonly Claim[];
  readonly isRoot: IsRoot;
}

function note(draft: Draft, unit: number, { count, minutes, kept, folded, isRoot }: Share): void {
  const bump = <K>(map: Map<K, number>, key: K, by: number): void => void map.set(key, (map.get(key) ?? 0) + by);
  draft.count += count;
  draft.proven ||= kept.some((claim) => claim.weight === 'proves');
  bump(draft.units, unit, count);
  for (const [minute, each] of minutes) bump(draft.minutes, minute, each);
  for (const host of new Set(kept.map((claim) => claim.host))) bump(draft.hosts, host, count);
  const below = folded.filter((claim) => isRoot(draft.rule, claim.rule));
  for (const claim of below) draft.folded.add(claim.rule);
  for (const event of new Set(kept.flatMap((claim) => claim.events))) bump(draft.events, event, count);
  for (const failure of new Set(kept.flatMap((claim) => claim.failures))) bump(draft.failures, failure, count);
}

function convictionOf(draft: Draft, isRoot: IsRoot): LogConviction {
  const ranked = (map: ReadonlyMap<number, number>): { group: number; count: number }[] =>
    [...map].map(([group, count]) => ({ group, count })).toSorted((a, b) => b.count - a.count || a.group - b.group);
  const hosts = [...draft.hosts]
    .toSorted(([a, x], [b, y]) => y - x || ((a ?? '') < (b ?? '') ? -1 : 1))
    .map(([host]) => host)
    .filter((host) => host !== null);
  // Deeper ones first: what is nobody's root stands at the end.
  const depth = (rule: LogRule): number => [...draft.folded].filter((other) => isRoot(rule, other)).length;
  return {
    rule: draft.rule,
    // Where no failing request is known, nothing is proven about any.
    certainty: draft.proven && draft.count > 0 ? 'confirmed' : 'likely',
    count: draft.count,
    minutes: draft.minutes,
    units: draft.units,
    hosts,
    hostUnknown: draft.hosts.has(null),
    events: ranked(draft.events),
    failures: ranked(draft.failures),
    chain: [draft.rule, ...[...draft.folded].toSorted((a, b) => depth(b) - depth(a))],
  };
}
