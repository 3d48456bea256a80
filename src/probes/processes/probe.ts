// The processes of this host and the CPU time each used while our requests ran. Read from /proc directly: `ps` differs from system to
// system, and one `cat` over all processes is cheaper.
import { plain } from '../../model/neutral.ts';
import type { Counter, Process } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { redactText } from '../../model/redact.ts';

// USER_HZ is 100 on every architecture that Linux servers run on.
const ticksPerSecond = 100;
const commandLimit = 300;

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly state: string;
  readonly threads: number;
  readonly ownTicks: number;
  readonly childTicks: number;
  readonly startTicks: number;
  /** Time spent runnable but waiting for a CPU; null where the kernel keeps no such account. */
  readonly waitSeconds: number | null;
  readonly residentBytes: number;
  readonly user: string;
  readonly command: string;
}
interface Sample {
  readonly uptimeSeconds: number;
  readonly cpus: number;
  readonly bootAtMs: number | null;
  readonly rows: readonly Row[];
}

const script = `
w5_mark=w5-$w5_token
echo "$w5_mark"
echo $$
cat /proc/uptime
awk '/^cpu[0-9]/ { cpus++ } /^btime/ { boot = $2 } END { print "boot", boot + 0, cpus + 0 }' /proc/stat
echo "$W5_PIDS"
cat $(printf '/proc/%s/stat ' $W5_PIDS)
echo "$w5_mark status"
grep -H -e '^Uid:' -e '^VmRSS:' $(printf '/proc/%s/status ' $W5_PIDS)
echo "$w5_mark schedstat"
grep -Hs '' $(printf '/proc/%s/schedstat ' $W5_PIDS) /dev/null
echo "$w5_mark passwd"
cut -d: -f1,3 /etc/passwd | head -c 65536
if [ "$W5_PHASE" = after ]; then
  echo "$w5_mark commands"
  head -c 400 $(printf '/proc/%s/cmdline ' $W5_PIDS) /dev/null | tr '\\000' ' '
fi
`;

/** Text of a section up to the next mark; '' when it is not there. */
function section(output: string, mark: string): string {
  const at = output.indexOf(`\n${mark}\n`);
  if (at < 0) return '';
  const start = at + mark.length + 2;
  const boundary = mark.split(' ')[0] ?? mark;
  const end = output.indexOf(`\n${boundary} `, start - 1);
  return output.slice(start, end < 0 ? undefined : end);
}

/** `==> /proc/7/cmdline <==` blocks. A pid that appears twice was forged by somebody's arguments: nobody gets it then. */
function commandsOf(text: string): Map<number, string> {
  const commands = new Map<number, string>();
  const forged = new Set<number>();
  for (const block of `\n${text}`.split('\n==> /proc/').slice(1)) {
    const match = /^(\d+)\/cmdline <==(?:\n|$)/.exec(block);
    if (!match) continue;
    const pid = Number(match[1]);
    if (commands.has(pid)) forged.add(pid);
    commands.set(
      pid,
      block
        .slice(match[0].length)
        .replace(/\n==> \/dev\/null <==\s*$/, '')
        .trim(),
    );
  }
  for (const pid of forged) commands.delete(pid);
  return commands;
}

function parse(output: string): Sample {
  const lines = output.split('\n');
  const mark = lines[0] ?? '';
  const shell = Number(lines[1]);
  const uptimeSeconds = Number.parseFloat(lines[2] ?? '');
  if (!mark.startsWith('w5-') || !Number.isFinite(uptimeSeconds))
    throw new ProbeError('/proc could not be read', { needs: 'a mounted /proc' });
  const boot = /^boot (\d+) (\d+)/.exec(lines[3] ?? '');
  const wanted = new Set((lines[4] ?? '').split(' ').map(Number));
  const users = new Map<string, string>();
  for (const line of section(output, `${mark} passwd`).split('\n')) {
    const [name, uid] = line.split(':');
    if (name && uid && !users.has(uid)) users.set(uid, name);
  }
  const uids = new Map<number, string>();
  const resident = new Map<number, number>();
  for (const line of section(output, `${mark} status`).split('\n')) {
    const match = /^\/proc\/(\d+)\/status:(Uid|VmRSS):\s*(\d+)(?:\s+(\d+))?/.exec(line);
    if (!match) continue;
    if (match[2] === 'Uid') uids.set(Number(match[1]), match[4] ?? match[3] ?? '');
    else resident.set(Number(match[1]), Number(match[3]) * 1024);
  }
  const waits = new Map<number, number>();
  for (const match of section(output, `${mark} schedstat`).matchAll(/^\/proc\/(\d+)\/schedstat:\d+ (\d+) \d+$/gm))
    waits.set(Number(match[1]), Number(match[2]) / 1e9);
  const commands = commandsOf(section(output, `${mark} commands`));
  const end = lines.findIndex((line) => line === `${mark} status`);
  const rows = new Map<number, Row>();
  for (const line of lines.slice(5, end < 0 ? undefined : end)) {
    const match = /^(\d+) \((.*)\) (\S) (.*)$/.exec(line);
    if (!match) continue;
    const pid = Number(match[1]);
    const fields = (match[4] ?? '').split(' ').map(Number);
    const field = (n: number): number => fields[n - 4] ?? 0; // numbered as in proc(5); the fourth is the parent
    if (!wanted.has(pid) || rows.has(pid) || pid === shell || field(4) === shell) continue;
    const uid = uids.get(pid) ?? '';
    rows.set(pid, {
      pid,
      parent: field(4),
      name: plain(match[2] ?? ''),
      state: match[3] ?? '',
      threads: field(20),
      ownTicks: field(14) + field(15),
      childTicks: field(16) + field(17),
      startTicks: field(22),
      waitSeconds: waits.get(pid) ?? null,
      residentBytes: resident.get(pid) ?? 0,
      user: users.get(uid) ?? uid,
      command: plain(redactText(commands.get(pid) ?? '')).slice(0, commandLimit),
    });
  }
  return {
    uptimeSeconds,
    cpus: Number(boot?.[2] ?? 0),
    bootAtMs: boot && boot[1] !== '0' ? Number(boot[1]) * 1000 : null,
    rows: [...rows.values()],
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const seconds = (ticks: number): number => ticks / ticksPerSecond;

/**
 * CPU ticks used between the readings. A process that ends hands its whole time to the parent that waits for it, so the difference of the
 * totals counts everything once; where nobody waited, the sum over those that live on is the larger one.
 */
function ticksBetween(before: readonly Row[], after: readonly Row[]): number {
  const total = (rows: readonly Row[]): number => sum(rows.map((row) => row.ownTicks + row.childTicks));
  const earlier = new Map(before.map((row) => [row.pid, row]));
  const living = after.map((row) => {
    const was = earlier.get(row.pid);
    return was !== undefined && was.startTicks === row.startTicks ? row.ownTicks - was.ownTicks : row.ownTicks;
  });
  return Math.max(0, total(after) - total(before), sum(living));
}

/** Seconds to the millisecond; `earlier` null where there is no earlier reading. */
function waited(now: number, earlier: number | null): Counter {
  const rounded = (value: number): number => Math.round(value * 1000) / 1000;
  return { now: rounded(now), delta: earlier === null ? null : rounded(Math.max(0, now - earlier)) };
}

/** Processes in the host's own network namespace, busiest first; at most 400 of them are listed. */
export const processes = defineHostProbe<'processes', Sample>({
  id: 'processes',
  title: 'Processes and their CPU time',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse,
  combine(before, after) {
    const earlier = new Map(before?.rows.map((row) => [row.pid, row]));
    const listed = after.rows.map((row): Process => {
      const was = earlier.get(row.pid);
      const same = was !== undefined && was.startTicks === row.startTicks;
      const delta = before === undefined ? null : seconds(row.ownTicks - (same ? was.ownTicks : 0));
      return {
        pid: row.pid,
        parent: row.parent,
        user: row.user,
        name: row.name,
        command: row.command,
        state: row.state,
        threads: row.threads,
        residentBytes: row.residentBytes,
        cpuSeconds: { now: seconds(row.ownTicks), delta },
        ...(row.waitSeconds === null
          ? {}
          : { cpuWaitSeconds: waited(row.waitSeconds, before === undefined ? null : same ? was.waitSeconds : 0) }),
        startedAt: after.bootAtMs === null ? null : new Date(after.bootAtMs + seconds(row.startTicks) * 1000).toISOString(),
      };
    });
    listed.sort((a, b) => (b.cpuSeconds.delta ?? 0) - (a.cpuSeconds.delta ?? 0) || b.residentBytes - a.residentBytes || a.pid - b.pid);
    const elapsedSeconds = before === undefined ? null : Math.max(0, after.uptimeSeconds - before.uptimeSeconds);
    return {
      processes: listed.slice(0, 400),
      total: listed.length,
      elapsedSeconds,
      // A process of this host may have waited for one that is not of this host (a container): more than all CPUs can give is not ours.
      cpuSecondsAll:
        before === undefined || elapsedSeconds === null
          ? null
          : Math.min(seconds(ticksBetween(before.rows, after.rows)), (elapsedSeconds + 0.1) * (after.cpus || Infinity)),
    };
  },
});
