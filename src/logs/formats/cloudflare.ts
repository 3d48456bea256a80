// Cloudflare's Logpush, dataset http_requests: one JSON object per line, with the fields that the job names.
import type { AccessRecord, LogFamily } from '../records.ts';
import { isoMoment } from './dates.ts';
import { accessFormat, linesRead } from './detect.ts';
import { firstText, numberOf, objectOf, statusIn, textOf, type JsonObject } from './json-line.ts';
import { orNull } from './raw-access.ts';
import { accessRecord, tryOf } from './record.ts';

/** Cloudflare writes times as RFC 3339, seconds or nanoseconds, as the job is configured. */
function cloudflareTime(entry: JsonObject, key: string): number | null {
  const value = numberOf(entry, key);
  if (value === null) return isoMoment(textOf(entry, key), 0)?.at ?? null;
  return value > 1e17 ? Math.floor(value / 1e6) : value > 1e11 ? value : value * 1000;
}

function readCloudflare(line: string): AccessRecord | null {
  const entry = objectOf(line);
  if (entry === null || !('EdgeResponseStatus' in entry)) return null;
  const status = statusIn(entry, 'EdgeResponseStatus');
  const begun = cloudflareTime(entry, 'EdgeStartTimestamp') ?? cloudflareTime(entry, 'Datetime');
  const ended = cloudflareTime(entry, 'EdgeEndTimestamp');
  const origin = orNull(textOf(entry, 'OriginIP'));
  const originStatus = statusIn(entry, 'OriginResponseStatus');
  const knowsOrigin = 'OriginResponseStatus' in entry;
  const originTime = numberOf(entry, 'OriginResponseTime');
  const own = status !== null && status >= 520 && status <= 530;
  return accessRecord({
    at: begun ?? ended,
    client: orNull(textOf(entry, 'ClientIP')),
    method: orNull(textOf(entry, 'ClientRequestMethod')),
    path: orNull(firstText(entry, ['ClientRequestURI', 'ClientRequestPath'])),
    host: orNull(textOf(entry, 'ClientRequestHost')),
    status,
    durationMs: begun === null || ended === null ? null : Math.max(0, ended - begun),
    requestId: orNull(textOf(entry, 'RayID')),
    tries:
      origin === null
        ? []
        : [
            tryOf(origin, {
              status: originStatus,
              connectMs: positive(numberOf(entry, 'OriginTCPHandshakeDurationMs')),
              headerMs: originStatus === null ? null : positive(numberOf(entry, 'OriginResponseHeaderReceiveDurationMs')),
              responseMs: positive(numberOf(entry, 'OriginResponseDurationMs') ?? (originTime === null ? null : originTime / 1e6)),
            }),
          ],
    backend: origin,
    answeredBy: !knowsOrigin ? null : originStatus === null || own ? 'self' : 'upstream',
    reason: orNull(firstText(entry, ['SecurityAction', 'WAFAction']).replace(/^(?:unknown|none|log)$/i, '')),
  });
}

const positive = (value: number | null): number | null => (value === null || value <= 0 ? null : value);
const cloudflare = accessFormat('cloudflare', 'cloudflare', null, readCloudflare);

/** Cloudflare Logpush. */
export const cloudflareLog: LogFamily = {
  id: 'cloudflare',
  title: 'Cloudflare Logpush, http_requests',
  product: 'cloudflare',
  kind: 'access',
  fields: [
    { name: 'EdgeStartTimestamp, EdgeEndTimestamp', meaning: 'when the request began; with the end: the duration' },
    { name: 'ClientIP', meaning: 'client' },
    { name: 'ClientRequestMethod, ClientRequestURI, ClientRequestHost', meaning: 'method, path, host' },
    { name: 'EdgeResponseStatus', meaning: 'status' },
    { name: 'OriginResponseStatus', meaning: 'status of the origin; 0 where it did not answer' },
    { name: 'OriginIP', meaning: 'backend' },
    {
      name: 'OriginTCPHandshakeDurationMs, OriginResponseHeaderReceiveDurationMs, OriginResponseDurationMs, OriginResponseTime',
      meaning: 'times of the origin',
    },
    { name: 'RayID', meaning: 'request id' },
    { name: 'SecurityAction, WAFAction', meaning: 'reason' },
  ],
  // After the field list of the dataset http_requests in Cloudflare's documentation.
  samples: [
    '{"ClientIP":"203.0.113.7","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestURI":"/orders","EdgeEndTimestamp":"2026-11-23T07:20:19Z","EdgeResponseBytes":1935,"EdgeResponseStatus":522,"EdgeStartTimestamp":"2026-11-23T07:20:00Z","OriginIP":"198.51.100.1","OriginResponseStatus":0,"OriginResponseDurationMs":0,"RayID":"48b371889c489b2c"}',
  ],
  detect: (lines) => (linesRead(cloudflare, lines) > 0 ? cloudflare : null),
};
