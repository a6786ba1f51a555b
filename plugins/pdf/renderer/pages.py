#!/usr/bin/python3
"""Renders the Jinja2 files in a folder to text, with a payload's data. Independent of PDF.

    pages.py TEMPLATES

As a program it renders pages for other users, such as the text and HTML of a mail. Each line of standard input is a
request, each line of standard output its reply, both JSON:

    {"template": "welcome", "files": ["template.html", "template.txt"], "data": {...}, "locale": "de", "timeZone": "UTC"}
    {"template.html": "<p>...", "template.txt": "..."}
    {"error": "template-error", "message": "welcome/template.txt:3: ..."}

The reply omits files that the folder does not have. Data is escaped in files whose names end in .html, .xml or .svg.
`locale` and `timeZone` can be absent. `data` is read by values.read().
"""

import decimal
import errno
import functools
import json
import pathlib
import re
import sys
import traceback
import types

import accounts
import formats
import jinja2
import jinja2.filters
import jinja2.sandbox
import operators
import tags
import values
from jinja2 import nodes
from markupsafe import Markup
from values import Failure, Unsuitable, shown

TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

# Replaces a line end of the data in HTML until the page is complete. No text contains this character.
BREAK = "\ufdd0"
# Parts of a page in which <br> is not allowed: comments, these elements, and tags with their attributes.
NO_HTML = re.compile(r"<!--.*?-->|<(title|style|script|textarea|option|svg)\b[^>]*>.*?</\1\s*>|<[^>]*>", re.S | re.I)

# The errors that Python raises for values of the wrong type.
PLAIN_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type)

QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
PATH = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+|\[\d+\])*")

# Filters that expect a list. They get a text as its lines, like a loop.
TAKE_LISTS = "batch groupby join list map random reject rejectattr select selectattr slice unique"


class Absent(jinja2.StrictUndefined):
    """A value that is not in the data. Its error names the place where it was looked for. With `method`, a method of
    a value of the data: a template can call it, but otherwise it counts as absent, because no member has that name."""

    data = None  # the payload's data; each environment has its own class
    method = None

    def __bool__(self):
        """{% if note %} can test an optional value. Printing or comparing an absent one is an error."""
        return False

    @property
    def _undefined_message(self):
        name, holder = self._undefined_name, self._undefined_obj
        if self._undefined_hint:
            return self._undefined_hint
        if holder is jinja2.utils.missing:
            return f"'{name}' is not in the data"
        if isinstance(holder, dict):
            place = next(values.pointers(self.data, lambda value: value is holder), None)
            where = "the object" if place is None else f"payload /data{place}"
            return f"{where} has no member {name!r}; it has {', '.join(map(repr, holder)) or 'none'}"
        return f"{shown(holder)} has no member {name!r}"


class Environment(jinja2.sandbox.SandboxedEnvironment):
    """Templates print values of the data or fail: they never print None, the letters of a text instead of its lines,
    or methods instead of members."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])
    intercepted_unops = frozenset(["+", "-"])
    code_generator_class = tags.CodeGenerator
    lexer = None

    def __init__(self, loader):
        super().__init__(loader=loader, autoescape=is_markup, auto_reload=False)
        self.lexer = tags.Lexer(self)
        self.style = formats.Style()
        self.data = {}
        self.undefined = type("Absent", (Absent,), {"data": self.data})
        self.finalize = finalized
        self.filters.update(formats.FILTERS)
        self.filters.update({name: on_lists(self.filters[name]) for name in TAKE_LISTS.split()})
        self.filters.update(elements=elements, printed=printed, string=lambda value: printed(value))
        self.filters.update(lines=lines, party=party, sort=sort, min=least, max=most, sum=sum_of)
        self.filters["round"] = formats.rounded
        self.filters["float"] = values.number
        self.filters["compared"] = operators.compared
        self.filters = {name: explained(name, each) for name, each in self.filters.items()}
        self.tests.update(operators.tests())
        self.tests = {name: explained(f"is {name}", each) for name, each in self.tests.items()}
        self.policies["json.dumps_kwargs"] = {"sort_keys": True, "default": float}
        self.globals["accounts"] = accounts.accounts
        self.globals["fail"] = fail

    def use(self, data, style):
        """Sets data and style for the next pages."""
        self.data = self.undefined.data = data
        self.style = style
        tag = str(style.locale).replace("_", "-")
        self.globals["style"] = {"language": style.locale.language, "tag": tag}

    # A loop over a text loops over its lines, values joined with ~ are printed like all others, and texts that are
    # numbers are compared as numbers.
    def _parse(self, source, name, filename):
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = filtered("elements", loop.iter)
        for chain in tree.find_all(nodes.Concat):
            chain.nodes = [filtered("printed", part) for part in chain.nodes]
        for comparison in tree.find_all(nodes.Compare):
            compare_here(comparison)
        tree.set_environment(self)
        return tree

    def getattr(self, obj, attribute):
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return self.member(super().getattr(obj, attribute), obj, attribute)

    def getitem(self, obj, argument):
        if isinstance(obj, dict) and argument in obj:
            return obj[argument]
        return self.member(super().getitem(obj, argument), obj, argument)

    def member(self, value, obj, name):
        is_data = isinstance(obj, (dict, list, tuple, str, int, float, decimal.Decimal))
        if not is_data or isinstance(value, jinja2.Undefined) or not callable(value):
            return value
        absent = self.undefined(obj=obj, name=name)
        absent.method = value
        return absent

    def call(self, context, obj, /, *args, **kwargs):
        if isinstance(obj, Absent) and obj.method is not None:
            obj = obj.method
        try:
            return super().call(context, obj, *args, **kwargs)
        except PLAIN_ERRORS as error:
            # An error in a macro already has its own tag.
            if isinstance(error, (Unsuitable, jinja2.TemplateError)) or not isinstance(obj, FUNCTIONS):
                raise
            method_of = [obj.__self__] if hasattr(obj, "__self__") else []
            words = f"{obj.__name__}(): {operators.reason(error)}"
            raise Unsuitable(words, *method_of, *args, *kwargs.values()) from error

    def call_binop(self, context, operator, left, right):
        return operators.calculated(self.binop_table[operator], operator, left, right)

    def call_unop(self, context, operator, arg):
        return operators.signed(self.unop_table[operator], operator, arg)


def is_markup(name):
    return name is None or name.endswith((".html", ".xml", ".svg"))


def filtered(name, node, *arguments):
    return nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)


def compare_here(comparison):
    """Makes operators.compared() compare both sides."""
    sides = []
    for operand in comparison.ops:
        sides += [nodes.Const(operand.op, lineno=comparison.lineno), operand.expr]
    comparison.expr = filtered("compared", comparison.expr, *sides)
    comparison.ops = []


def explained(name, plain):
    """The filter or test with errors that name its arguments."""

    @functools.wraps(plain)
    def wrapped(*arguments, **named):
        try:
            return plain(*arguments, **named)
        except PLAIN_ERRORS as error:
            if isinstance(error, (Unsuitable, jinja2.TemplateError)):
                raise
            given = arguments[1 if getattr(plain, "jinja_pass_arg", None) else 0 :]
            words = f"{shown(given[0])} | {name}: {operators.reason(error)}"
            raise Unsuitable(words, *given, *named.values()) from error

    return wrapped


@jinja2.pass_environment
def sort(environment, value, reverse=False, case_sensitive=False, attribute=None):
    rank = operators.PlainRank if case_sensitive else operators.Rank
    key = jinja2.filters.make_multi_attrgetter(environment, attribute, postprocess=rank)
    return sorted(elements(value), key=key, reverse=reverse)


@jinja2.pass_environment
def least(environment, value, case_sensitive=False, attribute=None):
    found = sort(environment, value, False, case_sensitive, attribute)
    return found[0] if found else environment.undefined("an empty list has no min")


@jinja2.pass_environment
def most(environment, value, case_sensitive=False, attribute=None):
    found = sort(environment, value, True, case_sensitive, attribute)
    return found[0] if found else environment.undefined("an empty list has no max")


@jinja2.pass_environment
def sum_of(environment, value, attribute=None, start=0):
    """Exact, for numbers and texts that are numbers."""
    get = jinja2.filters.make_attrgetter(environment, attribute) if attribute is not None else (lambda item: item)
    total = values.number(start)
    for item in elements(value):
        total += values.number(get(item))
    return total


def lines(value):
    """The lines of a text, or of a list of lines without its nulls."""
    if isinstance(value, dict):
        raise Unsuitable(f"{shown(value)} is an object; give a text, or a list of lines", value)
    if isinstance(value, list):
        for line in value:
            if isinstance(line, (dict, list)):
                raise Unsuitable(f"{shown(line)} is not a line of text", line)
        return [line for line in value if line is not None]
    return elements(value)


def party(value):
    """The seller or customer as an object with `name` and so on, from an object or a name; empty if absent."""
    if isinstance(value, jinja2.Undefined):
        return {}
    if isinstance(value, list):
        raise Unsuitable(f"{shown(value)} is a list; give a name, or an object with name, address and so on", value)
    return value if isinstance(value, dict) else {"name": value}


def elements(value):
    """The elements for a loop: the lines of a text, or the value itself."""
    if value is None or isinstance(value, (int, float, decimal.Decimal)):
        raise Unsuitable(f"{shown(value)} is not a list to loop over", value)
    return value.splitlines() if isinstance(value, str) else value


def on_lists(plain):
    def wrapped(*arguments, **named):
        at = 1 if takes_first else 0
        arguments = list(arguments)
        arguments[at] = elements(arguments[at])
        if plain.__name__ in ("do_join", "sync_do_join"):
            arguments[at] = [printed(value) for value in arguments[at] if value is not None]
        return plain(*arguments, **named)

    takes_first = getattr(plain, "jinja_pass_arg", None)
    if takes_first:
        wrapped.jinja_pass_arg = takes_first
    return wrapped


def fail(message, *about):
    """Called by a template to end the document with an error. `about` are the values of the data that it is about."""
    raise Unsuitable(message, *about)


@jinja2.pass_eval_context
def finalized(eval_context, value):
    text = printed(value)
    if not eval_context.autoescape or not isinstance(text, str) or isinstance(text, Markup):
        return text
    return text.replace("\n", BREAK)


def printed(value):
    """`value` as it is printed. Raises Unsuitable if it is not a text, number, boolean, or list of those."""
    if isinstance(value, (jinja2.Undefined, Markup)):
        return value
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(values.Number(repr(value)))
    if isinstance(value, (list, tuple)) or hasattr(value, "__next__"):
        return "\n".join(str(printed(element)) for element in value)
    if isinstance(value, dict):
        raise Unsuitable(f"{shown(value)} is an object, not a text to print; name one of its members", value)
    if callable(value) and not hasattr(value, "__html__"):
        raise Unsuitable("a function is not a text to print; call it with ()", value)
    return str(value)


def with_breaks(html):
    """The page with the data's line ends as <br>, or as line ends where <br> is not allowed."""
    if BREAK not in html:
        return html
    pieces, end = [], 0
    for match in NO_HTML.finditer(html):
        pieces += [html[end : match.start()].replace(BREAK, "<br>"), match.group().replace(BREAK, "\n")]
        end = match.end()
    return "".join(pieces) + html[end:].replace(BREAK, "<br>")


class Folder(jinja2.BaseLoader):
    """A template's folder. No files outside of it are read."""

    def __init__(self, path):
        self.path = path

    def state(self):
        """A value that changes if any file in the folder changes."""
        stats = ((path, path.lstat()) for path in self.path.rglob("*"))
        return {path: (stat.st_mtime_ns, stat.st_size, stat.st_ino) for path, stat in stats}

    def file(self, name):
        """The path of the file `name`, with links and .. resolved; None if it is missing or outside of the folder."""
        try:
            real = (self.path / name).resolve()
            return real if real.is_relative_to(self.path) and real.is_file() else None
        except (RuntimeError, ValueError):  # a cycle of links, a NUL character
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


class Pages:
    """The pages of one template's folder, with the files as they were when this was created."""

    def __init__(self, path):
        self.folder = Folder(path)
        self.state = self.folder.state()
        self.environment = Environment(self.folder)

    def is_current(self):
        return self.state == self.folder.state()

    def render(self, name, data, style):
        """Renders the file `name`. Raises Failure."""
        self.environment.use(data, style)
        try:
            page = self.environment.get_template(name).render({**data, "data": data})
        except Failure:
            raise
        except Exception as error:  # a template can raise any error: a division by zero, a wrong type
            if isinstance(error, (MemoryError, OSError)) and not isinstance(error, jinja2.TemplateError):
                raise
            place, tag = self.place_of(error)
            raise Failure("template-error", f"{place}: {words_of(error, data, tag)}") from error
        return with_breaks(page) if name.endswith(".html") else page.replace(BREAK, "\n")

    def place_of(self, error):
        """The place of an error in a template, 'proposal/template.html:12, {{ price | money }}', and its tag."""
        frames = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__)]
        if isinstance(error, jinja2.TemplateSyntaxError):
            frames.append((error.filename or "", error.lineno))
        for filename, number in reversed(frames):
            tag = self.environment.lexer.tag(filename, number)
            if tag is not None:
                file = pathlib.Path(filename).relative_to(self.folder.path.parent)
                shortened = tag.text if len(tag.text) <= 160 else tag.text[:157] + "..."
                return f"{file}:{tag.line}{shortened and ', ' + shortened}", tag.text
        return self.folder.path.name, ""


def words_of(error, data, tag):
    """The error's message, and the members of the payload that it is about."""
    if isinstance(error, jinja2.TemplateError) or isinstance(error, Unsuitable) and not error.values:
        return str(error)
    words = str(error) if isinstance(error, Unsuitable) else operators.reason(error)
    places = places_of(getattr(error, "values", ()), data, tag) or read_by(tag, data)
    return f"{words} ({', '.join(f'payload /data{place}' for place in places[:3])})" if places else words


def places_of(wanted, data, tag):
    """The JSON pointers of those values in the payload. Python shares some values, such as true, between all places.
    For these, the tag must contain the member's name."""
    places = []
    for value in wanted:
        is_shared = value is None or isinstance(value, bool) or isinstance(value, str) and len(value) < 2
        found = values.pointers(data, lambda each, value=value: each is value)
        places += [place for place in found if place not in places and not (is_shared and not is_named(place, tag))]
    return places


def is_named(place, tag):
    return re.search(rf"\b{re.escape(name_in(place))}\b", tag) is not None


def name_in(place):
    """The name of the member: price of /items/3/price, prices of /prices/3."""
    return next((step for step in reversed(place.split("/")) if not step.isdigit()), "")


def read_by(tag, data):
    """The pointers of the members that a tag names, for an error about a calculated value."""
    places = []
    for path in PATH.findall(QUOTED.sub("", tag)):
        place, value = "", data
        for step in re.findall(r"\w+", path):
            step = int(step) if step.isdigit() and isinstance(value, list) else step
            if not (isinstance(value, dict) and step in value or isinstance(step, int) and step < len(value)):
                break
            place, value = f"{place}/{step}", value[step]
        if place and place not in places:
            places.append(place)
    return places


class Shelf:
    """The templates of a directory. Each is read again if one of its files has changed."""

    def __init__(self, root, make=Pages):
        self.root = root
        self.make = make
        self.kept = {}

    def template(self, name):
        folder = self.root / str(name)
        if not TEMPLATE_NAME.fullmatch(str(name)) or not folder.is_dir():
            names = sorted(path.parent.name for path in self.root.glob("*/template.*"))
            raise Failure(
                "unknown-template",
                f"there is no template {name!r}: looked for {folder}; the templates are"
                f" {', '.join(dict.fromkeys(names)) or 'none'}",
            )
        kept = self.kept.get(name)
        if kept is None or not kept.is_current():
            kept = self.kept[name] = self.make(folder.resolve())
        return kept


def data_of(payload):
    data = payload.get("data", {})
    if not isinstance(data, dict):
        raise Failure("bad-payload", f"payload /data: expected an object, found {shown(data)}")
    return data


def style_of(payload, language="en", zone="UTC"):
    """From the payload's `locale` and `timeZone`, or the data's `language`, or the defaults."""
    tag = payload.get("locale", payload.get("data", {}).get("language", language))
    return formats.Style(tag, payload.get("timeZone", zone))


def answer(shelf, line):
    try:
        request = values.read(line)
        pages, data, style = shelf.template(request.get("template", "")), data_of(request), style_of(request)
        names = request.get("files", ["template.html", "template.txt"])
        return {name: pages.render(name, data, style) for name in names if pages.folder.file(name)}
    except Failure as failure:
        return {"error": failure.code, "message": str(failure)}
    except Exception as failure:
        return {"error": "render-failed", "message": f"{type(failure).__name__}: {failure}"}


def main():
    shelf = Shelf(pathlib.Path(sys.argv[1]).resolve())
    for line in sys.stdin.buffer:
        print(json.dumps(answer(shelf, line)), flush=True)


if __name__ == "__main__":
    main()
