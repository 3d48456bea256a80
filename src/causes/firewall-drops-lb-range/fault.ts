// Rules as security agents and hardening scripts leave them: a drop of the whole 100.64.0.0/10, with and without counter, in nft and in
// iptables, and an allow list that forgot the balancer.
import type { Fault, Lab } from '../../model/fault.ts';

const range = '100.64.0.0/10';

/** A table of its own with the given rules, as agents make one. */
async function nft(lab: Lab, names: readonly string[], policy: 'accept' | 'drop', rules: readonly string[]): Promise<void> {
  const script = [
    'add table inet hostguard',
    `add chain inet hostguard input { type filter hook input priority -5 ; policy ${policy} ; }`,
    ...rules.map((rule) => `add rule inet hostguard input ${rule}`),
  ].join('; ');
  for (const name of names) await lab.host(name).change(['nft', script], ['nft', 'delete table inet hostguard']);
}

async function iptables(lab: Lab, names: readonly string[]): Promise<void> {
  const rule = ['INPUT', '-s', range, '-p', 'tcp', '-j', 'DROP'];
  for (const name of names) await lab.host(name).change(['iptables', '-A', ...rule], ['iptables', '-D', ...rule]);
}

async function onAll(lab: Lab, break_: (names: readonly string[]) => Promise<void>): Promise<void> {
  await break_(lab.backends.map(({ name }) => name));
  await lab.balancerSees('down');
}

const toRange = `ip saddr ${range} counter drop`;

export const firewallDropsLbRangeFault: Fault = {
  cause: 'firewall-drops-lb-range',
  variants: [
    {
      name: 'nft-one',
      title: 'one backend drops 100.64.0.0/10 (nft)',
      balancers: ['nginx'],
      layers: [7],
      host: 'web-2',
      inject: (lab) => nft(lab, ['web-2'], 'accept', [toRange]),
    },
    {
      name: 'nft-all',
      title: 'every backend drops 100.64.0.0/10 (nft)',
      layers: [7],
      host: null,
      inject: (lab) => onAll(lab, (names) => nft(lab, names, 'accept', [toRange])),
    },
    {
      name: 'iptables-one',
      title: 'one backend drops 100.64.0.0/10 (iptables)',
      balancers: ['nginx'],
      layers: [7],
      host: 'web-3',
      inject: (lab) => iptables(lab, ['web-3']),
    },
    {
      name: 'iptables-all',
      title: 'every backend drops 100.64.0.0/10 (iptables)',
      layers: [7],
      host: null,
      inject: (lab) => onAll(lab, (names) => iptables(lab, names)),
    },
    {
      name: 'nft-uncounted',
      title: 'one backend drops a set of ranges by a rule without counter',
      balancers: ['nginx'],
      layers: [7],
      host: 'web-1',
      inject: (lab) => nft(lab, ['web-1'], 'accept', [`ip saddr { 45.95.0.0/16, ${range}, 185.220.0.0/16 } drop`]),
    },
    {
      name: 'nft-allow-list',
      title: 'one backend lets in only what is on a list, and the balancer is not',
      balancers: ['nginx'],
      layers: [7],
      host: 'web-2',
      inject: (lab) =>
        nft(lab, ['web-2'], 'drop', [
          'iifname "lo" accept',
          'ct state established,related accept',
          'iifname "mgmt0" accept',
          'ip saddr { 10.0.0.0/16, 192.168.0.0/16 } accept',
        ]),
    },
  ],
};
