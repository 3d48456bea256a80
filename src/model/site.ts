// The site file (public contract, `why5xx: 1`). This zod schema is the only source: types, validation and the JSON Schema
// that editors use are all derived from it. Messages say what was expected; the reader of the file adds place and what was found.
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

import { addressShape, splitAddress } from './address.ts';
import { durationShape, parseDuration, parseSize, sizeShape } from './units.ts';

/** Text of one shape, with one message whatever is wrong about it. */
function text(shape: RegExp, expected: string) {
  return z.string(expected).regex(shape, expected);
}

const name = text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected a short name of letters, digits, ".", "_" and "-"');
const hostName = name.describe('Name of this host in reports; each host has its own');

const urlExpected = 'expected an http:// or https:// URL';
const httpUrl = text(/^[hH][tT][tT][pP][sS]?:\/\/[^\u0000-\u0020\u007f]+$/, urlExpected).refine(
  (url) => URL.canParse(url) && new URL(url).hostname !== '',
  urlExpected,
);

const label = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
const dnsName = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*\\.?$`);

function isIp(value: string): boolean {
  return ipaddr.IPv6.isValid(value) || ipaddr.IPv4.isValidFourPartDecimal(value);
}
function isHost(value: string): boolean {
  return /^[\d.]+$/.test(value) ? ipaddr.IPv4.isValidFourPartDecimal(value) : dnsName.test(value);
}
function isAddress(value: string): boolean {
  if (ipaddr.IPv6.isValid(value)) return true;
  const match = addressShape.exec(value);
  if (!match) return false;
  const host = match[1] ?? '';
  if (host.startsWith('[') ? !ipaddr.IPv6.isValid(host.slice(1, -1)) : !isHost(host)) return false;
  return match[3] === undefined || (Number(match[3]) >= 1 && Number(match[3]) <= 65535);
}

const addressExpected = 'expected an address such as 10.0.0.11, 10.0.0.11:80, [2001:db8::1]:443 or web-1.internal:80';
const address = z
  .string(addressExpected)
  .refine(isAddress, addressExpected)
  .meta({ examples: ['10.0.0.11:80', '[2001:db8::1]:443', 'web-1.internal:80'] });
const addressWithPortExpected = 'expected an address with its port, such as 10.0.0.11:80, [2001:db8::1]:443 or web-1.internal:80';
const addressWithPort = z
  .string(addressWithPortExpected)
  .refine((value) => isAddress(value) && splitAddress(value).port !== null, addressWithPortExpected)
  .describe('Address and port that the balancer sends requests to')
  .meta({ examples: ['10.0.0.11:80', '[2001:db8::1]:80'] });
const cidrExpected = 'expected an address or a range such as 100.64.0.0/10 or 2001:db8::/32';
const cidr = z
  .string(cidrExpected)
  .refine((value) => isIp(value) || ipaddr.IPv6.isValidCIDR(value) || ipaddr.IPv4.isValidCIDRFourPartDecimal(value), cidrExpected)
  .meta({ examples: ['100.64.0.0/10', '10.0.0.1', '2001:db8::/32'] });

const portExpected = 'expected a port: a whole number from 1 to 65535';
const port = z.number(portExpected).int(portExpected).min(1, portExpected).max(65535, portExpected);

const durationExpected = 'expected a duration such as 60s, 1500ms or 15m, at most a year';
const duration = z
  .union([text(durationShape, durationExpected), z.number(durationExpected).min(0, durationExpected)], durationExpected)
  .refine((value) => parseDuration(value) !== null, durationExpected)
  .transform((value) => parseDuration(value) ?? 0)
  .describe('Duration with a unit: 500ms, 60s, 15m, 2h. A bare number is seconds');

const maxBodyBytes = 128 * 1024 * 1024;
const sizeExpected = 'expected a size such as 60000, 64k or 1m, at most 128m';
const size = z
  .union([text(sizeShape, sizeExpected), z.number(sizeExpected).int(sizeExpected).min(0, sizeExpected)], sizeExpected)
  .refine((value) => (parseSize(value) ?? Infinity) <= maxBodyBytes, sizeExpected)
  .transform((value) => parseSize(value) ?? 0)
  .describe('Size: 60000, 64k or 1m, in powers of 1024. At most 128m');

/** User, IPv6 address, name, port of `ssh://[user@]host[:port]`. No part can start with "-". */
export const sshShape =
  /^ssh:\/\/(?:([A-Za-z0-9._][A-Za-z0-9._-]*)@)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._][A-Za-z0-9._-]*))(?::([1-9]\d{0,4}))?$/;
const execExpected = 'expected local, ssh://user@host[:port] or a list of words such as [ip, netns, exec, web-1]';
const exec = z
  .union(
    [
      z.literal('local'),
      text(sshShape, execExpected).refine((value) => Number(sshShape.exec(value)?.[4] ?? 22) <= 65535, execExpected),
      z
        .array(text(/^[^\u0000]+$/, 'expected a word: text that is not empty'), execExpected)
        .min(1, execExpected)
        .max(64, execExpected),
    ],
    execExpected,
  )
  .describe('How to run commands on this host: local, ssh://user@host[:port], or words put before each command');

const absolutePath = text(/^\/[^\u0000-\u001f\u007f]*$/, 'expected an absolute path');
const paths = z
  .strictObject({
    nginxConfig: absolutePath.optional(),
    nginxErrorLog: absolutePath.optional(),
    nginxAccessLog: absolutePath.optional(),
    haproxyConfig: absolutePath.optional(),
    haproxyLog: absolutePath.optional(),
    fpmConfig: absolutePath.optional(),
    fpmLog: absolutePath.optional(),
  })
  .describe('Overrides what is otherwise found from the running processes');

const method = text(/^[A-Z]{3,10}$/, 'expected an HTTP method in capital letters, such as GET');

/** Headers that why5xx writes itself: marks, and the frame of the request. */
const ownHeaders = /^(user-agent|content-length|transfer-encoding)$/i;
const headers = z
  .record(
    text(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'expected a header name').refine(
      (header) => !ownHeaders.test(header),
      'expected another header: why5xx writes this one itself',
    ),
    text(/^[^\u0000-\u0008\u000a-\u001f\u007f]*$/, 'expected one line of text, in quotes'),
  )
  .describe('Extra request headers. $NAME in a value is read from the environment; $$ is a dollar sign');

const request = z.strictObject({
  url: httpUrl,
  method: method.default('GET'),
  headers: headers.default({}),
  body: z.strictObject({ bytes: size }).describe('A generated body of this size').optional(),
  from: z.array(name).optional().describe('Only from these clients; "here" is this machine'),
});

const slashPath = text(/^\/[^\u0000-\u0020\u007f]*$/, 'expected a path that starts with /');
const expectExpected = 'expected status codes such as 2xx, 200 or 200-399,401';
const expectShape = /^([1-5][xX]{2}|[1-5]\d\d(-[1-5]\d\d)?)(,\s*([1-5][xX]{2}|[1-5]\d\d(-[1-5]\d\d)?))*$/;
const healthCheck = z.strictObject({
  path: slashPath.default('/'),
  method: method.default('GET'),
  host: z
    .string()
    .refine((value) => isAddress(value), 'expected a host name')
    .optional()
    .describe('Host header of the check; none when absent'),
  port: port.optional().describe("Port of the check; the backend's own when absent"),
  expect: z
    .union(
      [text(expectShape, expectExpected), z.number(expectExpected).int(expectExpected).min(100, expectExpected).max(599, expectExpected)],
      expectExpected,
    )
    .transform((value) => String(value).toLowerCase())
    .default('2xx,3xx')
    .describe('Status codes that count as healthy'),
  timeout: duration.optional(),
  interval: duration.optional(),
});

const listener = z.strictObject({
  port,
  protocol: z.enum(['http', 'https', 'tcp']),
  readTimeout: duration.optional(),
  connectTimeout: duration.optional(),
  idleTimeout: duration.optional(),
  healthCheck: z
    .union([healthCheck, z.literal(false)], 'expected the settings of the health check, or false')
    .optional()
    .describe('false says that the check is switched off'),
});

const client = z.strictObject({ name: hostName, exec: exec.optional(), address: cidr.optional().describe('Where its requests come from') });

const edge = z.strictObject({
  name: hostName,
  kind: z.enum(['anti-ddos', 'waf', 'cdn', 'other']).default('other'),
  address,
  exec: exec.optional(),
  paths: paths.optional(),
});

const balancer = z.strictObject({
  name: hostName,
  kind: z.enum(['nginx', 'haproxy', 'envoy', 'alibaba-clb', 'alibaba-alb', 'aws-alb', 'other']).default('other'),
  address,
  backendSources: z.array(cidr).default([]).describe('Where its requests and health checks to backends come from'),
  exec: exec.optional(),
  paths: paths.optional(),
  listeners: z.array(listener).default([]),
});

const backend = z.strictObject({ name: hostName, address: addressWithPort, exec: exec.optional(), paths: paths.optional() });

const requestsExpected = 'expected a whole number from 1 to 10000';
const secondsExpected = 'expected seconds from 1 to 3600';

export const siteSchema = z
  .strictObject({
    why5xx: z.literal(1, 'expected "why5xx: 1", the version of this format'),
    name: name.default('site').describe('Name of the site in reports'),
    url: httpUrl.describe('The failing request'),
    requests: z.array(request).default([]).describe('More failing requests'),
    static: httpUrl.optional().describe('A page that needs no application'),
    resolve: z
      .record(z.string().refine(isHost, 'expected a host name'), z.string('expected an IP address').refine(isIp, 'expected an IP address'))
      .default({})
      .describe('Like a hosts file: name to address'),
    ca: text(/^[^\u0000-\u001f\u007f]+$/, 'expected the path of a PEM file')
      .optional()
      .describe('PEM file of an extra trust anchor, relative to the site file'),
    clients: z.array(client).default([]).describe('Vantages; "here" is always one'),
    edge: z.array(edge).default([]).describe('In the order that a request meets them'),
    balancer: balancer.optional(),
    backends: z.array(backend).default([]),
    limits: z
      .strictObject({
        requests: z.number(requestsExpected).int(requestsExpected).min(1, requestsExpected).max(10_000, requestsExpected).default(60),
        seconds: z.number(secondsExpected).min(1, secondsExpected).max(3600, secondsExpected).default(120),
      })
      .default({ requests: 60, seconds: 120 })
      .describe('Budget of one run'),
  })
  // Also where other things are wrong, so that every problem is told at once; hence the distrust of its input.
  .superRefine((site: unknown, ctx) => crossCheck(site, (path, message) => ctx.addIssue({ code: 'custom', path: [...path], message })), {
    when: () => true,
  });

/** Rules that no single key can hold. `site` may be wrong in any way. */
function crossCheck(site: unknown, complain: (path: readonly (string | number)[], message: string) => void): void {
  const hosts = [
    ...list(site, 'edge').map((host, i) => [at(host, 'name'), ['edge', i, 'name']] as const),
    [at(at(site, 'balancer'), 'name'), ['balancer', 'name']] as const,
    ...list(site, 'backends').map((host, i) => [at(host, 'name'), ['backends', i, 'name']] as const),
    ...list(site, 'clients').map((host, i) => [at(host, 'name'), ['clients', i, 'name']] as const),
  ];
  const seen = new Map<string, string>();
  for (const [hostName, path] of hosts) {
    if (typeof hostName !== 'string') continue;
    const before = seen.get(hostName);
    if (hostName === 'here') complain(path, 'expected another name, because "here" is this machine');
    else if (before !== undefined) complain(path, `expected a name of its own, because ${before} has the same`);
    else seen.set(hostName, `${path[0]}${typeof path[1] === 'number' ? `[${String(path[1])}]` : ''}`);
  }
  const clients = ['here', ...list(site, 'clients').map((each) => at(each, 'name'))];
  list(site, 'requests').forEach((each, i) => {
    list(each, 'from').forEach((from, j) => {
      if (!clients.includes(from)) complain(['requests', i, 'from', j], `expected a client: ${clients.join(', ')}`);
    });
  });
  const ports = new Set<unknown>();
  list(at(site, 'balancer'), 'listeners').forEach((each, i) => {
    const value = at(each, 'port');
    if (ports.has(value))
      complain(['balancer', 'listeners', i, 'port'], 'expected a port of its own, because another listener has the same');
    else if (value !== undefined) ports.add(value);
  });
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
function list(value: unknown, key: string): readonly unknown[] {
  const found = at(value, key);
  return Array.isArray(found) ? found : [];
}

/** The JSON Schema of the site file (draft 7, which editors know), of what people write: before defaults and units. */
export function siteJsonSchema(): Readonly<Record<string, unknown>> {
  return {
    title: 'why5xx site file',
    description: 'What is there: the failing URL, edge, balancer and backends, and how to look into them',
    ...z.toJSONSchema(siteSchema, { io: 'input', target: 'draft-7' }),
  };
}

export type Site = z.output<typeof siteSchema>;
export type SiteInput = z.input<typeof siteSchema>;
export type Exec = z.output<typeof exec>;
export type Paths = z.output<typeof paths>;
export type Listener = z.output<typeof listener>;
export type BalancerKind = NonNullable<Site['balancer']>['kind'];

export { splitAddress } from './address.ts';
export type Role = 'client' | 'edge' | 'balancer' | 'backend';
