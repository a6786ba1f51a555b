#!/bin/bash
# Inside the virtual machine, as a service of systemd: starts the shipped unit, as its own user and with all of its
# restrictions, and looks whether its plugin hosts run in control groups.
set -euo pipefail
exec >/dev/ttyS0 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
# shellcheck disable=SC1091  # made by init: tree, cache and build
. /run/vm-variables
finish() {
  local code=$?
  ((code == 0)) || journalctl -u sluice -o cat --no-pager | tail -n 20
  echo "vm: exit code $code"
  systemctl poweroff --force --force
}
trap finish EXIT

fail() {
  echo "service: FAILED: $1"
  exit 1
}

# The tree may be where the unit's ProtectHome= hides it, and the server's socket where its user may not go.
programs=/opt/sluice
mkdir -p "$programs/plugins" /run/postgres /run/socket
cp "${build:?}"/bin/sluice "$build"/bin/sluice-host "$build"/bin/sluice-symbols "$programs"
cp "$build"/tests/fixtures/good/probe.so "$build"/tests/fixtures/bad/vices.so "$programs/plugins"
useradd --system --no-create-home sluice
tar -C /run/postgres --no-same-owner -xf "${cache:?}/data.tar"
chown -R postgres: /run/postgres /run/socket
server=$(find /usr/lib/postgresql -path '*/bin/pg_ctl' | sort -V | tail -n 1)
(cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$server" -D /run/postgres/data -l /run/postgres/log -w -t 120 -s \
  -o '-k /run/socket -c unix_socket_permissions=0777' start)
cat >/etc/default/sluice <<END
DATABASE_URL=postgresql://sluice@localhost/sluice?host=/run/socket
SLUICE_PLUGIN_DIR=$programs/plugins
SLUICE_PLUGINS_CONTROL_GROUPS=require
SLUICE_PLUGIN_VICES_LIMITS_MEMORY=128MB
SLUICE_RETRY_MAX_ATTEMPTS=1
END
set -a
# shellcheck disable=SC1091  # made above
. /etc/default/sluice
set +a
sql() { psql -X -A -t -q "$DATABASE_URL" -c "$1"; }
"$programs/sluice" init >/dev/null

sed "s|^ExecStart=.*|ExecStart=$programs/sluice run|" "${tree:?}/examples/deploy/sluice.service" >/etc/systemd/system/sluice.service
systemctl daemon-reload
systemctl start sluice || fail 'the service does not start'
systemd-cgls --no-pager /system.slice/sluice.service
for host in probe vices; do
  systemd-cgls --no-pager /system.slice/sluice.service | grep -q "sluice-host $programs/plugins/$host.so" || fail "no host of $host"
done
sql "INSERT INTO \"Outbox\" (id, type, payload, \"updatedAt\") VALUES ('eats', 'test.vices', '{\"do\": \"eat_in_an_orphan\"}', now())"
until [[ $(sql "SELECT status FROM \"Outbox\" WHERE id = 'eats'") == error ]]; do
  ((SECONDS < 300)) || fail 'the job did not end'
  sleep 0.5
done
[[ $(sql "SELECT code FROM sluice.attempt WHERE job_id = 'eats'") == memory ]] || fail 'the job was not charged with its memory'
systemctl is-active --quiet sluice || fail 'the service did not go on'
systemctl stop sluice
[[ ! -e /sys/fs/cgroup/system.slice/sluice.service ]] || fail 'its control groups are left'
echo 'service: ok'
