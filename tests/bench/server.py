"""A private PostgreSQL server, its databases, and its CPU time and WAL."""

import contextlib
import pathlib
import re
import subprocess
import time

from processes import DELAY, HERE, PATIENCE, ROOT, Service, children, cpu_seconds, run, started

DATABASE = "bench"  # the measured database, created for each run

ROUND_TRIP = HERE / "round_trip.sql"

# Loads as much as fits into the server's memory, in the same way for each contender. A copied database is only in the
# kernel's memory.
PREWARM = """
SELECT count(pg_prewarm(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'i') AND n.nspname NOT IN ('pg_catalog', 'information_schema');
CHECKPOINT;
"""

# Each update and each delete leaves one dead version of a row.
DEAD_ROWS = "SELECT coalesce(sum(n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables"


class Server:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.templates = set()
        self.far = None  # the measured processes' URL of DATABASE while they are at a distance, else None
        try:
            self.script("start", "--durable")
            self.url = self.script("url")
            home = pathlib.Path((self.directory / "home").read_text().strip())
            data, self.socket = home / "data", home / "socket/.s.PGSQL.5432"
            self.postmaster = int((data / "postmaster.pid").read_text().split()[0])
        except BaseException:
            self.remove()
            raise
        self.version = int(self.sql("SHOW server_version_num")) // 10000

    def script(self, command, *options):
        return run(ROOT / "tests/postgres.sh", command, self.directory, *options)

    def remove(self):
        self.script("remove")

    def url_of(self, database):
        return self.url.replace("/sluice?", f"/{database}?")

    def environment(self, database=DATABASE):
        return {"DATABASE_URL": self.url_of(database)}

    def measured_environment(self):
        """The environment of measured processes, which may be at a distance from the server."""
        return {"DATABASE_URL": self.far or self.url_of(DATABASE)}

    @contextlib.contextmanager
    def distance(self, microseconds):
        """Delays everything between measured processes and the server by `microseconds` each way."""
        with Service(DELAY, self.socket, str(microseconds), ready="port") as delay:
            self.far = f"postgresql://sluice@127.0.0.1:{delay.text().split()[1]}/{DATABASE}?sslmode=disable"
            try:
                yield
            finally:
                self.far = None

    def round_trip_ms(self):
        """The time of a round trip of the measured processes, in ms."""
        url = self.measured_environment()["DATABASE_URL"]
        call = ["pgbench", "-n", "-M", "prepared", "-f", ROUND_TRIP, "-t", "200", url]
        return float(re.search(r"latency average = ([0-9.]+) ms", run(*call))[1])

    def psql(self, database=DATABASE):
        return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url_of(database)]

    def sql(self, text, database="sluice"):
        return run(*self.psql(database), input=text)

    def template(self, name, fill):
        """A database that `fill(name)` fills. It is created once, and copied for each run."""
        if name not in self.templates:
            self.sql(f"CREATE DATABASE {name}")
            fill(name)
            self.sql("CREATE EXTENSION pg_prewarm; VACUUM ANALYZE", name)
            self.templates.add(name)
        return name

    @contextlib.contextmanager
    def copied(self, template):
        """DATABASE as a copy of the template, dropped at the end, so that it is not vacuumed during the next run."""
        strategy = "STRATEGY file_copy" if self.version >= 15 else ""
        self.sql(f"CREATE DATABASE {DATABASE} TEMPLATE {template} {strategy}")
        self.sql(PREWARM, DATABASE)
        yield
        self.sql(f"DROP DATABASE {DATABASE} WITH (FORCE)")

    @contextlib.contextmanager
    def held_snapshot(self):
        """A transaction that keeps all row versions that existed when it began."""
        pipe = subprocess.PIPE
        with started(*self.psql(), stdin=pipe, stdout=pipe) as session:
            session.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_snapshot();\n")
            session.stdin.flush()
            session.stdout.readline()
            yield
            session.stdin.close()
            if session.wait(PATIENCE) != 0:
                raise RuntimeError("the transaction that holds a snapshot has failed")

    def cpu_seconds(self):
        """The CPU time of the whole server: the postmaster, its children, and its ended children."""
        while True:
            before = children(self.postmaster)
            spent = cpu_seconds(self.postmaster, reaped=True) + sum(cpu_seconds(p) for p in before)
            if children(self.postmaster) == before:  # otherwise a child may be missing or counted twice
                return spent

    def wal(self):
        return int(self.sql("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def dead_rows(self):
        return int(self.sql(DEAD_ROWS, DATABASE))

    def setting(self, name):
        return self.sql(f"SHOW {name}")


class Meter:
    """Measures the server's CPU time and WAL from its creation until end()."""

    def __init__(self, server):
        self.server = server
        self.wal, self.cpu, self.begun = server.wal(), server.cpu_seconds(), time.monotonic()

    def end(self, jobs, client_cpu, seconds=None):
        seconds = seconds or time.monotonic() - self.begun
        server_cpu = self.server.cpu_seconds() - self.cpu
        return {
            "jobs_per_second": jobs / seconds,
            "client_cpu_us_per_job": client_cpu / jobs * 1e6,
            "server_cpu_us_per_job": server_cpu / jobs * 1e6,
            "wal_bytes_per_job": (self.server.wal() - self.wal) / jobs,
        }
