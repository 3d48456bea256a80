// Breaks a lab site, asks the real CLI, heals it, asks again. The truth comes from the fault's own definition; the answer comes from
// the CLI's JSON alone. Shared by the accuracy bench and by the tests.
import { readFileSync, writeFileSync } from 'node:fs';

import { isMap, isSeq, parseDocument } from 'yaml';

import { causes } from '../src/causes/index.ts';
import type { Layer } from '../src/model/finding.ts';
import type { BalancerEngine, Fault, FaultVariant, LabLayer } from '../src/model/fault.ts';
import { reportSchema } from '../src/model/report.ts';
import type { Report } from '../src/model/report.ts';
import type { LabWorld } from '../test/lab/world.ts';

export const accesses = ['full', 'backends', 'client'] as const;
export type Access = (typeof accesses)[number];

/** One run of the CLI against one truth. */
export interface Row {
  readonly fault: string; // cause:variant, or control:NAME
  readonly balancer: BalancerEngine;
  readonly layer: LabLayer;
  readonly access: Access;
  readonly truth: { readonly id: string; readonly host: string | null } | null;
  readonly exit: number | null;
  readonly outcome: string;
  readonly verdict: { readonly id: string; readonly host: string | null; readonly certainty: string } | null;
  /** Further causes that the report names beside the first. */
  readonly others: readonly string[];
  readonly right: boolean;
  /** A cause that is named as confirmed and is not the truth. */
  readonly wrongConfirmed: boolean;
  /** Where the report says the failure lies, as far as can be told from outside: edge, balancer, backend … */
  readonly place: string | null;
  readonly placeRight: boolean;
  readonly wallMs: number;
  /** Slowest failing request of the run: nobody can be faster than that. */
  readonly slowestFailingMs: number;
  readonly beyondMs: number;
  readonly message: string | null;
}

/** The part of the way a layer belongs to: what an outsider can tell, and whom to call. */
export function placeOf(layer: Layer | null): string | null {
  if (layer === null) return null;
  if (layer === 'client-network' || layer === 'dns' || layer === 'edge' || layer === 'balancer') return layer;
  return 'backend';
}

export function applies(variant: FaultVariant, balancer: BalancerEngine, layer: LabLayer): boolean {
  return (variant.balancers?.includes(balancer) ?? true) && (variant.layers?.includes(layer) ?? true);
}

/** Asks the CLI. `fault` null: the site is healthy, and anything but `healthy` is wrong. */
export async function ask(
  lab: LabWorld,
  setting: {
    readonly name: string;
    readonly balancer: BalancerEngine;
    readonly layer: LabLayer;
    readonly access: Access;
    readonly ssh?: boolean;
    /** Hosts that may be looked into; absent: all that the access allows. */
    readonly inside?: readonly string[];
  },
  truth: { readonly fault: Fault; readonly variant: FaultVariant } | null,
  save?: string,
): Promise<{ readonly row: Row; readonly report: Report | null }> {
  const ssh = setting.ssh === true;
  const site = await lab.siteFile('--access', setting.access, ...(ssh ? ['--ssh'] : []));
  if (setting.inside !== undefined) keepInside(site, setting.inside);
  const env = ssh ? await lab.sshEnvironment() : {};
  const ran = await lab.cli([site, '-o', 'json', '--quiet', '--lang', 'en', ...(save === undefined ? [] : ['--save', save])], {
    timeoutMs: 150_000,
    env,
  });
  const parsed = parse(ran.stdout);
  const first = parsed?.causes[0] ?? null;
  const expected = truth === null ? null : { id: truth.fault.cause, host: truth.variant.host };
  const right =
    expected === null ? parsed?.outcome === 'healthy' && ran.code === 0 : first?.id === expected.id && first.host === expected.host;
  const layerOfTruth = expected === null ? null : (truth?.variant.layer ?? causes.find((each) => each.id === expected.id)?.layer ?? null);
  const place = placeOf(first?.layer ?? parsed?.suspectedLayer ?? null);
  const slowestFailingMs = Math.max(0, ...(parsed?.symptoms.map((each) => each.maxMs) ?? []));
  const row: Row = {
    fault: setting.name,
    balancer: setting.balancer,
    layer: setting.layer,
    access: setting.access,
    truth: expected,
    exit: ran.code,
    outcome: parsed?.outcome ?? 'no report',
    verdict: first === null ? null : { id: first.id, host: first.host, certainty: first.certainty },
    others: parsed?.causes.slice(1).map((each) => `${each.id}@${each.host ?? '-'}`) ?? [],
    right,
    wrongConfirmed:
      parsed?.causes.some(
        (each) =>
          each.certainty === 'confirmed' &&
          (expected === null || each.id !== expected.id || (each.host !== expected.host && expected.host !== null)),
      ) ?? false,
    place,
    placeRight: expected === null ? place === null : place === placeOf(layerOfTruth),
    wallMs: Math.round(ran.tookMs),
    slowestFailingMs,
    beyondMs: Math.round(ran.tookMs) - slowestFailingMs,
    message: parsed === null ? ran.stderr.slice(0, 500) : null,
  };
  return { row, report: parsed };
}

/** Takes the way in from every host that is not named, and the clients that are not. */
function keepInside(file: string, names: readonly string[]): void {
  const document = parseDocument(readFileSync(file, 'utf8'));
  const hosts = ['edge', 'backends'].flatMap((key) => {
    const list = document.get(key);
    return isSeq(list) ? list.items : [];
  });
  for (const host of [...hosts, document.get('balancer')]) {
    if (isMap(host) && !names.includes(String(host.get('name')))) host.delete('exec');
  }
  const clients = document.get('clients');
  if (isSeq(clients)) clients.items = clients.items.filter((each) => isMap(each) && names.includes(String(each.get('name'))));
  writeFileSync(file, document.toString());
}

function parse(text: string): Report | null {
  try {
    const checked = reportSchema.safeParse(JSON.parse(text));
    return checked.success ? checked.data : null;
  } catch {
    return null;
  }
}
