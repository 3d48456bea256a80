// The lab itself: it comes up whole and fast, in every shape; it breaks and heals; it leaves nothing behind, even when killed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { noisePlan } from '../../src/lab/noise.ts';
import { siteSchema } from '../../src/model/site.ts';
import { type LabWorld, labUp, labWords, makeWorld, type World } from './world.ts';

const source = fileURLToPath(new URL('../../src/', import.meta.url));
let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** Status codes of `count` requests to `url`, sent from the world itself or from inside a host of the lab. */
async function codes(url: string, count: number, enter: readonly string[] = []): Promise<readonly string[]> {
  const urls = Array.from({ length: count }, () => ['-o', '/dev/null', url]).flat();
  const ran = await world.run([
    ...enter,
    'curl',
    '-s',
    '-m',
    '5',
    '--resolve',
    'shop.example.com:80:203.0.113.5',
    '-w',
    '%{http_code}\n',
    ...urls,
  ]);
  return ran.stdout.trim().split('\n');
}

async function hostWords(lab: LabWorld, name: string): Promise<readonly string[]> {
  const site = siteSchema.parse(parse(await lab.mustLab(['site'])));
  const host = [...site.clients, ...site.edge, ...(site.balancer === undefined ? [] : [site.balancer]), ...site.backends].find(
    (each) => each.name === name,
  );
  if (!Array.isArray(host?.exec)) throw new Error(`${name} has no command prefix`);
  return host.exec;
}

/** Everything that a lab could leave behind in its world. */
async function remains(): Promise<Record<string, readonly string[]>> {
  const lines = async (...command: string[]) => (await world.must(command)).trim().split('\n').toSorted();
  return {
    // The shell that lists is the only process that comes and goes.
    processes: (await lines('sh', '-c', 'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done'))
      .map((line) => line.trim())
      .filter((line) => line !== '' && !/^(sh -c for p|tr )/.test(line)),
    links: (await lines('ip', '-o', 'link')).map((line) => line.replace(/^\d+: /, '')),
    mounts: (await lines('cat', '/proc/self/mountinfo')).map((line) => line.split(' ').slice(4).join(' ')),
    files: await lines('find', '/run', '/var/lib/nginx', '/etc/nginx', '/etc/ssh'),
    routes: await lines('sh', '-c', 'ip route; ip rule'),
  };
}

describe('lab up', () => {
  it.for([
    ['nginx', '7'],
    ['nginx', '4'],
    ['haproxy', '7'],
    ['haproxy', '4'],
  ] as const)('%s at layer %s: the site answers from every vantage, with each kind of access', async ([balancer, layer]) => {
    const lab = await labUp(world, '--balancer', balancer, '--layer', layer);
    const url = layer === '7' ? 'http://shop.example.com/api/orders' : 'http://shop.example.com:8080/api/orders';
    expect(await codes(layer === '7' ? url : 'http://198.51.100.10:8080/api/orders', 6)).toEqual(Array.from({ length: 6 }, () => '200'));
    for (const client of ['client-a', 'client-b']) {
      const enter = await hostWords(lab, client);
      const ran = await world.must([...enter, 'curl', '-s', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', url]);
      expect(`${client} ${ran}`).toBe(`${client} 200`);
    }
    for (const [access, looked] of [
      ['full', 7],
      ['backends', 5],
      ['client', 2],
    ] as const) {
      const site = siteSchema.parse(parse(await lab.mustLab(['site', '--access', access])));
      const hosts = [...site.clients, ...site.edge, ...(site.balancer === undefined ? [] : [site.balancer]), ...site.backends];
      expect(site.url).toBe(url);
      expect(hosts.filter((host) => host.exec !== undefined).length).toBe(layer === '4' && access === 'full' ? looked - 1 : looked);
    }
  });

  it('comes up fast, twice is once, and other options are refused', async () => {
    const began = performance.now();
    const lab = await labUp(world);
    const tookMs = performance.now() - began;
    process.stderr.write(`lab up took ${Math.round(tookMs)} ms\n`);
    expect(tookMs).toBeLessThan(10_000);
    // Backends have private addresses: from here they are unreachable at once, not lost on the way.
    const direct = await world.run(['curl', '-s', '-m', '5', '-w', '%{errormsg}', 'http://10.0.0.11/']);
    expect(direct.stdout).toMatch(/No route to host|Network is unreachable|Couldn't connect/);
    expect(direct.tookMs).toBeLessThan(2_000);
    const before = await lab.mustLab(['site']);
    expect(await lab.mustLab(['up'])).toContain('already');
    expect(await lab.mustLab(['site'])).toBe(before);
    const other = await lab.lab(['up', '--backends', '2']);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('lab down');
  });

  it('lets ssh in by its own keys only', async () => {
    const lab = await labUp(world, '--backends', '2');
    const { WHY5XX_SSH_CONFIG: config = '' } = await lab.sshEnvironment();
    const site = siteSchema.parse(parse(await lab.mustLab(['site', '--ssh'])));
    const hosts = [...site.clients, ...site.edge, ...(site.balancer === undefined ? [] : [site.balancer]), ...site.backends];
    expect(hosts.map((host) => host.exec).every((exec) => typeof exec === 'string' && exec.startsWith('ssh://root@'))).toBe(true);
    for (const host of hosts) {
      const address = String(host.exec).replace('ssh://', '');
      expect(await world.must(['ssh', '-F', config, address, 'hostname'])).toBe(`${host.name}\n`);
    }
    const stranger = await world.run([
      'ssh',
      '-o',
      'BatchMode=yes',
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'IdentityFile=/dev/null',
      '-o',
      'IdentityAgent=none',
      String(hosts[0]?.exec).replace('ssh://', ''),
      'true',
    ]);
    expect(stranger.code).toBe(255);
  });
});

describe('the edge', () => {
  it('serves TLS under the lab authority, a placeholder for other hosts, and the interception page for unfiled domains', async () => {
    const lab = await labUp(world, '--backends', '2');
    const ssh = (await lab.sshEnvironment())['WHY5XX_SSH_CONFIG'] ?? '';
    const curl = async (...args: string[]) =>
      (
        await world.run([
          'curl',
          '-s',
          '-i',
          '-m',
          '5',
          '--resolve',
          'shop.example.com:443:203.0.113.5',
          '--resolve',
          'shop.example.com:80:203.0.113.5',
          ...args,
        ])
      ).stdout;
    expect(await curl('--cacert', join(ssh, '../../tls/ca.pem'), 'https://shop.example.com/api/orders')).toMatch(/^HTTP\/1.1 200/);
    expect(await curl('http://203.0.113.5/')).toMatch(/^HTTP\/1.1 503/);
    await inject(`await lab.edge.write('/etc/nginx/unfiled.map', 'shop.example.com 1;\\n'); await lab.edge.service('nginx', 'reload');`);
    const blocked = await curl('http://shop.example.com/api/orders');
    expect(blocked).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    expect(blocked).toContain('\r\nServer: Beaver\r\n');
    expect(blocked).toContain('<title>Non-compliance ICP Filing</title>');
    await lab.heal();
    expect(await curl('http://shop.example.com/api/orders')).toMatch(/^HTTP\/1.1 200/);
  });

  it('drops or rejects listed addresses, and only those', async () => {
    const lab = await labUp(world, '--backends', '2');
    const client = async (name: string) =>
      (
        await world.run([
          ...(await hostWords(lab, name)),
          'curl',
          '-s',
          '-m',
          '2',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code} %{errormsg}',
          'http://shop.example.com/',
        ])
      ).stdout;
    const list = (set: string) =>
      `['nft', 'add', 'element', 'inet', 'shield', '${set}', '{ 198.18.2.10 }'], ['nft', 'delete', 'element', 'inet', 'shield', '${set}', '{ 198.18.2.10 }']`;
    await inject(`await lab.edge.change(${list('blocked')});`);
    expect(await client('client-b')).toMatch(/^000 .*timed out/);
    expect(await client('client-a')).toMatch(/^200/);
    await lab.heal();
    await inject(`await lab.edge.change(${list('rejected')});`);
    expect(await client('client-b')).toMatch(/^000 .*(refused|reset|connect)/i);
    await lab.heal();
    expect(await client('client-b')).toMatch(/^200/);
  });
});

describe('noise', () => {
  it.for([
    ['nginx', '7', '1'],
    ['haproxy', '7', '2'],
    ['nginx', '4', '3'],
    ['haproxy', '4', '4'],
  ] as const)('%s at layer %s, seed %s: the site stays well, among old errors and other users', async ([balancer, layer, seed]) => {
    const lab = await labUp(world, '--balancer', balancer, '--layer', layer, '--noise', seed);
    const url = layer === '7' ? 'http://shop.example.com/api/orders' : 'http://198.51.100.10:8080/api/orders';
    expect(new Set(await codes(url, 12))).toEqual(new Set(['200']));
    const web = await hostWords(lab, 'web-1');
    const old = await world.must([...web, 'sh', '-c', 'cat /var/log/nginx/error.log /var/log/php*-fpm.log']);
    expect(old).toMatch(/\[(error|crit)\] \d+#\d+: \*\d+ /);
    expect(old).toMatch(/\] (WARNING|NOTICE): \[pool www\]/);
    await expect
      .poll(() => world.must([...web, 'sh', '-c', 'cat /var/log/nginx/access.log*']), { timeout: 10_000 })
      .toContain('Mozilla/5.0');
    const ran = await world.run([
      ...(await hostWords(lab, 'slb')),
      'sh',
      '-c',
      'cat /var/log/nginx/error.log /var/log/haproxy.log 2>/dev/null',
    ]);
    expect(ran.stdout.split('\n').length).toBeGreaterThan(5);
    await inject(`await lab.host('web-1').service('nginx', 'stop');`);
    await lab.heal();
    expect(new Set(await codes(url, 12))).toEqual(new Set(['200']));
  });

  it('means the same for the same seed, always', () => {
    for (let seed = 0; seed < 40; seed++) {
      const options = { balancer: 'nginx', layer: 7, backends: 3, noise: seed, realTimeouts: false } as const;
      const plan = noisePlan(options);
      expect(plan).toEqual(noisePlan(options));
      expect(plan.settings.length).toBeGreaterThanOrEqual(2);
      expect(new Set(plan.settings.map((each) => each.name)).size).toBe(plan.settings.length);
    }
  });
});

describe('lab down', () => {
  it('leaves nothing', async () => {
    const before = await remains();
    const lab = await labUp(world, '--balancer', 'haproxy', '--noise', '3');
    await lab.down();
    expect(await remains()).toEqual(before);
    expect(await lab.mustLab(['down'])).toContain('No lab');
  });

  it.for([30, 150, 300, 450, 600])('cleans up after an up that was killed after %d ms', async (afterMs) => {
    const before = await remains();
    // timeout(1) kills its child with -9, as a person or the kernel would.
    await world.run(['timeout', '-s', 'KILL', String(afterMs / 1000), ...labWords('up')]);
    const down = await world.run(labWords('down'));
    expect(down).toMatchObject({ code: 0, stderr: '' });
    expect(await remains()).toEqual(before);
  });

  it('lets the next up clean up instead', async () => {
    await world.run(['timeout', '-s', 'KILL', '0.5', ...labWords('up')]);
    await labUp(world);
    expect(await codes('http://shop.example.com/api/orders', 3)).toEqual(['200', '200', '200']);
  });
});

/** Runs a program in the world that breaks the lab with a fault written just for this test. */
async function inject(body: string): Promise<void> {
  const path = join(world.folder, 'fault.mjs');
  writeFileSync(
    path,
    `import { breakLab } from ${JSON.stringify(join(source, 'lab/lab.ts'))};
const variant = { name: 'tiny', title: 'tiny', host: null, async inject(lab) { ${body} } };
await breakLab({ cause: 'tiny-fault', variants: [variant] }, variant);
`,
  );
  await world.must([process.execPath, path]);
}

describe('lab break and heal', () => {
  it('undoes files, sysctls, mounts, processes, services, commands and site changes, in another process', async () => {
    const lab = await labUp(world, '--backends', '2');
    const web1 = await hostWords(lab, 'web-1');
    const look = () =>
      world.must([
        ...web1,
        'sh',
        '-c',
        'cat /etc/nginx/sites-enabled/shop.conf; stat -c "%a %U %G" /etc/nginx/sites-enabled/shop.conf; ls /etc/nginx /tmp; cat /proc/sys/net/ipv4/conf/eth0/rp_filter; grep -c . /proc/self/mountinfo; nft list ruleset; L=$(for p in /proc/[0-9]*; do cat $p/comm; done); echo "$L" | sort | grep -v php-fpm',
      ]);
    const before = await look();
    const siteBefore = await lab.mustLab(['site']);
    await inject(`
      const host = lab.host('web-1');
      await host.edit(lab.facts.paths.nginxSite, /fastcgi_pass unix:[^;]+;/, 'return 500;');
      await host.edit(lab.facts.paths.nginxSite, 'client_max_body_size 64m', 'client_max_body_size 1m');
      await host.run(['chmod', '600', lab.facts.paths.nginxSite]);
      await host.write('/etc/nginx/new-file', 'new');
      await host.sysctl('net.ipv4.conf.eth0.rp_filter', '1');
      await host.smallTmpfs('/var/lib/php/sessions', 65536);
      await host.change(['nft', 'add', 'table', 'inet', 'tiny'], ['nft', 'delete', 'table', 'inet', 'tiny']);
      await host.spawn(['sleep', '500']);
      await host.service('nginx', 'reload');
      await lab.host('web-2').service('php-fpm', 'kill');
      await lab.siteUses({ path: '/api/upload', method: 'POST', bodyBytes: 60000 });
      await lab.traffic({ from: 'client-b', path: '/api/orders', workers: 2, pauseMs: 50 });`);
    expect(await look()).not.toBe(before);
    // Other users are at work as soon as the fault is.
    expect(await world.must([...(await hostWords(lab, 'ddos')), 'cat', '/var/log/nginx/access.log'])).toContain('198.18.2.10 - - ');
    expect(new Set(await codes('http://shop.example.com/api/orders', 4))).toEqual(new Set(['500', '502']));
    expect(siteSchema.parse(parse(await lab.mustLab(['site']))).requests).toMatchObject([{ method: 'POST', body: { bytes: 60000 } }]);
    await lab.heal();
    expect(await look()).toBe(before);
    expect(await lab.mustLab(['site'])).toBe(siteBefore);
    expect(await codes('http://shop.example.com/api/orders', 4)).toEqual(['200', '200', '200', '200']);
    expect(await lab.mustLab(['heal'])).toContain('Nothing was broken');
  });

  it('heals what a fault that failed half-way has done', async () => {
    const lab = await labUp(world, '--backends', '2');
    await expect(
      inject(
        `await lab.host('web-1').service('nginx', 'kill'); await lab.host('web-1').edit(lab.facts.paths.nginxConfig, 'not there', 'x');`,
      ),
    ).rejects.toThrow('nothing there matches');
    expect(await codes('http://shop.example.com/api/orders', 4)).toContain('502');
    await lab.heal();
    expect(await codes('http://shop.example.com/api/orders', 4)).toEqual(['200', '200', '200', '200']);
  });

  it('goes on where a heal that was killed stopped', async () => {
    const lab = await labUp(world, '--backends', '2');
    const before = await world.must([
      ...(await hostWords(lab, 'web-2')),
      'sh',
      '-c',
      'cat /etc/nginx/sites-enabled/shop.conf; ls /etc/nginx; nft list ruleset',
    ]);
    await inject(`
      for (let i = 0; i < 10; i++) await lab.host('web-2').write('/etc/nginx/file-' + i, 'new');
      await lab.host('web-2').edit(lab.facts.paths.nginxSite, 'listen 80', 'listen 81');
      for (let i = 0; i < 10; i++) await lab.host('web-2').change(['nft', 'add', 'table', 'inet', 't' + i], ['nft', 'delete', 'table', 'inet', 't' + i]);
      await lab.host('web-2').service('nginx', 'restart');`);
    expect(new Set(await codes('http://shop.example.com/api/orders', 4))).toEqual(new Set(['200', '502']));
    for (const seconds of ['0.25', '0.3', '0.35']) await world.run(['timeout', '-s', 'KILL', seconds, ...labWords('heal')]);
    await lab.lab(['heal']);
    expect(
      await world.must([
        ...(await hostWords(lab, 'web-2')),
        'sh',
        '-c',
        'cat /etc/nginx/sites-enabled/shop.conf; ls /etc/nginx; nft list ruleset',
      ]),
    ).toBe(before);
    expect(await codes('http://shop.example.com/api/orders', 4)).toEqual(['200', '200', '200', '200']);
  });

  it('waits until HAProxy has taken healed backends back', async () => {
    const lab = await labUp(world, '--balancer', 'haproxy', '--backends', '2');
    await inject(`for (const host of lab.backends) await host.service('nginx', 'stop'); await lab.balancerSees('down');`);
    expect(await codes('http://shop.example.com/api/orders', 2)).toEqual(['503', '503']);
    await lab.heal();
    expect(await codes('http://shop.example.com/api/orders', 4)).toEqual(['200', '200', '200', '200']);
  });

  it('strict reverse-path filtering really drops layer-4 traffic, and only that', async () => {
    const lab = await labUp(world, '--layer', '4');
    const counter = async () => {
      const sums = await Promise.all(
        ['web-1', 'web-2', 'web-3'].map(async (name) => {
          const [names = '', values = ''] = (
            await world.must([...(await hostWords(lab, name)), 'grep', '^TcpExt:', '/proc/net/netstat'])
          ).split('\n');
          return Number(values.split(' ')[names.split(' ').indexOf('IPReversePathFilter')]);
        }),
      );
      return sums.reduce((sum, each) => sum + each, 0);
    };
    const before = await counter();
    await inject(`for (const host of lab.backends) await host.sysctl('net.ipv4.conf.eth0.rp_filter', '1');`);
    expect(await codes('http://198.51.100.10:8080/api/orders', 1)).toEqual(['000']);
    const dropped = await counter();
    expect(dropped).toBeGreaterThan(before);
    expect(await codes('http://198.51.100.10/api/orders', 3)).toEqual(['200', '200', '200']);
    expect(await counter()).toBe(dropped);
  });

  it('names the nearest fault for a wrong name', async () => {
    const lab = await labUp(world, '--backends', '2');
    const ran = await lab.lab(['break', 'fpm-max-childs']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('there is no fault "fpm-max-childs"');
    expect(ran.stdout).toBe('');
  });
});

it('says what is missing where it is not root', async () => {
  const ran = await world.run(['setpriv', '--reuid', '65534', '--clear-groups', ...labWords('up')]);
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain('needs root');
});

describe('in a user namespace', () => {
  it('says so where only root is mapped', async () => {
    const ran = await world.run(['unshare', '--map-root-user', '--net', '--mount', ...labWords('up')]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('user namespace');
  });

  it('works where a range of users is mapped', async () => {
    // The mapping is written from outside, as newuidmap(1) does it.
    const script = `mkfifo "$1"
unshare --user sh -c 'read -r _ < "$1"; shift; exec unshare --net --mount --pid --fork --mount-proc --kill-child sh -c "mount -t tmpfs tmpfs /run; ip link set lo up; \\"\\$@\\" && curl -s -m 5 -o /dev/null -w %{http_code} --resolve shop.example.com:80:203.0.113.5 http://shop.example.com/api/orders" sh "$@"' sh "$@" &
while [ "$(readlink /proc/$!/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
echo '0 0 65536' > /proc/$!/uid_map
echo '0 0 65536' > /proc/$!/gid_map
echo go > "$1"
wait $!`;
    const ran = await world.run(['sh', '-c', script, 'sh', join(world.folder, 'mapped'), ...labWords('up', '--backends', '2')]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/200$/);
  });
});
