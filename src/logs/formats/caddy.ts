// Caddy writes one JSON object (or console line) per line: requests, errors about them, and whatever else it has to say.
import type { AccessRecord, ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { isoMoment, slashMoment } from './dates.ts';
import { linesRead, message } from './detect.ts';
import { childOf, numberOf, objectOf, statusIn, textOf, type JsonObject } from './json-line.ts';
import { orNull } from './raw-access.ts';
import { accessRecord } from './record.ts';

const longest = 32_768;

/** `ts` is seconds since 1970 by default, and a date in the other encoders. */
function timeOf(entry: JsonObject): { readonly at: number | null; readonly zoned: boolean } {
  const seconds = numberOf(entry, 'ts');
  if (seconds !== null) return { at: Math.round(seconds * 1000), zoned: true };
  const moment = isoMoment(textOf(entry, 'ts').replaceAll('/', '-'), 0);
  return { at: moment?.at ?? null, zoned: moment?.zoned ?? false };
}

function access(line: string): AccessRecord | null {
  const entry = entryOf(line);
  if (entry === null || !('ts' in entry) || !textOf(entry, 'logger').startsWith('http.log.access')) return null;
  const request = childOf(entry, 'request');
  if (request === null) return null;
  const duration = numberOf(entry, 'duration');
  const status = statusIn(entry, 'status');
  return accessRecord({
    ...timeOf(entry),
    client: orNull(textOf(request, 'client_ip')) ?? orNull(textOf(request, 'remote_ip')) ?? orNull(textOf(request, 'remote_addr')),
    method: orNull(textOf(request, 'method')),
    path: orNull(textOf(request, 'uri')),
    host: orNull(textOf(request, 'host')),
    status,
    durationMs: duration === null ? null : duration * 1000,
    requestId: orNull(textOf(entry, 'uuid')) ?? orNull(textOf(entry, 'request_id')),
    answeredBy: answererOf(entry),
  });
}

/** The console encoder: `2026/11/23 23:52:03.190	ERROR	http.log.error	message	{…}`; blanks where a page swallowed the tabs. */
const consoleHead =
  /^(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:\t| {1,8})(DEBUG|INFO|WARN|ERROR|DPANIC|PANIC|FATAL)(?:(?:\t| {1,8})((?:http|tls|admin|caddy|layer4|docker-proxy|pki|watcher|events)(?:\.[\w-]{1,60}){0,8}))?(?:\t| {1,8})/;
/** Caddy 1: `23/Nov/2026:23:52:03 +0000 [ERROR 502 /refused] dial tcp …`. */
const version1 =
  /^(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}) \[(ERROR|WARN|INFO|NOTICE|PANIC)(?: (\d{3}))?(?: (\/[^\]\s]{0,2048}))?\] /;

/** The beginning of an entry whose end is missing: who quotes such a line often cuts the headers off. */
const cutHead =
  /^\{"level":"([a-z]{4,6})","ts":(\d{10}(?:\.\d{1,9})?|"[^"]{10,40}"),(?:"logger":"(http\.log\.error[\w.-]{0,60}|tls[\w.-]{0,60})",)?"msg":"((?:[^"\\]|\\.){1,2048})"[,}]/;

function cutEntry(line: string): JsonObject | null {
  const head = line.startsWith('{"level":') ? cutHead.exec(line.slice(0, 4096)) : null;
  if (head === null) return null;
  const [, level = '', ts = '', logger = '', msg = ''] = head;
  return { level, ts: ts.startsWith('"') ? ts.slice(1, -1) : Number(ts), logger, msg: msg.replaceAll(/\\(["\\/])/g, '$1') };
}

/** The entry of a line in either of its dialects, with the keys of the JSON one. */
function entryOf(line: string): JsonObject | null {
  if (line[0] === '{') return objectOf(line) ?? cutEntry(line);
  const head = line[4] === '/' ? consoleHead.exec(line.slice(0, 300)) : null;
  if (head === null) return null;
  const [all, date = '', level = '', logger = ''] = head;
  const rest = line.slice(all.length, all.length + longest);
  // The message of an application may hold braces; what Caddy appends stands behind a tab, or at least ends the line.
  const tab = rest.lastIndexOf('\t{');
  const open = tab >= 0 ? tab + 1 : rest.indexOf(' {') + 1;
  const more = open > 0 ? objectOf(rest.slice(open)) : null;
  return { ...more, ts: date, level: level.toLowerCase(), logger, msg: (more === null ? rest : rest.slice(0, open)).trim() };
}

function errorOfFirst(line: string): ErrorRecord | null {
  const head = line[2] === '/' ? version1.exec(line.slice(0, 2400)) : null;
  if (head === null) return null;
  const [all, date = '', level = '', , path] = head;
  const moment = slashMoment(date, 0);
  return message('caddy', line.slice(all.length, all.length + longest), moment, {
    level: level.toLowerCase(),
    request: path ?? null,
    upstream: upstreamIn.exec(line.slice(all.length, all.length + 1024))?.[1] ?? null,
  });
}

/** A response of a server carries the server's own `Server` header beside Caddy's, or a `Via` of Caddy; its own errors carry Caddy's alone. */
function answererOf(entry: JsonObject): AccessRecord['answeredBy'] {
  const headers = childOf(entry, 'resp_headers');
  const servers = headers?.['Server'];
  if (headers === null || headers === undefined) return null;
  if (Array.isArray(headers['Via']) && headers['Via'].some((via) => String(via).includes('Caddy'))) return 'upstream';
  return Array.isArray(servers) && servers.some((name) => name !== 'Caddy') ? 'upstream' : null;
}

const upstreamIn = /\b(?:dial tcp|dial unix|read tcp [^\s]{1,80}->|upstream) ?([\w.:[\]/-]{3,200}?)(?::(?: |$)|$)/;

function error(line: string): ErrorRecord | null {
  const entry = entryOf(line);
  if (entry === null || !('ts' in entry) || !('msg' in entry) || !('level' in entry)) return null;
  const logger = textOf(entry, 'logger');
  if (logger.startsWith('http.log.access')) return null;
  const request = childOf(entry, 'request');
  const said = textOf(entry, 'msg');
  const detail = textOf(entry, 'error');
  const text = detail === '' ? said : `${said}: ${detail}`;
  const method = request === null ? '' : textOf(request, 'method');
  return message('caddy', text, timeOf(entry), {
    level:
      textOf(entry, 'level')
        .toLowerCase()
        .replace(/^warning$/, 'warn')
        .replace(/^(?:panic|fatal|dpanic)$/, 'emerg') || null,
    client: request === null ? null : (orNull(textOf(request, 'client_ip')) ?? orNull(textOf(request, 'remote_ip'))),
    request: request === null || method === '' ? null : `${method} ${textOf(request, 'uri')} ${textOf(request, 'proto')}`.trimEnd(),
    host: request === null ? null : orNull(textOf(request, 'host')),
    upstream: orNull(textOf(entry, 'upstream')) ?? orNull(textOf(entry, 'dial')) ?? upstreamIn.exec(text.slice(0, 1024))?.[1] ?? null,
  });
}

const format: LogFormat = {
  id: 'caddy',
  product: 'caddy',
  dialect: null,
  access,
  error: (line) => error(line) ?? errorOfFirst(line),
  begins: null,
  isFurniture: null,
};

/** Caddy's log. */
export const caddyLog: LogFamily = {
  id: 'caddy',
  title: 'Caddy: access and errors, in JSON and as on a console; errors of Caddy 1',
  product: 'caddy',
  kind: 'access',
  fields: [
    { name: 'ts; first column', meaning: 'when the request ended; a console line has local time without a zone' },
    { name: 'logger', meaning: 'http.log.access…: a request; anything else: a message' },
    { name: 'request.client_ip, request.remote_ip', meaning: 'client' },
    { name: 'request.method, request.uri, request.host', meaning: 'method, path, host' },
    { name: 'status', meaning: 'status' },
    { name: 'duration', meaning: 'duration, in seconds' },
    { name: 'resp_headers.Server, resp_headers.Via', meaning: 'upstream answered, where a server named itself' },
    { name: 'uuid, request_id', meaning: 'request id, where configured' },
    { name: 'level, msg, error', meaning: 'level and message of an error' },
    { name: 'upstream, dial', meaning: 'upstream of an error; else the address in the message' },
  ],
  // Recorded from Caddy 2.6.
  samples: [
    '{"level":"info","ts":1795477923.1550214,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"51210","proto":"HTTP/1.1","method":"GET","host":"127.0.0.1:18140","uri":"/","headers":{"User-Agent":["curl/7.88.1"],"Accept":["*/*"]}},"user_id":"","duration":0.000057055,"size":2,"status":200,"resp_headers":{"Server":["Caddy"],"Content-Type":["text/plain; charset=utf-8"]}}',
    '{"level":"error","ts":1795477923.234794,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"51230","proto":"HTTP/1.1","method":"GET","host":"127.0.0.1:18140","uri":"/app/500","headers":{"User-Agent":["curl/7.88.1"],"Accept":["*/*"]}},"user_id":"","duration":0.00152051,"size":3,"status":500,"resp_headers":{"Content-Type":["text/plain"],"Server":["Caddy","gunicorn"],"Date":["Mon, 23 Nov 2026 23:52:03 GMT"]}}',
    '{"level":"error","ts":1795477923.1908376,"logger":"http.log.error.log0","msg":"dial tcp 127.0.0.1:18199: connect: connection refused","request":{"remote_ip":"127.0.0.1","remote_port":"51218","proto":"HTTP/1.1","method":"GET","host":"127.0.0.1:18140","uri":"/refused","headers":{"User-Agent":["curl/7.88.1"],"Accept":["*/*"]}},"duration":0.000281299,"status":502,"err_id":"j6b5sp9ea","err_trace":"reverseproxy.statusError (reverseproxy.go:1272)"}',
    '{"level":"warn","ts":1795477918.871385,"logger":"admin","msg":"admin endpoint disabled"}',
    // The console encoder as zap documents it, and Caddy 1 after its own documentation.
    '2026/11/23 23:52:03.190\tERROR\thttp.log.error.log0\tdial tcp 127.0.0.1:18199: connect: connection refused\t{"request": {"remote_ip": "127.0.0.1", "proto": "HTTP/1.1", "method": "GET", "host": "127.0.0.1:18140", "uri": "/refused"}, "duration": 0.000281299, "status": 502}',
    '2026/11/23 23:52:03.234\tERROR\thttp.log.access.log0\thandled request\t{"request": {"remote_ip": "127.0.0.1", "proto": "HTTP/1.1", "method": "GET", "host": "127.0.0.1:18140", "uri": "/app/500"}, "duration": 0.00152051, "status": 500, "resp_headers": {"Server": ["Caddy", "gunicorn"]}}',
    '2026/11/23 23:52:03.190 ERROR http.log.error tls: first record does not look like a TLS handshake',
    '23/Nov/2026:23:52:03 +0000 [ERROR 502 /refused] dial tcp 127.0.0.1:18199: connect: connection refused',
  ],
  detect: (lines) => (linesRead(format, lines) > 0 ? format : null),
};
