// The snippet run for real, its numbers held against what the kernel was made to do.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openNamespace } from '../../facts/testing/namespaces.ts';
import { startNginx } from '../testing/nginx.ts';
import { contextAt, measureAround } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { cgroups } from './probe.ts';

describe('everywhere', () => survivesEverywhere(cgroups));

/** Where a group with a CPU quota can be made here: version 1 or 2; null where this machine lets nobody. */
function quotaRoot(): { readonly directory: string; readonly version: 1 | 2 } | null {
  const writable = (directory: string): boolean => {
    try {
      accessSync(directory, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  };
  for (const directory of ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'])
    if (existsSync(`${directory}/cpu.cfs_quota_us`) && writable(directory)) return { directory, version: 1 };
  const two = '/sys/fs/cgroup';
  return existsSync(`${two}/cgroup.subtree_control`) &&
    readFileSync(`${two}/cgroup.subtree_control`, 'utf8').includes('cpu') &&
    writable(two)
    ? { directory: two, version: 2 }
    : null;
}

it.for([
  ['sh', ['sh']],
  ['busybox sh', ['busybox', 'sh']],
] as const)('%s: the group of a real nginx, throttled for real where this machine allows it', { timeout: 20_000 }, async ([, shell]) => {
  const root = quotaRoot();
  const namespace = await openNamespace();
  await namespace.must('ip link set lo up');
  const nginx = await startNginx(namespace);
  const name = `why5xx-test-${process.pid}-${shell.length}`;
  const directory = root === null ? null : `${root.directory}/${name}/inner`;
  try {
    if (root !== null && directory !== null) {
      mkdirSync(`${root.directory}/${name}`);
      // The limit stands on the group above the one that the process is in.
      if (root.version === 1) writeFileSync(`${root.directory}/${name}/cpu.cfs_quota_us`, '5000');
      else writeFileSync(`${root.directory}/${name}/cpu.max`, '5000 100000');
      mkdirSync(directory);
      writeFileSync(`${directory}/cgroup.procs`, String(nginx.pid));
    }
    const burn = directory === null ? ':' : `echo $$ >${directory}/cgroup.procs; timeout 1 sh -c 'while :; do :; done'`;
    const { groups } = await measureAround(cgroups, () => namespace.run(['sh', '-c', burn]), { prefix: namespace.prefix, shell });
    const own = groups.filter((group) => group.processes.includes('nginx'));
    expect(own.length).toBeGreaterThan(0);
    const limited = groups.find((group) => group.path === `/${name}`);
    expect(limited?.processes ?? null).toEqual(root === null ? null : ['nginx']);
    expect(limited?.cpuQuota ?? null).toBe(root === null ? null : 0.05);
    expect((limited?.throttled?.delta ?? 0) > 2).toBe(root !== null);
    expect((limited?.throttledUs?.delta ?? 0) > 100_000).toBe(root !== null);
  } finally {
    await nginx.close();
    await namespace.close();
    if (root !== null && directory !== null) {
      rmdirSync(directory);
      rmdirSync(`${root.directory}/${name}`);
    }
  }
});

const unified = `@@map
2\t/system.slice/php.service\t/sys/fs/cgroup\tphp-fpm8.2
2\t/system.slice\t/sys/fs/cgroup\tphp-fpm8.2
2\t/\t/sys/fs/cgroup\tphp-fpm8.2
@@files
/sys/fs/cgroup/system.slice/php.service/cpu.max:50000 100000
/sys/fs/cgroup/system.slice/php.service/cpu.stat:usage_usec 900
/sys/fs/cgroup/system.slice/php.service/cpu.stat:nr_periods 40
/sys/fs/cgroup/system.slice/php.service/cpu.stat:nr_throttled 12
/sys/fs/cgroup/system.slice/php.service/cpu.stat:throttled_usec 34567
/sys/fs/cgroup/system.slice/php.service/memory.max:268435456
/sys/fs/cgroup/system.slice/php.service/memory.current:200000000
/sys/fs/cgroup/system.slice/php.service/memory.events:oom 3
/sys/fs/cgroup/system.slice/php.service/memory.events:oom_kill 2
/sys/fs/cgroup/system.slice/php.service/pids.max:max
/sys/fs/cgroup/system.slice/php.service/pids.current:9
/sys/fs/cgroup/system.slice/cpu.max:max 100000
/sys/fs/cgroup/system.slice/memory.max:max
/sys/fs/cgroup/system.slice/memory.current:300000000
@@end
`;

it('reads version 2, group by group upwards', () => {
  const context = contextAt(0, 1);
  const nothing = {
    cpuQuota: null,
    periods: null,
    throttled: null,
    throttledUs: null,
    memoryLimitBytes: null,
    oomKills: null,
    pidsMax: null,
    pids: null,
  };
  expect(
    cgroups.combine(cgroups.parse(unified.replace('oom_kill 2', 'oom_kill 1'), context), cgroups.parse(unified, context), context).groups,
  ).toEqual([
    {
      path: '/system.slice/php.service',
      processes: ['php-fpm8.2'],
      cpuQuota: 0.5,
      periods: { now: 40, delta: 0 },
      throttled: { now: 12, delta: 0 },
      throttledUs: { now: 34_567, delta: 0 },
      memoryLimitBytes: 268_435_456,
      memoryUsedBytes: 200_000_000,
      oomKills: { now: 2, delta: 1 },
      pidsMax: null,
      pids: 9,
    },
    { path: '/system.slice', processes: ['php-fpm8.2'], ...nothing, memoryUsedBytes: 300_000_000 },
  ]);
});

it('says so where no control groups are mounted', () => {
  expect(() => cgroups.parse('@@map\n\n@@files\n@@end\n', contextAt(0, 1))).toThrow('no control groups');
});
