// The site file of a lab: what an operator of this site would write, with as much access as asked for.
import type { Exec, SiteInput } from '../model/site.ts';
import {
  backendAddresses,
  balancerAddress,
  balancerRange,
  edgeAddress,
  factsOf,
  haproxyTcpPort,
  layer4Port,
  planHosts,
  siteHost,
} from './plan.ts';
import { filesOf, type LabState } from './state.ts';
import { enterWords } from './system.ts';

/** `full`: into every hop. `backends`: the balancer is somebody else's, as a cloud's is. `client`: into none, only its own clients. */
export type Access = 'full' | 'backends' | 'client';

/** The site file as data; valid for `siteSchema`. With `ssh`, hosts are reached by the lab's sshd instead of by namespaces. */
export function labSite(directory: string, state: LabState, access: Access, ssh: boolean): SiteInput {
  const { options, site } = state;
  const facts = factsOf(options, state.phpVersion);
  const plans = new Map(planHosts(options).map((plan) => [plan.name, plan]));
  const exec = (name: string): Exec =>
    ssh ? `ssh://root@${plans.get(name)?.managementAddress ?? ''}` : [...enterWords(state.hosts[name]?.pid ?? 0)];
  const layer4 = options.layer === 4;
  const scheme = site.scheme ?? 'http';
  const port = site.port ?? (layer4 ? layer4Port : scheme === 'https' ? facts.httpsPort : facts.httpPort);
  const origin = `${scheme}://${siteHost}${port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`}`;
  const url = `${origin}${site.path ?? '/api/orders'}`;
  const special = site.method !== undefined || site.bodyBytes !== undefined || site.headers !== undefined;
  const healthCheck =
    site.healthCheck === false
      ? { healthCheck: false as const }
      : options.balancer === 'haproxy' || site.healthCheck !== undefined
        ? {
            healthCheck: {
              path: '/health.html',
              host: siteHost,
              expect: '200-399',
              ...(options.balancer === 'haproxy' ? { timeout: '1s', interval: '500ms' } : {}),
              ...site.healthCheck,
              // `host: null` is a check without a Host header, which a site file says by leaving it out.
              ...(site.healthCheck?.['host'] === null ? { host: undefined } : {}),
            },
          }
        : {};
  const seconds = (ms: number) => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
  return {
    why5xx: 1,
    name: 'shop',
    url,
    ...(special
      ? {
          requests: [
            {
              url,
              method: site.method ?? 'GET',
              ...(site.headers === undefined ? {} : { headers: { ...site.headers } }),
              ...(site.bodyBytes === undefined ? {} : { body: { bytes: site.bodyBytes } }),
            },
          ],
        }
      : {}),
    static: `${origin}/health.html`,
    resolve: { [siteHost]: layer4 ? balancerAddress : edgeAddress },
    ...(scheme === 'https' ? { ca: filesOf(directory).authority } : {}),
    clients: ['client-a', 'client-b'].map((name) => ({ name, exec: exec(name) })),
    // A layer-4 listener is reached at the balancer's own address; no edge is on its way.
    ...(layer4
      ? {}
      : {
          edge: [
            { name: 'ddos', kind: 'anti-ddos', address: `${edgeAddress}:${port}`, ...(access === 'full' ? { exec: exec('ddos') } : {}) },
          ],
        }),
    balancer: {
      name: 'slb',
      kind: options.balancer,
      address: balancerAddress,
      backendSources: [balancerRange],
      ...(access === 'full' ? { exec: exec('slb') } : {}),
      listeners: [
        {
          port: facts.httpPort,
          protocol: 'http',
          connectTimeout: seconds(facts.connectTimeoutMs),
          readTimeout: seconds(facts.readTimeoutMs),
          ...healthCheck,
        },
        { port: layer4Port, protocol: 'tcp' },
        ...(options.balancer === 'haproxy'
          ? [
              {
                port: haproxyTcpPort,
                protocol: 'tcp' as const,
                connectTimeout: seconds(facts.connectTimeoutMs),
                idleTimeout: seconds(facts.readTimeoutMs),
              },
            ]
          : []),
      ],
    },
    backends: Object.entries(backendAddresses(options)).map(([name, address]) => ({
      name,
      address: `${address}:80`,
      ...(access === 'client' ? {} : { exec: exec(name) }),
    })),
  };
}
