// The golden reports: each folder of test/golden holds a report and every rendering of it. The test compares them, `npm run rebaseline` rewrites.
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { reportSchema, type Report } from '../../src/model/report.ts';
import { renderHtml } from '../../src/report/html.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { renderTicket } from '../../src/report/ticket.ts';

export const goldenFolder = path.join(import.meta.dirname, '..', 'golden');
const written = new Date('2026-11-23T03:05:00Z');

/** Names of the golden cases, in alphabetical order. */
export function goldenCases(): readonly string[] {
  return globSync('*/report.json', { cwd: goldenFolder })
    .map((file) => path.dirname(file))
    .toSorted();
}

/** The report of a case; the Chinese one is the English with Chinese labels where it was not written for itself. */
export function goldenReport(name: string, language: 'en' | 'zh' = 'en'): Report {
  const own = path.join(goldenFolder, name, language === 'zh' ? 'report.zh.json' : 'report.json');
  const file = existsSync(own) ? own : path.join(goldenFolder, name, 'report.json');
  return { ...reportSchema.parse(JSON.parse(readFileSync(file, 'utf8'))), language };
}

/** Every rendering of a case by its path relative to the folder. */
export function goldenFiles(name: string): ReadonlyMap<string, string> {
  const en = goldenReport(name);
  const zh = goldenReport(name, 'zh');
  const screen = { width: 80, colour: false, unicode: true } as const;
  return new Map([
    ['report.txt', renderTerminal(en, screen)],
    ['report.80.zh.txt', renderTerminal(zh, screen)],
    ['report.50.ascii.txt', renderTerminal(en, { width: 50, colour: false, unicode: false })],
    ['report.colour.txt', renderTerminal(en, { ...screen, colour: true })],
    ['report.verbose.txt', renderTerminal(en, { width: 120, colour: false, unicode: true, detail: 'verbose' })],
    ['report.md', renderMarkdown(en)],
    ['report.html', renderHtml(en)],
    ['ticket.md', renderTicket(en, { to: en.outcome === 'cause-unproven' ? 'cloud' : 'ops', now: written })],
    ['ticket.zh.md', renderTicket(zh, { to: 'cloud', now: written })],
  ]);
}
