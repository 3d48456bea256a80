// The public cases: each fits its schema, they are many and of many kinds, and the score counts what it says it counts.
import { describe, expect, it } from 'vitest';

import { halfOf, halves, readCases } from '../bench/cases/read.ts';
import type { NamedCase } from '../bench/cases/read.ts';
import { caseSchema } from '../bench/cases/schema.ts';
import { markOf, totalOf } from '../bench/cases/score.ts';

const cases = readCases();
const confirmed = cases.map((each) => each.data.confirmed);

describe('the collection', () => {
  it.for(cases)('$slug has a proper name and keeps names and secrets to itself', ({ slug, data }) => {
    expect(slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    const lines = data.files.flatMap((file) => file.lines).join('\n');
    expect(lines).not.toMatch(/[\w.+-]+@[\w-]+\.[a-z]{2,}/i);
    expect(lines).not.toMatch(/\b(authorization: |bearer [a-z0-9]|eyJ[\w-]{10,}\.)/i);
  });
  it('is large and varied enough to mean something', () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(new Set(confirmed).size).toBeGreaterThanOrEqual(25);
    const decided = confirmed.filter((each) => each !== 'not-enough-evidence');
    // No cause stands for more than one case in seventeen.
    for (const id of new Set(decided)) expect(decided.filter((each) => each === id).length, id).toBeLessThanOrEqual(cases.length / 17);
    expect(confirmed.filter((each) => each === 'not-enough-evidence').length).toBeGreaterThanOrEqual(8);
  });
  it('names each thread once', () => {
    const addresses = cases.map((each) => each.data.address);
    expect(new Set(addresses).size).toBe(addresses.length);
  });
  it('falls into two halves of which neither is small', () => {
    for (const half of halves) {
      const part = cases.filter((each) => each.half === half);
      expect(part.length / cases.length, half).toBeGreaterThan(0.4);
      expect(
        part.some((each) => each.data.confirmed === 'not-enough-evidence'),
        half,
      ).toBe(true);
    }
    // Pinned: a case that changes halves would spoil figures already published.
    expect([halfOf('selfoss-890'), halfOf('ocf-nix-364')]).toEqual(['held-out', 'dev']);
  });
});

describe('the schema', () => {
  const whole = {
    address: 'https://example.org/thread/1',
    product: 'nginx',
    files: [{ name: 'error.log', kind: 'error', lines: ['a line'] }],
    confirmed: 'disk-full',
    by: 'reporter',
    how: 'Making room fixed it.',
  };
  const undecided = { ...whole, confirmed: 'not-enough-evidence', possible: ['disk-full', 'fd-exhausted'] };

  it.for([
    ['a decided case', whole],
    ['an undecidable case', undecided],
    ['what was found among the possible', { ...undecided, found: 'fd-exhausted' }],
  ] as const)('takes %s', ([, value]) => {
    expect(caseSchema.safeParse(value).success).toBe(true);
  });
  it.for([
    ['an unknown cause', { ...whole, confirmed: 'gremlins' }],
    ['no lines', { ...whole, files: [{ name: 'error.log', kind: 'error', lines: [] }] }],
    ['two lines in one', { ...whole, files: [{ name: 'error.log', kind: 'error', lines: ['a\nb'] }] }],
    ['a file outside its folder', { ...whole, files: [{ name: '../error.log', kind: 'error', lines: ['a'] }] }],
    ['two files of one name', { ...whole, files: [...whole.files, ...whole.files] }],
    ['a key that it does not know', { ...whole, confidence: 1 }],
    ['possible causes of a decided case', { ...whole, possible: ['disk-full', 'fd-exhausted'] }],
    ['an undecidable case with one possible cause', { ...undecided, possible: ['disk-full'] }],
    ['what was found outside the possible', { ...undecided, found: 'oom-killed' }],
    ['the confirmed cause as acceptable', { ...whole, acceptable: [{ id: 'disk-full', why: 'it is the same one' }] }],
  ] as const)('refuses %s', ([, value]) => {
    expect(caseSchema.safeParse(value).success).toBe(false);
  });
});

describe('the score', () => {
  const make = (data: object): NamedCase => ({
    slug: 'x',
    half: 'dev',
    data: caseSchema.parse({
      address: 'https://example.org/1',
      product: 'nginx',
      files: [{ name: 'error.log', kind: 'error', lines: ['a line'] }],
      by: 'reporter',
      how: 'Making room fixed it.',
      ...data,
    }),
  });
  const decided = make({ confirmed: 'disk-full', acceptable: [{ id: 'temp-dir-permission', why: 'for the sake of this test' }] });
  const undecided = make({
    confirmed: 'not-enough-evidence',
    possible: ['keepalive-race', 'oom-killed', 'one-bad-backend'],
    acceptable: [{ id: 'one-bad-backend', why: 'for the sake of this test' }],
  });
  const likely = (id: string) => ({ id, certainty: 'likely' }) as const;

  it.for([
    ['the confirmed cause', decided, likely('disk-full'), 'right'],
    ['an acceptable cause', decided, likely('temp-dir-permission'), 'right'],
    ['another cause', decided, likely('fd-exhausted'), 'wrong'],
    ['nothing, though the lines decide', decided, 'unproven', 'missed'],
    ['that all is well', decided, 'healthy', 'missed'],
    ['no report', decided, 'failed', 'failed'],
    ['lines that it cannot read', decided, 'unread', 'unread'],
    ['nothing, and rightly', undecided, 'unproven', 'right-not-enough'],
    ['that all is well with undecidable lines', undecided, 'healthy', 'missed'],
    ['one of the possible causes', undecided, likely('keepalive-race'), 'overclaimed'],
    ['an acceptable one of the possible causes', undecided, likely('one-bad-backend'), 'right'],
    ['an impossible cause', undecided, likely('disk-full'), 'wrong'],
    ['no report of an undecidable case', undecided, 'failed', 'failed'],
    ['undecidable lines that it cannot read', undecided, 'unread', 'unread'],
  ] as const)('%s', ([, each, said, mark]) => {
    expect(markOf(each, said)).toBe(mark);
  });
  it('adds up', () => {
    const total = totalOf([
      { mark: 'right', said: likely('disk-full') },
      { mark: 'right-not-enough', said: 'unproven' },
      { mark: 'missed', said: 'healthy' },
      { mark: 'overclaimed', said: likely('oom-killed') },
      { mark: 'wrong', said: { id: 'oom-killed', certainty: 'confirmed' } },
      { mark: 'unread', said: 'unread' },
      { mark: 'failed', said: 'failed' },
    ]);
    expect(total).toEqual({
      cases: 7,
      marks: { right: 1, 'right-not-enough': 1, missed: 1, overclaimed: 1, wrong: 1, unread: 1, failed: 1 },
      rightPercent: 28.6,
      wrongConvictions: 2,
      wrongConfirmed: 1,
    });
    expect(totalOf([]).rightPercent).toBe(0);
  });
});
