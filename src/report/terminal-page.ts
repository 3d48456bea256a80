// The blocks that terminal reports are put together from: lines, fields, headings, wrapped text. Filled by terminal.ts and by the
// sections of `why5xx logs`.
import type { Report } from '../model/report.ts';
import type { Labels } from './labels.ts';
import type { Paint, Style } from './paint.ts';
import { displayWidth, padTo, wrap } from './width.ts';

/** A report on its way to being text: what it says, how it may be drawn, and the lines so far. */
export interface Page {
  readonly report: Report;
  readonly labels: Labels;
  readonly columns: number;
  readonly unicode: boolean;
  readonly verbose: boolean;
  readonly paint: Paint;
  readonly lines: string[];
}

/** Adds a line of ours. Commands and configuration are pushed as they are instead: they must stay exact. */
export function put(page: Page, line: string): void {
  page.lines.push(ascii(line, page.unicode));
}

// Our own ornaments only; text in another script stays, since it cannot be said in ASCII.
const ornaments: Readonly<Record<string, string>> = {
  '…': '...',
  '·': '-',
  '→': '->',
  '—': '-',
  '✓': 'OK',
  '✗': 'X',
  '–': '-',
  '“': '"',
  '”': '"',
  '’': "'",
  '×': 'x',
  '−': '-',
};
/** The line with our own ornaments in ASCII where the terminal shows nothing else. */
export function ascii(line: string, unicode: boolean): string {
  return unicode ? line : line.replace(/[…·→—✓✗–“”’×−]/g, (mark) => ornaments[mark] ?? mark);
}

/** A label with its text beside it; further texts below, wrapped under the first. */
export function field(page: Page, label: string, texts: readonly string[]): void {
  const { labels, columns, paint } = page;
  const indent =
    2 + Math.max(...[labels.what, labels.where, labels.why, labels.sure, labels.do, labels.chain, labels.next].map(displayWidth)) + 2;
  const rows = texts.flatMap((text) => {
    const hanging = text.startsWith('- ') ? '  ' : '';
    return wrap(text.slice(hanging.length), columns - indent - hanging.length).map(
      (row, i) => (i === 0 ? text.slice(0, hanging.length) : hanging) + row,
    );
  });
  rows.forEach((row, i) => put(page, i === 0 ? `  ${paint('label', padTo(label, indent - 2))}${row}` : ' '.repeat(indent) + row));
}

/** A heading, with a note beside it where there is room. */
export function section(page: Page, title: string, note = ''): void {
  const { paint, columns } = page;
  put(page, '');
  const head = note === '' || displayWidth(title) + displayWidth(note) + 2 > columns ? '' : `  ${paint('quiet', note)}`;
  if (head !== '') put(page, `${paint('title', title)}${head}`);
  else for (const row of wrap(title, columns)) put(page, paint('title', row));
}

/** Wrapped text under a heading, `first` (a number, a dash) in the margin of its first line. */
export function text(page: Page, indent: number, content: string, style?: Style, first = ''): void {
  wrap(content, page.columns - indent).forEach((row, i) => {
    const lead = i === 0 && first !== '' ? padTo(first, indent) : ' '.repeat(indent);
    put(page, lead + (style === undefined ? row : page.paint(style, row)));
  });
}
