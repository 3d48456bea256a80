// HAProxy's log as syslog keeps it: requests in the http, https and tcp formats, and what it says of its servers.
import { redactUrl } from '../../model/redact.ts';
import { plain } from '../../model/neutral.ts';
import { matchSignature } from '../signatures.ts';
import { commonDate, isoOf, shownField, zoneMinutesOf, type ParsedAccess, type ParsedError } from '../text.ts';

const syslog =
  /^(?:<\d+>)?(?:1 )?(?:(?<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|(?<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)))\s+(?:\S+ )?haproxy(?:\[\d+\])?:? (?:\d+ - (?:- )?)?/;

/** The text behind the syslog header, and the date in the header where it has a year. */
function unwrap(line: string): { message: string; at: string | null } {
  const match = syslog.exec(line);
  if (!match) return { message: line.replace(/^\[(?:NOTICE|WARNING|ALERT)\]\s+(?:\d+\/\d+ )?\(\d+\) : /, ''), at: null };
  const iso = match.groups?.['iso'];
  const parts = iso === undefined ? null : /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(.*)$/.exec(iso);
  const at = parts ? isoOf(parts[1] ?? '', parts[2] ?? '', parts[3] ?? '', parts[4] ?? '', zoneMinutesOf(parts[5] ?? '')) : null;
  return { message: line.slice(match[0].length), at };
}

const request =
  /^(?<client>\S+):\d+ \[(?<date>[^\]]{20,30})\] (?<frontend>\S+) (?<backend>[^/\s]+)\/(?<server>\S+) (?<timers>(?:\+?-?\d+\/){2,4}\+?-?\d+) (?:(?<status>-1|\d{3}) )?\+?(?<bytes>\d+) (?:\S+ \S+ )?(?<state>[A-Za-z-]{2}(?:[A-Za-z-]{2})?) (?:\d+\/){4}(?<redispatched>\+?)(?<retries>\d+) \d+\/\d+(?<rest>.*)$/;

const msOrMinus = (text: string | undefined): number => Number((text ?? '-1').replace('+', ''));
const known = (ms: number): number | null => (ms < 0 ? null : ms);

/** Reads a line about a request; null where it is not one. `zoneMinutes` is the host's offset from UTC. */
export function parseHaproxyRequest(line: string, zoneMinutes: number | null): ParsedAccess | null {
  const { message } = unwrap(line.slice(0, 8192));
  const groups = request.exec(message)?.groups;
  if (!groups) return null;
  const timers = (groups['timers'] ?? '').split('/');
  const http = timers.length === 5;
  // http: TR/Tw/Tc/Tr/Ta; tcp: Tw/Tc/Tt
  const [queueMs, connectMs, responseMs, totalMs] = http
    ? [msOrMinus(timers[1]), msOrMinus(timers[2]), msOrMinus(timers[3]), msOrMinus(timers[4])]
    : [msOrMinus(timers[0]), msOrMinus(timers[1]), -1, msOrMinus(timers[2])];
  const quoted = /"([A-Z]+) (\S+)/.exec(groups['rest'] ?? '');
  const status = groups['status'] === undefined || groups['status'] === '-1' ? null : Number(groups['status']);
  const path = quoted?.[2] ?? null;
  const contacted = !(groups['server'] ?? '').startsWith('<');
  return {
    at: commonDate(groups['date'] ?? '', zoneMinutes),
    client: (groups['client'] ?? '').replace(/^::ffff:/, ''),
    method: quoted?.[1] ?? null,
    path: path === null ? null : plain(redactUrl(path)),
    host: null,
    status,
    durationMs: known(totalMs ?? -1),
    upstream: contacted
      ? {
          addresses: [`${groups['backend']}/${groups['server']}`],
          statuses: [known(responseMs ?? -1) === null ? null : status],
          connectMs: [known(connectMs ?? -1)],
          headerMs: [known(responseMs ?? -1)],
          responseMs: [null],
        }
      : null,
    haproxy: {
      backend: groups['backend'] ?? '',
      server: groups['server'] ?? '',
      state: groups['state'] ?? '',
      queueMs: queueMs ?? -1,
      connectMs: connectMs ?? -1,
      responseMs: responseMs ?? -1,
      retries: Number(groups['retries']),
      redispatched: groups['redispatched'] === '+',
    },
  };
}

/** Reads a line about servers and proxies; null where no signature knows it. */
export function parseHaproxyEvent(line: string): ParsedError | null {
  const { message, at } = unwrap(line.slice(0, 8192));
  const found = matchSignature('haproxy', message);
  if (!found) return null;
  return {
    at,
    source: 'haproxy',
    level: null,
    signature: found.id,
    fields: Object.fromEntries(Object.entries(found.fields).map(([name, value]) => [name, shownField(value)])),
    client: null,
    request: null,
    host: null,
    upstream: null,
  };
}
