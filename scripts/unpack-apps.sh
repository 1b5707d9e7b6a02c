#!/bin/sh
# unpack-apps.sh DIR
#
# Unpacks what the tests make images of real services from: redis, PostgreSQL and busybox with the libraries that they need,
# as Debian ships them. Maintainer scripts do not run, so what only serves these, or JIT compilation, is left out.
set -eu
dir=$1
[ ! -e "$dir/.complete" ] || exit 0
mkdir -p "$dir"
: >"$dir/.no-status"
closure() {
  apt-get -s -o Dir::State::status="$dir/.no-status" --no-install-recommends install redis-server postgresql-15 busybox-static |
    sed -nE 's/^Inst ([^ ]+).*/\1/p' |
    grep -vE '^(perl|lib.*-perl$|libperl|libllvm|libz3|gcc-.*-base|dpkg|tar|debconf|locales|libc-l10n|ucf|usrmerge|adduser|passwd|ssl-cert|openssl|lsb-base|init-system-helpers|sysvinit-utils|sensible-utils|libgdbm|libdb5|libsemanage|libsepol|libpam-modules|postgresql-(client-)?common)'
}
packages=$(closure) || { apt-get update -qq && packages=$(closure); }
# shellcheck disable=SC2086
sh "$(dirname "$0")/unpack-debian.sh" "$dir" $packages
touch "$dir/.complete"
