// How each service of a host is started, stopped and reloaded, without an init system: as shell snippets that run inside the host.
import type { Service } from './plan.ts';

/** What a snippet needs to know about the machine's programs. */
export interface Programs {
  readonly phpVersion: string;
}

/** Ends with the service listening, or fails with its own error message. */
export function startSnippet(service: Service, programs: Programs): string {
  switch (service) {
    case 'sshd':
      return '/usr/sbin/sshd -E /var/log/auth.log';
    case 'nginx':
      return 'nginx';
    case 'php-fpm':
      return `mkdir -p /run/php && php-fpm${programs.phpVersion} --daemonize --fpm-config /etc/php/${programs.phpVersion}/fpm/php-fpm.conf -c /etc/php/${programs.phpVersion}/fpm`;
    case 'haproxy':
      // Its log leaves on standard output; sed takes the place of a syslog daemon and only strips the priority.
      return `haproxy -c -q -f /etc/haproxy/haproxy.cfg && rm -f /run/haproxy/admin.sock && { { exec setsid haproxy -W -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid 2> /dev/null < /dev/null; } | setsid sed -u 's/^<[0-9]*>//' >> /var/log/haproxy.log 2>/dev/null & } && i=0 && while [ ! -S /run/haproxy/admin.sock ] && [ $i -lt 100 ]; do sleep 0.03; i=$((i + 1)); done && [ -S /run/haproxy/admin.sock ]`;
  }
}

/** Name of the processes as the kernel has it. */
function processName(service: Service, programs: Programs): string {
  return service === 'php-fpm' ? `php-fpm${programs.phpVersion}` : service;
}

const eachPid = `pids() { for p in /proc/[0-9]*; do if read -r c < "$p/comm" 2>/dev/null && [ "$c" = "$1" ]; then echo "\${p#/proc/}"; fi; done; }
`;

/** Stops by SIGTERM, then SIGKILL. Only processes of the host's own PID namespace are looked at. */
export function stopSnippet(service: Service, programs: Programs): string {
  const name = processName(service, programs);
  return `${eachPid}P=$(pids ${name}); if [ -n "$P" ]; then kill -TERM $P 2>/dev/null || :; fi
i=0; while [ -n "$(pids ${name})" ]; do
  i=$((i + 1)); if [ $i -gt 60 ]; then P=$(pids ${name}); if [ -n "$P" ]; then kill -KILL $P 2>/dev/null || :; fi; fi
  if [ $i -gt 200 ]; then echo 'still running: ${name}' >&2; exit 1; fi
  sleep 0.02
done
${service === 'haproxy' ? 'rm -f /run/haproxy/admin.sock' : ''}`;
}

/** Kills at once, leaving pid files and sockets behind as a crash would. */
export function killSnippet(service: Service, programs: Programs): string {
  const name = processName(service, programs);
  return `${eachPid}P=$(pids ${name}); if [ -n "$P" ]; then kill -KILL $P; fi
i=0; while [ -n "$(pids ${name})" ] && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.02; done`;
}

/**
 * Re-reads the configuration the way an operator does, and waits (bounded) until it is in force: until new workers have taken over.
 * nginx lets old and new ones accept side by side for 100 ms.
 */
export function reloadSnippet(service: Exclude<Service, 'sshd'>, programs: Programs): string {
  const name = processName(service, programs);
  const master = { nginx: '/run/nginx.pid', 'php-fpm': `/run/php/php${programs.phpVersion}-fpm.pid`, haproxy: '/run/haproxy.pid' }[service];
  const signal = { nginx: 'HUP', 'php-fpm': 'USR2', haproxy: 'USR2' }[service];
  const test = { nginx: 'nginx -t -q', 'php-fpm': ':', haproxy: 'haproxy -c -q -f /etc/haproxy/haproxy.cfg' }[service];
  return `${eachPid}workers() { M=$(cat ${master}); for p in $(pids ${name}); do if grep -qs "^PPid:[[:space:]]*$M$" "/proc/$p/status"; then echo $p; fi; done; }
OLD=" $(workers | tr '\\n' ' ')"
${test}
kill -${signal} "$(cat ${master})"
i=0; while [ $i -lt 100 ]; do
  for p in $(workers); do case "$OLD" in *" $p "*) ;; *) sleep 0.2; exit 0 ;; esac; done
  i=$((i + 1)); sleep 0.02
done`;
}
