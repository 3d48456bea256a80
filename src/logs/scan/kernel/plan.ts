// Plans: what the kernel has to walk over in a line of a dialect. A plan may accept fewer lines than the parser, never others; what a plan
// says of the lines at hand is compared with the parser before it is used.
import { layoutOf, type LayoutPart } from '../../formats/index.ts';
import { accessRoles } from '../../formats/raw-access.ts';
import type { AccessRecord, LogFormat } from '../../records.ts';

/** What the kernel can walk over; the numbers are those of kernel.as. */
export const step = {
  literal: 0,
  free: 1,
  quoted: 2,
  commonTime: 3,
  slashTime: 4,
  isoTime: 5,
  epochTime: 6,
  status: 7,
  number: 8,
  list: 9,
  jsonString: 10,
  jsonNumber: 11,
  jsonWord: 12,
  signedNumbers: 13,
  word: 14,
  syslogTime: 15,
  address: 16,
  state: 17,
  digits: 18,
  numbers: 19,
} as const;

/** Conditions on a value; the bits are those of kernel.as. */
export const flag = { backend: 1, noBlank: 2, notEmpty: 4, notDash: 8, pair: 16, notList: 32, beforePair: 64, statuses: 128 } as const;

/** One value and the literal behind it. */
export interface Step {
  readonly kind: number;
  readonly stop: string;
  readonly flags: number;
  /** How many numbers, for those kinds that have several. */
  readonly count: number;
}

/** A plan. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Whether a backend that is empty or a dash may be learnt: false where the format then names something else. */
  readonly learnsDash: boolean;
  /** Where failing lines say what; null where their parser must read them. */
  readonly roles: Roles | null;
}

/** The steps that hold what is counted of a failing request. */
export type Roles = LayoutRoles | HaproxyRoles;

/** Of a positional layout; -1 where it does not say. */
export interface LayoutRoles {
  readonly kind: 'layout';
  readonly status: number;
  readonly client: number;
  /** The request line, or else method and path. */
  readonly request: number;
  readonly method: number;
  readonly uri: number;
  readonly host: number;
  readonly requestId: number;
  /** Seconds. */
  readonly duration: number;
  readonly addresses: number;
  readonly statuses: number;
  readonly connectTimes: number;
  readonly headerTimes: number;
  readonly responseTimes: number;
  readonly upstreamBytes: number;
}

/** Of HAProxy's http format. */
export interface HaproxyRoles {
  readonly kind: 'haproxy';
  readonly status: number;
  /** With its port. */
  readonly client: number;
  readonly frontend: number;
  readonly server: number;
  readonly timers: number;
  readonly state: number;
  /** What stands behind the queues: captured headers, and the request line in quotes. */
  readonly rest: number;
}

const make = (kind: number, stop: string, flags = 0, count = 0): Step => ({ kind, stop, flags, count });
const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** The plans that may fit a format, given some of its lines. Empty where there is none. */
export function plansFor(format: LogFormat, lines: readonly string[]): readonly Plan[] {
  if (format.access === null || format.begins !== null) return [];
  const layout = layoutOf(format);
  if (layout !== null) {
    const plan = layoutPlan(layout);
    return plan === null ? [] : [plan];
  }
  const plans: Plan[] = [];
  for (const line of lines) {
    const plan = format.product === 'haproxy' ? haproxyPlan(line) : line.startsWith('{') ? jsonPlan(format, line) : null;
    if (plan !== null) plans.push(plan);
    if (plans.length === 3) break;
  }
  return plans;
}

const times: Readonly<Record<string, number>> = { time_local: step.commonTime, time_iso8601: step.isoTime, msec: step.epochTime };
/** Values that are a number or a dash, or several of them, one per try; the kernel takes one. */
const numberNames = new Set([
  'body_bytes_sent',
  'bytes_sent',
  'request_length',
  'connection',
  'connection_requests',
  'request_time',
  'request_us',
  'request_ms',
  'request_s',
  'upstream_status',
  'upstream_connect_time',
  'upstream_header_time',
  'upstream_response_time',
  'upstream_response_length',
  'upstream_bytes_received',
  'upstream_bytes_sent',
]);
const listNames = /^upstream_(?!http_|cookie_|trailer_|cache_)/;
const addressNames = ['upstream_addr', 'balancer_worker_name'];
const poolNames = ['proxy_upstream_name', 'proxy_host', 'upstream_name'];

/** The plan of a positional layout. */
function layoutPlan(layout: readonly LayoutPart[]): Plan | null {
  const names = layout.flatMap((part) => (part.kind === 'variable' ? [part.name] : []));
  const texts = layout.flatMap((part) => (part.kind === 'literal' ? [part.text] : []));
  const timeCount = names.filter((name) => times[name] !== undefined).length;
  if (!texts.every(isAscii) || timeCount !== 1 || names.filter((name) => name === 'status').length !== 1) return null;
  if (names.length > 60 || new Set(names).size !== names.length) return null;
  const backend = addressNames.find((name) => names.includes(name)) ?? poolNames.find((name) => names.includes(name));
  const steps: Step[] = [];
  layout.forEach((part, i) => {
    if (part.kind === 'literal') {
      if (i === 0) steps.push(make(step.literal, part.text));
      return;
    }
    const next = layout[i + 1];
    const stop = next?.kind === 'literal' ? next.text : '';
    steps.push(stepOf(part.name, stop, part.name === backend));
  });
  const hasPool = poolNames.some((name) => names.includes(name));
  return { steps, learnsDash: !hasPool, roles: hasPool ? null : rolesOf(names, layout[0]?.kind === 'literal' ? 1 : 0) };
}

/** The roles of a layout's variables; null where they say things that only the parser puts together. */
function rolesOf(names: readonly string[], first: number): LayoutRoles | null {
  const slot = (wanted: readonly string[]): number => {
    const name = wanted.find((each) => names.includes(each));
    return name === undefined ? -1 : names.indexOf(name) + first;
  };
  const has = (wanted: readonly string[]): boolean => slot(wanted) >= 0;
  if (has(accessRoles.args) || has(['request_us', 'request_ms', 'request_s'])) return null;
  const request = slot(accessRoles.request);
  return {
    kind: 'layout',
    status: slot(accessRoles.status),
    client: slot(accessRoles.client),
    request,
    method: request < 0 ? slot(accessRoles.method) : -1,
    uri: request < 0 ? slot(accessRoles.uri) : -1,
    host: slot(accessRoles.host),
    requestId: slot(accessRoles.requestId),
    duration: slot(['request_time']),
    addresses: slot(accessRoles.addresses),
    statuses: slot(accessRoles.statuses),
    connectTimes: slot(accessRoles.connectTimes),
    headerTimes: slot(accessRoles.headerTimes),
    responseTimes: slot(accessRoles.responseTimes),
    upstreamBytes: slot(accessRoles.upstreamBytes),
  };
}

function stepOf(name: string, stop: string, isBackend: boolean): Step {
  const time = times[name];
  if (time !== undefined) return make(time, stop);
  if (name === 'status') return make(step.status, stop);
  const isList = listNames.test(name) || isBackend;
  const flags = (isBackend ? flag.backend : 0) | (isList ? flag.noBlank | flag.notList : 0);
  const isStatuses = name === 'upstream_status' ? flag.statuses : 0;
  if (numberNames.has(name)) return make(step.number, stop, flag.notEmpty | isStatuses | (listNames.test(name) ? flag.notList : 0));
  if (stop.startsWith('"')) return make(step.quoted, stop, flags);
  // Narrower than the parser, which lets some of these have blanks.
  if (isList && stop !== '') return make(step.list, stop, flags | flag.notEmpty);
  return stop.startsWith(' ') ? make(step.word, stop, flags) : make(step.free, stop, flags | flag.noBlank | flag.notEmpty);
}

/** The plan of HAProxy's http format, with or without a syslog header. */
function haproxyPlan(line: string): Plan | null {
  const header = /^(?<before>(?:<\d{1,3}>)?)[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?<name> (?:[\w.-]+ )?haproxy)(?<pid>\[\d+\])?: /.exec(
    line,
  );
  const steps: Step[] = [];
  if (header !== null) {
    const { before = '', name = '', pid } = header.groups ?? {};
    if (before !== '') steps.push(make(step.literal, before));
    if (pid === undefined) steps.push(make(step.syslogTime, `${name}: `));
    else steps.push(make(step.syslogTime, `${name}[`), make(step.digits, ']: '));
  } else if (!/^\S+:\d+ \[/.test(line)) return null;
  steps.push(
    make(step.address, ' ['),
    make(step.slashTime, '] '),
    make(step.word, ' ', flag.beforePair),
    make(step.word, ' ', flag.backend | flag.pair),
    make(step.signedNumbers, ' ', 0, 5),
    make(step.status, ' '),
    make(step.digits, ' '),
    make(step.word, ' '),
    make(step.word, ' '),
    make(step.state, ' '),
    make(step.numbers, ' ', 0, 5),
    make(step.numbers, '', 0, 2),
    make(step.free, ''),
  );
  const first = steps.findIndex(({ kind }) => kind === step.address);
  const roles: HaproxyRoles = {
    kind: 'haproxy',
    client: first,
    frontend: first + 2,
    server: first + 3,
    timers: first + 4,
    status: first + 5,
    state: first + 9,
    rest: first + 12,
  };
  return { steps, learnsDash: false, roles };
}

interface Token {
  readonly kind: 'string' | 'number' | 'word';
  /** Of the value, for strings without the quotes. */
  readonly from: number;
  readonly to: number;
}

/** The values of a JSON object's text, in order, however deep; null where a string has escapes, which the kernel leaves to the parser. */
function tokensOf(line: string): Token[] | null {
  try {
    JSON.parse(line);
  } catch {
    return null;
  }
  const tokens: Token[] = [];
  const lexer = /"((?:[^"\\]|\\.)*)"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/g;
  for (const match of line.matchAll(lexer)) {
    const [whole, text, colon] = match;
    if (text?.includes('\\') === true) return null;
    if (colon !== undefined) continue;
    const at = match.index;
    if (text !== undefined) tokens.push({ kind: 'string', from: at + 1, to: at + whole.length - 1 });
    else if (/[eE]/.test(whole) && whole !== 'true' && whole !== 'false') return null;
    else tokens.push({ kind: /^[tfn]/.test(whole) ? 'word' : 'number', from: at, to: at + whole.length });
  }
  return tokens.length > 60 ? null : tokens;
}

const jsonTimes: readonly (readonly [RegExp, number])[] = [
  [/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/, step.commonTime],
  [/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)$/, step.isoTime],
  [/^\d{10}(?:\.\d{3})?$/, step.epochTime],
];

/**
 * The plan of JSON lines that are built like this one. Which value is the time, the status and the backend is found by changing each value
 * and asking the parser what that changes.
 */
function jsonPlan(format: LogFormat, line: string, isAgain = false): Plan | null {
  const base = format.access?.(line) ?? null;
  const tokens = base === null || !isAscii(line) ? null : tokensOf(line);
  if (base === null || tokens === null || base.at === null || base.status === null) return null;
  if (base.status >= 500 || base.tries.length > 1) return null;
  const withValue = (token: Token, value: string) => format.access?.(line.slice(0, token.from) + value + line.slice(token.to)) ?? null;

  let timeAt = -1;
  let statusAt = -1;
  let backendAt = -1;
  const flags: number[] = [];
  for (const [i, token] of tokens.entries()) {
    const value = line.slice(token.from, token.to);
    const changed = withValue(
      token,
      value.replace(/[0-8](?=\D*$)/, (digit) => String(Number(digit) + 1)),
    );
    const seen = changed ?? base;
    let own = 0;
    if (seen.at !== base.at) {
      if (timeAt >= 0) return null;
      timeAt = i;
    } else if (seen.status !== base.status) {
      if (statusAt >= 0) return null;
      statusAt = i;
    } else if (token.kind === 'string') {
      const renamed = withValue(token, `${value}7`);
      if (renamed !== null && renamed.backend !== base.backend) {
        if (backendAt >= 0) return null;
        backendAt = i;
        own |= flag.backend | flag.noBlank | flag.notEmpty | flag.notDash;
      } else {
        if (renamed === null || renamed.at !== base.at || renamed.status !== base.status) return null;
        if (value !== '') own |= flag.notEmpty;
        const isSame = (text: string): boolean => {
          const other = withValue(token, text);
          return other !== null && other.at === base.at && other.status === base.status && other.backend === base.backend;
        };
        if (!isSame('-')) own |= flag.notDash;
        if (!isSame(`${value}, ${value}`)) own |= flag.noBlank;
        if (value === '' && !isSame('x')) return null;
      }
    } else if (changed === null || changed.backend !== base.backend) return null;
    flags.push(own);
  }
  if (timeAt < 0 || statusAt < 0) return null;

  const named = tokens[backendAt];
  const name = named === undefined ? 'none' : line.slice(named.from, named.to);
  // What other values may do to a backend shows only where there is one.
  if (named !== undefined && (name === '' || name === '-')) {
    return isAgain ? null : jsonPlan(format, `${line.slice(0, named.from)}10.0.0.1:80${line.slice(named.to)}`, true);
  }
  const probe = { format, base, line, tokens, flags, fixed: [timeAt, statusAt, backendAt], backendAt };
  const names = [name];
  for (const [none, bit] of [
    ['', flag.notEmpty],
    ['-', flag.notDash],
  ] as const) {
    if (named === undefined || !namesNone(probe, none)) continue;
    flags[backendAt] = (flags[backendAt] ?? 0) & ~bit;
    names.push(none);
  }
  allowEmpty(probe, names);

  const steps: Step[] = [make(step.literal, line.slice(0, tokens[0]?.from))];
  for (const [i, token] of tokens.entries()) {
    const value = line.slice(token.from, token.to);
    const stop = line.slice(token.to, tokens[i + 1]?.from);
    let kind: number = { string: step.jsonString, number: step.jsonNumber, word: step.jsonWord }[token.kind];
    if (i === timeAt) {
      const found = jsonTimes.find(([shape]) => shape.test(value));
      if (found === undefined) return null;
      kind = found[1];
    } else if (i === statusAt) kind = step.status;
    steps.push(make(kind, stop, flags[i] ?? 0));
  }
  return { steps, learnsDash: names.length > 1, roles: null };
}

/** A line whose values can be changed, and what is known of them so far. */
interface Probe {
  readonly format: LogFormat;
  readonly base: AccessRecord;
  readonly line: string;
  readonly tokens: readonly Token[];
  readonly flags: number[];
  /** Values that have a meaning for the plan. */
  readonly fixed: readonly number[];
  readonly backendAt: number;
}

/** Whether the line has the same time and status, and the backend that it names then, after these values were put in. */
function isKept({ format, base, line, tokens, backendAt }: Probe, name: string, values: ReadonlyMap<number, string>): boolean {
  const text = tokens.reduceRight((whole, { from, to }, i) => {
    const value = i === backendAt ? name : values.get(i);
    return value === undefined ? whole : whole.slice(0, from) + value + whole.slice(to);
  }, line);
  const record = format.access?.(text) ?? null;
  const backend = name === '' || name === '-' ? null : base.backend;
  return record !== null && record.at === base.at && record.status === base.status && record.backend === backend;
}

/** Whether lines that name no backend (`none` in its place) have none, whatever the plan lets the other values be. */
function namesNone(probe: Probe, none: string): boolean {
  return probe.tokens.every(({ kind, from, to }, i) => {
    if (probe.fixed.includes(i)) return true;
    const own = probe.flags[i] ?? 0;
    const value = probe.line.slice(from, to);
    const values = { word: ['true', 'false', 'null'], number: ['0', '7', '-1', '0.25', '1700000000'], string: [value, `${value}7`, 'x'] }[
      kind
    ];
    if (kind === 'string') {
      if ((own & flag.notEmpty) === 0) values.push('');
      if ((own & flag.notDash) === 0) values.push('-');
      if ((own & flag.noBlank) === 0) values.push('a, b', `${value}, ${value}`);
    }
    return values.every((each) => isKept(probe, none, new Map([[i, each]])));
  });
}

/** Lets strings be empty as long as all of them may be at once: a parser may want one of several. */
function allowEmpty(probe: Probe, names: readonly string[]): void {
  const empty = new Map<number, string>();
  for (const [i, { kind }] of probe.tokens.entries()) {
    if (kind !== 'string' || probe.fixed.includes(i)) continue;
    const more = new Map(empty).set(i, '');
    if (!names.every((name) => isKept(probe, name, more))) continue;
    empty.set(i, '');
    probe.flags[i] = (probe.flags[i] ?? 0) & ~flag.notEmpty;
  }
}
