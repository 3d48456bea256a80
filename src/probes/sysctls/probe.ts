// Kernel settings that decide over packets, queues and limits, read from /proc/sys with one command.
import type { Sysctls } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';

// grep prints `path:value` for each line of each file. A setting that this kernel or namespace lacks is simply not there.
const script = `
cd /proc/sys || exit 0
set -- net/core/somaxconn net/core/netdev_max_backlog net/core/rmem_max net/core/wmem_max net/core/default_qdisc
set -- "$@" net/ipv4/conf/*/rp_filter net/ipv4/conf/*/log_martians net/ipv4/conf/*/accept_local net/ipv4/conf/*/arp_ignore net/ipv4/conf/*/arp_announce
set -- "$@" net/ipv4/conf/*/src_valid_mark net/ipv4/conf/*/forwarding net/ipv4/conf/*/route_localnet
set -- "$@" net/ipv4/tcp_* net/ipv4/ip_forward net/ipv4/ip_local_port_range net/ipv4/ip_local_reserved_ports net/ipv4/ip_nonlocal_bind
set -- "$@" net/ipv4/ip_no_pmtu_disc net/ipv4/icmp_echo_ignore_all net/ipv4/icmp_ratelimit net/ipv4/fib_multipath_hash_policy
set -- "$@" net/ipv6/bindv6only net/ipv6/conf/all/forwarding net/ipv6/conf/all/disable_ipv6 net/ipv6/conf/default/disable_ipv6
set -- "$@" net/netfilter/nf_conntrack_max net/netfilter/nf_conntrack_count net/netfilter/nf_conntrack_buckets net/netfilter/nf_conntrack_tcp_*
set -- "$@" net/nf_conntrack_max fs/file-nr fs/file-max fs/nr_open fs/aio-nr fs/aio-max-nr fs/inotify/max_user_watches fs/inotify/max_user_instances
set -- "$@" kernel/pid_max kernel/threads-max kernel/panic_on_oom vm/overcommit_memory vm/swappiness vm/max_map_count vm/panic_on_oom
grep -s '' "$@" /dev/null
printf '@@end\\n'
`;

export const sysctls = defineHostProbe<'sysctls', Sysctls>({
  id: 'sysctls',
  title: 'Kernel settings',
  roles: ['edge', 'balancer', 'backend'],
  when: 'before',
  script,
  parse(output) {
    const values: Record<string, string> = {};
    for (const line of output.split('\n')) {
      const match = /^([a-z0-9_/.@-]+):(.*)$/i.exec(line);
      // Only lines that are a path of ours: a value of several lines keeps its first.
      if (!match?.[1]?.includes('/')) continue;
      const name = sysctlName(match[1]);
      if (name !== '__proto__' && !(name in values)) values[name] = (match[2] ?? '').trim().replaceAll(/\s+/g, ' ');
    }
    if (Object.keys(values).length === 0) throw new ProbeError('/proc/sys could not be read');
    return { values };
  },
  combine: (_before, after) => ({ values: after.values }),
});

/** The name that sysctl(8) gives a path below /proc/sys: dots and slashes change places, so that `eth0.100` stays readable. */
function sysctlName(path: string): string {
  return path.replaceAll(/[./]/g, (character) => (character === '/' ? '.' : '/'));
}
