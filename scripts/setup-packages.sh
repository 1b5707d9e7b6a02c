# Part of setup.sh: npm packages. The stamp node_modules/.gantry-ready is written last, so a set-up that was interrupted is
# done again; it counts while it is not older than package-lock.json.

stamp=$root/node_modules/.gantry-ready
pinned_node=$root/node_modules/node/bin/node

setup_packages() {
  [ -f "$root/package-lock.json" ] || fail "Node is missing beside $root: npm install gantry again"
  mkdir -p "$root/.cache" 2>/dev/null && [ -w "$root" ] ||
    fail "the npm packages of Gantry are missing, and $root is not writable for user $(id -un): run gantry once as its owner"
  lock "$root/.cache/setup.lock"
  packages_match && touch "$stamp" && return
  [ -z "${GANTRY_NO_INSTALL:-}" ] ||
    fail "missing: npm packages in $root/node_modules (GANTRY_NO_INSTALL is set; 'npm ci --omit=dev' there installs them)"
  ensure_npm
  say "installing npm packages and Node $(pinned_version) into $root/node_modules (once)"
  install_packages || fail "the npm packages could not be installed"
  packages_match || fail "npm left $root/node_modules incomplete: Node $(pinned_version) does not run there"
  touch "$stamp"
}

pinned_version() {
  sed -n '/^    "node_modules\/node": {/,/}/s/^      "version": "\(.*\)",$/\1/p' "$root/package-lock.json"
}

# True when what npm says it has installed is what the lock wants, and the pinned Node runs.
packages_match() {
  [ "$("$pinned_node" --version 2>/dev/null)" = "v$(pinned_version)" ] || [ -h "$pinned_node" ] || return 1
  "$pinned_node" "$root/scripts/check-packages.mjs" "$root" 2>/dev/null
}

# Node 26 is linked against libatomic, which a minimal system does not have.
ensure_npm() {
  needed=$(missing_of libatomic)
  command -v node >/dev/null 2>&1 || needed="$needed nodejs"
  command -v npm >/dev/null 2>&1 || needed="$needed npm"
  [ -z "$needed" ] || install_on_host $needed
}

install_packages() {
  cd "$root" || return 1
  # A developer's tools stay when a developer's tree is repaired.
  omit=--omit=dev
  [ -d node_modules/typescript ] && omit=--include=dev
  quietly npm ci "$omit" --no-audit --no-fund --no-update-notifier --loglevel=error || return 1
  # The package "node" fetches its binary in an install script, which some configurations of npm skip.
  "$pinned_node" --version >/dev/null 2>&1 && return
  (cd node_modules/node && quietly node installArchSpecificPackage.js)
  "$pinned_node" --version >/dev/null 2>&1 && return
  use_node_of_host
}

# Where the pinned binary cannot run (musl), the host's own Node does if it is new enough.
use_node_of_host() {
  host_node=$(command -v node) && major=$(node -p 'parseInt(process.versions.node)') && [ "$major" -ge 26 ] || return 1
  mkdir -p node_modules/node/bin && ln -sf "$host_node" "$pinned_node"
}
