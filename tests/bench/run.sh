#!/usr/bin/env bash
# Measures how fast Sluice drains a backlog beside graphile-worker, pg-boss and PostgreSQL itself:
# installs and builds what that needs, then hands its arguments to bench.py.
#
#   tests/bench/run.sh                          all of them, three rounds
#   tests/bench/run.sh --only sluice --rounds 5
#   tests/bench/run.sh --latency                from insert to handler, on an idle system
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tests/install-packages.sh bench
cmake --preset ci
cmake --build --preset ci
if ! cmp -s tests/bench/package-lock.json tests/bench/node_modules/.installed; then
  (cd tests/bench && npm ci)
  cp tests/bench/package-lock.json tests/bench/node_modules/.installed
fi
exec tests/bench/bench.py "$@"
