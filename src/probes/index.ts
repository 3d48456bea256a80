// The registry of probes. A probe is one import and one line here; its id and data are in model/observations.ts.
import type { Instruments } from '../engine/instruments.ts';
import type { ProbeId } from '../model/observations.ts';
import type { HostProbe } from '../model/probe.ts';
import { cgroups } from './cgroups/probe.ts';
import { connectAll } from './client/connect.ts';
import { resolveNames } from './client/dns.ts';
import { openRequester } from './client/requester.ts';
import { inspectTls } from './client/tls.ts';
import { connections } from './connections/probe.ts';
import { conntrack } from './conntrack/probe.ts';
import { disks } from './disks/probe.ts';
import { fileDescriptors } from './file-descriptors/probe.ts';
import { firewall } from './firewall/probe.ts';
import { fpm } from './fpm/probe.ts';
import { haproxyConfig } from './haproxy-config/probe.ts';
import { haproxyStat } from './haproxy-stat/probe.ts';
import { hostFacts } from './host-facts/probe.ts';
import { composeHostScript, splitHostOutput } from './host-script.ts';
import { interfaces } from './interfaces/probe.ts';
import { kernelLog } from './kernel-log/probe.ts';
import { listeners } from './listeners/probe.ts';
import { logs, marksOf } from './logs/probe.ts';
import type { LogSample } from './logs/probe.ts';
import { netCounters } from './net-counters/probe.ts';
import { nginxConfig } from './nginx-config/probe.ts';
import { pressure } from './pressure/probe.ts';
import { processes } from './processes/probe.ts';
import { routes } from './routes/probe.ts';
import { socketFiles } from './socket-files/probe.ts';
import { sysctls } from './sysctls/probe.ts';

/** In the order in which a host's script runs them: what changes fastest first. */
const registered = [
  listeners,
  processes,
  connections,
  fpm,
  haproxyStat,
  pressure,
  netCounters,
  interfaces,
  cgroups,
  conntrack,
  firewall,
  fileDescriptors,
  hostFacts,
  sysctls,
  routes,
  disks,
  nginxConfig,
  haproxyConfig,
  socketFiles,
  kernelLog,
  logs,
];

/** A probe that has a shape in the model but no line above is a compile error: its judges would stay silent for ever. */
type Outside = 'dns' | 'connect' | 'tls' | 'requests' | 'backend-requests';
type Forgotten = Exclude<ProbeId, Outside | (typeof registered)[number]['id']>;
const complete: [Forgotten] extends [never] ? true : Forgotten = true;

export const hostProbes = (complete ? registered : []) as unknown as readonly HostProbe[];

export const instruments: Instruments = {
  hostProbes,
  composeHostScript,
  splitHostOutput,
  marksOf: (sample) => marksOf(sample as LogSample),
  openRequester,
  resolveNames,
  connectAll,
  inspectTls,
};
