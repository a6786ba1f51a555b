#!/usr/bin/env bash
# Installs the Debian packages of build/ into a clean Debian root and uses them as a new user would: the program,
# its plugins, and a plugin that is built with sluice-dev alone. It runs the steps of the last stage of
# examples/deploy/Dockerfile unchanged.
#
#   tests/packages/run.sh [--keep]      --keep: leave the root mounted, and print where
#
# Needs root, debootstrap and the right to mount. If it can't run, it says why and exits with 77. Downloaded files are
# kept in build/packages-root for the next run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cache=$PWD/build/packages-root
packages=$PWD/build/packages
keep=
[[ ${1:-} == --keep ]] && keep=yes

skip() {
  echo "packages: SKIPPED: $1"
  exit 77
}

say() { printf '%4d s  %s\n' "$SECONDS" "$1"; }

fail() {
  echo "packages: FAILED: $1" >&2
  exit 1
}

((EUID == 0)) || skip 'needs root, for debootstrap and chroot'
command -v debootstrap >/dev/null || skip 'no debootstrap: run tests/install-packages.sh packages'
# In a separate mount namespace, nothing stays mounted afterwards.
if [[ -z ${SLUICE_OWN_MOUNTS:-} ]]; then
  unshare --mount true 2>/dev/null || skip 'this machine does not allow mount namespaces'
  SLUICE_OWN_MOUNTS=yes exec unshare --mount --propagation private "${BASH_SOURCE[0]}" "$@"
fi

# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")

# Uses the machine's own package sources, and so its mirror.
sources() {
  rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d
  cp -a /etc/apt/sources.list.d "$1/etc/apt/"
  [[ ! -f /etc/apt/sources.list ]] || cp /etc/apt/sources.list "$1/etc/apt/"
  cp -a /etc/apt/apt.conf.d/. "$1/etc/apt/apt.conf.d/"
}

mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -n 's/^deb \(\[.*\] \)\?\([^ ]*\) .*/\2/p'
    sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null; } | head -n 1
}

in_root() { chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "${@:2}"; }

# Two layers, created once: Debian's minimum, and above it the packages for building a plugin.
make_base() {
  [[ -f $cache/base.done ]] && return
  say "debootstrap $suite"
  rm -rf "$cache/base"
  mkdir -p "$cache"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$cache/base" "$(mirror)" >"$cache/log" 2>&1 ||
    { tail -n 20 "$cache/log" >&2; fail 'debootstrap failed'; }
  sources "$cache/base"
  in_root "$cache/base" apt-get -q update >>"$cache/log" 2>&1 || fail "apt-get update in the root; see $cache/log"
  touch "$cache/base.done"
}

make_toolchain() {
  [[ -f $cache/toolchain.done ]] && return
  say 'a compiler and CMake, in a second layer'
  rm -rf "$cache/toolchain" "$cache/work"
  mkdir -p "$cache/toolchain" "$cache/work" "$cache/root"
  mount -t overlay overlay -o "lowerdir=$cache/base,upperdir=$cache/toolchain,workdir=$cache/work" "$cache/root" ||
    skip 'overlay file systems can not be mounted here'
  in_root "$cache/root" apt-get -q -y install --no-install-recommends cmake g++ make >>"$cache/log" 2>&1 ||
    fail "installing a compiler in the root; see $cache/log"
  umount "$cache/root"
  touch "$cache/toolchain.done"
}

# Everything above the layers is in memory, and disappears at the end.
mount_root() {
  local lower=$1
  mkdir -p "$cache/root" "$cache/scratch"
  mount -t tmpfs tmpfs "$cache/scratch"
  mkdir "$cache/scratch/upper" "$cache/scratch/work"
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$cache/scratch/upper,workdir=$cache/scratch/work" \
    "$cache/root" || skip 'overlay file systems can not be mounted here'
  mount -t proc proc "$cache/root/proc"
  mkdir -p "$cache/archives" "$cache/root/var/cache/apt/archives" "$cache/root/postgres"
  mount --bind "$cache/archives" "$cache/root/var/cache/apt/archives"
  rm -f "$cache/root/etc/apt/apt.conf.d/docker-clean"
}

unmount_root() {
  umount -R "$cache/root" "$cache/scratch"
}

run() { in_root "$cache/root" "$@"; }

# Checks that a command in the root succeeds and prints `expected`.
expect() {
  local expected=$1 output
  shift
  output=$(run "$@" 2>&1) || { echo "$output" >&2; fail "'$*' failed"; }
  grep -q -e "$expected" <<<"$output" || { echo "$output" >&2; fail "'$*' did not say '$expected'"; }
}

check_contents() {
  local file contents
  for file in sluice sluice-dev sluice-plugins; do
    compgen -G "$packages/${file}_*.deb" >/dev/null || fail "no $packages/${file}_*.deb"
  done
  [[ $(dpkg-deb -f "$packages"/sluice_*.deb Depends) == *libpqxx*libsystemd0* ]] ||
    fail 'package sluice does not depend on its libraries'
  [[ $(dpkg-deb -I "$packages"/sluice_*.deb conffiles) == /etc/sluice/sluice.toml ]] || fail 'no conffile'
  contents=$(dpkg-deb -c "$packages"/sluice_*.deb)
  for file in man/man1/sluice-jobs.1 man/man5/sluice.toml.5 bash-completion/completions/sluice \
    zsh/vendor-completions/_sluice fish/vendor_completions.d/sluice.fish; do
    [[ $contents == */usr/share/$file* ]] || fail "no /usr/share/$file in sluice"
  done
  [[ $contents == */usr/libexec/sluice/sluice-host* ]] || fail 'no sluice-host in sluice'
  [[ $contents == */lib/systemd/system/sluice@.service* ]] || fail 'no sluice@.service in sluice'
  [[ $(dpkg-deb -c "$packages"/sluice-dev_*.deb) == */usr/include/sluice/plugin.h* ]] || fail 'no header in sluice-dev'
}

check_plugin() {
  cp "$packages"/sluice-dev_*.deb "$cache/root/tmp/"
  run sh -c 'apt-get install -q -y --no-install-recommends /tmp/sluice-dev_*.deb' >>"$cache/install.log" 2>&1 ||
    { tail -n 30 "$cache/install.log" >&2; fail 'installing sluice-dev'; }
  say 'a plugin built with sluice-dev alone'
  cp -r examples/hello-plugin "$cache/root/tmp/hello"
  run sh -e -c 'cmake -S /tmp/hello -B /tmp/hello/build && cmake --build /tmp/hello/build' >"$cache/hello.log" 2>&1 ||
    { tail -n 30 "$cache/hello.log" >&2; fail 'building the hello plugin'; }
}

check_program() {
  # Runs the Dockerfile's own line, with the packages at its paths.
  mkdir -p "$cache/root/packages"
  cp "$packages"/sluice_*.deb "$packages"/sluice-plugins_*.deb "$cache/root/packages/"
  say "the Dockerfile's last RUN"
  run sh -e -c "$(tac examples/deploy/Dockerfile | sed -n '0,/^RUN /s/^RUN //p')" >"$cache/install.log" 2>&1 ||
    { tail -n 30 "$cache/install.log" >&2; fail 'installing sluice and sluice-plugins'; }
  say 'the program and its plugins'
  expect '^sluice [0-9]' sluice version
  for name in email notification pdf sync; do expect "^$name " sluice plugin list; done
  expect 'plugins.directory *"/usr/lib/sluice/plugins" *where sluice is installed' \
    sh -c 'sluice config check || [ $? -eq 1 ]'
  expect '^sluice:' getent passwd sluice
  expect '^640 root:sluice$' stat -c '%a %U:%G' /etc/sluice/sluice.toml
}

# Creates, builds and installs a plugin, with only the packages.
check_scaffold() {
  say 'sluice plugin new'
  run sh -e -c 'cd /tmp && sluice plugin new mine --type mine.run && cmake -S mine -B mine/build && cmake --build mine/build' \
    >"$cache/mine.log" 2>&1 || { tail -n 30 "$cache/mine.log" >&2; fail 'building the project of sluice plugin new'; }
  run install -m 644 /tmp/mine/build/mine.so /usr/lib/sluice/plugins/mine.so
  expect '^mine .* mine.run$' sluice plugin list
}

# Uses the machine's own systemd-analyze. systemd need not be running.
check_service() {
  command -v systemd-analyze >/dev/null || { say 'no systemd-analyze, so the unit is not checked'; return; }
  local said unit
  for unit in sluice.service sluice@shop.service; do
    said=$(systemd-analyze verify --root="$cache/root" --man=no "$unit" 2>&1 | grep -F "$unit" | grep -v 'sysinit.target not found' || true)
    [[ -z $said ]] || fail "the unit: $said"
  done
  systemd-analyze security --offline=true --root="$cache/root" --threshold=20 sluice.service >"$cache/security.log" ||
    { tail -n 1 "$cache/security.log" >&2; fail 'systemd-analyze security rates the unit worse than 2.0'; }
}

# Uses a server outside of the root, whose socket is mounted into it.
check_job() {
  local url socket
  say 'a job'
  run install -m 644 /tmp/hello/build/hello.so /usr/lib/sluice/plugins/hello.so
  expect '^hello ' sluice plugin list
  tests/postgres.sh start "$cache/postgres" >/dev/null
  url=$(tests/postgres.sh url "$cache/postgres")
  socket=$(sed -n 's/.*[?&]host=\([^&]*\).*/\1/p' <<<"$url")
  chmod a+rx "$socket"
  chmod a+rw "$socket/.s.PGSQL.5432"
  mount --bind "$socket" "$cache/root/postgres"
  url=${url/"$socket"//postgres}
  expect 'Outbox' sluice init --database-url "$url"
  run sluice enqueue hello.greet '{"name": "Ada"}' --database-url "$url" >/dev/null
  run sluice enqueue mine.run '{"name": "Ada"}' --database-url "$url" >/dev/null
  # Runs as the service's user, with the URL in a file, as for a service.
  run sh -c "umask 077; echo '$url' >/etc/sluice/database-url; chown sluice /etc/sluice/database-url"
  expect '2 done, 0 to retry, 0 failed' \
    setpriv --reuid sluice --regid sluice --init-groups env DATABASE_URL_FILE=/etc/sluice/database-url sluice drain
  umount "$cache/root/postgres"
  tests/postgres.sh remove "$cache/postgres" >/dev/null
}

check_removal() {
  say 'removal'
  run apt-get -q -y purge sluice sluice-plugins sluice-dev >"$cache/purge.log" 2>&1 ||
    { tail "$cache/purge.log" >&2; fail 'purging the packages'; }
  run test ! -e /usr/bin/sluice || fail '/usr/bin/sluice is still there'
  run test ! -e /etc/sluice/sluice.toml || fail '/etc/sluice/sluice.toml is still there'
}

[[ -f build/CPackConfig.cmake ]] || fail 'build/ is not configured: run cmake --preset ci'
say 'cpack'
rm -rf "$packages"
(cd build && cpack >cpack.log 2>&1) || { tail -n 30 build/cpack.log >&2; fail 'cpack'; }
check_contents
make_base
make_toolchain
mount_root "$cache/toolchain:$cache/base"
trap 'tests/postgres.sh remove "$cache/postgres" >/dev/null 2>&1 || true' EXIT
check_plugin
check_program
check_service
check_scaffold
check_job
[[ -z $keep ]] || { echo "the root is $cache/root, in this shell:"; bash; }
check_removal
unmount_root
say 'ok'
