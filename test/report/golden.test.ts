// Golden reports: every format of every case, compared as whole files. After a wanted change: npm run rebaseline, and read the diff.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { reportSchema } from '../../src/model/report.ts';
import { resolvePointer } from '../../src/report/value.ts';
import { goldenCases, goldenFiles, goldenFolder, goldenReport } from './golden.ts';

const cases = goldenCases();

it('has a case for each kind of outcome', () => {
  expect(cases).toEqual([
    'firewall-one-backend',
    'fpm-max-children',
    'healthy',
    'hostile',
    'logs-healthy',
    'logs-hostile',
    'logs-two-causes',
    'logs-unproven',
    'two-causes',
    'unproven-client-only',
  ]);
});

describe.each(cases)('%s', (name) => {
  it('is rendered as its files say', () => {
    for (const [file, text] of goldenFiles(name)) {
      expect(text, `${name}/${file} differs: npm run rebaseline`).toBe(readFileSync(path.join(goldenFolder, name, file), 'utf8'));
    }
  });

  it('is a report of the public contract with nothing added', () => {
    const data: unknown = JSON.parse(readFileSync(path.join(goldenFolder, name, 'report.json'), 'utf8'));
    expect(reportSchema.parse(data)).toEqual(data);
  });
});

// The hostile case cites places that do not exist on purpose.
it.for(cases.filter((name) => name !== 'hostile'))('%s cites only places that exist', (name) => {
  const report = goldenReport(name);
  const citations = [...report.causes, ...report.advice, ...report.ruledOut].flatMap((each) => each.because);
  for (const { evidence, path: pointer } of citations) {
    expect(resolvePointer(report.evidence[evidence]?.data, pointer).found, `${evidence} ${pointer}`).toBe(true);
  }
});
