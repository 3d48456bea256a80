// From what the user named (a site file, a URL, a saved bundle) to a bundle and its report. Commands differ only in what they do with it.
import { readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';

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
import { maxFileBytes } from '../site/read-file.ts';
import { readSite } from '../site/read-site.ts';
import { openTransport } from '../transport/open.ts';
import { nearest } from '../model/nearest.ts';
import { checkWritable, reasonOf, writeWhole } from './output-file.ts';
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

/** The whole catalogue. Loaded late: it is half of the code, and connections can be opened meanwhile. */
async function everyCause(): Promise<readonly AnyCause[]> {
  return (await import('../causes/index.ts')).causes;
}

/** The causes that `--only` and `--skip` leave; unknown ids are a UserError that names the nearest known one. */
async function chosenCauses(only: readonly string[] | null, skip: readonly string[]): Promise<readonly AnyCause[]> {
  const allCauses = await everyCause();
  const known = new Set(allCauses.map((each) => each.id));
  for (const id of [...(only ?? []), ...skip]) {
    if (known.has(id)) continue;
    const close = nearest(id, [...known]);
    throw new UserError(
      'unknown-cause',
      `there is no cause "${id}"`,
      close === null ? 'See `why5xx causes`.' : `Did you mean ${close}? See \`why5xx causes\`.`,
    );
  }
  return allCauses.filter((each) => (only === null || only.includes(each.id)) && !skip.includes(each.id));
}

/** Diagnoses a site now. */
export async function diagnoseInput(
  input: string,
  options: DiagnosisOptions,
): Promise<{ readonly bundle: Bundle; readonly report: Report; readonly closed: Promise<void> }> {
  // A mistake in an id is told before anything is sent.
  const chosen = options.only === null && options.skip.length === 0 ? null : await chosenCauses(options.only, options.skip);
  const causes = async (): Promise<readonly AnyCause[]> => chosen ?? (await everyCause());
  if (options.save !== null) checkWritable(options.save);
  const {
    site: read,
    secrets,
    ca,
  } = await readSite(input, {
    env: process.env,
    ...(input === '-' ? { fileName: 'standard input', readFile: () => firstBytes(process.stdin, maxFileBytes + 1) } : {}),
  });
  const site = options.budget === null ? read : { ...read, limits: { ...read.limits, requests: options.budget } };
  const clients = ['here', ...site.clients.map((each) => each.name)];
  for (const name of options.from ?? []) {
    if (!clients.includes(name))
      throw new UserError('unknown-client', `the site file has no client "${name}"`, `Known clients: ${clients.join(', ')}.`);
  }
  const { bundle, closed } = await diagnose({
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
  if (options.signal.aborted) await closed;
  if (options.signal.aborted)
    throw new UserError('interrupted', 'interrupted before there was a verdict', 'Run it again; nothing was left behind on any host.');
  // For its owner only: it is redacted, but it still describes the inside of a site.
  if (options.save !== null) await writeWhole(options.save, writeBundle(bundle), 0o600);
  return { bundle, report: judgeBundle(bundle, await causes(), options.language), closed };
}

/** Reads a saved bundle and judges it again. */
export async function judgeFile(path: string, options: Pick<DiagnosisOptions, 'language' | 'only' | 'skip'>): Promise<Report> {
  const causes = await chosenCauses(options.only, options.skip);
  return judgeText(await readText(path), path, causes, options.language);
}

function judgeText(text: string, path: string, causes: readonly AnyCause[], language: Language): Report {
  const bundle = parseBundle(text, path);
  try {
    return judgeBundle(bundle, causes, language);
  } catch (error) {
    // The envelope is checked, the data of every probe is not: a file that somebody edited can be wrong in any place.
    throw new UserError(
      'bundle-damaged',
      `${path} cannot be judged: its evidence is not as why5xx ${version} writes it (${error instanceof Error ? error.message : String(error)})`,
      `If --save of why5xx ${bundle.tool} wrote this very file, please report it as a bug, with the file.`,
      { cause: error },
    );
  }
}

/** The report for whatever the user named: a report or bundle in a file is used as it is, a site file or URL is diagnosed now. */
export async function reportFor(
  input: string,
  run: { readonly language: Language; readonly signal: AbortSignal; progress(step: string): void },
): Promise<Report> {
  if (input.endsWith('.json')) {
    const text = await readText(input);
    return parseReport(text) ?? judgeText(text, input, await everyCause(), run.language);
  }
  const everything = { from: null, only: null, skip: [], budget: null, save: null };
  const { report, closed } = await diagnoseInput(input, { ...everything, ...run, progress: (step) => run.progress(step) });
  await closed;
  return report;
}

/** Larger than any bundle of a run; more would only fill the memory. */
const maxBundleBytes = 512 * 1024 * 1024;

async function readText(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (found.isFile() && found.size > maxBundleBytes) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
    if (found.isCharacterDevice() || found.isBlockDevice()) throw Object.assign(new Error('not a file'), { code: 'EFTYPE' });
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UserError('not-readable', `cannot read ${path}: ${reasonOf(error)}`, 'Name a file that `why5xx … --save FILE` wrote.', {
      cause: error,
    });
  }
}

/** What a stream brings, up to a limit: input without an end must not fill the memory. */
async function firstBytes(stream: Readable, limitBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= limitBytes) break;
  }
  return Buffer.concat(chunks);
}

/** 0 healthy, 1 cause found, 3 failing without a proven cause. */
export function exitCodeOf(report: Report): 0 | 1 | 3 {
  return report.outcome === 'healthy' ? 0 : report.outcome === 'cause-found' ? 1 : 3;
}
