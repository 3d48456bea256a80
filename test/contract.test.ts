// What every cause owes, checked over the whole set: a folder that is complete, pages with the same headings, examples that the lab
// recorded and that convict this cause and no other. The confusion table is the golden file in which a judge that begins to claim a
// neighbour's case shows up as one moved word.
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { faults } from '../src/causes/faults.ts';
import { causes } from '../src/causes/index.ts';
import type { Judgement } from '../src/engine/judge.ts';
import { judge } from '../src/engine/judge.ts';
import { hostOf, verdictOf } from '../src/engine/verdict.ts';
import type { AnyCause } from '../src/model/cause.ts';
import type { Bundle } from '../src/model/evidence.ts';
import type { Finding } from '../src/model/finding.ts';
import { layers } from '../src/model/finding.ts';

const home = path.join(import.meta.dirname, '../src/causes');
const folders = globSync('*/', { cwd: home })
  .map((each) => each.replace(/[/\\]$/, ''))
  .toSorted();
const ids = causes.map((each) => each.id);

const pages = [
  { file: 'README.md', headings: ['Symptom', 'Evidence', 'Fix', 'When it is not this', 'Reproduce'] },
  { file: 'README.zh.md', headings: ['现象', '证据', '修复', '何时不是它', '复现'] },
] as const;

interface Example {
  readonly name: string; // `disk-full/nginx-l7.json`
  readonly cause: string;
  readonly text: string;
  readonly bundle: Bundle;
}
const examples: readonly Example[] = globSync('*/examples/*.json', { cwd: home })
  .map((each) => each.split(path.sep).join('/'))
  .toSorted()
  .map((name) => {
    const text = readFileSync(path.join(home, name), 'utf8');
    return { name, cause: name.split('/')[0] ?? '', text, bundle: JSON.parse(text) as Bundle };
  });
const judgements = new Map<string, Judgement>();
function judgementOf(example: Example): Judgement {
  const known = judgements.get(example.name) ?? judge(example.bundle, causes);
  judgements.set(example.name, known);
  return known;
}

describe('the registry', () => {
  it('holds every cause folder, sorted, and nothing else', () => {
    expect(ids.length).toBeGreaterThanOrEqual(24);
    expect(ids).toEqual(folders);
  });
  it('has one fault for each cause', () => {
    expect(faults.map((each) => each.cause).toSorted()).toEqual(folders);
  });
});

describe.for(causes)('$id', (cause) => {
  const folder = path.join(home, cause.id);

  it('has an id that names a failing state', () => {
    expect(cause.id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(cause.id).not.toMatch(/^(check|is|has|test|detect|find|verify)-/);
    expect(layers).toContain(cause.layer);
    expect(cause.seed ?? 'cause 1').toMatch(/^(cause|step) [1-9](\.[1-9])?$/);
  });
  it('has a title in both languages', () => {
    expect(cause.title.en).toMatch(/[A-Za-z]/);
    expect(cause.title.zh).toMatch(/\p{Script=Han}/u);
  });
  it('names only causes that exist as its roots', () => {
    expect(cause.consequenceOf?.filter((each) => !ids.includes(each) || each === cause.id) ?? []).toEqual([]);
  });
  it('does not need and want the same evidence', () => {
    const wants = new Set<string>(cause.wants);
    expect(cause.needs.filter((each) => wants.has(each))).toEqual([]);
  });
  it('has its judge, fault and test', () => {
    for (const file of ['cause.ts', 'fault.ts', 'cause.test.ts']) expect(existsSync(path.join(folder, file)), file).toBe(true);
  });
  it.for(pages)('has its page $file, with every heading in order', ({ file, headings }) => {
    const text = readFileSync(path.join(folder, file), 'utf8');
    expect(text).toMatch(/^# \S/);
    expect([...text.matchAll(/^## (.+)$/gm)].map((each) => each[1]?.trim())).toEqual(headings);
    for (const section of text.split(/^## .+$/m).slice(1)) expect(section.trim()).not.toBe('');
    expect(text.split(/^## /m).at(-1)).toContain(cause.id);
  });
  it('has faults whose variants can be told apart', () => {
    const variants = faults.filter((each) => each.cause === cause.id).flatMap((each) => each.variants.map((variant) => variant.name));
    expect(variants).toEqual([...new Set(variants)]);
    for (const each of variants) expect(each).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  });
  it('has an example', () => {
    expect(examples.filter((each) => each.cause === cause.id).length).toBeGreaterThanOrEqual(1);
  });
});

describe.for(examples)('example $name', (example) => {
  it('is a bundle of a size that a repository can bear', () => {
    expect(example.bundle.schema).toBe('why5xx/bundle@1');
    expect(statSync(path.join(home, example.name)).size).toBeLessThan(2 * 1024 * 1024);
    expect(example.bundle.evidence.length).toBeGreaterThan(0);
  });

  it('convicts its own cause', () => {
    const [first] = verdictOf(judgementOf(example)).convictions;
    expect(first && { id: first.cause.id, is: first.findings[0].is }).toEqual({ id: example.cause, is: 'confirmed' });
  });

  it('backs every finding with citations that resolve', () => {
    const byId = new Map(example.bundle.evidence.map((each) => [each.id, each]));
    const broken: string[] = [];
    let cited = 0;
    for (const { cause, finding } of judgementOf(example).judged) {
      if (!('because' in finding)) continue;
      if ((finding.because as readonly unknown[]).length === 0) broken.push(`${cause.id}: cites nothing`);
      for (const { evidence, path: pointer, says } of finding.because) {
        cited += 1;
        const target = byId.get(evidence);
        if (target?.status !== 'ok' || resolve(target.data, pointer) === undefined) broken.push(`${cause.id}: ${evidence}${pointer}`);
        if (says.en.trim() === '' || says.zh.trim() === '') broken.push(`${cause.id}: ${evidence}${pointer} says nothing`);
      }
    }
    expect(broken).toEqual([]);
    expect(cited).toBeGreaterThan(0);
  });

  it('explains symptoms that exist, with a fix for hosts that exist', () => {
    const judgement = judgementOf(example);
    const symptoms = new Set(judgement.symptoms.map((each) => each.id));
    const hosts = new Set(judgement.bundle.hosts.map((each) => each.host));
    for (const { cause, findings } of verdictOf(judgement).convictions) {
      for (const finding of findings) {
        expect(finding.explains.filter((each) => !symptoms.has(each))).toEqual([]);
        const { summary, steps, verify } = fixOf(cause, finding, judgement);
        for (const text of [summary, verify, ...steps.map((each) => each.title)]) {
          expect(text.en).toMatch(/\w/);
          expect(text.zh).toMatch(/\p{Script=Han}/u);
        }
        expect(steps.length).toBeGreaterThan(0);
        expect(steps.map((each) => each.host).filter((each) => each !== null && !hosts.has(each))).toEqual([]);
      }
    }
  });

  it('gives the same findings when it is judged again', () => {
    const again = judge(JSON.parse(example.text) as Bundle, causes);
    expect(again.judged.map((each) => each.finding)).toEqual(judgementOf(example).judged.map((each) => each.finding));
  });

  it('holds no secret', () => {
    expect(example.text).not.toMatch(/canary/i);
    expect(example.text).not.toMatch(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
    expect(example.text).not.toMatch(/\b(Basic|Bearer) [A-Za-z0-9+/_-]{8,}/);
  });
});

describe('the confusion table', () => {
  it('is as reviewed (npm run rebaseline shows and takes the difference)', async () => {
    expect(examples.length).toBeGreaterThanOrEqual(causes.length);
    await expect(confusionTable()).toMatchFileSnapshot('golden/confusion.md');
  });
});

/** Words of the table, strongest first: a cause that is judged on several hosts stands under the strongest of its findings. */
const words: readonly (readonly [Finding['is'], string])[] = [
  ['confirmed', 'confirmed'],
  ['likely', 'likely'],
  ['advice', 'advice'],
  ['inconclusive', 'inconclusive'],
  ['ruled-out', 'ruled out'],
  ['not-applicable', 'not applicable'],
];

/** Every example against every cause, as text. */
function confusionTable(): string {
  const lines = [
    '# Confusion table',
    '',
    'What every judge says about every recorded example. The first line of each is the verdict; a cause on several hosts stands under the strongest finding.',
  ];
  for (const example of examples) {
    const judgement = judgementOf(example);
    const verdict = verdictOf(judgement).convictions.map((each) => `${each.cause.id} on ${hostOf(each) ?? 'no single host'}`);
    lines.push('', `## ${example.name}`, '', `- verdict: ${verdict.join('; ') || 'none'}`);
    const strongest = new Map(causes.map((cause) => [cause.id, strongestOf(cause, judgement)]));
    for (const [is, word] of words) {
      const named = ids.filter((id) => strongest.get(id)?.is === is).map((id) => `${id}${strongest.get(id)?.where ?? ''}`);
      if (named.length > 0) lines.push(`- ${word}: ${named.join(', ')}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function strongestOf(cause: AnyCause, judgement: Judgement): { readonly is: Finding['is']; readonly where: string } | undefined {
  const own = judgement.judged.filter((each) => each.cause === cause).map((each) => each.finding);
  const is = words.map(([each]) => each).find((each) => own.some((finding) => finding.is === each));
  if (is === undefined) return undefined;
  const hosts = own.filter((each) => each.is === is).map((each) => each.host);
  const told = is === 'confirmed' || is === 'likely' || is === 'advice';
  return { is, where: told && hosts.some((each) => each !== null) ? ` (${hosts.map((each) => each ?? 'no single host').join(', ')})` : '' };
}

function fixOf(cause: AnyCause, finding: Finding, judgement: Judgement): ReturnType<AnyCause['fix']> {
  return (cause.fix as (finding: Finding, scene: unknown) => ReturnType<AnyCause['fix']>)(finding, judgement.sceneFor(finding.host));
}

/** The value that an RFC 6901 pointer names, or undefined. Written apart from the product's own resolver on purpose. */
function resolve(data: unknown, pointer: string): unknown {
  if (pointer === '') return data;
  if (!pointer.startsWith('/')) return undefined;
  let at: unknown = data;
  for (const part of pointer.slice(1).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return at;
}
