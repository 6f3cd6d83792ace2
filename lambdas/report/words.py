"""Numbers, as people read them. What is not there is a dash."""

from collections.abc import Sequence
from math import floor, log10

NOTHING = "–"
_THOUSAND = 1000
_MINUTE = 60
_HALF = 0.5


def count(number: int, noun: str) -> str:
    """`1 fraud`, `1,234 frauds`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def ratio(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def interval(bounds: Sequence[float] | None) -> str:
    return NOTHING if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def percent(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1%}".replace("%", "\u00a0%")


def rare(value: float) -> str:
    """A share so small that it needs more digits."""
    return f"{value:.3%}".replace("%", "\u00a0%")


def money(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.2f}"


def number(value: float | None) -> str:
    """Of any size: four digits, or all of a whole number or one in the thousands."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= _THOUSAND else f"{value:.4g}"


def score(value: float) -> str:
    """Near 1 with four digits of its distance from it: one just below 1 must not read as 1."""
    digits = 3 - floor(log10(1 - value)) if _HALF < value < 1 else 0
    return f"{value:.{digits}g}" if digits else number(value)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, more = divmod(minutes, _MINUTE)
    return f"{hours} h {more} min" if hours else f"{minutes} min {rest} s"
