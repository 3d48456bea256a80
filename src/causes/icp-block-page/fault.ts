// A domain without a filing: the edge answers for it, with the page that the cloud shows or with a redirect to one.
import type { Fault, Lab } from '../../model/fault.ts';

const unfiled = '/etc/nginx/unfiled.map';

async function intercept(lab: Lab): Promise<void> {
  await lab.edge.write(unfiled, `${lab.facts.siteHost} 1;\n`);
  await lab.edge.service('nginx', 'reload');
}

export const icpBlockPageFault: Fault = {
  cause: 'icp-block-page',
  variants: [
    { name: 'page', title: 'the edge intercepts the domain with the page of its cloud', layers: [7], host: 'ddos', inject: intercept },
    {
      name: 'https',
      title: 'the same over HTTPS',
      layers: [7],
      host: 'ddos',
      async inject(lab) {
        await intercept(lab);
        await lab.siteUses({ scheme: 'https' });
      },
    },
    {
      name: 'redirect',
      title: 'the edge redirects the domain to the page of its cloud',
      layers: [7],
      host: 'ddos',
      async inject(lab) {
        const where = `https://dnspod.qcloud.com/static/webblock.html?d=${lab.facts.siteHost}`;
        await lab.edge.edit(lab.facts.paths.nginxSite, 'return 403;', `return 302 ${where};`);
        await intercept(lab);
      },
    },
  ],
};
