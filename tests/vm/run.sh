#!/usr/bin/env bash
# Runs what needs control groups (cgroup v2) in a virtual machine, because few machines let a test change its own. The
# machine has Debian's kernel and, read-only, the root of this one.
#
#   tests/vm/run.sh BUILD cases [FILTER]    test cases; BUILD is the build directory, FILTER one of GoogleTest
#   tests/vm/run.sh BUILD service           the shipped unit, with systemd
#
# Needs QEMU and the kernel's package, which it downloads and unpacks but does not install; no KVM, though it is quicker
# with it. If it can't run, it says why and exits with 77. The kernel is kept in BUILD/vm for the next run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=$(realpath "${1:?the build directory}")
what=${2:?cases or service}
filter=${3:-Grouped.*}
cache=$build/vm
patience=600

skip() {
  echo "vm: SKIPPED: $1"
  exit 77
}

fail() {
  echo "vm: FAILED: $1" >&2
  exit 1
}

say() { printf '%4d s  %s\n' "$SECONDS" "$1"; }

[[ $(uname -m) == x86_64 ]] || skip 'knows only virtual machines for x86-64'
for program in qemu-system-x86_64 busybox cpio apt-get; do
  command -v "$program" >/dev/null || skip "no $program: run tests/install-packages.sh ci"
done
[[ $what != service || -x /lib/systemd/systemd ]] || skip 'no systemd: run tests/install-packages.sh ci'
[[ -x $build/bin/program_test ]] || fail "$build/bin/program_test is missing; build it first"

# Those of QEMU's devices and of the file systems. One that is missing is part of the kernel itself.
modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p overlay)

unpack_kernel() {
  [[ -f $cache/kernel.done ]] && return
  local package root=$cache/root module file
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  [[ -n $package ]] || skip 'apt knows no package linux-image-amd64'
  say "downloading $package"
  rm -rf "$cache"
  mkdir -p "$cache/initial/modules"
  (cd "$cache" && apt-get -q download "$package" >/dev/null 2>"$cache/apt.log") || skip "apt-get download $package failed: $(tail -n 1 "$cache/apt.log")"
  dpkg-deb -x "$cache"/linux-image-*.deb "$root"
  cp "$root"/boot/vmlinuz-* "$cache/kernel"
  for module in "${modules[@]}"; do
    file=$(find "$root" \( -name "$module.ko" -o -name "$module.ko.xz" \) -print -quit)
    case $file in
      *.xz) xz -dc "$file" >"$cache/initial/modules/$module.ko" ;;
      *.ko) cp "$file" "$cache/initial/modules/" ;;
    esac
  done
  rm -rf "$root" "$cache"/linux-image-*.deb
  touch "$cache/kernel.done"
}

# A server's data, which takes longer to make in the virtual machine than all of its tests.
make_data() {
  [[ -f $cache/data.tar ]] && return
  say 'making the data of a PostgreSQL server'
  local server=$cache/postgres
  tests/postgres.sh start "$server" 9>&-
  tests/postgres.sh stop "$server"
  tar -C "$(<"$server/home")" -cf "$cache/data.tar.new" data
  tests/postgres.sh remove "$server"
  mv "$cache/data.tar.new" "$cache/data.tar"
}

make_initial_files() {
  local initial=$cache/initial
  mkdir -p "$initial"/{bin,proc,sys,dev,lower,upper,root}
  cp "$(command -v busybox)" "$initial/bin/busybox"
  cp tests/vm/init "$initial/init"
  chmod 755 "$initial/init"
  (cd "$initial" && find . | cpio --quiet -o -H newc) >"$cache/initial.cpio"
}

# KVM may be there and not work, in a virtual machine for example. So it has to show that it does.
accelerator() {
  if [[ -w /dev/kvm ]] && kvm_works; then echo kvm; else echo tcg,thread=multi; fi
}

kvm_works() {
  local enough=15
  : >"$cache/kvm.log"
  timeout -s KILL "$enough" qemu-system-x86_64 -accel kvm -cpu host -m 256 -display none -nodefaults -no-reboot -serial "file:$cache/kvm.log" \
    -kernel "$cache/kernel" -append 'console=ttyS0 panic=-1' </dev/null >/dev/null 2>&1 || true
  grep -q 'Linux version' "$cache/kvm.log"
}

machine=
end_machine() {
  [[ -n $machine ]] || return 0
  kill -KILL "$machine" 2>/dev/null || true
  wait "$machine" 2>/dev/null || true
  machine=
}
trap end_machine EXIT
trap 'exit 1' INT TERM

# The exit code is the one of the tests.
boot() {
  local how=$1 said=$cache/$what.log
  say "booting with $how"
  qemu-system-x86_64 -accel "$how" -cpu "$([[ $how == kvm ]] && echo host || echo max)" -smp 2 -m 2048 \
    -display none -nodefaults -no-reboot -serial "file:$said" \
    -kernel "$cache/kernel" -initrd "$cache/initial.cpio" \
    -append "console=ttyS0 quiet panic=-1 systemd.unified_cgroup_hierarchy=1 tree=$PWD build=$build cache=$cache what=$what filter=$filter" \
    -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
    -device virtio-9p-pci,fsdev=root,mount_tag=host </dev/null &
  machine=$!
  local code begun=$SECONDS
  while kill -0 "$machine" 2>/dev/null && ((SECONDS - begun < patience)); do sleep 0.2; done
  end_machine
  tr -d '\r' <"$said"
  code=$(tr -d '\r' <"$said" | sed -n 's/^vm: exit code //p')
  say 'the virtual machine has ended'
  [[ -n $code ]] || fail "it ended, or was ended after $patience s, before its tests had"
  ! grep -q 'SKIPPED' "$said" || fail 'tests were skipped inside, where nothing may be missing'
  return "$code"
}

exec 9>"$cache.lock"
flock 9  # both may run at the same time
unpack_kernel
make_data
make_initial_files
exec 9>&-
boot "$(accelerator)"
