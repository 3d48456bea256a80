// Columns, not characters: how wide text is on a terminal, and how to wrap and cut it there. Input is plain text without colour
// codes; colours are added to finished lines.
import { eastAsianWidth } from 'get-east-asian-width';

let segmenter: Intl.Segmenter | null = null;
/** Made when the first text needs it: that takes longer than most reports take to draw. */
const graphemesOf = (text: string): Intl.Segments => (segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })).segment(text);
const ascii = /^[\x20-\x7e]*$/;
const combining = /^\p{Mark}+$/u;

function graphemeWidth(grapheme: string): number {
  if (combining.test(grapheme)) return 0;
  if (grapheme.includes('\ufe0f') || /^\p{Regional_Indicator}{2}/u.test(grapheme)) return 2;
  return eastAsianWidth(grapheme.codePointAt(0) ?? 0x20);
}

/** Columns that a line of text takes on a terminal. */
export function displayWidth(text: string): number {
  if (ascii.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemesOf(text)) columns += graphemeWidth(segment);
  return columns;
}

/** Text filled up with spaces to `columns`; longer text comes back as it is. */
export function padTo(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

/** Text cut to at most `columns`, the cut shown by `mark`. */
export function cutTo(text: string, columns: number, mark = '…'): string {
  if (displayWidth(text) <= columns) return text;
  const room = columns - displayWidth(mark);
  if (room <= 0) return columns <= 0 ? '' : mark.slice(0, columns);
  return `${takeColumns(text, room)[0].trimEnd()}${mark}`;
}

/** Splits text after at most `columns`; the first part holds at least one grapheme. */
function takeColumns(text: string, columns: number): readonly [string, string] {
  let used = 0;
  let end = 0;
  for (const { segment, index } of graphemesOf(text)) {
    const width = graphemeWidth(segment);
    if (used + width > columns && index > 0) break;
    used += width;
    end = index + segment.length;
  }
  return [text.slice(0, end), text.slice(end)];
}

// Punctuation that must not begin a line, and brackets that must not end one (the common core of Chinese typesetting rules).
const closing = /^[，。、；：？！）」』】》〉〕”’%…—·),.:;!?\]}]/;
const opening = /[（「『【《〈〔“‘]$/;

/** Pieces between which a line may break: words, spaces, and single wide characters with their punctuation. */
function pieces(text: string): readonly string[] {
  const out: string[] = [];
  let kind = 'none' as 'word' | 'space' | 'wide' | 'none';
  for (const { segment } of graphemesOf(text)) {
    const last = out.length - 1;
    const previous = out[last];
    if (segment === ' ') {
      if (kind === 'space') out[last] = `${previous ?? ''} `;
      else out.push(segment);
      kind = 'space';
      continue;
    }
    const wide = graphemeWidth(segment) === 2;
    const glued = previous !== undefined && kind !== 'space' && (closing.test(segment) || opening.test(previous));
    if (glued || (!wide && kind === 'word')) out[last] = `${previous ?? ''}${segment}`;
    else out.push(segment);
    kind = wide || (closing.test(segment) && kind === 'wide') ? 'wide' : 'word';
  }
  return out;
}

/** Lines of at most `columns`. Breaks at spaces and between Chinese characters; a word that fits on no line is cut. Never empty. */
export function wrap(text: string, columns: number): readonly string[] {
  const width = Math.max(1, columns);
  if (displayWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = '';
  let used = 0;
  const flush = (): void => {
    lines.push(line.trimEnd());
    line = '';
    used = 0;
  };
  for (const piece of pieces(text)) {
    let rest = piece;
    if (used > 0 && used + displayWidth(rest.trimEnd()) > width) flush();
    if (used === 0 && lines.length > 0) rest = rest.trimStart();
    while (displayWidth(rest) > width) {
      const [head, tail] = takeColumns(rest, width);
      lines.push(head);
      rest = tail;
    }
    line += rest;
    used += displayWidth(rest);
  }
  if (line.trimEnd() !== '' || lines.length === 0) flush();
  return lines;
}
