// The edge has no forwarding rule for the domain: deleted, made for another name, or made for plain HTTP only.
import type { Fault } from '../../model/fault.ts';

export const ddosForwardingRuleMissingFault: Fault = {
  cause: 'ddos-forwarding-rule-missing',
  variants: [
    {
      name: 'removed',
      title: 'the forwarding rule of the domain was deleted',
      layers: [7],
      host: 'ddos',
      async inject(lab) {
        await lab.edge.write(lab.facts.paths.nginxSite, '# deleted\n');
        await lab.edge.service('nginx', 'reload');
      },
    },
    {
      name: 'other-name',
      title: 'the forwarding rule is for another name of the domain',
      layers: [7],
      host: 'ddos',
      async inject(lab) {
        await lab.edge.edit(lab.facts.paths.nginxSite, `server_name ${lab.facts.siteHost};`, `server_name www.${lab.facts.siteHost};`);
        await lab.edge.service('nginx', 'reload');
      },
    },
    {
      name: 'no-https',
      title: 'the domain has a rule for HTTP, and none for HTTPS',
      layers: [7],
      host: 'ddos',
      async inject(lab) {
        await lab.edge.edit(lab.facts.paths.nginxSite, '  listen 443 ssl;\n', '');
        await lab.edge.service('nginx', 'reload');
        await lab.siteUses({ scheme: 'https' });
      },
    },
  ],
};
