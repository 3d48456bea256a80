// What the engine measures with. Probes and requesters are passed in, so that the engine never depends on how they work.
import type { HostProbe } from '../model/probe.ts';
import type { Transport } from '../model/transport.ts';
import type { connectAll } from '../probes/client/connect.ts';
import type { resolveNames } from '../probes/client/dns.ts';
import type { Requester } from '../probes/client/requester.ts';
import type { inspectTls } from '../probes/client/tls.ts';
import type { composeHostScript, splitHostOutput } from '../probes/host-script.ts';

/** One value of this type holds all that touches the outside. */
export interface Instruments {
  readonly hostProbes: readonly HostProbe[];
  readonly composeHostScript: typeof composeHostScript;
  readonly splitHostOutput: typeof splitHostOutput;
  /** Where log files stood at the first reading, for the second one. */
  readonly marksOf: (sample: unknown) => string;
  /** `transport` null: this machine. */
  readonly openRequester: (from: string, transport: Transport | null) => Requester;
  readonly resolveNames: typeof resolveNames;
  readonly connectAll: typeof connectAll;
  readonly inspectTls: typeof inspectTls;
}
