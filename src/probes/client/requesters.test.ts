// Each phase of a request fails for real, on real sockets, and every way of sending tells the same story.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Exchange, FailedPhase, RequestSpec, WireError } from '../../model/exchange.ts';
import { makeCertificates, requesterOf, sendOptions, spec, ways, type Certificates, type Way } from './test-support.ts';

const sockets = new Set<Socket>();
const servers: Server[] = [];
const received = new Map<string, string>();

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

const line = (times: number): string => `X-Long: ${'y'.repeat(1000)}\r\n`.repeat(times);

/** What the server does with the connection, by path. */
const behaviours: Readonly<Record<string, (socket: Socket) => void>> = {
  ok: (s) => s.end('HTTP/1.1 200 Fine\r\nServer: test\r\nSet-Cookie: sid=topsecretvalue; Path=/\r\nContent-Length: 5\r\n\r\nhello'),
  'no-length': (s) => s.end('HTTP/1.1 502 Bad Gateway\r\n\r\nuntil the end'),
  interim: (s) =>
    s.end(
      'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ),
  'bare-lf': (s) => s.end('HTTP/1.1 500 Oops\nContent-Length: 2\n\nno'),
  redirect: (s) => s.end('HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n'),
  'big-head': (s) => s.end(`HTTP/1.1 200 OK\r\n${line(60)}Content-Length: 2\r\n\r\nhi`),
  binary: (s) => s.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'), Buffer.from([0, 255, 10, 13, 65])])),
  endless: (s) => {
    s.write('HTTP/1.1 200 OK\r\n\r\n');
    const more = (): void => {
      while (!s.destroyed && s.write(Buffer.alloc(65_536, 'z')));
    };
    s.on('drain', more);
    more();
  },
  reset: (s) => s.resetAndDestroy(),
  fin: (s) => s.end(),
  stall: () => undefined,
  garbage: (s) => s.end('SSH-2.0-OpenSSH_9.2\r\n'),
  'half-head': (s) => s.end('HTTP/1.1 200 OK\r\nServ'),
  'endless-head': (s) => s.end(`HTTP/1.1 200 OK\r\n${line(400)}\r\n`),
  short: (s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'),
  'cut-chunk': (s) => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30\r\nabc'),
  'bad-chunk': (s) => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\nabc\r\n0\r\n\r\n'),
  'stall-body': (s) => s.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'),
  'reset-body': (s) => {
    s.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello');
    setTimeout(() => s.resetAndDestroy(), 60);
  },
  early: (s) => s.end('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'),
};

function serve(socket: Socket): void {
  let text = '';
  let done = false;
  socket.on('data', (bytes) => {
    if (done) return;
    text += bytes.toString('latin1');
    const path = /^\S+ \/([\w-]+)/.exec(text)?.[1];
    const head = text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/\r\nContent-Length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
    if (path !== 'early' && text.length - head - 4 < length) return;
    done = true;
    received.set(/\(\+(\S+)\)/.exec(text)?.[1] ?? '', text);
    behaviours[path ?? '']?.(socket);
  });
}

let port: number;
let port6: number;
let certificates: Certificates;
const tlsPorts = new Map<string, number>();

beforeAll(async () => {
  certificates = await makeCertificates();
  port = await listen(createServer(serve));
  port6 = await listen(createServer(serve), '::1');
  const tls: Readonly<Record<string, TlsOptions>> = {
    valid: certificates.valid,
    expired: certificates.expired,
    'other-name': certificates.otherName,
    'self-signed': certificates.selfSigned,
    'old-version': { ...certificates.valid, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
  };
  for (const [name, options] of Object.entries(tls)) {
    tlsPorts.set(name, await listen(createTlsServer(options, serve).on('tlsClientError', () => undefined)));
  }
  tlsPorts.set('no-tls', await listen(createServer((s) => s.end('HTTP/1.1 400 Bad Request\r\n\r\n'))));
  tlsPorts.set('tls-reset', await listen(createServer((s) => s.once('data', () => s.resetAndDestroy()))));
  tlsPorts.set('tls-fin', await listen(createServer((s) => s.once('data', () => s.end()))));
  tlsPorts.set('tls-stall', await listen(createServer(() => undefined)));
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

interface Expected {
  readonly status?: number;
  readonly error?: WireError;
  readonly phase?: FailedPhase;
  readonly body?: string;
  readonly complete?: boolean;
  /** What nc and openssl can know of it. */
  readonly piped?: WireError;
}

const plain = (path: string, change: Partial<RequestSpec> = {}): RequestSpec =>
  spec({ url: `http://shop.test:${port}/${path}`, connectTo: { host: '127.0.0.1', port }, ...change });
const secure = (server: string, change: Partial<RequestSpec> = {}): RequestSpec =>
  spec({ url: 'https://shop.test/ok', connectTo: { host: '127.0.0.1', port: tlsPorts.get(server) ?? 0 }, ca: certificates.ca, ...change });

/** Deadlines for servers that keep silent; the others have time, however busy the machine is. */
const late = { connectTimeoutMs: 1000, timeoutMs: 1200 };

const cases: readonly (readonly [string, () => RequestSpec, Expected])[] = [
  ['an answer', () => plain('ok'), { status: 200, body: 'hello', complete: true }],
  ['HEAD', () => plain('ok', { method: 'HEAD' }), { status: 200, body: '', complete: true }],
  ['HTTP/1.0 without Host', () => plain('ok', { hostHeader: null, httpVersion: '1.0' }), { status: 200, body: 'hello', complete: true }],
  ['a body that ends with the connection', () => plain('no-length'), { status: 502, body: 'until the end', complete: true }],
  ['an interim answer and chunks', () => plain('interim'), { status: 502, body: 'abc', complete: true }],
  ['bare line feeds', () => plain('bare-lf'), { status: 500, body: 'no', complete: true }],
  ['a redirect, which is not followed', () => plain('redirect'), { status: 302, body: '', complete: true }],
  ['60 KB of headers', () => plain('big-head'), { status: 200, body: 'hi', complete: true }],
  ['a binary body', () => plain('binary'), { status: 200, body: '\0\uFFFD\n\rA', complete: true }],
  ['an endless body', () => plain('endless', { timeoutMs: 6000 }), { status: 200, complete: false }],
  ['a posted body', () => plain('ok', { method: 'POST', bodyBytes: 60_000 }), { status: 200, body: 'hello', complete: true }],
  [
    'an answer before the body was sent',
    () => plain('early', { method: 'POST', bodyBytes: 60_000 }),
    { status: 413, body: 'no', complete: true },
  ],
  ['a reset before the answer', () => plain('reset'), { error: 'reset', phase: 'first-byte', piped: 'closed' }],
  ['an end before the answer', () => plain('fin'), { error: 'closed', phase: 'first-byte' }],
  ['silence', () => plain('stall', late), { error: 'timeout', phase: 'first-byte' }],
  ['something else than HTTP', () => plain('garbage'), { error: 'protocol', phase: 'first-byte' }],
  ['half a head', () => plain('half-head'), { error: 'closed', phase: 'first-byte' }],
  ['headers without end', () => plain('endless-head'), { error: 'protocol', phase: 'first-byte' }],
  ['less body than promised', () => plain('short'), { status: 200, error: 'closed', phase: 'body', body: 'hello' }],
  ['a cut chunk', () => plain('cut-chunk'), { status: 200, error: 'closed', phase: 'body', body: 'abc' }],
  ['broken chunks', () => plain('bad-chunk'), { status: 200, error: 'protocol', phase: 'body' }],
  ['silence within the body', () => plain('stall-body', late), { status: 200, error: 'timeout', phase: 'body', body: 'hello' }],
  ['a reset within the body', () => plain('reset-body'), { status: 200, error: 'reset', phase: 'body', body: 'hello', piped: 'closed' }],
  ['a closed port', () => plain('ok', { connectTo: { host: '127.0.0.1', port: 1 } }), { error: 'refused', phase: 'connect' }],
  [
    'a name that does not exist',
    () => plain('ok', { connectTo: { host: 'nowhere.invalid', port: 80 } }),
    { error: 'dns', phase: 'resolve' },
  ],
  ['IPv6', () => spec({ url: `http://[::1]:${port6}/ok` }), { status: 200, body: 'hello', complete: true }],
  ['TLS', () => secure('valid'), { status: 200, body: 'hello', complete: true }],
  ['TLS with another name', () => secure('other-name', { hostHeader: 'other.test' }), { status: 200, body: 'hello', complete: true }],
  ['an expired certificate', () => secure('expired'), { error: 'tls', phase: 'tls' }],
  ['a certificate for another name', () => secure('other-name'), { error: 'tls', phase: 'tls' }],
  ['a certificate that signed itself', () => secure('self-signed'), { error: 'tls', phase: 'tls' }],
  ['a TLS version of the past', () => secure('old-version'), { error: 'tls', phase: 'tls' }],
  ['no TLS at all', () => secure('no-tls'), { error: 'tls', phase: 'tls' }],
  ['a reset in the handshake', () => secure('tls-reset'), { error: 'reset', phase: 'tls' }],
  ['an end in the handshake', () => secure('tls-fin'), { error: 'closed', phase: 'tls' }],
  ['silence in the handshake', () => secure('tls-stall', late), { error: 'timeout', phase: 'tls' }],
];

const isPiped = (way: Way): boolean => way === 'nc' || way === 'busybox';

describe.for(ways)('requests by %s', (way) => {
  let exchanges: readonly Exchange[];
  beforeAll(async () => {
    await using requester = await requesterOf(way);
    const specs = cases.map(([, make], i) => ({ ...make(), nonce: `0123456789ab-${i}` }));
    exchanges = await requester.send(specs, sendOptions());
  }, 60_000);

  it.for(cases.map(([name, , expected], i) => [name, expected, i] as const))('%s', ([, expected, i]) => {
    const seen = exchanges[i];
    expect(seen).toBeDefined();
    if (seen === undefined) return;
    const error = isPiped(way) ? (expected.piped ?? expected.error ?? null) : (expected.error ?? null);
    expect({ status: seen.status, error: seen.error, phase: seen.failedPhase }).toEqual({
      status: expected.status ?? null,
      error,
      phase: expected.phase ?? null,
    });
    expect(seen.body).toBe(expected.body ?? seen.body);
    expect(seen.bodyComplete).toBe(expected.complete ?? false);
    expect(seen.nonce).toBe(`0123456789ab-${i}`);
  });

  it('keeps the phases in order, and inside the deadline', () => {
    for (const each of exchanges) {
      const { resolvedMs, connectedMs, securedMs, firstByteMs, totalMs } = each.phases;
      const times = [resolvedMs, connectedMs, securedMs, firstByteMs].filter((ms) => ms !== null);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(totalMs).toBeLessThan(isPiped(way) ? 9000 : 6500);
    }
  });

  it('counts the bytes of both heads', () => {
    const ok = exchanges[0];
    expect(ok?.requestHeaderBytes).toBe(received.get('0123456789ab-0')?.length);
    expect(ok?.responseHeaderBytes).toBe(
      'HTTP/1.1 200 Fine\r\nServer: test\r\nSet-Cookie: sid=topsecretvalue; Path=/\r\nContent-Length: 5\r\n\r\n'.length,
    );
    expect(ok?.reason).toBe('Fine');
  });

  it('stops reading an endless body at 1 MiB', () => {
    const endless = exchanges[cases.findIndex(([name]) => name === 'an endless body')];
    expect(endless).toMatchObject({ bodyBytes: 1024 * 1024, errorCode: 'BODY_CAP' });
    expect(endless?.body).toBe('z'.repeat(4096));
  });

  it('sends the same request as the others', () => {
    const [get, , http10, post] = [0, 1, 2, cases.findIndex(([name]) => name === 'a posted body')].map(
      (i) => received.get(`0123456789ab-${i}`) ?? '',
    );
    expect(get?.split('\r\n').toSorted()).toEqual(
      [
        'GET /ok HTTP/1.1',
        `Host: shop.test:${port}`,
        'User-Agent: why5xx/0.1.0 (+0123456789ab-0)',
        'Accept: */*',
        'Connection: close',
        '',
        '',
      ].toSorted(),
    );
    expect(http10?.split('\r\n').toSorted()).toEqual(
      ['GET /ok HTTP/1.0', 'User-Agent: why5xx/0.1.0 (+0123456789ab-2)', 'Accept: */*', '', ''].toSorted(),
    );
    expect(post?.split('\r\n\r\n')[1]).toBe('x'.repeat(60_000));
    expect(post).not.toMatch(/expect|x-www-form-urlencoded/i);
  });

  it('takes secrets out, and keeps their names', () => {
    expect(exchanges[0]?.headers.find(([name]) => name === 'set-cookie')?.[1]).toMatch(/^sid=/);
    expect(JSON.stringify(exchanges)).not.toContain('topsecretvalue');
  });

  it('does not let values become commands, headers or secrets of the report', async () => {
    await using requester = await requesterOf(way);
    const evil = `"; touch /tmp/why5xx-owned; $(id) \`id\` ' \\ \r\nInjected: yes`;
    const [seen] = await requester.send(
      [plain('ok', { nonce: '0123456789ab-99', headers: { 'X-Key': evil, Cookie: 'a=canary-4711' } })],
      sendOptions({ secrets: ['canary-4711'] }),
    );
    expect(seen?.status).toBe(200);
    const sent = received.get('0123456789ab-99') ?? '';
    expect(sent).toContain(`X-Key: ${evil.replace(/[\r\n]/g, '')}\r\n`);
    expect(sent).not.toMatch(/^Injected/m);
    expect(sent).toContain('Cookie: a=canary-4711');
    expect(JSON.stringify(seen)).not.toContain('canary-4711');
  });

  it('uses the hosts-file entries of the site file', async () => {
    await using requester = await requesterOf(way);
    const [seen] = await requester.send(
      [spec({ url: `http://shop.test:${port}/ok` })],
      sendOptions({ resolve: { 'shop.test': '127.0.0.1' } }),
    );
    expect(seen).toMatchObject({ status: 200, hostHeader: `shop.test:${port}`, remoteAddress: '127.0.0.1' });
  });
});

it('ends at once when the run is called off', async () => {
  await using requester = await requesterOf('here');
  const seen = await requester.send([plain('stall', { timeoutMs: 30_000 })], sendOptions({ signal: AbortSignal.timeout(200) }));
  expect(seen[0]).toMatchObject({ error: 'other', errorCode: 'ABORT_ERR', failedPhase: 'first-byte' });
  expect(seen[0]?.phases.totalMs).toBeLessThan(2000);
});

it('answers for a URL that is none', async () => {
  await using requester = await requesterOf('here');
  const seen = await requester.send([spec({ url: 'http://' }), plain('ok')], sendOptions());
  expect(seen.map((each) => [each.status, each.error])).toEqual([
    [null, 'other'],
    [200, null],
  ]);
});
