// One HTTP request that why5xx sent, and everything that was seen of it from the outside.
import type { Nonce } from './marks.ts';

/** Which hop a request was addressed to. `site` is the normal way: whatever the name resolves to. */
export type Door = 'site' | 'edge' | 'balancer' | 'backend';

/** Why a request was sent. Judges choose exchanges by this, so one list can hold them all. */
export type Purpose =
  | 'reproduce' // the failing request itself, as a client sends it
  | 'static' // the page that needs no application
  | 'bypass-edge' // straight to the balancer, same name
  | 'bypass-balancer' // straight to one backend, same name
  | 'bypass-balancer-static' // straight to one backend, the static page
  | 'other-listener' // the same request through another listener (layer 7 against layer 4)
  | 'other-host' // the same address with another Host / SNI
  | 'health-check' // the balancer's health check, replayed as the balancer sends it
  | 'health-check-plain' // the health check's path as a browser would ask for it: GET, HTTP/1.1, the site's Host
  | 'header-bisect' // the same request with more or less header bytes
  | 'experiment';

/** The phase in which a request ended without an HTTP answer. */
export type FailedPhase = 'resolve' | 'connect' | 'tls' | 'send' | 'first-byte' | 'body';

/** Outcome by errno or TLS alert, never by message text. `timeout` is our deadline, `etimedout` the kernel's. */
export type WireError =
  | 'refused' // ECONNREFUSED
  | 'reset' // ECONNRESET, EPIPE
  | 'timeout'
  | 'unreachable' // EHOSTUNREACH, ENETUNREACH
  | 'prohibited' // EACCES / EPERM on connect: a local policy
  | 'closed' // orderly FIN before a complete answer
  | 'dns' // the name did not resolve
  | 'tls' // handshake or certificate failure
  | 'protocol' // bytes came back that are not HTTP
  | 'other';

/** What to send. Built by the engine, carried out by a requester at some vantage. */
export interface RequestSpec {
  readonly nonce: Nonce;
  readonly purpose: Purpose;
  readonly door: Door;
  /** Name in the site file of the hop addressed (backend, balancer or edge); null for `site`. */
  readonly target: string | null;
  readonly url: string;
  readonly method: string;
  /** Extra request headers. Values may be secret: they never reach an `Exchange`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Size of a generated body; 0 for none. */
  readonly bodyBytes: number;
  /** Connect here instead of resolving the URL's host. The Host header and SNI stay those of the URL. */
  readonly connectTo: { readonly host: string; readonly port: number } | null;
  /** Overrides Host (and SNI); null sends none at all (HTTP/1.0 health checks), undefined keeps the URL's. */
  readonly hostHeader?: string | null;
  readonly httpVersion?: '1.0' | '1.1';
  readonly connectTimeoutMs: number;
  /** From the start of the request to its last byte. */
  readonly timeoutMs: number;
  /** PEM text of an extra trust anchor. */
  readonly ca?: string;
  /** Which listener of the balancer this went to, by port; null where it is not known. */
  readonly listenerPort: number | null;
}

/** Milliseconds since the start of the request at which each phase ended; null where it was not reached. */
export interface Phases {
  readonly resolvedMs: number | null;
  readonly connectedMs: number | null;
  readonly securedMs: number | null;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
}

/** What came of one request. Plain JSON. */
export interface Exchange {
  readonly nonce: Nonce;
  readonly purpose: Purpose;
  readonly door: Door;
  readonly target: string | null;
  readonly url: string;
  readonly method: string;
  readonly listenerPort: number | null;
  /** Size of request line and headers as sent, bytes. */
  readonly requestHeaderBytes: number;
  readonly requestBodyBytes: number;
  readonly hostHeader: string | null;
  /** Wall clock, ISO 8601 UTC, when the request started, on the machine that runs why5xx. */
  readonly at: string;
  readonly remoteAddress: string | null;
  readonly remotePort: number | null;
  /** Our own address on that connection, where the requester can tell. */
  readonly localAddress: string | null;
  /** Our own port on that connection; absent where the requester cannot tell. With the address it finds the request in logs that record ports. */
  readonly localPort?: number;
  readonly phases: Phases;
  readonly status: number | null;
  readonly reason: string | null;
  /** Lower-case names in order of arrival; secrets removed. At most 64 headers, 1 KiB a value. */
  readonly headers: readonly (readonly [string, string])[];
  /** Size of the status line and all headers as received, bytes; null without an answer. */
  readonly responseHeaderBytes: number | null;
  /** First 4 KiB of the body as text; non-UTF-8 bytes replaced. */
  readonly body: string;
  readonly bodyBytes: number;
  /** False when Content-Length or chunking promised more than arrived. */
  readonly bodyComplete: boolean;
  readonly error: WireError | null;
  readonly failedPhase: FailedPhase | null;
  /** Native code where there is one: `ECONNRESET`, `CERT_HAS_EXPIRED`, curl's exit code as `curl:56`. */
  readonly errorCode: string | null;
  /** TTL (hop limit) of the RST that ended the connection, and of the SYN-ACK before it, where a capture was possible. */
  readonly resetTtl: number | null;
  readonly synAckTtl: number | null;
}
