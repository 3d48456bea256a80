// A pool that ends requests well before the balancer would give up, and a page that needs longer than that but less than the balancer allows.
import type { Fault, Lab } from '../../model/fault.ts';

async function limit(lab: Lab, names: readonly string[]): Promise<void> {
  const { readTimeoutMs, paths } = lab.facts;
  // php-fpm takes whole seconds and is late by up to a third.
  const seconds = Math.max(1, Math.floor(readTimeoutMs / 3000));
  for (const name of names) {
    const backend = lab.host(name);
    await backend.edit(paths.fpmPool, /^pm = .*$/m, `request_terminate_timeout = ${seconds}s\npm = dynamic`);
    await backend.service('php-fpm', 'restart');
  }
  await lab.siteUses({ path: `/api/report?seconds=${((readTimeoutMs * 0.55) / 1000).toFixed(2)}` });
}

export const fpmTerminateTimeoutFault: Fault = {
  cause: 'fpm-terminate-timeout',
  variants: [
    {
      name: 'all',
      title: 'request_terminate_timeout below what the page needs, on every backend',
      host: null,
      inject: (lab) =>
        limit(
          lab,
          lab.backends.map(({ name }) => name),
        ),
    },
    { name: 'one', title: 'the same on one backend', host: 'web-2', inject: (lab) => limit(lab, ['web-2']) },
  ],
};
