// A bare TCP connect to each address: open, refused, silent, unreachable. Nothing is sent.
import { connect } from 'node:net';
import type { ConnectAttempt, EvidenceMap } from '../../model/observations.ts';
import { inPool } from './pool.ts';
import { connectOutcome, errorCodeOf } from './wire-error.ts';

/** Where to connect to: a hop of the site and one of its addresses. IPv6 without brackets. */
export interface ConnectTarget {
  readonly door: ConnectAttempt['door'];
  readonly target: string | null;
  readonly address: string;
  readonly port: number;
}

export interface ConnectOptions {
  readonly signal: AbortSignal;
  readonly from: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
}

/** One attempt per target, in their order. Never rejects. */
export async function connectAll(targets: readonly ConnectTarget[], options: ConnectOptions): Promise<EvidenceMap['connect']> {
  return { from: options.from, attempts: await inPool(targets, options.concurrency, (target) => connectOne(target, options)) };
}

function connectOne(target: ConnectTarget, options: ConnectOptions): Promise<ConnectAttempt> {
  const t0 = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host: target.address, port: target.port, autoSelectFamily: false });
    const finish = (outcome: ConnectAttempt['outcome'], errorCode: string | null): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', abort);
      socket.destroy();
      const { door, target: name, address, port } = target;
      resolve({ door, target: name, address, port, outcome, errorCode, tookMs: Math.round((performance.now() - t0) * 10) / 10 });
    };
    const abort = (): void => finish('other', 'ABORT_ERR');
    const timer = setTimeout(() => finish('timeout', null), options.timeoutMs);
    options.signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => finish('open', null));
    socket.on('error', (error) => finish(connectOutcome(errorCodeOf(error)), errorCodeOf(error)));
    if (options.signal.aborted) abort();
  });
}
