// Marked requests from a host that has no curl: python3, perl, nc or openssl carry the bytes, and our own reader makes sense of the answer.
import { randomBytes } from 'node:crypto';
import type { Exchange, FailedPhase, RequestSpec, WireError } from '../../model/exchange.ts';
import type { Transport } from '../../model/transport.ts';
import { batchDeadlineMs } from './curl.ts';
import { exchangeOf, notSent, type Observed } from './exchange-of.ts';
import { fixedAddress, wireRequest, type WireRequest } from './request-head.ts';
import type { Requester, SendOptions } from './requester.ts';
import { ResponseReader } from './response-reader.ts';
import { shScript } from './sh-script.ts';
import { pipedFailure } from './piped-failure.ts';
import { nothingToSendWith, type Tools } from './tools.ts';
import { wireErrorOf } from './wire-error.ts';

/**
 * The requester of a host without curl. nc cannot tell a reset from an orderly close, and nc and openssl know no times but the whole; python3
 * and perl tell as much as our own sockets do. Rejects with ProbeError where the host has nothing that could send.
 */
export function shRequester(from: string, transport: Transport, tools: Tools): Requester {
  const plain = tools.python3 ? 'python3' : tools.perl ? 'perl' : tools.nc === null ? 'none' : 'nc';
  const secure = tools.python3 ? 'python3' : tools.openssl ? 'openssl' : 'none';
  return {
    from,
    async send(specs, options) {
      const wires = specs.map((spec) => wireOf(spec, options));
      for (const [program, wanted, label] of [
        [plain, false, 'HTTP'],
        [secure, true, 'HTTPS'],
      ] as const) {
        if (program === 'none' && wires.some((wire) => wire?.secure === wanted)) throw nothingToSendWith(transport, label);
      }
      const startedAtMs = Date.now();
      const many = Math.max(1, Math.min(options.concurrency, specs.length));
      const token = randomBytes(8).toString('hex');
      const args = specs.flatMap((spec, i) => argsOf(spec, wires[i] ?? null, options));
      const { stdout } = await transport.sh(shScript, {
        signal: options.signal,
        timeoutMs: batchDeadlineMs(specs, many) + specs.length * 3000,
        maxOutputBytes: 4_000_000 + specs.length * 3_000_000,
        args: [token, String(many), plain, secure, tools.nc ?? '', ...args],
      });
      const events = eventsIn(stdout, token, specs.length);
      const clocks = Array.from({ length: many }, () => startedAtMs);
      return specs.map((spec, i): Exchange => {
        const wire = wires[i] ?? null;
        const worker = i % many;
        const at = clocks[worker] ?? startedAtMs;
        const seen =
          wire === null
            ? notSent(spec, at, 'other', null, 'ERR_INVALID_URL')
            : observed(spec, wire, events[i] ?? [], { startedAtMs: at, program: wire.secure ? secure : plain, resolve: options.resolve });
        clocks[worker] = at + seen.phases.totalMs;
        return exchangeOf(spec, wire, seen, options.secrets);
      });
    },
  };
}

function wireOf(spec: RequestSpec, options: SendOptions): WireRequest | null {
  try {
    const wire = wireRequest(spec, options.version);
    // The name becomes an unquoted word for openssl: a host name, nothing else.
    return /^[A-Za-z0-9._:-]+$/.test(wire.checkedName) ? wire : null;
  } catch {
    return null;
  }
}

function argsOf(spec: RequestSpec, wire: WireRequest | null, options: SendOptions): readonly string[] {
  if (wire === null) return ['', '0', '0', '', '', '0', '0', '0', ''];
  const host = fixedAddress(wire.connectHost, options.resolve) ?? wire.connectHost;
  const deadlines = [String(Math.ceil(spec.connectTimeoutMs)), String(Math.ceil(spec.timeoutMs))];
  return [
    host,
    String(wire.connectPort),
    wire.secure ? '1' : '0',
    wire.checkedName,
    wire.head.toString('utf8'),
    String(spec.bodyBytes),
    ...deadlines,
    spec.ca ?? '',
  ];
}

interface Event {
  readonly kind: string;
  readonly words: string;
}

function eventsIn(stdout: string, token: string, count: number): readonly (readonly Event[])[] {
  const events: Event[][] = Array.from({ length: count }, () => []);
  for (const line of stdout.split('\n')) {
    const [mark, index = '', kind] = line.split(' ', 3);
    if (mark !== token || kind === undefined) continue;
    events[Number(index)]?.push({ kind, words: line.slice(token.length + index.length + kind.length + 3) });
  }
  return events;
}

interface Sending {
  readonly startedAtMs: number;
  readonly program: string;
  readonly resolve: Readonly<Record<string, string>>;
}

function observed(spec: RequestSpec, wire: WireRequest, events: readonly Event[], { startedAtMs, program, resolve }: Sending): Observed {
  if (events.length === 0) return notSent(spec, startedAtMs, 'timeout', 'resolve', null);
  const find = (kind: string): Event | undefined => events.find((each) => each.kind === kind);
  const timeOf = (kind: string): number | null => {
    const words = find(kind)?.words;
    return words === undefined ? null : Number(words.split(' ')[0]);
  };
  const reader = new ResponseReader(spec.method);
  for (const each of events) if (each.kind === 'o') reader.push(Buffer.from(each.words, 'hex'));
  const piped = program === 'nc' || program === 'openssl' ? pipedFailure(events, wire.secure, spec.timeoutMs) : null;
  const [, localAddress = null, remoteAddress = null] = find('c')?.words.split(' ') ?? [];
  const connected = piped === null ? find('c') !== undefined : piped.connected;
  const secured = piped === null ? find('s') !== undefined : piped.secured;
  const sent = piped === null ? find('w') !== undefined : true;
  const phase: FailedPhase =
    reader.head !== null
      ? 'body'
      : !connected
        ? find('r') !== undefined || (piped !== null && piped.error !== 'dns')
          ? 'connect'
          : 'resolve'
        : wire.secure && !secured
          ? 'tls'
          : sent || reader.state !== 'head' || find('b') !== undefined
            ? 'first-byte'
            : 'send';
  const { error, code } = piped === null ? clientOutcome(events, reader) : pipedOutcome(piped, reader, program);
  const totalMs = timeOf('e') ?? piped?.tookMs ?? spec.timeoutMs;
  const ready = connected && (!wire.secure || secured);
  const { head } = reader;
  return {
    startedAtMs,
    requestHeaderBytes: ready ? wire.head.length : 0,
    remoteAddress: remoteAddress ?? fixedAddress(wire.connectHost, resolve),
    remotePort: wire.connectPort,
    localAddress,
    phases: { resolvedMs: timeOf('r'), connectedMs: timeOf('c'), securedMs: timeOf('s'), firstByteMs: timeOf('b'), totalMs },
    status: head?.status ?? null,
    reason: head?.reason ?? null,
    headers: head?.headers ?? [],
    responseHeaderBytes: head?.bytes ?? null,
    body: reader.body,
    bodyBytes: reader.bodyBytes,
    bodyComplete: reader.state === 'done',
    error,
    failedPhase: error === null ? null : phase,
    errorCode: code,
  };
}

interface Outcome {
  readonly error: WireError | null;
  readonly code: string | null;
}

function readerOutcome(reader: ResponseReader): Outcome | null {
  if (reader.state === 'broken') return { error: 'protocol', code: reader.problem };
  if (reader.state === 'done') return { error: null, code: null };
  if (reader.state === 'capped') return { error: null, code: 'BODY_CAP' };
  return null;
}

function clientOutcome(events: readonly Event[], reader: ResponseReader): Outcome {
  const known = readerOutcome(reader);
  if (known !== null) return known;
  const code = events.find((each) => each.kind === 'x')?.words ?? null;
  if (code === 'CLOSED') return { error: 'closed', code: null };
  if (code !== null && code !== 'DEADLINE') return { error: /^(CERT_|ERR_SSL_)/.test(code) ? 'tls' : wireErrorOf(code), code };
  if (events.some((each) => each.kind === 'f')) return reader.end() ? { error: null, code: null } : { error: 'closed', code: null };
  return { error: 'timeout', code: null };
}

function pipedOutcome(
  piped: { readonly error: WireError | null; readonly code: string | null },
  reader: ResponseReader,
  program: string,
): Outcome {
  const known = readerOutcome(reader);
  if (known !== null) return known;
  if (piped.error !== null) return { error: piped.error, code: piped.code };
  // A reset looks like an orderly end to nc: the code says how little its `closed` is worth.
  return reader.end() ? { error: null, code: null } : { error: 'closed', code: program === 'nc' ? 'nc:closed-or-reset' : null };
}
