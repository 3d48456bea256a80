// What the command line promises: help, messages, exit codes, streams. A small web server stands in for a site that is seen from outside
// only; whole sites are diagnosed in test/lab.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { why5xx } from './run.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string };
/** A bundle as the lab recorded it, with one cause in it. */
const exampleBundle = (): string =>
  readFileSync(new URL('../../src/causes/fpm-down-static-health-ok/examples/nginx-one.json', import.meta.url), 'utf8');
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'why5xx-cli-'));
const inFolder = (name: string): string => join(folder, name);
// Every line below starts processes, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000 });
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.statusCode = request.url === '/ok' ? 200 : 500;
    response.end('answer\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(inFolder('ok.yaml'), `why5xx: 1\nname: well\nurl: ${url}/ok\n`);
  writeFileSync(inFolder('bad.yaml'), `why5xx: 1\nname: ill\nurl: ${url}/bad\n`);
  writeFileSync(inFolder('guilty.json'), exampleBundle());
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('help', () => {
  it('no arguments: help on stderr, exit 2', async () => {
    const { code, stdout, stderr } = await why5xx([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: why5xx /);
  });

  it('--version is that of the package', async () => {
    expect(await why5xx(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it.each([{ args: ['--help'] }, { args: ['lab', '--help'] }, { args: ['causes'] }])(
    '$args: a reader that goes away is no failure',
    async ({ args }) => {
      const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
      child.stdout.destroy();
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number | null];
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  it('--help of every command that the help lists', async () => {
    const commandsOf = (help: string): readonly string[] =>
      [...(help.split('Commands:\n')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1] ?? '');
    const top = await why5xx(['--help']);
    const names = commandsOf(top.stdout).filter((each) => each !== 'help');
    expect(names).toEqual(expect.arrayContaining(['diagnose', 'judge', 'page', 'ticket', 'explain', 'causes', 'lab']));
    const lab = commandsOf((await why5xx(['lab', '--help'])).stdout).filter((each) => each !== 'help');
    for (const words of [...names.map((each) => [each]), ...lab.map((each) => ['lab', each])]) {
      const { code, stdout, stderr } = await why5xx([...words, '--help']);
      expect({ words, code, stderr, usage: stdout.startsWith(`Usage: why5xx ${words.join(' ')}`) }).toEqual({
        words,
        code: 0,
        stderr: '',
        usage: true,
      });
    }
  }, 60_000);
});

describe('misuse: exit 2, nothing on stdout, and a sentence that helps', () => {
  it.for<readonly [readonly string[], RegExp]>([
    [['judg', 'x.json'], /no command and no file "judg"[^]*Did you mean judge\?/],
    [['nonsense'], /no command and no file "nonsense"[^]*URL/],
    [['lab', 'upp'], /unknown command 'upp'[^]*Did you mean up\?/],
    [['ok.yaml', '--onyl', 'x'], /unknown option '--onyl'[^]*--only/],
    [['ok.yaml', 'bad.yaml'], /too many arguments/],
    [['ok.yaml', '--only', 'fpm-max-childern'], /no cause "fpm-max-childern"[^]*Did you mean fpm-max-children\?/],
    [['ok.yaml', '--skip', 'zzz'], /no cause "zzz"[^]*why5xx causes/],
    [['judge', 'guilty.json', '--only', 'fpm-max-childern'], /Did you mean fpm-max-children\?/],
    [['explain', 'fpm-max-childern'], /fpm-max-children/],
    [['ok.yaml', '--from', 'isp-z'], /no client "isp-z"[^]*here/],
    [['ok.yaml', '--budget', '0'], /whole number/],
    [['ok.yaml', '--budget', 'many'], /whole number/],
    [['ok.yaml', '--budget', '1.5'], /whole number/],
    [['ok.yaml', '-o', 'json', '-o', 'html'], /Only one format can go to stdout/],
    [['ok.yaml', '-o', 'json', '-o', 'html:-'], /Only one format can go to stdout/],
    [['ok.yaml', '-o', 'pdf'], /Expected text, json/],
    [['ok.yaml', '-o', 'json:'], /Expected a file name/],
    [['ok.yaml', '-o', 'json:missing/r.json'], /cannot write missing\/r\.json: its directory does not exist/],
    [['ok.yaml', '-o', 'json:.'], /cannot write \.: it is a directory/],
    [['ok.yaml', '--save', 'missing/b.json'], /cannot write missing\/b\.json: its directory does not exist/],
    [['ok.yaml', '--lang', 'fr'], /en, zh/],
    [['ok.yaml', '--quiet', '--verbose'], /cannot be used with/],
    [['absent.yaml'], /absent\.yaml does not exist/],
    [['.'], /is a directory/],
    [['/dev/zero'], /not a regular file/],
    [['ftp://shop.example.com/'], /http/],
    [['http://'], /expected an http:\/\/ or https:\/\/ URL/],
    [['judge', 'absent.json'], /cannot read absent\.json: it does not exist/],
    [['judge', '.'], /cannot read \.: it is a directory/],
    [['judge', '/dev/zero'], /not a regular file/],
    [['ticket', 'guilty.json'], /--to/],
    [['ticket', 'guilty.json', '--to', 'nobody'], /isp, cloud, edge, ops, dev/],
  ])('%j', async ([args, message]) => {
    const { code, stdout, stderr } = await why5xx(args, { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/this is a bug|^ {4}at /m);
  });

  it('a file that may not be written', async () => {
    writeFileSync(inFolder('locked.json'), 'before');
    chmodSync(inFolder('locked.json'), 0o444);
    // Root may write everywhere but into the kernel's own files.
    const target = process.getuid?.() === 0 ? '/proc/version' : inFolder('locked.json');
    const { code, stderr } = await why5xx(['judge', 'guilty.json', '-o', `json:${target}`], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain(`cannot write ${target}`);
  });

  it('names line and column of every mistake in a site file, also from standard input', async () => {
    const input = `why5xx: 1\nurl: http://shop.example.com/\nbalancr: {}\nbackends:\n  - name: web-1\n    adress: 10.0.0.1:80\n`;
    const { code, stdout, stderr } = await why5xx(['-'], { input });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^standard input:3:1: balancr: .*did you mean "balancer"/m);
    expect(stderr).toMatch(/^standard input:6:5: .*adress.*did you mean "address"/m);
    expect(stderr).toMatch(/^standard input:5:5: .*address: expected an address with its port/m);
  });

  it('does not read a standard input without end', async () => {
    const { code, stderr } = await why5xx(['-'], { input: 'a'.repeat(5_000_000) });
    expect(code).toBe(2);
    expect(stderr).toMatch(/larger than 1 MiB/);
  });
});

describe('results', () => {
  it('healthy: exit 0, result on stdout, progress on stderr', async () => {
    const { code, stdout, stderr } = await why5xx(['ok.yaml'], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(/Healthy: well\n$/);
    expect(stderr).toMatch(/^sending marked requests/m);
    expect(stdout).not.toContain('sending marked requests');
  });

  it('failing without a proven cause: exit 3', async () => {
    const { code, stdout } = await why5xx(['diagnose', 'bad.yaml', '--quiet'], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'Failing, cause not proven: ill\n' });
  });

  it('cause found: exit 1', async () => {
    const { code, stdout, stderr } = await why5xx(['judge', 'guilty.json', '--quiet'], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^Cause found: [a-z-]+ on \S+ \(confirmed\)\n$/);
  });

  it('--quiet: one line of text, nothing on stderr; JSON stays whole', async () => {
    const quiet = await why5xx(['ok.yaml', '-q'], { cwd: folder });
    expect(quiet).toEqual({ code: 0, stdout: 'Healthy: well\n', stderr: '' });
    const json = await why5xx(['ok.yaml', '-q', '-o', 'json'], { cwd: folder });
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 'why5xx/report@1', outcome: 'healthy' });
  });

  it('reads the site file from standard input, and a bare URL', async () => {
    const piped = await why5xx(['-', '-q'], { input: `why5xx: 1\nname: piped\nurl: ${url}/ok\n` });
    expect(piped).toEqual({ code: 0, stdout: 'Healthy: piped\n', stderr: '' });
    expect((await why5xx([`${url}/ok`, '-q'])).code).toBe(0);
  });

  it('--lang zh, and the language of the environment', async () => {
    const flag = await why5xx(['judge', 'guilty.json', '--lang', 'zh'], { cwd: folder });
    const environment = await why5xx(['judge', 'guilty.json'], { cwd: folder, env: { LC_ALL: 'zh_CN.UTF-8' } });
    expect(flag.stdout).toMatch(/[\u4e00-\u9fff]{4}/);
    expect(environment.stdout).toBe(flag.stdout);
    const english = await why5xx(['judge', 'guilty.json', '--lang', 'en'], { cwd: folder, env: { LC_ALL: 'zh_CN.UTF-8' } });
    expect(english.stdout).not.toMatch(/[\u4e00-\u9fff]/);
  });

  it('colours only where asked: never in a pipe, FORCE_COLOR does, NO_COLOR does not', async () => {
    const coloured = async (env: Record<string, string>): Promise<boolean> =>
      (await why5xx(['judge', 'guilty.json'], { cwd: folder, env })).stdout.includes('\u001b[');
    expect(await coloured({})).toBe(false);
    expect(await coloured({ FORCE_COLOR: '1' })).toBe(true);
    expect(await coloured({ NO_COLOR: '1' })).toBe(false);
  });

  it('several outputs at once, each whole', async () => {
    const { code, stdout } = await why5xx(
      ['judge', 'guilty.json', '-o', 'text', '-o', 'json:r.json', '-o', 'markdown:r.md', '-o', 'html:r.html'],
      { cwd: folder },
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/Cause found: /);
    expect(JSON.parse(readFileSync(inFolder('r.json'), 'utf8'))).toMatchObject({ outcome: 'cause-found' });
    expect(readFileSync(inFolder('r.md'), 'utf8')).toMatch(/^# /);
    expect(readFileSync(inFolder('r.html'), 'utf8')).toMatch(/^<!doctype html>[^]*<\/html>\s*$/i);
  });

  it('a reader that goes away is no failure', async () => {
    // The pipe's reader is gone before the first byte; the shell reports the exit code of why5xx, not of the reader.
    const script = 'set -o pipefail; { sleep 0.5; "$0" "$1" judge "$2" --verbose; echo "code $?" >&2; } | true';
    const child = spawn('bash', ['-c', script, process.execPath, main, inFolder('guilty.json')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, 'close');
    expect(stderr).toBe('code 1\n');
  });
});

describe('bundles', () => {
  it('--save, then judge: the same report to the byte, in JSON, text and HTML', async () => {
    const live = await why5xx(['bad.yaml', '--save', 'saved.json', '-o', 'json', '-o', 'text:live.txt', '-o', 'html:live.html'], {
      cwd: folder,
    });
    expect(live.code).toBe(3);
    const judged = await why5xx(['judge', 'saved.json', '-o', 'json', '-o', 'text:judged.txt', '-o', 'html:judged.html'], { cwd: folder });
    expect(judged.code).toBe(3);
    expect(judged.stdout).toBe(live.stdout);
    for (const kind of ['txt', 'html']) {
      expect(readFileSync(inFolder(`judged.${kind}`), 'utf8')).toBe(readFileSync(inFolder(`live.${kind}`), 'utf8'));
    }
    expect((await why5xx(['judge', 'saved.json', '-o', 'json'], { cwd: folder })).stdout).toBe(live.stdout);
    expect(statSync(inFolder('saved.json')).mode & 0o777).toBe(0o600);
  });

  it('judge twice: the same bytes; --only and --skip leave causes out', async () => {
    const [first, second] = await Promise.all([1, 2].map(async () => why5xx(['judge', 'guilty.json', '-o', 'json'], { cwd: folder })));
    expect(second?.stdout).toBe(first?.stdout);
    const report = JSON.parse(first?.stdout ?? '') as { readonly causes: readonly { readonly id: string }[] };
    const id = report.causes[0]?.id ?? '';
    const without = await why5xx(['judge', 'guilty.json', '-o', 'json', '--skip', id], { cwd: folder });
    expect(JSON.parse(without.stdout)).not.toMatchObject({ causes: [{ id }] });
    const only = await why5xx(['judge', 'guilty.json', '-o', 'json', '--only', id], { cwd: folder });
    expect(JSON.parse(only.stdout)).toMatchObject({ causes: [{ id }], ruledOut: [], untested: [] });
  });

  it('a ticket from a bundle and from a report is the same', async () => {
    await why5xx(['judge', 'guilty.json', '-o', 'json:for-ticket.json'], { cwd: folder });
    const [bundle, report] = await Promise.all(
      ['guilty.json', 'for-ticket.json'].map(async (input) => why5xx(['ticket', input, '--to', 'ops'], { cwd: folder })),
    );
    expect(bundle?.code).toBe(0);
    expect(bundle?.stdout).toMatch(/^# /);
    const undated = (text = ''): string => text.replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?/g, 'TIME');
    expect(undated(report?.stdout)).toBe(undated(bundle?.stdout));
  });

  it.for<readonly [string, string | (() => string), RegExp]>([
    ['empty', '', /is not JSON/],
    ['truncated', () => exampleBundle().slice(0, 5000), /is not JSON/],
    ['a site file', 'why5xx: 1\nurl: http://x.example/\n', /is not JSON/],
    ['another JSON', '{"a":1}', /is not a why5xx bundle: schema/],
    ['a list', '[]', /is not a why5xx bundle/],
    ['null', 'null', /is not a why5xx bundle/],
    ['another version', () => exampleBundle().replace('why5xx/bundle@1', 'why5xx/bundle@9'), /bundle@1/],
    ['no evidence', () => JSON.stringify({ ...(JSON.parse(exampleBundle()) as object), evidence: 7 }), /is not a why5xx bundle: evidence/],
    ['hollow evidence', () => hollow(), /cannot be judged: its evidence is not as why5xx/],
  ])('judge refuses %s', async ([name, content, message]) => {
    const file = inFolder(`broken ${name}.json`);
    writeFileSync(file, typeof content === 'string' ? content : content());
    const { code, stdout, stderr } = await why5xx(['judge', file]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  it('a bundle that a stranger wrote cannot steer the terminal', async () => {
    const bundle = JSON.parse(exampleBundle()) as { site: { name: string }; startedAt: string; tool: string };
    bundle.site.name = '\u001b[31mred\u0007\u202e';
    bundle.tool = '\u001b]0;title\u0007';
    const file = inFolder('hostile.json');
    writeFileSync(file, JSON.stringify(bundle));
    for (const args of [
      ['judge', file],
      ['judge', file, '-q'],
      ['judge', file, '-o', 'json'],
      ['judge', file, '-o', 'markdown'],
      ['judge', file, '-o', 'html'],
      ['ticket', file, '--to', 'ops'],
    ]) {
      const { stdout, stderr } = await why5xx(args);
      expect(stdout).not.toBe('');
      // oxlint-disable-next-line no-control-regex -- they are what must not be there
      expect(`${args.join(' ')}: ${/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.exec(stdout + stderr)?.[0] ?? 'clean'}`).toBe(
        `${args.join(' ')}: clean`,
      );
    }
  });
});

/** A bundle whose evidence says `ok` and holds nothing. */
function hollow(): string {
  const bundle = JSON.parse(exampleBundle()) as { evidence: { status: string; data?: unknown }[] };
  for (const each of bundle.evidence) if (each.status === 'ok') each.data = {};
  return JSON.stringify(bundle);
}

it('leaves nothing in its folder but what was asked for', () => {
  expect(existsSync(inFolder('missing'))).toBe(false);
});
