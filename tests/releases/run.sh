#!/usr/bin/env bash
# Builds Sluice in a clean root of the other Debian release, and runs its tests there. On Debian 13 the other release
# is 12. Everywhere else it is 13, with PostgreSQL 17 and newer libraries.
#
#   tests/releases/run.sh               the program and its plugins, not optimised, and the tests where releases differ
#   tests/releases/run.sh --all         the build and all tests of tests/run.sh, and the quickstart
#   tests/releases/run.sh --shell       a shell in the root, with the tree in /sluice
#   tests/releases/run.sh --all bookworm    in a root of that release, here --all
#
# Needs root, debootstrap and the right to mount. If it can't run, it says why and exits with 77. The root and a
# compiler cache are kept in build/release-root/RELEASE for the next run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Releases differ in the compiler (all sources of the program and the plugins, plugin_api), PostgreSQL (store_test),
# libcurl (email_test, sync_test) and WeasyPrint (pdf_renderer_test). SyncProgram tests the program with all of them.
targets='sluice email notification pdf sync hello hello-c unit_test store_test plugin_api_test email_test sync_test'
quick='^(unit_test|store_test|plugin_api_test|email_test)\.|^plugin_api\.(one_sentence|compiles_alone\.c(99|\+\+17)|out_of_tree)'
quick+='|^sync_test\.Sync(Source|Paging|OAuth|Program)|^pdf_renderer_test|^handlers\.check'
case ${1:-} in
  '' | --all | --shell) mode=${1:-} ;;
  *)
    echo "tests/releases/run.sh: unknown option $1; known are --all and --shell" >&2
    exit 2
    ;;
esac

skip() {
  echo "releases: SKIPPED: $1"
  exit 77
}

fail() {
  echo "releases: FAILED: $1; the last lines of $log:" >&2
  tail -n 40 "$log" >&2
  exit 1
}

say() { printf '%4d s  %s\n' "$SECONDS" "$1"; }

((EUID == 0)) || skip 'needs root, for debootstrap and chroot'
command -v debootstrap >/dev/null || skip 'no debootstrap: run tests/install-packages.sh packages'
# In a separate mount namespace, nothing stays mounted afterwards.
if [[ -z ${SLUICE_OWN_MOUNTS:-} ]]; then
  unshare --mount true 2>/dev/null || skip 'this machine does not allow mount namespaces'
  SLUICE_OWN_MOUNTS=yes exec unshare --mount --propagation private "${BASH_SOURCE[0]}" "$@"
fi

# shellcheck disable=SC1091
here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
suite=trixie
if [[ $here == trixie ]]; then suite=bookworm; fi
suite=${2:-$suite}
cache=$PWD/build/release-root/$suite
root=$cache/root
log=$cache/log
[[ -e /usr/share/debootstrap/scripts/$suite ]] || skip "debootstrap knows no $suite here"

# The mirror that this machine uses, if it is a Debian mirror.
mirror() {
  { sed -n 's/^deb \(\[.*\] \)\?\([^ ]*debian[^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
    sed -n 's/^URIs: *\([^ ]*debian\)\/* *$/\1/p' /etc/apt/sources.list.d/*.sources; } 2>/dev/null | head -n 1
}

in_root() {
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    CCACHE_DIR=/ccache CCACHE_BASEDIR=/sluice CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros "$@"
}

make_root() {
  [[ -f $cache/done ]] && return
  say "debootstrap $suite"
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$(mirror)" >>"$log" 2>&1 || fail debootstrap
  # Copies how this machine downloads packages, but not the settings of its own packages.
  grep -l '^Acquire::' /etc/apt/apt.conf.d/* 2>/dev/null | sed /docker/d | xargs -r cp -t "$root/etc/apt/apt.conf.d/" || true
  touch "$cache/done"
}

# Mounts only what building and testing need.
mount_root() {
  local device
  mount -t proc proc "$root/proc"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  ln -sfn /proc/self/fd "$root/dev/fd"
  mkdir -p "$root/dev/pts" "$root/dev/shm" "$root/ccache" "$root/sluice" "$cache/ccache"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
  ln -sfn pts/ptmx "$root/dev/ptmx"
  mount -t tmpfs tmpfs "$root/dev/shm"
  mount -t tmpfs tmpfs "$root/run"
  mount --bind "$cache/ccache" "$root/ccache"
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
}

# Copies only files that differ, so that they alone are built again.
copy_tree() {
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ -f $file ]] || continue
    cmp -s "$file" "$root/sluice/$file" || install -D -p "$file" "$root/sluice/$file"
  done
  (cd "$root/sluice" && find . -path './build*' -prune -o -type f -print0) | while IFS= read -r -d '' file; do
    [[ -e $file || $file == */node_modules/* || $file == */generated/* ]] || rm -f "$root/sluice/$file"
  done
}

# Checks that a command fails and prints `expected`.
expect_failure() {
  local expected=$1 output
  shift
  output=$(in_root "$@" 2>&1) && fail "'$*' did not fail"
  grep -q -e "$expected" <<<"$output" || { echo "$output" >>"$log"; fail "'$*' did not say '$expected'"; }
}

# Checks the first command on a new machine: without sudo, without a network, in another user's checkout, and after an
# interrupted installation, which it completes.
check_first_command() {
  local install='cd /sluice && tests/install-packages.sh' nobody=(setpriv --reuid nobody --clear-groups --regid nogroup)
  say 'the first command, with obstacles'
  expect_failure 'sudo is not installed' "${nobody[@]}" sh -c "$install build"
  expect_failure "nobody can't write to /sluice" "${nobody[@]}" sh -c 'cd /sluice && examples/quickstart.sh'
  expect_failure 'could not be reached' unshare --net sh -c "$install build"
  in_root sh -ec 'apt-get -q update && cd /tmp && apt-get -q download make && dpkg --unpack make_*.deb' >>"$log" 2>&1 ||
    fail 'unpacking make'
  in_root sh -c "$install build" >>"$log" 2>&1 || fail 'tests/install-packages.sh after an interrupted installation'
  grep -q 'an earlier installation was interrupted; completing it' "$log" ||
    fail 'an interrupted installation was completed without a message'
}

mkdir -p "$cache"
: >"$log"
make_root
mount_root
copy_tree
if [[ $mode == --shell ]]; then
  in_root bash -c 'cd /sluice && exec bash'
  exit
fi
if [[ ! -e $root/usr/bin/make ]]; then check_first_command; fi
say 'packages'
in_root sh -c 'cd /sluice && tests/install-packages.sh tests && apt-get -q -y install --no-install-recommends ccache' \
  >>"$log" 2>&1 || fail 'installing the packages'
if [[ $mode == --all ]]; then
  say 'the quickstart'
  in_root sh -ec 'cd /sluice && examples/quickstart.sh --no-prisma && examples/quickstart.sh --clean' >>"$log" 2>&1 ||
    fail 'the quickstart'
  say "build and tests, $suite"
  in_root sh -c 'cd /sluice && exec tests/run.sh' >>"$log" 2>&1 || fail tests/run.sh
else
  say "build, $suite"
  in_root sh -ec "cd /sluice
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
    cmake --preset ci -B build-quick -DSLUICE_PCH=ON \\
      -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O0 -DCMAKE_CXX_FLAGS_DEBUG=-O0
    cmake --build build-quick --parallel 2 --target $targets" >>"$log" 2>&1 || fail 'the build'
  say 'tests'
  in_root ctest --test-dir /sluice/build-quick -j4 --output-on-failure --no-tests=error -R "$quick" >>"$log" 2>&1 ||
    fail 'the tests'
fi
sed -n 's/^\(.*tests passed.*\)$/releases: \1/p' "$log" | tail -n 1
say 'ok'
