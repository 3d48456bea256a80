// The site file (public contract, `why5xx: 1`). This zod schema is the only source: types, validation and the JSON Schema
// that editors use are all derived from it.
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

import { parseDuration, parseSize } from './units.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected a short name: letters, digits, ".", "_" or "-"')
  .describe('Name of this host in reports');

const httpUrl = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '';
}, 'expected an http:// or https:// URL');

/** `HOST:PORT`, `[V6]:PORT`, or a bare address or name where a port is not needed. */
const addressShape = /^(\[[0-9A-Fa-f:.%]+\]|[^\s:[\]/]+)(:(\d{1,5}))?$/;
function isAddress(text: string): boolean {
  if (ipaddr.IPv6.isValid(text)) return true;
  const match = addressShape.exec(text);
  if (!match) return false;
  const host = match[1] ?? '';
  if (host.startsWith('[') && !ipaddr.IPv6.isValid(host.slice(1, -1))) return false;
  if (/^[\d.]+$/.test(host) && !ipaddr.IPv4.isValidFourPartDecimal(host)) return false;
  if (!host.startsWith('[') && !/^[A-Za-z0-9._-]+$/.test(host)) return false;
  return match[3] === undefined || (Number(match[3]) >= 1 && Number(match[3]) <= 65535);
}
const address = z.string().refine(isAddress, 'expected an address such as 10.0.0.11:80, [2001:db8::1]:443 or web-1.internal:80');
const addressWithPort = address.refine(
  (text) => splitAddress(text).port !== null,
  'expected a port too, such as 10.0.0.11:80',
);
const cidr = z
  .string()
  .refine((text) => ipaddr.isValidCIDR(text) || ipaddr.isValid(text), 'expected an address or a CIDR such as 100.64.0.0/10');

const port = z.number().int('expected a whole number').min(1).max(65535);

const duration = z
  .union([z.string(), z.number()])
  .refine((value) => parseDuration(value) !== null, 'expected a duration such as 60s, 1500ms or 15m')
  .transform((value) => parseDuration(value) ?? 0)
  .describe('Duration with a unit: 500ms, 60s, 15m, 2h. A bare number is seconds');

const size = z
  .union([z.string(), z.number()])
  .refine((value) => parseSize(value) !== null, 'expected a size such as 60000, 64k or 1m')
  .transform((value) => parseSize(value) ?? 0);

const exec = z
  .union([
    z.literal('local'),
    z
      .string()
      .regex(
        /^ssh:\/\/([A-Za-z0-9._][A-Za-z0-9._-]*@)?(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._][A-Za-z0-9._-]*)(:\d{1,5})?$/,
        'expected "local", "ssh://user@host[:port]" or a list of words',
      ),
    z.array(z.string().min(1).refine((word) => !word.includes('\0'), 'expected a word without NUL')).min(1),
  ])
  .describe('How to run commands on this host: local, ssh://user@host[:port], or words put before each command');

const paths = z
  .strictObject({
    nginxConfig: z.string().startsWith('/', 'expected an absolute path').optional(),
    nginxErrorLog: z.string().startsWith('/', 'expected an absolute path').optional(),
    nginxAccessLog: z.string().startsWith('/', 'expected an absolute path').optional(),
    haproxyConfig: z.string().startsWith('/', 'expected an absolute path').optional(),
    haproxyLog: z.string().startsWith('/', 'expected an absolute path').optional(),
    fpmConfig: z.string().startsWith('/', 'expected an absolute path').optional(),
    fpmLog: z.string().startsWith('/', 'expected an absolute path').optional(),
  })
  .describe('Overrides what is otherwise found from the running processes');

const method = z.string().regex(/^[A-Z]{3,10}$/, 'expected an upper-case HTTP method');

const request = z.strictObject({
  url: httpUrl,
  method: method.default('GET'),
  headers: z
    .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'expected a header name'), z.string().regex(/^[^\r\n\0]*$/, 'expected one line'))
    .default({})
    .describe('Values that start with $ are read from the environment'),
  body: z.strictObject({ bytes: size }).optional(),
  from: z.array(name).optional().describe('Only from these clients'),
});

const healthCheck = z.strictObject({
  path: z.string().startsWith('/', 'expected a path that starts with /').default('/'),
  method: method.default('GET'),
  host: z.string().optional().describe('Host header of the check; none when absent'),
  port: port.optional().describe("Port of the check; the backend's own when absent"),
  expect: z
    .union([z.string(), z.number()])
    .transform(String)
    .refine((text) => /^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)(,\s*([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?))*$/.test(text), 'expected codes such as 2xx, 200 or 200-399,401')
    .default('2xx,3xx'),
  timeout: duration.optional(),
  interval: duration.optional(),
});

const listener = z.strictObject({
  port,
  protocol: z.enum(['http', 'https', 'tcp']),
  readTimeout: duration.optional(),
  connectTimeout: duration.optional(),
  idleTimeout: duration.optional(),
  healthCheck: z.union([healthCheck, z.literal(false)]).optional().describe('false says that the check is switched off'),
});

const client = z.strictObject({ name, exec: exec.optional(), address: cidr.optional() });

const edge = z.strictObject({
  name,
  kind: z.enum(['anti-ddos', 'waf', 'cdn', 'other']).default('other'),
  address,
  exec: exec.optional(),
  paths: paths.optional(),
});

const balancer = z.strictObject({
  name,
  kind: z.enum(['nginx', 'haproxy', 'envoy', 'alibaba-clb', 'alibaba-alb', 'aws-alb', 'other']).default('other'),
  address,
  backendSources: z.array(cidr).default([]).describe('Where its requests and health checks to backends come from'),
  exec: exec.optional(),
  paths: paths.optional(),
  listeners: z.array(listener).default([]),
});

const backend = z.strictObject({ name, address: addressWithPort, exec: exec.optional(), paths: paths.optional() });

export const siteSchema = z
  .strictObject({
    why5xx: z.literal(1, 'expected "why5xx: 1", the version of this format'),
    name: name.default('site'),
    url: httpUrl.describe('The failing request'),
    requests: z.array(request).default([]).describe('More failing requests'),
    static: httpUrl.optional().describe('A page that needs no application'),
    resolve: z.record(z.string(), z.string().refine((text) => ipaddr.isValid(text), 'expected an IP address')).default({}).describe('Like a hosts file'),
    ca: z.string().optional().describe('PEM file of an extra trust anchor, relative to the site file'),
    clients: z.array(client).default([]),
    edge: z.array(edge).default([]).describe('In the order that a request meets them'),
    balancer: balancer.optional(),
    backends: z.array(backend).default([]),
    limits: z
      .strictObject({
        requests: z.number().int().min(1).max(10_000).default(60),
        seconds: z.number().min(1).max(3600).default(120),
      })
      .default({ requests: 60, seconds: 120 })
      .describe('Budget of one run'),
  })
  .superRefine((site, ctx) => {
    const seen = new Map<string, string>();
    const hosts = [
      ...site.edge.map((host, i) => [host.name, ['edge', i, 'name']] as const),
      ...(site.balancer ? [[site.balancer.name, ['balancer', 'name']] as const] : []),
      ...site.backends.map((host, i) => [host.name, ['backends', i, 'name']] as const),
      ...site.clients.map((host, i) => [host.name, ['clients', i, 'name']] as const),
    ];
    for (const [hostName, path] of hosts) {
      const before = seen.get(hostName);
      if (before !== undefined) {
        ctx.addIssue({ code: 'custom', path: [...path], message: `expected a name of its own: "${hostName}" is taken by ${before}` });
      } else seen.set(hostName, path.join('.'));
    }
    const clients = new Set(['here', ...site.clients.map((each) => each.name)]);
    site.requests.forEach((each, i) => {
      each.from?.forEach((from, j) => {
        if (!clients.has(from)) {
          ctx.addIssue({ code: 'custom', path: ['requests', i, 'from', j], message: `expected one of: ${[...clients].join(', ')}` });
        }
      });
    });
  });

export type Site = z.output<typeof siteSchema>;
export type SiteInput = z.input<typeof siteSchema>;
export type Exec = z.output<typeof exec>;
export type Paths = z.output<typeof paths>;
export type SiteRequest = z.output<typeof request>;
export type Listener = z.output<typeof listener>;
export type HealthCheck = z.output<typeof healthCheck>;
export type BalancerKind = NonNullable<Site['balancer']>['kind'];

export type Role = 'client' | 'edge' | 'balancer' | 'backend';

/** Host and port of an `address` that the schema accepted. IPv6 comes back without brackets. */
export function splitAddress(text: string): { readonly host: string; readonly port: number | null } {
  if (ipaddr.IPv6.isValid(text)) return { host: text, port: null };
  const match = addressShape.exec(text);
  const host = match?.[1] ?? text;
  return {
    host: host.startsWith('[') ? host.slice(1, -1) : host,
    port: match?.[3] === undefined ? null : Number(match[3]),
  };
}
