// What a scan has counted so far. Plain data without functions, so that a worker can post it to the thread that joins the parts.
import type { AccessRecord, Input, InputProblem, LogFormat, Product, Sample, TimingClass } from '../records.ts';
import { openBounded, openCounts, type Bounded, type KeyCounts } from './bounded.ts';
import type { Histogram } from './histogram.ts';
import { openRows, type Rows } from './rows.ts';

/** How much the tables hold. */
export interface TallyLimits {
  /** Groups of failing requests, and as many of events. */
  readonly groups: number;
  /** Rows for the join, of each kind. */
  readonly rows: number;
  /** Different paths, networks, hosts. */
  readonly keys: number;
  /** Rows of a finished top table. */
  readonly tops: number;
  /** Backends of one input. */
  readonly backends: number;
  /** Different minutes. */
  readonly minutes: number;
  /** Shapes of unreadable lines of one input. */
  readonly unknown: number;
  /** Failing requests and events outside are not counted; absent where everything is. Cells are always all of them. */
  readonly window?: TimeWindow | undefined;
}

/** A stretch of time in whole minutes since 1970, the first included, the second not; Infinity is no bound. */
export interface TimeWindow {
  /** For dates with a zone. */
  readonly zoned: { readonly from: number; readonly until: number };
  /** For dates without, as if the log's local time were UTC. */
  readonly local: { readonly from: number; readonly until: number };
}

/** Whether a moment lies in the window. One that is unknown lies in none. */
export function isWithin(window: TimeWindow | undefined, at: number | null, zoned: boolean): boolean {
  if (window === undefined) return true;
  if (at === null) return false;
  const { from, until } = zoned ? window.zoned : window.local;
  const minute = Math.floor(at / 60_000);
  return minute >= from && minute < until;
}

/** Room for any real incident, within some tens of MiB. */
export const defaultLimits: TallyLimits = {
  groups: 4096,
  rows: 262_144,
  keys: 16_384,
  tops: 200,
  backends: 512,
  minutes: 8192,
  unknown: 200,
};

/** The part of a format that the tally keeps. */
export type FormatName = Pick<LogFormat, 'id' | 'dialect' | 'product'>;

/** An input as the tally knows it before anything was read. */
export interface TallyInput extends Pick<Input, 'name' | 'compression'> {
  readonly storedBytes: number | null;
  readonly format: FormatName | null;
  readonly kind: 'access' | 'error' | null;
}

/** A line kept to be shown. `position` orders the lines of one input. */
export interface Spot extends Sample {
  readonly position: number;
}

interface Counted {
  id: number;
  count: number;
  first: number | null;
  last: number | null;
  minutes: Map<number, number>;
  /** The earliest three. */
  samples: Spot[];
}

/** A group of failing requests. */
export interface FailureState extends Counted {
  readonly input: number;
  readonly format: string;
  readonly product: Product;
  readonly status: number | null;
  readonly backend: string | null;
  readonly answeredBy: AccessRecord['answeredBy'];
  readonly reason: string | null;
  readonly tries: string;
  readonly timing: TimingClass;
  readonly duration: Histogram;
  readonly connect: Histogram;
  readonly header: Histogram;
}

/** A group of error records. What `leader` holds is of the earliest record. */
export interface EventState extends Counted {
  readonly input: number;
  readonly format: string;
  readonly product: Product;
  readonly signature: string | null;
  readonly upstream: string | null;
  readonly host: string | null;
  leader: {
    readonly position: number;
    readonly level: string | null;
    readonly template: string;
    readonly fields: Readonly<Record<string, string>>;
  };
}

/** Shapes of lines that nothing could read. */
export interface UnknownState {
  count: number;
  sample: Spot;
}

/** Requests of one minute. */
export interface CellCount {
  requests: number;
  failed: number;
}

/** What the minutes of one stretch of lines say about the order of time; see `backwardsOf`. */
export interface Clock {
  /** The latest minute so far. */
  max: number;
  /** Dated lines by minute. */
  readonly lines: Map<number, number>;
  /** Those among them that went back within the stretch. */
  readonly back: Map<number, number>;
}

/** What is counted for one input. */
export interface InputState {
  readonly meta: TallyInput;
  bytes: number;
  lines: number;
  parsed: number;
  furniture: number;
  unparsed: number;
  readonly otherFormats: Map<string, number>;
  cut: number;
  first: number | null;
  last: number | null;
  zoned: boolean;
  backwards: number;
  readonly unknown: Bounded<UnknownState>;
  readonly problems: InputProblem[];
  readonly cells: Bounded<Map<number, CellCount>>;
  /** Of backends that did not fit. */
  readonly otherCells: Map<number, CellCount>;
}

/** Everything counted. */
export interface TallyState {
  readonly limits: TallyLimits;
  readonly inputs: InputState[];
  readonly failures: Bounded<FailureState>;
  readonly events: Bounded<EventState>;
  droppedFailures: number;
  droppedEvents: number;
  failed: number;
  nextId: number;
  readonly byStatus: KeyCounts;
  readonly byPath: KeyCounts;
  readonly byNetwork: KeyCounts;
  readonly byHost: KeyCounts;
  readonly failureRows: Rows;
  readonly eventRows: Rows;
  minuteStep: number;
  minutes: Set<number>;
}

/** Counts of an input of which nothing was read yet. */
export function openInputState(meta: TallyInput, limits: TallyLimits): InputState {
  return {
    meta,
    bytes: 0,
    lines: 0,
    parsed: 0,
    furniture: 0,
    unparsed: 0,
    otherFormats: new Map(),
    cut: 0,
    first: null,
    last: null,
    zoned: true,
    backwards: 0,
    unknown: openBounded(limits.unknown),
    problems: [],
    cells: openBounded(limits.backends),
    otherCells: new Map(),
  };
}

/** Nothing counted yet. */
export function openState(inputs: readonly TallyInput[], limits: TallyLimits): TallyState {
  return {
    limits,
    inputs: inputs.map((meta) => openInputState(meta, limits)),
    failures: openBounded(limits.groups),
    events: openBounded(limits.groups),
    droppedFailures: 0,
    droppedEvents: 0,
    failed: 0,
    nextId: 0,
    byStatus: openCounts(1024),
    byPath: openCounts(limits.keys),
    byNetwork: openCounts(limits.keys),
    byHost: openCounts(limits.keys),
    failureRows: openRows(limits.rows),
    eventRows: openRows(limits.rows),
    minuteStep: 1,
    minutes: new Set(),
  };
}

/** No line seen. */
export function openClock(): Clock {
  return { max: Number.NEGATIVE_INFINITY, lines: new Map(), back: new Map() };
}

/** Notes a dated line, or several of one minute that follow one another. */
export function tick(clock: Clock, minute: number, count = 1): void {
  clock.lines.set(minute, (clock.lines.get(minute) ?? 0) + count);
  if (minute > clock.max) clock.max = minute;
  else if (minute < clock.max - 1) clock.back.set(minute, (clock.back.get(minute) ?? 0) + count);
}

/**
 * How many lines of a stretch went back, when the latest minute before the stretch was `before`: all lines that lie far enough before that,
 * and of the others those that went back within the stretch.
 */
export function backwardsOf(clock: Clock, before: number): number {
  let count = 0;
  for (const [minute, lines] of clock.lines) if (minute < before - 1) count += lines;
  for (const [minute, lines] of clock.back) if (minute >= before - 1) count += lines;
  return count;
}
