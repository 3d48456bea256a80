// Strict mode on the interface that the balancer's packets come in on, set for that interface alone or for all of them, as some
// distributions and hardening guides do. The lab's backends have their way out on a second interface.
import type { Fault, Lab } from '../../model/fault.ts';

async function strict(lab: Lab, names: readonly string[], scope: 'eth0' | 'all'): Promise<void> {
  for (const name of names) await lab.host(name).sysctl(`net.ipv4.conf.${scope}.rp_filter`, '1');
}

export const rpFilterStrictL4Fault: Fault = {
  cause: 'rp-filter-strict-l4',
  variants: [
    {
      name: 'interface-one',
      title: 'strict on the interface of one backend',
      layers: [4],
      host: 'web-2',
      inject: (lab) => strict(lab, ['web-2'], 'eth0'),
    },
    {
      name: 'all-one',
      title: 'strict for all interfaces of one backend',
      layers: [4],
      host: 'web-3',
      inject: (lab) => strict(lab, ['web-3'], 'all'),
    },
    {
      name: 'all-every',
      title: 'strict for all interfaces of every backend',
      layers: [4],
      host: null,
      inject: (lab) =>
        strict(
          lab,
          lab.backends.map(({ name }) => name),
          'all',
        ),
    },
  ],
};
