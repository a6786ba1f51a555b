#!/usr/bin/python3
"""Renders the pdf plugin's documents: Jinja2 renders a template to HTML, and WeasyPrint renders the HTML to PDF.

    renderer.py TEMPLATES MEMORY_MB LANGUAGE TIME_ZONE

Standard input is a socket to the plugin. Both sides send frames: a length of four bytes, big-endian, then that many
bytes. A request is two frames. The first is JSON with the document's mark, a limit of CPU seconds, and what to do about
characters that no font has. The second is the job's payload. A reply is two frames too: JSON with the pages and so on,
or with an "error" and a "message"; and the PDF, empty after an error. The first reply is sent without a request, as
soon as everything is loaded.

It trusts only its caller: templates and data can't access the network, or files outside of the template's folder. It
writes only below TMPDIR, which its caller removes.
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

LARGEST_FILE = 64 << 20  # bytes of a file that is written, such as a font of a template


class Warnings(logging.Handler):
    """Collects WeasyPrint's warnings about one document, for example about unknown properties."""

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
        """Returns the reply and the PDF."""
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
        except Exception as failure:  # a problem of this document, the same in each attempt
            return error("render-failed", f"rendering raised {type(failure).__name__}: {failure}")


def with_passwords(text, payload):
    """The payload with its passwords as text: the number 0.10 is the password "0.10"."""
    for name in ("password", "ownerPassword"):
        if isinstance(payload.get(name), (values.Whole, values.Number)):
            payload[name] = values.written(text, name)
    return payload


def marked(pdf, mark):
    """The PDF with a comment before its last lines, because PDF/A allows nothing after them."""
    at = pdf.rindex(b"startxref")
    return pdf[:at] + mark + pdf[at:]


def error(code, message):
    return {"error": code, "message": message}, b""


def limit_cpu(seconds):
    """The plugin limits wall time. This limit also works if the plugin itself has died."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds + 1, resource.RLIM_INFINITY))


def send(channel, *frames):
    channel.sendall(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))


def receive(stream):
    """The next frame; None if the plugin has closed its end."""
    header = stream.read(4)
    return stream.read(*struct.unpack(">I", header)) if len(header) == 4 else None


def serve(channel, renderer):
    stream = channel.makefile("rb")
    while header := receive(stream):
        reply, pdf = renderer.answer(json.loads(header), receive(stream))
        send(channel, json.dumps(reply).encode(), pdf)
        gc.collect()  # here, because nobody waits for it


def keep_font_caches_apart():
    """Makes fontconfig write its caches to TMPDIR; it still reads the system's caches. Under a memory limit it can find
    no fonts in a directory, and would write that into a cache that all programs use."""
    folder = pathlib.Path(tempfile.gettempdir())
    configuration = folder / "fonts.conf"
    configuration.write_text(
        f'<fontconfig><cachedir>{xml.sax.saxutils.escape(str(folder))}/fontconfig</cachedir>'
        '<include ignore_missing="yes">/etc/fonts/fonts.conf</include></fontconfig>'
    )
    os.environ["FONTCONFIG_FILE"] = str(configuration)


def main():
    templates, memory_mb, language, zone = sys.argv[1:]
    formats.Style(language, zone)  # raises Failure if they are unknown
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
