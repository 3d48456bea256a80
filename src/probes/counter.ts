// How two readings become a counter with its change.
import type { Counter } from '../model/observations.ts';

/** `now` with its change since `before`; the change is null with one reading, or where the counter was set back in between. */
export function counterOf(now: number, before: number | null | undefined): Counter {
  return { now, delta: before === null || before === undefined || before > now ? null : now - before };
}

/** Like `counterOf`, for what may not have been readable at all. */
export function counterOrNull(now: number | null, before: number | null | undefined): Counter | null {
  return now === null ? null : counterOf(now, before);
}
