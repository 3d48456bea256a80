// `why5xx logs FILE…`: explains failures that are over, from logs alone. Only what the command line needs is loaded here; reading and
// explaining is in ../logs-run.ts.
import { statSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

import { Command, InvalidArgumentError } from 'commander';

import { addOutputOptions, openOutput, type OutputFlags } from '../output.ts';
import { startWorkers, workersFor } from '../../logs/scan/threads.ts';
import { parseMoment, parseZone, type Moment, type Zone } from '../log-times.ts';

/** Options of the command as commander hands them over. */
export interface LogFlags extends OutputFlags {
  readonly logFormat?: readonly string[];
  readonly nginxConfig?: readonly string[];
  readonly since?: Moment;
  readonly until?: Moment;
  readonly tz?: Zone;
  readonly site?: string;
  readonly follow?: boolean;
  readonly columns?: string;
  readonly workers?: number;
}

const examples = `
Examples:
  why5xx logs /var/log/nginx/*.log*               access and error logs together, rotated ones too, gz and zstd as they are
  why5xx logs access.log error.log php-fpm.log    the more logs of one incident, the more can be proven
  why5xx logs access.log --nginx-config /etc/nginx/nginx.conf
  why5xx logs access.log --since 2026-11-23T02:00 --until 2026-11-23T03:00
  zcat -f old/*.gz | why5xx logs -                standard input
  why5xx logs /var/log/haproxy.log -o html:incident.html
  why5xx logs /var/log/nginx/*.log --follow       live, until Ctrl-C
  why5xx logs clickhouse://reader@db:8123/logs/nginx --columns columns.yaml

Formats are detected by content: nginx (any log_format), Apache, php-fpm, HAProxy, Envoy, Caddy, Traefik, AWS ALB, Alibaba SLB and ALB,
Google Cloud, Cloudflare, IIS, kernel, journald, syslog, gunicorn, uWSGI, Node. Nothing is sent anywhere.

Exit codes: 0 no failing request, 1 cause found, 2 why5xx failed or was misused, 3 failing but no cause proven
`;

/** `logs INPUT…`. `finish` is told the exit code; rejects with UserError on misuse. */
export function logsCommand(finish: (code: number) => void): Command {
  const command = new Command('logs')
    .description('explain the 5xx in logs: when, how much, who answered, and which root causes')
    .argument('<input...>', 'log files, folders, quoted patterns, - for standard input, or clickhouse://…')
    .option('--log-format <format>', 'an nginx log_format string, or the id of a format such as haproxy-http (repeatable)', several)
    .option('--nginx-config <file>', 'take log_format directives from this nginx configuration (repeatable)', several)
    .option('--since <time>', 'only from this time on: 2026-11-23T02:00, 02:00, or 90m ago as 90m', moment)
    .option('--until <time>', 'only up to this time', moment)
    .option(
      '--tz <zone>',
      'zone of logs that name none: UTC, +08:00, Asia/Shanghai (default: found from the logs, else this machine’s)',
      zone,
    )
    .option('--site <file>', 'a site file, for the names of addresses')
    .option('--follow', 'keep reading what is written, over rotation, until Ctrl-C')
    .option('--columns <file>', 'which column of a ClickHouse table holds what (YAML)')
    .option('--workers <n>', 'threads that read (default: one per core, none for small inputs)', workers);
  return addOutputOptions(command)
    .addHelpText('after', examples)
    .action(async (inputs: readonly string[], flags: LogFlags) => {
      const output = openOutput(flags);
      const abort = new AbortController();
      const stop = (): void => abort.abort();
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);
      try {
        // V8 lets the nursery grow to 64 MB and more where much is allocated and little kept, which is what reading logs does.
        setFlagsFromString('--optimize-for-size');
        if (flags.follow !== true) startWorkers(Math.min(flags.workers ?? Infinity, workersFor(plainBytes(inputs))));
        const { runLogs } = await import('../logs-run.ts');
        finish(await runLogs(inputs, flags, output, abort.signal));
      } finally {
        output.progress.done();
        process.off('SIGINT', stop);
        process.off('SIGTERM', stop);
      }
    });
}

/** Bytes of the inputs that are plain files by their names; patterns and folders count as nothing, threads for them start later. */
function plainBytes(inputs: readonly string[]): number {
  return inputs
    .filter((input) => !/\.(?:gz|zst|zstd)$/i.test(input))
    .reduce((sum, input) => {
      try {
        const stat = statSync(input, { throwIfNoEntry: false });
        return sum + (stat?.isFile() === true ? stat.size : 0);
      } catch {
        return sum;
      }
    }, 0);
}

function several(value: string, before: readonly string[] = []): readonly string[] {
  if (value.trim() === '') throw new InvalidArgumentError('Expected a value, not nothing.');
  return [...before, value];
}

function workers(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 0 || value > 256)
    throw new InvalidArgumentError('Expected a whole number from 0 to 256; 0 reads without threads.');
  return value;
}

function moment(text: string): Moment {
  const found = parseMoment(text, Date.now());
  if (found === null)
    throw new InvalidArgumentError(
      'Expected a time such as 2026-11-23T02:00, 2026-11-23T02:00:30Z, 02:00, or a time ago such as 90m, 2h, 3d.',
    );
  return found;
}

function zone(text: string): Zone {
  const found = parseZone(text);
  if (found === null) throw new InvalidArgumentError('Expected a zone such as UTC, +08:00 or Asia/Shanghai.');
  return found;
}
