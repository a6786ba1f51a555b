"""Makes medians, ratios, the comparison with the targets, tables, JSON and a page from the rounds."""

import json
import math
import statistics

import chart
import faults
import scenarios
from contenders import BRIEF, PEER_SLOTS, PEERS, RAW_BATCH, RAW_SESSIONS
from processes import ROOT
from scenarios import LOAD, PRODUCERS, STAMPS, sizes

DIRECTORY = ROOT / "docs/benchmarks"
ALL = {**scenarios.SCENARIOS, **faults.SCENARIOS}

# Each number that a round may have: its heading, the factor that it is multiplied with, its format.
COLUMNS = {
    "jobs_per_second": ("jobs/s", 1, ",.0f"),
    "client_cpu_us_per_job": ("client CPU, s/100k", 0.1, ".2f"),
    "server_cpu_us_per_job": ("server CPU, s/100k", 0.1, ".2f"),
    "wal_bytes_per_job": ("WAL bytes/job", 1, ",.0f"),
    "dead_rows_per_job": ("updates + deletes/job", 1, ".2f"),
    "memory_mb": ("peak memory, MB", 1, ".1f"),
    "p50_ms": ("p50, ms", 1, ".2f"),
    "p95_ms": ("p95, ms", 1, ".2f"),
    "p99_ms": ("p99, ms", 1, ".2f"),
    "fed_jobs_per_second": ("fed, jobs/s", 1, ",.0f"),
    "round_trip_ms": ("round trip, ms", 1, ".2f"),
    "with_wake_per_second": ("with wake", 1, ",.0f"),
    "without_per_second": ("without wake", 1, ",.0f"),
    "ratio": ("ratio", 1, ".2f"),
    "runtime_mb": ("runtime or process, MB", 1, ".1f"),
    "noop_host_mb": ("plugin host, MB", 1, ".1f"),
    "stamp_host_mb": ("idle plugin host, MB", 1, ".1f"),
    "first_job_ms": ("first job done, ms", 1, ".0f"),
    "every_type_ms": ("one of each type done, ms", 1, ".0f"),
    "first_ms": ("first, ms", 1, ".2f"),
    "timed_out": ("timed out", 1, ".0f"),
    "hosts_ended": ("hosts ended", 1, ".0f"),
    "crashes": ("crashes", 1, ".0f"),
    "bad_jobs": ("bad jobs", 1, ".0f"),
    "charged": ("innocents charged", 1, ".0f"),
    "slot_seconds": ("slot-seconds", 1, ".1f"),
}
# Numbers that are also given as ratios to those of the first case.
RELATIVE = {"vices": ["p50_ms", "p99_ms"], "protection": ["first_job_ms"]}
FELL_BEHIND_MS = 1000  # a contender with this median latency does not keep up with the inserted jobs
# Scenarios that are compared with `backlog`.
FLAT = {
    "unserved": "ten times as many unserved in front",
    "history": "ten times as many done and twice as many failed beside",
    "noautovacuum": "nothing vacuumed",
    "deadclaims": "dead claims under a held snapshot",
}
# Scenarios that measure jobs a second and latency, without a target.
SETTINGS = {
    "handlers-4": "1-ms handlers in 4 slots",
    "handlers-32": "1-ms handlers in 32 slots",
    "runtimes-2": "2 runtimes",
    "runtimes-4": "4 runtimes",
    "distance": "a round trip of 1 ms more",
}


class Results:
    """The rounds of each scenario, by case, and their medians."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.rounds = {}

    def add(self, scenario, case, numbers):
        self.rounds.setdefault(scenario, {}).setdefault(case, []).append(numbers)

    def median(self, scenario, case, key):
        """None if it was not measured."""
        numbers = [r[key] for r in self.rounds.get(scenario, {}).get(case, []) if key in r]
        return statistics.median(numbers) if numbers else None

    def medians(self, scenario):
        return {case: {key: self.median(scenario, case, key) for key in rounds[0]}
                for case, rounds in self.rounds[scenario].items()}  # fmt: skip

    def better_peer(self, scenario):
        rates = [self.median(scenario, name, "jobs_per_second") for name in PEERS]
        return None if None in rates else max(rates)

    def against_peers(self, scenario, case="sluice"):
        """`lean` is compared with the peers of `backlog`, because peers have no lean variant."""
        peers = self.better_peer("backlog" if scenario == "lean" else scenario)
        return divided(self.median(scenario, case, "jobs_per_second"), peers)

    def against(self, key, ours, theirs):
        """The ratio of a number of one (scenario, case) to that of another."""
        return divided(self.median(*ours, key), self.median(*theirs, key))

    def as_json(self):
        return {name: {"measures": title(name, self.jobs), "medians": self.named(self.medians(name)),
                       "rounds": self.named(rounds)} for name, rounds in self.rounds.items()}  # fmt: skip

    def named(self, cases):
        """The cases, with the sizes filled into their names."""
        return {case.format(**sizes(self.jobs)): value for case, value in cases.items()}


def divided(a, b):
    return None if a is None or b is None else a / b


def title(scenario, jobs):
    return ALL[scenario].title.format(**sizes(jobs))


def to_graphile_worker(results, scenario, key, case="sluice"):
    return results.against(key, (scenario, case), (scenario, "graphile-worker"))


def latency_ratio(results, scenario, key, case="sluice"):
    """None if a contender does not keep up, because its latency then depends on how long it was measured."""
    medians = [results.median(scenario, name, "p50_ms") for name in (case, "graphile-worker")]
    kept_up = None not in medians and max(medians) < FELL_BEHIND_MS
    return to_graphile_worker(results, scenario, key, case) if kept_up else None


def wake_ratio(results, kind):
    ratios = [results.median("producers", f"{kind}, {count}", "ratio") for count in PRODUCERS]
    return None if None in ratios else min(ratios)


def memory(results, case, key="runtime_mb"):
    return results.median("memory", case, key)


def to_raw(results, key):
    return results.against(key, ("backlog", "sluice"), ("backlog", "raw"))


BACKLOGS = {  # what, and the target: the least ratio of ordinary jobs' throughput to the better peer's
    "backlog": ("Throughput", 1.55),
    "million": ("Throughput with ten times as many waiting", 1.7),
    "snapshot": ("Throughput with a snapshot held open", 1.7),
    "lean": ("Throughput with lean indexes", 1.9),
}

# (what, "≥" or "≤", bound or None, format, function of the results)
TARGETS = [
    *((f"{what}, to the better peer", "≥", bound, ".2f×", lambda r, name=name: r.against_peers(name))
      for name, (what, bound) in BACKLOGS.items()),
    *((f"{what}, brief jobs, to the better peer", "", None, ".2f×", lambda r, name=name: r.against_peers(name, BRIEF))
      for name, (what, _) in BACKLOGS.items()),
    ("Server CPU per job, to the raw loop", "≤", 0.62, ".2f×", lambda r: to_raw(r, "server_cpu_us_per_job")),
    ("WAL per job, to the raw loop", "≤", 0.62, ".2f×", lambda r: to_raw(r, "wal_bytes_per_job")),
    ("Client CPU per job, to graphile-worker", "≤", 0.28, ".2f×",
     lambda r: to_graphile_worker(r, "backlog", "client_cpu_us_per_job")),
    *((f"Insert to handler, idle, {key}, to graphile-worker", "≤", 0.6, ".2f×",
       lambda r, key=key: latency_ratio(r, "latency", f"{key}_ms")) for key in ("p50", "p99")),
    *((f"Insert to handler, idle, brief jobs, {key}, to graphile-worker", "", None, ".2f×",
       lambda r, key=key: latency_ratio(r, "latency", f"{key}_ms", BRIEF)) for key in ("p50", "p99")),
    *((f"Throughput, {what}, to backlog", "≥", 0.9, ".2f×",
       lambda r, name=name: r.against("jobs_per_second", (name, "sluice"), ("backlog", "sluice")))
      for name, what in FLAT.items()),
    *((f"Insert to handler, beside {LOAD:,} jobs a second, {key}, to graphile-worker", "", None, ".2f×",
       lambda r, key=key: latency_ratio(r, "load", f"{key}_ms")) for key in ("p50", "p99")),
    *(row for name, what in SETTINGS.items() for row in [
        (f"Throughput, {what}, to the better peer", "", None, ".2f×", lambda r, name=name: r.against_peers(name)),
        (f"Insert to handler, {what}, p99, to graphile-worker", "", None, ".2f×",
         lambda r, name=name: latency_ratio(r, name, "p99_ms"))]),
    ("Memory of the runtime, the million waiting", "≤", 40, ".1f MB", lambda r: memory(r, "sluice, {million:,} wait")),
    ("Memory of the runtime, payloads of 1 MB waiting", "≤", 200, ".1f MB",
     lambda r: memory(r, "sluice, {heavy:,} payloads of 1 MB")),
    ("Memory of a plugin host with 4 slots, the million waiting", "≤", 15, ".1f MB",
     lambda r: memory(r, "sluice, {million:,} wait", "noop_host_mb")),
    ("Start to first job done, 1 plugin", "≤", 100, ".0f ms", lambda r: r.median("start", "1 plugin", "first_job_ms")),
    ("Start to first job done, 64 plugins", "≤", 1000, ".0f ms",
     lambda r: r.median("start", "64 plugins", "first_job_ms")),
    ("Inserts with the wake trigger, to without; busy runtime, the least", "≥", 0.95, ".2f×",
     lambda r: wake_ratio(r, "busy")),
    ("Inserts with the wake trigger, to without; idle runtime, the least", "", None, ".2f×",
     lambda r: wake_ratio(r, "idle")),
]  # fmt: skip


def with_unit(value, form):
    """`form` is a format followed by a unit, ".1f MB"."""
    digits, unit = form[: form.index("f") + 1], form[form.index("f") + 1 :]
    return f"{value:{digits}}{unit}"


def compared(results):
    """For each measured target: what, the value, the bound, and whether it is reached."""
    rows = []
    for what, sign, bound, form, measure in TARGETS:
        value = measure(results)
        if value is None:
            continue
        reached = None if bound is None else (value >= bound if sign == "≥" else value <= bound)
        wanted = f"{sign} {bound:g}{form[form.index('f') + 1 :]}" if sign else ""
        rows.append({"what": what, "value": value, "measured": with_unit(value, form), "target": wanted,
                     "reached": reached})  # fmt: skip
    return rows


def table(head, rows):
    """A Markdown table. All columns except the first are aligned to the right."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))) + " |" for row in cells]  # fmt: skip
    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def targets_table(results):
    said = {True: "yes", False: "no", None: ""}
    rows = [[row["what"], row["measured"], row["target"], said[row["reached"]]] for row in compared(results)]
    return table(["", "measured", "target", "reached"], rows) if rows else ""


def formatted(key, value):
    _, factor, form = COLUMNS[key]
    return "" if value is None else f"{value * factor:{form}}"


def ratios(results, scenario):
    """(heading, function of a case) of the column with a scenario's ratios."""
    if scenario in faults.SCENARIOS:
        first = next(iter(results.rounds[scenario]))
        return f"to {first}", lambda case: results.against("jobs_per_second", (scenario, case), (scenario, first))
    if scenario in FLAT:
        return "to backlog", lambda case: results.against("jobs_per_second", (scenario, case), ("backlog", case))
    return "to the better peer", lambda case: results.against_peers(scenario, case)


def spread(rounds):
    rates = [r["jobs_per_second"] for r in rounds]
    return f"{min(rates):,.0f}–{max(rates):,.0f}"


def scenario_table(results, scenario):
    rounds, medians = results.rounds[scenario], results.medians(scenario)
    keys = [key for key in COLUMNS if any(key in numbers for numbers in medians.values())]
    head, rows = [COLUMNS[key][0] for key in keys], []
    for case, numbers in medians.items():
        rows.append([formatted(key, numbers.get(key)) for key in keys])
    if "jobs_per_second" in keys:
        heading, ratio = ratios(results, scenario)
        head[1:1] = ["slowest–fastest", heading]
        for row, (case, numbers) in zip(rows, rounds.items()):
            value = ratio(case)
            row[1:1] = [spread(numbers), "" if value is None else f"{value:.2f}×"]
    for key in RELATIVE.get(scenario, []):
        first = next(iter(rounds))
        head.append(f"{COLUMNS[key][0]}, to {first}")
        for row, case in zip(rows, rounds):
            row.append(f"{results.against(key, (scenario, case), (scenario, first)):.2f}×")
    return table(["", *head], [[name, *row] for name, row in zip(results.named(rounds), rows)])


def tables(results):
    """The tables of all scenarios, as on the page."""
    parts = []
    for name, cases in results.rounds.items():
        rounds = max(len(r) for r in cases.values())
        said = f"{title(name, results.jobs)}. Medians of {rounds} round{'s' if rounds > 1 else ''}."
        parts += [f"### {name}", said, scenario_table(results, name)]
    return "\n\n".join(parts)


def list_of(facts):
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def chart_label(scenario, jobs):
    short = {name: f"{n / 10**6:g}M" if n >= 10**6 else f"{n / 1000:g}k" for name, n in sizes(jobs).items()}
    labels = {
        "backlog": "{jobs} jobs", "million": "{million} wait, {jobs} timed", "snapshot": "snapshot held open",
        "lean": "lean indexes", "unserved": "{million} unserved in front", "history": "{million} done, {failed} failed",
        "noautovacuum": "{triple} jobs, no vacuum", "deadclaims": "{dead} dead claims",
        "handlers-4": "1 ms, 4 slots", "handlers-32": "1 ms, 32 slots", "runtimes-2": "2 runtimes",
        "runtimes-4": "4 runtimes", "distance": "round trip + 1 ms",
    }  # fmt: skip
    return labels[scenario].format(**short)


def draw(results):
    """The chart, or None if no throughput was measured."""
    groups = []
    for name, cases in results.rounds.items():
        rates = {case: [r["jobs_per_second"] for r in rounds if "jobs_per_second" in r]
                 for case, rounds in cases.items()}  # fmt: skip
        if all(rates.values()):
            medians = {case: results.median(name, case, "jobs_per_second") for case in cases}
            groups.append((chart_label(name, results.jobs), rates, medians))
    return chart.draw(groups, "medians; lines from the slowest round to the fastest") if groups else None


PAGE = """<!-- Made by tests/bench/run.sh. Change tests/bench/report.py, not this page. -->
# Benchmarks

How Sluice compares with [graphile-worker](https://worker.graphile.org) and
[pg-boss](https://github.com/timgit/pg-boss), and with the most that PostgreSQL itself can do with the same table.
All of them run on one machine beside their server, in turn, in several rounds. The results are the medians of one run
and their ratios. Numbers from different machines or different runs are hardly comparable.

To repeat the benchmarks, use a machine that does nothing else meanwhile. This run took {minutes}:

```sh
tests/bench/run.sh                                      # all scenarios; writes this directory again
tests/bench/run.sh --scenario backlog --scenario lean   # some scenarios; prints their tables
tests/bench/run.sh --quick                              # small sizes, only to see if it works
```

`results.json` has every round. These results are from {date}. [Faults, protection and the dashboard](faults.md) has
those of `tests/bench/run.sh --faults`.

## Targets

{targets}

{chart}## What limits it

The limit is the server. Profiles (`perf`, and the wait events of its sessions every 3 ms) show:

- A job costs the server 32 to 36 µs of CPU and 1.0 kB of WAL. The raw loop, which writes each row twice and has no
  client, costs 50 to 54 µs and 1.7 kB. Client and hosts together cost 6 µs.
- Two thirds of the server's CPU time is used by the session that finishes. It runs for 71 % of the time, waits for a
  flush of the WAL for 8 %, and for the next batch for 9 %. 55 % of its CPU is `btinsert`: an update of `status` is
  never HOT, so it makes an entry in each of the five indexes. A row that stays in the table needs at least one update.
  With lean indexes there are two entries. The session that claims uses the other third: it locks each row, sends its
  payload, and records the ids.
- Two cores are idle for a sixth of the time. A second finisher uses that time and gains 9 %, but needs a quarter more
  server CPU a job, because both insert into the same index pages ([decision
  0005](../decisions/0005-one-claims-another-finishes.md)).
- A peer that deletes finished jobs, or whose index on status is partial, makes no such entries, but has no history.
- `million`, `unserved`: in a table ten times larger a job costs a quarter more server CPU. The share of index descent
  (`_bt_compare`, `_bt_moveright`, `_bt_checkpage`) rises from 9 to 15 %: ids are random, so the entry in the index on
  `id` goes to another page each time, and these pages no longer fit the CPU's caches. A queue with sequential ids
  appends.
- The start and the end of `sluice drain` are 0.3 s of the 3 s that 100,000 jobs take.
- `runtimes-4`: each claim visits the rows that the others have claimed since its own last one, about four rows for each
  row that it gets, and eight busy sessions share two cores. A job costs 81 µs of server CPU instead of 33.
- `load`: while many jobs arrive, no runtime asks to be notified, because all notifying transactions share one lock. A
  lane looks again after 5 or 10 ms. So the median is higher than the peer's, and the 99th percentile lower.
- `start`: 0.1 s of it is CPU time. The rest is the connections and statements before the first claim, one after the
  other.
- Idle latency begins with the producer's own insert and its durable commit, which are nearly half of it. The claim has
  a second durable commit. The rest is the time to wake the claimer, the event loop, the host and its slot. A claim that
  is not durable when its job starts would be faster, but a server that crashes would forget it, and the job would run
  twice, uncounted.

## Contenders

- **sluice**: the defaults. One plugin with one host and four slots, whose handler returns done at once. The time of a
  drain is that of `sluice drain`, including its start and its end. Each job is a row that stays in the table and is
  written once, when it ends. Its [claim](../internals/claiming.md#receipts) is on disk before it starts.
- **sluice, brief jobs**: the same, with brief types: a job starts without waiting until its claim is on disk.
- **raw**: a plpgsql loop in {raw_sessions} sessions that writes each row of the same table twice: it finishes
  {raw_batch} jobs and claims the next {raw_batch} in one transaction, without a handler. It has practically no client:
  its loop runs in the server.
- **graphile-worker**: as its documentation recommends for throughput, with a local queue that claims 500 jobs at once,
  completions in batches, and {peer_slots} jobs at a time. Its time begins when Node.js and all modules are loaded. A
  finished job is deleted. For idle latency: no local queue, four jobs at a time.
- **pg-boss**: two loops that fetch and complete 500 jobs at once, without a worker. Its time begins when it has
  started. A finished job is kept, as in Sluice. It polls, so its latency can't be compared.

No-op jobs measure the queue, not the work. Every contender has the same jobs with a small payload. The database is a
new copy for each run. It is vacuumed and analysed, is in the server's memory as far as possible, and a checkpoint was
made. The tables have their usual indexes, an outbox the four of its guide. Commits are durable.

- **jobs/s**: the number of jobs, divided by the time until all of them were finished.
- **client CPU**: user and system time of all the contender's processes, including plugin hosts, in seconds per 100,000
  jobs.
- **server CPU**: the same of all of PostgreSQL's processes, including ended processes and background processes.
- **WAL**: the distance that `pg_current_wal_insert_lsn()` moved, per job, including whole pages after the checkpoint.
- **updates + deletes**: per job, of all tables. Each leaves a dead row that vacuum has to remove.
- **memory**: the peak of resident memory (VmHWM), including shared libraries.
- **insert to handler**: from before another process begins its insert until the handler runs, by the machine's clock.

## Results

{tables}

How the scenarios are measured:

- `million` drains the first tenth of the waiting jobs. `lean` has two indexes, on the key and on status and
  `"createdAt"`. It is compared with the peers of `backlog`.
- `snapshot`, `deadclaims`: a repeatable-read transaction in the same database is open all the time. In `deadclaims`,
  {dead} claims of 20 jobs are made and ended after that transaction began and before the drain begins, each in its own
  transaction.
- `unserved`, `history`, `noautovacuum`, `deadclaims` are compared with `backlog`: the additional rows should
  cost nothing.
- `latency`: a job is inserted every 20 to 80 ms, {stamps} in a round.
- `load`, `handlers-4`, `handlers-32`: another process inserts {load} jobs a second. Every 20 ms it inserts the due jobs
  in one statement. The jobs whose latency is measured are inserted one by one between them, and share their slots.
  graphile-worker is set as for throughput. A contender with a median of over a second does not keep up: its queue
  grows, and no ratio is given.
- `handlers-4`, `handlers-32`: each job waits for 1 ms, as if for an answer. Sluice has 4 or 32 slots, graphile-worker
  runs 4 or 32 jobs at a time, each loop of pg-boss half as many.
- `runtimes-2`, `runtimes-4`: 2 or 4 `sluice drain`, or processes of the peer, run at once on one outbox or queue. For
  the latency, 2 or 4 `sluice run`.
- `distance`: only the contender connects to its server through a program on the same machine that passes on every byte
  0.5 ms after it arrived (`tests/bench/delay.cpp`), over TCP. The table has the time of a round trip of `SELECT 1`
  through that program. The kernel's own delay (netem) is not used, because many kernels are built without it.
- `producers`: pgbench, one insert and its commit at a time. `busy, 32` are 32 clients beside a runtime that drains a
  backlog, which lasts longer than the run. An `idle` runtime has only the jobs that the clients insert. In `unserved`
  the runtime does not serve their type, so every notification is useless. The trigger is switched on or off each second
  of one run, so that nothing else differs.
- `start`: a session asks every millisecond whether the job is done.

## Machine

{machine}

## Versions

{versions}

## Settings

{settings}
"""


def write(results, facts, directory):
    """Writes results.json, README.md and throughput.svg. `facts` are the machine, the versions and the settings."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = draw(results)
    told = {**facts, "jobs": results.jobs, "targets": compared(results), "scenarios": results.as_json()}
    (directory / "results.json").write_text(json.dumps(rounded(told), indent=1, ensure_ascii=False) + "\n")
    if drawn:
        (directory / "throughput.svg").write_text(drawn)
    parts = {
        "targets": targets_table(results),
        "tables": tables(results),
        "chart": "![Throughput](throughput.svg)\n\n" if drawn else "",
        "raw_sessions": RAW_SESSIONS,
        "raw_batch": RAW_BATCH,
        "peer_slots": PEER_SLOTS,
        "load": f"{LOAD:,}",
        "stamps": STAMPS,
        "dead": f"{sizes(results.jobs)['dead']:,}",
        "minutes": f"{facts['minutes']:.0f} minutes",
        "date": facts["date"],
        **{name: list_of(facts[name]) for name in ("machine", "versions", "settings")},
    }
    (directory / "README.md").write_text(PAGE.format(**parts))


FAULTS_PAGE = """<!-- Made by tests/bench/run.sh --faults. Change tests/bench/report.py, not this page. -->
# Faults, protection and the dashboard

What a plugin that misbehaves costs others, what protection from it costs, and how fast the dashboard is over many rows.
The results are the medians of one run. Numbers from different machines or different runs are hardly comparable.

To repeat this, use a machine that does nothing else meanwhile. This run took {minutes}, with --jobs {jobs}{quick}:

```sh
tests/bench/run.sh --faults                         # writes this page and faults.json again
tests/bench/run.sh --faults --scenario vices        # one scenario; prints its table
tests/bench/run.sh --faults --quick                 # small sizes, only to see if it works
```

`faults.json` has every round. These results are from {date}.

- `vices`: one healthy job every 5 ms, and among 50 of them one of the other plugin, which does what the table names.
  Each case has a new runtime. `hosts ended`: those that the runtime saw end, or replaced.
- `recovery`: each crash is the first one of its runtime. If no job ends between two crashes, there is a pause before the
  next start, which doubles each time.
- `crowd`: `slot-seconds` is the time of the drain times the slots. What a case has more than the first one is the
  capacity that its bad jobs cost, restarts included. A job that hangs has a time limit of 1 s and a `cancel_grace` of
  0.2 s.
- `protection`: the sandbox allows one folder to be read. The limits are of memory, tasks, descriptors and file sizes.
- `dashboard-…`: GET of each page, one after the other on one connection. The first request of a page is counted apart.
  Beside them, {load} jobs a second are inserted and run. `p99` is the slowest of {requests}. One row in 20 has failed,
  one in 100 waits. The counters are those of 90 days.
- `watchers`: clients that read the stream of events. The server makes each event once for all. It and the database take
  10 ms of processor time a second for that, counted while no jobs run; the table's differences are within what rounds
  differ.

{tables}

## Machine

{machine}

## Versions

{versions}

## Settings

{settings}
"""


def write_faults(results, facts, directory, quick):
    """Writes faults.json and faults.md."""
    directory.mkdir(parents=True, exist_ok=True)
    told = {**facts, "jobs": results.jobs, "scenarios": results.as_json()}
    (directory / "faults.json").write_text(json.dumps(rounded(told), indent=1, ensure_ascii=False) + "\n")
    parts = {
        "tables": tables(results),
        "load": f"{LOAD:,}",
        "requests": faults.watchers.REQUESTS,
        "jobs": f"{results.jobs:,}",
        "quick": " and few repetitions, beside other programs: they show that it works, and no more" if quick else "",
        "minutes": f"{facts['minutes']:.0f} minutes",
        "date": facts["date"],
        **{name: list_of(facts[name]) for name in ("machine", "versions", "settings")},
    }
    (directory / "faults.md").write_text(FAULTS_PAGE.format(**parts))


def rounded(value):
    """`value` with all numbers rounded to five significant digits."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, float) and value and math.isfinite(value):
        return round(value, max(0, 4 - math.floor(math.log10(abs(value)))))
    return value
