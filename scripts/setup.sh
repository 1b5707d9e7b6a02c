#!/bin/sh
# Installs what Gantry needs and this machine lacks; the launcher calls it when its own quick look finds something missing.
#
#   setup.sh packages        npm packages and the pinned Node, into node_modules
#   setup.sh tools           the host programs behind containers
#   setup.sh program NAME…   what some images are made with: mmdebstrap, busybox, debian-keyring
#
# Says what it does on stderr. Exits 0 when everything is there, 125 when not. With GANTRY_NO_INSTALL set it installs
# nothing and says what is missing.
set -u

root=$(cd "$(dirname "$0")/.." && pwd) || exit 125
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export PATH
unset log 2>/dev/null

. "$root/scripts/setup-host.sh"
. "$root/scripts/setup-packages.sh"

say() { echo "gantry: $*" >&2; }

fail() {
  say "$@"
  exit 125
}

# One at a time: two first starts at once must not install over each other. The lock goes when the process does.
lock() {
  exec 9>"$1" || fail "cannot write $1"
  flock -n 9 && return
  say "another gantry is setting up; waiting for it"
  flock 9 || fail "cannot lock $1"
}

# Runs a command with its output kept back, and shows the end of that when it fails.
quietly() {
  log=$(mktemp) || return 1
  if "$@" >"$log" 2>&1 </dev/null 9>&-; then
    rm -f "$log"
    return 0
  fi
  say "this failed: $*"
  tail -n 15 "$log" | sed 's/^/  /' >&2
  rm -f "$log"
  return 1
}

case ${1:-} in
  packages) setup_packages ;;
  tools) setup_tools ;;
  program) shift && setup_programs "$@" ;;
  *) fail "usage: setup.sh packages | tools | program NAME…" ;;
esac
