"""What is measured: how each contender is filled with jobs, drains them, and runs as a service."""

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

# One good plan for the raw loop, whatever the statistics say: as Sluice does it.
RAW_SETTINGS = "".join(
    f"SET enable_{method} = off; " for method in ["seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"]
) + "SET plan_cache_mode = force_generic_plan; SET jit = off"

# Rows of a table, oldest first: segments of (how many, type, status), in multiples of --jobs. `drained` of them are
# run and measured. `lean` is without the indexes that Sluice does without.
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

PENDING = """SELECT count(*) FROM "Outbox" WHERE type = 'bench.noop' AND status IN ('pending', 'processing')"""
DONE = """SELECT count(*) FROM "Outbox" WHERE status = 'done'"""


def rows(backlog, jobs):
    """(first, last, type, status) of each segment, and how many rows there are in all."""
    segments, last = [], 0
    for multiple, job_type, status in backlog.segments:
        first, last = last + 1, last + int(multiple * jobs)
        segments.append((first, last, job_type, status))
    return segments, last


def waiting(backlog, jobs):
    segments, _ = rows(backlog, jobs)
    return sum(last - first + 1 for first, last, job_type, status in segments
               if (job_type, status) == ("bench.noop", "pending"))  # fmt: skip


def make_lean(server, database):
    """By Sluice's own option where it has one."""
    if "--indexes" in run(SLUICE, "init", "--help"):
        run(SLUICE, "init", "--indexes", "lean", environment=server.environment(database))
    else:
        server.sql(DROP_INDEXES, database)
    if server.sql(LEAN_INDEXES, database) != "2":
        raise RuntimeError("the lean outbox should have the indexes of its key and of status and createdAt alone")


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
    """The name of the database that holds the backlog for this contender."""
    if name not in PEERS:
        return server.template(f"outbox_{backlog.name}", lambda new: fill_outbox(server, new, backlog, jobs))
    call = [NODE, HERE / "peers.mjs", "fill", name, str(waiting(backlog, jobs))]
    template = f"{name.replace('-', '_')}_{backlog.name}"
    return server.template(template, lambda new: run(*call, environment=server.environment(new)))


def sluice_environment(server, plugins, name="sluice"):
    config = {"SLUICE_CONFIG": str(HERE / "brief.toml")} if name == BRIEF else {}
    return {**server.environment(), "SLUICE_PLUGIN_DIR": str(plugins), **config}


def drain_sluice(server, name, plugins, jobs, limit):
    meter = Meter(server)
    call = [SLUICE, "drain", "--json", "--log-level", "warn", *limit]
    return meter.end(jobs, run_timed(*call, environment=sluice_environment(server, plugins, name)))


def drain_raw(server, jobs):
    server.sql((HERE / "raw.sql").read_text(), DATABASE)
    call = [*server.psql(), "-c", RAW_SETTINGS, "-c", f"CALL raw_loop({RAW_BATCH})"]
    meter = Meter(server)
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(started(*call)) for _ in range(RAW_SESSIONS)]
        for session in sessions:
            processes.check(session)
    return meter.end(jobs, client_cpu=0)


def drain_peer(server, name, jobs):
    call = [NODE, HERE / "peers.mjs", "drain", name, str(jobs)]
    pipe = subprocess.PIPE
    with started(*call, environment=server.environment(), stdin=pipe, stdout=pipe) as process:
        for line in process.stdout:
            if line.strip() == "begin":
                meter = Meter(server)
            elif line.startswith("{"):
                told = json.loads(line)
                result = meter.end(told["jobs"], told["cpu_seconds"], told["seconds"])
                result["memory_mb"] = peak_mb(process.pid)
            process.stdin.write("\n")
            process.stdin.flush()
        processes.check(process)
    return result


def drain(server, name, plugins, backlog, jobs):
    """Drains what is to be drained of the backlog that DATABASE holds."""
    drained = backlog.drained * jobs
    left = waiting(backlog, jobs) - drained
    if name in PEERS:
        result = drain_peer(server, name, drained)
    elif name == "raw":
        result = drain_raw(server, drained)
    else:
        result = drain_sluice(server, name, plugins, drained, ["--limit", str(drained)] if left else [])
    if name not in PEERS and (found := int(server.sql(PENDING, DATABASE))) != left:
        raise RuntimeError(f"{name} has ended, and {found} jobs are not finished where {left} should be left")
    return {**result, "dead_rows_per_job": server.dead_rows() / drained}


def sluice_service(server, plugins, name="sluice"):
    environment = sluice_environment(server, plugins, name)
    return Service(SLUICE, "run", ready="plugins loaded", environment=environment)


def worker(server, name, plugins, preset):
    """What runs jobs as they come. The preset is that of graphile-worker; Sluice has but one."""
    if name in OURS:
        return sluice_service(server, plugins, name)
    return Service(NODE, HERE / "latency.mjs", "work", name, preset, ready="ready", environment=server.environment())


def feeder(server, name, rate):
    """What inserts so many no-op jobs a second."""
    call = [NODE, HERE / "latency.mjs", "feed", name, str(rate)]
    return Service(*call, ready="ready", environment=server.environment())


def produce_stamps(server, name, jobs, file):
    """Inserts jobs one by one; how many milliseconds each took to its handler."""
    file.unlink(missing_ok=True)
    name = "sluice" if name in OURS else name
    run(NODE, HERE / "latency.mjs", "produce", name, str(jobs), file, environment=server.environment())
    return [int(line) / 1000 for line in file.read_text().split()]


def copy_plugins(directory, *names):
    """A directory with plugins that the build has made."""
    directory.mkdir()
    for name in names:
        (directory / f"{name}.so").write_bytes((ROOT / f"build/tests/plugins/good/{name}.so").read_bytes())
    return directory


def many_plugins():
    """A directory with MANY plugins, many-1 and on; kept in the build directory until their source changes."""
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
