// Runs plans in the WebAssembly kernel: loads a plan, tells the kernel what the parser makes of minutes and backends that it sees for the
// first time, and hands its counters to the tally.
import { lineLimit } from '../../text.ts';
import type { LogFormat } from '../../records.ts';
import { openWorkspace, type Workspace } from '../piece.ts';
import type { Clock } from '../state.ts';
import type { TallyBuilder } from '../tally.ts';
import { openFailureReader } from './failures.ts';
import { compilePlan } from './compile.ts';
import { kernelModule } from './kernel.generated.ts';
import type { Kernel } from './kernel.ts';
import { plansFor, type Plan } from './plan.ts';

// The compiler's libraries know WebAssembly only together with a browser's whole world.
interface Global {
  readonly value: unknown;
}
declare const WebAssembly: {
  readonly Table: new (shape: { element: 'anyfunc'; initial: number }) => { set(index: number, value: unknown): void };
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** What kernel.as exports. */
interface Exports {
  readonly sure: Global;
  readonly lineStart: Global;
  readonly lineEnd: Global;
  readonly firstMs: Global;
  readonly lastMs: Global;
  readonly latest: Global;
  readonly interpreted: Global;
  readonly second: Global;
  readonly fraction: Global;
  readonly backendStart: Global;
  readonly backendEnd: Global;
  readonly atMs: Global;
  readonly cellIndex: Global;
  open(count: number, limit: number, room: number, failures: number): void;
  countFailure(): number;
  useCode(index: number): void;
  clear(): void;
  reset(): void;
  setLatest(minute: number): void;
  run(start: number, end: number): number;
  learnMinute(minute: number): number;
  learnBackend(): number;
  learnDay(): void;
}

// Addresses in the kernel's memory, as in kernel.as.
const operations = 0x10000;
const operationBytes = 64;
const literals = 0x12000;
const literalsEnd = 0x14000;
const cellTable = 0x20000;
const backTable = 0xa0000;
const valueTable = 0xa8000;
const work = 0xb0000;
const mostMinutes = 700;
const minuteSlots = 1024;
const backendSlots = 128;
const mostBackends = 96;
/** The kernel looks at up to this many bytes behind what it was given, and ignores them. */
const slack = 128;
const lowestMinute = -0x8000_0000;

/** A kernel with its memory, for one thread. */
export interface Engine {
  readonly workspace: Workspace;
  /** The kernel for a format, if some of these lines (whole, of the input's head) can be read by a plan; else null. */
  planFor(format: LogFormat, lines: readonly string[]): Kernel | null;
}

/** Compiles the kernel and gives it memory for blocks of this size. */
export function openEngine(blockBytes: number): Engine {
  const carryBytes = lineLimit + 4096;
  // Behind the bytes, one bit for each of them, counted from address 0.
  const marks = Math.ceil((work + carryBytes + blockBytes + slack) / 64) * 64;
  const pages = Math.ceil((marks + marks / 8 + slack) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new WebAssembly.Module(Buffer.from(kernelModule, 'base64'));
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2 });
  const wasm = new WebAssembly.Instance(module, { env: { memory, table } }).exports as Exports;
  const workspace = openWorkspace(blockBytes, memory.buffer, work);
  const view = new DataView(memory.buffer);
  const all = Buffer.from(memory.buffer);
  let loaded: Plan | null = null;

  const codes = new Map<Plan, unknown>();
  /** The plan's code; null where there is none. */
  const codeOf = (plan: Plan): unknown => {
    const known = codes.get(plan);
    if (known !== undefined) return known;
    const compiled = compilePlan(plan, marks);
    let code: unknown = null;
    if (compiled !== null) {
      const own = new WebAssembly.Instance(new WebAssembly.Module(compiled), { env: { memory, ...wasm } }).exports;
      code = (own as { readonly walk: unknown }).walk;
    }
    codes.set(plan, code);
    return code;
  };

  const load = (plan: Plan): boolean => {
    let literal = literals;
    if (plan.steps.length > 120) return false;
    for (const [i, { kind, stop, flags, count }] of plan.steps.entries()) {
      const at = operations + operationBytes * i;
      if (literal + stop.length + 16 > literalsEnd) return false;
      view.setInt32(at, kind, true);
      view.setInt32(at + 4, stop.length, true);
      view.setInt32(at + 8, flags, true);
      view.setInt32(at + 12, count, true);
      all.fill(0, at + 16, at + operationBytes);
      all.write(stop.slice(0, 16), at + 16, 'latin1');
      all.fill(0xff, at + 32, at + 32 + Math.min(16, stop.length));
      if (stop.length <= 16) continue;
      // What is longer goes on elsewhere, in whole groups of 16 bytes with zeros behind the last.
      view.setInt32(at + 48, literal, true);
      const rest = Math.ceil((stop.length - 16) / 16) * 16;
      all.fill(0, literal, literal + rest);
      all.write(stop.slice(16), literal, 'latin1');
      literal += rest;
    }
    wasm.open(plan.steps.length, lineLimit, marks, plan.roles === null ? 0 : 1);
    const code = codeOf(plan);
    if (code !== null) {
      table.set(1, code);
      wasm.useCode(1);
    }
    loaded = plan;
    return true;
  };

  const kernelFor = (plan: Plan, format: LogFormat): Kernel => {
    const names: string[] = [];
    let minutes = new Map<number, number>();
    let backends = 0;
    let builder: TallyBuilder | null = null;
    let input = 0;
    let clock: Clock | null = null;
    let parsed = 0;
    const values = new Uint32Array(memory.buffer, valueTable, 2 * 128);
    const failures = plan.roles === null ? null : openFailureReader(plan.roles, workspace.bytes, values, work);
    /** By place among the cells. */
    let failed: Uint32Array | null = null;
    let failedBefore = 0;
    let learntFor: TallyBuilder | null = null;

    const place = { input: 0, line: 0, position: 0 };
    const textOfLine = (): string => {
      const start = (wasm.lineStart.value as number) - work;
      const end = (wasm.lineEnd.value as number) - work;
      return workspace.bytes.toString('utf8', start, workspace.bytes[end - 1] === 13 ? end - 1 : end);
    };

    const flush = (): void => {
      const counts = new Uint32Array(memory.buffer, cellTable, minuteSlots * backendSlots);
      const back = new Uint32Array(memory.buffer, backTable, minuteSlots);
      for (const [slot, minute] of minutes) {
        let lines = 0;
        for (let backend = 0; backend < backendSlots; backend++) {
          const requests = counts[slot * backendSlots + backend] ?? 0;
          if (requests === 0) continue;
          lines += requests;
          builder?.addRequests(input, minute, names[backend] ?? '', requests, failed?.[slot * backendSlots + backend] ?? 0);
        }
        if (lines > 0) clock?.lines.set(minute, (clock.lines.get(minute) ?? 0) + lines);
        const backwards = back[slot] ?? 0;
        if (backwards > 0) clock?.back.set(minute, (clock.back.get(minute) ?? 0) + backwards);
      }
      const first = wasm.firstMs.value as number;
      if (Number.isFinite(first)) builder?.addSpan(input, first, wasm.lastMs.value as number);
      builder?.addLines(input, { parsed });
      parsed = 0;
    };
    const forget = (): void => {
      minutes = new Map();
      names.length = 0;
      backends = 0;
      failed?.fill(0);
      wasm.clear();
      wasm.reset();
    };

    const settle = (): void => {
      if (learntFor !== null) failures?.flush(learntFor);
    };

    return {
      begin(of, index, by) {
        if (learntFor !== of) {
          settle();
          failures?.forget();
        }
        learntFor = of;
        builder = of;
        input = index;
        clock = by;
        if (loaded !== plan) load(plan);
        forget();
      },
      run(start, end) {
        const latest = clock?.max ?? Number.NEGATIVE_INFINITY;
        wasm.setLatest(latest > lowestMinute ? latest : lowestMinute);
        const reason = wasm.run(start + work, end + work);
        const seen = wasm.latest.value as number;
        if (clock !== null && seen > lowestMinute && seen > clock.max) clock.max = seen;
        parsed += wasm.sure.value as number;
        return reason;
      },
      sureLines: () => wasm.sure.value as number,
      interpretedLines: () => wasm.interpreted.value as number,
      lineStart: () => (wasm.lineStart.value as number) - work,
      lineEnd: () => (wasm.lineEnd.value as number) - work,
      takeFailure(line, position) {
        if (failures === null || builder === null) return 1;
        const found = failures.read();
        failedBefore = builder.state.failed;
        if (found === 'unusual') return 1;
        if (found === 'new') return 6;
        const latest = clock?.max ?? Number.NEGATIVE_INFINITY;
        wasm.setLatest(latest > lowestMinute ? latest : lowestMinute);
        const reason = wasm.countFailure();
        if (reason !== 0) return reason;
        const seen = wasm.latest.value as number;
        if (clock !== null && seen > clock.max) clock.max = seen;
        parsed++;
        failed ??= new Uint32Array(minuteSlots * backendSlots);
        const cell = wasm.cellIndex.value as number;
        failed[cell] = (failed[cell] ?? 0) + 1;
        place.input = input;
        place.line = line;
        place.position = position;
        if (builder.addKnownFailure(found, wasm.atMs.value as number, place, textOfLine)) failures.count(builder);
        return 0;
      },
      learn(reason, text) {
        if (reason === 6) {
          const entry = builder?.lastFailure() ?? null;
          if (failures !== null && entry !== null && builder?.state.failed === failedBefore + 1) failures.learn(entry);
          return;
        }
        const record = format.access?.(text) ?? null;
        if (record === null || record.at === null) return;
        if (reason === 2) {
          const minute = Math.floor(record.at / 60_000);
          const isExact = record.at - minute * 60_000 === (wasm.second.value as number) * 1000 + (wasm.fraction.value as number);
          if (!isExact || Math.abs(minute) > 0x3fff_ffff) return;
          if (minutes.size >= mostMinutes) {
            flush();
            forget();
          }
          minutes.set(wasm.learnMinute(minute), minute);
        } else if (reason === 3) {
          const start = (wasm.backendStart.value as number) - work;
          const value = workspace.bytes.toString('latin1', start, (wasm.backendEnd.value as number) - work);
          if (start < 0 && record.backend !== null) return;
          if (start >= 0 && (value === '' || value === '-') && !(plan.learnsDash && record.backend === null)) return;
          if (backends >= mostBackends) return;
          backends++;
          names[wasm.learnBackend()] = record.backend ?? '';
        } else wasm.learnDay();
      },
      handOver() {
        flush();
        forget();
        settle();
      },
      end() {
        flush();
        forget();
        builder = null;
        clock = null;
      },
      settle,
    };
  };

  /** Whether the plan reads some of the lines, and all that it reads as the parser does. */
  const isTrue = (plan: Plan, format: LogFormat, lines: readonly string[]): boolean => {
    if (!load(plan)) return false;
    let read = 0;
    let known = 0;
    for (const line of lines.slice(0, 200)) {
      const bytes = Buffer.from(`${line}\n`, 'utf8');
      if (bytes.length > workspace.blockBytes + lineLimit) continue;
      const at = workspace.blockAt - Math.min(bytes.length, lineLimit);
      if (at + bytes.length > workspace.bytes.length) continue;
      workspace.bytes.set(bytes, at);
      const record = format.access?.(line) ?? null;
      if (record !== null) known++;
      wasm.clear();
      wasm.reset();
      // Every minute is new to a kernel that knows none: it says so exactly where the line has the plan's shape.
      const reason = wasm.run(at + work, at + bytes.length + work);
      if (reason === 1 || reason === 0) continue;
      if (record === null || record.at === null || record.status === null) return false;
      // A new day is said first.
      if (reason !== 4 && record.status >= 500 !== (reason === 5)) return false;
      const ms = (wasm.second.value as number) * 1000 + (wasm.fraction.value as number);
      if ((((record.at - ms) % 60_000) + 60_000) % 60_000 !== 0) return false;
      read++;
    }
    return read > 0 && read * 2 >= known;
  };

  return {
    workspace,
    planFor(format, lines) {
      for (const plan of plansFor(format, lines)) if (isTrue(plan, format, lines)) return kernelFor(plan, format);
      return null;
    },
  };
}
