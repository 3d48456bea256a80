// The report on a terminal: fits every width, says the answer first and last, and needs neither colour nor Unicode.
import { describe, expect, it } from 'vitest';

import { labelsIn } from '../../src/report/labels.ts';
import { headline } from '../../src/report/phrases.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { displayWidth } from '../../src/report/width.ts';
import type { Report } from '../../src/model/report.ts';
import { goldenCases, goldenReport } from './golden.ts';

const escape = /\u001b\[[\d;]*m/g;
const cases = goldenCases();
/** Commands and configuration are never wrapped: they start seven columns in. */
const prose = (line: string): boolean => !line.startsWith('       ');

describe.each(cases)('%s', (name) => {
  it.for([30, 50, 80, 100, 200])('fits %i columns in both languages', (width) => {
    for (const language of ['en', 'zh'] as const) {
      for (const detail of ['normal', 'verbose'] as const) {
        const text = renderTerminal(goldenReport(name, language), { width, colour: false, unicode: true, detail });
        const long = text.split('\n').filter((line) => prose(line) && displayWidth(line) > width);
        expect(long).toEqual([]);
      }
    }
  });

  it('is the same text with and without colour', () => {
    const report = goldenReport(name);
    const plainText = renderTerminal(report, { width: 80, colour: false, unicode: true });
    expect(renderTerminal(report, { width: 80, colour: true, unicode: true }).replaceAll(escape, '')).toBe(plainText);
    expect(plainText).not.toContain('\u001b');
  });

  it('leaves no colour switched on at the end of a line', () => {
    for (const line of renderTerminal(goldenReport(name), { width: 80, colour: true, unicode: true, detail: 'verbose' }).split('\n')) {
      const opened = line.match(/\u001b\[(?:1;31|1|2|3[0-8])m/g)?.length ?? 0;
      const closed = line.match(/\u001b\[(?:22;39|22|39)m/g)?.length ?? 0;
      expect(closed).toBe(opened);
    }
  });

  it('is one line when quiet', () => {
    const report = goldenReport(name);
    expect(renderTerminal(report, { width: 80, colour: false, unicode: true, detail: 'quiet' })).toBe(`${headline(report)}\n`);
  });
});

it.for(cases.filter((name) => name !== 'hostile'))('%s draws with ASCII only where it must', (name) => {
  const text = renderTerminal(goldenReport(name), { width: 80, colour: false, unicode: false, detail: 'verbose' });
  expect(text).toMatch(/^[\n\x20-\x7e]*$/);
});

it('ends with the answer, which is what stays on a small screen', () => {
  const last = renderTerminal(goldenReport('fpm-max-children'), { width: 80, colour: false, unicode: true }).trimEnd().split('\n').at(-1);
  expect(last).toBe('Cause found: fpm-max-children on web-2 (confirmed)');
});

it('shows the cited value itself under each proof, and says so where a citation leads nowhere', () => {
  const report = goldenReport('fpm-max-children');
  expect(renderTerminal(report, { width: 80, colour: false, unicode: true })).toContain('17 (+3 during this run)');
  const broken: Report = { ...report, evidence: {} };
  expect(renderTerminal(broken, { width: 80, colour: false, unicode: true })).toContain(labelsIn('en').notResolved);
});

it('lists what each step found where no cause is proven, and tells what access would help only where some would', () => {
  const report = goldenReport('unproven-client-only');
  const text = renderTerminal(report, { width: 80, colour: false, unicode: true });
  expect(text).toContain(labelsIn('en').steps);
  expect(text).toContain(labelsIn('en').unprovenNext);
  const open = renderTerminal({ ...report, untested: [], hosts: [] }, { width: 80, colour: false, unicode: true });
  expect(open).not.toContain(labelsIn('en').unprovenNext);
  expect(open).not.toContain(labelsIn('en').untested);
});

it('copes with an empty report', () => {
  const report: Report = {
    ...goldenReport('healthy'),
    outcome: 'cause-unproven',
    ruledOut: [],
    advice: [],
    steps: [],
    path: [],
    hosts: [],
    evidence: {},
  };
  expect(renderTerminal(report, { width: 80, colour: false, unicode: true })).toContain(labelsIn('en').unproven);
});
