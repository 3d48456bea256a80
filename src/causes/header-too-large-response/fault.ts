// A page whose response header is larger than a buffer on its way: that of the backend's own nginx, or that of the balancer.
import type { Fault, Lab } from '../../model/fault.ts';

async function fastcgiBuffers(lab: Lab, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const backend = lab.host(name);
    await backend.edit(
      lab.facts.paths.nginxSite,
      /fastcgi_read_timeout/,
      'fastcgi_buffer_size 64k;\n    fastcgi_buffers 8 64k;\n    fastcgi_busy_buffers_size 128k;\n    fastcgi_read_timeout',
    );
    await backend.service('nginx', 'reload');
  }
}

async function proxyBuffers(lab: Lab): Promise<void> {
  if (lab.balancer !== 'nginx' || lab.layer === 4) return;
  await lab.slb.edit(
    lab.facts.paths.nginxSite,
    'proxy_next_upstream',
    'proxy_buffer_size 64k;\n    proxy_buffers 8 64k;\n    proxy_busy_buffers_size 128k;\n    proxy_next_upstream',
  );
  await lab.slb.service('nginx', 'reload');
}

export const headerTooLargeResponseFault: Fault = {
  cause: 'header-too-large-response',
  variants: [
    {
      name: 'balancer',
      title: 'response headers that fit the backends and not the balancer',
      layers: [7],
      host: 'slb',
      async inject(lab) {
        await fastcgiBuffers(
          lab,
          lab.backends.map(({ name }) => name),
        );
        await lab.siteUses({ path: `/api/profile?bytes=${lab.balancer === 'nginx' ? 6000 : 20_000}` });
      },
    },
    {
      name: 'backend-all',
      title: 'response headers larger than the FastCGI buffer of every backend',
      host: null,
      layer: 'web-server',
      inject: (lab) => lab.siteUses({ path: '/api/profile?bytes=9000' }),
    },
    {
      name: 'backend-one',
      title: 'response headers larger than the FastCGI buffer of one backend',
      host: 'web-3',
      layer: 'web-server',
      async inject(lab) {
        await proxyBuffers(lab);
        await fastcgiBuffers(
          lab,
          lab.backends.map(({ name }) => name).filter((name) => name !== 'web-3'),
        );
        await lab.siteUses({ path: '/api/profile?bytes=9000' });
      },
    },
  ],
};
