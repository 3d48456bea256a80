// Turns what a requester saw into an Exchange: the one place where response headers and texts are cut and secrets taken out.
import type { Exchange, FailedPhase, Phases, RequestSpec, WireError } from '../../model/exchange.ts';
import { redactHeader, redactText } from '../../model/redact.ts';
import type { WireRequest } from './request-head.ts';

/** What a requester saw of one request. */
export interface Observed {
  readonly startedAtMs: number;
  readonly requestHeaderBytes: number;
  readonly remoteAddress: string | null;
  readonly remotePort: number | null;
  readonly localAddress: string | null;
  readonly localPort?: number | null;
  readonly phases: Phases;
  readonly status: number | null;
  readonly reason: string | null;
  readonly headers: readonly (readonly [string, string])[];
  readonly responseHeaderBytes: number | null;
  readonly body: string;
  readonly bodyBytes: number;
  readonly bodyComplete: boolean;
  readonly error: WireError | null;
  readonly failedPhase: FailedPhase | null;
  readonly errorCode: string | null;
  readonly resetTtl?: number | null;
  readonly synAckTtl?: number | null;
}

const maxHeaders = 64;
const maxValueBytes = 1024;

/** The exchange of one request. Response headers that carry secrets keep their name (and a cookie its own name) only. */
export function exchangeOf(spec: RequestSpec, wire: WireRequest | null, seen: Observed, secrets: readonly string[]): Exchange {
  const clean = (text: string): string => redactText(text, secrets);
  return {
    nonce: spec.nonce,
    purpose: spec.purpose,
    door: spec.door,
    target: spec.target,
    url: clean(spec.url),
    method: spec.method,
    listenerPort: spec.listenerPort,
    requestHeaderBytes: seen.requestHeaderBytes,
    requestBodyBytes: spec.bodyBytes,
    hostHeader: wire === null ? null : wire.hostHeader,
    at: new Date(seen.startedAtMs).toISOString(),
    remoteAddress: seen.remoteAddress,
    remotePort: seen.remotePort,
    localAddress: seen.localAddress,
    ...(seen.localPort == null ? {} : { localPort: seen.localPort }),
    phases: seen.phases,
    status: seen.status,
    reason: seen.reason === null ? null : cut(clean(seen.reason)),
    headers: seen.headers.slice(0, maxHeaders).map(([name, value]) => [name, cut(redactHeader(name, clean(value)))] as const),
    responseHeaderBytes: seen.responseHeaderBytes,
    body: clean(seen.body),
    bodyBytes: seen.bodyBytes,
    bodyComplete: seen.bodyComplete,
    error: seen.error,
    failedPhase: seen.failedPhase,
    errorCode: seen.errorCode,
    resetTtl: seen.resetTtl ?? null,
    synAckTtl: seen.synAckTtl ?? null,
  };
}

function cut(value: string): string {
  const bytes = Buffer.from(value);
  return bytes.length <= maxValueBytes ? value : bytes.subarray(0, maxValueBytes).toString('utf8');
}

/** An exchange in which nothing reached the network. */
export function notSent(
  spec: RequestSpec,
  startedAtMs: number,
  error: WireError,
  phase: FailedPhase | null,
  code: string | null,
): Observed {
  return {
    startedAtMs,
    requestHeaderBytes: 0,
    remoteAddress: null,
    remotePort: spec.connectTo?.port ?? null,
    localAddress: null,
    phases: { resolvedMs: null, connectedMs: null, securedMs: null, firstByteMs: null, totalMs: Math.max(0, Date.now() - startedAtMs) },
    status: null,
    reason: null,
    headers: [],
    responseHeaderBytes: null,
    body: '',
    bodyBytes: 0,
    bodyComplete: false,
    error,
    failedPhase: phase,
    errorCode: code,
  };
}
