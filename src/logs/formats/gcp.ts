// Access log of Google Cloud's HTTP(S) load balancers, as Cloud Logging exports it: one JSON object per line.
import type { AccessRecord, LogFamily } from '../records.ts';
import { isoMoment } from './dates.ts';
import { accessFormat, linesRead } from './detect.ts';
import { childOf, objectOf, statusIn, textOf } from './json-line.ts';
import { orNull } from './raw-access.ts';
import { accessRecord, tryOf, urlParts } from './record.ts';

function readGcp(line: string): AccessRecord | null {
  const entry = objectOf(line);
  const request = entry === null ? null : childOf(entry, 'httpRequest');
  if (entry === null || request === null) return null;
  const payload = childOf(entry, 'jsonPayload');
  const resource = childOf(entry, 'resource');
  const details = payload === null ? '' : textOf(payload, 'statusDetails');
  if (details === '' && !/load_balancer|lb_rule|http_lb/.test(resource === null ? '' : textOf(resource, 'type'))) return null;
  const moment = isoMoment(textOf(entry, 'timestamp'), 0);
  const labels = resource === null ? null : childOf(resource, 'labels');
  const { host, path } = urlParts(textOf(request, 'requestUrl'));
  const server = orNull(textOf(request, 'serverIp'));
  const status = statusIn(request, 'status');
  const latency = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(textOf(request, 'latency'));
  const answeredBy = details === '' ? null : details === 'response_sent_by_backend' ? 'upstream' : 'self';
  const pool = labels === null ? null : orNull(textOf(labels, 'backend_service_name') || textOf(labels, 'backend_name'));
  return accessRecord({
    at: moment?.at ?? null,
    client: orNull(textOf(request, 'remoteIp')),
    method: orNull(textOf(request, 'requestMethod')),
    path,
    host,
    status,
    durationMs: latency === null ? null : Number(latency[1]) * 1000,
    requestId: orNull(textOf(entry, 'trace').replace(/^.*\//, '')) ?? orNull(textOf(entry, 'insertId')),
    tries: server === null ? [] : [tryOf(server, { status: answeredBy === 'upstream' ? status : null })],
    backend: server ?? pool,
    answeredBy,
    reason: details === '' || details === 'response_sent_by_backend' ? null : details,
  });
}

const gcp = accessFormat('gcp-lb', 'gcp-lb', null, readGcp);

/** Google Cloud load balancers. */
export const gcpLog: LogFamily = {
  id: 'gcp-lb',
  title: 'Google Cloud HTTP(S) load balancer (Cloud Logging JSON)',
  product: 'gcp-lb',
  kind: 'access',
  fields: [
    { name: 'timestamp', meaning: 'when the balancer got the request, UTC' },
    { name: 'httpRequest.remoteIp', meaning: 'client' },
    { name: 'httpRequest.requestMethod, requestUrl', meaning: 'method, host, path' },
    { name: 'httpRequest.status', meaning: 'status; 0 where the client left' },
    { name: 'httpRequest.latency', meaning: 'duration' },
    { name: 'httpRequest.serverIp, else resource.labels.backend_service_name', meaning: 'backend' },
    { name: 'jsonPayload.statusDetails', meaning: 'reason; response_sent_by_backend: the backend answered' },
    { name: 'trace, else insertId', meaning: 'request id' },
  ],
  // After the field list in "Global external Application Load Balancer logging and monitoring".
  samples: [
    '{"insertId":"1mfolnrg3bk9yz2","jsonPayload":{"@type":"type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry","backendTargetProjectNumber":"projects/1234567890","statusDetails":"failed_to_connect_to_backend"},"httpRequest":{"requestMethod":"GET","requestUrl":"http://shop.example/orders","requestSize":"120","status":502,"responseSize":"477","userAgent":"curl/7.88.1","remoteIp":"203.0.113.7","serverIp":"10.128.0.5","latency":"0.002113s"},"resource":{"type":"http_load_balancer","labels":{"backend_service_name":"shop-backend","forwarding_rule_name":"shop-rule","project_id":"my-project","target_proxy_name":"shop-proxy","url_map_name":"shop-map","zone":"global"}},"timestamp":"2026-11-23T07:20:00.456789Z","severity":"WARNING","logName":"projects/my-project/logs/requests","trace":"projects/my-project/traces/06796866738c859f2f19b7cfb3214824","receiveTimestamp":"2026-11-23T07:20:01.123Z","spanId":"000000000000004a"}',
  ],
  detect: (lines) => (linesRead(gcp, lines) > 0 ? gcp : null),
};
