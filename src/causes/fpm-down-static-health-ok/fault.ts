// php-fpm stopped by its operator, or killed as the kernel would: then a stale socket file stays behind. Static pages work all the time.
import type { Fault, FaultVariant, Lab } from '../../model/fault.ts';

async function each(lab: Lab, names: readonly string[], action: 'stop' | 'kill'): Promise<void> {
  for (const name of names) await lab.host(name).service('php-fpm', action);
}

function variant(name: string, title: string, host: string | null, inject: FaultVariant['inject']): FaultVariant {
  return { name, title, host, inject };
}

export const fpmDownStaticHealthOkFault: Fault = {
  cause: 'fpm-down-static-health-ok',
  variants: [
    variant('one', 'php-fpm stopped on one backend', 'web-2', (lab) => each(lab, ['web-2'], 'stop')),
    variant('all', 'php-fpm stopped on every backend', null, (lab) =>
      each(
        lab,
        lab.backends.map(({ name }) => name),
        'stop',
      ),
    ),
    variant('killed', 'php-fpm killed on one backend, its socket file left behind', 'web-1', (lab) => each(lab, ['web-1'], 'kill')),
  ],
};
