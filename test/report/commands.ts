// A small command line with just the commands under test, so that their tests need neither a network nor a lab.
import { readFileSync } from 'node:fs';

import { Command } from 'commander';

import { causesCommand } from '../../src/cli/commands/causes.ts';
import { explainCommand } from '../../src/cli/commands/explain.ts';
import { ticketCommand } from '../../src/cli/commands/ticket.ts';
import { defineCause, type AnyCause } from '../../src/model/cause.ts';
import { UserError } from '../../src/model/errors.ts';
import { say } from '../../src/model/text.ts';
import { parseReport } from '../../src/report/json.ts';

function cause(id: string, en: string, zh: string, layer: AnyCause['layer'], seed?: string): AnyCause {
  return defineCause({
    id,
    title: say(en, zh),
    layer,
    ...(seed === undefined ? {} : { seed }),
    needs: [],
    judge: () => ({ is: 'inconclusive', host: null, reason: say('not judged here', '此处不判定') }),
    fix: () => ({ summary: say('', ''), steps: [], verify: say('', '') }),
  });
}

const causes = [
  cause('fpm-max-children', 'All php-fpm workers are busy', 'php-fpm 工作进程全部占满', 'app-runtime', 'cause 7'),
  cause('isp-block', "The client's ISP cuts the connection", '客户端运营商切断连接', 'client-network', 'cause 2'),
  cause('disk-full', 'A file system that the site needs is full', '网站所需的文件系统已满', 'host'),
];

const page = `# fpm-max-children

All workers of a pool are **busy**; new requests wait
in the \`listen\` queue.

## Fix

1. Raise \`pm.max_children\`:

   \`\`\`ini
   pm.max_children = 20
   \`\`\`

2. Find out *why* requests are slow, see [the manual](https://www.php.net/fpm).

| setting | default |
| --- | --- |
| \`pm.max_children\` | none |
\u001b[2J`;

const program = new Command('why5xx')
  .addCommand(causesCommand(causes))
  .addCommand(explainCommand(causes, async (id, language) => (id === 'fpm-max-children' && language === 'en' ? page : null)))
  .addCommand(
    ticketCommand(async (input, run) => {
      run.progress('reading the report');
      const report = parseReport(readFileSync(input, 'utf8'));
      if (report === null) throw new UserError('no-report', `${input} is no report`, 'Give a file that -o json wrote.');
      return report;
    }),
  );

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n${error.hint}\n`);
  process.exitCode = 2;
}
