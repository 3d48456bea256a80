// Worker threads, which may be started before it is known what they will do: a thread needs as long to start as the main thread to find out.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import type { Job, Part } from './job.ts';

/** Below this much of plain files, starting a thread takes longer than it saves. */
export const worthWorkers = 64 << 20;

/** How many threads beside the calling one are worth their start for so many bytes. */
export function workersFor(bytes: number): number {
  return bytes < worthWorkers ? 0 : Math.min(3, availableParallelism() - 1);
}

const started: Worker[] = [];

function start(): Worker {
  // In dist/ this code lies in a folder beside scan/.
  return new Worker(new URL(`../scan/worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url), {
    // What is allocated is forgotten at once: a larger nursery would only be filled.
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  });
}

/** Starts threads that `runWorker` will take. Those that nobody takes end with the process. */
export function startWorkers(count: number): void {
  for (let i = 0; i < count; i++) {
    const worker = start();
    worker.unref();
    // Whoever takes it hears of its errors; until then there is nobody to tell.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      const at = started.indexOf(worker);
      if (at >= 0) started.splice(at, 1);
    });
    started.push(worker);
  }
}

/** Runs a worker on the job until it brings its part. */
export function runWorker(job: Job): Promise<Part> {
  return new Promise((resolve, reject) => {
    const worker = started.pop() ?? start();
    worker.ref();
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a worker ended early (${code})`)));
    worker.postMessage(job, []);
  });
}

/** Ends the threads that nobody took. */
export function endIdleWorkers(): void {
  for (const worker of started.splice(0)) void worker.terminate();
}
