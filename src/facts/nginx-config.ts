// What a judge asks of an nginx configuration: which server and location a request meets, what a setting is there and where it was set,
// and where the request goes. Pure functions over the directives of the `nginx-config` evidence.
import type { NginxConfig, NginxDirective } from '../model/observations.ts';
import { parseDuration, parseSize } from '../model/units.ts';
import { nginxDefaults } from './nginx-defaults.ts';

export interface NginxListen {
  /** null is any address; IPv6 without brackets; a path for a Unix socket. */
  readonly address: string | null;
  /** null for a Unix socket. */
  readonly port: number | null;
  readonly tls: boolean;
  readonly isDefault: boolean;
  readonly directive: NginxDirective;
}
export interface NginxServer {
  readonly directive: NginxDirective;
  /** Blocks around it, the outermost first: `http`. */
  readonly around: readonly NginxDirective[];
  readonly names: readonly string[];
  readonly listens: readonly NginxListen[];
}
export interface NginxLocation {
  readonly directive: NginxDirective;
  readonly modifier: '' | '=' | '^~' | '~' | '~*' | '@';
  readonly pattern: string;
  /** Locations around a nested one, the outermost first. */
  readonly around: readonly NginxDirective[];
}
/** Where a request is handled; without `location` the settings of the server count, without `server` those of `http`. */
export interface NginxScope {
  readonly server?: NginxServer | null;
  readonly location?: NginxLocation | null;
}
/** A setting as it counts at one place. */
export interface NginxSetting {
  readonly args: readonly string[];
  /** null: nginx's own default. */
  readonly directive: NginxDirective | null;
  /** `file:line`, or `default`. */
  readonly at: string;
}

/** `file:line` of a directive. */
export function placeOf(directive: NginxDirective): string {
  return `${directive.file}:${directive.line}`;
}

const named = (list: readonly NginxDirective[], name: string): NginxDirective[] => list.filter((each) => each.name === name);
const httpBlocks = (config: NginxConfig): NginxDirective[] => named(config.directives, 'http');

function listenOf(directive: NginxDirective): NginxListen {
  const [target = '', ...options] = directive.args;
  const rest = {
    tls: options.includes('ssl') || options.includes('quic'),
    isDefault: options.includes('default_server') || options.includes('default'),
    directive,
  };
  if (target.startsWith('unix:')) return { address: target.slice('unix:'.length), port: null, ...rest };
  if (/^\d+$/.test(target)) return { address: null, port: Number(target), ...rest };
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(target);
  const host = (match?.[1] ?? '').replace(/^\[|\]$/g, '');
  return {
    address: host === '' || host === '*' || host === '0.0.0.0' || host === '::' ? null : host,
    port: Number(match?.[2] ?? 80),
    ...rest,
  };
}

/** Every `server` of every `http` block, in the order of the configuration. */
export function nginxServers(config: NginxConfig): NginxServer[] {
  return httpBlocks(config).flatMap((http) =>
    named(http.block ?? [], 'server').map((directive) => {
      const block = directive.block ?? [];
      const listens = named(block, 'listen').map(listenOf);
      const implicit: NginxListen = { address: null, port: 80, tls: false, isDefault: false, directive };
      return {
        directive,
        around: [http],
        names: named(block, 'server_name').flatMap((each) => each.args),
        listens: listens.length > 0 ? listens : [implicit],
      };
    }),
  );
}

function regexOf(pattern: string, ignoreCase: boolean): RegExp | null {
  const insensitive = ignoreCase || pattern.startsWith('(?i)');
  const source = pattern
    .replace(/^\(\?i\)/, '')
    .replaceAll('\\z', '$')
    .replaceAll('\\A', '^')
    .replaceAll('(?P<', '(?<');
  try {
    return new RegExp(source, insensitive ? 'i' : '');
  } catch {
    return null;
  }
}

/** How well a `server_name` fits: exact 4, leading wildcard 3, trailing wildcard 2, expression 1, not at all 0; longer is better. */
function nameScore(name: string, host: string): readonly [number, number] {
  const lower = name.toLowerCase();
  if (name.startsWith('~')) return regexOf(name.slice(1), true)?.test(host) ? [1, 0] : [0, 0];
  if (lower === host) return [4, lower.length];
  if (lower.startsWith('.') && (host === lower.slice(1) || host.endsWith(lower)))
    return host === lower.slice(1) ? [4, lower.length] : [3, lower.length];
  if (lower.startsWith('*.') && host.endsWith(lower.slice(1)) && host.length > lower.length - 1) return [3, lower.length];
  if (lower.endsWith('.*') && host.startsWith(lower.slice(0, -1))) return [2, lower.length];
  return [0, 0];
}

/** Whether a server names this host itself, not merely gets it as the default of its port. */
export function namesHost(server: NginxServer, host: string): boolean {
  return server.names.some((name) => nameScore(name, host.toLowerCase())[0] > 0);
}

/**
 * The server that gets a request on this port. `address` is where the connection arrived (null when unknown), `host` the Host header with
 * or without port. Falls back to the default server of the port; null when nothing listens there.
 */
export function serverFor(
  config: NginxConfig,
  wanted: { readonly port: number; readonly host: string; readonly address?: string | null },
): NginxServer | null {
  const host = wanted.host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/\.$/, '')
    .replace(/^\[|\]$/g, '');
  const address = wanted.address ?? null;
  const onPort = nginxServers(config).flatMap((server) =>
    server.listens.filter((listen) => listen.port === wanted.port).map((listen) => ({ server, listen })),
  );
  const exact = onPort.filter(({ listen }) => address !== null && listen.address === address);
  const wildcard = onPort.filter(({ listen }) => listen.address === null);
  const group = exact.length > 0 ? exact : wildcard.length > 0 || address !== null ? wildcard : onPort;
  let best: { server: NginxServer; score: readonly [number, number] } | null = null;
  for (const { server } of group) {
    for (const name of server.names) {
      const score = nameScore(name, host);
      if (score[0] > (best?.score[0] ?? 0) || (score[0] > 0 && score[0] === best?.score[0] && score[0] !== 1 && score[1] > best.score[1]))
        best = { server, score };
    }
  }
  return best?.server ?? (group.find(({ listen }) => listen.isDefault) ?? group[0])?.server ?? null;
}

function locationsIn(block: readonly NginxDirective[], around: readonly NginxDirective[]): NginxLocation[] {
  return named(block, 'location').map((directive) => {
    const [first = '', second] = directive.args;
    if (second !== undefined && (first === '=' || first === '^~' || first === '~' || first === '~*'))
      return { directive, modifier: first, pattern: second, around };
    if (first.startsWith('@')) return { directive, modifier: '@', pattern: first, around };
    // `location ~\.php$` and `location =/x` without a blank are allowed.
    const glued = /^(=|\^~|~\*|~)(.+)$/.exec(first);
    if (glued) return { directive, modifier: glued[1] as '=', pattern: glued[2] ?? '', around };
    return { directive, modifier: '', pattern: first, around };
  });
}

/** A URI as nginx compares it: without query, decoded, `//` and dots resolved. */
export function normalizeUri(uri: string): string {
  let path = uri.replace(/^https?:\/\/[^/]*/i, '').replace(/[?#].*$/s, '');
  try {
    path = decodeURIComponent(path);
  } catch {
    // A malformed escape: nginx would answer 400; compare what is written.
  }
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '.' && part !== '') out.push(part);
  }
  return `/${out.join('/')}${/\/\.{0,2}$/.test(path) && out.length > 0 ? '/' : ''}`;
}

/** nginx's own order: exact, longest prefix with what is nested in it, then expressions unless `^~`. */
function find(
  block: readonly NginxDirective[],
  around: readonly NginxDirective[],
  uri: string,
): { location: NginxLocation | null; final: boolean } {
  const locations = locationsIn(block, around);
  const exact = locations.find((each) => each.modifier === '=' && each.pattern === uri);
  if (exact) return { location: exact, final: true };
  const inside = (location: NginxLocation): { location: NginxLocation | null; final: boolean } =>
    find(location.directive.block ?? [], [...around, location.directive], uri);
  let prefix: NginxLocation | null = null;
  for (const each of locations) {
    if (
      (each.modifier === '' || each.modifier === '^~') &&
      uri.startsWith(each.pattern) &&
      each.pattern.length > (prefix?.pattern.length ?? -1)
    )
      prefix = each;
  }
  let current = prefix;
  if (prefix !== null) {
    const nested = inside(prefix);
    if (nested.location !== null) current = nested.location;
    if (nested.final) return nested;
  }
  if (prefix?.modifier !== '^~') {
    for (const each of locations) {
      if ((each.modifier !== '~' && each.modifier !== '~*') || !regexOf(each.pattern, each.modifier === '~*')?.test(uri)) continue;
      return { location: inside(each).location ?? each, final: true };
    }
  }
  return { location: current, final: false };
}

/** The location of a URI, or of a name such as `@app`; null where none fits and the server itself answers. Rewrites are not followed. */
export function locationFor(server: NginxServer, uri: string): NginxLocation | null {
  const block = server.directive.block ?? [];
  if (uri.startsWith('@')) return locationsIn(block, []).find((each) => each.pattern === uri) ?? null;
  return find(block, [], normalizeUri(uri).slice(0, 2048)).location;
}

/** Blocks that count at a place, the innermost first. */
function levels(config: NginxConfig, { server, location }: NginxScope): (readonly NginxDirective[])[] {
  const chain: (readonly NginxDirective[])[] = [];
  if (location) chain.push(location.directive.block ?? [], ...location.around.toReversed().map((each) => each.block ?? []));
  if (server) chain.push(server.directive.block ?? [], ...server.around.toReversed().map((each) => each.block ?? []));
  else chain.push(...httpBlocks(config).map((each) => each.block ?? []));
  chain.push(config.directives);
  return chain;
}

/** An inherited setting with the place where it was set; nginx's default where nobody set it; null for a setting without default. */
export function effective(config: NginxConfig, scope: NginxScope, name: string): NginxSetting | null {
  for (const level of levels(config, scope)) {
    const directive = named(level, name).at(-1);
    if (directive) return { args: directive.args, directive, at: placeOf(directive) };
  }
  const fallback = nginxDefaults[name];
  return fallback === undefined ? null : { args: fallback, directive: null, at: 'default' };
}

/** All directives of that name on the innermost level that has any: `proxy_set_header`, `fastcgi_param`, `error_page`, `access_log`. */
export function effectiveAll(config: NginxConfig, scope: NginxScope, name: string): readonly NginxDirective[] {
  for (const level of levels(config, scope)) {
    const found = named(level, name);
    if (found.length > 0) return found;
  }
  return [];
}

/** First word of a setting as milliseconds; null where it is no duration. */
export function settingMs(setting: NginxSetting | null): number | null {
  return parseDuration(setting?.args[0] ?? '');
}

/** The word at `index` as bytes; null where it is no size. */
export function settingBytes(setting: NginxSetting | null, index = 0): number | null {
  return parseSize(setting?.args[index] ?? '');
}

export interface NginxPeer {
  /** As written: `10.0.0.11:80`, `unix:/run/php.sock`. */
  readonly address: string;
  readonly host: string | null;
  readonly port: number | null;
  readonly socket: string | null;
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  readonly backup: boolean;
  readonly down: boolean;
  readonly directive: NginxDirective;
}

function peerOf(address: string, options: readonly string[], directive: NginxDirective, defaultPort: number | null): NginxPeer {
  const option = (name: string): string | undefined => options.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  const rest = {
    address,
    maxFails: Number(option('max_fails') ?? 1),
    failTimeoutMs: parseDuration(option('fail_timeout') ?? '10s') ?? 10_000,
    backup: options.includes('backup'),
    down: options.includes('down'),
    directive,
  };
  if (address.startsWith('unix:')) return { ...rest, host: null, port: null, socket: address.slice('unix:'.length).replace(/:.*$/, '') };
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(address);
  return {
    ...rest,
    host: (match?.[1] ?? address).replace(/^\[|\]$/g, ''),
    port: match?.[2] === undefined ? defaultPort : Number(match[2]),
    socket: null,
  };
}

/** Members of an `upstream`; null where there is no upstream of that name. */
export function upstreamMembers(config: NginxConfig, name: string): readonly NginxPeer[] | null {
  const upstream = httpBlocks(config)
    .flatMap((http) => named(http.block ?? [], 'upstream'))
    .find((each) => each.args[0] === name);
  if (!upstream) return null;
  return named(upstream.block ?? [], 'server').map((directive) => peerOf(directive.args[0] ?? '', directive.args.slice(1), directive, 80));
}

export interface NginxPass {
  readonly kind: 'proxy' | 'fastcgi' | 'uwsgi' | 'scgi' | 'grpc';
  /** As written. */
  readonly target: string;
  readonly tls: boolean;
  /** Name of the `upstream` block, null for a plain address. */
  readonly upstream: string | null;
  /** Where it goes; empty when the target holds a variable. */
  readonly peers: readonly NginxPeer[];
  readonly directive: NginxDirective;
}

const passNames = ['proxy_pass', 'fastcgi_pass', 'uwsgi_pass', 'scgi_pass', 'grpc_pass'] as const;

/** Where a location hands its requests on; null where nginx answers by itself. `if` blocks are not looked into. */
export function passOf(config: NginxConfig, location: NginxLocation | null): NginxPass | null {
  // A pass is not inherited by nested locations.
  for (const directive of location?.directive.block ?? []) {
    const name = passNames.find((each) => each === directive.name);
    const target = directive.args[0];
    if (name === undefined || target === undefined) continue;
    const kind = name.slice(0, -'_pass'.length) as NginxPass['kind'];
    const tls = /^(https|grpcs|suwsgi):\/\//.test(target);
    const bare = target.replace(/^\w+:\/\//, '');
    const authority = bare.startsWith('unix:') ? bare : bare.replace(/\/.*$/s, '');
    const members = upstreamMembers(config, authority);
    const variable = authority.includes('$');
    const peers =
      members ?? (variable ? [] : [peerOf(authority, [], directive, kind === 'proxy' || kind === 'grpc' ? (tls ? 443 : 80) : null)]);
    return { kind, target, tls, upstream: members === null ? null : authority, peers, directive };
  }
  return null;
}

export interface NginxRoute {
  readonly server: NginxServer;
  readonly location: NginxLocation | null;
  readonly pass: NginxPass | null;
  /** URIs that the request took inside nginx, the first as it came; more than one after `try_files` or `index`. */
  readonly through: readonly string[];
}

/**
 * The way of a request through the configuration: server, location and target. A `try_files` or `index` is followed as for a request whose
 * file does not exist, which is how dynamic pages are reached; rewrites and `if` are not followed.
 */
export function routeOf(
  config: NginxConfig,
  request: { readonly port: number; readonly host: string; readonly uri: string; readonly address?: string | null },
): NginxRoute | null {
  const server = serverFor(config, request);
  if (server === null) return null;
  const through: string[] = [];
  let uri = request.uri;
  let location: NginxLocation | null = null;
  let pass: NginxPass | null = null;
  for (let hop = 0; hop < 5; hop++) {
    through.push(uri);
    location = locationFor(server, uri);
    pass = passOf(config, location);
    if (pass !== null) break;
    const scope = { server, location };
    const last: string | undefined = effective(config, scope, 'try_files')?.args.at(-1);
    const path = normalizeUri(uri);
    let next: string | null = null;
    if (path.endsWith('/') && !uri.startsWith('@')) {
      const scripts = (effective(config, scope, 'index')?.args ?? []).filter(
        (name) => passOf(config, locationFor(server, `${path}${name}`)) !== null,
      );
      if (scripts[0] !== undefined) next = `${path}${scripts[0]}`;
    }
    if (next === null && last !== undefined && (last.startsWith('/') || last.startsWith('@')))
      next = last.replace(/\?.*$/s, '').replaceAll('$uri', path);
    if (next === null || through.includes(next)) break;
    uri = next;
  }
  return { server, location, pass, through };
}
