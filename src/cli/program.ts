// The command line: all commands under one roof, and what becomes of their errors.
import { existsSync } from 'node:fs';

import { CommanderError, Command } from 'commander';

import { renderProblems, SiteFileError, UserError } from '../model/errors.ts';
import { nearest } from '../model/nearest.ts';
import { plain } from '../model/neutral.ts';
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

/** True for what can only be a site: a URL or a YAML file. */
function isSite(word: string | undefined): boolean {
  return word !== undefined && (/^https?:\/\//i.test(word) || /\.ya?ml$/i.test(word));
}

async function program(words: readonly string[], finish: (code: number) => void): Promise<Command> {
  const why5xx = new Command('why5xx')
    .description(
      'Finds out why a site behind a load balancer answers 500, 502 or 504:\nwhich layer and host, which root cause, with proof and the fix.',
    )
    .version(version, '-V, --version')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(why5xx --help lists all commands)')
    .configureHelp({ showGlobalOptions: false });
  // Loading every command takes longer than `logs` needs to read a log, or a diagnosis to connect, and people wait for both.
  if (words[0] === 'logs') why5xx.addCommand((await import('./commands/logs.ts')).logsCommand(finish));
  else if (isSite(words[0])) why5xx.addCommand((await import('./commands/diagnose.ts')).diagnoseCommand(finish), { isDefault: true });
  else await (await import('./commands/all.ts')).addAllCommands(why5xx, words, finish);
  why5xx.addHelpText(
    'after',
    `
Examples:
  why5xx https://shop.example.com/api/orders     from here, without any configuration
  why5xx shop.yaml                               with a site file: through every hop that it gives access to
  why5xx shop.yaml --save evidence.json          keep the evidence, then: why5xx judge evidence.json
  why5xx logs /var/log/nginx/*.log*              afterwards, from logs alone`,
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

/** A reader that has gone away (`why5xx … | head`) has what it wanted, whatever it was that wrote. */
function forgiveGoneReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
}

/** Runs the command that `process.argv` names; resolves to the exit code. */
export async function main(): Promise<number> {
  forgiveGoneReaders();
  let code = 0;
  try {
    const words = process.argv.slice(2);
    const why5xx = await program(words, (wanted) => {
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
