// The files of control groups, version 1 and 2, as one kind of row.

/** One group at one moment. Numbers are null where the file is missing, limits also where there is none. */
export interface GroupSample {
  readonly path: string;
  readonly processes: readonly string[];
  readonly cpuQuota: number | null;
  readonly periods: number | null;
  readonly throttled: number | null;
  readonly throttledUs: number | null;
  readonly memoryLimitBytes: number | null;
  readonly memoryUsedBytes: number | null;
  readonly oomKills: number | null;
  readonly pidsMax: number | null;
  readonly pids: number | null;
}

/**
 * `map` has a line per controller, path, mount point and process name, parted by tabs; `files` the lines of the files as
 * `path:line`. Groups without any readable file are left out. The deepest group of a process comes before those above it.
 */
export function readGroups(map: string, files: string): GroupSample[] {
  const content = new Map<string, string[]>();
  for (const line of files.split('\n')) {
    const match = /^(.*\/(?:cpu|memory|pids)\.[a-z_.]+):(.*)$/.exec(line);
    if (match) content.set(match[1] ?? '', [...(content.get(match[1] ?? '') ?? []), match[2] ?? '']);
  }
  const groups = new Map<string, { directories: Set<string>; processes: Set<string> }>();
  for (const line of map.split('\n')) {
    const [controller, path, mount, name] = line.split('\t');
    if (controller === undefined || path === undefined || mount === undefined || name === undefined) continue;
    const group = groups.get(path) ?? { directories: new Set<string>(), processes: new Set<string>() };
    groups.set(path, group);
    group.directories.add(`${mount}${path === '/' ? '' : path}`);
    group.processes.add(name);
  }
  return [...groups].flatMap(([path, group]) => {
    const file = (name: string): readonly string[] | undefined =>
      [...group.directories].map((directory) => content.get(`${directory}/${name}`)).find((lines) => lines !== undefined);
    const sample = {
      path,
      processes: [...group.processes],
      ...cpu(file),
      ...memory(file),
      pidsMax: limit(file('pids.max')?.[0]),
      pids: whole(file('pids.current')?.[0]),
    };
    const { path: _path, processes: _processes, ...numbers } = sample;
    return Object.values(numbers).every((value) => value === null) ? [] : [sample];
  });
}

type Files = (name: string) => readonly string[] | undefined;

function cpu(file: Files): Pick<GroupSample, 'cpuQuota' | 'periods' | 'throttled' | 'throttledUs'> {
  const [quota, period] = (file('cpu.max')?.[0] ?? `${file('cpu.cfs_quota_us')?.[0] ?? ''} ${file('cpu.cfs_period_us')?.[0] ?? ''}`).split(
    ' ',
  );
  const cpus = Number(quota) / Number(period);
  const stat = file('cpu.stat');
  const nanoseconds = field(stat, 'throttled_time');
  return {
    cpuQuota: Number.isFinite(cpus) && cpus > 0 ? cpus : null,
    periods: field(stat, 'nr_periods'),
    throttled: field(stat, 'nr_throttled'),
    throttledUs: field(stat, 'throttled_usec') ?? (nanoseconds === null ? null : Math.round(nanoseconds / 1000)),
  };
}

function memory(file: Files): Pick<GroupSample, 'memoryLimitBytes' | 'memoryUsedBytes' | 'oomKills'> {
  return {
    memoryLimitBytes: limit(file('memory.max')?.[0] ?? file('memory.limit_in_bytes')?.[0]),
    memoryUsedBytes: whole(file('memory.current')?.[0] ?? file('memory.usage_in_bytes')?.[0]),
    oomKills: field(file('memory.events'), 'oom_kill') ?? field(file('memory.oom_control'), 'oom_kill'),
  };
}

function field(lines: readonly string[] | undefined, name: string): number | null {
  return whole(lines?.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1));
}

function whole(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

// `max`, and the largest multiple of a page that version 1 prints, both mean none.
function limit(text: string | undefined): number | null {
  const value = whole(text);
  return value === null || value >= 2 ** 62 ? null : value;
}
