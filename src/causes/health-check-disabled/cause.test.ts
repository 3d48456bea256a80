import { describe, expect, it } from 'vitest';

import { accessLine, findingsOf, haproxyConfig, haproxyLine, haproxyServer, logLines } from '../../engine/testing/scenes.ts';
import type { Made, Request } from '../../engine/testing/scenes.ts';
import type { Listeners } from '../../model/observations.ts';
import { healthCheckDisabled } from './cause.ts';

const config = (servers: string): string => `frontend f
  bind :80
  default_backend app
backend app
${servers}
`;
const one = '  server app-1 10.9.0.1:8000';
const two = '  server app-2 10.9.0.2:8000';
const stat = {
  from: '/run/lb.sock',
  frontends: [],
  servers: [
    haproxyServer({ server: 'app-1', status: 'no check', checkStatus: null }),
    haproxyServer({ server: 'app-2', address: '10.9.0.2:8000', status: 'no check', checkStatus: null }),
  ],
};

function listening(...ports: readonly number[]): { readonly listeners: Listeners } {
  return {
    listeners: {
      tcp: ports.map((port) => ({
        address: '0.0.0.0',
        port,
        queue: { now: 0, delta: 0 },
        limit: 128,
        pid: 3,
        process: port === 22 ? 'sshd' : 'node',
      })),
      unix: [],
      source: 'ss',
    },
  };
}
const dead = listening(22);
const alive = listening(22, 8000);
const refused = (n: number): Request => ({ n, status: null, ms: 1, error: 'refused', failedPhase: 'connect' });
const well = (n: number): Request => ({ n, status: 200, ms: 9 });

function made(
  options: {
    readonly servers?: string;
    readonly first?: typeof dead;
    readonly second?: typeof dead;
    readonly server?: string;
  } & Partial<Made>,
): Made {
  const { servers = `${one}\n${two}`, first = dead, second = alive, server = 'app-1', ...rest } = options;
  return {
    requests: [{ n: 1, status: 503, ms: 3000 }, well(2)],
    direct: { 'app-1': [first === dead ? refused(3) : well(3)], 'app-2': [second === dead ? refused(4) : well(4)] },
    balancer: { kind: 'haproxy' },
    hosts: {
      lb: { 'haproxy-config': haproxyConfig(config(servers)), 'haproxy-stat': stat, logs: logLines([haproxyLine(1, 503, server, 'SC--')]) },
      'app-1': first,
      'app-2': { ...second, logs: logLines([accessLine(2, 200)]) },
    },
    ...rest,
  };
}
/** A balancer that nobody can look into. */
function managed(healthCheck: false | undefined, options: Partial<Made> = {}): Made {
  const listener = { port: 80, protocol: 'http', ...(healthCheck === undefined ? {} : { healthCheck }) } as const;
  return made({ balancer: { kind: 'alibaba-clb', listeners: [listener] }, hosts: { 'app-1': dead, 'app-2': alive }, ...options });
}

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
}
const cases: readonly Case[] = [
  { why: 'no server is checked, one is dead', made: made({}), is: 'confirmed' },
  { why: 'the dead server alone is not checked', made: made({ servers: `${one}\n${two} check` }), is: 'confirmed' },
  { why: 'a managed balancer whose check is switched off', made: managed(false), is: 'likely' },
  { why: 'a managed balancer that nobody says anything of', made: managed(undefined), is: 'inconclusive' },
  {
    why: 'every server is checked',
    made: made({ servers: '  default-server check\n  server app-1 10.9.0.1:8000\n  server app-2 10.9.0.2:8000' }),
    is: 'ruled-out',
  },
  { why: 'the dead server is checked, the other is not', made: made({ servers: `${one} check\n${two}` }), is: 'advice' },
  { why: 'every server is dead: no check could help', made: made({ second: dead }), is: 'advice' },
  { why: 'no server is dead', made: made({ first: alive }), is: 'advice' },
  { why: 'the failures are those of the living server', made: made({ server: 'app-2' }), is: 'not-applicable' },
  {
    why: 'switched off, but the failures are not refused connections',
    made: managed(false, { requests: [{ n: 1, status: 500, ms: 9 }] }),
    is: 'not-applicable',
  },
  { why: 'nginx has no checks', made: managed(false, { balancer: { kind: 'nginx' } }), is: 'not-applicable' },
];

describe('health-check-disabled', () => {
  it.for(cases)('$is: $why', ({ made, is }) => {
    const finding = findingsOf(healthCheckDisabled, made)['lb'];
    expect(finding?.is).toBe(is);
    if (is === 'confirmed' || is === 'likely') expect(finding).toMatchObject({ explains: ['s1'], facts: { dead: ['app-1'] } });
  });
});
