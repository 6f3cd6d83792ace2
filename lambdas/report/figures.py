"""What all figures share: Plotly's JSON schema, and colours that the colour-blind tell apart on light and dark.

How a figure looks otherwise is up to page.js.
"""

import html
import textwrap
from collections.abc import Sequence
from typing import Any

Figure = dict[str, Any]
Trace = dict[str, Any]
Axis = dict[str, Any]

BLUE = "#2f80d0"
ORANGE = "#e0761b"
GREEN = "#12a07c"
PURPLE = "#a371d6"
GREY = "#8a93a0"

HEIGHT = 380
_LABEL_WIDTH = 24
_LONGEST_LABEL = 3 * _LABEL_WIDTH
_ROW_HEIGHT = 28
_ROOM_FOR_AXIS = 40
_ROOM_FOR_TEXT = 80


def label(name: str) -> str:
    """A name in a figure: Plotly takes some HTML in its texts for markup. Long ones are wrapped, and cut."""
    short = name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
    return "<br>".join(html.escape(line) for line in textwrap.wrap(short, _LABEL_WIDTH))


def axis(title: str, **options: Any) -> Axis:
    return {"title": {"text": title}, **options}


def rate_axis(title: str) -> Axis:
    """From 0 to 1, with room for what lies on the edge."""
    return axis(title, range=[-0.03, 1.03])


def figure(traces: Sequence[Trace], xaxis: Axis, yaxis: Axis, **layout: Any) -> Figure:
    return {"data": list(traces), "layout": {"height": HEIGHT, "xaxis": xaxis, "yaxis": yaxis, **layout}}


def line(name: str, x: Sequence[Any], y: Sequence[Any], colour: str, **options: Any) -> Trace:
    look = {"color": colour, "width": 2.5, **options.pop("line", {})}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": look, **options}


def reference(name: str, x: Sequence[Any], y: Sequence[Any], colour: str = GREY) -> Trace:
    """A dashed line to compare with."""
    return line(name, x, y, colour, line={"dash": "dash", "width": 1.5}, hoverinfo="skip")


def points(name: str, x: Sequence[Any], y: Sequence[Any], colour: str, **options: Any) -> Trace:
    look = {"color": colour, "size": 10, **options.pop("marker", {})}
    return {"type": "scatter", "mode": "markers", "name": name, "x": x, "y": y, "marker": look, **options}


def bars_by_name(names: Sequence[str], values: Sequence[float], texts: Sequence[str]) -> Figure:
    """Horizontal bars from the top down, at least one, each with a text at its end, which makes an axis needless."""
    rows = list(range(len(names)))
    labels = [label(name) for name in names]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": rows,
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": labels,
        "hovertemplate": "%{customdata}: %{text}<extra></extra>",
        "marker": {"color": BLUE},
    }
    xaxis = {"visible": False, "range": [0, max(values) or 1]}
    return figure([trace], xaxis, name_axis(labels), height=height_of(len(rows)), margin={"r": _ROOM_FOR_TEXT, "b": 16})


def name_axis(labels: Sequence[str]) -> Axis:
    """Rows 0, 1, … from the top down under their names, which may be equal."""
    rows = list(range(len(labels)))
    return {
        "tickvals": rows,
        "ticktext": list(labels),
        "range": [len(rows) - 0.5, -0.5],
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
    }


def height_of(rows: int) -> int:
    return max(HEIGHT - 60, _ROOM_FOR_AXIS + _ROW_HEIGHT * rows)
