// The columns file: YAML that says which column of a table holds what. Every mistake is reported at once, with its line and column.
import { readFile, stat } from 'node:fs/promises';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import type { z } from 'zod';

import { SiteFileError, UserError } from '../../model/errors.ts';
import type { SiteProblem } from '../../model/errors.ts';
import { nearest } from '../../model/nearest.ts';
import { columnsSchema, mapOfFile, presets, roles } from './columns.ts';
import type { ColumnMap } from './columns.ts';

const maxBytes = 256 * 1024;
const kind = {
  code: 'columns-file-invalid',
  noun: 'columns file',
  hint: `Mend this and run again. Its keys are preset, time, ${roles.join(', ')}.`,
};

/** The map in a file, or the preset of that name. Throws UserError, and of it SiteFileError for mistakes in the file. */
export async function readColumns(nameOrPath: string): Promise<ColumnMap> {
  if (Object.hasOwn(presets, nameOrPath)) return presets[nameOrPath as keyof typeof presets];
  let text: string;
  try {
    const { size } = await stat(nameOrPath);
    if (size > maxBytes)
      throw new UserError('file-too-large', `columns file ${nameOrPath} is larger than 256 KiB`, 'Is this the right file?');
    text = await readFile(nameOrPath, 'utf8');
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error) || !('code' in error)) throw error;
    const hint = `Name a file, or one of the presets ${Object.keys(presets).join(', ')}.`;
    if (error.code === 'ENOENT') throw new UserError('file-missing', `columns file ${nameOrPath} does not exist`, hint, { cause: error });
    throw new UserError('file-unreadable', `columns file ${nameOrPath} cannot be read (${String(error.code)})`, hint, { cause: error });
  }
  return parseColumns(text, nameOrPath);
}

/** The map in the text of a file. Throws SiteFileError. */
export function parseColumns(text: string, fileName: string): ColumnMap {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, logLevel: 'error' });
  const problemAt = (offset: number, path: string, message: string, hint: string | null): SiteProblem => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    const source = /^[^\r\n]*/.exec(text.slice(lines.lineStarts[line - 1] ?? 0).slice(0, 10_000))?.[0] ?? '';
    return { line: Math.max(1, line), column: Array.from(source.slice(0, Math.max(0, col - 1))).length + 1, path, message, hint, source };
  };
  const fail = (problems: readonly SiteProblem[]): never => {
    throw new SiteFileError(
      fileName,
      problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
      kind,
    );
  };
  const broken = [...document.errors, ...document.warnings].slice(0, 50);
  if (broken.length > 0) {
    return fail(
      broken.map(({ pos, message }) =>
        problemAt(pos[0], '', `expected YAML, found this: ${(message.split('\n')[0] ?? '').slice(0, 200)}`, null),
      ),
    );
  }
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return fail([problemAt(0, '', 'expected few anchors, found one that is used too often', 'write the values out')]);
  }
  const result = columnsSchema.safeParse(data);
  if (result.success) return mapOfFile(result.data, `from ${fileName}`);
  return fail(result.error.issues.flatMap((issue) => problemsOf(issue, document, problemAt)));
}

type ProblemAt = (offset: number, path: string, message: string, hint: string | null) => SiteProblem;

function problemsOf(issue: z.core.$ZodIssue, document: Document, problemAt: ProblemAt): SiteProblem[] {
  const path = issue.path.map(String);
  const shown = path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = path.length === 0 ? ['preset', 'time', ...roles] : ['column', 'key', 'unit'];
    return issue.keys.map((key) => {
      const best = nearest(key, known);
      const offset = offsetOf(document, [...path, key], 'key');
      return problemAt(
        offset,
        [...path, key].join('.'),
        'expected a key of the columns file',
        best === null ? `known here: ${known.join(', ')}` : `did you mean "${best}"?`,
      );
    });
  }
  if (issue.code === 'invalid_union') {
    // Where the value is a mapping, what the alternative for mappings says of its keys is the useful complaint.
    const inner = leavesOf(issue, issue.path).filter((each) => each.path.length > issue.path.length || each.code === 'unrecognized_keys');
    const deepest = Math.max(...inner.map((each) => each.path.length));
    const useful = inner.some((each) => each.code === 'unrecognized_keys')
      ? inner.filter((each) => each.code === 'unrecognized_keys')
      : inner.filter((each) => each.path.length === deepest);
    const isNamed = useful.filter((each) => each.code !== 'invalid_type' || typeof each.path.at(-1) === 'string');
    if (isNamed.length > 0) return isNamed.slice(0, 3).flatMap((each) => problemsOf(each, document, problemAt));
    return [problemAt(offsetOf(document, path, 'value'), shown, `expected a column's name, {column, key, unit} or a list of them`, null)];
  }
  const expected = issue.message.startsWith('expected')
    ? issue.message
    : issue.code === 'invalid_value'
      ? `expected one of: ${issue.values.map(String).join(', ')}`
      : issue.code === 'invalid_type' && path.length === 0
        ? 'expected keys with values'
        : `expected something else (${issue.message})`;
  return [problemAt(offsetOf(document, path, 'value'), shown, expected, null)];
}

/** What the alternatives of a union complain about, unions in them taken apart. */
function leavesOf(issue: z.core.$ZodIssue, path: z.core.$ZodIssue['path']): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [{ ...issue, path }];
  return issue.errors.flat().flatMap((each) => leavesOf(each, [...path, ...each.path]));
}

/** Where a key or a value stands; where there is none, the nearest thing around it. */
function offsetOf(document: Document, path: readonly string[], at: 'key' | 'value'): number {
  const start = (node: unknown): number | null => (node as Node | null | undefined)?.range?.[0] ?? null;
  let node: unknown = document.contents;
  let offset = start(node) ?? 0;
  for (const [i, step] of path.entries()) {
    if (isSeq(node)) node = node.items[Number(step)];
    else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      offset = start(pair?.key) ?? offset;
      if (at === 'key' && i === path.length - 1) return offset;
      node = pair?.value;
    } else return offset;
    offset = start(node) ?? offset;
  }
  return offset;
}
