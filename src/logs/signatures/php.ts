// Lines of php-fpm's own log and of PHP's error log.
import { dependencyText } from './dependency.ts';
import { entriesOf, type Signature } from './signature.ts';

const fpm = entriesOf('php-fpm');
const php = entriesOf('php');

const pool = /^(?:\[pool (?<pool>[^\]]+)\] )?/.source;

export const phpSignatures: readonly Signature[] = [
  fpm(
    'fpm-max-children',
    new RegExp(`${pool}server reached (?:pm\\.)?max_children setting \\((?<limit>\\d+)\\)`),
    '[pool www] server reached pm.max_children setting (2), consider raising it',
    'All children of the pool were in use, so new requests had to wait.',
    'That it is so now: it is written once per episode, and never with pm = static.',
  ),
  fpm(
    'fpm-terminating',
    new RegExp(
      `${pool}child (?<pid>\\d+), script '(?<script>[^']*)' \\(request: "(?<request>[^"]*)"\\) execution timed out \\((?<seconds>[\\d.]+) sec\\), terminating`,
    ),
    `[pool www] child 3952, script '/srv/app/sleep.php' (request: "GET /sleep.php?s=10") execution timed out (3.017650 sec), terminating`,
    'php-fpm killed this request at request_terminate_timeout.',
    'That the limit is wrong: the script was slow.',
  ),
  fpm(
    'fpm-slow',
    new RegExp(
      `${pool}child (?<pid>\\d+), script '(?<script>[^']*)' \\(request: "(?<request>[^"]*)"\\) executing too slow \\((?<seconds>[\\d.]+) sec\\), logging`,
    ),
    `[pool www] child 3952, script '/srv/app/sleep.php' (request: "GET /sleep.php?s=10") executing too slow (1.163738 sec), logging`,
    'The request ran longer than request_slowlog_timeout.',
    'That it failed.',
  ),
  fpm(
    'fpm-child-signal',
    new RegExp(`${pool}child (?<pid>\\d+) exited on signal (?<signal>\\d+)(?: \\((?<name>\\w+)\\))?(?<core> - core dumped)?`),
    '[pool www] child 4593 exited on signal 11 (SIGSEGV) after 1.041132 seconds from start',
    'A child ended by a signal, and its request with it.',
    'Who sent it: 15 and 9 come from a terminate timeout, an operator or the kernel.',
  ),
  fpm(
    'fpm-child-exit',
    new RegExp(`${pool}child (?<pid>\\d+) exited with code (?<code>\\d+)`),
    '[pool www] child 4593 exited with code 255 after 1.041132 seconds from start',
    'A child ended by itself; code 0 is usual after pm.max_requests.',
    'That a request was lost.',
  ),
  fpm(
    'fpm-busy',
    new RegExp(
      `${pool}seems busy \\(you may need to increase pm\\.start_servers, or pm\\.min/max_spare_servers\\), spawning (?<spawning>\\d+) children, there are (?<idle>\\d+) idle, and (?<total>\\d+) total children`,
    ),
    '[pool www] seems busy (you may need to increase pm.start_servers, or pm.min/max_spare_servers), spawning 8 children, there are 0 idle, and 2 total children',
    'Load on the pool rose quickly.',
    'That its limit was reached.',
  ),
  fpm(
    'fpm-reloading',
    /^(?:Reloading in progress|reloading: execvp)/,
    'Reloading in progress ...',
    'php-fpm was told to reload; running requests may have been cut.',
    'That any was.',
  ),
  fpm(
    'fpm-stopping',
    /^(?:Terminating|Finishing|exiting, bye-bye!)/,
    'exiting, bye-bye!',
    'php-fpm was told to stop.',
    'That it is stopped now: see whether it started again.',
  ),
  fpm(
    'fpm-started',
    /^(?:fpm is running, pid (?<pid>\d+)|ready to handle connections)/,
    'fpm is running, pid 1270',
    'php-fpm started.',
    'That it still runs.',
  ),
  fpm(
    'fpm-bind-failed',
    /^(?:\[pool (?<pool>[^\]]+)\] )?(?:unable to bind listening socket for address '(?<address>[^']*)'|Another FPM instance seems to already listen on (?<other>\S+)|An another FPM instance seems to already listen on (?<another>\S+))/,
    "unable to bind listening socket for address '/run/nowhere/site.sock': No such file or directory (2)",
    'php-fpm could not create its socket, so it did not start.',
    'That an older one does not serve there.',
  ),
  fpm(
    'fpm-process-max',
    /^(?:\[pool (?<pool>[^\]]+)\] )?The maximum number of processes has been reached/,
    "The maximum number of processes has been reached. Please review your configuration and consider raising 'process.max'",
    'The limit over all pools was reached.',
    'Which pool uses them.',
  ),
  fpm(
    'fpm-emergency-restart',
    /^failed processes threshold \((?<threshold>\d+) in (?<seconds>\d+) sec\) is reached, initiating reload/,
    'failed processes threshold (10 in 60 sec) is reached, initiating reload',
    'So many children crashed that php-fpm reloads itself.',
    'Why they crashed.',
  ),
  fpm(
    'fpm-fork-failed',
    new RegExp(`${pool}fork\\(\\) failed: (?<reason>.+)`),
    '[pool www] fork() failed: Resource temporarily unavailable (11)',
    'No child could be started: a limit of processes or memory.',
    'Which limit.',
  ),
  fpm(
    'fpm-backlog',
    new RegExp(`${pool}(?:Not enough listen queue|listen\\.backlog\\((?<backlog>-?\\d+)\\) was too low)`),
    '[pool www] listen.backlog(-1) was too low for the ondemand process manager. I updated it for you to 511.',
    'The listen queue was configured too short.',
    'A failure.',
  ),
  fpm(
    'fpm-config-error',
    /^(?:\[(?<file>\/[^\]:]+):(?<line>\d+)\] (?<message>.+)|failed to load configuration file '[^']*'|failed to post process the configuration|FPM initialization failed|Unable to include .+|No pool defined\.|(?:\[pool [^\]]{1,100}\] )?(?:cannot get [ug]id for (?:user|group) '|pm\.\w{1,40}\(-?\d+\) (?:and pm\.\w{1,40}\(-?\d+\) )?(?:cannot|must)|the process manager is missing|no listen address|user has not been defined))/,
    "[/etc/php/8.2/fpm/pool.d/www.conf:12] unknown entry 'pm.max_childrn'",
    'The configuration is not valid, so php-fpm did not start.',
    'That an older process does not run.',
  ),
  fpm(
    'php-memory-limit',
    new RegExp(
      `${pool}child \\d+ said into stderr: "(?:NOTICE: )?(?:PHP message: )?PHP Fatal error:\\s+Allowed memory size of (?<bytes>\\d+) bytes exhausted`,
    ),
    '[pool www] child 77 said into stderr: "NOTICE: PHP message: PHP Fatal error:  Allowed memory size of 33554432 bytes exhausted (tried to allocate 20971552 bytes) in /srv/app/m.php on line 3"',
    'The script needed more than memory_limit.',
    'That the host is short of memory.',
  ),
  fpm(
    'php-max-execution-time',
    new RegExp(
      `${pool}child \\d+ said into stderr: "(?:NOTICE: )?(?:PHP message: )?PHP Fatal error:\\s+Maximum execution time of (?<seconds>\\d+)`,
    ),
    '[pool www] child 77 said into stderr: "NOTICE: PHP message: PHP Fatal error:  Maximum execution time of 2 seconds exceeded in /srv/app/l.php on line 3"',
    'The script used more CPU time than max_execution_time.',
    'That it waited long.',
  ),
  fpm(
    'fpm-stderr-fatal',
    new RegExp(
      `${pool}child (?<pid>\\d+) said into stderr: "(?:NOTICE: )?(?:PHP message: )?PHP (?:Fatal|Parse) error:\\s+(?!\\s|Allowed memory size|Maximum execution time)(?<message>[\\s\\S]{0,400})`,
    ),
    '[pool www] child 77 said into stderr: "NOTICE: PHP message: PHP Fatal error:  Uncaught Error: Call to undefined function nope() in /srv/app/x.php:3"',
    'PHP ended a request with a fatal error.',
    'Which client saw it.',
    dependencyText,
  ),
  fpm(
    'fpm-stderr',
    new RegExp(
      `${pool}child (?<pid>\\d+) said into std(?:err|out): "(?!(?:NOTICE: )?(?:PHP message: )?PHP (?:Fatal|Parse) error|(?:ERROR: )?(?:Connection (?:disallowed|from disallowed)|Wrong IP address '|There are no allowed))(?<message>[\\s\\S]{0,400})`,
    ),
    '[pool www] child 77 said into stderr: "NOTICE: PHP message: payment gateway said no"',
    'The application wrote this.',
    'Any failure.',
    dependencyText,
  ),
  fpm(
    'fpm-slow-trace',
    /^\[pool (?<pool>[^\]]+)\] pid (?<pid>\d+)\nscript_filename = (?<script>[^\n]*)\n\[0x[0-9a-f]+\] (?<function>[^\n]*)/,
    '[pool www] pid 3952\nscript_filename = /srv/app/sleep.php\n[0x00007f0c4b6140a0] sleep() /srv/app/sleep.php:2',
    'Where a slow request was at that moment.',
    'That it failed.',
  ),
  fpm(
    'fpm-client-refused',
    /^(?:(?:\[pool [^\]]{1,100}\] )?child \d+ said into stderr: "(?:ERROR: )?)?(?:Connection disallowed: IP address '(?<address>[^']{1,60})' has been dropped|Connection from disallowed IP address '(?<from>[^']{1,60})'|Wrong IP address '(?<wrong>[^']{1,60})' in listen\.allowed_clients|There are no allowed addresses for this pool)/,
    "Connection disallowed: IP address '10.0.0.7' has been dropped.",
    'listen.allowed_clients does not name this address: the connection was closed at once.',
    'That php-fpm is unwell.',
  ),
  fpm(
    'fpm-reload-config',
    /^(?:using inherited socket fd=\d+|configuration file \S+ test is successful|systemd monitor interval set|libevent|event mechanism|Finished reloading)/,
    'using inherited socket fd=8, "/run/php/site.sock"',
    'php-fpm took over its socket from the process before it: a reload.',
    'That a request was cut.',
  ),
  fpm(
    'fpm-child-stopped',
    new RegExp(`${pool}child (?<pid>\\d+) (?:stopped for tracing|started|killed|has been)`),
    'child 3952 stopped for tracing',
    'A child was started, or stopped for a moment to write the slow log.',
    'A failure.',
  ),
  fpm(
    'fpm-trace-failed',
    /^(?:failed to (?:ptrace|trace|peek|read)|unable to (?:read|set)|about to trace|finished trace of)/,
    'finished trace of 3952',
    'Whether the slow log could look into the child.',
    'A failure of a request.',
  ),
  fpm(
    'too-many-open-files',
    /^(?:\[pool (?<pool>[^\]]+)\] )?(?:failed to accept new connection|accept\(\) failed|failed to create|unable to (?:open|create)|pipe\(\) failed|[\w() ]{1,60}): Too many open files(?: \((?<errno>23|24)\))?/,
    'failed to accept new connection: Too many open files (24)',
    'The limit of open files of the process was reached.',
    'What holds them open.',
  ),
  php(
    'php-memory-limit',
    /^(?:PHP )?Fatal error:\s+Allowed memory size of (?<bytes>\d+) bytes exhausted/,
    'PHP Fatal error:  Allowed memory size of 33554432 bytes exhausted (tried to allocate 20971552 bytes) in /srv/app/m.php on line 3',
    'The script needed more than memory_limit.',
    'That the host is short of memory.',
  ),
  php(
    'php-max-execution-time',
    /^(?:PHP )?Fatal error:\s+Maximum execution time of (?<seconds>\d+)/,
    'PHP Fatal error:  Maximum execution time of 2 seconds exceeded in /srv/app/l.php on line 3',
    'The script used more CPU time than max_execution_time.',
    'That it waited long.',
  ),
  php(
    'php-fatal',
    /^(?:PHP |(?=(?:Fatal|Parse) error: [^\n]{1,600}?\.(?:php|phtml|inc)\b))(?:Fatal|Parse|Recoverable fatal) error:\s+(?<message>(?!\s|Allowed memory size|Maximum execution time)[\s\S]{0,400})/,
    'PHP Fatal error:  Uncaught Error: Call to undefined function nope() in /srv/app/x.php:3',
    'PHP ended a request with a fatal or parse error.',
    'Which client saw it.',
    dependencyText,
  ),
  php(
    'php-warning',
    /^PHP (?<kind>Warning|Notice|Deprecated|Strict Standards|User \w+):\s+(?<message>[\s\S]{0,400})/,
    'PHP Warning:  Undefined variable $x in /srv/app/w.php on line 2',
    'PHP complained and went on.',
    'Any failure.',
    dependencyText,
  ),
];
