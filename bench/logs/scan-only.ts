// The scanner without the explaining half, answering in the shape of a report: shows what reading alone costs. `--ours scan` of the bench.
import { parseArgs } from 'node:util';

import { resolveInputs } from '../../src/logs/input/resolve.ts';
import { scanLogs } from '../../src/logs/scan/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: 'string', short: 'o' },
    quiet: { type: 'boolean' },
    workers: { type: 'string' },
  },
});
const { inputs } = await resolveInputs(positionals, { stdin: process.stdin });
const tally = await scanLogs(inputs, {
  hints: { nginxFormats: [], year: 2026 },
  workers: values.workers === undefined ? undefined : Number(values.workers),
});

const minutes = new Map<number, [number, number]>();
const servers = new Map<string, [number, number]>();
let [requests, failed] = [0, 0];
for (const cell of tally.cells) {
  const minute = minutes.get(cell.minute) ?? [0, 0];
  minutes.set(cell.minute, [minute[0] + cell.requests, minute[1] + cell.failed]);
  const server = servers.get(cell.backend) ?? [0, 0];
  servers.set(cell.backend, [server[0] + cell.requests, server[1] + cell.failed]);
  requests += cell.requests;
  failed += cell.failed;
}
const first = Math.min(...minutes.keys());
const length = Math.max(...minutes.keys()) - first + 1;
const steps = Array.from({ length }, (_, index) => minutes.get(first + index) ?? [0, 0]);
process.stdout.write(
  JSON.stringify({
    logs: {
      requests,
      failed,
      timeline: {
        start: new Date(first * 60_000).toISOString(),
        stepSeconds: 60,
        requests: steps.map(([each]) => each),
        failed: steps.map(([, each]) => each),
      },
      byBackend: { rows: [...servers].map(([key, [all, bad]]) => ({ key, requests: all, failed: bad })) },
      inputs: tally.inputs.map(({ format, lines, parsed, unparsed, problems }) => ({ format, lines, parsed, unparsed, problems })),
    },
  }),
);
