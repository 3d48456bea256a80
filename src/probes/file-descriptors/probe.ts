// Open files of the web server, the balancer and the runtime against their limits, and of the whole system.
import type { FileDescriptors } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';

// One ls for all processes: its output has a heading per directory. Those of other users are closed to us without root.
const script = `
set --
for w5_pid in $W5_NGINX_PIDS $W5_FPM_PIDS; do
  set -- "$@" "$w5_pid"
  for w5_child in $(cat "/proc/$w5_pid/task/$w5_pid/children"); do set -- "$@" "$w5_child"; done
done
for w5_pid in $W5_HAPROXY_PIDS; do set -- "$@" "$w5_pid"; done
w5_files= w5_dirs= w5_closed= w5_n=0
for w5_pid in "$@"; do
  [ "$w5_n" -lt 256 ] || break
  w5_n=$((w5_n + 1))
  w5_files="$w5_files /proc/$w5_pid/comm /proc/$w5_pid/limits"
  if [ -r "/proc/$w5_pid/fd" ]; then w5_dirs="$w5_dirs /proc/$w5_pid/fd"; else w5_closed=1; fi
done
[ -z "$w5_files" ] || grep -s -H -e '^Max open files' -e '^[^M]' $w5_files /dev/null | grep -e '/comm:' -e ':Max open files'
printf '@@fd\\n'
[ -z "$w5_dirs" ] || ls -U $w5_dirs /dev/null 2>/dev/null | awk '/^\\/proc\\/.*\\/fd:$/ { name = $0; n[name] = 0; next } /^[0-9]+$/ { n[name]++ } END { for (name in n) print name, n[name] }'
printf '@@system\\n'
cat /proc/sys/fs/file-nr
printf '@@end\\n'
[ -z "$w5_closed" ] || w5_needs_root 'open files of the web server'
`;

export const fileDescriptors = defineHostProbe<'file-descriptors', FileDescriptors>({
  id: 'file-descriptors',
  title: 'Open files against their limits',
  roles: ['edge', 'balancer', 'backend'],
  when: 'after',
  script,
  parse(output) {
    if (!/^@@end$/m.test(output)) throw new ProbeError('the open files were not printed whole');
    const names = new Map([...output.matchAll(/^\/proc\/(\d+)\/comm:(.*)$/gm)].map((match) => [Number(match[1]), (match[2] ?? '').trim()]));
    const limits = new Map(
      [...output.matchAll(/^\/proc\/(\d+)\/limits:Max open files +(\d+|unlimited)/gm)].map((match) => [
        Number(match[1]),
        match[2] === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(match[2]),
      ]),
    );
    const processes = [...output.matchAll(/^\/proc\/(\d+)\/fd: (\d+)$/gm)].flatMap((match) => {
      const pid = Number(match[1]);
      const limit = limits.get(pid);
      return limit === undefined ? [] : [{ pid, name: names.get(pid) ?? '', open: Number(match[2]), limit }];
    });
    const system = /^@@system\n(\d+)\s+(\d+)\s+(\d+)$/m.exec(output);
    return {
      processes: processes.sort((a, b) => b.open / b.limit - a.open / a.limit || a.pid - b.pid),
      systemOpen: system ? Number(system[1]) - Number(system[2]) : null,
      systemLimit: system ? Number(system[3]) : null,
    };
  },
  combine: (_before, after) => after,
});
