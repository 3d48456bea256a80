// One host, looked into twice: before and after the marked requests. One script, one round trip for each reading.
import { randomBytes } from 'node:crypto';

import type { Evidence, HostAccess, Vantage } from '../model/evidence.ts';
import { ProbeError } from '../model/probe.ts';
import type { HostProbe, ParseContext } from '../model/probe.ts';
import type { Paths, Site } from '../model/site.ts';
import { TransportError } from '../model/transport.ts';
import type { Transport } from '../model/transport.ts';
import type { HostSection } from '../probes/host-script.ts';
import type { Instruments } from './instruments.ts';

type Phase = 'before' | 'after';
type Failure = { readonly status: 'failed' | 'skipped'; readonly reason: string; readonly needs: string | null };
type Sample = { readonly ok: true; readonly value: unknown } | ({ readonly ok: false } & Failure);

/** Bytes of one snapshot that are kept; logs are capped far below by their own probe. */
const maxOutputBytes = 16 * 1024 * 1024;

export class HostReader {
  readonly name: string;
  readonly role: 'edge' | 'balancer' | 'backend';
  readonly #transport: Transport;
  readonly #paths: Paths;
  readonly #site: Site;
  readonly #run: string;
  readonly #instruments: Instruments;
  readonly #samples: Record<Phase, Map<string, Sample>> = { before: new Map(), after: new Map() };
  readonly #at: Record<Phase, string | null> = { before: null, after: null };
  readonly #needsRoot = new Set<string>();
  readonly #ended = new AbortController();
  #failure: { readonly reason: string; readonly hint: string } | null = null;
  #context: ParseContext;

  constructor(options: {
    name: string;
    role: HostReader['role'];
    transport: Transport;
    paths: Paths;
    site: Site;
    run: string;
    instruments: Instruments;
  }) {
    this.name = options.name;
    this.role = options.role;
    this.#transport = options.transport;
    this.#paths = options.paths;
    this.#site = options.site;
    this.#run = options.run;
    this.#instruments = options.instruments;
    this.#context = { host: this.name, role: this.role, site: this.#site, run: this.#run, sentAtMs: 0, receivedAtMs: 0 };
  }

  get access(): HostAccess {
    return {
      host: this.name,
      role: this.role,
      access: this.#failure === null ? 'ok' : 'failed',
      reason: this.#failure === null ? null : `${this.#failure.reason.replace(/\.+$/, '')}. ${this.#failure.hint}`,
    };
  }

  /** Whether the first reading has brought anything. */
  get answered(): boolean {
    return this.#samples.before.size > 0;
  }

  /** Ends a first reading that nobody waits for any more. */
  giveUp(): void {
    this.#failure ??= {
      reason: `${this.#transport.describe} did not answer in time`,
      hint: 'Look whether that host hangs; everything else was measured without it.',
    };
    this.#ended.abort();
  }

  /** Reads once. Never rejects: a host that cannot be read is evidence. */
  async read(phase: Phase, signal: AbortSignal, timeoutMs: number): Promise<void> {
    if (phase === 'after' && this.#failure !== null) return;
    const probes = this.#probes(phase);
    const token = randomBytes(12).toString('hex');
    const script = this.#instruments.composeHostScript(probes, phase, token);
    const sentAtMs = Date.now();
    this.#at[phase] = new Date(sentAtMs).toISOString();
    let sections: ReadonlyMap<string, HostSection>;
    try {
      const result = await this.#transport.sh(script, {
        signal: AbortSignal.any([signal, this.#ended.signal]),
        timeoutMs,
        maxOutputBytes,
        env: this.#environment(phase),
      });
      sections = this.#instruments.splitHostOutput(result.stdout, token);
      if (sections.size === 0) {
        this.#failure = {
          reason: `the script did not run: ${firstLine(result.stderr) || `exit ${result.code}`}`,
          hint: 'why5xx needs a POSIX shell as `sh` on that host',
        };
        return;
      }
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      // Sections that had arrived when one snippet hung or the connection broke are as good as any.
      sections = this.#instruments.splitHostOutput(error.partial?.stdout ?? '', token);
      if (sections.size === 0) {
        if (phase === 'before') this.#failure ??= { reason: error.message, hint: error.hint };
        return;
      }
    }
    this.#context = { ...this.#context, sentAtMs, receivedAtMs: Date.now() };
    for (const probe of probes) this.#samples[phase].set(probe.id, this.#parse(probe, sections.get(probe.id)));
  }

  #parse(probe: HostProbe, section: HostSection | undefined): Sample {
    if (section === undefined)
      return { ok: false, status: 'failed', reason: 'the host stopped answering before this was read', needs: null };
    for (const need of section.needsRoot) this.#needsRoot.add(need);
    try {
      return { ok: true, value: probe.parse(section.output, this.#context) };
    } catch (error) {
      if (!(error instanceof ProbeError)) throw error;
      const needs = error.needs ?? (section.needsRoot.length > 0 ? `root on ${this.name}: ${section.needsRoot.join(', ')}` : null);
      return { ok: false, status: error.status, reason: error.message, needs };
    }
  }

  /** All evidence of this host, ids still to be given. */
  evidence(): readonly Evidence[] {
    const vantage: Vantage = this.role;
    const out: unknown[] = [];
    for (const probe of this.#instruments.hostProbes) {
      if (!probe.roles.includes(this.role)) continue;
      const stamp = { id: '', probe: probe.id, host: this.name, vantage, at: this.#at.after ?? this.#at.before ?? '' };
      if (this.#failure !== null) {
        out.push({ ...stamp, status: 'failed', reason: this.#failure.reason, needs: this.#failure.hint });
        continue;
      }
      const before = this.#samples.before.get(probe.id);
      const after = this.#samples.after.get(probe.id);
      const last =
        probe.when === 'before' ? before : after?.ok === true ? after : probe.when === 'both' && before?.ok === true ? before : after;
      if (last === undefined) {
        out.push({ ...stamp, status: 'failed', reason: 'not read: the run ended before', needs: null });
      } else if (!last.ok) {
        out.push({ ...stamp, status: last.status, reason: last.reason, needs: last.needs });
      } else {
        const first = probe.when === 'both' && last !== before && before?.ok === true ? before.value : undefined;
        const data = probe.combine(first, last.value, this.#context);
        const withRoot = probe.id === 'host-facts' ? { ...data, withoutRoot: [...this.#needsRoot].toSorted() } : data;
        out.push({ ...stamp, status: 'ok', data: withRoot });
      }
    }
    return out as readonly Evidence[];
  }

  #probes(phase: Phase): readonly HostProbe[] {
    return this.#instruments.hostProbes.filter(
      (probe) => probe.roles.includes(this.role) && (probe.when === 'both' || probe.when === phase),
    );
  }

  #environment(phase: Phase): Readonly<Record<string, string>> {
    const logs = this.#samples.before.get('logs');
    return {
      W5_PHASE: phase,
      W5_RUN: this.#run,
      W5_MARKS: phase === 'after' && logs?.ok === true ? this.#instruments.marksOf(logs.value) : '',
      W5_NGINX_CONFIG: this.#paths.nginxConfig ?? '',
      W5_NGINX_ERROR_LOG: this.#paths.nginxErrorLog ?? '',
      W5_NGINX_ACCESS_LOG: this.#paths.nginxAccessLog ?? '',
      W5_HAPROXY_CONFIG: this.#paths.haproxyConfig ?? '',
      W5_HAPROXY_LOG: this.#paths.haproxyLog ?? '',
      W5_FPM_CONFIG: this.#paths.fpmConfig ?? '',
      W5_FPM_LOG: this.#paths.fpmLog ?? '',
    };
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]?.slice(0, 200) ?? '';
}
