// A health check that asks for a page which the backends do not have, keep behind a login, or answer with a code that the balancer does not count.
import type { Fault, Lab } from '../../model/fault.ts';

/** Changes what HAProxy asks and, where given, what every backend answers there; the site file says the same. */
async function check(lab: Lab, path: string, options: { readonly expect?: string; readonly location?: string }): Promise<void> {
  const { location, expect } = options;
  if (location !== undefined) {
    for (const backend of lab.backends) {
      await backend.edit(lab.facts.paths.nginxSite, '  location / {', `  location = ${path} {\n    ${location}\n  }\n  location / {`);
      await backend.service('nginx', 'reload');
    }
  }
  await lab.slb.edit(lab.facts.paths.haproxyConfig, /option httpchk GET \S+/, `option httpchk GET ${path}`);
  if (expect !== undefined)
    await lab.slb.edit(lab.facts.paths.haproxyConfig, /http-check expect status \S+/, `http-check expect status ${expect}`);
  await lab.siteUses({ healthCheck: { path, ...(expect === undefined ? {} : { expect }) } });
  await lab.slb.service('haproxy', 'reload');
  await lab.balancerSees('down');
}

export const healthCheckWrongStatusFault: Fault = {
  cause: 'health-check-wrong-status',
  variants: [
    {
      name: 'not-found',
      title: 'the check asks for a page that is gone',
      host: 'slb',
      balancers: ['haproxy'],
      layers: [7],
      inject: (lab) => check(lab, '/healthz', {}),
    },
    {
      name: 'login',
      title: 'the check’s page wants a login',
      host: 'slb',
      balancers: ['haproxy'],
      layers: [7],
      inject: (lab) => check(lab, '/status', { location: 'return 401;' }),
    },
    {
      name: 'narrow',
      title: 'only 200 counts, and the check’s page answers 204',
      host: 'slb',
      balancers: ['haproxy'],
      layers: [7],
      inject: (lab) => check(lab, '/ready', { location: 'return 204;', expect: '200' }),
    },
  ],
};
