// `why5xx causes`: the catalogue of what why5xx can recognise.
import { Command } from 'commander';

import type { AnyCause } from '../../model/cause.ts';
import { layers } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import type { Language } from '../../model/text.ts';
import { wordFor } from '../../report/labels.ts';
import { paintWith, type Paint } from '../../report/paint.ts';
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
    const { logCauses } = await import('../log-causes.ts');
    const live = sorted(causes.map(({ id, title, layer, seed }) => ({ id, title: title[language], layer, seed: seed ?? null })));
    const fromLogs = sorted(logCauses(causes).map(({ id, title, layer }) => ({ id, title: title[language], layer, seed: null })));
    await output.write((format, terminal) => {
      if (format === 'json') {
        const named = fromLogs.map(({ id, title, layer }) => ({ id, title, layer }));
        return `${JSON.stringify({ schema: 'why5xx/causes@1', language, causes: live, fromLogs: named }, null, 2)}\n`;
      }
      if (format === 'markdown') return `${asMarkdown(live)}\n## ${words.fromLogs[language]}\n\n${asMarkdown(fromLogs)}`;
      return asText(live, fromLogs, language, terminal);
    });
  });
}

const words = {
  fromLogs: say('From logs alone, by why5xx logs', '仅凭日志（why5xx logs）'),
};

/** From the client inwards, as a request meets the layers; by name within one. */
function sorted(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((a, b) => layers.indexOf(a.layer) - layers.indexOf(b.layer) || (a.id < b.id ? -1 : 1));
}

function asMarkdown(entries: readonly Entry[]): string {
  return entries.map(({ id, title, layer, seed }) => `- \`${id}\` (${layer}${seed === null ? '' : `, ${seed}`}): ${title}\n`).join('');
}

function asText(live: readonly Entry[], fromLogs: readonly Entry[], language: Language, terminal: TerminalOptions): string {
  if (terminal.detail === 'quiet') return [...live, ...fromLogs].map(({ id }) => `${id}\n`).join('');
  const paint = paintWith(terminal.colour);
  const columns = Math.max(40, Math.min(terminal.width, 110));
  const title = words.fromLogs[language];
  const rule = (terminal.unicode ? '─' : '-').repeat(Math.min(columns, displayWidth(title)));
  const lines = [
    ...layerLines(live, language, columns, paint),
    '',
    paint('title', title),
    paint('quiet', rule),
    '',
    ...layerLines(fromLogs, language, columns, paint),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The entries under headings of their layers. */
function layerLines(entries: readonly Entry[], language: Language, columns: number, paint: Paint): readonly string[] {
  const indent = Math.max(0, ...entries.map(({ id }) => displayWidth(id))) + 4;
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
  return lines;
}
