#!/usr/bin/env python3
"""Checks that the headers of the plugin API compile in one language without warnings: each alone, or all in one file.

    compiles_alone.py [--together] <compiler> <standard> <include directory> <file or header>...
"""
import subprocess
import sys

WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror".split()


def source(names, standard):
    """The source to compile. A header is included twice, to test its guard too."""
    text = ""
    for name in names:
        if name.endswith(".c"):
            with open(name, encoding="utf-8") as file:
                text += file.read()
        else:
            text += f"#include <{name}>\n" * 2
    if standard.startswith("c++"):
        return text + "int used() { return SLUICE_ABI_MAJOR; }\n"
    return text + "int used(void);\nint used(void) { return SLUICE_ABI_MAJOR; }\n"


def main(compiler, standard, include, *names, together):
    language = "c++" if standard.startswith("c++") else "c"
    failed = False
    for group in [names] if together else [[name] for name in names]:
        command = [compiler, f"-std={standard}", *WARNINGS, "-I", include, "-x", language, "-fsyntax-only", "-"]
        result = subprocess.run(command, input=source(group, standard), text=True, check=False)
        if result.returncode != 0:
            print(f"{' with '.join(group)} does not compile as {standard} with {compiler}")
            failed = True
    return 1 if failed else 0


arguments = sys.argv[1:]
sys.exit(main(*(a for a in arguments if a != "--together"), together="--together" in arguments))
