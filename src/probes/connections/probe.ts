// TCP connections of the host, counted by state and by who talks to whom.
import type { Connections } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { readProcAddress } from './proc-tcp.ts';

// A busy host has a hundred thousand of them, so awk counts on the spot. A port that listens here makes a connection an inbound one,
// whose remote port means nothing; of an outbound one the local port means nothing.
const script = `
if w5_have ss; then
  printf '@ss\\n'
  w5_try 8 ss -Htanp | awk '
    function cut(text) { match(text, /:[^:]*$/); addr = substr(text, 1, RSTART - 1); port = substr(text, RSTART + 1) }
    $1 == "LISTEN" { cut($4); listens[port] = 1; next }
    NF >= 5 {
      cut($4); la = addr; lp = port; cut($5)
      names = ""; text = $6
      while (match(text, /"[^"]*"/)) { name = substr(text, RSTART + 1, RLENGTH - 2); if (index("," names ",", "," name ",") == 0) names = names (names == "" ? "" : ",") name; text = substr(text, RSTART + RLENGTH) }
      total++
      seen[$1 " " la " " lp " " addr " " port]++
      if (names != "") who[$1 " " la " " lp " " addr " " port] = names
    }
    END {
      for (key in seen) {
        split(key, f, " ")
        group = (f[3] in listens) ? f[1] " " f[2] " " f[3] " " f[4] " -" : f[1] " " f[2] " - " f[4] " " f[5]
        n[group] += seen[key]
        if (key in who && !(group in names_of)) names_of[group] = who[key]
      }
      print "9999999999", "total", total + 0
      for (group in n) print n[group], group, (group in names_of) ? names_of[group] : ""
    }' | sort -rn | head -n 501
else
  printf '@proc\\n'
  cat /proc/net/tcp /proc/net/tcp6 | awk '
    $1 !~ /^[0-9]+:$/ { next }
    { split($2, l, ":"); split($3, r, ":") }
    $4 == "0A" { listens[l[2]] = 1; next }
    { total++; seen[$4 " " l[1] " " l[2] " " r[1] " " r[2]]++ }
    END {
      for (key in seen) {
        split(key, f, " ")
        n[(f[3] in listens) ? f[1] " " f[2] " " f[3] " " f[4] " -" : f[1] " " f[2] " - " f[4] " " f[5]] += seen[key]
      }
      print "9999999999", "total", total + 0
      for (group in n) print n[group], group
    }' | sort -rn | head -n 501
fi
printf '@end\\n'
`;

export const connections = defineHostProbe<'connections', Connections>({
  id: 'connections',
  title: 'TCP connections',
  roles: ['edge', 'balancer', 'backend'],
  when: 'after',
  script,
  parse(output) {
    const total = /^9999999999 total (\d+)$/m.exec(output)?.[1];
    if (total === undefined || !/^@end$/m.test(output)) throw new ProbeError('the connections could not be read');
    const proc = output.includes('@proc\n');
    const groups = output.split('\n').flatMap((line): Connections['groups'] => {
      const [count = '', state = '', local = '', localPort = '', remote = '', remotePort = '', names = ''] = line.trimEnd().split(' ');
      if (!/^\d{1,9}$/.test(count) || remotePort === '') return [];
      const addresses = proc ? [readProcAddress(local), readProcAddress(remote)] : [plainAddress(local), plainAddress(remote)];
      return [
        {
          state: proc ? (procStates[state] ?? state) : state,
          local: addresses[0] ?? local,
          localPort: portOf(localPort, proc),
          remote: addresses[1] ?? remote,
          remotePort: portOf(remotePort, proc),
          count: Number(count),
          processes: names === '' ? [] : names.split(','),
        },
      ];
    });
    return { groups, total: Number(total) };
  },
  combine: (_before, after) => after,
});

const procStates: Readonly<Record<string, string>> = {
  '01': 'ESTAB',
  '02': 'SYN-SENT',
  '03': 'SYN-RECV',
  '04': 'FIN-WAIT-1',
  '05': 'FIN-WAIT-2',
  '06': 'TIME-WAIT',
  '07': 'UNCONN',
  '08': 'CLOSE-WAIT',
  '09': 'LAST-ACK',
  '0B': 'CLOSING',
  '0C': 'SYN-RECV',
};

function portOf(text: string, hexadecimal: boolean): number | null {
  const port = text === '-' ? Number.NaN : Number.parseInt(text, hexadecimal ? 16 : 10);
  return Number.isNaN(port) ? null : port;
}

function plainAddress(text: string): string {
  return text
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/%.*$/, '')
    .replace(/^::ffff:(\d+\.)/, '$1');
}
