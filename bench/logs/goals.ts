// The ratios to reach, as data. Every one was measured against the same rival on the same bytes in the same run.
import type { DatasetName } from './generate.ts';

/** How one goal is told from the measures. */
export interface Goal {
  readonly dataset: DatasetName;
  /** Id of the rival. */
  readonly rival: string;
  /** `at least` so many times as fast as the rival, or `within` so many times its time. */
  readonly kind: 'at least' | 'within';
  readonly times: number;
}

const atLeast = (dataset: DatasetName, rival: string, times: number): Goal => ({ dataset, rival, kind: 'at least', times });
const within = (dataset: DatasetName, rival: string, times: number): Goal => ({ dataset, rival, kind: 'within', times });

export const goals: readonly Goal[] = [
  within('nginx', 'wc', 2.5),
  atLeast('nginx', 'mawk-T3', 7),
  atLeast('nginx', 'duckdb-T3', 5),
  atLeast('nginx', 'readline-T3', 11),
  // A quarter of the data: these take minutes for more, and our fixed cost counts against us.
  atLeast('part', 'goaccess-two-panels', 50),
  atLeast('part', 'goaccess', 150),
  atLeast('part', 'lnav', 9),
  within('nginx-4x', 'wc', 1.5),
  atLeast('nginx-4x', 'rg', 1.3),
  atLeast('nginx-4x', 'mawk-T3', 10),
  atLeast('nginx-4x', 'duckdb-T3', 6),
  atLeast('haproxy', 'mawk-T3', 5),
  atLeast('haproxy', 'halog-srv', 1.2),
  atLeast('haproxy', 'halog-tc', 1),
  within('json', 'wc', 2.2),
  atLeast('json', 'duckdb-T3', 2.5),
  atLeast('part-json', 'jq-T1', 17),
  atLeast('gz', 'rg-z', 2),
  atLeast('gz', 'mawk-T3', 2.2),
  atLeast('gz', 'duckdb-T3', 1.8),
  atLeast('burst', 'mawk-T3', 2.5),
];

/** Peak memory for any input, in MiB. */
export const memoryGoalMib = 128;
/** The access log with its error log, against the access log alone. */
export const errorLogGoal = 1.4;
/** Share of a core that following a log of 30 MB/s may take. */
export const tailGoal = 0.03;
