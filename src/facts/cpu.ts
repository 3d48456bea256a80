// How much of its CPUs a host's own processes used while our requests ran, who used it, and how long the site's processes waited for a CPU.
// Figures of the kernel as a whole (load, /proc/pressure, /proc/stat) are shared by every container on a machine; these are the host's own.
import type { Scene } from '../model/cause.ts';
import type { Measured } from '../model/evidence.ts';
import type { Process } from '../model/observations.ts';

/** CPU use of one host between the readings. */
export interface CpuUse {
  readonly evidence: Measured<'processes'>;
  readonly usedSeconds: number;
  readonly elapsedSeconds: number;
  readonly cpus: number;
  /** Used share of all CPUs, 0…1. */
  readonly share: number;
  /** Used by name, the largest first; `pointer` is that of one of these processes. */
  readonly consumers: readonly {
    readonly name: string;
    readonly processes: number;
    readonly seconds: number;
    readonly pointer: string;
    /** Serves the site: a web server or a runtime. */ readonly serves: boolean;
  }[];
  /** Processes that serve the site (web server, runtime): seconds that they ran and that they waited for a CPU; null where the kernel does not tell. */
  readonly serving: { readonly ranSeconds: number; readonly waitedSeconds: number; readonly name: string; readonly pointer: string } | null;
}

/** Null with a single reading, or where the readings are too close to say anything. */
export function cpuUse(scene: Scene<'processes' | 'host-facts'>, host: string): CpuUse | null {
  const evidence = scene.one('processes', host);
  const cpus = scene.one('host-facts', host)?.data.cpus;
  if (evidence === undefined || cpus === undefined || cpus <= 0) return null;
  const { processes, elapsedSeconds, cpuSecondsAll } = evidence.data;
  if (elapsedSeconds === null || cpuSecondsAll === null || elapsedSeconds < 0.5) return null;
  const byName = new Map<string, { processes: number; seconds: number; pointer: string }>();
  for (const [index, process] of processes.entries()) {
    const used = process.cpuSeconds.delta ?? 0;
    const entry = byName.get(process.name) ?? { processes: 0, seconds: 0, pointer: `/processes/${index}/cpuSeconds/delta` };
    if (used > 0) byName.set(process.name, { ...entry, processes: entry.processes + 1, seconds: entry.seconds + used });
  }
  return {
    evidence,
    usedSeconds: cpuSecondsAll,
    elapsedSeconds,
    cpus,
    share: Math.min(1, cpuSecondsAll / elapsedSeconds / cpus),
    consumers: [...byName].map(([name, entry]) => ({ name, ...entry, serves: serves({ name }) })).toSorted((a, b) => b.seconds - a.seconds),
    serving: servingOf(processes),
  };
}

function servingOf(processes: readonly Process[]): CpuUse['serving'] {
  const waits = processes.flatMap((process, index) => {
    const waitedSeconds = process.cpuWaitSeconds?.delta ?? null;
    return waitedSeconds === null || !serves(process)
      ? []
      : [{ index, name: process.name, waitedSeconds, ranSeconds: process.cpuSeconds.delta ?? 0 }];
  });
  const [longest] = waits.toSorted((a, b) => b.waitedSeconds - a.waitedSeconds);
  if (longest === undefined) return null;
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
  return {
    ranSeconds: sum(waits.map((each) => each.ranSeconds)),
    waitedSeconds: sum(waits.map((each) => each.waitedSeconds)),
    name: longest.name,
    pointer: `/processes/${longest.index}/cpuWaitSeconds/delta`,
  };
}

function serves({ name }: Pick<Process, 'name'>): boolean {
  return /^(nginx|php-fpm|php-cgi|apache2|httpd|caddy|haproxy|uwsgi|gunicorn|puma|unicorn|node|java|ruby|python)/.test(name);
}
