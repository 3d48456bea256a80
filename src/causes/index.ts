// The registry of causes, in alphabetical order. Order has no meaning for judging.
import type { AnyCause } from '../model/cause.ts';

export const causes: readonly AnyCause[] = [];
