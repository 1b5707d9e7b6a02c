#!/bin/sh
# test.sh [--all] [FILE...]
#
# Prepares the machine and runs the given test files, or all of them, with the pinned Node.
# Kernel tests put themselves into throwaway hosts (tests/support/host.ts). --all runs the long loops whole.
set -eu
cd "$(dirname "$0")/.."
timeout_ms=300000
if [ "${1-}" = --all ]; then
  shift
  export GANTRY_TEST_LONG=1
  timeout_ms=7200000
fi
sh scripts/prepare.sh
if [ $# -eq 0 ]; then
  # shellcheck disable=SC2046
  set -- $(find src tests -name '*.test.ts' | sort)
fi
exec node_modules/.bin/node --test --test-concurrency=2 --test-timeout=$timeout_ms "$@"
