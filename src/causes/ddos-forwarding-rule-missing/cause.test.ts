import { describe, expect, it } from 'vitest';

import { accessLine, findingsOf, logLines, nginxConfig } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import { ddosForwardingRuleMissing } from './cause.ts';

const edge = { name: 'shield', address: '203.0.113.9:80' };
const refused: Request = { n: 1, status: 503, ms: 2, seen: { body: 'no such site' } };
const past: Request = { n: 5, status: 200, ms: 9, purpose: 'bypass-edge' };
const placeholder = nginxConfig(
  'http { server { listen 80 default_server; return 404; } server { listen 80; server_name other.example.net; location / { proxy_pass http://192.0.2.80; } } }',
);
const rule = nginxConfig(
  'http { server { listen 80 default_server; return 404; } server { listen 80; server_name *.example.net; location / { proxy_pass http://192.0.2.80; } } }',
);
const everything = nginxConfig('http { server { listen 80; location / { proxy_pass http://192.0.2.80; } } }');
const strange = (n: number, status: number, body = 'no such site'): Request => ({
  n,
  status,
  ms: 2,
  purpose: 'other-host',
  hostHeader: 'why5xx-other-name.invalid',
  seen: { body },
});

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  {
    why: 'the edge’s configuration has no server for the name',
    made: { edge, requests: [refused, past], hosts: { shield: { 'nginx-config': placeholder } } },
    is: 'confirmed',
  },
  { why: 'seen from outside: the edge answers, and past it all is well', made: { edge, requests: [refused, past] }, is: 'likely' },
  { why: 'a name that nobody serves gets the same answer', made: { edge, requests: [refused, past, strange(6, 503)] }, is: 'likely' },
  {
    why: 'a name that nobody serves gets another answer',
    made: { edge, requests: [refused, past, strange(6, 421, 'unknown name')] },
    is: 'inconclusive',
  },
  {
    why: 'the edge has a rule for all names of the domain',
    made: { edge, requests: [refused, past], hosts: { shield: { 'nginx-config': rule } } },
    is: 'ruled-out',
  },
  {
    why: 'the edge forwards whatever comes',
    made: { edge, requests: [refused, past], hosts: { shield: { 'nginx-config': everything } } },
    is: 'ruled-out',
  },
  {
    why: 'the edge has the rule and cannot reach its origin',
    made: { edge, requests: [{ n: 1, status: 502, ms: 2 }, past] },
    is: 'inconclusive',
  },
  { why: 'past the edge it fails in the same way', made: { edge, requests: [refused, { ...past, status: 503 }] }, is: 'ruled-out' },
  { why: 'past the edge it fails in another way', made: { edge, requests: [refused, { ...past, status: 502 }] }, is: 'inconclusive' },
  { why: 'some requests pass', made: { edge, requests: [refused, { n: 2, status: 200, ms: 9 }, past] }, is: 'ruled-out' },
  {
    why: 'the balancer has logged the request',
    made: { edge, requests: [refused, past], hosts: { lb: { logs: logLines([accessLine(1, 503)]) } } },
    is: 'ruled-out',
  },
  {
    why: 'it is an interception page',
    made: { edge, requests: [{ n: 1, status: 403, ms: 2, seen: { body: 'Non-compliance ICP Filing' } }, past] },
    is: 'ruled-out',
  },
  {
    why: 'nothing answers',
    made: { edge, requests: [{ n: 1, status: null, ms: 3000, error: 'timeout', failedPhase: 'connect' }, past] },
    is: 'inconclusive',
  },
];

describe('ddos-forwarding-rule-missing', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(ddosForwardingRuleMissing, made)['shield'];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(finding).toMatchObject({ explains: ['s1'] });
  });

  it('does not apply to a site without an edge', () => {
    expect(findingsOf(ddosForwardingRuleMissing, { requests: [refused] })['']?.is).toBe('not-applicable');
  });
});
