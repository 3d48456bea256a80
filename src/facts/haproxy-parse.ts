// Reads haproxy.cfg into sections and words, with lines, secrets removed.
import type { HaproxySection } from '../model/observations.ts';
import { isPlainHeader, isSecretName, redacted, redactText } from '../model/redact.ts';

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

/** A sample of what a request brings along: a header, cookie or query value, with its name. */
const sample = /^!?(?:\{\s*)?(?:req\.|res\.|s\.)?(f?hdr|cook|scook|urlp|url_param)(?:_\w+)?\(([^),]*)/;

/** What a sample is compared with is a key where clients are told apart by it. */
function comparesKey(word: string): boolean {
  const match = sample.exec(word);
  return match !== null && !(match[1]?.endsWith('hdr') === true && isPlainHeader(match[2] ?? ''));
}

/** The words of a line without its secrets: passwords, what follows their names, header values of somebody's own making, keys compared with. */
function hideSecrets(words: readonly string[]): string[] {
  const [first = '', second = ''] = words;
  if (first === 'stats' && second === 'auth') return [first, second, ...words.slice(2).map((word) => word.replace(/:.*/s, `:${redacted}`))];
  if (first === 'setenv' || first === 'presetenv') return [first, second, ...words.slice(2).map(() => redacted)];
  if (first === 'tcp-check' && second.startsWith('send')) return [first, second, ...words.slice(2).map(() => redacted)];
  let comparing = false;
  return words.map((word, i) => {
    const before = words[i - 1] ?? '';
    const setter = words[i - 2] ?? '';
    if (/^(\}|\|\||or|if|unless)$/.test(word)) comparing = false;
    if (comparing && !word.startsWith('-') && !/^-[mfMun]$/.test(before) && word !== '{' && !comparesKey(word)) return redacted;
    if (comparesKey(word)) comparing = true;
    if (i > 0 && (/^(?:insecure-)?password$/.test(before) || (isSecretName(before.replace(/^-+/, '')) && before !== 'auth')))
      return redacted;
    if (/^((set|add|replace)-header|hdr)$/.test(setter) && !isPlainHeader(before) && !/^%\[[^\]]*\]$/.test(word)) return redacted;
    return redactText(word.replace(/\bstr\([^)]*\)/g, `str(${redacted})`));
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
