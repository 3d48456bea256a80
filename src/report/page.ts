// A cause's page (Markdown) for the terminal: headings, paragraphs, lists, code and tables, wrapped and without markup signs. Only the
// Markdown that our own pages use; anything else comes out as text.
import { plainBlock } from '../model/neutral.ts';
import { paintWith, type Paint } from './paint.ts';
import type { TerminalOptions } from './terminal.ts';
import { displayWidth, padTo, wrap } from './width.ts';

/** The page as text with a line end at its end. */
export function renderPage(markdown: string, options: TerminalOptions): string {
  const paint = paintWith(options.colour);
  const columns = Math.max(30, Math.min(options.width, 100));
  const out: string[] = [];
  const lines = plainBlock(markdown).split('\n');
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const fence = /^(\s*)(`{3,}|~{3,})/.exec(line);
    if (fence !== null) {
      at = codeBlock(lines, at, fence[2] ?? '```', fence[1]?.length ?? 0, out, paint);
    } else if (/^ {4}\S/.test(line) && (at === 0 || (lines[at - 1] ?? '').trim() === '') && !afterItem(lines, at)) {
      at = indentedCode(lines, at, out, paint);
    } else if (line.trimStart().startsWith('|')) {
      at = table(lines, at, columns, out, paint);
    } else {
      at = block(lines, at, columns, out, paint, options.unicode);
    }
  }
  return `${out
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}

function codeBlock(lines: readonly string[], start: number, fence: string, indent: number, out: string[], paint: Paint): number {
  let at = start + 1;
  for (; at < lines.length && !(lines[at] ?? '').trim().startsWith(fence); at++) {
    out.push(`${' '.repeat(indent + 2)}${paint('command', (lines[at] ?? '').slice(indent))}`.trimEnd());
  }
  return at + 1;
}

/** Whether the block before this line is a list item, to which an indented paragraph would belong. */
function afterItem(lines: readonly string[], at: number): boolean {
  const before = lines.slice(0, at).findLast((line) => line.trim() !== '' && !/^\s/.test(line));
  return before !== undefined && /^([-*+]|\d+[.)])\s/.test(before);
}

function indentedCode(lines: readonly string[], start: number, out: string[], paint: Paint): number {
  let at = start;
  for (; at < lines.length && /^( {4}|\s*$)/.test(lines[at] ?? ''); at++)
    out.push(`  ${paint('command', (lines[at] ?? '').slice(4))}`.trimEnd());
  return at;
}

function table(lines: readonly string[], start: number, columns: number, out: string[], paint: Paint): number {
  let at = start;
  const rows: string[][] = [];
  for (; at < lines.length && (lines[at] ?? '').trimStart().startsWith('|'); at++) {
    const cells = (lines[at] ?? '')
      .trim()
      .replace(/^\||\|$/g, '')
      .split(/(?<!\\)\|/)
      .map((cell) => inline(cell.trim().replaceAll(String.raw`\|`, '|')));
    if (!cells.every((cell) => /^:?-+:?$/.test(cell))) rows.push(cells);
  }
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => displayWidth(row[i] ?? ''))));
  const fits = widths.reduce((sum, width) => sum + width + 2, 0) <= columns;
  rows.forEach((row, i) => {
    if (fits)
      out.push(
        paint(
          i === 0 ? 'title' : 'plain',
          row
            .map((cell, j) => padTo(cell, widths[j] ?? 0))
            .join('  ')
            .trimEnd(),
        ),
      );
    // A wide table becomes one short paragraph a row.
    else if (i > 0)
      out.push(
        ...wrap(row.map((cell, j) => `${rows[0]?.[j] ?? ''}: ${cell}`).join('; '), columns - 2).map((each, j) =>
          j === 0 ? `- ${each}` : `  ${each}`,
        ),
      );
  });
  out.push('');
  return at;
}

/** One heading, list item or paragraph with its continuation lines. */
function block(lines: readonly string[], start: number, columns: number, out: string[], paint: Paint, unicode: boolean): number {
  const line = lines[start] ?? '';
  if (line.trim() === '') {
    out.push('');
    return start + 1;
  }
  const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
  if (heading !== null) {
    out.push('', ...wrap(inline(heading[2] ?? ''), columns).map((row) => paint('title', row)));
    if (heading[1] === '#')
      out.push(paint('quiet', (unicode ? '─' : '-').repeat(Math.min(columns, displayWidth(inline(heading[2] ?? ''))))));
    return start + 1;
  }
  const item = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/.exec(line);
  let text = item?.[3] ?? line.trim().replace(/^>\s?/, '');
  let at = start + 1;
  for (; at < lines.length; at++) {
    const next = lines[at] ?? '';
    if (next.trim() === '' || /^\s*([-*+]|\d+[.)])\s|^#{1,6}\s|^\s*(`{3,}|~{3,})|^\s*\|/.test(next)) break;
    text = joined(text, next.trim().replace(/^>\s?/, ''));
  }
  const mark = item === null ? '' : /\d/.test(item[2] ?? '') ? `${item[2] ?? ''} ` : unicode ? '• ' : '- ';
  const indent = ' '.repeat(item?.[1]?.length ?? 0);
  const hanging = indent + ' '.repeat(displayWidth(mark));
  wrap(inline(text), columns - displayWidth(hanging)).forEach((row, i) => out.push(`${i === 0 ? indent + mark : hanging}${row}`));
  return at;
}

/** Source lines as one paragraph: Chinese lines meet without a space. */
function joined(before: string, next: string): string {
  const wide = /[\u2e80-\u9fff\uff00-\uffef]$/.test(before) && /^[\u2e80-\u9fff\uff00-\uffef]/.test(next);
  return wide ? before + next : `${before} ${next}`;
}

function inline(text: string): string {
  return text
    .split(/(`+[^`]+`+)/)
    .map((part) => {
      if (part.startsWith('`')) return part.replace(/^`+ ?| ?`+$/g, '');
      return part
        .replace(/!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)/g, (_, label: string, target: string) =>
          /^https?:/.test(target) && target !== label ? `${label} (${target})` : label,
        )
        .replace(/<(https?:[^>]+)>/g, '$1')
        .replace(/(\*\*|__)(?=\S)(.+?)\1/g, '$2')
        .replace(/(?<![\w*])\*(?=\S)([^*]+)\*(?![\w*])/g, '$1')
        .replace(/\\([\\`*_{}[\]()#+.!|<>~-])/g, '$1');
    })
    .join('');
}
