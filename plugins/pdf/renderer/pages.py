#!/usr/bin/python3
"""Templates to text: a folder's Jinja2 files rendered with a payload's data. Nothing here knows of PDF.

    pages.py TEMPLATES

As a program it serves whoever needs a page rather than a document, such as the text and HTML of a mail. Each line
of standard input is a request, each line of standard output its reply, both JSON:

    {"template": "welcome", "files": ["template.html", "template.txt"], "data": {...}, "locale": "de", "timeZone": "UTC"}
    {"template.html": "<p>...", "template.txt": "..."}
    {"error": "template-error", "message": "welcome/template.txt:3: ..."}

Files that the folder does not have are left out of the reply. In names that end in .html, .xml or .svg data is
escaped. `locale` and `timeZone` may be absent, and `data` is read as values.read() does.
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

# Stands for a line end of the data in HTML until the page is whole, and is a character that no text has.
BREAK = "\ufdd0"
# What holds text that is no HTML: comments, these elements, and tags with their attributes.
NO_HTML = re.compile(r"<!--.*?-->|<(title|style|script|textarea|option|svg)\b[^>]*>.*?</\1\s*>|<[^>]*>", re.S | re.I)

# What Python raises of values that are not what they are taken for.
PLAIN_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type)

QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
PATH = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+|\[\d+\])*")

# Filters that take their value apart: a text is its lines to them, as it is to a loop.
TAKE_LISTS = "batch groupby join list map random reject rejectattr select selectattr slice unique"


class Absent(jinja2.StrictUndefined):
    """What is not in the data. It names the place where it was looked for. With `method`, a method of a value of
    the data, which a template may call; where it does not, it is as if absent, since no member has that name."""

    data = None  # the payload's data; each environment has a class of its own
    method = None

    def __bool__(self):
        """{% if note %} may ask for what is optional; to print or compare what is absent is an error."""
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
    """Templates print what the data holds, or fail: no None, no letters of a text in the place of its lines, no
    methods in the place of members."""

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
        """For the pages that come next."""
        self.data = self.undefined.data = data
        self.style = style
        tag = str(style.locale).replace("_", "-")
        self.globals["style"] = {"language": style.locale.language, "tag": tag}

    # A loop goes over the lines of a text, what is joined with ~ is printed like all else, and texts that are numbers
    # are compared as numbers.
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
            # What a macro raises comes from a tag of its own.
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
    """Has both sides compared by operators.compared()."""
    sides = []
    for operand in comparison.ops:
        sides += [nodes.Const(operand.op, lineno=comparison.lineno), operand.expr]
    comparison.expr = filtered("compared", comparison.expr, *sides)
    comparison.ops = []


def explained(name, plain):
    """A filter or test whose error names what it was given."""

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
    return found[0] if found else environment.undefined("no least of an empty list")


@jinja2.pass_environment
def most(environment, value, case_sensitive=False, attribute=None):
    found = sort(environment, value, True, case_sensitive, attribute)
    return found[0] if found else environment.undefined("no greatest of an empty list")


@jinja2.pass_environment
def sum_of(environment, value, attribute=None, start=0):
    """Exact, of numbers and of texts that are numbers."""
    get = jinja2.filters.make_attrgetter(environment, attribute) if attribute is not None else (lambda item: item)
    total = values.number(start)
    for item in elements(value):
        total += values.number(get(item))
    return total


def lines(value):
    """What is printed line by line: the lines of a text, or a list of them without its nulls."""
    if isinstance(value, dict):
        raise Unsuitable(f"{shown(value)} is an object; give a text, or a list of lines", value)
    if isinstance(value, list):
        for line in value:
            if isinstance(line, (dict, list)):
                raise Unsuitable(f"{shown(line)} is no line of text", line)
        return [line for line in value if line is not None]
    return elements(value)


def party(value):
    """Who sells or buys: an object with `name` and so on, or a name alone. Without one, an empty object."""
    if isinstance(value, jinja2.Undefined):
        return {}
    if isinstance(value, list):
        raise Unsuitable(f"{shown(value)} is a list; give a name, or an object with name, address and so on", value)
    return value if isinstance(value, dict) else {"name": value}


def elements(value):
    """What a loop goes over: of a text its lines."""
    if value is None or isinstance(value, (int, float, decimal.Decimal)):
        raise Unsuitable(f"{shown(value)} is no list to go over", value)
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
    """Ends the document with a sentence of the template's; what it is about are values of the data."""
    raise Unsuitable(message, *about)


@jinja2.pass_eval_context
def finalized(eval_context, value):
    text = printed(value)
    if not eval_context.autoescape or not isinstance(text, str) or isinstance(text, Markup):
        return text
    return text.replace("\n", BREAK)


def printed(value):
    """`value` as it is printed. Raises Unsuitable of what is no text, number, truth, or list of those."""
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
        raise Unsuitable(f"{shown(value)} is an object, and not a text to print; name a member of it", value)
    if callable(value) and not hasattr(value, "__html__"):
        raise Unsuitable("a function is not a text to print; call it, with ()", value)
    return str(value)


def with_breaks(html):
    """The page with the data's line ends as HTML has them."""
    if BREAK not in html:
        return html
    pieces, end = [], 0
    for match in NO_HTML.finditer(html):
        pieces += [html[end : match.start()].replace(BREAK, "<br>"), match.group().replace(BREAK, "\n")]
        end = match.end()
    return "".join(pieces) + html[end:].replace(BREAK, "<br>")


class Folder(jinja2.BaseLoader):
    """A template's folder, the one place that its files are read from."""

    def __init__(self, path):
        self.path = path

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


class Pages:
    """The pages of one template's folder, as its files are when it is made."""

    def __init__(self, path):
        self.folder = Folder(path)
        self.state = self.folder.state()
        self.environment = Environment(self.folder)

    def is_current(self):
        return self.state == self.folder.state()

    def render(self, name, data, style):
        """The file `name` rendered. Raises Failure."""
        self.environment.use(data, style)
        try:
            page = self.environment.get_template(name).render({**data, "data": data})
        except Failure:
            raise
        except Exception as error:  # a template can raise anything: a division by zero, a wrong type
            if isinstance(error, (MemoryError, OSError)) and not isinstance(error, jinja2.TemplateError):
                raise
            place, tag = self.place_of(error)
            raise Failure("template-error", f"{place}: {words_of(error, data, tag)}") from error
        return with_breaks(page) if name.endswith(".html") else page.replace(BREAK, "\n")

    def place_of(self, error):
        """'proposal/template.html:12, {{ price | money }}', and the tag, for an error out of a template."""
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
    """What is wrong, and which members of the payload it is about."""
    if isinstance(error, jinja2.TemplateError) or isinstance(error, Unsuitable) and not error.values:
        return str(error)
    words = str(error) if isinstance(error, Unsuitable) else operators.reason(error)
    places = places_of(getattr(error, "values", ()), data, tag) or read_by(tag, data)
    return f"{words} ({', '.join(f'payload /data{place}' for place in places[:3])})" if places else words


def places_of(wanted, data, tag):
    """Where the payload has those values. What Python has only once, such as true, may be in other places too: then
    its name has to be in the tag."""
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
    """The members that a tag names: what it calculates with them is nowhere in the payload."""
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
    """The templates of a directory; each is read again when a file of it has changed."""

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
                f"there is no template {name!r}: looked for the folder {folder}; there are"
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
    """From the payload's `locale` and `timeZone`, or the data's `language`, or what is configured."""
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
