// Which backends a proxy tried for one request, and how far each try came. nginx writes it into its access log only where the format asks
// for upstream fields; as shipped it does not, and then the error log tells: one line for each try that failed.
import type { AccessLine, ErrorLine, LogLines } from '../model/observations.ts';

type Upstream = NonNullable<AccessLine['upstream']>;

/** How far one try came, by the proxy's own log. */
export interface Try {
  /** As the log has it: `10.0.0.11:80`, a server's name, or the name of the pool where none of its members was left. */
  readonly address: string;
  /** Null where the log does not say. */
  readonly connected: boolean | null;
  readonly answered: boolean | null;
}

/** The tries of one line, in order. Empty where the log knows of none. */
export function triesOf(line: AccessLine): readonly Try[] {
  if (line.haproxy !== null) {
    const { server, connectMs, responseMs } = line.haproxy;
    return [{ address: server, connected: server.startsWith('<') ? false : connectMs >= 0, answered: responseMs >= 0 }];
  }
  const { upstream } = line;
  if (upstream === null) return [];
  return upstream.addresses.map((address, i) => {
    const connect = upstream.connectMs[i];
    const header = upstream.headerMs[i];
    return { address, connected: connect === undefined ? null : connect !== null, answered: header === undefined ? null : header !== null };
  });
}

/** True for the entry that nginx writes when every member of a pool is down: the pool's name in place of an address. */
export function isPoolName(address: string): boolean {
  return !address.startsWith('unix:') && !/[:.]/.test(address);
}

interface Group {
  readonly lines: ErrorLine[];
  used: boolean;
}

/**
 * Gives access lines of failed requests the tries that nginx's error log has about them: same client, same request, same second. Lines that
 * know their tries themselves stay as they are; so does everything where nothing fits.
 */
export function withTries(logs: LogLines): readonly AccessLine[] {
  const groups = new Map<string, Group>();
  for (const line of logs.errors) {
    if (!line.ours || line.source !== 'nginx' || line.upstream === null || line.request === null) continue;
    if (!/ while (connecting to|SSL handshaking to|sending request to|reading response header from|reading) upstream/.test(line.text))
      continue;
    const connection = / (\*\d+) /.exec(line.text)?.[1] ?? `line ${line.line}`;
    const key = [line.file, connection, line.request].join(' ');
    const group = groups.get(key) ?? { lines: [], used: false };
    group.lines.push(line);
    groups.set(key, group);
  }
  if (groups.size === 0) return logs.access;
  return logs.access.map((line) => {
    if (
      line.upstream !== null ||
      line.haproxy !== null ||
      line.status === null ||
      line.status < 499 ||
      line.method === null ||
      line.path === null
    )
      return line;
    const wanted = `${line.method} ${line.path} `;
    const group = [...groups.values()].find((each) => !each.used && fits(each, line, wanted));
    if (group === undefined) return line;
    group.used = true;
    return { ...line, upstream: upstreamOf(group.lines, line.status) };
  });
}

/** nginx writes the access line when the request ends, just after the last error line about it. */
function fits({ lines }: Group, line: AccessLine, wanted: string): boolean {
  const last = lines.at(-1);
  if (last === undefined || last.client !== line.client || !(last.request ?? '').startsWith(wanted)) return false;
  if (last.at === null || line.at === null) return true;
  return Math.abs(Date.parse(line.at) - Date.parse(last.at)) <= 2_000;
}

function upstreamOf(lines: readonly ErrorLine[], status: number): Upstream {
  const connecting = lines.map((each) => / while (connecting|SSL handshaking) to upstream/.test(each.text));
  return {
    addresses: lines.map((each) => authorityOf(each.upstream ?? '')),
    statuses: lines.map(() => status),
    connectMs: connecting.map((before) => (before ? null : 0)),
    headerMs: lines.map((each) => (/ while reading upstream/.test(each.text) ? 0 : null)),
    responseMs: lines.map(() => null),
  };
}

/** `http://10.9.8.12:8080/cart` → `10.9.8.12:8080`; `fastcgi://unix:/run/x.sock:` → `unix:/run/x.sock`. */
function authorityOf(upstream: string): string {
  const rest = upstream.replace(/^[a-z]+:\/\//, '');
  return rest.startsWith('unix:') ? rest.replace(/:$/, '') : (rest.split('/', 1)[0] ?? rest);
}
