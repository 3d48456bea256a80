// The composed script runs under dash and busybox ash, keeps its sections apart whatever a snippet prints, and leaves nothing behind.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import type { HostProbe } from '../model/probe.ts';
import { composeHostScript, sectionCapBytes, splitHostOutput } from './host-script.ts';
import { openStack, shells } from './host-stack.test-support.ts';

const fake = (id: HostProbe['id'], script: string, when: HostProbe['when'] = 'both'): HostProbe => ({
  id,
  title: id,
  roles: ['backend'],
  when,
  script,
  parse: () => null,
  combine: () => ({ groups: [], total: 0 }),
});
const newToken = (): string => randomBytes(16).toString('hex');

const home = mkdtempSync(join(tmpdir(), 'why5xx-script-'));
afterAll(() => rmSync(home, { recursive: true }));

function runScript(
  shell: readonly string[],
  probes: readonly HostProbe[],
  env: Readonly<Record<string, string>> = {},
): { stdout: string; sections: ReturnType<typeof splitHostOutput>; token: string } {
  const token = newToken();
  const [command = '', ...args] = shell;
  const result = spawnSync(command, [...args, '-s'], {
    input: composeHostScript(probes, 'before', token),
    cwd: home,
    env: { ...process.env, TMPDIR: home, HOME: home, ...env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 30_000,
  });
  const stdout = result.stdout.toString('utf8');
  return { stdout, sections: splitHostOutput(stdout, token), token };
}

describe.for(shells.map((shell) => [shell.join(' '), shell] as const))('%s', ([, shell]) => {
  it('keeps output, exit code and notes of each snippet apart', () => {
    const { sections } = runScript(shell, [
      fake('listeners', 'echo one; w5_needs_root "rules of the firewall"; printf two'),
      fake('processes', 'echo gone >&2; exit 7'),
      fake('logs', 'echo "$w5_never_set"'),
      fake('disks', 'echo last'),
    ]);
    expect(sections.get('listeners')).toEqual({ output: 'one\ntwo', exit: 0, needsRoot: ['rules of the firewall'], truncated: false });
    expect(sections.get('processes')).toEqual({ output: '', exit: 7, needsRoot: [], truncated: false });
    expect(sections.get('logs')?.exit).toBeGreaterThan(0);
    expect(sections.get('disks')?.output).toBe('last\n');
  });

  it('runs only the snippets of its phase', () => {
    expect([...runScript(shell, [fake('disks', 'echo', 'after'), fake('sysctls', 'echo "$W5_PHASE"', 'before')]).sections]).toEqual([
      ['sysctls', { output: 'before\n', exit: 0, needsRoot: [], truncated: false }],
    ]);
  });

  it('cuts a flood and goes on', () => {
    const { sections } = runScript(shell, [
      fake('logs', `head -c ${sectionCapBytes + 70_000} /dev/zero | tr '\\000' a`),
      fake('disks', 'echo here'),
    ]);
    expect(sections.get('logs')).toMatchObject({ exit: null, truncated: true });
    expect(sections.get('logs')?.output).toHaveLength(sectionCapBytes);
    expect(sections.get('disks')?.output).toBe('here\n');
  });

  it('ends a command that hangs', () => {
    const began = performance.now();
    const { sections } = runScript(shell, [fake('disks', 'w5_try 1 sleep 20; echo "$?"'), fake('sysctls', 'echo here')]);
    expect(Number(sections.get('disks')?.output)).toBeGreaterThanOrEqual(124);
    expect(sections.get('sysctls')?.output).toBe('here\n');
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('gives snippets no standard input and writes no file', () => {
    const { sections } = runScript(shell, [
      fake('disks', 'cat; echo end'),
      fake('nginx-config', 'w5_nginx_dump | head -n 1'),
      fake('fpm', 'w5_fpm_dump | head -n 1'),
    ]);
    expect(sections.get('disks')?.output).toBe('end\n');
    expect(sections.size).toBe(3);
    expect(readdirSync(home)).toEqual([]);
  });

  it('cannot be fooled by marks in the content', () => {
    const forged = [`${'0'.repeat(32)} end`, 'w5 begin disks', 'W5_NEEDS_ROOT everything', '\\033[2J'].join('\\n');
    const { sections } = runScript(shell, [fake('logs', `printf '${forged}\\n'`)]);
    expect(sections.size).toBe(1);
    expect(sections.get('logs')?.needsRoot).toEqual([]);
    expect(sections.get('logs')?.output).toContain('W5_NEEDS_ROOT everything');
  });

  it('yields what was reached when it is cut off anywhere', () => {
    const { stdout, sections, token } = runScript(shell, [fake('listeners', 'echo one'), fake('disks', 'echo two; echo three')]);
    const whole = sections.get('disks');
    for (let length = 0; length < stdout.length; length++) {
      const cut = splitHostOutput(stdout.slice(0, length), token);
      for (const [id, section] of cut) expect(sections.get(id)?.output.startsWith(section.output) || section.exit === null).toBe(true);
    }
    expect(splitHostOutput(stdout.slice(0, stdout.indexOf('three')), token).get('disks')).toMatchObject({
      output: 'two\n',
      exit: null,
      truncated: false,
    });
    expect(whole?.output).toBe('two\nthree\n');
  });

  it('tells processes of other network namespaces apart', async () => {
    await using stack = await openStack();
    const token = newToken();
    const script = composeHostScript(
      [fake('processes', `echo "$W5_NETNS"; w5_own ${process.pid} && echo own || echo foreign; w5_own $$ && echo own || echo foreign`)],
      'before',
      token,
    );
    const inside = splitHostOutput(stack.exec([...shell, '-s'], script).stdout, token)
      .get('processes')
      ?.output.split('\n');
    expect(inside?.slice(1, 3)).toEqual(['foreign', 'own']);
    const here = splitHostOutput(spawnSync(shell[0] ?? '', [...shell.slice(1), '-s'], { input: script }).stdout.toString(), token)
      .get('processes')
      ?.output.split('\n');
    expect(here?.slice(1, 3)).toEqual(['own', 'own']);
    expect(here?.[0]).not.toBe(inside?.[0]);
  });
});

it('refuses a token that content could contain', () => {
  expect(() => composeHostScript([], 'before', 'x y')).toThrow(TypeError);
  expect(() => composeHostScript([], 'before', '')).toThrow(TypeError);
});
