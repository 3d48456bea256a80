// What kind of host this is: kernel, size, user, tools, and how far its clock is from ours.
import type { HostFacts } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';

// The fraction comes from %N, which busybox date prints as it stands or not at all: then the second is all we know.
const script = `
date '+@time %s.%N %z'
printf '@kernel '; uname -r
printf '@uid '; id -u
printf '@cpus '; grep -c '^processor' /proc/cpuinfo
printf '@memory '; grep '^MemTotal:' /proc/meminfo
printf '@uptime '; cat /proc/uptime
printf '@netns %s\\n@tools' "$W5_NETNS"
for w5_tool in ss ip tc nft iptables-save ip6tables-save iptables-legacy-save ipset conntrack dmesg journalctl nginx haproxy php-fpm curl openssl timeout stat awk busybox systemctl; do
  if w5_have "$w5_tool"; then printf ' %s' "$w5_tool"; fi
done
printf '\\n@end\\n'
`;

export const hostFacts = defineHostProbe<'host-facts', HostFacts>({
  id: 'host-facts',
  title: 'The host',
  roles: ['edge', 'balancer', 'backend'],
  when: 'before',
  script,
  parse(output, context) {
    const facts = new Map([...output.matchAll(/^@([a-z]+) ?(.*)$/gm)].map((match) => [match[1] ?? '', (match[2] ?? '').trim()]));
    const kernel = facts.get('kernel');
    if (!facts.has('end') || kernel === undefined || kernel === '') throw new ProbeError('the host did not say what it is');
    return {
      kernel,
      uid: Number(/^\d+$/.exec(facts.get('uid') ?? '')?.[0] ?? -1),
      cpus: Math.max(1, Number(/^\d+$/.exec(facts.get('cpus') ?? '')?.[0] ?? 1)),
      memoryTotalBytes: numberIn(facts.get('memory'), /^MemTotal: +(\d+) kB$/, 1024),
      uptimeSeconds: numberIn(facts.get('uptime'), /^([\d.]+) /, 1),
      ...clock(facts.get('time') ?? '', context.sentAtMs, context.receivedAtMs),
      netns: facts.get('netns') || null,
      tools: (facts.get('tools') ?? '').split(' ').filter((tool) => tool !== ''),
      withoutRoot: [],
    };
  },
  combine: (_before, after) => after,
});

function numberIn(text: string | undefined, pattern: RegExp, scale: number): number | null {
  const found = pattern.exec(text ?? '')?.[1];
  return found === undefined || Number.isNaN(Number(found)) ? null : Number(found) * scale;
}

// The host read its clock somewhere between our sending and receiving: the middle is the best guess, half the way its error.
function clock(
  text: string,
  sentAtMs: number,
  receivedAtMs: number,
): Pick<HostFacts, 'clockSkewMs' | 'clockUncertaintyMs' | 'zoneOffsetMinutes'> {
  const match = /^(\d{1,12})(?:\.(\d{9}))?\S* ?([+-])?(\d\d)?(\d\d)?/.exec(text);
  if (!match) return { clockSkewMs: null, clockUncertaintyMs: null, zoneOffsetMinutes: null };
  const whole = match[2] === undefined;
  const hostMs = Number(match[1]) * 1000 + (whole ? 500 : Number(match[2]) / 1e6);
  const zone =
    match[3] === undefined || match[4] === undefined ? null : (match[3] === '-' ? -1 : 1) * (Number(match[4]) * 60 + Number(match[5] ?? 0));
  return {
    clockSkewMs: Math.round(hostMs - (sentAtMs + receivedAtMs) / 2),
    clockUncertaintyMs: Math.ceil((receivedAtMs - sentAtMs) / 2 + (whole ? 500 : 0)),
    zoneOffsetMinutes: zone,
  };
}
