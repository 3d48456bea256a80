// The registry of faults: what the lab can break for real, one per cause.
import type { Fault } from '../model/fault.ts';

export const faults: readonly Fault[] = [];
