// Runs the snippet of a host probe for real, the way a run does it, and parses what it printed.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { EvidenceMap, ProbeId } from '../../model/observations.ts';
import type { HostProbe, ParseContext } from '../../model/probe.ts';
import { siteSchema } from '../../model/site.ts';
import { composeHostScript, splitHostOutput } from '../host-script.ts';

/** Where and how to run it. */
export interface Where {
  /** Words before the shell: a namespace's prefix, setpriv … */
  readonly prefix?: readonly string[];
  /** Default `sh`. */
  readonly shell?: readonly string[];
  /** Replaces PATH, to see what happens without a tool. */
  readonly path?: string;
  readonly phase?: 'before' | 'after';
  readonly env?: Readonly<Record<string, string>>;
}

/** What the snippet printed, and what it said root would add. */
export interface Reading {
  readonly output: string;
  readonly exit: number | null;
  readonly needsRoot: readonly string[];
  readonly context: ParseContext;
}

const site = siteSchema.parse({ why5xx: 1, url: 'http://shop.example.com/' });

/** Facts for parsers of tests. */
export function contextAt(sentAtMs: number, receivedAtMs: number): ParseContext {
  return { host: 'web-1', role: 'backend', site, run: '0123456789ab', sentAtMs, receivedAtMs };
}

/** Runs one snippet within the composed script. Rejects where the script did not reach it. */
export async function readProbe<Id extends ProbeId, Sample>(probe: HostProbe<Id, Sample>, where: Where = {}): Promise<Reading> {
  const token = randomBytes(16).toString('hex');
  const assignments = Object.entries(where.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const script = composeHostScript([probe], where.phase ?? (probe.when === 'before' ? 'before' : 'after'), token).replace(
    /^PATH=.*$/m,
    (line) => (where.path === undefined ? line : `PATH=${where.path}`),
  );
  const sentAtMs = Date.now();
  const stdout = await new Promise<string>((resolve, reject) => {
    const [program = '', ...args]: readonly string[] = [
      ...(where.prefix ?? []),
      ...(assignments.length > 0 ? ['env', ...assignments] : []),
      ...(where.shell ?? ['sh']),
      '-s',
    ];
    const child = execFile(program, args, { timeout: 20_000, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) =>
      error && out === '' ? reject(new Error(`${error.message} ${err}`)) : resolve(out),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(script);
  });
  const section = splitHostOutput(stdout, token).get(probe.id);
  if (!section) throw new Error(`the script did not reach ${probe.id}: ${stdout.slice(0, 400)}`);
  return { output: section.output, exit: section.exit, needsRoot: section.needsRoot, context: contextAt(sentAtMs, Date.now()) };
}

/** One reading made into evidence, as if it were the second one without a first. */
export async function measure<Id extends ProbeId, Sample>(probe: HostProbe<Id, Sample>, where: Where = {}): Promise<EvidenceMap[Id]> {
  const reading = await readProbe(probe, where);
  return probe.combine(undefined, probe.parse(reading.output, reading.context), reading.context);
}

/** Reads, does something, reads again. */
export async function measureAround<Id extends ProbeId, Sample>(
  probe: HostProbe<Id, Sample>,
  action: () => Promise<unknown>,
  where: Where = {},
): Promise<EvidenceMap[Id]> {
  const before = await readProbe(probe, { ...where, phase: 'before' });
  await action();
  const after = await readProbe(probe, where);
  return probe.combine(probe.parse(before.output, before.context), probe.parse(after.output, after.context), after.context);
}

/** A user without any right: `nobody`, all groups dropped. Only where the test itself runs as root. */
export const asNobody: readonly string[] =
  process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'] : [];
