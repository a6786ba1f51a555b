"""The operators of templates: texts that are numbers count as numbers, and operands that do not fit give an error that
shows both of them."""

import decimal
import operator

import values
from values import Unsuitable, kind_of, shown


def operands(name, left, right):
    """Converts texts that are numbers to numbers, unless that is ambiguous: % after a text formats it, and + between
    two such texts could add or join them. Raises Unsuitable for the latter."""
    texts = isinstance(left, str) + isinstance(right, str)
    if texts == 0 or (name == "%" and isinstance(left, str)):
        return left, right
    if values.is_number(left) and values.is_number(right):
        if name == "+" and texts == 2:
            raise Unsuitable(
                f"{shown(left)} + {shown(right)}: both are text; write a | decimal + b to add them, a ~ b to join them",
                left,
                right,
            )
        return values.number(left), values.number(right)
    return left, right


def calculated(calculate, name, left, right):
    """`calculate` applied to both sides. Raises Unsuitable."""
    try:
        return calculate(*operands(name, left, right))
    except (TypeError, ValueError, ArithmeticError) as error:
        if isinstance(error, Unsuitable):
            raise
        words = f"{name} does not take {kind_of(left)} and {kind_of(right)}"
        if not isinstance(error, TypeError) or isinstance(left, str) and name == "%":
            words = reason(error)
        raise Unsuitable(f"{shown(left)} {name} {shown(right)}: {words}", left, right) from error


def signed(calculate, name, value):
    try:
        return calculate(ordered(value))
    except TypeError as error:
        raise Unsuitable(f"{name}{shown(value)}: {name} does not take {kind_of(value)}", value) from error


def reason(error):
    """A plain sentence for an error that Python raised."""
    if isinstance(error, (decimal.DivisionByZero, decimal.DivisionUndefined, ZeroDivisionError)):
        return "a division by zero"
    if isinstance(error, decimal.DecimalException):
        return "a number out of range"
    return f"{type(error).__name__}: {error}"


def ordered(value):
    return values.number(value) if isinstance(value, str) and values.is_number(value) else value


def same(left, right):
    """Two texts are the same if all their letters are; a text and a number, if the text is that number."""
    if isinstance(left, str) != isinstance(right, str) and values.is_number(left) and values.is_number(right):
        return values.number(left) == values.number(right)
    return left == right


def by_order(compare):
    return lambda left, right: compare(ordered(left), ordered(right))


# By their names in Jinja2's syntax tree.
COMPARISONS = {
    "eq": ("==", same),
    "ne": ("!=", lambda left, right: not same(left, right)),
    "lt": ("<", by_order(operator.lt)),
    "lteq": ("<=", by_order(operator.le)),
    "gt": (">", by_order(operator.gt)),
    "gteq": (">=", by_order(operator.ge)),
    "in": ("in", lambda left, right: left in right),
    "notin": ("not in", lambda left, right: left not in right),
}
# The tests for them: {% if price is gt 10 %}, rows | selectattr('price', 'gt', 10).
TESTS = {
    "eq": ("eq", "==", "equalto"),
    "ne": ("ne", "!="),
    "lt": ("lt", "<", "lessthan"),
    "lteq": ("le", "<="),
    "gt": ("gt", ">", "greaterthan"),
    "gteq": ("ge", ">="),
    "in": ("in",),
}


def compared(left, *others):
    """Compares a chain like 1 < x < 10. `others` are alternately an operator's name and a value."""
    for name, right in zip(others[::2], others[1::2]):
        if not compare(name, left, right):
            return False
        left = right
    return True


def compare(name, left, right):
    sign, holds = COMPARISONS[name]
    try:
        return holds(left, right)
    except (TypeError, ArithmeticError) as error:
        words = f"{kind_of(left)} and {kind_of(right)} can't be compared"
        raise Unsuitable(f"{shown(left)} {sign} {shown(right)}: {words}", left, right) from error


def test_of(name):
    return lambda left, right: compare(name, left, right)


def tests():
    return {alias: test_of(name) for name, aliases in TESTS.items() for alias in aliases}


class Rank:
    """A key to sort by: numbers, also as text, before other text. Ignores case."""

    def __init__(self, value):
        self.value = value
        if values.is_number(value):
            self.key = 0, values.number(value)
        else:
            self.key = 1, value.lower() if isinstance(value, str) else value

    def __lt__(self, other):
        try:
            return self.key < other.key
        except TypeError as error:
            words = f"{kind_of(self.value)} and {kind_of(other.value)} can't be compared"
            raise Unsuitable(f"{shown(self.value)} and {shown(other.value)}: {words}", self.value, other.value) from error

    def __eq__(self, other):
        return self.key == other.key


class PlainRank(Rank):
    """A key to sort by that compares the values themselves, with case."""

    def __init__(self, value):
        self.value = self.key = value
