// Files that are being written, as a stream of blocks that never misses a byte: over rotation by renaming, over copying and truncating, over
// removal and return. While bytes come in, files are looked at by the clock: one notification per write would cost more than the reading.
import { closeSync, fstatSync, openSync, readSync, readdirSync, statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import path from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';

import { InputError } from '../records.ts';
import type { InputProblem } from '../records.ts';
import { byAge, rotationOf } from './rotation.ts';
import { problemOfError } from './source.ts';

/** One file as long as it is one file: a rotation ends a stream and begins another. Lines never go on from one stream to the next. */
export interface FollowStream {
  /** Counts from 0 in the order of opening. */
  readonly id: number;
  /** Index of the followed path. */
  readonly file: number;
  /** Name under which it was opened. */
  readonly path: string;
}

export type FollowEvent =
  | { readonly kind: 'opened'; readonly stream: FollowStream }
  /** `bytes` is only good until the next event is asked for. */
  | { readonly kind: 'bytes'; readonly stream: FollowStream; readonly bytes: Uint8Array }
  /** No more bytes of this stream: its last line is as complete as it will be. */
  | { readonly kind: 'ended'; readonly stream: FollowStream; readonly why: 'rotated' | 'truncated' }
  | { readonly kind: 'problem'; readonly path: string; readonly problem: InputProblem };

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** What is there already: read it, or begin behind it. Files that appear later are always read from their beginning. */
  readonly from: 'start' | 'end';
  /** Where blocks are read into, at least 4 KiB; by default 256 KiB of its own. */
  readonly buffer?: Uint8Array;
  /** Time between two looks while something happens. */
  readonly pollMs?: number;
  /** How long a file that was rotated away is still read after its last byte: its writers may not have noticed yet. */
  readonly drainMs?: number;
}

/** Bytes before the place of reading that are read again: when they changed, the file was truncated and has grown past us since. */
const overlapBytes = 256;
/** Read from one file before the others have their turn. */
const turnBytes = 8 << 20;
const quietMs = 2000;
const idlePollMs = 1000;
const drainingLimit = 16;

interface Open {
  readonly stream: FollowStream;
  readonly fd: number;
  readonly dev: number;
  readonly ino: number;
  at: number;
  /** The last bytes before `at`. */
  readonly last: Buffer;
  lastLength: number;
  /** True until a byte that is not NUL came after a truncation: a writer that keeps its place leaves a hole before it. */
  inHole: boolean;
  grewAt: number;
}

interface Followed {
  readonly file: number;
  readonly path: string;
  current: Open | null;
  /** Rotated away, and perhaps still written to. */
  readonly draining: Open[];
  /** Said once, until the file can be read again. */
  problem: string | null;
  /** The first look decides by `from`; what comes later is new. */
  looked: boolean;
}

/**
 * Follows `paths` until the signal aborts; then the generator ends and everything is closed. Paths need not exist yet. One path's trouble is
 * an event and never ends the others.
 */
export async function* follow(paths: readonly string[], options: FollowOptions): AsyncGenerator<FollowEvent, void> {
  const { signal } = options;
  const follower = new Follower(paths, options);
  const watchers = new Watchers(paths);
  try {
    let movedAt = Date.now();
    while (!signal.aborted) {
      const before = follower.bytes;
      for (const event of follower.look()) {
        movedAt = Date.now();
        yield event;
        if (signal.aborted) return;
      }
      if (follower.bytes - before >= turnBytes) await setImmediate();
      else if (Date.now() - movedAt < quietMs) {
        watchers.close();
        await setTimeout(options.pollMs ?? 100, undefined, { signal }).catch(() => undefined);
      } else if (!watchers.armed) {
        // And look once more, for what happened before the watch stood.
        watchers.arm();
      } else if (await watchers.wait(idlePollMs, signal)) movedAt = Date.now();
    }
  } finally {
    watchers.close();
    follower.close();
  }
}

/** Wakes an idle follower. A folder is watched until the first change of a followed file and no longer: a busy file is
 * looked at by the clock. */
class Watchers {
  private readonly folders: ReadonlyMap<string, ReadonlySet<string>>;
  private open: FSWatcher[] = [];
  private changed = false;
  private wake: () => void = () => undefined;
  armed = false;

  constructor(paths: readonly string[]) {
    const folders = new Map<string, Set<string>>();
    for (const each of paths) {
      const folder = path.dirname(each);
      folders.set(folder, (folders.get(folder) ?? new Set()).add(path.basename(each)));
    }
    this.folders = folders;
  }

  arm(): void {
    this.armed = true;
    this.changed = false;
    for (const [folder, names] of this.folders) {
      try {
        const watcher = watch(folder, (_, name) => {
          if (name !== null && !names.has(name)) return;
          this.changed = true;
          this.wake();
        });
        // Without notifications (too many watches, a folder that went away) the clock remains.
        watcher.on('error', () => watcher.close());
        this.open.push(watcher);
      } catch {
        continue;
      }
    }
  }

  /** Waits for a change, at most `ms`; says whether there was one. */
  async wait(ms: number, signal: AbortSignal): Promise<boolean> {
    const ended = new AbortController();
    this.wake = () => ended.abort();
    if (!this.changed) await setTimeout(ms, undefined, { signal: AbortSignal.any([signal, ended.signal]) }).catch(() => undefined);
    this.wake = () => undefined;
    return this.changed;
  }

  close(): void {
    for (const watcher of this.open) watcher.close();
    this.open = [];
    this.armed = false;
  }
}

/** The state of all followed files, and one look at them. */
class Follower {
  /** Read so far. */
  bytes = 0;
  private readonly files: readonly Followed[];
  private readonly buffer: Uint8Array;
  private readonly drainMs: number;
  private readonly from: FollowOptions['from'];
  private streams = 0;

  constructor(paths: readonly string[], options: FollowOptions) {
    this.files = paths.map((each, file) => ({ file, path: each, current: null, draining: [], problem: null, looked: false }));
    this.buffer = options.buffer ?? new Uint8Array(256 << 10);
    if (this.buffer.length < 4096) throw new RangeError('the buffer of follow must hold at least 4 KiB');
    this.drainMs = options.drainMs ?? 60_000;
    this.from = options.from;
  }

  close(): void {
    for (const { current, draining } of this.files) {
      for (const each of draining) closeSync(each.fd);
      if (current !== null) closeSync(current.fd);
    }
  }

  *look(): Generator<FollowEvent> {
    for (const followed of this.files) {
      try {
        yield* this.lookAt(followed);
      } catch (error) {
        const problem = problemOfError(error);
        if (followed.problem === problem.detail) continue;
        followed.problem = problem.detail;
        yield { kind: 'problem', path: followed.path, problem };
      }
    }
  }

  private *lookAt(followed: Followed): Generator<FollowEvent> {
    for (const old of followed.draining.slice()) {
      yield* this.read(old, false);
      if (Date.now() - old.grewAt < this.drainMs && followed.draining.length <= drainingLimit) continue;
      followed.draining.splice(followed.draining.indexOf(old), 1);
      closeSync(old.fd);
      yield { kind: 'ended', stream: old.stream, why: 'rotated' };
    }
    const { current } = followed;
    if (current !== null) {
      const whole = yield* this.read(current, true);
      if (!whole) {
        yield* this.readCopy(followed, current);
        yield { kind: 'ended', stream: current.stream, why: 'truncated' };
        followed.current = {
          ...current,
          stream: this.newStream(followed, followed.path),
          at: 0,
          last: Buffer.alloc(overlapBytes),
          lastLength: 0,
          inHole: true,
        };
        yield { kind: 'opened', stream: followed.current.stream };
        yield* this.read(followed.current, true);
        return;
      }
    }
    const there = statSync(followed.path, { throwIfNoEntry: false });
    if (there === undefined) {
      // Removed files may still be written to: the open one is read on until another takes its place.
      if (current === null) followed.looked = true;
      return;
    }
    if (current !== null && there.ino === current.ino && there.dev === current.dev) return;
    if (!there.isFile())
      throw new InputError({ kind: 'not-a-file', detail: 'only files can be followed; a pipe is read without --follow' });
    // What came between our look and the renaming, before anything of the new file.
    if (current !== null) yield* this.read(current, false);
    const next = this.open(followed, followed.path, followed.looked || this.from === 'start' ? 0 : there.size);
    followed.current = next;
    followed.looked = true;
    followed.problem = null;
    if (current !== null) {
      current.grewAt = Date.now();
      followed.draining.push(current);
      for (const missed of this.between(followed, current, next)) {
        followed.draining.push(missed);
        yield { kind: 'opened', stream: missed.stream };
        yield* this.read(missed, false);
      }
    }
    yield { kind: 'opened', stream: next.stream };
    yield* this.read(next, true);
  }

  private newStream(followed: Followed, name: string): FollowStream {
    return { id: this.streams++, file: followed.file, path: name };
  }

  private open(followed: Followed, name: string, at: number): Open {
    const fd = openSync(name, 'r');
    const { dev, ino } = fstatSync(fd);
    const open: Open = {
      stream: this.newStream(followed, name),
      fd,
      dev,
      ino,
      at,
      last: Buffer.alloc(overlapBytes),
      lastLength: 0,
      inHole: false,
      grewAt: Date.now(),
    };
    open.lastLength = readSync(fd, open.last, 0, Math.min(overlapBytes, at), Math.max(0, at - overlapBytes));
    return open;
  }

  /** Yields what is new. Returns false where the file is no longer the one that was read: shorter, or other bytes before our place. */
  private *read(open: Open, mayTruncate: boolean): Generator<FollowEvent, boolean> {
    let taken = 0;
    while (taken < turnBytes) {
      const { lastLength } = open;
      const got = readSync(open.fd, this.buffer, 0, this.buffer.length, open.at - lastLength);
      const same = got >= lastLength && open.last.compare(this.buffer, 0, lastLength, 0, lastLength) === 0;
      if (!same) return !mayTruncate;
      const length = got - lastLength;
      if (length === 0) return true;
      open.at += length;
      this.bytes += length;
      taken += length;
      open.grewAt = Date.now();
      const keep = Math.min(overlapBytes, got);
      open.last.set(this.buffer.subarray(got - keep, got));
      open.lastLength = keep;
      let bytes = this.buffer.subarray(lastLength, got);
      if (open.inHole) {
        const start = bytes.findIndex((byte) => byte !== 0);
        open.inHole = start < 0;
        bytes = start < 0 ? bytes.subarray(0, 0) : bytes.subarray(start);
      }
      if (bytes.length > 0) yield { kind: 'bytes', stream: open.stream, bytes };
      // Less than a block was there: asking once more would only find the end.
      if (got < this.buffer.length) return true;
    }
    return true;
  }

  /** After copying and truncating, what was written between our last look and the copy is only in the copy. */
  private *readCopy(followed: Followed, open: Open): Generator<FollowEvent> {
    if (open.lastLength === 0) return;
    const probe = Buffer.alloc(open.lastLength);
    for (const sibling of this.siblings(followed)) {
      if (sibling.size < open.at || (sibling.ino === open.ino && sibling.dev === open.dev)) continue;
      const fd = openSync(sibling.path, 'r');
      try {
        const got = readSync(fd, probe, 0, probe.length, open.at - probe.length);
        if (got < probe.length || open.last.compare(probe, 0, probe.length, 0, probe.length) !== 0) continue;
        const copy: Open = { ...open, fd, last: Buffer.from(open.last) };
        while (copy.at < sibling.size) {
          const before = copy.at;
          yield* this.read(copy, true);
          if (copy.at === before) break;
        }
        return;
      } finally {
        closeSync(fd);
      }
    }
    yield {
      kind: 'problem',
      path: followed.path,
      problem: { kind: 'shrank', detail: 'it was truncated, and no copy was found: lines written just before may be missing' },
    };
  }

  /** Files that were both made and rotated away between two looks: younger than the one we had, and not the newest. */
  private between(followed: Followed, old: Open, next: Open): Open[] {
    const known = this.siblings(followed).toSorted((a, b) => byAge(rotationOf(path.basename(a.path)), rotationOf(path.basename(b.path))));
    const index = known.findIndex((each) => each.ino === old.ino && each.dev === old.dev);
    if (index < 0) return [];
    const missed: Open[] = [];
    for (const each of known.slice(index + 1)) {
      const held = [...followed.draining, next].some((other) => other.ino === each.ino && other.dev === each.dev);
      if (!held) missed.push(this.open(followed, each.path, 0));
    }
    return missed;
  }

  /** Plain files beside the followed one that carry its name and a rotation's mark, youngest first. */
  private siblings(followed: Followed): { path: string; dev: number; ino: number; size: number }[] {
    const folder = path.dirname(followed.path);
    const name = path.basename(followed.path);
    const { base } = rotationOf(name);
    const found: { path: string; dev: number; ino: number; size: number; mtimeMs: number }[] = [];
    for (const each of readdirSync(folder)) {
      const rotation = rotationOf(each);
      if (each === name || rotation.stem !== each || (rotation.base !== base && !each.startsWith(name))) continue;
      const full = path.join(folder, each);
      const stats = statSync(full, { throwIfNoEntry: false });
      if (stats?.isFile() === true) found.push({ path: full, dev: stats.dev, ino: stats.ino, size: stats.size, mtimeMs: stats.mtimeMs });
    }
    return found.toSorted((a, b) => b.mtimeMs - a.mtimeMs);
  }
}
