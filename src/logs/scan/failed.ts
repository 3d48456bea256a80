// Which requests failed, and how: the few judgements that the tally needs to put failing requests into groups.
import type { AccessRecord, Product, TimingClass } from '../records.ts';

/**
 * A request failed when its status is 500 to 599, or when it got no status at all and its writer says that this was not the client's doing:
 * - HAProxy: the first letter of the termination state is S, s, P, R, I, D, K or U (not C or c: the client; not `-`), and the second says
 *   that no answer had begun: R, Q, C, H or T. `PR` is a request that HAProxy refused to read: not counted.
 * - Envoy: some response flag other than `-`, DC and DPE (the client went away, or sent nonsense).
 * - Google's balancer: a statusDetails other than `client_…` and `response_…`.
 * - Others never log a failing request without a status.
 */
export function hasFailed(record: AccessRecord, product: Product): boolean {
  const { status } = record;
  if (status !== null) return status >= 500 && status <= 599;
  return record.reason !== null && failedWithoutAnswer(product, record.reason);
}

function failedWithoutAnswer(product: Product, reason: string): boolean {
  switch (product) {
    case 'haproxy':
      return /^[SsPRIDKU][RQCHT]/.test(reason) && !reason.startsWith('PR');
    case 'envoy':
      return reason.split(',').some((flag) => flag !== '' && flag !== '-' && flag !== 'DC' && flag !== 'DPE');
    case 'gcp-lb':
      return !/^(?:client_|response_|-?$)/.test(reason);
    default:
      return false;
  }
}

const instantMs = 50;

/**
 * Where the time of a failing request went. `answered`: a header came from the server. `instant`: under 50 ms in all. Longer ones are
 * `connect` where the log has connect times and this try has none, `waited` where the try had connected. `none`: the log does not say.
 */
export function timingOf(record: AccessRecord, logsConnect: boolean): TimingClass {
  const last = record.tries.at(-1);
  if (last?.headerMs != null || record.answeredBy === 'upstream') return 'answered';
  const wholeMs = record.durationMs ?? last?.responseMs ?? null;
  if (wholeMs === null) return 'none';
  if (wholeMs < instantMs) return 'instant';
  if (last === undefined) return 'none';
  if (last.connectMs !== null) return 'waited';
  return logsConnect ? 'connect' : 'none';
}

/** How often, and each try's status and address: `502@10.0.0.1:80 502@10.0.0.2:80`. At most five; of more, `+` and how many. */
export function triesText(record: AccessRecord): string {
  const { tries } = record;
  const [only] = tries;
  if (only === undefined) return '';
  if (tries.length === 1) return `${only.status ?? '-'}@${only.address}`;
  const told = tries.slice(0, 5).map((each) => `${each.status ?? '-'}@${each.address}`);
  if (tries.length > told.length) told.push(`+${tries.length - told.length}`);
  return told.join(' ');
}

const urgent = new Set(['emerg', 'alert', 'crit', 'error']);
const alarming =
  /\b(?:err(?:or)?s?|exception|fatal|fail(?:ed|ure|s)?|panic|traceback|refused|timed? ?out|denied|killed|crash(?:ed)?|segfault|abort(?:ed)?|unable|cannot|can't)\b|Error\b|Exception\b/i;

/**
 * Whether an error-log record without a known signature counts as an event: level error or worse, or, where the writer has no levels, words
 * of trouble in its first 300 characters.
 */
export function isAlarming(level: string | null, message: string): boolean {
  return level === null ? alarming.test(message.slice(0, 300)) : urgent.has(level);
}

/** The server in an error line's upstream, as access logs write it: `http://10.0.0.1:80/x` is `10.0.0.1:80`. */
export function serverOf(upstream: string | null): string | null {
  if (upstream === null) return null;
  const scheme = upstream.indexOf('://');
  const rest = scheme < 0 ? upstream : upstream.slice(scheme + 3);
  if (rest.startsWith('unix:')) {
    const end = rest.indexOf(':', 5);
    return end < 0 ? rest : rest.slice(0, end);
  }
  const end = rest.indexOf('/');
  return end < 0 || scheme < 0 ? rest : rest.slice(0, end);
}
