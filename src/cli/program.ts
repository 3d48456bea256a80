// The command line: all commands under one roof, and what becomes of their errors.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { CommanderError, Command } from 'commander';

import { causes } from '../causes/index.ts';

import { renderProblems, SiteFileError, UserError } from '../model/errors.ts';
import { nearest } from '../model/nearest.ts';
import { plain } from '../model/neutral.ts';
import type { Language } from '../model/text.ts';
import { causesCommand } from './commands/causes.ts';
import { diagnoseCommand } from './commands/diagnose.ts';
import { explainCommand } from './commands/explain.ts';
import { judgeCommand } from './commands/judge.ts';
import { pageCommand } from './commands/page.ts';
import { ticketCommand } from './commands/ticket.ts';
import { reportFor } from './run.ts';
import { labDescription } from './commands/lab-description.ts';
import { version } from './version.ts';

/** Writes what went wrong and returns the exit code. A user's mistake gets a line and a hint; a bug gets its stack. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed it
  if (error instanceof SiteFileError) {
    process.stderr.write(`${renderProblems(error)}\n\n${plain(error.message)}. ${plain(error.hint)}\n`);
  } else if (error instanceof UserError) {
    process.stderr.write(`why5xx: ${plain(error.message)}\n        ${plain(error.hint)}\n`);
  } else {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(
      `why5xx: this is a bug in why5xx ${version}. Please report it with the text below, and with the bundle (--save) if there is one.\n${stack}\n`,
    );
  }
  return 2;
}

/** A cause's page, which lies beside its judge in the sources and in the package alike. */
async function readPage(id: string, language: Language): Promise<string | null> {
  const file = new URL(`../causes/${encodeURIComponent(id)}/${language === 'zh' ? 'README.zh.md' : 'README.md'}`, import.meta.url);
  return readFile(file, 'utf8').catch(() => null);
}

/** The lab and its faults are half of the code and take no part in a diagnosis: they are loaded where the command line speaks of them. */
async function lab(words: readonly string[]): Promise<Command> {
  if (words.slice(0, 2).includes('lab')) return (await import('./commands/lab.ts')).labCommand();
  return new Command('lab').description(labDescription);
}

function program(labCommand: Command, finish: (code: number) => void): Command {
  const why5xx = new Command('why5xx')
    .description(
      'Finds out why a site behind a load balancer answers 500, 502 or 504:\nwhich layer and host, which root cause, with proof and the fix.',
    )
    .version(version, '-V, --version')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(why5xx --help lists all commands)')
    .configureHelp({ showGlobalOptions: false })
    .addCommand(diagnoseCommand(finish), { isDefault: true })
    .addCommand(judgeCommand(finish))
    .addCommand(pageCommand(finish))
    .addCommand(ticketCommand(reportFor))
    .addCommand(explainCommand(causes, readPage))
    .addCommand(causesCommand(causes))
    .addCommand(labCommand);
  why5xx.addHelpText(
    'after',
    `
Examples:
  why5xx https://shop.example.com/api/orders     from here, without any configuration
  why5xx shop.yaml                               with a site file: through every hop that it gives access to
  why5xx shop.yaml --save evidence.json          keep the evidence, then: why5xx judge evidence.json`,
  );
  for (const command of [why5xx, ...why5xx.commands]) command.exitOverride();
  return why5xx;
}

/** A lone word that is neither a command nor a file would be taken for a site file that is missing: more likely it is mistyped. */
function refuseUnknownCommand(why5xx: Command, word: string): void {
  const known = [...why5xx.commands.map((each) => each.name()), 'help'];
  if (!/^[a-z]{2,}$/i.test(word) || known.includes(word) || existsSync(word)) return;
  const close = nearest(word, known);
  const hint = 'A site is named by its URL (https://…) or its site file; why5xx --help lists all commands.';
  throw new UserError(
    'unknown-command',
    `there is no command and no file "${word}"`,
    close === null ? hint : `Did you mean ${close}? ${hint}`,
  );
}

/** Runs the command that `process.argv` names; resolves to the exit code. */
export async function main(): Promise<number> {
  let code = 0;
  try {
    const words = process.argv.slice(2);
    const why5xx = program(await lab(words), (wanted) => {
      code = wanted;
    });
    const [first] = words;
    if (first === undefined) return why5xx.help({ error: true });
    refuseUnknownCommand(why5xx, first);
    await why5xx.parseAsync();
  } catch (error) {
    code = explain(error);
  }
  return process.exitCode === undefined ? code : Number(process.exitCode);
}
