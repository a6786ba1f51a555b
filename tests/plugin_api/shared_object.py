#!/usr/bin/env python3
"""Checks a plugin's file from outside, without running its code.

    shared_object.py <plugin.so>...

The file exports only sluice_plugin_v1. It has the ABI note, which agrees with the descriptor (a sanitizer may pad the
descriptor). Its descriptor is read-only after loading. It binds all symbols when it is opened. It has no run path,
and no dynamic initialisation.
"""
import re
import subprocess
import sys


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def exported(path):
    return [line.split()[-1] for line in run("nm", "-D", "--defined-only", path).splitlines()]


def descriptor(path):
    """The size of the descriptor, and the name of its section."""
    symbols = [line.split() for line in run("readelf", "--dyn-syms", "-W", path).splitlines()]
    symbol = next(s for s in symbols if s and s[-1] == "sluice_plugin_v1")
    sections = re.findall(r"\[ *(\d+)\] (\S+)", run("readelf", "-SW", path))
    return int(symbol[2], 0), dict(sections)[symbol[6]]


def note(path):
    text = run("readelf", "-x", ".note.sluice", path)
    words = re.findall(r"^  0x\w+ ((?:\w{8} ?)+) ", text, re.MULTILINE)
    data = bytes.fromhex("".join(words).replace(" ", ""))
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


def problems(path):
    if exported(path) != ["sluice_plugin_v1"]:
        yield f"exports {exported(path)}"
    size, section = descriptor(path)
    if not section.startswith((".data.rel.ro", ".rodata")):
        yield f"has its descriptor in {section}"
    words = note(path)
    if words[:3] != [7, 20, 1] or words[5] != 1 or words[7] > size:
        yield f"has the note {words} and a descriptor of {size} bytes"
    if "sluice" not in run("readelf", "-nW", path):
        yield "has no note segment"
    dynamic = run("readelf", "-dW", path)
    if "BIND_NOW" not in dynamic:
        yield "does not bind all symbols when it is opened"
    if "RUNPATH" in dynamic or "RPATH" in dynamic:
        yield "has a run path"
    if "GNU_RELRO" not in run("readelf", "-lW", path):
        yield "has no RELRO segment"
    if "_GLOBAL__sub_I_" in run("nm", path):
        yield "has dynamic initialisation"


def main(paths):
    found = [f"{path} {problem}" for path in paths for problem in problems(path)]
    print("\n".join(found))
    return 1 if found else 0


sys.exit(main(sys.argv[1:]))
