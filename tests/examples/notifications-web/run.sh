#!/usr/bin/env bash
# Tests examples/notifications-web with a real browser, the real server, PostgreSQL, and the sluice program from build/.
#
#   tests/examples/notifications-web/run.sh                     run the tests
#   tests/examples/notifications-web/run.sh --screenshot FILE   run the tests and write a picture of the page to FILE
#
# Needs a build (sluice and the notification plugin), Node.js 18 or newer with npm, and Chromium.
# tests/install-packages.sh browser installs Node.js and Chromium. Exits with 77 if one of them is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

here=tests/examples/notifications-web
screenshot=
case ${1:-} in
  '') ;;
  --screenshot) screenshot=$(realpath -m "${2:?--screenshot needs a file}") ;;
  *)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac

skip() {
  echo "notifications-web: SKIPPED, $1; tests/install-packages.sh browser installs it" >&2
  exit 77
}

command -v node >/dev/null || skip 'node is missing'
command -v npm >/dev/null || skip 'npm is missing'
(($(node -p 'process.versions.node.split(".")[0]') >= 18)) || skip "Node.js $(node -v) is older than 18"
chromium=$(command -v chromium || command -v chromium-browser) || skip 'Chromium is missing'

for built in build/bin/sluice build/plugins/notification.so; do
  [[ -e $built ]] && continue
  echo "notifications-web: $built is missing; build it first: cmake --preset ci && cmake --build --preset ci" >&2
  exit 1
done

install_modules() {
  cmp -s "$1/package-lock.json" "$1/node_modules/.installed" && return
  (cd "$1" && npm ci --silent)
  cp "$1/package-lock.json" "$1/node_modules/.installed"
}
install_modules examples/notifications-web
install_modules "$here"

state=$(mktemp -d "${TMPDIR:-/tmp}/sluice-browser.XXXXXX")
clean_up() {
  tests/postgres.sh remove "$state/postgres"
  rm -rf "$state"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Two roles beside the owner: the plugin may insert, and the web server may read and mark read.
tests/postgres.sh start "$state/postgres"
mkdir "$state/plugins"
cp build/plugins/notification.so "$state/plugins"
cat >"$state/sluice.toml" <<'TOML'
[runtime]
poll_interval = "20ms"
[plugin.notification]
role = "notifier"
TOML
DATABASE_URL=$(tests/postgres.sh url "$state/postgres")
export DATABASE_URL SLUICE_PLUGIN_DIR=$state/plugins SLUICE_CONFIG=$state/sluice.toml PATH=$PWD/build/bin:$PATH
sql() { psql -X -q -v ON_ERROR_STOP=1 "$DATABASE_URL" "$@"; }
sql -c 'CREATE ROLE notifier NOLOGIN' -c 'CREATE ROLE web LOGIN'
sluice init >/dev/null
sql -c 'GRANT INSERT ON sluice.notification TO notifier' \
  -c 'GRANT USAGE ON SCHEMA sluice TO web' \
  -c 'GRANT SELECT, UPDATE (read_at) ON sluice.notification TO web'

CHROMIUM=$chromium SCREENSHOT=$screenshot WEB_DATABASE_URL=${DATABASE_URL/sluice@/web@} \
  timeout -k 10 300 node "$here/page.test.mjs"
