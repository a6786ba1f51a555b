#!/usr/bin/env python3
"""Checks help, completions and manual pages against the program's own --help, in real shells.

    tests/manual/shells.py SLUICE

If zsh, fish or mandoc is not installed, its checks are skipped with a message. bash is required.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SLUICE = sys.argv[1]
failures = []


def check(good, what):
    if not good:
        failures.append(what)


def sluice(*words):
    return subprocess.run([SLUICE, *words], capture_output=True, text=True, check=True).stdout


def walk(path, text):
    """Path → (subcommands, options) of a command and its subcommands, read from --help."""
    part = text.split("Subcommands:\n")
    commands = re.findall(r"^  ([a-z]\S*) ", part[1].split("\n\n")[0], re.M) if len(part) > 1 else []
    options = re.findall(r"^  (?:-\w,)?(--[a-z-]+)", part[0], re.M)
    tree = {path: (commands, options)}
    for command in commands:
        tree |= walk((*path, command), sluice(*path, command, "--help"))
    return tree


def read_tree():
    """The same for the program. Its help is one page with all commands."""
    page = sluice("--help")
    lines = page.rstrip("\n").split("\n")
    check(len(lines) <= 50, f"--help has {len(lines)} lines")
    check(max(map(len, lines)) <= 80, f"--help has a line of {max(map(len, lines))} characters")
    for group in ("To run it:", "To write handlers:"):
        check(group in lines, f"--help has no group '{group}'")
    paths = [tuple(found.split(" ")) for found in re.findall(r"^  ([a-z]+(?: [a-z]+)*)  ", page, re.M)]
    first = list(dict.fromkeys(path[0] for path in paths))
    tree = {(): (first, ["--help"])}
    for command in first:
        tree |= walk((command,), sluice(command, "--help"))
    ends = {path for path, (commands, _) in tree.items() if not commands}
    check(set(paths) == ends, f"--help and the commands differ in {sorted(set(paths) ^ ends)}")
    check(len(ends) > 10, f"--help could not be parsed: found {len(ends)} commands")
    return tree


def questions(tree):
    """The typed words and the completions that must be offered."""
    asked = []
    for path, (commands, options) in tree.items():
        for word in commands:
            asked.append(((*path, word[:2]), word))
        for word in options:
            asked.append(((*path, word[:3]), word))
    asked.append((("run", "--log-level", "tr"), "trace"))
    asked.append((("run", "--config", "/etc/host"), "/etc/hosts"))
    asked.append((("run", "--plugins", "/us"), "/usr"))
    asked.append((("completion", "zs"), "zsh"))
    return asked


def compare(shell, asked, answers):
    check(len(answers) == len(asked), f"{shell}: {len(answers)} answers, expected {len(asked)}")
    for (words, wanted), answer in zip(asked, answers):
        offered = [line.split("\t")[0].rstrip("/") for line in answer.split("\n")]
        check(wanted in offered, f"{shell}: 'sluice {' '.join(words)}' offers {offered}, not {wanted}")


def ask(command, script):
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    check(done.returncode == 0 and not done.stderr, f"{command[0]}: {done.stderr}")
    return done.stdout.split("=\n")[1:]


def quoted(words):
    return " ".join(f"'{word}'" for word in words)


def bash(asked):
    script = sluice("completion", "bash") + """
t() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=(); _sluice; echo =; printf '%s\\n' "${COMPREPLY[@]}"; }
"""
    script += "".join(f"t sluice {quoted(words)}\n" for words, _ in asked)
    compare("bash", asked, ask(["bash", "--norc"], script))


def fish(asked):
    script = sluice("completion", "fish")
    script += "".join(f"echo =\ncomplete -C 'sluice {' '.join(words)}'\n" for words, _ in asked)
    compare("fish", asked, ask(["fish", "--no-config"], script))


def zsh(asked):
    """Sets words and cursor as zsh's completion system does. The functions of that system, which would select by the
    beginning of the word, are replaced by functions that print all of their arguments."""
    script = """
compdef() { :; }
compadd() { shift; print -l -- "$@"; }
_files() { if [[ $1 == -/ ]]; then print -l -- ${words[CURRENT]}*(N/); else print -l -- ${words[CURRENT]}*(N); fi; }
_describe() { local -a list; [[ $1 == -o ]] && shift; list=("${(@P)2}"); print -l -- "${(@)list%%:*}"; }
t() { words=("$@"); CURRENT=$#; print =; _sluice; }
""" + sluice("completion", "zsh")
    script += "".join(f"t sluice {quoted(words)}\n" for words, _ in asked)
    compare("zsh", asked, ask(["zsh", "-f"], script))


def manual(tree, scratch):
    subprocess.run([SLUICE, "manual", scratch, "--date", "2026-01-31"], check=True)
    pages = {page.name: page.read_text().replace("\\-", "-") for page in scratch.glob("*.[15]")}
    check("sluice.toml.5" in pages, "sluice.toml.5 is missing")
    for path, (commands, options) in tree.items():
        name = "-".join(["sluice", *path[:1]]) + ".1"
        page = pages.get(name, "")
        check(page, f"{name} is missing")
        if commands:
            continue
        check("\\fBsluice " + " ".join(path) + "\\fR" in pages["sluice.1"], f"sluice.1 lacks {path}")
        check("sluice " + " ".join(path) in page, f"{name} lacks {path}")
        for option in options:
            check(f"\\fB{option}\\fR" in page, f"{name} lacks {option}")
    if not shutil.which("mandoc"):
        return print("mandoc is not installed, so the pages' syntax was not checked")
    lint = subprocess.run(["mandoc", "-Tlint", *scratch.glob("*.[15]")], capture_output=True, text=True, check=False)
    check(not lint.stdout, lint.stdout)


tree = read_tree()
asked = questions(tree)
with tempfile.TemporaryDirectory() as directory:
    for shell in (bash, zsh, fish):
        if not shutil.which(shell.__name__):
            print(f"{shell.__name__} is not installed, so its completions were not tested")
            continue
        shell(asked)
    manual(tree, Path(directory) / "pages")
print(f"{len(tree)} commands, {len(asked)} completions; {len(failures)} failures")
for failure in failures[:20]:
    print(failure, file=sys.stderr)
sys.exit(1 if failures else 0)
