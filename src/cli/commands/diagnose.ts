// `why5xx [diagnose] SITE`: reproduce the failure, find its cause, prove it.
import { Command, InvalidArgumentError } from 'commander';

import { diagnoseInput, exitCodeOf } from '../run.ts';
import { addOutputOptions, openOutput } from '../output.ts';
import type { OutputFlags } from '../output.ts';

interface Flags extends OutputFlags {
  readonly from?: readonly string[];
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly budget?: number;
  readonly save?: string;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1 on');
  return value;
}

/** A list given as `a,b c`. */
export function list(text: string, before: readonly string[] = []): readonly string[] {
  return [
    ...before,
    ...text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  ];
}

export function diagnoseCommand(finish: (code: number) => void): Command {
  const command = new Command('diagnose')
    .description('find out why a site answers 500, 502 or 504 (the default command)')
    .argument('<site>', 'a site file (YAML; - is standard input) or the failing URL')
    .option('--from <clients>', 'send only from these clients of the site file (comma-separated; `here` is this machine)', list)
    .option('--only <causes>', 'judge only these causes (comma-separated ids)', list)
    .option('--skip <causes>', 'do not judge these causes', list)
    .option('--budget <requests>', 'send at most so many requests', positiveInteger)
    .option('--save <file>', 'write the evidence as a bundle, to be judged again with `why5xx judge`');
  return addOutputOptions(command)
    .addHelpText('after', '\nExit codes: 0 healthy, 1 cause found, 2 why5xx failed or was misused, 3 failing but no cause proven\n')
    .action(async (input: string, flags: Flags) => {
      const output = openOutput(flags);
      const abort = new AbortController();
      const stop = (): void => abort.abort();
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);
      try {
        const { report, closed } = await diagnoseInput(input, {
          language: output.language,
          from: flags.from ?? null,
          only: flags.only ?? null,
          skip: flags.skip ?? [],
          budget: flags.budget ?? null,
          save: flags.save ?? null,
          signal: abort.signal,
          progress: (step) => output.progress.step(step),
        });
        output.progress.done();
        await output.report(report);
        await closed;
        finish(exitCodeOf(report));
      } finally {
        output.progress.done();
        process.off('SIGINT', stop);
        process.off('SIGTERM', stop);
      }
    });
}
