#!/usr/bin/env python3
"""Measures how fast Sluice drains a backlog, side by side with other job queues and with PostgreSQL itself.

Every contender drains the same number of no-op jobs from the same server with default durability (fsync and
synchronous_commit on), in turn, for several rounds; what counts are the medians of one run and their ratios.
Called by run.sh, which builds and installs what it needs."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BATCH = 500
SESSIONS = 2

FILL = """
TRUNCATE "Outbox";
INSERT INTO "Outbox" (id, type, payload, "createdAt", "updatedAt")
SELECT 'cm' || lpad(to_hex(i), 9, '0') || left(md5(i::text), 14), 'bench.noop',
       json_build_object('n', i, 'to', 'user@example.com', 'subject', 'hello'),
       (now() AT TIME ZONE 'UTC') - ({jobs} - i) * interval '1 ms', now() AT TIME ZONE 'UTC'
FROM generate_series(1, {jobs}) i;
VACUUM ANALYZE "Outbox";
CHECKPOINT;
"""

# One good plan, whatever the statistics say: as Sluice does it.
PLAN = ["seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"]


class Server:
    """A private PostgreSQL server."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.script("start", "--durable")
        self.url = self.script("url")
        data = pathlib.Path((self.directory / "home").read_text().strip()) / "data"
        self.postmaster = int((data / "postmaster.pid").read_text().split()[0])

    def script(self, command, *options):
        call = [ROOT / "tests" / "postgres.sh", command, self.directory, *options]
        return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def remove(self):
        self.script("remove")

    def url_of(self, database):
        return self.url.replace("/sluice?", f"/{database}?")

    def sql(self, text, database="sluice"):
        call = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url_of(database)]
        return subprocess.run(call, input=text, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def fresh(self, database):
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.sql(f"CREATE DATABASE {database}")

    def cpu_seconds(self):
        """Of the whole server: the postmaster, its children, and those that it has reaped."""
        return cpu_seconds(self.postmaster, reaped=True) + sum(cpu_seconds(p) for p in children(self.postmaster))

    def wal(self):
        return int(self.sql("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_seconds(pid, reaped=False):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    ticks = sum(int(n) for n in fields[11 : 15 if reaped else 13])
    return ticks / os.sysconf("SC_CLK_TCK")


class Meter:
    """What the server spends between begin and end."""

    def __init__(self, server):
        self.server = server

    def begin(self):
        self.wal, self.cpu, self.begun = self.server.wal(), self.server.cpu_seconds(), time.monotonic()

    def end(self, jobs, client_cpu, seconds=None):
        seconds = seconds or time.monotonic() - self.begun
        server_cpu = self.server.cpu_seconds() - self.cpu
        return {
            "jobs_per_second": jobs / seconds,
            "client_cpu_us_per_job": client_cpu / jobs * 1e6,
            "server_cpu_us_per_job": server_cpu / jobs * 1e6,
            "wal_bytes_per_job": (self.server.wal() - self.wal) / jobs,
        }


def run_timed(call, environment):
    """Runs a command to its end; (its CPU seconds with its children's, what it printed)."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(call, env={**os.environ, **environment}, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, call)
        output.seek(0)
        return usage.ru_utime + usage.ru_stime, output.read()


def fill(server, jobs, database):
    server.fresh(database)
    environment = {**os.environ, "DATABASE_URL": server.url_of(database)}
    subprocess.run([ROOT / "build/bin/sluice", "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
    server.sql(FILL.format(jobs=jobs), database)


def unfinished(server, database):
    return server.sql("""SELECT count(*) FROM "Outbox" WHERE status <> 'done'""", database)


def sluice(server, jobs, plugins):
    fill(server, jobs, "bench_sluice")
    meter = Meter(server)
    meter.begin()
    environment = {"DATABASE_URL": server.url_of("bench_sluice"), "SLUICE_PLUGIN_DIR": plugins}
    cpu, _ = run_timed([ROOT / "build/bin/sluice", "drain", "--json", "--log-level", "warn"], environment)
    result = meter.end(jobs, cpu)
    if unfinished(server, "bench_sluice") != "0":
        raise RuntimeError("sluice drain ended, but not all jobs are done")
    return result


def raw(server, jobs):
    fill(server, jobs, "bench_raw")
    server.sql((HERE / "raw.sql").read_text(), "bench_raw")
    settings = "".join(f"SET enable_{method} = off;" for method in PLAN)
    call = ["psql", "-X", "-q", "-c", settings + "SET plan_cache_mode = force_generic_plan; SET jit = off",
            "-c", f"CALL raw_loop({BATCH})", server.url_of("bench_raw")]
    meter = Meter(server)
    meter.begin()
    sessions = [subprocess.Popen(call) for _ in range(SESSIONS)]
    if any([session.wait() for session in sessions]):
        raise RuntimeError("the raw loop failed")
    result = meter.end(jobs, 0)
    if unfinished(server, "bench_raw") != "0":
        raise RuntimeError("the raw loop ended, but not all jobs are done")
    return result


def peer(server, jobs, name):
    server.fresh("bench_peer")
    meter = Meter(server)
    environment = {**os.environ, "DATABASE_URL": server.url_of("bench_peer")}
    call = [HERE / "node_modules/.bin/node", HERE / "peers.mjs", name, str(jobs)]
    with subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.strip() == "begin":
                meter.begin()
            elif line.startswith("{"):
                told = json.loads(line)
                result = meter.end(told["jobs"], told["cpu_seconds"], told["seconds"])
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, call)
    return result


def reported(process, text):
    """Waits for a line of the process's output that holds `text`, and goes on reading behind it."""
    for line in process.stdout:
        if text in line:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return
    raise RuntimeError(f"{process.args[0]} ended before it said {text!r}")


def latency(server, jobs, name, plugins, directory):
    """Percentiles of the time from insert to handler, in milliseconds, one job at a time."""
    database = "bench_latency"
    server.fresh(database)
    environment = {**os.environ, "DATABASE_URL": server.url_of(database), "SLUICE_PLUGIN_DIR": plugins}
    node = [HERE / "node_modules/.bin/node", HERE / "latency.mjs"]
    if name == "sluice":
        subprocess.run([ROOT / "build/bin/sluice", "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
        call, ready = [ROOT / "build/bin/sluice", "run"], "plugins loaded"
    else:
        call, ready = [*node, "work", name], "ready"
    file = pathlib.Path(directory) / "latencies"
    file.unlink(missing_ok=True)
    worker = subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        reported(worker, ready)
        subprocess.run([*node, "produce", name, str(jobs), file], env=environment, check=True)
    finally:
        worker.terminate()
        worker.wait()
    waited = statistics.quantiles([int(line) / 1000 for line in file.read_text().split()], n=100)
    return {"p50_ms": waited[49], "p95_ms": waited[94], "p99_ms": waited[98]}


def latency_table(results):
    print(f"{'':16}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}   from insert to handler, idle, medians")
    for name, r in results.items():
        print(f"{name:16}{r['p50_ms']:10.2f}{r['p95_ms']:10.2f}{r['p99_ms']:10.2f}")
    if len(results) == 2:
        ours, theirs = results.values()
        print(f"{'ratio':16}" + "".join(f"{ours[p] / theirs[p]:10.2f}" for p in ours))


def medians(rounds):
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def table(results):
    print(f"{'':16}{'jobs/s':>10}{'ratio':>8}{'client µs':>12}{'server µs':>12}{'WAL bytes':>12}   per job, medians")
    best = max((r["jobs_per_second"] for name, r in results.items() if name in PEERS), default=None)
    for name, r in results.items():
        ratio = f"{r['jobs_per_second'] / best:.2f}" if best else ""
        print(f"{name:16}{r['jobs_per_second']:10,.0f}{ratio:>8}{r['client_cpu_us_per_job']:12.1f}"
              f"{r['server_cpu_us_per_job']:12.1f}{r['wal_bytes_per_job']:12,.0f}")
    if best:
        print("ratio: to the better of the peers")


PEERS = ["graphile-worker", "pg-boss"]
CONTENDERS = ["sluice", "raw", *PEERS]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", action="store_true", help="measure latency on an idle system instead")
    parser.add_argument("--jobs", type=int, help="100,000; for latency 300")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="may be given several times")
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file, too")
    options = parser.parse_args()
    options.jobs = options.jobs or (300 if options.latency else 100_000)
    contenders = options.only or (["sluice", "graphile-worker"] if options.latency else CONTENDERS)
    rounds = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        plugins = pathlib.Path(directory) / "plugins"
        plugins.mkdir()
        for name in ["noop.so", "stamp.so"]:
            (plugins / name).write_bytes((ROOT / "build/tests/plugins/good" / name).read_bytes())
        server = Server(pathlib.Path(directory) / "postgres")
        try:
            for number in range(options.rounds):
                for name in contenders:
                    if options.latency:
                        result = latency(server, options.jobs, name, str(plugins), directory)
                    elif name == "sluice":
                        result = sluice(server, options.jobs, str(plugins))
                    elif name == "raw":
                        result = raw(server, options.jobs)
                    else:
                        result = peer(server, options.jobs, name)
                    rounds[name].append(result)
                    told = ", ".join(f"{key} {value:,.2f}" for key, value in result.items())
                    print(f"round {number + 1}, {name}: {told}", file=sys.stderr)
        finally:
            server.remove()
    results = {name: medians(r) for name, r in rounds.items()}
    (latency_table if options.latency else table)(results)
    if options.json:
        options.json.write_text(json.dumps({"jobs": options.jobs, "rounds": rounds, "medians": results}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
