// The script that sends a batch from a host without curl, with whatever of python3, perl, nc and openssl is there.
import { perlClient, pythonClient } from './sh-programs.ts';

/**
 * $1 token, $2 requests at a time, $3 program for HTTP, $4 program for HTTPS, $5 which nc it is (Tools.nc); then nine
 * words a request: host, port, 1 for TLS, name to check, request head, body bytes, connect and total deadline in ms, extra trust anchor.
 * Prints events as the clients of sh-programs do; nc and openssl give `o`, `m` (what they said), `p` (exit code and time since boot).
 */
export const shScript = `
set -u
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; export PATH
w5_token=$1; w5_many=$2; w5_plain=$3; w5_secure=$4; w5_kind=$5; shift 5
w5_python='${pythonClient}'
w5_perl='${perlClient}'
w5_clock() { { read -r w5_now w5_rest </proc/uptime; } 2>/dev/null || w5_now=$(date +%s); }
w5_body() { [ "$1" -eq 0 ] || head -c "$1" /dev/zero | tr '\\0' x; }
w5_tag() { while IFS= read -r w5_l || [ -n "$w5_l" ]; do printf '%s %s %.900s\\n' "$w5_token" "$1" "$w5_l"; done; }
w5_hex() { { head -c 1310720 | od -An -v -tx1 | tr -d ' \\n' | fold -w 900; } 2>/dev/null; }
w5_anchors() {
  for w5_f in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -r "$w5_f" ]; then cat "$w5_f"; break; fi
  done
  printf '\\n%s\\n' "$1"
}
w5_input() {
  printf '%s' "$5"; w5_body "$6"
  case $w5_tool$w5_kind in ncother|ncbusybox) ;; *) return 0 ;; esac
  while kill -0 "$w5_timer" 2>/dev/null; do sleep 1; done
}
w5_nc() {
  if [ "$w5_kind" = busybox ]; then exec busybox nc -w "$w5_wait" "$1" "$2"; else exec nc -v -w "$w5_wait" "$1" "$2"; fi
}
w5_openssl() {
  w5_sni="-servername $4"
  w5_check="-verify_hostname $4"
  case $4 in *[!0-9.]*) ;; *) w5_sni=-noservername; w5_check="-verify_ip $4" ;; esac
  case $4 in *:*) w5_sni=-noservername; w5_check="-verify_ip $4" ;; esac
  case $1 in *:*) w5_to="[$1]:$2" ;; *) w5_to="$1:$2" ;; esac
  # A name was checked to hold no blank, so that these words stay what they are.
  exec openssl s_client -quiet -ign_eof -connect "$w5_to" $w5_sni $w5_check -verify_return_error -CAfile /dev/fd/8
}
w5_pipe() {
  w5_tool=$1; w5_i=$2; shift 2
  w5_wait=$((($8 + 999) / 1000))
  w5_clock; w5_from=$w5_now
  sleep "$w5_wait" >/dev/null 2>&1 </dev/null & w5_timer=$!
  {
    {
      { w5_anchors "$9" 2>/dev/null | { exec 8<&0; w5_input "$@" 2>/dev/null | {
          exec 7<&0
          # The tool takes the place of this subshell, so that the process that the watchdog ends is the tool itself.
          w5_$w5_tool "$@" <&7 2>&3 &
          w5_job=$!
          { while kill -0 "$w5_job" 2>/dev/null; do kill -0 "$w5_timer" 2>/dev/null || { sleep 1; kill "$w5_job" 2>/dev/null; break; }; sleep 1; done; } </dev/null >/dev/null 2>&1 3>&- 4>&- 7<&- 8<&- &
          wait "$w5_job" 2>/dev/null
          w5_code=$?
          w5_clock
          printf 'w5end %s %s %s\\n' "$w5_code" "$w5_from" "$w5_now" >&3
          kill "$w5_timer" 2>/dev/null
        }; } | w5_hex | w5_tag "$w5_i o" >&4
      } 3>&1 | w5_tag "$w5_i m" >&4
    }
  } 4>&1
  kill "$w5_timer" 2>/dev/null
}
w5_one() {
  w5_i=$1; shift
  w5_tool=$w5_plain; w5_name=
  if [ "$3" = 1 ]; then w5_tool=$w5_secure; w5_name=$4; fi
  case $w5_tool in
    python3) { printf '%s' "$5"; w5_body "$6"; } 2>/dev/null | python3 -c "$w5_python" "$w5_token $w5_i" "$1" "$2" "$w5_name" "$7" "$8" "$9" 2>/dev/null ;;
    perl) { printf '%s' "$5"; w5_body "$6"; } 2>/dev/null | perl -e "$w5_perl" "$w5_token $w5_i" "$1" "$2" "$7" "$8" 2>/dev/null ;;
    nc|openssl) w5_pipe "$w5_tool" "$w5_i" "$@" ;;
  esac
}
w5_worker() {
  trap '' PIPE
  w5_at=$1; shift
  while [ $((w5_at * 9)) -lt $# ]; do
    w5_words=
    w5_n=1
    while [ "$w5_n" -le 9 ]; do w5_words="$w5_words \\"\\\${$((w5_at * 9 + w5_n))}\\""; w5_n=$((w5_n + 1)); done
    eval "w5_one \\$w5_at $w5_words"
    w5_at=$((w5_at + w5_many))
  done
}
w5_k=0
while [ "$w5_k" -lt "$w5_many" ]; do w5_worker "$w5_k" "$@" </dev/null & w5_k=$((w5_k + 1)); done
wait
`;
