// Handshakes with real TLS servers: the chain is shown whatever is wrong with it, and each failure has its own code.
import { createServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TlsSession } from '../../model/observations.ts';
import { makeCertificates, type Certificates } from './test-support.ts';
import { inspectTls } from './tls.ts';

let certificates: Certificates;
const servers: Server[] = [];
const ports = new Map<string, number>();

async function listen(name: string, server: Server): Promise<void> {
  servers.push(server);
  server.on('connection', (socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports.set(name, (server.address() as AddressInfo).port);
}

beforeAll(async () => {
  certificates = await makeCertificates();
  const tls: Readonly<Record<string, TlsOptions>> = {
    valid: certificates.valid,
    expired: certificates.expired,
    other: certificates.otherName,
    self: certificates.selfSigned,
    old: { ...certificates.valid, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    // What nginx does with `ssl_reject_handshake on` for a name that it does not serve.
    unknown: { ...certificates.valid, SNICallback: (_name, done) => done(new Error('unknown name')) },
  };
  for (const [name, options] of Object.entries(tls))
    await listen(
      name,
      createTlsServer(options, (socket) => socket.on('error', () => undefined)).on('tlsClientError', () => undefined),
    );
  await listen(
    'reset',
    createServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
  );
  await listen(
    'closed',
    createServer((socket) => socket.once('data', () => socket.end())),
  );
  await listen(
    'plain',
    createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  );
  await listen(
    'silent',
    createServer((socket) => setTimeout(() => socket.destroy(), 3000)),
  );
});
afterAll(() => {
  for (const server of servers) server.close();
});

async function inspect(name: string, serverName: string | null = 'shop.test'): Promise<TlsSession> {
  const target = { target: 'slb', address: '127.0.0.1', port: ports.get(name) ?? 1, serverName, ca: certificates.ca };
  const { from, sessions } = await inspectTls([target], {
    signal: AbortSignal.timeout(10_000),
    from: 'here',
    timeoutMs: 800,
    concurrency: 4,
  });
  expect(from).toBe('here');
  const [session] = sessions;
  if (session === undefined) throw new Error('no session');
  return session;
}

it.for([
  ['valid', true, null],
  ['expired', false, 'CERT_HAS_EXPIRED'],
  ['other', false, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['self', false, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
] as const)('%s certificate', async ([name, trusted, trustError]) => {
  const session = await inspect(name);
  expect(session).toMatchObject({
    target: 'slb',
    serverName: 'shop.test',
    protocol: 'TLSv1.3',
    trusted,
    trustError,
    alert: null,
    errorCode: null,
  });
  expect(session.chain[0]?.names).toEqual([name === 'other' ? 'DNS:other.test' : 'DNS:shop.test']);
  expect(session.chain[0]?.subject).toBe(name === 'other' ? 'CN=other.test' : 'CN=shop.test');
  expect(session.chain[0]?.issuer).toBe(name === 'self' ? 'CN=shop.test' : 'CN=Test CA');
  expect(session.chain[0]?.validTo).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(session.chain[0]?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
});

it.for([
  ['old', /^ERR_SSL_/],
  ['unknown', /^(ERR_SSL_|ECONNRESET|CLOSED)/],
  ['reset', /^ECONNRESET$/],
  ['closed', /^CLOSED$/],
  ['plain', /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/],
  ['silent', /^TIMEOUT$/],
  ['nobody', /^ECONNREFUSED$/],
] as const)('handshake with a server that is %s', async ([name, code]) => {
  const session = await inspect(name);
  expect(session).toMatchObject({ protocol: null, trusted: null, trustError: null, chain: [] });
  expect(session.errorCode).toMatch(code);
});

it('names the alert that the server sent', async () => {
  expect((await inspect('old')).alert).toBe('protocol_version');
});

it('sends no name where there is none', async () => {
  expect(await inspect('valid', null)).toMatchObject({ serverName: null, trustError: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});
