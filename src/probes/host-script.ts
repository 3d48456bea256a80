// Everything we want to know of a host travels as one POSIX sh script and comes back as one stream of marked sections.
// One script is one round trip, and a preamble shared by all snippets finds nginx, php-fpm and HAProxy only once.
import type { ProbeId } from '../model/observations.ts';
import type { HostProbe } from '../model/probe.ts';

/** Bytes that one snippet may print; more is cut. */
export const sectionCapBytes = 4 * 1024 * 1024;

/** What one snippet printed. `exit` is null when the script or the output was cut off before the snippet ended. */
export interface HostSection {
  readonly output: string;
  readonly exit: number | null;
  /** What root would have shown beyond this, in the snippet's words. */
  readonly needsRoot: string[];
  readonly truncated: boolean;
}

/**
 * The preamble: the contract between snippets and this file.
 *
 * Functions: `w5_have CMD` is true when the command exists. `w5_needs_root TEXT` notes what root would add. `w5_try SECONDS CMD…` runs
 * an external command (no shell function) that may hang; whole seconds; 124 or more says that it did. `w5_own PID` is true when that
 * process is in our own network namespace or that cannot be told. `w5_nginx_dump` prints the nginx configuration as `nginx -T` does
 * (`# configuration file X:` lines) and `w5_nginx_version` what `nginx -V` says; a snippet that calls `w5_nginx_ready` first has them loaded
 * at that moment in the `after` phase, and not at all when it does not get there. `w5_fpm_dump` prints php-fpm's files in the same form.
 *
 * Variables: W5_NETNS (inode), W5_PIDS and W5_FOREIGN (pids in our network namespace, and known to be in another), W5_NGINX_PIDS (masters),
 * W5_NGINX_PID (the one that the site means), W5_NGINX_BIN, W5_NGINX_CONF, W5_NGINX_PREFIX, W5_NGINX_SOURCE (`nginx -T`, `files` or empty),
 * W5_NGINX_ERROR (why `nginx -T` failed), W5_FPM_PIDS (masters), W5_FPM_CONFS (one per line), W5_FPM_CONF (the first), W5_HAPROXY_PIDS,
 * W5_HAPROXY_CONFS (one per line). Lists of pids are separated by blanks. Names that start with `w5_` are reserved.
 */
const preamble = `
set -u
LC_ALL=C
LANG=C
PATH="\${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export LC_ALL LANG PATH
: "\${W5_RUN:=}" "\${W5_MARKS:=}" "\${W5_NGINX_CONFIG:=}" "\${W5_NGINX_ERROR_LOG:=}" "\${W5_NGINX_ACCESS_LOG:=}"
: "\${W5_HAPROXY_CONFIG:=}" "\${W5_HAPROXY_LOG:=}" "\${W5_FPM_CONFIG:=}" "\${W5_FPM_LOG:=}"
W5_NETNS= W5_PIDS= W5_FOREIGN=
W5_NGINX_PIDS= W5_NGINX_PID= W5_NGINX_BIN= W5_NGINX_CONF= W5_NGINX_PREFIX= W5_NGINX_SOURCE= W5_NGINX_ERROR=
W5_FPM_PIDS= W5_FPM_CONFS= W5_FPM_CONF= W5_HAPROXY_PIDS= W5_HAPROXY_CONFS=
w5_timeout= w5_dump= w5_v= w5_loaded= w5_fpm_text=
w5_nl='
'

w5_have() { command -v "$1" >/dev/null 2>&1; }

w5_children() { # of PID, into w5_kids
  w5_kids=
  read -r w5_kids <"/proc/$1/task/$1/children" || [ -n "$w5_kids" ] || [ -r "/proc/$1/task/$1/children" ] ||
    w5_kids=$(grep -l "^PPid:[[:space:]]*$1\\$" /proc/[0-9]*/status | tr -dc '0-9\\n')
}

w5_needs_root() { printf '\\n%s needs-root %s\\n' "$w5_token" "$1"; }

w5_timeout_find() {
  w5_timeout=
  w5_have timeout || return
  if timeout -k 1 9 true; then w5_timeout='timeout -k 1'
  elif timeout 9 true; then w5_timeout=timeout
  elif timeout -t 9 true; then w5_timeout='timeout -t'
  fi
}

w5_try() {
  if [ -z "$w5_timeout" ]; then shift; "$@"; else $w5_timeout "$@"; fi
}

w5_own() { case " $W5_FOREIGN " in *" $1 "*) return 1 ;; esac; return 0; }

w5_discover() {
  w5_found=$(
    {
      echo /proc/[0-9]*
      ls -l /proc/self/ns/net /proc/[0-9]*/ns/net
      echo --
      cat /proc/[0-9]*/stat
    } | awk '
      NR == 1 { count = split($0, all, " "); for (i = 1; i <= count; i++) sub("/proc/", "", all[i]); mode = 1; next }
      mode == 1 && $0 == "--" { mode = 2; next }
      mode == 1 {
        if (match($0, /\\/proc\\/[a-z0-9]+\\/ns\\/net -> net:.[0-9]+/)) {
          text = substr($0, RSTART, RLENGTH); split(text, part, "/"); pid = part[3]
          sub(/.*net:./, "", text); ns[pid] = text
        }
        next
      }
      match($0, /.*\\)/) {
        first = index($0, " ("); pid = substr($0, 1, first - 1); comm = substr($0, first + 2, RLENGTH - first - 2)
        split(substr($0, RLENGTH + 2), rest, " ")
        if (rest[1] == "Z") next
        kind = ""
        if (comm ~ /^(nginx|openresty|tengine|angie)/) kind = "n"
        else if (comm ~ /^php[0-9.]*-?fpm/) kind = "f"
        else if (comm ~ /^haproxy/) kind = "h"
        if (kind != "") { kinds[pid] = kind; parent[pid] = rest[2] }
      }
      END {
        own = ("self" in ns) ? ns["self"] : ""
        for (i = 1; i <= count; i++) {
          pid = all[i]
          if (own != "" && (pid in ns) && ns[pid] != own) { foreign = foreign " " pid; continue }
          pids = pids " " pid
          if (!(pid in kinds)) continue
          if (kinds[pid] == "h") haproxy = haproxy " " pid
          else if ((parent[pid] in kinds) && kinds[parent[pid]] == kinds[pid]) continue
          else if (kinds[pid] == "n") nginx = nginx " " pid
          else fpm = fpm " " pid
        }
        print own "|" pids "|" foreign "|" nginx "|" fpm "|" haproxy "|"
      }'
  )
  set -f
  IFS='|'
  set -- $w5_found
  unset IFS
  set +f
  W5_NETNS=\${1:-} W5_PIDS=\${2:-} W5_FOREIGN=\${3:-} W5_NGINX_PIDS=\${4:-} W5_FPM_PIDS=\${5:-} W5_HAPROXY_PIDS=\${6:-}
  W5_PIDS=\${W5_PIDS# } W5_FOREIGN=\${W5_FOREIGN# } W5_NGINX_PIDS=\${W5_NGINX_PIDS# } W5_FPM_PIDS=\${W5_FPM_PIDS# }
  W5_HAPROXY_PIDS=\${W5_HAPROXY_PIDS# }
}

w5_nginx_arguments() {
  w5_c= w5_p= w5_g=
  set -f
  set -- $(tr '\\000' ' ' <"/proc/$1/cmdline")
  set +f
  while [ $# -gt 0 ]; do
    case $1 in
      -c) w5_c=\${2:-} ;;
      -c?*) w5_c=\${1#-c} ;;
      -p) w5_p=\${2:-} ;;
      -p?*) w5_p=\${1#-p} ;;
      -g)
        while [ $# -gt 1 ]; do
          case $2 in -*) break ;; esac
          w5_g="$w5_g $2"
          shift
        done ;;
    esac
    shift
  done
}

w5_nginx_find() {
  for w5_pid in $W5_NGINX_PIDS; do
    w5_nginx_arguments "$w5_pid"
    [ -n "$W5_NGINX_PID" ] && [ "$w5_c" != "$W5_NGINX_CONFIG" ] && continue
    W5_NGINX_PID=$w5_pid
    [ "$w5_c" = "$W5_NGINX_CONFIG" ] && break
  done
  w5_c= w5_p= w5_g=
  if [ -n "$W5_NGINX_PID" ]; then
    w5_nginx_arguments "$W5_NGINX_PID"
    [ -x "/proc/$W5_NGINX_PID/exe" ] && W5_NGINX_BIN=/proc/$W5_NGINX_PID/exe
  fi
  if [ -z "$W5_NGINX_BIN" ]; then
    for w5_bin in nginx openresty tengine angie /usr/local/nginx/sbin/nginx /usr/local/openresty/nginx/sbin/nginx /usr/local/tengine/sbin/nginx; do
      if w5_have "$w5_bin"; then W5_NGINX_BIN=$w5_bin; break; fi
    done
  fi
  W5_NGINX_CONF=\${W5_NGINX_CONFIG:-$w5_c}
  [ -n "$W5_NGINX_BIN" ] && w5_nginx_ask
  W5_NGINX_PREFIX=$w5_p
  if [ -z "$W5_NGINX_PREFIX" ]; then
    case $w5_v in *--prefix=*) W5_NGINX_PREFIX=\${w5_v#*--prefix=} W5_NGINX_PREFIX=\${W5_NGINX_PREFIX%% *} ;; *) W5_NGINX_PREFIX=/usr/local/nginx ;; esac
  fi
  W5_NGINX_PREFIX=\${W5_NGINX_PREFIX%/}
  if [ -z "$W5_NGINX_CONF" ]; then
    case $w5_v in *--conf-path=*) W5_NGINX_CONF=\${w5_v#*--conf-path=} W5_NGINX_CONF=\${W5_NGINX_CONF%% *} ;; *) W5_NGINX_CONF=conf/nginx.conf ;; esac
  fi
  case $W5_NGINX_CONF in /*) ;; *) W5_NGINX_CONF=$W5_NGINX_PREFIX/$W5_NGINX_CONF ;; esac
}

w5_nginx_ask() {
  set -- -V -T
  [ -n "$W5_NGINX_CONF" ] && set -- "$@" -c "$W5_NGINX_CONF"
  [ -n "$w5_p" ] && set -- "$@" -p "$w5_p"
  [ -n "$w5_g" ] && set -- "$@" -g "$w5_g"
  w5_dump=$(w5_try 8 "$W5_NGINX_BIN" "$@" 2>&1 | tr -d '\\000')
  w5_v=\${w5_dump%%"$w5_nl# configuration file "*}
  if [ "$w5_v" = "$w5_dump" ]; then
    w5_dump=
    W5_NGINX_ERROR=$(printf '%s\\n' "$w5_v" | grep -v -e '^configure arguments' -e ' version: ' -e '^built ' -e '^TLS SNI' | head -c 4096)
  else
    W5_NGINX_SOURCE='nginx -T'
    w5_dump=$(printf '%s\\n' "$w5_dump" | sed -n '/^# configuration file /,$p')
  fi
}

w5_nginx_files() {
  w5_dir=\${W5_NGINX_CONF%/*}
  w5_todo=$W5_NGINX_CONF
  w5_seen=$w5_nl
  w5_count=0
  while [ -n "$w5_todo" ] && [ "$w5_count" -lt 500 ]; do
    w5_file=\${w5_todo%%"$w5_nl"*}
    case $w5_todo in *"$w5_nl"*) w5_todo=\${w5_todo#*"$w5_nl"} ;; *) w5_todo= ;; esac
    case $w5_seen in *"$w5_nl$w5_file$w5_nl"*) continue ;; esac
    w5_seen=$w5_seen$w5_file$w5_nl
    w5_count=$((w5_count + 1))
    [ -f "$w5_file" ] && [ -r "$w5_file" ] || continue
    printf '# configuration file %s:\\n' "$w5_file"
    head -c ${sectionCapBytes} "$w5_file"
    echo
    w5_includes=$(sed -n -e 's/^[[:space:]]*#.*//' -e 's/.*[;{}[:space:]]include[[:space:]]\\{1,\\}\\([^;]*\\);.*/\\1/p' -e 's/^include[[:space:]]\\{1,\\}\\([^;]*\\);.*/\\1/p' "$w5_file" | tr -d "\\"'")
    IFS=$w5_nl
    for w5_include in $w5_includes; do
      case $w5_include in
        /*) w5_todo=$w5_todo\${w5_todo:+$w5_nl}$w5_include ;;
        *) for w5_match in $w5_dir/$w5_include; do w5_todo=$w5_todo\${w5_todo:+$w5_nl}$w5_match; done ;;
      esac
    done
    unset IFS
  done
}

w5_nginx_load() {
  w5_loaded=1
  w5_nginx_find
  if [ -z "$w5_dump" ] && [ -r "$W5_NGINX_CONF" ]; then
    w5_dump=$(w5_nginx_files | head -c ${sectionCapBytes} | tr -d '\\000')
    [ -n "$w5_dump" ] && W5_NGINX_SOURCE=files
  fi
}

w5_nginx_ready() { [ -n "$w5_loaded" ] || { w5_timeout_find; w5_nginx_load; }; }

w5_nginx_dump() { printf '%s\\n' "$w5_dump"; }

w5_nginx_version() { printf '%s\\n' "$w5_v"; }

w5_fpm_find() {
  W5_FPM_CONFS=
  for w5_pid in $W5_FPM_PIDS; do
    w5_title=$(tr '\\000' ' ' <"/proc/$w5_pid/cmdline")
    case $w5_title in
      *'master process ('*')'*) w5_title=\${w5_title#*'master process ('}; W5_FPM_CONFS=$W5_FPM_CONFS\${W5_FPM_CONFS:+$w5_nl}\${w5_title%)*} ;;
    esac
  done
  if [ -n "$W5_FPM_CONFIG" ]; then
    W5_FPM_CONFS=$W5_FPM_CONFIG
  elif [ -z "$W5_FPM_CONFS" ]; then
    for w5_file in /etc/php/*/fpm/php-fpm.conf /etc/php-fpm.conf /etc/php*/php-fpm.conf /usr/local/etc/php-fpm.conf /usr/local/php/etc/php-fpm.conf /opt/remi/php*/root/etc/php-fpm.conf; do
      [ -f "$w5_file" ] && W5_FPM_CONFS=$W5_FPM_CONFS\${W5_FPM_CONFS:+$w5_nl}$w5_file
    done
  fi
  W5_FPM_CONF=\${W5_FPM_CONFS%%"$w5_nl"*}
  w5_fpm_text=$(w5_fpm_files)
}

w5_fpm_dump() { printf '%s\\n' "$w5_fpm_text"; }

w5_fpm_files() {
  IFS=$w5_nl
  for w5_file in $W5_FPM_CONFS; do
    w5_fpm_file "$w5_file"
    w5_includes=$(sed -n -e 's/["'"'"']//g' -e 's/^[[:space:]]*include[[:space:]]*=[[:space:]]*//p' "$w5_file")
    IFS=$w5_nl
    for w5_include in $w5_includes; do
      case $w5_include in /*) ;; *) w5_include=\${w5_file%/*}/$w5_include ;; esac
      for w5_match in $w5_include; do w5_fpm_file "$w5_match"; done
    done
  done
  unset IFS
}

w5_fpm_file() {
  [ -f "$1" ] && [ -r "$1" ] || return 0
  printf '# configuration file %s:\\n' "$1"
  tr -d '\\000' <"$1"
  echo
}

w5_haproxy_find() {
  W5_HAPROXY_CONFS=
  if [ -n "$W5_HAPROXY_CONFIG" ]; then W5_HAPROXY_CONFS=$W5_HAPROXY_CONFIG; return; fi
  for w5_pid in $W5_HAPROXY_PIDS; do
    w5_cd=
    set -f
    IFS=$w5_nl
    set -- $(tr '\\000' '\\n' <"/proc/$w5_pid/cmdline")
    unset IFS
    set +f
    while [ $# -gt 0 ]; do
      w5_file=
      case $1 in
        -C) w5_cd=\${2:-} ;;
        -f) w5_file=\${2:-} ;;
        -f?*) w5_file=\${1#-f} ;;
      esac
      if [ -n "$w5_file" ]; then
        case $w5_file in
          /*) ;;
          *) [ -n "$w5_cd" ] || w5_cd=$(readlink "/proc/$w5_pid/cwd"); w5_file=\${w5_cd%/}/$w5_file ;;
        esac
        if [ -d "$w5_file" ]; then
          for w5_match in "\${w5_file%/}"/*.cfg; do W5_HAPROXY_CONFS=$W5_HAPROXY_CONFS\${W5_HAPROXY_CONFS:+$w5_nl}$w5_match; done
        else
          W5_HAPROXY_CONFS=$W5_HAPROXY_CONFS\${W5_HAPROXY_CONFS:+$w5_nl}$w5_file
        fi
      fi
      shift
    done
    [ -n "$W5_HAPROXY_CONFS" ] && return
  done
  for w5_file in /etc/haproxy/haproxy.cfg /usr/local/etc/haproxy/haproxy.cfg; do
    if [ -f "$w5_file" ]; then W5_HAPROXY_CONFS=$w5_file; return; fi
  done
}
`;

const nginxMention = /W5_NGINX_(?:PID\b|BIN|CONF\b|PREFIX|SOURCE|ERROR\b)|w5_nginx_/;
/** What is found out before the snippets run, and only when one of them speaks of it. */
const findings: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`w5_try|${nginxMention.source}`), 'w5_timeout_find'],
  [nginxMention, 'w5_nginx_load'],
  [/W5_FPM_CONFS?\b|w5_fpm_dump/, 'w5_fpm_find'],
  [/W5_HAPROXY_CONFS\b/, 'w5_haproxy_find'],
];

/**
 * The one script for one host and phase. `token` must be fresh and random (at least 16 hex digits): it is what keeps the content of logs
 * from forging section marks. The script reads no standard input beyond itself, writes no file and needs no root.
 */
export function composeHostScript(probes: readonly HostProbe[], phase: 'before' | 'after', token: string): string {
  if (!/^[0-9a-f]{16,64}$/.test(token)) throw new TypeError('a section token is 16 to 64 hex digits');
  const chosen = probes.filter((probe) => probe.when === 'both' || probe.when === phase);
  const scripts = chosen.map((probe) => probe.script);
  const text = scripts.join('\n');
  const wantsNginx = scripts.some((script) => nginxMention.test(script) && (phase === 'before' || !script.includes('w5_nginx_ready')));
  const bodies = chosen.map((probe, n) => `w5_snippet_${n}() {\n:\n${probe.script}\n}\n`);
  // The exit code stands inside the capped stream, so a section that ended without one was cut. A trap writes it, because a subshell for
  // each snippet would be one more process for each of them.
  const calls = chosen.map(
    (probe, n) => `printf '\\n%s begin %s\\n' "$w5_token" ${idOf(probe)}
{ trap 'printf "\\n%s exit %s\\n" "$w5_token" "$?"' EXIT; w5_snippet_${n}; } | head -c ${sectionCapBytes}
printf '\\n%s end\\n' "$w5_token"
`,
  );
  const load = findings
    .filter(([mention]) => (mention === nginxMention ? wantsNginx : mention.test(text)))
    .map(([, call]) => `${call} >/dev/null`);
  // A function is read to its end before it runs, so its standard input can be taken away from the stream that carries the script.
  return `${preamble}w5_token=${token}
W5_PHASE=${phase}
${bodies.join('')}
w5_main() {
w5_discover
${load.join('\n')}
${calls.join('')}}
w5_main </dev/null 2>/dev/null
exit 0
`;
}

function idOf(probe: HostProbe): string {
  if (!/^[a-z0-9-]+$/.test(probe.id)) throw new TypeError(`not an id: ${probe.id}`);
  return probe.id;
}

/** Takes the output of a composed script apart. A script that was cut off yields the sections that it reached. */
export function splitHostOutput(stdout: string, token: string): Map<ProbeId, HostSection> {
  const sections = new Map<ProbeId, HostSection>();
  let open: { id: ProbeId; parts: string[]; needsRoot: string[]; exit: number | null } | null = null;
  const close = (ended: boolean): void => {
    if (open === null) return;
    const { id, parts, needsRoot, exit } = open;
    sections.set(id, { output: parts.join(''), exit, needsRoot, truncated: ended && exit === null });
    open = null;
  };
  for (const chunk of stdout.split(`\n${token} `).slice(1)) {
    const newline = chunk.indexOf('\n');
    if (newline < 0) continue;
    const mark = chunk.slice(0, newline);
    const blank = mark.indexOf(' ');
    const kind = blank < 0 ? mark : mark.slice(0, blank);
    const rest = blank < 0 ? '' : mark.slice(blank + 1);
    if (kind === 'begin') {
      close(false);
      open = { id: rest as ProbeId, parts: [chunk.slice(newline + 1)], needsRoot: [], exit: null };
    } else if (open !== null && kind === 'needs-root') {
      open.needsRoot.push(rest);
      open.parts.push(chunk.slice(newline + 1));
    } else if (open !== null && kind === 'exit') {
      open.exit = /^\d+$/.test(rest) ? Number(rest) : null;
    } else if (kind === 'end') {
      close(true);
    }
  }
  close(false);
  return sections;
}
