#!/usr/bin/env python3
"""Follows a page of docs/ as a reader would, and compares the output with the page.

    tutorial.py PAGE --sluice PROGRAM --api PLUGIN-API --scratch DIRECTORY
    tutorial.py --self-test     prove that differences are found

The words after a fenced block's language say how the block is used:

    ```console run            "$ " begins a command, "\\" at its end continues it. The lines below are the expected
                              output. "…" stands for any text in a line, or alone for any lines. Several spaces
                              count as one.
    ```cpp file=PATH          is written to PATH
    ```cpp shown=PATH         must be in PATH, line for line
    ```cpp compiles           must compile after <sluice/plugin.hpp>, in its own namespace
    ```c compiles             must compile after <sluice/plugin.h>, in its own file

All commands run in one shell, in DIRECTORY, which is created again for each run. They use their own database, created
on the server of SLUICE_TEST_DATABASE_URL. The rest of a page is ignored.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

API = Path(__file__).resolve().parents[2] / "plugin-api"  # for the self-test
MARK = "\x1e"  # a control character that no command prints
COMPILE = ["-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused-function", "-Wno-unused-const-variable", "-Werror"]


class Mismatch(Exception):
    pass


def blocks(page):
    """Language, other words of the info string, text and line number of each fenced block with other words."""
    for match in re.finditer(r"^```(\w+) +([^\n]+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        yield match[1], match[2].split(), match[3], page.count("\n", 0, match.start()) + 2


def commands(text):
    """Each command of a console block and the lines that it should print."""
    lines = text.splitlines()
    while lines:
        if not lines[0].startswith("$ "):
            raise Mismatch(f"a console block must begin with '$ ', found {lines[0]!r}")
        command = [lines.pop(0)[2:]]
        while command[-1].endswith("\\") and lines:
            command.append(lines.pop(0))
        output = []
        while lines and not lines[0].startswith("$ "):
            output.append(lines.pop(0))
        yield "\n".join(command), output


def matches(expected, printed):
    """Whether the printed lines match the expected lines."""
    if not expected:
        return not printed
    first, rest = " ".join(expected[0].split()), expected[1:]
    if first == "…":
        return any(matches(rest, printed[skipped:]) for skipped in range(len(printed) + 1))
    pattern = ".*".join(re.escape(part) for part in first.split("…"))
    return bool(printed) and re.fullmatch(pattern, " ".join(printed[0].split())) is not None and matches(rest, printed[1:])


class Shell:
    def __init__(self, directory, environment):
        self.process = subprocess.Popen(["bash", "--norc"], cwd=directory, env=environment, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, command):
        """Runs a command. Returns its exit code and output."""
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n{MARK}%d\\n' $?\n")
        printed = []
        for line in self.process.stdout:
            if line.startswith(MARK):
                return int(line[1:]), printed[:-1] if printed[-1:] == [""] else printed
            printed.append(line.rstrip("\n"))
        raise Mismatch(f"the shell ended during: {command}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def run_console(shell, text):
    for command, expected in commands(text):
        code, printed = shell.run(command)
        while printed and not printed[-1]:
            printed.pop()
        while expected and not expected[-1]:
            expected.pop()
        if code != 0:
            raise Mismatch(f"exit code {code} from: {command}\n" + "\n".join(printed))
        if not matches(expected, printed):
            raise Mismatch(f"$ {command}\nexpected:\n" + "\n".join(expected) + "\nprinted:\n" + "\n".join(printed))


def compile_fragments(fragments, api, scratch):
    """Compiles all fragments in one file, so that the headers are read only once."""
    includes, bodies = [], []
    for number, text in enumerate(fragments):
        lines = text.splitlines()
        includes += [line for line in lines if line.startswith("#include")]
        body = "\n".join(line for line in lines if not line.startswith("#include"))
        bodies.append(f"namespace fragment_{number} {{\n{body}\n}}\n")
    source = scratch / "fragments.cpp"
    source.write_text("#include <gtest/gtest.h>\n#include <sluice/plugin.hpp>\n#include <sluice/testing.hpp>\n"
                      + "\n".join(includes) + "\n#undef SLUICE_PLUGIN\n"
                      "#define SLUICE_PLUGIN(...) constexpr auto declared = ::sluice::detail::declare(__VA_ARGS__)\n"
                      "using namespace std::chrono_literals;\n" + "\n".join(bodies), encoding="utf-8")
    compile_file(["c++", "-std=c++17"], source, api)


def compile_c(text, api, scratch):
    source = scratch / "fragment.c"
    source.write_text("#include <sluice/plugin.h>\n" + text, encoding="utf-8")
    compile_file(["cc", "-std=c99"], source, api)


def compile_file(compiler, source, api):
    result = subprocess.run([*compiler, *COMPILE, f"-I{api}/include", source], capture_output=True, text=True)
    if result.returncode != 0:
        raise Mismatch(f"a block marked `compiles` does not compile:\n{result.stderr}")


def follow(page, shell, api, scratch):
    fragments, followed = [], 0
    for language, words, text, line in blocks(page):
        name, _, value = words[0].partition("=")
        try:
            if name == "run":
                run_console(shell, text)
            elif name == "file":
                (scratch / value).write_text(text, encoding="utf-8")
            elif name == "shown":
                if text not in (scratch / value).read_text(encoding="utf-8"):
                    raise Mismatch(f"{value} does not contain this:\n{text}")
            elif name == "compiles" and language == "c":
                compile_c(text, api, scratch)
            elif name == "compiles":
                fragments.append(text)
            else:
                raise Mismatch(f"unknown word '{words[0]}' after the language")
        except Mismatch as mismatch:
            raise Mismatch(f"line {line} ({language}): {mismatch}") from None
        followed += 1
    if not followed:
        raise Mismatch("the page has no block to follow")
    if fragments:
        compile_fragments(fragments, api, scratch)
    return followed


def psql(url, statement):
    subprocess.run(["psql", "-X", "-q", "-d", url, "-c", statement], check=True, stdout=subprocess.DEVNULL)


# A page and a part of the expected message; None if the page is right.
PAGES = [
    ("```console run\n$ echo a  b\na b\n$ echo one; echo two\n…\ntwo\n$ cd / && \\\npwd\n/\n```\n", None),
    ("```text file=a.txt\nyes\n```\n```text shown=a.txt\nyes\n```\n```console run\n$ cat a.txt\ny…\n```\n", None),
    ("```console run\n$ echo a\nb\n```\n", "expected:\nb\nprinted:\na"),
    ("```console run\n$ echo a\n```\n", "printed:\na"),
    ("```console run\n$ true\na\n```\n", "expected:\na"),
    ("```console run\n$ seq 3\n1\n…\n4\n```\n", "printed:\n1"),
    ("```console run\n$ false\n```\n", "exit code 1"),
    ("```console run\n$ exit 0\n```\n", "the shell ended"),
    ("```text file=a.txt\nyes\n```\n```text shown=a.txt\nno\n```\n", "does not contain this"),
    ("```cpp compile\nint x;\n```\n", "unknown word"),
    ("```c compiles\nstatic const sluice_str text = SLUICE_STR(\"a\");\n```\n", None),
    ("```c compiles\nint x = \"a\";\n```\n", "does not compile"),
    ("```cpp\nint x;\n```\n", "no block"),
]


def self_test():
    missed = 0
    for page, word in PAGES:
        with tempfile.TemporaryDirectory() as scratch:
            shell, said = Shell(scratch, dict(os.environ)), None
            try:
                follow(page, shell, API, Path(scratch))
            except Mismatch as mismatch:
                said = str(mismatch)
            shell.end()
        if (word is None) != (said is None) or word is not None and word not in said:
            print(f"self-test: expected {word!r}, found {said!r} for\n{page}")
            missed += 1
    print(f"{missed} of {len(PAGES)} pages gave a wrong result" if missed else f"ok: {len(PAGES)} pages")
    return 1 if missed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--sluice", type=Path, required=True)
    parser.add_argument("--api", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    options = parser.parse_args()
    server = os.environ["SLUICE_TEST_DATABASE_URL"]
    database = f"tutorial_{os.getpid()}"
    shutil.rmtree(options.scratch, ignore_errors=True)
    options.scratch.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    environment["SLUICE_LOG_FORMAT"] = "human"  # the format on a terminal
    environment["PATH"] = f"{options.sluice.parent}:{environment['PATH']}"
    environment["Sluice_DIR"] = str(options.api / "cmake")
    environment["DATABASE_URL"] = re.sub(r"(//[^/]*/)[^?]*", rf"\g<1>{database}", server)
    psql(server, f"CREATE DATABASE {database}")
    shell = Shell(options.scratch, environment)
    try:
        followed = follow(options.page.read_text(encoding="utf-8"), shell, options.api, options.scratch)
    except Mismatch as mismatch:
        print(f"{options.page.name}, {mismatch}")
        return 1
    finally:
        shell.end()
        psql(server, f"DROP DATABASE {database} WITH (FORCE)")
    print(f"ok: {followed} blocks of {options.page.name}")
    return 0


sys.exit(main())
