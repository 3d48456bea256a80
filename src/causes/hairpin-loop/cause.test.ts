import { describe, expect, it } from 'vitest';

import { accessLine, balancerLine, findingsOf, fpm, fpmPool, logLines, nginxConfig } from '../../engine/testing/scenes.ts';
import type { About, Made, Request } from '../../engine/testing/scenes.ts';
import type { AccessLine, Connections } from '../../model/observations.ts';
import { hairpinLoop } from './cause.ts';

const late: Request = { n: 1, status: 504, ms: 10_000 };
const gaveUp = balancerLine(1, 504, 'app-1', { connectMs: 1, headerMs: null, responseMs: 10_000 });

/** Connections of a host: `STATE remote:port count process`. */
function connections(...all: readonly string[]): Connections {
  const groups = all.map((text) => {
    const [state = '', to = '', count = '', process] = text.split(' ');
    const colon = to.lastIndexOf(':');
    return {
      state,
      local: '10.9.0.1',
      localPort: null,
      remote: to.slice(0, colon),
      remotePort: Number(to.slice(colon + 1)),
      count: Number(count),
      processes: process === undefined ? [] : [process],
    };
  });
  return { groups, total: groups.length };
}
/** A request of nobody's mark that the balancer logged. */
const nested = (client: string, path = '/cart', ours = true): AccessLine => ({ ...accessLine(null, 504, { ours }), client, path });
const lb = (...lines: readonly AccessLine[]): About => ({ logs: logLines([gaveUp, ...lines]) });
const app = (about: About): Made => ({ requests: [late], hosts: { lb: lb(), 'app-1': about } });
const database = connections('ESTAB 10.9.0.50:5432 4 php-fpm');
const itself = connections('ESTAB 192.0.2.80:80 2 php-fpm');

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  {
    why: 'connections to the balancer, whose log has the same page asked for by this backend',
    made: { requests: [late], hosts: { lb: lb(nested('10.9.0.1')), 'app-1': { connections: itself } } },
    is: 'confirmed',
  },
  {
    why: 'every child of the pool waits for the site itself',
    made: app({ connections: connections('ESTAB 192.0.2.80:80 4 php-fpm'), fpm: fpm([fpmPool({ maxChildren: 4 })]) }),
    is: 'confirmed',
  },
  { why: 'some connections to the balancer', made: app({ connections: itself, fpm: fpm([fpmPool({ maxChildren: 4 })]) }), is: 'likely' },
  {
    why: 'this backend asked for another page',
    made: { requests: [late], hosts: { lb: lb(nested('10.9.0.1', '/rates')), 'app-1': { connections: itself } } },
    is: 'likely',
  },
  {
    why: 'it asked long ago',
    made: { requests: [late], hosts: { lb: lb(nested('10.9.0.1', '/cart', false)), 'app-1': { connections: itself } } },
    is: 'likely',
  },
  { why: 'connections to a database only', made: app({ connections: database }), is: 'ruled-out' },
  {
    why: 'a connection to another port of the balancer',
    made: app({ connections: connections('ESTAB 192.0.2.80:9100 2 exporter') }),
    is: 'ruled-out',
  },
  { why: 'connections that are over', made: app({ connections: connections('TIME-WAIT 192.0.2.80:80 40') }), is: 'ruled-out' },
  { why: 'only our own tool asks the balancer', made: app({ connections: connections('ESTAB 192.0.2.80:80 1 curl') }), is: 'ruled-out' },
  {
    why: 'calls to itself, and nothing fails',
    made: { requests: [{ n: 1, status: 200, ms: 9 }], hosts: { lb: lb(), 'app-1': { connections: itself } } },
    is: 'advice',
  },
];

describe('hairpin-loop', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(hairpinLoop, made)['app-1'];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(finding).toMatchObject({ explains: ['s1'] });
  });

  const pass = (client: string): AccessLine => ({
    ...balancerLine(1, 502, 'app-1', { connectMs: 1, headerMs: null, responseMs: 4 }),
    client,
  });
  const circle = nginxConfig('http { upstream app { server 192.0.2.80:80; } server { listen 80; location / { proxy_pass http://app; } } }');

  it('convicts a balancer that one request passed again and again', () => {
    const findings = findingsOf(hairpinLoop, {
      requests: [{ n: 1, status: 502, ms: 9 }],
      hosts: { lb: { logs: logLines([pass('192.0.2.1'), pass('192.0.2.80'), pass('192.0.2.80')]), 'nginx-config': circle } },
    });
    expect(findings).toMatchObject({ lb: { is: 'confirmed', layer: 'balancer', explains: ['s1'], facts: { target: '192.0.2.80:80' } } });
  });

  it.for([
    { why: 'two lines, as after a second try', lines: [pass('192.0.2.1'), pass('192.0.2.80')] },
    { why: 'three lines of one client', lines: [pass('192.0.2.1'), pass('192.0.2.1'), pass('192.0.2.1')] },
  ])('does not convict it for $why', ({ lines }) => {
    const findings = findingsOf(hairpinLoop, {
      requests: [{ n: 1, status: 502, ms: 9 }],
      hosts: { lb: { logs: logLines(lines), 'nginx-config': circle } },
    });
    expect(Object.values(findings).map(({ is }) => is)).not.toContain('confirmed');
  });
});
