#!/usr/bin/env python3
"""Checks that the recorded layout of the ABI, layout_*.c, covers the headers and detects changes.

    layout.py covers INCLUDE            check that all structs, members, constants and extensions are recorded
    layout.py can_fail INCLUDE CC...    check that each change below, made to a copy of the headers, is found: the
                                        compilers CC must find moved, changed and removed items, `covers` new ones
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

RECORDED = sorted(Path(__file__).resolve().parent.glob("layout_*.c"))
HEADERS = ["plugin.h", "extensions.h"]
# Macros that expand to code, not to a value.
CODE = {"SLUICE_PLUGIN_H", "SLUICE_EXTENSIONS_H", "SLUICE_NOEXCEPT", "SLUICE_HAS", "SLUICE_STR", "SLUICE_EXPORT",
        "SLUICE_UNPADDED", "SLUICE_EXTERN", "SLUICE_NOTE_INITIALISER", "SLUICE_DECLARE_PLUGIN"}


def read(include):
    text = "".join((Path(include) / "sluice" / name).read_text(encoding="utf-8") for name in HEADERS)
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def structs(text):
    """The name of each struct, and the names of its members."""
    found = re.findall(r"typedef struct (\w+) \{(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    found += re.findall(r"^struct (\w+) \{(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    for name, body in found:
        members = []
        for declaration in re.sub(r"\bSLUICE_NOEXCEPT\b", "", body).split(";"):
            function = re.search(r"\(\*(\w+)\)", declaration)
            plain = re.search(r"(\w+)(\[\w+\])?\s*$", declaration)
            if function or plain:
                members.append((function or plain).group(1))
        yield name, members


def constants(text):
    yield from re.findall(r"^#define (SLUICE_\w+)", text, re.MULTILINE)
    for body in re.findall(r"^enum \{(.*?)\}", text, re.DOTALL | re.MULTILINE):
        yield from re.findall(r"\bSLUICE_\w+", body)


def uncovered(include):
    text, recorded = read(include), "".join(path.read_text(encoding="utf-8") for path in RECORDED)
    for struct, members in structs(text):
        if not re.search(rf"\b(AT_LEAST|EXACTLY)\({struct}, ", recorded):
            yield f"the size of {struct}"
        for member in members:
            if not re.search(rf"\bMEMBER\({struct}, {member}, ", recorded):
                yield f"{struct}.{member}"
    for constant in constants(text):
        if constant not in CODE and not re.search(rf"\b{constant} (==|>=)|\({constant}, \"", recorded):
            yield constant


def compiles(compiler, include, sources=RECORDED):
    language = "c++" if "++" in Path(compiler).name else "c"
    command = [compiler, "-x", language, "-std=c++17" if language == "c++" else "-std=c11", "-fsyntax-only", "-Werror",
               f"-I{include}"]
    return all(subprocess.run([*command, source], capture_output=True).returncode == 0 for source in sources)


# Changes to the headers: a regular expression that is replaced once, and its replacement.
MOVES = {
    "two members change places": (r"  uint32_t attempt;(.*?)\n  uint32_t max_attempts;", r"  uint32_t max_attempts;\n  uint32_t attempt;"),
    "a member comes in between": (r"  sluice_str summary;         /\* one line", r"  void* tag;\n  sluice_str summary;         /* one line"),
    "a member goes": (r"  uint32_t slots; ", r"  /* slots */ "),
    "a member is wider": (r"  uint32_t kind;", r"  uint64_t kind;"),
    "a struct without a size grows": (r"  size_t size;\n\} sluice_str;", "  size_t size;\n  int32_t hash;\n} sluice_str;"),
    "the note grows": (r"  uint32_t job_size;\n", "  uint32_t job_size;\n  uint32_t host_size;\n"),
    "a member of an extension moves": (r"  int64_t delay_us; ", "  int64_t added;\n  int64_t delay_us; "),
    "a result has another value": (r"SLUICE_FAIL = 2", "SLUICE_FAIL = 5"),
    "a level has another value": (r"SLUICE_LOG_WARN = 3", "SLUICE_LOG_WARN = 6"),
    "a flag has another value": (r"SLUICE_AT_MOST_ONCE = 1", "SLUICE_AT_MOST_ONCE = 2"),
    "a flag of a later version has another value": (r"SLUICE_BRIEF = 2", "SLUICE_BRIEF = 4"),
    "a field's kind has another value": (r"SLUICE_FIELD_JSON = 1", "SLUICE_FIELD_JSON = 2"),
    "an extension has another id": (r'"sluice.effects/1"', '"sluice.effects/2"'),
    "a function takes more": (r"\(\*set_delay\)\(const sluice_job\* job, int64_t delay_us\)", "(*set_delay)(const sluice_job* job, int64_t delay_us, int32_t why)"),
    "a function takes something else": (r"\(\*progress\)\(const sluice_job\* job, double fraction", "(*progress)(const sluice_job* job, float fraction"),
    "a function returns something else": (r"int32_t \(\*is_cancelled\)", "int64_t (*is_cancelled)"),
}
NEW = {
    "a new last member": (r"  int64_t deadline_us;.*?\n", "  int64_t deadline_us;\n  int64_t started_at_us;\n"),
    "a new struct": (r"/\* ---- The host", "typedef struct sluice_more {\n  uint32_t size;\n} sluice_more;\n/* ---- The host"),
    "a new constant": (r"SLUICE_CANCELLED = 4", "SLUICE_CANCELLED = 4,\n  SLUICE_SKIPPED = 5"),
    "a new extension": (r"#define SLUICE_MOST", '#define SLUICE_EXTENSION_MORE "sluice.more/1"\n#define SLUICE_MOST'),
}


def changed(include, copy, pattern, replacement):
    """Writes a copy of the headers in which `pattern` is replaced."""
    (copy / "sluice").mkdir(exist_ok=True)
    changes = 0
    for name in HEADERS:
        text = (Path(include) / "sluice" / name).read_text(encoding="utf-8")
        if changes == 0:
            text, changes = re.subn(pattern, replacement, text, count=1, flags=re.DOTALL)
        (copy / "sluice" / name).write_text(text, encoding="utf-8")
    if changes != 1:
        raise SystemExit(f"layout.py: nothing in the headers matches {pattern!r}; fix the table of changes")


def unnoticed(include, compilers):
    with tempfile.TemporaryDirectory() as scratch:
        for what, (pattern, replacement) in MOVES.items():
            changed(include, Path(scratch), pattern, replacement)
            if not compiles(compilers[0], scratch, [Path(scratch) / "sluice" / name for name in HEADERS]):
                yield f"{what}: the changed header does not compile; fix the table of changes"
            yield from (f"{what}, by {compiler}" for compiler in compilers if compiles(compiler, scratch))
        for what, (pattern, replacement) in NEW.items():
            changed(include, Path(scratch), pattern, replacement)
            if not all(compiles(compiler, scratch) for compiler in compilers):
                yield f"{what}: does not compile, although structs may grow at their ends"
            if not list(uncovered(scratch)):
                yield f"{what}, by covers"


def main(arguments):
    if len(arguments) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    command, include, compilers = arguments[0], arguments[1], arguments[2:]
    if command == "covers":
        problems = [f"not recorded: {name}; add it to the tests/plugin_api/layout_*.c of its ABI minor version"
                    for name in uncovered(include)]
    else:
        problems = [f"does not compile without a change, by {compiler}" for compiler in compilers
                    if not compiles(compiler, include)]
        problems += [f"change not detected: {change}" for change in unnoticed(include, compilers)]
    print("\n".join(problems) or f"ok: {command}")
    return 1 if problems else 0


sys.exit(main(sys.argv[1:]))
