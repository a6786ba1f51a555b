#!/bin/sh
# The checks that must pass before a change is merged; let your CI run them. They need cargo, but no network.
set -eu
cd "$(dirname "$0")"

cargo test --offline
cargo build --offline --release
if command -v sluice >/dev/null; then
  sluice plugin check target/release/libhello_rust_plugin.so
else
  echo 'sluice is not on the PATH: the plugin was not checked' >&2
fi
