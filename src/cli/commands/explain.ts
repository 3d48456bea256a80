// `why5xx explain CAUSE`: the page of a cause, from the package itself, so that it is there without a network. Causes that only logs show
// have theirs made from their rules.
import { Command } from 'commander';

import type { AnyCause } from '../../model/cause.ts';
import { UserError } from '../../model/errors.ts';
import { nearest } from '../../model/nearest.ts';
import type { Language } from '../../model/text.ts';
import { renderPage } from '../../report/page.ts';
import { addOutputOptions, openOutput, type OutputFlags } from '../output.ts';

/** Reads the Markdown page of a cause; null where there is none in that language. */
export type ReadPage = (id: string, language: Language) => Promise<string | null>;

export function explainCommand(causes: readonly AnyCause[], readPage: ReadPage): Command {
  const command = new Command('explain')
    .description('the page of a cause: symptom, evidence, fix, and when it is not this')
    .argument('<cause>', 'id of a cause; `why5xx causes` lists them');
  return addOutputOptions(command, ['text', 'markdown', 'json']).action(async (id: string, flags: OutputFlags) => {
    const output = openOutput(flags);
    const asked = id.trim().toLowerCase().replaceAll('_', '-');
    const page = causes.some((cause) => cause.id === asked)
      ? ((await readPage(asked, output.language)) ?? (await readPage(asked, 'en')))
      : await pageOfLogCause(id, asked, causes, output.language);
    if (page === null) throw new UserError('page-missing', `the page of ${asked} is not in this installation`, 'Install why5xx again.');
    await output.write((format, terminal) => {
      if (format === 'json') return `${JSON.stringify({ schema: 'why5xx/page@1', id: asked, markdown: page }, null, 2)}\n`;
      return format === 'markdown' ? page : renderPage(page, terminal);
    });
  });
}

/** The page of a cause that only logs show. Rejects with UserError where there is none of that name either. */
async function pageOfLogCause(id: string, asked: string, causes: readonly { readonly id: string }[], language: Language): Promise<string> {
  const { logCauses } = await import('../log-causes.ts');
  const fromLogs = logCauses(causes);
  const found = fromLogs.find((each) => each.id === asked);
  if (found !== undefined) return found.page(language);
  const known = [...causes, ...fromLogs].map((each) => each.id);
  const close = nearest(asked, known);
  throw new UserError(
    'unknown-cause',
    `there is no cause "${id}"`,
    close === null ? 'See `why5xx causes`.' : `Did you mean ${close}? See \`why5xx causes\`.`,
  );
}
