#!/usr/bin/env python3
"""Checks that each wrong declaration of a plugin causes exactly one compiler error, which is a sentence.

    wrong_sources.py <compiler> <include directory> <source>...

The first line of a source has, after "// says: ", the text that the error must contain. Before the error, the
compiler may print a few lines about the place, besides quoted source lines.
"""
import re
import subprocess
import sys

MOST_LINES_BEFORE = 6
ERROR = re.compile(r"\berror: ")
QUOTE = re.compile(r" *[0-9]* \| ")


def problem(said, sentence):
    """What is wrong with the compiler's output; None if it is right."""
    errors = [number for number, line in enumerate(said) if ERROR.search(line)]
    if not errors:
        return "it compiles"
    if sentence not in said[errors[0]]:
        return f"the first error does not contain: {sentence}"
    if len(errors) > 1:
        return f"{len(errors)} errors"
    before = [line for line in said[: errors[0]] if not QUOTE.match(line)]
    if len(before) > MOST_LINES_BEFORE:
        return f"{len(before)} lines before the error"
    return None


def main(compiler, include, *sources):
    failures = 0
    for source in sources:
        with open(source, encoding="utf-8") as file:
            sentence = file.readline().removeprefix("// says: ").strip()
        command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-fsyntax-only", "-fdiagnostics-color=never",
                   "-DSLUICE_WITHOUT_RAPIDJSON", "-I", include, source]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        wrong = problem(result.stderr.splitlines(), sentence)
        if wrong is not None:
            print(f"{source}, with {compiler}: {wrong}\n{result.stderr}")
            failures += 1
    print(f"{len(sources) - failures} of {len(sources)} are reported in one sentence")
    return 1 if failures or not sources else 0


sys.exit(main(*sys.argv[1:]))
