// A page that waits for something else (without using CPU) longer than a hop allows: longer than all of them, longer than the balancer alone, or
// longer than the backend's own web server, whose limit was set too low.
import type { Fault, Lab } from '../../model/fault.ts';

function report(ms: number): string {
  return `/api/report?seconds=${(ms / 1000).toFixed(2)}`;
}

/** A web server that gives up at a third of what the balancer would allow. */
async function impatient(lab: Lab, names: readonly string[]): Promise<void> {
  const { paths, readTimeoutMs } = lab.facts;
  for (const name of names) {
    const backend = lab.host(name);
    await backend.edit(paths.nginxSite, /fastcgi_read_timeout [^;]+;/, `fastcgi_read_timeout ${Math.round(readTimeoutMs / 3)}ms;`);
    await backend.service('nginx', 'reload');
  }
  await lab.siteUses({ path: report(readTimeoutMs * 0.55) });
}

export const upstreamReadTimeoutFault: Fault = {
  cause: 'upstream-read-timeout',
  variants: [
    {
      name: 'all',
      title: 'a page that needs longer than any hop allows',
      host: null,
      inject: (lab) => lab.siteUses({ path: report(lab.facts.fastcgiReadTimeoutMs * 1.15) }),
    },
    {
      name: 'one',
      title: 'the page is slow on one backend only',
      host: 'web-2',
      async inject(lab) {
        const backend = lab.host('web-2');
        await backend.edit(
          `${lab.facts.paths.webRoot}/api/orders.php`,
          '<?php',
          `<?php\nusleep(${Math.round(lab.facts.fastcgiReadTimeoutMs * 1150)});`,
        );
        // Compiled scripts are looked at again only every two seconds.
        await backend.service('php-fpm', 'restart');
      },
    },
    {
      name: 'balancer',
      title: 'a page that needs longer than the balancer allows, but not the backend',
      layers: [7],
      host: null,
      inject: (lab) => lab.siteUses({ path: report((lab.facts.readTimeoutMs + lab.facts.fastcgiReadTimeoutMs) / 2) }),
    },
    {
      name: 'web-server-one',
      title: 'fastcgi_read_timeout of one backend is shorter than the page needs',
      host: 'web-2',
      inject: (lab) => impatient(lab, ['web-2']),
    },
    {
      name: 'web-server-all',
      title: 'fastcgi_read_timeout of every backend is shorter than the page needs',
      host: null,
      inject: (lab) =>
        impatient(
          lab,
          lab.backends.map(({ name }) => name),
        ),
    },
  ],
};
