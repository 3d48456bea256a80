// What every host probe has to survive: both shells, a user without rights, a host without tools, and garbage.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ProbeId } from '../../model/observations.ts';
import { ProbeError, type HostProbe } from '../../model/probe.ts';
import { asNobody, contextAt, readProbe } from './run-probe.ts';

/** The least that a POSIX host has: awk, grep and the core utilities, none of the network tools. */
export const bareTools = [
  'awk',
  'grep',
  'sed',
  'cat',
  'ls',
  'head',
  'tail',
  'sort',
  'tr',
  'id',
  'uname',
  'date',
  'printf',
  'readlink',
  'timeout',
  'true',
  'env',
  'sh',
  'df',
  'cut',
];

/**
 * Registers the tests. The snippet must run to its end in each setting; where the host cannot tell, only `ProbeError` may say so.
 * `settings` names those in which there must be evidence.
 */
export function survivesEverywhere<Id extends ProbeId, Sample>(
  probe: HostProbe<Id, Sample>,
  mustTell: readonly ('nobody' | 'bare')[] = ['nobody', 'bare'],
): void {
  let bare = '';
  beforeAll(async () => {
    bare = await barePaths();
  });
  afterAll(() => rm(bare, { recursive: true, force: true }));

  const settings = [
    { name: 'sh', where: () => ({}), tells: true },
    { name: 'busybox sh', where: () => ({ shell: ['busybox', 'sh'] }), tells: true },
    { name: 'nobody', where: () => ({ prefix: asNobody }), tells: mustTell.includes('nobody') },
    { name: 'no tools', where: () => ({ path: join(bare, 'core') }), tells: mustTell.includes('bare') },
    { name: 'busybox alone', where: () => ({ path: join(bare, 'busybox'), shell: ['busybox', 'sh'] }), tells: mustTell.includes('bare') },
  ];
  it.for(settings)(`${probe.id}: $name`, async ({ where, tells }) => {
    const reading = await readProbe(probe, where());
    expect(reading.exit).toBe(0);
    let evidence: unknown = null;
    try {
      evidence = probe.combine(undefined, probe.parse(reading.output, reading.context), reading.context);
    } catch (error) {
      expect(error).toBeInstanceOf(ProbeError);
    }
    if (tells) expect(evidence).not.toBeNull();
    expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
  });

  it(`${probe.id}: garbage`, async () => {
    const real = (await readProbe(probe)).output;
    const parse = (text: string): void => {
      try {
        probe.combine(undefined, probe.parse(text, contextAt(0, 1000)), contextAt(0, 1000));
      } catch (error) {
        expect(error).toBeInstanceOf(ProbeError);
      }
    };
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 400 }), parse), { numRuns: 100 });
    // Cut anywhere, or with a piece of it replaced.
    fc.assert(
      fc.property(fc.nat(real.length), fc.nat(200), fc.string({ unit: 'binary', maxLength: 40 }), (at, length, piece) => {
        parse(real.slice(0, at));
        parse(real.slice(0, at) + piece + real.slice(at + length));
      }),
      { numRuns: 60 },
    );
  });
}

/** A directory with `core` (the tools above) and `busybox` (the same names, all of them busybox). */
export async function barePaths(): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'why5xx-path-'));
  const which = (tool: string): Promise<string> =>
    new Promise((resolve) => execFile('sh', ['-c', 'command -v "$1"', 'sh', tool], (_error, stdout) => resolve(stdout.trim())));
  const busybox = await which('busybox');
  await Promise.all([mkdir(join(base, 'core')), mkdir(join(base, 'busybox'))]);
  for (const tool of bareTools) {
    // Shell builtins have no file.
    const path = await which(tool);
    if (path.startsWith('/')) await symlink(path, join(base, 'core', tool));
    await symlink(busybox, join(base, 'busybox', tool));
  }
  return base;
}
