// A small bandwidth cap on the interface that a backend answers by, and other users who download something large.
import type { Fault, Lab } from '../../model/fault.ts';

async function cap(lab: Lab, names: readonly string[]): Promise<void> {
  // At layer 7 answers go back to the balancer, at layer 4 by the backend's own way out.
  const device = lab.layer === 4 ? 'eth1' : 'eth0';
  const catalogue = `${lab.facts.paths.webRoot}/media/catalogue.pdf`;
  for (const backend of lab.backends) {
    await backend.write(catalogue, '%PDF-1.7 '.padEnd(400_000, 'catalogue '));
    if (names.includes(backend.name)) {
      await backend.change(
        ['tc', 'qdisc', 'add', 'dev', device, 'root', 'tbf', 'rate', '128kbit', 'burst', '4kb', 'limit', '96kb'],
        ['tc', 'qdisc', 'del', 'dev', device, 'root'],
      );
    }
  }
  await lab.traffic({ from: 'client-b', path: '/media/catalogue.pdf', workers: 10 + 10 * names.length, pauseMs: 200 });
}

export const bandwidthSaturatedFault: Fault = {
  cause: 'bandwidth-saturated',
  variants: [
    // HAProxy's health check fails over a full link, and then nobody is sent there any more.
    {
      name: 'link-one',
      title: 'the link of one backend to the balancer is full',
      balancers: ['nginx'],
      layers: [7],
      host: 'web-2',
      inject: (lab) => cap(lab, ['web-2']),
    },
    {
      name: 'link-all',
      title: 'the link of every backend to the balancer is full',
      balancers: ['nginx'],
      layers: [7],
      host: null,
      inject: (lab) =>
        cap(
          lab,
          lab.backends.map(({ name }) => name),
        ),
    },
    { name: 'way-out-one', title: 'the way out of one backend is full', layers: [4], host: 'web-2', inject: (lab) => cap(lab, ['web-2']) },
  ],
};
