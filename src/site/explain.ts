// Turns what the schema found into sentences: what was expected, what was found, what was probably meant.
import { nearest } from '../model/nearest.ts';
import type { z } from 'zod';

import { maxSiteProblems } from '../model/errors.ts';
import type { SiteProblem } from '../model/errors.ts';
import { redactText } from '../model/redact.ts';
import { siteJsonSchema } from '../model/site.ts';
import { mayShow } from './document.ts';
import type { Path, SiteDocument } from './document.ts';

type Issue = z.core.$ZodIssue;

/** One problem for each mistake, at most `maxSiteProblems`. */
export function explain(issues: readonly Issue[], document: SiteDocument): readonly SiteProblem[] {
  const problems: SiteProblem[] = [];
  for (const issue of issues) {
    for (const each of flatten(issue, [])) {
      if (problems.length >= maxSiteProblems) return problems;
      if (each.issue.code === 'unrecognized_keys') {
        for (const key of each.issue.keys.slice(0, maxSiteProblems - problems.length)) problems.push(unknownKey(key, each.path, document));
      } else problems.push(explainOne(each.issue, each.path, document));
    }
  }
  return problems;
}

interface Placed {
  readonly issue: Issue;
  readonly path: Path;
}

/** Looks into unions: where the value fits just one alternative by type, that one's complaints are the useful ones. */
function flatten(issue: Issue, before: Path): readonly Placed[] {
  const path = [...before, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code !== 'invalid_union') return [{ issue, path }];
  const fitting = issue.errors.filter(
    (branch) => !branch.some((each) => each.path.length === 0 && (each.code === 'invalid_type' || each.code === 'invalid_value')),
  );
  const [branch] = fitting;
  return branch === undefined || fitting.length > 1 ? [{ issue, path }] : branch.flatMap((each) => flatten(each, path));
}

function explainOne(issue: Issue, path: Path, document: SiteDocument): SiteProblem {
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? 'expected another key';
    return document.problemAt(path, 'key', `${expected}, found ${found(path.at(-1), [])}`);
  }
  const value = valueAt(document.data, path);
  const needsQuotes =
    issue.code === 'invalid_type' && issue.expected === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  const hint = issue.code === 'invalid_value' ? didYouMean(value, issue.values) : needsQuotes ? 'put it in quotes' : null;
  return document.problemAt(path, 'value', `${expectation(issue)}, found ${found(value, path)}`, hint);
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'keys with values',
  record: 'keys with values',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function expectation(issue: Issue): string {
  if (issue.message.startsWith('expected')) return issue.message;
  if (issue.code === 'invalid_type') return `expected ${typeNames[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `expected one of: ${issue.values.map(String).join(', ')}`;
  return `expected something else (${issue.message})`;
}

function unknownKey(key: string, path: Path, document: SiteDocument): SiteProblem {
  const known = knownKeys(path);
  const hint = didYouMean(key, known) ?? (known.length === 0 ? null : `known here: ${known.join(', ')}`);
  return document.problemAt([...path, key], 'key', `expected a key of the site file, found ${found(key, [])}`, hint);
}

/** What stands there, short, secrets hidden. */
export function found(value: unknown, path: Path): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return 'keys with values';
  if (!mayShow(path)) return 'a value that is not shown';
  const text = redactText(String(value));
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  return typeof value === 'string' ? `"${short}"` : short;
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    return (value as Readonly<Record<string | number, unknown>>)[step];
  }, data);
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** Keys that the schema knows for the object at `path`. */
function knownKeys(path: Path): readonly string[] {
  let nodes: readonly SchemaNode[] = [siteJsonSchema()];
  for (const step of path) {
    nodes = nodes
      .flatMap((node) => node.anyOf ?? [node])
      .flatMap(
        (node) =>
          (typeof step === 'number'
            ? node.items
            : node.properties !== undefined && Object.hasOwn(node.properties, step)
              ? node.properties[step]
              : undefined) ?? [],
      );
  }
  return nodes.flatMap((node) => node.anyOf ?? [node]).flatMap((node) => Object.keys(node.properties ?? {}));
}

function didYouMean(value: unknown, known: readonly unknown[]): string | null {
  if (typeof value !== 'string' || value.length > 40) return null;
  const best = nearest(
    value,
    known.filter((each) => typeof each === 'string'),
  );
  return best === null ? null : `did you mean "${best}"?`;
}
