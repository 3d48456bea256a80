// Finds `log_format` in the text of an nginx configuration, or of `nginx -T`. A reader for this one directive: the whole grammar belongs to
// the layer that judges configurations, which logs may not import.

/** A named format of an nginx configuration. */
export interface NamedFormat {
  readonly name: string;
  readonly format: string;
}

const longest = 8192;

/** The words of one directive from `from` to its `;`, quotes removed and escapes resolved; no words where it does not end there. */
function words(text: string, from: number): { readonly words: string[]; readonly end: number } {
  const found: string[] = [];
  let i = from;
  while (i < text.length) {
    const c = text[i] ?? '';
    if (c === ';') return { words: found, end: i + 1 };
    if (c === '{' || c === '}') break;
    if (/\s/.test(c)) i++;
    else if (c === '#') {
      const end = text.indexOf('\n', i);
      i = end < 0 ? text.length : end + 1;
    } else {
      const quote = c === '"' || c === "'" ? c : '';
      let word = '';
      if (quote !== '') i++;
      while (i < text.length) {
        const d = text[i] ?? '';
        if (d === '\\' && i + 1 < text.length) {
          const next = text[i + 1] ?? '';
          // As nginx does: these lose the backslash, \t \r \n become the character, anything else keeps both.
          if (next === '"' || next === "'" || next === '\\') word += next;
          else if (next === 't') word += '\t';
          else if (next === 'r') word += '\r';
          else if (next === 'n') word += '\n';
          else word += d + next;
          i += 2;
          continue;
        }
        if (quote === '' ? /[\s;]/.test(d) : d === quote) break;
        word += d;
        i++;
        if (word.length > longest) return { words: [], end: i };
      }
      if (quote !== '') i++;
      found.push(word);
      if (found.length > 200) break;
    }
  }
  return { words: [], end: i };
}

/** All `log_format` directives of a configuration, in order; the same name again replaces the earlier one. Takes time linear in the text. */
export function nginxFormatsIn(configText: string): NamedFormat[] {
  const formats = new Map<string, string>();
  let next = 0;
  for (const match of configText.matchAll(/(?:^|[;{}\n])[^\S\n]*log_format\s/g)) {
    if (match.index < next) continue;
    const directive = words(configText, match.index + match[0].length);
    next = directive.end - 1;
    const [name, ...rest] = directive.words;
    const format = rest.filter((word, i) => i > 0 || !word.startsWith('escape=')).join('');
    if (name === undefined || format === '' || format.length > longest) continue;
    formats.delete(name);
    formats.set(name, format);
  }
  return [...formats].map(([name, format]) => ({ name, format }));
}
