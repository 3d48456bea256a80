// Which characters a message must begin with for a pattern to match, so that most of the catalogue is never tried.

/** The end of the group that opens at `from`. */
function groupEnd(source: string, from: number): number {
  let depth = 0;
  for (let i = from; i < source.length; i++) {
    const each = source.charAt(i);
    if (each === '\\') i++;
    else if (each === '[') {
      i++;
      while (i < source.length && source.charAt(i) !== ']') i += source.charAt(i) === '\\' ? 2 : 1;
    } else if (each === '(') depth++;
    else if (each === ')' && --depth === 0) return i;
  }
  return source.length;
}

/** Alternatives of a group's inside, or of a whole pattern. */
function alternatives(source: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < source.length; i++) {
    const each = source.charAt(i);
    if (each === '\\') i++;
    else if (each === '[') {
      i++;
      while (i < source.length && source.charAt(i) !== ']') i += source.charAt(i) === '\\' ? 2 : 1;
    } else if (each === '(') i = groupEnd(source, i);
    else if (each === '|') {
      parts.push(source.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(source.slice(start));
  return parts;
}

const union = (sets: readonly (ReadonlySet<string> | null)[]): ReadonlySet<string> | null => {
  const all = new Set<string>();
  for (const set of sets) {
    if (set === null) return null;
    for (const each of set) all.add(each);
  }
  return all;
};

/** Of one alternative behind its `^`; null where anything can stand first. */
function firstOf(source: string): ReadonlySet<string> | null {
  const head = source.charAt(0);
  if (head === '(') {
    const end = groupEnd(source, 0);
    const opening = /^\((?:\?(?::|<\w+>|=|!|<=|<!))?/.exec(source)?.[0] ?? '(';
    const after = source.slice(end + 1);
    if (opening === '(?!' || opening === '(?<!' || opening === '(?=' || opening === '(?<=') return firstOf(after);
    const inside = union(alternatives(source.slice(opening.length, end)).map((each) => firstOf(each)));
    const quantifier = /^(?:[?*]|\{0)/.test(after);
    return quantifier ? union([inside, firstOf(after.replace(/^(?:[?*+]|\{[\d,]*\})\??/, ''))]) : inside;
  }
  const escaped = head === '\\';
  const character = escaped ? source.charAt(1) : head;
  if (character === '' || (escaped ? /\w/.test(character) : /[.[^$|)]/.test(character))) return null;
  const after = source.slice(escaped ? 2 : 1);
  const own = new Set([character]);
  return /^(?:[?*]|\{0)/.test(after) ? union([own, firstOf(after.replace(/^(?:[?*]|\{[\d,]*\})\??/, ''))]) : own;
}

/** The characters one of which a matching message begins with; null where the pattern does not say. */
export function firstCharacters(pattern: RegExp): ReadonlySet<string> | null {
  if (pattern.flags.includes('i')) return null;
  return union(alternatives(pattern.source).map((each) => (each.startsWith('^') ? firstOf(each.slice(1)) : null)));
}
