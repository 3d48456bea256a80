// Whole ways from text to verdict: lines as the programs write them, read by the scanner, judged by the product's own rules.
import { describe, expect, it } from 'vitest';

import { reportSchema } from '../../model/report.ts';
import type { Report } from '../../model/report.ts';
import type { Input } from '../records.ts';
import { scanLogs } from '../scan/index.ts';
import { reportOfLogs } from './report-of.ts';
import { logRules } from './rules/index.ts';

function inputOf(name: string, text: string): Input {
  return {
    name,
    path: null,
    compression: 'none',
    storedBytes: null,
    async *open() {
      await Promise.resolve();
      yield Buffer.from(text);
    },
  };
}

const formats = [
  {
    name: 'diagnosis',
    format:
      '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time ua="$upstream_addr" us="$upstream_status" uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time"',
  },
];

async function explained(logs: Readonly<Record<string, readonly string[]>>, language: 'en' | 'zh' = 'en'): Promise<Report> {
  const tally = await scanLogs(
    Object.entries(logs).map(([name, lines]) => inputOf(name, `${lines.join('\n')}\n`)),
    { hints: { nginxFormats: formats, year: 2026 }, workers: 0 },
  );
  const report = reportOfLogs(tally, {
    rules: logRules,
    site: null,
    language,
    startedAt: '2026-11-23T15:00:00.000Z',
    tookMs: 12,
    tool: '0.0.0-test',
    zone: { minutesEast: 0, from: 'system' },
  });
  expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  expect(report.logs?.inputs.map((each) => [each.name, each.unparsed])).toEqual(Object.keys(logs).map((name) => [name, 0]));
  return report;
}

const two = (value: number): string => String(value).padStart(2, '0');
interface Try {
  readonly status: number;
  readonly seconds: string;
  readonly ua?: string;
  readonly us?: string;
  readonly uct?: string;
  readonly uht?: string;
  readonly path?: string;
  readonly zone?: string;
}
/** Lines of the access log of nginx with the fields that diagnosis needs, one request every two seconds from 07:11. */
const access = (
  count: number,
  { status, seconds, ua = '10.77.2.2:80', us = String(status), uct = '-', uht = '-', path = '/page', zone = '+0000' }: Try,
): string[] =>
  Array.from(
    { length: count },
    (_, i) =>
      `10.77.1.${i % 200} - - [23/Nov/2026:07:${two(11 + Math.floor(i / 30))}:${two((i * 2) % 60)} ${zone}] "GET ${path}/${i} HTTP/1.1" ${status} 157 "-" "curl/7.88.1" rt=${seconds} ua="${ua}" us="${us}" uct="${uct}" uht="${uht}" urt="${seconds}"`,
  );
/** The line of nginx's error log about each of them. */
const error = (count: number, message: string, upstream: string, level = 'error', path = '/page'): string[] =>
  Array.from(
    { length: count },
    (_, i) =>
      `2026/11/23 07:${two(11 + Math.floor(i / 30))}:${two((i * 2) % 60)} [${level}] 92#92: *${i + 1} ${message}, client: 10.77.1.${i % 200}, server: _, request: "GET ${path}/${i} HTTP/1.1", upstream: "${upstream}", host: "shop.example.com"`,
  );
const ok = access(40, { status: 200, seconds: '0.010', uct: '0.001', uht: '0.010', path: '/fine' });
const names = (report: Report): readonly string[] => report.causes.map((each) => `${each.id} ${each.certainty}`);

describe('from text to verdict', () => {
  it('names what refused', async () => {
    const report = await explained({
      'access.log': [...ok, ...access(20, { status: 502, seconds: '0.000' })],
      'error.log': error(20, 'connect() failed (111: Connection refused) while connecting to upstream', 'http://10.77.2.2:80/page'),
    });
    expect(report.logs).toMatchObject({ requests: 60, failed: 20, correlation: { joined: 20, of: 20 } });
    expect([report.outcome, report.causes[0]?.id, report.causes[0]?.host ?? report.untested.map((each) => each.id)]).toMatchInlineSnapshot(`
      [
        "cause-found",
        "backend-process-down",
        "10.77.2.2:80",
      ]
    `);
  });

  it('finds the full pool behind read timeouts', async () => {
    const report = await explained({
      'access.log': [...ok, ...access(20, { status: 504, seconds: '60.001', ua: '127.0.0.1:9000', uct: '0.000' })],
      'error.log': error(
        20,
        'upstream timed out (110: Connection timed out) while reading response header from upstream',
        'fastcgi://127.0.0.1:9000',
      ),
      'php8.2-fpm.log': ['[23-Nov-2026 07:11:05] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it'],
    });
    expect(names(report)).toEqual(['fpm-max-children confirmed']);
    expect(report.causes[0]?.chain).toEqual(['fpm-max-children', 'upstream-read-timeout']);
  });

  it('tells a terminated script, a crash and a killed child from the same nginx line', async () => {
    const reset = error(
      6,
      'recv() failed (104: Connection reset by peer) while reading response header from upstream',
      'fastcgi://unix:/run/php/www.sock:',
    );
    const failing = access(6, { status: 502, seconds: '3.021', ua: 'unix:/run/php/www.sock', uct: '0.000' });
    const logs = (extra: Readonly<Record<string, readonly string[]>>): Promise<Report> =>
      explained({ 'access.log': [...ok, ...failing], 'error.log': reset, ...extra });
    const terminated = await logs({
      'php-fpm.log': [
        `[23-Nov-2026 07:11:03] WARNING: [pool www] child 4711, script '/srv/sleep.php' (request: "GET /sleep.php") execution timed out (3.017650 sec), terminating`,
        '[23-Nov-2026 07:11:03] WARNING: [pool www] child 4711 exited on signal 15 (SIGTERM) after 9.021 seconds from start',
      ],
    });
    expect(names(terminated)).toEqual(['fpm-terminate-timeout confirmed']);
    const crashed = await logs({
      'php-fpm.log': ['[23-Nov-2026 07:11:03] WARNING: [pool www] child 4711 exited on signal 11 (SIGSEGV) after 9.021 seconds from start'],
    });
    expect(names(crashed)).toEqual(['fpm-worker-crash confirmed']);
    const killed = await logs({
      'php-fpm.log': ['[23-Nov-2026 07:11:03] WARNING: [pool www] child 4711 exited on signal 9 (SIGKILL) after 9.021 seconds from start'],
      'kern.log': [
        'Nov 23 07:11:03 web-1 kernel: [ 1234.567890] Out of memory: Killed process 4711 (php-fpm8.2) total-vm:231480kB, anon-rss:52160kB, file-rss:9216kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0',
      ],
    });
    expect(killed.causes[0]?.id).toBe('oom-killed');
    const alone = await logs({});
    expect(alone.outcome).toBe('cause-unproven');
    expect(alone.untested.length).toBeGreaterThan(1);
  });

  it('names a socket that is missing, one that is closed to nginx, and one that is full', async () => {
    const with_ = async (message: string, level: string): Promise<readonly string[]> =>
      names(
        await explained({
          'access.log': [...ok, ...access(5, { status: 502, seconds: '0.000', ua: 'unix:/run/php/site.sock' })],
          'error.log': error(
            5,
            `connect() to unix:/run/php/site.sock failed (${message}) while connecting to upstream`,
            'fastcgi://unix:/run/php/site.sock:',
            level,
          ),
        }),
      );
    expect(await with_('13: Permission denied', 'crit')).toEqual(['fpm-socket-permission likely']);
    // Whether php-fpm is down or listens elsewhere, the line does not say.
    expect(await with_('2: No such file or directory', 'crit')).toEqual([]);
    expect(await with_('11: Resource temporarily unavailable', 'error')).toEqual(['fpm-backlog-overflow-unix confirmed']);
  });

  it('finds the zone of an error log and joins after it', async () => {
    const report = await explained({
      'access.log': access(20, { status: 502, seconds: '0.000', zone: '-0800' }),
      'error.log': error(20, 'connect() failed (111: Connection refused) while connecting to upstream', 'http://10.77.2.2:80/page'),
    });
    expect(report.logs?.correlation).toMatchObject({
      joined: 20,
      skews: [{ input: 'error.log', offsetMs: -8 * 3_600_000, kind: 'zone', pairs: 20 }],
    });
    expect(report.logs?.inputs.map((each) => each.zone)).toEqual(['logged', 'UTC-08:00, found from 20 pairs of lines']);
  });

  it('reads HAProxy’s termination states', async () => {
    const line = (second: number, server: string, times: string, status: number, state: string): string =>
      `Nov 23 07:22:${two(second)} lb haproxy[4873]: 10.77.1.2:57388 [23/Nov/2026:07:22:${two(second)}.983] f app/${server} ${times} ${status} 217 - - ${state} 1/1/0/0/3 0/0 "GET /page HTTP/1.1"`;
    const fine = Array.from({ length: 20 }, (_, i) => line(i, 's2', '0/0/1/12/13', 200, '----'));
    const timeouts = Array.from({ length: 10 }, (_, i) => line(i, 's1', '0/0/1/-1/60004', 504, 'sH--'));
    const report = await explained({ 'haproxy.log': [...fine, ...timeouts] });
    expect(report.logs).toMatchObject({ requests: 30, failed: 10 });
    expect(names(report)).toEqual(['upstream-read-timeout likely']);
    expect(report.causes[0]?.host).toBe('app/s1');
  });

  it('blames an old error for nothing', async () => {
    const report = await explained({
      'access.log': ok,
      'error.log': error(
        3,
        'connect() failed (111: Connection refused) while connecting to upstream',
        'http://10.77.2.2:80/saved',
        'error',
        '/saved',
      ),
    });
    expect([report.outcome, report.causes]).toEqual(['healthy', []]);
  });

  it('says the same in Chinese', async () => {
    const logs = {
      'access.log': [...ok, ...access(5, { status: 502, seconds: '0.000', ua: 'unix:/run/php/site.sock' })],
      'error.log': error(
        5,
        'connect() to unix:/run/php/site.sock failed (13: Permission denied) while connecting to upstream',
        'fastcgi://unix:/run/php/site.sock:',
        'crit',
      ),
    };
    const [en, zh] = [await explained(logs), await explained(logs, 'zh')];
    expect(zh.causes.map((each) => each.id)).toEqual(en.causes.map((each) => each.id));
    expect(zh.causes[0]?.summary).toMatch(/\p{Script=Han}/u);
    expect(zh.causes[0]?.because.map((each) => each.says).join('')).toMatch(/\p{Script=Han}/u);
  });
});
