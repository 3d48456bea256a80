// Writes a report into a file so that it is either the old one or the whole new one, and says in plain words why it could not.
import { accessSync, constants, statSync } from 'node:fs';
import { open, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { UserError } from '../model/errors.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'its directory does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of its path is not a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'its name is too long',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function notWritable(file: string, error: unknown): UserError {
  const reason = reasons[codeOf(error)] ?? (error instanceof Error ? error.message : String(error));
  return new UserError('not-writable', `cannot write ${file}: ${reason}`, 'Choose another file for -o FORMAT:FILE.', { cause: error });
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

/** Replaces the file's content at once. Devices and pipes are written to directly; a link's target is replaced, not the link. */
export async function writeWhole(file: string, text: string): Promise<void> {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    const target = found === undefined ? path.resolve(file) : await realpath(file);
    if (found !== undefined && !found.isFile()) {
      await writeTo(target, 'w', 0o666, text);
      return;
    }
    const part = path.join(path.dirname(target), `.${path.basename(target).slice(0, 100)}.${process.pid}.part`);
    try {
      await writeTo(part, 'wx', found === undefined ? 0o666 : found.mode & 0o777, text);
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
