// What the user says about formats: log_format strings and ids given on the command line, directives of nginx configurations.
import { readFile, stat } from 'node:fs/promises';

import { allFormats, families, nginxFormatsIn } from '../logs/formats/index.ts';
import type { FormatHints, InputTally, LogFormat } from '../logs/records.ts';
import { UserError } from '../model/errors.ts';
import { nearest } from '../model/nearest.ts';
import { plain } from '../model/neutral.ts';
import { reasonOf } from './output-file.ts';

/** Formats as the command line gives them. */
export interface GivenFormats {
  readonly hints: FormatHints;
  /** The format that all inputs are in, where one was named by its id and has no dialects. */
  readonly format: LogFormat | undefined;
  /** What `--log-format` named, to be held against what was read. */
  readonly wanted: readonly { readonly said: string; readonly fits: (input: InputTally) => boolean }[];
}

const maxConfigBytes = 16 * 1024 * 1024;

/** Throws UserError for ids that do not exist and configurations that cannot be read or name no format. */
export async function givenFormats(logFormats: readonly string[], nginxConfigs: readonly string[], year: number): Promise<GivenFormats> {
  const nginxFormats: { name: string; format: string }[] = [];
  const wanted: { said: string; fits: (input: InputTally) => boolean }[] = [];
  const ids: string[] = [];
  for (const said of logFormats) {
    if (said.includes('$')) {
      // A whole directive may be pasted as well as its string.
      const [directive] = /^\s*log_format\s/.test(said) ? nginxFormatsIn(said.trimEnd().endsWith(';') ? said : `${said};`) : [];
      const format = directive ?? { name: 'given', format: said };
      nginxFormats.push(format);
      wanted.push({ said, fits: (input) => input.dialect === format.format && own(input) > 0 });
    } else {
      ids.push(said);
      wanted.push({ said, fits: (input) => (input.format === said ? own(input) > 0 : (input.otherFormats[said] ?? 0) > 0) });
    }
  }
  for (const file of nginxConfigs) nginxFormats.push(...(await formatsOf(file)));
  const hints: FormatHints = { nginxFormats, year };
  const known = families.map((each) => each.id);
  for (const id of ids) {
    if (known.includes(id)) continue;
    const close = nearest(id, known);
    throw new UserError(
      'unknown-log-format',
      `there is no log format "${plain(id)}"`,
      `${close === null ? '' : `Did you mean ${close}? `}Known: ${known.join(', ')}; or an nginx log_format string with its $variables, in single quotes.`,
    );
  }
  const [id] = ids;
  const only = ids.length === 1 && id !== undefined ? allFormats(hints).filter((each) => each.id === id) : [];
  return { hints, format: only.length === 1 ? only[0] : undefined, wanted };
}

/** Lines that an input's own format read. */
function own(input: InputTally): number {
  return input.parsed - Object.values(input.otherFormats).reduce((sum, lines) => sum + lines, 0);
}

async function formatsOf(file: string): Promise<readonly { readonly name: string; readonly format: string }[]> {
  let text: string;
  try {
    const found = await stat(file);
    if (found.size > maxConfigBytes) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
    if (!found.isFile() && !found.isFIFO())
      throw Object.assign(new Error('not a file'), { code: found.isDirectory() ? 'EISDIR' : 'EFTYPE' });
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError(
      'not-readable',
      `cannot read ${plain(file)}: ${reasonOf(error)}`,
      'Name the file that holds log_format, or save `nginx -T` and name that.',
      { cause: error },
    );
  }
  const formats = nginxFormatsIn(text);
  if (formats.length === 0) {
    throw new UserError(
      'no-log-format',
      `${plain(file)} has no log_format directive`,
      'It may be in an included file: save the output of `nginx -T` and name that.',
    );
  }
  return formats;
}

/** Throws UserError where a format that was named fits no line of any input, and says what the lines look like instead. */
export function checkWanted(given: GivenFormats, inputs: readonly InputTally[]): void {
  for (const { said, fits } of given.wanted) {
    if (inputs.some(fits)) continue;
    const seen = new Map<string, number>();
    for (const input of inputs) {
      if (input.format !== null && own(input) > 0) add(seen, nameOf(input.format, input.dialect), own(input));
      for (const [id, lines] of Object.entries(input.otherFormats)) add(seen, id, lines);
    }
    const [most] = [...seen].toSorted((a, b) => b[1] - a[1]);
    throw new UserError(
      'log-format-fits-nothing',
      `no line fits --log-format ${plain(said)}`,
      most === undefined
        ? 'No other known format fits either; look at the first lines.'
        : `The lines look like ${most[0]}. Leave --log-format out, and the format is detected.`,
    );
  }
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

function nameOf(format: string, dialect: string | null): string {
  return dialect === null ? plain(format) : `${plain(format)} '${plain(dialect)}'`;
}
