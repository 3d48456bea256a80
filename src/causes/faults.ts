// The registry of faults: what the lab can break for real, one per cause.
import type { Fault } from '../model/fault.ts';
import { backendProcessDownFault } from './backend-process-down/fault.ts';
import { bandwidthSaturatedFault } from './bandwidth-saturated/fault.ts';
import { clientIpBlockedFault } from './client-ip-blocked/fault.ts';
import { cpuSaturatedFault } from './cpu-saturated/fault.ts';
import { ddosForwardingRuleMissingFault } from './ddos-forwarding-rule-missing/fault.ts';
import { diskFullFault } from './disk-full/fault.ts';
import { firewallDropsLbRangeFault } from './firewall-drops-lb-range/fault.ts';
import { firewallRejectsLbRangeFault } from './firewall-rejects-lb-range/fault.ts';
import { fpmDownStaticHealthOkFault } from './fpm-down-static-health-ok/fault.ts';
import { fpmMaxChildrenFault } from './fpm-max-children/fault.ts';
import { fpmSocketPathMismatchFault } from './fpm-socket-path-mismatch/fault.ts';
import { fpmSocketPermissionFault } from './fpm-socket-permission/fault.ts';
import { fpmTerminateTimeoutFault } from './fpm-terminate-timeout/fault.ts';
import { hairpinLoopFault } from './hairpin-loop/fault.ts';
import { headerTooLargeRequestFault } from './header-too-large-request/fault.ts';
import { headerTooLargeResponseFault } from './header-too-large-response/fault.ts';
import { healthCheckDisabledFault } from './health-check-disabled/fault.ts';
import { healthCheckWrongHostOrMethodFault } from './health-check-wrong-host-or-method/fault.ts';
import { healthCheckWrongStatusFault } from './health-check-wrong-status/fault.ts';
import { icpBlockPageFault } from './icp-block-page/fault.ts';
import { ispBlockFault } from './isp-block/fault.ts';
import { phpFatalErrorFault } from './php-fatal-error/fault.ts';
import { rpFilterStrictL4Fault } from './rp-filter-strict-l4/fault.ts';
import { upstreamReadTimeoutFault } from './upstream-read-timeout/fault.ts';

export const faults: readonly Fault[] = [
  backendProcessDownFault,
  bandwidthSaturatedFault,
  clientIpBlockedFault,
  cpuSaturatedFault,
  ddosForwardingRuleMissingFault,
  diskFullFault,
  firewallDropsLbRangeFault,
  firewallRejectsLbRangeFault,
  fpmDownStaticHealthOkFault,
  fpmMaxChildrenFault,
  fpmSocketPathMismatchFault,
  fpmSocketPermissionFault,
  fpmTerminateTimeoutFault,
  hairpinLoopFault,
  headerTooLargeRequestFault,
  headerTooLargeResponseFault,
  healthCheckDisabledFault,
  healthCheckWrongHostOrMethodFault,
  healthCheckWrongStatusFault,
  icpBlockPageFault,
  ispBlockFault,
  phpFatalErrorFault,
  rpFilterStrictL4Fault,
  upstreamReadTimeoutFault,
];
