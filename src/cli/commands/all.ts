// Every command, in the order of the help. Apart from program.ts, because loading them all takes longer than `why5xx logs` needs to read
// a log: that command comes alone.
import { Command } from 'commander';

import { causes } from '../../causes/index.ts';
import { readPage } from '../cause-page.ts';
import { reportFor } from '../run.ts';
import { causesCommand } from './causes.ts';
import { diagnoseCommand } from './diagnose.ts';
import { explainCommand } from './explain.ts';
import { judgeCommand } from './judge.ts';
import { labDescription } from './lab-description.ts';
import { logsCommand } from './logs.ts';
import { pageCommand } from './page.ts';
import { ticketCommand } from './ticket.ts';

/** The lab and its faults are half of the code and take no part in a diagnosis: they are loaded where the command line speaks of them. */
async function lab(words: readonly string[]): Promise<Command> {
  if (words.slice(0, 2).includes('lab')) return (await import('./lab.ts')).labCommand();
  return new Command('lab').description(labDescription);
}

/** Adds them; `words` is the command line. `finish` is told the exit code of a command that ran to its end. */
export async function addAllCommands(why5xx: Command, words: readonly string[], finish: (code: number) => void): Promise<void> {
  why5xx
    .addCommand(diagnoseCommand(finish), { isDefault: true })
    .addCommand(judgeCommand(finish))
    .addCommand(logsCommand(finish))
    .addCommand(pageCommand(finish))
    .addCommand(ticketCommand(reportFor))
    .addCommand(explainCommand(causes, readPage))
    .addCommand(causesCommand(causes))
    .addCommand(await lab(words));
}
