// Logs of Python application servers: gunicorn's and uWSGI's. Tracebacks span lines and end in one that is not indented, so what begins a
// record is told by what does not look like a continuation.
import type { AccessRecord, ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { ctimeMoment, isoMoment } from './dates.ts';
import { errorFormat, linesRead, message } from './detect.ts';
import { orNull, statusOf } from './raw-access.ts';
import { accessRecord } from './record.ts';

const longest = 32_768;
const levels: Readonly<Record<string, string>> = { CRITICAL: 'crit', ERROR: 'error', WARNING: 'warn', INFO: 'info', DEBUG: 'debug' };

/** Lines that a traceback of Python consists of. */
export const continuesTraceback = (line: string): boolean =>
  line === '' ||
  line.charCodeAt(0) <= 32 ||
  /^(?:[A-Za-z_][\w.]{0,200}(?:Error|Exception|Exit|Interrupt|Timeout|DoesNotExist|Warning)(?::|$)|During handling of the above|The above exception was)/.test(
    line.slice(0, 256),
  );

const gunicornTail = /^\] \[(\d{1,10})\] \[(CRITICAL|ERROR|WARNING|INFO|DEBUG)\] /;
/** Up to version 18 the date stood without brackets. */
const gunicornOldTail = /^ \[(\d{1,10})\] \[(CRITICAL|ERROR|WARNING|INFO|DEBUG)\] /;
const gunicornCut =
  /^(?:\[(\d{1,10})\] )?(?:\[(CRITICAL|ERROR|WARNING|INFO|DEBUG)\] )?(?=WORKER TIMEOUT \(pid:|Worker \(pid:\d{1,10}\) (?:was|exited)|Worker with pid \d|Worker failed to boot|Error handling request |Exception in worker process|Booting worker with pid: \d|Ignoring EPIPE|Starting gunicorn )/;

function readGunicorn(record: string): ErrorRecord | null {
  const isOld = record[0] === '2';
  if (record[0] !== '[' && !isOld) return null;
  const moment = isoMoment(record, isOld ? 0 : 1);
  if (moment === null) return null;
  // `2026-11-23 23:51:58 +0000`: the zone stands behind a blank.
  const zone = /^ ([+-])(\d\d)(\d\d)/.exec(record.slice(moment.end, moment.end + 6));
  const shift = zone === null ? 0 : (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3])) * 60_000;
  const from = moment.end + (zone === null ? 0 : 6);
  const tail = (isOld ? gunicornOldTail : gunicornTail).exec(record.slice(from, from + 40));
  if (tail === null) return null;
  return gunicornMessage(
    record.slice(from + tail[0].length),
    { at: moment.at - shift, zoned: moment.zoned || zone !== null },
    levels[tail[2] ?? ''] ?? null,
    Number(tail[1]),
  );
}

/** What gunicorn says behind date, process and level. */
export function gunicornMessage(
  text: string,
  moment: { readonly at: number | null; readonly zoned: boolean } | null,
  level: string | null,
  pid: number | null,
): ErrorRecord {
  const path = /^Error handling request (\/\S{0,2048})/.exec(text)?.[1] ?? null;
  return message('gunicorn', text.slice(0, longest), moment, { level, pid, request: path });
}

/** A message of gunicorn in syslog or the journal, which may carry its own head too. */
export const gunicornInside = (text: string): ErrorRecord | null => readGunicorn(text);

const gunicorn = errorFormat(
  'gunicorn',
  'gunicorn',
  readGunicorn,
  (line) =>
    line.includes('] [') && (line[0] === '[' ? isoMoment(line, 1) !== null : line[0] === '2' && readGunicorn(line.slice(0, 80)) !== null),
);

const gunicornPart = errorFormat(
  'gunicorn-undated',
  'gunicorn',
  (record) => {
    const head = gunicornCut.exec(record.slice(0, 200));
    if (head === null) return null;
    const [all, pid, level = ''] = head;
    return gunicornMessage(record.slice(all.length), null, levels[level] ?? null, pid === undefined ? null : Number(pid));
  },
  (line) => gunicornCut.test(line.slice(0, 200)),
);

/** gunicorn's lines without a date. */
export const gunicornUndated: LogFamily = {
  id: 'gunicorn-undated',
  title: 'gunicorn error log, lines without their date',
  product: 'gunicorn',
  kind: 'error',
  fields: [
    { name: 'date', meaning: 'missing: such lines have no time' },
    { name: '[pid]', meaning: 'master or worker, where it is there' },
    { name: '[LEVEL]', meaning: 'level, where it is there' },
    { name: 'message and traceback', meaning: 'the message' },
    { name: 'Error handling request PATH', meaning: 'request' },
  ],
  // Lines of gunicorn 20.1 with parts cut off.
  samples: [
    '[CRITICAL] WORKER TIMEOUT (pid:10134)',
    'Worker with pid 10252 was terminated due to signal 9',
    '[10134] [ERROR] Error handling request /raise\nTraceback (most recent call last):\n  File "/tmp/A/up.py", line 6, in app\n    raise RuntimeError(1)\nRuntimeError: 1',
  ],
  detect: (lines) => (linesRead(gunicornPart, lines) > 0 ? gunicornPart : null),
};

/** gunicorn's error log. */
export const gunicornLog: LogFamily = {
  id: 'gunicorn',
  title: 'gunicorn error log',
  product: 'gunicorn',
  kind: 'error',
  fields: [
    { name: '[date zone]', meaning: 'when it was written' },
    { name: '[pid]', meaning: 'master or worker' },
    { name: '[LEVEL]', meaning: 'level: CRITICAL ERROR WARNING INFO DEBUG' },
    { name: 'message and traceback', meaning: 'the message' },
    { name: 'Error handling request PATH', meaning: 'request' },
    { name: 'access log', meaning: "gunicorn's default is letter for letter nginx's combined, and read as that" },
  ],
  // Recorded from gunicorn 20.1.
  samples: [
    '[2026-11-23 23:52:07 +0000] [9646] [CRITICAL] WORKER TIMEOUT (pid:10134)',
    '[2026-11-23 23:52:01 +0000] [10134] [ERROR] Error handling request /raise\nTraceback (most recent call last):\n  File "/usr/lib/python3/dist-packages/gunicorn/workers/sync.py", line 136, in handle\n    self.handle_request(listener, req, client, addr)\n  File "/tmp/A/up.py", line 6, in app\n    if p==\'/raise\': raise RuntimeError(\'database went away\')\nRuntimeError: database went away',
    '[2026-11-23 23:52:07 +0000] [9646] [WARNING] Worker with pid 10252 was terminated due to signal 9',
    // As version 0.9 wrote it.
    '2010-07-28 23:01:19 [5869] [CRITICAL] WORKER TIMEOUT (pid:5870)',
  ],
  detect: (lines) => (linesRead(gunicorn, lines) > 0 ? gunicorn : null),
};

const uwsgiRequest =
  /^\[pid: \d{1,10}\|app: [-\d]{1,10}\|req: [-\d/]{1,30}\] (\S{0,64}) \(([^)]{0,256})\) \{\d+ vars in \d+ bytes\} \[([^\]]{24})\] (\S{1,20}) (\S{0,8192}) => generated \d+ bytes in (\d+) (msecs|micros|secs)(?: via \w+\(\))? \(HTTP\/\d(?:\.\d)? (\d{3})\)/;

function readUwsgiRequest(line: string): AccessRecord | null {
  if (!line.startsWith('[pid: ')) return null;
  const match = uwsgiRequest.exec(line.length > 16_384 ? line.slice(0, 16_384) : line);
  if (match === null) return null;
  const [, client = '', , date = '', method = '', path = '', took = '', unit = '', code = ''] = match;
  const moment = ctimeMoment(date, 0);
  return accessRecord({
    at: moment?.at ?? null,
    zoned: false,
    client: orNull(client),
    method: orNull(method),
    path: orNull(path),
    status: statusOf(code),
    durationMs: Number(took) * ({ msecs: 1, micros: 0.001 }[unit] ?? 1000),
    answeredBy: 'self',
  });
}

const uwsgiOwn =
  /^(?:\*\*\* |!!! |\.\.\.|--- |-- |DAMN ! |Respawned |SIGPIPE|SIGINT\/SIGTERM|HARAKIRI|F\*CK|TERMINATING|worker \d|spawned uWSGI|gracefully |goodbye to uWSGI|uwsgi[_ (]|uWSGI |invalid request block|WSGI app|listen queue|Traceback \(most recent call last\)|Segmentation|(?:bind|accept|write|writev|socket|recv)\(\): |IOError|OSError|\[uwsgi|\[busyness\]|\[cheaper|\[emperor\])/;
const uwsgiStart =
  /^(?:compiled with version|os: |nodename: |machine: |clock source: |pcre jit|detected |current working directory|your |lock engine|thunder lock|mapped \d|Python |PEP 405|Set PythonHome|chdir\(\)|closing all non-uwsgi|found fd|running \/|binary reloading|\s\*\*\* WARNING|setgid\(\)|setuid\(\)|dropping root|uWSGI running as root|WSGI app \d|uwsgi socket \d|\*\*\* (?:WARNING: you are running uWSGI as root|Python threads support|Operational MODE|uWSGI is running in multiple))/;

/** What uWSGI says of itself; `sure` is true where uWSGI is known to have written it. Null for what may be the application's own output. */
export function uwsgiMessage(
  text: string,
  moment: { readonly at: number | null; readonly zoned: boolean } | null,
  level: string | null,
  pid: number | null,
  sure: boolean,
): ErrorRecord | null {
  const dated = ctimeMoment(text, 0);
  const isDated = dated !== null && text.startsWith(' - ', dated.end);
  const said = (isDated ? text.slice(dated.end + 3) : text).slice(0, longest);
  if (!isDated && !sure && (!uwsgiOwn.test(said.slice(0, 64)) || uwsgiStart.test(said.slice(0, 64)))) return null;
  const request = /managing request (\S{1,2048}) since|HARAKIRI \[core \d+\] \S+ - (\S+ \S{1,2048}) since/.exec(said.slice(0, 4096));
  return message('uwsgi', said, isDated ? dated : moment, { level, pid, request: request?.[1] ?? request?.[2] ?? null });
}

const uwsgi: LogFormat = {
  id: 'uwsgi',
  product: 'uwsgi',
  dialect: null,
  access: readUwsgiRequest,
  error: (record) => uwsgiMessage(record, null, null, null, false),
  // Below a traceback of Python, and below uWSGI's own backtrace, nothing begins.
  begins: (line) => !continuesTraceback(line) && !/\) \[0x[0-9a-f]{6,16}\]$/.test(line.slice(-24)),
  isFurniture: (line) => uwsgiStart.test(line.slice(0, 64)),
};

/** uWSGI. */
export const uwsgiLog: LogFamily = {
  id: 'uwsgi',
  title: 'uWSGI: request lines and its own messages',
  product: 'uwsgi',
  kind: 'access',
  fields: [
    { name: '[pid|app|req]', meaning: 'skipped' },
    { name: 'address', meaning: 'client' },
    { name: '[date]', meaning: 'when the request began, local time without a zone' },
    { name: 'METHOD URI', meaning: 'method and path' },
    { name: 'generated … in N msecs', meaning: 'duration' },
    { name: '(HTTP/1.1 CODE)', meaning: 'status' },
    { name: 'date - message, *** … ***, DAMN !, HARAKIRI, Traceback …', meaning: 'messages; some have no date' },
    { name: 'start-up facts', meaning: 'known and skipped' },
  ],
  // Recorded from uWSGI 2.0.21.
  samples: [
    '[pid: 9669|app: 0|req: 1/2] 127.0.0.1 () {24 vars in 252 bytes} [Mon Nov 23 23:52:02 2026] GET /500 => generated 3 bytes in 0 msecs (HTTP/1.1 500) 1 headers in 64 bytes (1 switches on core 0)',
    'Mon Nov 23 23:52:07 2026 - *** HARAKIRI ON WORKER 1 (pid: 9668, try: 1) ***',
    'DAMN ! worker 1 (pid: 9668) died, killed by signal 9 :( trying respawn ...',
    '!!! uWSGI process 9669 got Segmentation Fault !!!',
  ],
  detect: (lines) => (linesRead(uwsgi, lines) > 0 ? uwsgi : null),
};
