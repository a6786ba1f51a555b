"""The documents of one template: WeasyPrint renders its pages to PDF, and reads only files of its folder."""

import datetime
import inspect
import pathlib
import secrets
import urllib.parse
import urllib.request

import finish
import glyphs
import pages
import values
import weasyprint
from values import Failure
from weasyprint.text.fonts import FontConfiguration

# The names of WeasyPrint 57's options. Later versions prefix them with pdf_.
OPTIONS = ("variant", "identifier")
IS_NEW = "options" in inspect.signature(weasyprint.Document.write_pdf).parameters

VARIANTS = ("pdf/a-1b", "pdf/a-2b", "pdf/a-3b")


class Resources:
    """WeasyPrint's url_fetcher for one document."""

    def __init__(self, folder):
        self.folder = folder
        # WeasyPrint only warns about a missing resource and continues without it, so they are kept here.
        self.refused = []
        self.unreadable = None

    def fetch(self, url, *_, **__):
        if url[:5].lower() == "data:":
            return weasyprint.default_url_fetcher(url)
        try:
            path = self.folder.file(path_in(url))
            if path is None:
                self.refused.append(url)
                raise ValueError("only files of the template's folder and data: URLs are read")
            mime_type = "text/css" if path.suffix == ".css" else None
            return {"file_obj": path.open("rb"), "redirected_url": url, "mime_type": mime_type}
        except OSError as error:
            self.unreadable = error
            raise

    def check(self):
        if self.unreadable:
            raise self.unreadable
        if self.refused:
            raise Failure(
                "resource-refused",
                f"{self.folder.path.name}: {self.refused[0][:200]} is not a file in the template's folder; put it"
                " there, or use a data: URL",
            )


def path_in(url):
    """The path of a local file: URL. For other URLs "..", which no folder contains."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return ".."
    return urllib.request.url2pathname(parts.path) if parts.scheme == "file" and not parts.netloc else ".."


class Template(pages.Pages):
    system_fonts = glyphs.Fonts()

    def __init__(self, path):
        super().__init__(path)
        self.fonts = FontConfiguration()

    def document(self, payload, data, style):
        """Returns the number of pages, the PDF's bytes, and the characters that no font has."""
        html = self.render("template.html", data, style)
        resources = Resources(self.folder)
        base_url = f"{self.folder.path.as_uri()}/"
        source = weasyprint.HTML(string=html, base_url=base_url, url_fetcher=resources.fetch)
        wish = Wish(source.etree_element, self.folder.path.name)
        invoice = self.render(wish.invoice, data, style) if wish.invoice else None
        laid_out = source.render(font_config=self.fonts)
        pdf = laid_out.write_pdf(**options(wish.variant))
        resources.check()
        if wish.variant:
            pdf = finish.archived(pdf, invoice and finish.Invoice(invoice.strip().encode(), wish.level, now()))
        if "password" in payload or "ownerPassword" in payload:
            pdf = protected(pdf, payload, wish)
        lacking = self.system_fonts.lacking(glyphs.text_of(source.etree_element), self.folder.path)
        return len(laid_out.pages), pdf, lacking


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def options(variant):
    if not variant:
        return {}
    return {(f"pdf_{name}" if IS_NEW else name): value for name, value in zip(OPTIONS, (variant, b"sluice"))}


class Wish:
    """The options in a template's head: <meta name="pdf-variant" content="pdf/a-3b"> and
    <link rel="factur-x" href="factur-x.xml" title="EN 16931">."""

    def __init__(self, html, name):
        self.variant = self.invoice = self.level = None
        for element in html.iter("meta"):
            if element.get("name", "").lower() == "pdf-variant":
                self.variant = element.get("content", "").lower()
        for element in html.iter("link"):
            if element.get("rel", "").lower() == "factur-x":
                self.invoice, self.level = element.get("href", ""), element.get("title", "EN 16931")
        if self.variant and self.variant not in VARIANTS:
            raise Failure("template-error", f"{name}: pdf-variant {self.variant!r} is not one of {', '.join(VARIANTS)}")
        if self.invoice and self.variant != "pdf/a-3b":
            raise Failure("template-error", f"{name}: Factur-X needs a PDF/A-3; set pdf-variant to pdf/a-3b")


def protected(pdf, payload, wish):
    if wish.variant:
        raise Failure("bad-payload", f"payload /password: a {wish.variant} document can't be encrypted")
    if "password" not in payload:
        raise Failure("bad-payload", "payload /ownerPassword: password must be set too; readers ask for it")
    password, owner = payload["password"], payload.get("ownerPassword", secrets.token_urlsafe(24))
    for name, value in (("password", password), ("ownerPassword", owner)):
        if not isinstance(value, str) or not 0 < len(value.encode()) <= 127:
            found = "" if isinstance(value, str) else f", found {values.kind_of(value)}"
            raise Failure("bad-payload", f"payload /{name}: expected a text of 1 to 127 bytes{found}")
    return finish.encrypted(pdf, password, owner)


def places_of(data, lacking):
    """The first three JSON pointers of texts with those characters."""
    wanted = set(lacking)
    found = values.pointers(data, lambda value: isinstance(value, str) and not wanted.isdisjoint(value))
    return [f"payload /data{place}" for place, _ in zip(found, range(3))]
