// What services written in Node print: stack traces, requests of morgan, JSON lines of pino, bunyan and winston.
import type { AccessRecord, ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { isoMoment } from './dates.ts';
import { linesRead, message } from './detect.ts';
import { childOf, firstText, numberOf, objectOf, statusIn, textOf, type JsonObject } from './json-line.ts';
import { orNull, statusOf } from './raw-access.ts';
import { accessRecord } from './record.ts';

const longest = 32_768;
const pinoLevels: Readonly<Record<number, string>> = { 10: 'debug', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'emerg' };
const wordLevels: Readonly<Record<string, string>> = {
  error: 'error',
  err: 'error',
  warn: 'warn',
  warning: 'warn',
  info: 'info',
  http: 'info',
  verbose: 'debug',
  debug: 'debug',
  silly: 'debug',
  fatal: 'emerg',
  crit: 'crit',
  emerg: 'emerg',
  alert: 'alert',
  notice: 'notice',
};

function timeOf(entry: JsonObject): { readonly at: number | null; readonly zoned: boolean } {
  const number = numberOf(entry, 'time') ?? numberOf(entry, 'timestamp') ?? numberOf(entry, 'ts');
  if (number !== null) return { at: number > 1e11 ? number : number * 1000, zoned: true };
  const moment = isoMoment(firstText(entry, ['time', 'timestamp', '@timestamp', 'ts']), 0);
  return { at: moment?.at ?? null, zoned: moment?.zoned ?? false };
}

function requestOf(entry: JsonObject): JsonObject | null {
  const request = childOf(entry, 'req') ?? childOf(entry, 'request');
  return request !== null && ('method' in request || 'url' in request) ? request : null;
}

function accessJson(line: string): AccessRecord | null {
  const entry = objectOf(line);
  if (entry === null || !('level' in entry)) return null;
  const request = requestOf(entry);
  const response = childOf(entry, 'res') ?? childOf(entry, 'response');
  const status = response === null ? null : (statusIn(response, 'statusCode') ?? statusIn(response, 'status'));
  if (request === null || status === null) return null;
  const headers = childOf(request, 'headers');
  return accessRecord({
    ...timeOf(entry),
    client: orNull(firstText(request, ['remoteAddress', 'ip'])),
    method: orNull(textOf(request, 'method')),
    path: orNull(firstText(request, ['url', 'originalUrl', 'path'])),
    host: headers === null ? null : orNull(textOf(headers, 'host')),
    status,
    durationMs: numberOf(entry, 'responseTime') ?? numberOf(entry, 'duration'),
    requestId: orNull(textOf(request, 'id')) ?? orNull(firstText(entry, ['reqId', 'requestId', 'req_id'])),
    answeredBy: 'self',
  });
}

function errorJson(line: string): ErrorRecord | null {
  const entry = objectOf(line);
  if (entry === null || !('level' in entry) || !('time' in entry || 'timestamp' in entry || 'stack' in entry || '@timestamp' in entry))
    return null;
  const number = numberOf(entry, 'level');
  const level = number === null ? wordLevels[textOf(entry, 'level').toLowerCase()] : pinoLevels[number];
  if (level === undefined) return null;
  const failure = childOf(entry, 'err') ?? childOf(entry, 'error');
  const said = firstText(entry, ['msg', 'message']);
  const stack =
    failure === null
      ? textOf(entry, 'stack')
      : textOf(failure, 'stack') || [textOf(failure, 'type'), textOf(failure, 'message')].filter(Boolean).join(': ');
  if (said === '' && stack === '') return null;
  const request = requestOf(entry);
  return message(
    'node',
    (stack === '' ? said : stack.includes(said) && said !== '' ? stack : `${said}\n${stack}`).slice(0, longest).trim(),
    timeOf(entry),
    {
      level,
      request: request === null ? null : `${textOf(request, 'method')} ${firstText(request, ['url', 'originalUrl'])}`.trim(),
      requestId: orNull(firstText(entry, ['reqId', 'requestId', 'req_id'])),
      pid: numberOf(entry, 'pid'),
    },
  );
}

/** morgan's `tiny` and `dev`: `GET /x 500 45 - 12.3 ms`, `GET /x 500 12.3 ms - 45`. */
const morgan =
  /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/\S{0,8192}) (?:\u001B\[\d{0,2}m)?(\d{3}|-)(?:\u001B\[\d{0,2}m)? (?:(?:\d+|-) - (\d+(?:\.\d+)?|-) ms|(\d+(?:\.\d+)?|-) ms - (?:\d+|-))\s*$/;

function readMorgan(line: string): AccessRecord | null {
  const code = line.charCodeAt(0);
  if (code < 68 || code > 80 || line.length > 9000) return null;
  const match = morgan.exec(line);
  if (match === null) return null;
  const took = match[4] ?? match[5] ?? '-';
  return accessRecord({
    zoned: false,
    method: match[1] ?? null,
    path: match[2] ?? null,
    status: statusOf(match[3] ?? ''),
    durationMs: took === '-' ? null : Number(took),
    answeredBy: 'self',
  });
}

const thrown =
  /^(?:Uncaught |\[?Unhandled(?: Promise)? Rejection[^:]{0,40}: ?|\(node:\d{1,10}\) )?(?:\[?[A-Z]\w{0,60}(?:Error|Exception|Warning)\b|Error\b|FATAL ERROR|DeprecationWarning)/;
const printed = /^(?:node:internal\/|file:\/\/\/|\/[^\s:]{1,400}\.[cm]?[jt]s:\d{1,7}$|Node\.js v\d|<--- |\[HPM\] |App \[|PM2 )/;

/** What a service in Node prints, behind whatever carried it. `sure` is true where Node is known to have written it. */
export function nodeMessage(
  text: string,
  moment: { readonly at: number | null; readonly zoned: boolean } | null,
  level: string | null,
  pid: number | null,
  sure: boolean,
): ErrorRecord | null {
  // An exception that nobody caught begins with the place in the source; what it is stands below.
  const start = text.slice(0, 1024);
  const first = start.split('\n', 1)[0] ?? '';
  const isPlace = printed.test(first);
  // Python ends its traces in the same words, so a line alone is only believed where no Python exception has that name.
  const isAlone = /^(?:Uncaught )?Error: |^FATAL ERROR: |^\(node:\d/.test(first);
  if (!sure && !isPlace && !(thrown.test(start) && (isAlone || text.includes('\n    at ')))) return null;
  let said = text;
  if (isPlace) {
    const below = /\n((?:Uncaught )?[A-Z]\w{0,60}(?:Error|Exception)?(?: \[\w+\])?: [\s\S]*)$/.exec(text.slice(0, longest));
    if (below !== null) said = below[1] ?? text;
  }
  return message('node', said.slice(0, longest), moment, { level: level ?? (thrown.test(said.slice(0, 200)) ? 'error' : null), pid });
}

/** Indented lines, what closes a printed object, and Node's farewell belong to what stands above them. */
const continues = (line: string): boolean =>
  line === '' || line.charCodeAt(0) <= 32 || line[0] === '}' || line[0] === ']' || line.startsWith('Node.js v');

const format: LogFormat = {
  id: 'node',
  product: 'node',
  dialect: null,
  access: (line) => (line[0] === '{' ? accessJson(line) : readMorgan(line)),
  error: (record) => (record[0] === '{' ? errorJson(record) : nodeMessage(record, null, null, null, false)),
  begins: (line) => !continues(line),
  isFurniture: null,
};

/** Node. */
export const nodeLog: LogFamily = {
  id: 'node',
  title: 'Node: stack traces, morgan (tiny, dev), pino, bunyan and winston',
  product: 'node',
  kind: 'error',
  fields: [
    { name: 'req.method, req.url, req.headers.host, req.remoteAddress', meaning: 'method, path, host, client' },
    { name: 'res.statusCode', meaning: 'status' },
    { name: 'responseTime', meaning: 'duration, in milliseconds' },
    { name: 'time, timestamp', meaning: 'milliseconds, seconds or ISO 8601' },
    { name: 'level', meaning: 'level: pino numbers or words' },
    { name: 'pid', meaning: 'process' },
    { name: 'msg, message, err.stack, stack', meaning: 'the message' },
    { name: 'req.id, reqId, requestId', meaning: 'request id' },
    { name: 'Error: … and the lines `at …` below it', meaning: 'a message without a date' },
    { name: 'morgan combined', meaning: "letter for letter nginx's combined, and read as that" },
  ],
  // Recorded from Node 24 (traces); JSON after the documentation of pino and pino-http, winston, and morgan.
  samples: [
    'Error: query failed\n    at Server.<anonymous> (file:///tmp/A/node.mjs:2:233)\n    at Server.emit (node:events:514:28) {\n  [cause]: Error: timeout\n      at Server.<anonymous> (file:///tmp/A/node.mjs:2:267)\n}',
    "TypeError: Cannot read properties of undefined (reading 'id')\n    at Server.<anonymous> (file:///tmp/A/node.mjs:2:55)\n    at Server.emit (node:events:514:28)",
    '{"level":30,"time":1795477923155,"pid":4711,"hostname":"web-1","req":{"id":1,"method":"GET","url":"/orders","headers":{"host":"shop.example"},"remoteAddress":"10.0.0.9"},"res":{"statusCode":500},"responseTime":12,"msg":"request completed"}',
    '{"level":50,"time":1795477923155,"pid":4711,"hostname":"web-1","err":{"type":"Error","message":"connect ECONNREFUSED 127.0.0.1:5432","stack":"Error: connect ECONNREFUSED 127.0.0.1:5432\\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1637:16)"},"msg":"request errored"}',
    '{"level":"error","message":"payment gateway timed out","timestamp":"2026-11-23T23:52:03.155Z","service":"shop"}',
    'GET /orders 500 12.345 ms - 45',
  ],
  detect: (lines) => (linesRead(format, lines) > 0 ? format : null),
};
