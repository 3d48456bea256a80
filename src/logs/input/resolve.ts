// From the arguments of a command to the inputs that are read: files, pipes, folders, patterns, rotated sets in order, nothing twice.
import { glob, open, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import path from 'node:path';

import type { Input, InputProblem } from '../records.ts';
import { innerContent } from './decompress.ts';
import { listFolder } from './folder.ts';
import { adviceFor, contentOf, headBytes, looksBinary } from './magic.ts';
import type { Content } from './magic.ts';
import { byAge, rotationOf } from './rotation.ts';
import type { Rotation } from './rotation.ts';
import { endlessInput, fileInput, pipeInput, problemOfError, stdinInput } from './source.ts';
import type { FileIdentity } from './source.ts';

/** What the arguments came to. */
export interface ResolvedInputs {
  /** In the order of reading: as given, but the files of a rotated set together, oldest first. */
  readonly inputs: readonly Input[];
  /** Arguments, and files of folders, that will not be read although somebody may want them to. */
  readonly problems: readonly { readonly name: string; readonly problem: InputProblem }[];
  /** What the reader should know and nobody has to mend: files given twice, copies, what a folder held besides logs. One sentence each. */
  readonly notes: readonly string[];
}

interface FileEntry {
  readonly name: string;
  readonly path: string;
  readonly identity: FileIdentity;
  readonly size: number;
  readonly content: 'plain' | 'gzip' | 'zstd';
  readonly rotation: Rotation;
}
type Entry = FileEntry | { readonly input: Input };

/** Stored bytes looked at before reading: enough for the magics, and for a copy to be told from another file. */
const sniffBytes = 64 << 10;
/** Names of standard input on Linux. */
const stdinNames = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']);
const namesShown = 5;

async function headOf(file: string, length: number): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(buffer, filled, length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, namesShown).join(', ');
  return names.length > namesShown ? `${shown} and ${names.length - namesShown} more` : shown;
}

/**
 * Turns arguments into inputs: files, named pipes, `-`, folders and quoted patterns. Opens every file once to see what it is; reads pipes
 * and standard input only when the input is opened. Never throws because of an argument.
 */
export async function resolveInputs(args: readonly string[], sources: { readonly stdin: AsyncIterable<unknown> }): Promise<ResolvedInputs> {
  const entries: Entry[] = [];
  const problems: { name: string; problem: InputProblem }[] = [];
  const notes: string[] = [];
  const seen = new Map<string, string>();
  let stdinTaken = false;

  const fail = (name: string, problem: InputProblem): void => {
    problems.push({ name, problem });
  };

  /** Adds one file that exists. `picked` says that a folder offered it: then what is no log is left out quietly. */
  const addFile = async (name: string, stats: Stats, picked: ((why: string) => unknown) | null): Promise<void> => {
    const key = `${stats.dev}:${stats.ino}`;
    const before = seen.get(key);
    if (before !== undefined) {
      notes.push(
        before === name ? `${name} was given more than once: counted once` : `${name} is the same file as ${before}: counted once`,
      );
      return;
    }
    if (stats.isFIFO()) {
      seen.set(key, name);
      entries.push({ input: pipeInput(name, name) });
      return;
    }
    if (!stats.isFile()) {
      const what = stats.isSocket() ? 'a socket' : stats.isCharacterDevice() || stats.isBlockDevice() ? 'a device' : 'not a file';
      fail(name, { kind: 'not-a-file', detail: `it is ${what}; give its content by a pipe: \`… | why5xx logs -\`` });
      return;
    }
    const stored = await headOf(name, stats.size === 0 ? headBytes : Math.min(sniffBytes, stats.size));
    if (stats.size === 0 && stored.length > 0) {
      seen.set(key, name);
      entries.push({ input: endlessInput(name, name) });
      return;
    }
    const outer = contentOf(stored);
    let inner: { readonly content: Content; readonly head: Uint8Array } = { content: outer, head: stored };
    if (outer === 'gzip' || outer === 'zstd') inner = await innerContent(stored, outer);
    const packed = inner.content === 'gzip' || inner.content === 'zstd';
    const advice =
      adviceFor(outer) ??
      (outer === 'plain' ? null : packed ? 'compressed twice: unpack it once, `… | why5xx logs -`' : adviceFor(inner.content));
    if (advice !== null) {
      seen.set(key, name);
      fail(name, { kind: 'binary', detail: advice });
      return;
    }
    if (picked !== null && looksBinary(inner.head)) {
      picked('binary');
      return;
    }
    seen.set(key, name);
    entries.push({
      name,
      path: name,
      identity: { dev: stats.dev, ino: stats.ino },
      size: stats.size,
      content: outer === 'gzip' || outer === 'zstd' ? outer : 'plain',
      rotation: rotationOf(path.basename(name)),
    });
  };

  const addFolder = async (folder: string): Promise<void> => {
    const { files, skipped } = await listFolder(folder);
    const left = skipped.map(({ path: at, why }) => `${path.relative(folder, at)} (${why})`);
    let taken = 0;
    for (const file of files) {
      const count = entries.length;
      try {
        const skip = (why: string): unknown => left.push(`${path.relative(folder, file)} (${why})`);
        const stats = await stat(file);
        if (stats.isDirectory()) skip('a link to a folder');
        else await addFile(file, stats, skip);
      } catch (error) {
        fail(file, problemOfError(error));
      }
      taken += entries.length - count;
    }
    if (left.length > 0) notes.push(`${folder}: ${taken} of ${taken + left.length} entries read; left out: ${listed(left)}`);
    if (taken === 0 && left.length === 0 && files.length === 0) fail(folder, { kind: 'not-found', detail: 'the folder is empty' });
    else if (taken === 0 && left.length > 0)
      fail(folder, { kind: 'not-found', detail: `nothing in the folder looks like a log: ${listed(left)}` });
  };

  const addPath = async (name: string): Promise<void> => {
    const stats = await stat(name);
    if (stats.isDirectory()) await addFolder(name);
    else await addFile(name, stats, null);
  };

  const matchesOf = async (pattern: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const match of glob(pattern)) found.push(match);
    return found.toSorted();
  };

  for (const arg of args) {
    try {
      if (stdinNames.has(arg)) {
        if (stdinTaken) notes.push('standard input was given more than once: read once');
        else entries.push({ input: stdinInput(sources.stdin) });
        stdinTaken = true;
        continue;
      }
      await addPath(arg);
    } catch (error) {
      const problem = problemOfError(error);
      const matches = problem.kind === 'not-found' && /[*?[{]/.test(arg) ? await matchesOf(arg).catch(() => []) : [];
      if (matches.length === 0) {
        fail(arg, problem);
        continue;
      }
      for (const match of matches) await addPath(match).catch((later: unknown) => fail(match, problemOfError(later)));
    }
  }

  return { inputs: await inOrder(entries, notes), problems, notes };
}

/** Brings the files of each rotated set together, oldest first, where the first of them stood, and leaves out compressed copies. */
async function inOrder(entries: readonly Entry[], notes: string[]): Promise<Input[]> {
  const sets = new Map<string, FileEntry[]>();
  const keyOf = (entry: FileEntry): string => path.join(path.dirname(entry.path), entry.rotation.base);
  for (const entry of entries) {
    if ('input' in entry) continue;
    const set = sets.get(keyOf(entry));
    if (set === undefined) sets.set(keyOf(entry), [entry]);
    else set.push(entry);
  }
  const inputs: Input[] = [];
  for (const entry of entries) {
    if ('input' in entry) {
      inputs.push(entry.input);
      continue;
    }
    const set = sets.get(keyOf(entry));
    if (set === undefined) continue;
    sets.delete(keyOf(entry));
    for (const each of await withoutCopies(
      set.toSorted((a, b) => byAge(a.rotation, b.rotation)),
      notes,
    ))
      inputs.push(fileInput(each.name, each.path, each.content, each.size, each.identity));
  }
  return inputs;
}

/** What the decompressed content of a file begins with; empty where it cannot be read any more. */
async function beginOf(entry: FileEntry): Promise<Uint8Array> {
  try {
    const stored = await headOf(entry.path, sniffBytes);
    return entry.content === 'plain' ? stored : (await innerContent(stored, entry.content)).head;
  } catch {
    return new Uint8Array(0);
  }
}

/** Between compressing a rotation and removing the plain file both are there; the same lines must not count twice. */
async function withoutCopies(set: readonly FileEntry[], notes: string[]): Promise<FileEntry[]> {
  const kept: FileEntry[] = [];
  // The plain file is whole for certain, the compressed one may still be in the making.
  const order = set.toSorted((a, b) => Number(a.content !== 'plain') - Number(b.content !== 'plain'));
  for (const entry of order) {
    const twin = kept.find((other) => other.rotation.stem === entry.rotation.stem);
    if (twin === undefined) {
      kept.push(entry);
      continue;
    }
    const [one, other] = [await beginOf(twin), await beginOf(entry)];
    const length = Math.min(one.length, other.length);
    if (length > 0 && Buffer.compare(one.subarray(0, length), other.subarray(0, length)) === 0) {
      notes.push(`${entry.name} begins like ${twin.name} and is its compressed copy: only ${twin.name} is counted`);
    } else {
      kept.push(entry);
      notes.push(`${twin.name} and ${entry.name} have the name of one rotation but differ: both are counted`);
    }
  }
  return set.filter((entry) => kept.includes(entry));
}
