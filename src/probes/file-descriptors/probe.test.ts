// The snippet run for real, its numbers held against what the kernel was made to do.
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openNamespace } from '../../facts/testing/namespaces.ts';
import { startNginx } from '../testing/nginx.ts';
import { asNobody, measure, readProbe } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { fileDescriptors } from './probe.ts';

describe('everywhere', () => survivesEverywhere(fileDescriptors));

it.for([
  ['sh', ['sh']],
  ['busybox sh', ['busybox', 'sh']],
] as const)('%s: the worker of a real nginx against its limit', async ([, shell]) => {
  const namespace = await openNamespace();
  await namespace.must('ip link set lo up');
  const nginx = await startNginx(namespace, { main: 'worker_rlimit_nofile 77;' });
  try {
    const evidence = await measure(fileDescriptors, { prefix: namespace.prefix, shell });
    const worker = evidence.processes.find((each) => each.limit === 77);
    expect(worker).toMatchObject({ name: 'nginx', open: readdirSync(`/proc/${String(worker?.pid)}/fd`).length });
    expect(evidence.processes.map((each) => each.pid)).toContain(nginx.pid);
    expect(evidence.systemOpen).toBeGreaterThan(0);
    const poor = await readProbe(fileDescriptors, { prefix: [...namespace.prefix, ...asNobody], shell });
    expect(poor.needsRoot).toEqual(asNobody.length > 0 ? ['open files of the web server'] : []);
  } finally {
    await nginx.close();
    await namespace.close();
  }
});
