// The formats of the bench data: how nginx (combined and the times and tries of upstreams), nginx with a JSON format, nginx's error log and HAProxy write one request.
import { dayStart, randomOf, servers } from './traffic.ts';
import type { Request } from './traffic.ts';

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

/** Dates are asked for in nearly rising order: one string per second is kept. */
function bySecond(make: (clock: string) => string): (at: number) => string {
  const made: (string | undefined)[] = [];
  return (at) => {
    const second = at - dayStart;
    const known = made[second];
    if (known !== undefined) return known;
    const clock = `${pad(Math.floor(second / 3600))}:${pad(Math.floor(second / 60) % 60)}:${pad(second % 60)}`;
    const text = make(clock);
    made[second] = text;
    return text;
  };
}
const commonDate = bySecond((clock) => `22/Nov/2026:${clock} +0000`);
const isoDate = bySecond((clock) => `2026-11-22T${clock}+00:00`);
const errorDate = bySecond((clock) => `2026/11/22 ${clock}`);
const haproxyDates = bySecond((clock) => `Nov 22 ${clock}`);
const acceptDate = bySecond((clock) => `22/Nov/2026:${clock}`);

const times = Array.from({ length: 10_000 }, (_, ms) => (ms / 1000).toFixed(3));
const seconds = (value: number): string => times[Math.round(value * 1000)] ?? value.toFixed(3);

const addressesOf = (request: Request): string => request.tries.map((each) => servers[each] ?? '-').join(', ');
const single = (request: Request): boolean => request.tries.length === 1;

/** A line of the text log, with its line end. */
export function nginxLine(request: Request): string {
  const tail =
    request.tries.length === 0
      ? '- - -'
      : single(request)
        ? `${servers[request.tries[0] ?? 0] ?? '-'} ${request.triesStatus[0]} ${seconds(request.triesTook[0] ?? 0)}`
        : `${addressesOf(request)} ${request.triesStatus.join(', ')} ${request.triesTook.map(seconds).join(', ')}`;
  return `${request.client} - - [${commonDate(request.at)}] "${request.method} ${request.path}${request.query} HTTP/1.1" ${request.status} ${request.bytes} "${request.referer}" "${request.agent}" ${seconds(request.took)} ${tail}\n`;
}

/** A line of the JSON log, with its line end. */
export function jsonLine(request: Request): string {
  const none = request.tries.length === 0;
  return `{"time_iso8601":"${isoDate(request.at)}","remote_addr":"${request.client}","request_method":"${request.method}","request_uri":"${request.path}${request.query}","server_protocol":"HTTP/1.1","status":${request.status},"body_bytes_sent":${request.bytes},"http_referer":"${request.referer === '-' ? '' : request.referer}","http_user_agent":"${request.agent}","request_time":${seconds(request.took)},"upstream_addr":"${none ? '' : addressesOf(request)}","upstream_status":"${none ? '' : request.triesStatus.join(', ')}","upstream_response_time":"${none ? '' : request.triesTook.map(seconds).join(', ')}"}\n`;
}

const troubles = {
  refused: 'connect() failed (111: Connection refused) while connecting to upstream',
  timeout: 'upstream timed out (110: Connection timed out) while reading response header from upstream',
  reset: 'recv() failed (104: Connection reset by peer) while reading response header from upstream',
  closed: 'upstream prematurely closed connection while reading response header from upstream',
} as const;

/** Writes nginx's error log beside the access log: a line per failing try, and the noise of a busy server. */
export function errorLogOf(seed: number): { failures(request: Request): string; noise(request: Request): string } {
  const random = randomOf(seed);
  let connection = 0;
  const head = (request: Request, level: string): string => {
    connection += 1 + Math.floor(random() * 9);
    const pid = 1201 + Math.floor(random() * 4);
    return `${errorDate(request.at)} [${level}] ${pid}#${pid}: *${connection} `;
  };
  const what = (request: Request): string =>
    `client: ${request.client}, server: shop.example.com, request: "${request.method} ${request.path}${request.query} HTTP/1.1"`;
  return {
    failures: (request) => {
      const { trouble } = request;
      if (trouble === null) return '';
      return request.tries
        .map(
          (server) =>
            `${head(request, 'error')}${troubles[trouble]}, ${what(request)}, upstream: "http://${servers[server] ?? '-'}${request.path}${request.query}", host: "shop.example.com"\n`,
        )
        .join('');
    },
    noise: (request) => {
      const kind = random();
      if (kind < 0.6) {
        const number = pad(Math.floor(random() * 1e6), 10);
        return `${head(request, 'warn')}an upstream response is buffered to a temporary file /var/cache/nginx/proxy_temp/${number.slice(-1)}/${number.slice(-3, -1)}/${number} while reading upstream, ${what(request)}, upstream: "http://${servers[Math.floor(random() * 4)] ?? '-'}${request.path}", host: "shop.example.com"\n`;
      }
      return `${head(request, 'error')}open() "/usr/share/nginx/html${request.path}" failed (2: No such file or directory), ${what(request)}, host: "shop.example.com"\n`;
    },
  };
}

/** A line of HAProxy's HTTP log as rsyslog writes it, with its line end. */
export function haproxyLine(request: Request): string {
  const { tries, trouble } = request;
  const server = tries.length === 0 ? '<NOSRV>' : `web-${(tries.at(-1) ?? 0) + 1}`;
  const total = Math.round(request.took * 1000);
  const port = 1024 + ((request.bytes * 31 + total) % 60_000);
  const own = tries.length === 0;
  const status = own && request.status < 500 ? 301 : trouble === 'refused' ? 503 : request.status;
  const state =
    trouble === 'timeout'
      ? 'sH--'
      : trouble === 'refused'
        ? 'SC--'
        : trouble !== null
          ? 'SH--'
          : own
            ? status === 503
              ? 'SC--'
              : 'LR--'
            : '----';
  const timers = own
    ? status === 503
      ? `0/0/-1/-1/0`
      : `0/-1/-1/-1/0`
    : trouble === 'refused'
      ? `0/0/-1/-1/${total}`
      : trouble !== null
        ? `0/0/1/-1/${total}`
        : `0/0/1/${Math.max(0, total - 2)}/${total}`;
  return `${haproxyDates(request.at)} lb-1 haproxy[1234]: ${request.client}:${port} [${acceptDate(request.at)}.${pad(port % 1000, 3)}] fe_https~ be_shop/${server} ${timers} ${status} ${request.bytes} - - ${state} ${120 + (port % 50)}/118/${port % 20}/${port % 7}/${tries.length > 1 ? 1 : 0} 0/0 "${request.method} ${request.path}${request.query} HTTP/1.1"\n`;
}
