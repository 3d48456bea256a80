// Writes a report into a file so that it is either the old one or the whole new one, and says in plain words why it could not.
import { accessSync, constants, statSync } from 'node:fs';
import { open, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { UserError } from '../model/errors.ts';

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of its path is not a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'its name is too long',
  EFBIG: 'it is too large',
  EFTYPE: 'it is not a regular file',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Why a file could not be read or written, in plain words. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return code === 'ENOENT' ? 'it does not exist' : (reasons[code] ?? (error instanceof Error ? error.message : String(error)));
}

function notWritable(file: string, error: unknown): UserError {
  const reason = codeOf(error) === 'ENOENT' ? 'its directory does not exist' : reasonOf(error);
  return new UserError('not-writable', `cannot write ${file}: ${reason}`, 'Choose another file.', { cause: error });
}

/** Throws a UserError when the file can clearly not be written, before a long run rather than after it. Touches nothing. */
export function checkWritable(file: string): void {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) throw Object.assign(new Error('directory'), { code: 'EISDIR' });
    const folder = path.dirname(path.resolve(file));
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error('no directory'), { code: 'ENOTDIR' });
    accessSync(found === undefined ? folder : file, constants.W_OK);
  } catch (error) {
    throw notWritable(file, error);
  }
}

/**
 * Replaces the file's content at once. Devices and pipes are written to directly; a link's target is replaced, not the link. A new file
 * gets `mode` less the umask, an old one keeps its own.
 */
export async function writeWhole(file: string, text: string, mode = 0o666): Promise<void> {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    const target = found === undefined ? path.resolve(file) : await realpath(file);
    if (found !== undefined && !found.isFile()) {
      await writeTo(target, 'w', 0o666, text);
      return;
    }
    const part = path.join(path.dirname(target), `.${path.basename(target).slice(0, 100)}.${process.pid}.part`);
    try {
      await writeTo(part, 'wx', found === undefined ? mode : found.mode & 0o777, text);
      await rename(part, target);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') await rm(part, { force: true });
      throw error;
    }
  } catch (error) {
    throw notWritable(file, error);
  }
}

async function writeTo(file: string, flags: string, mode: number, text: string): Promise<void> {
  const handle = await open(file, flags, mode);
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}
