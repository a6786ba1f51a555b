"""The contenders: how each one is filled with jobs, drains them, and runs as a service."""

import collections
import contextlib
import json
import subprocess

import processes
from processes import HERE, NODE, ROOT, SLUICE, Service, peak_mb, run, run_timed, started
from server import DATABASE, Meter

PEERS = ["graphile-worker", "pg-boss"]
BRIEF = "sluice, brief jobs"
OURS = ["sluice", BRIEF]
CONTENDERS = [*OURS, "raw", *PEERS]
RAW_BATCH = 500
RAW_SESSIONS = 2
MANY = 64
NOOP, WAIT, UNSERVED = "bench.noop", "bench.wait", "bench.unserved"

# How a backlog is run: the number of jobs at once in each runtime or process, and the number of runtimes or processes.
Crew = collections.namedtuple("Crew", "slots runtimes", defaults=[4, 1])
ALONE = Crew()
PEER_SLOTS = 24  # for a peer whose jobs take no time: its fastest setting

# Settings that force one good plan for the raw loop, regardless of the statistics, as Sluice does.
RAW_SETTINGS = "".join(
    f"SET enable_{method} = off; " for method in ["seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"]
) + "SET plan_cache_mode = force_generic_plan; SET jit = off"

# The rows of a table, oldest first: segments of (number, type, status), with numbers as multiples of --jobs. `drained`
# is the number that is run and measured. With `lean` the table lacks the indexes that Sluice does not need.
Backlog = collections.namedtuple(
    "Backlog", "name segments drained lean payload prepare", defaults=[1, False, "'hello'", ""]
)

FILL = """
INSERT INTO "Outbox" (id, type, status, attempts, payload, "createdAt", "updatedAt")
SELECT 'cm' || lpad(to_hex(i), 9, '0') || left(md5(i::text), 14), '{type}', '{status}', {attempts},
       json_build_object('n', i, 'to', 'user@example.com', 'subject', {payload}),
       (now() AT TIME ZONE 'UTC') - ({total} - i) * interval '1 ms', now() AT TIME ZONE 'UTC'
FROM generate_series({first}, {last}) i;
"""
ATTEMPTS = {"pending": 0, "done": 1, "error": 3}

LEAN_INDEXES = """SELECT count(*) FROM pg_indexes WHERE tablename = 'Outbox'"""
DROP_INDEXES = """DROP INDEX "Outbox_status_idx", "Outbox_createdAt_idx", "Outbox_type_idx" """

PENDING = f"""SELECT count(*) FROM "Outbox" WHERE type <> '{UNSERVED}' AND status IN ('pending', 'processing')"""
DONE = """SELECT count(*) FROM "Outbox" WHERE status = 'done'"""


def rows(backlog, jobs):
    """(first, last, type, status) of each segment, and the number of all rows."""
    segments, last = [], 0
    for multiple, job_type, status in backlog.segments:
        first, last = last + 1, last + round(multiple * jobs)
        segments.append((first, last, job_type, status))
    return segments, last


def waiting(backlog, jobs):
    segments, _ = rows(backlog, jobs)
    return sum(last - first + 1 for first, last, job_type, status in segments
               if job_type != UNSERVED and status == "pending")  # fmt: skip


def takes_ms(backlog):
    """The milliseconds that each of its jobs takes."""
    return 1 if any(job_type == WAIT for _, job_type, _ in backlog.segments) else 0


def make_lean(server, database):
    """Drops the indexes, with Sluice's own option if it has one."""
    if "--indexes" in run(SLUICE, "init", "--help"):
        run(SLUICE, "init", "--indexes", "lean", environment=server.environment(database))
    else:
        server.sql(DROP_INDEXES, database)
    if server.sql(LEAN_INDEXES, database) != "2":
        raise RuntimeError("the lean outbox must have exactly two indexes, on its key and on status and createdAt")


def fill_outbox(server, database, backlog, jobs):
    run(SLUICE, "init", environment=server.environment(database))
    if backlog.lean:
        make_lean(server, database)
    server.sql(backlog.prepare, database)
    segments, total = rows(backlog, jobs)
    for first, last, job_type, status in segments:
        server.sql(FILL.format(first=first, last=last, total=total, type=job_type, status=status,
                               attempts=ATTEMPTS[status], payload=backlog.payload), database)  # fmt: skip


def filled(server, name, backlog, jobs):
    """Returns the name of the database with the backlog for this contender. Creates it if necessary."""
    if name not in PEERS:
        return server.template(f"outbox_{backlog.name}", lambda new: fill_outbox(server, new, backlog, jobs))
    call = [NODE, HERE / "peers.mjs", "fill", name, str(waiting(backlog, jobs))]
    template = f"{name.replace('-', '_')}_{backlog.name}"
    return server.template(template, lambda new: run(*call, environment=server.environment(new)))


def sluice_environment(server, plugins, name="sluice", crew=ALONE):
    config = {"SLUICE_CONFIG": str(HERE / "brief.toml")} if name == BRIEF else {}
    slots = {"SLUICE_PLUGIN_STAMP_SLOTS": str(crew.slots)} if crew.slots != ALONE.slots else {}
    return {**server.measured_environment(), "SLUICE_PLUGIN_DIR": str(plugins), **config, **slots}


def drain_sluice(server, name, plugins, jobs, limit, crew):
    environment = sluice_environment(server, plugins, name, crew)
    call = [SLUICE, "drain", "--json", "--log-level", "warn", *limit]
    meter = Meter(server)
    return meter.end(jobs, run_timed(*call, count=crew.runtimes, environment=environment))


def drain_raw(server, jobs):
    server.sql((HERE / "raw.sql").read_text(), DATABASE)
    call = [*server.psql(), "-c", RAW_SETTINGS, "-c", f"CALL raw_loop({RAW_BATCH})"]
    meter = Meter(server)
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(started(*call)) for _ in range(RAW_SESSIONS)]
        for session in sessions:
            processes.check(session)
    return meter.end(jobs, client_cpu=0)


def peer_slots(milliseconds, crew):
    return crew.slots if milliseconds else PEER_SLOTS


def drain_peer(server, name, jobs, milliseconds, crew):
    numbers = [jobs, peer_slots(milliseconds, crew), milliseconds, crew.runtimes]
    call = [NODE, HERE / "peers.mjs", "drain", name, *map(str, numbers)]
    pipe = subprocess.PIPE
    with started(*call, environment=server.measured_environment(), stdin=pipe, stdout=pipe) as process:
        for line in process.stdout:
            if line.strip() == "begin":
                meter = Meter(server)
            elif line.startswith("{"):
                told = json.loads(line)
                result = meter.end(told["jobs"], told["cpu_seconds"], told["seconds"])
                if crew.runtimes == 1:
                    result["memory_mb"] = peak_mb(process.pid)
            process.stdin.write("\n")
            process.stdin.flush()
        processes.check(process)
    return result


def drain(server, name, plugins, backlog, jobs, crew=ALONE):
    """Drains the part of the backlog in DATABASE that is to be drained."""
    drained = round(backlog.drained * jobs)
    left = waiting(backlog, jobs) - drained
    if name in PEERS:
        result = drain_peer(server, name, drained, takes_ms(backlog), crew)
    elif name == "raw":
        result = drain_raw(server, drained)
    else:
        result = drain_sluice(server, name, plugins, drained, ["--limit", str(drained)] if left else [], crew)
    if name not in PEERS and (found := int(server.sql(PENDING, DATABASE))) != left:
        raise RuntimeError(f"{name} ended with {found} unfinished jobs, expected {left}")
    return {**result, "dead_rows_per_job": server.dead_rows() / drained}


def sluice_service(server, plugins, name="sluice", crew=ALONE):
    environment = sluice_environment(server, plugins, name, crew)
    return Service(SLUICE, "run", ready="plugins loaded", environment=environment)


@contextlib.contextmanager
def workers(server, name, plugins, milliseconds=0, crew=ALONE, loaded=False):
    """Processes that run jobs as they arrive, each of which takes `milliseconds`."""
    call = [NODE, HERE / "latency.mjs", "work", name, "batched" if loaded else "prompt"]
    slots = peer_slots(milliseconds, crew) if loaded else ALONE.slots
    with contextlib.ExitStack() as stack:
        for _ in range(crew.runtimes):
            stack.enter_context(
                sluice_service(server, plugins, name, crew) if name in OURS
                else Service(*call, str(slots), str(milliseconds), ready="ready",
                             environment=server.measured_environment()))  # fmt: skip
        yield


def feeder(server, name, rate, milliseconds):
    """A process that inserts `rate` jobs a second, each of which takes `milliseconds`."""
    kind = (WAIT if milliseconds else "bench.quick") if name in OURS else name
    call = [NODE, HERE / "latency.mjs", "feed", kind, str(rate)]
    return Service(*call, ready="ready", environment=server.environment())


def produce_stamps(server, name, jobs, pause_ms, file):
    """Inserts jobs one by one. Returns the milliseconds from each insert to the job's handler."""
    file.unlink(missing_ok=True)
    name = "sluice" if name in OURS else name
    call = [NODE, HERE / "latency.mjs", "produce", name, str(jobs), str(pause_ms), file]
    run(*call, environment=server.environment())
    return [int(line) / 1000 for line in file.read_text().split()]


def copy_plugins(directory, *names):
    """Creates a directory with copies of plugins from the build."""
    directory.mkdir()
    for name in names:
        (directory / f"{name}.so").write_bytes((ROOT / f"build/tests/fixtures/good/{name}.so").read_bytes())
    return directory


def many_plugins():
    """A directory with MANY plugins: many-1 and so on. It is kept in the build directory until their source changes."""
    directory = ROOT / "build/tests/bench/many"
    directory.mkdir(parents=True, exist_ok=True)
    api = ROOT / "plugin-api"
    newest = max(file.stat().st_mtime for file in [HERE / "many.c", api / "include/sluice/plugin.h"])
    for number in range(1, MANY + 1):
        library = directory / f"many-{number}.so"
        if not library.exists() or library.stat().st_mtime < newest:
            run("cc", "-std=c99", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", f"-DNUMBER={number}",
                f"-I{api}/include", f"-Wl,--version-script={api}/cmake/sluice_plugin.map",
                "-Wl,-z,defs,-z,now,-z,relro", HERE / "many.c", "-o", library)  # fmt: skip
    return directory
