// What the engine measures with. Probes and requesters are passed in, so that the engine never depends on how they work.
import type { ConnectAttempt, DnsAnswer, ProbeId, TlsSession } from '../model/observations.ts';
import type { HostProbe } from '../model/probe.ts';
import type { Transport } from '../model/transport.ts';
import type { Requester } from '../probes/client/requester.ts';
import type { HostSection } from '../probes/host-script.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Instruments {
  readonly hostProbes: readonly HostProbe[];
  composeHostScript(probes: readonly HostProbe[], phase: 'before' | 'after', token: string): string;
  splitHostOutput(stdout: string, token: string): ReadonlyMap<ProbeId, HostSection>;
  /** Where log files stood at the first reading, for the second one. */
  marksOf(sample: unknown): string;
  /** `transport` null: this machine. */
  openRequester(from: string, transport: Transport | null): Requester;
  resolveName(name: string, options: { readonly resolve: Readonly<Record<string, string>>; readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<readonly DnsAnswer[]>;
  connectTo(target: Address & Pick<ConnectAttempt, 'door' | 'target'>, options: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<ConnectAttempt>;
  inspectTls(target: Address & { readonly target: string | null; readonly serverName: string | null; readonly ca: string | null }, options: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<TlsSession>;
}
