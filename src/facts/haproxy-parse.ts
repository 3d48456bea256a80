// Reads haproxy.cfg into sections and words, with lines, secrets removed.
import type { HaproxySection } from '../model/observations.ts';
import { isSecretName, redacted, redactText } from '../model/redact.ts';

const sectionNames = new Set([
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'userlist',
  'peers',
  'resolvers',
  'mailers',
  'program',
  'cache',
  'http-errors',
  'ring',
  'log-forward',
  'fcgi-app',
  'crt-store',
  'traces',
  'log-profile',
]);

/** The words of one line as HAProxy splits them: quotes, backslashes, comments. */
export function haproxyWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < line.length; i++) {
    const c = line[i] ?? '';
    if (c === '\\' && i + 1 < line.length) {
      const next = line[++i] ?? '';
      word = (word ?? '') + ({ n: '\n', r: '\r', t: '\t' }[next] ?? next);
    } else if (c === '"' || c === "'") {
      let end = i + 1;
      let text = '';
      while (end < line.length && line[end] !== c) {
        if (c === '"' && line[end] === '\\' && end + 1 < line.length) end++;
        text += line[end++];
      }
      word = (word ?? '') + text;
      i = end;
    } else if (c === '#') break;
    else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + c;
  }
  if (word !== null) words.push(word);
  return words;
}

function hideSecrets(words: readonly string[]): string[] {
  const [first = '', second = ''] = words;
  if (first === 'stats' && second === 'auth') return [first, second, ...words.slice(2).map((word) => word.replace(/:.*/s, `:${redacted}`))];
  return words.map((word, i) => {
    const before = words[i - 1] ?? '';
    if (i > 0 && (/^(?:insecure-)?password$/.test(before) || (isSecretName(before.replace(/^-+/, '')) && before !== 'auth')))
      return redacted;
    return redactText(word);
  });
}

/** Sections in the order of the file. A line before any section is dropped, as HAProxy would refuse it. At most 20 000 lines. */
export function parseHaproxy(text: string): HaproxySection[] {
  const sections: { kind: string; name: string; line: number; lines: { line: number; words: readonly string[] }[] }[] = [];
  text
    .split('\n')
    .slice(0, 20_000)
    .forEach((raw, i) => {
      const words = haproxyWords(raw.slice(0, 8192));
      const [first] = words;
      if (first === undefined) return;
      if (sectionNames.has(first)) {
        // `backend app from base`: the parent is kept as a line of its own.
        const from = words.indexOf('from');
        const named = from === 1 ? '' : (words[1] ?? '');
        sections.push({
          kind: first,
          name: named,
          line: i + 1,
          lines: from > 0 ? [{ line: i + 1, words: ['from', words[from + 1] ?? ''] }] : [],
        });
      } else sections.at(-1)?.lines.push({ line: i + 1, words: hideSecrets(words) });
    });
  return sections;
}
