// A site that our own lab knows nothing of, broken in the ways that operators meet: the right cause on the right host, or an honest "not proven" with
// the right layer. A wrong cause is an error even where it is only likely.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { oldNoise, otherSite } from './other-site.ts';
import type { OtherAccess, OtherKind, OtherReport, OtherSite } from './other-site.ts';

/**
 * `id@host`, or `id` where it sits on several hosts; `certainty` null where our own requests may fill the small pool, so that the proof depends
 * on the speed of the machine. Or the layer of an honest "not proven"; or health, with advice or none.
 */
type Expected =
  | { readonly cause: string; readonly certainty?: 'likely' | null }
  | { readonly unproven: string | null }
  | { readonly healthy: readonly string[] };

interface Case {
  readonly name: string;
  readonly breaks: string;
  /** In this order, so that what a run leaves behind is there for the next. */
  readonly expect: { readonly [Access in OtherAccess]?: Expected };
}

const site = '/run/acme';
const drop = (host: 'in1' | 'in2'): string =>
  `${host} nft add table inet f; ${host} nft add chain inet f i '{ type filter hook input priority 0 ; }'; ${host} nft add rule inet f i ip saddr 10.9.8.0/24 tcp dport 8080 drop`;
const flag = (name: string, ...hosts: readonly string[]): string => `touch ${hosts.map((host) => `${site}/${host}/${name}`).join(' ')}`;
/** Time that HAProxy's checks need to take a server out. */
const checks = 'sleep 4.5';

const cases: Readonly<Record<OtherKind, readonly Case[]>> = {
  nginx: [
    { name: 'all is well, and the logs are full of old errors', breaks: oldNoise, expect: { full: { healthy: [] }, url: { healthy: [] } } },
    {
      name: 'one backend drops, and nginx tries the other',
      breaks: drop('in1'),
      expect: { full: { healthy: ['firewall-drops-lb-range@blue'] } },
    },
    {
      name: 'both backends reject',
      breaks: 'each iptables -A INPUT -s 10.9.8.10 -p tcp --dport 8080 -j REJECT',
      expect: {
        full: { cause: 'firewall-rejects-lb-range' },
        backends: { cause: 'firewall-rejects-lb-range', certainty: 'likely' },
        url: { unproven: null },
      },
    },
    {
      name: 'the page is slow',
      breaks: flag('slow', 'app1', 'app2'),
      expect: { full: { cause: 'upstream-read-timeout', certainty: null } },
    },
    { name: 'PHP dies on one backend', breaks: flag('fatal', 'app2'), expect: { full: { cause: 'php-fatal-error@green' } } },
    {
      name: 'php-fpm is down on both',
      breaks: `end ${site}/app1/fpm.pid; end ${site}/app2/fpm.pid`,
      expect: { full: { cause: 'fpm-down-static-health-ok' } },
    },
    {
      name: 'nginx calls php-fpm on a wrong port',
      breaks: `sed -i s/127.0.0.1:9000/127.0.0.1:9001/ ${site}/app2/nginx.conf; in2 nginx -c ${site}/app2/nginx.conf -s reload; sleep 0.5`,
      expect: { full: { cause: 'fpm-socket-path-mismatch@green' } },
    },
    {
      name: 'other users fill the pool',
      breaks: `for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do setsid curl -s -o /dev/null -m 40 -A Mozilla/5.0 -H 'Host: www.acme.test' 'http://172.20.0.2/x?s=30' > /dev/null 2>&1 < /dev/null & done; sleep 1`,
      expect: { full: { cause: 'fpm-max-children' } },
    },
    { name: 'the application answers 500 itself', breaks: flag('own500', 'app1', 'app2'), expect: { full: { unproven: 'application' } } },
    {
      name: 'nginx listens on 127.0.0.1 only',
      breaks: `for n in app1 app2; do sed -i 's/listen 8080/listen 127.0.0.1:8080/' ${site}/$n/nginx.conf; end ${site}/$n/web.pid; web $n; done`,
      expect: { full: { unproven: 'web-server' } },
    },
    { name: 'the balancer is down', breaks: `end ${site}/lb/web.pid`, expect: { full: { unproven: 'balancer' } } },
  ],
  haproxy: [
    {
      name: 'PHP dies on both, and the health check meets it too',
      breaks: `${flag('fatal', 'app1', 'app2')}; ${checks}`,
      expect: { full: { cause: 'php-fatal-error' }, backends: { cause: 'php-fatal-error', certainty: 'likely' } },
    },
    {
      name: 'the page is slow on one',
      breaks: flag('slow', 'app1'),
      expect: { full: { cause: 'upstream-read-timeout@blue', certainty: null } },
    },
  ],
  'haproxy-node': [
    {
      name: 'the application is down on both',
      breaks: `end ${site}/app1/app.pid; end ${site}/app2/app.pid; ${checks}`,
      expect: { full: { cause: 'backend-process-down' }, url: { unproven: null } },
    },
    {
      name: 'the health check asks for a page that is not there',
      breaks: `sed -i 's|option httpchk|option httpchk GET /nope|' ${site}/lb/haproxy.cfg; end ${site}/lb/pid; lb; ${checks}`,
      expect: { full: { cause: 'health-check-wrong-status@front' }, backends: { unproven: 'balancer' } },
    },
    {
      name: 'nobody checks, and one is dead',
      breaks: `sed -i 's| check inter 1s||' ${site}/lb/haproxy.cfg; end ${site}/lb/pid; lb; end ${site}/app2/app.pid`,
      expect: { full: { cause: 'health-check-disabled@front' } },
    },
    { name: 'the application hangs up', breaks: flag('hangup', 'app1', 'app2'), expect: { full: { unproven: 'app-runtime' } } },
  ],
};

/** What a report says, in the words of an expectation. */
function saidBy(report: OtherReport, expected: Expected): unknown {
  const at = ({ id, host }: { readonly id: string; readonly host: string | null }): string => (host === null ? id : `${id}@${host}`);
  if (report.outcome === 'healthy') return { code: report.code, healthy: [...new Set(report.advice.map(at))] };
  const any = 'cause' in expected && expected.certainty === null;
  const said = report.causes.map((each) => (any ? at(each) : `${each.certainty} ${at(each)}`));
  return report.outcome === 'cause-found' ? { code: report.code, said } : { code: report.code, said, unproven: report.suspectedLayer };
}
function wanted(expected: Expected): unknown {
  if ('healthy' in expected) return { code: 0, healthy: expected.healthy };
  if ('unproven' in expected) return { code: 3, said: [], unproven: expected.unproven };
  const { cause, certainty = 'confirmed' } = expected;
  return { code: 1, said: [certainty === null ? cause : `${certainty} ${cause}`] };
}

describe.for(Object.keys(cases) as OtherKind[])('behind %s', (kind) => {
  let other: OtherSite;
  let used = false;
  beforeAll(async () => {
    other = await otherSite(kind);
  });
  afterAll(async () => {
    await other[Symbol.asyncDispose]();
  });

  it.for(cases[kind])('$name', async ({ breaks, expect: expected }) => {
    if (used) await other.heal();
    used = true;
    await other.sh(breaks);
    for (const [access, expectation] of Object.entries(expected) as [OtherAccess, Expected][]) {
      const report = await other.diagnose({ access });
      expect(saidBy(report, expectation), access).toEqual(wanted(expectation));
      const chains = new Set(report.causes.flatMap((each) => each.chain));
      expect(report.ruledOut.filter((each) => chains.has(each.id))).toEqual([]);
    }
  });
});
