// Apache's error log, of 2.4 with module, process and client, and of 2.2.
import type { ErrorRecord, LogFamily } from '../records.ts';
import { ctimeMoment } from './dates.ts';
import { errorFormat, linesRead, message } from './detect.ts';

const longest = 16_384;
const levels: Readonly<Record<string, string>> = { warning: 'warn' };
// Pages and terminals swallow the blank behind a bracket now and then.
const head24 = /^\[([\w-]{0,40}):([a-z]{4,7})(\d?)\] \[pid (\d{1,10})(?::tid \d{1,20})?\] ?/;
const head22 = /^\[(emerg|alert|crit|error|warn|notice|info|debug)\] ?/;
const clientPart = /^((?:\(\d{1,6}\)[^:\n]{1,120}: )?)\[(?:client|remote) ([^\]\s]{1,64})\] /;
const backendPart =
  /(?:attempt to connect to(?: Unix domain socket)?|(?:from|by) remote server|connection to backend:|error reading status line from remote server|disabling worker for) \(?(?!returned\b)([^\s()]{1,200})/;

/** Level and process behind Apache's date, and where its message begins; null where the head is not Apache's. */
export function apacheHead(text: string): { readonly level: string; readonly pid: number | null; readonly end: number } | null {
  const head = text.slice(0, 160);
  const new24 = head24.exec(head);
  if (new24 !== null) return { level: new24[2] ?? '', pid: Number(new24[4]), end: new24[0].length };
  const old22 = head22.exec(head);
  return old22 === null ? null : { level: old22[1] ?? '', pid: null, end: old22[0].length };
}

/** What Apache says behind its date. Null where the head is not Apache's. */
export function apacheMessage(text: string, moment: { readonly at: number | null; readonly zoned: boolean } | null): ErrorRecord | null {
  const head = apacheHead(text);
  return head === null ? null : apacheSaid(text.slice(head.end), moment, head.level, head.pid);
}

/** What Apache says behind its date, level and process. */
export function apacheSaid(
  text: string,
  moment: { readonly at: number | null; readonly zoned: boolean } | null,
  level: string | null,
  pid: number | null,
): ErrorRecord {
  let rest = text.slice(0, longest);
  const client = clientPart.exec(rest.slice(0, 256));
  if (client !== null) rest = `${client[1] ?? ''}${rest.slice(client[0].length)}`;
  const referer = rest.lastIndexOf(', referer: ');
  const said = referer > 0 && !rest.includes('\n', referer) ? rest.slice(0, referer) : rest;
  return message('apache', said, moment, {
    level: level === null ? null : level.startsWith('trace') ? 'debug' : (levels[level] ?? level),
    client: client === null ? null : withoutPort(client[2] ?? ''),
    upstream: backendPart.exec(said.slice(0, 1024))?.[1] ?? null,
    pid,
  });
}

/** `127.0.0.1:54736` and `[::1]:80` without the port; 2.2 writes none, and a bare IPv6 address has more than one colon. */
function withoutPort(address: string): string {
  const colon = address.lastIndexOf(':');
  if (colon < 0 || (address.indexOf(':') !== colon && !address.includes('.') && !address.startsWith('['))) return address;
  return address.slice(0, colon).replace(/^\[|\]$/g, '');
}

/** The date of a whole line of Apache's error log; null where there is none. */
export const datedApache = (line: string): ReturnType<typeof ctimeMoment> => {
  if (line[0] !== '[') return null;
  const moment = ctimeMoment(line, 1);
  return moment !== null && line.startsWith('] [', moment.end) ? moment : null;
};

function read(record: string): ErrorRecord | null {
  const moment = datedApache(record);
  return moment === null ? null : apacheMessage(record.slice(moment.end + 2), moment);
}

const format = errorFormat('apache-error', 'apache', read, (line) => datedApache(line) !== null);

/** Apache error log. */
export const apacheErrorLog: LogFamily = {
  id: 'apache-error',
  title: 'Apache error log (2.4 and 2.2)',
  product: 'apache',
  kind: 'error',
  fields: [
    { name: 'date', meaning: 'local time without a zone' },
    { name: '[module:level]', meaning: 'level; trace1 to trace8 count as debug' },
    { name: '[pid:tid]', meaning: 'process' },
    { name: '[client ADDRESS]', meaning: 'client, wherever it stands' },
    { name: '(errno)text, AH code, message', meaning: 'the message; a trailing referer is cut' },
    { name: 'backend in the message', meaning: 'upstream' },
  ],
  // Recorded from Apache 2.4.
  samples: [
    '[Mon Nov 23 23:52:02.875858 2026] [proxy:error] [pid 9732:tid 9738] (111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:18199 (127.0.0.1:18199) failed',
    '[Mon Nov 23 23:52:02.875932 2026] [proxy_http:error] [pid 9732:tid 9738] [client 127.0.0.1:54736] AH01114: HTTP: failed to make connection to backend: 127.0.0.1',
    '[Mon Nov 23 23:52:05.442237 2026] [proxy_http:error] [pid 9733:tid 9774] (70007)The timeout specified has expired: [client 127.0.0.1:54776] AH01102: error reading status line from remote server 127.0.0.1:18100',
    '[Mon Nov 23 23:52:03 2026] [error] [client 127.0.0.1] proxy: Error reading from remote server returned by /app/sleep, referer: http://shop.example/',
    '[Mon Nov 23 23:52:03 2026] [error](111)Connection refused: proxy: HTTP: attempt to connect to 127.0.0.1:8080 (localhost) failed',
  ],
  detect: (lines) => (linesRead(format, lines) > 0 ? format : null),
};
