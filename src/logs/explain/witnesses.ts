// What each witness of a rule says in this run: which failing requests, in which minutes, at which host, by which lines.
import type { EventGroup, FailureGroup, Tally } from '../records.ts';
import { addressOf, hostNameOf, isLocal, machinesOf, triedAddresses, writerOf } from './addresses.ts';
import type { SiteNames } from './addresses.ts';
import type { Clocks } from './clocks.ts';
import type { JointWitness, LineWitness, LogRule, RequestWitness, Weight } from './rule.ts';
import type { Unit, Units } from './units.ts';

/** One witness that speaks about one unit. */
export interface Claim {
  readonly rule: LogRule;
  readonly weight: Weight;
  /** 3 several things together, 2 a line about the request, 1 the request's own line, 0 a line about the machine at the same time. */
  readonly closeness: 0 | 1 | 2 | 3;
  readonly unit: number;
  /** Minutes of the unit that it speaks about; null for all. */
  readonly minutes: ReadonlySet<number> | null;
  /** Name or address of the host; null for none or unknown. */
  readonly host: string | null;
  readonly events: readonly number[];
  readonly failures: readonly number[];
}

export interface Testimony {
  readonly claims: readonly Claim[];
  /** Event groups that say more of a rule than that it is possible, whether or not a failing request goes with them. */
  readonly seen: ReadonlyMap<LogRule, ReadonlySet<number>>;
}

interface Court {
  readonly tally: Tally;
  readonly units: readonly Unit[];
  readonly site: SiteNames | null;
  /** Corrected minutes of each event group, ascending. */
  readonly eventMinutes: readonly (readonly number[])[];
  readonly unitsOfEvent: ReadonlyMap<number, readonly number[]>;
  /** Event groups whose lines name no request. */
  readonly keyless: readonly boolean[];
  /** The machine that the syslog header names, by input. */
  readonly machines: readonly (string | null)[];
  /** Servers that failing requests were given to, by name. */
  readonly servers: ReadonlySet<string>;
  /** Units whose backend answered other requests of the same log; of a log that names no backend, whose log has others that went well. */
  readonly served: readonly boolean[];
}

/** Hears every witness of every rule. Pure; time grows with units × rules × minutes, never with requests. */
export function hear(tally: Tally, clocks: Clocks, { units }: Units, rules: readonly LogRule[], site: SiteNames | null): Testimony {
  const unitsOfEvent = new Map<number, number[]>();
  units.forEach((unit, index) => {
    for (const event of unit.events) unitsOfEvent.set(event, [...(unitsOfEvent.get(event) ?? []), index]);
  });
  const keyed = new Uint8Array(tally.events.length);
  for (let row = 0; row < tally.eventKeys.length; row++)
    if ((tally.eventKeys.request[row] ?? 0) !== 0) keyed[tally.eventKeys.group[row] ?? 0] = 1;
  const court: Court = {
    tally,
    units,
    site,
    eventMinutes: tally.events.map((each) => {
      const shift = Math.round((clocks.shiftMs[each.input] ?? 0) / 60_000);
      // Lines without a date are at no known minute, which is told from every other one.
      if (each.minutes.size === 0) return [Number.NaN];
      return [...each.minutes.keys()].map((minute) => minute + shift).toSorted((a, b) => a - b);
    }),
    unitsOfEvent,
    keyless: Array.from(keyed, (each) => each === 0),
    machines: machinesOf(tally),
    servers: new Set(tally.failures.flatMap((each) => addressesIn(each).map((address) => hostNameOf(address, site)))),
    served: servedUnits(tally, units),
  };
  const claims: Claim[] = [];
  const seen = new Map<LogRule, Set<number>>();
  for (const rule of rules) {
    const known = new Set<number>();
    seen.set(rule, known);
    for (const witness of rule.witnesses) {
      if (witness.kind === 'line') {
        if (witness.weight !== 'fits') for (const event of eventsOf(court, witness)) known.add(event);
        claims.push(...hearLine(court, rule, witness));
      } else if (witness.kind === 'request') claims.push(...hearRequest(court, rule, witness));
      else claims.push(...hearJoint(court, rule, witness));
    }
  }
  return { claims, seen };
}

function servedUnits(tally: Tally, units: readonly Unit[]): readonly boolean[] {
  const well = new Set(tally.cells.flatMap(({ input, backend, requests, failed }) => (requests > failed ? [`${input} ${backend}`] : [])));
  return units.map((unit) =>
    unit.failures.some((each) => {
      const failure = tally.failures[each];
      return failure !== undefined && well.has(`${failure.input} ${failure.backend ?? ''}`);
    }),
  );
}

const serves = ({ served }: Court, witness: LineWitness | RequestWitness, unit: number): boolean =>
  witness.served !== true || served[unit] === true;

function eventsOf({ tally }: Court, witness: LineWitness): readonly number[] {
  return tally.events.flatMap((event, index) =>
    event.signature !== null && witness.signatures.includes(event.signature) && witness.where?.(event, tally.events) !== false
      ? [index]
      : [],
  );
}

function hearLine(court: Court, rule: LogRule, witness: LineWitness): readonly Claim[] {
  return eventsOf(court, witness).flatMap((event): readonly Claim[] => {
    const host = hostOfEvent(court, event, witness.host);
    const about = (unit: number, weight: Weight, closeness: 0 | 2, minutes: ReadonlySet<number> | null): Claim => ({
      rule,
      weight,
      closeness,
      unit,
      minutes,
      host,
      events: [event],
      failures: [],
    });
    if (witness.perRequest) {
      const joined = court.unitsOfEvent.get(event) ?? [];
      if (joined.length > 0)
        return joined.filter((unit) => serves(court, witness, unit)).map((unit) => about(unit, witness.weight, 2, null));
    }
    // Of a line that should name its request and cannot, the time is all there is: never a proof.
    const weight = witness.perRequest && witness.weight === 'proves' ? 'suggests' : witness.weight;
    return court.units.flatMap((unit, index) => {
      if (
        !serves(court, witness, index) ||
        elsewhere(court, event, unit) ||
        (witness.perRequest && (unit.events.length > 0 || !mayShare(court, event, unit)))
      )
        return [];
      const minutes = minutesNear(court, unit, event, 60);
      return minutes.size === 0 ? [] : [about(index, weight, 0, minutes)];
    });
  });
}

/** Whether a line without a request may be about these requests: it names none of the servers that others failed on instead. */
function mayShare({ tally, keyless, units }: Court, event: number, unit: Unit): boolean {
  if (keyless[event] !== true && unit.keyed) return false;
  const address = addressOf(tally.events[event]?.upstream ?? null);
  if (address === null) return true;
  const names = (failures: readonly number[]): boolean => failures.some((each) => addressesIn(tally.failures[each]).includes(address));
  return names(unit.failures) || !units.some((each) => names(each.failures));
}

function addressesIn(failure: FailureGroup | undefined): readonly string[] {
  if (failure === undefined) return [];
  const backend = addressOf(failure.backend);
  return [...triedAddresses(failure.tries), ...(backend === null ? [] : [backend])];
}

function hearRequest(court: Court, rule: LogRule, witness: RequestWitness): readonly Claim[] {
  return court.units.flatMap((unit, index) =>
    unit.failures
      .filter((failure) => {
        const group = court.tally.failures[failure];
        return group !== undefined && serves(court, witness, index) && witness.where(group);
      })
      .map((failure): Claim => ({
        rule,
        weight: witness.weight,
        closeness: 1,
        unit: index,
        minutes: null,
        host: hostOfFailure(court, failure, witness.host),
        events: [],
        failures: [failure],
      })),
  );
}

/** An event or failure group that a member of a joint witness knows. */
interface Member {
  readonly event: number | null;
  readonly failure: number | null;
  readonly minutes: readonly number[];
}
/** What one member sees: of each unit the groups that are about its requests, and all groups. */
interface Sight {
  /** Null for lines that name no request of these logs. */
  readonly about: ReadonlyMap<number, readonly Member[]> | null;
  readonly all: readonly Member[];
}

function hearJoint(court: Court, rule: LogRule, witness: JointWitness): readonly Claim[] {
  const sights = witness.all.map((each) => (each.kind === 'line' ? sightOfLines(court, each) : sightOfRequests(court, each)));
  if (sights.some((each) => each.all.length === 0)) return [];
  const about = sights.flatMap((each) => (each.about === null ? [] : [each.about]));
  // What the members say of single requests has to meet in the same request; where no request has it all, near in time is enough.
  const all = court.units.map((_, index) => index);
  const shared = about.length === 0 ? all : all.filter((index) => about.every((each) => each.has(index)));
  const concerned = shared.length > 0 ? shared : all.filter((index) => about.some((each) => each.has(index)));
  const reach = Math.max(Math.ceil(witness.withinSeconds / 60), 1) + court.tally.minuteStep - 1;
  // What holds for a day and longer, as the port that a program listens on, needs no date.
  const undated = witness.withinSeconds >= 86_400;
  return concerned.flatMap((index): readonly Claim[] => {
    const unit = court.units[index];
    if (unit === undefined) return [];
    const near = sights.map(
      (sight) => sight.about?.get(index) ?? sight.all.filter((each) => each.event === null || !elsewhere(court, each.event, unit)),
    );
    const chosen = choices(court, near, witness.where);
    if (chosen === null) return [];
    const minutes = new Set(
      [...unit.minutes.keys()].filter((minute) =>
        chosen.every(
          (members, at) =>
            sights[at]?.about?.has(index) === true ||
            isLasting(witness.all[at]) ||
            members.some((each) => each.event !== null && isBetween(court, unit, each.event)) ||
            members.some((each) => isNear(each.minutes, minute, reach) || (undated && each.minutes.every((at) => Number.isNaN(at)))),
        ),
      ),
    );
    if (minutes.size === 0) return [];
    const events = [...new Set(chosen.flatMap((members) => members.flatMap((each) => each.event ?? [])))];
    const failures = [...new Set(chosen.flatMap((members) => members.flatMap((each) => each.failure ?? [])))].filter((each) =>
      unit.failures.includes(each),
    );
    return [
      {
        rule,
        weight: witness.weight,
        closeness: 3,
        unit: index,
        minutes,
        host: hostOfJoint(court, witness.host, unit, events, failures),
        events,
        failures,
      },
    ];
  });
}

const isLasting = (member: LineWitness | RequestWitness | undefined): boolean => member?.kind === 'line' && member.lasting === true;

const mostChoices = 4096;

/** The members of all choices that meet the condition, by place; null where none does. */
function choices(court: Court, lists: readonly (readonly Member[])[], where: JointWitness['where']): readonly (readonly Member[])[] | null {
  if (lists.some((each) => each.length === 0)) return null;
  if (where === undefined) return lists;
  const kept = lists.map(() => new Set<Member>());
  let tried = 0;
  const walk = (chosen: readonly Member[]): void => {
    const next = lists[chosen.length];
    if (next !== undefined) {
      for (const each of next) if (tried < mostChoices) walk([...chosen, each]);
      return;
    }
    tried++;
    const groups = chosen.flatMap(({ event, failure }): (EventGroup | FailureGroup)[] => {
      const group = event === null ? court.tally.failures[failure ?? -1] : court.tally.events[event];
      return group === undefined ? [] : [group];
    });
    if (where(groups)) chosen.forEach((each, at) => kept[at]?.add(each));
  };
  walk([]);
  return kept.every((each) => each.size > 0) ? kept.map((each) => [...each]) : null;
}

function hostOfJoint(
  court: Court,
  where: JointWitness['host'],
  unit: Unit,
  events: readonly number[],
  failures: readonly number[],
): string | null {
  if (where === 'none') return null;
  if (where === 'backend') return hostOfFailure(court, failures[0] ?? unit.failure, 'backend');
  const named = events.map((event) => hostOfEvent(court, event, where)).find((each) => each !== null);
  return named ?? hostOfFailure(court, unit.failure, where === 'upstream' ? 'backend' : 'writer');
}

function sightOfLines(court: Court, witness: LineWitness): Sight {
  const about = new Map<number, Member[]>();
  const all = eventsOf(court, witness).map((event): Member => ({ event, failure: null, minutes: court.eventMinutes[event] ?? [] }));
  if (witness.perRequest)
    for (const member of all)
      for (const unit of court.unitsOfEvent.get(member.event ?? -1) ?? []) about.set(unit, [...(about.get(unit) ?? []), member]);
  // Lines that could be joined with no request still say that it happened, and when.
  return { about: about.size > 0 ? about : null, all };
}

function sightOfRequests(court: Court, witness: RequestWitness): Sight {
  const about = new Map<number, Member[]>();
  const all: Member[] = [];
  court.units.forEach((unit, index) => {
    for (const failure of unit.failures) {
      const group = court.tally.failures[failure];
      if (group === undefined || !witness.where(group)) continue;
      const minutes = [...unit.minutes.keys()].toSorted((a, b) => a - b);
      const member: Member = { event: null, failure, minutes };
      about.set(index, [...(about.get(index) ?? []), member]);
      all.push(member);
    }
  });
  return { about, all };
}

const shortMs = 600_000;

/** True for a line without a date in a short log together with these requests, as containers print into one: then it is of that time. */
function isBetween({ tally, eventMinutes }: Court, unit: Unit, index: number): boolean {
  const event = tally.events[index];
  if (event === undefined || !(eventMinutes[index] ?? []).every((minute) => Number.isNaN(minute))) return false;
  const { first, last } = tally.inputs[event.input] ?? { first: null, last: null };
  return (
    first !== null && last !== null && last - first <= shortMs && unit.failures.some((each) => tally.failures[each]?.input === event.input)
  );
}

/** Minutes of the unit that lie within so many seconds of a line of the group, as far as minutes tell. */
function minutesNear(court: Court, unit: Unit, event: number, withinSeconds: number): ReadonlySet<number> {
  const reach = Math.ceil(withinSeconds / 60) + court.tally.minuteStep - 1;
  const minutes = court.eventMinutes[event] ?? [];
  if (isBetween(court, unit, event)) return new Set(unit.minutes.keys());
  return new Set([...unit.minutes.keys()].filter((minute) => isNear(minutes, minute, reach)));
}

function isNear(sorted: readonly number[], minute: number, reach: number): boolean {
  if (Number.isNaN(minute) || Number.isNaN(sorted[0])) return Number.isNaN(minute) && Number.isNaN(sorted[0]);
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < minute - reach) low = middle + 1;
    else high = middle;
  }
  return (sorted[low] ?? Infinity) <= minute + reach;
}

/** True where the site file says that the line was written on one host and the requests were served by another. */
function elsewhere(court: Court, event: number, unit: Unit): boolean {
  const writer = writerOfEvent(court, event);
  if (writer === null || !court.servers.has(writer)) return false;
  return !unit.failures.some((failure) => {
    const group = court.tally.failures[failure];
    const servers = addressesIn(group).map((each) => hostNameOf(each, court.site));
    return servers.length === 0 || servers.includes(writer) || hostOfFailure(court, failure, 'writer') === writer;
  });
}

function writerOfInput({ tally, site, machines }: Court, input: number): string | null {
  const machine = machines[input] ?? null;
  return writerOf(tally.inputs[input]?.name ?? '', site) ?? (machine === null ? null : hostNameOf(machine, site));
}

function writerOfEvent(court: Court, index: number): string | null {
  const event = court.tally.events[index];
  return event === undefined ? null : writerOfInput(court, event.input);
}

function hostOfEvent(court: Court, index: number, where: 'upstream' | 'writer' | 'none'): string | null {
  const event: EventGroup | undefined = court.tally.events[index];
  if (where === 'none' || event === undefined) return null;
  const address = where === 'upstream' ? addressOf(event.upstream) : null;
  if (address === null) return where === 'writer' ? writerOfEvent(court, index) : null;
  // A loopback address says as little as a socket about which machine it is, unless nothing better is known.
  const writer = isLocal(address) ? writerOfEvent(court, index) : null;
  if (address.startsWith('unix:')) return writer;
  return writer ?? hostNameOf(address, court.site);
}

function hostOfFailure(court: Court, index: number, where: 'backend' | 'writer' | 'none'): string | null {
  const failure = court.tally.failures[index];
  if (where === 'none' || failure === undefined) return null;
  const writer = writerOfInput(court, failure.input);
  if (where === 'writer') return writer;
  const address = addressOf(failure.backend);
  if (address === null || address.startsWith('unix:')) return address === null ? null : writer;
  return (isLocal(address) ? writer : null) ?? hostNameOf(address, court.site);
}
