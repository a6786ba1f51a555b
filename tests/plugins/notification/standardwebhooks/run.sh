#!/usr/bin/env bash
# The Standard Webhooks library for Node.js accepts a signed sample sent by `sluice plugin run` as in the README, and
# rejects one signed with another secret.
#
#   run.sh SLUICE PLUGIN     the program, and the notification plugin's file
#
# Exits with 77 if Node.js 18 or newer or npm is missing; tests/install-packages.sh node installs them.
set -euo pipefail
sluice=$(realpath "${1:?the program}")
plugin=$(realpath "${2:?the plugin}")
cd "$(dirname "${BASH_SOURCE[0]}")"

skip() {
  echo "standardwebhooks: SKIPPED, $1; tests/install-packages.sh node installs it" >&2
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

state=$(mktemp -d "${TMPDIR:-/tmp}/sluice-webhooks.XXXXXX")
clean_up() {
  kill "$receiver_pid" 2>/dev/null || true
  rm -rf "$state"
}
fail() {
  echo "standardwebhooks: $1" >&2
  exit 1
}
new_secret() { node -p '"whsec_" + require("crypto").randomBytes(32).toString("base64")'; }

old=$(new_secret)
new=$(new_secret)
coproc receiver { node receiver.mjs "$old" "$state/received"; }
receiver_pid=$!
trap clean_up EXIT
read -r port <&"${receiver[0]}" || fail 'the receiver did not start'

cat >"$state/sluice.toml" <<TOML
[plugin.notification.config.webhooks.app]
url = "http://localhost:$port/hooks"
secret_file = "$state/secret"
TOML
sample='{"endpoint": "app", "jobId": "sample", "userId": 42, "type": "test", "message": "Is it ☺ there?",
 "link": "/p/7", "data": {"price": 1.10}}'
send() {
  printf '%s\n' "$@" >"$state/secret"
  "$sluice" plugin run "$plugin" notification.webhook "$sample" --config "$state/sluice.toml" \
    >"$state/said" 2>&1
}
received() { tail -n 1 "$state/received"; }

send "$old" || fail "the sample was not delivered: $(cat "$state/said")"
message=$(received | node -p 'JSON.parse(require("fs").readFileSync(0)).data.message')
[[ $message == 'Is it ☺ there?' ]] || fail "the library read: $(received)"

send "$new" "$old" || fail "a sample with two signatures was not delivered: $(cat "$state/said")"

if send "$new"; then fail 'a sample signed with another secret was accepted'; fi
[[ $(received) == WebhookVerificationError:* ]] || fail "the library said: $(received)"
grep -q 'http-401' "$state/said" || fail "sluice plugin run did not say why: $(cat "$state/said")"

[[ $(wc -l <"$state/received") == 3 ]] || fail "expected three webhooks: $(cat "$state/received")"
echo 'standardwebhooks: the library accepts only webhooks signed with its secret'
