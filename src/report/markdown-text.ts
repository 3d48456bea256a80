// Text from outside inside Markdown: it must not become markup, HTML, a link, a mention or the end of a code block. Prose is escaped,
// anything a renderer could turn into a link goes into a code span, and fences are longer than any run of backticks inside.
import { plain, plainBlock } from '../model/neutral.ts';

/** A code span that holds exactly this text, on one line. Empty text gives `""` so that the span is not lost. */
export function code(text: string): string {
  const content = plain(text);
  if (content.trim() === '') return '`""`';
  const fence = '`'.repeat(longestRun(content) + 1);
  const pad = content.startsWith('`') || content.endsWith('`') || (content.startsWith(' ') && content.endsWith(' ')) ? ' ' : '';
  return `${fence}${pad}${content}${pad}${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...Array.from(text.matchAll(/`+/g), (match) => match[0].length));
}

// What GitHub, GitLab and others make a link or a mention of, and names with underscores, which read better as code anyway.
const risky = /:\/\/|www\.|@|^[#!&%~$]\w|javascript:|mailto:|[A-Za-z0-9]_\w/i;

/** A sentence. Every printable ASCII word that could become a link or a mention is shown as code, everything else is escaped. */
export function prose(text: string): string {
  return plain(text)
    .replace(/[\u0021-\u007e]+/g, (word) => {
      const [, before = '', core = '', after = ''] = /^([("']*)(.*?)([).,;:"'?!]*)$/.exec(word) ?? [];
      return risky.test(core) ? `${escaped(before)}${code(core)}${escaped(after)}` : escaped(word);
    })
    .replace(/^(\s*)(\d+)([.)])/, '$1$2\\$3')
    .replace(/^(\s*)([-+=])/, '$1\\$2');
}

function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>#|~&$^]/g, '\\$&');
}

/** A fenced block of several lines, each line indented by `indent` spaces so that it can stand in a list. */
export function fenced(text: string, info: string, indent = 0): readonly string[] {
  const content = plainBlock(text).replace(/\n+$/, '');
  const fence = '`'.repeat(Math.max(3, longestRun(content) + 1));
  const margin = ' '.repeat(indent);
  return [`${fence}${info}`, ...content.split('\n'), fence].map((line) => (line === '' ? '' : margin + line));
}
