// php-fpm: which pools there are, what limits them, how many children run, and what a pool says of itself where it can be asked.
import { splitDump } from '../../facts/nginx-parse.ts';
import { plain } from '../../model/neutral.ts';
import type { Counter, Fpm, FpmPool } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { parseFpm, type FpmSection } from './config.ts';

interface Child {
  readonly pool: string;
  readonly state: string;
}
interface Sample {
  readonly masterPid: number | null;
  readonly version: string | null;
  readonly configFile: string | null;
  readonly sections: readonly FpmSection[];
  readonly children: readonly Child[];
  /** Status text by pool. */
  readonly status: ReadonlyMap<string, string>;
}

// A status request waits in the queue of a full pool, so it gets 300 ms; `pm.status_listen` has a process of its own and answers always.
const script = `
w5_b=w5-$w5_token
echo "$w5_b"
for w5_pid in $W5_FPM_PIDS; do
  echo "master $w5_pid $(readlink "/proc/$w5_pid/exe")"
  w5_children "$w5_pid"
  for w5_child in $w5_kids; do
    w5_stat= w5_title=
    read -r w5_stat <"/proc/$w5_child/stat"
    read -r w5_title <"/proc/$w5_child/cmdline"
    w5_stat=\${w5_stat##*) }
    echo "child \${w5_stat%% *} $w5_title"
  done
done
printf '\\n%s conf\\n' "$w5_b"
w5_conf=$(w5_fpm_dump)
printf '%s\\n' "$w5_conf"
IFS=$w5_nl
for w5_file in $W5_FPM_CONFS; do [ -e "$w5_file" ] && [ ! -r "$w5_file" ] && w5_needs_root "the configuration of php-fpm"; done
unset IFS
[ -n "$W5_FPM_PIDS" ] || exit 0

w5_byte() { printf "\\\\$(($1 / 64))$(($1 / 8 % 8))$(($1 % 8))"; }
w5_record() { # TYPE LENGTH: the header of a FastCGI record of request 1
  printf '\\001'; w5_byte "$1"; printf '\\000\\001'; w5_byte $(($2 / 256)); w5_byte $(($2 % 256)); printf '\\000\\000'
}
w5_request() { # PATH
  w5_record 1 8
  printf '\\000\\001\\000\\000\\000\\000\\000\\000'
  w5_record 4 $((11 + \${#1} + 15 + \${#1} + 14 + 3 + 12 + 8))
  w5_byte 11; w5_byte \${#1}; printf 'SCRIPT_NAME%s' "$1"
  w5_byte 15; w5_byte \${#1}; printf 'SCRIPT_FILENAME%s' "$1"
  w5_byte 14; w5_byte 3; printf 'REQUEST_METHODGET'
  w5_byte 12; w5_byte 0; printf 'QUERY_STRING'
  w5_record 4 0
  w5_record 5 0
}
w5_send() { # ADDRESS PATH
  case $1 in
    /*) w5_to=UNIX-CONNECT:$1 ;;
    *:*) w5_to=TCP:$1 ;;
    *) w5_to=TCP:127.0.0.1:$1 ;;
  esac
  if w5_have socat; then
    w5_request "$2" | w5_try 1 socat -t 0.3 -T 0.3 - "$w5_to"
  elif w5_have perl; then
    w5_request "$2" | w5_try 1 perl -MSocket -MTime::HiRes=ualarm -e '
      $| = 1; ualarm(300000); $to = shift; local $/; $request = <STDIN>;
      if (($path) = $to =~ /^UNIX-CONNECT:(.*)/) { socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($path)) or exit 1 }
      else { ($name, $port) = $to =~ /^TCP:(.*):(\\d+)$/; socket(S, AF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in($port, inet_aton($name))) or exit 1 }
      syswrite(S, $request); while (sysread(S, $part, 65536)) { print $part }' "$w5_to"
  elif w5_have nc; then
    case $1 in
      /*) nc -h 2>&1 | grep -q -e '-U' && w5_request "$2" | w5_try 1 nc -U "$1" ;;
      *:*) w5_request "$2" | w5_try 1 nc "\${1%:*}" "\${1##*:}" ;;
      *) w5_request "$2" | w5_try 1 nc 127.0.0.1 "$1" ;;
    esac
  fi
}
printf '%s\\n' "$w5_conf" | awk '
  function flush() { gsub(/\\$pool/, pool, listen); gsub(/\\$pool/, pool, own); if (pool != "" && path != "") print pool, (own == "" ? listen : own), path; path = ""; listen = ""; own = "" }
  /^[ \\t]*;/ { next }
  /^[ \\t]*\\[/ { flush(); pool = $0; gsub(/[][ \\t]/, "", pool); next }
  { name = $0; sub(/[ \\t]*=.*/, "", name); sub(/^[ \\t]*/, "", name); value = $0; sub(/^[^=]*=[ \\t]*/, "", value); sub(/[ \\t]+(;.*)?$/, "", value); gsub(/["\\047]/, "", value) }
  name == "pm.status_path" { path = value }
  name == "pm.status_listen" { own = value }
  name == "listen" { listen = value }
  END { flush() }' | head -n 8 | while read -r w5_pool w5_address w5_path; do
  [ \${#w5_path} -lt 100 ] || continue
  printf '\\n%s status %s\\n' "$w5_b" "$w5_pool"
  w5_send "$w5_address" "$w5_path" | head -c 8192 | tr '\\000' ' '
done
exit 0
`;

function parse(output: string): Sample {
  const boundary = output.slice(0, output.indexOf('\n'));
  if (!boundary.startsWith('w5-')) throw new ProbeError('php-fpm could not be looked at');
  const [head = '', ...parts] = output.split(`\n${boundary} `);
  let files: { file: string; text: string }[] = [];
  const status = new Map<string, string>();
  for (const part of parts) {
    const newline = part.indexOf('\n');
    const title = newline < 0 ? part : part.slice(0, newline);
    const body = newline < 0 ? '' : part.slice(newline + 1);
    if (title === 'conf') files = splitDump(body);
    else if (title.startsWith('status ') && /accepted conn:/.test(body)) status.set(title.slice('status '.length), body);
  }
  const masters = [...head.matchAll(/^master (\d+) (.*)$/gm)];
  if (masters.length === 0 && files.length === 0) {
    throw new ProbeError('no php-fpm here', { status: 'skipped', needs: 'a running php-fpm, or paths.fpmConfig' });
  }
  const configFile = files[0]?.file ?? null;
  return {
    masterPid: masters[0] ? Number(masters[0][1]) : null,
    version: /php-fpm(\d+(?:\.\d+)*)/.exec(masters[0]?.[2] ?? '')?.[1] ?? /\/php\/?(\d+\.\d+)\//.exec(configFile ?? '')?.[1] ?? null,
    configFile,
    sections: files.flatMap(({ file, text }) => parseFpm(text, file)),
    children: [...head.matchAll(/^child (\S) .*pool (\S+)/gm)].map((match) => ({ state: match[1] ?? '', pool: match[2] ?? '' })),
    status,
  };
}

function statusOf(before: Sample | undefined, after: Sample, pool: string): FpmPool['status'] {
  const now = after.status.get(pool);
  if (now === undefined) return null;
  const read = (text: string | undefined, key: string): number | null => {
    const match = text === undefined ? null : new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text);
    return match ? Number(match[1]) : null;
  };
  const counter = (key: string): Counter => {
    const value = read(now, key) ?? 0;
    const was = read(before?.status.get(pool), key);
    return { now: value, delta: was === null ? null : value - was };
  };
  return {
    listenQueue: read(now, 'listen queue') ?? 0,
    active: read(now, 'active processes') ?? 0,
    idle: read(now, 'idle processes') ?? 0,
    maxChildrenReached: counter('max children reached'),
    slowRequests: counter('slow requests'),
  };
}

function combine(before: Sample | undefined, after: Sample): Fpm {
  const pools = after.sections.filter((section) => section.name !== 'global');
  const global = after.sections.filter((section) => section.name === 'global');
  return {
    running: after.masterPid !== null,
    masterPid: after.masterPid,
    version: after.version,
    configFile: after.configFile,
    errorLog: global.map((section) => section.get('error_log')).findLast((value) => value !== null) ?? null,
    pools: pools.map((section): FpmPool => {
      const own = after.children.filter((child) => child.pool === section.name);
      const manager = section.get('pm');
      return {
        name: plain(section.name),
        file: section.file,
        line: section.line,
        listen: section.get('listen'),
        listenOwner: section.get('listen.owner'),
        listenGroup: section.get('listen.group'),
        listenMode: section.get('listen.mode'),
        user: section.get('user'),
        manager: manager === 'static' || manager === 'dynamic' || manager === 'ondemand' ? manager : null,
        maxChildren: section.integer('pm.max_children'),
        requestTerminateTimeoutMs: section.durationMs('request_terminate_timeout') ?? 0,
        requestSlowlogTimeoutMs: section.durationMs('request_slowlog_timeout') ?? 0,
        backlog: section.integer('listen.backlog'),
        slowlog: section.get('slowlog'),
        statusPath: section.get('pm.status_path'),
        children: own.length,
        childrenRunning: after.masterPid === null ? null : own.filter((child) => child.state === 'R' || child.state === 'D').length,
        status: statusOf(before, after, section.name),
      };
    }),
  };
}

/** php-fpm of this host. Where none runs, the pools are those of the configuration on disk and `running` is false. */
export const fpm = defineHostProbe<'fpm', Sample>({
  id: 'fpm',
  title: 'php-fpm pools',
  roles: ['backend', 'balancer', 'edge'],
  when: 'both',
  script,
  parse,
  combine,
});
