// The kernel's own counters of IP, TCP and their extensions: drops, overflows, retransmissions.
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { counterOf } from '../counter.ts';

const script = `
cat /proc/net/netstat /proc/net/snmp
printf '@@six\\n'
cat /proc/net/snmp6
printf '@@softnet\\n'
cat /proc/net/softnet_stat
printf '@@end\\n'
`;

export const netCounters = defineHostProbe<'net-counters', Readonly<Record<string, number>>>({
  id: 'net-counters',
  title: 'Network counters of the kernel',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse(output) {
    const counters: Record<string, number> = {};
    const [four = '', rest = ''] = output.split(/^@@six$/m);
    const [six = '', softnet = ''] = rest.split(/^@@softnet$/m);
    readPairs(four, counters);
    for (const match of six.matchAll(/^(Ip6|Icmp6|Udp6)(\w+)\s+(\d+)$/gm))
      counters[`${match[1] ?? ''}.${match[2] ?? ''}`] = Number(match[3]);
    readSoftnet(softnet, counters);
    if (!('Tcp.InSegs' in counters)) throw new ProbeError('/proc/net/snmp could not be read');
    return counters;
  },
  combine(before, after) {
    return { counters: Object.fromEntries(Object.entries(after).map(([name, now]) => [name, counterOf(now, before?.[name])])) };
  },
});

// A line of names, then a line of values, both behind the same group: `TcpExt: SyncookiesSent …`, `TcpExt: 0 …`.
function readPairs(text: string, counters: Record<string, number>): void {
  let names: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [group = '', ...words] = line.trim().split(/\s+/);
    if (!/^[A-Za-z0-9]+:$/.test(group)) continue;
    if (words.every((word) => /^-?\d+$/.test(word)) && names.length === words.length + 1 && names[0] === group) {
      for (const [index, word] of words.entries()) counters[`${group.slice(0, -1)}.${names[index + 1] ?? ''}`] = Number(word);
    } else names = [group, ...words];
  }
}

// Per CPU, hexadecimal: packets, dropped for a full backlog, times that the budget ran out.
function readSoftnet(text: string, counters: Record<string, number>): void {
  for (const line of text.split('\n')) {
    const [processed, dropped, squeezed] = line.trim().split(/\s+/);
    if (processed === undefined || dropped === undefined || squeezed === undefined || !/^[0-9a-f]{8}$/.test(processed)) continue;
    for (const [name, value] of [
      ['Softnet.Processed', processed],
      ['Softnet.Dropped', dropped],
      ['Softnet.TimeSqueezed', squeezed],
    ] as const) {
      counters[name] = (counters[name] ?? 0) + Number.parseInt(value, 16);
    }
  }
}
