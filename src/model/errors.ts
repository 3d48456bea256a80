// Errors that the user can mend: one line, a hint, no stack. Everything else that is thrown is a bug in why5xx.
import { plain } from './neutral.ts';

/** What went wrong by the user's doing or surroundings. `code` is stable and kebab-case; `message` and `hint` are sentences. */
export class UserError extends Error {
  readonly code: string;
  readonly hint: string;
  constructor(code: string, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UserError';
    this.code = code;
    this.hint = hint;
  }
}

/** One mistake in a site file. Lines and columns count from 1, columns in characters. */
export interface SiteProblem {
  readonly line: number;
  readonly column: number;
  /** `backends[1].address`; empty for the file as a whole. */
  readonly path: string;
  /** What was expected and what was found. Secrets are hidden. */
  readonly message: string;
  readonly hint: string | null;
  /** The line of the file, secrets hidden; null where it would not help. */
  readonly source: string | null;
}

/** More than anyone reads; a hostile file must not cost minutes. */
export const maxSiteProblems = 100;

/** What a file is for, as messages about it say. */
export interface FileKind {
  readonly code: string;
  readonly noun: string;
  readonly hint: string;
}
const siteFile: FileKind = {
  code: 'site-file-invalid',
  noun: 'site file',
  hint: 'Mend this and run again. schemas/site.json in the package describes every key, also to your editor.',
};

/** A site file with mistakes: all of them (at most about `maxSiteProblems`), in the order of the file. */
export class SiteFileError extends UserError {
  readonly fileName: string;
  readonly problems: readonly SiteProblem[];
  /** `kind` where another file of the same make (YAML, checked by a schema) is meant. */
  constructor(fileName: string, problems: readonly SiteProblem[], kind: FileKind = siteFile) {
    const count =
      problems.length === 1 ? '1 problem' : `${problems.length < maxSiteProblems ? '' : 'at least '}${String(problems.length)} problems`;
    super(kind.code, `${fileName}: ${count} in the ${kind.noun}`, kind.hint);
    this.name = 'SiteFileError';
    this.fileName = fileName;
    this.problems = problems;
  }
}

const maxSourceWidth = 100;

/** All problems as text, safe for a terminal: `site.yaml:12:5: backends[1].address: expected …`, the line, a caret under the place. */
export function renderProblems({ fileName, problems }: Pick<SiteFileError, 'fileName' | 'problems'>): string {
  return problems
    .map(({ line, column, path, message, hint, source }) => {
      const head = `${plain(fileName)}:${String(line)}:${String(column)}: ${path === '' ? '' : `${plain(path)}: `}${plain(message)}`;
      const lines = [hint === null ? head : `${head} (${plain(hint)})`];
      if (source !== null && source.trim() !== '') {
        const characters = Array.from(source.replaceAll('\t', ' '));
        // A long line is shown around the place.
        const from = column > maxSourceWidth - 10 ? column - 40 : 0;
        const gutter = `${String(line).padStart(5)} | `;
        const shown = characters.slice(from, from + maxSourceWidth);
        const before = plain(shown.slice(0, column - 1 - from).join(''));
        lines.push(`${gutter}${plain(shown.join(''))}`, `${' '.repeat(gutter.length - 2)}| ${' '.repeat(before.length)}^`);
      }
      return lines.join('\n');
    })
    .join('\n');
}
