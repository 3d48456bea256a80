// nginx still names the socket of an older PHP, and a pool that was moved to TCP without telling nginx.
import type { Fault, Lab } from '../../model/fault.ts';

async function olderSocket(lab: Lab, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const backend = lab.host(name);
    await backend.edit(
      lab.facts.paths.nginxSite,
      `fastcgi_pass unix:${lab.facts.paths.fpmSocket};`,
      'fastcgi_pass unix:/run/php/php7.4-fpm.sock;',
    );
    await backend.service('nginx', 'reload');
  }
}

export const fpmSocketPathMismatchFault: Fault = {
  cause: 'fpm-socket-path-mismatch',
  variants: [
    {
      name: 'one',
      title: 'nginx of one backend names the socket of an older PHP',
      host: 'web-2',
      inject: (lab) => olderSocket(lab, ['web-2']),
    },
    {
      name: 'all',
      title: 'nginx of every backend names the socket of an older PHP',
      host: null,
      inject: (lab) =>
        olderSocket(
          lab,
          lab.backends.map(({ name }) => name),
        ),
    },
    {
      name: 'pool-moved',
      title: 'the pool of one backend was moved to a TCP port, nginx was not told',
      host: 'web-1',
      async inject(lab) {
        const backend = lab.host('web-1');
        await backend.edit(lab.facts.paths.fpmPool, /^listen = .*$/m, 'listen = 127.0.0.1:9000');
        await backend.service('php-fpm', 'restart');
      },
    },
  ],
};
