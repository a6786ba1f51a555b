#!/bin/bash
# Inside the virtual machine: starts PostgreSQL with the data that run.sh has made, and runs the tests.
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
cd "${tree:?}"
server=/tmp/postgres
mkdir -p "$server"
tar -C "$server" --no-same-owner -xf "${cache:?}/data.tar"
chown -R postgres: "$server"
tests/postgres.sh start "$server"
SLUICE_TEST_DATABASE_URL=$(tests/postgres.sh url "$server")
export SLUICE_TEST_DATABASE_URL
exec "${build:?}/bin/program_test" --gtest_brief=0 --gtest_filter="${filter:?}"
