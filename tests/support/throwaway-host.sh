#!/bin/sh
# throwaway-host.sh COMMAND [ARGUMENT...]
#
# Runs the command as the only tenant of a fresh "host": its own mounts, network (loopback up, nothing else), process
# ids, host name, control groups, an empty /run and /var/lib/gantry, and TMPDIR in a new directory. When the command
# ends, every process it left is killed and the groups and the directory are removed. Needs root.
set -u

if [ "${1-}" != --inside ]; then
  dir=$(mktemp -d "${TMPDIR:-/tmp}/gantry-host-XXXXXX") || exit 1
  name=${dir##*/}
  groups=
  # One group per v1 (or hybrid) hierarchy, under the caller's own, becomes the root of what the inside sees.
  # A pure v2 tree is left as it is: its root alone may hold processes and hand out controllers.
  if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    while read -r line; do
      rest=${line#*:}
      controllers=${rest%%:*}
      path=${rest#*:}
      mount=/sys/fs/cgroup/${controllers#name=}
      [ -n "$controllers" ] || mount=/sys/fs/cgroup/unified
      [ -d "$mount" ] || continue
      group=$mount${path%/}/$name
      mkdir "$group" 2>/dev/null || continue
      if [ -e "$group/cpuset.cpus" ]; then
        cat "$mount${path%/}/cpuset.cpus" >"$group/cpuset.cpus"
        cat "$mount${path%/}/cpuset.mems" >"$group/cpuset.mems"
      fi
      groups="$groups $group"
    done </proc/self/cgroup
  fi
  (
    for group in $groups; do echo 0 >"$group/cgroup.procs" || exit 1; done
    # The extra sh lets --fork's child be process 1, so that whatever the command leaves behind dies with it.
    TMPDIR=$dir exec unshare --mount --net --uts --cgroup --pid --fork --kill-child=KILL --propagation private \
      sh "$0" --inside "$@"
  ) <&0 &
  child=$!
  trap 'kill -9 "$child" 2>/dev/null' TERM INT HUP
  status=0
  wait "$child" || status=$?
  trap '' TERM INT HUP
  wait "$child" 2>/dev/null
  for group in $groups; do
    tries=0
    until find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null && [ ! -d "$group" ]; do
      [ ! -d "$group" ] && break
      tries=$((tries + 1))
      [ $tries -ge 50 ] && { echo "throwaway-host: $group cannot be removed" >&2; break; }
      sleep 0.1
    done
  done
  rm -rf --one-file-system "$dir"
  exit "$status"
fi

shift
set -e
mount -t proc proc /proc
hostname gantry-test
ip link set lo up
# Mounts of the machine's own engine would vanish from here when it ends.
for target in /run/gantry /var/lib/gantry; do
  if mountpoint -q "$target"; then umount --lazy --recursive "$target"; fi
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$TMPDIR/var-lib-gantry" /var/lib/gantry
mount --bind "$TMPDIR/var-lib-gantry" /var/lib/gantry
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  # A copy: the list grows under a reader that mounts.
  cat /proc/mounts >"$TMPDIR/mounts"
  while read -r device target type options rest; do
    case $type:$target in
      cgroup2:/sys/fs/cgroup/*)
        umount "$target"
        mount -t cgroup2 cgroup2 "$target" ;;
      cgroup:/sys/fs/cgroup/*)
        controllers=${target##*/}
        case ",$options," in *,name=*) controllers=none,name=$controllers ;; esac
        umount "$target"
        mount -t cgroup -o "$controllers" cgroup "$target" ;;
    esac
  done <"$TMPDIR/mounts"
  rm "$TMPDIR/mounts"
fi
export GANTRY_THROWAWAY_HOST=1
set +e
# Process 1 reaps what the command orphans; catatonit passes signals and the exit code on.
exec catatonit -- "$@"
