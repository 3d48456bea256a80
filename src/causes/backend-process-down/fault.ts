// The web server of backends, stopped by its operator or killed as the kernel would. Behind HAProxy a single dead backend is taken out by its
// checks before anyone notices; behind open-source nginx, which has none, a share of the requests fails.
import type { Fault, Lab } from '../../model/fault.ts';

async function each(lab: Lab, names: readonly string[], action: 'stop' | 'kill'): Promise<void> {
  for (const name of names) await lab.host(name).service('nginx', action);
}
async function all(lab: Lab, action: 'stop' | 'kill'): Promise<void> {
  await each(
    lab,
    lab.backends.map(({ name }) => name),
    action,
  );
  await lab.balancerSees('down');
}

export const backendProcessDownFault: Fault = {
  cause: 'backend-process-down',
  variants: [
    { name: 'all', title: 'the web server of every backend stopped', host: null, inject: (lab) => all(lab, 'stop') },
    {
      name: 'one',
      title: 'the web server of one backend stopped',
      host: 'web-2',
      balancers: ['nginx'],
      inject: (lab) => each(lab, ['web-2'], 'stop'),
    },
    {
      name: 'killed',
      title: 'the web server of one backend killed',
      host: 'web-1',
      balancers: ['nginx'],
      inject: (lab) => each(lab, ['web-1'], 'kill'),
    },
    {
      name: 'all-killed',
      title: 'the web server of every backend killed',
      host: null,
      balancers: ['haproxy'],
      inject: (lab) => all(lab, 'kill'),
    },
  ],
};
