#!/bin/sh
# Everything that tests, demo and lab need on a fresh Debian machine that has only Node >= 20, npm and git. Plain POSIX sh, because
# the Node that would run a script of ours may be what is missing. Safe to run again; says what it installs before it does.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
quiet=no
want=all
for option in "$@"; do
  case $option in
    --quiet) quiet=yes ;;
    --npm-only) want=npm ;;
    *) echo "setup: unknown option $option (known: --quiet, --npm-only)" >&2; exit 2 ;;
  esac
done

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

# --- npm packages ---

# Is $1 (a version such as v22.18.0) at least $2.$3?
version_at_least() {
  major=${1#v}; major=${major%%.*}
  rest=${1#v*.}; minor=${rest%%.*}
  case $major$minor in '' | *[!0-9]*) return 1 ;; esac
  [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -ge "$3" ]; }
}

# The machine's own Node: without our node_modules/.bin, which npm puts in front while it runs a script.
own_path() {
  printf '%s' "$PATH" | tr ':' '\n' | grep -v 'node_modules/\.bin$' | tr '\n' ':' | sed 's/:$//'
}
machine_node() { PATH=$(own_path) command -v node 2>/dev/null || true; }

packages_current() {
  [ -f "$root/node_modules/.package-lock.json" ] && ! [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]
}

pinned_version() { sed -n 's/^ *"node": "\([0-9][0-9.]*\)",\{0,1\}$/v\1/p' "$root/package.json" | head -n 1; }
pinned_works() { [ "$("$root/node_modules/.bin/node" --version 2>/dev/null)" = "$(pinned_version)" ]; }

install_npm_packages() {
  packages_current && pinned_works && return 0
  node=$(machine_node)
  [ -n "$node" ] || die 'Node is missing. Node 20 or newer and npm are the two things that this script cannot bring.'
  version_at_least "$("$node" --version)" 20 0 || die "Node $("$node" --version) is too old to start from: 20 or newer is needed."
  if ! packages_current; then
    say 'installing npm packages (npm ci)'
    # Its "unsupported engine" warnings are about the machine's Node; the packages run on the pinned one.
    (cd "$root" && PATH=$(own_path) npm ci --no-audit --no-fund --loglevel=error >&2) || die 'npm ci failed, see above.'
    # npm may take its time from the registry; the next run compares this file with the lock file.
    touch "$root/node_modules/.package-lock.json"
  fi
  pinned_works && return 0
  say "the pinned Node $(pinned_version) is not usable yet (install scripts were off?): npm rebuild node"
  (cd "$root" && PATH=$(own_path) npm rebuild node --ignore-scripts=false --loglevel=error >&2) || true
  pinned_works && return 0
  if version_at_least "$("$node" --version)" 22 18; then
    say "the pinned Node $(pinned_version) cannot be installed here; going on with this machine's $("$node" --version)"
    rm -f "$root/node_modules/.bin/node"
    return 0
  fi
  die "the pinned Node $(pinned_version) (npm package \"node\") cannot run here, and this machine's $("$node" --version) is older than 22.18." \
    'Install Node 22.18 or newer, or let npm run the install script of the package "node".'
}

# --- Debian packages ---

# package (or its alternatives, first that exists wins) and the file that shows that it is there
needed_packages='
nginx-light|nginx                      /usr/sbin/nginx
libnginx-mod-http-headers-more-filter  /usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so
haproxy                                /usr/sbin/haproxy
php-fpm                                /usr/sbin/php-fpm[0-9]*
nftables                               /usr/sbin/nft
iptables                               /usr/sbin/iptables
openssh-server                         /usr/sbin/sshd
openssh-client                         /usr/bin/ssh
iproute2                               /usr/sbin/tc|/sbin/tc
procps                                 /usr/bin/ps|/bin/ps
socat                                  /usr/bin/socat
curl                                   /usr/bin/curl
tcpdump                                /usr/bin/tcpdump|/usr/sbin/tcpdump
busybox                                /usr/bin/busybox|/bin/busybox
conntrack                              /usr/sbin/conntrack
chromium                               /usr/bin/chromium
openssl                                /usr/bin/openssl
clickhouse-server                      /usr/sbin/clickhouse-server
util-linux                             /usr/bin/unshare
'

# True when one of the patterns in $1, split at |, names an existing file.
any_exists() {
  patterns=$(printf '%s' "$1" | tr '|' ' ')
  # Split into words and expand as file names on purpose.
  for file in $patterns; do
    [ -e "$file" ] && return 0
  done
  return 1
}

missing_packages() {
  printf '%s\n' "$needed_packages" | while read -r package files; do
    [ -n "$package" ] || continue
    any_exists "$files" || printf '%s\n' "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >&2
}

# The first of the alternatives in $1 that apt could install now, or nothing.
installable() {
  for candidate in $(printf '%s' "$1" | tr '|' ' '); do
    if apt-cache policy "$candidate" 2>/dev/null | grep -q '^  Candidate: [^(]'; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

policy=/usr/sbin/policy-rc.d
kept_policy=/usr/sbin/policy-rc.d.before-why5xx

# While packages are installed no service may start: this machine is not the web server, the lab's hosts are.
forbid_services() {
  restore_services # what a run that was killed has left
  if [ -e "$policy" ] || [ -L "$policy" ]; then as_root mv "$policy" "$kept_policy"; fi
  printf '#!/bin/sh\n# why5xx setup: services stay off while packages are installed\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}
restore_services() {
  if [ -f "$policy" ] && grep -q '^# why5xx setup' "$policy"; then as_root rm -f "$policy"; fi
  if [ -e "$kept_policy" ] || [ -L "$kept_policy" ]; then as_root mv "$kept_policy" "$policy"; fi
}

# The package's service would start at the next boot; whoever set this machine up did not ask for that.
disable_new_service() {
  [ -d /run/systemd/system ] || return 0
  as_root systemctl disable --quiet "$1" 2>/dev/null || true
}

install_debian_packages() {
  missing=$(missing_packages | tr '\n' ' ')
  missing=${missing% }
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 || die "this is not Debian: install what provides these yourself, then run again: $missing"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || die "these Debian packages are missing: $missing. Run this as root once, or install sudo."
  fi
  say "installing Debian packages: $missing"
  updated=no
  names=''
  for package in $missing; do
    if ! name=$(installable "$package"); then
      if [ "$updated" = no ]; then
        say 'the package lists are missing or old: apt-get update'
        apt update || die 'apt-get update failed, see above.'
        updated=yes
      fi
      name=$(installable "$package") || die "no package source offers $package."
    fi
    names="$names $name"
  done
  trap 'restore_services' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  forbid_services
  # Word splitting is meant: one argument for each package.
  if ! apt install -y --no-install-recommends $names; then
    [ "$updated" = no ] || die 'apt-get install failed, see above.'
    say 'once more with fresh package lists: apt-get update'
    apt update || die 'apt-get update failed, see above.'
    apt install -y --no-install-recommends $names || die 'apt-get install failed, see above.'
  fi
  restore_services
  trap - EXIT INT TERM
  for name in $names; do
    case $name in
      nginx | nginx-light) disable_new_service nginx ;;
      haproxy) disable_new_service haproxy ;;
      clickhouse-server) disable_new_service clickhouse-server ;;
      openssh-server) disable_new_service ssh ;;
      php-fpm) for unit in /lib/systemd/system/php*-fpm.service; do [ -e "$unit" ] && disable_new_service "$(basename "$unit")"; done ;;
    esac
  done
  still=$(missing_packages | tr '\n' ' ')
  [ -z "$still" ] || die "installed, but their files are not where they are expected: $still"
}

# Two runs at once must not both install. The lock is on the folder itself, so nothing is left behind.
if command -v flock >/dev/null 2>&1; then
  exec 9<"$root"
  flock -w 900 9 || die 'another setup has been running for 15 minutes; giving up.'
fi
install_npm_packages
[ "$want" = npm ] || install_debian_packages
[ "$quiet" = yes ] || say "ready: Node $(PATH="$root/node_modules/.bin:$PATH" node --version)"
