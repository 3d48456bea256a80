// Two children for each pool, and slow requests of other users that keep them busy; once over a TCP socket, once with `pm = static`, which logs
// nothing about it.
import type { Fault, Lab, LabHost } from '../../model/fault.ts';

/** How long a child is held by one request of another user: no shorter than the balancer waits, so that the queue never empties. */
function heldSeconds(lab: Lab): number {
  return Math.max(20, Math.ceil(lab.facts.readTimeoutMs / 1000));
}

async function twoChildren(lab: Lab, backend: LabHost): Promise<void> {
  const { fpmPool } = lab.facts.paths;
  await backend.edit(fpmPool, /^pm\.max_children = .*$/m, 'pm.max_children = 2');
  await backend.edit(fpmPool, /^pm\.start_servers = .*$/m, 'pm.start_servers = 2');
  await backend.edit(fpmPool, /^pm\.max_spare_servers = .*$/m, 'pm.max_spare_servers = 2');
}

/** Enough of them at a time that some wait on every backend. */
async function slowRequests(lab: Lab, seconds: number): Promise<void> {
  await lab.traffic({ from: 'client-b', path: `/api/report?seconds=${seconds}`, workers: 6 * lab.backends.length });
}

async function exhaust(lab: Lab, change: (backend: LabHost) => Promise<void>): Promise<void> {
  for (const backend of lab.backends) {
    await twoChildren(lab, backend);
    await change(backend);
    await backend.service('php-fpm', 'restart');
  }
  await slowRequests(lab, heldSeconds(lab));
}

export const fpmMaxChildrenFault: Fault = {
  cause: 'fpm-max-children',
  variants: [
    {
      name: 'all',
      title: 'two children on every backend, and slow requests of other users',
      host: null,
      inject: (lab) => exhaust(lab, () => Promise.resolve()),
    },
    {
      name: 'one',
      title: 'two children on one backend, where another page hangs',
      host: 'web-2',
      async inject(lab) {
        const backend = lab.host('web-2');
        await twoChildren(lab, backend);
        await backend.edit(`${lab.facts.paths.webRoot}/api/report.php`, '<?php', `<?php\nsleep(${heldSeconds(lab)});`);
        await backend.service('php-fpm', 'restart');
        await slowRequests(lab, 0.05);
      },
    },
    {
      name: 'tcp',
      title: 'the same with a TCP socket',
      host: null,
      inject: (lab) =>
        exhaust(lab, async (backend) => {
          await backend.edit(lab.facts.paths.fpmPool, /^listen = .*$/m, 'listen = 127.0.0.1:9000');
          await backend.edit(lab.facts.paths.nginxSite, /fastcgi_pass [^;]+;/, 'fastcgi_pass 127.0.0.1:9000;');
          await backend.service('nginx', 'reload');
        }),
    },
    {
      name: 'static',
      title: 'the same with pm = static, of which php-fpm logs nothing',
      host: null,
      inject: (lab) => exhaust(lab, (backend) => backend.edit(lab.facts.paths.fpmPool, /^pm = .*$/m, 'pm = static')),
    },
  ],
};
