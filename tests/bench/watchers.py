"""The dashboard over many rows, beside a runtime that is busy, and what those who watch it cost."""

import contextlib
import functools
import http.client
import socket
import statistics
import threading
import time

from contenders import NOOP
from processes import SLUICE, Service, run, started, wait_for
from scenarios import LOAD, Scenario
from server import DATABASE

REQUESTS, QUICK_REQUESTS = 50, 5  # of each page
WATCHERS = 5
FEED = 20  # inserts a second, which together insert LOAD jobs

# One in 20 rows has failed, one in 100 waits for a type that nobody serves, the others are done; ten types, 60 days.
OUTBOX = """
INSERT INTO "Outbox" (id, type, status, attempts, payload, "createdAt", "updatedAt")
SELECT 'cm' || lpad(to_hex(i), 9, '0') || left(md5(i::text), 14), 'kind.t' || i % 10,
       CASE WHEN i % 20 = 7 THEN 'error' WHEN i % 100 = 3 THEN 'pending' ELSE 'done' END,
       CASE WHEN i % 20 = 7 THEN 3 WHEN i % 100 = 3 THEN 0 ELSE 1 END,
       json_build_object('n', i, 'to', 'user' || i % 1000 || '@example.com', 'subject', 'hello'),
       (now() AT TIME ZONE 'UTC') - ({rows} - i) * (interval '60 days' / {rows}), now() AT TIME ZONE 'UTC'
FROM generate_series(1, {rows}) i;
INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, plugin_version, duration, at)
SELECT id, 3, type, 'fail', 'code-' || n % 7, 'can''t reach host ' || n % 50 || ': connection refused', '1.0.' || n % 3,
       interval '20 ms', "createdAt" AT TIME ZONE 'UTC'
FROM (SELECT *, row_number() OVER () AS n FROM "Outbox" WHERE status = 'error') failed;
"""
# As a runtime that ran these types all the time would have counted them: 48 hours by minutes, 90 days by hours. A trigger
# adds them up, as long as they are there.
COUNTERS = """
INSERT INTO sluice.minute (minute, type, plugin_version, outcome, count, busy, waiting, running)
SELECT at, 'kind.t' || t, '1.0.0', outcome, 50, interval '1 s', h.counts, h.counts
FROM generate_series(date_trunc('{unit}', now()) - interval '{back}', date_trunc('{unit}', now()) - interval '{until}',
                     interval '1 {unit}') at,
  generate_series(0, 9) t, unnest(ARRAY['done', 'retrying', 'failed']) outcome,
  (SELECT array_agg(i) AS counts FROM generate_series(1, 32) i) h;
"""
EXPIRED = """
DELETE FROM sluice.minute;
DELETE FROM sluice.total WHERE minutes = 1;
"""
FEEDER = """
INSERT INTO "Outbox" (id, type, payload, "updatedAt")
SELECT gen_random_uuid(), '{type}', '{{}}', now() AT TIME ZONE 'UTC' FROM generate_series(1, {jobs});
"""
PAGES = {
    "now": "/", "types": "/types", "a type": "/types/kind.t1", "a type, 30 days": "/types/kind.t1?range=30d",
    "jobs": "/jobs", "failed jobs": "/jobs?status=error", "failed jobs of a type": "/jobs?status=error&type=kind.t7",
    "jobs by code": "/jobs?status=error&code=code-3", "a job": "/jobs/{job}", "failures": "/failures",
    "failures, 30 days": "/failures?range=30d", "plugins": "/plugins", "runtimes": "/runtimes",
    "operations": "/operations", "why": "/why?q={job}",
}  # fmt: skip


def fill(server, rows, database):
    run(SLUICE, "init", environment=server.environment(database))
    server.sql(OUTBOX.format(rows=rows), database)
    server.sql(COUNTERS.format(unit="hour", back="90 days", until="49 hours"), database)
    server.sql(EXPIRED, database)
    server.sql(COUNTERS.format(unit="minute", back="48 hours", until="0"), database)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def listening(bench):
    """A runtime that serves the dashboard. The block gets its port."""
    port = free_port()
    environment = {**bench.server.measured_environment(), "SLUICE_PLUGIN_DIR": str(bench.noop)}
    call = [SLUICE, "run", "--listen", f"127.0.0.1:{port}"]
    with Service(*call, ready="plugins loaded", environment=environment):
        yield port


@contextlib.contextmanager
def fed(bench):
    """Inserts LOAD jobs a second, meanwhile."""
    stop = threading.Event()
    with started(*bench.server.psql(DATABASE), stdin=-1) as session:

        def feed():
            while not stop.wait(1 / FEED):
                session.stdin.write(FEEDER.format(type=NOOP, jobs=LOAD // FEED))
                session.stdin.flush()

        feeding = threading.Thread(target=feed)
        feeding.start()
        try:
            yield
        finally:
            stop.set()
            feeding.join()
            session.stdin.close()
            session.wait()


@contextlib.contextmanager
def watched(port, watchers):
    """So many readers of the stream of events."""
    with contextlib.ExitStack() as stack:
        reading = []
        for _ in range(watchers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            stack.callback(connection.close)
            connection.request("GET", "/events")
            reading.append(threading.Thread(target=read_all, args=[connection.getresponse()], daemon=True))
            reading[-1].start()
        yield


def read_all(answer):
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
        while answer.read1(65536):
            pass


def answered(connection, path):
    """The milliseconds until the whole page was there, and whether it was refused because its statement took too long."""
    begun = time.monotonic()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status not in (200, 504):
        raise RuntimeError(f"GET {path} was answered with {answer.status}")
    return (time.monotonic() - begun) * 1000, answer.status == 504


def pages(bench, multiple):
    """The time of each page, beside LOAD jobs a second. The first request of each is the slowest, and counted apart."""
    rows = round(multiple * bench.jobs)
    name = bench.server.template(f"watched_{rows}", lambda database: fill(bench.server, rows, database))
    numbers, requests = {}, QUICK_REQUESTS if bench.quick else REQUESTS
    with bench.server.copied(name), listening(bench) as port, fed(bench):
        job = bench.server.sql("""SELECT id FROM "Outbox" WHERE status = 'error' LIMIT 1""", DATABASE)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for page, path in PAGES.items():
            answers = [answered(connection, path.format(job=job)) for _ in range(1 + requests)]
            took = [milliseconds for milliseconds, _ in answers]
            numbers[page] = {"first_ms": took[0], "p50_ms": statistics.median(took[1:]), "p99_ms": max(took[1:]),
                             "timed_out": sum(late for _, late in answers)}
        connection.close()
    return numbers


def page_cases(multiple):
    """A case for each page. They are measured together, with the first."""
    measured = {}

    def measure(bench, page):
        if page in measured.get("left", set()):
            measured["left"].discard(page)
            return measured["numbers"][page]
        measured["numbers"] = pages(bench, multiple)
        measured["left"] = set(PAGES) - {page}
        return measured["numbers"][page]

    return {page: functools.partial(measure, page=page) for page in PAGES}


def drained_while_watched(bench, watchers):
    """Jobs per second of a runtime that serves the dashboard to so many."""
    multiple = 0.1
    rows = round(multiple * bench.jobs)
    name = bench.server.template(f"watched_{rows}", lambda database: fill(bench.server, rows, database))
    with bench.server.copied(name), listening(bench) as port, watched(port, watchers):
        begun = time.monotonic()
        jobs = 2 * bench.jobs
        bench.server.sql(FEEDER.format(type=NOOP, jobs=jobs), DATABASE)
        done = f"""SELECT count(*) FROM "Outbox" WHERE type = '{NOOP}' AND status = 'done'"""
        wait_for(lambda: int(bench.server.sql(done, DATABASE)) == jobs, "the jobs to be done", pause=0.05)
        return {"jobs_per_second": jobs / (time.monotonic() - begun)}


SCENARIOS = {
    **{f"dashboard-{size}": Scenario(f"Pages of the dashboard over {{{size}:,}} rows, beside {LOAD:,} jobs a second", 1,
                                     page_cases(multiple))
       for size, multiple in [("small", 0.1), ("million", 10), ("large", 100)]},
    "watchers": Scenario("{double:,} jobs are inserted at once, into a runtime that serves the dashboard", 9, {
        "nobody watches": functools.partial(drained_while_watched, watchers=0),
        f"{WATCHERS} watch": functools.partial(drained_while_watched, watchers=WATCHERS)}),
}  # fmt: skip
