#!/bin/sh
# Runs a command after the set-up that it needs, on the pinned Node: `sh scripts/with-setup.sh vitest run`. With --root the command runs
# as root, through sudo where it must: the lab is made of namespaces, interfaces and firewall rules. The command's exit code and its
# last line of output are those of this script.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
as_root=no
if [ "${1-}" = --root ]; then as_root=yes; shift; fi
sh scripts/setup.sh --quiet
PATH="$root/node_modules/.bin:$PATH"
export PATH
if [ "$as_root" = no ] || [ "$(id -u)" = 0 ]; then exec "$@"; fi
command -v sudo >/dev/null 2>&1 || { echo 'This needs root (the lab makes network namespaces): run it as root, or install sudo.' >&2; exit 2; }
status=0
sudo -E env "PATH=$PATH" "$@" || status=$?
# What root has written here belongs to whoever owns the folder.
sudo chown -R -h "$(id -u):$(id -g)" dist schemas test/golden bench/results node_modules/.vite node_modules/.vite-temp node_modules/.vitest-cache 2>/dev/null || true
exit "$status"
