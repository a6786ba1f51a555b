"""One template: its folder, its sandbox, and what is kept of it between documents."""

import errno
import pathlib
import traceback
import urllib.parse
import urllib.request
from decimal import ROUND_HALF_UP, Decimal

import jinja2
import jinja2.sandbox
import weasyprint
from weasyprint.text.fonts import FontConfiguration


class Failure(Exception):
    """Why there is no PDF: a code of the README's table, and a sentence."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def money(amount):
    """1234.5 as 1,234.50; half a cent goes up, as on paper."""
    exact = Decimal(repr(round(amount, 6)))
    return f"{exact.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


class Folder(jinja2.BaseLoader):
    """The one place that templates read files from, for Jinja2 and for WeasyPrint."""

    def __init__(self, path):
        self.path = path
        self.forget()

    def forget(self):
        """What WeasyPrint asked for and did not get: of that it only warns, and goes on without."""
        self.refused = []
        self.unreadable = None

    def state(self):
        """Changes when any file below does."""
        stats = ((path, path.lstat()) for path in self.path.rglob("*"))
        return {path: (stat.st_mtime_ns, stat.st_size, stat.st_ino) for path, stat in stats}

    def file(self, name):
        """The file that `name` means, once every link and .. is followed; None outside of the folder."""
        try:
            real = (self.path / name).resolve()
            return real if real.is_relative_to(self.path) and real.is_file() else None
        except (RuntimeError, ValueError):  # links in a circle, a NUL character
            return None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise

    def get_source(self, environment, template):
        path = self.file(template)
        if path is None:
            raise jinja2.TemplateNotFound(template, f"no file {template!r} in the template's folder")
        return path.read_text("utf-8"), str(path), None

    def fetch(self, url, *_, **__):
        """WeasyPrint's url_fetcher."""
        if url[:5].lower() == "data:":
            return weasyprint.default_url_fetcher(url)
        try:
            path = self.file(path_in(url))
            if path is None:
                self.refused.append(url)
                raise ValueError("only files of the template's folder and data: URLs are read")
            mime_type = "text/css" if path.suffix == ".css" else None
            return {"file_obj": path.open("rb"), "redirected_url": url, "mime_type": mime_type}
        except OSError as error:
            self.unreadable = error
            raise


def path_in(url):
    """The path of a file: URL of this machine; of all else one that no folder has."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return ".."
    return urllib.request.url2pathname(parts.path) if parts.scheme == "file" and not parts.netloc else ".."


class Template:
    def __init__(self, path):
        self.folder = Folder(path)
        self.state = self.folder.state()
        self.fonts = FontConfiguration()
        environment = jinja2.sandbox.SandboxedEnvironment(
            loader=self.folder, autoescape=True, undefined=jinja2.StrictUndefined, auto_reload=False
        )
        environment.filters["money"] = money
        self.environment = environment

    def is_current(self):
        return self.state == self.folder.state()

    def html(self, data):
        try:
            page = self.environment.get_template("template.html")
            return page.render({**data, "data": data})
        except Exception as error:  # a template can raise anything: a division by zero, a wrong type
            if isinstance(error, (MemoryError, OSError)) and not isinstance(error, jinja2.TemplateError):
                raise
            message = f"{self.place_of(error)}: {type(error).__name__}: {error}"
            raise Failure("template-error", message) from error

    def place_of(self, error):
        """'proposal/template.html:12' for an error out of a template."""
        lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, jinja2.TemplateSyntaxError):
            lines.append((error.filename or "", error.lineno))
        for filename, line in reversed(lines):
            path = pathlib.Path(filename)
            if path.is_relative_to(self.folder.path):
                return f"{path.relative_to(self.folder.path.parent)}:{line}"
        return self.folder.path.name

    def pdf(self, html):
        """The number of pages, and the PDF's bytes."""
        self.folder.forget()
        source = weasyprint.HTML(
            string=html, base_url=f"{self.folder.path.as_uri()}/", url_fetcher=self.folder.fetch
        )
        document = source.render(font_config=self.fonts)
        pdf = document.write_pdf()
        if self.folder.unreadable:
            raise self.folder.unreadable
        if self.folder.refused:
            url = self.folder.refused[0][:200]
            raise Failure(
                "resource-refused",
                f"{self.folder.path.name}: {url} is no file of the template's folder; put it there, or"
                " give it as a data: URL",
            )
        return len(document.pages), pdf
