// A ticket leaves the house: secrets are taken out again, and its command repeats exactly the request that failed.
import { expect, it } from 'vitest';

import type { Report } from '../../src/model/report.ts';
import { curlCommand } from '../../src/report/curl.ts';
import { recipients, renderTicket } from '../../src/report/ticket.ts';
import { goldenReport } from './golden.ts';

const base = goldenReport('fpm-max-children');
const now = new Date('2026-11-23T03:00:00Z');

it.for([...recipients])('to %s: all nine steps, the requests to look up, a command to see it, and what was ruled out', (to) => {
  const ticket = renderTicket(base, { to, now });
  const nine = ticket.split('## The nine steps')[1]?.split('\n## ')[0] ?? '';
  expect(nine.match(/^\d\. /gm)).toHaveLength(9);
  expect(ticket).toContain('--resolve shop.example.com:443:203.0.113.5');
  expect(ticket).toContain('4f1a90c2b7de-1');
  expect(ticket).toContain('## Ruled out');
  expect(ticket).toContain('## What was not tested');
});

it('asks each recipient for something else', () => {
  const asked = recipients.map((to) => renderTicket(base, { to, now }).split('## What we ask of you')[1]?.split('\n## ')[0]);
  expect(new Set(asked).size).toBe(recipients.length);
});

it('holds no secret that slipped into a report', () => {
  const canary = 'c4n4ry-5ecret-value';
  const url = `https://user:${canary}@shop.example.com/api?access_token=${canary}&page=2`;
  const [symptom] = base.symptoms;
  const [cause] = base.causes;
  if (symptom === undefined || cause === undefined) throw new Error('the golden report has both');
  const leaky: Report = {
    ...base,
    url,
    symptoms: [{ ...symptom, url }],
    causes: [
      {
        ...cause,
        summary: `Authorization: Bearer ${canary}`,
        because: [{ evidence: 'e12', path: '/command', says: `password=${canary}` }],
      },
    ],
    steps: [{ step: 'x', seed: 'step 1', title: 'Logs', result: `Cookie: session=${canary}` }],
    evidence: {
      e12: {
        probe: 'processes',
        host: 'web-2',
        vantage: 'backend',
        at: base.startedAt,
        status: 'ok',
        data: { command: `mysql --password=${canary}` },
      },
    },
  };
  for (const to of recipients) {
    const ticket = renderTicket(leaky, { to, now });
    expect(ticket).not.toContain(canary);
    expect(ticket).toContain('page=2');
  }
});

it('says the time in UTC, and in Chinese also in China Standard Time', () => {
  expect(renderTicket(base, { to: 'cloud', now })).toContain('2026-11-23 03:00:00 UTC');
  expect(renderTicket({ ...base, language: 'zh' }, { to: 'cloud', now })).toContain(
    '2026-11-23 03:00:00 UTC（北京时间 2026-11-23 11:00:00 UTC+8）',
  );
});

it.for([
  ['https://shop.example.com/a', 'GET', '203.0.113.5:443', ['--resolve', 'shop.example.com:443:203.0.113.5']],
  ['https://shop.example.com/a', 'GET', '198.51.100.10', ['--resolve', 'shop.example.com:443:198.51.100.10']],
  ['http://shop.example.com:8080/a', 'GET', '10.0.0.11:80', ['--connect-to', 'shop.example.com:8080:10.0.0.11:80']],
  ['https://shop.example.com/a', 'GET', '[2001:db8::1]:443', ['--resolve', 'shop.example.com:443:[2001:db8::1]']],
  ['https://shop.example.com/a', 'POST', null, ['-X', 'POST']],
  ['https://shop.example.com/a', 'HEAD', null, ['-I']],
  ['http://10.0.0.11/a', 'GET', '10.0.0.11:80', []],
] as const)('curl for %s %s by way of %s', ([url, method, address, expected]) => {
  const words = curlCommand(base, { url, method, maxMs: 60_000 }, address) ?? [];
  const ours = ['--resolve', '--connect-to', '-X', '-I'];
  const first = words.findIndex((word) => ours.includes(word));
  expect(first < 0 ? [] : words.slice(first, first + expected.length)).toEqual(expected);
  expect(words.at(-1)).toBe(url);
  expect(words).toContain('why5xx/0.1.0 (+ticket)');
});

it('has no command for what is no URL', () => {
  expect(curlCommand(base, { url: 'not a url', method: 'GET', maxMs: 1 }, null)).toBeNull();
});
