#!/bin/sh
# in-namespace.sh EXEC_ROOT DATA_ROOT COMMAND [ARG...]
#
# Becomes COMMAND, as the one daemon of these roots, in the daemon's own mount namespace. The namespace is kept as the file
# EXEC_ROOT/ns/mnt and made when there is none of this boot, so that a daemon started again finds the mounts of the
# containers that ran on. It shares mounts with the host both ways (a bind mount with rshared reaches it), except below the
# two roots and /sys/fs/cgroup, which are private to it.
#
# in-namespace.sh --undo EXEC_ROOT DATA_ROOT    takes the namespace and the bind mounts away again
#
# Exits 75 when another daemon uses one of the roots, 125 when the namespace cannot be made.
set -u
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export PATH

fail() {
  echo "gantry: $2" >&2
  exit "$1"
}

# The locks belong to whatever process keeps descriptors 8 and 9, so they end with it however it ends. Node does not hand
# descriptors that it found open on to its children.
lock_roots() {
  exec 8>>"$data_root/daemon.lock" 9>>"$exec_root/daemon.lock" || exit 125
  flock -n 8 || fail 75 "another daemon (process $(cat "$data_root/daemon.lock")) uses the data root $data_root"
  flock -n 9 || fail 75 "another daemon (process $(cat "$exec_root/daemon.lock")) uses the exec root $exec_root"
  echo $$ >"$data_root/daemon.lock"
  echo $$ >"$exec_root/daemon.lock"
}

# True for a directory with a mount on it that shares nothing with other namespaces. mountinfo writes a space as \040.
is_private_mount() {
  awk -v path="$(printf %s "$1" | sed -e 's/\\/\\\\134/g' -e 's/ /\\\\040/g')" \
    '$5 == path { state = / (shared|master):/ ? 1 : 2 } END { exit state != 2 }' /proc/self/mountinfo
}

make_private() {
  is_private_mount "$1" && return
  mount --bind "$1" "$1" && mount --make-private "$1" || fail 125 "cannot bind $1 onto itself: that needs root with CAP_SYS_ADMIN"
}

# A file from before a reboot, or one whose mount is gone, is not a namespace any more.
has_namespace() {
  [ "$(cat "$ns/boot-id" 2>/dev/null)" = "$boot_id" ] && nsenter --mount="$ns/mnt" true 2>/dev/null
}

make_namespace() {
  make_private "$data_root"
  make_private "$exec_root"
  mkdir -p -m 0700 "$ns"
  umount "$ns/mnt" 2>/dev/null
  : >"$ns/mnt"
  unshare_mounts 2>/dev/null || unshare_mounts_on_any_cpu 2>/dev/null || unshare_mounts ||
    fail 125 "cannot make the daemon's mount namespace at $ns/mnt"
  echo "$boot_id" >"$ns/boot-id"
}

unshare_mounts() { "$@" unshare --mount="$ns/mnt" --propagation unchanged true; }

# A namespace's file may only be mounted in an older namespace. Linux 6.18 tells age by an id that each processor takes from
# a range of its own, so within a namespace that is itself young it can take the right processor to be younger.
unshare_mounts_on_any_cpu() {
  cpu=0
  while [ "$cpu" -lt "$(nproc --all)" ]; do
    unshare_mounts taskset -c "$cpu" && return
    cpu=$((cpu + 1))
  done
  return 1
}

# crun up to 1.8 refuses to work where version 2 has controllers beside version 1. The tmpfs is writable because it leaves
# a directory per container there.
hide_unified_hierarchy() {
  [ -e /sys/fs/cgroup/cgroup.controllers ] && return
  mount --make-rprivate /sys/fs/cgroup 2>/dev/null
  for file in /sys/fs/cgroup/*/cgroup.controllers; do
    [ -e "$file" ] && read -r controllers <"$file" && [ -n "$controllers" ] || continue
    mount -t tmpfs -o rw,nosuid,nodev,noexec,mode=755 gantry "${file%/*}" || fail 125 "cannot hide ${file%/*} from the OCI runtime"
  done
}

undo() {
  umount "$ns/mnt" 2>/dev/null
  for root in "$exec_root" "$data_root"; do is_private_mount "$root" && umount "$root"; done
  rm -rf "$ns"
}

mode=$1
case $mode in --inside | --undo) shift ;; esac
exec_root=$1
data_root=$2
shift 2

if [ "$mode" = --inside ]; then
  make_private "$data_root"
  hide_unified_hierarchy
  # glibc gives every busy thread an arena of its own, which then holds on to what the thread once needed.
  export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
  exec "$@"
fi

mkdir -p -m 0711 "$exec_root" && mkdir -p -m 0710 "$data_root" || exit 125
exec_root=$(cd "$exec_root" && pwd -P) && data_root=$(cd "$data_root" && pwd -P) || exit 125
[ "$exec_root" != / ] && [ "$data_root" != / ] || fail 125 "the root directory can be neither exec root nor data root"
ns=$exec_root/ns
if [ "$mode" = --undo ]; then
  undo
  exit
fi
read -r boot_id </proc/sys/kernel/random/boot_id
lock_roots
has_namespace || make_namespace
exec nsenter --mount="$ns/mnt" sh "$0" --inside "$exec_root" "$data_root" "$@"
