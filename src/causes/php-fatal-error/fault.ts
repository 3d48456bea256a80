// A release with a mistake in it: a function that only the developer's machine had, and a file that was cut off in the middle.
import type { Fault, Lab } from '../../model/fault.ts';

async function deploy(lab: Lab, names: readonly string[], from: string | RegExp, to: string): Promise<void> {
  for (const name of names) {
    const backend = lab.host(name);
    await backend.edit(`${lab.facts.paths.webRoot}/api/orders.php`, from, to);
    // The opcode cache would serve the old file for some seconds more.
    await backend.service('php-fpm', 'restart');
  }
}

const all = (lab: Lab): readonly string[] => lab.backends.map(({ name }) => name);

export const phpFatalErrorFault: Fault = {
  cause: 'php-fatal-error',
  variants: [
    {
      name: 'undefined-function',
      title: 'one backend has a release that calls a function it does not have',
      host: 'web-2',
      inject: (lab) => deploy(lab, ['web-2'], "header('Content-Type", "order_totals($digest);\nheader('Content-Type"),
    },
    {
      name: 'parse-error',
      title: 'every backend has a release that does not parse',
      host: null,
      inject: (lab) => deploy(lab, all(lab), 'echo json_encode(', 'echo json_encode(('),
    },
    {
      name: 'missing-class',
      title: 'every backend has a release without one of its classes',
      host: null,
      inject: (lab) => deploy(lab, all(lab), "header('Content-Type", "(new OrderList($digest))->load();\nheader('Content-Type"),
    },
  ],
};
