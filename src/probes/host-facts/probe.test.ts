// The snippet run for real, its numbers held against what the kernel was made to do.
import { describe } from 'vitest';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { hostFacts } from './probe.ts';

describe('everywhere', () => survivesEverywhere(hostFacts));
