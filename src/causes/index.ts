// The registry of causes, in alphabetical order. Order has no meaning for judging.
import type { AnyCause } from '../model/cause.ts';
import { backendProcessDown } from './backend-process-down/cause.ts';
import { bandwidthSaturated } from './bandwidth-saturated/cause.ts';
import { clientIpBlocked } from './client-ip-blocked/cause.ts';
import { cpuSaturated } from './cpu-saturated/cause.ts';
import { ddosForwardingRuleMissing } from './ddos-forwarding-rule-missing/cause.ts';
import { diskFull } from './disk-full/cause.ts';
import { firewallDropsLbRange } from './firewall-drops-lb-range/cause.ts';
import { firewallRejectsLbRange } from './firewall-rejects-lb-range/cause.ts';
import { fpmDownStaticHealthOk } from './fpm-down-static-health-ok/cause.ts';
import { fpmMaxChildren } from './fpm-max-children/cause.ts';
import { fpmSocketPathMismatch } from './fpm-socket-path-mismatch/cause.ts';
import { fpmSocketPermission } from './fpm-socket-permission/cause.ts';
import { fpmTerminateTimeout } from './fpm-terminate-timeout/cause.ts';
import { hairpinLoop } from './hairpin-loop/cause.ts';
import { headerTooLargeRequest } from './header-too-large-request/cause.ts';
import { headerTooLargeResponse } from './header-too-large-response/cause.ts';
import { healthCheckDisabled } from './health-check-disabled/cause.ts';
import { healthCheckWrongHostOrMethod } from './health-check-wrong-host-or-method/cause.ts';
import { healthCheckWrongStatus } from './health-check-wrong-status/cause.ts';
import { icpBlockPage } from './icp-block-page/cause.ts';
import { ispBlock } from './isp-block/cause.ts';
import { phpFatalError } from './php-fatal-error/cause.ts';
import { rpFilterStrictL4 } from './rp-filter-strict-l4/cause.ts';
import { upstreamReadTimeout } from './upstream-read-timeout/cause.ts';

export const causes: readonly AnyCause[] = [
  backendProcessDown,
  bandwidthSaturated,
  clientIpBlocked,
  cpuSaturated,
  ddosForwardingRuleMissing,
  diskFull,
  firewallDropsLbRange,
  firewallRejectsLbRange,
  fpmDownStaticHealthOk,
  fpmMaxChildren,
  fpmSocketPathMismatch,
  fpmSocketPermission,
  fpmTerminateTimeout,
  hairpinLoop,
  headerTooLargeRequest,
  headerTooLargeResponse,
  healthCheckDisabled,
  healthCheckWrongHostOrMethod,
  healthCheckWrongStatus,
  icpBlockPage,
  ispBlock,
  phpFatalError,
  rpFilterStrictL4,
  upstreamReadTimeout,
];
