#!/bin/sh
# unpack-debian.sh [--suite SUITE] DIR PACKAGE...
#
# Unpacks Debian packages under DIR without installing them: no service starts, nothing of the host changes.
# What DIR already holds is left alone. Of another suite than the host's, packages come from the host's own mirror, by
# package lists of their own under DIR: nothing is mixed into the system.
set -eu
suite=
if [ "$1" = --suite ]; then
  suite=$2
  shift 2
fi
dir=$1
shift
mkdir -p "$dir/.debs"
dir=$(cd "$dir" && pwd)
fetch=
for package in "$@"; do
  [ -e "$dir/.debs/$package.unpacked" ] || fetch="$fetch $package"
done
[ -n "$fetch" ] || exit 0
echo "unpacking$fetch (Debian${suite:+ $suite}) into $dir" >&2
cd "$dir/.debs"

# Says how apt is to look at the suite alone.
apt_options() {
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb (\[[^]]*\] )?([^ ]+).*/\2/p' | grep -v security | head -n 1)
  mkdir -p apt/lists/partial apt/archives/partial
  : >apt/status
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >apt/sources.list
  echo "-o Dir::Etc::sourcelist=$PWD/apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State=$PWD/apt
    -o Dir::State::status=$PWD/apt/status -o Dir::Cache=$PWD/apt -o APT::Sandbox::User=root"
}
options=
[ -z "$suite" ] || options=$(apt_options)
# The package lists may be missing or name versions that the mirror no longer has.
# shellcheck disable=SC2086
apt-get $options download -qq $fetch 2>/dev/null || { apt-get $options update -qq && apt-get $options download -qq $fetch; }
for package in $fetch; do
  dpkg -x "$package"_*.deb "$dir"
  rm "$package"_*.deb
  touch "$package.unpacked"
done
rm -rf apt
