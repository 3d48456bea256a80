// Reads a small text file that a person named. Whatever that name leads to, the answer comes at once and is bounded.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import { UserError } from '../model/errors.ts';

/** Largest site file or certificate bundle that is read. */
export const maxFileBytes = 1024 * 1024;

/** The bytes of a regular file of at most `maxFileBytes`. Throws UserError otherwise; `what` names the file's purpose in it. */
export async function readSmallFile(path: string, what: string): Promise<Uint8Array> {
  try {
    // Non-blocking, because opening a pipe without a writer would wait for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (stat.isDirectory()) throw new UserError('file-is-directory', `${what} ${path} is a directory`, 'Name the file in it.');
    if (!stat.isFile())
      throw new UserError('file-not-regular', `${what} ${path} is not a regular file`, 'Name a file, or write - to read standard input.');
    if (stat.size > maxFileBytes) throw tooLarge(path, what);
    const buffer = Buffer.alloc(maxFileBytes + 1);
    let sizeBytes = 0;
    // Not until `stat.size`: files under /proc say 0.
    for (;;) {
      const { bytesRead } = await file.read(buffer, sizeBytes, buffer.length - sizeBytes);
      sizeBytes += bytesRead;
      if (bytesRead === 0) return buffer.subarray(0, sizeBytes);
      if (sizeBytes > maxFileBytes) throw tooLarge(path, what);
    }
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error) || !('code' in error)) throw error;
    switch (error.code) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new UserError(
          'file-missing',
          `${what} ${path} does not exist`,
          'Check the path. A site can also be named by its URL: https://…',
          { cause: error },
        );
      case 'EACCES':
      case 'EPERM':
        throw new UserError('file-unreadable', `${what} ${path} may not be read`, 'Check its owner and mode.', { cause: error });
      default:
        throw new UserError('file-unreadable', `${what} ${path} cannot be read (${String(error.code)})`, 'Check the path.', {
          cause: error,
        });
    }
  }
}

function tooLarge(path: string, what: string): UserError {
  return new UserError(
    'file-too-large',
    `${what} ${path} is larger than ${String(maxFileBytes / 1024 / 1024)} MiB`,
    'Check that this is the right file.',
  );
}

/** Text of UTF-8 bytes, without a byte order mark. Throws UserError where they are no text. */
export function textOf(bytes: Uint8Array, name: string, what: string): string {
  if (bytes.length > maxFileBytes) throw tooLarge(name, what);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new UserError('file-not-text', `${what} ${name} is UTF-16`, 'Save it as UTF-8.');
  }
  const notText = (cause?: unknown) =>
    new UserError('file-not-text', `${what} ${name} is not text in UTF-8`, 'Check that this is the right file.', { cause });
  if (bytes.includes(0)) throw notText();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw notText(error);
  }
}
