"""Scenarios of the second page: a healthy plugin beside nasty ones, crashes, hangs, what protection costs, and the
dashboard over many rows. They need no peers. Each has cases, as in scenarios.py."""

import contextlib
import functools
import json
import os
import subprocess
import sys
import time

import watchers
from contenders import NOOP
from processes import ROOT, SLUICE, Service, peak_mb, run, started, wait_for
from scenarios import BACKLOG, EMPTY, Scenario, percentiles, start
from server import DATABASE

HEALTHY, QUICK_HEALTHY = 1000, 60  # jobs whose latency is measured beside a vice
PAUSE = 0.005  # seconds between two of them
WARM_UP = 20  # of them at first that are not counted
EACH = 50  # of them: one job of the vice
CRASHES, QUICK_CRASHES = 200, 3
WORKERS = 16  # slots of the plugin whose jobs crash
SANDBOX = '[plugin.noop.sandbox]\nread = ["/usr/share"]\n'
LIMITS = '[plugin.noop.limits]\nmemory = "500MB"\ntasks = 64\nopen_files = 256\nfile_size = "100MB"\n'

# The vice, and the plugin that has it. The time limit is for those that hang.
VICES = {
    "a job that crashes": ("crash", "nasty"),
    "a host that is killed": ("scribble", "nasty"),
    "handlers that hang": ("fault_for_ever", "nasty"),
    "closed descriptors": ("close_descriptors", "nasty"),
    "random frames": ("random_frames", "nasty"),
    "many processes": ("fork_many", "nasty"),
    "another program": ("exec", "nasty"),
    "a spoilt heap": ("spoil_heap", "nasty"),
    "a flood of log lines": ("flood_log", "vices"),
    "a flood of frames": ("flood_socket", "vices"),
    "outputs of 50 MB": ("huge_output", "vices"),
    "error codes of 50 MB": ("huge_code", "vices"),
    "frames without end": ("huge_frame", "vices"),
    "hosts that stop reading": ("freeze", "vices"),
}
ONE_PROCESSOR = "[plugin.nasty.limits]\ncpus = 1\n"
CONFIG = """
[retry]
backoff_first = "10ms"
backoff_cap = "50ms"
[runtime]
cancel_grace = "200ms"
[type."test.nasty"]
max_attempts = 1
timeout = "1s"
[type."test.vices"]
max_attempts = 1
timeout = "1s"
"""
ROW = """INSERT INTO "Outbox" (id, type, payload, "updatedAt") VALUES
(gen_random_uuid(), '{}', '{}', now() AT TIME ZONE 'UTC');
"""
CHARGED = """SELECT count(*) FROM "Outbox" WHERE {} AND attempts > 1"""
# Work for the plugin that crashes; one job of so many crashes.
WORK = """
INSERT INTO "Outbox" (id, type, payload, "updatedAt")
SELECT gen_random_uuid(), 'test.nasty', CASE WHEN i % {each} = {each} / 2
       THEN '{{"do": "{vice}", "file": "{file}"}}'::jsonb ELSE '{{"do": "work", "ms": {ms}}}'::jsonb END,
       now() AT TIME ZONE 'UTC'
FROM generate_series(1, {jobs}) i;
"""


def plugins_of(bench, *names):
    """A directory with these plugins, of those for the tests."""
    directory = bench.directory / "-".join(names)
    if not directory.exists():
        directory.mkdir()
        for name in names:
            folder = "bad" if name in ("nasty", "vices") else "good"
            built = ROOT / f"build/tests/fixtures/{folder}/{name}.so"
            (directory / f"{name}.so").write_bytes(built.read_bytes())
    return directory


def environment(bench, plugins, config):
    file = bench.directory / "faults.toml"
    file.write_text(config or "[plugin.noop]\nslots = 4\n")  # an empty file is refused
    return {**bench.server.measured_environment(), "SLUICE_PLUGIN_DIR": str(plugins), "SLUICE_CONFIG": str(file)}


def service(bench, plugins, config=CONFIG):
    return Service(SLUICE, "run", ready="plugins loaded", environment=environment(bench, plugins, config))


def drained(bench, plugins, config=CONFIG):
    """The seconds of a drain."""
    begun = time.monotonic()
    run(SLUICE, "drain", "--json", environment=environment(bench, plugins, config), stderr=subprocess.DEVNULL)
    return time.monotonic() - begun


class Inserter:
    """A session that inserts one row after the other."""

    def __init__(self, session):
        self.session = session

    def insert(self, job_type, payload):
        self.session.stdin.write(ROW.format(job_type, json.dumps(payload)))
        self.session.stdin.flush()


@contextlib.contextmanager
def inserter(bench):
    pipe = subprocess.PIPE
    with started(*bench.server.psql(DATABASE), stdin=pipe, stdout=pipe) as session:
        session.stdin.write("SELECT 'ready';\n")
        session.stdin.flush()
        session.stdout.readline()
        yield Inserter(session)


def lines_of(file):
    return file.read_text().splitlines() if file.exists() else []


def micros():
    return time.time_ns() // 1000


def count(bench, condition):
    return int(bench.server.sql(f'SELECT count(*) FROM "Outbox" WHERE {condition}', DATABASE))


@contextlib.contextmanager
def spinning(programs):
    """Programs that compute without end and have nothing to do with Sluice, each in a session of its own."""
    with contextlib.ExitStack() as stack:
        for _ in range(programs):
            stack.enter_context(started(sys.executable, "-c", "while True: pass", start_new_session=True))
        yield


def beside(bench, vice, plugin, limits="", programs=0):
    """The latency of a healthy plugin's jobs, from the insert to the handler, beside jobs with a vice."""
    jobs = QUICK_HEALTHY if bench.quick else HEALTHY
    stamps, trash = bench.directory / "stamps", bench.directory / "trash"
    stamps.unlink(missing_ok=True)
    plugins = plugins_of(bench, "stamp", "nasty", "vices")
    with bench.copied("sluice", EMPTY), service(bench, plugins, CONFIG + limits) as runtime, \
            inserter(bench) as session, spinning(programs):
        for number in range(-WARM_UP, jobs):
            if vice and number % EACH == 0:
                session.insert(f"test.{plugin}", {"do": vice, "file": str(trash)})
            session.insert("bench.stamp", {"at": micros(), "file": str(stamps)})
            time.sleep(PAUSE)
        done = "type = 'bench.stamp' AND status = 'done'"
        wait_for(lambda: count(bench, done) == jobs + WARM_UP, "the healthy jobs to be done")
        took = percentiles([int(line) / 1000 for line in lines_of(stamps)[WARM_UP:]])
        text = runtime.text()
        return {"p50_ms": took["p50_ms"], "p99_ms": took["p99_ms"], "runtime_mb": peak_mb(runtime.pid),
                "hosts_ended": text.count("plugin host died") + text.count("another plugin host takes over"),
                "charged": int(bench.server.sql(CHARGED.format("type = 'bench.stamp'"), DATABASE))}  # fmt: skip


def recovery(bench):
    """From a handler's SIGSEGV until a handler of the same plugin runs again: each time in a new runtime, because a
    host that crashes again and again is restarted after a growing pause."""
    took, charged, crashes = [], 0, QUICK_CRASHES if bench.quick else CRASHES
    stamps = bench.directory / "recovery"
    for _ in range(crashes):
        stamps.unlink(missing_ok=True)
        with bench.copied("sluice", EMPTY), service(bench, plugins_of(bench, "nasty")), inserter(bench) as session:
            session.insert("test.nasty", {"do": "crash", "file": str(stamps)})
            while (crashed := time_of(stamps, "crash")) is None:
                time.sleep(0.001)
            while time_of(stamps, "start") is None:
                session.insert("test.nasty", {"do": "stamp", "file": str(stamps)})
                time.sleep(0.002)
            took.append((time_of(stamps, "start") - crashed) / 1000)
            charged += count(bench, "attempts > 1")
    times = percentiles(took)
    return {"p50_ms": times["p50_ms"], "p99_ms": times["p99_ms"], "crashes": crashes, "charged": charged}


def time_of(file, word):
    """When the first such line was written, in microseconds; None: there is none."""
    return next((int(line.split()[1]) for line in lines_of(file) if line.startswith(word)), None)


def crowd(bench, vice, each):
    """Drains jobs of 5 ms in many slots of one host, some of which crash or hang. `vice`: "work" for none."""
    jobs = 200 if bench.quick else bench.jobs // 10
    each = min(each, jobs // 2)
    config = CONFIG + f"[plugin.nasty]\nslots = {WORKERS}\n"
    work = WORK.format(jobs=jobs, each=each, vice=vice, ms=5, file=bench.directory / "trash")
    with bench.copied("sluice", EMPTY):
        bench.server.sql(work, DATABASE)
        seconds = drained(bench, plugins_of(bench, "nasty"), config)
        bad = count(bench, "status = 'error'")
        charged = int(bench.server.sql(CHARGED.format("status = 'done'"), DATABASE))
        if count(bench, "status = 'done'") + bad != jobs:
            raise RuntimeError("not all jobs of a plugin that crashes or hangs have ended")
    return {"jobs_per_second": jobs / seconds, "bad_jobs": bad, "charged": charged,
            "slot_seconds": WORKERS * seconds}  # fmt: skip


def protected(bench, config):
    """Throughput and start of a plugin with that protection."""
    plugins = plugins_of(bench, "noop")
    with bench.copied("sluice", BACKLOG):
        seconds = drained(bench, plugins, config)
    begun = start(bench, plugins, [NOOP], functools.partial(service, bench, plugins, config))
    return {"jobs_per_second": bench.jobs / seconds, "first_job_ms": begun["first_job_ms"]}


SCENARIOS = {
    "vices": Scenario("A healthy plugin's jobs, from insert to handler, alone and beside another plugin's vices", 3, {
        "alone": functools.partial(beside, vice=None, plugin=None),
        "other programs on all processors": functools.partial(beside, vice=None, plugin=None, programs=os.cpu_count()),
        **{name: functools.partial(beside, vice=vice, plugin=plugin) for name, (vice, plugin) in VICES.items()},
        "handlers that hang, cpus = 1": functools.partial(beside, vice="fault_for_ever", plugin="nasty",
                                                          limits=ONE_PROCESSOR)}),
    "recovery": Scenario("From a handler's SIGSEGV until a handler of its plugin runs again", 1, {"sluice": recovery}),
    "crowd": Scenario("{crowd:,} jobs of 5 ms in 16 slots of one host, which end it or hang now and then", 3, {
        "no bad jobs": functools.partial(crowd, vice="work", each=1000),
        "one of 1,000 crashes": functools.partial(crowd, vice="crash", each=1000),
        "one of 1,000 hangs": functools.partial(crowd, vice="fault_for_ever", each=1000)}),
    "protection": Scenario("{jobs:,} jobs wait; and from the start of `sluice run` to the first job", 5, {
        "none": functools.partial(protected, config=""),
        "sandbox": functools.partial(protected, config=SANDBOX),
        "limits": functools.partial(protected, config=LIMITS),
        "sandbox and limits": functools.partial(protected, config=SANDBOX + LIMITS)}),
    **watchers.SCENARIOS,
}  # fmt: skip
