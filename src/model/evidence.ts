// A piece of evidence is what one probe returned about one host, stamped with place and time; a bundle is all of one run.
import type { EvidenceMap, ProbeId } from './observations.ts';
import type { Site } from './site.ts';

export type Vantage = 'client' | 'edge' | 'balancer' | 'backend';

interface Stamp<Id extends ProbeId> {
  readonly id: string; // e1, e2 … in the order of gathering
  readonly probe: Id;
  /** The host it is about (name in the site file, or a client's name; `here` for this machine). */
  readonly host: string;
  readonly vantage: Vantage;
  readonly at: string; // ISO 8601 UTC
}

/** Evidence that was measured. */
export interface Measured<Id extends ProbeId = ProbeId> extends Stamp<Id> {
  readonly status: 'ok';
  readonly data: EvidenceMap[Id];
}

/** Evidence that could not be had, and why. `needs` is what would make it possible, for the reader. */
export interface Missing<Id extends ProbeId = ProbeId> extends Stamp<Id> {
  readonly status: 'failed' | 'skipped';
  readonly reason: string;
  readonly needs: string | null;
}

export type Evidence = { [Id in ProbeId]: Measured<Id> | Missing<Id> }[ProbeId];

/** What judges may know of the site file: no header values, no environment, no key material. */
export type SiteFacts = Omit<Site, 'requests' | 'ca'> & {
  readonly requests: readonly {
    readonly url: string;
    readonly method: string;
    readonly headerNames: readonly string[];
    readonly bodyBytes: number;
    readonly from: readonly string[] | null;
  }[];
};

/** How a host could be looked into in this run. */
export interface HostAccess {
  readonly host: string;
  readonly role: 'client' | 'edge' | 'balancer' | 'backend';
  /** `none` where the site file gives no way in. */
  readonly access: 'ok' | 'failed' | 'none';
  readonly reason: string | null;
}

export interface Bundle {
  readonly schema: 'why5xx/bundle@1';
  readonly tool: string;
  readonly startedAt: string;
  readonly tookMs: number;
  readonly run: string; // the nonce's first part
  readonly site: SiteFacts;
  readonly hosts: readonly HostAccess[];
  readonly evidence: readonly Evidence[];
}
