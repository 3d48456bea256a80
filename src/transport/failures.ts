// Turns the way in which a command ended into a TransportError that says what to do next.
import { TransportError } from '../model/transport.ts';
import type { ReachFailure, RunResult } from '../model/transport.ts';
import type { ChildEnd } from './child.ts';

/** One way to fail before the script ran: what OpenSSH (or a prefix command) prints, what it means, what helps. */
interface Shape {
  readonly pattern: RegExp;
  readonly kind: ReachFailure;
  /** Where absent, the line that matched is the message. */
  readonly says?: string;
  /** `{login}` becomes the command to try by hand, `{host}` the host's name in known_hosts. */
  readonly hint: string;
}

/**
 * OpenSSH has one exit code (255) for all its own failures, so its words are the only evidence. They are not localised. First match
 * wins. Every row has a sample in failures.test.ts; those marked so there come from a real sshd in the same test run.
 */
const sshShapes: readonly Shape[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/,
    kind: 'host-key',
    says: 'the host key has changed: another machine answers, or it was installed anew',
    hint: 'Find out why before anything else. If the new key is right: `ssh-keygen -R "{host}"` and then `{login}` once by hand.',
  },
  {
    pattern: /host key is known for .* strict checking|Host key verification failed|certificate .* revoked|REVOKED HOST KEY/i,
    kind: 'host-key',
    says: 'the host key is not known here',
    hint: 'Run `{login}` once by hand, compare the fingerprint and accept the key.',
  },
  {
    pattern: /Permission denied \([a-z,-]+\)|Too many authentication failures|No more authentication methods/,
    kind: 'auth',
    hint: 'No key was accepted. Try `{login}` by hand; load the key with `ssh-add`, or name it with IdentityFile in your ssh config.',
  },
  {
    pattern: /Could not resolve hostname/,
    kind: 'unreachable',
    hint: 'Check the name in the site file, or give it a HostName in your ssh config.',
  },
  {
    pattern: /connect to host .*: (Connection|Operation) timed out|timed out during banner exchange|Connection to .* timed out/,
    kind: 'timeout',
    hint: 'Nothing answered in time. Check address, port, VPN and firewall with `{login}`.',
  },
  {
    pattern: /connect to (host|address) .*: /,
    kind: 'unreachable',
    hint: 'Check address and port, and that sshd runs there. Behind a jump host? Put ProxyJump into your ssh config.',
  },
  {
    pattern: /banner exchange: .* invalid format|Unable to negotiate with|no matching .* found|Bad packet length/,
    kind: 'other',
    hint: 'What listens there does not speak ssh as we do. Check the port, and try `{login} -v`.',
  },
  {
    pattern: /Bad configuration option|bad configuration options|Can't open user config file|Bad owner or permissions/,
    kind: 'other',
    hint: 'Mend the ssh configuration file (~/.ssh/config, or the one that WHY5XX_SSH_CONFIG names).',
  },
  {
    pattern: /Connection (reset|closed) by|closed by remote host|Broken pipe|not responding|Connection reset|kex_exchange_identification/,
    kind: 'lost',
    hint: 'The host closed the connection. It may limit logins (MaxStartups, fail2ban), be overloaded, or no sshd at all; try `{login}`.',
  },
  {
    pattern: /account is currently not available|This account .* (disabled|expired)|System is booting up/,
    kind: 'permission',
    hint: 'This account may not run commands there. Use another one in the site file.',
  },
];

const prefixShapes: readonly Shape[] = [
  {
    pattern: /Cannot open network namespace|No such container|container .* is not running|(pods|namespaces) ".*" not found/i,
    kind: 'unreachable',
    hint: 'What the command prefix enters does not exist (any more). Check `exec` in the site file.',
  },
  {
    pattern:
      /permission denied|operation not permitted|not permitted|must be root|a password is required|a terminal is required|not in the sudoers/i,
    kind: 'permission',
    hint: 'Run why5xx as a user who may do this, or let sudo do it without a password.',
  },
  {
    pattern: /executable file not found|exec(ute)? .*(failed|sh).*No such file|: (command )?not found|No such file or directory/i,
    kind: 'command-missing',
    hint: 'Check `exec` in the site file, and that there is a POSIX `sh` where it leads.',
  },
];

export interface Way {
  readonly describe: string;
  readonly via: 'local' | 'prefix' | 'ssh';
  /** The command to try by hand. */
  readonly login: string;
  /** Name in known_hosts; empty where there is none. */
  readonly knownAs: string;
  /** The program that we start: `sh`, `ip`, `ssh`. */
  readonly command: string;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
}

/** The result, or TransportError thrown, of a script that was sent this way. `connectionHolds`: the shared connection is still there. */
export function resultOf(end: ChildEnd, way: Way, connectionHolds = false): RunResult {
  const result: RunResult = {
    code: end.scriptCode,
    stdout: end.began ? end.stdout.toString('utf8') : '',
    stderr: end.stderr.toString('utf8'),
    truncated: end.truncated,
    tookMs: end.tookMs,
  };
  if (end.began) {
    if (end.scriptCode !== null || end.by === 'output-cap') return result;
    if (end.by === 'done') {
      // Ended by a signal (the OOM killer's, the script's own): the way was fine. Otherwise nobody carried the end mark to us.
      if (way.via === 'local' || connectionHolds) return result;
      if (way.via === 'prefix' && (end.exitCode === null || end.exitCode > 128)) return result;
      return fail(
        'lost',
        `${way.describe}: the connection was lost before the script ended`,
        'Try again; look at the host and its network.',
        result,
      );
    }
    if (end.by === 'aborted') return fail('timeout', `${way.describe}: stopped before the script ended`, 'Give the run more time.', result);
    const seconds = `${String(way.timeoutMs / 1000)} s`;
    return fail(
      'timeout',
      `${way.describe}: the script did not end within ${seconds}`,
      'The host is slow or something on it hangs. Look at its load.',
      result,
    );
  }
  switch (end.by) {
    case 'not-started':
      return notStarted(end, way);
    case 'connect-deadline':
    case 'deadline': {
      const seconds = `${String(Math.min(way.connectTimeoutMs, way.timeoutMs) / 1000)} s`;
      return fail('timeout', `${way.describe}: no shell answered within ${seconds}`, `Check by hand: ${way.login}`);
    }
    case 'aborted':
      return fail('timeout', `${way.describe}: stopped before a shell answered`, 'Give the run more time.');
    case 'output-cap':
      return fail('other', `${way.describe}: something prints without end before a shell answers`, `Check by hand: ${way.login}`);
    case 'done':
      return neverBegan(end, way);
  }
}

function notStarted(end: ChildEnd, way: Way): never {
  if (end.startError === 'ENOENT') {
    const hint =
      way.via === 'ssh'
        ? 'Install the OpenSSH client, or put it on PATH.'
        : 'Install it, put it on PATH, or correct `exec` in the site file.';
    return fail('command-missing', `${way.describe}: the command \`${plain(way.command)}\` is not there`, hint);
  }
  if (end.startError === 'EACCES' || end.startError === 'EPERM') {
    return fail(
      'permission',
      `${way.describe}: the command \`${plain(way.command)}\` may not be run`,
      'Check its mode, or run why5xx as another user.',
    );
  }
  return fail(
    'other',
    `${way.describe}: could not start \`${plain(way.command)}\` (${end.startError ?? 'unknown error'})`,
    `Check by hand: ${way.login}`,
  );
}

function neverBegan(end: ChildEnd, way: Way): never {
  const words = `${end.stderr.toString('utf8')}\n${end.stdout.toString('utf8')}`;
  const shapes =
    way.via === 'ssh' && end.exitCode === 255 ? sshShapes : way.via === 'ssh' ? [...sshShapes.slice(-1), ...prefixShapes] : prefixShapes;
  for (const shape of shapes) {
    const line = words.split('\n').find((each) => shape.pattern.test(each));
    if (line === undefined) continue;
    fail(
      shape.kind,
      `${way.describe}: ${shape.says ?? plain(line)}`,
      shape.hint.replaceAll('{login}', way.login).replaceAll('{host}', way.knownAs),
    );
  }
  const said = plain(words);
  const ending = end.exitCode === null ? 'was ended by a signal' : `ended with code ${String(end.exitCode)}`;
  if (end.exitCode === 127) {
    return fail('command-missing', `${way.describe}: there is no \`sh\`${said && `: ${said}`}`, 'why5xx needs a POSIX sh on the host.');
  }
  if (end.exitCode === 126)
    return fail('permission', `${way.describe}: \`sh\` may not be run${said && `: ${said}`}`, `Check by hand: ${way.login}`);
  if (end.exitCode === 0 && way.via === 'prefix') {
    return fail(
      'other',
      `${way.describe}: no shell answered`,
      'The prefix must pass standard input on: `docker exec -i`, `kubectl exec -i`.',
    );
  }
  return fail('other', `${way.describe}: ${way.command} ${ending}${said && `: ${said}`}`, `Check by hand: ${way.login}`);
}

function fail(kind: ReachFailure, message: string, hint: string, partial: RunResult | null = null): never {
  throw new TransportError(kind, message, hint, partial);
}

/** At most 300 characters on one line, without control characters. */
function plain(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}
