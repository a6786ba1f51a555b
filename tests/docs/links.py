#!/usr/bin/env python3
"""Checks the links of all Markdown pages, and of llms.txt, which is one by its content: the file and the heading that a link points to must exist.

    tests/docs/links.py [TREE]       check the tree (this one by default)
    tests/docs/links.py --self-test  prove that broken links are found
"""

import re
import sys
import tempfile
from pathlib import Path

LINK = re.compile(r"\]\(([^)\s]+)\)")
MADE = re.compile(r"^build|(^|/)(node_modules|target)/")  # files made by a build or by npm
HEADING = re.compile(r"^#+ (.*)")


def prose(page):
    """The page's lines outside of code blocks, with their numbers."""
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def anchors(page):
    """The anchors that GitHub makes of headings. A second heading with the same words gets -1 at its end."""
    found, counts = set(), {}
    for _, line in prose(page):
        if match := HEADING.match(line):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match.group(1)).lower()
            anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            count = counts.get(anchor, 0)
            counts[anchor] = count + 1
            found.add(f"{anchor}-{count}" if count else anchor)
    return found


def broken(page):
    """Yields a line for each broken link of the page."""
    for number, line in prose(page):
        for link in LINK.findall(line):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not target.exists():
                yield f"{page}:{number}: {link}: there is no {path}"
            elif anchor and anchor not in anchors(target):
                yield f"{page}:{number}: {link}: {target.name} has no heading #{anchor}"


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        page, other = Path(directory, "page.md"), Path(directory, "other.md")
        other.write_text("# A `b`, c\n\n```\n# not one\n```\n", encoding="utf-8")
        good = "[1](other.md) [2](other.md#a-b-c) [3](#self) [4](https://example.com)\n"
        page.write_text("## Self\n\n" + good, encoding="utf-8")
        surprises = list(broken(page))
        bad = ["[1](nothing.md)", "[2](other.md#not-one)", "[3](#other)"]
        page.write_text("## Self\n" + "\n".join(bad), encoding="utf-8")
        found = list(broken(page))
    if surprises or len(found) != len(bad):
        print(f"self-test: reported the valid links {surprises}, and {found} of {bad}")
        return 1
    print(f"ok: all {len(bad)} planted links were found")
    return 0


def main(args):
    if args == ["--self-test"]:
        return self_test()
    tree = Path(args[0]) if args else Path(__file__).resolve().parent.parent.parent
    files = sorted([*tree.rglob("*.md"), *tree.rglob("llms.txt")])
    pages = [page for page in files if not MADE.search(page.relative_to(tree).as_posix())]
    lines = [line for page in pages for line in broken(page)]
    print("\n".join(lines) if lines else f"ok: {len(pages)} pages")
    return 1 if lines or not pages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
