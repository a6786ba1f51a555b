#!/usr/bin/env bash
# Runs the tests: installs what they need, builds with warnings as errors, and passes its arguments to ctest.
# Returns ctest's exit code.
#
#   tests/run.sh                all tests
#   tests/run.sh -R store       the tests whose name matches
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ! -x build/bin/program_test ]]; then
  # The build uses all cores; the tests mostly wait.
  echo "The first run takes about $((12 + 20 / $(nproc))) minutes on this machine: packages, the build, the tests."
  echo 'If you interrupt it, the same command continues later.'
fi
tests/install-packages.sh tests
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_SLOPPINESS=pch_defines,time_macros
fi
without() {
  command -v "$1" >/dev/null || echo "tests/run.sh: $1 is not installed, so $2 is not tested (tests/install-packages.sh ci installs it)"
}
new=()
if [[ ! -f build/build.ninja ]]; then new=(-DSLUICE_PCH=ON); fi  # an existing build directory keeps its settings
cmake --preset ci "${new[@]}"
cmake --build --preset ci
without cargo 'the Rust layer with its example'
without clang++ 'a second compiler with libc++'
# Most tests wait for PostgreSQL or for processes, so two cores can run four at a time.
exec ctest --test-dir build -j4 --output-on-failure --no-tests=error "$@"
