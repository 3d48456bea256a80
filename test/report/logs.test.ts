// The report of `why5xx logs`: drawings that keep their proportions, figures that do not flatter, and pages that say the same as the data.
import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Report } from '../../src/model/report.ts';
import { renderHtml } from '../../src/report/html.ts';
import { headline } from '../../src/report/phrases.ts';
import { logsStyleSheet, logsStyleSheetHash } from '../../src/report/logs-html-style.ts';
import { peakOf, pictureOf, resample, sparkline } from '../../src/report/logs-timeline.ts';
import { bytesText, countText, shareText, spanText } from '../../src/report/logs-words.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { goldenReport } from './golden.ts';

const screen = { width: 80, colour: false, unicode: true } as const;
const counts = fc.array(fc.nat({ max: 100_000 }), { minLength: 1, maxLength: 400 });
const sum = (all: readonly number[]): number => all.reduce((total, each) => total + each, 0);

/** The golden report with another analysis. */
function withLogs(change: Partial<NonNullable<Report['logs']>>): Report {
  const report = goldenReport('logs-two-causes');
  if (report.logs === undefined) throw new Error('the golden report has lost its logs');
  return { ...report, logs: { ...report.logs, ...change } };
}

describe('figures', () => {
  it.for<readonly [number, string]>([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1_234_567, '1,234,567'],
  ])('%d is %s', ([count, text]) => {
    expect(countText(count)).toBe(text);
  });

  it.for<readonly [number, string]>([
    [0, '0 %'],
    [1e-9, '<0.01 %'],
    [0.0004, '0.04 %'],
    [0.013, '1.3 %'],
    [0.5, '50 %'],
    [0.9996, '>99.9 %'],
    [1, '100 %'],
  ])('a share of %d is %s', ([share, text]) => {
    expect(shareText(share)).toBe(text);
  });

  it('never calls a part nothing or everything', () => {
    fc.assert(
      fc.property(fc.double({ min: Number.MIN_VALUE, max: 1 - Number.EPSILON, noNaN: true }), (share) => {
        expect(shareText(share)).not.toMatch(/^(0|100) %$/);
      }),
    );
  });

  it.for<readonly [number, string]>([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1_250_000, '1.3 MB'],
    [999_999, '1 MB'],
    [20_255_565, '20 MB'],
    [4_000_000_000, '4 GB'],
  ])('%d bytes are %s', ([bytes, text]) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it('says lengths of time in the largest unit that divides them', () => {
    expect([30, 60, 90, 7200, 86_400].map((seconds) => spanText(seconds, 'en'))).toEqual(['30 s', '1 min', '90 s', '2 h', '1 d']);
    expect(spanText(60, 'zh')).toBe('1 分钟');
  });
});

describe('drawing', () => {
  it('keeps the area, whatever the room', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 200 }), (all, columns) => {
        const drawn = resample(all, columns);
        expect(drawn.length).toBeLessThanOrEqual(columns);
        const stretch = all.length <= columns ? drawn.length / all.length : 1;
        expect(sum(drawn) / stretch).toBeCloseTo(sum(all), 3);
      }),
    );
  });

  it('shows a bucket that holds anything, and nothing elsewhere', () => {
    fc.assert(
      fc.property(counts, fc.boolean(), (all, unicode) => {
        const row = Array.from(sparkline(all, peakOf(all), unicode));
        expect(row.map((mark) => mark !== ' ')).toEqual(all.map((count) => count > 0));
      }),
    );
    expect(sparkline([0, 1, 50, 100], 100, true)).toBe(' ▁▄█');
    expect(sparkline([0, 1, 50, 100], 100, false)).toBe(' .=@');
  });

  it('adds buckets up without losing a failure', () => {
    const logs = withLogs({}).logs;
    if (logs === undefined) throw new Error('no logs');
    for (const room of [1, 7, 39, 40, 1000]) {
      const picture = pictureOf(logs.timeline, room);
      expect(picture?.buckets).toBeLessThanOrEqual(room);
      expect(sum(picture?.failed ?? [])).toBe(logs.failed);
      expect(sum(picture?.byCause.flatMap((row) => row.counts) ?? [])).toBe(logs.failed);
    }
  });

  it('bears any date that a log claims, and none', () => {
    for (const start of [null, 'never', '0001-01-01T00:00:00Z', '+275760-09-13T00:00:00Z']) {
      const report = withLogs({ timeline: { ...(withLogs({}).logs?.timeline ?? goneTimeline()), start } });
      for (const text of [renderTerminal(report, screen), renderHtml(report), renderMarkdown(report)])
        expect(text).toContain('fpm-max-children');
    }
  });
});

function goneTimeline(): never {
  throw new Error('the golden report has lost its timeline');
}

describe('on a terminal', () => {
  it('tells first how much failed, when, and what is not explained', () => {
    const text = renderTerminal(goldenReport('logs-two-causes'), screen);
    const [answer = ''] = text.split('\nWhen');
    expect(answer).toContain('1,541 of 106,804 requests failed (1.4 %)');
    expect(answer).toContain('worst was 02:26 with 105 in 1 min');
    expect(answer).toContain('8 of them (0.5 %) are not explained');
    expect(answer).toContain('likely: everything fits, but no line proves it');
  });

  it('draws every cause on the same axis as all failures', () => {
    const rows = renderTerminal(goldenReport('logs-two-causes'), screen)
      .split('\n')
      .filter((line) => /^ {2}(all failures|fpm-max-children|backend-process-down|unexplained) .*\d$/.test(line));
    expect(rows.map((row) => row.trim().split(/ +/)[0])).toEqual(['all', 'fpm-max-children', 'backend-process-down', 'unexplained']);
    // Where a cause has a mark, so has the sum.
    const bars = rows.map((row) => Array.from(row.slice(24, 64)));
    for (const bar of bars.slice(1)) bar.forEach((mark, i) => expect(mark === ' ' || bars[0]?.[i] !== ' ').toBe(true));
  });

  it('shows a request with the lines of other logs about it, with file and line', () => {
    const text = renderTerminal(goldenReport('logs-two-causes'), screen);
    expect(text).toMatch(/access\.log:28113[^]*error\.log:211[^]*php-fpm\.log:14/);
  });

  it('never hides an input with something to tell among many', () => {
    const logs = withLogs({}).logs;
    const [quiet, loud] = [logs?.inputs[0], logs?.inputs[3]];
    if (quiet === undefined || loud === undefined) throw new Error('the golden report has lost its inputs');
    const many = Array.from({ length: 60 }, (_, i) => ({ ...quiet, name: `access.log.${i}`, unparsed: 0, notes: [] }));
    const text = renderTerminal(withLogs({ inputs: [...many, loud] }), screen);
    expect(text).toContain('permission denied');
    expect(text).toContain('+49 more (--verbose)');
    expect(text).not.toContain('access.log.59');
    expect(renderTerminal(withLogs({ inputs: [...many, loud] }), { ...screen, detail: 'verbose' })).toContain('access.log.59');
  });

  it('is one line when quiet', () => {
    expect(headline(goldenReport('logs-two-causes'))).toBe(
      'Cause found: fpm-max-children on 10.0.0.12:80 (confirmed); backend-process-down on 10.0.0.13:80 (likely) · 1,541 of 106,804 requests failed (1.4 %)',
    );
    expect(headline(goldenReport('logs-healthy'))).toBe('Healthy: access.log · 0 of 106,804 requests failed (0 %)');
    expect(headline(goldenReport('logs-unproven'))).toBe('Failing, cause not proven: old.log · 1,541 failed');
  });

  it('says what would tell where nothing is proven, and that there is no rate without an access log', () => {
    const text = renderTerminal(goldenReport('logs-unproven'), { ...screen, width: 110 });
    expect(text).toContain('the error log of the application on 10.0.0.13:80');
    expect(text).toMatch(/no access log was given, so there\s+is no rate/);
    expect(text).toContain('Times are as logged; the logs name no zone.');
    expect(text).not.toContain('why5xx ticket');
  });
});

describe('as HTML', () => {
  it('names the hash of its own style sheet in the security policy, and allows no script', () => {
    expect(logsStyleSheetHash).toBe(`sha256-${createHash('sha256').update(logsStyleSheet).digest('base64')}`);
    const page = renderHtml(goldenReport('logs-two-causes'));
    expect(page).toContain(logsStyleSheetHash);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|script-src|\son[a-z]+=|style=|https?:\/\/(?!10\.0\.0\.1[23]:80)/);
    expect(renderHtml(goldenReport('healthy'))).not.toContain(logsStyleSheetHash);
  });

  it('tells the figures of every bar in a tooltip and again in a table', () => {
    const page = renderHtml(goldenReport('logs-two-causes'));
    expect(page).toContain('<title>2026-11-23 02:26 · 105 failed / 2,555 requests\nfpm-max-children 68\nbackend-process-down 37</title>');
    const rows = page.match(/<tr><td>2026-11-23 02:\d\d<br/g) ?? [];
    expect(rows.length).toBe(withLogs({}).logs?.timeline.failed.filter((count) => count > 0).length);
  });

  it('draws the timeline of every cause, backend and path', () => {
    const page = renderHtml(goldenReport('logs-two-causes'));
    for (const name of ['fpm-max-children', 'backend-process-down', 'unexplained', '10.0.0.12:80', '10.0.0.13:80', '/api/orders', '/login'])
      expect(page).toMatch(new RegExp(`<svg class="chart " role="img" aria-label="${name.replaceAll(/[/.]/g, String.raw`\$&`)} `));
  });
});

it('Markdown holds the same figures and lines', () => {
  const text = renderMarkdown(goldenReport('logs-two-causes'));
  for (const part of ['1,541 of 106,804 requests failed', '`access.log:28113`', '`10.0.0.12:80`: 1,348', 'the gzip data ends early'])
    expect(text).toContain(part);
});
