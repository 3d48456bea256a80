// Traffic and losses of the network interfaces, and what their queues are told to hold back.
import type { Interfaces } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { counterOf } from '../counter.ts';
import { classesFromText, qdiscsFromJson, qdiscsFromText, type QdiscSample } from './qdiscs.ts';

// tc prints the rates of classes (htb, hfsc) only per device, so it is asked again where a device has classes. /sys shows the devices of
// the namespace that mounted it, which need not be ours: the names have to agree.
const script = `
printf '@@uptime '; cat /proc/uptime
printf '@@dev\\n'; cat /proc/net/dev
w5_links=
if w5_have ip; then w5_links=$(w5_try 5 ip -j link); fi
case $w5_links in '['*) printf '@@links\\n%s\\n' "$w5_links" ;; esac
printf '@@sys\\n'; grep -s '' /sys/class/net/*/speed /sys/class/net/*/operstate /dev/null
if w5_have tc; then
  w5_q=$(w5_try 5 tc -s -j qdisc show)
  case $w5_q in
    '['*) printf '@@qdiscs\\n%s\\n' "$w5_q" ;;
    *) w5_q=$(w5_try 5 tc -s qdisc show); printf '@@qdisctext\\n%s\\n' "$w5_q" ;;
  esac
  case $w5_q in
    *htb*|*hfsc*|*cbq*|*drr*)
      for w5_dev in /sys/class/net/* $(awk -F: 'NR > 2 { gsub(/ /, "", $1); print $1 }' /proc/net/dev); do
        w5_dev=\${w5_dev##*/}
        case $w5_q in *"\\"dev\\":\\"$w5_dev\\""*|*" dev $w5_dev "*) ;; *) continue ;; esac
        case " \${w5_done:=} " in *" $w5_dev "*) continue ;; esac
        w5_done="$w5_done $w5_dev"
        printf '@@class %s\\n' "$w5_dev"
        w5_try 5 tc -s class show dev "$w5_dev"
      done ;;
  esac
fi
printf '@@end\\n'
`;

interface LinkSample {
  readonly receivedBytes: number;
  readonly receiveDropped: number;
  readonly sentBytes: number;
  readonly sendDropped: number;
  readonly up: boolean;
  readonly speedBitsPerSecond: number | null;
}
interface Sample {
  readonly uptimeSeconds: number | null;
  readonly links: ReadonlyMap<string, LinkSample>;
  readonly qdiscs: ReadonlyMap<string, QdiscSample>;
}

export const interfaces = defineHostProbe<'interfaces', Sample>({
  id: 'interfaces',
  title: 'Network interfaces and their queues',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse(output) {
    const uptime = /^@@uptime ([\d.]+) /m.exec(output)?.[1];
    const parts = new Map<string, string>();
    for (const part of output.split(/^@@(?=[a-z]+(?: \S+)?$)/m).slice(1)) {
      const head = part.indexOf('\n');
      parts.set(part.slice(0, Math.max(0, head)), part.slice(head + 1));
    }
    const links = readLinks(parts);
    if (links.size === 0) throw new ProbeError('/proc/net/dev could not be read');
    const qdiscs = [
      ...(parts.has('qdiscs') ? qdiscsFromJson(parts.get('qdiscs') ?? '') : qdiscsFromText(parts.get('qdisctext') ?? '')),
      ...[...parts].flatMap(([name, text]) => (name.startsWith('class ') ? classesFromText(text, name.slice(6)) : [])),
    ];
    return {
      uptimeSeconds: uptime === undefined ? null : Number(uptime),
      links,
      qdiscs: new Map(qdiscs.map((qdisc) => [`${qdisc.dev} ${qdisc.kind} ${qdisc.handle} ${qdisc.parent}`, qdisc])),
    };
  },
  combine(before, after): Interfaces {
    const elapsed =
      before?.uptimeSeconds != null && after.uptimeSeconds !== null
        ? Math.round((after.uptimeSeconds - before.uptimeSeconds) * 100) / 100
        : null;
    return {
      elapsedSeconds: elapsed,
      interfaces: [...after.links].map(([name, link]) => {
        const earlier = before?.links.get(name);
        return {
          name,
          up: link.up,
          speedBitsPerSecond: link.speedBitsPerSecond,
          receivedBytes: counterOf(link.receivedBytes, earlier?.receivedBytes),
          sentBytes: counterOf(link.sentBytes, earlier?.sentBytes),
          receiveDropped: counterOf(link.receiveDropped, earlier?.receiveDropped),
          sendDropped: counterOf(link.sendDropped, earlier?.sendDropped),
          qdiscs: [...after.qdiscs]
            .filter(([, qdisc]) => qdisc.dev === name)
            .map(([key, qdisc]) => {
              const earlierQdisc = before?.qdiscs.get(key);
              return {
                kind: qdisc.kind,
                handle: qdisc.handle,
                rateBitsPerSecond: qdisc.rateBitsPerSecond,
                dropped: counterOf(qdisc.dropped, earlierQdisc?.dropped),
                overlimits: counterOf(qdisc.overlimits, earlierQdisc?.overlimits),
                backlogBytes: qdisc.backlogBytes,
                sentBytes: counterOf(qdisc.sentBytes, earlierQdisc?.sentBytes),
              };
            }),
        };
      }),
    };
  },
});

function readLinks(parts: ReadonlyMap<string, string>): Map<string, LinkSample> {
  const rows = [...(parts.get('dev') ?? '').matchAll(/^ *([^\s:|]+): *([\d ]+)$/gm)];
  const sys = new Map(
    [...(parts.get('sys') ?? '').matchAll(/^\/sys\/class\/net\/([^/]+)\/(speed|operstate):(.*)$/gm)].map((match) => [
      `${match[1] ?? ''} ${match[2] ?? ''}`,
      match[3] ?? '',
    ]),
  );
  const sysIsOurs =
    rows.every((row) => sys.has(`${row[1] ?? ''} operstate`)) &&
    [...sys.keys()].filter((key) => key.endsWith(' operstate')).length === rows.length;
  const down = parts.has('links') ? linksDown(parts.get('links') ?? '') : null;
  return new Map(
    rows.map((row) => {
      const name = row[1] ?? '';
      const values = (row[2] ?? '').trim().split(/ +/).map(Number);
      const speed = Number(sysIsOurs ? sys.get(`${name} speed`) : Number.NaN);
      return [
        name,
        {
          receivedBytes: values[0] ?? 0,
          receiveDropped: values[3] ?? 0,
          sentBytes: values[8] ?? 0,
          sendDropped: values[11] ?? 0,
          up: down === null ? !sysIsOurs || sys.get(`${name} operstate`) !== 'down' : !down.has(name),
          speedBitsPerSecond: speed > 0 && speed < 4_000_000_000 ? speed * 1e6 : null,
        },
      ];
    }),
  );
}

function linksDown(text: string): Set<string> | null {
  try {
    const read: unknown = JSON.parse(text);
    if (!Array.isArray(read)) return null;
    const links = read.filter((link): link is Record<string, unknown> => typeof link === 'object' && link !== null);
    return new Set(
      links
        .filter((link) => !(Array.isArray(link['flags']) && link['flags'].includes('UP')) || link['operstate'] === 'DOWN')
        .map((link) => String(link['ifname'])),
    );
  } catch {
    return null;
  }
}
