#!/bin/sh
# prepare.sh
#
# Brings a Debian machine and this checkout to where checks and tests can run, and says what it does:
# npm packages by the lock file, missing Debian packages, and, unpacked but not installed, Debian's docker 20.10 client,
# docker compose v2 of Debian trixie and the services that the tests make images of.
set -eu
cd "$(dirname "$0")/.."

npm_is_current() {
  node -e '
    const { readFileSync } = require("node:fs");
    const read = (path) => JSON.parse(readFileSync(path, "utf8")).packages;
    const wanted = Object.entries(read("package-lock.json")).filter(([path, one]) => path !== "" && !one.optional);
    const present = read("node_modules/.package-lock.json");
    process.exit(wanted.every(([path, one]) => present[path]?.version === one.version) ? 0 : 1);
  ' 2>/dev/null && [ -x node_modules/.bin/node ]
}
if ! npm_is_current; then
  echo "installing npm packages" >&2
  # Not `npm ci`: it insists on lock entries for every other platform's optional packages, which not every registry has.
  npm install --no-save --no-audit --no-fund --loglevel=error >&2
fi

# erofs-utils, skopeo, iproute2 and strace are other eyes: tests compare what Gantry says with what these see.
packages="crun runc conmon nftables catatonit busybox-static golang-github-containers-common ca-certificates
  skopeo iproute2 iptables mmdebstrap e2fsprogs erofs-utils strace util-linux procps zstd
  bind9-dnsutils curl iperf3 python3 docker-compose"
missing=
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "installing Debian packages:$missing" >&2
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    # No service of an installed package is to start because of a test.
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing </dev/null >&2
fi

sh scripts/unpack-debian.sh node_modules/.cache/docker-debian docker.io
sh scripts/unpack-debian.sh --suite trixie node_modules/.cache/compose-debian docker-compose
sh scripts/unpack-apps.sh node_modules/.cache/apps-debian
