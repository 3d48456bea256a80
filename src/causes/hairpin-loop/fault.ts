// A page that asks another service, told by mistake to ask the site itself; and a balancer that is one of its own backends.
import type { Fault, Lab } from '../../model/fault.ts';

async function askItself(lab: Lab, url: string): Promise<void> {
  const settings = lab.facts.paths.webRoot.replace(/\/[^/]*$/, '/config');
  for (const backend of lab.backends) {
    await backend.run(['mkdir', '-p', settings]);
    await backend.write(`${settings}/price-service`, `${url}\n`);
  }
  await lab.siteUses({ path: '/api/quote' });
}

export const hairpinLoopFault: Fault = {
  cause: 'hairpin-loop',
  variants: [
    {
      name: 'public-name',
      title: 'a page calls itself by the public name of the site',
      layers: [7],
      host: null,
      inject: (lab) => askItself(lab, `http://${lab.facts.siteHost}/api/quote`),
    },
    {
      name: 'balancer-address',
      title: 'a page calls itself by the address of the balancer',
      layers: [7],
      host: null,
      inject: (lab) => askItself(lab, `http://${lab.facts.balancerAddress}/api/quote`),
    },
    {
      name: 'balancer',
      title: 'the balancer sends requests to itself',
      balancers: ['nginx'],
      layers: [7],
      host: 'slb',
      layer: 'balancer',
      async inject(lab) {
        await lab.slb.edit(lab.facts.paths.nginxConfig, /worker_connections \d+/, 'worker_connections 128');
        await lab.slb.edit(lab.facts.paths.nginxSite, 'proxy_pass http://shop;', `proxy_pass http://${lab.facts.balancerAddress};`);
        await lab.slb.service('nginx', 'reload');
      },
    },
  ],
};
