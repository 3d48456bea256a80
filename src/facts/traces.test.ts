import { expect, it } from 'vitest';

import type { Evidence, SiteFacts } from '../model/evidence.ts';
import type { AccessLine } from '../model/observations.ts';
import { backendOf, relayed, tracesOf } from './traces.ts';

const site = {
  edge: [{ name: 'edge', address: '203.0.113.5:80' }],
  balancer: { name: 'lb', address: '198.51.100.10' },
  backends: [
    { name: 'one', address: '10.0.0.11:80' },
    { name: 'two', address: '10.0.0.12:80' },
  ],
  clients: [],
} as unknown as SiteFacts;

const nonce = '0123456789ab-1';
type Upstream = NonNullable<AccessLine['upstream']>;
function tried(address: string, status: number, headerMs: number | null): Upstream {
  return { addresses: [address], statuses: [status], connectMs: [1], headerMs: [headerMs], responseMs: [5] };
}
function line(status: number, upstream: Upstream | null = null, haproxy: AccessLine['haproxy'] = null): AccessLine {
  return {
    file: '/log',
    line: 1,
    at: null,
    client: null,
    method: 'GET',
    path: '/',
    host: null,
    status,
    nonce,
    durationMs: null,
    upstream,
    haproxy,
    ours: true,
    text: '',
  };
}
function haproxy(state: string, server: string, responseMs: number): AccessLine['haproxy'] {
  return { backend: 'b', server, state, queueMs: 0, connectMs: 0, responseMs, retries: 0, redispatched: false };
}
function trace(
  status: number | null,
  logs: Readonly<Record<string, readonly AccessLine[]>>,
): { madeBy: string | null; backend: string | null } {
  const evidence = [
    {
      id: 'e1',
      probe: 'requests',
      host: 'here',
      status: 'ok',
      data: { from: 'here', exchanges: [{ nonce, status, door: 'site', target: null }] },
    },
    ...Object.entries(logs).map(([host, access], i) => ({
      id: `e${i + 2}`,
      probe: 'logs',
      host,
      status: 'ok',
      data: { files: [{ readable: true }], access, errors: [] },
    })),
  ] as unknown as readonly Evidence[];
  const [found] = tracesOf(site, evidence);
  return { madeBy: found?.madeBy ?? null, backend: found?.backend ?? null };
}

it('the deepest hop that logged the code made it', () => {
  expect(
    trace(502, { edge: [line(502, tried('198.51.100.10:80', 502, 3))], lb: [line(502, tried('10.0.0.12:80', 502, 3))], two: [line(502)] }),
  ).toEqual({ madeBy: 'two', backend: 'two' });
});
it('a synthetic upstream status is the balancer’s own code', () => {
  expect(trace(502, { edge: [line(502, tried('198.51.100.10:80', 502, 3))], lb: [line(502, tried('10.0.0.12:80', 502, null))] })).toEqual({
    madeBy: 'lb',
    backend: 'two',
  });
});
it('an inner hop that saw another code did not make it', () => {
  expect(trace(504, { lb: [line(504, tried('10.0.0.11:80', 504, null))], one: [line(499)] })).toEqual({ madeBy: 'lb', backend: 'one' });
});
it('a relayed code whose maker cannot be read is traced to the backend by its address', () => {
  expect(trace(500, { lb: [line(500, tried('10.0.0.11:80', 500, 12))] })).toEqual({ madeBy: 'one', backend: 'one' });
});
it('a log without upstream fields proves nothing unless every backend’s log is silent', () => {
  expect(trace(502, { lb: [line(502)] })).toEqual({ madeBy: null, backend: null });
  expect(trace(502, { lb: [line(502)], one: [], two: [] })).toEqual({ madeBy: 'lb', backend: null });
});
it('no answer, no maker', () => {
  expect(trace(null, { lb: [line(499, tried('10.0.0.11:80', 504, null))] }).madeBy).toBe(null);
});

it.for([
  ['SC--', '<NOSRV>', -1, false],
  ['sH--', 'one', -1, false],
  ['SH--', 'one', -1, false],
  ['PH--', 'one', 4, null],
  ['----', 'one', 4, true],
  ['--VN', 'one', 4, true],
] as const)('HAProxy %s from %s', ([state, server, responseMs, expected]) => {
  expect(relayed(line(503, null, haproxy(state, server, responseMs)))).toBe(expected);
});

it('addresses become names; a port that differs only counts where the host is unique', () => {
  expect(backendOf(site, '10.0.0.12:80')).toBe('two');
  expect(backendOf(site, '10.0.0.12:8080')).toBe('two');
  expect(backendOf(site, '10.0.0.99:80')).toBe(null);
});

it.for([
  ['the address and port of our connection', '192.0.2.7:40001 [now] f b/one', 'one'],
  ['behind the prefix of a log daemon', 'Jan  1 00:00:00 lb haproxy[9]: 192.0.2.7:40001 [now] f b/one', 'one'],
  ['another port', '192.0.2.7:40002 [now] f b/one', null],
  ['another address', '192.0.2.8:40001 [now] f b/one', null],
] as const)('an HAProxy line without a mark is ours by %s', ([, text, expected]) => {
  const ours = {
    ...line(503, null, haproxy('SC--', 'one', -1)),
    nonce: null,
    client: text.includes('192.0.2.8') ? '192.0.2.8' : '192.0.2.7',
    text,
  };
  const evidence = [
    {
      id: 'e1',
      probe: 'requests',
      host: 'here',
      status: 'ok',
      data: { from: 'here', exchanges: [{ nonce, status: 503, door: 'site', target: null, localAddress: '192.0.2.7', localPort: 40_001 }] },
    },
    { id: 'e2', probe: 'logs', host: 'lb', status: 'ok', data: { files: [{ readable: true }], access: [ours], errors: [] } },
  ] as unknown as readonly Evidence[];
  expect(tracesOf(site, evidence)[0]?.backend ?? null).toBe(expected);
});
