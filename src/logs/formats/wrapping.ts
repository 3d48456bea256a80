// What stands around a log line that container tools, terminals, shippers or people carried: prefixes, colours, quotation. It is peeled off,
// the line inside is read as its program wrote it, and the date outside is kept for lines that have none. Only tried on files that cannot be
// read as they are.
import type { AccessRecord, ErrorRecord, LogFormat } from '../records.ts';
import { isoMoment } from './dates.ts';
import { firstText, objectOf } from './json-line.ts';

interface When {
  readonly at: number;
  readonly zoned: boolean;
}

/** A line without one layer. `source` is who wrote it, where the layer names that; `when` is the layer's own date. */
interface Peel {
  readonly text: string;
  readonly source?: string;
  readonly when?: When;
}

/** Peels one layer off; null where the line does not have it. Every one takes time linear in the line. */
type Layer = (line: string) => Peel | null;

/** A layer that is a prefix; group 1 names the source where there is one. Nothing that it knows is longer than 400 characters. */
function prefix(pattern: RegExp): Layer {
  return (line) => {
    const match = pattern.exec(line.length > 400 ? line.slice(0, 400) : line);
    if (match === null) return null;
    return { text: line.slice(match[0].length), ...(match[1] === undefined ? {} : { source: match[1] }) };
  };
}

const colour = /\u001B\[[\d;]{0,20}[A-Za-z]/g;
/** The same after a page or a terminal wrote the escape character out, or dropped it. */
const lostColours = /(?:\^\[|#033|\\(?:x1[bB]|u001[bB]|033|e)|\u241B|\uFFFD)?\[\d{1,2}(?:;\d{1,3}){0,4}m/g;
const lostColour = new RegExp(lostColours.source);
const curly: Readonly<Record<string, string>> = {
  '\u2018': "'",
  '\u2019': "'",
  '\u201A': "'",
  '\u2032': "'",
  '\u00A0': ' ',
  '\u202F': ' ',
};
const curlies = /[\u2018-\u201A\u201C-\u201F\u2032\u2033\u00A0\u202F]/g;

/** The date at the beginning of a line, in brackets or not, and where it ends. */
function stampAt(line: string): { readonly when: When; readonly end: number } | null {
  const from = line[0] === '[' ? 1 : 0;
  if (line[from + 10] !== 'T') return null;
  const moment = isoMoment(line, from);
  if (moment === null) return null;
  // Runtimes write nanoseconds; dates are read to the millisecond and no further than nine digits.
  const end = from === 0 ? moment.end : line[moment.end] === ']' ? moment.end + 1 : -1;
  if (end < 0 || (line[end] !== ' ' && line[end] !== '\t')) return null;
  return { when: { at: moment.at, zoned: moment.zoned }, end: end + 1 };
}

const entities: Readonly<Record<string, string>> = { quot: '"', gt: '>', lt: '<', amp: '&', '#39': "'", nbsp: ' ' };

const carriers = ['stream', 'time', 'kubernetes', 'container', 'container_id', 'container_name', 'docker'];

const layers = {
  colours: (line) => {
    if (line.includes('\u001B[')) return { text: line.replaceAll(colour, '') };
    return line.includes('[') && lostColour.test(line) ? { text: line.replaceAll(lostColours, '') } : null;
  },
  // Docker's json-file driver, and what shippers make of a container's line.
  'docker-json': (line) => {
    const entry = line[0] === '{' ? objectOf(line) : null;
    if (entry === null || !carriers.some((key) => key in entry)) return null;
    const key = ['log', 'message'].find((name) => typeof entry[name] === 'string');
    const text = key === undefined ? null : entry[key];
    if (typeof text !== 'string' || (key === 'message' && 'level' in entry)) return null;
    const moment = isoMoment(firstText(entry, ['time', '@timestamp', 'timestamp']), 0);
    return {
      text: /^(.*?)\r?\n?$/s.exec(text)?.[1] ?? text,
      source: firstText(entry, ['stream', 'container_name', 'container_id']),
      ...(moment === null ? {} : { when: { at: moment.at, zoned: moment.zoned } }),
    };
  },
  quoted: prefix(/^>(?: ?>){0,8} ?/),
  backticks: (line) => {
    const match = /^(`{1,3})[^`]/.exec(line);
    const tick = match?.[1] ?? '';
    return match !== null && line.length > 2 * tick.length && line.endsWith(tick)
      ? { text: line.slice(tick.length, line.length - tick.length) }
      : null;
  },
  // Markdown's bold, and its lists.
  emphasis: (line) => {
    const mark = /^(\*\*_|__|\*\*)(?=[^*_]|\*\d)/.exec(line)?.[1] ?? '';
    const text = mark === '' ? '' : line.trimEnd();
    // What is bold over several lines ends in another one.
    if (mark === '') return /[^*]\*\*$/.test(line) ? { text: line.slice(0, -2) } : null;
    return { text: text.slice(mark.length).replace(/_?\*\*$|__$/, '') };
  },
  bullet: prefix(/^[-*\u2022] /),
  // What a page was made of.
  html: (line) => {
    if (!/&(?:quot|gt|lt|amp|#39|nbsp);|<(?:\/?(?:code|pre|p|li|b|strong|em|span|div)|br)\b/.test(line)) return null;
    const bare = line.replaceAll(/<(?:\/?(?:code|pre|p|li|b|strong|em|span|div)|br)(?: [^<>]{0,200})?\/?>/g, '');
    const text = bare.replaceAll(/&(quot|gt|lt|amp|#39|nbsp);/g, (all, name: string) => entities[name] ?? all);
    return text === line ? null : { text };
  },
  // docker compose (also with its old names), foreman and its kin, supervisor's stdout plugin.
  compose: prefix(/^(?:\d\d:\d\d:\d\d )?(\w[\w.-]{0,127})(?: std(?:out|err))? {1,100}\|(?: |$)/),
  pm2: prefix(/^\d{1,4}\|(\w[\w.-]{0,63}) {0,64}\|(?: |$)/),
  // kubectl logs --prefix, kubetail.
  pod: prefix(/^\[(pod\/[\w.-]{1,253}(?:\/[\w.-]{1,63})?|[a-z0-9][a-z0-9.-]{0,240}-[a-z0-9]{5}(?: [\w.-]{1,63})?)\] /),
  // Name of a pod, ending in what Kubernetes gave it, and of its container.
  stern: prefix(
    /^((?:[a-z0-9][a-z0-9-]{0,62} )?[a-z0-9][a-z0-9.-]{0,240}-(?:[a-z0-9]{5}|\d{1,4}) (?:\u203A )?[a-z0-9][a-z0-9._-]{0,62}) (?=\S)/,
  ),
  cri: (line) => {
    const stamp = stampAt(line);
    const tail = stamp === null ? null : /^(stdout|stderr) [FP](?::\S{1,20})?(?: |$)/.exec(line.slice(stamp.end, stamp.end + 40));
    return stamp === null || tail === null
      ? null
      : { text: line.slice(stamp.end + tail[0].length), source: tail[1] ?? '', when: stamp.when };
  },
  // docker logs -t, kubectl logs --timestamps, and whoever else dates each line.
  stamp: (line) => {
    const stamp = stampAt(line);
    return stamp === null ? null : { text: line.slice(stamp.end), when: stamp.when };
  },
  // runit's svlogd, in UTC.
  svlogd: (line) => {
    const moment = line[10] === '_' && line[4] === '-' ? isoMoment(`${line.slice(0, 10)}T${line.slice(11, 40)}`, 0) : null;
    return moment === null || line[moment.end] !== ' ' ? null : { text: line.slice(moment.end + 1), when: { at: moment.at, zoned: true } };
  },
  // Heroku's `app[web.1]: `, a syslog tag whose date was cut off, Fly's `app[148e] fra [info] `.
  tag: prefix(/^([A-Za-z][\w./@-]{0,63}\[[\w.-]{1,64}\])(?:: ?| [a-z]{3} \[[a-z]{4,7}\] ?)/),
  // `cf logs`, with or without who wrote it.
  'cloud-foundry': prefix(
    /^(?:\[((?:APP|RTR|CELL|API|SSH|STG|LGR)(?:\/[\w.-]{1,40}){0,4})\] {1,4}(?:OUT|ERR)(?: |$)|(?:OUT|ERR) (?=\[?\d{4}-))/,
  ),
  // What Passenger repeats of the output of its applications.
  passenger: prefix(/^App (\d{1,10}) (?:stdout|stderr|output): ?/),
  // grep over several files.
  grep: prefix(/^([\w./-]{1,200}\.log[\w.-]{0,20}:)(?:\d{1,9}:)?/),
  typographic: (line) => {
    const text = line.replaceAll(curlies, (mark) => curly[mark] ?? '"');
    return text === line ? null : { text };
  },
} satisfies Readonly<Record<string, Layer>>;

const layerNames = Object.keys(layers);
const isLayer = (name: string): name is keyof typeof layers => Object.hasOwn(layers, name);
const indents = /^indent-(\d{1,2})$/;

/** The layer of a name; null for a name that is none. `indent-4` takes up to four blanks or tabs off. */
function layerOf(name: string): Layer | null {
  if (isLayer(name)) return layers[name];
  const most = Number(indents.exec(name)?.[1] ?? 0);
  return most === 0 ? null : (line) => (blanksBefore(line) === 0 ? null : { text: line.slice(Math.min(most, blanksBefore(line))) });
}

function blanksBefore(line: string): number {
  let i = 0;
  while (i < 99 && (line.charCodeAt(i) === 32 || line.charCodeAt(i) === 9)) i++;
  return i;
}

/** The next layer that at least half of the lines have; null where there is none. */
function nextLayer(lines: readonly string[], before: readonly string[]): string | null {
  const indent = Math.min(...lines.map((line) => (line === '' ? 99 : blanksBefore(line))));
  if (indent > 0 && indent < 99) return `indent-${indent}`;
  for (const name of layerNames) {
    if (before.includes(name)) continue;
    const layer = layerOf(name);
    let count = 0;
    for (const line of lines) if (layer?.(line) != null) count++;
    if (count * 2 >= lines.length) return name;
  }
  return null;
}

/** What is left of some lines without their outermost layer, and its name; null where they have none that half of them share. */
export function unwrapOnce(
  lines: readonly string[],
  before: readonly string[],
): { readonly name: string; readonly lines: string[] } | null {
  if (lines.length === 0 || before.length >= 6) return null;
  const name = nextLayer(lines, before);
  const layer = name === null ? null : layerOf(name);
  return name === null || layer === null ? null : { name, lines: lines.map((line) => layer(line)?.text ?? line) };
}

interface Peeled {
  readonly text: string;
  readonly source: string;
  readonly when: When | null;
}

/** Peels layers off, each where it is there. */
function peeler(names: readonly string[]): (line: string) => Peeled {
  const chain = names.map(layerOf).filter((layer) => layer !== null);
  // Whether a line begins a record, and what it says, is asked one after the other.
  let lastLine = '';
  let last: Peeled = { text: '', source: '', when: null };
  return (line) => {
    if (line === lastLine) return last;
    let text = line.endsWith('\r') ? line.slice(0, -1) : line;
    let source = '';
    let when: When | null = null;
    for (const layer of chain) {
      const peel = layer(text);
      if (peel === null) continue;
      ({ text } = peel);
      source = peel.source ?? source;
      // Of two dates the inner is nearer to the event, unless only the outer has a zone.
      if (peel.when !== undefined && (when === null || peel.when.zoned || !when.zoned)) ({ when } = peel);
    }
    lastLine = line;
    last = { text, source, when };
    return last;
  };
}

const quarterMs = 15 * 60_000;
/** No zone is farther from Greenwich. */
const farthestMs = 14 * 3_600_000;

/**
 * The date of a record whose line was carried with a date of its own. A date inside stays, because it is the event's; where it lacks a zone,
 * the zone is what lies between the two, in whole quarters of an hour.
 */
function datedBy<T extends Pick<AccessRecord, 'at' | 'zoned'>>(record: T, when: When | null): T {
  if (when === null || (record.at !== null && (record.zoned || !when.zoned))) return record;
  const offset = record.at === null ? 0 : Math.round((record.at - when.at) / quarterMs) * quarterMs;
  const isZone = record.at !== null && Math.abs(offset) <= farthestMs;
  return { ...record, at: isZone ? (record.at ?? 0) - offset : when.at, zoned: when.zoned };
}

const opening = 'inside ';
/** A fence of Markdown around the lines. */
const isFence = (line: string): boolean => /^\s{0,8}(?:`{3}|~{3})/.test(line);

/** A format whose lines are wrapped in these layers, outermost first. It reads lines without them too. */
export function wrapFormat(inner: LogFormat, names: readonly string[]): LogFormat {
  const peel = peeler(names);
  const { access, error, begins, isFurniture } = inner;
  /** The record without its wrapping; lines that another container wrote in between are left out. */
  const recordText = (record: string): Peeled => {
    if (!record.includes('\n')) return peel(record);
    const [first, ...rest] = record.split('\n').map(peel);
    if (first === undefined) return peel(record);
    return {
      ...first,
      text: [first, ...rest.filter(({ source }) => source === first.source || source === '')].map(({ text }) => text).join('\n'),
    };
  };
  return {
    id: inner.id,
    product: inner.product,
    dialect: `${opening}${names.join(' ')}${inner.dialect === null ? '' : `: ${inner.dialect}`}`,
    access:
      access === null
        ? null
        : (line): AccessRecord | null => {
            const { text, when } = peel(line);
            const record = access(text);
            return record === null ? null : datedBy(record, when);
          },
    error:
      error === null
        ? null
        : (line): ErrorRecord | null => {
            const { text, when } = recordText(line);
            const record = error(text);
            return record === null ? null : datedBy(record, when);
          },
    begins: begins === null ? null : (line) => begins(peel(line).text),
    isFurniture: (line) => {
      const { text } = peel(line);
      return text === '' || isFence(line) || isFurniture?.(text) === true;
    },
  };
}

/** The layers of a dialect that `wrapFormat` made, and the dialect inside; null for any other dialect. */
export function wrappedDialect(dialect: string | null): { readonly names: readonly string[]; readonly inner: string | null } | null {
  if (dialect === null || !dialect.startsWith(opening)) return null;
  const colon = dialect.indexOf(': ');
  const names = dialect.slice(opening.length, colon < 0 ? dialect.length : colon).split(' ');
  return names.every((name) => layerOf(name) !== null) ? { names, inner: colon < 0 ? null : dialect.slice(colon + 2) } : null;
}
