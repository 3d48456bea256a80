// Where a web server hands requests to a FastCGI runtime, and who listens there: the two ends of the same address, which nginx, php-fpm,
// the kernel and the logs each write in their own way.
import type { Fpm, FpmPool, Listeners, NginxConfig, NginxDirective } from '../model/observations.ts';
import { splitAddress } from '../model/site.ts';

/** An address that a runtime listens on. `host` is empty for "every address". */
export type FastcgiAddress = { readonly unix: string } | { readonly host: string; readonly port: number };

/**
 * Reads `unix:/run/x.sock`, `/run/x.sock`, `127.0.0.1:9000`, `[::1]:9000`, `*:9000`, `9000`, and the form of nginx's error log,
 * `fastcgi://unix:/run/x.sock:` or `fastcgi://127.0.0.1:9000`. Null for anything else, such as a name with a variable in it.
 */
export function fastcgiAddress(text: string): FastcgiAddress | null {
  const bare = text.trim().replace(/^fastcgi:\/\//, '');
  if (bare.includes('$')) return null;
  const path = /^(?:unix:)?(\/[^:]*)(?::.*)?$/.exec(bare)?.[1];
  if (path !== undefined) return { unix: path };
  if (/^\d+$/.test(bare)) return { host: '', port: Number(bare) };
  const { host, port } = splitAddress(bare.replace(/\/.*$/, ''));
  return port === null ? null : { host: host === '*' ? '' : host, port };
}

/** `unix:/run/x.sock` or `127.0.0.1:9000`, as nginx wants it. */
export function addressText(address: FastcgiAddress): string {
  if ('unix' in address) return `unix:${address.unix}`;
  return `${address.host === '' ? '127.0.0.1' : address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

const everywhere = new Set(['', '0.0.0.0', '::']);
const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

/** Whether a connection to `called` reaches a socket that listens on `bound`. */
export function reaches(called: FastcgiAddress, bound: FastcgiAddress): boolean {
  if ('unix' in called || 'unix' in bound) return 'unix' in called && 'unix' in bound && sockets(called.unix) === sockets(bound.unix);
  if (called.port !== bound.port) return false;
  return (
    called.host === bound.host ||
    everywhere.has(bound.host) ||
    everywhere.has(called.host) ||
    (loopback.has(called.host) && loopback.has(bound.host))
  );
}

/** `/var/run` is `/run` on every distribution of the last ten years, and configurations use both. */
function sockets(path: string): string {
  return path.replace(/^\/var\/run\//, '/run/');
}

/** Whether this address is on the host itself, whose own address is `own`: php-fpm may also run on another machine. */
export function isHere(address: FastcgiAddress, own: string | null): boolean {
  return 'unix' in address || everywhere.has(address.host) || loopback.has(address.host) || address.host === own;
}

/** One place in a configuration where requests are handed to FastCGI. */
export interface FastcgiPass {
  readonly address: FastcgiAddress;
  readonly text: string; // as written
  readonly file: string;
  readonly line: number;
  /** RFC 6901 pointer of the directive below the evidence's `data`. */
  readonly path: string;
  /** The directive that names the address: `fastcgi_pass`, or a `server` of an upstream. */
  readonly directive: NginxDirective;
}

/** A directive with its pointer. */
export interface FoundDirective {
  readonly directive: NginxDirective;
  readonly path: string;
}

/** Every directive of these names, at any depth, in the order of the configuration. */
export function directivesNamed(config: Pick<NginxConfig, 'directives'>, names: readonly string[]): readonly FoundDirective[] {
  const walk = (list: readonly NginxDirective[], base: string): readonly FoundDirective[] =>
    list.flatMap((directive, i) => {
      const path = `${base}/${i}`;
      const inside = directive.block === null ? [] : walk(directive.block, `${path}/block`);
      return names.includes(directive.name) ? [{ directive, path }, ...inside] : inside;
    });
  return walk(config.directives, '/directives');
}

/** The pointer of a directive of this very configuration; null for a directive of another one. */
export function pointerOf(config: Pick<NginxConfig, 'directives'>, directive: NginxDirective): string | null {
  return directivesNamed(config, [directive.name]).find((each) => each.directive === directive)?.path ?? null;
}

/** Every `fastcgi_pass`; one that names an `upstream` block counts once for each of its servers. */
export function fastcgiPasses(config: Pick<NginxConfig, 'directives'>): readonly FastcgiPass[] {
  const upstreams = directivesNamed(config, ['upstream']);
  return directivesNamed(config, ['fastcgi_pass']).flatMap(({ directive, path }) => {
    const text = directive.args[0] ?? '';
    const upstream = upstreams.find((each) => each.directive.args[0] === text);
    if (upstream === undefined) {
      const address = fastcgiAddress(text);
      return address === null ? [] : [{ address, text, file: directive.file, line: directive.line, path, directive }];
    }
    return (upstream.directive.block ?? []).flatMap((server, i) => {
      const written = server.args[0] ?? '';
      const address = server.name === 'server' ? fastcgiAddress(written) : null;
      return address === null
        ? []
        : [{ address, text: written, file: server.file, line: server.line, path: `${upstream.path}/block/${i}`, directive: server }];
    });
  });
}

/** A listening socket with its pointer below the evidence's `data`. */
export interface FoundListener {
  readonly path: string;
  readonly process: string | null;
  readonly limit: number | null;
  /** Connections that wait for accept(): at the second reading, and at the first one (null where there was only one). */
  readonly waiting: number;
  readonly waitingBefore: number | null;
}

/** Who listens at this address; null where nobody does. */
export function listenerAt(listeners: Listeners, address: FastcgiAddress): FoundListener | null {
  const kind = 'unix' in address ? 'unix' : 'tcp';
  const bound: readonly FastcgiAddress[] =
    kind === 'unix'
      ? listeners.unix.map((each) => ({ unix: each.path }))
      : listeners.tcp.map((each) => ({ host: each.address, port: each.port }));
  const at = bound.findIndex((each) => reaches(address, each));
  const found = kind === 'unix' ? listeners.unix[at] : listeners.tcp[at];
  if (found === undefined) return null;
  const { now, delta } = found.queue;
  return {
    path: `/${kind}/${at}`,
    process: found.process,
    limit: found.limit,
    waiting: now,
    waitingBefore: delta === null ? null : now - delta,
  };
}

/** Where a pool listens; null where its configuration does not say. */
export function poolAddress(pool: Pick<FpmPool, 'listen'>): FastcgiAddress | null {
  return pool.listen === null ? null : fastcgiAddress(pool.listen);
}

/** The pool that listens at this address, with its place in `pools`. */
export function poolAt(fpm: Fpm, address: FastcgiAddress): { readonly index: number; readonly pool: FpmPool } | null {
  const index = fpm.pools.findIndex((each) => {
    const bound = poolAddress(each);
    return bound !== null && reaches(address, bound);
  });
  const pool = fpm.pools[index];
  return pool === undefined ? null : { index, pool };
}
