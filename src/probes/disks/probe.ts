// Space, inodes and write protection of the file systems under the directories that the site's services use.
import type { Disks } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { groupByFilesystem } from './filesystems.ts';

// A service may live in a mount namespace of its own: then its directories are those below /proc/PID/root. `stat -f` asks the file system
// itself, all paths in one process; `df` is for hosts whose stat cannot.
const script = `
w5_nginx_ready
w5_mine=$(readlink /proc/self/ns/mnt)
w5_prefix_of() {
  w5_prefix= w5_seen=self
  [ -n "$1" ] || return
  w5_theirs=$(readlink "/proc/$1/ns/mnt")
  if [ -n "$w5_theirs" ] && [ "$w5_theirs" != "$w5_mine" ]; then
    if [ -d "/proc/$1/root/tmp" ] || [ -d "/proc/$1/root/etc" ]; then w5_prefix=/proc/$1/root w5_seen=$1; else w5_needs_root "file systems of process $1"; fi
  fi
}
w5_uses=$(
  printf '%s\\t%s\\t\\n' root / tmp /tmp logs /var/log run /run
  w5_prefix_of "$W5_NGINX_PID"
  if [ -n "$W5_NGINX_PIDS$W5_NGINX_SOURCE" ]; then
    { w5_nginx_version; printf '@@dump\\n'; w5_nginx_dump; } | awk -v base="$W5_NGINX_PREFIX" -v prefix="$w5_prefix" '
      function add(what, path) {
        gsub(/["\\047]/, "", path)
        if (path == "" || path == "off" || path ~ /^(syslog:|stderr|memory:|\\|)/ || path ~ /[$]/) return
        if (path !~ /^\\//) path = base "/" path
        if (what ~ /logs$/) sub(/\\/[^\\/]*$/, "", path)
        if (path == "") path = "/"
        if (!((what path) in told)) { told[what path] = 1; print "nginx " what "\\t" path "\\t" prefix }
      }
      /^@@dump$/ { dump = 1; next }
      !dump {
        n = split($0, word, " ")
        for (i = 1; i <= n; i++) {
          if (word[i] ~ /^--http-(client-body|proxy|fastcgi|uwsgi|scgi)-temp-path=/) { name = word[i]; sub(/^--http-/, "", name); sub(/-path=.*/, "", name); gsub(/-/, "_", name); sub(/^[^=]*=/, "", word[i]); built[name] = word[i] }
          if (word[i] ~ /^--(error-log|http-log)-path=/) { sub(/^[^=]*=/, "", word[i]); add("logs", word[i]) }
        }
        next
      }
      {
        line = $0
        sub(/(^|[ \\t])#.*/, "", line)
        m = split(line, statement, /[;{}]/)
        for (i = 1; i <= m; i++) {
          sub(/^[ \\t]+/, "", statement[i])
          if (split(statement[i], word, /[ \\t]+/) < 2) continue
          name = word[1]
          if (name ~ /^(client_body_temp|proxy_temp|fastcgi_temp|uwsgi_temp|scgi_temp)_path$/) { sub(/_path$/, "", name); set[name] = 1; add(name, word[2]) }
          else if (name ~ /^(proxy_cache|fastcgi_cache|uwsgi_cache|scgi_cache)_path$/) { sub(/_path$/, "", name); add(name, word[2]) }
          else if (name == "error_log" || name == "access_log") add("logs", word[2])
          else if (name == "root") add("root", word[2])
        }
      }
      END {
        # With no path compiled in, nginx uses these below its prefix.
        for (name in built) if (!(name in set)) add(name, built[name])
        if (!("client_body_temp" in set) && !("client_body_temp" in built)) add("client_body_temp", "client_body_temp")
        if (!("proxy_temp" in set) && !("proxy_temp" in built)) add("proxy_temp", "proxy_temp")
        if (!("fastcgi_temp" in set) && !("fastcgi_temp" in built)) add("fastcgi_temp", "fastcgi_temp")
      }'
  fi
  w5_fpm=\${W5_FPM_PIDS%% *}
  if [ -n "$W5_FPM_CONF" ]; then
    w5_prefix_of "$w5_fpm"
    { cat "\${W5_FPM_CONF%/*}/php.ini" "\${W5_FPM_CONF%/*}/conf.d/"*.ini; w5_fpm_dump; } | awk -v prefix="$w5_prefix" '
      function add(what, path) { gsub(/["\\047 \\t\\r]/, "", path); sub(/^[0-9]+;([0-7]+;)?/, "", path); if (path !~ /^\\//) return; if (what ~ /logs$/) sub(/\\/[^\\/]*$/, "", path); print "php " what "\\t" path "\\t" prefix }
      /^[ \\t]*[;#]/ { next }
      { at = index($0, "="); if (at == 0) next; key = substr($0, 1, at - 1); value = substr($0, at + 1); gsub(/[ \\t]/, "", key); sub(/[ \\t]+;.*$/, "", value) }
      key ~ /session.save_path/ { saved = 1; add("sessions", value) }
      key ~ /upload_tmp_dir/ { add("uploads", value) }
      key ~ /sys_temp_dir/ { add("tmp", value) }
      key ~ /opcache.file_cache/ { add("opcache", value) }
      key == "error_log" || key == "slowlog" || key == "access.log" || key ~ /\\[error_log\\]/ { add("logs", value) }
      END { if (!saved) { print "php sessions\\t/var/lib/php/sessions\\t" prefix; print "php sessions\\t/tmp\\t" prefix } }'
    printf 'php tmp\\t/tmp\\t%s\\n' "$w5_prefix"
  fi
)
printf '@@uses\\n%s\\n' "$w5_uses"
set -f
IFS='
'
set --
for w5_line in $(printf '%s\\n' "$w5_uses" | awk -F '\\t' 'NF == 3 && !(($3 $2) in done) { done[$3 $2] = 1; print $3 $2 }'); do
  while [ ! -e "$w5_line" ]; do w5_up=\${w5_line%/*}; [ "$w5_up" != "$w5_line" ] || break; w5_line=\${w5_up:-/}; done
  set -- "$@" "$w5_line"
  [ $# -lt 100 ] || break
done
unset IFS
set +f
printf '@@stat\\n'
w5_stat=$(w5_try 5 stat -f -c '%i %S %b %a %c %d %n' "$@")
if [ -n "$w5_stat" ]; then printf '%s\\n' "$w5_stat"; else printf '@@df\\n'; w5_try 5 df -P -k "$@"; fi
printf '@@mounts self\\n'
cat /proc/self/mounts
for w5_seen in $W5_NGINX_PID \${W5_FPM_PIDS%% *}; do
  [ -r "/proc/$w5_seen/mounts" ] && { printf '@@mounts %s\\n' "$w5_seen"; cat "/proc/$w5_seen/mounts"; }
done
printf '@@end\\n'
`;

export const disks = defineHostProbe<'disks', Disks>({
  id: 'disks',
  title: 'Space of the directories in use',
  roles: ['edge', 'balancer', 'backend'],
  when: 'before',
  script,
  parse(output) {
    const parts = new Map<string, string>();
    for (const part of output.split(/^@@(?=(?:uses|stat|df|mounts \w+|end)$)/m).slice(1)) {
      const head = part.indexOf('\n');
      const name = part.slice(0, head < 0 ? part.length : head);
      if (!parts.has(name)) parts.set(name, head < 0 ? '' : part.slice(head + 1));
    }
    if (!parts.has('end')) throw new ProbeError('the file systems were not printed whole');
    const filesystems = groupByFilesystem(parts);
    if (filesystems.length === 0) throw new ProbeError('neither stat nor df could tell the size of any file system');
    return { filesystems };
  },
  combine: (_before, only) => only,
});
