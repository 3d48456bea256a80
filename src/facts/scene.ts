// What most judges ask of a scene: the requests that were sent, the failures that a host could have caused, the log lines of our own
// requests. Each answer remembers where it stands in the evidence, so that it can be cited.
import { cite } from '../model/cause.ts';
import type { Scene } from '../model/cause.ts';
import type { Measured } from '../model/evidence.ts';
import type { Exchange, Purpose } from '../model/exchange.ts';
import type { Citation } from '../model/finding.ts';
import type { AccessLine, ErrorLine } from '../model/observations.ts';
import { splitAddress } from '../model/site.ts';
import type { Symptom } from '../model/symptom.ts';
import { say } from '../model/text.ts';
import type { Localised } from '../model/text.ts';
import { isFailure } from './failure.ts';

/** One request with its place in the evidence. */
export interface Sent {
  readonly evidence: Measured<'requests'> | Measured<'backend-requests'>;
  readonly index: number;
  readonly exchange: Exchange;
  /** Who sent it: `here`, a client, or the host inside. */
  readonly from: string;
}

export interface SentFilter {
  readonly purpose?: Purpose | readonly Purpose[];
  readonly from?: string;
  readonly notFrom?: string;
}

function matches(sent: Sent, filter: SentFilter): boolean {
  const purposes = filter.purpose === undefined ? null : typeof filter.purpose === 'string' ? [filter.purpose] : filter.purpose;
  return (
    (purposes === null || purposes.includes(sent.exchange.purpose)) &&
    (filter.from === undefined || sent.from === filter.from) &&
    sent.from !== filter.notFrom
  );
}

/** Requests of clients, in order of vantage and time. */
export function clientRequests(scene: Scene<'requests'>, filter: SentFilter = {}): readonly Sent[] {
  return scene
    .all('requests')
    .flatMap((evidence) => evidence.data.exchanges.map((exchange, index) => ({ evidence, index, exchange, from: evidence.data.from })))
    .filter((each) => matches(each, filter));
}

/** Requests sent straight to one backend, from wherever. `{ notFrom: backend }` leaves out those it sent to itself. */
export function backendRequests(scene: Scene<'backend-requests'>, backend: string, filter: SentFilter = {}): readonly Sent[] {
  return scene
    .all('backend-requests')
    .filter((evidence) => evidence.host === backend)
    .flatMap((evidence) => evidence.data.exchanges.map((exchange, index) => ({ evidence, index, exchange, from: evidence.data.from })))
    .filter((each) => matches(each, filter));
}

export function failing(sent: readonly Sent[]): readonly Sent[] {
  return sent.filter((each) => isFailure(each.exchange));
}
export function succeeding(sent: readonly Sent[]): readonly Sent[] {
  return sent.filter((each) => !isFailure(each.exchange));
}

/** Cites one request: its status, or its error where there was no answer. */
export function citeRequest(sent: Sent, says: Localised): Citation {
  const field = sent.exchange.status === null ? 'error' : 'status';
  return { evidence: sent.evidence.id, path: `/exchanges/${sent.index}/${field}`, says };
}

/** `502 after 12 ms`, `timeout while connecting after 2.0 s`. */
export function outcomeText({ exchange }: Sent): Localised {
  const ms = exchange.phases.totalMs;
  const time = ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  if (exchange.status !== null) return say(`${exchange.status} after ${time}`, `${time} 后返回 ${exchange.status}`);
  const phase = exchange.failedPhase ?? 'first-byte';
  return say(`${exchange.error ?? 'no answer'} (${phase}) after ${time}`, `${time} 后 ${exchange.error ?? '无响应'}（${phase}）`);
}

/**
 * Symptoms that trouble on this backend could explain: those whose failing requests it served, and those that no log attributes to any
 * backend. Failures that the edge made itself are never a backend's.
 */
export function symptomsAt(scene: Scene<never>, backend: string): readonly Symptom[] {
  return scene.symptoms.filter(
    (symptom) => symptom.answeredBy.hop !== 'edge' && (symptom.backends.length === 0 || symptom.backends.includes(backend)),
  );
}

export function ids(symptoms: readonly Symptom[]): readonly string[] {
  return symptoms.map((each) => each.id);
}

/** A log line with its place in the evidence. */
export interface Logged<Line> {
  readonly evidence: Measured<'logs'>;
  readonly index: number;
  readonly line: Line;
}

/** Error-log lines of one host with one of these signatures that were written while our requests ran. */
export function freshErrors(scene: Scene<'logs'>, host: string, signatures: readonly string[]): readonly Logged<ErrorLine>[] {
  return errors(scene, host, signatures).filter((each) => each.line.ours);
}

/** The same, from before our requests: they prove nothing about this failure, but make good advice. */
export function oldErrors(scene: Scene<'logs'>, host: string, signatures: readonly string[]): readonly Logged<ErrorLine>[] {
  return errors(scene, host, signatures).filter((each) => !each.line.ours);
}

function errors(scene: Scene<'logs'>, host: string, signatures: readonly string[]): readonly Logged<ErrorLine>[] {
  const evidence = scene.one('logs', host);
  if (evidence === undefined) return [];
  return evidence.data.errors.flatMap((line, index) =>
    line.signature !== null && signatures.includes(line.signature) ? [{ evidence, index, line }] : [],
  );
}

/** Cites one error line by its text. */
export function citeError(logged: Logged<ErrorLine>, says?: Localised): Citation {
  return cite(logged.evidence, `/errors/${logged.index}/text`, says ?? say(logged.line.text, logged.line.text));
}

/** Access-log lines of one host that a predicate chooses. */
export function accessLines(scene: Scene<'logs'>, host: string, choose: (line: AccessLine) => boolean): readonly Logged<AccessLine>[] {
  const evidence = scene.one('logs', host);
  return evidence === undefined ? [] : evidence.data.access.flatMap((line, index) => (choose(line) ? [{ evidence, index, line }] : []));
}
export function citeAccess(logged: Logged<AccessLine>, says?: Localised): Citation {
  return cite(logged.evidence, `/access/${logged.index}/text`, says ?? say(logged.line.text, logged.line.text));
}

/** The balancer's fresh error lines about this backend. */
export function balancerErrors(scene: Scene<'logs'>, backend: string, signatures: readonly string[]): readonly Logged<ErrorLine>[] {
  return aboutBackend(scene, backend, (balancer) => freshErrors(scene, balancer, signatures));
}

/** How long before "no live upstreams" the failures lie that took a member out: nginx's fail_timeout is 10 s as shipped. */
const ejectionMs = 30_000;

/** The balancer's error lines, old ones too, about failures of this backend that made the balancer take it out of the pool. */
export function ejections(scene: Scene<'logs'>, backend: string, signatures: readonly string[]): readonly Logged<ErrorLine>[] {
  return aboutBackend(scene, backend, (balancer) => {
    const none = freshErrors(scene, balancer, ['no-live-upstreams'])[0];
    if (none === undefined || none.line.at === null) return [];
    const since = Date.parse(none.line.at) - ejectionMs;
    return [...oldErrors(scene, balancer, signatures), ...freshErrors(scene, balancer, signatures)].filter(
      ({ line }) => line.at !== null && Date.parse(line.at) >= since,
    );
  });
}

function aboutBackend(
  scene: Scene<'logs'>,
  backend: string,
  linesOf: (balancer: string) => readonly Logged<ErrorLine>[],
): readonly Logged<ErrorLine>[] {
  const target = scene.site.backends.find((each) => each.name === backend);
  const balancer = scene.site.balancer?.name;
  if (target === undefined || balancer === undefined) return [];
  const { host, port } = splitAddress(target.address);
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port ?? 80}`;
  return linesOf(balancer).filter(
    ({ line }) => line.upstream !== null && line.upstream.replace(/^\w+:\/\//, '').split('/')[0] === authority,
  );
}
