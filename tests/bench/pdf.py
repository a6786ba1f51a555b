#!/usr/bin/env python3
"""Compares the pdf plugin with calling the weasyprint command for each document.

    tests/bench/pdf.py [--sluice build/bin/sluice] [--plugins build/plugins] [--jobs 100] [--rounds 3]

Both make the same documents of one page, the guide's proposal and an invoice. The command gets HTML that is already
rendered. The plugin runs jobs of an outbox in one slot. The drain's time includes everything: its start, the renderer's
start, the claims, the template and the files on disk. The output is the medians of the rounds. Needs the packages of
install-packages.sh tests."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMANDS = 10  # documents that the command makes in each round
PROPOSAL = {"proposalId": "123"}
INVOICE = {
    "invoiceId": "R-1", "date": "12 May 2026", "currency": "EUR", "taxRate": 19,
    "company": {"name": "Northlight Ltd", "address": ["14 Harbour Lane", "20457 Hamburg"]},
    "customer": {"company": "Abel & Sons", "name": "Jonas Abel", "address": ["Gewerbering 8", "24103 Kiel"]},
    "items": [
        {"description": "Survey", "price": 1850},
        {"description": "Wear layer", "quantity": 640, "unit": "m²", "price": 38.4},
        {"description": "Markings", "price": 2390.75},
    ],
}  # fmt: skip

OUTBOX = """
CREATE TABLE "Outbox" (
  id text PRIMARY KEY, type text NOT NULL, payload jsonb NOT NULL, status text NOT NULL DEFAULT 'pending',
  "createdAt" timestamp(3) NOT NULL DEFAULT now(), "updatedAt" timestamp(3) NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0);
"""
FILL = """
TRUNCATE "Outbox";
INSERT INTO "Outbox" (id, type, payload)
SELECT '{template}-{round}-' || i, 'pdf.generate', jsonb_build_object('template', '{template}', 'data', $data${data}$data$::jsonb,
  'filename', '{template}/round-{round}/' || i || '.pdf')
FROM generate_series(1, {jobs}) i;
"""


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout.strip()


def seconds(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


def html(template, data):
    """The template's folder, and the page as the renderer passes it to WeasyPrint."""
    folder = ROOT / "plugins/pdf/templates" / template
    renderer = ROOT / "plugins/pdf/renderer"
    script = (
        f"import sys, pathlib; sys.path.insert(0, {str(renderer)!r}); import formats, pages, values;"
        f"template = pages.Pages(pathlib.Path({str(folder)!r}));"
        f"print(template.render('template.html', values.read(sys.stdin.read()), formats.Style()))"
    )
    return folder, run("/usr/bin/python3", "-B", "-c", script, input=json.dumps(data))


def command_seconds(scratch, template, data):
    folder, page = html(template, data)
    source = scratch / "page.html"
    source.write_text(page)
    call = ["/usr/bin/weasyprint", "-u", f"{folder.as_uri()}/", source, scratch / "page.pdf"]
    return seconds(lambda: [run(*call) for _ in range(COMMANDS)]) / COMMANDS


class Drain:
    def __init__(self, arguments, scratch, url):
        self.sluice = str(pathlib.Path(arguments.sluice).resolve())
        self.jobs = arguments.jobs
        self.url = url
        (scratch / "out").mkdir()
        self.config = scratch / "sluice.toml"
        self.config.write_text(
            f"[plugins]\ndirectory = {json.dumps(str(pathlib.Path(arguments.plugins).resolve()))}\n"
            f"[plugin.pdf]\nslots = 1\n[plugin.pdf.config]\noutput = {json.dumps(str(scratch / 'out'))}\n"
        )
        self.sql(OUTBOX)
        self.call("init")

    def call(self, *words):
        environment = {**os.environ, "DATABASE_URL": self.url}
        return run(self.sluice, *words, "--config", str(self.config), "--log-level", "error", env=environment)

    def sql(self, text):
        return run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url, input=text)

    def seconds(self, number, template, data):
        self.sql(FILL.format(round=number, jobs=self.jobs, template=template, data=json.dumps(data)))
        time_of_all = seconds(lambda: self.call("drain", "--type", "pdf.generate"))
        done = int(self.sql("""SELECT count(*) FROM "Outbox" WHERE status = 'done'"""))
        if done != self.jobs:
            sys.exit(f"pdf.py: {done} of {self.jobs} jobs are done; see {self.sluice} status")
        return time_of_all / self.jobs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", default=ROOT / "build/bin/sluice")
    parser.add_argument("--plugins", default=ROOT / "build/plugins")
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    server = ROOT / "tests/postgres.sh"
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        scratch = pathlib.Path(name)
        try:
            run(server, "start", scratch / "postgres", "--durable")
            drain = Drain(arguments, scratch, run(server, "url", scratch / "postgres"))
            print(f"ms per document; {arguments.jobs} in one drain; medians of {arguments.rounds} rounds")
            for template, data in (("proposal", PROPOSAL), ("invoice", INVOICE)):
                rounds = [
                    (command_seconds(scratch, template, data), drain.seconds(i, template, data))
                    for i in range(arguments.rounds)
                ]
                command, plugin = (statistics.median(times) * 1000 for times in zip(*rounds))
                print(
                    f"{template:9} weasyprint command {command:7.1f}   pdf plugin, 1 slot {plugin:6.1f}"
                    f"   ratio {command / plugin:5.1f}",
                    flush=True,
                )
        finally:
            run(server, "remove", scratch / "postgres")


if __name__ == "__main__":
    main()
