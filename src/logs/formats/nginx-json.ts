// Access lines that are JSON because a `log_format … escape=json` says so. Every site names its keys itself, mostly like nginx's variables.
import type { AccessRecord, LogFamily } from '../records.ts';
import { commonMs, isoMoment } from './dates.ts';
import { accessFormat, linesRead } from './detect.ts';
import { childOf, firstText, objectOf, statusIn, type JsonObject } from './json-line.ts';
import { accessRecordOf, accessRoles, secondsMs } from './raw-access.ts';

const dateKeys = ['time_iso8601', 'time_local', '@timestamp', 'timestamp', 'time', 'msec', 'ts', 'datetime', 'date', 'at'];
const durationKeys = ['request_time', 'requestTime', 'duration', 'response_time', 'responsetime', 'reqtime', 'rt'];
const foreign = ['response_flags', 'slbid', 'app_lb_id', 'DownstreamStatus', 'EdgeResponseStatus', 'httpRequest', 'MESSAGE'];
/** Names beside nginx's own, in order of preference. */
const more: Readonly<Partial<Record<string, readonly string[]>>> = {
  client: ['remote_ip', 'client', 'clientip', 'clientIp', 'ip', 'remoteAddr'],
  method: ['method', 'verb', 'requestMethod'],
  uri: ['path', 'url', 'requestUri'],
  host: ['domain', 'vhost', 'server', 'hostname'],
  addresses: ['upstream', 'upstreamhost', 'upstreamAddr', 'backend', 'ua'],
  statuses: ['upstreamStatus', 'us'],
  connectTimes: ['upstreamConnectTime', 'uct'],
  headerTimes: ['upstreamHeaderTime', 'uht'],
  responseTimes: ['upstreamtime', 'upstreamResponseTime', 'upstream_time', 'urt'],
  requestId: ['requestId', 'x_request_id', 'request-id', 'trace_id'],
};
const keysOf = Object.fromEntries(Object.entries(accessRoles).map(([role, names]) => [role, [...names, ...(more[role] ?? [])]]));

/** A date in any of the forms that nginx writes, or null. */
function timeOf(entry: JsonObject): { readonly at: number | null; readonly zoned: boolean } {
  const text = firstText(entry, dateKeys);
  if (/^\d{10}(?:\.\d{1,6})?$/.test(text)) return { at: Math.round(Number(text) * 1000), zoned: true };
  if (/^\d{13}$/.test(text)) return { at: Number(text), zoned: true };
  const common = commonMs(text, 0);
  if (!Number.isNaN(common)) return { at: common, zoned: true };
  const moment = isoMoment(text, 0);
  return { at: moment?.at ?? null, zoned: moment?.zoned ?? true };
}

function read(line: string): AccessRecord | null {
  const whole = objectOf(line);
  if (whole === null) return null;
  // Some collectors, and some formats, put everything one level down.
  const entry = 'status' in whole ? whole : (childOf(whole, 'nginx') ?? childOf(whole, 'http') ?? whole);
  // JSON of balancers that have a family of their own.
  if (foreign.some((name) => name in entry)) return null;
  const key = 'status' in entry ? 'status' : 'status_code' in entry ? 'status_code' : 'response_code';
  const status = statusIn(entry, key);
  if (status === null) return null;
  const get = (role: keyof typeof accessRoles): string => firstText(entry, keysOf[role] ?? []);
  const request = get('request');
  const uri = get('uri');
  const addresses = get('addresses');
  // A number alone makes no access line: who asked for what has to be there too.
  if (request === '' && uri === '' && addresses === '') return null;
  const time = timeOf(entry === whole ? whole : { ...whole, ...entry });
  return accessRecordOf(
    {
      client: get('client'),
      method: get('method'),
      request,
      uri,
      args: uri.includes('?') ? '' : get('args'),
      host: get('host'),
      status: String(status),
      addresses,
      statuses: get('statuses'),
      connectTimes: get('connectTimes'),
      headerTimes: get('headerTimes'),
      responseTimes: get('responseTimes'),
      upstreamBytes: get('upstreamBytes'),
      requestId: get('requestId'),
      pool: get('pool'),
    },
    time.at,
    time.zoned,
    secondsMs(firstText(entry, durationKeys)),
  );
}

/** The format; also for a JSON message that travels in syslog. */
export const nginxJsonFormat = accessFormat('nginx-json', 'nginx', null, read);

/** nginx access log in JSON. */
export const nginxJsonLog: LogFamily = {
  id: 'nginx-json',
  title: 'nginx access log in JSON (escape=json)',
  product: 'nginx',
  kind: 'access',
  fields: [
    { name: 'nginx variable names as keys', meaning: 'as in nginx access log: client, method, path, host, upstream tries, request id' },
    { name: dateKeys.join(', '), meaning: 'when the request ended: ISO 8601, nginx local time, seconds or milliseconds' },
    { name: 'status, status_code, response_code', meaning: 'status; without it, and without a request or upstream, the line is not read' },
    { name: durationKeys.join(', '), meaning: 'duration, in seconds' },
    ...Object.entries(more).map(([role, names]) => ({ name: (names ?? []).join(', '), meaning: `beside nginx's names for ${role}` })),
  ],
  samples: [
    '{"at":"2026-11-23T21:12:50+00:00","status":502,"request":"GET /x \\"y HTTP/1.1","upstream_addr":"10.0.0.1:80, 10.0.0.2:80","upstream_status":"502, 502","upstream_header_time":"-, -","agent":"a"}',
    '{"time_local":"23/Nov/2026:21:12:50 +0000","remote_addr":"203.0.113.7","request_method":"GET","request_uri":"/orders","status":"504","request_time":"60.001","upstream_addr":"10.0.0.1:80","upstream_status":"504","upstream_response_time":"60.001","request_id":"f0a1b2c3d4e5f60718293a4b5c6d7e8f"}',
  ],
  detect: (lines) => (linesRead(nginxJsonFormat, lines) > 0 ? nginxJsonFormat : null),
};
