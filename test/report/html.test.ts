// The HTML report in a real browser: its own style applies, a hostile report runs nothing, and a phone needs no sideways scrolling.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { renderHtml } from '../../src/report/html.ts';
import { styleSheet, styleSheetHash } from '../../src/report/html-style.ts';
import { goldenCases, goldenReport } from './golden.ts';

/** What the browser found out about one page. */
interface Seen {
  readonly title: string;
  readonly scripts: number;
  readonly images: number;
  readonly loaded: number;
  readonly width: number;
  readonly scrollWidth: number;
  readonly sticksOut: readonly string[];
  readonly styled: boolean;
  readonly focusable: number;
}

const browser = 'chromium';
const names = goldenCases();
let folder = '';
let outerTitle = 'not measured';
let seen = new Map<string, Seen>();

/** Opens each page in a frame as wide as a phone, unfolds it, measures, and writes the result into the outer document. */
function harness(pages: readonly (readonly [string, string])[]): string {
  const data = JSON.stringify(pages).replaceAll('<', String.raw`\u003c`);
  return `<!doctype html><meta charset="utf-8"><body><script>
    const result = {};
    const run = async () => {
      for (const [name, page] of ${data}) {
        const frame = document.createElement('iframe');
        frame.width = 390; frame.height = 844; frame.style.border = 0;
        await new Promise((loaded) => { frame.onload = loaded; frame.srcdoc = page; document.body.append(frame); });
        const inner = frame.contentDocument;
        for (const each of inner.querySelectorAll('details')) each.open = true;
        const width = inner.documentElement.clientWidth;
        result[name] = {
          title: inner.title, scripts: inner.scripts.length, images: inner.images.length,
          loaded: frame.contentWindow.performance.getEntriesByType('resource').length,
          width, scrollWidth: inner.documentElement.scrollWidth,
          sticksOut: [...inner.querySelectorAll('main *, footer *')].filter((each) => each.getBoundingClientRect().right > width + 1).map((each) => each.outerHTML.slice(0, 80)).slice(0, 3),
          styled: frame.contentWindow.getComputedStyle(inner.querySelector('main')).maxWidth === '896px',
          focusable: inner.querySelectorAll('a[href], summary').length,
        };
        frame.remove();
      }
      const out = document.createElement('output');
      out.textContent = encodeURIComponent(JSON.stringify({ result, outerTitle: document.title }));
      document.body.replaceChildren(out);
    };
    run();
  </script>`;
}

/** The document after its scripts ran, as headless Chromium prints it. */
async function dumpDom(file: string, profile: string): Promise<string> {
  const child = spawn(
    browser,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--user-data-dir=${profile}`,
      '--window-size=1200,900',
      '--virtual-time-budget=20000',
      '--dump-dom',
      pathToFileURL(file).href,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', reject);
  });
  const stopped = new AbortController();
  const late = delay(50_000, undefined, { signal: stopped.signal }).then(
    () => child.kill('SIGKILL'),
    () => false,
  );
  await ended;
  stopped.abort();
  await late;
  return text;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'why5xx-html-'));
  const file = path.join(folder, 'harness.html');
  await writeFile(file, harness(names.map((name) => [name, renderHtml(goldenReport(name))] as const)));
  const dom = await dumpDom(file, path.join(folder, 'profile'));
  const output = /<output>([^<]*)<\/output>/.exec(dom)?.[1];
  if (output === undefined) throw new Error(`Chromium measured nothing:\n${dom.slice(-2000)}`);
  const measured = JSON.parse(decodeURIComponent(output)) as { result: Record<string, Seen>; outerTitle: string };
  outerTitle = measured.outerTitle;
  seen = new Map(Object.entries(measured.result));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

it('names the hash of its style sheet in the security policy', () => {
  expect(styleSheetHash).toBe(`sha256-${createHash('sha256').update(styleSheet).digest('base64')}`);
});

describe.each(names)('%s', (name) => {
  it('applies its style and loads nothing', () => {
    expect(seen.get(name)).toMatchObject({ styled: true, loaded: 0, scripts: 0, images: 0 });
  });

  it('fits a phone of 390 pixels with everything unfolded', () => {
    const page = seen.get(name);
    expect(page?.sticksOut).toEqual([]);
    expect(page?.scrollWidth).toBeLessThanOrEqual(page?.width ?? 0);
  });

  it('can be walked through by keyboard', () => {
    expect(seen.get(name)?.focusable).toBeGreaterThan(1);
  });
});

it('runs nothing that a hostile report brings', () => {
  expect(seen.get('hostile')?.title).toContain('</script>');
  expect(seen.get('hostile')?.title).not.toBe('pwned');
  expect(outerTitle).toBe('');
});
