// The balancer's health check as a request that we can send ourselves.
import type { Evidence } from '../model/evidence.ts';
import { redacted } from '../model/redact.ts';
import type { Site } from '../model/site.ts';
import { checkedServer } from '../facts/health-check.ts';
import { measured } from '../facts/traces.ts';

export interface CheckRequest {
  readonly method: string;
  readonly path: string;
  /** Null: no Host header. */
  readonly host: string | null;
  readonly version: '1.0' | '1.1';
  readonly headers: Readonly<Record<string, string>>;
  /** Null: the backend's own port. */
  readonly port: number | null;
  readonly timeoutMs: number;
}

/** Checks that change nothing on a backend. */
const harmless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** A check that waits longer would hold up the run. */
const longestMs = 10_000;

/**
 * The check of one backend: from the balancer's configuration where that was read, else from the site file. Null where there is none over plain
 * HTTP, where it uses a method that could change something, or where it cannot be sent as it is.
 */
export function checkRequestOf(site: Site, backend: string, balancer: readonly Evidence[]): CheckRequest | null {
  const config = measured(balancer, 'haproxy-config')[0];
  const checked = config === undefined ? null : checkedServer(site, config.data, backend);
  if (checked !== null) {
    const { check, server, timeoutMs } = checked;
    if (check.kind !== 'http' || server.tls || !harmless.has(check.method) || !isPath(check.uri)) return null;
    // A value that is secret, or worked out by HAProxy for each check, cannot be sent: another request would prove nothing.
    if ([check.uri, ...check.headers.map(([, value]) => value)].some((each) => each.includes(redacted) || each.includes('%['))) return null;
    return {
      method: check.method,
      path: check.uri,
      host: check.host,
      version: check.version.endsWith('1.0') ? '1.0' : '1.1',
      headers: Object.fromEntries(check.headers.filter(([name]) => name.toLowerCase() !== 'host')),
      port: server.checkPort,
      timeoutMs: Math.min(timeoutMs, longestMs),
    };
  }
  const said = site.balancer?.listeners.map((each) => each.healthCheck).find((each) => each !== undefined && each !== false);
  if (said === undefined || !isPath(said.path)) return null;
  return {
    method: said.method,
    path: said.path,
    host: said.host ?? null,
    version: said.host === undefined ? '1.0' : '1.1',
    headers: {},
    port: said.port ?? null,
    timeoutMs: said.timeout ?? 5_000,
  };
}

/** A path that cannot be mistaken for another host. */
function isPath(text: string): boolean {
  return text.startsWith('/') && !text.startsWith('//');
}
