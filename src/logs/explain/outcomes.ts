// Apache tells the failure of one request in two lines and more: why an attempt failed, and what came of it. Where error lines stand for
// requests, these have to count once.
import type { EventGroup } from '../records.ts';
import { slackMs } from './sources.ts';

const readReasons = new Set<string | null>(['apache-read-status', 'apache-timeout', 'apache-request-body']);

type Kind = 'connect' | 'read';

const isConnect = ({ signature }: EventGroup): boolean =>
  signature !== null && /^apache-(?:connect-(?!failed)|backend-(?:tls|certificate)$)/.test(signature);
const reasonOf = (event: EventGroup): Kind | null => (isConnect(event) ? 'connect' : readReasons.has(event.signature) ? 'read' : null);

/** What a line says of a failure whose reason stands before it. A connection that was `disabled` is another request, which was not tried. */
function outcomeOf({ signature, fields, template }: EventGroup): Kind | null {
  if (signature === 'apache-backend-tls') return template.includes('Error during SSL Handshake') ? 'connect' : null;
  if (signature === 'apache-connect-failed') return 'connect';
  if (signature === 'apache-worker-disabled') return fields['scheme'] === undefined ? 'connect' : null;
  return signature === 'apache-bad-response' ? 'read' : null;
}

/** `localhost:8080` of `[::1]:8080 (localhost:8080)`: one worker, whose name has several addresses. */
const workerOf = ({ fields }: EventGroup): string | null => /\((\S+)\)$/.exec(fields['target'] ?? '')?.[1] ?? null;

interface Reason {
  readonly request: number;
  readonly at: number;
  readonly kind: Kind;
  readonly worker: string | null;
  readonly groups: Set<number>;
  hasOutcome: boolean;
}

/**
 * Asked about each line in the order of time and, at the same time, of lines: the earlier request that it belongs to, or null where it
 * is one of its own, which gets the number `request`. Takes constant time for each line.
 */
export function openOutcomes(events: readonly EventGroup[]): (group: number, at: number, request: number) => number | null {
  const byInput = new Map<number, { readonly reasons: Reason[]; readonly next: Map<number, number> }>();
  // Undated lines are as near as their order makes them.
  const isNear = (at: number, reason: Reason): boolean => at - reason.at <= slackMs || (Number.isNaN(at) && Number.isNaN(reason.at));
  return (group, at, request) => {
    const event = events[group];
    if (event === undefined || event.product !== 'apache') return null;
    const log = byInput.get(event.input) ?? { reasons: [], next: new Map<number, number>() };
    byInput.set(event.input, log);
    const outcome = outcomeOf(event);
    if (outcome !== null) {
      let at0 = log.next.get(group) ?? 0;
      for (let reason = log.reasons[at0]; reason !== undefined; reason = log.reasons[at0]) {
        at0++;
        if (reason.kind !== outcome || !isNear(at, reason)) continue;
        log.next.set(group, at0);
        reason.hasOutcome = true;
        return reason.request;
      }
      log.next.set(group, at0);
      return null;
    }
    const kind = reasonOf(event);
    if (kind === null) return null;
    const worker = workerOf(event);
    const last = log.reasons.at(-1);
    if (last !== undefined && last.kind === 'connect' && kind === 'connect' && worker !== null && worker === last.worker)
      if (!last.hasOutcome && !last.groups.has(group) && isNear(at, last)) {
        last.groups.add(group);
        return last.request;
      }
    log.reasons.push({ request, at, kind, worker, groups: new Set([group]), hasOutcome: false });
    return null;
  };
}
