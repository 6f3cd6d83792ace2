"""The rows on the screen: a table on a terminal, else a line each."""

import re
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from billing.items import Item, NoPrice, Rate, Total, total

_HEADINGS = ("kind", "name", "since", "until", "USD/hour")
_HOUR, _DAY = 60, 24 * 60
_NARROW = 100
"""With fewer columns, a date takes two lines, so that names need not."""
_NARROW_UNTIL = len("idle for 60 min")

NOT_INCLUDED = (
    "Prices are us-east-1's and approximate. Not included: the volumes of jobs and endpoints, and what bills by use "
    "or storage elsewhere (S3, logs, functions, the state machine)."
)


def show(console: Console, items: list[Item], now: datetime) -> None:
    """Every item, then the total. `now` has a time zone."""
    if console.is_terminal:
        console.print(_table(items, now, narrow=console.width < _NARROW))
    else:
        for line in _lines(items, now):
            console.print(line, markup=False, soft_wrap=True)
    console.print(f"Total: {_total(total(items))}", style="bold", soft_wrap=True)
    console.print(NOT_INCLUDED, style="dim", soft_wrap=not console.is_terminal)


def _table(items: list[Item], now: datetime, *, narrow: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    kind, name_heading, since_heading, until_heading, rate = _HEADINGS
    table.add_column(kind)
    table.add_column(name_heading, overflow="fold")
    table.add_column(since_heading)
    table.add_column(until_heading, max_width=_NARROW_UNTIL if narrow else None)
    table.add_column(rate, justify="right")
    for item in items:
        name = Text(item.name)
        if item.note:
            name.append(f"\n{item.note}", style="dim")
        since, until = _since(item.since), "\n".join(_until(item.until, now))
        if narrow:
            since, until = _broken(since), _broken(until)
        over = isinstance(item.until, datetime) and item.until < now
        table.add_row(item.kind, name, since, Text(until, style="red" if over else ""), _rate(item.usd_per_hour))
    return table


def _broken(dated: str) -> str:
    return re.sub(r"(\d{4}-\d\d-\d\d) ", r"\1\n", dated)


def _lines(items: list[Item], now: datetime) -> list[str]:
    rows = [_HEADINGS] + [
        (
            item.kind,
            f"{item.name} ({item.note})" if item.note else item.name,
            _since(item.since),
            ", ".join(_until(item.until, now)),
            _rate(item.usd_per_hour),
        )
        for item in items
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _since(since: datetime | None) -> str:
    return _moment(since) if since else "unknown"


def _until(until: datetime | str, now: datetime) -> list[str]:
    return [until] if isinstance(until, str) else [_moment(until), _away(until - now)]


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _away(distance: timedelta) -> str:
    over = distance < timedelta()
    minutes = int(abs(distance).total_seconds() // 60)
    if minutes < _HOUR:
        length = f"{minutes} min"
    elif minutes < _DAY:
        length = f"{minutes // _HOUR} h {minutes % _HOUR} min"
    else:
        length = f"{minutes // _DAY} d {minutes % _DAY // _HOUR} h"
    return f"{length} ago" if over else f"in {length}"


def _rate(rate: Rate) -> str:
    return str(rate) if isinstance(rate, NoPrice) else f"{rate:.4f}"


def _total(amount: Total) -> str:
    at_least = "at least " if amount.at_least else ""
    by_use = ", and what bills by use" if amount.by_use else ""
    return f"{at_least}{amount.usd_per_hour:.4f} USD an hour{by_use}"
