// The shell half of the log probe. Before the marked requests it only notes which log files there are and how long; afterwards it prints
// what was written since, whatever a log rotation did meanwhile, and a bounded piece of what stood before.

/** Bytes of new text that are read per file, from its end. Marked lines before that are still found, and some errors of each sort. */
export const newLimitBytes = 1024 * 1024;

// Statements of interest, one per line: `D text` for every one, `A path` and `E path` for the files. \047 is the single quote.
const extract = `
function ending(text,   i, c, q) {
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (c == "\\\\") i++
    else if (q != "") { if (c == q) q = "" }
    else if (c == "\\"" || c == "\\047") q = c
    else if (c == ";") return i
  }
  return 0
}
function emit(text,   word, part) {
  print "D " text
  split(text, part, /[ \\t;]+/)
  word = part[2]
  gsub(/["\\047]/, "", word)
  if (part[1] == "access_log") print "A " word
  if (part[1] == "error_log") print "E " word
}
open { text = text " " $0; end = ending(text); if (end) { emit(substr(text, 1, end)); open = 0 } else if (length(text) > 16000) open = 0; next }
/^[ \\t]*#/ { next }
/(access_log|error_log|log_format)[ \\t]/ {
  line = $0
  while (match(line, /(^|[;{} \\t])(access_log|error_log|log_format)[ \\t]/)) {
    line = substr(line, RSTART); sub(/^[;{} \\t]+/, "", line)
    end = ending(line)
    if (!end) { open = 1; text = line; break }
    emit(substr(line, 1, end)); line = substr(line, end + 1)
  }
}`;

const fpmExtract = `
/^[ \\t]*;/ { next }
/^[ \\t]*\\[/ { pool = $0; gsub(/[][ \\t]/, "", pool); next }
/^[ \\t]*(error_log|slowlog|php_(admin_)?value\\[error_log\\])[ \\t]*=/ {
  name = $0; sub(/[ \\t]*=.*/, "", name); sub(/^[ \\t]*/, "", name)
  path = $0; sub(/^[^=]*=[ \\t]*/, "", path); sub(/[ \\t]*$/, "", path); gsub(/["\\047]/, "", path)
  at = index(path, "$pool"); if (at) path = substr(path, 1, at - 1) pool substr(path, at + 5)
  if (name == "slowlog") print "php-fpm-slow " path
  else if (name == "error_log") print "php-fpm " path
  else print "php-error " path
}`;

// Error lines do not name our requests, so of a flood some lines of each sort are kept: one noisy error must not hide another.
const sample = `
{
  at = index($0, ": *")
  sort = at ? substr($0, at + 3, 90) : substr($0, 23, 60)
  if (at) sub(/^[0-9]+ /, "", sort)
  if (!(sort in seen) && kinds++ >= 2000) next
  if (seen[sort]++ < 30) print
}`;

/** Prints `<boundary>` first; every part after it begins with that boundary, which log content cannot know. */
export const script = `
w5_b=w5-$w5_token
echo "$w5_b"
date +%z
w5_list=
w5_add() {
  case $2 in /*) ;; *) return ;; esac
  case $2 in *'$'* | /dev/* | /proc/*) return ;; esac
  case $w5_nl$w5_list in *"$w5_nl$1 $2$w5_nl"*) return ;; esac
  w5_list="$w5_list$1 $2$w5_nl"
}
w5_discover_logs() {
  w5_nginx_ready
  w5_directives=$(w5_nginx_dump | awk '${extract}')
  w5_a= w5_e=
  [ -n "$W5_NGINX_ACCESS_LOG" ] && w5_a=1 && w5_add nginx-access "$W5_NGINX_ACCESS_LOG"
  [ -n "$W5_NGINX_ERROR_LOG" ] && w5_e=1 && w5_add nginx-error "$W5_NGINX_ERROR_LOG"
  printf '\\n%s formats\\n' "$w5_b"
  IFS=$w5_nl
  set -f
  for w5_line in $w5_directives; do
    w5_path=\${w5_line#? }
    case $w5_path in /*) ;; *) w5_path=$W5_NGINX_PREFIX/$w5_path ;; esac
    case $w5_line in
      'A off' | 'A syslog:'* | 'A memory:'* | 'E stderr' | 'E syslog:'* | 'E memory:'*) [ "$w5_line" = 'A off' ] || w5_e=1 ;;
      'A '*) w5_a=1; w5_add nginx-access "$w5_path" ;;
      'E '*) w5_e=1; w5_add nginx-error "$w5_path" ;;
      'D '*) printf '%s\\n' "$w5_line" ;;
    esac
  done
  unset IFS
  if [ -z "$w5_a" ]; then
    case $w5_v in *--http-log-path=*) w5_path=\${w5_v#*--http-log-path=}; w5_path=\${w5_path%% *}; w5_add nginx-access "$w5_path" ;; ?*) w5_add nginx-access "$W5_NGINX_PREFIX/logs/access.log" ;; esac
  fi
  if [ -z "$w5_e" ]; then
    case $w5_v in *--error-log-path=*) w5_path=\${w5_v#*--error-log-path=}; w5_path=\${w5_path%% *}; w5_add nginx-error "$w5_path" ;; ?*) w5_add nginx-error "$W5_NGINX_PREFIX/logs/error.log" ;; esac
  fi
  [ -n "$W5_FPM_LOG" ] && w5_add php-fpm "$W5_FPM_LOG"
  set +f
  w5_fpm_find
  w5_lines=$(w5_fpm_dump | awk '${fpmExtract}')
  set -f
  IFS=$w5_nl
  for w5_line in $w5_lines; do
    w5_add "\${w5_line%% *}" "\${w5_line#* }"
  done
  IFS=$w5_nl
  for w5_line in $W5_FPM_CONFS; do
    unset IFS
    w5_path=$(sed -n 's/^error_log *= *\\([^ ;]*\\).*/\\1/p' "\${w5_line%/*}/php.ini" | tail -n 1)
    w5_add php-error "$w5_path"
  done
  unset IFS
  set +f
  w5_haproxy_find
  [ -n "$W5_HAPROXY_LOG" ] && w5_add haproxy "$W5_HAPROXY_LOG"
  if [ -n "$W5_HAPROXY_PIDS$W5_HAPROXY_CONFS" ] && [ -z "$W5_HAPROXY_LOG" ]; then
    for w5_path in /var/log/haproxy.log /var/log/haproxy/*.log; do [ -f "$w5_path" ] && w5_add haproxy "$w5_path"; done
  fi
}
if [ "$W5_PHASE" = before ] || [ -z "$W5_MARKS" ]; then
  w5_discover_logs
else
  w5_list=$(printf '%s\\n' "$W5_MARKS" | sed -n 's/^\\([a-z-]*\\) [0-9]* [0-9]* \\(\\/.*\\)/\\1 \\2/p' | head -n 60)$w5_nl
fi
IFS=$w5_nl
set -f
w5_paths=$(printf '%s' "$w5_list" | sed 's/^[a-z-]* //')
w5_now=$(
  {
    printf '%s\\n' "$W5_MARKS" | sed 's/^/M /'
    ls -lLind /dev/null $w5_paths | sed 's/^/S /'
    printf '%s' "$w5_list" | sed 's/^/L /'
  } | awk '
    $1 == "M" && NF >= 5 { path = $0; sub(/^M [a-z-]+ [0-9]+ [0-9]+ /, "", path); oldinode[path] = $3; oldsize[path] = $4 }
    $1 == "S" && $3 ~ /^-/ { path = substr($0, index($0, " /") + 1); inode[path] = $2; size[path] = $7 }
    $1 == "L" {
      path = substr($0, index($0, " /") + 1)
      print $2, inode[path] + 0, size[path] + 0, (path in oldinode) ? oldinode[path] : "-", (path in oldsize) ? oldsize[path] : "-", path
    }'
)
printf '\\n%s files\\n' "$w5_b"
w5_hidden=
for w5_line in $w5_now; do
  w5_path=/\${w5_line#* /}
  w5_head=\${w5_line%% /*}
  w5_r=r
  [ -r "$w5_path" ] || w5_r=-
  printf '%s %s %s\\n' "$w5_r" "$w5_head" "$w5_path"
  case $w5_r$w5_head in -*' 0 0 '*) w5_d=\${w5_path%/*}; [ -e "$w5_d" ] || [ -x "\${w5_d%/*}" ] || w5_hidden=1 ;; -*) w5_hidden=1 ;; esac
done
[ -n "$w5_hidden" ] && w5_needs_root 'some log files'
[ "$W5_PHASE" = before ] && exit 0

# w5_chunk LABEL KIND START END REALPATH PATH
w5_chunk() {
  [ "$4" -gt "$3" ] || return 0
  printf '\\n%s chunk %s %s %s %s\\n' "$w5_b" "$1" "$2" "$3" "$6"
  w5_block=$(($3 / 65536))
  dd if="$5" bs=65536 skip="$w5_block" count=$((($4 - w5_block * 65536 + 65535) / 65536)) | tail -c +$(($3 - w5_block * 65536 + 1)) | head -c $(($4 - $3))
}
# w5_new KIND START END REALPATH PATH: what was written, at most the limit of it, and of what stood before that our lines, or some of each sort
w5_new() {
  w5_from=$2
  if [ $(($3 - $2)) -gt ${newLimitBytes} ]; then
    w5_from=$(($3 - ${newLimitBytes}))
    w5_block=$(($2 / 65536))
    printf '\\n%s chunk marked %s %s %s\\n' "$w5_b" "$1" "$2" "$5"
    w5_blocks=$(((w5_from - $2) / 65536 + 1 < 1024 ? (w5_from - $2) / 65536 + 1 : 1024))
    case $1 in
      *-access | haproxy) [ -n "$W5_RUN" ] && dd if="$4" bs=65536 skip="$w5_block" count="$w5_blocks" | grep -a -F -e "$W5_RUN" | head -c 262144 ;;
      *) dd if="$4" bs=65536 skip="$w5_block" count="$w5_blocks" | tr -d '\\000' | w5_try 4 awk '${sample}' | head -c 262144 ;;
    esac
    w5_chunk cut "$1" "$w5_from" "$3" "$4" "$5"
  else
    w5_chunk new "$1" "$2" "$3" "$4" "$5"
  fi
}
w5_size() { w5_s=$(ls -lLind "$1" | awk '{ print $6 }'); w5_s=\${w5_s:-0}; }
for w5_line in $w5_now; do
  unset IFS
  w5_path=/\${w5_line#* /}
  [ -r "$w5_path" ] || [ ! -e "$w5_path" ] || continue
  set -- \${w5_line%% /*}
  w5_kind=$1 w5_inode=$2 w5_length=$3 w5_oldinode=$4 w5_oldlength=$5
  case $w5_kind in *-access) w5_look=32768 ;; haproxy) w5_look=65536 ;; *) w5_look=131072 ;; esac
  if [ "$w5_oldinode" = - ]; then
    w5_chunk old "$w5_kind" $((w5_length > w5_look ? w5_length - w5_look : 0)) "$w5_length" "$w5_path" "$w5_path"
    continue
  fi
  w5_back=$((w5_oldlength > w5_look ? w5_oldlength - w5_look : 0))
  if [ "$w5_oldinode" = 0 ]; then
    w5_new "$w5_kind" 0 "$w5_length" "$w5_path" "$w5_path"
  elif [ "$w5_inode" = "$w5_oldinode" ] && [ "$w5_length" -ge "$w5_oldlength" ]; then
    w5_chunk old "$w5_kind" "$w5_back" "$w5_oldlength" "$w5_path" "$w5_path"
    w5_new "$w5_kind" "$w5_oldlength" "$w5_length" "$w5_path" "$w5_path"
  else
    if [ "$w5_inode" = "$w5_oldinode" ]; then
      w5_moved=$w5_path.1
    else
      w5_moved=$(find "\${w5_path%/*}" -maxdepth 1 -inum "$w5_oldinode" | head -n 1)
    fi
    printf '\\n%s rotated %s\\n' "$w5_b" "$w5_path"
    if [ -n "$w5_moved" ] && [ -r "$w5_moved" ]; then
      w5_size "$w5_moved"
      if [ "$w5_s" -ge "$w5_oldlength" ]; then
        w5_chunk old "$w5_kind" "$w5_back" "$w5_oldlength" "$w5_moved" "$w5_path"
        w5_new "$w5_kind" "$w5_oldlength" "$w5_s" "$w5_moved" "$w5_path"
      else
        printf '\\n%s lost %s\\n' "$w5_b" "$w5_path"
      fi
    else
      printf '\\n%s lost %s\\n' "$w5_b" "$w5_path"
    fi
    w5_new "$w5_kind" 0 "$w5_length" "$w5_path" "$w5_path"
  fi
done
exit 0
`;
