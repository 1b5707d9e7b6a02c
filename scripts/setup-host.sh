# Part of setup.sh: packages of the distribution. A need is a word with a test (is it there?) and, for each package manager,
# the packages that give it, the preferred first.

setup_tools() {
  # Whoever is not root can only talk to a daemon that runs already; the CLI says so where there is none.
  [ "$(id -u)" = 0 ] || exit 0
  setup_programs runtime conmon nft init seccomp namespaces
}

setup_programs() {
  missing=$(missing_of "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" = 0 ] && [ -z "${GANTRY_NO_INSTALL:-}" ]; then
    lock /run/gantry-setup.lock
    missing=$(missing_of $missing)
    [ -n "$missing" ] || return 0
  fi
  install_on_host $missing
  missing=$(missing_of "$@")
  [ -z "$missing" ] || fail "still missing after installing packages: $(describe $missing)"
}

missing_of() {
  for need in "$@"; do is_there "$need" >/dev/null 2>&1 || echo "$need"; done
}

is_there() {
  case $1 in
    runtime) command -v crun || command -v runc ;;
    init) command -v catatonit || command -v tini || [ -x /usr/libexec/podman/catatonit ] ;;
    seccomp) [ -f /usr/share/containers/seccomp.json ] || [ -f /etc/containers/seccomp.json ] ;;
    namespaces) command -v nsenter && command -v unshare && command -v mount ;;
    busybox) [ -x /bin/busybox.static ] || { command -v busybox && ! ldd "$(command -v busybox)"; } ;;
    debian-keyring) [ -f /usr/share/keyrings/debian-archive-keyring.gpg ] ;;
    nodejs) command -v node ;;
    libatomic) ls /lib/libatomic.so.1 /lib/*/libatomic.so.1 /usr/lib*/libatomic.so.1 /usr/lib/*/libatomic.so.1 2>/dev/null | grep . ;;
    *) command -v "$1" ;;
  esac
}

describe() {
  for need in "$@"; do
    case $need in
      runtime) echo "an OCI runtime (crun or runc)" ;;
      init) echo "an init for containers (catatonit or tini)" ;;
      seccomp) echo "the default seccomp profile (/usr/share/containers/seccomp.json)" ;;
      namespaces) echo "mount, unshare and nsenter" ;;
      debian-keyring) echo "Debian's keyring (/usr/share/keyrings/debian-archive-keyring.gpg)" ;;
      *) echo "$need" ;;
    esac
  done | awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }'
}

# The packages for a need, by package manager, the preferred first.
candidates() {
  case $2:$1 in
    runtime:*) echo crun runc ;;
    conmon:*) echo conmon ;;
    nft:*) echo nftables ;;
    init:dnf) echo catatonit podman-catatonit tini ;;
    init:*) echo catatonit tini ;;
    seccomp:apt) echo golang-github-containers-common containers-common ;;
    seccomp:*) echo containers-common ;;
    namespaces:apt) echo mount ;;
    namespaces:apk) echo util-linux-misc util-linux ;;
    namespaces:*) echo util-linux ;;
    busybox:apt | busybox:apk) echo busybox-static ;;
    busybox:*) echo busybox ;;
    debian-keyring:dnf) echo debian-keyring ;;
    debian-keyring:*) echo debian-archive-keyring ;;
    libatomic:apt) echo libatomic1 ;;
    nodejs:apk) echo nodejs-current nodejs ;;
    npm:dnf) echo nodejs-npm npm ;;
    *) echo "$2" ;;
  esac
}

install_on_host() {
  [ -z "${GANTRY_NO_INSTALL:-}" ] || fail "missing: $(describe "$@") (GANTRY_NO_INSTALL is set, so nothing is installed)"
  [ "$(id -u)" = 0 ] || fail "missing: $(describe "$@"). Run gantry once as root, and it installs them"
  manager=$(find_manager) ||
    fail "missing: $(describe "$@"), and there is no apt-get, dnf or apk here to install them with"
  names=$(names_for "$manager" "$@") || {
    say "refreshing the package lists"
    refresh "$manager" || fail "the package lists could not be refreshed"
    names=$(names_for "$manager" "$@") || fail "no package of this distribution gives $(describe $names)"
  }
  say "installing $(echo $names) (once)"
  install_names "$manager" $names || fail "these packages could not be installed: $(echo $names)"
}

find_manager() {
  for manager in apt-get dnf apk; do
    if command -v "$manager" >/dev/null 2>&1; then
      echo "${manager%-get}"
      return
    fi
  done
  return 1
}

# Prints a package for each need; where one has none, prints that need alone and fails.
names_for() {
  names_manager=$1
  shift
  found_names=
  for need in "$@"; do
    found_name=
    for candidate in $(candidates "$names_manager" "$need"); do
      is_known "$names_manager" "$candidate" && found_name=$candidate && break
    done
    if [ -z "$found_name" ]; then
      echo "$need"
      return 1
    fi
    found_names="$found_names $found_name"
  done
  echo "$found_names"
}

is_known() {
  case $1 in
    apt) apt-cache policy "$2" 2>/dev/null | grep -q '^  Candidate: [^(]' ;;
    dnf) dnf -q info "$2" >/dev/null 2>&1 ;;
    apk) [ -n "$(apk search -q -x "$2" 2>/dev/null)" ] ;;
  esac
}

refresh() {
  case $1 in
    apt) quietly apt-get -q update ;;
    dnf) quietly dnf -q makecache ;;
    apk) quietly apk update ;;
  esac
}

install_names() {
  case $1 in
    apt) shift && apt_install "$@" ;;
    dnf) shift && quietly dnf -y -q install "$@" ;;
    apk) shift && quietly apk add -q "$@" ;;
  esac
}

apt_install() {
  hold_services
  DEBIAN_FRONTEND=noninteractive apt_get_install "$@" || {
    # Old lists name versions that the mirror has since replaced.
    say "refreshing the package lists and trying again"
    refresh apt && DEBIAN_FRONTEND=noninteractive apt_get_install "$@"
  }
  apt_status=$?
  release_services
  return $apt_status
}

apt_get_install() {
  quietly apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "$@"
}

# No package may start a service of its own: Debian's maintainer scripts ask this file. It is ours only while apt runs; one
# that somebody else made says what they want, and stays.
policy=/usr/sbin/policy-rc.d

hold_services() {
  release_services
  [ -e "$policy" ] && return
  trap 'release_services; exit 125' INT TERM HUP
  printf '#!/bin/sh\n# gantry: while it installs packages\nexit 101\n' >"$policy" && chmod 755 "$policy"
}

release_services() {
  grep -qs '^# gantry: while it installs packages$' "$policy" && rm -f "$policy"
  trap - INT TERM HUP
}
