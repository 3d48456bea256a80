// How a host is reached. Interfaces only; the implementations live in src/transport.

export interface RunResult {
  readonly code: number | null; // null: ended by a signal, a deadline or the output cap
  readonly stdout: string; // bytes as UTF-8, invalid ones replaced
  readonly stderr: string;
  readonly truncated: boolean; // an output cap was hit
  readonly tookMs: number;
}

/** Why a host could not be reached or a command not run. Evidence, not a crash. */
export type ReachFailure =
  | 'unreachable' // no route, refused, name unknown
  | 'timeout' // connect or command deadline passed
  | 'host-key' // unknown or changed host key
  | 'auth' // key or password refused
  | 'command-missing' // sh, ssh or the prefix's command is not there
  | 'permission'
  | 'lost' // the connection broke
  | 'other';

export class TransportError extends Error {
  readonly kind: ReachFailure;
  readonly hint: string;
  /** What had arrived when the deadline passed or the connection broke; null where the script never started. */
  readonly partial: RunResult | null;
  constructor(kind: ReachFailure, message: string, hint: string, partial: RunResult | null = null) {
    super(message);
    this.name = 'TransportError';
    this.kind = kind;
    this.hint = hint;
    this.partial = partial;
  }
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
  /** Bytes of stdout kept; more is cut and `truncated` set. */
  readonly maxOutputBytes?: number;
}

export interface Transport {
  /** For people: `local`, `ssh://root@10.0.0.11`, `ip netns exec web-2`. */
  readonly describe: string;
  /**
   * Runs a POSIX sh script that is sent on standard input of `sh -s`, with `env` set as shell variables and `args` as $1….
   * Nothing is ever interpolated into the script. Rejects with TransportError where the script could not be run, or did not
   * end in time (`partial` has what it printed); a script that exits non-zero, or hits the output cap, resolves.
   */
  sh(
    script: string,
    options: RunOptions & { readonly env?: Readonly<Record<string, string>>; readonly args?: readonly string[] },
  ): Promise<RunResult>;
  /** Ends connections and helper processes. Safe to call twice. */
  close(): Promise<void>;
}
