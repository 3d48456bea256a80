// Guesses a `log_format` from lines: cuts a line into words, says of each what it can only be, and writes that down as a format string, which
// is then tried like any other. What it cannot name becomes a variable that nothing reads.

import { syslogHeader } from './syslog-header.ts';

interface Word {
  /** What stands in front of the value, as `rt=`; empty for a bare value. */
  readonly key: string;
  readonly open: '' | '"' | '[' | '(';
  readonly value: string;
}

const closing = { '': '', '"': '"', '[': ']', '(': ')' } as const;
const mostWords = 60;

/** Words of a line; a list of tries (`a, b : c`) is one word. Null where quotes or brackets do not close, or there are too many. */
function wordsOf(line: string): Word[] | null {
  const words: Word[] = [];
  let i = 0;
  while (i < line.length) {
    if (line[i] === ' ') return null;
    const key = /^[A-Za-z_][\w.-]{0,40}[=:](?=["[(\d-]|$| |unix:|[a-z])/.exec(line.slice(i, i + 44))?.[0] ?? '';
    const named = key !== '' && !/^(?:unix|https?):$/.test(key) ? key : '';
    i += named.length;
    const c = line[i];
    if (c === '"' || c === '[' || c === '(') {
      const close = closing[c];
      let end = line.indexOf(close, i + 1);
      while (c === '"' && end > 0 && line[end - 1] === '\\') end = line.indexOf(close, end + 1);
      if (end < 0) return null;
      words.push({ key: named, open: c, value: line.slice(i + 1, end) });
      i = end + 1;
    } else {
      const start = i;
      while (i < line.length && line[i] !== ' ') {
        if (line[i] === ',' && line[i + 1] === ' ') i += 2;
        else if (line.startsWith(' : ', i + 1)) i += 4;
        else i++;
      }
      words.push({ key: named, open: '', value: line.slice(start, i) });
    }
    if (words.length > mostWords) return null;
    if (i < line.length) {
      if (line[i] !== ' ') return null;
      i++;
    }
  }
  return words;
}

/** What keys in front of values mean, as guides, charts and distributions write them. */
const keys: Readonly<Record<string, string>> = {
  rt: 'request_time',
  request_time: 'request_time',
  reqtime: 'request_time',
  time: 'request_time',
  duration: 'request_time',
  ua: 'upstream_addr',
  upstream: 'upstream_addr',
  upstream_addr: 'upstream_addr',
  addr: 'upstream_addr',
  backend: 'upstream_addr',
  us: 'upstream_status',
  ups_status: 'upstream_status',
  upstream_status: 'upstream_status',
  uct: 'upstream_connect_time',
  upstream_connect_time: 'upstream_connect_time',
  uht: 'upstream_header_time',
  upstream_header_time: 'upstream_header_time',
  urt: 'upstream_response_time',
  upstream_response_time: 'upstream_response_time',
  upstream_time: 'upstream_response_time',
  host: 'host',
  vhost: 'host',
  server: 'server_name',
  sn: 'server_name',
  st: 'status',
  status: 'status',
  bytes: 'body_bytes_sent',
  rid: 'request_id',
  id: 'request_id',
  req_id: 'request_id',
  request_id: 'request_id',
  client: 'remote_addr',
  remote_addr: 'remote_addr',
  ip: 'remote_addr',
  method: 'request_method',
  uri: 'request_uri',
  path: 'request_uri',
};

const common = /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/;
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/;
const addresses = /^(?:unix:\S{1,200}|[\w.-]{1,200}:\d{1,5}|\[[0-9a-f:]{2,45}\]:\d{1,5})(?:(?:, | : )(?:\S{1,200}))*$/;
const ip = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})$/i;
const isTimes = (value: string): boolean =>
  /^\d+\.\d{3}(?:(?:, | : )(?:-|\d+\.\d{3}))*$/.test(value) || /^-(?:(?:, | : )(?:-|\d+\.\d{3}))+$/.test(value);

const requestLine = /^[A-Z]{3,16} \S+(?: HTTP\/\d(?:\.\d)?)?$/;

/** Names the words of a line. `taken` holds what is named already. */
function nameOf(word: Word, columns: readonly string[], taken: ReadonlySet<string>): string | null {
  const some = columns.find((value) => value !== '-' && value !== '') ?? word.value;
  const free = (name: string): string | null => (taken.has(name) ? null : name);
  if (word.key !== '') return free(keys[word.key.slice(0, -1).toLowerCase()] ?? '') || null;
  if (common.test(some)) return free('time_local');
  if (iso.test(some)) return free('time_iso8601');
  if (columns.some((value) => requestLine.test(value))) return free('request');
  if (/^\d{10}\.\d{3}$/.test(some)) return free('msec');
  if (ip.test(some) && word.open === '') return free('remote_addr');
  if (/^[1-9]\d\d$/.test(some) && word.open === '' && !taken.has('status')) return 'status';
  if (addresses.test(some)) return free('upstream_addr');
  if (/^[1-5]\d\d(?:(?:, | : )(?:-|\d{3}))*$/.test(some) && taken.has('upstream_addr')) return free('upstream_status');
  if (isTimes(some)) {
    if (!taken.has('request_time') && !some.includes(',')) return 'request_time';
    return free('upstream_response_time');
  }
  if (/^[0-9a-f]{32}$|^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(some)) return free('request_id');
  return null;
}

/** The shape of words: what must be equal before two lines can share a format. */
const shapeOf = (words: readonly Word[]): string => words.map((word) => `${word.key}${word.open}`).join(' ');

/**
 * A `log_format` string that fits most of the lines, by the commonest shape of their words; null where no line has a status with a date or a
 * request line. Looks at no more than 200 lines of at most 4 KiB.
 */
export function guessLayout(lines: readonly string[]): string | null {
  const shapes = new Map<string, Word[][]>();
  for (const line of lines.slice(0, 200)) {
    // What syslog put in front would become part of the format.
    if (line.length > 4096 || line.startsWith('{') || syslogHeader(line, 2000) !== null) continue;
    const words = wordsOf(line.trimEnd());
    if (words === null || words.length < 4) continue;
    const shape = shapeOf(words);
    const group = shapes.get(shape);
    if (group === undefined) shapes.set(shape, [words]);
    else group.push(words);
  }
  const group = [...shapes.values()].toSorted((a, b) => b.length - a.length)[0];
  const first = group?.[0];
  if (group === undefined || first === undefined) return null;
  const taken = new Set<string>();
  const parts = first.map((word, i) => {
    const columns = group.map((words) => words[i]?.value ?? '');
    const name = nameOf(word, columns, taken);
    if (name !== null) taken.add(name);
    return `${word.key}${word.open}$${name ?? `unknown_${i + 1}`}${closing[word.open]}`;
  });
  const isTelling =
    taken.has('status') && taken.has('request') && (taken.has('time_local') || taken.has('time_iso8601') || taken.has('msec'));
  return isTelling ? parts.join(' ') : null;
}
