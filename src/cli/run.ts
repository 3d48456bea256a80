// From what the user named (a site file, a URL, a saved bundle) to a bundle and its report. Commands differ only in what they do with it.
import { readFile, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { causes as allCauses } from '../causes/index.ts';
import { parseBundle, writeBundle } from '../engine/bundle.ts';
import { diagnose } from '../engine/diagnose.ts';
import { judgeBundle } from '../engine/report.ts';
import type { AnyCause } from '../model/cause.ts';
import { UserError } from '../model/errors.ts';
import type { Bundle } from '../model/evidence.ts';
import type { Report } from '../model/report.ts';
import type { Language } from '../model/text.ts';
import { instruments } from '../probes/index.ts';
import { parseReport } from '../report/json.ts';
import { factsOf } from '../site/facts.ts';
import { readSite } from '../site/read-site.ts';
import { openTransport } from '../transport/open.ts';
import { nearest } from '../model/nearest.ts';
import { version } from './version.ts';

export interface DiagnosisOptions {
  readonly language: Language;
  /** Clients that send; null: all of them. */
  readonly from: readonly string[] | null;
  /** Ids of causes to judge; null: all. */
  readonly only: readonly string[] | null;
  readonly skip: readonly string[];
  /** Requests that the run may send; null: what the site file says. */
  readonly budget: number | null;
  /** Where to write the bundle; null: nowhere. */
  readonly save: string | null;
  readonly signal: AbortSignal;
  progress(step: string): void;
}

/** The causes that `--only` and `--skip` leave; unknown ids are a UserError that names the nearest known one. */
export function chosenCauses(only: readonly string[] | null, skip: readonly string[]): readonly AnyCause[] {
  const known = new Set(allCauses.map((each) => each.id));
  for (const id of [...(only ?? []), ...skip]) {
    if (known.has(id)) continue;
    const close = nearest(id, [...known]);
    throw new UserError('unknown-cause', `there is no cause "${id}"`, close === null ? 'See `why5xx causes`.' : `Did you mean ${close}? See \`why5xx causes\`.`);
  }
  return allCauses.filter((each) => (only === null || only.includes(each.id)) && !skip.includes(each.id));
}

/** Diagnoses a site now. */
export async function diagnoseInput(input: string, options: DiagnosisOptions): Promise<{ readonly bundle: Bundle; readonly report: Report }> {
  const causes = chosenCauses(options.only, options.skip);
  const { site: read, secrets, ca } = await readSite(input, {
    env: process.env,
    ...(input === '-' ? { fileName: 'standard input', readFile: () => buffer(process.stdin) } : {}),
  });
  const site = options.budget === null ? read : { ...read, limits: { ...read.limits, requests: options.budget } };
  const clients = ['here', ...site.clients.map((each) => each.name)];
  for (const name of options.from ?? []) {
    if (!clients.includes(name)) throw new UserError('unknown-client', `the site file has no client "${name}"`, `Known clients: ${clients.join(', ')}.`);
  }
  const bundle = await diagnose({
    site,
    facts: factsOf(site),
    ca,
    secrets,
    version,
    instruments,
    openTransport: (exec) => openTransport(exec),
    from: options.from,
    signal: options.signal,
    progress: options.progress,
    causes,
  });
  if (options.signal.aborted) throw new UserError('interrupted', 'interrupted before there was a verdict', 'Run it again; nothing was left behind on any host.');
  if (options.save !== null) await saveBundle(bundle, options.save);
  return { bundle, report: judgeBundle(bundle, causes, options.language) };
}

async function saveBundle(bundle: Bundle, path: string): Promise<void> {
  try {
    await writeFile(path, writeBundle(bundle), { mode: 0o600 });
  } catch (error) {
    throw new UserError('not-writable', `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`, 'Choose another file for --save.');
  }
}

/** Reads a saved bundle and judges it again. */
export async function judgeFile(path: string, options: Pick<DiagnosisOptions, 'language' | 'only' | 'skip'>): Promise<Report> {
  const causes = chosenCauses(options.only, options.skip);
  return judgeBundle(parseBundle(await readText(path), path), causes, options.language);
}

/** The report for whatever the user named: a report or bundle in a file is used as it is, a site file or URL is diagnosed now. */
export async function reportFor(input: string, run: { readonly language: Language; readonly signal: AbortSignal; progress(step: string): void }): Promise<Report> {
  if (input.endsWith('.json')) {
    const text = await readText(input);
    return parseReport(text) ?? judgeBundle(parseBundle(text, input), allCauses, run.language);
  }
  const everything = { from: null, only: null, skip: [], budget: null, save: null };
  return (await diagnoseInput(input, { ...everything, language: run.language, signal: run.signal, progress: (step) => run.progress(step) })).report;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UserError('not-readable', `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, 'Check the path.');
  }
}

/** 0 healthy, 1 cause found, 3 failing without a proven cause. */
export function exitCodeOf(report: Report): 0 | 1 | 3 {
  return report.outcome === 'healthy' ? 0 : report.outcome === 'cause-found' ? 1 : 3;
}
