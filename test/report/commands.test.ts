// The commands that print: catalogue, page of a cause, ticket. Run as real processes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from 'vitest';

const commands = fileURLToPath(new URL('commands.ts', import.meta.url));
const golden = (name: string): string => path.join(import.meta.dirname, '..', 'golden', name, 'report.json');
const folder = mkdtempSync(path.join(tmpdir(), 'why5xx-commands-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): { code: number | null; out: string; err: string } {
  const ran = spawnSync(process.execPath, [commands, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LANG: 'C.UTF-8', COLUMNS: '80', ...env },
  });
  return { code: ran.status, out: ran.stdout, err: ran.stderr };
}

describe('causes', () => {
  it('lists the catalogue by layer, from the client inwards', () => {
    const { code, out, err } = run(['causes']);
    expect(err).toBe('');
    expect(code).toBe(0);
    const [live = '', fromLogs = ''] = out.split(/\nFrom logs alone, by why5xx logs\n─+\n\n/);
    expect(live).toBe(
      [
        "the client's network",
        "  isp-block         The client's ISP cuts the connection",
        '',
        'host (kernel, firewall, resources)',
        '  disk-full         A file system that the site needs is full',
        '',
        'application runtime',
        '  fpm-max-children  All php-fpm workers are busy',
        '',
      ].join('\n'),
    );
    expect(fromLogs).toMatch(/^ {2}oom-killed +The kernel killed a process for memory$/m);
    expect(fromLogs).not.toMatch(/^ {2}(?:disk-full|fpm-max-children) /m);
  });

  it('names what only logs show in a section of its own', () => {
    expect(run(['causes', '-o', 'markdown']).out).toMatch(
      /cause 7\): All php-fpm workers are busy\n\n## From logs alone, by why5xx logs\n\n- `[a-z0-9-]+` \(/,
    );
    expect(run(['causes', '--quiet']).out.split('\n')).toEqual(expect.arrayContaining(['disk-full', 'oom-killed']));
  });

  it('is JSON for programs, in the language of the environment', () => {
    const { out } = run(['causes', '-o', 'json'], { LANG: 'zh_CN.UTF-8' });
    const { fromLogs, ...live } = JSON.parse(out) as { readonly fromLogs: readonly object[] };
    expect(fromLogs).toContainEqual({ id: 'oom-killed', title: expect.stringMatching(/[\u4e00-\u9fff]/) as string, layer: 'host' });
    expect(live).toEqual({
      schema: 'why5xx/causes@1',
      language: 'zh',
      causes: [
        { id: 'isp-block', title: '客户端运营商切断连接', layer: 'client-network', seed: 'cause 2' },
        { id: 'disk-full', title: '网站所需的文件系统已满', layer: 'host', seed: null },
        { id: 'fpm-max-children', title: 'php-fpm 工作进程全部占满', layer: 'app-runtime', seed: 'cause 7' },
      ],
    });
  });
});

describe('explain', () => {
  it('shows the page without markup, wrapped, and inert', () => {
    const { code, out } = run(['explain', 'FPM_max_children']);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        'fpm-max-children',
        '────────────────',
        '',
        'All workers of a pool are busy; new requests wait in the listen queue.',
        '',
        'Fix',
        '',
        '1. Raise pm.max_children:',
        '',
        '     pm.max_children = 20',
        '',
        '2. Find out why requests are slow, see the manual (https://www.php.net/fpm).',
        '',
        'setting          default',
        'pm.max_children  none',
        '',
        String.raw`\x1b[2J`,
        '',
      ].join('\n'),
    );
  });

  it('falls back to English where a page is not translated', () => {
    expect(run(['explain', 'fpm-max-children', '--lang', 'zh']).out).toContain('All workers');
  });

  it('suggests the nearest name of all', () => {
    const { code, out, err } = run(['explain', 'fpm-max-childs']);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('Did you mean fpm-max-children?');
    expect(run(['explain', 'oom-kiled']).err).toContain('Did you mean oom-killed?');
  });

  it('makes the page of a cause that only logs show', () => {
    const { code, out } = run(['explain', 'uwsgi-harakiri']);
    expect(code).toBe(0);
    expect(out).toMatch(/^uwsgi-harakiri: uWSGI kills workers at harakiri\n─+\n/);
    expect(out).toContain('  • uwsgi: HARAKIRI: --- uWSGI worker 1');
    expect(run(['explain', 'uwsgi-harakiri', '--lang', 'zh']).out).toContain('以下内容可以证实：');
    expect(JSON.parse(run(['explain', 'uwsgi-harakiri', '-o', 'json']).out)).toMatchObject({
      schema: 'why5xx/page@1',
      id: 'uwsgi-harakiri',
    });
  });

  it('says so when a page is missing', () => {
    expect(run(['explain', 'disk-full'])).toMatchObject({ code: 2, err: expect.stringContaining('not in this installation') as string });
  });
});

describe('ticket', () => {
  it('prints the ticket and nothing else on stdout', () => {
    const { code, out, err } = run(['ticket', golden('fpm-max-children'), '--to', 'cloud']);
    expect(code).toBe(0);
    expect(err).toBe('reading the report\n');
    expect(out).toMatch(/^# Ticket: 504 Gateway Timeout/);
    expect(out).toMatch(/\*\*Written\*\*: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
  });

  it('writes to a file, and wraps it for programs', () => {
    const file = path.join(folder, 'ticket.md');
    const { out } = run(['ticket', golden('healthy'), '--to', 'dev', '-q', '-o', `markdown:${file}`, '-o', 'json']);
    const wrapped = JSON.parse(out) as { schema: string; to: string; markdown: string };
    expect(wrapped).toMatchObject({ schema: 'why5xx/ticket@1', to: 'dev' });
    expect(readFileSync(file, 'utf8')).toBe(wrapped.markdown);
  });

  it('needs a recipient', () => {
    expect(run(['ticket', golden('healthy')]).err).toContain('--to');
    expect(run(['ticket', golden('healthy'), '--to', 'boss']).err).toContain('isp, cloud, edge, ops, dev');
  });
});
