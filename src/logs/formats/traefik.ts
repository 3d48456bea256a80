// Traefik: access log in its common format and in JSON, and what it logs of itself as JSON or key=value.
import type { AccessRecord, ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { commonMs, isoMoment } from './dates.ts';
import { linesRead, message } from './detect.ts';
import { firstText, numberOf, objectOf, statusIn, textOf } from './json-line.ts';
import { orNull, statusOf } from './raw-access.ts';
import { accessRecord, tryOf, withoutPort } from './record.ts';

const tail = /" (\d+|-) (\d+|-) "((?:[^"\\]|\\.){0,2048})" "((?:[^"\\]|\\.){0,2048})" (\d+) "([^"]{0,512})" "([^"]{0,512})" (\d+)ms\s*$/;

const serverOf = (url: string): string | null => {
  const bare = url.replace(/^[a-z]{2,6}:\/\//, '').replace(/\/.*$/, '');
  return bare === '' || bare === '-' ? null : bare;
};

function readCommon(line: string): AccessRecord | null {
  if (!line.trimEnd().endsWith('ms') || line.length > 32_768) return null;
  const open = line.indexOf(' [');
  if (open < 3 || open > 300) return null;
  const at = commonMs(line, open + 2);
  if (Number.isNaN(at) || !line.startsWith('] "', open + 28)) return null;
  const requestEnd = line.indexOf('" ', open + 31);
  if (requestEnd < 0) return null;
  const match = tail.exec(line.slice(requestEnd));
  if (match === null) return null;
  const [method = '', path = ''] = line.slice(open + 31, requestEnd).split(' ', 3);
  const status = statusOf(match[1] ?? '');
  const server = serverOf(match[7] ?? '');
  return accessRecord({
    at,
    client: line.slice(0, line.indexOf(' ')),
    method: orNull(method),
    path: orNull(path),
    // This format logs the status of the origin, or Traefik's own where there was none.
    status,
    durationMs: Number(match[8]),
    tries: server === null ? [] : [tryOf(server)],
    backend: server,
    answeredBy: server === null ? 'self' : null,
  });
}

const nanoseconds = (value: number | null): number | null => (value === null ? null : value / 1e6);

function readJson(line: string): AccessRecord | null {
  const entry = objectOf(line);
  if (entry === null || !('DownstreamStatus' in entry)) return null;
  const moment = isoMoment(firstText(entry, ['StartUTC', 'time', 'StartLocal']), 0);
  const originStatus = statusIn(entry, 'OriginStatus');
  const server = serverOf(firstText(entry, ['ServiceURL', 'ServiceAddr', 'BackendURL', 'BackendAddr']));
  const headerMs = nanoseconds(numberOf(entry, 'OriginDuration'));
  // Traefik passes its own 502 and 504 on as if an origin had written them; an origin that did not answer took no time to write content.
  const answeredBy = server === null || originStatus === null ? 'self' : originStatus === 502 || originStatus === 504 ? null : 'upstream';
  return accessRecord({
    at: moment?.at ?? null,
    zoned: moment?.zoned ?? true,
    client: orNull(textOf(entry, 'ClientHost')) ?? orNull(withoutPort(textOf(entry, 'ClientAddr'))),
    method: orNull(textOf(entry, 'RequestMethod')),
    path: orNull(textOf(entry, 'RequestPath')),
    host: orNull(textOf(entry, 'RequestHost')) ?? orNull(textOf(entry, 'RequestAddr')),
    status: statusIn(entry, 'DownstreamStatus'),
    durationMs: nanoseconds(numberOf(entry, 'Duration')),
    requestId: orNull(firstText(entry, ['request_X-Request-Id', 'TraceId', 'RequestID'])),
    tries:
      server === null
        ? []
        : [tryOf(server, { status: originStatus, headerMs: answeredBy === 'upstream' ? headerMs : null, responseMs: headerMs })],
    backend: server ?? orNull(firstText(entry, ['ServiceName', 'BackendName'])),
    answeredBy,
  });
}

const levels: Readonly<Record<string, string>> = {
  err: 'error',
  wrn: 'warn',
  warning: 'warn',
  inf: 'info',
  dbg: 'debug',
  trc: 'debug',
  fatal: 'emerg',
  ftl: 'emerg',
  panic: 'emerg',
};
const keyValue = /^time="?([^"\s]{19,40})"? level=(\w{3,8}) msg=(?:"((?:[^"\\]|\\.){0,8192})"|(\S+))(.*)$/s;
const console3 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)) (TRC|DBG|INF|WRN|ERR|FTL|PNC) (?:\S{1,200}:\d{1,6} > )?(.*)$/s;

function readOwn(line: string): ErrorRecord | null {
  const kv = line.startsWith('time=') ? keyValue.exec(line.slice(0, 16_384)) : null;
  if (kv !== null) {
    const detail = /\berror="((?:[^"\\]|\\.){0,4096})"/.exec(kv[5] ?? '')?.[1];
    const said = (kv[3] ?? kv[4] ?? '').replaceAll('\\"', '"');
    return message('traefik', detail === undefined ? said : `${said}: ${detail}`, isoMoment(kv[1] ?? '', 0), {
      level: levels[kv[2] ?? ''] ?? kv[2] ?? null,
    });
  }
  const text = line[10] === 'T' ? console3.exec(line.slice(0, 16_384)) : null;
  if (text === null) return null;
  const level = (text[2] ?? '').toLowerCase();
  return message('traefik', text[3] ?? '', isoMoment(text[1] ?? '', 0), { level: levels[level] ?? level });
}

/** Traefik 3 writes its own log as JSON with `level`, `message` or `msg`, and `time`, and names the entry point, router or provider. */
function readOwnJson(line: string): ErrorRecord | null {
  const entry = objectOf(line);
  if (entry === null || !('level' in entry) || 'DownstreamStatus' in entry) return null;
  const isOurs = ['entryPointName', 'routerName', 'providerName', 'serviceName', 'middlewareName', 'middlewareType'].some(
    (key) => key in entry,
  );
  if (!isOurs) return null;
  const said = firstText(entry, ['message', 'msg']);
  const detail = textOf(entry, 'error');
  const level = textOf(entry, 'level').toLowerCase();
  return message('traefik', detail === '' || said.includes(detail) ? said : `${said}: ${detail}`, isoMoment(textOf(entry, 'time'), 0), {
    level: levels[level] ?? level,
  });
}

const format: LogFormat = {
  id: 'traefik',
  product: 'traefik',
  dialect: null,
  access: (line) => (line[0] === '{' ? readJson(line) : readCommon(line)),
  error: (line) => (line[0] === '{' ? readOwnJson(line) : readOwn(line)),
  begins: null,
  isFurniture: null,
};

/** Traefik. */
export const traefikLog: LogFamily = {
  id: 'traefik',
  title: 'Traefik: access log (common and JSON) and its own log',
  product: 'traefik',
  kind: 'access',
  fields: [
    { name: 'StartUTC, time; timestamp', meaning: 'when the request began' },
    { name: 'ClientHost; first word', meaning: 'client' },
    { name: 'RequestMethod, RequestPath, RequestHost', meaning: 'method, path, host' },
    { name: 'DownstreamStatus', meaning: 'status' },
    { name: 'OriginStatus', meaning: 'status of the try; Traefik writes its own 502 and 504 there too' },
    { name: 'Duration, OriginDuration', meaning: 'nanoseconds: duration, and the time of the try' },
    { name: 'ServiceURL, ServiceAddr, else ServiceName', meaning: 'backend; none: Traefik answered' },
    { name: 'request_X-Request-Id, TraceId', meaning: 'request id, where configured' },
    { name: 'level, msg, message, error', meaning: 'level and message of its own log' },
  ],
  // After Traefik's documentation of access logs and logs.
  samples: [
    '203.0.113.7 - - [23/Nov/2026:07:20:00 +0000] "GET /orders HTTP/1.1" 502 11 "-" "curl/7.88.1" 42 "shop@docker" "http://10.0.0.5:8080" 3ms',
    '203.0.113.7 - - [23/Nov/2026:07:20:00 +0000] "GET /none HTTP/1.1" 404 19 "-" "-" 43 "-" "-" 0ms',
    '{"ClientAddr":"203.0.113.7:51210","ClientHost":"203.0.113.7","ClientPort":"51210","ClientUsername":"-","DownstreamContentSize":11,"DownstreamStatus":502,"Duration":3021456,"OriginContentSize":11,"OriginDuration":2913000,"OriginStatus":502,"Overhead":108456,"RequestAddr":"shop.example","RequestContentSize":0,"RequestCount":42,"RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"/orders","RequestPort":"-","RequestProtocol":"HTTP/1.1","RequestScheme":"http","RetryAttempts":0,"RouterName":"shop@docker","ServiceAddr":"10.0.0.5:8080","ServiceName":"shop@docker","ServiceURL":"http://10.0.0.5:8080","StartLocal":"2026-11-23T07:20:00.123456789Z","StartUTC":"2026-11-23T07:20:00.123456789Z","entryPointName":"web","level":"info","msg":"","time":"2026-11-23T07:20:00Z"}',
    'time="2026-11-23T07:20:00Z" level=debug msg="\'502 Bad Gateway\' caused by: dial tcp 10.0.0.5:8080: connect: connection refused"',
    '2026-11-23T07:20:00Z DBG github.com/traefik/traefik/v3/pkg/proxy/httputil/proxy.go:121 > 502 Bad Gateway error="dial tcp 10.0.0.5:8080: connect: connection refused"',
  ],
  detect: (lines) => (linesRead(format, lines) > 0 ? format : null),
};
