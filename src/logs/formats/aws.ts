// Access logs of Amazon's load balancers: Application Load Balancer and the classic one.
import type { AccessRecord, LogFamily } from '../records.ts';
import { isoMoment } from './dates.ts';
import { accessFormat, linesRead } from './detect.ts';
import { orNull, secondsMs, statusOf } from './raw-access.ts';
import { accessRecord, tryOf, urlParts, withoutPort } from './record.ts';
import { quotedWords } from './words.ts';

const number = /^-?\d+(?:\.\d+)?$/;

interface Parts {
  readonly date: string;
  readonly client: string;
  readonly target: string;
  /** request, target (backend), response. */
  readonly times: readonly [string, string, string];
  readonly status: string;
  readonly targetStatus: string;
  readonly request: string;
}

function recordOf(
  parts: Parts,
  more: { readonly created?: string; readonly requestId?: string; readonly pool?: string; readonly reason?: string | null },
): AccessRecord | null {
  const moment = isoMoment(parts.date, 0);
  const status = statusOf(parts.status);
  if (moment === null || (status === null && parts.status !== '-') || !parts.times.every((time) => number.test(time))) return null;
  const [method = '', url = ''] = parts.request.split(' ', 3);
  const { host, path } = urlParts(url);
  const target = orNull(parts.target);
  const targetStatus = statusOf(parts.targetStatus);
  const times = parts.times.map(secondsMs);
  const headerMs = times[1] ?? null;
  const begun = more.created === undefined ? null : isoMoment(more.created, 0);
  const sum = times.includes(null) ? null : times.reduce<number>((total, time) => total + (time ?? 0), 0);
  return accessRecord({
    at: moment.at,
    client: withoutPort(parts.client),
    method: orNull(method),
    path,
    host,
    status,
    durationMs: begun === null ? sum : Math.max(0, moment.at - begun.at),
    requestId: orNull(more.requestId ?? ''),
    tries: target === null ? [] : [tryOf(target, { status: targetStatus, headerMs })],
    backend: target ?? orNull(more.pool ?? ''),
    answeredBy: targetStatus === null ? 'self' : 'upstream',
    reason: more.reason ?? null,
  });
}

const albTypes = new Set(['http', 'https', 'h2', 'grpcs', 'ws', 'wss']);

function readAlb(line: string): AccessRecord | null {
  const blank = line.indexOf(' ');
  if (blank < 2 || blank > 5 || !albTypes.has(line.slice(0, blank))) return null;
  const words = quotedWords(line, 29);
  if (words === null || words.length < 17) return null;
  const [, date = '', , client = '', target = '', t1 = '', t2 = '', t3 = '', status = '', targetStatus = '', , , request = ''] = words;
  const group = /targetgroup\/([^/\s]{1,64})\//.exec(words[16] ?? '')?.[1] ?? '';
  const why = orNull(words[24] ?? '');
  const actions = orNull(words[22] ?? '');
  return recordOf(
    { date, client, target, times: [t1, t2, t3], status, targetStatus, request },
    {
      ...(words[21] === undefined ? {} : { created: words[21] }),
      requestId: words[17] ?? '',
      pool: group,
      // What was done instead of forwarding tells as much as an error reason.
      reason: why ?? (actions === null || /(?:^|,)forward$/.test(actions) ? null : actions),
    },
  );
}

function readClassic(line: string): AccessRecord | null {
  if (line[4] !== '-' || line[10] !== 'T' || !line.includes('Z ', 19)) return null;
  const words = quotedWords(line, 15);
  if (words === null || words.length < 12) return null;
  const [date = '', , client = '', target = '', t1 = '', t2 = '', t3 = '', status = '', targetStatus = '', , , request = ''] = words;
  if (!/:\d+$/.test(client)) return null;
  return recordOf({ date, client, target, times: [t1, t2, t3], status, targetStatus, request }, {});
}

const alb = accessFormat('aws-alb', 'aws-alb', null, readAlb);
const classic = accessFormat('aws-elb', 'aws-alb', null, readClassic);

const fields: LogFamily['fields'] = [
  { name: 'time', meaning: 'when the response was sent, UTC' },
  { name: 'client:port', meaning: 'client' },
  { name: 'target:port, backend:port', meaning: 'backend; - where none was chosen or reached' },
  {
    name: 'request, target and response processing time',
    meaning: 'seconds, together the duration; the middle one is the time until the header; -1 where there was no answer',
  },
  { name: 'elb_status_code', meaning: 'status' },
  { name: 'target_status_code, backend_status_code', meaning: 'status of the try; a number proves that the backend answered' },
  { name: 'request', meaning: 'method, host and path' },
];

/** AWS Application Load Balancer. */
export const awsAlbLog: LogFamily = {
  id: 'aws-alb',
  title: 'AWS Application Load Balancer',
  product: 'aws-alb',
  kind: 'access',
  fields: [
    { name: 'type', meaning: 'http https h2 grpcs ws wss' },
    ...fields,
    { name: 'request_creation_time', meaning: 'with time: the duration' },
    { name: 'trace_id', meaning: 'request id' },
    { name: 'target_group_arn', meaning: 'its name is the backend where no target was reached' },
    { name: 'error_reason, else actions_executed other than forward', meaning: 'reason' },
    { name: 'all others, also future ones', meaning: 'skipped' },
  ],
  // After the examples in Elastic Load Balancing's user guide, "Access logs for your Application Load Balancer".
  samples: [
    'https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" 1 2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-"',
    'http 2018-11-30T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 - 0.000 0.001 0.000 502 - 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337364-23a8c76965a2ef7629b185e3" "-" "-" 0 2018-11-30T22:22:48.364000Z "forward" "-" "LambdaInvalidResponse" "-" "-" "-" "-"',
  ],
  detect: (lines) => (linesRead(alb, lines) > 0 ? alb : null),
};

/** AWS Classic Load Balancer. */
export const awsClassicLog: LogFamily = {
  id: 'aws-elb',
  title: 'AWS Classic Load Balancer',
  product: 'aws-alb',
  kind: 'access',
  fields,
  // After the examples in Elastic Load Balancing's guide to classic load balancers.
  samples: [
    '2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -',
    '2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 - -1 -1 -1 503 0 0 0 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -',
  ],
  detect: (lines) => (linesRead(classic, lines) > 0 ? classic : null),
};
