import { describe, expect, it } from 'vitest';

import { accessLine, balancerLine, findingsOf, hostFacts, logLines } from '../../engine/testing/scenes.ts';
import type { About, Made } from '../../engine/testing/scenes.ts';
import type { Cgroups, Pressure, Process, Processes } from '../../model/observations.ts';
import { cpuSaturated } from './cause.ts';

const abandoned = balancerLine(1, 504, 'app-1', { connectMs: 0, headerMs: null, responseMs: 10_000 });

/** A process with the seconds that it ran and waited for a CPU in ten seconds. */
function process(name: string, ran: number, waited: number | null): Process {
  const delta = (value: number) => ({ now: 100 + value, delta: value });
  return {
    pid: 9,
    parent: 1,
    user: 'app',
    name,
    command: name,
    state: 'R',
    threads: 1,
    residentBytes: 1e6,
    cpuSeconds: delta(ran),
    ...(waited === null ? {} : { cpuWaitSeconds: delta(waited) }),
    startedAt: null,
  };
}
/** What a host with two CPUs used of the 20 seconds that there were. */
function using(cpuSecondsAll: number, ...all: readonly Process[]): Processes {
  return { processes: all, total: all.length, elapsedSeconds: 10, cpuSecondsAll };
}
function pressure(busy: number): Pressure {
  const line = { avg10: 70, avg60: 60, totalUs: { now: 1, delta: 1 } };
  return {
    cpu: { some: line },
    memory: { some: null, full: null },
    io: { some: null, full: null },
    load1: 9,
    runnable: 9,
    busy,
    steal: 0,
    ioWait: 0,
    memoryAvailableBytes: null,
    swapUsedBytes: null,
    swapPages: null,
    oomKills: null,
  };
}
function cgroup(periods: number, throttled: number): Cgroups {
  const delta = (value: number) => ({ now: value, delta: value });
  return {
    groups: [
      {
        path: '/site',
        processes: ['app'],
        cpuQuota: 0.5,
        periods: delta(periods),
        throttled: delta(throttled),
        throttledUs: delta(1),
        memoryLimitBytes: null,
        memoryUsedBytes: null,
        oomKills: null,
        pidsMax: null,
        pids: null,
      },
    ],
  };
}

const job = process('indexer', 17, 2);
const starved = process('php-fpm8.2', 0.1, 25);
const quick = process('php-fpm8.2', 0.4, 0.1);

/** A request to app-1 that the balancer gave up after ten seconds. */
function made(about: About, options: Partial<Made> = {}): Made {
  return {
    requests: [
      { n: 1, status: 504, ms: 10_003 },
      { n: 2, status: 200, ms: 30 },
    ],
    ...options,
    hosts: { lb: { logs: logLines([abandoned]) }, ...options.hosts, 'app-1': { 'host-facts': hostFacts(2), ...about } },
  };
}

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
  readonly explains?: readonly string[];
}
const cases: readonly Case[] = [
  {
    why: 'a job used the CPUs and the site’s processes waited for one',
    made: made({ processes: using(17.6, job, starved) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'no account of waiting, but others fail too',
    made: made({ processes: using(18, job, process('php-fpm8.2', 0.1, null)), logs: logLines([accessLine(null, 499)]) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'no account of waiting, and nobody else is seen to fail',
    made: made({ processes: using(18, job, process('php-fpm8.2', 0.1, null)) }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'neighbours use the rest of the machine',
    made: made({ processes: using(8, process('indexer', 7.8, 9), starved), pressure: pressure(0.99) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'neighbours use most of the machine, but a job of its own takes what the site would need',
    made: made({ processes: using(3, process('indexer', 2.9, 9), starved), pressure: pressure(0.99) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'neighbours use most of the machine, and nothing but the site runs here',
    made: made({ processes: using(3, process('php-fpm8.2', 2.9, 40)), pressure: pressure(0.99) }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'its processes wait, but neighbours use the machine',
    made: made({ processes: using(0.6, starved), pressure: pressure(0.99) }),
    is: 'ruled-out',
  },
  {
    why: 'the site computes itself, and all its processes wait for each other',
    made: made({ processes: using(19.5, ...Array.from({ length: 8 }, () => process('php-fpm8.2', 2.4, 7))) }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'its control group was stopped in most periods, on an idle machine',
    made: made({ processes: using(5, process('app', 5, 0)), pressure: pressure(0.25), cgroups: cgroup(100, 93) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'its control group was stopped now and then',
    made: made({ processes: using(5, process('app', 5, 0)), pressure: pressure(0.25), cgroups: cgroup(100, 20) }),
    is: 'ruled-out',
  },
  {
    why: 'the CPUs are used up and others fail, but the site’s processes got theirs',
    made: made({ processes: using(18, job, quick), logs: logLines([accessLine(null, 499)]) }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'the CPUs are used up, and every request is quick',
    made: made({ processes: using(18, job, quick) }, { requests: [{ n: 1, status: 200, ms: 20 }], hosts: {} }),
    is: 'advice',
  },
  {
    why: 'the CPUs are used up, but the balancer never got a connection',
    made: made(
      { processes: using(18, job, quick) },
      { hosts: { lb: { logs: logLines([balancerLine(1, 504, 'app-1', { connectMs: null, headerMs: null, responseMs: 2000 })]) } } },
    ),
    is: 'advice',
  },
  { why: 'a page that waits for something else', made: made({ processes: using(0.4, quick), pressure: pressure(0.1) }), is: 'ruled-out' },
  {
    why: 'one of two CPUs is busy',
    made: made({ processes: using(10, process('indexer', 9.9, 0), quick), pressure: pressure(0.52) }),
    is: 'ruled-out',
  },
  {
    why: 'one reading only',
    made: made({ processes: { processes: [], total: 20, elapsedSeconds: null, cpuSecondsAll: null } }),
    is: 'inconclusive',
  },
];

describe('cpu-saturated', () => {
  it.for(cases)('$why: $is', ({ made: scene, is, explains }) => {
    const finding = findingsOf(cpuSaturated, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('names who used the CPUs', () => {
    const finding = findingsOf(cpuSaturated, made({ processes: using(17.6, job, starved) }))['app-1'];
    if (finding?.is !== 'confirmed') throw new Error('not confirmed');
    expect(finding.summary.en).toBe(
      'The CPUs of app-1 are used up: indexer (1 process) used 17.0 of the 20.0 CPU seconds there were; the site’s processes (php-fpm8.2 …) ran for 0.1 s and waited 25.0 s for a CPU.',
    );
    expect(cpuSaturated.fix(finding, undefined as never).summary.en).toContain('Stop indexer');
  });
});
