#!/usr/bin/env python3
"""Runs clang-tidy on the sources of a build folder, several at a time.

    tidy.py <build folder> <folder of sources>...

Most of the time for a source is spent on headers, which the sources of a library share. So up to BATCH sources are
checked as one file that includes them. If two of them define the same name, the compiler refuses that file. Then the
sources that it names are checked alone. Prints the findings, and exits with 1 if there are any.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

BATCH = 10
FINDING = re.compile(r"^(?P<file>/[^:]*):\d+:\d+: (?:error|warning): .*\[(?P<check>[^]]*)\]$")


def flags_of(command):
    """The flags of a command, without the compiler and its launcher, the files, and GCC's precompiled header."""
    flags, words = [], iter(shlex.split(command))
    for word in words:
        if word in ("-o", "-c"):
            next(words)
        elif word == "-include":
            header = next(words)
            flags += [] if header.endswith("/cmake_pch.hxx") else [word, header]
        elif word.startswith("-") and word != "-Winvalid-pch":
            flags.append(word)
        elif flags and flags[-1] in ("-isystem", "-I", "-D"):
            flags.append(word)
    return tuple(flags)


def batches(build, folders):
    """Yields (folder to compile in, flags, sources) for each batch."""
    alike = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = entry["file"]
        if source.endswith(".cpp") and any(source.startswith(f"{folder}/") for folder in folders):
            alike.setdefault((entry["directory"], flags_of(entry["command"])), set()).add(source)
    for (directory, flags), sources in alike.items():
        ordered = sorted(sources)
        count = -(-len(ordered) // BATCH)
        for part in range(count):
            yield directory, flags, ordered[part::count]


def look(scratch, folders, batch):
    """The lines of clang-tidy's output for a batch."""
    directory, flags, sources = batch
    one = sources[0] if len(sources) == 1 else scratch / f"{abs(hash(tuple(sources))):x}.cpp"
    if len(sources) > 1:
        one.write_text("".join(f'#include "{source}"\n' for source in sources))
    command = ["clang-tidy", "-quiet", f"-header-filter=^({'|'.join(map(str, folders))})/"]
    together = ["-checks=-bugprone-suspicious-include"] if len(sources) > 1 else []
    # clang does not know some of GCC's flags. In one file, a source may shadow names of the sources before it.
    command += [*together, str(one), "--", *flags, "-Wno-unknown-warning-option", *(["-Wno-shadow"] if together else [])]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout).splitlines()
    found = [match for match in map(FINDING.match, lines) if match]
    broken = {match["file"] for match in found if "clang-diagnostic-error" in match["check"]}
    if broken and len(sources) > 1:
        alone = [source for source in sources if source in broken] or sources
        rest = [source for source in sources if source not in alone]
        parts = [[source] for source in alone] + ([rest] if rest else [])
        return [line for part in parts for line in look(scratch, folders, (directory, flags, part))]
    if result.returncode != 0 and not found:
        return lines + result.stderr.splitlines()
    return lines


def main(build, *names):
    build = pathlib.Path(build).resolve()
    folders = [pathlib.Path(name).resolve() for name in names]
    scratch = build / "tidy"  # inside the source tree, so that its .clang-tidy applies
    scratch.mkdir(exist_ok=True)
    work = sorted(batches(build, folders), key=lambda batch: -len(batch[2]))
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = [line for lines in pool.map(lambda batch: look(scratch, folders, batch), work) for line in lines]
    print("\n".join(dict.fromkeys(found)) or f"{sum(len(batch[2]) for batch in work)} sources, nothing found")
    return 1 if found or not work else 0


sys.exit(main(*sys.argv[1:]))
