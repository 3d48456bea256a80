// `why5xx page` as a person runs it: a process, its output and its exit code.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const samples = new URL('../../facts/fingerprints/samples/', import.meta.url).pathname;
const runner = `
import { pageCommand } from ${JSON.stringify(new URL('page.ts', import.meta.url).href)};
try {
  await pageCommand((code) => { process.exitCode = code; }).parseAsync(process.argv.slice(1), { from: 'user' });
} catch (error) {
  process.stderr.write(error.name + ': ' + error.message + ' / ' + error.hint);
  process.exitCode = 2;
}`;

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function page(args: readonly string[], input = ''): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', runner, '--', ...args], { timeout: 15_000 });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'w5-page-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function saved(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('why5xx page', () => {
  it('names the producer, the layer and the next question', async () => {
    const { code, out } = await page([`${samples}haproxy.txt`]);
    expect(code).toBe(0);
    expect(out).toContain('Produced by   HAProxy (high confidence)');
    expect(out).toContain('Layer         load balancer');
    expect(out.split('\n').filter((line) => line.length > 80 && !line.startsWith('/'))).toEqual([]);
  });

  it('reads standard input and speaks Chinese', async () => {
    const { code, out } = await page(
      ['-', '--lang', 'zh'],
      'HTTP/1.1 403 Forbidden\nServer: Beaver\n\n<title>Non-compliance ICP Filing</title>',
    );
    expect(code).toBe(0);
    expect(out).toContain('由谁产生  Alibaba Cloud ICP interception');
  });

  it('exits with 3 where it cannot tell, and says what would help', async () => {
    const { code, out } = await page(['-'], '<html><body>We are sorry</body></html>');
    expect(code).toBe(3);
    expect(out).toContain('curl -i');
  });

  it('keeps a hostile page from the terminal', async () => {
    const evil = '\u001b]0;owned\u0007\u009b31m\u202egnp';
    const { out } = await page(['-'], `HTTP/1.1 502 ${evil}\r\nServer: ${evil}\r\ncf-ray: ${evil}\r\nCookie: ${evil}\r\n\r\n${evil}`);
    expect(out).toContain('\\x1b]0;owned');
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('finds the 5xx answers in a HAR file', async () => {
    const entry = (url: string, status: number, text: string, encoding?: string): unknown => ({
      request: { url },
      response: { status, headers: [{ name: 'Server', value: 'x' }], content: { text, encoding } },
    });
    const fpm = Buffer.from('no healthy upstream').toString('base64');
    const har = {
      log: {
        entries: [
          entry('http://a/ok', 200, 'fine'),
          entry('http://a/one?token=abcdefghijklmnop', 503, 'no healthy upstream'),
          entry('http://a/two', 503, fpm, 'base64'),
        ],
      },
    };
    const { code, out } = await page([await saved('shop.har', JSON.stringify(har)), '-o', 'json']);
    expect(code).toBe(0);
    const { schema, pages } = JSON.parse(out) as { schema: string; pages: { url: string; identified: { id: string } }[] };
    expect(schema).toBe('why5xx/page@1');
    expect(pages.map((each) => each.identified.id)).toEqual(['envoy', 'envoy']);
    expect(out).not.toContain('abcdefghijklmnop');
  });

  it('exits with 3 on a HAR file without a 5xx', async () => {
    expect(await page([await saved('fine.har', '{"log":{"entries":[]}}')])).toMatchObject({
      code: 3,
      out: 'The file holds no 5xx answer.\n',
    });
  });

  it.for<readonly [string, string | Buffer, RegExp]>([
    ['shot.png', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), /is a picture.*Save the page's HTML/],
    ['shot.html', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), /is a picture/],
    ['broken.har', '{"log": ', /not a HAR file: it is not JSON/],
    ['other.har', '{"entries": []}', /no log\.entries/],
    ['empty.html', ' \n', /is empty/],
  ])('refuses %s with one line', async ([name, content, message]) => {
    const { code, err, out } = await page([await saved(name, content)]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });

  it('refuses a file that is not there', async () => {
    expect(await page([join(folder, 'nothing.html')])).toMatchObject({ code: 2 });
  });
});
