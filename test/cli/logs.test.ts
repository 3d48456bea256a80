// `why5xx logs` as a person's shell runs it, on real files: what it answers, every exit code, and every kind of input that is not as it should be.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { resolveInputs } from '../../src/logs/input/resolve.ts';
import { scanLogs, type ScanProgress } from '../../src/logs/scan/index.ts';
import type { Report } from '../../src/model/report.ts';
import { access, combined, errorLine, incident } from './logs-files.ts';
import { why5xx } from './run.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const schema = JSON.parse(readFileSync(new URL('../../schemas/report.json', import.meta.url), 'utf8')) as object;
const valid = new Ajv2020({ allErrors: true, strict: true }).compile(schema);
const folder = mkdtempSync(join(tmpdir(), 'why5xx-logs-'));
const put = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return name;
};
// Every line below starts processes, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000 });
const logs = (args: readonly string[], options: Parameters<typeof why5xx>[1] = {}): ReturnType<typeof why5xx> =>
  why5xx(['logs', ...args], { cwd: folder, ...options });

async function reportOn(args: readonly string[], options: Parameters<typeof why5xx>[1] = {}): Promise<Report> {
  const { stdout, stderr } = await logs([...args, '-o', 'json'], options);
  expect(stderr).not.toMatch(/this is a bug|^ {4}at /m);
  return JSON.parse(stdout) as Report;
}

beforeAll(() => {
  chmodSync(folder, 0o755);
  const { accessLog, errorLog } = incident();
  put('access.log', accessLog);
  put('error.log', errorLog);
  put('well.log', Array.from({ length: 200 }, (_, i) => access(i, 200)).join(''));
  put('silent.log', Array.from({ length: 200 }, (_, i) => access(i, i % 20 === 7 ? 500 : 200)).join(''));
  put('empty.log', '');
  put(
    'noise.bin',
    Uint8Array.from({ length: 60_000 }, (_, i) => (i * 7919 + (i >> 3)) % 256),
  );
  put('prose.txt', 'Dear reader,\nthis is a letter\nand no log at all.\n');
  put('cut.gz', gzipSync(accessLog).subarray(0, 700));
  put('access.gz', gzipSync(accessLog));
  put('access.zst', zstdCompressSync(accessLog));
  mkdirSync(join(folder, 'nothing'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('answers', () => {
  it('no failing request: exit 0', async () => {
    const { code, stdout, stderr } = await logs(['well.log']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/0 of 200 requests failed/);
  });

  it('a cause that the error log proves: exit 1, the answer first', async () => {
    const { code, stdout, stderr } = await logs(['access.log', 'error.log']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const [answer = '', rest = ''] = stdout.split('\nWhen');
    expect(answer).toMatch(/^✗ /);
    expect(answer).toContain('40 of 400 requests failed (10 %)');
    expect(answer).toContain('10.0.0.13:80');
    expect(rest).toMatch(/access\.log:\d+[^]*error\.log:\d+/);
    expect(rest).toMatch(/Cause found: backend-process-down .*40 of 400\s+requests\s+failed/s);
  });

  it('a single request is told of as one, and drawn as a moment', async () => {
    const one = put('one.log', access(3, 502));
    const tooBig = 'upstream sent too big header while reading response header from upstream';
    const { stdout } = await logs([one, put('one-error.log', errorLine(3).replace(/connect\(\).*?upstream/, tooBig))]);
    expect(stdout).toContain('1 of 1 request failed (100 %), with 502');
    expect(stdout).toMatch(/What .*\n +2026-11-23 02:10:18 UTC\n/);
    expect(stdout).toContain('1 failing request in one.log');
    expect(stdout).toMatch(/1 of 1 failing request has its error line/);
    expect(stdout).not.toMatch(/\b1 (?:requests|attempts|lines|were)\b/);
    expect(/^ {2}requests +(█+) /m.exec(stdout)?.[1]).toHaveLength(8);
    const { stdout: page } = await logs([one, '-o', 'html']);
    expect(page).toContain('<h2>When</h2>');
    expect(page).not.toContain('<svg class="chart');
  });

  it('failing without anything that proves a cause: exit 3, and what would tell', async () => {
    const { code, stdout } = await logs(['silent.log']);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^\? Failing, cause not proven/);
    expect(stdout).toContain('10 of 200 requests failed (5 %)');
    expect(stdout).toMatch(/These would tell:\n\s+- \S/);
  });

  it('--quiet: one line, and nothing on stderr', async () => {
    const { code, stdout, stderr } = await logs(['access.log', 'error.log', '--quiet']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^Cause found: backend-process-down on \S+ \((confirmed|likely)\) · 40 of 400 requests failed \(10 %\)\n$/);
  });

  it('--lang zh', async () => {
    const { code, stdout } = await logs(['access.log', 'error.log', '--lang', 'zh']);
    expect(code).toBe(1);
    expect(stdout).toContain('400 个请求中有 40 个失败（10 %）');
    expect(stdout).toMatch(/时间分布/);
  });

  it('JSON is what the published schema says, for every outcome', async () => {
    for (const files of [['well.log'], ['access.log', 'error.log'], ['silent.log'], ['error.log'], ['access.log', 'absent.log']]) {
      const report = await reportOn(files);
      expect(valid(report), `${files.join(' ')}: ${JSON.stringify(valid.errors)}`).toBe(true);
      expect(report.logs?.inputs.map((each) => each.lines).every((lines) => lines >= 0)).toBe(true);
    }
  });

  it('every format at once, each whole', async () => {
    const { code, stdout } = await logs([
      'access.log',
      'error.log',
      '-o',
      'text',
      '-o',
      'json:r.json',
      '-o',
      'markdown:r.md',
      '-o',
      'html:r.html',
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^✗ /);
    expect(JSON.parse(readFileSync(join(folder, 'r.json'), 'utf8'))).toMatchObject({
      schema: 'why5xx/report@1',
      logs: { failed: 40, requests: 400 },
    });
    expect(readFileSync(join(folder, 'r.md'), 'utf8')).toMatch(/^# .*\n[^]*40 of 400 requests failed/);
    expect(readFileSync(join(folder, 'r.html'), 'utf8')).toMatch(/^<!doctype html>[^]*<svg class="chart tall"[^]*<\/html>\s*$/i);
  });

  it('the same figures from plain, gzip, zstd and standard input, and with threads or without', async () => {
    const figures = ({ logs: found }: Report): unknown => ({
      ...found,
      inputs: [],
      occurrences: [],
      unexplained: [],
      bytes: 0,
      scanMs: 0,
      limits: [],
    });
    const plain = await reportOn(['access.log']);
    expect(plain.logs).toMatchObject({ failed: 40, requests: 400 });
    for (const args of [['access.gz'], ['access.zst'], ['access.log', '--workers', '0'], ['access.log', '--workers', '2']]) {
      expect(figures(await reportOn(args)), args.join(' ')).toEqual(figures(plain));
    }
    const piped = await reportOn(['-'], { input: readFileSync(join(folder, 'access.log'), 'utf8') });
    expect(figures(piped)).toEqual(figures(plain));
  });

  it.each(['access.gz', 'access.zst'])('progress comes to what is stored, whatever %s unpacks to', async (packed) => {
    const paths = ['well.log', packed].map((name) => join(folder, name));
    const { inputs } = await resolveInputs(paths, { stdin: process.stdin });
    const stored = paths.reduce((sum, each) => sum + statSync(each).size, 0);
    const told: ScanProgress[] = [];
    await scanLogs(inputs, { hints: { nginxFormats: [], year: 2026 }, onProgress: (progress) => told.push(progress) });
    expect(told.at(-1)).toMatchObject({ storedBytes: stored, totalBytes: stored, lines: 600 });
  });

  it('names hosts as the site file does', async () => {
    put('site.yaml', 'why5xx: 1\nname: shop\nurl: http://shop.example.com/\nbackends:\n  - { name: web-3, address: "10.0.0.13:80" }\n');
    const report = await reportOn(['access.log', 'error.log', '--site', 'site.yaml']);
    expect(report.causes[0]).toMatchObject({ id: 'backend-process-down', host: 'web-3' });
  });

  it('--since and --until: only what lies between, whatever the threads, with the rate of that time', async () => {
    const window = ['--since', '2026-11-23T02:20Z', '--until', '2026-11-23T02:30Z'];
    for (const files of [
      ['access.log', 'error.log'],
      ['access.gz', 'error.log', '--workers', '2'],
    ]) {
      const report = await reportOn([...files, ...window]);
      expect(report.logs).toMatchObject({ failed: 10, requests: 100, byPath: { rows: [{ count: 10 }] } });
      expect(report.logs?.occurrences).toMatchObject([{ cause: 'backend-process-down', count: 10 }]);
      expect(report.logs?.inputs[0]?.notes.join()).toContain('2026-11-23 02:20 to 2026-11-23 02:30 UTC');
    }
    // The same stretch by the clock of another zone.
    const east = await reportOn(['access.log', '--tz', '+08:00', '--since', '2026-11-23T10:20', '--until', '2026-11-23T10:30']);
    expect(east.logs).toMatchObject({ failed: 10, requests: 100 });
  });

  it('reads a log_format from the configuration, and one that is given', async () => {
    const format = '$status|$request_time|$remote_addr|[$time_iso8601]|$request|$upstream_addr';
    put(
      'strange.log',
      Array.from(
        { length: 50 },
        (_, i) => `${i % 10 === 0 ? 504 : 200}|0.2|203.0.113.9|[2026-11-23T02:1${i % 10}:00+00:00]|GET /a HTTP/1.1|10.0.0.1:80\n`,
      ).join(''),
    );
    put('nginx.conf', `http { log_format strange '$status|$request_time|$remote_addr|'\n  '[$time_iso8601]|$request|$upstream_addr'; }`);
    for (const args of [
      ['--nginx-config', 'nginx.conf'],
      ['--log-format', format],
    ]) {
      const { logs: found } = await reportOn(['strange.log', ...args]);
      expect(found, args[0]).toMatchObject({ failed: 5, requests: 50, inputs: [{ dialect: format, unparsed: 0 }] });
    }
  });
});

describe('misuse and unreadable inputs: exit 2, nothing on stdout, and a sentence that helps', () => {
  it.for<readonly [readonly string[], RegExp]>([
    [[], /missing required argument 'input'/],
    [['absent.log'], /cannot read absent\.log: there is no such file/],
    [['absent.log', 'gone.log'], /cannot read absent\.log[^]*gone\.log/],
    [['nothing'], /cannot read nothing: the folder is empty/],
    [['/dev/null'], /\/dev\/null: it is a device/],
    [['empty.log'], /empty\.log: empty/],
    [['noise.bin'], /noise\.bin/],
    [['prose.txt'], /no line of prose\.txt is in a format that why5xx knows \(3 lines\)[^]*Dear reader[^]*--log-format/],
    [
      ['access.log', '--log-format', '$status $nothing_like_it'],
      /no line fits --log-format \$status \$nothing_like_it[^]*look like nginx-access/,
    ],
    [['access.log', '--log-format', 'haproxy-htp'], /there is no log format "haproxy-htp"[^]*Known: /],
    [['access.log', '--nginx-config', 'absent.conf'], /cannot read absent\.conf: it does not exist/],
    [['access.log', '--nginx-config', 'prose.txt'], /prose\.txt has no log_format/],
    [['access.log', '--since', 'yesterday'], /Expected a time/],
    [['access.log', '--since', '2026-11-23T03:00Z', '--until', '2026-11-23T02:00Z'], /--until is not after --since/],
    [['access.log', '--until', '2020-01-01'], /no request and no error lies between[^]*2026-11-23 02:10 to 2026-11-23 02:49/],
    [['access.log', '--tz', 'Mars/Olympus'], /Expected a zone/],
    [['access.log', '--workers', 'many'], /whole number/],
    [['access.log', '--columns', 'x.yaml'], /--columns is for a ClickHouse table/],
    [['access.log', 'clickhouse://db/logs/nginx'], /cannot be read together/],
    [['--follow', '-'], /--follow follows files/],
    [['--follow', 'access.gz'], /no file to follow/],
    [['access.log', '--site', 'absent.yaml'], /absent\.yaml does not exist/],
    [['access.log', '-o', 'pdf'], /Expected text, json/],
    [['access.log', '-o', 'html:missing/r.html'], /cannot write missing\/r\.html/],
    [['access.log', '--folow'], /unknown option '--folow'[^]*--follow/],
  ])('%j', async ([args, message]) => {
    const { code, stdout, stderr } = await logs(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/this is a bug|^ {4}at /m);
  });
});

describe('inputs that are only partly readable', () => {
  it('a file that is not there among others: the rest is analysed, and both result and stderr say so', async () => {
    const { code, stdout, stderr } = await logs(['access.log', 'absent.log', 'error.log']);
    expect(code).toBe(1);
    expect(stderr).toBe('why5xx: absent.log: there is no such file\n');
    expect(stdout).toMatch(/absent\.log\n[^]*! .*no such file/);
  });

  it('a file that may not be read', async () => {
    const locked = join(folder, put('locked.log', access(1, 502)));
    chmodSync(locked, 0o000);
    const well = join(folder, 'access.log');
    chmodSync(well, 0o644);
    // Root may read everything, so root becomes nobody.
    const words = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    const [program, ...args] = [...words, process.execPath, main, 'logs', '-o', 'json'];
    const run = (files: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(program, [...args, ...files], { encoding: 'utf8', cwd: '/', env: { ...process.env, LC_ALL: 'C.UTF-8', HOME: '/' } });
    const alone = run([locked]);
    expect({ code: alone.status, stdout: alone.stdout }).toEqual({ code: 2, stdout: '' });
    expect(alone.stderr).toMatch(/cannot read .*locked\.log: no permission to read it/);
    const both = run([locked, well, join(folder, 'error.log')]);
    expect(both.status).toBe(1);
    expect(both.stderr).toMatch(/locked\.log: no permission to read it\n$/);
    const report = JSON.parse(both.stdout) as Report;
    expect(report.logs).toMatchObject({ failed: 40 });
    expect(report.logs?.inputs.find((each) => each.name === locked)?.notes.join()).toMatch(/permission/);
  });

  it('a gzip file that ends early: its good part counts', async () => {
    const { code, stdout, stderr } = await logs(['cut.gz', '-o', 'json']);
    expect([0, 1, 3]).toContain(code);
    expect(stderr).toMatch(/^why5xx: cut\.gz: /);
    const { logs: found } = JSON.parse(stdout) as Report;
    expect(found?.inputs[0]?.lines).toBeGreaterThan(10);
    expect(found?.inputs[0]?.notes.length).toBeGreaterThan(0);
  });

  it('counts what it cannot understand to the line, and never drops it', async () => {
    put('mixed.log', `${readFileSync(join(folder, 'access.log'), 'utf8')}garbage one\ngarbage two\n\n`);
    const { logs: found } = await reportOn(['mixed.log']);
    expect(found?.inputs[0]).toMatchObject({ lines: 403, parsed: 400, unparsed: 2, furniture: 1 });
    const { stdout } = await logs(['mixed.log']);
    expect(stdout).toContain('403 lines, 2 not understood');
  });

  it('hostile lines cannot steer the terminal or the page', async () => {
    const evil = '\u001b[2J\u001b]0;pwned\u0007<script>alert(1)</script>\u202e';
    put('evil.log', Array.from({ length: 20 }, (_, i) => combined({ i, status: 502, path: `/${evil}` })).join(''));
    const text = await logs(['evil.log', '-o', 'text', '-o', 'html:evil.html', '-o', 'json:evil.json'], { env: { FORCE_COLOR: '0' } });
    expect(text.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(readFileSync(join(folder, 'evil.html'), 'utf8')).not.toMatch(/<script|[\u0007\u001b\u202e]/);
    expect(readFileSync(join(folder, 'evil.json'), 'utf8')).not.toMatch(/[\u0007\u001b\u202e]/);
  });
});

describe('streams', () => {
  it('a reader that goes away is no failure', async () => {
    const script = 'set -o pipefail; { "$0" "$1" logs "$2" "$3" --verbose; echo "code $?" >&2; } | head -1';
    const child = spawn('bash', ['-c', script, process.execPath, main, join(folder, 'access.log'), join(folder, 'error.log')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, 'close');
    expect(stderr).toBe('code 1\n');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('--follow: a line for each minute and cause that changed, over a rotation; Ctrl-C brings the report and its exit code', async () => {
    const path = join(folder, put('live.log', Array.from({ length: 30 }, (_, i) => access(i, 200)).join('')));
    const errors = join(folder, put('live-error.log', ''));
    const child = spawn(process.execPath, [main, 'logs', '--follow', path, errors], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const closed = once(child, 'close') as Promise<[number | null]>;
    const timer = setTimeout(() => child.kill('SIGKILL'), 50_000);
    const until = async (what: RegExp, act: () => void): Promise<void> => {
      await vi.waitFor(
        () => {
          act();
          expect(stdout).toMatch(what);
        },
        { timeout: 20_000, interval: 500 },
      );
    };
    await vi.waitFor(() => expect(stderr).toMatch(/^following 2 logs from the end/), { timeout: 20_000, interval: 100 });
    let i = 0;
    const fail = (): void => {
      appendFileSync(path, access(i, 502));
      appendFileSync(errors, errorLine(i));
      i += 1;
    };
    // Others are answered; a server that refuses everything could as well be a wrong address.
    appendFileSync(path, access(0, 200));
    await until(/^2026-11-23 02:1\d {2}backend-process-down {2}\d+$/m, fail);
    renameSync(path, `${path}.1`);
    await until(/^2026-11-23 02:1\d {2}backend-process-down {2}\d+$/m, fail);
    const sent = i;
    await new Promise((resolve) => void setTimeout(resolve, 2500));
    child.kill('SIGINT');
    const [code] = await closed;
    clearTimeout(timer);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'following 2 logs from the end; Ctrl-C ends it and prints the report\n' });
    expect(stdout).toContain(`${sent} of ${sent + 1} requests failed (`);
    expect(stdout).toMatch(/Cause found: backend-process-down/);
  });
});
