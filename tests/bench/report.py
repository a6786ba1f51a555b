"""Makes of the rounds: medians, ratios, the comparison with the targets, tables, JSON and a page."""

import json
import math
import statistics

import chart
from contenders import BRIEF, PEERS, RAW_BATCH, RAW_SESSIONS
from processes import ROOT
from scenarios import PRODUCERS, SCENARIOS, sizes

DIRECTORY = ROOT / "docs/benchmarks"

# Of each number that a round may have: its heading, what it is multiplied with, its format.
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
    "wanted_jobs_per_second": ("half rate, jobs/s", 1, ",.0f"),
    "fed_jobs_per_second": ("fed, jobs/s", 1, ",.0f"),
    "with_wake_per_second": ("with wake", 1, ",.0f"),
    "without_per_second": ("without wake", 1, ",.0f"),
    "ratio": ("ratio", 1, ".2f"),
    "runtime_mb": ("runtime or process, MB", 1, ".1f"),
    "noop_host_mb": ("plugin host, MB", 1, ".1f"),
    "stamp_host_mb": ("idle plugin host, MB", 1, ".1f"),
    "first_job_ms": ("first job done, ms", 1, ".0f"),
    "every_type_ms": ("one of each type done, ms", 1, ".0f"),
}
FLAT = ["unserved", "history", "noautovacuum"]
FELL_BEHIND_MS = 1000  # a median latency of those who do not keep up with what they are fed


class Results:
    """The rounds of each scenario, by case, and their medians."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.rounds = {}

    def add(self, scenario, case, numbers):
        self.rounds.setdefault(scenario, {}).setdefault(case, []).append(numbers)

    def median(self, scenario, case, key):
        """None where it was not measured."""
        numbers = [r[key] for r in self.rounds.get(scenario, {}).get(case, []) if key in r]
        return statistics.median(numbers) if numbers else None

    def medians(self, scenario):
        return {case: {key: self.median(scenario, case, key) for key in rounds[0]}
                for case, rounds in self.rounds[scenario].items()}  # fmt: skip

    def better_peer(self, scenario):
        rates = [self.median(scenario, name, "jobs_per_second") for name in PEERS]
        return None if None in rates else max(rates)

    def against_peers(self, scenario, case="sluice"):
        """`lean` has no peers of its own: they are what they are."""
        peers = self.better_peer("backlog" if scenario == "lean" else scenario)
        return divided(self.median(scenario, case, "jobs_per_second"), peers)

    def against(self, key, ours, theirs):
        """A number of a scenario's case to that of another, (scenario, case) each."""
        return divided(self.median(*ours, key), self.median(*theirs, key))

    def as_json(self):
        return {name: {"measures": title(name, self.jobs), "medians": self.named(self.medians(name)),
                       "rounds": self.named(rounds)} for name, rounds in self.rounds.items()}  # fmt: skip

    def named(self, cases):
        """The cases by their names with sizes in them."""
        return {case.format(**sizes(self.jobs)): value for case, value in cases.items()}


def divided(a, b):
    return None if a is None or b is None else a / b


def title(scenario, jobs):
    return SCENARIOS[scenario].title.format(**sizes(jobs))


def to_graphile_worker(results, scenario, key, case="sluice"):
    return results.against(key, (scenario, case), (scenario, "graphile-worker"))


def under_load(results, key):
    """None where a contender's queue grows and grows at that rate: then its latency says how long was measured."""
    latencies = [results.median("halfload", case, "p50_ms") for case in ("sluice", "graphile-worker")]
    kept_up = None not in latencies and max(latencies) < FELL_BEHIND_MS
    return to_graphile_worker(results, "halfload", key) if kept_up else None


def wake_ratio(results, kind):
    ratios = [results.median("producers", f"{kind}, {count}", "ratio") for count in PRODUCERS]
    return None if None in ratios else min(ratios)


def memory(results, case, key="runtime_mb"):
    return results.median("memory", case, key)


# (what, "≥" or "≤", bound or None, format, function of the results)
TARGETS = [
    ("Throughput, to the better peer", "≥", 1.6, ".2f×", lambda r: r.against_peers("backlog")),
    ("Throughput, to the raw limit", "≥", 1.0, ".2f×",
     lambda r: r.against("jobs_per_second", ("backlog", "sluice"), ("backlog", "raw"))),
    ("Throughput with ten times as many waiting, to the better peer", "≥", 1.3, ".2f×",
     lambda r: r.against_peers("million")),
    ("Throughput with a snapshot held open, to the better peer", "≥", 1.3, ".2f×",
     lambda r: r.against_peers("snapshot")),
    ("Throughput with lean indexes, to the better peer", "≥", 2.2, ".2f×", lambda r: r.against_peers("lean")),
    *((f"{what}, brief jobs, to the better peer", "≥", bound, ".2f×",
       lambda r, scenario=scenario: r.against_peers(scenario, BRIEF))
      for what, scenario, bound in [
          ("Throughput", "backlog", 1.6), ("Throughput with ten times as many waiting", "million", 1.3),
          ("Throughput with a snapshot held open", "snapshot", 1.3), ("Throughput with lean indexes", "lean", 2.2)]),
    ("Throughput, brief jobs, to the raw limit", "≥", 1.0, ".2f×",
     lambda r: r.against("jobs_per_second", ("backlog", BRIEF), ("backlog", "raw"))),
    *((f"Throughput of scenario {name}, to Sluice's own of backlog", "", None, ".2f×",
       lambda r, name=name: r.against("jobs_per_second", (name, "sluice"), ("backlog", "sluice"))) for name in FLAT),
    ("Insert to handler, idle, p50, to graphile-worker", "≤", 0.6, ".2f×",
     lambda r: to_graphile_worker(r, "latency", "p50_ms")),
    ("Insert to handler, idle, p99, to graphile-worker", "≤", 0.6, ".2f×",
     lambda r: to_graphile_worker(r, "latency", "p99_ms")),
    ("Insert to handler, idle, brief jobs, p50, to graphile-worker", "≤", 0.6, ".2f×",
     lambda r: to_graphile_worker(r, "latency", "p50_ms", BRIEF)),
    ("Insert to handler, idle, brief jobs, p99, to graphile-worker", "≤", 0.6, ".2f×",
     lambda r: to_graphile_worker(r, "latency", "p99_ms", BRIEF)),
    ("Insert to handler, half load, p50, to graphile-worker", "", None, ".2f×",
     lambda r: under_load(r, "p50_ms")),
    ("Insert to handler, half load, p99, to graphile-worker", "", None, ".2f×",
     lambda r: under_load(r, "p99_ms")),
    ("Client CPU per job, to graphile-worker", "≤", 0.3, ".2f×",
     lambda r: to_graphile_worker(r, "backlog", "client_cpu_us_per_job")),
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
    """`form` is a format with a unit behind it, ".1f MB"."""
    digits, unit = form[: form.index("f") + 1], form[form.index("f") + 1 :]
    return f"{value:{digits}}{unit}"


def compared(results):
    """Of each target that has been measured: what, measured, bound, and whether it is reached."""
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
    """In Markdown, its columns as wide as they need to be; all but the first to the right."""
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
    """(heading, the value of a case) of a column that a scenario has beside its numbers."""
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
    return table(["", *head], [[name, *row] for name, row in zip(results.named(rounds), rows)])


def tables(results):
    """All of them, as the page has them."""
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
        "noautovacuum": "{triple} jobs, no vacuum",
    }  # fmt: skip
    return labels[scenario].format(**short)


def draw(results):
    """The chart, or None where no throughput was measured."""
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
All of them run on one machine beside their server, in turn, round after round; what counts are the medians of one run
and their ratios. Numbers of different machines, or of different runs, say little beside each other.

To do it again, in about 25 minutes on two cores:

```sh
tests/bench/run.sh                                      # all of it, and writes this directory anew
tests/bench/run.sh --scenario backlog --scenario lean   # some of it; prints its tables
tests/bench/run.sh --quick                              # small sizes, only to see whether it works
```

`results.json` has every round. These are of {date}.

## Targets

{targets}

{chart}## Contenders

- **sluice**: the defaults. One plugin with one host and four slots, whose handler returns done at once. The time of a
  drain is that of `sluice drain`, its start and its end included. Each job is a row that stays in the table: claimed
  by one update, finished by another.
- **sluice, brief jobs**: the same, with types that are [brief](../architecture.md#brief-jobs): each job is written
  once.
- **raw**: a plpgsql loop in {raw_sessions} sessions that finishes {raw_batch} jobs of the same table and claims the
  next {raw_batch} in one transaction, and hands them to nobody. It has no client to speak of: its loop is in the
  server's CPU.
- **graphile-worker**: as its documentation has it for throughput, a local queue that claims 500 jobs at once and
  completions in batches, with 24 jobs at a time. Its time begins when Node.js and all modules are loaded. A finished
  job is deleted. For idle latency: no local queue, four jobs at a time.
- **pg-boss**: two loops that fetch and complete 500 jobs at once, without a worker between. Its time begins when it
  has started. A finished job is kept, as Sluice's is.

No-op jobs measure the queue, not the work. Every contender has the same jobs with a small payload, in a database that
is copied anew for each run, vacuumed and analysed, as far as possible in the server's memory, after a checkpoint.
Commits are durable. Each update and each delete leaves a dead row, for vacuum to clear away. CPU of the client is that
of all its processes, plugin hosts included; CPU of the server that of all of PostgreSQL's; both in seconds per 100,000
jobs. Memory is the peak of what was resident (VmHWM), shared libraries included.

## Results

{tables}

`lean` is compared with the peers of `backlog`.

Half load: another process inserts no-op jobs every 20 ms, at half of what the contender drained in a calibration
before; jobs that tell their latency are inserted one by one between them. Whoever has a median of over a second does not
keep up with that rate beside the producer: its queue grows, and there is no ratio to it. Producers: pgbench, one insert and its commit
at a time; `busy, 8` are eight of them, beside a runtime that drains a backlog which outlasts them; the `idle` one has
nothing but what they insert; in `unserved` it serves none of that, so that every notification is to no avail. The
trigger is switched on or off each second of one run, so that it is all that differs. In `start`, a session asks every millisecond whether the job is done.

## Machine

{machine}

## Versions

{versions}

## Settings

{settings}
"""


def write(results, facts, directory):
    """results.json, README.md and throughput.svg. `facts` are the machine, the versions and the settings."""
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
        "date": facts["date"],
        **{name: list_of(facts[name]) for name in ("machine", "versions", "settings")},
    }
    (directory / "README.md").write_text(PAGE.format(**parts))


def rounded(value):
    """Numbers with five digits that count."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, float) and value and math.isfinite(value):
        return round(value, max(0, 4 - math.floor(math.log10(abs(value)))))
    return value
