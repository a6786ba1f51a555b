#!/usr/bin/env bash
# Mails arrive in the mailboxes of a Postfix that this test starts, and its refusals are understood.
#
#   run.sh SLUICE PLUGIN     the program, and the email plugin's file
#
# Exits with 77 if Postfix is missing, or if the user is not root, which Postfix requires.
set -euo pipefail
sluice=$(realpath "${1:?the program}")
plugin=$(realpath "${2:?the plugin}")

skip() {
  echo "postfix: SKIPPED, $1" >&2
  exit 77
}
export PATH=$PATH:/usr/sbin
command -v postfix >/dev/null || skip 'Postfix is missing; tests/install-packages.sh tests installs it'
((EUID == 0)) || skip 'only root can start Postfix'

state=$(mktemp -d "${TMPDIR:-/tmp}/sluice-postfix.XXXXXX")
chmod 755 "$state"
mkdir -p "$state/etc" "$state/queue" "$state/data" "$state/boxes"
chown postfix "$state/data"
chown nobody "$state/boxes"
clean_up() {
  postfix -c "$state/etc" stop >/dev/null 2>&1 || true
  rm -rf "$state"
}
trap clean_up EXIT
fail() {
  echo "postfix: $1" >&2
  cat "$state/log" >&2 || true
  exit 1
}

cat >"$state/etc/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $state/queue
data_directory = $state/data
maillog_file = $state/log
maillog_file_prefixes = $state
myhostname = mail.example.com
mydestination =
mynetworks = 192.0.2.0/24
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtputf8_enable = yes
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = example.com, xn--mnchen-3ya.example
virtual_mailbox_base = $state/boxes
virtual_mailbox_maps = inline:{ ann@example.com=ann/, taro..yamada@example.com=taro/, 太郎@example.com=japan/,
  user@xn--mnchen-3ya.example=user/ }
virtual_minimum_uid = 1
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
CF
services=(
  'pickup unix n - n 60 1 pickup' 'cleanup unix n - n - 0 cleanup' 'qmgr unix n - n 300 1 qmgr'
  'rewrite unix - - n - - trivial-rewrite' 'bounce unix - - n - 0 bounce' 'defer unix - - n - 0 bounce'
  'trace unix - - n - 0 bounce' 'proxymap unix - - n - - proxymap' 'virtual unix - n n - - virtual'
  'error unix - - n - - error' 'retry unix - - n - - error' 'discard unix - - n - - discard'
  'anvil unix - - n - 1 anvil' 'postlog unix-dgram n - n - 1 postlogd' 'smtp unix - - n - - smtp')

start() {
  port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  printf '%s\n' "127.0.0.1:$port inet n - n - - smtpd" "${services[@]}" >"$state/etc/master.cf"
  postfix -c "$state/etc" start >"$state/started" 2>&1
}
# Another process can take the port in between.
start || start || fail "it did not start: $(cat "$state/started")"

cat >"$state/sluice.toml" <<TOML
[plugin.email.config]
transport = "smtp"
url = "smtp://localhost:$port"
starttls = "never"
from = "Shop <shop@shop.example>"
TOML
send() {
  "$sluice" plugin run "$plugin" email.send "$1" --config "$state/sluice.toml" --id "$2" --json >"$state/said" 2>&1
}
# Waits for a mail with that subject in a box, and prints its To and text as Python's parser reads them.
delivered() {
  /usr/bin/python3 - "$state/boxes/$1/new" "$2" <<'PY'
import email, email.policy, pathlib, sys, time
box, subject = pathlib.Path(sys.argv[1]), sys.argv[2]
for _ in range(600):
    for path in box.glob("*") if box.is_dir() else []:
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if mail["Subject"] == subject:
            print(mail["To"], "|", mail.get_body(("plain",)).get_content().strip())
            sys.exit()
    time.sleep(0.1)
sys.exit(f"no mail {subject!r} in {box}")
PY
}

expect() {
  grep -qF -- "$1" "$state/said" || fail "expected $1 in: $(cat "$state/said")"
}
arrives() {
  local found
  found=$(delivered "$1" "$2") || fail "$found"
  [[ $found == "$3" ]] || fail "box $1 has $found, expected $3"
}

send '{"to": "Ann <ann@example.com>, Bob <bob@example.com>, user@münchen.example", "subject": "Grüße № 5",
       "html": "<p>Schöne <b>Grüße</b></p>"}' 1 || fail "a mail to three was refused: $(cat "$state/said")"
expect '"accepted":["ann@example.com","user@xn--mnchen-3ya.example"]'
expect '"rejected":[{"address":"bob@example.com","reply":"550 5.1.1'
to='Ann <ann@example.com>, Bob <bob@example.com>, user@xn--mnchen-3ya.example'
arrives ann 'Grüße № 5' "$to | Schöne Grüße"
arrives user 'Grüße № 5' "$to | Schöne Grüße"

send '{"to": "taro..yamada@example.com", "subject": "dots", "body": "b"}' 2 || fail "dots: $(cat "$state/said")"
arrives taro dots 'taro..yamada@example.com | b'

send '{"to": "太郎@example.com", "subject": "beyond ASCII", "body": "b"}' 3 || fail "SMTPUTF8: $(cat "$state/said")"
arrives japan 'beyond ASCII' '太郎@example.com | b'

if send '{"to": "ann@elsewhere.example", "subject": "s", "body": "b"}' 4; then fail 'it relayed a mail'; fi
expect 'Relay access denied'
expect 'check user and password, or url'
expect '"outcome": "retry"'

if send '{"to": "bob@example.com", "subject": "s", "body": "b"}' 5; then fail 'it accepted a mail for nobody'; fi
expect '"outcome": "fail"'
echo 'postfix: mails arrive, and refusals are understood'
