// HAProxy without checks, for every server or just for one, and a web server that dies.
import type { Fault, Lab } from '../../model/fault.ts';

async function off(lab: Lab, dead: string, action: 'stop' | 'kill', from: string | RegExp, to: string): Promise<void> {
  await lab.slb.edit(lab.facts.paths.haproxyConfig, from, to);
  await lab.slb.service('haproxy', 'reload');
  await lab.siteUses({ healthCheck: false });
  await lab.host(dead).service('nginx', action);
}

export const healthCheckDisabledFault: Fault = {
  cause: 'health-check-disabled',
  variants: [
    {
      name: 'all-servers',
      title: 'no server is checked, and the web server of one is stopped',
      host: 'slb',
      balancers: ['haproxy'],
      layers: [7],
      inject: (lab) => off(lab, 'web-2', 'stop', /default-server check /g, 'default-server '),
    },
    {
      name: 'one-server',
      title: 'one server was left out of the checks, and its web server is killed',
      host: 'slb',
      balancers: ['haproxy'],
      layers: [7],
      inject: (lab) =>
        off(
          lab,
          'web-1',
          'kill',
          new RegExp(`server web-1 ${lab.facts.backendAddresses['web-1']?.replaceAll('.', '\\.') ?? ''}:80`),
          `server web-1 ${lab.facts.backendAddresses['web-1'] ?? ''}:80 no-check`,
        ),
    },
  ],
};
