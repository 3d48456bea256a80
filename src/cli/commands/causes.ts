// `why5xx causes`: the catalogue of what why5xx can recognise.
import { Command } from 'commander';

import type { AnyCause } from '../../model/cause.ts';
import { layers } from '../../model/finding.ts';
import type { Language } from '../../model/text.ts';
import { wordFor } from '../../report/labels.ts';
import { paintWith } from '../../report/paint.ts';
import type { TerminalOptions } from '../../report/terminal.ts';
import { displayWidth, padTo, wrap } from '../../report/width.ts';
import { addOutputOptions, openOutput, type OutputFlags } from '../output.ts';

interface Entry {
  readonly id: string;
  readonly title: string;
  readonly layer: AnyCause['layer'];
  /** Where the source document names it: `cause 4`. */
  readonly seed: string | null;
}

export function causesCommand(causes: readonly AnyCause[]): Command {
  const command = new Command('causes').description('every cause that why5xx can recognise');
  return addOutputOptions(command, ['text', 'json', 'markdown']).action(async (flags: OutputFlags) => {
    const output = openOutput(flags);
    const { language } = output;
    const entries = causes.map(({ id, title, layer, seed }): Entry => ({ id, title: title[language], layer, seed: seed ?? null }));
    // From the client inwards, as a request meets the layers; by name within one.
    const sorted = entries.toSorted((a, b) => layers.indexOf(a.layer) - layers.indexOf(b.layer) || (a.id < b.id ? -1 : 1));
    await output.write((format, terminal) => {
      if (format === 'json') return `${JSON.stringify({ schema: 'why5xx/causes@1', language, causes: sorted }, null, 2)}\n`;
      return format === 'markdown' ? asMarkdown(sorted) : asText(sorted, language, terminal);
    });
  });
}

function asMarkdown(entries: readonly Entry[]): string {
  return entries.map(({ id, title, layer, seed }) => `- \`${id}\` (${layer}${seed === null ? '' : `, ${seed}`}): ${title}\n`).join('');
}

function asText(entries: readonly Entry[], language: Language, terminal: TerminalOptions): string {
  if (terminal.detail === 'quiet') return entries.map(({ id }) => `${id}\n`).join('');
  const paint = paintWith(terminal.colour);
  const indent = Math.max(0, ...entries.map(({ id }) => displayWidth(id))) + 4;
  const columns = Math.max(40, Math.min(terminal.width, 110));
  const narrow = columns - indent < 24;
  const lines: string[] = [];
  let layer: string | null = null;
  for (const entry of entries) {
    if (entry.layer !== layer) lines.push(...(layer === null ? [] : ['']), paint('title', wordFor('layer', entry.layer, language)));
    ({ layer } = entry);
    const rows = wrap(entry.title, narrow ? columns - 4 : columns - indent);
    if (narrow) lines.push(`  ${paint('command', entry.id)}`, ...rows.map((row) => `    ${row}`));
    else
      rows.forEach((row, i) => lines.push(i === 0 ? `  ${paint('command', padTo(entry.id, indent - 2))}${row}` : ' '.repeat(indent) + row));
  }
  return lines.map((line) => `${line}\n`).join('');
}
