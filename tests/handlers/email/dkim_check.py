#!/usr/bin/env python3
"""dkim_check.py MAIL RECORD: prints the name that the mail's DKIM signature has looked up, and whether it is right
with RECORD, the text that the name server would answer."""
import pathlib
import sys

import dkim

names = []


def record(name, timeout=5):
    names.append(name.decode())
    return sys.argv[2].encode()


mail = pathlib.Path(sys.argv[1]).read_bytes()
right = dkim.verify(mail, dnsfunc=record)
print(names[0] if names else "-", right)
