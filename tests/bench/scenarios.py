"""The scenarios. Each has cases, which are measured in turn for several rounds. A case is a function of the bench that
returns numbers by name."""

import collections
import contextlib
import functools
import itertools
import pathlib
import re
import statistics
import subprocess
import time

import contenders
from contenders import (
    ALONE, CONTENDERS, MANY, NOOP, OURS, PEERS, UNSERVED, WAIT, Backlog, Crew, drain, filled, sluice_service, takes_ms,
    waiting,
)  # fmt: skip
from processes import HERE, PATIENCE, check, children, command_line, peak_mb, run, started, wait_for
from server import DATABASE

NO_AUTOVACUUM = """
DO $$
DECLARE name regclass;
BEGIN
  FOR name IN SELECT oid FROM pg_class
              WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'sluice'::regnamespace) LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', name);
  END LOOP;
END $$;
"""

EMPTY = Backlog("empty", [], drained=0)
BACKLOG = Backlog("backlog", [(1, NOOP, "pending")])
LEAN = Backlog("lean", BACKLOG.segments, lean=True)
WAITS_4 = Backlog("waits_4", [(0.08, WAIT, "pending")], drained=0.08)
WAITS_32 = Backlog("waits_32", [(0.3, WAIT, "pending")], drained=0.3)
MILLION = Backlog("million", [(10, NOOP, "pending")])
TRIPLE = Backlog("triple", [(3, NOOP, "pending")], drained=3)
NOT_VACUUMED = Backlog("not_vacuumed", TRIPLE.segments, drained=3, prepare=NO_AUTOVACUUM)
IN_FRONT = Backlog("in_front", [(10, UNSERVED, "pending"), (1, NOOP, "pending")])
HISTORY = Backlog("history", [(10, NOOP, "done"), (2, NOOP, "error"), (1, NOOP, "pending")])
# 32 characters, 31,250 times: a payload of 1 MB
HEAVY = Backlog("heavy", [(0.02, NOOP, "pending")], drained=0.02, payload="repeat(md5(i::text), 31250)")

STAMPS, FEWER_STAMPS = 300, 150  # jobs in a latency round
IDLE_PAUSE, LOADED_PAUSE = 50, 20  # the mean pause between them, in ms
LOAD = 1000  # jobs a second that are inserted while latency under load is measured
WARM_UP = 2  # seconds of load before that measurement
FAR = 500  # delay in microseconds, each way
DEAD_CLAIMS = 0.6  # per job of --jobs
PRODUCERS = [1, 32]
PRODUCER_SECONDS = 8
INSERT = """
INSERT INTO "Outbox" (id, type, payload, "updatedAt")
VALUES (gen_random_uuid(), '{}', '{{"to": "user@example.com", "subject": "hello"}}', now() AT TIME ZONE 'UTC');
"""
SWITCH = 'ALTER TABLE "Outbox" {} TRIGGER sluice_wake;\n'
# The ids of the backlog begin with cm, those of the producers' jobs do not.
BACKLOG_WAITS = """SELECT EXISTS (SELECT FROM "Outbox" WHERE status = 'pending' AND id LIKE 'cm%')"""

# Checks every millisecond. It is called before the timed process is started.
DONE_AT = """
CREATE FUNCTION done_at(jobs int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  LOOP
    IF (SELECT count(*) FROM "Outbox" WHERE status = 'done') >= jobs THEN
      RETURN extract(epoch FROM clock_timestamp()) * 1e6;
    END IF;
    PERFORM pg_sleep(0.001);
  END LOOP;
END $$;
"""

# `title` says what is measured. `needs` names the cases of other scenarios that its ratios refer to.
Scenario = collections.namedtuple("Scenario", "title rounds cases needs", defaults=[{}])


class Bench:
    """The objects that the scenarios share: the server, the plugins and the sizes."""

    def __init__(self, server, directory, jobs, quick):
        self.server, self.directory, self.jobs, self.quick = server, pathlib.Path(directory), jobs, quick
        self.plugins = contenders.copy_plugins(self.directory / "plugins", "noop", "stamp")
        self.noop = contenders.copy_plugins(self.directory / "noop", "noop")
        self.stamp = contenders.copy_plugins(self.directory / "stamp", "stamp")
        self.stamps = self.directory / "stamps"

    def copied(self, name, backlog):
        return self.server.copied(filled(self.server, name, backlog, self.jobs))

    def drain(self, name, backlog, crew=ALONE):
        """Drains with the only plugin that the backlog needs."""
        plugins = self.stamp if takes_ms(backlog) else self.noop
        return drain(self.server, name, plugins, backlog, self.jobs, crew)


def throughput(bench, name, backlog, crew=ALONE, hold_snapshot=False):
    with bench.copied(name, backlog):
        with bench.server.held_snapshot() if hold_snapshot else contextlib.nullcontext():
            return bench.drain(name, backlog, crew)


def dead_claims(bench, name):
    with bench.copied(name, BACKLOG), bench.server.held_snapshot():
        call = f"CALL dead_claims({round(DEAD_CLAIMS * bench.jobs)}); CHECKPOINT;"
        bench.server.sql((HERE / "dead_claims.sql").read_text() + call, DATABASE)
        return bench.drain(name, BACKLOG)


def latency(bench, name, stamps=STAMPS, crew=ALONE):
    """The latency on an idle system."""
    stamps = 20 if bench.quick else stamps
    with bench.copied(name, EMPTY), contenders.workers(bench.server, name, bench.plugins, crew=crew):
        return percentiles(contenders.produce_stamps(bench.server, name, stamps, IDLE_PAUSE, bench.stamps))


def loaded_latency(bench, name, milliseconds=0, crew=ALONE):
    """The latency beside LOAD jobs a second in the same slots, each of which takes `milliseconds`."""
    stamps = 20 if bench.quick else FEWER_STAMPS
    working = contenders.workers(bench.server, name, bench.stamp, milliseconds, crew, loaded=True)
    with bench.copied(name, EMPTY), working:
        with contenders.feeder(bench.server, name, LOAD, milliseconds) as feeder:
            time.sleep(WARM_UP)
            result = percentiles(contenders.produce_stamps(bench.server, name, stamps, LOADED_PAUSE, bench.stamps))
            return {**result, "fed_jobs_per_second": float(feeder.stop().split()[-1])}


def waits(bench, name, backlog, crew):
    """Jobs per second that take a millisecond each, and the latency of a job among them."""
    result = throughput(bench, name, backlog, crew)
    return {**result, **({} if name == "pg-boss" else loaded_latency(bench, name, takes_ms(backlog), crew))}


def runtimes(bench, name, crew):
    """Jobs per second with several runtimes, and the latency of a job while all of them are idle."""
    result = throughput(bench, name, BACKLOG, crew)
    return {**result, **({} if name == "pg-boss" else latency(bench, name, FEWER_STAMPS, crew))}


def distance(bench, name):
    """The same for a contender at a distance from its server, and the time of its round trip."""
    with bench.server.distance(FAR):
        with bench.copied(name, BACKLOG):
            round_trip = bench.server.round_trip_ms()
            result = bench.drain(name, BACKLOG)
        idle = {} if name == "pg-boss" else latency(bench, name, FEWER_STAMPS)
    return {**result, **idle, "round_trip_ms": round_trip}


def percentiles(milliseconds):
    waited = statistics.quantiles(milliseconds, n=100)
    return {"p50_ms": waited[49], "p95_ms": waited[94], "p99_ms": waited[98]}


def inserts_per_second(bench, producers, job_type):
    """The mean rates with and without the trigger, of one run in which the trigger is switched each second. It is on,
    off, off, on and so on, so that a trend during the run cancels out."""
    script = bench.directory / "insert.sql"
    script.write_text(INSERT.format(job_type))
    seconds = 4 if bench.quick else PRODUCER_SECONDS
    call = ["pgbench", "-n", "-M", "prepared", "-f", script, "-c", str(producers), "-j", str(min(producers, 2)),
            "-P", "1", "-T", str(seconds + 1), bench.server.url_of(DATABASE)]  # fmt: skip
    pipe, rates, on = subprocess.PIPE, {True: [], False: []}, None
    states = itertools.cycle([True, False, False, True])
    with contextlib.ExitStack() as stack:
        pgbench = stack.enter_context(started(*call, stdout=pipe, stderr=subprocess.STDOUT))
        switch = stack.enter_context(started(*bench.server.psql(DATABASE), stdin=pipe))
        for line in pgbench.stdout:
            if told := re.match(r"progress: .* ([0-9.]+) tps", line):
                if on is not None:  # the first second, in which they connect, is not counted
                    rates[on].append(float(told[1]))
                on = next(states)
                switch.stdin.write(SWITCH.format("ENABLE" if on else "DISABLE"))
                switch.stdin.flush()
        switch.stdin.close()
        check(switch)
        check(pgbench)
    return statistics.mean(rates[True]), statistics.mean(rates[False])


def producers(bench, count, backlog, job_type):
    with bench.copied("sluice", backlog), sluice_service(bench.server, bench.noop):
        if backlog is EMPTY:
            time.sleep(1)  # meanwhile the runtime asks to be notified
        with_wake, without = inserts_per_second(bench, count, job_type)
        if backlog is not EMPTY and not bench.quick and bench.server.sql(BACKLOG_WAITS, DATABASE) == "f":
            raise RuntimeError("the backlog was drained before the producers had ended")
    return {"with_wake_per_second": with_wake, "without_per_second": without, "ratio": with_wake / without}


def hosts(pid):
    """The plugin hosts of a runtime, by the names of their plugins' files."""
    return {pathlib.Path(command_line(child)[1]).stem: child for child in children(pid)}


def sluice_memory(bench, backlog):
    done = int(backlog.drained * bench.jobs)
    with bench.copied("sluice", backlog), sluice_service(bench.server, bench.plugins) as service:
        wait_for(lambda: int(bench.server.sql(contenders.DONE, DATABASE)) >= done, f"{done} jobs to be done")
        found = {f"{name}_host_mb": peak_mb(pid) for name, pid in sorted(hosts(service.pid).items())}
        return {"runtime_mb": peak_mb(service.pid), **found}


def start(bench, plugins, types, service=None):
    """The time from the start of `sluice run` until the first job is done, and until one job of each type is done."""
    server = bench.server
    with bench.copied("sluice", EMPTY):
        server.sql(DONE_AT + "".join(INSERT.format(job_type) for job_type in types), DATABASE)
        asked = [f"SET statement_timeout = '{PATIENCE}s'", "SELECT 'ready'", "SELECT done_at(1)",
                 f"SELECT done_at({len(types)})"]  # fmt: skip
        call = [*server.psql(), *(word for question in asked for word in ("-c", question))]
        with started(*call, stdout=subprocess.PIPE) as watcher:
            watcher.stdout.readline()
            begun = time.time()
            with service() if service else sluice_service(server, plugins):
                told = watcher.stdout.read()
            check(watcher)
    first, every = (int(line) / 1e6 - begun for line in told.split())
    return {"first_job_ms": first * 1000, "every_type_ms": every * 1000}


def start_with_one(bench):
    return start(bench, bench.noop, [NOOP])


def start_with_many(bench):
    return start(bench, contenders.many_plugins(), [f"bench.many{number}" for number in range(1, MANY + 1)])


def each(function, names, *arguments):
    """A case for each contender."""
    return {name: functools.partial(function, name=name, **dict(arguments)) for name in names}


def throughput_cases(names, backlog, hold_snapshot=False):
    return each(throughput, names, ("backlog", backlog), ("hold_snapshot", hold_snapshot))


def producer_cases(kind, counts, backlog, job_type):
    """`busy`: the runtime drains a backlog meanwhile. `idle`: it has only the producers' jobs. `unserved`: it does not
    serve the producers' type, so that every insert notifies it."""
    return {f"{kind}, {count}": functools.partial(producers, count=count, backlog=backlog, job_type=job_type)
            for count in counts}  # fmt: skip


def crew_cases(function, **arguments):
    return {name: functools.partial(function, name=name, **arguments) for name in ["sluice", *PEERS]}


def flatness(title, backlog):
    return Scenario(title, 3, throughput_cases(["sluice"], backlog), {"backlog": ["sluice"]})


SCENARIOS = {
    "backlog": Scenario("{jobs:,} jobs wait", 5, throughput_cases(CONTENDERS, BACKLOG)),
    "million": Scenario("{million:,} jobs wait, the first {jobs:,} are timed", 3,
                        throughput_cases([*OURS, *PEERS], MILLION)),
    "snapshot": Scenario("{jobs:,} jobs wait, and a transaction elsewhere holds a snapshot all the time", 3,
                         throughput_cases(CONTENDERS, BACKLOG, hold_snapshot=True)),
    "lean": Scenario("{jobs:,} jobs wait, without the indexes that Sluice does not need", 3,
                     throughput_cases(OURS, LEAN), {"backlog": [*OURS, *PEERS]}),
    "unserved": flatness("{million:,} jobs that nobody serves wait in front of {jobs:,}", IN_FRONT),
    "history": flatness("{million:,} done and {failed:,} failed jobs lie beside {jobs:,}", HISTORY),
    "noautovacuum": flatness("{triple:,} jobs wait, and nothing is vacuumed", NOT_VACUUMED),
    "deadclaims": Scenario("{jobs:,} jobs wait, after {dead:,} claims that a held snapshot keeps as dead rows", 3,
                           each(dead_claims, ["sluice"]), {"backlog": ["sluice"]}),
    "latency": Scenario("From insert to handler, one job at a time on an idle system", 3,
                        each(latency, [*OURS, "graphile-worker"])),
    "load": Scenario(f"From insert to handler, beside {LOAD:,} no-op jobs a second", 3,
                     each(loaded_latency, ["sluice", "graphile-worker"])),
    **{f"handlers-{slots}": Scenario(
        f"{{{name}:,}} jobs that take 1 ms wait, {slots} run at once; and from insert to handler, beside {LOAD:,} such "
        "jobs a second", 3, crew_cases(waits, backlog=backlog, crew=Crew(slots=slots)))
        for slots, name, backlog in [(4, "waits_4", WAITS_4), (32, "waits_32", WAITS_32)]},
    **{f"runtimes-{count}": Scenario(
        f"{{jobs:,}} jobs wait for {count} runtimes or processes; and from insert to handler while these are idle", 3,
        crew_cases(runtimes, crew=Crew(runtimes=count))) for count in (2, 4)},
    "distance": Scenario(
        "{jobs:,} jobs wait, and a round trip to the server takes 1 ms more; and from insert to handler, idle", 3,
        crew_cases(distance)),
    "producers": Scenario("Inserts per second, one row each with its commit", 3, {
        **producer_cases("busy", PRODUCERS, MILLION, NOOP), **producer_cases("idle", PRODUCERS, EMPTY, NOOP),
        **producer_cases("unserved", PRODUCERS[-1:], EMPTY, UNSERVED)}),
    "memory": Scenario("Peak of resident memory", 1, {
        "sluice, {million:,} wait": functools.partial(sluice_memory, backlog=MILLION),
        "sluice, {heavy:,} payloads of 1 MB": functools.partial(sluice_memory, backlog=HEAVY)}),
    "start": Scenario("From the start of `sluice run`", 5, {
        "1 plugin": start_with_one, f"{MANY} plugins": start_with_many}),
}  # fmt: skip


def sizes(jobs):
    """The sizes in titles."""
    return {"jobs": jobs, "million": 10 * jobs, "failed": 2 * jobs, "triple": 3 * jobs, "heavy": jobs // 50,
            "small": jobs // 10, "large": 100 * jobs, "crowd": jobs // 10, "double": 2 * jobs,
            "waits_4": waiting(WAITS_4, jobs), "waits_32": waiting(WAITS_32, jobs), "dead": round(DEAD_CLAIMS * jobs)}
