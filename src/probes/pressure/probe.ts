// How busy the host is: stall times (PSI), CPU time by kind, load, memory and swap.
import type { Pressure, PressureLine } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { counterOf, counterOrNull } from '../counter.ts';

// The pressure files exist on kernels from 4.20, and not where PSI is switched off.
const script = `
grep -s '' /proc/pressure/cpu /proc/pressure/memory /proc/pressure/io /proc/loadavg /dev/null
grep -s -e '^cpu ' -e '^procs_' /proc/stat
grep -s -e '^MemAvailable:' -e '^MemFree:' -e '^Cached:' -e '^Buffers:' -e '^SwapTotal:' -e '^SwapFree:' /proc/meminfo
grep -s -e '^pswpin ' -e '^pswpout ' -e '^oom_kill ' /proc/vmstat
printf '@@end\\n'
`;

type PsiSample = { readonly avg10: number; readonly avg60: number; readonly totalUs: number };
interface Sample {
  readonly psi: Readonly<Record<string, PsiSample>>;
  readonly load1: number | null;
  readonly runnable: number | null;
  /** Clock ticks: user nice system idle iowait irq softirq steal. */
  readonly ticks: readonly number[] | null;
  readonly memory: ReadonlyMap<string, number>;
  readonly vmstat: ReadonlyMap<string, number>;
}

export const pressure = defineHostProbe<'pressure', Sample>({
  id: 'pressure',
  title: 'CPU, memory and I/O pressure',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse(output) {
    const psi: Record<string, PsiSample> = {};
    for (const match of output.matchAll(
      /^\/proc\/pressure\/(cpu|memory|io):(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=[\d.]+ total=(\d+)$/gm,
    )) {
      psi[`${match[1] ?? ''} ${match[2] ?? ''}`] = { avg10: Number(match[3]), avg60: Number(match[4]), totalUs: Number(match[5]) };
    }
    const load = /^\/proc\/loadavg:([\d.]+) [\d.]+ [\d.]+ (\d+)\/\d+/m.exec(output);
    const ticks = /^cpu +([\d ]+)$/m.exec(output)?.[1]?.trim().split(/\s+/).slice(0, 8).map(Number) ?? null;
    const memory = new Map(
      [...output.matchAll(/^(Mem\w+|Cached|Buffers|Swap\w+): +(\d+) kB$/gm)].map((match) => [match[1] ?? '', Number(match[2]) * 1024]),
    );
    const vmstat = new Map([...output.matchAll(/^(pswpin|pswpout|oom_kill) (\d+)$/gm)].map((match) => [match[1] ?? '', Number(match[2])]));
    if (ticks === null && memory.size === 0) throw new ProbeError('/proc/stat and /proc/meminfo could not be read');
    // The process that reads is itself runnable.
    return { psi, load1: load ? Number(load[1]) : null, runnable: load ? Math.max(0, Number(load[2]) - 1) : null, ticks, memory, vmstat };
  },
  combine(before, after): Pressure {
    const line = (name: string): PressureLine | null => {
      const now = after.psi[name];
      return now === undefined ? null : { avg10: now.avg10, avg60: now.avg60, totalUs: counterOf(now.totalUs, before?.psi[name]?.totalUs) };
    };
    const shares = cpuShares(before?.ticks ?? null, after.ticks);
    const { memory, vmstat } = after;
    const available = memory.get('MemAvailable') ?? sum(memory, ['MemFree', 'Cached', 'Buffers']);
    const swapTotal = memory.get('SwapTotal');
    const swapFree = memory.get('SwapFree');
    return {
      cpu: { some: line('cpu some') },
      memory: { some: line('memory some'), full: line('memory full') },
      io: { some: line('io some'), full: line('io full') },
      load1: after.load1,
      runnable: after.runnable,
      ...shares,
      memoryAvailableBytes: available,
      swapUsedBytes: swapTotal === undefined || swapFree === undefined ? null : swapTotal - swapFree,
      swapPages: counterOrNull(sum(vmstat, ['pswpin', 'pswpout']), before ? sum(before.vmstat, ['pswpin', 'pswpout']) : null),
      oomKills: counterOrNull(vmstat.get('oom_kill') ?? null, before?.vmstat.get('oom_kill')),
    };
  },
});

function cpuShares(before: readonly number[] | null, after: readonly number[] | null): Pick<Pressure, 'busy' | 'steal' | 'ioWait'> {
  const unknown = { busy: null, steal: null, ioWait: null };
  if (!before || !after || before.length < 8 || after.length < 8) return unknown;
  const spent = after.map((tick, index) => Math.max(0, tick - (before[index] ?? 0)));
  const total = spent.reduce((all, ticks) => all + ticks, 0);
  if (total <= 0) return unknown;
  const share = (index: number): number => (spent[index] ?? 0) / total;
  // Stolen time was wanted and not had: it is neither idle nor our work.
  return { busy: Math.max(0, 1 - share(3) - share(4) - share(7)), steal: share(7), ioWait: share(4) };
}

function sum(values: ReadonlyMap<string, number>, names: readonly string[]): number | null {
  const known = names.flatMap((name) => values.get(name) ?? []);
  return known.length === 0 ? null : known.reduce((all, value) => all + value, 0);
}
