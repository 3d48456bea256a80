// The three answers that firewalls give, in nft and in iptables: reset and port-unreachable, which look like a closed port, and
// admin-prohibited, which looks like a machine that is gone.
import type { Fault, Lab } from '../../model/fault.ts';

const range = '100.64.0.0/10';

async function nft(lab: Lab, names: readonly string[], answer: string): Promise<void> {
  const script = [
    'add table inet hostguard',
    'add chain inet hostguard input { type filter hook input priority -5 ; policy accept ; }',
    `add rule inet hostguard input ip saddr ${range} tcp dport 80 counter reject with ${answer}`,
  ].join('; ');
  for (const name of names) await lab.host(name).change(['nft', script], ['nft', 'delete table inet hostguard']);
}

async function iptables(lab: Lab, names: readonly string[], answer: string): Promise<void> {
  const rule = ['INPUT', '-s', range, '-p', 'tcp', '--dport', '80', '-j', 'REJECT', '--reject-with', answer];
  for (const name of names) await lab.host(name).change(['iptables', '-A', ...rule], ['iptables', '-D', ...rule]);
}

async function onAll(lab: Lab, break_: (names: readonly string[]) => Promise<void>): Promise<void> {
  await break_(lab.backends.map(({ name }) => name));
  await lab.balancerSees('down');
}

export const firewallRejectsLbRangeFault: Fault = {
  cause: 'firewall-rejects-lb-range',
  variants: [
    {
      name: 'nft-reset-one',
      title: 'one backend resets connections from 100.64.0.0/10 (nft)',
      balancers: ['nginx'],
      layers: [7],
      host: 'web-2',
      inject: (lab) => nft(lab, ['web-2'], 'tcp reset'),
    },
    {
      name: 'nft-reset-all',
      title: 'every backend resets connections from 100.64.0.0/10 (nft)',
      layers: [7],
      host: null,
      inject: (lab) => onAll(lab, (names) => nft(lab, names, 'tcp reset')),
    },
    {
      name: 'nft-prohibited-one',
      title: 'one backend answers admin-prohibited (nft)',
      balancers: ['nginx'],
      layers: [7],
      host: 'web-1',
      inject: (lab) => nft(lab, ['web-1'], 'icmp type admin-prohibited'),
    },
    {
      name: 'iptables-port-unreachable-one',
      title: 'one backend answers port-unreachable (iptables)',
      balancers: ['nginx'],
      layers: [7],
      host: 'web-3',
      inject: (lab) => iptables(lab, ['web-3'], 'icmp-port-unreachable'),
    },
    {
      name: 'iptables-prohibited-all',
      title: 'every backend answers admin-prohibited (iptables)',
      layers: [7],
      host: null,
      inject: (lab) => onAll(lab, (names) => iptables(lab, names, 'icmp-admin-prohibited')),
    },
  ],
};
