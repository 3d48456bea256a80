// The nouns of log analysis: what a format makes of a line, and what one pass over all inputs leaves behind. Formats, scanner, engines and
// the explaining half meet only here.

/** Who wrote a line. */
export const products = [
  'nginx',
  'apache',
  'php-fpm',
  'php',
  'haproxy',
  'envoy',
  'caddy',
  'traefik',
  'aws-alb',
  'alibaba-slb',
  'alibaba-alb',
  'gcp-lb',
  'cloudflare',
  'iis',
  'kernel',
  'syslog',
  'gunicorn',
  'uwsgi',
  'node',
  'tomcat',
  'other',
] as const;
export type Product = (typeof products)[number];

/** One try of a proxy at one server. */
export interface Try {
  /** As the log writes it: `10.0.0.1:80`, `unix:/run/php.sock`, `pool/web-1`. */
  readonly address: string;
  readonly status: number | null;
  readonly connectMs: number | null;
  readonly headerMs: number | null;
  readonly responseMs: number | null;
}

/** One request as an access log tells it. Text is raw: whoever stores or shows it neutralises and redacts it. */
export interface AccessRecord {
  /** Milliseconds since 1970 UTC; where `zoned` is false, as if the log's local time were UTC. Null where the line has no date. */
  readonly at: number | null;
  readonly zoned: boolean;
  readonly client: string | null;
  readonly method: string | null;
  /** With its query, as logged. */
  readonly path: string | null;
  readonly host: string | null;
  /** What the client got; null where none was sent (HAProxy `-1`, a TCP line). */
  readonly status: number | null;
  readonly durationMs: number | null;
  readonly requestId: string | null;
  readonly tries: readonly Try[];
  /** The server that the request was last given to, else the pool's name, else null (answered by the writer itself, or not logged). */
  readonly backend: string | null;
  /**
   * True where the format says who answered: `upstream` a server behind the writer, `self` the writer. Null where it does not say
   * (nginx combined).
   */
  readonly answeredBy: 'upstream' | 'self' | null;
  /** The writer's own word for why, upper or lower case as written: HAProxy `sH--`, Envoy `UF,URX`, GCP `failed_to_connect_to_backend`, IIS `502.3`. */
  readonly reason: string | null;
}

/** One record of an error log. Text is raw. */
export interface ErrorRecord {
  readonly at: number | null;
  readonly zoned: boolean;
  readonly product: Product;
  /** Lower case: emerg alert crit error warn notice info debug; php-fpm's and others' words mapped to these. Null where none is written. */
  readonly level: string | null;
  /** The message that signatures match: without date, level, process, and nginx's trailing `, client: …`. */
  readonly message: string;
  readonly client: string | null;
  /** `GET /x HTTP/1.1` */
  readonly request: string | null;
  readonly host: string | null;
  readonly upstream: string | null;
  readonly requestId: string | null;
  readonly pid: number | null;
}

/** One dialect of one log, ready to read lines. Parsers never throw and take time linear in the line. */
export interface LogFormat {
  /** Family, and what tells two dialects of it apart where there are several: `nginx-access`, `nginx-error`, `haproxy-http` … */
  readonly id: string;
  readonly product: Product;
  /** What is configured, for the reader: nginx's `log_format` string, IIS's `#Fields` … Null where there is nothing to configure. */
  readonly dialect: string | null;
  readonly access: ((line: string) => AccessRecord | null) | null;
  readonly error: ((record: string) => ErrorRecord | null) | null;
  /** Whether a line begins a record, for logs whose records span lines; null where each line is one. */
  readonly begins: ((line: string) => boolean) | null;
  /** True for lines that belong to the format and are no record: IIS `#Fields`, an empty line of a slow log. */
  readonly isFurniture: ((line: string) => boolean) | null;
}

/** A family of formats: how it is recognised, documented and tested. */
export interface LogFamily {
  readonly id: string;
  readonly title: string;
  readonly product: Product;
  readonly kind: 'access' | 'error';
  readonly fields: readonly { readonly name: string; readonly meaning: string }[];
  /** Real lines (or records). No other family reads them. */
  readonly samples: readonly string[];
  /** The dialect that reads most of these lines, or null where none does. Lines are the first of a file, without line ends. */
  detect(lines: readonly string[], hints: FormatHints): LogFormat | null;
}

/** What the user, or the configuration, says about formats. */
export interface FormatHints {
  /** nginx `log_format` strings, in order of preference. */
  readonly nginxFormats: readonly { readonly name: string; readonly format: string }[];
  /** Year of lines that have none (syslog). */
  readonly year: number;
}

/** A line that stands for its group. `line` counts from 1 in the decompressed file; `text` is redacted, neutral and short. */
export interface Sample {
  readonly input: number;
  readonly line: number;
  readonly at: number | null;
  readonly text: string;
}

/** Requests that failed alike. Groups are equal when every field up to `timing` is. Text is redacted and neutral. */
export interface FailureGroup {
  readonly input: number;
  readonly format: string;
  readonly product: Product;
  readonly status: number | null;
  readonly backend: string | null;
  readonly answeredBy: AccessRecord['answeredBy'];
  readonly reason: string | null;
  /** How many tries, and each try's status and address: `502@10.0.0.1:80 502@10.0.0.2:80`, at most 5. */
  readonly tries: string;
  /** Where the time went, in classes: see scan/failed.ts. `none` where the log has no times. */
  readonly timing: TimingClass;
  readonly count: number;
  readonly first: number | null;
  readonly last: number | null;
  /** Milliseconds of the whole request: smallest, median (to within 1 %), largest; null without durations. */
  readonly durationMs: { readonly min: number; readonly median: number; readonly max: number } | null;
  /** The same of the last try's connect and of its header (or response) time. */
  readonly connectMs: { readonly min: number; readonly median: number; readonly max: number } | null;
  readonly headerMs: { readonly min: number; readonly median: number; readonly max: number } | null;
  /** Count by minute since 1970 (of `at`). */
  readonly minutes: ReadonlyMap<number, number>;
  readonly samples: readonly Sample[];
}

/**
 * `instant` under 50 ms in all; `connect` ended without a connection after longer; `waited` connected, then no header for longer;
 * `answered` a header came; `none` unknown.
 */
export type TimingClass = 'instant' | 'connect' | 'waited' | 'answered' | 'none';

/**
 * Error lines that say the same. Equal when input, format, product, signature (or template, where no signature knows them), upstream and
 * host are. Level, template and fields are those of the first. Text is redacted and neutral.
 */
export interface EventGroup {
  readonly input: number;
  readonly format: string;
  readonly product: Product;
  readonly level: string | null;
  /** Id of the signature, or null for an unknown line. */
  readonly signature: string | null;
  /** The message with its changing parts as `…`. */
  readonly template: string;
  /** What the signature captured from the first of them. */
  readonly fields: Readonly<Record<string, string>>;
  /** The server alone, as an access log writes it: `10.0.0.1:80`, `unix:/run/php.sock`. */
  readonly upstream: string | null;
  readonly host: string | null;
  readonly count: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly minutes: ReadonlyMap<number, number>;
  readonly samples: readonly Sample[];
}

/** Columns for the join, one row per failing request or error line, in no order. Hashes are 0 where the line does not say. */
export interface JoinKeys {
  readonly length: number;
  /** Index into `failures` or `events`. */
  readonly group: Uint32Array;
  /** Milliseconds as in `at`; NaN where unknown. */
  readonly at: Float64Array;
  readonly client: Uint32Array;
  /** Of method and path without query. */
  readonly request: Uint32Array;
  readonly requestId: Uint32Array;
  /** Number of the line in its input, so that a pair can be shown. */
  readonly line: Float64Array;
  /** Rows left out because the table was full; the kept ones are an even sample that does not depend on the order of reading. */
  readonly dropped: number;
}

/** What became of one input. Every line is in exactly one of parsed, furniture, unparsed. */
export interface InputTally {
  readonly name: string;
  readonly format: string | null;
  readonly dialect: string | null;
  readonly product: Product | null;
  readonly kind: 'access' | 'error' | null;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** As stored, and after decompression. */
  readonly storedBytes: number;
  readonly bytes: number;
  readonly lines: number;
  readonly parsed: number;
  readonly furniture: number;
  readonly unparsed: number;
  /** Lines read by another format than the input's own: mixed files. */
  readonly otherFormats: Readonly<Record<string, number>>;
  /** Lines cut because they were longer than the limit; they count as parsed or unparsed too. */
  readonly cut: number;
  readonly first: number | null;
  readonly last: number | null;
  /** False where the dates carry no zone. */
  readonly zoned: boolean;
  /** Dated lines whose minute lies at least two before the minute of an earlier line (so more than 60 s back). */
  readonly backwards: number;
  /** Shapes of lines that nothing could read, most frequent first. */
  readonly unknown: readonly { readonly template: string; readonly count: number; readonly sample: Sample }[];
  /** What the reader has to know of how the input was read: columns guessed, a stretch of time chosen … Sentences; absent when nothing. */
  readonly notes?: readonly string[];
  /** What went wrong while reading: truncated gzip, vanished, not readable, grew … Empty when all went well. */
  readonly problems: readonly InputProblem[];
}

export interface InputProblem {
  readonly kind:
    | 'not-found'
    | 'no-permission'
    | 'truncated'
    | 'corrupt'
    | 'vanished'
    | 'shrank'
    | 'grew'
    | 'binary'
    | 'not-a-file'
    | 'read-error';
  readonly detail: string;
}

/**
 * Something to read: a file, a rotated one, standard input. Opening twice reads twice where `path` is set; otherwise an input is opened
 * once.
 */
export interface Input {
  /** As the user wrote it, or as a pattern found it. */
  readonly name: string;
  /** A plain file whose byte ranges may be read by several threads; null where only `open` reads it (compressed, pipe, standard input). */
  readonly path: string | null;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Size as stored when the input was resolved; null where unknown (a pipe). A plain file is read up to here and no further. */
  readonly storedBytes: number | null;
  /**
   * The decompressed bytes. Blocks may be reused after the next one was asked for. Throws InputError where reading fails; what came before
   * counts. Ends early, and closes what it opened, when `signal` aborts.
   */
  open(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Stored bytes that `open` has read so far; absent where they are the bytes that it gives. */
  readonly storedRead?: () => number;
}

/** Why an input could not be read, or not to its end. */
export class InputError extends Error {
  readonly problem: InputProblem;
  constructor(problem: InputProblem, options?: ErrorOptions) {
    super(problem.detail, options);
    this.name = 'InputError';
    this.problem = problem;
  }
}

/**
 * Requests of one minute given to one backend (empty string where the log does not say, `…` for backends that the table could not hold).
 * `at` of minutes is as in AccessRecord; a request without a date is in no cell.
 */
export interface Cell {
  readonly input: number;
  readonly minute: number;
  readonly backend: string;
  readonly requests: number;
  readonly failed: number;
}

/** A table of the most frequent keys among failing requests. */
export interface TopTable {
  readonly rows: readonly { readonly key: string; readonly count: number }[];
  /** Failing requests whose key did not fit into the table. */
  readonly dropped: number;
}

/** What one pass over all inputs leaves: small whatever their size, and the same whatever the order, chunks, workers and compression. */
export interface Tally {
  readonly inputs: readonly InputTally[];
  readonly cells: readonly Cell[];
  readonly byStatus: TopTable;
  readonly byPath: TopTable; // without query
  readonly byClientNetwork: TopTable; // IPv4 /24, IPv6 /48
  readonly byHost: TopTable;
  readonly failures: readonly FailureGroup[];
  readonly events: readonly EventGroup[];
  readonly failureKeys: JoinKeys;
  readonly eventKeys: JoinKeys;
  /** Minutes everywhere above are multiples of this: 1, or a higher power of two where the logs span more minutes than tables hold. */
  readonly minuteStep: number;
  /** Failing requests and error records that are in no group because the table of groups was full. */
  readonly dropped: { readonly failures: number; readonly events: number };
}
