// Health checks that no browser would send: HAProxy's default method, no Host header where the web server has a catch-all that hangs up, and a name
// that only the inside knows.
import type { Fault, Lab } from '../../model/fault.ts';

/** Every backend gets a default server for unknown names beside the shop. */
async function catchAll(lab: Lab, answer: string): Promise<void> {
  for (const backend of lab.backends) {
    const { nginxSite } = lab.facts.paths;
    await backend.edit(nginxSite, 'listen 80 default_server;', 'listen 80;');
    await backend.edit(
      nginxSite,
      /^server \{/,
      `server {\n  listen 80 default_server;\n  server_name _;\n  return ${answer};\n}\n\nserver {`,
    );
    await backend.service('nginx', 'reload');
  }
}

async function ask(lab: Lab, from: string | RegExp, to: string, healthCheck: Readonly<Record<string, unknown>>): Promise<void> {
  await lab.slb.edit(lab.facts.paths.haproxyConfig, from, to);
  await lab.siteUses({ healthCheck });
  await lab.slb.service('haproxy', 'reload');
  await lab.balancerSees('down');
}

export const healthCheckWrongHostOrMethodFault: Fault = {
  cause: 'health-check-wrong-host-or-method',
  variants: [
    {
      name: 'method',
      title: 'the check uses OPTIONS, and the backends answer 405',
      host: 'slb',
      balancers: ['haproxy'],
      layers: [7],
      inject: (lab) => ask(lab, 'option httpchk GET /health.html', 'option httpchk OPTIONS /health.html', { method: 'OPTIONS' }),
    },
    {
      name: 'no-host',
      title: 'the check sends no Host header, and the backends hang up on strangers',
      host: 'slb',
      balancers: ['haproxy'],
      layers: [7],
      async inject(lab) {
        await catchAll(lab, '444');
        await ask(lab, /^ *http-check send hdr Host .*\n/m, '', { host: null });
      },
    },
    {
      name: 'wrong-host',
      title: 'the check sends another site’s name',
      host: 'slb',
      balancers: ['haproxy'],
      layers: [7],
      async inject(lab) {
        await catchAll(lab, '421');
        await ask(lab, /http-check send hdr Host \S+/, 'http-check send hdr Host backend.internal', { host: 'backend.internal' });
      },
    },
  ],
};
