// Where bytes come from: a file read in blocks, a pipe, standard input. Each becomes an Input of the contract.
import { constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';

import { InputError } from '../records.ts';
import type { Input, InputProblem } from '../records.ts';
import { decompressed } from './decompress.ts';
import { adviceFor, contentOf } from './magic.ts';

const blockBytes = 256 << 10;

/** What tells one file from another whatever its name. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** What a failed system call means for an input. */
export function problemOfError(error: unknown): InputProblem {
  if (error instanceof InputError) return error.problem;
  const code = (error as { readonly code?: string } | null)?.code ?? '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'not-found', detail: 'there is no such file' };
  if (code === 'EACCES' || code === 'EPERM') return { kind: 'no-permission', detail: 'no permission to read it' };
  if (code === 'EISDIR') return { kind: 'not-a-file', detail: 'it is a folder' };
  if (code === 'ENXIO') return { kind: 'not-a-file', detail: 'it is a socket' };
  if (code === 'ESTALE' || code === 'ENODEV') return { kind: 'vanished', detail: `it went away while it was read (${code})` };
  if (code === 'ERR_INVALID_ARG_VALUE') return { kind: 'not-found', detail: 'this cannot be the name of a file' };
  return { kind: 'read-error', detail: `reading failed (${code === '' ? String(error) : code})` };
}

/** The same, for a file that was there a moment ago. */
function problemLater(error: unknown): InputProblem {
  const problem = problemOfError(error);
  return problem.kind === 'not-found' ? { kind: 'vanished', detail: 'it was removed before it was read' } : problem;
}

/** Blocks of a file up to `limit` bytes. Throws InputError, after what could be read. */
async function* blocksOf(path: string, identity: FileIdentity | null, limit: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw new InputError(problemLater(error), { cause: error });
  }
  try {
    if (identity !== null) {
      const now = await file.stat();
      if (now.dev !== identity.dev || now.ino !== identity.ino)
        throw new InputError({ kind: 'vanished', detail: 'another file took its name (rotation) before it was read' });
    }
    // Two buffers: the next block is being read while this one is used.
    const buffers = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)] as const;
    const ask = (at: number, into: Buffer) =>
      file.read(into, 0, Math.min(blockBytes, limit - at), at).then(
        ({ bytesRead }) => ({ bytesRead, error: null }),
        (error: unknown) => ({ bytesRead: 0, error }),
      );
    let at = 0;
    let turn: 0 | 1 = 0;
    let pending = limit > 0 ? ask(0, buffers[0]) : null;
    try {
      while (pending !== null) {
        const { bytesRead, error } = await pending;
        pending = null;
        if (signal.aborted) return;
        if (error !== null) throw new InputError(problemLater(error), { cause: error });
        if (bytesRead === 0) {
          if (Number.isFinite(limit))
            throw new InputError({ kind: 'shrank', detail: `it became shorter while it was read: ${limit} bytes before, ${at} now` });
          return;
        }
        const block: Buffer = buffers[turn].subarray(0, bytesRead);
        at += bytesRead;
        turn = turn === 0 ? 1 : 0;
        if (at < limit) pending = ask(at, buffers[turn]);
        yield block;
      }
    } finally {
      // A buffer must not be written to, nor the file closed, while a read is under way.
      await pending;
    }
  } finally {
    await file.close();
  }
}

/** A file on disk. `content` must be one that is read. Reads a plain file up to `storedBytes`, a compressed one to its end. */
export function fileInput(
  name: string,
  path: string,
  content: 'plain' | 'gzip' | 'zstd',
  storedBytes: number,
  identity: FileIdentity | null,
): Input {
  if (content === 'plain') {
    return { name, path, compression: 'none', storedBytes, open: (signal) => blocksOf(path, identity, storedBytes, signal) };
  }
  let read = 0;
  async function* counted(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    read = 0;
    for await (const block of blocksOf(path, identity, Number.POSITIVE_INFINITY, signal)) {
      read += block.length;
      yield block;
    }
  }
  return {
    name,
    path: null,
    compression: content,
    storedBytes,
    storedRead: () => read,
    open: (signal) => decompressed(() => counted(signal), content, false, signal),
  };
}

/** A file whose size says nothing: what the kernel makes up while it is read. */
export function endlessInput(name: string, path: string): Input {
  return {
    name,
    path: null,
    compression: 'none',
    storedBytes: null,
    open: (signal) => blocksOf(path, null, Number.POSITIVE_INFINITY, signal),
  };
}

/** Ends `chunks` when the signal aborts, also while it waits for more, and closes it in every case. */
async function* until(chunks: AsyncIterable<unknown> & { destroy?(): unknown }, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = (): unknown => chunks.destroy?.();
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) return;
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
    }
  } catch (error) {
    if (signal.aborted) return;
    throw new InputError(problemOfError(error), { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Something that is read once, from its beginning: standard input, a named pipe. Its compression is known as soon as bytes came. */
function streamInput(name: string, start: () => Promise<AsyncIterable<unknown> & { destroy?(): unknown }>): Input {
  let compression: Input['compression'] = 'none';
  async function* read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const blocks = until(await start(), signal);
    try {
      // Six bytes tell every compression; a slow writer may send them one by one.
      let head: Uint8Array = new Uint8Array(0);
      while (head.length < 6) {
        const next = await blocks.next();
        if (next.done === true) break;
        head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
      }
      const content = contentOf(head);
      const advice = adviceFor(content);
      if (advice !== null) throw new InputError({ kind: 'binary', detail: advice });
      async function* whole(): AsyncGenerator<Uint8Array> {
        if (head.length > 0) yield head;
        yield* blocks;
      }
      if (content !== 'gzip' && content !== 'zstd') {
        yield* whole();
        return;
      }
      compression = content;
      yield* decompressed(whole, content, true, signal);
    } finally {
      await blocks.return(undefined);
    }
  }
  return {
    name,
    path: null,
    get compression() {
      return compression;
    },
    storedBytes: null,
    open: read,
  };
}

/** Standard input. */
export function stdinInput(stdin: AsyncIterable<unknown>): Input {
  return streamInput('-', () => Promise.resolve(stdin));
}

/** A named pipe, or what `<(…)` of a shell gives. Waits for its writer when it is opened, not before. */
export function pipeInput(name: string, path: string): Input {
  return streamInput(name, () => {
    try {
      // Without O_NONBLOCK, opening would hold a thread until a writer comes, which nothing can interrupt; the socket waits by epoll.
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      return Promise.resolve(new Socket({ fd, readable: true, writable: false }));
    } catch (error) {
      throw new InputError(problemLater(error), { cause: error });
    }
  });
}
