// Lines of systemd and other programs that write to syslog or the journal.
import { entriesOf, type Signature } from './signature.ts';

const of = entriesOf('syslog');
const unit = String.raw`(?:systemd(?:\[\d+\])?: )?(?<unit>[\w@:.\\-]{1,120}\.(?:service|socket|slice|scope)): `;

export const systemSignatures: readonly Signature[] = [
  of(
    'systemd-main-exited',
    new RegExp(`^${unit}(?:Main|Control) process exited, code=(?<code>exited|killed|dumped), status=(?<status>\\d+)(?:/(?<name>\\S+))?`),
    'php8.2-fpm.service: Main process exited, code=killed, status=9/KILL',
    'The main process of a service ended.',
    'Why; 9/KILL comes from an operator, from systemd or from the kernel.',
  ),
  of(
    'systemd-failed',
    new RegExp(`^${unit}Failed with result '(?<result>[\\w-]{1,40})'`),
    "php8.2-fpm.service: Failed with result 'exit-code'.",
    'systemd holds the service for failed: it does not run, unless it is started again.',
    'Why; the result names the kind.',
    /result 'oom-kill'|start-limit-hit/,
  ),
  of(
    'systemd-oom',
    new RegExp(`^${unit}(?:A process of this unit has been killed by the OOM killer|Failed with result 'oom-kill'|systemd-oomd killed)`),
    'php8.2-fpm.service: A process of this unit has been killed by the OOM killer.',
    'The kernel (or systemd-oomd) killed a process of the service for memory.',
    'Whether the host or a limit of the service ran out.',
  ),
  of(
    'systemd-restart',
    new RegExp(`^${unit}Scheduled restart job, restart counter is at (?<restarts>\\d+)`),
    'app.service: Scheduled restart job, restart counter is at 5.',
    'The service ended and is started again; the counter says how often.',
    'Why it ended.',
  ),
  of(
    'systemd-start-limit',
    new RegExp(`^${unit}(?:Start request repeated too quickly|Failed with result 'start-limit-hit'|start request repeated too quickly)`),
    'app.service: Start request repeated too quickly.',
    'The service ended so often that systemd gave up starting it.',
    'Why it ended.',
  ),
  of(
    'systemd-stopped',
    /^(?:systemd(?:\[\d+\])?: )?(?<what>Stopping|Stopped|Deactivated successfully|Reloading|Reloaded|Starting|Started)\b(?: (?<unit>[^\n]{0,400}?))?\.{0,3}$/,
    'Stopping nginx.service - A high performance web server and a reverse proxy server...',
    'A service was started, stopped or reloaded.',
    'By whom.',
  ),
  of(
    'systemd-start-failed',
    /^(?:systemd(?:\[\d+\])?: )?Failed to start (?<unit>[^\n]{1,400}?)\.?$/,
    'Failed to start nginx.service - A high performance web server and a reverse proxy server.',
    'A service did not start.',
    'Why: the lines before it tell.',
  ),
  of(
    'systemd-exec-failed',
    new RegExp(`^${unit}(?:Failed at step (?<step>\\w{1,30}) spawning (?<path>\\S{1,300}): |Failed to (?:execute|locate executable) )`),
    'app.service: Failed at step EXEC spawning /srv/app/bin/gunicorn: No such file or directory',
    'systemd could not start the program of this service.',
    'That an older process does not run.',
  ),
  of(
    'systemd-core-dump',
    /^(?:systemd-coredump(?:\[\d+\])?: )?(?:\[.\] )?Process (?<pid>\d+) \((?<process>[^)]{1,64})\) of user \d+ (?:dumped core|terminated abnormally)/,
    'Process 4593 (php-fpm8.2) of user 33 dumped core.',
    'The process crashed.',
    'Which request did it.',
  ),
  of(
    'fail2ban-ban',
    /^(?:fail2ban\.actions(?:\s*\[\d+\])?: )?(?:NOTICE\s+)?\[(?<jail>[\w-]{1,60})\] (?:Restore )?Ban (?<address>[\da-fA-F.:]+)/,
    'fail2ban.actions [811]: NOTICE  [nginx-limit-req] Ban 100.64.1.5',
    'fail2ban blocks this address.',
    'That it belongs to a balancer.',
  ),
];
