#!/usr/bin/env bash
# Runs the tests: installs what they need, builds with warnings as errors, and hands its arguments to
# ctest, whose exit code it returns.
#
#   tests/run.sh                all tests
#   tests/run.sh -R store       those whose name matches
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ! -x build/bin/runtime_test ]]; then
  # The build is shared out over all cores, the tests mostly wait.
  echo "The first time takes about $((12 + 20 / $(nproc))) minutes on this machine: packages, the build, the tests."
  echo 'Nothing is lost where it is broken off: the same command goes on.'
fi
tests/install-packages.sh tests
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_SLOPPINESS=pch_defines,time_macros
fi
without() {
  command -v "$1" >/dev/null || echo "tests/run.sh: $1 is not here, so these are left out: $2 (tests/install-packages.sh ci installs it)"
}
new=()
if [[ ! -f build/build.ninja ]]; then new=(-DSLUICE_PCH=ON); fi  # a build directory keeps its own settings
cmake --preset ci "${new[@]}"
cmake --build --preset ci
without cargo 'the tests of the Rust layer and of its example'
without clang++ 'the headers, and a plugin with libc++, by a second compiler'
# Most tests wait for PostgreSQL or for processes, so that two cores run four at a time.
exec ctest --test-dir build -j4 --output-on-failure --no-tests=error "$@"
