#!/usr/bin/env bash
# Built the exhibits: plugins built against ABI 1.0, on Debian 12, x86-64, with its gcc 12 and rustc 1.63. The
# binaries are in the tree, so that every later runtime is tested with plugins that were built before it. They are
# never built again, even if the result were identical. A later minor version of the ABI gets its own exhibits.
#
#   tests/museum/make.sh DIR     builds the exhibits into DIR, from the current checkout
set -euo pipefail
[[ $# == 1 ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
api=$here/../../plugin-api
mkdir -p "$1"
out=$(cd "$1" && pwd)

hidden=(-fPIC -fvisibility=hidden -Os -s -shared -z now -z relro -z defs "-Wl,--build-id=none"
  "-Wl,--version-script=$api/cmake/sluice_plugin.map" "-I$api/include")
cd "$here/src"
gcc -std=c99 "${hidden[@]}" museum.c -o "$out/museum-c.so"
g++ -std=c++17 -fvisibility-inlines-hidden "${hidden[@]}" museum.cpp -o "$out/museum-cpp.so"
RUSTFLAGS="--remap-path-prefix=$(cd "$here/../.." && pwd)=." CARGO_TARGET_DIR=$out/target cargo build --offline --locked --release --manifest-path rust/Cargo.toml
mv "$out/target/release/libmuseum_rust.so" "$out/museum-rust.so"
rm -r "$out/target"
(cd "$out" && sha256sum museum-c.so museum-cpp.so museum-rust.so)
