// Cookies or a URL that are larger than one hop allows, in the order in which a request meets the hops.
import type { Fault, Lab } from '../../model/fault.ts';

/** A cookie jar as it grows over the years: one header line of about that size. */
function cookies(bytes: number): string {
  const crumbs = Math.ceil(bytes / 100);
  return Array.from({ length: crumbs }, (_, i) => `pref${String(i).padStart(3, '0')}=${'v'.repeat(90)}`).join('; ');
}

async function limit(lab: Lab, host: string, size: string): Promise<void> {
  await lab.host(host).edit(lab.facts.paths.nginxConfig, '  sendfile on;', `  sendfile on;\n  large_client_header_buffers 4 ${size};`);
  await lab.host(host).service('nginx', 'reload');
}

export const headerTooLargeRequestFault: Fault = {
  cause: 'header-too-large-request',
  variants: [
    {
      name: 'balancer',
      title: 'cookies larger than the balancer allows',
      layers: [7],
      host: 'slb',
      async inject(lab) {
        // nginx allows 8 KiB a line unless told otherwise, HAProxy 15 KiB for everything.
        if (lab.balancer === 'nginx') await limit(lab, 'slb', '4k');
        await lab.siteUses({ headers: { cookie: cookies(lab.balancer === 'nginx' ? 6000 : 18_000) } });
      },
    },
    {
      name: 'backend-one',
      title: 'cookies larger than the web server of one backend allows',
      host: 'web-2',
      layer: 'web-server',
      async inject(lab) {
        await limit(lab, 'web-2', '4k');
        await lab.siteUses({ headers: { cookie: cookies(6000) } });
      },
    },
    {
      name: 'backend-all',
      title: 'cookies that the balancer passes on and no backend takes',
      host: null,
      layer: 'web-server',
      async inject(lab) {
        if (lab.balancer === 'nginx' && lab.layer === 7) await limit(lab, 'slb', '64k');
        await lab.siteUses({ headers: { cookie: cookies(10_000) } });
      },
    },
    {
      name: 'long-url',
      title: 'a URL longer than the balancer allows',
      balancers: ['nginx'],
      layers: [7],
      host: 'slb',
      inject: (lab) => lab.siteUses({ path: `/api/orders?filter=${'abcdefghij'.repeat(900)}` }),
    },
  ],
};
