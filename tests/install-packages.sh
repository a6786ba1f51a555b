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
# Does nothing, quickly, when everything is there. Works as root or through sudo, which may ask for a password. An
# installation that was interrupted, this script's or another, is brought to its end first.
set -euo pipefail

boost_minimum=1.81

group() {
  case $1 in
    build)
      echo g++ cmake ninja-build make pkg-config git ca-certificates
      echo BOOST libpqxx-dev libpq-dev rapidjson-dev libspdlog-dev libcli11-dev libtomlplusplus-dev
      echo libcurl4-openssl-dev libssl-dev libsystemd-dev prometheus-cpp-dev libre2-dev
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
      echo libgtest-dev libgmock-dev json-schema-test-suite python3 python3-aiosmtpd openssl binutils poppler-utils qpdf
      echo python3-hypothesis prometheus
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

# Whether an installation was: dpkg takes no other before that one is at its end.
interrupted() {
  dpkg-query -W -f '${db:Status-Status} ${db:Status-Eflag}\n' |
    grep -E '^(half-|unpacked|triggers-)|reinst' >/dev/null || compgen -G '/var/lib/dpkg/updates/[0-9]*' >/dev/null
}

finish_interrupted() {
  interrupted || return 0
  echo 'packages: an installation was interrupted; going on with it (dpkg --configure -a)'
  hold_clusters
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a </dev/null || true  # what lacks others fails
  if ! apt --fix-broken --no-remove install || interrupted; then
    echo "install-packages: dpkg was interrupted before, and could not be brought to its end. Type these, and then" >&2
    echo "  this command again: ${as_root[*]} dpkg --configure -a && ${as_root[*]} apt-get --fix-broken install" >&2
    return 1
  fi
}

# Whether the lists that apt has now are today's; those that it has may do.
update() {
  local said
  said=$(apt -o APT::Update::Error-Mode=any update 2>&1) && return
  sed -n '/^[WE]: /p' <<<"$said" >&2
  unreachable=yes
}

# --no-remove: a package that someone else needs is never taken away to make room.
install() {
  apt install --no-install-recommends --no-remove "$@" && return
  if [[ -n $unreachable ]]; then
    echo "install-packages: the servers that apt takes packages from could not be reached; is there a network, and" >&2
    echo "  do the addresses in /etc/apt/sources.list* answer? Nothing is lost: the same command goes on later." >&2
    return 1
  fi
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

# Where an earlier call was interrupted, its mark may still be there.
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

have_root_type() {
  mapfile -t lacking < <(resolve "${lacking[@]}")
  echo "install-packages: $1. Have someone who is root type:" >&2
  echo "  apt-get update && apt-get install --no-install-recommends ${lacking[*]}" >&2
  exit 1
}

as_root=()
unreachable=
if ((EUID != 0)); then
  as_root=(sudo)
  if [[ -z $dry_run ]]; then
    command -v sudo >/dev/null || have_root_type 'packages are missing, you are not root, and sudo is not here'
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
  echo "packages: all there ($*)"
  exit 0
fi
update
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
