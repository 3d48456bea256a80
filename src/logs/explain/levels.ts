// What lines and requests can be joined by.
import type { Width } from './nearest.ts';

/** What a line and a request were joined by, strongest first. */
export const joinLevels = ['request-id', 'client+request+upstream', 'client+request', 'request+upstream', 'request', 'client'] as const;
export type JoinLevel = (typeof joinLevels)[number];

/** Ids are unique, but clocks may be wrong by more than we could tell. */
export const idWidth: Width = { backMs: 3_600_000, forwardMs: 3_600_000 };
