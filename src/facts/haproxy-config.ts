// What a judge asks of an HAProxy configuration: which frontend has a port, where it sends, which timeouts count, and what exactly the
// health check asks. Pure functions over the sections of the `haproxy-config` evidence.
import type { HaproxyConfig, HaproxySection } from '../model/observations.ts';

type Line = HaproxySection['lines'][number];

/** A setting and the section that made it; `line` counts in the configuration file. */
export interface HaproxySetting {
  readonly words: readonly string[];
  readonly line: number;
  readonly section: string; // `backend app`, `defaults`
}
export interface HaproxyBind {
  readonly address: string | null; // null is any
  readonly port: number | null;
  readonly tls: boolean;
  readonly line: number;
}
export interface HaproxyServer {
  readonly name: string;
  readonly address: string;
  readonly port: number | null;
  readonly check: boolean;
  readonly checkPort: number | null;
  readonly interMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly backup: boolean;
  readonly disabled: boolean;
  readonly maxConnections: number | null;
  readonly tls: boolean;
  readonly line: number;
}
export interface HaproxyCheck {
  /** `none` where no server is checked, `tcp` for a mere connection. */
  readonly kind: 'none' | 'tcp' | 'http' | 'other';
  readonly method: string;
  readonly uri: string;
  readonly version: string;
  readonly host: string | null;
  readonly headers: readonly (readonly [string, string])[];
  /** As written, for example `status 200-399`; null is HAProxy's default, any 2xx or 3xx. */
  readonly expect: string | null;
  /** Whether a status would pass; null where the expectation is not about the status. */
  readonly accepts: (status: number) => boolean | null;
  readonly line: number | null;
}

const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration as HAProxy reads it: a bare number is milliseconds. */
export function haproxyMs(text: string): number | null {
  const match = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text);
  return match ? Number(match[1]) * (units[match[2] ?? 'ms'] ?? 1) : null;
}

const nameOf = (section: HaproxySection): string => (section.name === '' ? section.kind : `${section.kind} ${section.name}`);

/** The `defaults` that count for a section: the one it names, else the last one above it. */
function defaultsOf(config: HaproxyConfig, section: HaproxySection): HaproxySection | null {
  const parent = section.lines.find((line) => line.words[0] === 'from')?.words[1];
  const all = config.sections.filter((each) => each.kind === 'defaults');
  if (parent !== undefined) return all.find((each) => each.name === parent) ?? null;
  const at = config.sections.indexOf(section);
  return all.findLast((each) => config.sections.indexOf(each) < at) ?? null;
}

function lookUp(config: HaproxyConfig, section: HaproxySection, fits: (line: Line) => boolean): HaproxySetting | null {
  for (const place of [section, defaultsOf(config, section)]) {
    const line = place?.lines.findLast(fits);
    if (place && line) return { words: line.words, line: line.line, section: nameOf(place) };
  }
  return null;
}

/** The last line that begins with these words, from the section or else its defaults; null where nobody set it. */
export function haproxySetting(config: HaproxyConfig, section: HaproxySection, ...words: readonly string[]): HaproxySetting | null {
  return lookUp(config, section, (line) => words.every((word, i) => line.words[i] === word));
}

/** `timeout server`, `connect`, `client`, `queue`, `check`, `http-request` … in milliseconds; null where unset, which means unlimited. */
export function haproxyTimeout(
  config: HaproxyConfig,
  section: HaproxySection,
  name: string,
): (HaproxySetting & { readonly ms: number }) | null {
  const setting = haproxySetting(config, section, 'timeout', name);
  const ms = haproxyMs(setting?.words[2] ?? '');
  return setting === null || ms === null ? null : { ...setting, ms };
}

/** `http` or `tcp`, HAProxy's default. */
export function haproxyMode(config: HaproxyConfig, section: HaproxySection): string {
  return haproxySetting(config, section, 'mode')?.words[1] ?? 'tcp';
}

function addressOf(text: string): { address: string | null; port: number | null } {
  const bare = text.replace(/^(?:ipv[46]|tcp[46]?|quic[46])@/, '');
  if (bare.startsWith('/') || bare.startsWith('unix@')) return { address: bare.replace(/^unix@/, ''), port: null };
  const match = /^(.*?):(\d+)$/.exec(bare);
  const host = (match ? (match[1] ?? '') : bare).replace(/^\[|\]$/g, '');
  return {
    address: host === '' || host === '*' || host === '0.0.0.0' || host === '::' ? null : host,
    port: match ? Number(match[2]) : null,
  };
}

/** Addresses that a frontend or listen section accepts on. */
export function haproxyBinds(section: HaproxySection): HaproxyBind[] {
  return section.lines
    .filter((line) => line.words[0] === 'bind')
    .flatMap((line) =>
      (line.words[1] ?? '').split(',').map((text) => ({ ...addressOf(text), tls: line.words.includes('ssl'), line: line.line })),
    );
}

/** The frontend or listen section of a port; one that is bound to `address` goes before one bound to any. */
export function frontendFor(config: HaproxyConfig, port: number, address: string | null = null): HaproxySection | null {
  const all = config.sections.filter((section) => section.kind === 'frontend' || section.kind === 'listen');
  const bound = (fits: (bind: HaproxyBind) => boolean): HaproxySection | undefined =>
    all.find((section) => haproxyBinds(section).some((bind) => bind.port === port && fits(bind)));
  return (
    bound((bind) => address !== null && bind.address === address) ??
    bound((bind) => bind.address === null) ??
    (address === null ? bound(() => true) : undefined) ??
    null
  );
}

/** A backend or listen section by name. */
export function backendNamed(config: HaproxyConfig, name: string): HaproxySection | null {
  return config.sections.find((section) => (section.kind === 'backend' || section.kind === 'listen') && section.name === name) ?? null;
}

/** Where a frontend sends: itself for `listen`, else its default backend first and then those of its rules. Rules are not evaluated. */
export function backendsOf(config: HaproxyConfig, frontend: HaproxySection): HaproxySection[] {
  if (frontend.kind === 'listen' && frontend.lines.some((line) => line.words[0] === 'server')) return [frontend];
  const names = [
    haproxySetting(config, frontend, 'default_backend')?.words[1],
    ...frontend.lines.filter((line) => line.words[0] === 'use_backend').map((line) => line.words[1]),
  ];
  return [...new Set(names)].map((name) => (name === undefined ? null : backendNamed(config, name))).filter((section) => section !== null);
}

/** Servers of a backend with `default-server` applied; HAProxy's own defaults where nothing is set. */
export function haproxyServers(config: HaproxyConfig, backend: HaproxySection): HaproxyServer[] {
  const shared = [defaultsOf(config, backend), backend].flatMap((section) =>
    (section?.lines ?? []).filter((line) => line.words[0] === 'default-server').flatMap((line) => line.words.slice(1)),
  );
  return backend.lines
    .filter((line) => line.words[0] === 'server' && line.words.length >= 3)
    .map((line) => {
      const words = [...shared, ...line.words.slice(3)];
      const flag = (on: string, off: string): boolean => words.lastIndexOf(on) > words.lastIndexOf(off);
      const value = (name: string): string | null => {
        const at = words.lastIndexOf(name);
        return at < 0 ? null : (words[at + 1] ?? null);
      };
      const number = (name: string): number | null => (/^\d+$/.test(value(name) ?? '') ? Number(value(name)) : null);
      const target = addressOf(line.words[2] ?? '');
      return {
        name: line.words[1] ?? '',
        address: target.address ?? line.words[2] ?? '',
        port: target.port,
        check: flag('check', 'no-check'),
        checkPort: number('port'),
        interMs: haproxyMs(value('inter') ?? '') ?? 2000,
        rise: number('rise') ?? 2,
        fall: number('fall') ?? 3,
        backup: flag('backup', 'no-backup'),
        disabled: flag('disabled', 'enabled'),
        maxConnections: number('maxconn'),
        tls: flag('ssl', 'no-ssl'),
        line: line.line,
      };
    });
}

function acceptsStatus(expect: readonly string[]): (status: number) => boolean | null {
  const words = expect.filter(
    (word) => !/^(min-recv|comment|ok-status|error-status|tout-status|on-success|on-error|status-code)$/.test(word),
  );
  const negated = words[0] === '!';
  const [kind, pattern = ''] = negated ? words.slice(1) : words;
  if (kind === 'status') {
    const ranges = pattern.split(',').map((part) => part.split('-').map(Number));
    return (status) => ranges.some(([low = 0, high = low]) => status >= low && status <= high) !== negated;
  }
  if (kind === 'rstatus') {
    try {
      const expression = new RegExp(pattern);
      return (status) => expression.test(String(status)) !== negated;
    } catch {
      return () => null;
    }
  }
  return () => null;
}

/** The request that HAProxy's health check of a backend makes. `OPTIONS / HTTP/1.0` without Host is its default for `option httpchk`. */
export function healthCheckOf(config: HaproxyConfig, backend: HaproxySection): HaproxyCheck {
  const passes = (status: number): boolean => status >= 200 && status < 400;
  const base: HaproxyCheck = {
    kind: 'none',
    method: 'OPTIONS',
    uri: '/',
    version: 'HTTP/1.0',
    host: null,
    headers: [],
    expect: null,
    accepts: passes,
    line: null,
  };
  if (!haproxyServers(config, backend).some((server) => server.check)) return base;
  const chosen = lookUp(
    config,
    backend,
    (line) =>
      line.words[0] === 'option' &&
      /^(httpchk|tcp-check|mysql-check|pgsql-check|redis-check|smtpchk|ssl-hello-chk|ldap-check|external-check)$/.test(line.words[1] ?? ''),
  );
  if (chosen === null) return { ...base, kind: 'tcp' };
  if (chosen.words[1] !== 'httpchk') return { ...base, kind: chosen.words[1] === 'tcp-check' ? 'tcp' : 'other', line: chosen.line };
  const [first, second, ...third] = chosen.words.slice(2);
  let { method, uri } = base;
  let version = third.length > 0 ? third.join(' ') : base.version;
  if (first !== undefined && second === undefined) uri = first;
  else if (first !== undefined && second !== undefined) [method, uri] = [first, second];
  const headers: [string, string][] = [];
  // The old way to send a Host header hid it behind the version.
  const hidden = version.split(/\\r\\n|\r\n/);
  version = hidden[0]?.trim() ?? version;
  for (const header of hidden.slice(1)) {
    const colon = header.indexOf(':');
    if (colon > 0) headers.push([header.slice(0, colon), header.slice(colon + 1).trim()]);
  }
  const send = haproxySetting(config, backend, 'http-check', 'send');
  if (send !== null) {
    for (let i = 2; i < send.words.length; i++) {
      const word = send.words[i];
      const next = send.words[i + 1] ?? '';
      if (word === 'meth') method = next;
      else if (word === 'uri' || word === 'uri-lf') uri = next;
      else if (word === 'ver') version = next;
      else if (word === 'hdr') headers.push([next, send.words[i + 2] ?? '']);
    }
  }
  const expect = haproxySetting(config, backend, 'http-check', 'expect');
  return {
    kind: 'http',
    method,
    uri,
    version,
    host: headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? null,
    headers,
    expect: expect === null ? null : expect.words.slice(2).join(' '),
    accepts: expect === null ? passes : acceptsStatus(expect.words.slice(2)),
    line: chosen.line,
  };
}
