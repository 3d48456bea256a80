// The registry of rules: every cause that logs can show. Order has no meaning for judging.
import type { LogRule } from '../rule.ts';
import { applicationRules } from './application.ts';
import { balancerRules } from './balancer.ts';
import { edgeRules } from './edge.ts';
import { limitRules } from './limits.ts';
import { networkRules } from './network.ts';
import { phpRules } from './php.ts';
import { upstreamRules } from './upstream.ts';

export const logRules: readonly LogRule[] = [
  ...networkRules,
  ...limitRules,
  ...balancerRules,
  ...upstreamRules,
  ...phpRules,
  ...applicationRules,
  ...edgeRules,
];
