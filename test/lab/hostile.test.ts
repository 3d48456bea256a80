// Hosts that hang, keys that are refused, logs full of noise and forgery, servers that follow no rule: each run ends in time, says what
// was wrong, leaves nothing behind, and still finds the real fault beside it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

import { reportSchema, type Report } from '../../src/model/report.ts';
import type { SiteInput } from '../../src/model/site.ts';
import { labUp, makeWorld } from './world.ts';
import type { LabWorld, Ran, World } from './world.ts';

const servers = fileURLToPath(new URL('hostile-servers.ts', import.meta.url));
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let world: World;
let lab: LabWorld;
let base: SiteInput;
let temporary: string;
let files = 0;

beforeAll(async () => {
  world = await makeWorld();
  lab = await labUp(world, '--balancer', 'nginx', '--backends', '3');
  base = parse(await lab.mustLab(['site'])) as SiteInput;
  await lab.break('fpm-down-static-health-ok:one'); // on web-2
  temporary = join(world.folder, 'tmp');
  mkdirSync(temporary);
  const child = spawn(world.enter[0] ?? '', [...world.enter.slice(1), process.execPath, servers], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Command lines of all processes of the world, without those that come and go by themselves. */
async function processes(): Promise<readonly string[]> {
  const all = await world.must(['sh', '-c', 'for p in /proc/[0-9]*; do tr "\\0" " " <"$p/cmdline"; echo; done 2>/dev/null']);
  return all
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(php-fpm: pool|sh -c for p in|tr |sleep 100000$|nginx: worker|sshd:)/.test(line))
    .toSorted();
}

let before: readonly string[];
beforeEach(async () => {
  before = await processes();
});
afterEach(async () => {
  // A command on a host that hangs is ended by its watchdog, which is not instant.
  for (let tries = 0; tries < 40 && (await processes()).some((line) => !before.includes(line)); tries++) await sleep(250);
  const left = (await processes()).filter((line) => !before.includes(line));
  const folders = readdirSync(temporary).filter((name) => /^(w5|why5xx)/.test(name)); // Node keeps its compile cache there too
  if (left.length > 0 || folders.length > 0) throw new Error(`left behind: ${[...left, ...folders].join(', ')}`);
});

async function diagnose(
  site: object,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran & { readonly report: Report }> {
  const file = join(world.folder, `hostile-${(files += 1)}.yaml`);
  writeFileSync(file, stringify(site));
  const json = `${file}.json`;
  const ran = await lab.cli([file, '-o', 'text', '-o', `json:${json}`, ...args], {
    timeoutMs: 90_000,
    env: { TMPDIR: temporary, XDG_RUNTIME_DIR: temporary, ...env },
  });
  expect(ran.stderr).not.toMatch(/this is a bug/);
  const text = readFileSync(json, 'utf8');
  for (const output of [ran.stdout, ran.stderr, text]) expect(controlIn(output)).toBeNull();
  return { ...ran, report: reportSchema.parse(JSON.parse(text)) };
}

/** The first character that would steer a terminal. */
function controlIn(text: string): string | null {
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  return /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.exec(text)?.[0] ?? null;
}

const guilty = { outcome: 'cause-found', causes: [{ id: 'fpm-down-static-health-ok', host: 'web-2', certainty: 'confirmed' }] };

/** The site with another way into one backend. */
function withExec(name: string, exec: unknown): object {
  return { ...base, backends: base.backends?.map((each) => (each.name === name ? { ...each, exec } : each)) };
}
function execOf(name: string): readonly string[] {
  const exec = base.backends?.find((each) => each.name === name)?.exec;
  return Array.isArray(exec) ? exec : [];
}

describe('a host that cannot be read, while the fault sits on another one', () => {
  // Two at a time, those that take long together.
  it.for<readonly [string, readonly [unknown, RegExp], readonly [unknown, RegExp]]>([
    [
      'an ssh server that never speaks; a command that hangs and has children',
      ['ssh://root@127.0.0.1:9107', /did not answer in time|no shell answered|timed out/],
      [['sh', '-c', 'sleep 987654 & sleep 987655', 'x'], /did not answer in time|no shell answered/],
    ],
    [
      'forged section marks; a command that hangs',
      [['sh', '-c', 'cat >/dev/null; printf "w5-0000 begin\\n@netns 1\\n\\036\\nend 0;"', 'x'], /did not answer in time|no shell answered/],
      [['sh', '-c', 'while :; do sleep 987654; done', 'x'], /did not answer in time|no shell answered/],
    ],
    [
      'a closed ssh port; a command that prints without end',
      ['ssh://root@127.0.0.1:1', /Connection refused/],
      [['sh', '-c', 'yes w5-begin', 'x'], /prints without end/],
    ],
    [
      'an ssh server that says too much; a command that takes no input',
      ['ssh://root@127.0.0.1:9109', /ssh ended with code 255/],
      [['true'], /did not answer in time|no shell answered/],
    ],
    [
      'a name that does not exist; a command that is not there',
      ['ssh://root@no-such-host.invalid', /resolve|not known/],
      [['no-such-command', 'x'], /`no-such-command` is not there/],
    ],
    [
      'commands that fail',
      [['sh', '-c', 'echo "\u001b[31mno such container\u0007" >&2; exit 1', 'x'], /no such container/],
      [['sh', '-c', 'exit 7', 'x'], /code 7|no shell answered/],
    ],
  ])('%s', { timeout: 100_000 }, async ([, first, third]) => {
    const hostile = new Map([
      ['web-1', first],
      ['web-3', third],
    ]);
    const backends = base.backends?.map((each) => ({ ...each, exec: hostile.get(each.name)?.[0] ?? each.exec }));
    const { code, report, tookMs } = await diagnose({ ...base, backends });
    expect(report).toMatchObject(guilty);
    expect(code).toBe(1);
    expect(tookMs).toBeLessThan(45_000);
    for (const [name, [, reason]] of hostile) {
      const host = report.hosts.find((each) => each.host === name);
      expect(host).toMatchObject({ access: 'failed' });
      expect(host?.reason).toMatch(reason);
    }
  });

  it('a refused key, and an unknown host key', { timeout: 100_000 }, async () => {
    const site = parse(await lab.mustLab(['site', '--ssh'])) as SiteInput;
    const { WHY5XX_SSH_CONFIG: config = '' } = await lab.sshEnvironment();
    const backends = site.backends?.map((each) =>
      each.name === 'web-3' ? { ...each, exec: String(each.exec).replace('root@', 'nobody@') } : each,
    );
    const refused = await diagnose({ ...site, backends }, [], { WHY5XX_SSH_CONFIG: config });
    expect(refused.report).toMatchObject(guilty);
    expect(refused.report.hosts.find((each) => each.host === 'web-3')?.reason).toMatch(/nobody@[^]*No key was accepted[^]*ssh-add/);

    const strange = join(world.folder, 'ssh-config');
    const text = await world.must(['cat', config]);
    writeFileSync(strange, text.replace(/UserKnownHostsFile .*/, 'UserKnownHostsFile /dev/null'));
    const unknown = await diagnose(site, [], { WHY5XX_SSH_CONFIG: strange });
    expect(unknown.code).toBe(3);
    expect(unknown.report.causes).toEqual([]);
    for (const host of unknown.report.hosts.filter((each) => each.host !== 'here')) {
      expect(host).toMatchObject({ access: 'failed' });
      expect(host.reason).toMatch(/host key is not known/);
    }
  });

  it('a host without permission: what root would add is named', { timeout: 100_000 }, async () => {
    const { report, code } = await diagnose(
      withExec('web-2', [...execOf('web-2'), 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']),
    );
    expect(report).toMatchObject(guilty);
    expect(code).toBe(1);
    expect(report.untested.map((each) => each.needs).join('\n')).toMatch(/root on web-2 \([^)]*firewall rules[^)]*\)/);
  });
});

it('logs full of noise, garbage and forgery do not hide the fault', { timeout: 120_000 }, async () => {
  // 100 MB from before the run, and as much again while it runs, so that it lands between every two of its steps.
  const noise = 'yes "$1" | head -c 50000000 >> /var/log/nginx/error.log; yes "$2" | head -c 50000000 >> /var/log/nginx/access.log';
  const flow =
    'i=0; while [ $i -lt 50 ]; do yes "$1" | head -c 1000000 >> /var/log/nginx/error.log; yes "$2" | head -c 1000000 >> /var/log/nginx/access.log; sleep 0.1; i=$((i + 1)); done';
  const garbage = `for f in error access; do { head -c 300000 /dev/urandom; printf '%s\\n' "$1" | sed 's/ESC/\\x1b/g; s/BEL/\\x07/g'; } >> /var/log/nginx/$f.log; done`;
  const error =
    '2026/11/23 20:00:00 [error] 9#9: *1 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.9.9.9, server: shop, request: "GET /n HTTP/1.1", upstream: "fastcgi://unix:/run/x.sock:", host: "n"';
  const access = '10.9.9.9 - - [23/Nov/2026:20:00:00 +0000] "GET /n HTTP/1.1" 502 150 "-" "noise"';
  const forged = [
    'ESC[2JESC]0;pwnBEL',
    'w5-0123456789abcdef chunk new nginx-error 0 /etc/passwd',
    '2026/11/23 20:00:00 [crit] 1#1: *1 ESC[31mconnect() to unix:/x failed (2: No such file or directory) while connecting to upstream, client: ESC[5m',
    '@log',
    '==> /proc/1/cmdline <==',
    '# configuration file /etc/nginx/nginx.conf:',
    'dump',
  ].join('\n');
  await world.must([...execOf('web-2'), 'sh', '-ec', noise, 'sh', error, access]);
  for (const host of ['web-1', 'web-2', 'web-3']) await world.must([...execOf(host), 'sh', '-ec', garbage, 'sh', forged]);
  const during = world.run([...execOf('web-2'), 'sh', '-ec', flow, 'sh', error, access]);
  const save = join(world.folder, 'noisy.json');
  const { report, code, tookMs } = await diagnose(base, ['--save', save]);
  await during;
  for (const host of ['web-1', 'web-2', 'web-3'])
    await world.must([...execOf(host), 'sh', '-ec', ': > /var/log/nginx/error.log; : > /var/log/nginx/access.log']);
  expect(report).toMatchObject(guilty);
  expect(report.causes).toHaveLength(1);
  expect(code).toBe(1);
  expect(tookMs).toBeLessThan(60_000);
  expect(readFileSync(save).length).toBeLessThan(5_000_000);
});

describe('servers that follow no rule', () => {
  /** A site of one hostile server, as the balancer and as the only backend; it can be looked at from outside only. */
  const site = (port: number): object => ({
    why5xx: 1,
    url: `http://127.0.0.1:${port}/`,
    balancer: { name: 'lb', address: '127.0.0.1', listeners: [{ port, protocol: 'http', readTimeout: '1s', connectTimeout: '250ms' }] },
    backends: [{ name: 'b1', address: `127.0.0.1:${port}` }],
    limits: { requests: 20, seconds: 40 },
  });

  it.for<readonly [string, number, readonly (string | number | null)[]]>([
    ['garbage instead of HTTP', 9101, ['protocol', null]],
    ['headers without end', 9102, ['protocol', null]],
    ['a body without end', 9103, [null, 502]],
    ['escape sequences in reason, headers and body', 9104, [null, 502]],
    ['closes at once', 9105, ['reset', null]],
    ['a length that no number can hold', 9106, ['protocol', 502]],
    ['accepts and never answers', 9107, ['timeout', null]],
    ['a byte now and then', 9108, ['protocol', null]],
  ])('%s', { timeout: 60_000 }, async ([, port, [error, status]]) => {
    const { report, code, tookMs } = await diagnose(site(port));
    expect([1, 3]).toContain(code);
    // From outside nothing can be proven; that a backend never answers may be called likely.
    expect(report.causes.filter((each) => each.certainty === 'confirmed')).toEqual([]);
    expect(code).toBe(report.causes.length === 0 ? 3 : 1);
    // A server that closes may be seen to reset or to close, whichever comes first.
    const seen = report.symptoms.map((each) => [each.error === 'closed' ? 'reset' : each.error, each.status]);
    expect(seen).toContainEqual([error, status]);
    expect(tookMs).toBeLessThan(40_000);
  });

  it('a name that does not exist', { timeout: 60_000 }, async () => {
    const { report, code, stdout } = await diagnose({ why5xx: 1, url: 'http://no-such-shop.invalid/' });
    expect(code).toBe(3);
    expect(report).toMatchObject({ symptoms: [{ error: 'dns' }], suspectedLayer: 'dns' });
    expect(stdout).toMatch(/name does not resolve/);
  });
});

describe('no request could be sent', () => {
  const never = async (site: object, args: readonly string[]): Promise<void> => {
    const { report, code } = await diagnose(site, args);
    expect(report).toMatchObject({ outcome: 'cause-unproven', requestsSent: 0 });
    expect(code).toBe(3);
  };
  it('because the only client cannot be reached', { timeout: 60_000 }, async () => {
    await never({ ...base, clients: base.clients?.map((each) => ({ ...each, exec: ['no-such-command'] })) }, ['--from', 'client-a']);
  });
  it('because reading a host took all of the time', { timeout: 60_000 }, async () => {
    const site = withExec('web-3', ['sh', '-c', 'while :; do sleep 987654; done', 'x']);
    await never({ ...site, limits: { requests: 20, seconds: 1 } }, []);
  });
});

it('SIGINT in the middle: ends at once, exit code 2, nothing stays', { timeout: 60_000 }, async () => {
  const site = parse(await lab.mustLab(['site', '--ssh'])) as SiteInput;
  const file = join(world.folder, 'interrupt.yaml');
  // All hosts over ssh, a request that hangs, and a host that hangs.
  const url = 'http://127.0.0.1:9107/';
  writeFileSync(file, stringify({ ...site, url, static: undefined, resolve: {} }));
  const child = spawn(
    world.enter[0] ?? '',
    [...world.enter.slice(1), 'sh', '-c', 'echo $$; exec "$@"', 'sh', process.execPath, main, file, '-o', 'json'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(await lab.sshEnvironment()), TMPDIR: temporary, XDG_RUNTIME_DIR: temporary },
    },
  );
  let stderr = '';
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const sending = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (stderr.includes('sending marked requests')) resolve();
    });
  });
  const ended = once(child, 'close');
  await sending;
  await sleep(500);
  expect(readdirSync(temporary).filter((name) => name.startsWith('w5-')).length).toBeGreaterThan(0);
  const began = performance.now();
  await world.must(['kill', '-INT', stdout.split('\n')[0] ?? '']);
  const [code] = (await ended) as [number | null];
  expect({ code, printed: stdout.split('\n').slice(1).join('') }).toEqual({ code: 2, printed: '' });
  // Two seconds where it has a processor to itself.
  expect(performance.now() - began).toBeLessThan(4_000);
  expect(stderr).toMatch(/interrupted before there was a verdict/);
});

it('a broken site file: line, column, expectation; nothing is touched', async () => {
  const file = join(world.folder, 'broken.yaml');
  writeFileSync(file, 'why5xx: 1\nurl: "http://shop.example.com/\nbackends: [\n');
  const broken = await lab.cli([file]);
  expect({ code: broken.code, stdout: broken.stdout }).toEqual({ code: 2, stdout: '' });
  expect(broken.stderr).toMatch(/broken\.yaml:\d+:\d+: expected YAML/);
  writeFileSync(file, 'why5xx: 1\nurl: http://shop.example.com/\nbalancer: { name: a, adress: 10.0.0.1 }\n');
  const unknown = await lab.cli([file]);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/broken\.yaml:3:\d+: balancer\.adress: .*did you mean "address"/);
});
