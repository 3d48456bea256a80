// `why5xx judge BUNDLE`: the same verdict from saved evidence, offline.
import { Command } from 'commander';

import { addOutputOptions, openOutput } from '../output.ts';
import type { OutputFlags } from '../output.ts';
import { exitCodeOf, judgeFile } from '../run.ts';
import { list } from './diagnose.ts';

interface Flags extends OutputFlags {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
}

export function judgeCommand(finish: (code: number) => void): Command {
  const command = new Command('judge')
    .description('judge saved evidence again, offline')
    .argument('<bundle>', 'a file that `--save` wrote')
    .option('--only <causes>', 'judge only these causes (comma-separated ids)', list)
    .option('--skip <causes>', 'do not judge these causes', list);
  return addOutputOptions(command).action(async (path: string, flags: Flags) => {
    const output = openOutput(flags);
    const report = await judgeFile(path, { language: output.language, only: flags.only ?? null, skip: flags.skip ?? [] });
    await output.report(report);
    finish(exitCodeOf(report));
  });
}
