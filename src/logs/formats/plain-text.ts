// Lines without a log format of their own: what programs print to a terminal.
import type { ErrorRecord, LogFamily, LogFormat } from '../records.ts';
import { matchSignature } from '../signatures.ts';
import { errorFormat, linesRead, message, readLine } from './detect.ts';

const longest = 4096;
/** What other records consist of below their first line; nginx ends what it quotes by `" while …`. */
const continues = /^(?:PHP message: |PHP Stack trace|Stack trace:|Caused by: |thrown in |#\d|at |\.\.\. )/;

/** The family of such lines. Only a message that some signature knows, and no other family reads, is read; the rest stays unknown. */
export function plainText(others: readonly LogFamily[]): LogFamily {
  let formats: readonly LogFormat[] | null = null;
  const known = (): readonly LogFormat[] =>
    (formats ??= others.flatMap((family) =>
      family.samples.flatMap((sample) => family.detect(sample.split('\n'), { nginxFormats: [], year: 2026 }) ?? []),
    ));
  const read = (line: string): ErrorRecord | null => {
    if (line.length > longest || line.length < 8 || line.startsWith('{') || continues.test(line) || line.includes('" while ')) return null;
    if (matchSignature('other', line) === null || known().some((format) => readLine(format, line) !== null)) return null;
    return message('other', line, null, {});
  };
  const format = errorFormat('plain-text', 'other', read);
  return {
    id: 'plain-text',
    title: 'Plain text: output of programs',
    product: 'other',
    kind: 'error',
    fields: [{ name: 'the whole line', meaning: 'the message, where the catalogue of signatures knows it; such lines have no time' }],
    samples: ['Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)'],
    detect: (lines) => (linesRead(format, lines) > 0 ? format : null),
  };
}
