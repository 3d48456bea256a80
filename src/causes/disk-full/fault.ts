// A small file system over a directory that requests really need, filled to the last byte: nginx's directory for request bodies, and the
// directory of PHP's sessions.
import type { Fault, Lab, LabHost } from '../../model/fault.ts';

const bodies = '/var/lib/nginx/body';
const sessions = '/var/lib/php/sessions';

async function fill(host: LabHost, directory: string): Promise<void> {
  await host.smallTmpfs(directory, 256 * 1024);
  // dd ends with an error once nothing fits any more: that is the point.
  await host.run(['dd', 'if=/dev/zero', `of=${directory}/core.1021`, 'bs=4k'], { allowFailure: true });
}

/** Uploads of 60 kB: nginx keeps the body of each in a file. */
async function upload(lab: Lab, hosts: readonly LabHost[]): Promise<void> {
  for (const host of hosts) await fill(host, bodies);
  await lab.siteUses({ path: '/api/upload', method: 'POST', bodyBytes: 60_000 });
}

export const diskFullFault: Fault = {
  cause: 'disk-full',
  variants: [
    {
      name: 'bodies-one',
      title: 'no space for request bodies on one backend',
      host: 'web-2',
      inject: (lab) => upload(lab, [lab.host('web-2')]),
    },
    { name: 'bodies-all', title: 'no space for request bodies on every backend', host: null, inject: (lab) => upload(lab, lab.backends) },
    {
      name: 'bodies-balancer',
      title: 'no space for request bodies on the balancer',
      balancers: ['nginx'],
      layers: [7],
      host: 'slb',
      inject: (lab) => upload(lab, [lab.slb]),
    },
    {
      name: 'sessions-one',
      title: 'no space for sessions on one backend, and a page that insists on one',
      host: 'web-3',
      async inject(lab) {
        for (const backend of lab.backends) {
          const page = `${lab.facts.paths.webRoot}/api/profile.php`;
          // As frameworks do: a warning becomes an exception.
          const strict = 'set_error_handler(fn (int $level, string $message) => throw new RuntimeException($message));';
          await backend.edit(
            page,
            '<?php',
            `<?php\n${strict}\nsession_start();\n$_SESSION['cart'] = str_repeat('item', 40);\nsession_write_close();`,
          );
          // Compiled scripts are looked at again only every two seconds.
          await backend.service('php-fpm', 'restart');
        }
        await fill(lab.host('web-3'), sessions);
        await lab.siteUses({ path: '/api/profile' });
      },
    },
  ],
};
