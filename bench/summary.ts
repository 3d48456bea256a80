// Adds up rows of the accuracy bench. As a program, `node bench/summary.ts OUT.json PART.json…` joins the results of several runs into one.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

import type { Access, Row } from './run-fault.ts';

interface Part {
  readonly date: string;
  readonly options: unknown;
  readonly minutes: number;
  readonly problems: readonly string[];
  readonly rows: readonly Row[];
}

function share(list: readonly Row[], good: (row: Row) => boolean): string {
  const count = list.filter(good).length;
  return list.length === 0 ? '-' : `${count}/${list.length} (${((100 * count) / list.length).toFixed(1)} %)`;
}

/** Nearest rank; 0 for an empty list. */
function percentile(list: readonly number[], p: number): number {
  return list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor((list.length * p) / 100))] ?? 0;
}

/** What the issue of accuracy asks for: shares by access, wrong convictions, time beyond the slowest failing request. */
export function summarise(rows: readonly Row[]): { readonly date: string; readonly [figure: string]: unknown } {
  const faulty = rows.filter((row) => row.truth !== null);
  const by = (access: Access): readonly Row[] => faulty.filter((row) => row.access === access);
  const controls = rows.filter((row) => row.truth === null);
  const beyond = by('full').map((row) => row.beyondMs);
  return {
    date: new Date().toISOString(),
    machine: { cpus: cpus().length, cpu: cpus()[0]?.model ?? '', memoryGiB: Math.round(totalmem() / 1024 ** 3), node: process.version },
    full: {
      right: share(by('full'), (row) => row.right),
      confirmed: share(by('full'), (row) => row.right && row.verdict?.certainty === 'confirmed'),
    },
    backends: { right: share(by('backends'), (row) => row.right) },
    client: { right: share(by('client'), (row) => row.right), place: share(by('client'), (row) => row.placeRight) },
    wrongConfirmed: faulty.filter((row) => row.wrongConfirmed).length,
    controls: {
      healthy: share(
        controls.filter((row) => row.fault.startsWith('control:')),
        (row) => row.right,
      ),
      healed: share(
        controls.filter((row) => row.fault.startsWith('healed:')),
        (row) => row.right,
      ),
      wrongConvictions: controls.filter((row) => row.verdict !== null).length,
    },
    beyondSlowestFailureMs: { p50: percentile(beyond, 50), p95: percentile(beyond, 95), max: Math.max(0, ...beyond) },
  };
}

if (import.meta.main) {
  const [out = '', ...files] = process.argv.slice(2);
  const parts = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Part);
  const rows = parts.flatMap((part) => part.rows);
  const runs = parts.map(({ date, options, minutes, problems }) => ({ date, options, minutes, problems }));
  const summary = summarise(rows);
  console.log(JSON.stringify(summary, null, 2));
  for (const row of rows.filter((each) => !each.right)) console.log(JSON.stringify(row));
  writeFileSync(out, `${JSON.stringify({ ...summary, runs, rows }, null, 1)}\n`);
}
