// Marked requests from this machine over plain sockets. A tester is not a forgiving client: one address, one connection, no retry, no
// redirect, and every phase has its own time and its own kind of failure.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { ADDRCONFIG } from 'node:dns';
import { connect, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, rootCertificates, type TLSSocket } from 'node:tls';
import type { Exchange, FailedPhase, Phases, RequestSpec, WireError } from '../../model/exchange.ts';
import { startCapture, ttlKey, type Ttls } from './capture.ts';
import { exchangeOf, notSent, type Observed } from './exchange-of.ts';
import { inPool } from './pool.ts';
import { fixedAddress, wireRequest, type WireRequest } from './request-head.ts';
import type { Requester, SendOptions } from './requester.ts';
import { ResponseReader } from './response-reader.ts';
import { errorCodeOf, isOrderlyHandshakeEnd, wireErrorOf } from './wire-error.ts';

/** The requester of this machine. It never rejects for a network failure. */
export function hereRequester(from: string): Requester {
  return {
    from,
    async send(specs, options) {
      const capture = await startCapture(specs, options);
      const seen = await inPool(specs, options.concurrency, (spec) => sendOne(spec, options));
      const ttls = await capture?.stop();
      return Promise.all(specs.map(async (spec, index) => withTtls(spec, await withSource(seen[index]), ttls ?? null, options)));
    },
  };
}

interface Sent {
  readonly wire: WireRequest | null;
  readonly seen: Observed;
  readonly localPort: number | null;
}

/** A connection that never opened does not say where it was tried from; the kernel's choice of an address does. */
async function withSource(sent: Sent | undefined): Promise<Sent | undefined> {
  const remote = sent?.seen.remoteAddress ?? null;
  if (sent === undefined || remote === null || sent.seen.localAddress !== null) return sent;
  return { ...sent, seen: { ...sent.seen, localAddress: await sourceFor(remote) } };
}

/** Address that this machine would send from; null where there is no way. Connecting a datagram socket sends nothing. */
function sourceFor(remote: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(remote) === 6 ? 'udp6' : 'udp4');
    const done = (address: string | null): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => done(null));
    socket.connect(9, remote, () => done(socket.address().address));
  });
}

function withTtls(spec: RequestSpec, sent: Sent | undefined, ttls: ReadonlyMap<string, Ttls> | null, options: SendOptions): Exchange {
  if (sent === undefined) return exchangeOf(spec, null, notSent(spec, Date.now(), 'other', null, 'NOT_SENT'), options.secrets);
  const { seen } = sent;
  const found =
    seen.remoteAddress === null || seen.remotePort === null || (sent.localPort === null && seen.error !== 'refused')
      ? undefined
      : ttls?.get(ttlKey(seen.remoteAddress, seen.remotePort, sent.localPort));
  return exchangeOf(spec, sent.wire, { ...seen, localPort: sent.localPort, ...found }, options.secrets);
}

const tenth = (ms: number): number => Math.round(ms * 10) / 10;

async function sendOne(spec: RequestSpec, options: SendOptions): Promise<Sent> {
  const startedAtMs = Date.now();
  let wire: WireRequest;
  try {
    wire = wireRequest(spec, options.version);
  } catch (error) {
    return { wire: null, seen: notSent(spec, startedAtMs, 'other', null, errorCodeOf(error)), localPort: null };
  }
  const run = new Attempt(spec, wire, startedAtMs);
  const abort = (): void => run.fail('other', 'ABORT_ERR');
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    if (options.signal.aborted) abort();
    else void run.start(options.resolve);
    return { wire, seen: await run.seen, localPort: run.localPort };
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}

/** One request from its first look-up to its last byte. */
class Attempt {
  readonly seen: Promise<Observed>;
  localPort: number | null = null;
  readonly #spec: RequestSpec;
  readonly #wire: WireRequest;
  readonly #startedAtMs: number;
  readonly #t0 = performance.now();
  readonly #reader: ResponseReader;
  readonly #settle: (seen: Observed) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  #connectTimer: NodeJS.Timeout | undefined;
  #socket: Socket | null = null;
  #tls: TLSSocket | null = null;
  #phase: FailedPhase = 'resolve';
  #over = false;
  #resolvedMs: number | null = null;
  #connectedMs: number | null = null;
  #securedMs: number | null = null;
  #firstByteMs: number | null = null;
  #remoteAddress: string | null = null;
  #localAddress: string | null = null;
  #headSent = false;

  constructor(spec: RequestSpec, wire: WireRequest, startedAtMs: number) {
    this.#spec = spec;
    this.#wire = wire;
    this.#startedAtMs = startedAtMs;
    this.#reader = new ResponseReader(spec.method);
    const { promise, resolve } = Promise.withResolvers<Observed>();
    this.seen = promise;
    this.#settle = resolve;
  }

  #now(): number {
    return tenth(performance.now() - this.#t0);
  }

  async start(resolve: Readonly<Record<string, string>>): Promise<void> {
    this.#timers.push(setTimeout(() => this.fail('timeout', null), this.#spec.timeoutMs));
    this.#connectTimer = setTimeout(() => this.fail('timeout', null), this.#spec.connectTimeoutMs);
    this.#timers.push(this.#connectTimer);
    let address = fixedAddress(this.#wire.connectHost, resolve);
    if (address === null) {
      try {
        address = (await lookup(this.#wire.connectHost, { hints: ADDRCONFIG, order: 'verbatim' })).address;
      } catch (error) {
        return this.fail('dns', errorCodeOf(error));
      }
    }
    if (this.#over) return;
    this.#resolvedMs = this.#now();
    this.#remoteAddress = address;
    this.#phase = 'connect';
    this.#connect(address);
  }

  #connect(address: string): void {
    let socket: Socket;
    try {
      // Half open stays open: our own FIN must not tell a balancer that the client went away.
      socket = connect({ host: address, port: this.#wire.connectPort, autoSelectFamily: false, allowHalfOpen: true, noDelay: true });
    } catch (error) {
      return this.fail(wireErrorOf(errorCodeOf(error)), errorCodeOf(error));
    }
    this.#socket = socket;
    socket.on('error', (error) => this.#broke(error));
    socket.once('connect', () => {
      this.#connectedMs = this.#now();
      this.#localAddress = socket.localAddress ?? null;
      this.localPort = socket.localPort ?? null;
      if (this.#wire.secure) this.#secure(socket);
      else this.#talk(socket);
    });
  }

  #secure(socket: Socket): void {
    this.#phase = 'tls';
    const { serverName, checkedName } = this.#wire;
    const secured = connectTls({
      socket,
      ...(serverName === null ? {} : { servername: serverName }),
      ...(this.#spec.ca === undefined ? {} : { ca: [...rootCertificates, this.#spec.ca] }),
      checkServerIdentity: (_, certificate) => checkServerIdentity(checkedName, certificate),
      ALPNProtocols: ['http/1.1'],
    });
    this.#tls = secured;
    secured.on('error', (error: Error) => this.#broke(error));
    secured.once('close', () => {
      if (this.#phase === 'tls') this.fail('closed', null);
    });
    secured.once('secureConnect', () => {
      this.#securedMs = this.#now();
      this.#talk(secured);
    });
  }

  #talk(stream: Socket): void {
    clearTimeout(this.#connectTimer);
    this.#phase = 'send';
    stream.on('data', (bytes: Buffer) => this.#received(bytes));
    stream.once('end', () => this.#ended());
    stream.once('close', () => this.#ended());
    stream.write(this.#wire.head, () => {
      this.#headSent = true;
      if (this.#spec.bodyBytes === 0 && this.#phase === 'send') this.#phase = 'first-byte';
    });
    if (this.#spec.bodyBytes > 0) this.#sendBody(stream, this.#spec.bodyBytes);
  }

  #sendBody(stream: Socket, left: number): void {
    if (this.#over || stream.destroyed) return;
    if (left === 0) {
      if (this.#phase === 'send') this.#phase = 'first-byte';
      return;
    }
    const piece = Math.min(left, 16_384);
    // A turn of the event loop between pieces: an answer that came early is read before a write can fail and throw it away.
    stream.write(Buffer.alloc(piece, 'x'), (error) => {
      if (!error) setImmediate(() => this.#sendBody(stream, left - piece));
    });
  }

  #received(bytes: Buffer): void {
    if (this.#over) return;
    this.#firstByteMs ??= this.#now();
    this.#reader.push(bytes);
    if (this.#reader.head !== null) this.#phase = 'body';
    if (this.#reader.state === 'broken') this.fail('protocol', this.#reader.problem);
    else if (this.#reader.state === 'done') this.#finish(null, null);
    else if (this.#reader.state === 'capped') this.#finish(null, 'BODY_CAP');
  }

  #ended(): void {
    if (this.#over) return;
    if (this.#reader.end()) this.#finish(null, null);
    else this.fail('closed', null);
  }

  #broke(error: Error): void {
    const code = errorCodeOf(error);
    if (this.#phase === 'tls' && isOrderlyHandshakeEnd(error)) return this.fail('closed', null);
    // Certificate errors of Node carry OpenSSL's code, which `wireErrorOf` cannot list completely.
    const named = wireErrorOf(code);
    this.fail(this.#phase === 'tls' && named === 'other' ? 'tls' : named, code);
  }

  fail(error: WireError, code: string | null): void {
    this.#finish(error, code);
  }

  #finish(error: WireError | null, code: string | null): void {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#tls?.destroy();
    this.#socket?.destroy();
    const head = this.#reader.head;
    const phases: Phases = {
      resolvedMs: this.#resolvedMs,
      connectedMs: this.#connectedMs,
      securedMs: this.#securedMs,
      firstByteMs: this.#firstByteMs,
      totalMs: this.#now(),
    };
    this.#settle({
      startedAtMs: this.#startedAtMs,
      requestHeaderBytes: this.#headSent ? this.#wire.head.length : 0,
      remoteAddress: this.#remoteAddress,
      remotePort: this.#wire.connectPort,
      localAddress: this.#localAddress,
      phases,
      status: head?.status ?? null,
      reason: head?.reason ?? null,
      headers: head?.headers ?? [],
      responseHeaderBytes: head?.bytes ?? null,
      body: this.#reader.body,
      bodyBytes: this.#reader.bodyBytes,
      bodyComplete: this.#reader.state === 'done',
      error,
      failedPhase: error === null ? null : this.#phase,
      errorCode: code,
    });
  }
}
