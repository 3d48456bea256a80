// Lines without a log format of their own: what programs print to a terminal, and what container runtimes put names and dates in front of.
import type { ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { matchSignature } from '../signatures.ts';
import { isoMoment, type Moment } from './dates.ts';
import { errorFormat, linesRead, message, readLine } from './detect.ts';

const longest = 4096;
/** `web-1  | `, `[pod/web/app] `, and the stream of a container's log file. */
const carriers = [/^[\w.-]{1,80}\s{0,40}\| ?/, /^\[pod\/[\w./-]{1,200}\] /, /^(?:stdout|stderr) [FP] /];

/** The line without what carried it, and the carrier's date. */
function unwrap(line: string): { readonly text: string; readonly moment: Moment | null } {
  let text = line;
  let moment: Moment | null = null;
  for (let round = 0; round < 3; round++) {
    const head = text.slice(0, 256);
    const carrier: string | undefined = carriers.map((each) => each.exec(head)?.[0]).find((each) => each !== undefined);
    if (carrier !== undefined) {
      text = text.slice(carrier.length);
      continue;
    }
    const date: Moment | null = moment === null && /^\d{4}-\d\d-\d\dT/.test(head) ? isoMoment(head, 0) : null;
    if (date === null || text[date.end] !== ' ') break;
    moment = date;
    text = text.slice(date.end + 1);
  }
  return { text, moment };
}

/** What stands on a terminal: a program names itself where a log file needs no name. */
const terminal = /^(nginx): \[(emerg|alert|crit|error|warn|notice)\] /;

/**
 * The family of such lines. Only a message that some signature knows is read, or, behind a carrier's name, a line of another family; the
 * rest stays unknown.
 */
export function plainText(others: readonly LogFamily[]): LogFamily {
  let formats: readonly LogFormat[] | null = null;
  const known = (): readonly LogFormat[] =>
    (formats ??= others.flatMap((family) =>
      family.samples.flatMap((sample) => family.detect(sample.split('\n'), { nginxFormats: [], year: 2026 }) ?? []),
    ));
  const read = (line: string): ErrorRecord | null => {
    if (line.length > longest || line.length < 8 || line.startsWith('{')) return null;
    const { text, moment } = unwrap(line);
    if (text.length < line.length) {
      for (const format of known()) {
        if (format.error === null || format.begins?.(text) === false) continue;
        const found = format.error(text);
        if (found !== null) return found.at === null && moment !== null ? { ...found, at: moment.at, zoned: moment.zoned } : found;
      }
    }
    const named = terminal.exec(text.slice(0, 32));
    if (named !== null) return message('nginx', text.slice(named[0].length), moment, { level: named[2] ?? null });
    if (matchSignature('other', text) === null) return null;
    if (known().some((format) => readLine(format, line) !== null)) return null;
    return message('other', text, moment, {});
  };
  const format = errorFormat('plain-text', 'other', read);
  return {
    id: 'plain-text',
    title: 'Plain text: output of programs and containers',
    product: 'other',
    kind: 'error',
    fields: [
      { name: 'name |, [pod/…], stdout F', meaning: 'what docker compose, kubectl and container runtimes put in front; left out' },
      { name: 'date in front', meaning: 'when it was written, where there is one' },
      { name: 'line of another format', meaning: 'all that it tells: level, process, client, request, host and upstream' },
      { name: 'anything else', meaning: 'the message, where the catalogue of signatures knows it' },
    ],
    samples: [
      'web-1  | 2026/11/23 10:00:00 [error] 31#31: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 172.18.0.1, server: , request: "GET / HTTP/1.1", upstream: "http://172.18.0.3:3000/", host: "localhost"',
      'nginx: [emerg] host not found in upstream "app:3000" in /etc/nginx/conf.d/default.conf:3',
      'Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)',
    ],
    // Whatever has a format of its own is better read by it.
    detect: (lines, hints) =>
      others.some((family) => family.detect(lines, hints) !== null) || linesRead(format, lines) === 0 ? null : format,
  };
}
