// The page of causes is what the rules say.
import path from 'node:path';
import { expect, it } from 'vitest';

import { logCausesPage } from './page.ts';
import { logRules } from './rules/index.ts';

it('docs/log-causes.md is made from the rules', async () => {
  await expect(logCausesPage(logRules)).toMatchFileSnapshot(path.join(import.meta.dirname, '../../../docs/log-causes.md'));
});

it('has a heading for every cause, which reports point to', () => {
  const page = logCausesPage(logRules);
  expect(logRules.filter(({ cause }) => !page.includes(`\n## ${cause}\n`)).map((each) => each.cause)).toEqual([]);
  expect(page).not.toMatch(/\{(?:count|host)\}/);
});
