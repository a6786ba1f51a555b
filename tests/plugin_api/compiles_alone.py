#!/usr/bin/env python3
"""Each header of the plugin API compiles alone, in one language, without a warning.

    compiles_alone.py <compiler> <standard> <include directory> <file or header>...
"""
import subprocess
import sys

WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror".split()


def source(name, standard):
    """A file is compiled as it is; a header gets used twice, so that its guard is tried too."""
    if name.endswith(".c"):
        with open(name, encoding="utf-8") as file:
            return file.read()
    text = f"#include <{name}>\n" * 2
    if standard.startswith("c++"):
        return text + "int used() { return SLUICE_ABI_MAJOR; }\n"
    return text + "int used(void);\nint used(void) { return SLUICE_ABI_MAJOR; }\n"


def main(compiler, standard, include, *names):
    language = "c++" if standard.startswith("c++") else "c"
    failed = False
    for name in names:
        command = [compiler, f"-std={standard}", *WARNINGS, "-I", include, "-x", language, "-fsyntax-only", "-"]
        result = subprocess.run(command, input=source(name, standard), text=True, check=False)
        if result.returncode != 0:
            print(f"{name} does not compile alone as {standard} with {compiler}")
            failed = True
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
