// One client's address on a block list of the edge: its packets are dropped or reset, or its requests refused.
import type { Fault, Lab } from '../../model/fault.ts';

async function list(lab: Lab, set: 'blocked' | 'rejected', client: string): Promise<void> {
  const element = ['element', 'inet', 'shield', set, '{', lab.facts.clientAddresses[client] ?? '', '}'];
  await lab.edge.change(['nft', 'add', ...element], ['nft', 'delete', ...element]);
}

export const clientIpBlockedFault: Fault = {
  cause: 'client-ip-blocked',
  variants: [
    {
      name: 'dropped',
      title: 'the edge drops the packets of one client',
      layers: [7],
      host: 'ddos',
      inject: (lab) => list(lab, 'blocked', 'here'),
    },
    {
      name: 'reset',
      title: 'the edge resets the connections of one client',
      layers: [7],
      host: 'ddos',
      inject: (lab) => list(lab, 'rejected', 'client-a'),
    },
    {
      name: 'denied',
      title: 'the edge answers 403 to one client',
      layers: [7],
      host: 'ddos',
      async inject(lab) {
        await lab.edge.edit(
          lab.facts.paths.nginxSite,
          'client_max_body_size',
          `deny ${lab.facts.clientAddresses['here'] ?? ''};\n  client_max_body_size`,
        );
        await lab.edge.service('nginx', 'reload');
      },
    },
    {
      name: 'balancer-acl',
      title: 'the access list of a layer-4 listener drops one client',
      layers: [4],
      host: 'slb',
      layer: 'balancer',
      async inject(lab) {
        const script = [
          'add table ip acl',
          'add chain ip acl listener { type filter hook prerouting priority -150 ; policy accept ; }',
          `add rule ip acl listener ip saddr ${lab.facts.clientAddresses['here'] ?? ''} tcp dport ${lab.facts.layer4Port} counter drop`,
        ].join('; ');
        await lab.slb.change(['nft', script], ['nft', 'delete table ip acl']);
      },
    },
  ],
};
