#!/usr/bin/env bash
# A private PostgreSQL server. It keeps everything in one directory and listens only on a Unix socket. The
# system's own servers are never touched.
#
#   tests/postgres.sh start DIR [--durable]   create it if needed, start it, wait until it answers
#   tests/postgres.sh url DIR                 print its database URL; works before the first start
#   tests/postgres.sh stop DIR                stop it, keep its data
#   tests/postgres.sh remove DIR              stop it, delete DIR
#
# Without --durable, nothing is flushed to disk, which suits tests. Each command may be called twice, or by
# several callers at once.
set -euo pipefail

fail() {
  echo "postgres.sh: $1" >&2
  exit 1
}

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

# PostgreSQL refuses to run as root.
server_user=$(id -un)
as_server=()
if ((EUID == 0)); then
  server_user=postgres
  as_server=(setpriv --reuid=postgres --regid=postgres --init-groups --)
  id postgres >/dev/null 2>&1 || fail "no user \"postgres\": run tests/install-packages.sh postgres"
fi

# The programs of the version that created the data, or of the newest installed version.
find_programs() {
  local version=
  if [[ -f $home/data/PG_VERSION ]]; then
    version=$(<"$home/data/PG_VERSION")
  else
    version=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | cut -d/ -f5 | sort -V | tail -n 1)
  fi
  programs=/usr/lib/postgresql/$version/bin
  [[ -n $version && -x $programs/initdb ]] && return
  programs=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
  [[ -x $programs/initdb ]] ||
    fail "no PostgreSQL${version:+ $version} in /usr/lib/postgresql: run tests/install-packages.sh postgres"
}

# The folder for data and socket: DIR, unless its path is too long for a socket (107 bytes) or the server's
# user can't reach it. DIR/home contains its path.
find_home() {
  if [[ ! -s $dir/home ]]; then
    home=$dir
    local socket=$dir/socket/.s.PGSQL.5432
    if ((${#socket} > 100)) || ! "${as_server[@]}" test -x "$dir"; then
      home=$(mktemp -d /var/tmp/sluice-postgres.XXXXXX)
      chmod 755 "$home"
    fi
    echo "$home" >"$dir/home"
  fi
  home=$(<"$dir/home")
}

own_directory() {
  mkdir -p "$1"
  if ((EUID == 0)); then chown "$server_user": "$1"; fi
  chmod 700 "$1"
}

ready() { "$programs/pg_isready" -q -h "$home/socket"; }

# Runs a command as the server's user: in /, because that user may not be allowed into the current directory,
# and without the lock, because the server would hold it as long as it runs.
run_as_server() { (cd / && exec "${as_server[@]}" "$@" 9>&-); }

show_log() {
  echo "postgres.sh: the last lines of $1:" >&2
  tail -n 20 "$1" >&2 || true
}

make_cluster() {
  local log=$dir/initdb.log
  own_directory "$home/data"
  if ! run_as_server "$programs/initdb" -D "$home/data" -U sluice --auth=trust --encoding=UTF8 \
    --locale=C.UTF-8 --no-sync >"$log" 2>&1; then
    show_log "$log"
    fail "initdb failed to create $home/data"
  fi
}

# Replaces initdb's configuration, because that depends on the machine's locale and time zone.
configure() {
  local quoted=${home//\'/\'\'}
  {
    echo "listen_addresses = ''"
    echo "unix_socket_directories = '$quoted/socket'"
    echo "unix_socket_permissions = 0700"
    if [[ $durable == no ]]; then printf '%s = off\n' fsync full_page_writes synchronous_commit; fi
  } | run_as_server tee "$home/data/postgresql.conf" >/dev/null
}

start() {
  own_directory "$home/socket"
  if ! ready; then
    [[ -f $home/data/PG_VERSION ]] || make_cluster
    configure
    if ! run_as_server "$programs/pg_ctl" -D "$home/data" -l "$home/data/server.log" -w -t 60 -s start \
      </dev/null >/dev/null 2>&1; then
      show_log "$home/data/server.log"
      fail "the server in $home/data did not start"
    fi
  fi
  local sql=("$programs/psql" -X -q -A -t -h "$home/socket" -U sluice -v ON_ERROR_STOP=1)
  if [[ -z $("${sql[@]}" -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'sluice'" 9>&-) ]]; then
    "${sql[@]}" -d postgres -c 'CREATE DATABASE sluice' 9>&-
  fi
}

stop() {
  [[ -f $home/data/postmaster.pid ]] || return 0
  run_as_server "$programs/pg_ctl" -D "$home/data" status >/dev/null 2>&1 || return 0
  if ! run_as_server "$programs/pg_ctl" -D "$home/data" -m fast -w -t 60 -s stop >/dev/null 2>&1; then
    show_log "$home/data/server.log"
    fail "the server in $home/data did not stop"
  fi
}

url() {
  local path=$home/socket encoded='' i character
  local LC_ALL=C
  for ((i = 0; i < ${#path}; i++)); do
    character=${path:i:1}
    case $character in
      [a-zA-Z0-9/._-]) encoded+=$character ;;
      *) encoded+=$(printf '%%%02X' "'$character") ;;
    esac
  done
  echo "postgresql://sluice@localhost/sluice?host=$encoded"
}

command=${1:-}
case $command in
  start | stop | url | remove) ;;
  -h | --help)
    usage
    exit 0
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
[[ -n ${2:-} ]] || fail "$command needs a directory"
durable=no
case ${3:-} in
  '') ;;
  --durable) durable=yes ;;
  *) fail "unknown option $3" ;;
esac

dir=$(realpath -m "$2")
while true; do
  if [[ ! -d $dir ]]; then
    case $command in stop | remove) exit 0 ;; esac
    mkdir -p "$dir"
  fi
  exec 9>"$dir/lock"
  flock -w 120 9 || fail "another call has held $dir/lock for two minutes"
  [[ $dir/lock -ef /proc/self/fd/9 ]] && break  # otherwise `remove` deleted it meanwhile
done
find_home
case $command in
  start)
    find_programs
    start
    ;;
  stop)
    find_programs
    stop
    ;;
  url) url ;;
  remove)
    if [[ -d $home/data ]]; then
      find_programs
      stop
    fi
    rm -rf "$home/data" "$home/socket"
    if [[ $home != "$dir" ]]; then rmdir "$home"; fi
    rm -rf "$dir"
    ;;
esac
