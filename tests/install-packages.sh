#!/usr/bin/env bash
# Installs what Sluice needs from Debian's or Ubuntu's packages. This is the one list of them.
#
#   tests/install-packages.sh [--dry-run] GROUP...
#
#   build       to compile and run Sluice
#   postgres    a PostgreSQL server, without the system-wide cluster that its package makes by default
#   node        Node.js and npm, for examples/prisma-app
#   pdf         what plugins/pdf needs where it runs
#   browser     node, and Chromium, for tests/examples/notifications-web
#   tests       build, postgres, pdf, and what the tests need
#   bench       tests, Node.js, and what PostgreSQL has for measuring, for tests/bench
#   packages    to make the Debian packages, and to try them, completions and man pages
#   ci          tests, packages, and what the checks in .ci/run need
#
# Does nothing, quickly, when everything is there. Works as root or through sudo and asks no questions.
set -euo pipefail

boost_minimum=1.81

group() {
  case $1 in
    build)
      echo g++ cmake ninja-build pkg-config git ca-certificates
      echo BOOST libpqxx-dev libpq-dev rapidjson-dev libspdlog-dev libcli11-dev libtomlplusplus-dev
      echo libcurl4-openssl-dev libssl-dev libsystemd-dev libcpp-httplib-dev prometheus-cpp-dev
      ;;
    postgres) echo postgresql ;;
    node) echo NODE ;;
    pdf) echo python3 weasyprint python3-jinja2 fonts-liberation fonts-dejavu-core ;;
    tests)
      group build
      group postgres
      group pdf
      echo libgtest-dev libgmock-dev python3 python3-aiosmtpd openssl binutils poppler-utils prometheus pgbouncer
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
      echo ccache clang libc++-dev libc++abi-dev CARGO clang-format clang-tidy shellcheck
      ;;
    *)
      echo "install-packages: no group \"$1\"; there are build, postgres, node, pdf, browser, tests, packages, bench, ci" >&2
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

# Any cargo does: Debian's, or one that somebody installed otherwise.
cargo_installed() { command -v cargo >/dev/null && command -v rustc >/dev/null; }

node_installed() { command -v node >/dev/null && command -v npm >/dev/null; }

known_to_apt() { [[ $(apt-cache policy "$1" 2>/dev/null) == *"Candidate: "[0-9]* ]]; }

# Of the package names on stdin, those that are missing.
missing() {
  local name
  while read -r name; do
    case $name in
      BOOST) boost_installed || echo BOOST ;;
      NODE) node_installed || echo NODE ;;
      CARGO) cargo_installed || echo CARGO ;;
      *) installed "$name" || echo "$name" ;;
    esac
  done
}

# The names that apt knows for the placeholders; needs an up-to-date package list.
resolve() {
  local name
  for name in "$@"; do
    case $name in
      BOOST) if known_to_apt libboost1.81-dev; then echo libboost1.81-dev; else echo libboost-dev; fi ;;
      NODE) printf '%s\n' nodejs npm ;;
      CARGO) printf '%s\n' cargo rustc ;;
      *) echo "$name" ;;
    esac
  done
}

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# --no-remove: a package that someone else needs is never taken away to make room.
install() {
  apt install --no-install-recommends --no-remove "$@" && return
  echo "install-packages: apt-get could not install: $*" >&2
  echo "  If it says that packages need to be removed, decide about those by hand:" >&2
  echo "  ${as_root[*]} apt-get install --no-install-recommends $*" >&2
  return 1
}

# PostgreSQL's package makes and starts a cluster on port 5432 unless told not to. Sluice's own tests
# and examples run private servers, so a machine that had no PostgreSQL is left without one running.
cluster_config=/etc/postgresql-common/createcluster.conf
cluster_mark='create_main_cluster = false  # while Sluice installs the server'

allow_clusters_again() {
  "${as_root[@]}" sed -i "\\|^$cluster_mark\$|d" "$cluster_config"
}

install_postgresql() {
  if installed postgresql-common; then
    install postgresql
    return
  fi
  install postgresql-common
  trap allow_clusters_again EXIT
  "${as_root[@]}" tee -a "$cluster_config" >/dev/null <<<"$cluster_mark"
  install postgresql
}

# Prometheus' package makes a service of it, and starts that. Sluice's tests start one of their own, so here, too,
# a machine that had none is left without one running.
install_prometheus() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  install prometheus
  "${as_root[@]}" update-rc.d prometheus disable >/dev/null
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
  echo "install-packages: this needs Debian or Ubuntu (apt-get and dpkg-query are not here)." >&2
  echo "  Elsewhere, install what these packages hold yourself:" >&2
  echo "  ${wanted//$'\n'/ }" >&2
  exit 1
fi

mapfile -t lacking < <(missing <<<"$wanted")
if ((${#lacking[@]} == 0)); then
  echo "packages: all there ($*)"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if [[ -z $dry_run ]] && ! command -v sudo >/dev/null; then
    mapfile -t lacking < <(resolve "${lacking[@]}")
    echo "install-packages: not root, and sudo is not here. Have someone who is root type:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${lacking[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
if [[ -n $dry_run ]]; then
  mapfile -t lacking < <(resolve "${lacking[@]}")
  echo "packages: would install ${lacking[*]}"
  exit 0
fi

apt update
mapfile -t lacking < <(resolve "${lacking[@]}")
echo "packages: installing ${lacking[*]}"
others=()
for name in "${lacking[@]}"; do
  [[ $name == postgresql || $name == prometheus ]] || others+=("$name")
done
if ((${#others[@]})); then install "${others[@]}"; fi
for name in "${lacking[@]}"; do
  case $name in
    postgresql) install_postgresql ;;
    prometheus) install_prometheus ;;
  esac
done
