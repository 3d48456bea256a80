// The logs around PHP: php-fpm's own, its slow log with stack traces, and PHP's error_log.
import type { ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { dashMoment } from './dates.ts';
import { errorFormat, linesRead, message } from './detect.ts';

const longest = 32_768;

interface Stamp {
  readonly at: number;
  readonly zoned: boolean;
  /** Index behind `] `. */
  readonly end: number;
}

/** `[23-Nov-2026 07:18:28] ` with or without fraction and zone; null where it is not there. Zones but UTC are names and not resolved. */
function stampOf(line: string): Stamp | null {
  if (line[0] !== '[') return null;
  const moment = dashMoment(line, 1);
  if (moment === null) return null;
  const close = line.indexOf(']', moment.end);
  if (close < 0 || close > moment.end + 40) return null;
  const zone = line.slice(moment.end, close).trim();
  if (!/^[\w/+-]{0,38}$/.test(zone)) return null;
  return { at: moment.at, zoned: zone === 'UTC', end: line[close + 1] === ' ' ? close + 2 : close + 1 };
}

const begins = (line: string): boolean => stampOf(line) !== null;

const fpmLevel = /^\[?(DEBUG|NOTICE|WARNING|ERROR|ALERT)(?:\]|:) (?:pid (\d{1,10}), \w{1,64}\(\), line \d{1,6}: )?/;
const fpmLevels: Readonly<Record<string, string>> = { DEBUG: 'debug', NOTICE: 'notice', WARNING: 'warn', ERROR: 'error', ALERT: 'alert' };

/** What php-fpm says behind its date, or in syslog behind its level in brackets; null where there is no level. */
export function fpmMessage(text: string, moment: { readonly at: number | null; readonly zoned: boolean } | null): ErrorRecord | null {
  const level = fpmLevel.exec(text.slice(0, 128));
  if (level === null) return null;
  const said = text.slice(level[0].length, longest);
  const request = /\(request: "([^"\n]{1,2048})"\)/.exec(said.slice(0, 4096));
  return message('php-fpm', said, moment, {
    level: fpmLevels[level[1] ?? ''] ?? null,
    request: request?.[1] ?? null,
    pid: level[2] === undefined ? null : Number(level[2]),
  });
}

function readFpm(record: string): ErrorRecord | null {
  const stamp = stampOf(record);
  return stamp === null ? null : fpmMessage(record.slice(stamp.end), stamp);
}

function readSlow(record: string): ErrorRecord | null {
  const stamp = stampOf(record);
  if (stamp === null) return null;
  const said = record.slice(stamp.end, longest).trimStart();
  const head = /^\[pool [^\]\n]{1,100}\] pid (\d{1,10})/.exec(said.slice(0, 160));
  return head === null ? null : message('php-fpm', said, stamp, { level: 'warn', pid: Number(head[1]) });
}

const severity =
  /^(?:PHP )?(Fatal error|Parse error|Recoverable fatal error|Catchable fatal error|Warning|Notice|Deprecated|Strict Standards|User \w{1,20}|Core \w{1,20}|Compile \w{1,20}):/;

/** What PHP says behind its date: its own errors, and what an application logged with error_log. */
export function phpMessage(text: string, moment: { readonly at: number | null; readonly zoned: boolean } | null): ErrorRecord {
  const said = text.slice(0, longest);
  const word = severity.exec(said.slice(0, 64))?.[1] ?? '';
  const level = word === '' ? null : /error|fatal/i.test(word) ? 'error' : /warning/i.test(word) ? 'warn' : 'notice';
  return message('php', said, moment, { level });
}

function readPhp(record: string): ErrorRecord | null {
  const stamp = stampOf(record);
  if (stamp === null) return null;
  const rest = record.slice(stamp.end, stamp.end + 128);
  // The other two logs share the date and are told by what follows it.
  return rest === '' || fpmLevel.test(rest) || /^\s?\[pool /.test(rest) ? null : phpMessage(record.slice(stamp.end), stamp);
}

/** php-fpm's own log. */
export const fpmFormat: LogFormat = errorFormat('php-fpm', 'php-fpm', readFpm, begins);
/** php-fpm's slow log. */
export const fpmSlowFormat: LogFormat = errorFormat('php-fpm-slow', 'php-fpm', readSlow, begins, (line) => line === '');
/** PHP's error_log. */
export const phpErrorFormat: LogFormat = errorFormat('php-error', 'php', readPhp, begins);

/** php-fpm's own log. */
export const phpFpmLog: LogFamily = {
  id: 'php-fpm',
  title: 'php-fpm log',
  product: 'php-fpm',
  kind: 'error',
  fields: [
    { name: '[date]', meaning: 'local time without a zone' },
    { name: 'LEVEL', meaning: 'DEBUG NOTICE WARNING ERROR ALERT' },
    { name: 'pid N, function(), line N', meaning: 'only with log_level = debug; process' },
    { name: '[pool NAME] message', meaning: 'the message' },
    { name: '(request: "…")', meaning: 'request, where a script was slow or ended' },
  ],
  samples: [
    '[23-Nov-2026 07:18:28] WARNING: [pool www] server reached pm.max_children setting (2), consider raising it',
    `[23-Nov-2026 07:18:28.123456] WARNING: pid 1270, fpm_request_check_timed_out(), line 281: [pool www] child 3952, script '/srv/app/sleep.php' (request: "GET /sleep.php?s=10") execution timed out (3.017650 sec), terminating`,
    '[23-Nov-2026 07:18:28] NOTICE: fpm is running, pid 1270',
  ],
  detect: (lines) => (linesRead(fpmFormat, lines) > 0 ? fpmFormat : null),
};

/** php-fpm's slow log. */
export const phpFpmSlowLog: LogFamily = {
  id: 'php-fpm-slow',
  title: 'php-fpm slow log',
  product: 'php-fpm',
  kind: 'error',
  fields: [
    { name: '[date]', meaning: 'local time without a zone' },
    { name: '[pool NAME] pid N', meaning: 'pool and process; part of the message, whose level is always warn' },
    { name: 'script_filename', meaning: 'the script; part of the message' },
    { name: '[0x…] function() file:line', meaning: 'where it was; part of the message' },
  ],
  samples: [
    '[23-Nov-2026 07:18:28]  [pool www] pid 3952\nscript_filename = /srv/app/sleep.php\n[0x00007f0c4b6140a0] sleep() /srv/app/sleep.php:2',
  ],
  detect: (lines) => (linesRead(fpmSlowFormat, lines) > 0 ? fpmSlowFormat : null),
};

/** PHP's error_log. */
export const phpErrorLog: LogFamily = {
  id: 'php-error',
  title: 'PHP error_log',
  product: 'php',
  kind: 'error',
  fields: [
    { name: '[date zone]', meaning: 'UTC is resolved; with any other zone name the time counts as local' },
    { name: 'PHP Fatal error, PHP Warning …', meaning: 'level: error, warn or notice' },
    { name: 'message and stack trace', meaning: 'the message' },
  ],
  samples: [
    '[23-Nov-2026 07:18:28 UTC] PHP Fatal error:  Uncaught Error: Call to undefined function nope() in /srv/app/x.php:3\nStack trace:\n#0 {main}\n  thrown in /srv/app/x.php on line 3',
    '[23-Nov-2026 07:18:28 Asia/Shanghai] PHP Warning:  Undefined variable $x in /srv/app/w.php on line 2',
  ],
  detect: (lines) => (linesRead(phpErrorFormat, lines) > 0 ? phpErrorFormat : null),
};
