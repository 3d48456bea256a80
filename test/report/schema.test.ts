// The published JSON Schemas: current, portable, and as strict as the types that they come from.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';

import { schemaTexts } from '../../scripts/schemas.ts';
import { renderJson } from '../../src/report/json.ts';
import { goldenCases, goldenReport } from './golden.ts';

const folder = path.join(import.meta.dirname, '..', '..', 'schemas');

function committed(name: string): string {
  return readFileSync(path.join(folder, name), 'utf8');
}
const valid = new Ajv2020({ allErrors: true, strict: true }).compile(JSON.parse(committed('report.json')) as object);

it.for([...schemaTexts()])('%s is current (else: npm run schemas)', ([name, text]) => {
  expect(committed(name)).toBe(text);
});

it.for(goldenCases())('report.json accepts the JSON output of %s', (name) => {
  expect(valid(JSON.parse(renderJson(goldenReport(name)))), JSON.stringify(valid.errors)).toBe(true);
});

it.for([
  ['an unknown outcome', { outcome: 'maybe' }],
  ['a cause without proof', { causes: [{ ...goldenReport('fpm-max-children').causes[0], because: [] }] }],
  ['an unknown layer', { suspectedLayer: 'cloud' }],
  ['a wrong version', { schema: 'why5xx/report@2' }],
  ['no steps', { steps: undefined }],
] as const)('report.json refuses %s', ([, change]) => {
  const report: unknown = JSON.parse(JSON.stringify({ ...goldenReport('fpm-max-children'), ...change }));
  expect(valid(report)).toBe(false);
});
