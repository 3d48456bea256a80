// The throughput bench: our `logs` beside every program that people use for the same question, on the same bytes, in one run. Checks that all
// answers agree, prints ratios against the goals and writes JSON. `npm run bench:logs -- --help` lists its options.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { disagreements, ourAnswer } from './logs/answers.ts';
import type { Answer } from './logs/answers.ts';
import { clean, datasetNames, generate } from './logs/generate.ts';
import type { DatasetName, Datasets } from './logs/generate.ts';
import { errorLogGoal, goals, memoryGoalMib, tailGoal } from './logs/goals.ts';
import { median, run } from './logs/measure.ts';
import type { Run } from './logs/measure.ts';
import { duckdbProgram, rivalsOf } from './logs/rivals.ts';
import type { Rival } from './logs/rivals.ts';
import { measureTail } from './logs/tail.ts';
import type { TailResult } from './logs/tail.ts';

const help = `npm run bench:logs -- [options]
  --sizes 1024[,…]     MiB of the access log; the rest is in proportion (default 1024: 9.5 GB of data in all)
  --runs N             runs of every program, median counts (default 5; the slowest programs at most 3)
  --only A,B           only these: data (${datasetNames.join(' ')}), rivals (mawk-T3, wc …), ours, tail
  --dir FOLDER         where the data is kept (default ${path.join(os.tmpdir(), 'why5xx-bench-logs')})
  --seed N             of the data (default 1)
  --ours dist|src|scan the built program (default; built first unless --no-build), the sources, or the scanner alone
  --no-build           use dist/ as it is
  --no-install         do not install missing programs
  --tail-seconds N     length of the live-tail measure (default 20)
  --generate           only write the data
  --clean              remove the data, and DuckDB, and end
  --out FILE           where the JSON goes (default bench/results/logs-DATE.json)`;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    sizes: { type: 'string', default: '1024' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    dir: { type: 'string', default: path.join(os.tmpdir(), 'why5xx-bench-logs') },
    seed: { type: 'string', default: '1' },
    ours: { type: 'string', default: 'dist' },
    build: { type: 'boolean', default: true },
    install: { type: 'boolean', default: true },
    'tail-seconds': { type: 'string', default: '20' },
    generate: { type: 'boolean', default: false },
    clean: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const root = path.join(import.meta.dirname, '..');
const runs = Number(values.runs);
const sizes = values.sizes.split(',').map(Number);
const only = values.only === undefined ? null : new Set(values.only.split(','));
const folderOf = (size: number): string => path.join(values.dir, `${size}-${values.seed}`);
const problems: string[] = [];
const say = (text: string): void => console.log(text);
function problem(text: string): void {
  problems.push(text);
  console.log(`PROBLEM ${text}`);
}

if (values.clean) {
  for (const size of sizes) clean(folderOf(size));
  rmSync(path.join(values.dir, 'duckdb'), { recursive: true, force: true });
  if (readdirSync(values.dir).length === 0) rmdirSync(values.dir);
  process.exit(0);
}

/** Debian packages of programs that are not there; says what it installs. */
function install(): void {
  const wanted = {
    time: 'time',
    rg: 'ripgrep',
    lnav: 'lnav',
    goaccess: 'goaccess',
    mawk: 'mawk',
    gawk: 'gawk',
    jq: 'jq',
    zstd: 'zstd',
    halog: 'haproxy',
  };
  const missing = Object.entries(wanted).filter(([program]) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status !== 0);
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (!values.install) {
    problem(`not installed: ${packages.join(' ')}`);
    return;
  }
  say(`installing ${packages.join(' ')}`);
  const { status } = spawnSync('flock', ['/tmp/apt.lock', 'apt-get', 'install', '-y', '--no-install-recommends', ...packages], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) problem(`could not install ${packages.join(' ')}: these rivals are left out`);
}

/** DuckDB in a folder of its own: it is no dependency of ours. Null where npm cannot bring it. */
function duckdb(): { program: string; version: string } | null {
  const folder = path.join(values.dir, 'duckdb');
  const manifest = path.join(folder, 'node_modules/@duckdb/node-api/package.json');
  if (!existsSync(manifest)) {
    if (!values.install) return null;
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
    say(`installing @duckdb/node-api into ${folder}`);
    const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', '@duckdb/node-api'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) return null;
  }
  const program = path.join(folder, 'ask.js');
  writeFileSync(program, duckdbProgram);
  return { program, version: (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version };
}

function versions(): Record<string, string> {
  const ask: readonly (readonly [string, ...string[]])[] = [
    ['rg', '--version'],
    ['mawk', '-W', 'version'],
    ['gawk', '--version'],
    ['goaccess', '--version'],
    ['lnav', '--version'],
    ['jq', '--version'],
    ['zstd', '--version'],
    ['haproxy', '-v'],
    ['grep', '--version'],
    ['wc', '--version'],
  ];
  return Object.fromEntries(
    ask.map(([program, ...args]) => {
      const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
      return [program, `${stdout ?? ''}${stderr ?? ''}`.split('\n')[0]?.trim() ?? ''];
    }),
  );
}

/** Our command before its files. */
function ourCommand(): readonly string[] {
  if (values.ours === 'scan') return [process.execPath, path.join(root, 'bench/logs/scan-only.ts')];
  const built = path.join(root, 'dist/cli/main.js');
  if (values.ours === 'dist') {
    if (values.build) {
      say('building dist/');
      const { status } = spawnSync(process.execPath, [path.join(root, 'scripts/build.ts')], { stdio: 'inherit' });
      if (status !== 0) problem('the build failed: the sources are measured, which start slower');
      else return [process.execPath, built, 'logs'];
    } else if (existsSync(built)) return [process.execPath, built, 'logs'];
    else problem('there is no dist/: the sources are measured, which start slower');
  }
  return [process.execPath, path.join(root, 'src/cli/main.ts'), 'logs'];
}

/** A program measured on one file. */
interface Measured {
  readonly dataset: DatasetName;
  readonly id: string;
  readonly question: string;
  readonly runs: Run[];
  answer: (Answer & { readonly stepMinutes?: number }) | null;
  failed: string | null;
}

/** Measures ours and the rivals of one file, by turns, so that a disturbance hits all of them. */
async function measure(dataset: DatasetName, data: Datasets, rivals: readonly Rival[], ours: readonly string[]): Promise<Measured[]> {
  const { file } = data[dataset];
  // Everything is measured from the page cache: the disk is the same for all.
  execFileSync('sh', ['-c', 'cat "$@" > /dev/null', 'sh', file, ...(dataset === 'nginx' ? [data.error.file] : [])]);
  interface Contestant {
    readonly measured: Measured;
    readonly command: readonly string[];
    readonly answer: Rival['answer'];
    readonly rounds: number;
  }
  const make = (id: string, question: string, command: readonly string[], answer: Rival['answer'], rounds = runs): Contestant => ({
    measured: { dataset, id, question, runs: [], answer: null, failed: null },
    command,
    answer,
    rounds,
  });
  const contestants = [make('why5xx', 'T3', [...ours, file, '-o', 'json', '--quiet'], ourAnswer)];
  if (dataset === 'nginx')
    contestants.push(make('why5xx+error-log', 'T3', [...ours, file, data.error.file, '-o', 'json', '--quiet'], ourAnswer));
  for (const rival of rivals)
    contestants.push(make(rival.id, rival.question, rival.command(file), rival.answer, rival.slow === true ? Math.min(3, runs) : runs));
  for (let round = 0; round < runs; round++) {
    for (const { measured, command, answer, rounds } of contestants) {
      if (round >= rounds || measured.failed !== null) continue;
      try {
        const one = await run(command);
        const isOurs = measured.id.startsWith('why5xx');
        // Exit codes of ours say what was found; 2 means that it failed.
        if (isOurs ? one.code === 2 || one.code === null : one.code !== 0)
          throw new Error(`exit code ${one.code}: ${one.stderr.trim().slice(0, 300)}`);
        measured.answer = answer(one.stdout);
        measured.runs.push({ ...one, stdout: '', stderr: '' });
      } catch (error) {
        measured.failed = String(error).split('\n').slice(0, 2).join(' ');
        problem(`${dataset} ${measured.id}: ${measured.failed}`);
      }
    }
  }
  return contestants.map(({ measured }) => measured);
}

const medianOf = (measured: Measured | undefined): number => median(measured?.runs.map(({ wallMs }) => wallMs) ?? []);
const maxRss = (measured: Measured): number => Math.max(...measured.runs.map(({ rssMib }) => rssMib));
/** Median over the rounds of how many times as long `other` took in the same round. */
function paired(other: Measured | undefined, ours: Measured | undefined): number {
  if (other === undefined || ours === undefined) return Number.NaN;
  return median(other.runs.slice(0, ours.runs.length).map(({ wallMs }, round) => wallMs / (ours.runs[round]?.wallMs ?? Number.NaN)));
}

/** What everybody has to agree on: the widest answer of the rivals, and the generator's own counts. */
function check(dataset: DatasetName, data: Datasets, all: readonly Measured[], truths: ReadonlyMap<DatasetName, Answer>): string[] {
  const { lines, failed } = data[dataset];
  const same: Partial<Record<DatasetName, DatasetName>> = { json: 'nginx', gz: 'part', zst: 'part' };
  const widest = truths.get(same[dataset] ?? dataset) ?? truths.get(dataset) ?? {};
  const truth: Answer = { ...widest, lines, ...(failed !== null && { failed }) };
  return all.flatMap(({ id, answer }) => (answer === null ? [] : disagreements(answer, truth).map((each) => `${dataset} ${id}: ${each}`)));
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const fixed = (value: number, digits = 2): string => (Number.isFinite(value) ? value.toFixed(digits) : '-');

install();
const duck = values.generate ? null : duckdb();
if (duck === null && !values.generate) problem('DuckDB could not be had: left out');
const ours = values.generate ? [] : ourCommand();
const chosen = (dataset: DatasetName): boolean => only === null || only.has(dataset) || !datasetNames.some((each) => only.has(each));
const chosenRival = (rival: Rival): boolean => {
  if (only === null) return true;
  const named = [...only].filter((each) => !datasetNames.includes(each as DatasetName) && each !== 'tail' && each !== 'ours');
  return named.length === 0 ? !only.has('ours') : named.includes(rival.id) || named.includes(rival.program);
};
const results: object[] = [];

for (const size of sizes) {
  say(`data for ${size} MiB in ${folderOf(size)}`);
  const data = generate(folderOf(size), size, Number(values.seed), say);
  if (values.generate) continue;
  const rivals = rivalsOf(duck?.program ?? null);
  const all: Measured[] = [];
  const truths = new Map<DatasetName, Answer>();
  const wrong: string[] = [];
  for (const dataset of datasetNames) {
    const mine = rivals.filter((rival) => rival.dataset === dataset && chosenRival(rival));
    if (dataset === 'error' || !chosen(dataset) || (only?.size === 1 && only.has('tail'))) continue;
    say(
      `\n${dataset} (${(data[dataset].bytes / (1 << 20)).toFixed(0)} MiB, ${data[dataset].lines} lines, ${data[dataset].failed} failing)`,
    );
    const measured = await measure(dataset, data, mine, ours);
    all.push(...measured);
    const widest = measured.find(({ answer, id }) => answer?.cells !== undefined && !id.startsWith('why5xx'))?.answer;
    if (widest) truths.set(dataset, widest);
    const disagreeing = check(dataset, data, measured, truths);
    wrong.push(...disagreeing);
    const own = measured[0];
    for (const each of measured) {
      const ratio = each.id === 'why5xx' ? '' : `${fixed(paired(each, own))} × ours`;
      const answered =
        each.failed !== null ? 'FAILED' : disagreeing.some((text) => text.startsWith(`${dataset} ${each.id}:`)) ? 'DISAGREES' : '';
      say(
        `  ${each.id.padEnd(20)} ${each.question.padEnd(6)} ${(medianOf(each) / 1000).toFixed(3).padStart(8)} s ${fixed(maxRss(each), 0).padStart(6)} MiB  ${ratio} ${answered}`,
      );
    }
  }
  for (const each of wrong) problem(`answers disagree: ${each}`);

  let tail: TailResult | null = null;
  if (values.ours !== 'scan' && (only === null || only.has('tail'))) {
    say('\nlive tail');
    try {
      tail = await measureTail(ours, data.part.file, folderOf(size), 30, Number(values['tail-seconds']));
    } catch (error) {
      problem(`live tail: ${String(error)}`);
    }
  }

  const find = (dataset: DatasetName, id: string): Measured | undefined => all.find((each) => each.dataset === dataset && each.id === id);
  const outcomes: { goal: string; measured: number; reached: boolean | null }[] = [];
  const judge = (goal: string, measured: number, reached: boolean): unknown =>
    outcomes.push({ goal, measured, reached: Number.isFinite(measured) ? reached : null });
  for (const { dataset, rival, kind, times } of goals) {
    if (find(dataset, rival) === undefined) continue;
    const ratio = paired(find(dataset, rival), find(dataset, 'why5xx'));
    if (kind === 'at least') judge(`${dataset}: at least ${times} × as fast as ${rival}`, ratio, ratio >= times);
    else judge(`${dataset}: within ${times} × the time of ${rival}`, 1 / ratio, 1 / ratio <= times);
  }
  const withErrors = paired(find('nginx', 'why5xx+error-log'), find('nginx', 'why5xx'));
  if (find('nginx', 'why5xx') !== undefined)
    judge(`nginx: with its error log within ${errorLogGoal} × the access log alone`, withErrors, withErrors <= errorLogGoal);
  for (const each of all.filter(({ id }) => id.startsWith('why5xx')))
    judge(`${each.dataset}: peak memory of ${each.id} at most ${memoryGoalMib} MiB`, maxRss(each), maxRss(each) <= memoryGoalMib);
  if (tail !== null) {
    judge(`live tail at 30 MB/s: at most ${percent(tailGoal)} of a core`, tail.cpuShare, tail.cpuShare <= tailGoal);
    const missed = Math.abs(tail.written.lines - tail.counted.lines) + Math.abs(tail.written.failed - tail.counted.failed);
    judge('live tail: lines lost or counted twice over two rotations: none', missed, missed === 0);
  }
  say(`\ngoals at ${size} MiB`);
  for (const { goal, measured, reached } of outcomes)
    say(
      `  ${reached === null ? 'unknown    ' : reached ? 'reached    ' : 'NOT REACHED'} ${goal.padEnd(66)} ${goal.includes('of a core') ? percent(measured) : fixed(measured)}`,
    );
  results.push({
    sizeMib: size,
    data: Object.fromEntries(
      datasetNames.map((name) => [name, { bytes: data[name].bytes, lines: data[name].lines, failed: data[name].failed }]),
    ),
    goals: outcomes,
    tail,
    measures: all.map((each) => ({
      dataset: each.dataset,
      id: each.id,
      question: each.question,
      medianMs: Math.round(medianOf(each)),
      timesOurs: Number(fixed(paired(each, find(each.dataset, 'why5xx')), 3)),
      rssMib: Math.round(maxRss(each)),
      wallMs: each.runs.map(({ wallMs }) => Math.round(wallMs)),
      cpuMs: each.runs.map(({ cpuMs }) => Math.round(cpuMs)),
      failed: each.failed,
    })),
  });
}

if (!values.generate) {
  const date = new Date().toISOString();
  const out = values.out ?? path.join(root, `bench/results/logs-${date.slice(0, 10)}.json`);
  mkdirSync(path.dirname(out), { recursive: true });
  const cpus = os.cpus();
  const machine = {
    cpu: cpus[0]?.model ?? '',
    cores: cpus.length,
    memoryMib: Math.round(os.totalmem() / (1 << 20)),
    kernel: os.release(),
    node: process.version,
    load: os.loadavg().map((each) => Math.round(each * 10) / 10),
  };
  const tools = { ...versions(), duckdb: duck?.version ?? null };
  const options = { ...values, ours: ours.map((word) => path.relative(root, word)).join(' ') };
  writeFileSync(out, `${JSON.stringify({ date, machine, tools, options, problems, results }, null, 1)}\n`);
  say(`\nwritten to ${out}`);
}
if (problems.length > 0) {
  say(`\n${problems.length} problems:\n  ${problems.join('\n  ')}`);
  process.exitCode = 1;
}
