// The registry of probes. A probe is one import and one line here; its id and data are in model/observations.ts.
import type { Instruments } from '../engine/instruments.ts';
import type { HostProbe } from '../model/probe.ts';
import { connectAll } from './client/connect.ts';
import { resolveNames } from './client/dns.ts';
import { openRequester } from './client/requester.ts';
import { inspectTls } from './client/tls.ts';
import { firewall } from './firewall/probe.ts';
import { fpm } from './fpm/probe.ts';
import { haproxyConfig } from './haproxy-config/probe.ts';
import { haproxyStat } from './haproxy-stat/probe.ts';
import { composeHostScript, splitHostOutput } from './host-script.ts';
import { listeners } from './listeners/probe.ts';
import { logs, marksOf } from './logs/probe.ts';
import type { LogSample } from './logs/probe.ts';
import { nginxConfig } from './nginx-config/probe.ts';
import { processes } from './processes/probe.ts';
import { routes } from './routes/probe.ts';
import { socketFiles } from './socket-files/probe.ts';

/** In the order in which a host's script runs them: what changes fastest first. */
export const hostProbes = [listeners, processes, fpm, haproxyStat, firewall, routes, nginxConfig, haproxyConfig, socketFiles, logs] as unknown as readonly HostProbe[];

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
