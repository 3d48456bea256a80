// Site files good and bad. Each row of the table is one mistake and the exact words for it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';

import { renderProblems, SiteFileError, UserError } from '../model/errors.ts';
import { siteJsonSchema } from '../model/site.ts';
import { parseSiteDocument } from './document.ts';
import { factsOf } from './facts.ts';
import { readSite } from './read-site.ts';
import type { ReadSite } from './read-site.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures/site');
const head = 'why5xx: 1\nurl: https://shop.example.com/\n';

function read(text: string | Uint8Array, env: Record<string, string> = {}): Promise<ReadSite> {
  return readSite('site.yaml', { env, readFile: async () => (typeof text === 'string' ? Buffer.from(text) : text) });
}

async function userError(promise: Promise<unknown>): Promise<UserError> {
  const error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw error;
  return error;
}

/** The first lines of each problem, without the quoted source. */
async function problemsOf(text: string, env: Record<string, string> = {}): Promise<readonly string[]> {
  const error = await userError(read(text, env));
  if (!(error instanceof SiteFileError)) throw error;
  return renderProblems(error)
    .split('\n')
    .filter((line) => line.startsWith('site.yaml:'));
}

describe('a mistake', () => {
  it.for<readonly [text: string, ...problems: string[]]>([
    ['', 'site.yaml:1:1: expected a site file, found nothing (begin with "why5xx: 1" and "url: https://…")'],
    ['# nothing yet\n', 'site.yaml:1:1: expected a site file, found nothing (begin with "why5xx: 1" and "url: https://…")'],
    ['- a\n', 'site.yaml:1:1: expected keys with values, found a list (begin with "why5xx: 1" and "url: https://…")'],
    ['hello', 'site.yaml:1:1: expected keys with values, found "hello" (begin with "why5xx: 1" and "url: https://…")'],
    ['url: https://a/\n', 'site.yaml:1:1: why5xx: expected "why5xx: 1", the version of this format, found nothing'],
    ['why5xx: 2\nurl: https://a/\n', 'site.yaml:1:9: why5xx: expected "why5xx: 1", the version of this format, found 2'],
    ['why5xx: 1\n', 'site.yaml:1:1: url: expected an http:// or https:// URL, found nothing'],
    ['why5xx: 1\nurl: shop.example.com\n', 'site.yaml:2:6: url: expected an http:// or https:// URL, found "shop.example.com"'],
    ['why5xx: 1\nurl: "https://a/\\tb"\n', 'site.yaml:2:6: url: expected an http:// or https:// URL, found "https://a/\\tb"'],
    [`${head}nmae: x\n`, 'site.yaml:3:1: nmae: expected a key of the site file, found "nmae" (did you mean "name"?)'],
    [
      `${head}zzz: x\n`,
      'site.yaml:3:1: zzz: expected a key of the site file, found "zzz" (known here: why5xx, name, url, requests, static, resolve, ca, clients, edge, balancer, backends, limits)',
    ],
    [`${head}name: 7\n`, 'site.yaml:3:7: name: expected a short name of letters, digits, ".", "_" and "-", found 7 (put it in quotes)'],
    [`${head}name: a\nname: b\n`, 'site.yaml:4:1: name: expected each key once, found it again'],
    [`${head}backends:\n\t- a\n`, 'site.yaml:4:1: expected YAML, found this: Tabs are not allowed as indentation (indent with spaces)'],
    [`${head}name: "x\n`, 'site.yaml:4:1: expected YAML, found this: Missing closing "quote (a quote or a bracket may be open)'],
    [`${head}---\nwhy5xx: 1\n`, 'site.yaml:3:1: expected one document, found a second one (one file is one site)'],
    [`${head}name: *shop\n`, 'site.yaml:3:7: expected an anchor &shop above, found none (text that starts with * needs quotes)'],
    [
      `${head}clients: [{ <<: 1, name: b }]\n`,
      'site.yaml:1:1: expected YAML, found this: Merge sources must be maps or map aliases (write the values out)',
    ],
    [
      `why5xx: 1\nurl: !!js/function x\n`,
      'site.yaml:2:6: expected YAML, found this: Unresolved tag: tag:yaml.org,2002:js/function (write the value without a tag)',
    ],
    [
      `${head}backends:\n  - { name: a, address: 10.0.0.1 }\n`,
      'site.yaml:4:25: backends[0].address: expected an address with its port, such as 10.0.0.11:80, [2001:db8::1]:443 or web-1.internal:80, found "10.0.0.1"',
    ],
    [
      `${head}backends:\n  - { name: a, address: "10.0.0.256:80" }\n`,
      'site.yaml:4:25: backends[0].address: expected an address with its port, such as 10.0.0.11:80, [2001:db8::1]:443 or web-1.internal:80, found "10.0.0.256:80"',
    ],
    [
      `${head}backends:\n  - { name: a, address: "-oProxyCommand=id:80" }\n`,
      'site.yaml:4:25: backends[0].address: expected an address with its port, such as 10.0.0.11:80, [2001:db8::1]:443 or web-1.internal:80, found "-oProxyCommand=id:80"',
    ],
    [
      `${head}backends:\n  - name: a\n`,
      'site.yaml:4:5: backends[0].address: expected an address with its port, such as 10.0.0.11:80, [2001:db8::1]:443 or web-1.internal:80, found nothing',
    ],
    [`${head}backends:\n`, 'site.yaml:3:1: backends: expected a list, found nothing'],
    [`${head}backends: { name: a }\n`, 'site.yaml:3:11: backends: expected a list, found keys with values'],
    [
      `${head}backends:\n  - { name: a, address: "a:1" }\n  - { name: a, address: "b:1" }\n`,
      'site.yaml:5:13: backends[1].name: expected a name of its own, because backends[0] has the same, found "a"',
    ],
    [
      `${head}clients: [{ name: here }]\n`,
      'site.yaml:3:19: clients[0].name: expected another name, because "here" is this machine, found "here"',
    ],
    [
      `${head}clients: [{ name: b, exec: "ssh://-oProxyCommand=id" }]\n`,
      'site.yaml:3:28: clients[0].exec: expected local, ssh://user@host[:port] or a list of words such as [ip, netns, exec, web-1], found "ssh://-oProxyCommand=id"',
    ],
    [
      `${head}clients: [{ name: b, exec: [] }]\n`,
      'site.yaml:3:28: clients[0].exec: expected local, ssh://user@host[:port] or a list of words such as [ip, netns, exec, web-1], found an empty list',
    ],
    [
      `${head}clients: [{ name: b, exec: [ip, 7] }]\n`,
      'site.yaml:3:33: clients[0].exec[1]: expected a word: text that is not empty, found 7 (put it in quotes)',
    ],
    [
      `${head}balancer: { name: b, address: a, kind: ngnix }\n`,
      'site.yaml:3:40: balancer.kind: expected one of: nginx, haproxy, envoy, alibaba-clb, alibaba-alb, aws-alb, other, found "ngnix" (did you mean "nginx"?)',
    ],
    [
      `${head}balancer: { name: b, address: a, backendSources: [100.64/10] }\n`,
      'site.yaml:3:51: balancer.backendSources[0]: expected an address or a range such as 100.64.0.0/10 or 2001:db8::/32, found "100.64/10"',
    ],
    [
      `${head}balancer:\n  name: b\n  address: a\n  listeners:\n    - { port: "80", protocol: http }\n`,
      'site.yaml:7:15: balancer.listeners[0].port: expected a port: a whole number from 1 to 65535, found "80"',
    ],
    [
      `${head}balancer:\n  name: b\n  address: a\n  listeners:\n    - { port: 80, protocol: http, readTimeout: 60 sec }\n`,
      'site.yaml:7:48: balancer.listeners[0].readTimeout: expected a duration such as 60s, 1500ms or 15m, at most a year, found "60 sec"',
    ],
    [
      `${head}balancer:\n  name: b\n  address: a\n  listeners:\n    - { port: 80, protocol: http }\n    - { port: 80, protocol: tcp }\n`,
      'site.yaml:8:15: balancer.listeners[1].port: expected a port of its own, because another listener has the same, found 80',
    ],
    [
      `${head}balancer:\n  name: b\n  address: a\n  listeners:\n    - { port: 80, protocol: http, healthCheck: { pth: x } }\n`,
      'site.yaml:7:50: balancer.listeners[0].healthCheck.pth: expected a key of the site file, found "pth" (did you mean "path"?)',
    ],
    [
      `${head}balancer:\n  name: b\n  address: a\n  listeners:\n    - { port: 80, protocol: http, healthCheck: yes }\n`,
      'site.yaml:7:48: balancer.listeners[0].healthCheck: expected the settings of the health check, or false, found "yes"',
    ],
    [
      `${head}requests:\n  - { url: https://a/, body: { bytes: 1g } }\n`,
      'site.yaml:4:39: requests[0].body.bytes: expected a size such as 60000, 64k or 1m, at most 128m, found "1g"',
    ],
    [
      `${head}requests:\n  - { url: https://a/, from: [isp-b] }\n`,
      'site.yaml:4:31: requests[0].from[0]: expected a client: here, found "isp-b"',
    ],
    [
      `${head}requests:\n  - { url: https://a/, headers: { "a b": c } }\n`,
      'site.yaml:4:35: requests[0].headers["a b"]: expected a header name, found "a b"',
    ],
    [
      `${head}requests:\n  - { url: https://a/, headers: { User-Agent: c } }\n`,
      'site.yaml:4:35: requests[0].headers.User-Agent: expected another header: why5xx writes this one itself, found "User-Agent"',
    ],
    [
      `${head}requests:\n  - { url: https://a/, headers: { x-a: "b\\r\\nc" } }\n`,
      'site.yaml:4:40: requests[0].headers.x-a: expected one line of text, in quotes, found a value that is not shown',
    ],
    [
      `${head}requests:\n  - { url: https://a/, headers: { cookie: "$SESSION" } }\n`,
      'site.yaml:4:43: requests[0].headers.cookie: expected the environment variable SESSION to be set, found nothing (write $$ for a dollar sign)',
    ],
    [`${head}resolve: { a.example: b }\n`, 'site.yaml:3:23: resolve["a.example"]: expected an IP address, found "b"'],
    [`${head}limits: { requests: 0 }\n`, 'site.yaml:3:21: limits.requests: expected a whole number from 1 to 10000, found 0'],
    [`${head}__proto__: { polluted: 1 }\n`, 'site.yaml:3:1: __proto__: expected a key of the site file, found "__proto__"'],
    [
      'why5xx: 1\nurl: ftp://a\nnmae: b\nlimits: { seconds: x }\n',
      'site.yaml:2:6: url: expected an http:// or https:// URL, found "ftp://a"',
      'site.yaml:3:1: nmae: expected a key of the site file, found "nmae" (did you mean "name"?)',
      'site.yaml:4:20: limits.seconds: expected seconds from 1 to 3600, found "x"',
    ],
  ])('%j', async ([text, ...problems]) => {
    const found = await problemsOf(text);
    // The list of known keys belongs to one row only.
    expect(text.includes('__proto__') ? found.map((line) => line.replace(/ \(known here: .*$/, '')) : found).toEqual(problems);
  });

  it('is shown with its line and a caret', async () => {
    const error = await userError(read('why5xx: 1\nname: shop\nurl: htp://shop\n'));
    expect(error).toBeInstanceOf(SiteFileError);
    expect(renderProblems(error as SiteFileError)).toBe(
      'site.yaml:3:6: url: expected an http:// or https:// URL, found "htp://shop"\n    3 | url: htp://shop\n      |      ^',
    );
    expect(error.message).toBe('site.yaml: 1 problem in the site file');
  });

  it('cannot reach the terminal, nor fill it', async () => {
    const error = await userError(
      read(`${head}name: "\\e[2J\\u202e${'x'.repeat(5000)}"\nzz\u0007: ${'[1,'.repeat(200)}1${']'.repeat(200)}\n`),
    );
    const text = renderProblems(error as SiteFileError);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(400);
  });

  it('never tells a secret', async () => {
    const secret = 'canary7Kq2Zr';
    const error = await userError(
      read(
        `why5xx: 1\nurl: htps://ops:${secret}@shop.example.com/?token=${secret}\nrequests:\n  - url: https://a/\n    headers:\n      cookie: "sid=${secret}\\n"\n      x-plain: ["${secret}"]\n      authorization: "Bearer ${secret} $NOPE"\n    nope: 1\n`,
      ),
    );
    expect((error as SiteFileError).problems).toHaveLength(5);
    expect(renderProblems(error as SiteFileError)).not.toContain(secret);
  });
});

describe('an attack', () => {
  it.for<readonly [name: string, text: string, message: string]>([
    ['nested lists', '['.repeat(200_000), 'nested too deeply'],
    ['nested dashes', `a:\n${'- '.repeat(50_000)}`, 'nested too deeply'],
    [
      'billion laughs',
      [
        'a: &a [1,1,1,1,1,1,1,1]',
        ...Array.from(
          { length: 9 },
          (_, i) =>
            `${'bcdefghij'[i] ?? ''}: &${'bcdefghij'[i] ?? ''} [${Array.from({ length: 8 }, () => `*${'abcdefghi'[i] ?? ''}`).join(',')}]`,
        ),
      ].join('\n'),
      'too often',
    ],
    ['its own anchor', `${head}backends: &a [*a]\n`, 'backends[0]'],
    ['many unknown keys', `${head}${Array.from({ length: 60_000 }, (_, i) => `k${String(i)}: 1\n`).join('')}`, 'k0'],
    ['many duplicates', `${head}${'k: 1\n'.repeat(60_000)}`, 'expected each key once'],
  ])('%s ends soon', async ([, text, message]) => {
    const startedAt = performance.now();
    const error = await userError(read(text));
    expect(renderProblems(error as SiteFileError)).toContain(message);
    expect((error as SiteFileError).problems.length).toBeLessThanOrEqual(200);
    expect(performance.now() - startedAt).toBeLessThan(8000);
  });
});

describe('what is no site file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'w5t-'));
    writeFileSync(join(folder, 'binary'), Buffer.from([0x7f, 0x45, 0, 1]));
    writeFileSync(join(folder, 'latin1'), Buffer.from('name: caf\u00e9', 'latin1'));
    writeFileSync(join(folder, 'utf16'), Buffer.from('\ufeffwhy5xx: 1', 'utf16le'));
    writeFileSync(join(folder, 'large'), 'a'.repeat(1024 * 1024 + 1));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.for<readonly [file: string, code: string]>([
    ['missing', 'file-missing'],
    ['latin1/below-a-file', 'file-missing'],
    ['.', 'file-is-directory'],
    ['binary', 'file-not-text'],
    ['latin1', 'file-not-text'],
    ['utf16', 'file-not-text'],
    ['large', 'file-too-large'],
    ['nul\0byte', 'file-missing'],
    ['x'.repeat(5000), 'file-unreadable'],
  ])('%s', async ([file, code]) => {
    const error = await userError(readSite(join(folder, file), { env: {} }));
    expect(error.code).toBe(code);
    expect(error.hint).not.toBe('');
  });

  it.for<readonly [input: string, code: string]>([
    ['', 'no-site'],
    ['/dev/zero', 'file-not-regular'],
    ['https://', 'bad-url'],
    ['http://a b/', 'bad-url'],
    ['https:shop', 'bad-url'],
  ])('%j', async ([input, code]) => {
    expect((await userError(readSite(input, { env: {} }))).code).toBe(code);
  });

  it.for<readonly [content: string | null, found: string]>([
    [null, 'does not exist'],
    ['no certificate', 'found none in'],
    ['-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n', 'found a private key (a trust anchor is a certificate only)'],
    ['-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n', 'found that number 1 in'],
  ])('a trust anchor of %j', async ([content, found]) => {
    if (content !== null) writeFileSync(join(folder, 'bad-ca.pem'), content);
    writeFileSync(join(folder, 'site.yaml'), `${head}ca: ${content === null ? 'nope.pem' : 'bad-ca.pem'}\n`);
    const error = await userError(readSite(join(folder, 'site.yaml'), { env: {} }));
    expect(renderProblems(error as SiteFileError)).toContain(found);
  });
});

describe('a good site', () => {
  it('is a bare URL', async () => {
    const { site, secrets, ca } = await readSite('https://ops:hunter22@shop.example.com:8443/x?access_token=tok12345', { env: {} });
    expect(site).toMatchObject({ name: 'shop.example.com', backends: [], limits: { requests: 60, seconds: 120 } });
    expect([secrets, ca]).toEqual([['hunter22', 'tok12345'].toSorted((a, b) => b.length - a.length), null]);
    expect((await readSite('http://[2001:db8::1]/', { env: {} })).site.name).toBe('2001-db8-1-');
    expect((await readSite('HTTPS://例え.jp/', { env: {} })).site.name).toBe('xn--r8jz45g.jp');
  });

  it('needs two lines', async () => {
    const { site, baseDir } = await readSite(join(fixtures, 'minimal.yaml'), { env: {} });
    expect(site).toMatchObject({ name: 'site', url: 'https://shop.example.com/api/orders', requests: [], backends: [] });
    expect(baseDir).toBe(fixtures);
  });

  it('may use every key', async () => {
    const { site, secrets, ca } = await readSite(join(fixtures, 'full.yaml'), { env: { SESSION: 'sid=abcdefgh; k=zz' } });
    expect(site.requests[0]?.headers).toEqual({ cookie: 'sid=abcdefgh; k=zz', 'x-note': 'costs $5' });
    expect(site.requests[1]).toMatchObject({ method: 'POST', body: { bytes: 65_536 }, from: ['isp-b', 'here'] });
    expect(site.balancer?.listeners.map((each) => [each.readTimeout, each.connectTimeout, each.idleTimeout])).toEqual([
      [60_000, 5000, undefined],
      [undefined, undefined, 900_000],
    ]);
    expect(site.backends.map((each) => [each.name, each.address])).toEqual([
      ['web-1', '10.0.0.11:80'],
      ['web-2', '[2001:db8::12]:80'],
      ['web-3', 'web-3.internal:8080'],
      ['web-4', 'web-3.internal:8080'],
    ]);
    expect(secrets).toEqual(['sid=abcdefgh; k=zz', 'abcdefgh']);
    expect(ca).toBe(await readFile(join(fixtures, 'ca.pem'), 'utf8'));
  });

  it.for<readonly [header: string, secrets: readonly string[]]>([
    ['authorization: "Bearer $TOKEN"', ['Bearer from-env-1', 'from-env-1']],
    ['authorization: "Bearer ${TOKEN}"', ['Bearer from-env-1', 'from-env-1']],
    ['x-plain: "a $TOKEN"', ['from-env-1']],
    ['x-plain: text/html', []],
    ['x-api-key: "abc"', []],
    ['x-api-key: "abcd"', ['abcd']],
    ['authorization: "Basic b3BzOmh1bnRlcjIy"', ['Basic b3BzOmh1bnRlcjIy', 'b3BzOmh1bnRlcjIy', 'hunter22']],
    ['cookie: "a=first1; b=2; c=third3"', ['a=first1; b=2; c=third3', 'first1', 'third3']],
  ])('knows its secrets: %s', async ([header, secrets]) => {
    const result = await read(`${head}requests:\n  - url: https://a/\n    headers: { ${header} }\n`, { TOKEN: 'from-env-1' });
    expect(result.secrets).toEqual(secrets);
  });

  it('may have Windows line ends and a byte order mark', async () => {
    expect((await read(`\ufeff${head.replaceAll('\n', '\r\n')}name: shop\r\n`)).site.name).toBe('shop');
  });
});

describe('facts', () => {
  it('hold no secret of the site', async () => {
    const secret = 'canary7Kq2Zr';
    const { site, secrets } = await read(
      `why5xx: 1
url: https://ops:${secret}@shop.example.com/?token=${secret}
static: https://shop.example.com/h?api_key=${secret}
requests: [{ url: "https://a/?session=${secret}", headers: { cookie: "sid=${secret}", x-other: "$S" } }]
backends: [{ name: a, address: "a:1", exec: [sshpass, -p, ${secret}, ssh, --token=${secret}, --api-key, ${secret}, host] }]
`,
      { S: `${secret}-env` },
    );
    expect(secrets).toContain(secret);
    const facts = factsOf(site);
    expect(JSON.stringify(facts)).not.toContain(secret);
    expect(facts.requests).toMatchObject([{ method: 'GET', headerNames: ['cookie', 'x-other'], bodyBytes: 0, from: null }]);
    expect(facts).not.toHaveProperty('ca');
  });
});

describe('the JSON Schema', () => {
  it('accepts what the reader accepts and knows every key', async () => {
    const schema = z.fromJSONSchema(siteJsonSchema());
    for (const file of ['minimal.yaml', 'full.yaml']) {
      const { data } = parseSiteDocument(await readFile(join(fixtures, file), 'utf8'));
      expect(schema.safeParse(data).error).toBeUndefined();
      expect(schema.safeParse({ ...(data as object), nope: 1 }).success).toBe(false);
      expect(schema.safeParse({ ...(data as object), url: 'nope' }).success).toBe(false);
    }
  });

  it('is draft 7, requires two keys, and describes itself', () => {
    expect(siteJsonSchema()).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      required: ['why5xx', 'url'],
      additionalProperties: false,
      properties: { url: { description: 'The failing request' } },
    });
  });
});

describe('any input', () => {
  const survives = async (text: string | Uint8Array): Promise<void> => {
    try {
      await read(text);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error instanceof SiteFileError) {
        expect(error.problems.length).toBeGreaterThan(0);
        expect(renderProblems(error)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
        for (const { line, column } of error.problems) expect(Math.min(line, column)).toBeGreaterThan(0);
      }
    }
  };
  it('of bytes', () => fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), survives), { numRuns: 300 }));
  it('of text', () => fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), survives), { numRuns: 300 }));
  it('of YAML marks', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.constantFrom(
            'a',
            '1',
            ': ',
            '- ',
            '\n',
            '  ',
            '\t',
            '[',
            ']',
            '{',
            '}',
            ',',
            '"',
            "'",
            '&a ',
            '*a',
            '|\n',
            '>',
            '#',
            '? ',
            '<<: ',
            '!!',
            '---\n',
            '%',
            '@',
            '`',
          ),
          { maxLength: 60 },
        ),
        (parts) => survives(parts.join('')),
      ),
      { numRuns: 800 },
    ));
  it('of any structure', () =>
    fc.assert(
      fc.asyncProperty(fc.jsonValue(), (value) => survives(stringify(value))),
      { numRuns: 200 },
    ));
  it('of a good file with something else in one place', async () => {
    const good = await readFile(join(fixtures, 'full.yaml'), 'utf8');
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length),
        fc.nat(20),
        fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('\n', '[]', '{}', 'null', '-1', '1e99', '.nan', '~')),
        (at, cut, text) => survives(good.slice(0, at) + text + good.slice(at + cut)),
      ),
      { numRuns: 400 },
    );
  });
});
