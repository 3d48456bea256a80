// How the lab's helper programs are started: with this program's own Node and files, in a host's network and PID namespace.
import { fileURLToPath } from 'node:url';

import type { LabState } from './state.ts';
import { enterNetworkWords } from './system.ts';

/** Nothing that the lab starts by itself runs longer than this, whatever happens to the command that started it. */
export const trafficSeconds = 900;

/** Words that run `src/lab/SCRIPT` (or its built form) in a host with one argument. */
export function helperWords(state: LabState, host: string, script: string, argument: string): readonly string[] {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return [
    ...enterNetworkWords(state.hosts[host]?.pid ?? 0),
    process.execPath,
    // In dist/ this code lies in a folder beside lab/.
    fileURLToPath(new URL(`../lab/${script}${extension}`, import.meta.url)),
    argument,
  ];
}
