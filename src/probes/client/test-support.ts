// What the tests of requesters share: every way to send from this machine, a spec with defaults, and real certificates.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RequestSpec } from '../../model/exchange.ts';
import { openTransport } from '../../transport/open.ts';
import { curlRequester } from './curl.ts';
import { hereRequester } from './here.ts';
import type { Requester, SendOptions } from './requester.ts';
import { shRequester } from './sh.ts';
import { detectTools, type Tools } from './tools.ts';

export const run = promisify(execFile);

/** The ways that must agree. `nc` sends HTTP with nc and HTTPS with openssl; `busybox` is the same under busybox's shell and nc. */
export const ways = ['here', 'curl', 'python3', 'perl', 'nc', 'busybox'] as const;
export type Way = (typeof ways)[number];

/** A requester that uses just this way. Close it when done. */
export async function requesterOf(way: Way): Promise<Requester & AsyncDisposable> {
  if (way === 'here') return { ...hereRequester('here'), [Symbol.asyncDispose]: () => Promise.resolve() };
  const opened = openTransport(way === 'busybox' ? ['busybox'] : 'local');
  const only: Tools = {
    curl: null,
    python3: way === 'python3',
    perl: way === 'perl',
    openssl: true,
    nc: way === 'busybox' ? 'busybox' : 'openbsd',
  };
  const curl = way === 'curl' ? (await detectTools(opened, AbortSignal.timeout(10_000))).curl : null;
  if (way === 'curl' && curl === null) throw new Error('this machine has no curl');
  const requester = curl === null ? shRequester(way, opened, only) : curlRequester(way, opened, curl);
  return { ...requester, [Symbol.asyncDispose]: () => opened.close() };
}

export function spec(change: Partial<RequestSpec> & { readonly url: string }): RequestSpec {
  return {
    nonce: '0123456789ab-7',
    purpose: 'reproduce',
    door: 'site',
    target: null,
    method: 'GET',
    headers: {},
    bodyBytes: 0,
    connectTo: null,
    connectTimeoutMs: 4000,
    timeoutMs: 5000,
    listenerPort: null,
    ...change,
  };
}

export function sendOptions(change: Partial<SendOptions> = {}): SendOptions {
  return { signal: AbortSignal.timeout(60_000), version: '0.1.0', resolve: {}, secrets: [], concurrency: 12, ...change };
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A CA of our own and what it signed for shop.test, valid and expired; and one that signed itself. */
export interface Certificates {
  readonly ca: string;
  readonly valid: Certificate;
  readonly expired: Certificate;
  readonly otherName: Certificate;
  readonly selfSigned: Certificate;
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'w5-tls-'));
  const at = (name: string): string => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    await run('openssl', ['req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '30', '-subj', '/CN=Test CA']);
    const sign = async (name: string, host: string, days: string): Promise<Certificate> => {
      await writeFile(at('ext'), `subjectAltName=DNS:${host}\n`);
      await run('openssl', ['req', ...key, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${host}`]);
      const ca = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'];
      await run('openssl', [
        'x509',
        '-req',
        '-in',
        at(`${name}.csr`),
        ...ca,
        '-days',
        days,
        '-extfile',
        at('ext'),
        '-out',
        at(`${name}.pem`),
      ]);
      return { cert: await readFile(at(`${name}.pem`), 'utf8'), key: await readFile(at(`${name}.key`), 'utf8') };
    };
    await run('openssl', [
      'req',
      '-x509',
      ...key,
      '-keyout',
      at('self.key'),
      '-out',
      at('self.pem'),
      '-days',
      '30',
      '-subj',
      '/CN=shop.test',
      '-addext',
      'subjectAltName=DNS:shop.test',
    ]);
    return {
      ca: await readFile(at('ca.pem'), 'utf8'),
      valid: await sign('valid', 'shop.test', '30'),
      expired: await sign('expired', 'shop.test', '-1'),
      otherName: await sign('other', 'other.test', '30'),
      selfSigned: { cert: await readFile(at('self.pem'), 'utf8'), key: await readFile(at('self.key'), 'utf8') },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
