// Wraps a script into what is really sent on the standard input of `sh -s`, so that its beginning, its end and its exit code can be
// told from everything that login shells, wrappers and broken connections add.
import { randomBytes } from 'node:crypto';

import { assignment, quote } from './quote.ts';

/** What to send and how to recognise the answer. Marks are random, so that output cannot forge them. */
export interface Program {
  readonly text: string;
  /** Comes first on stdout once `sh` runs. Everything before it is noise of login shells. */
  readonly begin: string;
  /** Comes last on stdout and on stderr, followed by the script's exit code and `;`. */
  readonly end: string;
}

/**
 * The program that runs `script` with `env` as shell variables and `args` as $1…; dash, busybox ash and bash run it alike. Values travel on
 * standard input only: no process list shows them and no login shell parses them. Throws RangeError where a value holds NUL.
 *
 * The script's own standard input is empty. Ours stays open as long as somebody waits for the answer: when it closes, a watchdog kills
 * the shell's process group, so that a cut connection leaves nothing running (sshd sends no HUP to a session without a terminal).
 */
export function program(
  script: string,
  { env = {}, args = [] }: { readonly env?: Readonly<Record<string, string>>; readonly args?: readonly string[] } = {},
): Program {
  const nonce = randomBytes(9).toString('hex');
  const begin = `<w5-begin-${nonce}>`;
  const end = `<w5-end-${nonce}>`;
  const text = [
    `printf %s ${quote(begin)}`,
    // One compound command, so that the shell has read everything before it starts and half a script never runs.
    '{',
    'exec 3<&0',
    '( while read -r w5_line <&3; do :; done; kill -KILL 0 ) >/dev/null 2>&1 &',
    'w5_dog=$!',
    ...Object.entries(env).map(([name, value]) => assignment(name, value)),
    ['set --', ...args.map(quote)].join(' '),
    // `eval` of one quoted word: no script, however broken, can end the wrapper.
    `( eval ${quote(script)} ) </dev/null 3<&-`,
    'w5_code=$?',
    '{ kill -KILL "$w5_dog"; wait "$w5_dog"; } >/dev/null 2>&1',
    `printf '%s%s;' ${quote(end)} "$w5_code" >&2`,
    `printf '%s%s;' ${quote(end)} "$w5_code"`,
    'exit "$w5_code"',
    '}',
    '',
  ].join('\n');
  return { text, begin, end };
}
