// Every rule makes a page that says how logs show the cause, in each language and without gaps.
import { expect, it } from 'vitest';

import { languages } from '../../model/text.ts';
import { signatures } from '../signatures.ts';
import { logCausePage } from './cause-page.ts';
import { logRules } from './rules/index.ts';

it.each(logRules.map((rule) => [rule.cause, rule] as const))('%s has a page', (cause, rule) => {
  for (const language of languages) {
    const page = logCausePage(rule, logRules, signatures, language);
    expect(page.startsWith(`# ${cause}: `)).toBe(true);
    const sections = page.split(/^## /m).map((each) => each.trim());
    expect(sections.length).toBeGreaterThanOrEqual(4);
    for (const section of sections) expect(section).toMatch(/\n\n\S/);
    expect(page).not.toMatch(/\{(?:count|host|seconds)\}|\bundefined$|\[object|^\s*- *$/m);
    expect(page.includes('：')).toBe(language === 'zh');
  }
});
