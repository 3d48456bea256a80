// What all commands share about output: formats and files, language, colour, width, progress.
import { InvalidArgumentError, Option, type Command } from 'commander';

import type { Report } from '../model/report.ts';
import { languages, type Language } from '../model/text.ts';
import type { TerminalOptions } from '../report/terminal.ts';
import { checkWritable, writeWhole } from './output-file.ts';
import { openProgress, type Progress } from './progress.ts';
import { colourOf, languageOf, unicodeOf, widthOf, writeOut, type Environment, type OutputStream } from './terminal.ts';

export const formats = ['text', 'json', 'markdown', 'html'] as const;
export type Format = (typeof formats)[number];

/** Where one rendering goes; `file` null is stdout. */
export interface OutputTarget {
  readonly format: Format;
  readonly file: string | null;
}

export interface OutputFlags {
  readonly output?: readonly OutputTarget[];
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly lang?: Language;
}

/** The process as output sees it; tests pass their own. */
export interface Surroundings {
  readonly env: Environment;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

export interface Output {
  readonly language: Language;
  readonly progress: Progress;
  /** How to draw for a person on stdout. */
  readonly terminal: TerminalOptions;
  /** Renders and writes the report to stdout and files as asked. Rejects with a UserError where a file cannot be written. */
  report(report: Report): Promise<void>;
  /** Writes one text, made by `render`, to every target. For commands whose result is no report. */
  write(render: (format: Format, terminal: TerminalOptions) => string | Promise<string>): Promise<void>;
}

/** Reads `FORMAT` or `FORMAT:FILE`. A commander argument parser: mistakes become usage errors. */
function parseTarget(allowed: readonly Format[]): (value: string, before?: readonly OutputTarget[]) => readonly OutputTarget[] {
  return (value, before = []) => {
    const colon = value.indexOf(':');
    const name = colon < 0 ? value : value.slice(0, colon);
    const given = colon < 0 ? null : value.slice(colon + 1);
    const format = allowed.find((each) => each === name);
    if (format === undefined)
      throw new InvalidArgumentError(`Expected ${allowed.join(', ')}, or one of them with a file, such as ${allowed.at(-1) ?? ''}:FILE.`);
    if (given === '') throw new InvalidArgumentError(`Expected a file name after "${name}:".`);
    const file = given === '-' ? null : given;
    if (file === null && before.some((each) => each.file === null)) {
      throw new InvalidArgumentError('Only one format can go to stdout; give the other one a file, such as json:report.json.');
    }
    return [...before, { format, file }];
  };
}

/** Adds -o, --quiet, --verbose and --lang to a command. `allowed` are the formats that it can write, the default one first. */
export function addOutputOptions(command: Command, allowed: readonly Format[] = formats): Command {
  return command
    .addOption(
      new Option(
        '-o, --output <format>',
        `${allowed.join(', ')} (repeatable; FORMAT:FILE writes to a file; default ${allowed[0] ?? ''})`,
      ).argParser(parseTarget(allowed)),
    )
    .addOption(new Option('-q, --quiet', 'no progress, and only one line of text').conflicts('verbose'))
    .option('-v, --verbose', 'every reason, every step, all evidence')
    .addOption(new Option('--lang <language>', 'language of the result (default: from the environment)').choices(languages));
}

/** Output as the flags and the surroundings want it. Throws a UserError where a file could not be written anyway. */
export function openOutput(flags: OutputFlags, surroundings: Surroundings = process, fallback: Format = 'text'): Output {
  const { env, stdout, stderr } = surroundings;
  const targets = flags.output ?? [{ format: fallback, file: null }];
  for (const { file } of targets) if (file !== null) checkWritable(file);
  const quiet = flags.quiet === true;
  const detail = quiet ? 'quiet' : flags.verbose === true ? 'verbose' : 'normal';
  const terminal: TerminalOptions = { width: widthOf(env, stdout), colour: colourOf(env, stdout), unicode: unicodeOf(env), detail };
  const progress = openProgress({ stream: stderr, quiet, tty: stderr.isTTY === true && env['TERM'] !== 'dumb' });
  const write: Output['write'] = async (render) => {
    progress.done();
    // The screen first: a full disk must not take the answer away.
    for (const { format, file } of targets) if (file === null) await writeOut(stdout, await render(format, terminal));
    for (const { format, file } of targets) {
      if (file !== null) await writeWhole(file, await render(format, { ...terminal, width: 80, colour: false, unicode: true }));
    }
  };
  return {
    language: flags.lang ?? languageOf(env),
    progress,
    terminal,
    write,
    report: (report) => write((format, options) => renderReport(report, format, options)),
  };
}

// Each renderer is loaded when it is asked for: nobody should wait for the schema of the JSON in order to read text.
async function renderReport(report: Report, format: Format, terminal: TerminalOptions): Promise<string> {
  switch (format) {
    case 'text':
      return (await import('../report/terminal.ts')).renderTerminal(report, terminal);
    case 'json':
      return (await import('../report/json.ts')).renderJson(report);
    case 'markdown':
      return (await import('../report/markdown.ts')).renderMarkdown(report);
    case 'html':
      return (await import('../report/html.ts')).renderHtml(report);
  }
}
