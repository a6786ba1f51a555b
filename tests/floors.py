#!/usr/bin/env python3
"""Checks the includes of the floors of docs/architecture.md, that the page's table is the same as the one here, and
that the runtime uses threads, locks, clocks and random numbers only from base/threads.hpp.

    tests/floors.py [TREE]       check the tree (this one by default)
    tests/floors.py --self-test  prove that each kind of violation is found
"""

import re
import sys
import tempfile
from pathlib import Path

# A folder of runtime/ and the folders that it may include, besides itself.
FLOORS = {
    "base": [],
    "job": ["base"],
    "trust": ["base"],
    "config": ["base", "job", "trust"],
    "wire": ["base", "job"],
    "store": ["base", "job"],
    "postgres": ["base", "job", "store"],
    "walls": ["base", "job"],
    "host": ["base", "job", "wire", "walls"],
    "fleet": ["base", "job", "wire", "trust"],
    "symbols": ["base", "job", "walls"],
    "workshop": ["base", "job", "trust", "wire", "host", "fleet"],
    "engine": ["base", "job", "trust", "config", "store", "fleet"],
    "http": ["base", "store", "engine"],
    "dashboard": ["base", "job", "trust", "config", "store", "http"],
    "cli": ["base", "job", "config", "wire", "store", "postgres", "host", "fleet", "workshop", "engine", "http", "dashboard", "trust"],
}

# The beginning of third-party headers: the folders that may include them. The longest beginning applies.
LIBRARIES = {
    "pqxx/": ["postgres"],
    "libpq": ["postgres"],
    "postgresql/": ["postgres"],
    "boost/dll/": ["host"],
    "boost/dll.hpp": ["host"],
    "boost/asio/": ["fleet", "workshop", "http", "cli"],
    "boost/asio.hpp": ["fleet", "workshop", "http", "cli"],
    "boost/system/": ["host", "fleet", "workshop", "http", "cli"],
    "boost/beast/": ["http"],
    "boost/optional/": ["http"],
    "boost/": [],
    "CLI/": ["cli"],
    "toml++/": ["config"],
    "spdlog/": ["base"],
    "systemd/": ["base"],
    "re2/": ["host"],
    "elfutils/": ["symbols"],
    "dwarf.h": ["symbols"],
    "seccomp.h": ["walls"],
    "openssl/": ["trust", "dashboard"],
    "rapidjson/": ["base", "job", "trust", "config", "host", "workshop", "dashboard", "cli", "plugin-api"],
    "kainjow/": ["dashboard"],
    "gmock/": ["plugin-api"],
    "prometheus/": ["http"],
    "sluice/": ["host", "cli", "plugin-api"],
}

# The C header of the plugin ABI must compile with every compiler, so it includes almost nothing.
ABI_HEADER = "plugin-api/include/sluice/plugin.h"
ABI_INCLUDES = ["stddef.h", "stdint.h"]

# Headers with a suffix that are always available: those of C, and those of every C++ compiler.
STANDARD = {
    f"{name}.h"
    for name in "assert ctype errno float inttypes limits locale math setjmp signal stdarg stdbool stddef "
    "stdint stdio stdlib string time wchar cxxabi".split()
}

# Header folders of the C library and the kernel: allowed in the runtime, not in plugin-api.
SYSTEM = ("sys/", "linux/", "netinet/", "arpa/", "bits/")

# The only files of runtime/ that may use the names that THREADS matches.
THREADS_HOME = ("runtime/base/threads.hpp", "runtime/base/threads.cpp")
THREADS = re.compile(
    r"\bstd::(?:\w*mutex|\w+_lock|lock_guard|condition_variable\w*|j?thread|this_thread|stop_\w+|call_once|once_flag"
    r"|async|\w*future|promise|packaged_task|latch|barrier|\w+_semaphore|random_device|s?rand)\b"
    r"|\b\w+_clock\b"
    r"|\b(?:clock_gettime|gettimeofday|u?sleep|nanosleep|clock_nanosleep|getrandom|getentropy)\s*\("
    r"|\btime\((?:nullptr|NULL|0)\)"
    r"|\bpthread_(?!sigmask|kill|self|t\b)\w+"
    r"|<(?:mutex|shared_mutex|condition_variable|thread|stop_token|future|latch|barrier|semaphore)>"
)
# File: the names of THREADS that it may use, and the reason.
THREADS_ALLOWED = {
    # The start time of another process is known only by this clock.
    "runtime/cli/runtime/runtime_process.cpp": ["clock_gettime("],
}

PAGE = "docs/architecture.md"
# A row of the page's table: the folder, its purpose, the folders that it may include.
ROW = re.compile(r"^\| `runtime/(\w+)` \| [^|]* \| ([a-z, ]*)\|")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SUFFIXES = {".h", ".hpp", ".c", ".cpp"}


def standard(header):
    """True for a header of the C++ or C standard library."""
    return "/" not in header and (not header.endswith(".h") or header in STANDARD)


def library_of(header):
    return max((start for start in LIBRARIES if header.startswith(start)), key=len, default=None)


def violation(path, quote, header):
    """Why `path`, relative to the tree, may not include `header`; None if it may."""
    if path == ABI_HEADER:
        if header not in ABI_INCLUDES:
            return f"the ABI header may include only {' and '.join(ABI_INCLUDES)}, not {header}"
        return None
    parts = path.split("/")
    floor = "plugin-api" if parts[0] == "plugin-api" else parts[1]
    library = library_of(header)
    if library:
        allowed = LIBRARIES[library]
        if floor not in allowed:
            return f"{library} is for {', '.join(allowed) or 'nobody'}, not for {floor}"
        return None
    if floor == "plugin-api":
        if not standard(header):
            return f"plugin-api may include only the standard library and RapidJSON, not {header}"
        return None
    if floor not in FLOORS:
        return f"the floor {floor} is not in the table of {Path(__file__).name}"
    if quote == "<":
        if standard(header) or header.endswith(".h") and "/" not in header or header.startswith(SYSTEM):
            return None
        return f"{header} is not in the table of libraries of {Path(__file__).name}"
    target = header.split("/")[0]
    if "/" not in header or target not in FLOORS:
        return f'"{header}" must be relative to runtime/, as in "job/job.hpp"'
    if target != floor and target not in FLOORS[floor]:
        return f"{floor} may include {', '.join(FLOORS[floor]) or 'no other floor'}, not {target}"
    return None


def thread_words(path, line):
    """A reason for each name that `line` of `path` may not use."""
    if not path.startswith("runtime/") or path in THREADS_HOME:
        return []
    code = line.split("//")[0]
    words = dict.fromkeys(match.group().replace(" ", "") for match in THREADS.finditer(code))
    allowed = THREADS_ALLOWED.get(path, [])
    return [f"{word} may be used only in {THREADS_HOME[0]}; use its wrappers" for word in words if word not in allowed]


def documented(page):
    """A line for each difference between the page's table and FLOORS, beginning with the number of the page's line."""
    rows = {}
    for number, line in enumerate(page.splitlines(), 1):
        if match := ROW.match(line):
            rows[match.group(1)] = (number, match.group(2).replace(",", " ").split())
    wrong = [f"{PAGE}:{number}: {floor} may include {', '.join(FLOORS.get(floor, ['nothing: unknown floor']))}"
             for floor, (number, allowed) in rows.items() if FLOORS.get(floor) != allowed]  # fmt: skip
    return wrong + [f"{PAGE}:1: no row for {floor}" for floor in FLOORS if floor not in rows]


def check(tree):
    """The violations as lines, and the numbers of files and includes."""
    violations, files, includes = documented((tree / PAGE).read_text(encoding="utf-8")), 0, 0
    sources = [p for top in ("runtime", "plugin-api") for p in sorted((tree / top).rglob("*"))]
    for source in sources:
        if source.suffix not in SUFFIXES:
            continue
        files += 1
        path = source.relative_to(tree).as_posix()
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            violations += [f"{path}:{number}: {why}" for why in thread_words(path, line)]
            match = INCLUDE.match(line)
            if not match:
                continue
            includes += 1
            why = violation(path, *match.groups())
            if why:
                violations.append(f"{path}:{number}: {why}")
    return violations, files, includes


def rows_of(floors):
    return "".join(f"| `runtime/{floor}` | purpose | {', '.join(allowed)} | |\n" for floor, allowed in floors.items())


GOOD = {
    PAGE: rows_of(FLOORS),
    "runtime/postgres/link/link.cpp": '#include "store/store.hpp"\n#include <pqxx/pqxx>\n#include <chrono>\n',
    "runtime/engine/pump.cpp": '#include "store/store.hpp"\n#include "fleet/fleet.hpp"\n',
    "runtime/host/loader.cpp": "#include <boost/dll/shared_library.hpp>\n#include <sluice/plugin.h>\n",
    "runtime/fleet/spawn.cpp": "#include <sys/socket.h>\n#include <unistd.h>\n#include <boost/asio.hpp>\n",
    "runtime/cli/run.cpp": '#include <CLI/CLI.hpp>\n#include "postgres/postgres_store.hpp"\n',
    "plugin-api/include/sluice/plugin.hpp": "#include <sluice/plugin.h>\n#include <string>\n",
    ABI_HEADER: "#include <stddef.h>\n",
    THREADS_HOME[0]: "#include <mutex>\nusing Clock = std::chrono::steady_clock;\n",
    "runtime/fleet/loop.cpp": "asio::steady_timer timer(context);  // by std::chrono::steady_clock\n",
    "runtime/base/without_signals.hpp": "pthread_sigmask(SIG_SETMASK, &all, &before_);\n",
    "runtime/cli/runtime/runtime_process.cpp": "clock_gettime(CLOCK_BOOTTIME, &now);\n",
}
BAD = {
    PAGE: [*rows_of({"base": ["job"], "attic": []}).splitlines(), rows_of({**FLOORS, "cli": []}).splitlines()[-1]],
    "runtime/job/job.hpp": ['#include "store/store.hpp"', '#include "job.hpp"', "#include <spdlog/spdlog.h>"],
    "runtime/base/log.cpp": ['#include "job/job.hpp"', "#include <pqxx/pqxx>", "#include <libpq-fe.h>"],
    "runtime/engine/pump.hpp": ['#include "postgres/postgres_store.hpp"', "#  include <boost/asio.hpp>"],
    "runtime/store/store.hpp": ["#include <rapidjson/document.h>", "#include <pqxx/pqxx>", '#include "wire/frame.hpp"'],
    "runtime/engine/heart.cpp": [
        "#include <mutex>",
        "std::mutex mutex;",
        "std::condition_variable_any changed;",
        "const std::lock_guard lock(mutex);",
        "std::jthread thread;",
        "void run(const std::stop_token& stop);",
        "const auto now = std::chrono::steady_clock::now();",
        "using std::chrono::system_clock;",
        "std::this_thread::sleep_for(pause);",
        "clock_gettime(CLOCK_MONOTONIC, &now);",
        "const std::time_t now = std::time(nullptr);",
        "std::minstd_rand engine{std::random_device{}()};",
        "if (getrandom(&number, sizeof number, 0) < 0) return;",
        "pthread_mutex_lock(&mutex);",
    ],
    "runtime/fleet/fleet.hpp": ["#include <boost/dll.hpp>", "#include <toml++/toml.h>", '#include "host/x.hpp"'],
    "runtime/host/host.cpp": ["#include <CLI/CLI.hpp>", '#include "fleet/fleet.hpp"'],
    "runtime/cli/run.cpp": ["#include <unknown/library.hpp>", "#include <boost/regex.hpp>"],
    "runtime/attic/old.cpp": ['#include "job/job.hpp"'],
    "plugin-api/include/sluice/plugin.hpp": ["#include <unistd.h>", '#include "job/job.hpp"'],
    ABI_HEADER: ["#include <stdbool.h>"],
}


def self_test():
    def plant(tree, files):
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text, encoding="utf-8")

    with tempfile.TemporaryDirectory() as good, tempfile.TemporaryDirectory() as bad:
        plant(Path(good), GOOD)
        plant(Path(bad), {path: "".join(f"{line}\n" for line in lines) for path, lines in BAD.items()})
        surprises = check(Path(good))[0]
        found = {line.split(": ")[0] for line in check(Path(bad))[0] if ": no row for " not in line}
    expected = {f"{path}:{number}" for path, lines in BAD.items() for number in range(1, len(lines) + 1)}
    for line in surprises:
        print(f"self-test: reported although allowed: {line}")
    for place in sorted(expected - found):
        path, number = place.rsplit(":", 1)
        print(f"self-test: not reported: {place}: {BAD[path][int(number) - 1]}")
    if surprises or expected != found:
        return 1
    print(f"ok: all {len(expected)} planted violations were found")
    return 0


def main(args):
    if args == ["--self-test"]:
        return self_test()
    if len(args) > 1 or args and args[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    tree = Path(args[0]) if args else Path(__file__).resolve().parent.parent
    violations, files, includes = check(tree)
    for line in violations:
        print(line)
    if violations or not files:
        print(f"floors: {len(violations)} violations in {files} files below {tree}")
        return 1
    print(f"ok: {files} files, {includes} includes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
