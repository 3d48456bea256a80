// Lines of HAProxy about its servers, beside those of requests.
import type { Signature } from './signatures.ts';

const of = (id: string, pattern: RegExp, sample: string, proves: string, doesNotProve: string): Signature => ({
  id,
  source: 'haproxy',
  pattern,
  sample,
  proves,
  doesNotProve,
});

export const haproxySignatures: readonly Signature[] = [
  of(
    'haproxy-server-down',
    /^(?:Backup )?[Ss]erver (?<backend>[^/\s]+)\/(?<server>\S+) is (?:DOWN|going DOWN)(?: for maintenance)?(?:[^,]*)?, reason: (?<reason>[^,]+)(?:, code: (?<code>\d+))?(?:, info: "(?<info>(?:[^"\\]|\\.)*)")?(?:, check duration: (?<ms>\d+)ms)?/,
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
    /^(?:backend|proxy|listen) (?<backend>\S+) has no server available!/,
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
];
