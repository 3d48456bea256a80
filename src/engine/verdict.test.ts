import { expect, it } from 'vitest';

import type { AnyCause } from '../model/cause.ts';
import type { Convicted } from '../model/finding.ts';
import type { Symptom } from '../model/symptom.ts';
import { say } from '../model/text.ts';
import type { Judgement } from './judge.ts';
import { hostOf, verdictOf } from './verdict.ts';

const text = say('x', 'x');

function symptom(id: string, backends: readonly string[] = []): Symptom {
  return {
    id,
    url: 'http://s/',
    method: 'GET',
    client: 'here',
    listenerPort: 80,
    status: 502,
    error: null,
    answeredBy: { hop: 'balancer', host: 'slb', product: null, by: 'log' },
    failed: 1,
    of: 1,
    p50Ms: 1,
    maxMs: 1,
    backends,
    shadow: false,
    exchanges: [],
  };
}
function cause(id: string, consequenceOf: readonly string[] = []): AnyCause {
  return {
    id,
    title: text,
    layer: 'host',
    needs: [],
    consequenceOf,
    judge: () => [],
    fix: () => ({ summary: text, steps: [], verify: text }),
  } as unknown as AnyCause;
}
function convicted(is: Convicted['is'], host: string | null, ...explains: readonly string[]): Convicted {
  return { is, host, summary: text, because: [{ evidence: 'e1', path: '', says: text }], explains };
}
function judgement(symptoms: readonly Symptom[], judged: readonly (readonly [AnyCause, Convicted])[]): Judgement {
  return { symptoms, judged: judged.map(([each, finding]) => ({ cause: each, finding, needs: [] })) } as unknown as Judgement;
}
function ids(symptoms: readonly Symptom[], judged: readonly (readonly [AnyCause, Convicted])[]): readonly string[] {
  return verdictOf(judgement(symptoms, judged)).convictions.map(
    (each) => `${each.cause.id}@${hostOf(each) ?? '-'} ${each.chain.join('>')}`,
  );
}

it('no symptom, no conviction', () => {
  expect(ids([], [[cause('a'), convicted('confirmed', 'web-1')]])).toEqual([]);
});

it('a conviction that explains nothing takes no part', () => {
  const verdict = verdictOf(judgement([symptom('s1')], [[cause('a'), convicted('confirmed', 'web-1')]]));
  expect(verdict.convictions).toEqual([]);
  expect(verdict.unexplained.map((each) => each.id)).toEqual(['s1']);
});

it('a consequence gives way to its root and stays in the chain', () => {
  const slow = cause('slow', ['cpu']);
  expect(
    ids(
      [symptom('s1', ['web-1'])],
      [
        [slow, convicted('confirmed', 'web-1', 's1')],
        [cause('cpu'), convicted('confirmed', 'web-1', 's1')],
      ],
    ),
  ).toEqual(['cpu@web-1 cpu>slow']);
});

it('a merely likely root does not displace a confirmed consequence', () => {
  const slow = cause('slow', ['cpu']);
  expect(
    ids(
      [symptom('s1', ['web-1'])],
      [
        [slow, convicted('confirmed', 'web-1', 's1')],
        [cause('cpu'), convicted('likely', 'web-1', 's1')],
      ],
    ),
  ).toEqual(['slow@web-1 slow']);
});

it('a root on one backend leaves the consequence to explain the others', () => {
  const slow = cause('slow', ['cpu']);
  const found = ids(
    [symptom('s1', ['web-1', 'web-2'])],
    [
      [slow, convicted('confirmed', 'web-1', 's1')],
      [slow, convicted('confirmed', 'web-2', 's1')],
      [cause('cpu'), convicted('confirmed', 'web-1', 's1')],
    ],
  );
  expect(found).toEqual(['cpu@web-1 cpu>slow', 'slow@web-2 slow']);
});

it('confirmed before likely, and nothing beyond what is needed', () => {
  expect(
    ids(
      [symptom('s1')],
      [
        [cause('guess'), convicted('likely', 'web-1', 's1')],
        [cause('proof'), convicted('confirmed', 'web-2', 's1')],
      ],
    ),
  ).toEqual(['proof@web-2 proof']);
});

it('two backends broken in two ways are two causes', () => {
  const found = ids(
    [symptom('s1', ['web-1', 'web-2'])],
    [
      [cause('a'), convicted('confirmed', 'web-1', 's1')],
      [cause('b'), convicted('confirmed', 'web-2', 's1')],
    ],
  );
  expect(found).toEqual(['a@web-1 a', 'b@web-2 b']);
});

it('the same cause on several hosts sits on no single one', () => {
  const same = cause('a');
  expect(
    ids(
      [symptom('s1', ['web-1', 'web-2'])],
      [
        [same, convicted('confirmed', 'web-1', 's1')],
        [same, convicted('confirmed', 'web-2', 's1')],
      ],
    ),
  ).toEqual(['a@- a']);
});
