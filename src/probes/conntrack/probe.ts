// How full the connection tracking table is, and what it had to drop.
import type { Conntrack } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { counterOrNull } from '../counter.ts';

// Some kernels have neither the count in /proc/sys nor the statistics in /proc: `conntrack -S` asks by netlink, and needs root.
const script = `
cd /proc/sys/net/netfilter 2>/dev/null && grep -s '' nf_conntrack_count nf_conntrack_max /dev/null
[ -r /proc/sys/net/nf_conntrack_max ] && { printf 'fallback_max:'; cat /proc/sys/net/nf_conntrack_max; }
if [ -r /proc/net/stat/nf_conntrack ]; then
  printf '@@stat\\n'; cat /proc/net/stat/nf_conntrack
elif w5_have conntrack; then
  printf '@@tool\\n'; w5_try 3 conntrack -S || w5_needs_root 'conntrack drop statistics'
fi
printf '@@end\\n'
`;

interface Sample {
  readonly count: number | null;
  readonly max: number | null;
  readonly drops: number | null;
  readonly insertFailed: number | null;
}

export const conntrack = defineHostProbe<'conntrack', Sample>({
  id: 'conntrack',
  title: 'Connection tracking table',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse(output) {
    if (!/^@@end$/m.test(output)) throw new ProbeError('the connection tracking table was not printed whole');
    const number = (pattern: RegExp): number | null => {
      const found = pattern.exec(output)?.[1];
      return found === undefined ? null : Number(found);
    };
    const count = number(/^nf_conntrack_count:(\d+)$/m);
    const max = number(/^nf_conntrack_max:(\d+)$/m) ?? number(/^fallback_max:(\d+)$/m);
    const stat = output.split(/^@@stat$/m)[1];
    const tool = output.split(/^@@tool$/m)[1];
    // Nothing at all: connection tracking is not loaded, and so cannot be full.
    return {
      count,
      max,
      drops: stat === undefined ? fromTool(tool, ['drop', 'early_drop']) : fromStat(stat, ['drop', 'early_drop']),
      insertFailed: stat === undefined ? fromTool(tool, ['insert_failed']) : fromStat(stat, ['insert_failed']),
    };
  },
  combine: (before, after): Conntrack => ({
    count: after.count,
    max: after.max,
    drops: counterOrNull(after.drops, before?.drops),
    insertFailed: counterOrNull(after.insertFailed, before?.insertFailed),
  }),
});

// One line of names, one line of hexadecimal values per CPU.
function fromStat(text: string, names: readonly string[]): number | null {
  const [head = '', ...rows] = text.trim().split('\n');
  const columns = head.trim().split(/\s+/);
  let sum: number | null = null;
  for (const name of names) {
    const at = columns.indexOf(name);
    if (at < 0) continue;
    for (const row of rows) {
      const value = row.trim().split(/\s+/)[at];
      if (value !== undefined && /^[0-9a-f]{8,}$/.test(value)) sum = (sum ?? 0) + Number.parseInt(value, 16);
    }
  }
  return sum;
}

function fromTool(text: string | undefined, names: readonly string[]): number | null {
  let sum: number | null = null;
  for (const line of (text ?? '').split('\n')) {
    if (!line.startsWith('cpu=')) continue;
    for (const name of names) {
      const value = new RegExp(`(?:^|\\s)${name}=(\\d+)`).exec(line)?.[1];
      if (value !== undefined) sum = (sum ?? 0) + Number(value);
    }
  }
  return sum;
}
