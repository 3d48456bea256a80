// What all commands share about output: formats, language, colour, progress.
import { writeFile } from 'node:fs/promises';

import type { Command } from 'commander';

import type { Report } from '../model/report.ts';
import type { Language } from '../model/text.ts';
import { renderJson } from '../report/json.ts';
import { renderTerminal } from '../report/terminal.ts';

export interface OutputFlags {
  readonly output?: readonly string[];
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly lang?: Language;
}

export function addOutputOptions(command: Command): Command {
  return command
    .option('-o, --output <format>', 'text, json, markdown or html; repeatable, FORMAT:FILE writes to a file', (value: string, before: readonly string[] = []) => [...before, value])
    .option('-q, --quiet', 'no progress, one line')
    .option('-v, --verbose', 'all evidence')
    .option('--lang <language>', 'en or zh');
}

export interface Output {
  readonly language: Language;
  readonly progress: { step(text: string): void; done(): void };
  report(report: Report): Promise<void>;
}

export function openOutput(flags: OutputFlags): Output {
  const language = flags.lang ?? 'en';
  return {
    language,
    progress: { step: (text) => (flags.quiet === true ? undefined : void process.stderr.write(`${text}\n`)), done: () => undefined },
    async report(report) {
      for (const each of flags.output ?? ['text']) {
        const [format, file] = each.split(/:(.*)/s);
        const text = format === 'json' ? renderJson(report) : renderTerminal(report, { width: process.stdout.columns ?? 80, colour: 0, unicode: true });
        if (file === undefined || file === '') process.stdout.write(text);
        else await writeFile(file, text);
      }
    },
  };
}
