#!/usr/bin/env python3
"""Checks the alerts and the Grafana dashboard of examples/monitoring: promtool accepts and tests the alerts, and every
metric that an expression names is in docs/metrics.md, whose metrics a test compares with those that are served.

    tests/examples/monitoring/check.py TREE
    tests/examples/monitoring/check.py --self-test  prove that unknown metrics are found
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

METRIC = re.compile(r"\b(?:sluice|process)_[a-z_]+\b")
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def documented(page):
    return set(re.findall(r"[|,] `((?:sluice|process)_[a-z_]+)`", page))


def unknown(text, metrics):
    """The metrics in `text` that are not among `metrics`."""
    named = set(METRIC.findall(text))
    return sorted(name for name in named if name not in metrics and SUFFIX.sub("", name) not in metrics)


def expressions(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def as_rules(queries):
    """Rules with the queries, whose Grafana variables are replaced, so that promtool parses them."""
    plain = [query.replace("$__rate_interval", "5m").replace("$instance", ".*") for query in queries]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(plain)]
    return {"groups": [{"name": "panels", "rules": rules}]}


def promtool(*arguments, directory):
    ended = subprocess.run(["promtool", *arguments], cwd=directory, capture_output=True, text=True, check=False)
    return [] if ended.returncode == 0 else [f"promtool {' '.join(arguments)}: {ended.stdout}{ended.stderr}"]


def layout_problems(dashboard):
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    problems = [] if len(set(ids)) == len(ids) > 0 else ["the panels' ids are not distinct"]
    return problems + ([] if len(set(places)) == len(places) else ["panels cover each other"])


def problems_of(tree):
    example = tree / "examples" / "monitoring"
    metrics = documented((tree / "docs" / "metrics.md").read_text(encoding="utf-8"))
    alerts = (example / "sluice-alerts.yaml").read_text(encoding="utf-8")
    dashboard = json.loads((example / "sluice-dashboard.json").read_text(encoding="utf-8"))
    queries = expressions(dashboard)
    problems = [f"unknown metric: {name}" for name in unknown(alerts + "\n".join(queries), metrics)]
    problems += layout_problems(dashboard)
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(example / "sluice-alerts.yaml", directory)
        shutil.copy(tree / "tests" / "examples" / "monitoring" / "alerts_test.yaml", directory)
        Path(directory, "panels.yaml").write_text(json.dumps(as_rules(queries)), encoding="utf-8")
        problems += promtool("check", "rules", "sluice-alerts.yaml", "panels.yaml", directory=directory)
        problems += promtool("test", "rules", "alerts_test.yaml", directory=directory)
    # Each alert has a situation in which it fires.
    tests = (tree / "tests" / "examples" / "monitoring" / "alerts_test.yaml").read_text(encoding="utf-8")
    for name in re.findall(r"- alert: (\w+)", alerts):
        if f'alertname="{name}"' not in tests:
            problems.append(f"alert {name} is not tested")
    return problems


def self_test():
    metrics = documented("| `sluice_slots` | `plugin` |\n| `process_open_fds`, `sluice_time_seconds` |")
    found = unknown("sluice_slots sluice_time_seconds_bucket process_open_fds sluice_slotz", metrics)
    if metrics != {"sluice_slots", "process_open_fds", "sluice_time_seconds"} or found != ["sluice_slotz"]:
        print(f"self-test: found {found} in {sorted(metrics)}")
        return 1
    print("ok: the unknown metric was found")
    return 0


def main(args):
    if args == ["--self-test"]:
        return self_test()
    problems = problems_of(Path(args[0]))
    print("\n".join(problems) if problems else "ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
