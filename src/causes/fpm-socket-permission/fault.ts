// A pool that keeps its socket to itself, as after a hardening script, and a run directory that the web server may not enter.
import type { Fault, Lab } from '../../model/fault.ts';

async function keepToItself(lab: Lab, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const backend = lab.host(name);
    await backend.edit(lab.facts.paths.fpmPool, /^listen\.owner = .*$/m, 'listen.owner = root');
    await backend.edit(lab.facts.paths.fpmPool, /^listen\.group = .*$/m, 'listen.group = root');
    await backend.service('php-fpm', 'restart');
  }
}

export const fpmSocketPermissionFault: Fault = {
  cause: 'fpm-socket-permission',
  variants: [
    { name: 'one', title: 'the socket of one backend belongs to root', host: 'web-2', inject: (lab) => keepToItself(lab, ['web-2']) },
    {
      name: 'all',
      title: 'the socket of every backend belongs to root',
      host: null,
      inject: (lab) =>
        keepToItself(
          lab,
          lab.backends.map(({ name }) => name),
        ),
    },
    {
      name: 'directory',
      title: 'the directory of the socket is closed on one backend',
      host: 'web-1',
      async inject(lab) {
        const directory = lab.facts.paths.fpmSocket.replace(/\/[^/]*$/, '');
        const backend = lab.host('web-1');
        const [mode = '755', owner = '0:0'] = (await backend.run(['stat', '-c', '%a %u:%g', directory])).trim().split(' ');
        await backend.change(['chown', '0:0', directory], ['chown', owner, directory]);
        await backend.change(['chmod', '0700', directory], ['chmod', mode, directory]);
      },
    },
  ],
};
