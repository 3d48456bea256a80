// What the logs of a host say about our marked requests and about the failures around them. Files are remembered by inode and length
// before the requests, so that afterwards only what was written since is read.
import { parseNginxFile } from '../../facts/nginx-parse.ts';
import { accessFormats, type AccessFormat } from '../../logs/formats/observed.ts';
import type { LogLines, NginxDirective } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { zoneMinutesOf } from '../../logs/text.ts';
import { collectLines, type Chunk, type FileKind } from './collect.ts';
import { script } from './script.ts';

interface LogFile {
  readonly kind: FileKind;
  readonly path: string;
  readonly inode: number;
  readonly sizeBytes: number;
  readonly readable: boolean;
}

/** One reading: before the requests only `files` and `directives` are filled. */
export interface LogSample {
  readonly zoneMinutes: number | null;
  readonly files: readonly LogFile[];
  /** `log_format`, `access_log` and `error_log` as they stand in the configuration. */
  readonly directives: readonly NginxDirective[];
  readonly chunks: readonly Chunk[];
  readonly rotated: readonly string[];
  readonly lost: readonly string[];
}

const kinds: readonly FileKind[] = ['nginx-access', 'nginx-error', 'php-fpm', 'php-fpm-slow', 'php-error', 'haproxy'];
const asKind = (text: string): FileKind => kinds.find((kind) => kind === text) ?? 'other';

function parse(output: string): LogSample {
  const boundary = output.slice(0, output.indexOf('\n'));
  if (!boundary.startsWith('w5-')) throw new ProbeError('the logs could not be read');
  const [first = '', ...parts] = output.slice(boundary.length).split(`\n${boundary} `);
  const files: LogFile[] = [];
  const chunks: Chunk[] = [];
  const rotated: string[] = [];
  const lost: string[] = [];
  let directives: readonly NginxDirective[] = [];
  for (const part of parts) {
    const newline = part.indexOf('\n');
    const head = newline < 0 ? part : part.slice(0, newline);
    const body = newline < 0 ? '' : part.slice(newline + 1);
    const chunk = /^chunk (old|new|cut|marked) ([a-z-]+) (\d+) (\/.*)$/.exec(head);
    if (chunk) {
      const [, label = '', kind = '', start = '', path = ''] = chunk;
      chunks.push({ label: label as Chunk['label'], kind: asKind(kind), startBytes: Number(start), path, text: body });
    } else if (head === 'formats') {
      const statements = body.split('\n').filter((line) => line.startsWith('D '));
      directives = parseNginxFile(statements.map((line) => line.slice(2)).join('\n'), '').directives;
    } else if (head === 'files') {
      for (const line of body.split('\n')) {
        const match = /^([r-]) ([a-z-]+) (\d+) (\d+) (?:\d+|-) (?:\d+|-) (\/.*)$/.exec(line);
        if (!match) continue;
        const [, readable, kind = '', inode, size, path = ''] = match;
        files.push({ kind: asKind(kind), path, inode: Number(inode), sizeBytes: Number(size), readable: readable === 'r' });
      }
    } else if (head.startsWith('rotated ')) rotated.push(head.slice('rotated '.length));
    else if (head.startsWith('lost ')) lost.push(head.slice('lost '.length));
  }
  return { zoneMinutes: zoneMinutesOf(first.trim()), files, directives, chunks, rotated, lost };
}

/**
 * The value of W5_MARKS for the second reading: one line per file, `kind inode size path`. At most 60 files. Empty when there was no
 * first reading; then the second one finds the files itself and can only look back.
 */
export function marksOf(sample: LogSample): string {
  return sample.files
    .filter((file) => !/[\n\r]/.test(file.path))
    .slice(0, 60)
    .map((file) => `${file.kind} ${file.inode} ${file.sizeBytes} ${file.path}`)
    .join('\n');
}

/** Formats of each access log: its own first, then all others of the host, so that a guess is never needed. */
function formatsByPath(directives: readonly NginxDirective[]): (path: string) => readonly AccessFormat[] {
  const all = accessFormats(directives);
  return (path) => {
    const own = directives
      .filter((directive) => directive.name === 'access_log' && path.endsWith(directive.args[0] ?? '\0'))
      .map((directive) => all.get(directive.args[1] ?? 'combined'))
      .filter((format) => format !== undefined);
    return [...new Set([...own, ...all.values()])];
  };
}

/** Log lines of a host around the marked requests. */
export const logs = defineHostProbe<'logs', LogSample>({
  id: 'logs',
  title: 'Log lines',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse,
  combine(before, after, context): LogLines {
    const directives = before?.directives.length ? before.directives : after.directives;
    const collected = collectLines(after.chunks, {
      run: context.run,
      zoneMinutes: after.zoneMinutes,
      formatsOf: formatsByPath(directives),
    });
    const read = (path: string): readonly Chunk[] => after.chunks.filter((chunk) => chunk.path === path);
    const seen = after.files.filter((file) => file.inode !== 0 || read(file.path).length > 0);
    return {
      files: seen.map((file) => ({
        path: file.path,
        kind: file.kind,
        readable: file.readable,
        bytesRead: read(file.path).reduce((sum, chunk) => sum + Buffer.byteLength(chunk.text), 0),
        truncated: read(file.path).some((chunk) => chunk.label === 'cut') || after.lost.includes(file.path),
        rotated: after.rotated.includes(file.path),
      })),
      ...collected,
    };
  },
});
