import { describe, expect, it } from 'vitest';

import {
  accessLine,
  appNginx,
  balancerLine,
  errorLine,
  findingsOf,
  fpm,
  fpmPool,
  hostFacts,
  logLines,
  nginxConfig,
  processes,
  unixListeners,
} from '../../engine/testing/scenes.ts';
import type { About, Made, Request } from '../../engine/testing/scenes.ts';
import { upstreamReadTimeout } from './cause.ts';

const socket = '/srv/run/app.sock';
const balancer = nginxConfig(
  'http { upstream app { server 10.9.0.1:8000; server 10.9.0.2:8000; } server { listen 80; location / { proxy_pass http://app; proxy_read_timeout 10s; } } }',
);
const gaveUp = { connectMs: 0, headerMs: null, responseMs: 10_000 };
const quickStatic: Request = { n: 20, status: 200, ms: 2, purpose: 'bypass-balancer-static' };

interface Parts {
  readonly requests?: readonly Request[];
  readonly direct?: readonly Request[];
  readonly lb?: About;
  readonly app?: About;
}
/** The page takes 12 s, the balancer waits 10 s, the backend's nginx 20 s, nothing queues; `parts` replace that. */
function made({
  requests = [{ n: 1, status: 504, ms: 10_000 }],
  direct = [{ n: 2, status: 200, ms: 12_000 }, quickStatic],
  lb = {},
  app = {},
}: Parts = {}): Made {
  return {
    requests,
    direct: { 'app-1': direct },
    hosts: {
      lb: { 'nginx-config': balancer, logs: logLines([balancerLine(1, 504, 'app-1', gaveUp)]), ...lb },
      'app-1': {
        'nginx-config': appNginx('unix:/srv/run/app.sock', 'fastcgi_read_timeout 20s;'),
        fpm: fpm(),
        listeners: unixListeners(socket),
        logs: logLines([accessLine(1, 499)]),
        'host-facts': hostFacts(2),
        processes: processes(1),
        ...app,
      },
    },
  };
}

const cases: readonly { readonly why: string; readonly made: Made; readonly is: string }[] = [
  { why: 'the balancer gives up, the page comes when asked past it', made: made(), is: 'confirmed' },
  {
    why: 'the page is slower than the backend’s own limit, too',
    made: made({ direct: [{ n: 2, status: 504, ms: 20_000 }, quickStatic] }),
    is: 'confirmed',
  },
  {
    why: 'without access to the balancer: the backend’s log has our request as given up',
    made: { ...made(), hosts: { 'app-1': made().hosts?.['app-1'] ?? {} } },
    is: 'confirmed',
  },
  {
    why: 'the backend’s own web server gives up first',
    made: made({
      requests: [{ n: 1, status: 504, ms: 5_000 }],
      direct: [{ n: 2, status: 504, ms: 5_000 }, quickStatic],
      lb: { logs: logLines([balancerLine(1, 504, 'app-1', { connectMs: 0, headerMs: 5_000, responseMs: 5_000 })]) },
      app: {
        'nginx-config': appNginx('unix:/srv/run/app.sock', 'fastcgi_read_timeout 5s;'),
        logs: logLines([accessLine(1, 504)], [errorLine('read-timeout')]),
      },
    }),
    is: 'confirmed',
  },
  {
    why: 'requests waited for a child before ours: not the page',
    made: made({ app: { listeners: unixListeners(socket, 3, 4) } }),
    is: 'likely',
  },
  { why: 'no child took any of ours', made: made({ app: { listeners: unixListeners(socket, 0, 2) } }), is: 'likely' },
  { why: 'the host’s own processes used up its CPUs', made: made({ app: { processes: processes(19.5) } }), is: 'likely' },
  {
    why: 'static pages are slow as well',
    made: made({
      direct: [
        { n: 2, status: 200, ms: 12_000 },
        { ...quickStatic, ms: 9_000 },
      ],
    }),
    is: 'likely',
  },
  { why: 'no log shows who gave up', made: { ...made(), hosts: {} }, is: 'likely' },
  {
    why: 'one of ours was quick and our own number filled the pool',
    made: made({
      requests: [
        { n: 1, status: 504, ms: 10_000 },
        { n: 3, status: 200, ms: 4_000 },
      ],
      app: {
        fpm: fpm([fpmPool({ maxChildren: 1, children: 1 })]),
        listeners: unixListeners(socket, 0, 1),
        logs: logLines([accessLine(1, 499), accessLine(3, 200)]),
      },
    }),
    is: 'inconclusive',
  },
  {
    why: 'the same, but alone it was late as well',
    made: made({
      requests: [
        { n: 1, status: 504, ms: 10_000 },
        { n: 3, status: 200, ms: 4_000 },
        { n: 4, status: 504, ms: 10_000, purpose: 'experiment' },
      ],
      app: {
        fpm: fpm([fpmPool({ maxChildren: 1, children: 1 })]),
        listeners: unixListeners(socket, 0, 1),
        logs: logLines([accessLine(1, 499), accessLine(3, 200)]),
      },
    }),
    is: 'likely',
  },
  {
    why: 'asked directly, the page is quick',
    made: made({ direct: [{ n: 2, status: 200, ms: 30 }, quickStatic], lb: { logs: logLines([]) } }),
    is: 'ruled-out',
  },
  {
    why: 'the balancer never got a connection',
    made: made({
      lb: { logs: logLines([balancerLine(1, 504, 'app-1', { connectMs: null, headerMs: null, responseMs: 5_000 })]) },
      app: { logs: logLines([]) },
    }),
    is: 'ruled-out',
  },
  {
    why: 'late when asked directly, but it served no failing request',
    made: made({ requests: [{ n: 1, status: 200, ms: 20 }], direct: [{ n: 2, status: 504, ms: 20_000 }] }),
    is: 'inconclusive',
  },
  { why: '502 is not a timeout', made: made({ requests: [{ n: 1, status: 502, ms: 10_000 }] }), is: 'ruled-out' },
  {
    why: 'a healthy but slow page',
    made: made({ requests: [{ n: 1, status: 200, ms: 9_000 }], direct: [{ n: 2, status: 200, ms: 9_000 }] }),
    is: 'ruled-out',
  },
];

describe('upstream-read-timeout', () => {
  it.for(cases)('$is: $why', ({ made: scene, is }) => {
    const finding = findingsOf(upstreamReadTimeout, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (finding?.is === 'confirmed') expect(finding.explains).toEqual(['s1']);
  });

  it('names the layer of whoever gave up', () => {
    expect(findingsOf(upstreamReadTimeout, made())['app-1']).toMatchObject({
      layer: 'app-runtime',
      facts: { where: 'balancer', limitMs: 10_000, setting: 'proxy_read_timeout', neededMs: 12_000 },
    });
    const backend = cases.find((each) => each.why.includes('own web server'))?.made ?? {};
    expect(findingsOf(upstreamReadTimeout, backend)['app-1']).toMatchObject({
      layer: 'web-server',
      facts: { where: 'web-server', limitMs: 5_000, setting: 'fastcgi_read_timeout', otherMs: 10_000 },
    });
  });
});
