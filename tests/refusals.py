#!/usr/bin/env python3
"""Checks that docs/plugin-refusals.md has an entry for each sentence with which a plugin can be refused.

    tests/refusals.py [TREE]        check the tree (this one by default)
    tests/refusals.py --self-test   prove that sentences are found in the code

In a sentence, … stands for text that the program fills in: found a descriptor of … bytes, expected ….
"""

import re
import sys
from pathlib import Path

PAGE = "docs/plugin-refusals.md"
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


def pieces(code, separators, end=")]};"):
    """Splits an expression at separators outside of strings and brackets."""
    parts, begin, depth, quoted, at = [], 0, 0, False, 0
    while at < len(code):
        character = code[at]
        if quoted:
            at += character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "([{":
            depth += 1
        elif depth == 0 and character in end:
            break
        elif character in ")]}":
            depth -= 1
        elif depth == 0 and character in separators:
            parts.append(code[begin:at])
            begin = at + 1
        at += 1
    return parts + [code[begin:at]]


def templates(expression):
    """The texts that a C++ expression can give, with … for parts that are not literals."""
    if len(choice := pieces(expression, "?")) == 2:
        return [text for option in pieces(choice[1], ":") for text in templates(option)]
    text = ""
    for part in pieces(expression, "+"):
        part = re.sub(r"^\s*(std::string\()?(.*?)\)?\s*$", r"\2", part, flags=re.S)
        literals = LITERAL.findall(part)
        whole = not LITERAL.sub("", part).strip()
        text += "".join(literals) if literals and whole else "…"
    return [re.sub("…+", "…", text.replace('\\"', '"'))]


def sentences(code, in_fleet):
    found = []
    for match in re.finditer(r"\bRefusal\(", code):
        arguments = pieces(code[match.end() :], ",")
        if len(arguments) == 3 and "const std::string&" not in arguments[0]:
            expected = templates(arguments[1])[0]
            found += [f"found {text}, expected {expected}" for text in templates(arguments[0])]
    if in_fleet:
        for match in re.finditer(r'"[^"\n]*found [^"\n]*"', code):
            sentence = templates(code[match.start() :])[0]
            found.append(sentence[sentence.index("found ") :].split("; ")[0])
    return found


def missing(tree):
    page = re.sub(r"\s+", " ", (tree / PAGE).read_text(encoding="utf-8"))
    seen, lacking = 0, []
    for folder in ("base", "trust", "host", "fleet"):
        for path in sorted((tree / "runtime" / folder).glob("*.cpp")):
            for sentence in sentences(path.read_text(encoding="utf-8"), folder == "fleet"):
                seen += 1
                if sentence not in page:
                    lacking.append(f"{path.relative_to(tree)}: {sentence}")
    return seen, lacking


def self_test():
    code = 'throw Refusal("a file (" + octal(mode, "x") + ") that is\\"" \n "odd", std::string("one"), "look; there");'
    assert sentences(code, False) == ['found a file (…) that is"odd, expected one'], sentences(code, False)
    code = 'throw Refusal(is_directory ? "a directory" : "a pipe", "a file", "look");'
    assert sentences(code, False) == ["found a directory, expected a file", "found a pipe, expected a file"]
    code = 'refuse(plugin, path + ": found that its process " + ending + ", expected it to live; look");'
    assert sentences(code, True) == ["found that its process …, expected it to live"], sentences(code, True)
    print("ok")
    return 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    tree = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    seen, lacking = missing(tree)
    for line in lacking:
        print(line)
    if lacking or seen < 20:
        print(f"refusals: {len(lacking)} of {seen} sentences have no entry in {PAGE}")
        return 1
    print(f"ok: {seen} sentences")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
