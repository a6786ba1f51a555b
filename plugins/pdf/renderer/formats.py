"""The filters that print money, numbers, dates and times in the document's language."""

import datetime
import re
import zoneinfo
from decimal import ROUND_HALF_UP, Decimal

import babel
import babel.dates
import babel.numbers
import jinja2
from values import Failure, Number, Unsuitable, number, shown

DATE = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")


class Style:
    """The language and time zone of one document: `language` like en, de or pt-BR, `zone` like Europe/Berlin.

    Raises Failure if one is unknown."""

    def __init__(self, language="en", zone="UTC"):
        self.locale = locale_of(language)
        try:
            self.zone = zoneinfo.ZoneInfo(zone)
        except (ValueError, TypeError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise Failure("bad-locale", f"time zone {shown(zone)} is unknown; give one like Europe/Berlin") from None


def locale_of(language):
    """The locale of a language tag, or of its language if the region is unknown."""
    words = re.split(r"[-_]", language) if isinstance(language, str) else [""]
    for count in range(len(words), 0, -1):
        try:
            return babel.Locale.parse("_".join(words[:count]))
        except (ValueError, TypeError, babel.UnknownLocaleError):
            continue
    raise Failure("bad-locale", f"language {shown(language)} is unknown; give one like en, de or pt-BR")


def digits_of(currency):
    """The number of decimal places of amounts in that currency; 2 if it is not given."""
    return babel.numbers.get_currency_precision(currency.upper()) if currency else 2


def rounded(amount, digits=2):
    """Half up, and away from zero for negative amounts."""
    return Number(number(amount).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def with_digits(digits):
    """The pattern of a number with exactly that many decimal places."""
    return "#,##0" + ("." + "0" * digits if digits else "")


@jinja2.pass_context
def money(context, amount, currency=None):
    """1234.5 | money is 1,234.50, with the digits of the document's `currency`; | money('EUR') has its sign."""
    style = context.environment.style
    digits = digits_of(currency or context.get("currency") or None)
    exact = rounded(amount, digits)
    if not currency:
        return babel.numbers.format_decimal(exact, with_digits(digits), locale=style.locale)
    return babel.numbers.format_currency(exact, currency.upper(), locale=style.locale)


@jinja2.pass_context
def price(context, amount):
    """Like money without a currency sign, but with all digits of the price: 0.0815 is not 0.08."""
    digits = digits_of(context.get("currency") or None)
    exact = number(amount)
    more = max(digits, -exact.normalize().as_tuple().exponent)
    return babel.numbers.format_decimal(
        rounded(exact, more), with_digits(more), locale=context.environment.style.locale
    )


@jinja2.pass_environment
def decimal_number(environment, value, digits=None):
    """All digits of the number, or rounded to `digits` decimal places."""
    style = environment.style
    if digits is not None:
        return babel.numbers.format_decimal(rounded(value, digits), with_digits(digits), locale=style.locale)
    return babel.numbers.format_decimal(number(value), locale=style.locale, decimal_quantization=False)


@jinja2.pass_environment
def percent(environment, value):
    """19 | percent is 19%."""
    exact = number(value) / 100
    return babel.numbers.format_percent(exact, locale=environment.style.locale, decimal_quantization=False)


def moment(value, zone):
    """The date, or the time in `zone`, of an ISO 8601 text; None for other text, which is printed unchanged.

    A date without a time is the same day in every time zone."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value
    if not isinstance(value, str):
        raise Unsuitable(f"{shown(value)} is not a date; write it as 2026-02-28 or 2026-02-28T09:30:00Z", value)
    text = value.strip()
    try:
        if DATE.fullmatch(text):
            return datetime.date.fromisoformat(text)
        if not MOMENT.fullmatch(text):
            return None
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None:
        return time
    return time.astimezone(zone)


def is_day(value):
    """True for midnight UTC, as JavaScript writes a date without a time."""
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d[T ]00:00(:00(\.0+)?)?(Z|\+00(:?00)?)", value.strip())


@jinja2.pass_environment
def date(environment, value, form="long"):
    """'2026-02-28' | date is February 28, 2026. `form` is short, medium, long, full, or a pattern like dd.MM.yyyy."""
    style = environment.style
    if is_day(value):
        value = value.strip()[:10]
    when = moment(value, style.zone)
    return value if when is None else babel.dates.format_date(when, form, locale=style.locale)


@jinja2.pass_environment
def time(environment, value, form="short"):
    style = environment.style
    when = moment(value, style.zone)
    if not isinstance(when, datetime.datetime):
        return value
    return babel.dates.format_time(when, form, tzinfo=zone_of(when, style), locale=style.locale)


@jinja2.pass_environment
def date_and_time(environment, value, form="medium"):
    style = environment.style
    when = moment(value, style.zone)
    if when is None:
        return value
    if not isinstance(when, datetime.datetime):
        return babel.dates.format_date(when, form, locale=style.locale)
    return babel.dates.format_datetime(when, form, tzinfo=zone_of(when, style), locale=style.locale)


def zone_of(when, style):
    """None for a time without a zone, which is local time. With a zone, Babel would treat it as UTC and convert it."""
    return style.zone if when.tzinfo else None


FILTERS = {
    "money": money,
    "price": price,
    "number": decimal_number,
    "percent": percent,
    "date": date,
    "time": time,
    "datetime": date_and_time,
    "decimal": number,
}
