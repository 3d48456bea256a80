// Verdicts from hand-made tallies: joins that convict, chains, several causes, noise that must not, and what is said where nothing is proven.
import { describe, expect, it } from 'vitest';

import { reportSchema } from '../../model/report.ts';
import type { Report } from '../../model/report.ts';
import type { Tally } from '../records.ts';
import type { SiteNames } from './addresses.ts';
import { reportOfLogs } from './report-of.ts';
import type { LogRule } from './rule.ts';
import { line, rule, testRules } from './testing/rules.ts';
import { input, tallyOf } from './testing/tallies.ts';
import type { EventRow, FailingRow } from './testing/tallies.ts';

const start = Date.UTC(2026, 10, 23, 14, 0, 0);
const minute = 60_000;

const site: SiteNames = {
  name: 'shop',
  url: 'https://shop.example.com/',
  byAddress: new Map([
    ['10.0.0.11', 'web-1'],
    ['10.0.0.11:80', 'web-1'],
    ['10.0.0.12', 'web-2'],
    ['10.0.0.12:80', 'web-2'],
  ]),
  hosts: ['slb', 'web-1', 'web-2'],
  balancer: 'slb',
};

interface Over {
  /** Requests that have two causes. */
  readonly twice?: number;
  readonly rules?: readonly LogRule[];
  readonly site?: SiteNames | null;
  readonly language?: 'en' | 'zh';
}

/** The report, once it was found to be valid, with every citation leading somewhere. */
function reportOf(tally: Tally, over: Over = {}): Report {
  const report = reportOfLogs(tally, {
    rules: testRules,
    site: null,
    language: 'en',
    startedAt: '2026-11-23T15:00:00.000Z',
    tookMs: 12,
    tool: '0.0.0-test',
    zone: { minutesEast: 0, from: 'system' },
    ...over,
  });
  expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  for (const { evidence, path } of [...report.causes, ...report.advice, ...report.ruledOut].flatMap((each) => each.because))
    expect(pointed(report.evidence[evidence]?.data, path), `${evidence}${path}`).toBeDefined();
  const { timeline, failed } = report.logs ?? { timeline: null, failed: 0 };
  if (timeline?.start != null) {
    const sum = (counts: readonly number[]): number => counts.reduce((total, each) => total + each, 0);
    expect(sum(timeline.failed)).toBe(failed);
    expect(sum(timeline.byCause.map((each) => each.total))).toBe(failed + (over.twice ?? 0));
    expect(sum(timeline.byCause.flatMap((each) => each.counts))).toBe(failed + (over.twice ?? 0));
    expect(timeline.failed.length).toBeLessThanOrEqual(240);
  }
  return report;
}

function pointed(data: unknown, path: string): unknown {
  return path
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (value, key) => (typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined),
      data,
    );
}

const access = input('slb/access.log');
const errors = input('slb/error.log', { zoned: true });

/** So many failing requests, each with an error line of this signature; one a second, in different minutes where `at` says so. */
function failures(
  count: number,
  at: number,
  group: FailingRow['group'],
  event: EventRow['group'] | null,
): { failing: FailingRow[]; events: EventRow[] } {
  const rows = Array.from({ length: count }, (_, i) => ({
    at: at + i * 1000,
    client: `198.51.100.${i % 250}`,
    request: `GET /${group.backend ?? ''}${at}/${i}`,
  }));
  return {
    failing: rows.map((row) => ({ ...row, group })),
    events: event === null ? [] : rows.map((row) => ({ ...row, group: event })),
  };
}

const refused = {
  signature: 'connect-refused',
  upstream: '10.0.0.11:80',
  template: 'connect() failed (111: Connection refused) while connecting to upstream → 10.0.0.11:80',
};
const toWeb1 = { status: 502, backend: '10.0.0.11:80', tries: '502@10.0.0.11:80', answeredBy: 'self' as const };

describe('a verdict from logs', () => {
  it('names the cause, the host as logged, and cites the line and the request', () => {
    const { failing, events } = failures(12, start, toWeb1, refused);
    const report = reportOf(tallyOf([access, errors], failing, events));
    expect(report.outcome).toBe('cause-found');
    expect(report.causes).toMatchObject([
      {
        id: 'backend-process-down',
        host: '10.0.0.11:80',
        hosts: ['10.0.0.11:80'],
        certainty: 'likely',
        explains: ['s1'],
        summary: '12 requests failed by backend-process-down on 10.0.0.11:80.',
      },
    ]);
    expect(report.causes[0]?.because.map((each) => [each.evidence, each.path, each.says])).toEqual([
      [
        'e1',
        '/lines/0/text',
        '12 lines in error.log, 2026-11-23 14:00 UTC: connect() failed (111: Connection refused) while connecting to upstream → 10.0.0.11:80',
      ],
      ['e2', '/requests/0/text', '12 failing requests in access.log: 502 by nginx itself, 10.0.0.11:80 tried'],
    ]);
    expect(report.evidence['e1']).toMatchObject({ probe: 'log-lines', vantage: 'log', status: 'ok' });
    expect(report.symptoms).toMatchObject([
      {
        id: 's1',
        client: 'logs',
        status: 502,
        failed: 12,
        of: 24,
        backends: ['10.0.0.11:80'],
        answeredBy: { hop: 'balancer', product: 'nginx', by: 'log' },
      },
    ]);
    expect(report.logs?.correlation).toMatchObject({ joined: 12, of: 12, by: { 'client+request+upstream': 12 } });
    expect(report.logs?.occurrences).toMatchObject([
      { cause: 'backend-process-down', count: 12, first: '2026-11-23T14:00:00.000Z', last: '2026-11-23T14:00:11.000Z' },
    ]);
    const [sample] = report.logs?.occurrences[0]?.samples ?? [];
    expect(sample?.request?.line).toBe(sample?.lines[0]?.line);
    expect(report.untested).toEqual([]);
    expect(report.logs?.unexplained).toEqual([]);
  });

  it('uses the names of a site file, also for the writer of a log', () => {
    const web2 = failures(
      3,
      start + minute,
      { input: 2, status: 502, backend: 'unix:/run/php.sock' },
      { input: 3, signature: 'connect-no-such-file', upstream: 'unix:/run/php.sock' },
    );
    const { failing, events } = failures(12, start, toWeb1, refused);
    const inputs = [access, errors, input('web-2/access.log'), input('web-2/error.log', { zoned: true })];
    const tally = tallyOf(inputs, [...failing, ...web2.failing], [...events, ...web2.events]);
    const report = reportOf(tally, { site });
    expect(report.causes.map((each) => [each.id, each.host, each.certainty])).toEqual([
      ['backend-process-down', 'web-1', 'likely'],
      ['fpm-socket-path-mismatch', 'web-2', 'confirmed'],
    ]);
    expect(report.site).toBe('shop');
    const unnamed = reportOf(tally);
    expect(unnamed.causes[1]).toMatchObject({
      host: null,
      hosts: [],
      summary: '3 requests failed by fpm-socket-path-mismatch on the host that wrote web-2/error.log.',
    });
  });

  it('gives one cause on two hosts no single host', () => {
    const one = failures(3, start, toWeb1, refused);
    const two = failures(
      2,
      start,
      { ...toWeb1, backend: '10.0.0.12:80', tries: '502@10.0.0.12:80' },
      { ...refused, upstream: '10.0.0.12:80' },
    );
    const report = reportOf(tallyOf([access, errors], [...one.failing, ...two.failing], [...one.events, ...two.events]));
    expect(report.causes).toMatchObject([{ host: null, hosts: ['10.0.0.11:80', '10.0.0.12:80'] }]);
  });

  const slow = {
    status: 504,
    backend: '10.0.0.11:80',
    tries: '504@10.0.0.11:80',
    answeredBy: 'self' as const,
    timing: 'waited' as const,
    durationMs: { min: 60_000, median: 60_000, max: 60_000 },
  };
  const timeout = { signature: 'read-timeout', upstream: '10.0.0.11:80', template: 'upstream timed out' };
  const full: EventRow = {
    at: start + 10_000,
    group: {
      input: 2,
      product: 'php-fpm',
      format: 'php-fpm',
      level: 'warn',
      signature: 'fpm-max-children',
      fields: { pool: 'www' },
      template: 'server reached pm.max_children',
    },
  };
  const fpmLog = input('web-1/php-fpm.log', { product: 'php-fpm', format: 'php-fpm', zoned: true });

  it('folds a consequence under its root, where the root was there in those minutes', () => {
    const then = failures(20, start, slow, timeout);
    const later = failures(5, start + 30 * minute, slow, timeout);
    const report = reportOf(
      tallyOf([access, errors, fpmLog], [...then.failing, ...later.failing], [...then.events, ...later.events, full]),
    );
    expect(report.causes.map((each) => [each.id, each.certainty, each.chain])).toEqual([
      ['fpm-max-children', 'likely', ['fpm-max-children', 'upstream-read-timeout']],
      ['upstream-read-timeout', 'confirmed', ['upstream-read-timeout']],
    ]);
    expect(report.causes[0]?.summary).toBe('Pool www on the host that wrote php-fpm.log was full: 20.');
    expect(report.logs?.timeline.byCause.map((each) => [each.key, each.total])).toEqual([
      ['fpm-max-children', 20],
      ['upstream-read-timeout', 5],
    ]);
  });

  it('takes what happened at other minutes, or when nothing failed, for advice', () => {
    const { failing, events } = failures(5, start + 30 * minute, toWeb1, refused);
    const report = reportOf(tallyOf([access, errors, fpmLog], failing, [...events, full]));
    expect(report.causes.map((each) => each.id)).toEqual(['backend-process-down']);
    expect(report.advice).toMatchObject([
      {
        id: 'fpm-max-children',
        summary: 'Title of fpm-max-children: 1 line in php-fpm.log, 2026-11-23 14:00 UTC; no failing request is explained by it.',
      },
    ]);
    const cells = [{ input: 0, minute: start / minute, backend: '', requests: 9, failed: 0 }];
    const healthy = reportOf(tallyOf([access, fpmLog], [], [{ ...full, group: { ...full.group, input: 1 } }], { cells }));
    expect([healthy.outcome, healthy.causes, healthy.advice.map((each) => each.id)]).toEqual(['healthy', [], ['fpm-max-children']]);
  });

  it('does not blame a machine’s line for requests with a proven cause of their own', () => {
    const { failing, events } = failures(5, start, toWeb1, { ...refused, signature: 'connect-no-such-file' });
    const oom: EventRow = { at: start, group: { input: 2, product: 'kernel', signature: 'kernel-oom' } };
    const report = reportOf(tallyOf([access, errors, input('kern.log', { product: 'kernel', zoned: true })], failing, [...events, oom]));
    expect(report.causes.map((each) => each.id)).toEqual(['fpm-socket-path-mismatch']);
    expect(report.ruledOut.map((each) => each.id)).toEqual(['oom-killed']);
    expect(report.ruledOut[0]?.because[0]?.says).toContain('Title of fpm-socket-path-mismatch');
  });

  it('does not blame one server’s kernel for what another server did, where the site file tells them apart', () => {
    const kernel = input('web-2/kern.log', { product: 'kernel', zoned: true });
    const { failing } = failures(5, start, { ...toWeb1, answeredBy: 'upstream' }, null);
    const other = failures(
      5,
      start + 20 * minute,
      { ...toWeb1, answeredBy: 'upstream', backend: '10.0.0.12:80', tries: '502@10.0.0.12:80' },
      null,
    );
    const oom: EventRow = { at: start, group: { input: 1, product: 'kernel', signature: 'kernel-oom' } };
    const tally = tallyOf([access, kernel], [...failing, ...other.failing], [oom]);
    expect(reportOf(tally, { site }).outcome).toBe('cause-unproven');
    expect(reportOf(tally).causes.map((each) => each.id)).toEqual(['oom-killed']);
  });

  it('takes the writer of a log from its syslog header, where all lines have the same', () => {
    const { failing } = failures(5, start, { ...toWeb1, answeredBy: 'upstream' }, null);
    const oom = (machine: string, at: number): EventRow => ({
      at,
      group: {
        input: 1,
        product: 'kernel',
        signature: 'kernel-oom',
        template: `out of memory ${machine}`,
        samples: [{ input: 1, line: 1, at, text: `Nov 23 14:00:00 ${machine} kernel: [ 1.5] Out of memory: Killed process 1 (php)` }],
      },
    });
    const kernel = input('messages', { kind: 'error', product: 'kernel', format: 'syslog', zoned: true });
    expect(reportOf(tallyOf([access, kernel], failing, [oom('app-7', start)])).causes[0]?.host).toBe('app-7');
    expect(reportOf(tallyOf([access, kernel], failing, [oom('app-7', start), oom('app-8', start)])).causes[0]?.host).toBeNull();
  });

  it('convicts by two things together, and by neither alone', () => {
    const reset = { signature: 'reset-reading-header', upstream: '10.0.0.11:80' };
    const { failing, events } = failures(4, start, toWeb1, reset);
    const crash: EventRow = { at: start + 5000, group: { input: 2, product: 'php-fpm', signature: 'fpm-child-signal' } };
    const together = reportOf(tallyOf([access, errors, fpmLog], failing, [...events, crash]));
    expect(together.causes.map((each) => [each.id, each.host, each.certainty])).toEqual([
      ['fpm-worker-crash', '10.0.0.11:80', 'confirmed'],
    ]);
    const alone = reportOf(tallyOf([access, errors], failing, events));
    expect(alone.outcome).toBe('cause-unproven');
    expect(alone.untested).toEqual([
      { id: 'fpm-worker-crash', host: null, needs: 'What tells fpm-worker-crash (2026-11-23 14:00 UTC)' },
      { id: 'keepalive-race', host: null, needs: 'What tells keepalive-race (2026-11-23 14:00 UTC)' },
    ]);
    expect(alone.suspectedLayer).toBe('web-server');
    const tooLate = reportOf(tallyOf([access, errors, fpmLog], failing, [...events, { ...crash, at: start + 10 * minute }]));
    expect(tooLate.outcome).toBe('cause-unproven');
  });

  it('compares the members of a joint witness where it has a condition', () => {
    const joint = (same: boolean): LogRule =>
      rule('x', [
        {
          kind: 'together',
          all: [line('connect-refused', 'suggests'), line('starts', 'suggests', 'writer', false)],
          withinSeconds: 60,
          weight: 'proves',
          host: 'upstream',
          where: ([a, b]) =>
            same === (a !== undefined && b !== undefined && 'upstream' in a && 'fields' in b && a.upstream === b.fields['port']),
        },
      ]);
    const { failing, events } = failures(4, start, toWeb1, refused);
    const starts: EventRow = { at: start, group: { input: 2, signature: 'starts', fields: { port: '10.0.0.11:80' } } };
    const tally = tallyOf([access, errors, fpmLog], failing, [...events, starts]);
    expect(reportOf(tally, { rules: [joint(true)] }).causes).toHaveLength(1);
    expect(reportOf(tally, { rules: [joint(false)] }).causes).toHaveLength(0);
  });

  it('says which log would tell, where only an access log was given', () => {
    const { failing } = failures(6, start + 2 * minute, toWeb1, null);
    const report = reportOf(tallyOf([access], failing, []));
    expect([report.outcome, report.causes]).toEqual(['cause-unproven', []]);
    expect(report.untested).toEqual([
      { id: 'unexplained', host: null, needs: 'the error log of the nginx that wrote access.log for 2026-11-23 14:02 UTC' },
    ]);
    expect(report.logs?.unexplained).toMatchObject([{ what: '502 by nginx itself, 10.0.0.11:80 tried', count: 6 }]);
    const fromBehind = failures(6, start, { ...toWeb1, status: 500, answeredBy: 'upstream' }, null);
    const likely = reportOf(tallyOf([access], fromBehind.failing, []));
    expect(likely.causes).toMatchObject([{ id: 'app-returned-5xx', certainty: 'likely', host: '10.0.0.11:80' }]);
    const waited = reportOf(tallyOf([access], failures(6, start, slow, null).failing, []));
    expect([waited.outcome, waited.untested[0]?.id, waited.suspectedLayer]).toEqual([
      'cause-unproven',
      'upstream-read-timeout',
      'app-runtime',
    ]);
  });

  it('counts error lines where no access log was given, several tries of one request once', () => {
    const row = { at: start, client: '198.51.100.1', request: 'GET /a' };
    const events: EventRow[] = [
      { ...row, group: { input: 0, ...refused } },
      { ...row, group: { input: 0, ...refused, upstream: '10.0.0.12:80' } },
      { ...row, client: '198.51.100.2', group: { input: 0, ...refused } },
      { ...row, at: start + minute, group: { input: 0, signature: null, level: 'info', template: 'client closed' } },
    ];
    const report = reportOf(tallyOf([errors], [], events));
    expect(report.logs).toMatchObject({ requests: null, failed: 2, correlation: { joined: 0, of: 2 } });
    expect(report.causes).toMatchObject([{ id: 'backend-process-down', hosts: ['10.0.0.11:80', '10.0.0.12:80'] }]);
    const odd = reportOf(tallyOf([errors], [], [{ ...row, group: { input: 0, signature: null, level: 'error', template: 'odd thing' } }]));
    expect([odd.outcome, odd.logs?.unknownLines.map((each) => each.template)]).toEqual(['cause-unproven', ['odd thing']]);
    const quiet = reportOf(tallyOf([errors], [], events.slice(3)));
    expect(quiet.outcome).toBe('healthy');
  });

  it('names what machines say where no log tells of requests, as likely and without a number', () => {
    const alone = reportOf(tallyOf([fpmLog], [], [{ ...full, group: { ...full.group, input: 0 } }]));
    expect(alone.outcome).toBe('cause-found');
    expect(alone.causes).toMatchObject([
      {
        id: 'fpm-max-children',
        certainty: 'likely',
        explains: [],
        summary: 'Pool www on the host that wrote php-fpm.log was full: an unknown number of.',
      },
    ]);
    expect(alone.logs).toMatchObject({ requests: null, failed: 0, occurrences: [{ count: 0 }] });
    const undated = reportOf(tallyOf([fpmLog], [], [{ ...full, at: null, group: { ...full.group, input: 0 } }]));
    expect(undated.causes.map((each) => each.id)).toEqual(['fpm-max-children']);
    const odd = reportOf(tallyOf([fpmLog], [], [{ at: start, group: { input: 0, product: 'php-fpm', signature: null, level: 'error' } }]));
    expect([odd.outcome, odd.causes]).toEqual(['cause-unproven', []]);
  });

  it('names several causes at once, those of most requests first, and counts what none explains', () => {
    const down = failures(3, start, toWeb1, refused);
    const missing = failures(
      7,
      start,
      { ...toWeb1, backend: 'unix:/run/a.sock', tries: '502@unix:/run/a.sock' },
      { signature: 'connect-no-such-file', upstream: 'unix:/run/a.sock' },
    );
    const open = failures(2, start + minute, { ...toWeb1, status: 503, tries: '', backend: null }, null);
    const report = reportOf(
      tallyOf([access, errors], [...down.failing, ...missing.failing, ...open.failing], [...down.events, ...missing.events]),
    );
    expect(report.causes.map((each) => each.id)).toEqual(['fpm-socket-path-mismatch', 'backend-process-down']);
    expect(report.logs?.timeline.byCause.map((each) => [each.key, each.total])).toEqual([
      ['fpm-socket-path-mismatch', 7],
      ['backend-process-down', 3],
      [null, 2],
    ]);
    expect(report.logs?.unexplained.map((each) => each.count)).toEqual([2]);
  });

  it('gives a request with two tries both its causes', () => {
    const row = { at: start, client: '198.51.100.1', request: 'GET /a' };
    const failing: FailingRow[] = [
      { ...row, group: { ...toWeb1, status: 504, backend: '10.0.0.12:80', tries: '502@10.0.0.11:80 504@10.0.0.12:80' } },
    ];
    const events: EventRow[] = [
      { ...row, group: refused },
      { ...row, group: { ...timeout, upstream: '10.0.0.12:80' } },
    ];
    const report = reportOf(tallyOf([access, errors], failing, events), { twice: 1 });
    expect(report.causes.map((each) => [each.id, each.host])).toEqual([
      ['upstream-read-timeout', '10.0.0.12:80'],
      ['backend-process-down', '10.0.0.11:80'],
    ]);
  });

  it('carries a cause found behind a backend’s log to the request that the balancer logged', () => {
    const row = { at: start, request: 'GET /a' };
    const failing: FailingRow[] = [
      { ...row, client: '198.51.100.1', group: { ...toWeb1, answeredBy: 'upstream' } },
      { ...row, client: '100.64.0.1', group: { input: 1, status: 502, backend: 'unix:/run/php.sock', tries: '502@unix:/run/php.sock' } },
    ];
    const events: EventRow[] = [
      { ...row, client: '100.64.0.1', group: { input: 2, signature: 'connect-no-such-file', upstream: 'unix:/run/php.sock' } },
    ];
    const report = reportOf(tallyOf([access, input('web-1/access.log'), input('web-1/error.log', { zoned: true })], failing, events), {
      site,
    });
    expect(report.causes).toMatchObject([{ id: 'fpm-socket-path-mismatch', host: 'web-1', explains: ['s1', 's2'] }]);
    expect(report.logs?.unexplained).toEqual([]);
  });

  it('speaks Chinese, and never lets a log line into the report unescaped', () => {
    const { failing, events } = failures(3, start, toWeb1, {
      ...refused,
      template: 'bad \u001b[31m\u202e line',
      fields: { pool: '\u0007' },
    });
    const report = reportOf(tallyOf([access, input('slb/err\u001bor.log', { zoned: true })], failing, events), { language: 'zh' });
    expect(report.causes[0]?.title).toBe('backend-process-down 的标题');
    expect(report.causes[0]?.because[0]?.says).toContain('中 3 行');
    expect(JSON.stringify(report)).not.toMatch(/\\u001b|\\u0007|\u202e/);
    expect(report.steps.map((each) => each.step)).toHaveLength(9);
  });

  it('keeps the totals where rows were left out of the join', () => {
    const { failing, events } = failures(40, start, toWeb1, refused);
    const whole = tallyOf([access, errors], failing, events);
    const tally = tallyOf([access, errors], failing.slice(0, 10), events.slice(5, 15));
    const more = <G extends { readonly count: number; readonly minutes: ReadonlyMap<number, number> }>(groups: readonly G[]): G[] =>
      groups.map((each) => ({ ...each, count: 40, minutes: whole.failures[0]?.minutes ?? each.minutes }));
    const sampled: Tally = {
      ...tally,
      failures: more(tally.failures),
      events: more(tally.events),
      failureKeys: { ...tally.failureKeys, dropped: 30 },
      eventKeys: { ...tally.eventKeys, dropped: 30 },
    };
    const report = reportOf(sampled);
    expect(whole.failures[0]?.count).toBe(sampled.failures[0]?.count);
    expect(report.logs?.occurrences[0]?.count).toBe(40);
    expect(report.logs?.limits).toHaveLength(2);
    // The times of all requests are known, whichever rows were left out.
    expect(report.logs?.timeline.failed).toEqual(reportOf(whole).logs?.timeline.failed);
  });

  it('puts a year into at most 240 steps', () => {
    const rows = Array.from({ length: 400 }, (_, i): FailingRow => ({
      at: start + i * 86_400_000,
      client: 'a',
      request: `GET /${i}`,
      group: toWeb1,
    }));
    const report = reportOf(tallyOf([access], rows, []));
    expect(report.logs?.timeline.stepSeconds).toBe(604_800);
    expect(report.logs?.timeline.failed.reduce((sum, each) => sum + each, 0)).toBe(400);
  });
});
