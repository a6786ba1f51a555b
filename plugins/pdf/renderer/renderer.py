#!/usr/bin/python3
"""Renders the pdf plugin's documents: a Jinja2 template to HTML, and WeasyPrint from that to PDF.

    renderer.py TEMPLATES MEMORY_MB

Standard input is a socket to the plugin. Both sides send frames: a length of four bytes, big-endian, then
that many bytes. A request is two frames: JSON with the mark that the document ends with and a limit of CPU
seconds, and the job's payload. So is a reply: JSON with the pages and so on, or with an "error" and a
"message", and the PDF, empty after an error. The first reply comes without a request, when all is loaded.

It trusts its caller and nobody else: templates and data reach no network, and no file outside of the
template's own folder. It writes below TMPDIR alone, which its caller removes.
"""

import gc
import hashlib
import json
import logging
import pathlib
import re
import resource
import socket
import struct
import sys

import font_cache
import weasyprint
from template import Failure, Template

LARGEST_FILE = 64 << 20  # for what is written: fonts that a template brings along
TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Warnings(logging.Handler):
    """What WeasyPrint says about one document, such as a property that it does not know."""

    MOST = 10

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        if len(self.lines) < self.MOST:
            self.lines.append(record.getMessage()[:500])

    def taken(self):
        lines, self.lines = self.lines, []
        return lines


class Renderer:
    def __init__(self, root):
        self.root = root
        self.templates = {}
        self.warnings = Warnings()
        logging.getLogger("weasyprint").handlers = [self.warnings]

    def template(self, name):
        folder = self.root / name
        if not TEMPLATE_NAME.fullmatch(name) or not (folder / "template.html").is_file():
            names = sorted(path.parent.name for path in self.root.glob("*/template.html"))
            raise Failure(
                "unknown-template",
                f"there is no template {name!r}: looked for {folder}/template.html; there are"
                f" {', '.join(names) or 'none'}",
            )
        kept = self.templates.get(name)
        if kept is None or not kept.is_current():
            kept = self.templates[name] = Template(folder.resolve())
        return kept

    def render(self, payload, mark):
        """The reply, and the PDF."""
        template = self.template(payload["template"])
        pages, pdf = template.pdf(template.html(payload["data"]))
        pdf += mark.encode()
        return {"pages": pages, "sha256": hashlib.sha256(pdf).hexdigest()}, pdf

    def answer(self, header, payload):
        self.warnings.taken()
        limit_cpu(header["seconds"])
        try:
            reply, pdf = self.render(json.loads(payload), header["mark"])
            return {**reply, "warnings": self.warnings.taken()}, pdf
        except Failure as failure:
            return error(failure.code, str(failure))
        except MemoryError:
            return error("over-memory", "the document needs more memory")
        except OSError as failure:
            return error("renderer-io", str(failure))
        except Exception as failure:  # trouble with this document, the same each time
            return error("render-failed", f"rendering raised {type(failure).__name__}: {failure}")


def error(code, message):
    return {"error": code, "message": message}, b""


def limit_cpu(seconds):
    """The plugin measures time too; this one holds when the plugin itself has gone."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds + 1, resource.RLIM_INFINITY))


def send(channel, *frames):
    channel.sendall(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))


def receive(stream):
    """The next frame; None when the plugin has closed its end."""
    header = stream.read(4)
    return stream.read(*struct.unpack(">I", header)) if len(header) == 4 else None


def serve(channel, renderer):
    stream = channel.makefile("rb")
    while header := receive(stream):
        reply, pdf = renderer.answer(json.loads(header), receive(stream))
        send(channel, json.dumps(reply).encode(), pdf)
        gc.collect()  # here, where nobody waits, rather than amid a document


def main():
    templates, memory_mb = sys.argv[1:]
    memory = int(memory_mb) << 20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    font_cache.install()
    weasyprint.HTML(string="<p>What the first document loads.").write_pdf()
    gc.freeze()
    gc.set_threshold(100_000)
    channel = socket.socket(fileno=sys.stdin.fileno())
    send(channel, json.dumps({"ready": weasyprint.__version__}).encode(), b"")
    serve(channel, Renderer(pathlib.Path(templates).resolve()))


if __name__ == "__main__":
    main()
