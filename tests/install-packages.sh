#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that Sluice needs. This is the only list of them.
#
#   tests/install-packages.sh [--dry-run] GROUP...
#
#   build       to compile and run Sluice
#   postgres    a PostgreSQL server, without the system-wide cluster that its package creates by default
#   node        Node.js and npm, for examples/prisma-app
#   pdf         what plugins/pdf needs to run
#   browser     node, and Chromium, for tests/dashboard and tests/examples/notifications-web
#   tests       build, postgres, pdf, and what the tests need
#   bench       tests, Node.js, and PostgreSQL's tools for measuring, for tests/bench
#   packages    to build the Debian packages, and to test them, the completions and the manual pages
#   ci          tests, packages, node, Postfix for tests/plugins/email, and what the checks in .ci/run need
#
# If everything is installed, it ends quickly and changes nothing. It works as root or through sudo, which may ask for a
# password. If an earlier installation was interrupted, by this script or otherwise, it is completed first.
set -euo pipefail

boost_minimum=1.81

group() {
  case $1 in
    build)
      echo g++ cmake ninja-build make pkg-config git ca-certificates
      echo BOOST libpqxx-dev libpq-dev rapidjson-dev libspdlog-dev libcli11-dev libtomlplusplus-dev
      echo libcurl4-openssl-dev libssl-dev libsystemd-dev libdw-dev prometheus-cpp-dev libre2-dev libseccomp-dev
      echo libxml2-dev libidn2-dev libkainjow-mustache-dev
      ;;
    postgres) echo postgresql ;;
    node) echo NODE ;;
    pdf)
      echo python3 weasyprint python3-jinja2 python3-babel python3-fonttools python3-pikepdf libharfbuzz-subset0 tzdata
      echo fonts-liberation fonts-dejavu-core fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji
      ;;
    tests)
      group build
      group postgres
      group pdf
      echo BOOST_CONTEXT libgtest-dev libgmock-dev json-schema-test-suite python3 python3-aiosmtpd openssl binutils poppler-utils qpdf
      echo python3-hypothesis python3-dkim python3-nacl prometheus pgbouncer
      ;;
    browser)
      group node
      echo chromium
      ;;
    packages) echo dpkg-dev debootstrap systemd mandoc zsh fish ;;
    bench)
      group tests
      group node
      echo postgresql-contrib
      ;;
    ci)
      group tests
      group packages
      group node
      echo postfix minisign
      echo qemu-system-x86 busybox-static cpio
      echo ccache clang libc++-dev libc++abi-dev CARGO clang-format clang-tidy shellcheck
      ;;
    *)
      echo "install-packages: unknown group \"$1\"; known are build, postgres, node, pdf, browser, tests, packages, bench, ci" >&2
      return 2
      ;;
  esac
}

installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Debian 12 has a new enough Boost beside its default one; elsewhere the default is new enough.
boost_installed() {
  installed libboost1.81-dev && return
  installed libboost-dev &&
    dpkg --compare-versions "$(dpkg-query -W -f '${Version}' libboost-dev)" ge "$boost_minimum"
}

# The fibers of tests/sim, of the same Boost.
boost_context_installed() { installed libboost-context1.81-dev || installed libboost-context-dev; }

# Any cargo will do: Debian's, or one installed in another way.
cargo_installed() { command -v cargo >/dev/null && command -v rustc >/dev/null; }

node_installed() { command -v node >/dev/null && command -v npm >/dev/null; }

known_to_apt() { [[ $(apt-cache policy "$1" 2>/dev/null) == *"Candidate: "[0-9]* ]]; }

# Prints the missing packages of the names on stdin.
missing() {
  local name
  while read -r name; do
    case $name in
      BOOST) boost_installed || echo BOOST ;;
      BOOST_CONTEXT) boost_context_installed || echo BOOST_CONTEXT ;;
      NODE) node_installed || echo NODE ;;
      CARGO) cargo_installed || echo CARGO ;;
      *) installed "$name" || echo "$name" ;;
    esac
  done
}

# Replaces the placeholders by names that apt knows; needs an up-to-date package list.
resolve() {
  local name
  for name in "$@"; do
    case $name in
      BOOST) if known_to_apt libboost1.81-dev; then echo libboost1.81-dev; else echo libboost-dev; fi ;;
      BOOST_CONTEXT)
        if known_to_apt libboost-context1.81-dev; then echo libboost-context1.81-dev; else echo libboost-context-dev; fi
        ;;
      NODE) printf '%s\n' nodejs npm ;;
      CARGO) printf '%s\n' cargo rustc ;;
      *) echo "$name" ;;
    esac
  done
}

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries="$retries" -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# Whether an installation was interrupted. dpkg starts no other until that one is completed.
interrupted() {
  dpkg-query -W -f '${db:Status-Status} ${db:Status-Eflag}\n' |
    grep -E '^(half-|unpacked|triggers-)|reinst' >/dev/null || compgen -G '/var/lib/dpkg/updates/[0-9]*' >/dev/null
}

finish_interrupted() {
  interrupted || return 0
  echo 'packages: an earlier installation was interrupted; completing it (dpkg --configure -a)'
  hold_clusters
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a </dev/null || true  # fails for packages that need missing ones
  if ! apt --fix-broken --no-remove install || interrupted; then
    echo "install-packages: an earlier installation was interrupted and could not be completed. Run these, and then" >&2
    echo "  this command again: ${as_root[*]} dpkg --configure -a && ${as_root[*]} apt-get --fix-broken install" >&2
    return 1
  fi
}

# Updates apt's package lists. If that fails, continues with the old lists, which may be good enough.
update() {
  local said
  said=$(apt -o APT::Update::Error-Mode=any update 2>&1) && return
  sed -n '/^[WE]: /p' <<<"$said" >&2
  unreachable=yes retries=0
}

# --no-remove: packages that others need are never removed.
install() {
  apt install --no-install-recommends --no-remove "$@" && return
  if [[ -n $unreachable ]]; then
    echo "install-packages: apt's package servers could not be reached. Check the network, and the addresses in" >&2
    echo "  /etc/apt/sources.list*. The same command continues later." >&2
    return 1
  fi
  echo "install-packages: apt-get could not install: $*" >&2
  echo "  If apt-get says that packages must be removed, decide about that by hand:" >&2
  echo "  ${as_root[*]} apt-get install --no-install-recommends $*" >&2
  return 1
}

# PostgreSQL's package creates and starts a cluster on port 5432 unless it is told not to. Sluice's tests and examples
# run private servers. So no server runs afterwards on a machine that had none.
cluster_config=/etc/postgresql-common/createcluster.conf
cluster_mark='create_main_cluster = false  # while Sluice installs the server'

allow_clusters_again() {
  "${as_root[@]}" sed -i "\\|^$cluster_mark\$|d" "$cluster_config"
}

# If an earlier call was interrupted, its mark may still be there.
hold_clusters() {
  [[ -f $cluster_config ]] || return 0
  if ! compgen -G '/etc/postgresql/*/main' >/dev/null; then
    trap allow_clusters_again EXIT
    grep -qxF "$cluster_mark" "$cluster_config" || "${as_root[@]}" tee -a "$cluster_config" >/dev/null <<<"$cluster_mark"
  fi
}

install_postgresql() {
  installed postgresql-common || install postgresql-common
  hold_clusters
  install postgresql
}

# The packages of Prometheus and Postfix install and start services. Sluice's tests start their own. So here, too, no
# service runs afterwards on a machine that had none.
install_without_service() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  install "$1"
  "${as_root[@]}" update-rc.d "$1" disable >/dev/null
)

dry_run=
if [[ ${1:-} == --dry-run ]]; then
  dry_run=yes
  shift
fi
case ${1:-} in
  '' | -h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac

wanted=$(for name in "$@"; do group "$name" || exit; done | tr ' ' '\n' | sort -u)
[[ -n $wanted ]] || exit 2
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install-packages: this script needs Debian or Ubuntu, but apt-get or dpkg-query is missing." >&2
  echo "  On another system, install the contents of these packages by hand:" >&2
  echo "  ${wanted//$'\n'/ }" >&2
  exit 1
fi

mapfile -t lacking < <(missing <<<"$wanted")
if ((${#lacking[@]} == 0)); then
  echo "packages: already installed ($*)"
  exit 0
fi

have_root_type() {
  mapfile -t lacking < <(resolve "${lacking[@]}")
  echo "install-packages: $1. Ask an administrator to run, as root:" >&2
  echo "  apt-get update && apt-get install --no-install-recommends ${lacking[*]}" >&2
  exit 1
}

as_root=()
unreachable=''
retries=3
if ((EUID != 0)); then
  as_root=(sudo)
  if [[ -z $dry_run ]]; then
    command -v sudo >/dev/null || have_root_type 'packages are missing, you are not root, and sudo is not installed'
    sudo -v || have_root_type "packages are missing, you are not root, and sudo does not let $(id -un) install them"
  fi
fi
if [[ -n $dry_run ]]; then
  mapfile -t lacking < <(resolve "${lacking[@]}")
  echo "packages: would install ${lacking[*]}"
  exit 0
fi

finish_interrupted
mapfile -t lacking < <(missing <<<"$wanted")
if ((${#lacking[@]} == 0)); then
  echo "packages: already installed ($*)"
  exit 0
fi
update
mapfile -t lacking < <(resolve "${lacking[@]}")
echo "packages: installing ${lacking[*]}"
others=()
for name in "${lacking[@]}"; do
  [[ $name == postgresql || $name == prometheus || $name == postfix ]] || others+=("$name")
done
if ((${#others[@]})); then install "${others[@]}"; fi
for name in "${lacking[@]}"; do
  case $name in
    postgresql) install_postgresql ;;
    prometheus | postfix) install_without_service "$name" ;;
  esac
done
