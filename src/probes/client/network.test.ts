// What only a network can do to a connection: silent drops, rejects, missing routes. Real nftables and routes in a namespace of our own.
import { spawn } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ConnectAttempt } from '../../model/observations.ts';
import type { Exchange } from '../../model/exchange.ts';
import { ways } from './test-support.ts';

const setUp = `
set -e
ip link set lo up
ip addr add 10.99.0.1/32 dev lo
ip route add unreachable 10.99.1.1/32
ip route add prohibit 10.99.1.2/32
nft add table inet t
nft 'add chain inet t in { type filter hook input priority 0; }'
nft add rule inet t in tcp dport 81 drop
nft add rule inet t in tcp dport 82 reject with tcp reset
nft add rule inet t in ip daddr 10.99.0.1 tcp dport 83 reject with icmp type admin-prohibited
exec "$1" --no-warnings --input-type=module -e "$2"
`;

const inside = `
import { createServer } from 'node:net';
import { connectAll } from ${JSON.stringify(new URL('connect.ts', import.meta.url).href)};
import { requesterOf, sendOptions, spec, ways } from ${JSON.stringify(new URL('test-support.ts', import.meta.url).href)};
const server = createServer((socket) => { socket.on('error', () => {}); socket.once('data', () => socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')); });
await new Promise((resolve) => server.listen(80, '0.0.0.0', resolve));
const places = [['10.99.0.1', 80], ['10.99.0.1', 81], ['10.99.0.1', 82], ['10.99.0.1', 83], ['10.99.1.1', 80], ['10.99.1.2', 80], ['10.99.2.1', 80]];
const connects = await connectAll(places.map(([address, port]) => ({ door: 'backend', target: null, address, port })), { signal: AbortSignal.timeout(20000), from: 'here', timeoutMs: 700, concurrency: 9 });
const sent = {};
for (const way of ways) {
  const requester = await requesterOf(way);
  sent[way] = await requester.send(places.map(([host, port]) => spec({ url: 'http://shop.test/ok', connectTo: { host, port }, connectTimeoutMs: 700, timeoutMs: 2500 })), sendOptions());
  await requester[Symbol.asyncDispose]();
}
server.close();
console.log(JSON.stringify({ connects: connects.attempts, sent }));
`;

/** Root gets a network namespace at once; others by way of a user namespace. */
function inNamespace(): Promise<string> {
  const flags = process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net'];
  return new Promise((resolve, reject) => {
    const child = spawn('unshare', [...flags, 'sh', '-c', setUp, 'sh', process.execPath, inside], {
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      timeout: 50_000,
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`${code}: ${err}`))));
  });
}

const expected = [
  ['an open port', 'open', null, null],
  ['a silent drop', 'timeout', 'timeout', 'connect'],
  ['a reject by reset', 'refused', 'refused', 'connect'],
  ['a reject by ICMP', 'unreachable', 'unreachable', 'connect'],
  ['an unreachable route', 'unreachable', 'unreachable', 'connect'],
  ['a prohibited route', 'prohibited', 'prohibited', 'connect'],
  ['no route at all', 'unreachable', 'unreachable', 'connect'],
] as const;

let seen: { readonly connects: readonly ConnectAttempt[]; readonly sent: Readonly<Record<string, readonly Exchange[]>> };
beforeAll(async () => {
  seen = JSON.parse(await inNamespace()) as typeof seen;
});

it.for(expected.map(([name, outcome], i) => [name, outcome, i] as const))('connect: %s', ([, outcome, i]) => {
  expect(seen.connects[i]).toMatchObject({ outcome, door: 'backend' });
});

it('waits for a silent port as long as it was told', () => {
  expect(seen.connects[1]?.tookMs).toBeGreaterThan(650);
  expect(seen.connects[1]?.tookMs).toBeLessThan(3000);
});

describe.for(ways)('requests by %s', (way) => {
  it.for(expected.map(([name, , error, phase], i) => [name, error, phase, i] as const))('%s', ([, error, phase, i]) => {
    const exchange = seen.sent[way]?.[i];
    expect({ error: exchange?.error, phase: exchange?.failedPhase }).toEqual({ error, phase });
  });
});

it.runIf(process.getuid?.() === 0)('knows the TTL of a reset and of the SYN-ACK', () => {
  expect(seen.sent['here']?.[2]).toMatchObject({ resetTtl: 64, synAckTtl: null });
  expect(seen.sent['here']?.[0]).toMatchObject({ resetTtl: null, synAckTtl: 64 });
});
