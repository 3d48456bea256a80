// A worker thread: waits for a job, takes ranges until none is left, posts what it counted, and ends.
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';

import { openDialects, type Dialects } from './dialects.ts';
import { runTasks, type Job, type Part } from './job.ts';

if (parentPort === null) throw new Error('this is a worker thread');
const [job] = (await once(parentPort, 'message')) as [Job];
const known = new Map<number, Dialects>();

function dialectsOf(input: number): Dialects {
  const before = known.get(input);
  if (before !== undefined) return before;
  const keys = job.files[input]?.keys;
  if (keys == null) throw new Error(`input ${input} cannot be read by a worker`);
  const dialects = openDialects(keys, job.hints);
  known.set(input, dialects);
  return dialects;
}

function run(): Part {
  const tasks = runTasks(job, dialectsOf);
  for (;;) {
    const step = tasks.next();
    if (step.done === true) return step.value;
  }
}

const part = run();
const { failureRows, eventRows } = part.state;
const columns = [failureRows, eventRows].flatMap((rows) =>
  [rows.rank, rows.group, rows.at, rows.line, rows.client, rows.request, rows.requestId].map(({ buffer }) => buffer as ArrayBuffer),
);
parentPort.postMessage(part, columns);
