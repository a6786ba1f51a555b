#!/usr/bin/python3
"""Renders the pdf plugin's documents: a Jinja2 template to HTML, and WeasyPrint from that to PDF.

    renderer.py TEMPLATES MEMORY_MB LANGUAGE TIME_ZONE

Standard input is a socket to the plugin. Both sides send frames: a length of four bytes, big-endian, then
that many bytes. A request is two frames: JSON with the mark that the document carries, a limit of CPU seconds and
what to do about characters that no font has, and the job's payload. So is a reply: JSON with the pages and so on,
or with an "error" and a "message", and the PDF, empty after an error. The first reply comes without a request,
when all is loaded.

It trusts its caller and nobody else: templates and data reach no network, and no file outside of the
template's own folder. It writes below TMPDIR alone, which its caller removes.
"""

import gc
import hashlib
import json
import logging
import os
import pathlib
import resource
import socket
import struct
import sys
import tempfile
import xml.sax.saxutils

import font_cut
import formats
import glyphs
import pages
import template
import values
import weasyprint
from values import Failure

LARGEST_FILE = 64 << 20  # for what is written: fonts that a template brings along


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
    def __init__(self, root, language, zone):
        self.shelf = pages.Shelf(root, template.Template)
        self.defaults = language, zone
        self.warnings = Warnings()
        logging.getLogger("weasyprint").handlers = [self.warnings]

    def render(self, payload, header):
        """The reply, and the PDF."""
        data, style = pages.data_of(payload), pages.style_of(payload, *self.defaults)
        count, pdf, lacking = self.shelf.template(payload["template"]).document(payload, data, style)
        warnings = self.warnings.taken()
        if lacking:
            words = glyphs.sentence(lacking, template.places_of(data, lacking))
            if header["missing"] == "fail":
                raise Failure("missing-glyphs", words)
            warnings.append(words)
        pdf = marked(pdf, header["mark"].encode())
        digest = hashlib.sha256(pdf).hexdigest()
        return {"pages": count, "sha256": digest, "warnings": warnings, "missing": "".join(lacking)}, pdf

    def answer(self, header, payload):
        self.warnings.taken()
        limit_cpu(header["seconds"])
        try:
            return self.render(with_passwords(payload, values.read(payload)), header)
        except Failure as failure:
            return error(failure.code, str(failure))
        except MemoryError:
            return error("over-memory", "the document needs more memory")
        except OSError as failure:
            return error("renderer-io", str(failure))
        except Exception as failure:  # trouble with this document, the same each time
            return error("render-failed", f"rendering raised {type(failure).__name__}: {failure}")


def with_passwords(text, payload):
    """The payload, whose passwords are text: 0.10 is one too, and no other than that."""
    for name in ("password", "ownerPassword"):
        if isinstance(payload.get(name), (values.Whole, values.Number)):
            payload[name] = values.written(text, name)
    return payload


def marked(pdf, mark):
    """The PDF with a comment before its last lines: PDF/A allows nothing behind them."""
    at = pdf.rindex(b"startxref")
    return pdf[:at] + mark + pdf[at:]


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


def keep_font_caches_apart():
    """Fontconfig writes what it finds in a font directory into a cache, for all programs, and under a limit of
    memory it may find no fonts in one. So what is written from here goes to TMPDIR; the system's caches are read."""
    folder = pathlib.Path(tempfile.gettempdir())
    configuration = folder / "fonts.conf"
    configuration.write_text(
        f'<fontconfig><cachedir>{xml.sax.saxutils.escape(str(folder))}/fontconfig</cachedir>'
        '<include ignore_missing="yes">/etc/fonts/fonts.conf</include></fontconfig>'
    )
    os.environ["FONTCONFIG_FILE"] = str(configuration)


def main():
    templates, memory_mb, language, zone = sys.argv[1:]
    formats.Style(language, zone)  # a configuration that is wrong says so here
    memory = int(memory_mb) << 20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    keep_font_caches_apart()
    font_cut.install()
    weasyprint.HTML(string="<p>What the first document loads.").write_pdf()
    gc.freeze()
    gc.set_threshold(100_000)
    channel = socket.socket(fileno=sys.stdin.fileno())
    send(channel, json.dumps({"ready": weasyprint.__version__}).encode(), b"")
    serve(channel, Renderer(pathlib.Path(templates).resolve(), language, zone))


if __name__ == "__main__":
    main()
