// What holds of all rules together: they speak of known causes and lines, say so in both languages, and prove no two causes by one line.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import type { EventGroup } from '../../records.ts';
import { signatures } from '../../signatures.ts';
import { messageTemplate } from '../../template.ts';
import { matchSignature } from '../../signatures.ts';
import type { LineWitness, LogRule } from '../rule.ts';
import { logRules } from './index.ts';

const causesFolder = new URL('../../../causes/', import.meta.url);
const folders = readdirSync(causesFolder, { withFileTypes: true }).filter((each) => each.isDirectory());

const lineWitnesses = (rule: LogRule): readonly LineWitness[] =>
  rule.witnesses.flatMap((witness) => (witness.kind === 'together' ? witness.all : [witness])).filter((each) => each.kind === 'line');

it('has one rule for each cause', () => {
  const causes = logRules.map((rule) => rule.cause);
  expect(new Set(causes).size).toBe(causes.length);
  expect(causes.length).toBeGreaterThan(70);
  for (const cause of causes) expect(cause).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
});

it('calls a cause and its layer as the live diagnosis does', () => {
  const known = folders.flatMap(({ name }) => {
    const source = readFileSync(new URL(`${name}/cause.ts`, causesFolder), 'utf8');
    const title = /^ {2}title: say\(\s*'([^']+)',\s*'([^']+)'/m.exec(source);
    const layer = /^ {2}layer: '([a-z-]+)'/m.exec(source)?.[1];
    return title?.[1] === undefined || title[2] === undefined || layer === undefined ? [] : [{ name, en: title[1], zh: title[2], layer }];
  });
  expect(known.length).toBe(folders.length);
  const shared = known.filter(({ name }) => logRules.some((rule) => rule.cause === name));
  expect(shared.length).toBeGreaterThan(15);
  for (const { name, en, zh, layer } of shared) {
    const rule = logRules.find((each) => each.cause === name);
    expect([rule?.cause, rule?.title, rule?.layer]).toEqual([name, { en, zh }, layer]);
  }
});

it.for(logRules.map((rule) => [rule.cause, rule] as const))('%s says everything in both languages', ([, rule]) => {
  const texts = [rule.title, rule.summary, rule.fix.summary, ...rule.fix.steps, rule.fix.verify, rule.wouldTell];
  for (const { en, zh } of texts) {
    expect(en.length).toBeGreaterThan(5);
    expect(zh.length).toBeGreaterThan(1);
  }
  for (const { en, zh } of [rule.title, rule.summary, rule.fix.summary]) {
    expect(zh).toMatch(/\p{Script=Han}/u);
    expect(en).not.toMatch(/\p{Script=Han}/u);
  }
  const holes = (text: string): readonly string[] => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).toSorted();
  expect(new Set(holes(rule.summary.zh))).toEqual(new Set(holes(rule.summary.en)));
  for (const hole of holes(rule.summary.en)) expect(['{count}', '{host}']).toContain(hole);
  expect(rule.fix.steps.length).toBeGreaterThan(1);
  expect(rule.witnesses.length).toBeGreaterThan(0);
});

it('names lines of the catalogue and causes of the registry', () => {
  const ids = new Set(signatures.map((each) => each.id));
  const causes = new Set(logRules.map((rule) => rule.cause));
  for (const rule of logRules) {
    for (const witness of lineWitnesses(rule)) for (const id of witness.signatures) expect(ids, `${rule.cause} of ${id}`).toContain(id);
    for (const cause of rule.consequenceOf) expect(causes, `${rule.cause} as consequence`).toContain(cause);
  }
});

it('never calls two causes each other’s root', () => {
  const direct = new Map(logRules.map((rule) => [rule.cause, rule.consequenceOf]));
  const rootsOf = (cause: string): ReadonlySet<string> => {
    const found = new Set<string>();
    const open = [...(direct.get(cause) ?? [])];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (!found.has(next)) open.push(...(direct.get(next) ?? []));
      found.add(next);
    }
    return found;
  };
  for (const { cause } of logRules) expect(rootsOf(cause).has(cause), cause).toBe(false);
});

/** The group that one line makes. */
function eventOf(source: EventGroup['product'], message: string): EventGroup {
  const match = matchSignature(source, message);
  return {
    input: 0,
    format: source,
    product: source,
    level: 'error',
    signature: match?.id ?? null,
    template: messageTemplate(message),
    fields: match?.fields ?? {},
    upstream: null,
    host: null,
    count: 1,
    first: null,
    last: null,
    minutes: new Map(),
    samples: [{ input: 0, line: 1, at: null, text: message }],
  };
}

const alone = (event: EventGroup, weight: LineWitness['weight']): readonly string[] =>
  logRules
    .filter((rule) =>
      rule.witnesses.some(
        (each) =>
          each.kind === 'line' &&
          each.weight === weight &&
          each.signatures.includes(event.signature ?? '') &&
          each.where?.(event) !== false,
      ),
    )
    .map((rule) => rule.cause);

it('takes no line as proof of two causes, unless one is the root of the other', () => {
  for (const { source, sample } of signatures) {
    const proven = alone(eventOf(source, sample), 'proves');
    const roots = proven.filter(
      (cause) => !(logRules.find((rule) => rule.cause === cause)?.consequenceOf ?? []).some((root) => proven.includes(root)),
    );
    expect(roots.length, `${sample}: ${roots.join(', ')}`).toBeLessThanOrEqual(1);
  }
});

it('convicts nobody for lines that mean no failure', () => {
  const innocent = [
    'client-closed',
    'client-timed-out',
    'client-reset',
    'client-tls-failed',
    'client-sent-invalid',
    'request-body-too-large',
    'buffered-to-disk',
    'file-not-found',
    'file-forbidden',
    'primary-script-unknown',
    'access-to-script-denied',
    'php-warning',
    'fastcgi-stderr',
    'fpm-stderr',
    'delay-requests',
    'conflicting-name',
    'ocsp-failed',
    'nginx-started',
    'nginx-stopping',
    'uninitialized-variable',
    'reset-tunnel',
    'cache-file',
    'fpm-started',
    'fpm-child-exit',
    'fpm-child-stopped',
    'fpm-reload-config',
    'fpm-slow',
    'apache-started',
    'apache-reloading',
    'gunicorn-started',
    'gunicorn-stopping',
    'uwsgi-respawn',
    'uwsgi-write-error',
    'haproxy-check-passed',
    'haproxy-started',
    'haproxy-frontend-error',
    'systemd-stopped',
    'app-listening',
    'kernel-oom-invoked',
  ];
  const known = new Set(signatures.map((each) => each.id));
  for (const id of innocent) expect(known, id).toContain(id);
  for (const { id, source, sample } of signatures) {
    if (!innocent.includes(id)) continue;
    const event = eventOf(source, sample);
    expect([...alone(event, 'proves'), ...alone(event, 'suggests')], `${source} ${id}`).toEqual([]);
  }
});
