// The bench of public cases: lines quoted in maintainers' threads and public questions, through the real CLI, against the cause that the
// thread found. Rows of the held-out half stay unseen unless asked for, so that nobody tunes on them. `npm run bench:cases -- --help`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { z } from 'zod';

import { halves, readCases } from './cases/read.ts';
import type { Half, NamedCase } from './cases/read.ts';
import { markOf, marks, totalOf } from './cases/score.ts';
import type { Outcome, Scored } from './cases/score.ts';

const help = `npm run bench:cases -- [options]
  --only SLUG[,SLUG]     only these cases
  --half dev|held-out    only one half
  --held-out-rows        show and write what was said about each case of the held-out half too
  --out FILE             where the JSON goes (default bench/results/cases-DATE.json; none with --only or --half)`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    half: { type: 'string' },
    'held-out-rows': { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const deadlineMs = 60_000;
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

const answer = z.object({
  outcome: z.enum(['healthy', 'cause-found', 'cause-unproven']),
  causes: z.array(z.object({ id: z.string(), certainty: z.enum(['confirmed', 'likely']) })),
  advice: z.array(z.object({ id: z.string() })),
  untested: z.array(z.object({ id: z.string() })),
});

interface Row extends Scored {
  readonly slug: string;
  readonly half: Half;
  readonly confirmed: string;
  /** Further convictions, what it mentions without a failing request that it explains, and what it names as possible. */
  readonly also: readonly string[];
  readonly advice: readonly string[];
  readonly possible: readonly string[];
  readonly tookMs: number;
  /** Why no report came; null where one came. */
  readonly failure: string | null;
}

/** The CLI refuses input of which it can read no line; that is an answer, though not a report. */
const isUnread = (failure: string): boolean => /in a format that why5xx knows/.test(failure);

/** Runs the CLI in `folder`; its report, or why there is none. */
async function ask(folder: string, names: readonly string[]): Promise<z.output<typeof answer> | string> {
  const child = spawn(process.execPath, [main, 'logs', ...names, '-o', 'json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'en_US.UTF-8', TZ: 'UTC', NO_COLOR: '1' },
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  try {
    const result = answer.safeParse(JSON.parse(Buffer.concat(out).toString()));
    return result.success ? result.data : `exit ${code}: no report: ${z.prettifyError(result.error)}`;
  } catch {
    return `exit ${code}: ${Buffer.concat(err).toString().trim().slice(0, 300)}`;
  }
}

async function run(each: NamedCase): Promise<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), 'why5xx-case-'));
  try {
    for (const file of each.data.files) writeFileSync(path.join(folder, file.name), `${file.lines.join('\n')}\n`);
    const began = Date.now();
    const report = await ask(
      folder,
      each.data.files.map((file) => file.name),
    );
    const known = typeof report === 'string' ? null : report;
    const said: Outcome =
      typeof report === 'string'
        ? isUnread(report)
          ? 'unread'
          : 'failed'
        : (report.causes[0] ?? (report.outcome === 'healthy' ? 'healthy' : 'unproven'));
    return {
      slug: each.slug,
      half: each.half,
      confirmed: each.data.confirmed,
      said,
      also: known?.causes.slice(1).map((cause) => cause.id) ?? [],
      advice: [...new Set(known?.advice.map((each) => each.id))],
      possible: [...new Set(known?.untested.map((cause) => cause.id))],
      mark: markOf(each, said),
      tookMs: Date.now() - began,
      failure: typeof report === 'string' ? report : null,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(row: Row): void {
  const said =
    typeof row.said === 'string'
      ? `${row.said}${row.advice.length === 0 ? '' : `, advice ${row.advice.join(' ')}`}`
      : `${row.said.id} (${row.said.certainty})`;
  console.log(
    `${row.mark.padEnd(16)} ${row.slug.padEnd(34)} ${said.padEnd(46)} ${row.mark.startsWith('right') ? '' : `is ${row.confirmed} `}${row.mark === 'failed' ? (row.failure ?? '') : ''}`,
  );
}

const only = values.only?.split(',');
const all = readCases();
const unknown = only?.filter((slug) => !all.some((each) => each.slug === slug)) ?? [];
if (unknown.length > 0) throw new Error(`no such case: ${unknown.join(', ')}`);
if (values.half !== undefined && !halves.some((half) => half === values.half)) throw new Error(`no such half: ${values.half}`);
const chosen = all.filter((each) => (only === undefined || only.includes(each.slug)) && (values.half ?? each.half) === each.half);

const seen = (half: Half): boolean => half === 'dev' || values['held-out-rows'] || only !== undefined;
const rows: Row[] = [];
for (const each of chosen) {
  const row = await run(each);
  rows.push(row);
  if (seen(row.half)) print(row);
}

const totals = Object.fromEntries(
  ['all', ...halves].map((part) => [part, totalOf(rows.filter((row) => part === 'all' || row.half === part))] as const),
);
console.log('');
for (const [part, total] of Object.entries(totals)) {
  console.log(
    `${part.padEnd(9)} ${total.cases} cases: ${total.rightPercent} % right; ${marks.map((mark) => `${mark} ${total.marks[mark]}`).join(', ')}; wrong convictions ${total.wrongConvictions}, of them confirmed ${total.wrongConfirmed}`,
  );
}

const date = new Date().toISOString();
const out = values.out ?? (only === undefined && values.half === undefined ? `bench/results/cases-${date.slice(0, 10)}.json` : null);
if (out !== null) {
  mkdirSync(path.dirname(out), { recursive: true });
  const result = {
    date,
    machine: { cpus: cpus().length, cpu: cpus()[0]?.model ?? '', memoryGiB: Math.round(totalmem() / 1024 ** 3), node: process.version },
    totals,
    rows: rows.filter((row) => seen(row.half)),
  };
  writeFileSync(out, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\n${out}`);
}
process.exitCode = totals['all']?.wrongConfirmed === 0 ? 0 : 1;
