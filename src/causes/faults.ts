// The registry of faults: what the lab can break for real, one per cause.
import type { Fault } from '../model/fault.ts';
import { firewallDropsLbRangeFault } from './firewall-drops-lb-range/fault.ts';
import { firewallRejectsLbRangeFault } from './firewall-rejects-lb-range/fault.ts';
import { fpmDownStaticHealthOkFault } from './fpm-down-static-health-ok/fault.ts';
import { fpmMaxChildrenFault } from './fpm-max-children/fault.ts';
import { fpmSocketPathMismatchFault } from './fpm-socket-path-mismatch/fault.ts';
import { fpmSocketPermissionFault } from './fpm-socket-permission/fault.ts';
import { fpmTerminateTimeoutFault } from './fpm-terminate-timeout/fault.ts';
import { upstreamReadTimeoutFault } from './upstream-read-timeout/fault.ts';

export const faults: readonly Fault[] = [
  firewallDropsLbRangeFault,
  firewallRejectsLbRangeFault,
  fpmDownStaticHealthOkFault,
  fpmMaxChildrenFault,
  fpmSocketPathMismatchFault,
  fpmSocketPermissionFault,
  fpmTerminateTimeoutFault,
  upstreamReadTimeoutFault,
];
