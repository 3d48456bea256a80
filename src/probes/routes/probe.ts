// Addresses, policy rules and routes of every table, both families: which way an answer takes.
import type { Routes } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { parseIpJson } from './ip-json.ts';
import { parseProcRoutes } from './proc-net.ts';

// busybox has an `ip` too, without JSON. /proc is the floor: main table only, and no policy rules.
const script = `
w5_ip=
if w5_have ip; then w5_ip=$(w5_try 5 ip -j addr 2>/dev/null); fi
case $w5_ip in
  '['*)
    printf '@@addr\\n%s\\n@@rule4\\n' "$w5_ip"
    ip -j rule; printf '\\n@@rule6\\n'
    ip -6 -j rule; printf '\\n@@route4\\n'
    ip -j -4 route show table all; printf '\\n@@route6\\n'
    ip -j -6 route show table all; printf '\\n' ;;
  *)
    printf '@@text\\n'
    if w5_have ip; then w5_try 5 ip addr; fi
    printf '@@proc4\\n'; cat /proc/net/route
    printf '@@proc6\\n'; cat /proc/net/ipv6_route
    printf '@@local4\\n'; cat /proc/net/fib_trie
    printf '@@local6\\n'; cat /proc/net/if_inet6
    printf '@@dev\\n'; cat /proc/net/dev ;;
esac
printf '@@end\\n'
`;

export const routes = defineHostProbe<'routes', Routes>({
  id: 'routes',
  title: 'Addresses, policy rules and routes',
  roles: ['edge', 'balancer', 'backend'],
  when: 'before',
  script,
  parse(output) {
    const parts = new Map<string, string>();
    for (const part of output.split(/^@@(?=[a-z0-9]+$)/m).slice(1)) {
      const head = part.indexOf('\n');
      parts.set(part.slice(0, head < 0 ? part.length : head), head < 0 ? '' : part.slice(head + 1));
    }
    if (!parts.has('end')) throw new ProbeError('the routes were not printed whole');
    const read = parts.has('addr') ? parseIpJson(parts) : parseProcRoutes(parts);
    if (read.interfaces.length === 0 && read.routes.length === 0) throw new ProbeError('neither addresses nor routes could be read');
    return read;
  },
  combine: (_before, after) => after,
});
