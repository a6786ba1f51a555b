"""The payload as templates see it: exact numbers, no nulls, and the JSON pointers of values."""

import json
import re
from decimal import Decimal, getcontext

getcontext().prec = 60  # digits, more than amounts of money have; longer results are rounded

NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)


class Failure(Exception):
    """The document can't be made. Has a code of the README's table, and a sentence."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Unsuitable(ValueError):
    """Values that a template can't use as it does. `values` can be from the data, or calculated."""

    def __init__(self, message, *values):
        super().__init__(message)
        self.values = values


class Number(Decimal):
    """A decimal number. Arithmetic with it is exact: a float operand counts as the decimal number that it is printed
    as, so `price * 1.19` in a template is exact."""

    def __str__(self):
        return format(Decimal(self), "f")  # never 1E+2

    def __index__(self):
        if self != int(self):
            raise TypeError(f"{self} is not a whole number")
        return int(self)

    def __round__(self, digits=None):
        result = round(Decimal(self)) if digits is None else round(Decimal(self), digits)
        return Number(result) if digits is not None else result


class Whole(int):
    """A whole number of the data. Python shares small int objects; each Whole is its own object, so places_of() can
    find it."""

    def __str__(self):
        return int.__repr__(self)


def _exactly(name):
    plain = getattr(Decimal, name)

    def operation(self, *others):
        result = plain(self, *(Decimal(repr(other)) if isinstance(other, float) else other for other in others))
        return Number(result) if isinstance(result, Decimal) else result

    operation.__name__ = name
    return operation


for _operator in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    for _name in (f"__{_operator}__", f"__r{_operator}__"):
        setattr(Number, _name, _exactly(_name))
for _name in ("__neg__", "__pos__", "__abs__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(Number, _name, _exactly(_name))
Number.__hash__ = Decimal.__hash__


def is_number(value):
    """True for numbers, and for texts that are numbers, such as Prisma's Decimal and BigInt in JSON."""
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def number(value):
    """The exact number of `value`, a number or a text that is one. Raises Unsuitable."""
    if not is_number(value):
        raise Unsuitable(f"{shown(value)} is not a number; write it as 1234.5", value)
    return Number(repr(value) if isinstance(value, float) else value)


def shown(value):
    """A value as errors show it: its JSON, shortened."""
    if isinstance(value, Decimal):
        return str(value)
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def kind_of(value):
    if isinstance(value, bool):
        return "a boolean"
    kinds = ((str, "a text"), ((int, float, Decimal), "a number"), (dict, "an object"), ((list, tuple), "a list"))
    if value is None:
        return "null"
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)


def _members(pairs):
    """The object without its nulls, because null means absent."""
    return {key: _trimmed(value) for key, value in dict(pairs).items() if value is not None}


def _trimmed(value):
    return value.rstrip("\r\n") if isinstance(value, str) else value


def read(text):
    """Parses the payload's JSON."""
    return json.loads(text, parse_float=Number, parse_int=Whole, object_pairs_hook=_members)


def written(text, name):
    """The member `name` of the payload as text, a number with its digits as written."""
    return json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=_members)[name]


def pointers(root, wanted, path=""):
    """Yields the JSON pointers of the values for which `wanted` is true, depth first."""
    if wanted(root):
        yield path
    if isinstance(root, dict):
        for key, value in root.items():
            step = str(key).replace("~", "~0").replace("/", "~1")
            yield from pointers(value, wanted, f"{path}/{step}")
    elif isinstance(root, list):
        for index, value in enumerate(root):
            yield from pointers(value, wanted, f"{path}/{index}")
