// Look-ups against a real name server on loopback that answers, refuses, fails or keeps silent.
import { createSocket, type Socket } from 'node:dgram';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resolveNames } from './dns.ts';

let server: Socket;
let address: string;

/** Answers by the first label of the name: A and AAAA, or an error code in the header. */
function answer(query: Buffer): Buffer | null {
  const length = query[12] ?? 0;
  const label = query.subarray(13, 13 + length).toString();
  let end = 12;
  while ((query[end] ?? 0) !== 0) end += (query[end] ?? 0) + 1;
  const question = query.subarray(12, end + 5);
  const family6 = question.readUInt16BE(question.length - 4) === 28;
  if (label === 'silent') return null;
  const codes: Readonly<Record<string, number>> = { missing: 3, failing: 2, refusing: 5 };
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180 | (codes[label] ?? 0), 2);
  head.writeUInt16BE(0, 10);
  const data =
    label === 'two' && !family6
      ? ['0a000001', '0a000002']
      : label === 'two' || label === 'six'
        ? family6
          ? ['20010db8000000000000000000000001']
          : []
        : [];
  head.writeUInt16BE(data.length, 6);
  const records = data.map((hex) =>
    Buffer.concat([
      Buffer.from('c00c', 'hex'),
      Buffer.from(family6 ? '001c' : '0001', 'hex'),
      Buffer.from('00010000003c', 'hex'),
      Buffer.from([0, hex.length / 2]),
      Buffer.from(hex, 'hex'),
    ]),
  );
  return Buffer.concat([head, question, ...records]);
}

beforeAll(async () => {
  server = createSocket('udp4');
  server.on('message', (query, from) => {
    const reply = answer(query);
    if (reply !== null) server.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${server.address().port}`;
});
afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

const ask = (name: string, timeoutMs = 1000) =>
  resolveNames([name], { signal: AbortSignal.timeout(10_000), resolve: { 'Shop.test': '203.0.113.5' }, timeoutMs, servers: [address] });

it.for([
  ['two.test', ['10.0.0.1', '10.0.0.2'], null, ['2001:db8::1'], null],
  ['six.test', [], 'ENODATA', ['2001:db8::1'], null],
  ['missing.test', [], 'ENOTFOUND', [], 'ENOTFOUND'],
  ['failing.test', [], 'ESERVFAIL', [], 'ESERVFAIL'],
  ['refusing.test', [], 'EREFUSED', [], 'EREFUSED'],
  ['silent.test', [], 'ETIMEOUT', [], 'ETIMEOUT'],
] as const)('%s', async ([name, v4, error4, v6, error6]) => {
  const { answers } = await ask(name);
  expect(answers).toMatchObject([
    { name, family: 4, addresses: v4, error: error4, source: 'resolver' },
    { name, family: 6, addresses: v6, error: error6, source: 'resolver' },
  ]);
  for (const each of answers) expect(each.tookMs).toBeLessThan(1500);
});

it('takes addresses from the text and from the site file', async () => {
  expect((await ask('192.0.2.1')).answers).toEqual([
    { name: '192.0.2.1', family: 4, addresses: ['192.0.2.1'], error: null, tookMs: 0, source: 'literal' },
  ]);
  expect((await ask('2001:db8::9')).answers).toMatchObject([{ family: 6, source: 'literal' }]);
  expect((await ask('shop.test')).answers).toMatchObject([{ family: 4, addresses: ['203.0.113.5'], source: 'site-file' }]);
});

it('asks for each name once, and knows the hosts file', async () => {
  const { answers } = await resolveNames(['localhost', 'localhost'], { signal: AbortSignal.timeout(10_000), resolve: {}, timeoutMs: 2000 });
  expect(answers).toHaveLength(2);
  expect(answers[0]?.addresses).toContain('127.0.0.1');
});

it('stops when the run is called off', async () => {
  const started = performance.now();
  const { answers } = await resolveNames(['silent.test'], {
    signal: AbortSignal.timeout(100),
    resolve: {},
    timeoutMs: 20_000,
    servers: [address],
  });
  expect(answers.map((each) => each.error)).toEqual(['ECANCELLED', 'ECANCELLED']);
  expect(performance.now() - started).toBeLessThan(2000);
});
