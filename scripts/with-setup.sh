#!/bin/sh
# Runs a command after the set-up that it needs, on the pinned Node: `sh scripts/with-setup.sh vitest run`. The command replaces this
# shell, so its exit code and its last line of output are those of the script.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
sh scripts/setup.sh --quiet
PATH="$root/node_modules/.bin:$PATH"
export PATH
exec "$@"
