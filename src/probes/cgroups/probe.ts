// The control groups of the web server, the balancer, the runtime and PID 1: what limits them, and what that cost them.
import type { Cgroups } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { counterOrNull } from '../counter.ts';
import { readGroups, type GroupSample } from './groups.ts';

// awk joins /proc/self/mountinfo with /proc/PID/cgroup: which directory is whose, in version 1, 2 and both at once. A limit may stand on
// any group above a process, so all of them are read, up to the root that this host sees.
const script = `
set -- 1
for w5_pid in $W5_NGINX_PIDS $W5_FPM_PIDS $W5_HAPROXY_PIDS; do
  set -- "$@" "$w5_pid"
  [ $# -lt 64 ] || break
  for w5_child in $(cat "/proc/$w5_pid/task/$w5_pid/children"); do
    [ $# -lt 64 ] || break
    set -- "$@" "$w5_child"
  done
done
w5_args=
for w5_pid in "$@"; do [ -r "/proc/$w5_pid/cgroup" ] && w5_args="$w5_args /proc/$w5_pid/comm /proc/$w5_pid/cgroup"; done
w5_map=$(awk '
  FILENAME == "/proc/self/mountinfo" {
    for (i = 7; i <= NF; i++) if ($i == "-") break
    type = $(i + 1)
    if (type != "cgroup" && type != "cgroup2") next
    point = $5
    if (type == "cgroup2") { if (!("2" in mount)) { mount["2"] = point; top["2"] = $4 } }
    else { m = split($(i + 3), option, ","); for (j = 1; j <= m; j++) if (option[j] ~ /^(cpu|memory|pids)$/ && !(option[j] in mount)) { mount[option[j]] = point; top[option[j]] = $4 } }
    next
  }
  FILENAME ~ /\\/comm$/ { name = $0; next }
  {
    a = index($0, ":"); rest = substr($0, a + 1); b = index(rest, ":")
    controllers = substr(rest, 1, b - 1); path = substr(rest, b + 1)
    if (controllers == "") m = split("2", c, ","); else m = split(controllers, c, ",")
    for (j = 1; j <= m; j++) {
      if (!(c[j] in mount)) continue
      p = path; r = top[c[j]]
      # A container sees its own group as the root of the mount, or (own cgroup namespace) paths that begin at it.
      if (r != "/" && index(p "/", r "/") == 1) p = substr(p, length(r) + 1)
      else if (p ~ /^\\/\\.\\./) p = "/"
      if (p == "") p = "/"
      while (1) {
        key = c[j] "\\t" p
        if (!((key "\\t" name) in told)) { told[key "\\t" name] = 1; print c[j] "\\t" p "\\t" mount[c[j]] "\\t" name }
        if (p == "/") break
        sub(/\\/[^\\/]*$/, "", p); if (p == "") p = "/"
      }
    }
  }' /proc/self/mountinfo $w5_args)
printf '@@map\\n%s\\n@@files\\n' "$w5_map"
w5_files=$(printf '%s\\n' "$w5_map" | awk -F '\\t' '
  NF == 4 && !(($1 $2) in done) {
    done[$1 $2] = 1
    dir = $3 ($2 == "/" ? "" : $2)
    if ($1 == "2") files = "cpu.max cpu.stat memory.max memory.current memory.events pids.max pids.current"
    else if ($1 == "cpu") files = "cpu.cfs_quota_us cpu.cfs_period_us cpu.stat"
    else if ($1 == "memory") files = "memory.limit_in_bytes memory.usage_in_bytes memory.oom_control"
    else files = "pids.max pids.current"
    n = split(files, f, " ")
    for (i = 1; i <= n; i++) print dir "/" f[i]
  }')
IFS='
'
set -f
[ -z "$w5_files" ] || grep -s '' $w5_files /dev/null
printf '@@end\\n'
`;

export const cgroups = defineHostProbe<'cgroups', readonly GroupSample[]>({
  id: 'cgroups',
  title: 'Control group limits and throttling',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse(output) {
    const match = /^@@map\n([\s\S]*?)\n@@files\n([\s\S]*?)^@@end$/m.exec(output);
    if (!match) throw new ProbeError('the control groups were not printed whole');
    const groups = readGroups(match[1] ?? '', match[2] ?? '');
    if (groups.length === 0) throw new ProbeError('no control groups are mounted here', { status: 'skipped' });
    return groups;
  },
  combine(before, after): Cgroups {
    return {
      groups: after.map((group) => {
        const earlier = before?.find((other) => other.path === group.path);
        return {
          ...group,
          periods: counterOrNull(group.periods, earlier?.periods),
          throttled: counterOrNull(group.throttled, earlier?.throttled),
          throttledUs: counterOrNull(group.throttledUs, earlier?.throttledUs),
          oomKills: counterOrNull(group.oomKills, earlier?.oomKills),
        };
      }),
    };
  },
});
