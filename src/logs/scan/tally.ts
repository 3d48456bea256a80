// Counts records into a tally, one at a time. The scanner feeds it what the kernel could not count alone; `--follow` and ClickHouse feed it
// everything. What comes out does not depend on the order in which records come in.
import type { AccessRecord, ErrorRecord, InputProblem, Product, Tally } from '../records.ts';
import { matchSignature } from '../signatures.ts';
import { messageTemplate } from '../template.ts';
import { shown } from '../text.ts';
import { addCoarseKey, addKey, boundedGet, detached } from './bounded.ts';
import { hasFailed, isAlarming, serverOf, timingOf, triesText } from './failed.ts';
import { finishTally } from './finish.ts';
import { hashClient, hashId, hashRequest, hashRequestLine, hashText, rankOfPosition } from './hash.ts';
import { addDuration, openHistogram } from './histogram.ts';
import { addTo, addToCell, minuteKey } from './minutes.ts';
import { networkOf, widerNetworkOf } from './network.ts';
import { addRow } from './rows.ts';
import {
  backwardsOf,
  defaultLimits,
  openClock,
  openState,
  isWithin,
  tick,
  type CellCount,
  type Clock,
  type EventState,
  type FailureState,
  type FormatName,
  type InputState,
  type Spot,
  type TallyInput,
  type TallyLimits,
  type TallyState,
} from './state.ts';

/** Where a record stands. */
export interface Place {
  /** Index of the input. */
  readonly input: number;
  /** Counted from 1. */
  readonly line: number;
  /** Orders the lines of one input; where nothing better is known, the line again. */
  readonly position: number;
}

/** A group as those remember it who meet it again and again. */
export interface FailureEntry {
  /** Null where the group is not kept. */
  readonly group: FailureState | null;
  readonly rank: number;
  /** Whether a server was tried. */
  readonly hasTry: boolean;
  /** Whether its lines say the zone of their times. */
  readonly zoned: boolean;
}

/** What is counted of a failing request whose group is known already. Hashes are those of hash.ts. */
export interface FastFailure {
  entry: FailureEntry;
  client: number;
  request: number;
  requestId: number;
  durationMs: number | null;
  connectMs: number | null;
  headerMs: number | null;
}

/** The same for error records. */
export interface EventEntry {
  /** False where the record is no event: then nothing but its time counts. */
  readonly isEvent: boolean;
  /** Null where the group is not kept. */
  readonly group: EventState | null;
  readonly rank: number;
  readonly signature: string | null;
}

/** A tally that is being filled. Lines must be counted with `addLines`; records of an input may come in any order. */
export interface TallyBuilder {
  readonly state: TallyState;
  /** A request: its cell, its time, and all tables if it failed. `text` is the raw line; it is called only where the line is kept. */
  addAccess(record: AccessRecord, place: Place, format: FormatName, text: () => string): void;
  /**
   * A failing request of a group that `lastFailure` told, everything but its cell, its time and its keys. False where it lies outside the
   * window: then nothing was counted, and no key may be.
   */
  addKnownFailure(found: FastFailure, at: number, place: Place, text: () => string): boolean;
  /**
   * Keys of failing requests that were counted so; paths come without their query. At most 512 characters, hosts and networks 255.
   * `isCoarse` where the key was made as coarse already as its table keeps them.
   */
  addFailedKey(kind: 'status' | 'path' | 'network' | 'host', key: string, count: number, isCoarse: boolean): void;
  /** The group of the failing request that `addAccess` counted last. */
  lastFailure(): FailureEntry | null;
  /** A record of an error log: its time, and its group where it is an event. */
  addError(record: ErrorRecord, place: Place, format: FormatName, text: () => string): void;
  /**
   * An error record inside the window, of a group that `lastEvent` told: everything but its time. Hashes are those of hash.ts. The record
   * must not stand before the group's leader.
   */
  addKnownEvent(entry: EventEntry, at: number, place: Place, client: number, request: number, requestId: number, text: () => string): void;
  /** What became of the record that `addError` counted last; null where it lies outside the window. */
  lastEvent(): EventEntry | null;
  /** Requests that nobody needs to see one by one. `minute` counts from 1970; `backend` is empty where the log does not say. */
  addRequests(input: number, minute: number, backend: string, requests: number, failed: number): void;
  /** Lines and bytes of an input by what became of them. */
  addLines(input: number, counts: Partial<Record<'bytes' | 'lines' | 'parsed' | 'furniture' | 'unparsed' | 'cut', number>>): void;
  /** Lines read by another format than the input's own; they count as parsed too. */
  addOther(input: number, format: string, lines: number): void;
  /** A line that nothing could read. Counts its shape only. */
  addUnknown(place: Place, text: string): void;
  addProblem(input: number, problem: InputProblem): void;
  /** Notes when something happened, and whether the order of time was kept. */
  observe(input: number, at: number, zoned: boolean): void;
  /** The same for several moments of one minute, the earliest and the latest of them. */
  observeMinute(input: number, first: number, last: number, zoned: boolean, count: number): void;
  /** Notes the earliest and latest of several moments. */
  addSpan(input: number, first: number, last: number): void;
  /** The clock of an input, for those who know its lines' order better; the old one is handed out and forgotten. */
  swapClock(input: number, clock: Clock): Clock;
  finish(): Tally;
}

const same = (key: string): string => key;
const messageLimit = 2048;
const memoLimit = 4096;

interface Known {
  readonly id: string | null;
  readonly fields: Readonly<Record<string, string>>;
  template: string | null;
}

/** Signature (and, when asked for, shape) of messages; remembers those it saw, because error logs repeat themselves. */
function openMemo(): (product: Product, message: string) => Known {
  const memo = new Map<string, Known>();
  return (product, message) => {
    const key = `${product} ${message.slice(0, messageLimit)}`;
    const known = memo.get(key);
    if (known !== undefined) return known;
    const found = matchSignature(product, message);
    const made: Known = { id: found?.id ?? null, fields: found?.fields ?? {}, template: null };
    if (memo.size >= memoLimit) memo.clear();
    if (message.length <= messageLimit) memo.set(key, made);
    return made;
  };
}

/** A short copy: a part of a line that is kept must not keep the line. */
function kept(text: string): string {
  const short = text.length > 512 ? text.slice(0, 512) : text;
  return detached(short);
}
const keptOrNull = (text: string | null): string | null => (text === null ? null : kept(text));

/** A path with its ids left out, for when there are too many different ones. */
export function coarserPath(path: string): string {
  return path.replace(/[^/]*\d[^/]*|[^/]{33,}/g, '…');
}

/** The earliest three stay. */
function addSample(samples: Spot[], place: Place, at: number | null, text: () => string): void {
  const last = samples[2];
  if (last !== undefined && place.position >= last.position) return;
  const spot = { input: place.input, line: place.line, position: place.position, at, text: shown(text()) };
  let i = samples.length;
  while (i > 0 && (samples[i - 1]?.position ?? 0) > spot.position) i--;
  samples.splice(i, 0, spot);
  samples.length = Math.min(samples.length, 3);
}

function span(of: { first: number | null; last: number | null }, at: number): void {
  if (of.first === null || at < of.first) of.first = at;
  if (of.last === null || at > of.last) of.last = at;
}

/** An empty tally of these inputs. */
export function openTally(inputs: readonly TallyInput[], limits: TallyLimits = defaultLimits): TallyBuilder {
  const state = openState(inputs, limits);
  const clocks = inputs.map(openClock);
  const hashes = inputs.map((input) => hashText(input.name));
  const signatureOf = openMemo();
  const inputOf = (input: number): InputState => {
    const found = state.inputs[input];
    if (found === undefined) throw new RangeError(`no input ${input}`);
    return found;
  };

  const observeMinute = (input: number, first: number, last: number, zoned: boolean, count: number): void => {
    const of = inputOf(input);
    span(of, first);
    if (last !== first) span(of, last);
    if (!zoned) of.zoned = false;
    const clock = clocks[input];
    if (clock !== undefined) tick(clock, Math.floor(first / 60_000), count);
  };
  const observe = (input: number, at: number, zoned: boolean): void => observeMinute(input, at, at, zoned, 1);

  const addRequests = (input: number, minute: number, backend: string, requests: number, failed: number): void => {
    const of = inputOf(input);
    const evict = (cells: Map<number, CellCount>): void => {
      for (const [at, cell] of cells) addToCell(of.otherCells, at, cell.requests, cell.failed);
    };
    const key = minuteKey(state, minute);
    const name = backend.length > 512 ? backend.slice(0, 512) : backend;
    const table = of.cells.entries.get(name)?.value ?? boundedGet(of.cells, kept(name), () => new Map<number, CellCount>(), evict);
    addToCell(table ?? of.otherCells, key, requests, failed);
  };

  const newFailure = (record: AccessRecord, input: number, format: FormatName, tries: string): FailureState => ({
    id: state.nextId++,
    input,
    format: format.id,
    product: format.product,
    status: record.status,
    backend: keptOrNull(record.backend),
    answeredBy: record.answeredBy,
    reason: keptOrNull(record.reason),
    tries: kept(tries),
    timing: timingOf(record, logsConnect(format)),
    duration: openHistogram(),
    connect: openHistogram(),
    header: openHistogram(),
    count: 0,
    first: null,
    last: null,
    minutes: new Map(),
    samples: [],
  });

  let lastFailure: FailureEntry | null = null;

  const countInGroup = (
    group: FailureState,
    at: number | null,
    durationMs: number | null,
    connectMs: number | null,
    headerMs: number | null,
    place: Place,
    text: () => string,
  ): void => {
    group.count++;
    if (durationMs !== null) addDuration(group.duration, durationMs);
    if (connectMs !== null) addDuration(group.connect, connectMs);
    if (headerMs !== null) addDuration(group.header, headerMs);
    if (at !== null) {
      span(group, at);
      addTo(group.minutes, minuteKey(state, Math.floor(at / 60_000)), 1);
    }
    addSample(group.samples, place, at, text);
  };

  const addFailure = (record: AccessRecord, place: Place, format: FormatName, text: () => string): void => {
    state.failed++;
    const { at, path } = record;
    addKey(state.byStatus, record.status === null ? '-' : String(record.status), same);
    if (path !== null) {
      const query = path.indexOf('?');
      const end = query < 0 ? path.length : query;
      addKey(state.byPath, path.slice(0, Math.min(end, 512)), coarserPath);
    }
    if (record.client !== null) addKey(state.byNetwork, networkOf(record.client.slice(0, 255)), widerNetworkOf);
    if (record.host !== null) addKey(state.byHost, record.host.slice(0, 255), same);

    const tries = triesText(record);
    const timing = timingOf(record, logsConnect(format));
    const key = `${place.input}\0${format.id}\0${record.status}\0${record.backend}\0${record.answeredBy}\0${record.reason}\0${tries}\0${timing}`;
    const group = boundedGet(
      state.failures,
      key,
      () => newFailure(record, place.input, format, tries),
      (evicted) => (state.droppedFailures += evicted.count),
    );
    addRow(
      state.failureRows,
      rankOfPosition(hashes[place.input] ?? 0, place.position),
      group?.id ?? -1,
      at,
      place.line,
      hashClient(record.client),
      hashRequest(record.method, path),
      hashId(record.requestId),
    );
    const last = record.tries.at(-1);
    lastFailure = { group, rank: state.failures.entries.get(key)?.rank ?? 0, hasTry: last !== undefined, zoned: record.zoned };
    if (group === null) {
      state.droppedFailures++;
      return;
    }
    countInGroup(group, at, record.durationMs, last?.connectMs ?? null, last?.headerMs ?? last?.responseMs ?? null, place, text);
  };

  let lastEvent: EventEntry | null = null;

  const countEvent = (group: EventState, at: number | null, place: Place, text: () => string): void => {
    group.count++;
    if (at !== null) {
      span(group, at);
      addTo(group.minutes, minuteKey(state, Math.floor(at / 60_000)), 1);
    }
    addSample(group.samples, place, at, text);
  };

  const addEvent = (record: ErrorRecord, known: Known, place: Place, format: FormatName, text: () => string): void => {
    const { at } = record;
    const server = serverOf(record.upstream);
    let what = known.id;
    if (what === null) {
      known.template ??= messageTemplate(record.message);
      what = `?${known.template}`;
    }
    const key = `${place.input}\0${format.id}\0${record.product}\0${what}\0${server}\0${record.host}`;
    const leader = () => ({
      position: place.position,
      level: record.level,
      template: (known.template ??= messageTemplate(record.message)),
      fields: Object.fromEntries(Object.entries(known.fields).map(([name, value]) => [name, kept(value)])),
    });
    const group = boundedGet(
      state.events,
      key,
      (): EventState => ({
        id: state.nextId++,
        input: place.input,
        format: format.id,
        product: record.product,
        signature: known.id,
        upstream: keptOrNull(server),
        host: keptOrNull(record.host),
        leader: leader(),
        count: 0,
        first: null,
        last: null,
        minutes: new Map(),
        samples: [],
      }),
      (evicted) => (state.droppedEvents += evicted.count),
    );
    addRow(
      state.eventRows,
      rankOfPosition(hashes[place.input] ?? 0, place.position),
      group?.id ?? -1,
      at,
      place.line,
      hashClient(record.client),
      hashRequestLine(record.request),
      hashId(record.requestId),
    );
    lastEvent = { isEvent: true, group, rank: state.events.entries.get(key)?.rank ?? 0, signature: known.id };
    if (group === null) {
      state.droppedEvents++;
      return;
    }
    if (place.position < group.leader.position) group.leader = leader();
    countEvent(group, at, place, text);
  };

  return {
    state,
    observe,
    observeMinute,
    addRequests,
    addAccess(record, place, format, text) {
      const failed = hasFailed(record, format.product);
      if (record.at !== null) {
        observe(place.input, record.at, record.zoned);
        addRequests(place.input, Math.floor(record.at / 60_000), record.backend ?? '', 1, failed ? 1 : 0);
      }
      if (failed && isWithin(limits.window, record.at, record.zoned)) addFailure(record, place, format, text);
    },
    addKnownFailure(found, at, place, text) {
      const { group, rank, hasTry, zoned } = found.entry;
      if (!isWithin(limits.window, at, zoned)) return false;
      state.failed++;
      const isKept = group !== null && rank < state.failures.ceiling;
      const order = rankOfPosition(hashes[place.input] ?? 0, place.position);
      addRow(state.failureRows, order, isKept ? group.id : -1, at, place.line, found.client, found.request, found.requestId);
      if (isKept) countInGroup(group, at, found.durationMs, hasTry ? found.connectMs : null, hasTry ? found.headerMs : null, place, text);
      else state.droppedFailures++;
      return true;
    },
    addFailedKey(kind, key, count, isCoarse) {
      const table = { status: state.byStatus, path: state.byPath, network: state.byNetwork, host: state.byHost }[kind];
      if (isCoarse && table.coarse) addCoarseKey(table, key, count);
      else addKey(table, key, kind === 'path' ? coarserPath : kind === 'network' ? widerNetworkOf : same, count);
    },
    lastFailure: () => lastFailure,
    addError(record, place, format, text) {
      lastEvent = null;
      if (record.at !== null) observe(place.input, record.at, record.zoned);
      if (!isWithin(limits.window, record.at, record.zoned)) return;
      const known = signatureOf(record.product, record.message);
      if (known.id === null && !isAlarming(record.level, record.message)) {
        lastEvent = { isEvent: false, group: null, rank: 0, signature: null };
        return;
      }
      addEvent(record, known, place, format, text);
    },
    addKnownEvent(entry, at, place, client, request, requestId, text) {
      const group = entry.group !== null && entry.rank < state.events.ceiling ? entry.group : null;
      const order = rankOfPosition(hashes[place.input] ?? 0, place.position);
      addRow(state.eventRows, order, group?.id ?? -1, at, place.line, client, request, requestId);
      if (group === null) state.droppedEvents++;
      else countEvent(group, at, place, text);
    },
    lastEvent: () => lastEvent,
    addLines(input, counts) {
      const of = inputOf(input);
      of.bytes += counts.bytes ?? 0;
      of.lines += counts.lines ?? 0;
      of.parsed += counts.parsed ?? 0;
      of.furniture += counts.furniture ?? 0;
      of.unparsed += counts.unparsed ?? 0;
      of.cut += counts.cut ?? 0;
    },
    addOther: (input, format, lines) => addTo(inputOf(input).otherFormats, format, lines),
    addUnknown(place, text) {
      const make = (): Spot => ({ ...place, at: null, text: shown(text) });
      const entry = boundedGet(
        inputOf(place.input).unknown,
        kept(messageTemplate(text)),
        () => ({ count: 0, sample: make() }),
        () => undefined,
      );
      if (entry === null) return;
      entry.count++;
      if (place.position < entry.sample.position) entry.sample = make();
    },
    addProblem: (input, problem) => void inputOf(input).problems.push(problem),
    addSpan(input, first, last) {
      span(inputOf(input), first);
      span(inputOf(input), last);
    },
    swapClock(input, clock) {
      const old = clocks[input] ?? openClock();
      clocks[input] = clock;
      return old;
    },
    finish() {
      clocks.forEach((clock, input) => (inputOf(input).backwards += backwardsOf(clock, Number.NEGATIVE_INFINITY)));
      return finishTally(state);
    },
  };
}

/** Whether a missing connect time means that there was no connection, and not merely that the format leaves it out. */
function logsConnect(format: FormatName): boolean {
  return format.product === 'haproxy' || (format.dialect?.includes('connect_time') ?? false);
}
