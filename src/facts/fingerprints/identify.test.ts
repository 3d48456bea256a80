// Every fingerprint has its sample, and each sample is matched by its own fingerprint alone.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fingerprints, identify, isOwnErrorPage, matchesOf, type Response } from './identify.ts';
import { readResponse } from './read-response.ts';

const folder = new URL('samples/', import.meta.url);
const samples = readdirSync(folder).filter((name) => name.endsWith('.txt'));
const sample = (name: string): Response => readResponse(readFileSync(new URL(name, folder), 'utf8'));

describe('the table', () => {
  it('has one sample for each fingerprint, and no sample of anything else', () => {
    const ids = fingerprints.map((each) => each.id).toSorted();
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !samples.includes(`${id}.txt`))).toEqual([]);
    expect(samples.filter((name) => !ids.includes(name.split('.')[0] ?? ''))).toEqual([]);
  });

  it.for(samples)('%s is matched by its own fingerprint alone', (name) => {
    expect(matchesOf(sample(name)).map((each) => each.fingerprint.id)).toEqual([name.split('.')[0]]);
  });

  it('claims little where nothing confirms a page', () => {
    expect(fingerprints.filter((each) => !each.verified && each.confidence !== 'low').map((each) => each.id)).toEqual([]);
  });
});

describe('identify', () => {
  const page = (foot: string): string =>
    `<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>${foot}</center>\r\n</body>\r\n</html>\r\n`;

  it('believes the body before the Server header, and names who passed it on', () => {
    const seen = identify({
      status: 502,
      headers: [
        ['Server', 'cloudflare'],
        ['CF-RAY', '1-FRA'],
      ],
      body: page('nginx/1.22.1'),
    });
    expect(seen).toMatchObject({ id: 'nginx', kind: 'own-error', via: ['cloudflare'] });
    expect(seen?.because).toEqual([{ part: 'body', text: '<center><h1>502 Bad Gateway</h1></center> <hr><center>nginx/1.22.1</center>' }]);
  });

  it('knows a page without its headers', () => {
    expect(identify({ status: null, headers: [], body: page('openresty') })?.id).toBe('openresty');
  });

  it.for<readonly [string, Response]>([
    ['an application behind nginx', { status: 500, headers: [['Server', 'nginx']], body: '{"error":"boom"}' }],
    ['an empty answer', { status: 502, headers: [], body: '' }],
    ['a page of nobody', { status: 502, headers: [], body: '<html><body><h1>502 Bad Gateway</h1></body></html>' }],
    ['the words of HAProxy in another page', { status: 500, headers: [], body: 'An internal server error occurred.' }],
    ['an article about nginx', { status: 200, headers: [], body: '<p>How to fix &lt;center&gt;nginx&lt;/center&gt; errors</p>' }],
  ])('says nothing about %s', ([, response]) => {
    expect(identify(response)).toBeNull();
  });

  it('tells own error pages from relayed answers', () => {
    const answers = ['haproxy.txt', 'alibaba-icp-page.txt', 'cloudflare.txt', 'alibaba-cdn.txt', 'cloudflare-branded-5xx.txt'].map((name) =>
      identify(sample(name)),
    );
    expect(answers.map((each) => each !== null && isOwnErrorPage(each))).toEqual([true, true, false, false, false]);
  });

  it('ends at once on a hostile body', () => {
    const started = performance.now();
    for (const piece of [
      '<center><h1>502 ',
      'Guru Meditation:',
      'Reference #1.a.',
      'Error code ',
      '<?xml version="1.0" encoding="iso-8859-1"?>',
    ]) {
      identify({ status: 502, headers: [], body: piece.repeat(100_000) });
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
