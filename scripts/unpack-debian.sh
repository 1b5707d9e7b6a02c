#!/bin/sh
# unpack-debian.sh DIR PACKAGE...
#
# Unpacks Debian packages under DIR without installing them: no service starts, nothing of the host changes.
# What DIR already holds is left alone.
set -eu
dir=$1
shift
mkdir -p "$dir/.debs"
dir=$(cd "$dir" && pwd)
fetch=
for package in "$@"; do
  [ -e "$dir/.debs/$package.unpacked" ] || fetch="$fetch $package"
done
[ -n "$fetch" ] || exit 0
echo "unpacking$fetch (Debian) into $dir" >&2
cd "$dir/.debs"
# The package lists may be missing or name versions that the mirror no longer has.
# shellcheck disable=SC2086
apt-get download -qq $fetch 2>/dev/null || { apt-get update -qq && apt-get download -qq $fetch; }
for package in $fetch; do
  dpkg -x "$package"_*.deb "$dir"
  rm "$package"_*.deb
  touch "$package.unpacked"
done
