// What a request looks like on the wire: built once here, so that every requester sends the same bytes.
import { isIP } from 'node:net';
import type { RequestSpec } from '../../model/exchange.ts';
import { userAgent } from '../../model/marks.ts';

/** Where a request goes and what it says, ready to be sent. */
export interface WireRequest {
  readonly secure: boolean;
  /** Name or address to connect to, IPv6 without brackets. */
  readonly connectHost: string;
  readonly connectPort: number;
  /** Name for SNI and certificate checks; null where the name is an address. */
  readonly serverName: string | null;
  /** Name that the certificate must hold: `serverName`, or the address of the URL. */
  readonly checkedName: string;
  readonly path: string;
  readonly version: '1.0' | '1.1';
  /** In the order of sending, names as sent. */
  readonly headers: readonly (readonly [string, string])[];
  /** Request line and headers with the closing blank line. */
  readonly head: Buffer;
  /** The Host header as sent; null for none. */
  readonly hostHeader: string | null;
}

/** Removes the brackets of an IPv6 address in a URL. */
function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function hostOnly(hostHeader: string): string {
  return bare(/^(\[[^\]]*\]|[^:]*)(:\d*)?$/.exec(hostHeader)?.[1] ?? hostHeader);
}

/** One line for a header: what would end it is taken out, so a value can never add a header of its own. */
function oneLine(value: string): string {
  return value.replace(/[\r\n\0]/g, '');
}

/** Builds a request. Throws TypeError on a URL that cannot be parsed. */
export function wireRequest(spec: RequestSpec, version: string): WireRequest {
  const url = new URL(spec.url);
  const secure = url.protocol === 'https:';
  const urlHost = bare(url.hostname);
  const urlPort = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const hostHeader = spec.hostHeader === undefined ? url.host : spec.hostHeader === null ? null : oneLine(spec.hostHeader);
  const checkedName = spec.hostHeader ? hostOnly(hostHeader ?? urlHost) : urlHost;
  const http = spec.httpVersion ?? '1.1';
  const own = new Map(Object.entries(spec.headers).map(([name, value]) => [name.toLowerCase(), [oneLine(name), oneLine(value)] as const]));
  const agent = userAgent(version, spec.nonce);
  const ownAgent = own.get('user-agent')?.[1];
  const headers: (readonly [string, string])[] = [];
  if (hostHeader !== null) headers.push(['Host', hostHeader]);
  // A user agent of the site file's own is kept in front: some sites answer by it, and the mark is found anywhere in the line.
  headers.push(['User-Agent', ownAgent === undefined ? agent : `${ownAgent} ${agent}`]);
  if (!own.has('accept')) headers.push(['Accept', '*/*']);
  for (const [name, header] of own) {
    if (!['host', 'user-agent', 'connection', 'content-length', 'transfer-encoding', 'expect'].includes(name)) headers.push(header);
  }
  const hasBody = spec.bodyBytes > 0;
  if (hasBody && !own.has('content-type')) headers.push(['Content-Type', 'application/octet-stream']);
  if (hasBody || /^(POST|PUT|PATCH)$/.test(spec.method)) headers.push(['Content-Length', String(spec.bodyBytes)]);
  if (http === '1.1') headers.push(['Connection', 'close']);
  const path = `${url.pathname}${url.search}`;
  const lines = [`${spec.method} ${path} HTTP/${http}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return {
    secure,
    connectHost: spec.connectTo === null ? urlHost : bare(spec.connectTo.host),
    connectPort: spec.connectTo === null ? urlPort : spec.connectTo.port,
    serverName: isIP(checkedName) === 0 ? checkedName : null,
    checkedName,
    path,
    version: http,
    headers,
    head: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`),
    hostHeader,
  };
}

/** The address that a hosts-file entry or a literal gives for a name; null where it must be looked up. */
export function fixedAddress(host: string, resolve: Readonly<Record<string, string>>): string | null {
  if (isIP(host) !== 0) return host;
  const wanted = host.toLowerCase();
  for (const [name, address] of Object.entries(resolve)) if (name.toLowerCase() === wanted) return bare(address);
  return null;
}
