#!/usr/bin/env bash
# Shows Sluice in one command: installs the packages, builds Sluice, starts a private PostgreSQL server, enqueues
# jobs with SQL, with Prisma and from the command line, and runs them.
#
#   examples/quickstart.sh               run it; a second time is quick
#   examples/quickstart.sh --no-prisma   leave out the part that needs Node.js and npm
#   examples/quickstart.sh --stop        stop its PostgreSQL server, keep the data
#   examples/quickstart.sh --clean       stop it and delete everything that this script created, except
#                                        build/ itself and the packages
#
# Its state is in build/quickstart. The details of each step are in build/quickstart/log. It works on Debian and
# Ubuntu, as root or as a user who may use sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

state=$PWD/build/quickstart
log=$state/log
app=$PWD/examples/prisma-app

if (($# > 1)); then
  echo "quickstart: too many options, expected at most one; --help lists them" >&2
  exit 2
fi
with_prisma=yes
case ${1:-} in
  '') ;;
  --no-prisma) with_prisma=no ;;
  --stop)
    tests/postgres.sh stop "$state/postgres"
    echo "The quickstart's PostgreSQL is stopped; examples/quickstart.sh starts it again."
    exit 0
    ;;
  --clean)
    tests/postgres.sh remove "$state/postgres"
    rm -rf "$state" "$app/node_modules" "$app/generated" examples/notifications-web/node_modules
    echo "The quickstart's server, data and Node.js modules were deleted; build/ and the packages were kept."
    exit 0
    ;;
  -h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *)
    echo "quickstart: unknown option $1; --help lists the options" >&2
    exit 2
    ;;
esac

# ---- Steps ------------------------------------------------------------------------------------------

bold='' plain=''
if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi

heading() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
indent() { sed 's/^/  /'; }

# The progress of a step, from its output: "[12/150]" in a build; for packages, the share of finished actions (each is
# fetched, unpacked and set up). Also the time left, once that can be estimated.
progress() {
  awk -v seconds="$1" '
    match($0, /^\[[0-9]+\/[0-9]+\]/) { split(substr($0, 2, RLENGTH - 2), part, "/"); done = part[1]; all = part[2] }
    /^-- / { configuring = 1 }
    / newly installed/ { for (i = 2; i <= NF; i++) if ($i == "newly") packages += $(i - 1) }
    /^(Get:[0-9]+|Unpacking|Setting up) / { taken++ }
    END {
      if (!all && packages) { done = taken; all = 3 * packages }
      if (!all && configuring) print "looking for the compiler and the libraries"
      if (!all || done > all) exit
      printf "%d %%", 100 * done / all
      left = seconds * (all - done) / (done ? done : 1)
      if (seconds >= 10 && done * 10 > all) printf ", about %s left", left < 90 ? int(left) " s" : int(left / 60 + 0.5) " min"
    }'
}

# Shows the progress of the step that writes to the log from byte $2 on: every second on a terminal, else every half
# minute.
watch_step() {
  local name=$1 from=$2 seconds=0
  while sleep 1; do
    seconds=$((seconds + 1))
    if [[ -t 1 ]]; then
      printf '\r  %-38s%d s  %s\e[K' "$name" "$seconds" "$(tail -c "+$from" "$log" | progress "$seconds")"
    elif ((seconds % 30 == 0)); then
      printf '\n    after %d s: %s' "$seconds" "$(tail -c "+$from" "$log" | progress "$seconds")"
    fi
  done
}

# step NAME COMMAND...: runs the command with its output in the log, and says how long it took. Returns 1 if it failed.
step() {
  local name=$1 begun=$SECONDS code watcher start=
  shift
  printf '  %-38s' "$name"
  if [[ -t 1 ]]; then start=$'\r\e[K'"$(printf '  %-38s' "$name")"; fi
  printf '\n== %s: %s\n' "$name" "$*" >>"$log"
  watch_step "$name" "$(($(stat -c %s "$log") + 1))" &
  watcher=$!
  set +e
  (set -e; "$@") >>"$log" 2>&1
  code=$?
  set -e
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null || true
  if ((code != 0)); then
    printf '%sfailed after %d s\n' "$start" "$((SECONDS - begun))"
    return 1
  fi
  printf '%sok, %d s\n' "$start" "$((SECONDS - begun))"
}

# An interrupted or failed run leaves no server behind.
finished=no
clean_up() {
  local code=$?
  trap - EXIT INT TERM
  # A watcher that is ended right after its start still has these traps.
  [[ $finished == yes || $BASHPID != "$$" ]] && exit "$code"
  if ((code < 128)); then
    printf '\nThe last lines of %s:\n' "$log" >&2
    tail -n 25 "$log" | sed 's/^/  | /' >&2
  fi
  if [[ -d $state/postgres ]]; then tests/postgres.sh stop "$state/postgres" || true; fi
  printf '\nThe quickstart did not finish. Its PostgreSQL server is stopped. Details: %s\n' "$log" >&2
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build() {
  if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_SLOPPINESS=pch_defines,time_macros
  fi
  # An existing build directory keeps its settings.
  if [[ ! -f build/build.ninja && ! -f build/Makefile ]]; then
    cmake --preset release -DSLUICE_TESTS=OFF -DSLUICE_PCH=ON || return
  fi
  cmake --build build --parallel "$(nproc)"
}

sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 "$DATABASE_URL" "$@"; }

# The application's own migrations. They create the outbox too; `sluice init` does not change an existing table.
make_application_tables() {
  local table migration
  for migration in Proposal:20250101000000_init Item:20260501000000_items; do
    table=${migration%%:*}
    [[ $(sql -A -t -c "SELECT to_regclass('\"$table\"') IS NULL") == f ]] && continue
    sql -1 -f "$app/prisma/migrations/${migration#*:}/migration.sql" || return
  done
}

# Mails and documents go to files here. The plugin for notifications writes to the database under its own role, the
# plugin for syncing over its own connection.
configure() {
  mkdir -p "$state/mails" "$state/documents"
  printf '%s\n' "$DATABASE_URL" >"$state/database-url"
  cat >"$SLUICE_CONFIG" <<TOML
[plugin.email.config]
transport = "file"
directory = "$state/mails"
from = "Sluice <sluice@example.com>"
attachments_directory = "$state/documents"

[plugin.pdf]
slots = 1
[plugin.pdf.config]
output = "$state/documents"

[plugin.notification]
role = "notifier"

[plugin.sync.config.targets.database]
kind = "database"
url_file = "$state/database-url"
table = "crm.customer"
key = ["id"]
columns = ["id", "name", "city"]
TOML
  sql -c "DO \$\$ BEGIN
    IF to_regrole('notifier') IS NULL THEN CREATE ROLE notifier NOLOGIN; END IF;
  END \$\$"
  sql -c 'CREATE SCHEMA IF NOT EXISTS crm' \
    -c 'CREATE TABLE IF NOT EXISTS crm.customer (id text PRIMARY KEY, name text, city text)'
  sluice init
  sql -c 'GRANT INSERT ON sluice.notification TO notifier'
}

# ---- Node.js ----------------------------------------------------------------------------------------

node_is_new_enough() {
  node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major >= 24 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1);
  ' 2>/dev/null
}

npm_install() { npm install --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=2000 "$@"; }

# Prisma needs a newer Node.js than some systems have. npm has the program as a package.
fetch_node() {
  local machine
  case $(uname -m) in
    x86_64) machine=x64 ;;
    aarch64) machine=arm64 ;;
    *) return 1 ;;
  esac
  npm_install --prefix "$state/node" --ignore-scripts "node-linux-$machine@22" || return
  ln -sfn "$state/node/node_modules/node-linux-$machine/bin" "$state/node/bin"
}

install_modules() {
  [[ $app/node_modules/.package-lock.json -nt $app/package-lock.json ]] && return
  (cd "$app" && npm ci --fetch-retries=1 --fetch-retry-mintimeout=2000)
}

generate_client() {
  [[ -f $app/generated/client.ts &&
    -z $(find "$app/prisma/schema" "$app/node_modules/.package-lock.json" -newer "$app/generated/client.ts") ]] &&
    return
  (cd "$app" && npm run generate)
}

# Behind a company's proxy, the system may trust certificates that Node.js does not know.
trust_what_the_system_trusts() {
  local bundle=/etc/ssl/certs/ca-certificates.crt
  if [[ -f $bundle ]]; then export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$bundle}; fi
}

# Returns 1 if the application can't be prepared; says why.
prepare_prisma() {
  step 'packages for Node.js' tests/install-packages.sh node || return
  trust_what_the_system_trusts
  if [[ -x $state/node/bin/node ]]; then PATH=$state/node/bin:$PATH; fi
  if ! node_is_new_enough; then
    step 'a newer Node.js, from npm' fetch_node || return
    PATH=$state/node/bin:$PATH
  fi
  step 'modules (npm ci)' install_modules && step 'Prisma client (prisma generate)' generate_client
}

# ---- The tour ---------------------------------------------------------------------------------------

if ! { mkdir -p "$state" && : >"$log"; } 2>/dev/null; then
  finished=yes
  echo "quickstart: $(id -un) can't write to $PWD, but the quickstart needs its folder build; change the owner, or" \
    "clone Sluice to a folder that you can write to" >&2
  exit 1
fi

heading 'Getting ready'
# Measured on two cores; the build uses all cores.
if [[ ! -x build/bin/sluice ]]; then
  echo "  The first run takes about $((4 + 9 / $(nproc))) minutes on this machine and 1.1 GB of disk; later runs take seconds."
  echo '  If you interrupt it, the same command continues later.'
fi
step 'packages' tests/install-packages.sh build postgres pdf
step 'build' build
step 'a private PostgreSQL server' tests/postgres.sh start "$state/postgres" --durable

DATABASE_URL=$(tests/postgres.sh url "$state/postgres")
export DATABASE_URL
export SLUICE_PLUGIN_DIR=$PWD/build/plugins
export SLUICE_CONFIG=$state/sluice.toml
export PATH=$PWD/build/bin:$PATH

step "the application's tables" make_application_tables
step 'sluice init, and a role for effects' configure
if [[ $with_prisma == yes ]] && ! prepare_prisma; then
  echo "  The Prisma part is left out, because Node.js or its modules can't be installed; the log says why."
  with_prisma=no
fi

heading "Jobs from SQL, in the application's transaction"
transaction=$(
  cat <<'SQL'
BEGIN;
INSERT INTO "Proposal" (id, title, "userId", "customerEmail")
  VALUES (gen_random_uuid(), 'A proposal for Ada', 'user-123', 'ada@example.com');
INSERT INTO "Outbox" (id, type, payload, "updatedAt")
  VALUES (gen_random_uuid(), 'hello.greet', '{"name": "Ada"}', now() AT TIME ZONE 'UTC');
SELECT sluice.enqueue('email.send',
  '{"to": "ada@example.com", "subject": "Your proposal", "body": "It is on its way."}');
SELECT sluice.enqueue('notification.send',
  '{"userId": "user-123", "type": "proposal_created", "message": "Your proposal is on its way"}');
SELECT sluice.enqueue('pdf.generate', jsonb_build_object('template', 'proposal',
  'data', jsonb_build_object('proposalId', id, 'title', title), 'filename', 'proposal-' || id || '.pdf'))
  FROM "Proposal" ORDER BY "createdAt" DESC LIMIT 1;
COMMIT;

BEGIN;
SELECT sluice.enqueue('hello.greet', '{"name": "Nobody"}');
ROLLBACK;  -- this job never existed
SQL
)
begun=$(sql -A -t -c "SELECT now() AT TIME ZONE 'UTC' - interval '1 ms'")
indent <<<"$transaction"
sql <<<"$transaction" >>"$log" 2>&1

if [[ $with_prisma == yes ]]; then
  heading 'Jobs from TypeScript, with Prisma (examples/prisma-app/src/proposals.ts)'
  (cd "$app" && npm run -s app -- propose Grace grace@example.com) | indent
fi

heading 'A job from the command line, which writes records to a table'
order='{"source": "api", "target": "database", "data": [
    {"id": "c-1", "name": "Ada Lovelace", "city": "London"},
    {"id": "c-2", "name": "Grace Hopper", "city": "New York"}]}'
printf "  $ sluice enqueue data.sync '%s'\n" "$order"
sluice enqueue data.sync "$order" | indent

heading 'A job with a mistake in its payload'
# shellcheck disable=SC2016  # shown as it is typed
echo '  $ sluice enqueue hello.greet '\''{"nmae": "Margaret"}'\'
sluice enqueue hello.greet '{"nmae": "Margaret"}' | indent

heading '$ sluice drain'
sluice drain --log-format human 2> >(tee -a "$log" >&2) | indent
# The tour fails if no job of one of the types succeeded.
undone=$(sql -A -t -c "SELECT string_agg(type, ', ') FROM unnest(ARRAY['hello.greet', 'email.send', 'notification.send',
  'pdf.generate', 'data.sync']) AS t (type) WHERE NOT EXISTS (SELECT FROM \"Outbox\" o WHERE o.type = t.type
  AND o.status = 'done' AND o.\"createdAt\" >= '$begun')")
if [[ -n $undone ]]; then
  echo "quickstart: no job of type $undone is done; the log says why" >&2
  exit 1
fi

heading '$ sluice status'
sluice status | indent

mail=$(find "$state/mails" -name '*.eml' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
if [[ -n $mail ]]; then
  heading 'The first lines of the last mail, which the plugin for email.send wrote to a file'
  tr -d '\r' <"$mail" | sed -n -e '/^[A-Za-z0-9+/]\{60,\}=*$/,$d' -e '1,30p' | indent
fi

heading 'The documents that the plugin for pdf.generate wrote'
sql -c "SELECT o.output->>'path' AS path, o.output->>'pages' AS pages, o.output->>'bytes' AS bytes
  FROM sluice.output o JOIN \"Outbox\" j ON j.id = o.job_id WHERE j.type = 'pdf.generate'
  ORDER BY o.at DESC LIMIT 2" | indent

heading 'The notifications that the plugin for notification.send stored (sluice.notification)'
sql -c 'SELECT user_id, type, message FROM sluice.notification ORDER BY id DESC LIMIT 5' | indent

heading 'The rows that the plugin for data.sync wrote, and its output'
sql -c 'TABLE crm.customer' | indent
sql -A -t -c "SELECT o.output FROM sluice.output o JOIN \"Outbox\" j ON j.id = o.job_id
  WHERE j.type = 'data.sync' ORDER BY o.at DESC LIMIT 1" | indent

# shellcheck disable=SC2016  # $PATH is for the reader of the file
{
  printf 'export DATABASE_URL=%q\n' "$DATABASE_URL"
  printf 'export SLUICE_PLUGIN_DIR=%q\n' "$SLUICE_PLUGIN_DIR"
  printf 'export SLUICE_CONFIG=%q\n' "$SLUICE_CONFIG"
  printf 'export PATH=%q:"$PATH"\n' "$PWD/build/bin"
  if [[ -d $state/node/bin ]]; then printf 'export PATH=%q:"$PATH"\n' "$state/node/bin"; fi
} >"$state/env"

finished=yes
heading 'Next steps'
cat <<'TEXT'
  The database keeps running. These commands use it:

    . build/quickstart/env                          # DATABASE_URL, SLUICE_PLUGIN_DIR, SLUICE_CONFIG, PATH
    sluice enqueue hello.greet '{"name": "you"}'
    sluice drain                                    # run the waiting jobs, then exit, as from cron
    sluice run                                      # run jobs as they arrive, until Ctrl-C
    sluice jobs list                                # the newest jobs; jobs show ID shows one job
    psql "$DATABASE_URL" -c 'SELECT * FROM "Outbox"'
TEXT
if [[ $with_prisma == yes ]]; then
  echo '    (cd examples/prisma-app && npm run app -- jobs)  # what the application sees'
fi
cat <<'TEXT'

  Jobs of a type that no plugin serves wait, and `sluice status` names the type. To serve it, put a plugin
  into build/plugins. The smallest example is examples/hello-plugin.

    examples/quickstart.sh --stop     # stop the database
    examples/quickstart.sh --clean    # stop it and delete its data
TEXT
