// YAML text as plain data that still knows where everything stands.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Node } from 'yaml';

import type { SiteProblem } from '../model/errors.ts';
import { isSecretName, redactText } from '../model/redact.ts';

export type Path = readonly (string | number)[];

/** How often anchors may be used; more is an attack, or a mistake that looks like one. */
const maxAliasCount = 100;
const maxYamlProblems = 50;

export interface SiteDocument {
  readonly data: unknown;
  readonly problems: readonly SiteProblem[];
  /** True where `data` cannot be trusted, so that more complaints would only confuse. */
  readonly broken: boolean;
  /** A problem at a value, or at its key; where it does not exist, at the nearest thing around it. */
  problemAt(path: Path, at: 'key' | 'value', message: string, hint?: string | null): SiteProblem;
}

/** Never throws, whatever the text is. */
export function parseSiteDocument(text: string): SiteDocument {
  const lines = new LineCounter();
  const problem = (offset: number, path: Path, message: string, hint: string | null = null): SiteProblem => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    const start = lines.lineStarts[line - 1] ?? 0;
    const source = /^[^\r\n]*/.exec(text.slice(start, start + 10_000))?.[0] ?? '';
    return {
      line: Math.max(1, line),
      column: Array.from(source.slice(0, Math.max(0, col - 1))).length + 1,
      path: pathText(path),
      message,
      hint,
      source: mayShow(path) ? redactText(source) : null,
    };
  };
  const stop = (message: string, hint: string | null): SiteDocument => {
    const problems = [problem(0, [], message, hint)];
    return { data: undefined, problems, broken: true, problemAt: () => problem(0, [], message, hint) };
  };

  let document: Document.Parsed;
  let data: unknown;
  let duplicates: readonly SiteProblem[];
  try {
    // Duplicate keys are searched below, because the library compares each key with each.
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false,
      merge: true,
      logLevel: 'error',
    });
    if (document.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) return stop(tooDeep, null);
    const aliases = unknownAliases(document, problem);
    if (aliases.length > 0) return { data: undefined, problems: aliases, broken: true, problemAt: () => problem(0, [], '') };
    duplicates = duplicateKeys(document, problem);
    data = document.toJS({ maxAliasCount });
  } catch (error) {
    if (error instanceof RangeError) return stop(tooDeep, null);
    if (error instanceof ReferenceError)
      return stop('expected few anchors, found one that is used too often or inside itself', 'write the values out');
    // The library throws plain errors for merge keys that cannot be merged.
    if (error instanceof Error) return stop(yamlMessage('MERGE', error.message), 'write the values out');
    throw error;
  }
  const yamlProblems = [...document.errors, ...document.warnings]
    .slice(0, maxYamlProblems)
    .map((error) => problem(error.pos[0], [], yamlMessage(error.code, error.message), yamlHints[error.code] ?? null));
  return {
    data,
    problems: [...yamlProblems, ...duplicates],
    broken: yamlProblems.length > 0,
    problemAt: (path, at, message, hint = null) => problem(offsetOf(document, path, at), path, message, hint),
  };
}

const tooDeep = 'expected a flat file, found things nested too deeply';

const yamlHints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'things on one level start in the same column',
  MULTIPLE_DOCS: 'one file is one site',
  TAG_RESOLVE_FAILED: 'write the value without a tag',
  MISSING_CHAR: 'a quote or a bracket may be open',
  BLOCK_AS_IMPLICIT_KEY: 'a value with ": " in it needs quotes',
};

function yamlMessage(code: string, message: string): string {
  if (code === 'MULTIPLE_DOCS') return 'expected one document, found a second one';
  const said = redactText(message.split('\n')[0] ?? '').slice(0, 200);
  return `expected YAML, found this: ${said}`;
}

type ProblemOf = (offset: number, path: Path, message: string, hint?: string | null) => SiteProblem;

function unknownAliases(document: Document.Parsed, problem: ProblemOf): readonly SiteProblem[] {
  const anchors = new Set<string>();
  const found: SiteProblem[] = [];
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        if (!anchors.has(node.source) && found.length < maxYamlProblems) {
          found.push(
            problem(startOf(node) ?? 0, [], `expected an anchor &${node.source} above, found none`, 'text that starts with * needs quotes'),
          );
        }
      } else if (node.anchor !== undefined) anchors.add(node.anchor);
    },
  });
  return found;
}

function duplicateKeys(document: Document.Parsed, problem: ProblemOf): readonly SiteProblem[] {
  const found: SiteProblem[] = [];
  visit(document, {
    Map(_, map, ancestors) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key) || key.value === '<<') continue;
        if (seen.has(key.value) && found.length < maxYamlProblems) {
          const path = [...pathOf(ancestors, map), String(key.value)];
          found.push(problem(key.range?.[0] ?? 0, path, 'expected each key once, found it again'));
        }
        seen.add(key.value);
      }
    },
  });
  return found;
}

function pathOf(ancestors: readonly unknown[], node: unknown): Path {
  const chain = [...ancestors, node];
  return chain.flatMap((each, i): Path => {
    const next = chain[i + 1];
    if (isSeq(each)) return [each.items.indexOf(next)];
    if (isMap(each)) {
      const pair = each.items.find((item) => item === next);
      return isScalar(pair?.key) ? [String(pair.key.value)] : [];
    }
    return [];
  });
}

function offsetOf(document: Document.Parsed, path: Path, at: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [i, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    let next: unknown;
    if (isSeq(node) && typeof step === 'number') next = node.items[step];
    else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      const keyOffset = startOf(pair?.key);
      if (keyOffset !== null) offset = keyOffset;
      if (at === 'key' && i === path.length - 1) return offset;
      next = pair?.value;
    }
    const valueOffset = startOf(next);
    if (next === undefined || next === null) return offset;
    // An empty value has no place of its own: its key shows better where it is missing.
    if (valueOffset !== null && !(isScalar(next) && next.value === null)) offset = valueOffset;
    node = next;
  }
  return offset;
}

function startOf(node: unknown): number | null {
  return (node as Node | null | undefined)?.range?.[0] ?? null;
}

/** `backends[1].address`, as people write it. */
export function pathText(path: Path): string {
  return path
    .map((step, i) => {
      if (typeof step === 'number') return `[${String(step)}]`;
      if (!/^[A-Za-z0-9_-]+$/.test(step)) return `[${JSON.stringify(step.slice(0, 80))}]`;
      return i === 0 ? step : `.${step}`;
    })
    .join('');
}

/** False for values that may be secret: header values, and whatever stands under a secret's name. */
export function mayShow(path: Path): boolean {
  return !path.some((step, i) => (typeof step === 'string' && isSecretName(step)) || (path[i - 1] === 'headers' && i === path.length - 1));
}
