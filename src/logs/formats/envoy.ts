// Envoy's access log: its default text, Istio's longer text, and JSON with the key names that Istio, Envoy Gateway and most guides use.
import type { AccessRecord, LogFamily, LogFormat } from '../records.ts';
import { isoMoment } from './dates.ts';
import { accessFormat, linesRead } from './detect.ts';
import { firstText, objectOf, type JsonObject } from './json-line.ts';
import { orNull, statusOf } from './raw-access.ts';
import { accessRecord, tryOf, withoutPort } from './record.ts';
import { quotedWords } from './words.ts';

interface Parts {
  readonly date: string;
  readonly method: string;
  readonly path: string;
  readonly code: string;
  readonly flags: string;
  readonly details: string;
  readonly failure: string;
  readonly duration: string;
  readonly serviceTime: string;
  readonly client: string;
  readonly requestId: string;
  readonly authority: string;
  readonly upstream: string;
  readonly cluster: string;
}

const flagsShape = /^(?:-|[A-Z]{2,6}(?:,[A-Z]{2,6}){0,9})$/;
const milliseconds = (text: string): number | null => (/^\d{1,12}(?:\.\d+)?$/.test(text) ? Number(text) : null);

/** Who answered. Without details only the flags tell: none with a host is the host's answer, and URX alone passes the last answer on. */
function answererOf(flags: string, details: string, hasHost: boolean): AccessRecord['answeredBy'] {
  if (details !== '' && details !== '-') return details.startsWith('via_upstream') ? 'upstream' : 'self';
  if (flags === '-' || flags === '') return hasHost ? 'upstream' : 'self';
  return flags === 'URX' && hasHost ? 'upstream' : 'self';
}

function recordOf(parts: Parts): AccessRecord | null {
  const moment = isoMoment(parts.date, 0);
  if (moment === null || !flagsShape.test(parts.flags === '' ? '-' : parts.flags)) return null;
  const code = parts.code === '0' ? null : statusOf(parts.code);
  if (code === null && parts.code !== '0' && parts.code !== '-') return null;
  const upstream = orNull(parts.upstream)?.replace(/^tcp:\/\//, '') ?? null;
  const answeredBy = answererOf(parts.flags, parts.details, upstream !== null);
  const headerMs = milliseconds(parts.serviceTime);
  const words = [
    parts.flags === '-' ? '' : parts.flags,
    parts.details === '-' || parts.details === 'via_upstream' ? '' : parts.details,
    parts.failure === '-' ? '' : parts.failure,
  ].filter((word) => word !== '');
  return accessRecord({
    at: moment.at,
    zoned: moment.zoned,
    client: orNull(parts.client),
    method: orNull(parts.method),
    path: orNull(parts.path),
    host: orNull(parts.authority),
    status: code,
    durationMs: milliseconds(parts.duration),
    requestId: orNull(parts.requestId),
    tries: upstream === null ? [] : [tryOf(upstream, { status: answeredBy === 'upstream' ? code : null, headerMs })],
    backend: upstream ?? orNull(parts.cluster),
    answeredBy,
    reason: words.length === 0 ? null : words.join(' '),
  });
}

const firstOf = (list: string): string => list.split(',', 1)[0]?.trim() ?? '';

function readText(line: string): AccessRecord | null {
  if (line[0] !== '[' || line[5] !== '-' || line[11] !== 'T') return null;
  const close = line.indexOf('] "', 20);
  if (close < 0 || close > 40) return null;
  const words = quotedWords(line.slice(close + 2), 24);
  if (words === null || words.length < 12) return null;
  const [request = '', code = '', flags = ''] = words;
  const [method = '', path = ''] = request.split(' ', 3);
  // Istio has details, a termination reason and a quoted failure in front of the bytes.
  const isLong = !/^\d+$/.test(words[3] ?? '');
  const rest = words.slice(isLong ? 6 : 3);
  const [, , duration = '', serviceTime = '', forwarded = '', , requestId = '', authority = '', upstream = '', cluster = ''] = rest;
  if (rest.length < 9) return null;
  return recordOf({
    date: line.slice(1, close),
    method,
    path,
    code,
    flags,
    details: isLong ? (words[3] ?? '') : '',
    failure: isLong ? (words[5] ?? '') : '',
    duration,
    serviceTime,
    client: isLong && /:\d+$/.test(rest[12] ?? '') ? withoutPort(rest[12] ?? '') : firstOf(forwarded),
    requestId,
    authority,
    upstream,
    cluster,
  });
}

const keys = {
  date: ['start_time', 'timestamp', 'time', '@timestamp'],
  method: ['method', ':method', 'request_method'],
  path: ['path', 'x-envoy-origin-path', ':path', 'request_path'],
  code: ['response_code'],
  flags: ['response_flags'],
  details: ['response_code_details'],
  failure: ['upstream_transport_failure_reason'],
  duration: ['duration'],
  serviceTime: [
    'upstream_service_time',
    'x-envoy-upstream-service-time',
    'x_envoy_upstream_service_time',
    'resp(x-envoy-upstream-service-time)',
  ],
  requestId: ['request_id', 'x-request-id', 'x_request_id'],
  authority: ['authority', ':authority', 'authority_for'],
  upstream: ['upstream_host'],
  cluster: ['upstream_cluster', 'route_name'],
} as const;

function readJson(line: string): AccessRecord | null {
  const entry: JsonObject | null = objectOf(line);
  if (entry === null || !('response_code' in entry) || !('response_flags' in entry)) return null;
  const get = (role: keyof typeof keys): string => firstText(entry, keys[role]);
  const remote = firstText(entry, ['downstream_remote_address']);
  return recordOf({
    date: get('date').replace(/^\[|\]$/g, ''),
    method: get('method'),
    path: get('path'),
    code: get('code'),
    flags: get('flags'),
    details: get('details'),
    failure: get('failure'),
    duration: get('duration'),
    serviceTime: get('serviceTime'),
    client: remote === '' ? firstOf(firstText(entry, ['x_forwarded_for', 'x-forwarded-for'])) : withoutPort(remote),
    requestId: get('requestId'),
    authority: get('authority'),
    upstream: get('upstream'),
    cluster: get('cluster'),
  });
}

const text: LogFormat = accessFormat('envoy', 'envoy', null, readText);
const json: LogFormat = accessFormat('envoy-json', 'envoy', null, readJson);

const fields: LogFamily['fields'] = [
  { name: 'START_TIME', meaning: 'when the request began, UTC' },
  { name: ':METHOD, :PATH, :AUTHORITY', meaning: 'method, path, host' },
  { name: 'RESPONSE_CODE', meaning: 'status; 0 nothing was sent' },
  { name: 'RESPONSE_FLAGS, RESPONSE_CODE_DETAILS, UPSTREAM_TRANSPORT_FAILURE_REASON', meaning: 'reason; who answered' },
  { name: 'DURATION', meaning: 'duration, in milliseconds' },
  { name: 'X-ENVOY-UPSTREAM-SERVICE-TIME', meaning: 'milliseconds until the header came' },
  { name: 'DOWNSTREAM_REMOTE_ADDRESS, else X-FORWARDED-FOR', meaning: 'client' },
  { name: 'X-REQUEST-ID', meaning: 'request id' },
  { name: 'UPSTREAM_HOST, else UPSTREAM_CLUSTER', meaning: 'backend' },
];

/** Envoy's text formats. */
export const envoyLog: LogFamily = {
  id: 'envoy',
  title: 'Envoy access log, default text and Istio',
  product: 'envoy',
  kind: 'access',
  fields,
  // After Envoy's documentation of the default format string, and Istio's of its own.
  samples: [
    '[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"',
    '[2026-11-23T07:20:00.310Z] "GET /orders HTTP/1.1" 503 UF,URX 0 91 3004 - "-" "curl/7.88.1" "0b4e3a57-0f0e-9a4c-b1c3-0d5b2a3f9f10" "shop.example" "10.0.2.1:8080"',
    '[2026-11-23T07:20:00.456Z] "POST /api/orders HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - "delayed connect error: 111" 156 91 4 - "-" "python-requests/2.31.0" "f47ac10b-58cc-4372-a567-0e02b2c3d479" "orders.production.svc.cluster.local" "10.244.3.12:8080" outbound|8080||orders.production.svc.cluster.local - 10.96.45.67:8080 10.244.1.5:33210 - default',
  ],
  detect: (lines) => (linesRead(text, lines) > 0 ? text : null),
};

/** Envoy's JSON. */
export const envoyJsonLog: LogFamily = {
  id: 'envoy-json',
  title: 'Envoy access log, JSON',
  product: 'envoy',
  kind: 'access',
  fields: [
    ...fields,
    { name: 'key names', meaning: 'start_time, method, path, response_code, response_flags … as Istio and Envoy Gateway write them' },
  ],
  samples: [
    '{"start_time":"2026-11-23T07:20:00.456Z","method":"GET","path":"/orders","protocol":"HTTP/1.1","response_code":503,"response_flags":"UH","response_code_details":"no_healthy_upstream","connection_termination_details":null,"upstream_transport_failure_reason":null,"bytes_received":0,"bytes_sent":19,"duration":0,"upstream_service_time":null,"x_forwarded_for":null,"user_agent":"curl/7.88.1","request_id":"a279ad6e-0e1c-98ea-9d74-d6028e2017f8","authority":"shop.example","upstream_host":null,"upstream_cluster":"outbound|80||frontend.shop.svc.cluster.local","upstream_local_address":null,"downstream_local_address":"10.96.1.1:80","downstream_remote_address":"172.17.0.1:4767","requested_server_name":null,"route_name":"default"}',
  ],
  detect: (lines) => (linesRead(json, lines) > 0 ? json : null),
};
