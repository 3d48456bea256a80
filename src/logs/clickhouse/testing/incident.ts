// A made-up incident as nginx would have logged it: access and error lines that tests load into tables and read as files.

export const incidentFormat =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $host $request_time "$upstream_addr" "$upstream_status" "$upstream_connect_time" "$upstream_header_time" "$upstream_response_time" $request_id';

/** One request, in nginx's own words. */
export interface IncidentRequest {
  readonly atMs: number;
  readonly client: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly host: string;
  readonly requestTime: string;
  readonly upstream: string;
  readonly upstreamStatus: string;
  readonly connectTime: string;
  readonly headerTime: string;
  readonly responseTime: string;
  readonly requestId: string;
  readonly line: string;
}

export interface IncidentError {
  readonly atMs: number;
  readonly level: string;
  /** Without date, level and process. */
  readonly message: string;
  readonly line: string;
}

export interface Incident {
  readonly requests: readonly IncidentRequest[];
  readonly errors: readonly IncidentError[];
  readonly startMs: number;
}

/** The same numbers for the same seed, from 0 to 1. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (n: number): string => String(n).padStart(2, '0');

/** `23/Nov/2026:07:22:12 +0800` */
export function commonDate(ms: number, zoneHours: number): string {
  const at = new Date(ms + zoneHours * 3_600_000);
  const clock = at.toISOString().slice(11, 19);
  return `${two(at.getUTCDate())}/${months[at.getUTCMonth()] ?? ''}/${String(at.getUTCFullYear())}:${clock} ${zoneHours < 0 ? '-' : '+'}${two(Math.abs(zoneHours))}00`;
}
const errorDate = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ');

/** Three servers, one of which refuses for ten minutes, one slow; ISO dates of three hours; a few strange lines. */
export function makeIncident(count: number, seed = 7): Incident {
  const random = randomOf(seed);
  const startMs = Date.UTC(2026, 10, 23, 1, 0, 0);
  const stepMs = (3 * 3_600_000) / count;
  const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0];
  const requests: IncidentRequest[] = [];
  const errors: IncidentError[] = [];
  for (let i = 0; i < count; i++) {
    const atMs = startMs + Math.floor((i * stepMs) / 1000) * 1000;
    const minute = Math.floor((atMs - startMs) / 60_000);
    const client = `203.0.${String(Math.floor(random() * 4))}.${String(Math.floor(random() * 250) + 1)}`;
    const path = pick([
      '/',
      '/cart',
      '/api/orders?id=7',
      '/api/orders',
      '/img/logo.png',
      '/search?q=%22x%22',
      '/quote"d',
      '/back\\slash',
      '/ünï',
    ]);
    const server = pick(['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']);
    const isStatic = path.startsWith('/img');
    const refused = server === '10.0.0.2:80' && minute >= 60 && minute < 70;
    const slow = server === '10.0.0.3:80' && random() < 0.004;
    const appError = !refused && !slow && random() < 0.002;
    const requestId = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
    const host = pick(['shop.example', 'www.shop.example']);
    let of: Pick<IncidentRequest, 'status' | 'requestTime' | 'upstream' | 'upstreamStatus' | 'connectTime' | 'headerTime' | 'responseTime'>;
    if (isStatic) {
      of = { status: 200, requestTime: '0.000', upstream: '-', upstreamStatus: '-', connectTime: '-', headerTime: '-', responseTime: '-' };
    } else if (refused) {
      const twice = random() < 0.3;
      of = twice
        ? {
            status: 502,
            requestTime: '0.002',
            upstream: `${server}, 10.0.0.9:80`,
            upstreamStatus: '502, 502',
            connectTime: '-, -',
            headerTime: '-, -',
            responseTime: '0.001, 0.001',
          }
        : {
            status: 502,
            requestTime: '0.001',
            upstream: server,
            upstreamStatus: '502',
            connectTime: '-',
            headerTime: '-',
            responseTime: '0.001',
          };
    } else if (slow) {
      of = {
        status: 504,
        requestTime: '60.002',
        upstream: server,
        upstreamStatus: '504',
        connectTime: '0.001',
        headerTime: '-',
        responseTime: '60.002',
      };
    } else {
      const time = (random() * 0.2).toFixed(3);
      const status = appError ? 500 : pick([200, 200, 200, 200, 301, 404]);
      of = {
        status,
        requestTime: time,
        upstream: server,
        upstreamStatus: String(status),
        connectTime: '0.000',
        headerTime: time,
        responseTime: time,
      };
    }
    const method = random() < 0.1 ? 'POST' : 'GET';
    const logged = path.replaceAll('"', String.raw`\x22`).replaceAll('\\s', String.raw`\x5Cs`);
    const line = `${client} - - [${commonDate(atMs, 8)}] "${method} ${logged} HTTP/1.1" ${String(of.status)} 157 "-" "curl/8" ${host} ${of.requestTime} "${of.upstream}" "${of.upstreamStatus}" "${of.connectTime}" "${of.headerTime}" "${of.responseTime}" ${requestId}`;
    requests.push({ atMs, client, method, path: logged, host, requestId, line, ...of });
    const context = `client: ${client}, server: shop.example, request: "${method} ${logged} HTTP/1.1", upstream: "http://${server}${logged}", host: "${host}"`;
    const said = refused
      ? `connect() failed (111: Connection refused) while connecting to upstream`
      : slow
        ? `upstream timed out (110: Connection timed out) while reading response header from upstream`
        : null;
    if (said !== null) {
      const message = `*${String(i)} ${said}, ${context}`;
      errors.push({ atMs, level: 'error', message, line: `${errorDate(atMs)} [error] 77#77: ${message}` });
    } else if (random() < 0.001) {
      const message = `signal process started`;
      errors.push({ atMs, level: 'notice', message, line: `${errorDate(atMs)} [notice] 77#77: ${message}` });
    }
  }
  return { requests, errors, startMs };
}
