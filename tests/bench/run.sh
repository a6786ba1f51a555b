#!/usr/bin/env bash
# Measures Sluice beside graphile-worker, pg-boss and PostgreSQL itself. Installs and builds everything that is needed,
# then passes its arguments to bench.py.
#
#   tests/bench/run.sh                      every scenario, 25 minutes at most on two cores; writes docs/benchmarks/
#   tests/bench/run.sh --faults             nasty plugins, protection, the dashboard; writes docs/benchmarks/faults.md
#   tests/bench/run.sh --quick              every scenario with small sizes, to check that it works
#   tests/bench/run.sh --scenario latency   one scenario; prints its table
#   tests/bench/run.sh --help               the scenarios and the other options
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
