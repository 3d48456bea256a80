// What a lab remembers between commands: where it runs, what was changed and how to undo it. Written before each change is made, so
// that a command that is killed half-way leaves a journal that the next one can follow.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { UserError } from '../model/errors.ts';
import type { LabOptions } from './plan.ts';
import { isAlive, ownNetworkNamespace, processRef, type ProcessRef, until } from './system.ts';

/** A problem with the lab that the user can mend: one sentence, and what to do next. */
export class LabError extends UserError {
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super('lab', message, hint, options);
    this.name = 'LabError';
  }
}

/** One thing that heal must do. Replayed from the last to the first. */
export type Undo =
  | { readonly kind: 'command'; readonly host: string; readonly command: readonly string[] }
  /** `content` is base64; null: the file was not there. Mode is octal, owner `uid:gid`. */
  | {
      readonly kind: 'file';
      readonly host: string;
      readonly path: string;
      readonly content: string | null;
      readonly mode: string;
      readonly owner: string;
    }
  | { readonly kind: 'sysctl'; readonly host: string; readonly name: string; readonly value: string }
  | { readonly kind: 'mount'; readonly host: string; readonly path: string }
  | { readonly kind: 'process'; readonly host: string; readonly process: ProcessRef }
  | { readonly kind: 'service'; readonly host: string; readonly service: 'nginx' | 'php-fpm' | 'haproxy' };

/** Differences from the plain site that a fault asked for. */
export interface SiteChanges {
  readonly path?: string;
  readonly port?: number;
  readonly scheme?: 'http' | 'https';
  readonly method?: string;
  readonly bodyBytes?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly healthCheck?: Readonly<Record<string, unknown>> | false;
}

export interface LabState {
  readonly schema: 1;
  status: 'starting' | 'ready';
  readonly options: LabOptions;
  readonly phpVersion: string;
  /** The `unshare` process around the lab, in the caller's PID namespace; when it dies, all of the lab dies. */
  keeper: ProcessRef | null;
  /** First process of each host, in the caller's PID namespace. */
  hosts: Record<string, ProcessRef>;
  /** Faults that are active, as `cause:variant`. */
  active: string[];
  undo: Undo[];
  /** Hosts whose services heal restarts, because something there was changed. */
  touched: string[];
  site: SiteChanges;
}

/** Folder of the lab of this network namespace. Nothing is created. */
export function labDirectory(): string {
  return join('/run/why5xx', `lab-${ownNetworkNamespace()}`);
}

export const filesOf = (directory: string) => ({
  state: join(directory, 'state.json'),
  keeperPid: join(directory, 'keeper.pid'),
  sshConfig: join(directory, 'ssh', 'config'),
  authority: join(directory, 'tls', 'ca.pem'),
});

/** The state, or null where there is none or it is unreadable (a lab whose `up` was killed early). */
export function readState(directory: string): LabState | null {
  try {
    const state = JSON.parse(readFileSync(filesOf(directory).state, 'utf8')) as LabState;
    return state.schema === 1 ? state : null;
  } catch {
    return null;
  }
}

/** Replaces the state file as a whole. */
export function writeState(directory: string, state: LabState): void {
  const path = filesOf(directory).state;
  writeFileSync(`${path}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Whether the lab is up as a whole: ready, and no host's first process has died. */
export function isUp(state: LabState | null): state is LabState {
  return (
    state !== null &&
    state.status === 'ready' &&
    state.keeper !== null &&
    isAlive(state.keeper) &&
    Object.values(state.hosts).every(isAlive)
  );
}

/**
 * Runs `work` while no other command changes the same lab. A lock whose owner has died is taken over. Rejects with LabError where the
 * other command does not finish within `timeoutMs`.
 */
export async function withLock<T>(directory: string, work: () => Promise<T>, timeoutMs = 60_000): Promise<T> {
  const path = `${directory}.lock`;
  try {
    mkdirSync('/run/why5xx', { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw new LabError(
      `cannot write to /run/why5xx (${(cause as NodeJS.ErrnoException).code ?? 'error'})`,
      'run as root, for example with sudo, or in a namespace with a writable /run',
    );
  }
  const me = processRef(process.pid);
  const taken = await until(() => tryLock(path, JSON.stringify(me)), timeoutMs, 50);
  if (!taken) throw new LabError('another lab command is still running', `wait for it; if there is none, remove ${path}`);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string, owner: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeFileSync(file, owner);
    closeSync(file);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  }
  try {
    const text = readFileSync(path, 'utf8');
    // An empty lock is one that is being written just now.
    const holder = text === '' ? null : (JSON.parse(text) as ProcessRef);
    if (holder !== null && !isAlive(holder)) rmSync(path, { force: true });
  } catch {
    if (existsSync(path)) rmSync(path, { force: true });
  }
  return false;
}
