// What stands in front of a message that went through syslog or the journal: date, host, program, process. Every dialect of the header is
// read here, so that products need not know how their lines travelled.
import type { Product } from '../records.ts';
import { digits, isoMoment, syslogMoment, type Moment } from './dates.ts';

/** A header. `end` is where the message begins. */
export interface SyslogHeader {
  readonly moment: Moment | null;
  readonly program: string;
  readonly pid: number | null;
  /** From the priority number, as nginx's levels are called; null where there is none. */
  readonly level: string | null;
  readonly end: number;
}

const severities = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'] as const;

/** The level of a syslog severity, 0 to 7; null for anything else. */
export function levelOfSeverity(severity: number): string | null {
  return severities[severity] ?? null;
}

const longestName = 128;

/** Index of the first blank at or after `from`, not farther than a name is long; -1 where there is none. */
function blankAfter(line: string, from: number): number {
  for (let i = from; i < from + longestName && i < line.length; i++) if (line.charCodeAt(i) === 32) return i;
  return -1;
}

/** Words that stand where a program's name would, in front of a message that was dated and not sent through syslog. */
const isNoProgram = (name: string): boolean =>
  name.includes('#') || /^(?:EMERG|ALERT|CRIT|ERROR|WARN|WARNING|NOTICE|INFO|DEBUG)$|(?:Error|Exception)$/.test(name);

/** `program[pid]: ` or `program: ` at `from`; null where it is not there. */
function tagAt(
  line: string,
  from: number,
  isBehindHost = false,
): { readonly program: string; readonly pid: number | null; readonly end: number } | null {
  for (let i = from; i < from + longestName && i < line.length; i++) {
    const c = line[i];
    if (c === ' ' && !line.startsWith('php-fpm: ', from)) return null;
    if (c === '[') {
      const close = line.indexOf(']', i);
      if (i === from || close < 0 || close > i + 11 || line[close + 1] !== ':') return null;
      const pid = digits(line, i + 1, close - i - 1);
      const end = line[close + 2] === ' ' ? close + 3 : close + 2;
      if (!Number.isNaN(pid)) return { program: line.slice(from, i), pid, end };
      // Platforms write the name of the process for its number: `shop[web.1]: `.
      return isBehindHost && /^[a-z][\w.-]*$/.test(line.slice(i + 1, close)) ? { program: line.slice(from, i), pid: null, end } : null;
    }
    if (c === ':' && (line[i + 1] === ' ' || i + 1 === line.length)) {
      const program = line.slice(from, i);
      return i === from || isNoProgram(program) ? null : { program, pid: null, end: i + 2 };
    }
  }
  return null;
}

/** `host app pid msgid [data] message` of RFC 5424, behind the date. */
function newStyle(line: string, moment: Moment | null, from: number, level: string | null): SyslogHeader | null {
  const fields: string[] = [];
  let at = from;
  for (let i = 0; i < 4; i++) {
    const end = blankAfter(line, at);
    if (end < 0) return null;
    fields.push(line.slice(at, end));
    at = end + 1;
  }
  // Structured data: `-`, or elements in brackets whose quoted values may hold escaped brackets.
  if (line[at] === '-') at += 1;
  else {
    while (line[at] === '[') {
      let i = at + 1;
      let quoted = false;
      for (; i < line.length && (quoted || line[i] !== ']'); i++) {
        if (line[i] === '\\') i++;
        else if (line[i] === '"') quoted = !quoted;
      }
      at = i + 1;
    }
  }
  if (line[at] === ' ') at++;
  if (line.charCodeAt(at) === 0xfeff) at++;
  const pid = Number(fields[2]);
  return { moment, program: fields[1] ?? '', pid: Number.isInteger(pid) ? pid : null, level, end: at };
}

/**
 * The syslog header of a line: RFC 3164 with or without host and priority, RFC 5424, `journalctl` in short, short-iso and short-precise, and
 * rsyslog's ISO form. Null where there is none. Dates without a year are in `year`.
 */
export function syslogHeader(line: string, year: number): SyslogHeader | null {
  let at = 0;
  let level: string | null = null;
  if (line[0] === '<') {
    const close = line.indexOf('>');
    if (close < 2 || close > 4) return null;
    const priority = digits(line, 1, close - 1);
    if (Number.isNaN(priority)) return null;
    level = levelOfSeverity(priority % 8);
    at = close + 1;
    if (line.startsWith('1 ', at)) {
      const moment = isoMoment(line, at + 2);
      if (moment === null && line[at + 2] !== '-') return null;
      return newStyle(line, moment, moment === null ? at + 4 : moment.end + 1, level);
    }
  }
  const moment = syslogMoment(line, at, year) ?? isoMoment(line, at);
  if (moment === null || line[moment.end] !== ' ') return null;
  let from = moment.end + 1;
  // What was sent over a local socket has no host.
  let tag = tagAt(line, from);
  if (tag === null) {
    const blank = blankAfter(line, from);
    // A platform's `app[web.1]:` is no host.
    if (blank < 0 || line[blank - 1] === ':' || line[from] === '[') return null;
    from = blank + 1;
    tag = tagAt(line, from, true);
  }
  if (tag === null) return null;
  return { moment, program: tag.program, pid: tag.pid, level, end: tag.end };
}

/** The product that a program's name stands for; `syslog` for a program that is none of ours. */
export function productOf(program: string): Product {
  const name = program.slice(program.lastIndexOf('/') + 1).toLowerCase();
  if (name === 'kernel') return 'kernel';
  if (/^(?:nginx|openresty|tengine|ingress-nginx|nginx-ingress)/.test(name)) return 'nginx';
  if (/^(?:apache2?|httpd)\b/.test(name)) return 'apache';
  if (/^php-?fpm/.test(name)) return 'php-fpm';
  if (name.startsWith('php')) return 'php';
  if (name.startsWith('haproxy')) return 'haproxy';
  if (name.startsWith('envoy')) return 'envoy';
  if (name.startsWith('caddy')) return 'caddy';
  if (name.startsWith('traefik')) return 'traefik';
  if (name.startsWith('gunicorn')) return 'gunicorn';
  if (name.startsWith('uwsgi')) return 'uwsgi';
  if (/^(?:node|nodejs|npm|pm2|yarn|next-server)\b/.test(name)) return 'node';
  return /^(?:tomcat|catalina)/.test(name) ? 'tomcat' : 'syslog';
}
