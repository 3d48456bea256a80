// How far the reading of logs has come: size, percent, rate, time left. Silent on runs that are over within a second.
import { bytesText, countText, spanText } from '../report/logs-words.ts';
import type { Progress } from './progress.ts';

export interface LogProgress {
  /** Bytes read so far, of all bytes as stored; `total` null where it is not known (a pipe). */
  update(done: number, total: number | null): void;
  /** The same for rows of a table. */
  updateRows(done: number, total: number): void;
}

/** Shows progress through `progress`: several times a second on a terminal, every ten seconds in a log. `now` is in milliseconds. */
export function openLogProgress(progress: Progress, tty: boolean, now: () => number = Date.now): LogProgress {
  const startedMs = now();
  let shownMs = startedMs + 1000 - (tty ? 200 : 10_000);
  const show = (text: (tookMs: number) => string): void => {
    const atMs = now();
    if (atMs - shownMs < (tty ? 200 : 10_000)) return;
    shownMs = atMs;
    progress.step(text(atMs - startedMs), false);
  };
  return {
    update: (done, total) => show((tookMs) => progressText(done, total, tookMs)),
    updateRows: (done, total) => show(() => `reading tables: ${countText(done)} of ${countText(total)} rows`),
  };
}

/** `reading logs: 1.2 of 4 GB, 30 %, 1.3 GB/s, 2 s left`. */
export function progressText(done: number, total: number | null, tookMs: number): string {
  const perSecond = tookMs > 0 ? (done / tookMs) * 1000 : 0;
  const rate = `${bytesText(perSecond)}/s`;
  if (total === null || total <= 0) return `reading logs: ${bytesText(done)}, ${rate}`;
  // A file may have grown, or stored sizes may be less than what was read: never more than all of it.
  const share = Math.min(1, done / total);
  const left = perSecond > 0 ? Math.ceil(Math.max(0, total - done) / perSecond) : null;
  const rest = left === null ? '' : `, ${spanText(left >= 120 ? Math.ceil(left / 60) * 60 : Math.max(1, left), 'en')} left`;
  return `reading logs: ${bytesText(Math.min(done, total))} of ${bytesText(total)}, ${Math.floor(share * 100)} %, ${rate}${rest}`;
}
