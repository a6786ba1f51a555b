#!/usr/bin/env python3
"""Tests the renderer's modules without the plugin.

    renderer_test.py PDF_PLUGIN_FOLDER
"""

import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from unittest import mock
from xml.etree import ElementTree

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

PLUGIN = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(PLUGIN / "renderer"))

import font_cut  # noqa: E402
import formats  # noqa: E402
import jinja2.meta  # noqa: E402
import pages  # noqa: E402
import pikepdf  # noqa: E402
import renderer  # noqa: E402
import template  # noqa: E402
import values  # noqa: E402
from accounts import accounts, shares  # noqa: E402
from values import Failure, Number  # noqa: E402

font_cut.install()


def read(data):
    return values.read(data if isinstance(data, str) else json.dumps(data))


class Rendered(unittest.TestCase):
    """Renders pages of templates in a temporary folder."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="sluice-renderer-")
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name).resolve()

    def page(self, source, data=(), language="en", zone="UTC", name="template.html"):
        folder = self.root / "t"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(source, "utf-8")
        return pages.Pages(folder).render(name, read(data or {}), formats.Style(language, zone))

    def refusal(self, source, data=()):
        with self.assertRaises(Failure) as caught:
            self.page(source, data)
        return str(caught.exception)


class Values(Rendered):
    def test_null_is_absent(self):
        self.assertEqual(read('{"a": null, "b": {"c": null, "d": 1}}'), {"b": {"d": 1}})
        self.assertEqual(self.page("{{ a | default('-') }}{% if a %}x{% endif %}{{ b is defined }}", {"a": None}), "-false")

    def test_a_null_in_a_list_prints_nothing(self):
        self.assertEqual(self.page("{% for x in a %}[{{ x }}]{% endfor %} {{ a | join }}", {"a": [1, None, 2]}), "[1][][2] 12")

    def test_the_last_of_repeated_members_counts(self):
        self.assertEqual(read('{"a": 1, "a": 2}'), {"a": 2})
        self.assertEqual(read('{"a": 1, "a": null}'), {})

    def test_numbers_are_exact_and_printed_plainly(self):
        self.assertEqual(self.page("{{ a }} {{ b }} {{ c }} {{ d }}", '{"a": 1.10, "b": 1e3, "c": 12345678901234567890123, "d": true}'),
                         "1.10 1000 12345678901234567890123 true")  # fmt: skip
        self.assertEqual(self.page("{{ a * 1.19 }} {{ 1.19 * a }} {{ a + 0.1 == 0.3 }}", '{"a": 0.2}'), "0.238 0.238 true")

    def test_text_that_is_a_number_counts_as_one(self):
        self.assertEqual(self.page("{{ p * q }} {{ p * 2 }} {{ p + 1 }} {{ 1 - q }}", {"p": "10.50", "q": "2"}), "21.00 21.00 11.50 -1")
        self.assertEqual(self.page("{{ p ~ q }} {{ 'ab' * 2 }} {{ '%s' % q }} {{ p + ' EUR' }}", {"p": "10.50", "q": "2"}), "10.502 abab 2 10.50 EUR")

    def test_adding_two_texts_that_are_numbers_is_an_error(self):
        words = self.refusal("{{ (net + tax) | money('EUR') }}", {"net": "100", "tax": "19"})
        self.assertIn('"100" + "19": both are text; write a | decimal + b to add them, a ~ b to join them', words)
        self.assertEqual(self.page("{{ (net | decimal + tax) | money('EUR') }}", {"net": "100", "tax": "19"}), "€119.00")

    def test_texts_that_are_numbers_are_compared_and_sorted_as_numbers(self):
        data = {"a": "10", "b": "9", "rows": [{"p": "10"}, {"p": "9"}, {"p": 9.5}]}
        self.assertEqual(self.page("{{ a > b }} {{ a >= 10 }} {{ b == 9 }} {{ b != 9 }} {{ a == '10.0' }} {{ 1 < b < 10 }}", data),
                         "true true true false false true")  # fmt: skip
        self.assertEqual(self.page("{% for row in rows | sort(attribute='p') %}{{ row.p }} {% endfor %}", data), "9 9.5 10 ")
        self.assertEqual(self.page("{{ rows | sum(attribute='p') }} {{ ['2', '10'] | max }} {{ ['2', '10'] | min }}", data), "28.5 10 2")
        self.assertEqual(self.page("{{ ['b', 'A', 'c'] | sort | join }} {{ '2026-02-01' > '2026-01-31' }}"), "Abc true")
        self.assertIn("is not a number", self.refusal("{{ rows | sum(attribute='p') }}", {"rows": [{"p": "a"}]}))
        self.assertEqual(self.page("{{ rows | selectattr('p', 'gt', 9) | map(attribute='p') | join(' ') }} {{ a is gt b }} {{ -a }}", data), "10 9.5 true -10")
        self.assertEqual(self.page("{{ a == 10 == 10.0 }} {{ 'x' in ['x'] }} {{ 3 not in [1] }} {{ 2 is integer }}", data), "true true true true")

    def test_nulls_in_a_list_are_not_lines(self):
        self.assertEqual(self.page("{{ a | join(', ') }}", {"a": ["x", None, "y"]}), "x, y")
        self.assertEqual(self.page("{% for x in a | lines %}[{{ x }}]{% endfor %}", {"a": ["x", None, "y"]}), "[x][y]")
        self.assertIn("is an object; give a text, or a list of lines", self.refusal("{% for x in a | lines %}{% endfor %}", {"a": {"iban": "DE1"}}))

    def test_numbers_can_be_used_where_python_requires_an_int(self):
        self.assertEqual(self.page("{{ a[n] }}{% for i in range(n) %}.{% endfor %}", '{"a": [1, 2], "n": 1.0}'), "2.")

    def test_rounding_is_half_up(self):
        self.assertEqual(self.page("{{ 2.675 | round(2) }} {{ -0.5 | round(0) }} {{ 1.005 | money }}"), "2.68 -1 1.01")


class Shipped(unittest.TestCase):
    """The shipped templates with data of other forms."""

    def page(self, name, data):
        return pages.Pages(PLUGIN / "templates" / name).render("template.html", read(data), formats.Style())

    def test_a_text_instead_of_a_party_is_its_name(self):
        for name in ("invoice", "proposal"):
            page = self.page(name, {"proposalId": "1", "customer": "ACME Corp", "company": "Shop"})
            self.assertIn("<strong>ACME Corp</strong>", page)
            self.assertIn("Shop", page)
            with self.assertRaisesRegex(Failure, "is a list; give a name, or an object .*/data/customer"):
                self.page(name, {"proposalId": "1", "customer": ["ACME Corp"]})

    def test_an_object_instead_of_lines_is_refused_with_its_place(self):
        for name, data in (
            ("invoice", {"payment": {"iban": "DE1", "bic": "X"}}),
            ("invoice", {"customer": {"address": {"street": "Weg 1"}}}),
            ("proposal", {"proposalId": "1", "customer": {"address": {"street": "Weg 1"}}}),
            ("proposal", {"proposalId": "1", "terms": [{"text": "x"}]}),
        ):
            with self.subTest(data), self.assertRaisesRegex(Failure, "/data/"):
                self.page(name, data)

    def test_nulls_in_an_address_leave_no_empty_line(self):
        page = self.page("invoice", {"customer": {"name": "Ann", "address": ["Gasse 2", None, "Town"]}})
        self.assertIn("Gasse 2<br>Town", page)

    def test_currencies_are_known_in_lower_case(self):
        page = self.page("invoice", {"currency": "jpy", "items": [{"price": "1000"}]})
        self.assertIn("\u00a51,000<", page)


class Reads(dict):
    """The data of a document. Records which of its members are read."""

    def __init__(self, data):
        super().__init__(data)
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)

    def __contains__(self, name):
        self.names.add(name)
        return super().__contains__(name)

    def __getitem__(self, name):
        self.names.add(name)
        return super().__getitem__(name)


class Documented(unittest.TestCase):
    """The README's tables list exactly the members of the data that are read."""

    def documented(self, reader):
        readme = (PLUGIN / "README.md").read_text("utf-8")
        table = re.search(rf"^\| in the data of `{reader}` .*\n\|[-|]+\n((?:\|.*\n)+)", readme, re.M).group(1)
        return {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}

    def read_by_accounts(self):
        data = Reads({"items": [{"price": 1}], "discount": 1})
        accounts(data)
        return data.names

    def test_of_accounts(self):
        self.assertEqual(self.documented("accounts"), self.read_by_accounts())

    def test_of_the_shipped_templates(self):
        for name in ("proposal", "invoice"):
            shipped = pages.Pages(PLUGIN / "templates" / name)
            read = set()
            for file in shipped.folder.path.glob("*.[hx]*ml"):
                read |= jinja2.meta.find_undeclared_variables(shipped.environment.parse(file.read_text("utf-8")))
            read -= {"data", "style", *shipped.environment.globals}
            with self.subTest(name):
                self.assertEqual(self.documented(name) - self.read_by_accounts(), read - self.read_by_accounts())


class Text(Rendered):
    def test_a_text_is_a_list_of_its_lines_if_a_list_is_expected(self):
        data = {"a": "Main St 1\r\nTown\n"}
        self.assertEqual(self.page("{% for x in a %}[{{ x }}]{% endfor %}", data), "[Main St 1][Town]")
        self.assertEqual(self.page("{% for x in a | upper | trim %}[{{ x }}]{% endfor %}", data), "[MAIN ST 1][TOWN]")
        self.assertEqual(self.page("{{ a | join(', ') }} {{ a | list | length }}", data), "Main St 1, Town 2")
        self.assertEqual(self.page("{% for x in a %}[{{ x }}]{% endfor %}", {"a": ["x", "y"]}), "[x][y]")

    def test_line_ends_are_kept(self):
        page = self.page("<title>{{ a }}</title><p title='{{ a }}'>{{ a ~ '!' }}</p>", {"a": "x<\r\ny"})
        self.assertEqual(page, "<title>x&lt;\ny</title><p title='x&lt;\ny'>x&lt;<br>y!</p>")

    def test_plain_text_is_neither_escaped_nor_broken(self):
        self.assertEqual(self.page("{{ a }} & {{ 1234.5 | money }}", {"a": "x<\ny"}, name="template.txt"), "x<\ny & 1,234.50")

    def test_members_take_precedence_over_methods_which_are_called_with_brackets(self):
        self.assertEqual(self.page("{% for i in o.items %}{{ i }}{% endfor %}", {"o": {"items": ["a", "b"]}}), "ab")
        self.assertEqual(self.page("{{ o.items is defined }} {% for k, v in o.items() %}{{ k }}{{ v }}{% endfor %}", {"o": {"k": 1}}), "false k1")
        self.assertEqual(self.page("{{ name.upper() }} {{ o['keys'] | default('-') }}", {"name": "x", "o": {}}), "X -")

    def test_a_list_is_printed_line_by_line_and_an_object_is_an_error(self):
        self.assertEqual(self.page("{{ a }}", {"a": ["x", 1]}), "x<br>1")
        self.assertIn('{"b": 1} is an object, not a text to print', self.refusal("{{ a }}", {"a": {"b": 1}}))
        self.assertIn("a function is not a text to print", self.refusal("{{ range }}"))

    def test_errors_name_template_line_expression_and_member(self):
        data = {"items": [{"price": 1}, {"price": "ten"}]}
        self.assertEqual(
            self.refusal("<p>\n<b>{{ items[1].price | money }}</b>", data),
            't/template.html:2, {{ items[1].price | money }}: "ten" is not a number; write it as 1234.5'
            " (payload /data/items/1/price)",
        )
        self.assertEqual(
            self.refusal("{{ items[0].prize }}", data),
            "t/template.html:1, {{ items[0].prize }}: payload /data/items/0 has no member 'prize'; it has 'price'",
        )

    def test_errors_name_the_right_one_of_several_expressions_in_a_line(self):
        item = {"price": "ten", "name": "Ann"}
        for source, data, words in (
            ("{{ item.price }} {{ item.price | money }}", {"item": item}, "1, {{ item.price | money }}: \"ten\" is not a number"),
            ("{{ item.price | money }} {{ item.price }}", {"item": item}, "1, {{ item.price | money }}:"),
            ("{{ a.name }}{{ b.name }}", {"a": item, "b": {}}, "1, {{ b.name }}: payload /data/b has no member"),
            ("{% if item %}{{ 1 }}{% for x in item.rows %}{% endfor %}{% endif %}", {"item": item}, "1, {% for x in item.rows %}:"),
            ("x\n{{ item.name }}{% if item.age > 3 %}{% endif %}", {"item": item}, "2, {% if item.age > 3 %}:"),
            ("{{ item.name }}{% if false %}{% elif item.age > 3 %}{% endif %}", {"item": item}, "1, {% elif item.age > 3 %}:"),
            ("{{ item.name }}{% with x = item.age + 1 %}{{ 1 }}{% endwith %}", {"item": item}, "1, {% with x = item.age + 1 %}:"),
            ("{{ item.name }}{% for x in [1] if item.age > x %}{% endfor %}", {"item": item}, "1, {% for x in [1] if item.age > x %}:"),
            ("{% macro m() %}{{ 1 }}{% endmacro %}{{ m() + item.age }}{{ 1 }}", {"item": item}, "1, {{ m() + item.age }}:"),
            ("{% macro m(x) %}{{ x | money }}{% endmacro %}{{ 1 }}{{ m(item.price) }}", {"item": item}, "1, {{ x | money }}:"),
            ("{{ item.name }}{% set x %}{{ item.name }}{{ item.age }}{% endset %}", {"item": item}, "1, {{ item.age }}:"),
            ("{{ item.name }}{% filter upper %}{{ item.age }}{% endfilter %}", {"item": item}, "1, {{ item.age }}:"),
            ("{# a\n b #}{% raw %}{{ x }}\n{% endraw %}{{ item.name }}{{\n  item.age\n}}", {"item": item}, "3, {{ item.age }}:"),
            ("{{ item.name }} {{ item.name | unheard }}", {"item": item}, "1, {{ item.name | unheard }}: No filter named"),
            ("{{ item.name }} {{ 1 + }} {{ 2 }}", {}, "1, {{ 1 + }}: "),
            ("{{ item.name }}\n{{ 1 }} {{ 2 ! }}", {}, "2, {{ 2: unexpected char '!'"),
        ):
            with self.subTest(source):
                self.assertIn("t/template.html:" + words, self.refusal(source, data))

    def test_errors_of_operators_name_both_sides_and_the_member(self):
        data = {"price": 10.5, "name": "ten", "rows": [1], "o": {"k": 1}, "nil": [None, 1], "n": 0, "yes": True, "no": True}
        for expression, words in (
            ("price > 'abc'", '10.5 > "abc": a number and a text can\'t be compared (payload /data/price)'),
            ("1 < price < name", '10.5 < "ten": a number and a text can\'t be compared (payload /data/price, payload /data/name)'),
            ("price <= none", "10.5 <= null: a number and null can't be compared (payload /data/price)"),
            ("nil[0] > 1", "null > 1: null and a number can't be compared (payload /data/nil/0)"),
            ("rows >= price", "[1] >= 10.5: a list and a number can't be compared (payload /data/rows, payload /data/price)"),
            ("price in n", "10.5 in 0: a number and a number can't be compared (payload /data/price, payload /data/n)"),
            ("price is gt name", '10.5 > "ten": a number and a text can\'t be compared (payload /data/price, payload /data/name)'),
            ("price + rows", "10.5 + [1]: + does not take a number and a list (payload /data/price, payload /data/rows)"),
            ("name - 1", '"ten" - 1: - does not take a text and a number (payload /data/name)'),
            ("o * 2", '{"k": 1} * 2: * does not take an object and a number (payload /data/o)'),
            ("price / nil[0]", "10.5 / null: / does not take a number and null (payload /data/price, payload /data/nil/0)"),
            ("price / n", "10.5 / 0: a division by zero (payload /data/price, payload /data/n)"),
            ("'%d' % name", '"%d" % "ten": TypeError: %d format: a real number is required, not str (payload /data/name)'),
            ("-name", '-"ten": - does not take a text (payload /data/name)'),
            ("(price * 2) | date", "21.0 is not a date; write it as 2026-02-28 or 2026-02-28T09:30:00Z (payload /data/price)"),
            ("name | abs", "\"ten\" | abs: TypeError: bad operand type for abs(): 'str' (payload /data/name)"),
            ("price | length", "10.5 | length: TypeError: object of type 'Number' has no len() (payload /data/price)"),
            ("n | date", "0 is not a date; write it as 2026-02-28 or 2026-02-28T09:30:00Z (payload /data/n)"),
            ("yes | money", "true is not a number; write it as 1234.5 (payload /data/yes)"),
            ("range(name)", "(payload /data/name)"),
            ("name.center(rows)", "(payload /data/name, payload /data/rows)"),
            ("[o, rows] | sort", "a list and an object can't be compared (payload /data/rows, payload /data/o)"),
        ):
            with self.subTest(expression):
                refusal = self.refusal(f"{{{{ n }}}}{{{{ {expression} }}}}", data)
                self.assertIn(f"t/template.html:1, {{{{ {expression} }}}}: ", refusal)
                self.assertIn(words, refusal)
        self.assertIn("0 is not a list to loop over (payload /data/n)", self.refusal("{% for x in n %}{% endfor %}", data))
        self.assertIn("(payload /data/rows)", self.refusal("{% for a, b in rows %}{% endfor %}", data))

    def test_the_sandbox_also_checks_methods(self):
        self.assertIn("unsafe", self.refusal("{{ a.format('') }}", {"a": "{0.__class__}"}))
        self.assertIn("unsafe", self.refusal("{% set f = a.format %}{{ f('') }}", {"a": "{0.__class__}"}))


class Formats(Rendered):
    def test_money_and_numbers(self):
        source = "{{ 1234.5 | money }}|{{ 1234.5 | money('EUR') }}|{{ 1234.5 | money('JPY') }}|{{ 0.1234567 | number }}|{{ 2 | number(2) }}|{{ 8.1 | percent }}|{{ 0.0815 | price }}|{{ 3 | price }}"
        self.assertEqual(self.page(source), "1,234.50|€1,234.50|¥1,235|0.1234567|2.00|8.1%|0.0815|3.00")
        self.assertEqual(self.page(source, language="de"), "1.234,50|1.234,50\xa0€|1.235\xa0¥|0,1234567|2,00|8,1\xa0%|0,0815|3,00")
        self.assertEqual(self.page("{{ 1234.5 | money }}", {"currency": "JPY"}), "1,235")
        self.assertEqual(self.page("{{ '-1.5' | money }} {{ '12345678901234567890.125' | money }}"), "-1.50 12,345,678,901,234,567,890.13")

    def test_dates_and_times(self):
        source = "{{ d | date }}|{{ d | date('medium') }}|{{ d | date('dd.MM.yy') }}|{{ d | datetime }}|{{ d | time }}"
        at = {"d": "2026-02-28T23:30:00.000Z"}
        self.assertEqual(self.page(source, at, "de", "Europe/Berlin"), "1. März 2026|01.03.2026|01.03.26|01.03.2026, 00:30:00|00:30")
        self.assertEqual(self.page(source, at), "February 28, 2026|Feb 28, 2026|28.02.26|Feb 28, 2026, 11:30:00\u202fPM|11:30\u202fPM".replace("\u202f", self.space()))

    def space(self):
        """The blank that this version of the CLDR has before AM and PM."""
        return re.search(r"11:30(.)PM", self.page("{{ '2026-02-28T23:30:00Z' | time }}")).group(1)

    def test_a_date_without_a_time_is_the_same_day_in_every_time_zone(self):
        for day in ("2026-02-28", "2026-02-28T00:00:00.000Z", "2026-02-28T00:00:00+00:00", "2026-02-28 00:00:00+00"):
            self.assertEqual(self.page("{{ d | date }}", {"d": day}, "en", "America/New_York"), "February 28, 2026")

    def test_text_that_is_not_a_date_is_printed_unchanged(self):
        self.assertEqual(self.page("{{ d | date }} {{ 'noon' | time }} {{ '2026-13-45' | datetime }}", {"d": "12 May"}), "12 May noon 2026-13-45")
        self.assertIn("12 is not a date", self.refusal("{{ 12 | date }}"))

    def test_an_unknown_region_is_ignored(self):
        self.assertEqual(self.page("{{ 1.5 | number }}", language="de-XX"), "1,5")
        with self.assertRaisesRegex(Failure, "language \"xx\" is unknown"):
            formats.Style("xx")


class Server(Rendered):
    """pages.py as a program, as the email plugin uses it."""

    def test_renders_the_files_that_exist(self):
        (self.root / "welcome").mkdir()
        (self.root / "welcome/template.html").write_text("<p>{{ name }} {{ 1.5 | number }}")
        (self.root / "welcome/subject.txt").write_text("Hello {{ name }}")
        requests = [
            {"template": "welcome", "files": ["template.html", "template.txt", "subject.txt"], "data": {"name": "<Ann>\n"}, "locale": "de"},
            {"template": "welcome", "data": {}},
            {"template": "../welcome", "data": {}},
            {"template": "welcome", "data": 1},
        ]
        lines = "".join(json.dumps(request) + "\n" for request in requests)
        command = [sys.executable, "-B", PLUGIN / "renderer/pages.py", self.root]
        done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
        first, second, third, fourth = map(json.loads, done.stdout.splitlines())
        self.assertEqual(first, {"template.html": "<p>&lt;Ann&gt; 1,5", "subject.txt": "Hello <Ann>"})
        self.assertEqual(second["error"], "template-error")
        self.assertIn("welcome/template.html:1, {{ name }}: 'name' is not in the data", second["message"])
        self.assertEqual(third["error"], "unknown-template")
        self.assertEqual(fourth["error"], "bad-payload")


cents = some.decimals(min_value=-99999, max_value=99999, places=2)
fine_prices = some.decimals(min_value=-999, max_value=9999, places=4)
quantities = some.decimals(min_value=0, max_value=500, places=3)
rates = some.sampled_from([0, "5.5", 7, "8.1", 19, 20, 25])
items = some.fixed_dictionaries(
    {"price": some.one_of(cents, fine_prices).map(str), "quantity": quantities.map(str)},
    optional={"taxRate": rates, "discountRate": some.sampled_from([0, 3, "33.3", 100]), "discount": some.sampled_from([0, "1.23"])},
)
invoices = some.fixed_dictionaries(
    {"items": some.lists(items, min_size=1, max_size=6)},
    optional={
        "taxRate": rates,
        "discountRate": some.sampled_from([0, 2, "12.5"]),
        "discount": some.sampled_from([0, "0.01", 10]),
        "reverseCharge": some.booleans(),
    },
)


def half_up(amount):
    """The Fraction in cents, rounded half up with integer arithmetic."""
    doubled = 2 * 100 * abs(amount)
    cents = (doubled.numerator // doubled.denominator + 1) // 2
    return cents if amount >= 0 else -cents


class Accounts(unittest.TestCase):
    @settings(deadline=None, derandomize=True, max_examples=150)
    @given(invoices)
    def test_add_up(self, invoice):
        sums = accounts(read(invoice))
        lines = [half_up(self.line(item)) for item in invoice["items"]]
        self.assertEqual([half_up(Fraction(line["amount"])) for line in sums["lines"]], lines)
        subtotal = sum(lines)
        discount = half_up(Fraction(subtotal, 100) * Fraction(invoice.get("discountRate", 0)) / 100 + Fraction(invoice.get("discount", 0)))
        self.assertEqual(half_up(Fraction(sums["net"])), subtotal - discount)
        self.assertEqual(sums["total"], sums["net"] + sum(entry["tax"] for entry in sums["taxes"]))
        for entry in sums["taxes"]:
            self.assertEqual(half_up(Fraction(entry["tax"])), half_up(Fraction(entry["net"]) * Fraction(entry["rate"]) / 100))
        if all("taxRate" in item for item in invoice["items"]) and not invoice.get("reverseCharge"):
            self.assertEqual(sum(entry["net"] for entry in sums["taxes"]), sums["net"])
        if invoice.get("reverseCharge"):
            self.assertEqual((sums["taxes"], sums["total"]), ([], sums["net"]))

    def line(self, item):
        amount = Fraction(item["price"]) * Fraction(item["quantity"])
        return amount - amount * Fraction(item.get("discountRate", 0)) / 100 - Fraction(item.get("discount", 0))

    @settings(deadline=None, derandomize=True)
    @given(cents, some.lists(cents, min_size=1, max_size=7))
    def test_shares_are_the_whole(self, whole, weights):
        parts = shares(Number(whole), [Number(weight) for weight in weights], 2)
        self.assertEqual(sum(parts), whole)
        self.assertTrue(all(part == part.quantize(Decimal("0.01")) for part in parts))

    def test_common_rounding_problems(self):
        one = accounts(read({"items": [{"quantity": 0.75, "price": 13.5}], "taxRate": 20}))
        self.assertEqual((str(one["net"]), str(one["tax"]), str(one["total"])), ("10.13", "2.03", "12.16"))
        two = accounts(read({"items": [{"quantity": 0.25, "price": 12.5}] * 2, "taxRate": 0}))
        self.assertEqual((str(two["net"]), str(two["total"])), ("6.26", "6.26"))
        yen = accounts(read({"items": [{"quantity": 3, "price": "33.5"}], "taxRate": 10, "currency": "JPY"}))
        self.assertEqual((str(yen["net"]), str(yen["tax"])), ("101", "10"))

    def test_invalid_items_are_refused(self):
        for data, words in (
            ({"items": [{"description": "x"}]}, "an item has no price"),
            ({"items": ["x"]}, "is not an object with description"),
            ({"items": 5}, "is not a list of items"),
            ({"items": [{"price": "1,5"}]}, "is not a number"),
            ({"items": [], "discount": 1}, "there is a discount but no items"),
        ):
            with self.assertRaisesRegex(values.Unsuitable, words):
                accounts(read(data))


def printed(pdf):
    command = ["pdftotext", "-layout", "-", "-"]
    return subprocess.run(command, input=pdf, stdout=subprocess.PIPE, check=True).stdout.decode()


def amount_in(text):
    return Decimal(text.replace(",", "").replace("€", ""))


class Documents(unittest.TestCase):
    """Renders documents with the shipped templates."""

    @classmethod
    def setUpClass(cls):
        cls.templates = {name: template.Template(PLUGIN / "templates" / name) for name in ("invoice", "proposal")}

    def document(self, name, data, payload=()):
        return self.templates[name].document(dict(payload), read(data), formats.Style())


class Printed(Documents):
    @settings(deadline=None, derandomize=True, max_examples=25, phases=[Phase.generate],
              suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
    @given(invoices, some.sampled_from(["invoice", "proposal"]))
    def test_printed_figures_add_up(self, invoice, name):
        numbered = [{**item, "description": f"Item{i}."} for i, item in enumerate(invoice["items"])]
        _, pdf, _ = self.document(name, {**invoice, "items": numbered, "currency": "EUR", "invoiceId": 1, "proposalId": 1})
        text = printed(pdf)
        figures = r"(-?[\d,]+\.\d\d)$"
        lines = [amount_in(found) for found in re.findall(rf"Item\d+\. .*\s{figures}", text, re.M)]
        self.assertEqual(len(lines), len(numbered))
        total = self.figure("Amount due|Total", text)
        discount = self.figure("Discount", text[text.find("Subtotal") :], 0)
        net = self.figure("Net", text, sum(lines) + discount)
        self.assertEqual(sum(lines) + discount, net)
        if discount:
            self.assertEqual(self.figure("Subtotal", text), sum(lines))
        taxes = re.findall(r"^ *Tax ([\d.]+)%(?: +\((-?[\d,]+\.\d\d)\))? +(-?€[\d,]+\.\d\d)$", text, re.M)
        self.assertEqual(net + sum(amount_in(tax) for _, _, tax in taxes), total)
        for rate, of, tax in taxes:
            base = amount_in(of) if of else net
            if of or all("taxRate" in item for item in numbered) or "taxRate" in invoice:
                cent = Decimal("0.01")
                self.assertEqual(amount_in(tax), (base * Decimal(rate) / 100).quantize(cent, ROUND_HALF_UP))

    def figure(self, label, text, default=None):
        found = re.search(rf"^ *(?:{label}) +(-?€[\d,]+\.\d\d)$", text, re.M)
        if found is None and default is not None:
            return default
        self.assertIsNotNone(found, f"no {label} in {text}")
        return amount_in(found.group(1))

    def test_credit_notes_and_reverse_charge_say_so(self):
        _, pdf, _ = self.document("invoice", {"items": [{"price": -5}], "reverseCharge": True, "taxRate": 19})
        text = printed(pdf)
        self.assertIn("Credit note", text)
        self.assertIn("the recipient owes the tax", text)
        self.assertNotIn("19", text)

    def test_bookmarks_are_the_headings(self):
        data = {"proposalId": 1, "sections": [{"title": "Schedule", "text": "Soon"}], "customer": {"name": "Ann"}}
        _, pdf, _ = self.document("proposal", data)
        with opened(pdf) as document, document.open_outline() as outline:
            first = outline.root[0]
            self.assertEqual((first.title, [entry.title for entry in first.children]), ("Proposal", ["Schedule"]))


def opened(pdf):
    return pikepdf.open(io.BytesIO(pdf))


CII = {name: f"urn:un:unece:uncefact:data:standard:{space}:100" for name, space in (
    ("rsm", "CrossIndustryInvoice"), ("ram", "ReusableAggregateBusinessInformationEntity"), ("udt", "UnqualifiedDataType"),
)}  # fmt: skip


class FacturX(Documents):
    """The attached invoice data match the printed invoice."""

    INVOICE = {
        "facturX": True, "invoiceId": 77, "currency": "EUR", "taxRate": "19", "date": "2026-02-01", "dueDate": "2026-02-28",
        "company": {"name": "Nordlicht", "address": "Hafen 1", "country": "DE", "vatId": "DE123456789"},
        "customer": {"name": "Abel & Co", "country": "FR", "address": "Rue 1\nEtage 2"}, "discountRate": 5,
        "items": [{"description": "a\nb", "price": "10.50", "quantity": "2", "unit": "h"},
                  {"price": "0.0815", "quantity": 100, "taxRate": 7, "discountRate": 10}, {"price": -5}],
    }  # fmt: skip

    def xml_of(self, **changes):
        data = {name: value for name, value in {**self.INVOICE, **changes}.items() if value is not None}
        _, pdf, _ = self.document("invoice", data)
        with tempfile.NamedTemporaryFile() as file:
            file.write(pdf)
            file.flush()
            subprocess.run(["qpdf", "--check", file.name], stdout=subprocess.DEVNULL, check=True)
        with opened(pdf) as document:
            (file,) = document.Root.AF
            self.assertEqual((file.AFRelationship, file.UF, file.EF.F.Subtype), ("/Alternative", "factur-x.xml", "/text/xml"))
            self.assertEqual(document.Root.Names.EmbeddedFiles.Names[1].objgen, file.objgen)
            self.assertIn("/ID", document.trailer)
            self.assertEqual(document.Root.OutputIntents[0].S, "/GTS_PDFA1")
            xmp = ElementTree.fromstring(document.Root.Metadata.read_bytes())
            said = {element.tag.partition("}")[2]: element.text for element in xmp.iter() if "factur-x" in element.tag}
            self.assertEqual(said["ConformanceLevel"], "EN 16931")
            self.assertEqual(said["DocumentFileName"], "factur-x.xml")
            part = xmp.find(".//*[@{http://www.aiim.org/pdfa/ns/id/}part]")
            self.assertEqual(part.get("{http://www.aiim.org/pdfa/ns/id/}part"), "3")
            described = xmp.find(".//{http://purl.org/dc/elements/1.1/}description//*[@{http://www.w3.org/XML/1998/namespace}lang]")
            self.assertEqual(described.text, str(document.trailer.Info.Subject))
            return ElementTree.fromstring(file.EF.F.read_bytes())

    def amounts(self, xml, path):
        return [Decimal(element.text) for element in xml.findall(f".//ram:{path}", CII)]

    def check_sums(self, xml):
        total = "SpecifiedTradeSettlementHeaderMonetarySummation/ram:"
        of = lambda name: sum(self.amounts(xml, total + name))
        tax = "ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax/ram:"
        self.assertEqual(sum(self.amounts(xml, "SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount")), of("LineTotalAmount"))
        self.assertEqual(of("LineTotalAmount") - of("AllowanceTotalAmount") + of("ChargeTotalAmount"), of("TaxBasisTotalAmount"))
        self.assertEqual(sum(self.amounts(xml, tax + "BasisAmount")), of("TaxBasisTotalAmount"))
        self.assertEqual(sum(self.amounts(xml, tax + "CalculatedAmount")), of("TaxTotalAmount"))
        self.assertEqual(of("TaxBasisTotalAmount") + of("TaxTotalAmount"), of("GrandTotalAmount"))
        return of("GrandTotalAmount")

    def test_is_attached_to_a_pdf_a_3(self):
        xml = self.xml_of()
        self.assertEqual(self.check_sums(xml), Decimal("25.55"))
        self.assertEqual(xml.find(".//ram:TypeCode", CII).text, "380")
        self.assertEqual([name.text for name in xml.findall(".//ram:SpecifiedTradeProduct/ram:Name", CII)], ["a\nb", "Item 2", "Item 3"])
        self.assertEqual(self.amounts(xml, "NetPriceProductTradePrice/ram:ChargeAmount"), [Decimal("10.50"), Decimal("0.0815"), 5])
        self.assertEqual(self.amounts(xml, "BilledQuantity"), [2, 100, -1])

    def test_of_a_credit_note_and_of_reverse_charge(self):
        credit = self.xml_of(items=[{"price": -100, "quantity": 2, "discountRate": 10}], discountRate=None)
        self.assertEqual((self.check_sums(credit), credit.find(".//ram:TypeCode", CII).text), (Decimal("214.20"), "381"))
        self.assertEqual(self.amounts(credit, "SpecifiedTradeAllowanceCharge/ram:ActualAmount"), [20])
        abroad = self.xml_of(reverseCharge=True)
        self.assertEqual(self.check_sums(abroad), Decimal("22.17"))
        self.assertEqual({element.text for element in abroad.findall(".//ram:CategoryCode", CII)}, {"AE"})

    def test_needs_the_members_that_the_law_requires(self):
        for change, words in (
            ({"currency": None}, "Factur-X needs currency in the data"),
            ({"invoiceId": None}, "Factur-X needs invoiceId in the data"),
            ({"customer": {"name": "A"}}, "Factur-X needs customer.country in the data"),
            ({"date": "1 May"}, "Factur-X needs a date like 2026-02-28 in date"),
            ({"items": []}, "no items|needs items"),
            ({"taxRate": None}, "Factur-X needs taxRate for each item"),
        ):
            with self.assertRaisesRegex(Failure, words):
                self.xml_of(**change)


class FontCut(unittest.TestCase):
    def installed_over(self, clean, **more):
        font = type("Font", (), {"clean": clean, **more})
        with mock.patch.object(font_cut.stream, "Font", font, create=True):
            font_cut.install()
        return font.clean

    def test_replaces_the_slow_method(self):
        def clean(self, cmap):
            pass

        def clean_of_60(self, cmap, hinting):
            pass

        self.assertIs(self.installed_over(clean).__wrapped__, clean)
        self.assertIs(self.installed_over(clean_of_60).__wrapped__, clean_of_60)

    def test_does_not_change_other_versions(self):
        def clean(self, cmap, hinting):
            pass

        def other(self, to_unicode, hinting):
            pass

        self.assertIs(self.installed_over(clean, subset=clean), clean)
        self.assertIs(self.installed_over(other), other)
        with mock.patch.object(font_cut, "stream", object()):
            font_cut.install()

    def test_a_font_that_harfbuzz_refuses_is_cut_by_weasyprint(self):
        calls = []
        font = mock.Mock(bitmap=False, png=False, svg=False, ttfont={}, file_content=b"no font", index=0)
        font_cut.with_harfbuzz(lambda *all: calls.append(all), lambda *_: None)(font, {1: "a"}, True)
        self.assertEqual(calls, [(font, {1: "a"}, True)])

    def test_changes_nothing_if_harfbuzz_is_missing(self):
        def clean(self, cmap):
            pass

        with mock.patch.object(font_cut, "Cutter", side_effect=OSError):
            self.assertIs(self.installed_over(clean), clean)


class FontCaches(unittest.TestCase):
    def test_are_written_below_tmpdir_and_read_from_the_system(self):
        fonts = lambda environment: subprocess.run(["fc-list"], env=environment, stdout=subprocess.PIPE, check=True).stdout
        with tempfile.TemporaryDirectory(prefix="sluice-fonts-") as folder, mock.patch.dict(os.environ):
            with mock.patch.object(tempfile, "tempdir", folder):
                renderer.keep_font_caches_apart()
            configuration = pathlib.Path(os.environ["FONTCONFIG_FILE"])
            first = ElementTree.parse(configuration).find("cachedir").text
            self.assertEqual(pathlib.Path(first).parent, pathlib.Path(folder))
            ours = fonts({"FONTCONFIG_FILE": str(configuration), "HOME": folder})
            self.assertEqual(sorted(ours.splitlines()), sorted(fonts({"HOME": folder}).splitlines()))


if __name__ == "__main__":
    unittest.main(warnings="ignore")  # of WeasyPrint about pydyf
