#!/usr/bin/env python3
"""dkim_check.py MAIL RECORD: prints the DNS name that the mail's DKIM signature refers to, and whether the signature is
valid with RECORD as the DNS server's answer."""
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
