#!/usr/bin/env python3
"""Measures Sluice side by side with other job queues and with PostgreSQL itself.

Every contender gets the same jobs on the same private server with default durability (fsync and synchronous_commit on),
in turn, for several rounds. The results are the medians of one run and their ratios. run.sh calls this script, after it
has built and installed everything that is needed. If the whole default set is run, docs/benchmarks/ is written."""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import faults
import machine
import report
from processes import NODE, SLUICE
from scenarios import SCENARIOS, Bench
from server import Server

JOBS, QUICK_JOBS = 100_000, 2_000
MINUTES = 25


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(SCENARIOS)
    others = ", ".join(faults.SCENARIOS)
    parser.add_argument("--scenario", action="append", choices=report.ALL, metavar="NAME",
                        help=f"may be given several times; all by default: {names}; with --faults: {others}")  # fmt: skip
    parser.add_argument("--faults", action="store_true",
                        help="nasty plugins, protection and the dashboard instead of other job queues")  # fmt: skip
    parser.add_argument("--rounds", type=int, help="instead of each scenario's own number")
    parser.add_argument("--jobs", type=int, help=f"{JOBS:,} by default; all sizes are proportional to it")
    parser.add_argument("--minutes", type=int, default=MINUTES,
                        help=f"then the remaining scenarios are measured only once; {MINUTES} by default")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="one round of small sizes, to check that everything works")
    parser.add_argument("--write", type=pathlib.Path, nargs="?", const=report.DIRECTORY, metavar="DIRECTORY",
                        help="write the results to docs/benchmarks/ or this directory")  # fmt: skip
    options = parser.parse_args()
    whole = not (options.scenario or options.rounds or options.jobs or options.quick)
    options.write = options.write or (report.DIRECTORY if whole else None)
    options.jobs = options.jobs or (QUICK_JOBS if options.quick else JOBS)
    options.rounds = options.rounds or (1 if options.quick else None)
    options.scenario = options.scenario or list(faults.SCENARIOS if options.faults else SCENARIOS)
    if options.jobs < 1000 or (options.rounds or 1) < 1:
        parser.error("--jobs must be at least 1000, --rounds at least 1")
    return options


def selected(names):
    """The cases of each scenario. The cases of other scenarios that they are compared with come first."""
    chosen = {name: report.ALL[name].cases for name in names}
    needed = {}
    for name in chosen:
        for other, cases in report.ALL[name].needs.items():
            if other not in chosen:
                needed.setdefault(other, {}).update({case: report.ALL[other].cases[case] for case in cases})
    return {**needed, **chosen}


def measure(bench, options):
    results = report.Results(bench.jobs)
    until = time.monotonic() + options.minutes * 60
    for name, cases in selected(options.scenario).items():
        for number in range(options.rounds or report.ALL[name].rounds):
            if number > 0 and time.monotonic() > until:
                print(f"bench.py: no more rounds of {name}: {options.minutes} minutes are over", file=sys.stderr)
                break
            for case, run in cases.items():
                numbers = run(bench)
                results.add(name, case, numbers)
                tell(f"{name}, round {number + 1}, {case.format(**report.sizes(bench.jobs))}", numbers)
    return results


def tell(what, numbers):
    told = ", ".join(f"{key} {value:,.2f}" for key, value in numbers.items())
    print(f"{time.strftime('%H:%M:%S')} {what}: {told}", file=sys.stderr, flush=True)


def bench(options, directory):
    # PostgreSQL's user must be able to reach its data.
    os.chmod(directory, 0o755)
    begun = time.monotonic()
    server = Server(pathlib.Path(directory) / "postgres")
    try:
        results = measure(Bench(server, directory, options.jobs, options.quick), options)
        facts = {**machine.facts(server, directory), "minutes": round((time.monotonic() - begun) / 60, 1)}
    finally:
        server.remove()
    print(report.tables(results), report.targets_table(results), sep="\n\n")
    if options.write and options.faults:
        report.write_faults(results, facts, options.write, options.quick)
    elif options.write:
        report.write(results, facts, options.write)


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench.py: terminated"))
    needs_peers = not set(options.scenario) <= set(faults.SCENARIOS)
    if not SLUICE.exists() or (needs_peers and not NODE.exists()):
        sys.exit("bench.py: Sluice is not built or its peers are not installed; run tests/bench/run.sh instead")
    try:
        # /tmp is not used, because it may be in memory.
        with tempfile.TemporaryDirectory(prefix="sluice-bench-", dir="/var/tmp") as directory:
            bench(options, directory)
    except subprocess.CalledProcessError as failure:
        command = " ".join(str(word) for word in failure.cmd)
        sys.exit(f"bench.py: exit code {failure.returncode} of: {command}")
    except (OSError, RuntimeError) as failure:
        sys.exit(f"bench.py: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench.py: interrupted")


if __name__ == "__main__":
    main()
