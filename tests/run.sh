#!/usr/bin/env bash
# Runs the tests: installs what they need, builds with warnings as errors, and hands its arguments to
# ctest, whose exit code it returns.
#
#   tests/run.sh                all tests
#   tests/run.sh -R store       those whose name matches
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests/install-packages.sh tests
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi
cmake --preset ci
cmake --build --preset ci
# Most tests wait for PostgreSQL or for processes, so that two cores run four at a time.
exec ctest --test-dir build -j4 --output-on-failure --no-tests=error "$@"
