// Lines of HAProxy about its servers, beside those of requests.
import { entriesOf, type Signature } from './signature.ts';

const of = entriesOf('haproxy');

export const haproxySignatures: readonly Signature[] = [
  of(
    'haproxy-server-down',
    /^(?:Backup )?[Ss]erver (?<backend>[^/\s]+)\/(?<server>\S+) is (?:going )?DOWN(?! for maintenance)(?:[^,]{0,200}, reason: (?<reason>[^,]+))?(?:, code: (?<code>\d+))?(?:, info: "(?<info>(?:[^"\\]|\\.)*)")?(?:, check duration: (?<ms>\d+)ms)?/,
    'Server app/web-1 is DOWN, reason: Layer7 wrong status, code: 500, info: "Internal Server Error", check duration: 0ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.',
    'The health check of HAProxy failed often enough that the server gets no requests.',
    'That the application fails: the check itself may be wrong.',
  ),
  of(
    'haproxy-server-up',
    /^(?:Backup )?[Ss]erver (?<backend>[^/\s]+)\/(?<server>\S+) is UP/,
    'Server app/web-1 is UP, reason: Layer7 check passed, code: 200, check duration: 2ms. 2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.',
    'The server gets requests again.',
    'That it was really down before.',
  ),
  of(
    'haproxy-check-failed',
    /^Health check for (?:backup )?server (?<backend>[^/\s]+)\/(?<server>\S+) failed, reason: (?<reason>[^,]+)(?:, code: (?<code>\d+))?(?:, info: "(?<info>(?:[^"\\]|\\.)*)")?/,
    'Health check for server app/web-1 failed, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms, status: 2/3 UP.',
    'One health check failed.',
    'That the server was taken out.',
  ),
  of(
    'haproxy-check-passed',
    /^Health check for (?:backup )?server (?<backend>[^/\s]+)\/(?<server>\S+) succeeded, reason: (?<reason>[^,]+)/,
    'Health check for server app/web-1 succeeded, reason: Layer7 check passed, code: 200, check duration: 1ms, status: 3/3 UP.',
    'One health check passed.',
    'That the application works.',
  ),
  of(
    'haproxy-no-server',
    /^(?:backend|proxy|listen) (?<backend>\S+) has no server av/,
    'backend app has no server available!',
    'Every server of this backend is down: requests get 503.',
    'The cause: the lines before it.',
  ),
  of(
    'haproxy-proxy-stopped',
    /^(?:Stopping|Proxy) (?:proxy |backend |frontend |GLOBAL )?(?<name>\S+) (?:in \d+ ms|stopped)/,
    'Proxy app stopped (cumulated conns: FE: 0, BE: 12).',
    'HAProxy stopped or was reloaded.',
    'That it is down now.',
  ),
  of(
    'haproxy-connection-limit',
    /^(?:Proxy (?<proxy>\S+) reached (?:the )?(?:configured |process )?(?:maxconn|FD limit|process FD limit)|(?:\S+ )?reached .*(?:limit|maxconn))/,
    "Proxy f reached process FD limit (maxsock=4035). Please check 'ulimit-n' and restart.",
    'HAProxy ran out of connections or descriptors.',
    'What holds them.',
  ),
  of(
    'haproxy-server-maintenance',
    /^(?:Backup )?[Ss]erver (?<backend>[^/\s]+)\/(?<server>\S+) (?:is (?:stopping|going DOWN for maintenance|DRAIN|NOLB|MAINT)|enters drain state|administratively READY)(?: \((?<reason>[^)]{1,100})\))?/,
    'Server app/web-1 is going DOWN for maintenance (DNS timeout status). 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.',
    'The server was taken out by an operator, by DNS, or by a soft stop.',
    'That it failed.',
  ),
  of(
    'haproxy-frontend-error',
    /^(?<client>\S{1,60}):\d+ \[[^\]]{10,40}\] (?<frontend>[^\s/]{1,100})\/(?<listener>\S{1,60}): (?<what>SSL handshake failure|Connection (?:closed|error) (?:during|while)[^\n]{0,100}|Timeout (?:during|while)[^\n]{0,100}|Received [^\n]{0,100}|[^\n]{1,120})/,
    '10.77.1.2:57388 [23/Nov/2026:07:22:12.983] f/1: SSL handshake failure',
    'A client and HAProxy did not get as far as a request.',
    'That a browser would fail too.',
  ),
  of(
    'haproxy-rewrite-failed',
    /^Proxy (?<proxy>\S{1,100}) failed to (?<action>[a-z ]{1,40}) the (?<message>request|response) header '(?<header>[^']{1,200})/,
    "Proxy f failed to add or set the request header 'X-SSL-Client-Cert' for request #812. You might need to increase tune.maxrewrite.",
    'A rule that adds a header found no room in the buffer.',
    'That the client got 500: before 2.2, and with strict-mode off, the message goes on without the header. Only one in 256 is logged.',
  ),
  of(
    'haproxy-started',
    /^(?:New (?:worker|program)\b|Loading success|Proxy \S+ started|Initializing new worker|haproxy version is|path to executable|Reloading HAProxy|Current worker #?\d* ?\(\d+\) exited with code (?:0|143)|Exiting Master process|Paused|Resumed|Pausing|Resuming|Server state file)/,
    'New worker (4712) forked',
    'HAProxy started or was reloaded.',
    'A failure.',
  ),
  of(
    'haproxy-worker-died',
    /^(?:(?:A|Current|Former) worker (?:#?\d* ?)?\((?<pid>\d+)\) exited with code (?!0\b|143\b)(?<code>\d+)|exit-on-failure: killing every processes)/,
    'Current worker (4711) exited with code 139 (Segmentation fault)',
    'A worker of HAProxy crashed or was killed, and with it its connections.',
    'Why.',
  ),
  of(
    'haproxy-config-error',
    /^(?:config : )?(?:parsing \[(?<file>[^:\]]{1,300}):(?<line>\d+)\]|\[[^:\]]{1,300}:\d+\] : '|Failed to initialize server|Binding \[[^\]]{1,300}\] for (?:frontend|proxy) |Error\(s\) found in configuration file|Fatal errors found in configuration|Proxy '[^']{1,100}': |[Ss]erver \S+ : could not resolve address|Starting (?:frontend|proxy) \S+: cannot bind socket|\[[^\]]{1,60}\] Some protocols failed to start)/,
    "parsing [/etc/haproxy/haproxy.cfg:12] : unknown keyword 'blance' in 'backend' section",
    'The configuration is not valid, or an address is taken: a start or reload failed.',
    'That the running HAProxy is affected.',
  ),
  of(
    'haproxy-resolver',
    /^(?:(?<id>\S{1,100}\/\S{1,100}) changed its (?:IP|FQDN) from (?<from>\S*) to (?<to>\S+) by|Server \S{1,100}\/\S{1,100} \('[^']{1,253}'\) is|resolvers? )/,
    'app/web-1 changed its IP from 10.0.0.5 to 10.0.0.6 by docker/dns1.',
    'A server of HAProxy got another address from DNS.',
    'A failure.',
  ),
];
