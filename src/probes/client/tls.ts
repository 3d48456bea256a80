// One TLS handshake per address: what the certificate chain says, whether it is trusted, and which alert ended it.
import { isIP, connect } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  rootCertificates,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls';
import type { EvidenceMap, TlsSession } from '../../model/observations.ts';
import { inPool } from './pool.ts';
import { errorCodeOf, isOrderlyHandshakeEnd } from './wire-error.ts';

/** An address to shake hands with, and the name asked for. */
export interface TlsTarget {
  readonly target: string | null;
  readonly address: string;
  readonly port: number;
  /** Name for SNI and for the certificate check; null sends none. */
  readonly serverName: string | null;
  /** PEM text of an extra trust anchor. */
  readonly ca?: string;
}

export interface TlsOptions {
  readonly signal: AbortSignal;
  readonly from: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
}

/** One session per target, in their order. A bad certificate does not end the handshake here: the chain is the evidence. Never rejects. */
export async function inspectTls(targets: readonly TlsTarget[], options: TlsOptions): Promise<EvidenceMap['tls']> {
  return { from: options.from, sessions: await inPool(targets, options.concurrency, (target) => inspectOne(target, options)) };
}

interface Outcome {
  readonly protocol: string | null;
  readonly trusted: boolean | null;
  readonly trustError: string | null;
  readonly errorCode: string | null;
  readonly chain: TlsSession['chain'];
}

const nothing: Outcome = { protocol: null, trusted: null, trustError: null, errorCode: null, chain: [] };

function inspectOne(target: TlsTarget, options: TlsOptions): Promise<TlsSession> {
  return new Promise((resolve) => {
    const name = target.serverName !== null && isIP(target.serverName) === 0 ? target.serverName : null;
    const socket = connect({ host: target.address, port: target.port, autoSelectFamily: false });
    let secured: TLSSocket | null = null;
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', abort);
      secured?.destroy();
      socket.destroy();
      const { target: host, address, port } = target;
      resolve({ target: host, address, port, serverName: name, alert: alertOf(outcome.errorCode), ...outcome });
    };
    const fail = (errorCode: string): void => finish({ ...nothing, errorCode });
    const abort = (): void => fail('ABORT_ERR');
    const timer = setTimeout(() => fail('TIMEOUT'), options.timeoutMs);
    options.signal.addEventListener('abort', abort, { once: true });
    socket.on('error', (error) => fail(errorCodeOf(error) ?? 'UNKNOWN'));
    socket.once('connect', () => {
      const session = connectTls({
        socket,
        rejectUnauthorized: false,
        ...(name === null ? {} : { servername: name }),
        ...(target.ca === undefined ? {} : { ca: [...rootCertificates, target.ca] }),
        ALPNProtocols: ['http/1.1'],
      });
      secured = session;
      session.on('error', (error) => fail(isOrderlyHandshakeEnd(error) ? 'CLOSED' : (errorCodeOf(error) ?? 'UNKNOWN')));
      session.once('close', () => fail('CLOSED'));
      session.once('secureConnect', () => finish(outcomeOf(session, target)));
    });
    if (options.signal.aborted) abort();
  });
}

function outcomeOf(session: TLSSocket, target: TlsTarget): Outcome {
  const leaf = session.getPeerCertificate(true);
  // Node types this as Error, and gives the code as a string.
  const unknown: unknown = session.authorizationError;
  const chainError = session.authorized ? null : typeof unknown === 'string' ? unknown : (errorCodeOf(unknown) ?? 'UNTRUSTED');
  const nameError = Object.keys(leaf).length === 0 ? undefined : checkServerIdentity(target.serverName ?? target.address, leaf);
  const trustError = chainError ?? (nameError === undefined ? null : (errorCodeOf(nameError) ?? 'ERR_TLS_CERT_ALTNAME_INVALID'));
  return { protocol: session.getProtocol(), trusted: trustError === null, trustError, errorCode: null, chain: chainOf(leaf) };
}

function chainOf(leaf: DetailedPeerCertificate): TlsSession['chain'] {
  const chain: TlsSession['chain'][number][] = [];
  const seen = new Set<string>();
  let each: DetailedPeerCertificate | undefined = leaf;
  // A root is its own issuer in Node's view, and a hostile chain may be long.
  while (each?.raw !== undefined && !seen.has(each.fingerprint256) && chain.length < 10) {
    seen.add(each.fingerprint256);
    chain.push({
      subject: nameOf(each.subject),
      issuer: nameOf(each.issuer),
      names: (each.subjectaltname ?? '')
        .split(', ')
        .filter((name) => name !== '')
        .slice(0, 100),
      validFrom: isoDate(each.valid_from),
      validTo: isoDate(each.valid_to),
      fingerprint256: each.fingerprint256,
    });
    each = each.issuerCertificate;
  }
  return chain;
}

function isoDate(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

function nameOf(name: PeerCertificate['subject']): string {
  return Object.entries(name)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(', ')
    .slice(0, 500);
}

/** The alert that the peer sent, in the words of RFC 8446, from OpenSSL's code; null where it sent none. */
function alertOf(code: string | null): string | null {
  const named =
    /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13)_ALERT_(.+)$/.exec(code ?? '')?.[1] ??
    /^ERR_SSL_TLSV1_(UNRECOGNIZED_NAME|UNSUPPORTED_EXTENSION|CERTIFICATE_UNOBTAINABLE|BAD_CERTIFICATE_STATUS_RESPONSE)$/.exec(
      code ?? '',
    )?.[1];
  return named === undefined ? null : named.toLowerCase();
}
