#!/usr/bin/env bash
# The plugin makes the same mails from message objects as Nodemailer: mailparser reads the same in both.
#
#   run.sh SLUICE PLUGIN     the program, and the email plugin's file
#
# Exits with 77 if Node.js 18 or newer or npm is missing; tests/install-packages.sh node installs them.
set -euo pipefail
sluice=$(realpath "${1:?the program}")
plugin=$(realpath "${2:?the plugin}")
cd "$(dirname "${BASH_SOURCE[0]}")"

skip() {
  echo "nodemailer: SKIPPED, $1; tests/install-packages.sh node installs it" >&2
  exit 77
}
command -v node >/dev/null || skip 'Node.js is missing'
command -v npm >/dev/null || skip 'npm is missing'
(($(node -p 'process.versions.node.split(".")[0]') >= 18)) || skip "Node.js $(node -v) is older than 18"

# The lock is for tests that run at the same time from two build folders.
exec {lock}<package.json
flock "$lock"
if ! cmp -s package-lock.json node_modules/.installed; then
  npm ci --silent --ignore-scripts
  cp package-lock.json node_modules/.installed
fi
flock -u "$lock"

state=$(mktemp -d "${TMPDIR:-/tmp}/sluice-nodemailer.XXXXXX")
trap 'rm -rf "$state"' EXIT
mkdir "$state/mails"
cat >"$state/sluice.toml" <<TOML
[plugin.email.config]
transport = "file"
directory = "$state/mails"
from = "Shop <shop@example.com>"
TOML

count=$(node -p 'JSON.parse(require("fs").readFileSync("messages.json")).length')
for ((i = 0; i < count; ++i)); do
  node -p "JSON.stringify(JSON.parse(require('fs').readFileSync('messages.json'))[$i])" >"$state/payload"
  "$sluice" plugin run "$plugin" email.send "$(<"$state/payload")" --config "$state/sluice.toml" --json \
    >"$state/said" || {
    echo "nodemailer: message $i was refused: $(cat "$state/said")" >&2
    exit 1
  }
  node -p 'JSON.stringify(JSON.parse(require("fs").readFileSync(0)).output)' <"$state/said" >"$state/$i.json"
  mv "$(node -p 'JSON.parse(require("fs").readFileSync(0)).file' <"$state/$i.json")" "$state/$i.eml"
done
node compare.mjs messages.json "$state"
echo "nodemailer: $count mails are the same as Nodemailer's"
