// Argument lists as a person would type them. For display and copying only: nothing here is ever run through a shell.
import { hasUnsafe, visibleEscape } from '../model/neutral.ts';
import { displayWidth } from './width.ts';

const bare = /^[A-Za-z0-9_%+,./:=@^-]+$/;

/** One word, quoted for bash, zsh and ksh so that pasting it gives exactly these characters, invisible ones as escapes. */
export function shellWord(word: string): string {
  if (word !== '' && bare.test(word) && !word.startsWith('~')) return word;
  if (hasUnsafe(word)) {
    const inside = Array.from(word, (character) => {
      if (character === '\\' || character === "'") return `\\${character}`;
      return hasUnsafe(character) ? bashEscape(character) : character;
    });
    return `$'${inside.join('')}'`;
  }
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function bashEscape(character: string): string {
  const escape = visibleEscape(character);
  // In bash \x80 and up would be a raw byte; \u0080 is the character.
  if (/^\\x[89a-f]/.test(escape)) return escape.replace('\\x', '\\u00');
  return escape.startsWith('\\u{') ? `\\U${escape.slice(3, -1).padStart(8, '0')}` : escape;
}

/**
 * A command line to copy. Breaks after `columns` with a backslash between arguments, so that the copied text stays one command; an
 * option stays with its value.
 */
export function shellLines(words: readonly string[], columns = Number.POSITIVE_INFINITY): readonly string[] {
  const groups: string[] = [];
  let option = false;
  for (const [i, word] of words.entries()) {
    const last = groups.length - 1;
    const isOption = word.startsWith('-') && word.length > 1;
    if (option && !isOption) groups[last] = `${groups[last] ?? ''} ${shellWord(word)}`;
    else groups.push(shellWord(word));
    option = isOption && i > 0;
  }
  const lines: string[] = [];
  let line = '';
  for (const group of groups) {
    if (line === '') line = group;
    else if (displayWidth(line) + displayWidth(group) + 3 > columns) {
      lines.push(`${line} \\`);
      line = `  ${group}`;
    } else line += ` ${group}`;
  }
  if (line !== '') lines.push(line);
  return lines;
}
