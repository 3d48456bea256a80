// What listens on the host, and how many connections wait there to be accepted. A full accept queue is how a busy or stuck process
// looks from the kernel's side.
import type { TcpListener, UnixListener } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';

interface Reading<Listener> {
  readonly key: string;
  readonly queue: number;
  readonly rest: Omit<Listener, 'queue'>;
}
interface Sample {
  readonly source: 'ss' | 'proc';
  readonly tcp: readonly Reading<TcpListener>[];
  readonly unix: readonly Reading<UnixListener>[];
}

const script = `
if w5_have ss && w5_ss=$(ss -H -l -n -t -x -p) && [ -n "$w5_ss" ]; then
  echo ss
  printf '%s\\n' "$w5_ss"
  case $w5_ss in *pid=*) ;; *) w5_needs_root 'which process owns a listening socket' ;; esac
else
  echo proc
  cat /proc/net/tcp /proc/net/tcp6
  echo unix
  cat /proc/net/unix
fi
`;

/** `0.0.0.0:80`, `[::]:80`, `*:80`, `127.0.0.53%lo:53`. */
function splitLocal(text: string): { address: string; port: number } | null {
  const match = /^(.*):(\d+)$/.exec(text);
  if (!match) return null;
  const host = (match[1] ?? '')
    .replace(/%.*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/%.*$/, '');
  return { address: host === '*' ? '::' : host, port: Number(match[2]) };
}

function parseSs(lines: readonly string[]): Sample {
  const tcp: Reading<TcpListener>[] = [];
  const unix: Reading<UnixListener>[] = [];
  for (const line of lines) {
    const owner = /users:\(\("((?:[^"\\]|\\.)*)",pid=(\d+)/.exec(line);
    const process = owner?.[1] ?? null;
    const pid = owner ? Number(owner[2]) : null;
    const head = /^(\S+)\s+LISTEN\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    if (!head) continue;
    const [, kind = '', waiting = '', backlog = '', rest = ''] = head;
    const queue = Number(waiting);
    const limit = Number(backlog);
    if (kind === 'tcp') {
      const local = splitLocal(rest.split(/\s+/)[0] ?? '');
      if (local) tcp.push({ key: `${local.address} ${local.port}`, queue, rest: { ...local, limit, pid, process } });
    } else if (kind === 'u_str' || kind === 'u_seq') {
      const path = /^(.*?)\s+\d+\s+\*\s+\d+/.exec(rest)?.[1];
      if (path !== undefined && path !== '' && path !== '*') unix.push({ key: path, queue, rest: { path, limit, pid, process } });
    }
  }
  return { source: 'ss', tcp, unix };
}

/** Address of /proc/net/tcp: 32-bit words in the host's byte order, which is little endian on every machine that serves web sites. */
function addressOfHex(hex: string): string {
  const bytes = [...hex.matchAll(/(..)(..)(..)(..)/g)].flatMap((word) =>
    word
      .slice(1, 5)
      .toReversed()
      .map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16));
  const text = words.join(':');
  return text === '0:0:0:0:0:0:0:0' ? '::' : text === '0:0:0:0:0:0:0:1' ? '::1' : text;
}

function parseProc(lines: readonly string[]): Sample {
  const tcp: Reading<TcpListener>[] = [];
  const unix: Reading<UnixListener>[] = [];
  const turn = lines.indexOf('unix');
  for (const line of lines.slice(0, turn < 0 ? undefined : turn)) {
    const match = /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A [0-9A-F]{8}:([0-9A-F]{8})/.exec(line);
    if (!match) continue;
    const address = addressOfHex(match[1] ?? '');
    const port = Number.parseInt(match[2] ?? '', 16);
    tcp.push({
      key: `${address} ${port}`,
      queue: Number.parseInt(match[3] ?? '', 16),
      rest: { address, port, limit: null, pid: null, process: null },
    });
  }
  for (const line of turn < 0 ? [] : lines.slice(turn)) {
    // Num: RefCount Protocol Flags(listening) Type St Inode Path; how many wait is not told here.
    const match = /^[0-9a-f]+: [0-9A-F]+ [0-9A-F]+ 00010000 [0-9A-F]+ [0-9A-F]+ +\d+ (.+)$/.exec(line);
    const path = match?.[1];
    if (path !== undefined) unix.push({ key: path, queue: 0, rest: { path, limit: null, pid: null, process: null } });
  }
  return { source: 'proc', tcp, unix };
}

function join<Listener>(
  before: readonly Reading<Listener>[] | undefined,
  after: readonly Reading<Listener>[],
): (Omit<Listener, 'queue'> & { queue: { now: number; delta: number | null } })[] {
  const earlier = new Map(before?.map((each) => [each.key, each.queue]));
  return after.map((each) => {
    const was = earlier.get(each.key);
    return { ...each.rest, queue: { now: each.queue, delta: was === undefined ? null : each.queue - was } };
  });
}

/** Listening TCP and Unix sockets with accept queue, limit and owner. */
export const listeners = defineHostProbe<'listeners', Sample>({
  id: 'listeners',
  title: 'Listening sockets',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse(output) {
    const [source, ...lines] = output.split('\n');
    if (source === 'ss') return parseSs(lines);
    if (source === 'proc') return parseProc(lines);
    throw new ProbeError('listening sockets could not be read', { needs: 'ss, or a readable /proc/net/tcp' });
  },
  combine(before, after) {
    return { tcp: join(before?.tcp, after.tcp), unix: join(before?.unix, after.unix), source: after.source };
  },
});
