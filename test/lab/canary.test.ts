// No secret leaves a run. More than a hundred of them lie where real systems spill them; none may be in the saved bundle, a report, a
// ticket or on stderr, in any encoding, while the verdict about the real fault beside them stays right.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

import { siteSchema, type Site, type SiteInput } from '../../src/model/site.ts';
import * as plants from './canary-plants.ts';
import { labUp, makeWorld } from './world.ts';
import type { LabWorld, Ran, World } from './world.ts';

interface Canary {
  readonly secret: string;
  /** The line that it was planted in. */
  readonly line: string;
}
const canaries: Canary[] = [];
/** Tags of lines that must become evidence, so that this test cannot pass by looking at nothing. */
const tags: string[] = [];

/** Three shapes: a key, a hash, and what people choose. None is part of another, and none occurs by itself. */
function secretOf(index: number): string {
  const hash = createHash('sha256').update(`canary ${index}`);
  const text = hash.digest('hex');
  if (index % 3 === 0) return text.slice(0, 32);
  return index % 3 === 1 ? `Kq${BigInt(`0x${text.slice(0, 24)}`).toString(36)}` : `Plum-river-${text.slice(0, 5)}`;
}

/** A template with fresh secrets and its own tag. */
function plant(template: string, tagged = false): string {
  const tag = `${canaries.length}x`;
  if (tagged) tags.push(`p${tag}`);
  const line = template.replaceAll('#', '\u0000');
  const numbered = line.replaceAll(/p\u0000/g, `p${tag}`).replaceAll('\u0000', '#');
  return numbered.replaceAll('{}', () => {
    const secret = secretOf(canaries.length);
    canaries.push({ secret, line: template });
    return secret;
  });
}

/** All forms in which a secret may travel: as it is, percent-encoded, hexadecimal, and base64 at each of its three alignments. */
function formsOf(secret: string): readonly string[] {
  const base64 = [0, 1, 2].map((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift, 0x20), Buffer.from(secret)]);
    const text = bytes.toString('base64').replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : shift + 1, -2);
  });
  const percent = [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join('');
  return [secret, encodeURIComponent(secret), percent, Buffer.from(secret).toString('hex'), ...base64];
}

let world: World;
let lab: LabWorld;
let site: Site;
const outputs = new Map<string, string>();
let ran: Ran;

async function onHost(name: string, script: string, input = '', args: readonly string[] = []): Promise<string> {
  const host = [...site.backends, ...site.edge, ...(site.balancer === undefined ? [] : [site.balancer])].find((each) => each.name === name);
  if (!Array.isArray(host?.exec)) throw new Error(`no way into ${name}`);
  return world.must([...host.exec, 'sh', '-ec', script, 'sh', ...args], { input });
}

const at = (name: string): string => join(world.folder, name);

beforeAll(async () => {
  world = await makeWorld();
  lab = await labUp(world, '--balancer', 'haproxy', '--backends', '3');
  const input = parse(await lab.mustLab(['site'])) as SiteInput;
  site = siteSchema.parse(input);

  const now = new Date(Date.now() - 60_000);
  const [year, month, day] = now.toISOString().slice(0, 10).split('-') as [string, string, string];
  const monthName = now.toLocaleString('en', { month: 'short', timeZone: 'UTC' });
  const clock = now.toISOString().slice(11, 19);

  // Logs of two backends.
  const access = plants.requestLines.map(([request, referrer]) => {
    const line = plant(`${request}\u0001${referrer}`, true).split('\u0001');
    return `10.0.0.1 - - [${day}/${monthName}/${year}:${clock} +0000] "${line[0]}" 502 150 "${line[1]}" "Mozilla/5.0"\n`;
  });
  await onHost('web-1', 'cat >> /var/log/nginx/access.log', access.join(''));
  const errors = plants.errorMessages.map(
    (message) =>
      `${year}/${month}/${day} ${clock} [error] 12#12: *3 ${plant(message, true)}, client: 10.0.0.1, server: shop.example.com, request: "GET /x HTTP/1.1", upstream: "fastcgi://unix:/run/php/x.sock:", host: "shop.example.com"\n`,
  );
  await onHost('web-3', 'cat >> /var/log/nginx/error.log', errors.join(''));
  const balancerLog = plants.haproxyLog.map(
    (line) =>
      `${monthName} ${day} ${clock} slb haproxy[7]: ${plant(line, true).replace('{date}', `${day}/${monthName}/${year}:${clock}.123`)}\n`,
  );
  await onHost('slb', 'cat >> /var/log/haproxy.log', balancerLog.join(''));

  // Configurations, valid ones. The one on web-2 is loaded, so that its error page and headers are sent.
  const nginxBlock = plants.nginxStatements.map((each) => `  ${plant(each)}\n`).join('');
  const headers = plants.pageHeaders.map((each) => `    add_header ${plant(each)} always;\n`).join('');
  const httpBlock = plants.nginxHttpStatements.map((each) => `${plant(each)}\n`).join('');
  await onHost('web-2', 'mkdir -p /etc/nginx/conf.d; cat > /etc/nginx/conf.d/keys.conf', httpBlock);
  await onHost(
    'web-2',
    'cat > /etc/nginx/secrets.conf',
    `${nginxBlock}  error_page 502 /oops.html;\n  location = /oops.html {\n${headers}  }\n`,
  );
  await onHost('web-2', 'cat > /var/www/html/oops.html', `<h1>502</h1>\n${plants.pageLines.map((each) => plant(each)).join('\n')}\n`);
  await onHost(
    'web-2',
    'sed -i "s|^  index index.html;|  index index.html;\\n  include /etc/nginx/secrets.conf;|" /etc/nginx/sites-enabled/shop.conf; nginx -t -q; nginx -s reload',
  );
  const pool = site.backends[0]?.name ?? '';
  await onHost(
    pool,
    'for f in /etc/php/*/fpm/pool.d/www.conf; do cat >> "$f"; done',
    `${plants.poolLines.map((each) => plant(each)).join('\n')}\n`,
  );
  const global = plants.haproxyGlobalLines.map((each) => `  ${plant(each)}\n`).join('');
  const lines = plants.haproxyLines.map((each) => `  ${plant(each)}\n`).join('');
  const users = `\nuserlist ops\n${plants.haproxyUserlist.map((each) => `  ${plant(each)}\n`).join('')}`;
  await onHost(
    'slb',
    'printf %s "$1" > /tmp/g; printf %s "$2" > /tmp/l; printf %s "$3" > /tmp/u; f=/etc/haproxy/haproxy.cfg; sed -i -e "/^global/r /tmp/g" -e "/^frontend shop/r /tmp/l" "$f"; cat /tmp/u >> "$f"; haproxy -c -q -f "$f"; rm /tmp/g /tmp/l /tmp/u',
    '',
    [global, lines, users],
  );

  // Processes whose command lines say too much.
  for (const command of plants.commandLines) {
    await onHost('web-3', 'perl -e \'$0 = shift; sleep 600\' "$1" >/dev/null 2>&1 </dev/null &', '', [plant(command)]);
  }

  await lab.break('fpm-down-static-health-ok:one');

  // The site file, and the environment.
  const env = { API_TOKEN: plant('{}'), INTERNAL: plant('{}') };
  const basic = Buffer.from(`ops:${plant('{}')}`).toString('base64');
  const file = at('secrets.yaml');
  const url = plant('http://reader:{}@shop.example.com/api/orders?token={}&signature={}&state={}');
  writeFileSync(
    file,
    stringify({
      ...input,
      // Ways into hosts that carry passwords, one that works and one that does not.
      backends: input.backends?.map((each) =>
        each.name === 'web-1' && Array.isArray(each.exec) ? { ...each, exec: ['env', plant('VAULT_TOKEN={}'), ...each.exec] } : each,
      ),
      clients: [...(input.clients ?? []), { name: 'far', exec: ['no-sshpass', '-p', plant('{}'), 'ssh', 'far', plant('--token={}')] }],
      url,
      requests: [
        {
          url,
          headers: {
            cookie: plant('sid={}; csrf={}'),
            authorization: 'Bearer $API_TOKEN',
            'x-api-key': plant('{}'),
            'x-internal': '$INTERNAL',
          },
        },
        { url: plant('http://shop.example.com/api/orders?api_key={}'), method: 'HEAD', headers: { authorization: `Basic ${basic}` } },
      ],
    }),
  );

  ran = await lab.cli(
    [
      file,
      '--verbose',
      '--save',
      at('bundle.json'),
      '-o',
      'text',
      '-o',
      `json:${at('r.json')}`,
      '-o',
      `markdown:${at('r.md')}`,
      '-o',
      `html:${at('r.html')}`,
    ],
    { env, timeoutMs: 90_000 },
  );
  outputs.set('stdout', ran.stdout);
  outputs.set('stderr', ran.stderr);
  for (const name of ['bundle.json', 'r.json', 'r.md', 'r.html']) outputs.set(name, readFileSync(at(name), 'utf8'));
  for (const to of ['cloud', 'dev']) outputs.set(`ticket ${to}`, (await lab.cli(['ticket', at('bundle.json'), '--to', to])).stdout);
}, 240_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe('canaries', () => {
  it('there are more than a hundred, all different, and the lines around them became evidence', () => {
    expect(new Set(canaries.map((each) => each.secret)).size).toBe(canaries.length);
    expect(canaries.length).toBeGreaterThan(100);
    const bundle = outputs.get('bundle.json') ?? '';
    const unseen = tags.filter((tag) => !bundle.includes(tag));
    expect(unseen).toEqual([]);
    for (const seen of ['X-Origin-Verify', 'DATABASE_URL', 'mysql', 'oops.html', 'x-auth-token', 'userlist'])
      expect(bundle).toContain(seen);
  });

  it('none of them is in the bundle or in any output', () => {
    const leaks = canaries.flatMap(({ secret, line }) => {
      const where = [...outputs].filter(([, text]) => formsOf(secret).some((form) => text.includes(form))).map(([name]) => name);
      if (where.length === 0) return [];
      const bundle = outputs.get('bundle.json') ?? '';
      const form = formsOf(secret).find((each) => bundle.includes(each)) ?? secret;
      const found = bundle.indexOf(form);
      return [`${line}  →  ${where.join(', ')}  …${bundle.slice(Math.max(0, found - 80), found + form.length + 20)}…`];
    });
    expect(leaks).toEqual([]);
  });

  it('no comment of a configuration is kept', () => {
    for (const text of outputs.values()) expect(text).not.toMatch(/old password|# p\d+x password/);
  });

  it('and the verdict is right all the same', () => {
    expect(JSON.parse(outputs.get('r.json') ?? '')).toMatchObject({
      outcome: 'cause-found',
      causes: [{ id: 'fpm-down-static-health-ok', host: 'web-2', certainty: 'confirmed' }],
    });
    expect(ran.code).toBe(1);
  });
});
