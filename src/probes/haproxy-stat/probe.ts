// HAProxy's own view of its servers, from the stats socket or, where that cannot be reached, from the stats page.
import { plain } from '../../model/neutral.ts';
import type { Counter, HaproxyStat } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';

interface Sample {
  readonly from: string;
  readonly rows: readonly Readonly<Record<string, string>>[];
}

const script = `
IFS=$w5_nl
w5_all=$(for w5_file in $W5_HAPROXY_CONFS; do cat "$w5_file"; echo; done)
unset IFS
[ -n "$w5_all" ] || exit 0
w5_ask() {
  case $1 in
    /*)
      if w5_have socat; then printf 'show stat\\n' | w5_try 2 socat -t 2 - "UNIX-CONNECT:$1"
      elif w5_have nc && nc -h 2>&1 | grep -q -e '-U'; then printf 'show stat\\n' | w5_try 2 nc -U "$1"
      elif w5_have perl; then
        w5_try 2 perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1; print $s "show stat\\n"; print while <$s>' "$1"
      elif w5_have python3; then
        w5_try 2 python3 -c 'import socket,sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"show stat\\n")
while True:
    d = s.recv(65536)
    if not d: break
    sys.stdout.buffer.write(d)' "$1"
      elif w5_have curl; then
        printf 'show stat\\n' | w5_try 2 curl -s -m 2 --unix-socket "$1" telnet://localhost
      fi ;;
    *)
      w5_host=\${1%:*} w5_port=\${1##*:}
      case $w5_host in '' | '*' | 0.0.0.0) w5_host=127.0.0.1 ;; esac
      if w5_have socat; then printf 'show stat\\n' | w5_try 2 socat -t 2 - "TCP:$w5_host:$w5_port"
      elif w5_have nc; then printf 'show stat\\n' | w5_try 2 nc "$w5_host" "$w5_port"
      elif w5_have curl; then printf 'show stat\\n' | w5_try 2 curl -s -m 2 "telnet://$w5_host:$w5_port"
      fi ;;
  esac
}
set -f
for w5_socket in $(printf '%s\\n' "$w5_all" | sed -n 's/^[[:space:]]*stats[[:space:]]\\{1,\\}socket[[:space:]]\\{1,\\}\\([^[:space:]]*\\).*/\\1/p'); do
  w5_socket=\${w5_socket#\\"} w5_socket=\${w5_socket%\\"}
  case $w5_socket in unix@*) w5_socket=\${w5_socket#unix@} ;; ipv4@*) w5_socket=\${w5_socket#ipv4@} ;; fd@* | abns@* | sockpair@*) continue ;; esac
  case $w5_socket in
    /*) if [ -S "$w5_socket" ] && [ ! -w "$w5_socket" ]; then w5_needs_root 'the stats socket of HAProxy'; continue; fi ;;
  esac
  w5_answer=$(w5_ask "$w5_socket")
  case $w5_answer in '# pxname'*) echo "from $w5_socket"; printf '%s\\n' "$w5_answer"; exit 0 ;; esac
done
w5_have curl || exit 0
for w5_page in $(printf '%s\\n' "$w5_all" | awk '
  function flush() { if (address != "" && (uri != "" || on)) print address, (uri == "" ? "/haproxy?stats" : uri); address = ""; uri = ""; on = 0 }
  $1 ~ /^(global|defaults|frontend|backend|listen|userlist|peers|resolvers)$/ { flush(); if ($1 == "listen" && $3 ~ /:/) address = $3; next }
  $1 == "bind" && address == "" { address = $2 }
  $1 == "stats" && $2 == "uri" { uri = $3 }
  $1 == "stats" && $2 == "enable" { on = 1 }
  END { flush() }' | sed 's/ /|/'); do
  w5_address=\${w5_page%%|*} w5_uri=\${w5_page#*|}
  w5_host=\${w5_address%:*} w5_port=\${w5_address##*:}
  case $w5_host in '' | '*' | 0.0.0.0 | '[::]' | '::') w5_host=127.0.0.1 ;; esac
  w5_answer=$(w5_try 3 curl -s -m 2 -A why5xx "http://$w5_host:$w5_port$w5_uri;csv")
  case $w5_answer in '# pxname'*) echo "from http://$w5_host:$w5_port$w5_uri"; printf '%s\\n' "$w5_answer"; exit 0 ;; esac
done
exit 0
`;

/** The fields of one line of CSV; quoted ones may hold commas. */
function fieldsOf(line: string): string[] {
  const fields: string[] = [];
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g))
    fields.push((match[1] ?? match[2] ?? '').replaceAll('""', '"'));
  return fields;
}

function parse(output: string): Sample {
  const lines = output.split('\n');
  const from = /^from (.+)$/.exec(lines[0] ?? '')?.[1];
  const header = lines.findIndex((line) => line.startsWith('# pxname'));
  if (from === undefined || header < 0) {
    throw new ProbeError('the statistics of HAProxy could not be read', {
      status: 'skipped',
      needs: 'a `stats socket` that this user may write to, or a stats page',
    });
  }
  const names = fieldsOf((lines[header] ?? '').slice(2));
  const rows = lines
    .slice(header + 1, header + 5000)
    .filter((line) => line.includes(','))
    .map((line) => {
      const values = fieldsOf(line);
      return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']));
    });
  return { from, rows };
}

const text = (value: string | undefined): string | null => (value === undefined || value === '' ? null : plain(value).slice(0, 300));
const number = (value: string | undefined): number | null => (value === undefined || !/^-?\d+$/.test(value) ? null : Number(value));

function combine(before: Sample | undefined, after: Sample): HaproxyStat {
  const key = (row: Readonly<Record<string, string>>): string => `${row['pxname']}/${row['svname']}`;
  const earlier = new Map(before?.rows.map((row) => [key(row), row]));
  const counter = (row: Readonly<Record<string, string>>, name: string): Counter => {
    const now = number(row[name]) ?? 0;
    const was = number(earlier.get(key(row))?.[name]);
    return { now, delta: was === null ? null : now - was };
  };
  const servers = after.rows.filter((row) => row['svname'] !== 'FRONTEND' && row['svname'] !== 'BACKEND' && row['type'] !== '3');
  const frontends = after.rows.filter((row) => row['svname'] === 'FRONTEND');
  return {
    from: after.from,
    servers: servers.map((row) => ({
      backend: plain(row['pxname'] ?? ''),
      server: plain(row['svname'] ?? ''),
      address: text(row['addr']),
      status: plain(row['status'] ?? ''),
      checkStatus: text(row['check_status']?.replace(/^\* /, '')),
      // HAProxy clears the code while the next check is under way and keeps the words of the last: 0 is no code.
      checkCode: number(row['check_code']) || null,
      lastCheck: text(row['last_chk']),
      checkDurationMs: number(row['check_duration']),
      checkFailures: counter(row, 'chkfail'),
      downs: counter(row, 'chkdown'),
      secondsSinceChange: number(row['lastchg']),
      queue: number(row['qcur']) ?? 0,
      sessions: counter(row, 'stot'),
      connectErrors: counter(row, 'econ'),
      responseErrors: counter(row, 'eresp'),
      http5xx: counter(row, 'hrsp_5xx'),
    })),
    frontends: frontends.map((row) => ({
      name: plain(row['pxname'] ?? ''),
      status: plain(row['status'] ?? ''),
      sessions: number(row['scur']) ?? 0,
      sessionLimit: number(row['slim']),
      requestErrors: counter(row, 'ereq'),
    })),
  };
}

/** State of every server and frontend, with the change of the counters over the run. */
export const haproxyStat = defineHostProbe<'haproxy-stat', Sample>({
  id: 'haproxy-stat',
  title: 'HAProxy statistics',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse,
  combine,
});
