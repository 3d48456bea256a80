// `why5xx ticket`: the last step of the source document. What was found, ready to be sent to whoever has to act.
import { Command, Option } from 'commander';

import type { Report } from '../../model/report.ts';
import type { Language } from '../../model/text.ts';
import { recipients, renderTicket, type Recipient } from '../../report/ticket.ts';
import { addOutputOptions, openOutput, type OutputFlags } from '../output.ts';

/** What `getReport` is given beside the input. */
export interface TicketRun {
  readonly language: Language;
  readonly signal: AbortSignal;
  progress(step: string): void;
}

interface Flags extends OutputFlags {
  readonly to: Recipient;
}

/**
 * `getReport` turns what the user named (a site file or URL, a saved bundle, a saved report) into a report; a saved report keeps its
 * language. The ticket is Markdown (`text` is the same); `json` wraps it for programs that file tickets.
 */
export function ticketCommand(getReport: (input: string, run: TicketRun) => Promise<Report>): Command {
  const command = new Command('ticket')
    .description('write the complete, redacted ticket for support')
    .argument('<input>', 'a site file or URL (diagnosed now), a bundle, or a report in JSON')
    .addOption(new Option('--to <recipient>', 'who gets it').choices(recipients).makeOptionMandatory());
  return addOutputOptions(command, ['markdown', 'text', 'json']).action(async (input: string, flags: Flags) => {
    const output = openOutput(flags, process, 'markdown');
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    try {
      const report = await getReport(input, {
        language: output.language,
        signal: abort.signal,
        progress: (step) => output.progress.step(step),
      });
      const markdown = renderTicket(report, { to: flags.to, now: new Date() });
      await output.write((format) =>
        format === 'json' ? `${JSON.stringify({ schema: 'why5xx/ticket@1', to: flags.to, markdown }, null, 2)}\n` : markdown,
      );
    } finally {
      output.progress.done();
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    }
  });
}
