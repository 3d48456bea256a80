// The request's way as a tree of hops, for terminals and for code blocks: each hop one step further in, backends side by side, the
// broken hop marked. Works from 40 columns up and without Unicode.
import { plain } from '../model/neutral.ts';
import type { Report } from '../model/report.ts';
import { labelsIn, wordFor } from './labels.ts';
import type { Paint, Style } from './paint.ts';
import { wrap } from './width.ts';

type Hop = Report['path'][number];

/** A hop with its place in the tree. `last` is true where no hop of the same depth and parent follows. */
export interface PlacedHop {
  readonly hop: Hop;
  readonly depth: number;
  readonly last: boolean;
}

/** Clients stand at the left edge; backends that follow each other lie side by side; an application runtime lies inside the backend before it. */
export function placeHops(path: Report['path']): readonly PlacedHop[] {
  let depth = -1;
  let backendDepth: number | null = null;
  const placed = path.map((hop) => {
    if (hop.role === 'client') depth = 0;
    else if (hop.role === 'backend') {
      backendDepth ??= depth + 1;
      depth = backendDepth;
    } else if (hop.role === 'app' && backendDepth !== null) depth = backendDepth + 1;
    else depth += 1;
    return { hop, depth };
  });
  return placed.map(({ hop, depth: own }, i) => {
    const next = placed.slice(i + 1).find((other) => other.depth <= own);
    return { hop, depth: own, last: next === undefined || next.depth < own };
  });
}

const marks = {
  unicode: { ok: '✓', failing: '!', broken: '✗', unknown: '?' },
  ascii: { ok: '+', failing: '!', broken: 'X', unknown: '?' },
} as const;
const styles: Readonly<Record<Hop['state'], Style>> = { ok: 'good', failing: 'warn', broken: 'bad', unknown: 'quiet' };

/** The drawing, line by line, at most `columns` wide (names longer than that are wrapped, never cut). */
export function drawPath(
  report: Report,
  options: { readonly columns: number; readonly unicode: boolean; readonly paint: Paint },
): readonly string[] {
  const { columns, unicode, paint } = options;
  const glyph = unicode
    ? { down: '│  ', side: '├─ ', end: '└─ ', dot: ' · ', here: '◀' }
    : { down: '|  ', side: '|- ', end: '`- ', dot: ', ', here: '<--' };
  const mark = unicode ? marks.unicode : marks.ascii;
  const lines: string[] = [];
  const placed = placeHops(report.path);
  const open: boolean[] = [];
  placed.forEach(({ hop, depth, last }, index) => {
    open[depth] = !last;
    const stem = Array.from({ length: Math.max(0, depth - 1) }, (_, i) => (open[i + 1] === true ? glyph.down : '   ')).join('');
    const branch = depth === 0 ? '' : last ? glyph.end : glyph.side;
    const below = depth === 0 ? '' : last ? '   ' : glyph.down;
    const child = (placed[index + 1]?.depth ?? -1) > depth ? glyph.down.slice(0, 2) : '  ';
    const room = Math.max(16, columns - stem.length - branch.length - 2);

    const name = plain(hop.name);
    const facts = [wordFor('role', hop.role, report.language), hop.address, hop.product]
      .filter((each) => each !== null)
      // A server that only logs name has its address for a name.
      .filter((each) => report.logs === undefined || each !== hop.name)
      .map((each) => plain(each));
    const end = hop.state === 'broken' ? `${glyph.here} ${labelsIn(report.language).brokenHere}` : '';
    const rows = wrap(`${name}  ${facts.join(glyph.dot)}${end === '' ? '' : `  ${end}`}`, room);
    rows.forEach((row, i) => {
      const lead =
        i === 0 ? `${paint('quiet', stem + branch)}${paint(styles[hop.state], mark[hop.state])} ` : paint('quiet', stem + below + child);
      const head = i === 0 && row.startsWith(name) ? name : '';
      const tail = end !== '' && i === rows.length - 1 && row.endsWith(end) ? end : '';
      const middle = row.slice(head.length, row.length - tail.length);
      lines.push(`${lead}${paint(hop.state === 'broken' ? 'bad' : 'title', head)}${paint('quiet', middle)}${paint('bad', tail)}`);
    });
    if (hop.note !== null) for (const row of wrap(plain(hop.note), room)) lines.push(`${paint('quiet', stem + below + child)}${row}`);
  });
  return lines;
}
