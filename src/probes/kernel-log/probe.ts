// Kernel messages that name a trouble: out of memory, crashes, full tables, floods, martians, hung tasks, broken file systems.
import type { KernelLog } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';

type Kind = KernelLog['lines'][number]['kind'];

const kinds: readonly (readonly [Kind, RegExp])[] = [
  ['oom', /oom-kill|out of memory|killed process|oom_reaper/i],
  ['segfault', /segfault|general protection|traps: .* trap /i],
  ['conntrack', /conntrack.*(table full|dropping packet)/i],
  ['syn-flood', /SYN flooding|request_sock_TCP/i],
  ['martian', /martian (source|destination)/i],
  ['hung-task', /blocked for more than|hung_task|soft lockup|hard LOCKUP|rcu.*(stall|detected)/i],
  [
    'filesystem',
    /(EXT[234]-fs|XFS|BTRFS|F2FS).*(error|corrupt|shut|abort|warning)|I\/O error|remounting filesystem read-only|critical medium error/i,
  ],
  [
    'other',
    /neighbou?r table overflow|out of socket memory|TCP: too many|page allocation failure|file-max limit|fork rejected by pids|NETDEV WATCHDOG|nf_tables:.*(fail|drop)|link is down/i,
  ],
];

// The filter in the shell is wider than the kinds: what it lets through is sorted when it is parsed.
const words =
  'oom-kill|out of memory|killed process|oom_reaper|segfault|general protection|traps: |conntrack|syn flooding|request_sock|martian|blocked for more|hung_task|lockup|rcu|ext[234]-fs|xfs|btrfs|f2fs|i/o error|read-only|medium error|table overflow|socket memory|too many|allocation failure|file-max|fork rejected|netdev watchdog|nf_tables|link is down';

const script = `
printf '@uptime '; cat /proc/uptime
printf '@netns %s\\n' "$W5_NETNS"
w5_filter() { grep -a -i -E -e '${words}|^@denied$' | tail -n 400; }
w5_log=$({ dmesg || echo @denied; } | w5_filter)
case $w5_log in
  *@denied)
    w5_log=
    if w5_have journalctl && journalctl -k -q -n 1 --no-pager | grep -q .; then
      printf '@readable\\n'
      w5_log=$(w5_try 5 journalctl -k -b -q -n 5000 --no-pager -o short-monotonic | w5_filter)
    else
      w5_needs_root 'kernel messages'
    fi ;;
  *) printf '@readable\\n' ;;
esac
printf '@log\\n%s\\n' "$w5_log"
`;

export const kernelLog = defineHostProbe<'kernel-log', KernelLog>({
  id: 'kernel-log',
  title: 'Kernel messages that name a trouble',
  roles: ['edge', 'balancer', 'backend'],
  when: 'after',
  script,
  parse(output) {
    const [head = '', log] = output.split(/^@log$/m, 2);
    if (log === undefined) throw new ProbeError('the kernel log was not printed whole');
    const uptime = /^@uptime ([\d.]+) /m.exec(head)?.[1];
    const netns = /^@netns (\d+)$/m.exec(head)?.[1];
    const lines = log.split('\n').flatMap((line) => readLine(line, uptime === undefined ? null : Number(uptime), netns));
    return { readable: /^@readable$/m.test(head), lines: lines.slice(-200) };
  },
  combine: (_before, after) => after,
});

function readLine(line: string, uptimeSeconds: number | null, netns: string | undefined): KernelLog['lines'] {
  const stamped = /^(?:<\d+>)?\[ *(\d+\.\d+)\](?: \S+ kernel:)? ?(.*)$/.exec(line);
  const text = (stamped?.[2] ?? line).trim();
  const kind = kinds.find(([, pattern]) => pattern.test(text))?.[0];
  if (kind === undefined) return [];
  // Hosts that are namespaces of one machine share its kernel log; newer kernels say whose table was full.
  const other = /in netns (\d+)/.exec(text)?.[1];
  if (other !== undefined && netns !== undefined && other !== netns) return [];
  const process = processOf(kind, text);
  return [
    {
      kind,
      ageSeconds:
        stamped?.[1] === undefined || uptimeSeconds === null
          ? null
          : Math.max(0, Math.round((uptimeSeconds - Number(stamped[1])) * 10) / 10),
      ...process,
      // Control characters cannot come from the kernel's own text, only from names in it.
      text: text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '?').slice(0, 600),
    },
  ];
}

function processOf(kind: Kind, text: string): { pid: number | null; process: string | null } {
  const patterns =
    kind === 'oom'
      ? [
          /killed process (?<pid>\d+),? \((?<name>[^)]*)\)/i,
          /task=(?<name>[^,]+),pid=(?<pid>\d+)/,
          /oom_reaper: reaped process (?<pid>\d+) \((?<name>[^)]*)\)/,
          /(?<name>\S+) invoked oom-killer/,
        ]
      : [/(?<name>[^\s[]+)\[(?<pid>\d+)\]:? (?:segfault|general protection|trap )/, /task (?<name>\S+):(?<pid>\d+) blocked/];
  for (const pattern of patterns) {
    const groups = pattern.exec(text)?.groups;
    if (groups) return { pid: groups['pid'] === undefined ? null : Number(groups['pid']), process: groups['name'] ?? null };
  }
  return { pid: null, process: null };
}
