#!/usr/bin/env bash
# Tests the dashboard with a real browser, PostgreSQL, and the sluice program from build/. Also compares the answers of
# the API with its description, and the built assets with their sources.
#
#   tests/dashboard/run.sh                       run the tests
#   tests/dashboard/run.sh --screenshots FOLDER  run the tests and write pictures of the pages to FOLDER
#
# Needs a build (sluice and the test plugins), Node.js 18 or newer with npm, and Chromium.
# tests/install-packages.sh browser installs Node.js and Chromium. Exits with 77 if one of them is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

here=tests/dashboard
screenshots=
case ${1:-} in
  '') ;;
  --screenshots) screenshots=$(realpath -m "${2:?--screenshots needs a folder}") ;;
  *)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac

skip() {
  echo "dashboard: SKIPPED, $1; tests/install-packages.sh browser installs it" >&2
  exit 77
}

command -v node >/dev/null || skip 'node is missing'
command -v npm >/dev/null || skip 'npm is missing'
(($(node -p 'process.versions.node.split(".")[0]') >= 20)) || skip "Node.js $(node -v) is older than 20"
chromium=$(command -v chromium || command -v chromium-browser) || skip 'Chromium is missing'

for built in build/bin/sluice build/tests/fixtures/good/probe.so; do
  [[ -e $built ]] && continue
  echo "dashboard: $built is missing; build it first: cmake --preset ci && cmake --build --preset ci" >&2
  exit 1
done

install_modules() {
  cmp -s "$1/package-lock.json" "$1/node_modules/.installed" && return
  (cd "$1" && npm ci --silent)
  cp "$1/package-lock.json" "$1/node_modules/.installed"
}

state=$(mktemp -d "${TMPDIR:-/tmp}/sluice-dashboard.XXXXXX")
clean_up() {
  tests/postgres.sh remove "$state/postgres"
  rm -rf "$state"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The assets in the program must be what their sources make.
install_modules runtime/dashboard/web
cp -r runtime/dashboard/assets "$state/assets"
(cd runtime/dashboard/web && npm run -s build >/dev/null)
if ! diff -rq "$state/assets" runtime/dashboard/assets; then
  echo 'dashboard: runtime/dashboard/assets is out of date; commit what (cd runtime/dashboard/web && npm ci && npm run build) makes' >&2
  exit 1
fi

install_modules "$here"
tests/postgres.sh start "$state/postgres"
mkdir "$state/plugins"
cp build/tests/fixtures/good/probe.so "$state/plugins"
DATABASE_URL=$(tests/postgres.sh url "$state/postgres")
export DATABASE_URL PATH=$PWD/build/bin:$PATH
[[ -z $screenshots ]] || mkdir -p "$screenshots"

STATE=$state CHROMIUM=$chromium SCREENSHOTS=$screenshots SERVER_SCRIPT=$PWD/tests/postgres.sh \
  timeout -k 10 400 node --test --test-timeout=300000 "$here/page.test.mjs"
