#!/bin/sh
# The checks that must pass before a change is merged; let your CI run them. Arguments are passed to cmake, for example
# -DSluice_DIR=<checkout of Sluice>/plugin-api/cmake if Sluice is not installed.
set -eu
cd "$(dirname "$0")"

cmake -S . -B build "$@"
cmake --build build
ctest --test-dir build --output-on-failure --no-tests=error
if command -v sluice >/dev/null; then
  sluice plugin check build/hello-c.so
else
  echo 'sluice is not on the PATH: the plugin was not checked' >&2
fi
