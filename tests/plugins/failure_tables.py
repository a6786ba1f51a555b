#!/usr/bin/env python3
"""Checks the failure tables in the READMEs of the plugins: a test must expect each error code in a table, and each
code in a plugin's source must be in the plugin's table.

    failure_tables.py <source directory>
"""
import pathlib
import re
import sys

CODE = r"[a-z][a-z0-9]*(?:-[A-Za-z0-9]+)*"
# Code that ends an attempt: sluice::retry("timeout", ...), Failure("template-error", ...), return "dns";
NAMED = [
    re.compile(rf'(?:retry|fail|PermanentError|Trouble|Failure|retried|error)\(\s*"({CODE})"'),
    re.compile(rf'return "({CODE})";'),
    re.compile(rf'\bcode = "({CODE})";'),
]


def tables(readme):
    """Yields the rows of the tables below headings that contain "fail" or "retried", each a list of cells."""
    inside = False
    for line in readme.read_text("utf-8").splitlines():
        if line.startswith("#"):
            inside = bool(re.search(r"fail|retried", line))
        elif inside and line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def codes_in_tables(readme):
    for cells in tables(readme):
        yield from re.findall(rf"`({CODE})`", " ".join(cells[1:]))


def codes_in_source(plugin):
    for path in [*plugin.rglob("*.cpp"), *plugin.rglob("*.py")]:
        text = path.read_text("utf-8")
        for pattern in NAMED:
            yield from pattern.findall(text)


def quoted(code, text):
    return f'"{code}"' in text or f'"{code}-' in text or f'"{code}:' in text


def troubles(root):
    for readme in sorted(root.glob("plugins/*/README.md")):
        plugin = readme.parent.name
        tests = [*root.glob(f"tests/plugins/{plugin}/*.cpp"), *root.glob("tests/program/*.cpp")]
        expected = "".join(path.read_text("utf-8") for path in tests)
        documented = set(codes_in_tables(readme))
        if not documented:
            yield f"{readme}: no table of failures found"
        for code in sorted(documented):
            if not quoted(code, expected):
                yield f"{readme}: no test expects the code {code}"
        for code in sorted(set(codes_in_source(readme.parent))):
            if code not in documented:
                yield f"plugins/{plugin}: the code {code} is not in the table of {readme}"


def main(source):
    found = list(troubles(pathlib.Path(source)))
    print("\n".join(found) or "each code has its row, and each row its test")
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))
