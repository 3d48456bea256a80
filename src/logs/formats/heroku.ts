// Heroku's router and platform: `key=value` lines about requests, and sentences about the processes behind them.
import type { AccessRecord, ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { isoMoment, type Moment } from './dates.ts';
import { linesRead, message } from './detect.ts';
import { orNull, statusOf } from './raw-access.ts';
import { accessRecord, tryOf } from './record.ts';

const longest = 8192;
/** The tag of the router, and of what runs the processes. */
const tags = /^heroku\[([\w.-]{1,40})\]: /;
const routed = /^(?:sock=\w{1,10} )?at=(?:info|error|warning) (?:code=H\d\d |method=[A-Z])/;
/** Before 2012: `Error H12 (Request timeout) -> POST host/path dyno=web.1 …`. */
const first = /^Error (H\d\d) \(([^()]{1,60})\) -> ([A-Z]{3,10}) ([^\s/]{1,255})(\/\S{0,2048})/;
const keyed = /(?:^| )(\w{2,12})=(?:"([^"]{0,4096})"|(\S{0,4096}))/g;

/** Who says it and where that begins; null for a line that Heroku did not write. */
function headOf(line: string): { readonly moment: Moment | null; readonly source: string; readonly text: string } | null {
  const text = line.length > longest ? line.slice(0, longest) : line;
  if (routed.test(text.slice(0, 80))) return { moment: null, source: 'router', text };
  const moment = isoMoment(text, 0);
  const from = moment === null ? 0 : moment.end + 1;
  const tag = tags.exec(text.slice(from, from + 60));
  if (tag === null) return null;
  return { moment, source: tag[1] ?? '', text: text.slice(from + tag[0].length) };
}

const millis = (text: string | undefined): number | null => {
  const match = /^(\d{1,9})ms$/.exec(text ?? '');
  return match === null ? null : Number(match[1]);
};

function access(line: string): AccessRecord | null {
  const head = headOf(line);
  if (head === null || head.source !== 'router') return null;
  const values = new Map<string, string>();
  for (const [, key = '', quoted, bare] of head.text.matchAll(keyed)) if (!values.has(key)) values.set(key, quoted ?? bare ?? '');
  const old = first.exec(head.text);
  const get = (key: string): string => values.get(key) ?? '';
  const status = statusOf(get('status'));
  if (status === null) return null;
  const code = old?.[1] ?? get('code');
  const why = old?.[2] ?? get('desc');
  const dyno = orNull(get('dyno'));
  const service = millis(get('service'));
  const connect = millis(get('connect'));
  return accessRecord({
    at: head.moment?.at ?? null,
    zoned: head.moment?.zoned ?? false,
    client: orNull(/^[^,\s]*/.exec(get('fwd'))?.[0] ?? ''),
    method: old?.[3] ?? orNull(get('method')),
    path: old?.[5] ?? orNull(get('path')),
    host: old?.[4] ?? orNull(get('host')),
    status,
    durationMs: service === null ? null : service + (connect ?? 0),
    requestId: orNull(get('request_id')),
    tries: dyno === null ? [] : [tryOf(dyno, { status: code === '' ? status : null, connectMs: connect })],
    backend: dyno,
    // The router names its own errors; all else came from the application.
    answeredBy: code === '' ? (dyno === null ? null : 'upstream') : 'self',
    reason: code === '' ? null : `${code} ${why}`.trimEnd(),
  });
}

function error(line: string): ErrorRecord | null {
  const head = headOf(line);
  if (head === null || head.source === 'router') return null;
  const isBad = /^Error |to crashed$|^Process exited with status [1-9]|SIGKILL/.test(head.text);
  return message('other', head.text, head.moment, { level: isBad ? 'error' : 'info' });
}

const format: LogFormat = {
  id: 'heroku',
  product: 'other',
  dialect: null,
  access,
  error,
  begins: null,
  isFurniture: null,
};

/** Heroku. */
export const herokuLog: LogFamily = {
  id: 'heroku',
  title: 'Heroku: router and platform',
  product: 'other',
  kind: 'access',
  fields: [
    { name: 'date', meaning: 'with a zone; missing where it was cut off' },
    { name: 'code, desc', meaning: 'reason; where they stand, the router answered itself' },
    { name: 'method, path, host', meaning: 'method, path, host' },
    { name: 'request_id', meaning: 'request id' },
    { name: 'fwd', meaning: 'client: the first address' },
    { name: 'dyno', meaning: 'backend; empty where none was asked' },
    { name: 'connect, service', meaning: 'milliseconds, together the duration' },
    { name: 'status', meaning: 'status' },
    { name: 'lines of heroku[web.1] and the like', meaning: 'message about a process; level: error where it ended, else info' },
  ],
  // After the examples in Heroku's own documentation of its router and of its error codes.
  samples: [
    '2026-11-23T23:52:03.155021+00:00 heroku[router]: at=error code=H12 desc="Request timeout" method=GET path="/" host=shop.example request_id=8601b555-6a83-4c12-8269-97c8e32cdb22 fwd="192.0.2.1" dyno=web.1 connect=1ms service=30000ms status=503 bytes=0 protocol=https',
    'at=error code=H10 desc="App crashed" method=GET path="/" host=shop.example request_id=8601b555-6a83-4c12-8269-97c8e32cdb22 fwd="192.0.2.1" dyno= connect= service= status=503 bytes= protocol=https',
    '2026-11-23T23:52:03+00:00 heroku[router]: Error H12 (Request timeout) -> POST shop.example/orders dyno=web.1 queue= wait= service=30000ms status=503 bytes=0',
    '2026-11-23T23:52:03.155021+00:00 heroku[web.1]: State changed from up to crashed',
  ],
  detect: (lines) => (linesRead(format, lines) > 0 ? format : null),
};
