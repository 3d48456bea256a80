// What to do about a cause. Plain data: printed now, applied by `why5xx fix` on request.
import type { Localised } from './text.ts';

export interface FixStep {
  readonly title: Localised;
  /** Where to run `command` (host name in the site file); null for a step by hand (a console, a ticket). */
  readonly host: string | null;
  /** Argument list for the host, never a shell string; absent for steps by hand. */
  readonly command?: readonly string[];
  /** Configuration to write, shown as it is. */
  readonly config?: { readonly file: string; readonly text: string };
  /** The command that takes it back. */
  readonly undo?: readonly string[];
  readonly risk: 'none' | 'low' | 'medium' | 'high';
}
export interface Fix {
  readonly summary: Localised;
  readonly steps: readonly FixStep[];
  /** How the reader sees that it worked. */
  readonly verify: Localised;
}
