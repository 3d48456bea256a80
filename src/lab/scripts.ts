// The two shell scripts that make a lab out of namespaces. The keeper is the first process of a PID namespace around the whole lab
// and of the network namespace that holds the bridges: when it ends, the kernel ends everything. Each host's init is the first
// process of its own.
import { fabric, type HostPlan, here, segments } from './plan.ts';

/** Directories that belong to a host alone. `/etc` and `/var` around them are overlays, so nothing a host writes leaves it. */
const emptyDirectories = [
  '/var/log',
  '/var/lib/nginx',
  '/var/lib/php',
  '/var/lib/haproxy',
  '/var/www',
  '/var/tmp',
  '/tmp',
  '/root',
] as const;
const copiedDirectories = ['/etc/nginx', '/etc/php', '/etc/haproxy', '/etc/ssh'] as const;

/**
 * `keeper.sh DIR`: builds the bridges, starts one init per host, waits until each has its namespaces, wires them, lets them go on and
 * then reaps. Progress goes to files in DIR that the starter watches.
 */
export function keeperScript(hosts: readonly HostPlan[]): string {
  const bridges = segments.flatMap((segment) => [`link add br-${segment} type bridge forward_delay 0`, `link set br-${segment} up`]);
  const wires = hosts.flatMap((host, i) =>
    host.links.map(
      (link) =>
        `link add h${i}-${link.segment} master br-${link.segment} type veth peer name ${link.device} netns $pid_${host.name.replaceAll('-', '_')}`,
    ),
  );
  const ups = hosts.flatMap((host, i) => host.links.map((link) => `link set h${i}-${link.segment} up`));
  return `set -eu
D=$1
ip link set lo up
ip -batch - <<END
${bridges.join('\n')}
address add ${fabric.ispA} dev br-isp-a
address add ${fabric.mgmt} dev br-mgmt
route add ${here.managementAddress}/32 dev br-isp-a
END
echo 1 > /proc/sys/net/ipv4/ip_forward
for each in all default br-isp-a br-mgmt; do
  echo 0 > /proc/sys/net/ipv4/conf/$each/rp_filter
  echo 0 > /proc/sys/net/ipv4/conf/$each/send_redirects
done
mkfifo "$D/ready"
exec 6<>"$D/ready"
${hosts
  .map(
    (host) => `mkfifo "$D/go.${host.name}"
unshare --net --mount --propagation private --pid --fork --kill-child=SIGKILL --uts --mount-proc sh "$D/init.sh" "$D" ${host.name} 6>&- &
pid_${host.name.replaceAll('-', '_')}=$!`,
  )
  .join('\n')}
n=0
while [ $n -lt ${hosts.length} ]; do read -r name <&6; n=$((n + 1)); done
ip -batch - <<END
${[...wires, ...ups].join('\n')}
END
${hosts.map((host) => `echo go > "$D/go.${host.name}"`).join('\n')}
: > "$D/wired"
exec 6<&-
${reapForever}`;
}

// A shell that waits reaps whatever the kernel hands to it, so that no zombie stays.
const reapForever = `trap '' HUP INT TERM
while :; do
  sleep 100000 &
  wait $! || :
done
`;

/**
 * `init.sh DIR NAME`: gives a host its own files, waits for its interfaces, configures them, starts its services and then reaps.
 * `mount -n`, since a mount would otherwise leave its notes in the caller's /run. Appends `done` or what failed to DIR/status/NAME.
 */
export function initScript(): string {
  return `set -eu
D=$1
NAME=$2
exec 4>>"$D/status/$NAME" 2>&4
trap 'echo "failed at: $STEP" >&4' EXIT
STEP=files
hostname "$NAME"
B=$D/hosts/$NAME
mkdir -p "$B"
mount -n -t tmpfs -o size=256m,mode=755 "$NAME" "$B"
mkdir -p "$B/etc" "$B/etc-work" "$B/var" "$B/var-work" "$B/own"
cp -a "$D/seed/$NAME/." "$B/own/"
for d in ${copiedDirectories.join(' ')}; do mkdir -p "$B/own$d"; done
for d in ${emptyDirectories.join(' ')} /run; do mkdir -p "$B/own$d"; done
if [ -e "$B/own/etc/nginx/nginx.conf" ]; then
  for f in mime.types fastcgi_params fastcgi.conf proxy_params; do
    if [ -e "/etc/nginx/$f" ] && [ ! -e "$B/own/etc/nginx/$f" ]; then cp -a "/etc/nginx/$f" "$B/own/etc/nginx/"; fi
  done
fi
for f in hosts hostname resolv.conf nftables.conf shadow; do
  if [ -e "$B/own/etc/$f" ]; then mv "$B/own/etc/$f" "$B/etc/$f"; fi
done
own=$B/own
if ! mount -n -t overlay overlay -o "lowerdir=/etc,upperdir=$B/etc,workdir=$B/etc-work" /etc 2>/dev/null; then
  cp -a /etc/. "$B/etc-work/"
  cp -a "$B/etc/." "$B/etc-work/"
  mount -n --bind "$B/etc-work" /etc
fi
mount -n -t overlay overlay -o "lowerdir=/var,upperdir=$B/var,workdir=$B/var-work" /var 2>/dev/null || :
mkdir -p ${[...copiedDirectories, ...emptyDirectories].join(' ')}
# In own mount namespace now: the machine's php configuration is the base, the pool is the lab's.
if [ -d "$own/etc/php" ]; then
  for v in "$own"/etc/php/*; do
    if [ -d "$v" ]; then
      base=/etc/php/\${v##*/}
      for part in mods-available fpm/php.ini fpm/php-fpm.conf fpm/conf.d cli; do
        if [ -e "$base/$part" ] && [ ! -e "$v/$part" ]; then mkdir -p "$v/\${part%/*}" "$v/fpm" 2>/dev/null || :; rmdir "$v/$part" 2>/dev/null || :; cp -a "$base/$part" "$v/$part"; fi
      done
    fi
  done
fi
for d in ${[...copiedDirectories, ...emptyDirectories].join(' ')}; do mount -n --bind "$own$d" "$d"; done
chmod 1777 /tmp /var/tmp
chmod 700 /root
if [ -d /root/.ssh ]; then chmod 700 /root/.ssh; fi
mkdir -p /var/log/nginx /var/lib/nginx /var/lib/php/sessions /var/www
chmod 1733 /var/lib/php/sessions
chown www-data:adm /var/log/nginx 2>/dev/null || :
STEP=network
exec 5<>"$D/go.$NAME"
NET=$(cat "$D/net/$NAME")
SYSCTL=$(cat "$D/sysctl/$NAME")
START=$(cat "$D/start/$NAME")
exec 7>"$D/ready"
# From here on the host sees its own /run, and the lab's directory no more.
mount -n --bind "$own/run" /run
mkdir -p /run/lock /run/sshd /run/php /run/haproxy
chown www-data:www-data /run/php 2>/dev/null || :
echo "$NAME" >&7
exec 7>&-
# A new sysfs shows this network namespace; the control groups are carried over.
if [ -d /sys/fs/cgroup ]; then
  mkdir /tmp/.cgroup
  mount -n --rbind /sys/fs/cgroup /tmp/.cgroup
  mount -n -t sysfs sysfs /sys && mount -n --move /tmp/.cgroup /sys/fs/cgroup || :
  rmdir /tmp/.cgroup 2>/dev/null || :
else
  mount -n -t sysfs sysfs /sys || :
fi
read -r _ <&5
exec 5<&-
printf '%s\\n' "$NET" | ip -batch -
printf '%s\\n' "$SYSCTL" | while read -r key value; do
  if [ -e "/proc/sys/$key" ]; then echo "$value" > "/proc/sys/$key"; fi
done
if [ -e /etc/nftables.conf ] && grep -q '^table' /etc/nftables.conf; then STEP=nftables; nft -f /etc/nftables.conf; fi
STEP=services
cd /
sh -ec "$START" < /dev/null > /dev/null 4>&-
trap - EXIT
echo done >&4
exec 4>&- 2>/dev/null
# Under a plain name: in the host's process list this is its init.
exec sh -c '${reapForever.replaceAll("'", `'\\''`)}' init
`;
}

/** Lines for `ip -batch` inside a host. */
export function networkBatch(host: HostPlan): string {
  return [
    'link set lo up',
    ...host.links.flatMap((link) => [`address add ${link.address} dev ${link.device}`, `link set ${link.device} up`]),
    ...host.routes,
    '',
  ].join('\n');
}

/** `key value` lines below /proc/sys: nothing is left to what the machine happens to have as its default. */
export function sysctlLines(host: HostPlan, extra: Readonly<Record<string, string>>): string {
  const devices = ['all', 'default', 'lo', ...host.links.map((link) => link.device)];
  return [
    `net/ipv4/ip_forward ${host.forwards ? 1 : 0}`,
    ...devices.flatMap((device) => [
      `net/ipv4/conf/${device}/rp_filter 0`,
      `net/ipv4/conf/${device}/log_martians 0`,
      `net/ipv4/conf/${device}/accept_redirects 0`,
      `net/ipv4/conf/${device}/send_redirects 0`,
    ]),
    'net/ipv4/ip_local_port_range 32768 60999',
    'net/ipv4/tcp_syncookies 1',
    'net/core/somaxconn 4096',
    ...Object.entries(extra).map(([key, value]) => `${key} ${value}`),
    '',
  ].join('\n');
}
