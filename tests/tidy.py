#!/usr/bin/env python3
"""clang-tidy over the sources of a build folder, several at a time.

    tidy.py <build folder> <folder of sources>...

Most of what one source takes goes into headers, which the sources of a library share: up to BATCH of them are looked
at as one that includes them. Where two of those have a name of their own in common, which the compiler refuses, those
that it names are looked at alone. Prints what was found, and exits with 1 where that is anything.
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
    """Those that say how to compile: without the compiler and its launcher, the files, and GCC's precompiled header."""
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
    """(folder to compile in, flags, sources) of each."""
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
    """What clang-tidy finds in a batch, as its lines."""
    directory, flags, sources = batch
    one = sources[0] if len(sources) == 1 else scratch / f"{abs(hash(tuple(sources))):x}.cpp"
    if len(sources) > 1:
        one.write_text("".join(f'#include "{source}"\n' for source in sources))
    command = ["clang-tidy", "-quiet", f"-header-filter=^({'|'.join(map(str, folders))})/"]
    together = ["-checks=-bugprone-suspicious-include"] if len(sources) > 1 else []
    # Flags that clang does not know are GCC's own; what one source has, those that come behind it may shadow.
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
    scratch = build / "tidy"  # below the source, so that its .clang-tidy counts
    scratch.mkdir(exist_ok=True)
    work = sorted(batches(build, folders), key=lambda batch: -len(batch[2]))
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = [line for lines in pool.map(lambda batch: look(scratch, folders, batch), work) for line in lines]
    print("\n".join(dict.fromkeys(found)) or f"{sum(len(batch[2]) for batch in work)} sources, nothing found")
    return 1 if found or not work else 0


sys.exit(main(*sys.argv[1:]))
