// The programs that the bench compares with, each asked the same question in the way that its users would ask, and how to read its answer.
import path from 'node:path';

import { cellsAnswer } from './answers.ts';
import type { Answer } from './answers.ts';
import type { DatasetName } from './generate.ts';

/**
 * `read` reads and throws away, `lines` counts lines, `count` counts failing ones. T1: failures by minute and server. T3: requests of all
 * lines by minute and server, and failures by minute, server, status, path and client network; a rate needs both.
 */
export type Question = 'read' | 'lines' | 'count' | 'T1' | 'T3';

export interface Rival {
  readonly id: string;
  readonly dataset: DatasetName;
  readonly question: Question;
  readonly program: string;
  /** The command for a file. */
  command(file: string): readonly string[];
  answer(stdout: string): Answer;
  /** Takes so long that three runs must do. */
  readonly slow?: boolean;
}

/** A shell pipeline; the file is `$1`. */
const shell = (script: string) => (file: string) => ['sh', '-c', script, 'sh', file];
const count = (stdout: string): Answer => ({ failed: Number(stdout.trim()) });
const lineCount = (stdout: string): Answer => ({ lines: Number(/\d+/.exec(stdout)?.[0]) });
const nothing = (): Answer => ({});

// Quoted fields: 1 client and date, 2 request, 3 status and bytes, 7 times and tries: `0.123 a, b 502, 200 0.001, 0.122`.
const nginxT3 = `{
  m = substr($1, index($1, "[") + 1, 17); n = split($7, a, " "); u = a[1 + (n - 1) / 3]; r[m "\\t" u]++
  if (substr($3, 2, 1) == "5") {
    f[m "\\t" u]++; split($2, q, " "); p = q[2]; i = index(p, "?"); if (i) p = substr(p, 1, i - 1)
    split($1, c, "."); k[m, u, substr($3, 2, 3), p, c[1] "." c[2] "." c[3]]++
  }
}
END { for (x in r) print "R\\t" x "\\t" r[x]; for (x in f) print "F\\t" x "\\t" f[x]; n = 0; for (x in k) n++; print "K\\t" n }`;
const nginxT1 = `substr($3, 2, 1) == "5" { n = split($7, a, " "); f[substr($1, index($1, "[") + 1, 17) "\\t" a[1 + (n - 1) / 3]]++ }
END { for (x in f) print "F\\t" x "\\t" f[x] }`;
const haproxyT3 = `{
  m = substr($7, 2, 17); u = $9; r[m "\\t" u]++
  if (substr($11, 1, 1) == "5") {
    f[m "\\t" u]++; p = $19; i = index(p, "?"); if (i) p = substr(p, 1, i - 1)
    split($6, c, "."); k[m, u, $11, p, c[1] "." c[2] "." c[3]]++
  }
}
END { for (x in r) print "R\\t" x "\\t" r[x]; for (x in f) print "F\\t" x "\\t" f[x]; n = 0; for (x in k) n++; print "K\\t" n }`;

const awk = (program: string, script: string, fields: string | null) => (file: string) => [
  program,
  ...(fields === null ? [] : ['-F', fields]),
  script,
  file,
];
const pipedAwk = (unpack: string, script: string) => (file: string) => ['sh', '-c', `${unpack} "$1" | mawk -F'"' "$2"`, 'sh', file, script];

const goaccess = (extra: readonly string[]) => (file: string) => [
  'goaccess',
  file,
  '--no-global-config',
  '--no-progress',
  '--log-format=%h - %^ [%d:%t %^] "%r" %s %b "%R" "%u" %T %^',
  '--date-format=%d/%b/%Y',
  '--time-format=%H:%M:%S',
  '-o',
  'json',
  ...extra,
];
const otherPanels =
  'VISITORS REQUESTS_STATIC NOT_FOUND HOSTS OS BROWSERS VISIT_TIMES VIRTUAL_HOSTS REFERRERS REFERRING_SITES KEYPHRASES GEO_LOCATION REMOTE_USER CACHE_STATUS MIME_TYPE TLS_TYPE';
function goaccessAnswer(stdout: string): Answer {
  const report = JSON.parse(stdout) as {
    readonly general: { readonly total_requests: number };
    readonly status_codes: { readonly data: readonly { readonly data: string; readonly hits: { readonly count: number } }[] };
  };
  const failed = report.status_codes.data.find(({ data }) => data.startsWith('5xx'));
  return { lines: report.general.total_requests, failed: failed?.hits.count ?? 0 };
}

function halogServers(stdout: string): Answer {
  const servers = new Map<string, readonly [number, number]>();
  let lines = 0;
  let failed = 0;
  for (const line of stdout.split('\n').slice(1)) {
    const [name = '', , , , , errors, , requests] = line.split(' ');
    const counts = [Number(requests), Number(errors)] as const;
    if (name === '') continue;
    servers.set(name, counts);
    lines += counts[0];
    failed += counts[1];
  }
  return { lines, failed, servers };
}
function halogCounts(stdout: string): Answer {
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const sum = (wanted: (key: string) => boolean): number =>
    rows.reduce((total, [key = '', value]) => total + (wanted(key) ? Number(value) : 0), 0);
  const byStatus = /^\d/.test(rows[0]?.[0] ?? '');
  return { lines: sum(() => true), ...(byStatus && { failed: sum((key) => key.startsWith('5')) }) };
}

const jqT1 =
  'reduce inputs as $l ({}; if $l.status >= 500 then .["\\($l.time_iso8601[0:16])\\t\\($l.upstream_addr | split(", ") | last // "-")"] += 1 else . end) | to_entries[] | "F\\t\\(.key)\\t\\(.value)"';

const duckdbNginx = `read_csv($1, delim='"', quote='', escape='', header=false, auto_detect=false,
  columns={'c1':'VARCHAR','c2':'VARCHAR','c3':'VARCHAR','c4':'VARCHAR','c5':'VARCHAR','c6':'VARCHAR','c7':'VARCHAR'})`;
const duckdbLast = (list: string): string => `${list}[1 + (len(${list}) - 1) // 3]`;
const duckdbSources = {
  nginx: {
    from: duckdbNginx,
    minute: `substr(c1, strpos(c1, '[') + 1, 17)`,
    server: duckdbLast(`string_split(ltrim(c7), ' ')`),
    failed: `substr(c3, 2, 1) = '5'`,
    key: `concat_ws(' ', substr(c3, 2, 3), split_part(split_part(c2, ' ', 2), '?', 1), array_to_string(string_split(split_part(c1, ' ', 1), '.')[1:3], '.'))`,
  },
  json: {
    from: `read_json($1, format='newline_delimited', columns={'time_iso8601':'VARCHAR','remote_addr':'VARCHAR','request_uri':'VARCHAR','status':'INTEGER','upstream_addr':'VARCHAR'})`,
    minute: `substr(time_iso8601, 1, 16)`,
    server: `string_split(upstream_addr, ', ')[-1]`,
    failed: `status >= 500`,
    key: `concat_ws(' ', status, split_part(request_uri, '?', 1), array_to_string(string_split(remote_addr, '.')[1:3], '.'))`,
  },
} as const;

/** The SQL of one question; `$1` is the file. */
export function duckdbSql(source: keyof typeof duckdbSources, question: 'T1' | 'T3', file: string): string {
  const { from, minute, server, failed, key } = duckdbSources[source];
  const table = from.replace('$1', `'${file.replaceAll("'", "''")}'`);
  if (question === 'T1') return `SELECT 'F', ${minute} AS m, ${server} AS u, count(*) FROM ${table} WHERE ${failed} GROUP BY ALL`;
  // One pass over the file: successes collapse into one row by minute and server, failures keep their keys.
  return `WITH t AS MATERIALIZED (SELECT ${minute} AS m, ${server} AS u, CASE WHEN ${failed} THEN ${key} END AS k, count(*) AS n FROM ${table} GROUP BY ALL)
    SELECT 'R', m, u, sum(n) FROM t GROUP BY ALL
    UNION ALL SELECT 'F', m, u, sum(n) FROM t WHERE k IS NOT NULL GROUP BY ALL
    UNION ALL SELECT 'K', count(*)::VARCHAR, '', 0 FROM t WHERE k IS NOT NULL`;
}

/** The program that asks DuckDB; written into the throw-away folder that holds DuckDB. */
export const duckdbProgram = `import { DuckDBInstance } from '@duckdb/node-api';
const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
const reader = await connection.runAndReadAll(process.argv[2]);
process.stdout.write(reader.getRows().map((row) => row.join('\\t') + '\\n').join(''));
`;

/** All rivals. `duckdb` is the path of its program, or null where it could not be had. */
export function rivalsOf(duckdb: string | null): readonly Rival[] {
  const here = import.meta.dirname;
  const text = (dataset: DatasetName): Rival[] => [
    { id: 'wc', dataset, question: 'lines', program: 'wc', command: (file) => ['wc', '-l', file], answer: lineCount },
    { id: 'rg', dataset, question: 'count', program: 'rg', command: (file) => ['rg', '-c', '" 50[0-9] ', file], answer: count },
    { id: 'mawk-T3', dataset, question: 'T3', program: 'mawk', command: awk('mawk', nginxT3, '"'), answer: cellsAnswer },
  ];
  const duck = (dataset: DatasetName, source: keyof typeof duckdbSources, question: 'T1' | 'T3'): Rival[] =>
    duckdb === null
      ? []
      : [
          {
            id: `duckdb-${question}`,
            dataset,
            question,
            program: 'duckdb',
            command: (file) => [process.execPath, duckdb, duckdbSql(source, question, file)],
            answer: cellsAnswer,
          },
        ];
  return [
    ...text('nginx'),
    { id: 'cat', dataset: 'nginx', question: 'read', program: 'cat', command: shell('cat "$1" > /dev/null'), answer: nothing },
    {
      id: 'grep',
      dataset: 'nginx',
      question: 'count',
      program: 'grep',
      command: (file) => ['grep', '-c', '" 50[0-9] ', file],
      answer: count,
    },
    { id: 'mawk-T1', dataset: 'nginx', question: 'T1', program: 'mawk', command: awk('mawk', nginxT1, '"'), answer: cellsAnswer },
    {
      id: 'rg-mawk-T1',
      dataset: 'nginx',
      question: 'T1',
      program: 'rg',
      command: (file) => ['sh', '-c', `rg '" 50[0-9] ' "$1" | mawk -F'"' "$2"`, 'sh', file, nginxT1],
      answer: cellsAnswer,
    },
    { id: 'gawk-T3', dataset: 'nginx', question: 'T3', program: 'gawk', command: awk('gawk', nginxT3, '"'), answer: cellsAnswer },
    {
      id: 'readline-T3',
      dataset: 'nginx',
      question: 'T3',
      program: 'node',
      command: (file) => [process.execPath, path.join(here, 'readline.ts'), file],
      answer: cellsAnswer,
    },
    ...duck('nginx', 'nginx', 'T1'),
    ...duck('nginx', 'nginx', 'T3'),
    ...text('nginx-4x'),
    ...duck('nginx-4x', 'nginx', 'T3'),
    { id: 'mawk-T3', dataset: 'burst', question: 'T3', program: 'mawk', command: awk('mawk', nginxT3, '"'), answer: cellsAnswer },
    { id: 'mawk-T3', dataset: 'part', question: 'T3', program: 'mawk', command: awk('mawk', nginxT3, '"'), answer: cellsAnswer },
    {
      id: 'goaccess-two-panels',
      dataset: 'part',
      question: 'T1',
      program: 'goaccess',
      command: goaccess(otherPanels.split(' ').map((each) => `--ignore-panel=${each}`)),
      answer: goaccessAnswer,
      slow: true,
    },
    { id: 'goaccess', dataset: 'part', question: 'T1', program: 'goaccess', command: goaccess([]), answer: goaccessAnswer, slow: true },
    {
      id: 'lnav',
      dataset: 'part',
      question: 'count',
      program: 'lnav',
      command: (file) => [
        'lnav',
        '-n',
        '-N',
        '-c',
        ';SELECT count(*) AS lines, sum(sc_status >= 500) AS failed FROM access_log',
        '-c',
        ':write-csv-to -',
        file,
      ],
      answer: (stdout) => {
        const [lines, failed] = (stdout.trim().split('\n').at(-1) ?? '').split(',').map(Number);
        return { lines: lines ?? Number.NaN, failed: failed ?? Number.NaN };
      },
    },
    { id: 'wc', dataset: 'haproxy', question: 'lines', program: 'wc', command: (file) => ['wc', '-l', file], answer: lineCount },
    { id: 'halog-srv', dataset: 'haproxy', question: 'T1', program: 'halog', command: shell('halog -srv -q < "$1"'), answer: halogServers },
    { id: 'halog-tc', dataset: 'haproxy', question: 'count', program: 'halog', command: shell('halog -tc -q < "$1"'), answer: halogCounts },
    { id: 'halog-st', dataset: 'haproxy', question: 'count', program: 'halog', command: shell('halog -st -q < "$1"'), answer: halogCounts },
    { id: 'mawk-T3', dataset: 'haproxy', question: 'T3', program: 'mawk', command: awk('mawk', haproxyT3, null), answer: cellsAnswer },
    { id: 'wc', dataset: 'json', question: 'lines', program: 'wc', command: (file) => ['wc', '-l', file], answer: lineCount },
    {
      id: 'rg',
      dataset: 'json',
      question: 'count',
      program: 'rg',
      command: (file) => ['rg', '-c', '"status":50[0-9],', file],
      answer: count,
    },
    ...duck('json', 'json', 'T1'),
    ...duck('json', 'json', 'T3'),
    { id: 'jq-T1', dataset: 'part-json', question: 'T1', program: 'jq', command: (file) => ['jq', '-nr', jqT1, file], answer: cellsAnswer },
    { id: 'zcat', dataset: 'gz', question: 'read', program: 'zcat', command: shell('zcat "$1" > /dev/null'), answer: nothing },
    {
      id: 'rg-z',
      dataset: 'gz',
      question: 'count',
      program: 'rg',
      command: (file) => ['rg', '-z', '-c', '" 50[0-9] ', file],
      answer: count,
    },
    { id: 'mawk-T3', dataset: 'gz', question: 'T3', program: 'mawk', command: pipedAwk('zcat', nginxT3), answer: cellsAnswer },
    ...duck('gz', 'nginx', 'T3'),
    { id: 'zstd', dataset: 'zst', question: 'read', program: 'zstd', command: shell('zstd -dcq "$1" > /dev/null'), answer: nothing },
    {
      id: 'rg-z',
      dataset: 'zst',
      question: 'count',
      program: 'rg',
      command: (file) => ['rg', '-z', '-c', '" 50[0-9] ', file],
      answer: count,
    },
    { id: 'mawk-T3', dataset: 'zst', question: 'T3', program: 'mawk', command: pipedAwk('zstd -dcq', nginxT3), answer: cellsAnswer },
  ];
}
